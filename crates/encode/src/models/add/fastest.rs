//! Which of a model's precisions sees fastest on this machine, of those that see and read as the plain one does.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Addition, assemble, layout, put, read, trial};
use crate::error::Error;
use crate::{Encoder, Pack, normalise};

/// What `--precision` says for it.
pub const FASTEST: &str = "fastest";
/// Cosine that vectors of another precision have with those of the plain one, at least: the built-in picture and sentence.
const SAME: f32 = 0.99;
/// Another precision has to be so much faster.
const GAIN: f64 = 1.1;
/// The fastest of so many runs counts: whatever runs beside only slows.
const RUNS: usize = 5;

/// What one precision made of the built-in picture and sentence.
struct Tried {
    precision: String,
    seen: Vec<f32>,
    said: Vec<f32>,
    took: Duration,
}

/// Puts each precision together in `partial`, which is gone afterwards, and times it. One that cannot be used is none to choose.
pub fn choose(
    partial: &Path,
    name: &str,
    addition: Addition<'_>,
    (base, runtime): (&Pack, &assemble::Runtime),
) -> Result<String, Error> {
    let all = layout::precisions(addition.folder)?;
    let [first, others @ ..] = &all[..] else {
        return Ok(String::new());
    };
    let attempt = |precision: &String| {
        let made = tried(partial, name, addition, precision, (base, runtime));
        // Whatever it was, the next one begins with nothing there.
        let _ = fs::remove_dir_all(partial);
        made
    };
    // The plain files come first where there are some, and have to work.
    let plain = attempt(first)?;
    let others = others
        .iter()
        .filter_map(|precision| attempt(precision).ok());
    let is_same = |one: &Tried| agree(&one.seen, &plain.seen) && agree(&one.said, &plain.said);
    let fastest = others.filter(is_same).min_by_key(|one| one.took);
    let is_worth = |one: &Tried| plain.took.as_secs_f64() >= GAIN * one.took.as_secs_f64();
    Ok(match fastest.filter(is_worth) {
        Some(one) => one.precision,
        None => plain.precision,
    })
}

fn tried(
    partial: &Path,
    name: &str,
    addition: Addition<'_>,
    precision: &str,
    (base, runtime): (&Pack, &assemble::Runtime),
) -> Result<Tried, Error> {
    let mut model = read(addition.folder, Some(precision), base)?;
    put(partial, name, addition, &mut model, (base, runtime))?;
    let pack = Pack::open(partial)?;
    let picture = trial::picture();
    let planes = pack.planes(&picture);
    let mut seen = pack.feature_of_planes(&planes)?;
    normalise(&mut seen);
    let mut took = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        pack.feature_of_planes(&planes)?;
        took = took.min(start.elapsed());
    }
    Ok(Tried {
        precision: precision.to_owned(),
        seen,
        said: pack.text_vector(trial::SENTENCE)?,
        took,
    })
}

fn agree(one: &[f32], other: &[f32]) -> bool {
    one.len() == other.len() && one.iter().zip(other).map(|(a, b)| a * b).sum::<f32>() >= SAME
}
