//! Making a bitmap by as many threads as it is worth.

use std::num::NonZero;
use std::ops::Range;
use std::thread;

use fovea_index::Bitmap;

/// A bitmap of so many words, which are made range by range; a range of at least `least` words for each thread.
pub(super) fn in_pieces(
    n_words: usize,
    least: usize,
    words: impl Fn(Range<usize>) -> Vec<u64> + Sync,
) -> Bitmap {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let pieces = (n_words / least).clamp(1, cores);
    let words = &words;
    let piece = |i: usize| n_words * i / pieces..n_words * (i + 1) / pieces;
    let all = thread::scope(|scope| {
        let others: Vec<_> = (1..pieces)
            .map(|i| scope.spawn(move || words(piece(i))))
            .collect();
        let mut all = words(piece(0));
        for other in others {
            match other.join() {
                Ok(more) => all.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    Bitmap::from_words(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_in_their_order() {
        for n_words in [0, 1, 7, 1000] {
            let words: Vec<u64> = (0..n_words as u64).collect();
            let made = in_pieces(n_words, 1, |range| words[range].to_vec());
            assert_eq!(made, Bitmap::from_words(words.clone()), "{n_words}");
        }
    }
}
