//! A share of all files, for processes that index side by side without a word between them.

use std::str::FromStr;

/// One of several shares. In which one a file is follows from its path within its source alone, so every process knows
/// its own, and all of them together have every file once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From 1.
    number: u32,
    of: u32,
}

/// No run is split into more.
const MOST: u32 = 100_000;

impl Share {
    /// Whether the file at this path within its source is in it.
    pub fn holds(self, relative: &[u8]) -> bool {
        let hash = blake3::hash(relative);
        let first = hash.as_bytes().iter().take(8);
        let number = first.fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
        number % u64::from(self.of) == u64::from(self.number - 1)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Share, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if 1 <= number && number <= of && of <= MOST => {
                Ok(Share { number, of })
            }
            _ => Err(format!(
                "{text:?} is no share: expected I/N, the I-th of N from 1/N to N/N, as in 2/4"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_every_file_once_and_about_as_many() {
        let shares: Vec<Share> = (1..=4).map(|n| format!("{n}/4").parse().unwrap()).collect();
        let mut counts = [0; 4];
        for file in 0..4_000 {
            let path = format!("holidays/{file}.jpg");
            let holders: Vec<usize> = (0..4)
                .filter(|at| shares[*at].holds(path.as_bytes()))
                .collect();
            let [holder] = holders[..] else {
                panic!("{path} is in {holders:?}")
            };
            counts[holder] += 1;
        }
        assert!(
            counts.iter().all(|n| (900..1_100).contains(n)),
            "{counts:?}"
        );
        assert!("1/1".parse::<Share>().unwrap().holds(b"any"));
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for wrong in [
            "",
            "1",
            "0/4",
            "5/4",
            "1/0",
            "a/b",
            "-1/2",
            "1/2/3",
            "1/4000000000",
        ] {
            let words = wrong.parse::<Share>().unwrap_err();
            assert!(words.contains("as in 2/4"), "{words}");
        }
    }
}
