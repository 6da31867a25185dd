//! The n-gram averaging network of Google's Universal Sentence Encoder Multilingual v3.
//!
//! Yang et al., "Multilingual Universal Sentence Encoder for Semantic Retrieval" (arXiv:1907.04307), after the
//! deep averaging networks of Iyyer et al. (ACL 2015). Each token has an embedding of 512 numbers; three
//! branches look at windows of 2, 3 and 5 tokens through two convolutions with shortcuts; embedding and branches are
//! normalised, summed over the tokens, divided by the root of their number, and go through a small residual network.

use std::ops::Range;

use crate::error::Error;
use crate::matrix::{add_product, product};
use crate::normalise;
use crate::tensors::{Mapped, TensorFile};

/// Length of a text vector, and of a token's embedding.
pub const DIM: usize = 512;
/// The embedding table was quantised in this many interleaved chunks, each with its own scale.
pub const CHUNKS: usize = 17;
/// Rows of the embedding table, a few more than there are pieces.
pub const VOCABULARY: usize = 7530 * CHUNKS;
/// Width of one branch.
pub const BRANCH: usize = 256;
/// Width of all branches together.
pub const BRANCHES: usize = 3 * BRANCH;
/// Width of embedding and branches together.
pub const WIDE: usize = DIM + BRANCHES;
/// Width of the narrow layers of the last part.
pub const NARROW: usize = 320;
/// Tokens in the window of each branch, and how many of them lie before the token.
pub const WINDOWS: [(usize, usize); 3] = [(2, 0), (3, 1), (5, 2)];
/// Keeps divisions finite; the published model has the same.
const EPSILON: f32 = 1e-12;

/// Names of the dense weights in the pack's file and their shapes, in the order in which they are used.
pub const DENSE: [(&str, usize, usize); 26] = [
    ("scale", 1, CHUNKS),
    ("low", 1, CHUNKS),
    ("project", DIM, BRANCHES),
    ("project_bias", 1, BRANCHES),
    ("project_gain", 1, BRANCHES),
    ("project_shift", 1, BRANCHES),
    ("first_2", 2 * BRANCH, BRANCH),
    ("first_3", 3 * BRANCH, BRANCH),
    ("first_5", 5 * BRANCH, BRANCH),
    ("first_bias_2", 1, BRANCH),
    ("first_bias_3", 1, BRANCH),
    ("first_bias_5", 1, BRANCH),
    ("second_2", 2 * BRANCH, BRANCH),
    ("second_3", 3 * BRANCH, BRANCH),
    ("second_5", 5 * BRANCH, BRANCH),
    ("second_bias_2", 1, BRANCH),
    ("second_bias_3", 1, BRANCH),
    ("second_bias_5", 1, BRANCH),
    ("wide_gain", 1, WIDE),
    ("wide_shift", 1, WIDE),
    ("gather", WIDE, DIM),
    ("gather_bias", 1, DIM),
    ("dense_0", DIM, NARROW),
    ("dense_1", NARROW, NARROW),
    ("dense_2", NARROW, DIM),
    ("dense_3", DIM, DIM),
];
/// The two shortcuts of the last part.
pub const SHORTCUTS: [(&str, usize, usize); 2] =
    [("shortcut_1", DIM, NARROW), ("shortcut_3", NARROW, DIM)];

/// Weights of one branch.
struct Branch {
    window: usize,
    before: usize,
    first: Mapped<f32>,
    first_bias: Mapped<f32>,
    second: Mapped<f32>,
    second_bias: Mapped<f32>,
}

/// The network with its weights, read in place.
pub struct Network {
    table: Mapped<u8>,
    scale: Mapped<f32>,
    low: Mapped<f32>,
    project: [Mapped<f32>; 4],
    branches: [Branch; 3],
    wide_gain: Mapped<f32>,
    wide_shift: Mapped<f32>,
    gather: Mapped<f32>,
    gather_bias: Mapped<f32>,
    dense: [Mapped<f32>; 4],
    shortcuts: [Mapped<f32>; 2],
}

