//! Augmentation of features: what changing pixels would cost a decoding for, done on what the encoder gave.

use crate::elementwise::{add_scaled, map_rows, normalise};
use crate::error::{Error, expect_option};
use crate::gradient::Pass;
use crate::matrix::Matrix;
use crate::random::{Random, seeded_hash};

/// How features are changed in training. All zero: not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Augmentation {
    /// Share of each feature set to zero, its mean (dropout, Srivastava et al. 2014).
    pub dropout: f32,
    /// Deviation of normal noise added to the standardised feature (Bishop 1995).
    pub noise: f32,
    /// At most so much of another pair is mixed into a pair (mixup, Zhang et al., arXiv:1710.09412). Uniform and at most one
    /// half, so that a pair stays more itself than the other.
    pub mixup: f32,
}

impl Augmentation {
    pub(crate) fn check(&self) -> Result<(), Error> {
        expect_option(
            "dropout",
            (0.0..1.0).contains(&self.dropout),
            "0 up to 1, without 1",
            self.dropout,
        )?;
        expect_option(
            "noise",
            (0.0..=10.0).contains(&self.noise),
            "0 to 10",
            self.noise,
        )?;
        expect_option(
            "mixup",
            (0.0..=0.5).contains(&self.mixup),
            "0 to 0.5",
            self.mixup,
        )
    }

    /// Changes the loaded batch. The numbers of a row depend on the seed and its place alone, not on threads.
    pub(crate) fn apply(&self, pass: &mut Pass, seed: u64, threads: usize) {
        if self.mixup > 0.0 {
            let mut random = Random::keyed(seed, u64::MAX);
            let shares: Vec<f32> = (0..pass.x.rows / 2)
                .map(|_| self.mixup * random.unit())
                .collect();
            mix(&mut pass.x, &shares);
            mix(&mut pass.conse, &shares);
            mix(&mut pass.text_in, &shares);
            let cols = pass.text_in.cols.max(1);
            pass.text_in.data.chunks_exact_mut(cols).for_each(|row| {
                normalise(row);
            });
        }
        self.disturb(&mut pass.x, seed, threads);
    }

    /// Noise, then dropout.
    pub(crate) fn disturb(&self, x: &mut Matrix, seed: u64, threads: usize) {
        if self.noise <= 0.0 && self.dropout <= 0.0 {
            return;
        }
        let cols = x.cols.max(1);
        map_rows(&mut x.data, cols, threads, |first, chunk| {
            for (at, row) in chunk.chunks_exact_mut(cols).enumerate() {
                let mut random = Random::keyed(seed, (first + at) as u64);
                if self.noise > 0.0 {
                    add_noise(row, self.noise, &mut random);
                }
                if self.dropout > 0.0 {
                    drop_out(row, self.dropout, &mut random);
                }
            }
        });
    }
}

/// `n` wordings of a caption, in each of which every word is left out with this probability; the rest keep their order, and one
/// stays at least (the random deletion of Wei and Zou, arXiv:1901.11196). A caption of one word, as one in a language that writes no
/// spaces, stays as it is. Seed and caption decide, whatever other captions there are.
pub fn wordings(caption: &str, share: f32, seed: u64, n: usize) -> Vec<String> {
    let words: Vec<&str> = caption.split_whitespace().collect();
    let mut random = Random::new(seeded_hash(seed, caption));
    let mut wording = || {
        let one = words.get(random.below(words.len().max(1))).copied();
        let kept: Vec<&str> = words
            .iter()
            .filter(|_| random.unit() >= share)
            .copied()
            .collect();
        match (kept.is_empty(), one) {
            (true, Some(one)) => one.to_owned(),
            (true, None) => caption.to_owned(),
            (false, _) => kept.join(" "),
        }
    };
    (0..n).map(|_| wording()).collect()
}

/// Mixes row k of the first half with row k of the second, each with that share of the other.
pub(crate) fn mix(rows: &mut Matrix, shares: &[f32]) {
    let cols = rows.cols.max(1);
    if rows.data.is_empty() {
        return;
    }
    let (first, second) = rows.data.split_at_mut(shares.len() * cols);
    let halves = first
        .chunks_exact_mut(cols)
        .zip(second.chunks_exact_mut(cols));
    for ((a, b), share) in halves.zip(shares) {
        for (a, b) in a.iter_mut().zip(b) {
            (*a, *b) = (*a + share * (*b - *a), *b + share * (*a - *b));
        }
    }
}

fn add_noise(row: &mut [f32], deviation: f32, random: &mut Random) {
    for pair in row.chunks_mut(2) {
        let (first, second) = random.normals();
        add_scaled(pair, deviation, &[first, second]);
    }
}

/// What is kept grows, so that the expected sum stays.
fn drop_out(row: &mut [f32], share: f32, random: &mut Random) {
    let kept = (1.0 - share).recip();
    for value in row {
        *value *= if random.unit() < share { 0.0 } else { kept };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wordings_keep_the_order_and_a_word_at_least() {
        let caption = "a red fox in the snow";
        let all = wordings(caption, 0.4, 7, 200);
        assert_eq!(all, wordings(caption, 0.4, 7, 200));
        assert_ne!(all, wordings(caption, 0.4, 8, 200));
        let mut n_words = 0;
        for wording in &all {
            let mut left = caption.split(' ');
            let is_in_order = wording
                .split(' ')
                .all(|word| left.any(|other| other == word));
            assert!(is_in_order, "{wording}");
            n_words += wording.split(' ').count();
        }
        let share = n_words as f32 / (6.0 * 200.0);
        assert!((0.55..0.65).contains(&share), "{share}");
        assert!(
            wordings(caption, 1.0, 1, 5)
                .iter()
                .all(|one| caption.contains(one.as_str()))
        );
    }

    #[test]
    fn what_has_one_word_or_none_stays() {
        assert_eq!(wordings("红色的圆", 0.9, 0, 2), ["红色的圆"; 2]);
        assert_eq!(wordings("", 0.9, 0, 1), [""]);
        assert_eq!(wordings("two words", 0.0, 0, 1), ["two words"]);
    }
}
