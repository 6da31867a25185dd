//! A split of labelled examples in which every class has its share on both sides.

use std::collections::BTreeMap;

use crate::matrix::Matrix;
use crate::random::Random;

/// Training and validation rows, in order. With several labels the rarest of an example decides (in the spirit of Sechidis
/// et al. 2011), since it is the rare ones that a random split would lose. A class of one example stays in training.
pub(crate) fn stratified(targets: &Matrix, share: f64, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let mut counts = vec![0usize; targets.cols];
    for row in 0..targets.rows {
        counts
            .iter_mut()
            .zip(targets.row(row))
            .for_each(|(count, target)| *count += usize::from(*target > 0.5));
    }
    let mut strata: BTreeMap<Option<usize>, Vec<u32>> = BTreeMap::new();
    for row in 0..targets.rows {
        let labels = (0..targets.cols).filter(|class| targets.row(row)[*class] > 0.5);
        strata
            .entry(labels.min_by_key(|class| counts[*class]))
            .or_default()
            .push(row as u32);
    }
    let mut random = Random::keyed(seed, 3);
    let (mut train, mut validation) = (Vec::new(), Vec::new());
    for rows in strata.values_mut() {
        random.shuffle(rows);
        let wanted = (share * rows.len() as f64).round() as usize;
        let least = usize::from(share > 0.0 && rows.len() > 1);
        let (first, rest) = rows.split_at(wanted.clamp(least, rows.len() - 1));
        validation.extend(first);
        train.extend(rest);
    }
    train.sort_unstable();
    validation.sort_unstable();
    (train, validation)
}