impl Network {
    /// Reads the embedding table of one file and the dense weights of another.
    pub fn new(table: &TensorFile, dense: &TensorFile) -> Result<Self, Error> {
        let get = |name: &str| {
            let known = DENSE
                .iter()
                .chain(&SHORTCUTS)
                .find(|(known, _, _)| *known == name);
            let (_, rows, columns) = known.copied().unwrap_or((name, 0, 0));
            dense.floats(name, rows, columns)
        };
        let branch = |(window, before): (usize, usize)| -> Result<Branch, Error> {
            Ok(Branch {
                window,
                before,
                first: get(&format!("first_{window}"))?,
                first_bias: get(&format!("first_bias_{window}"))?,
                second: get(&format!("second_{window}"))?,
                second_bias: get(&format!("second_bias_{window}"))?,
            })
        };
        Ok(Self {
            table: table.byte_matrix("table", VOCABULARY, DIM)?,
            scale: get("scale")?,
            low: get("low")?,
            project: [
                get("project")?,
                get("project_bias")?,
                get("project_gain")?,
                get("project_shift")?,
            ],
            branches: [
                branch(WINDOWS[0])?,
                branch(WINDOWS[1])?,
                branch(WINDOWS[2])?,
            ],
            wide_gain: get("wide_gain")?,
            wide_shift: get("wide_shift")?,
            gather: get("gather")?,
            gather_bias: get("gather_bias")?,
            dense: [
                get("dense_0")?,
                get("dense_1")?,
                get("dense_2")?,
                get("dense_3")?,
            ],
            shortcuts: [get("shortcut_1")?, get("shortcut_3")?],
        })
    }

    /// The unit vectors of texts given as ids of their pieces. A text's vector is the same to the bit whatever others it
    /// is encoded with; several cost less than each by itself, because the weights are read once.
    pub fn encode(&self, texts: &[Vec<u32>]) -> Vec<Vec<f32>> {
        let tokens: Vec<Range<usize>> = texts
            .iter()
            .scan(0, |end, ids| {
                let start = *end;
                *end += ids.len();
                Some(start..*end)
            })
            .collect();
        let embedded = self.embed(texts.iter().flatten());
        let mut wide = vec![0.0; embedded.len() / DIM * WIDE];
        for (row, embedding) in wide.chunks_exact_mut(WIDE).zip(embedded.chunks_exact(DIM)) {
            row[..DIM].copy_from_slice(embedding);
        }
        let projected = self.projected(&embedded);
        for (index, branch) in self.branches.iter().enumerate() {
            let columns = index * BRANCH..(index + 1) * BRANCH;
            let input: Vec<f32> = projected
                .chunks_exact(BRANCHES)
                .flat_map(|row| row[columns.clone()].iter().copied())
                .collect();
            let inner = branch.layer(&input, &tokens, &branch.first, &branch.first_bias);
            let outer = branch.layer(&inner, &tokens, &branch.second, &branch.second_bias);
            for (row, values) in wide.chunks_exact_mut(WIDE).zip(outer.chunks_exact(BRANCH)) {
                row[DIM + columns.start..DIM + columns.end].copy_from_slice(values);
            }
        }
        layer_norm(&mut wide, WIDE, &self.wide_gain, &self.wide_shift);
        self.finish(&wide, &tokens)
    }

