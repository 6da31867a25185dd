//! What an index file says of itself, as lines of `key=value`: whose rows it
//! covers, how it was built and why.

use std::collections::BTreeMap;

/// The section `meta`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Meta {
    /// Names database, collection and space: an index of another is never used.
    pub(super) identity: String,
    pub(super) dim: usize,
    pub(super) family: String,
    /// As asked for, as in `degree=64`; what came of it the index knows.
    pub(super) asked: String,
    pub(super) why: String,
    pub(super) build_ms: u64,
    /// Sample queries that it was built for.
    pub(super) n_queries: u64,
}

impl Meta {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let lines = [
            ("identity", self.identity.clone()),
            ("dim", self.dim.to_string()),
            ("family", self.family.clone()),
            ("asked", self.asked.clone()),
            ("why", self.why.clone()),
            ("build_ms", self.build_ms.to_string()),
            ("n_queries", self.n_queries.to_string()),
        ];
        let lines = lines
            .iter()
            .map(|(key, value)| format!("{key}={}\n", value.replace('\n', " ")));
        lines.collect::<String>().into_bytes()
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Meta, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "its notes are no text".to_owned())?;
        let pairs: BTreeMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .collect();
        let of = |key: &str| pairs.get(key).map(|value| (*value).to_owned());
        let text = |key: &str| of(key).ok_or_else(|| format!("it does not say its {key}"));
        let number = |key: &str| -> Result<u64, String> {
            let value = text(key)?;
            value.parse().map_err(|_| format!("its {key} is {value:?}"))
        };
        Ok(Meta {
            identity: text("identity")?,
            dim: usize::try_from(number("dim")?).map_err(|error| error.to_string())?,
            family: text("family")?,
            asked: text("asked")?,
            why: text("why")?,
            build_ms: number("build_ms")?,
            n_queries: number("n_queries")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read() {
        let meta = Meta {
            identity: "1/2/3".to_owned(),
            dim: 512,
            family: "vamana".to_owned(),
            asked: "degree=64".to_owned(),
            why: "more than\n100,000".to_owned(),
            build_ms: 12,
            n_queries: 1000,
        };
        let read = Meta::parse(&meta.to_bytes()).expect("what was written");
        assert_eq!(read.why, "more than 100,000");
        assert_eq!(
            Meta {
                why: meta.why.clone(),
                ..read
            },
            meta
        );
        assert!(Meta::parse(b"dim=x").is_err());
        assert!(Meta::parse(&[0xff]).is_err());
    }
}