    fn embed<'a>(&self, ids: impl Iterator<Item = &'a u32>) -> Vec<f32> {
        let mut embedded = Vec::new();
        for id in ids {
            let id = *id as usize % VOCABULARY;
            let (scale, low) = (self.scale[id % CHUNKS], self.low[id % CHUNKS]);
            let row = &self.table[id * DIM..(id + 1) * DIM];
            embedded.extend(row.iter().map(|value| f32::from(*value) * scale + low));
        }
        embedded
    }

    fn projected(&self, embedded: &[f32]) -> Vec<f32> {
        let [weights, bias, gain, shift] = &self.project;
        let tokens = embedded.len() / DIM;
        let mut projected = product(embedded, weights, tokens, DIM, BRANCHES);
        projected
            .chunks_exact_mut(BRANCHES)
            .for_each(|row| add(row, bias));
        layer_norm(&mut projected, BRANCHES, gain, shift);
        projected
    }

    /// Sum over the tokens of each text, then projection: both are linear, so one row is projected instead of one for
    /// each token.
    fn finish(&self, wide: &[f32], tokens: &[Range<usize>]) -> Vec<Vec<f32>> {
        let n = tokens.len();
        let mut sums = vec![0.0; n * WIDE];
        for (sum, tokens) in sums.chunks_exact_mut(WIDE).zip(tokens) {
            let rows = &wide[tokens.start * WIDE..tokens.end * WIDE];
            rows.chunks_exact(WIDE).for_each(|row| add(sum, row));
        }
        let mut means = product(&sums, &self.gather, n, WIDE, DIM);
        for (mean, tokens) in means.chunks_exact_mut(DIM).zip(tokens) {
            let count = tokens.len() as f32;
            for (value, bias) in mean.iter_mut().zip(self.gather_bias.iter()) {
                *value = (*value + count * bias) / count.sqrt();
            }
        }
        let mut narrow = product(&means, &self.dense[0], n, DIM, NARROW);
        relu(&mut narrow);
        let mut second = product(&means, &self.shortcuts[0], n, DIM, NARROW);
        add_product(&mut second, &narrow, &self.dense[1], n, NARROW, NARROW);
        relu(&mut second);
        let mut third = product(&second, &self.dense[2], n, NARROW, DIM);
        relu(&mut third);
        let mut last = product(&second, &self.shortcuts[1], n, NARROW, DIM);
        add_product(&mut last, &third, &self.dense[3], n, DIM, DIM);
        last.iter_mut().for_each(|value| *value = value.tanh());
        last.chunks_exact_mut(DIM).for_each(normalise);
        last.chunks_exact(DIM).map(<[f32]>::to_vec).collect()
    }
}

impl Branch {
    /// One convolution over the window, ReLU, and the shortcut. Tokens outside the text count as zero.
    fn layer(
        &self,
        input: &[f32],
        texts: &[Range<usize>],
        weights: &[f32],
        bias: &[f32],
    ) -> Vec<f32> {
        let tokens = input.len() / BRANCH;
        let mut windows = vec![0.0; tokens * self.window * BRANCH];
        let places = texts
            .iter()
            .flat_map(|text| text.clone().map(move |at| (text, at)));
        let rows = windows.chunks_exact_mut(self.window * BRANCH);
        for (row, (text, token)) in rows.zip(places) {
            for (slot, place) in row.chunks_exact_mut(BRANCH).enumerate() {
                let source = (token + slot).checked_sub(self.before);
                if let Some(source) = source.filter(|source| text.contains(source)) {
                    place.copy_from_slice(&input[source * BRANCH..(source + 1) * BRANCH]);
                }
            }
        }
        let mut out = product(&windows, weights, tokens, self.window * BRANCH, BRANCH);
        for (row, shortcut) in out.chunks_exact_mut(BRANCH).zip(input.chunks_exact(BRANCH)) {
            add(row, bias);
            relu(row);
            add(row, shortcut);
        }
        out
    }
}

fn add(row: &mut [f32], other: &[f32]) {
    row.iter_mut()
        .zip(other)
        .for_each(|(value, other)| *value += other);
}

fn relu(row: &mut [f32]) {
    row.iter_mut().for_each(|value| *value = value.max(0.0));
}

/// Layer normalisation (Ba et al., arXiv:1607.06450) of each row of `width` numbers.
fn layer_norm(rows: &mut [f32], width: usize, gain: &[f32], shift: &[f32]) {
    for row in rows.chunks_exact_mut(width) {
        let mean = row.iter().sum::<f32>() / width as f32;
        row.iter_mut().for_each(|value| *value -= mean);
        let variance = row.iter().map(|value| value * value).sum::<f32>() / width as f32;
        let scale = 1.0 / (variance + EPSILON).sqrt();
        for ((value, gain), shift) in row.iter_mut().zip(gain).zip(shift) {
            *value = *value * scale * gain + shift;
        }
    }
}
