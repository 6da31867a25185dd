//! Vectors as 7-bit codes that integer kernels compare: what a search walks
//! over before it ranks with the vectors themselves.
//!
//! A row is centred, projected where that loses little, and rounded to one
//! step for all its numbers, so that the error of a product is the same in
//! every direction (as in LVQ, Aguerrebere et al. 2023). Codes are 0 to 127
//! around 64; a query keeps its sign and 8 bits. Two uses, one layout:
//! a query's products with rows, and distances between rows.
//!
//! Inner products become distances by one more number a row, which brings all
//! rows to one length (Bachrach et al. 2014); a query has zero there.

use std::borrow::Cow;
use std::ops::Range;

use crate::bitmap::Bitmap;
use crate::block::Block;
use crate::error::Error;
use crate::kernels::{self, CODE_STEP, Element, MOST_CODE, ZERO_CODE};
use crate::metric::Metric;
use crate::projection::{self, Projection, digit_unit};
use crate::sections::{Head, Saved, Sections};
use crate::topk::TopK;
use crate::vectors::Vectors;
use crate::work::{Random, Work};

/// Rows that a quantizer is made from.
const SAMPLE: usize = 4096;
/// Rows of a filtered scan that the memory is asked for ahead.
const AHEAD: usize = 8;
/// Rows whose codes stay in a core's cache while several queries go over them.
const ROWS_A_BLOCK: u32 = 1024;
/// This share of the sampled numbers may lie outside the codes' range, and is cut to it.
const CUT: f64 = 1e-4;

/// How rows become codes.
#[derive(Clone, Debug)]
struct Quantizer {
    dim: usize,
    metric: Metric,
    mean: Vec<f32>,
    projection: Option<Projection>,
    /// Squared length that rows of inner products are brought to.
    lift: f32,
    step: f32,
}

/// The codes of rows.
#[derive(Clone, Debug)]
pub struct Codes {
    quantizer: Quantizer,
    /// Codes of a row, padded.
    stride: usize,
    codes: Block<u8>,
    /// For L2: minus the squared length of each centred row.
    bias: Block<f32>,
}

/// A query, ready to be compared with codes.
#[derive(Clone, Debug)]
pub struct CodedQuery {
    numbers: Vec<i8>,
    scale: f32,
}

impl Quantizer {
    fn train(
        vectors: &Vectors<'_>,
        queries: Option<&Vectors<'_>>,
        code_dim: usize,
        work: &Work<'_>,
    ) -> Result<Quantizer, Error> {
        let dim = vectors.dim();
        let sample = Random::new(work.seed).sample(vectors.len() as usize, SAMPLE);
        let mut rows: Vec<Vec<f32>> = sample.iter().map(|&row| vectors.row(row)).collect();
        let lift = rows
            .iter()
            .map(|row| f32::dot(row, row))
            .fold(0.0, f32::max);
        let mean = mean_of(dim, &rows);
        for row in &mut rows {
            subtract(row, &mean);
        }
        let asked: Vec<Vec<f32>> = match queries {
            Some(queries) => {
                let sample = Random::new(work.seed).sample(queries.len() as usize, SAMPLE);
                sample.iter().map(|&row| queries.row(row)).collect()
            }
            None => Vec::new(),
        };
        let projection = projection::choose(dim, &rows, &asked, code_dim, work)?;
        let mut quantizer = Quantizer {
            dim,
            metric: vectors.metric(),
            mean,
            projection,
            lift,
            step: 1.0,
        };
        let mut numbers: Vec<f32> = Vec::new();
        for &row in &sample {
            numbers.extend(
                quantizer
                    .project_row(&vectors.row(row))
                    .iter()
                    .map(|x| x.abs()),
            );
        }
        quantizer.step = step_for(&mut numbers);
        Ok(quantizer)
    }

    /// Numbers of a row before rounding; for inner products one more than of a query.
    fn project_row(&self, row: &[f32]) -> Vec<f32> {
        let mut centred = row.to_vec();
        subtract(&mut centred, &self.mean);
        let mut numbers = self.apply(&centred).into_owned();
        if self.metric == Metric::InnerProduct {
            let missing = (self.lift - f32::dot(row, row)).max(0.0);
            // Half of the lift in the middle of the range costs the fewest codes.
            numbers.push(missing.sqrt() - self.lift.sqrt() / 2.0);
        }
        numbers
    }

    fn apply<'a>(&self, numbers: &'a [f32]) -> Cow<'a, [f32]> {
        match &self.projection {
            Some(projection) => Cow::Owned(projection.apply(numbers)),
            None => Cow::Borrowed(numbers),
        }
    }

    fn encode_query(&self, query: &[f32], stride: usize) -> CodedQuery {
        let mut centred = query.to_vec();
        if self.metric == Metric::L2 {
            subtract(&mut centred, &self.mean);
        }
        let numbers = self.apply(&centred);
        let unit = digit_unit(&numbers);
        let mut coded: Vec<i8> = numbers.iter().map(|x| (x / unit).round() as i8).collect();
        coded.resize(stride, 0);
        let doubled = if self.metric == Metric::L2 { 2.0 } else { 1.0 };
        CodedQuery {
            numbers: coded,
            scale: unit * self.step * doubled,
        }
    }

    /// Codes of a row, before padding.
    fn n_codes(&self) -> usize {
        let projected = self.projection.as_ref().map_or(self.dim, Projection::len);
        projected + usize::from(self.metric == Metric::InnerProduct)
    }
}

impl Codes {
    /// Learn from a sample and encode every row. `queries` take part in the
    /// choice of what is kept; `code_dim` is how many numbers, 0 for as many
    /// as it takes.
    pub fn build(
        vectors: &Vectors<'_>,
        queries: Option<&Vectors<'_>>,
        code_dim: usize,
        work: &Work<'_>,
    ) -> Result<Codes, Error> {
        let quantizer = Quantizer::train(vectors, queries, code_dim, work)?;
        let mut codes = Codes {
            stride: quantizer.n_codes().next_multiple_of(CODE_STEP),
            quantizer,
            codes: Block::default(),
            bias: Block::default(),
        };
        let rows: Vec<u32> = (0..vectors.len()).collect();
        codes.put(vectors, &rows, work)?;
        Ok(codes)
    }

    /// Encode rows: new ones at the end, or known ones anew.
    pub fn put(
        &mut self,
        vectors: &Vectors<'_>,
        rows: &[u32],
        work: &Work<'_>,
    ) -> Result<(), Error> {
        const RUN: usize = 256;
        let stride = self.stride;
        for runs in rows.chunks(RUN * 64) {
            let encoded = work.map(
                runs.len(),
                || (),
                |(), i| self.encode(&vectors.row(runs[i])),
            )?;
            for (&row, (codes, bias)) in runs.iter().zip(encoded) {
                let at = row as usize;
                let all = self.codes.to_mut();
                all.resize(all.len().max((at + 1) * stride), 0);
                all[at * stride..(at + 1) * stride].copy_from_slice(&codes);
                if let Some(bias) = bias {
                    let all = self.bias.to_mut();
                    all.resize(all.len().max(at + 1), 0.0);
                    all[at] = bias;
                }
            }
        }
        Ok(())
    }

    fn encode(&self, row: &[f32]) -> (Vec<u8>, Option<f32>) {
        let numbers = self.quantizer.project_row(row);
        let code = |x: &f32| {
            (x / self.quantizer.step + ZERO_CODE)
                .round()
                .clamp(0.0, MOST_CODE) as u8
        };
        let mut codes: Vec<u8> = numbers.iter().map(code).collect();
        codes.resize(self.stride, 0);
        let bias =
            (self.quantizer.metric == Metric::L2).then(|| -f32::l2(row, &self.quantizer.mean));
        (codes, bias)
    }

    pub fn rows(&self) -> u32 {
        (self.codes.len() / self.stride) as u32
    }

    /// Bytes of a row's codes.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Numbers that a row keeps.
    pub fn dim(&self) -> usize {
        self.quantizer.n_codes()
    }

    pub fn memory_bytes(&self) -> u64 {
        (self.codes.len() + size_of::<f32>() * self.bias.len()) as u64
    }

    pub fn query(&self, query: &[f32]) -> CodedQuery {
        self.quantizer.encode_query(query, self.stride)
    }

    /// A view for a loop over many rows.
    pub fn view(&self) -> CodesView<'_> {
        CodesView {
            stride: self.stride,
            codes: &self.codes,
            bias: &self.bias,
        }
    }

    /// The rows whose codes score best, best first.
    pub fn nearest(
        &self,
        query: &[f32],
        count: usize,
        rows: u32,
        allowed: Option<&Bitmap>,
    ) -> Vec<u32> {
        let (coded, view) = (self.query(query), self.view());
        let mut best = TopK::new(count);
        match allowed {
            None => (0..rows).for_each(|row| best.push(row, view.score(&coded, row))),
            Some(allowed) => {
                // Rows here and there wait for the memory, unless it is asked ahead.
                let mut ahead = allowed.range(0..rows);
                ahead
                    .by_ref()
                    .take(AHEAD)
                    .for_each(|row| view.prefetch(row));
                for row in allowed.range(0..rows) {
                    if let Some(next) = ahead.next() {
                        view.prefetch(next);
                    }
                    best.push(row, view.score(&coded, row));
                }
            }
        }
        best.into_sorted().iter().map(|scored| scored.row).collect()
    }

    /// The same for several queries over all rows but the removed ones, each row read from memory once for all of them.
    pub fn nearest_to_each(
        &self,
        queries: &[Vec<f32>],
        count: usize,
        removed: &Bitmap,
    ) -> Vec<Vec<u32>> {
        let (view, rows) = (self.view(), self.rows());
        let coded: Vec<CodedQuery> = queries.iter().map(|query| self.query(query)).collect();
        let mut best: Vec<TopK> = queries.iter().map(|_| TopK::new(count)).collect();
        for start in (0..rows).step_by(ROWS_A_BLOCK as usize) {
            let block = start..(start + ROWS_A_BLOCK).min(rows);
            for (coded, best) in coded.iter().zip(&mut best) {
                let live = block.clone().filter(|&row| !removed.contains(row));
                live.for_each(|row| best.push(row, view.score(coded, row)));
            }
        }
        let sorted = best.into_iter().map(TopK::into_sorted);
        sorted
            .map(|sorted| sorted.iter().map(|scored| scored.row).collect())
            .collect()
    }

    pub fn save<'a>(&'a self, saved: &mut Saved<'a>) {
        let projection = self.quantizer.projection.as_ref();
        let head = Head::new()
            .put(projection.map_or(0, Projection::len) as u32)
            .put_f32(projection.map_or(1.0, Projection::step))
            .put_f32(self.quantizer.lift)
            .put_f32(self.quantizer.step);
        let basis = projection.map(Projection::codes).unwrap_or_default();
        let mean = bytemuck::cast_slice(&self.quantizer.mean);
        saved.push(("codes.head", head.into_bytes()));
        saved.push(("codes.mean", Cow::Borrowed(mean)));
        saved.push(("codes.basis", Cow::Borrowed(basis)));
        saved.push(("codes.rows", Cow::Borrowed(self.codes.bytes())));
        saved.push(("codes.bias", Cow::Borrowed(self.bias.bytes())));
    }

    pub fn load(sections: &Sections, vectors: &Vectors<'_>, rows: u32) -> Result<Codes, Error> {
        let (dim, metric) = (vectors.dim(), vectors.metric());
        let mut head = sections.head("codes.head")?;
        let projected = head.take("the projection's length", dim as u32)? as usize;
        let basis_step = head.take_f32("the step of the basis")?;
        let lift = head.take_f32("the lift")?;
        let step = head.take_f32("the step")?;
        if step <= 0.0 || basis_step <= 0.0 {
            return Err(Error::damaged("codes.head", "a step is not positive"));
        }
        let mean: Block<f32> = sections.block("codes.mean", dim)?;
        let basis = load_codes(sections, "codes.basis", projected * Projection::stride(dim))?;
        let projection = Projection::of_codes(dim, basis_step, &basis);
        let quantizer = Quantizer {
            dim,
            metric,
            mean: mean.to_vec(),
            projection,
            lift,
            step,
        };
        let stride = quantizer.n_codes().next_multiple_of(CODE_STEP);
        let codes = load_codes(sections, "codes.rows", rows as usize * stride)?;
        let n_bias = if metric == Metric::L2 { rows } else { 0 };
        let bias = sections.block("codes.bias", n_bias as usize)?;
        Ok(Codes {
            quantizer,
            stride,
            codes,
            bias,
        })
    }
}

/// Codes that kernels may add in 16 bits, which codes above 127 would leave.
fn load_codes(sections: &Sections, name: &'static str, count: usize) -> Result<Block<u8>, Error> {
    let codes = sections.block::<u8>(name, count)?;
    // To the end, because a loop that may stop early is not made wide.
    let most = codes.iter().fold(0, |most, &code| code.max(most));
    if f32::from(most) > MOST_CODE {
        return Err(Error::damaged(name, "a code is above 127"));
    }
    Ok(codes)
}

/// Codes as plain slices, which a loop reads faster than blocks.
#[derive(Clone, Copy, Debug)]
pub struct CodesView<'a> {
    stride: usize,
    codes: &'a [u8],
    bias: &'a [f32],
}

impl<'a> CodesView<'a> {
    pub fn new(stride: usize, codes: &'a [u8], bias: &'a [f32]) -> CodesView<'a> {
        CodesView {
            stride,
            codes,
            bias,
        }
    }

    /// Rows one after the other.
    pub fn of_run(self, rows: Range<usize>) -> CodesView<'a> {
        let bias = self.bias.get(rows.clone()).unwrap_or_default();
        let codes = &self.codes[rows.start * self.stride..rows.end * self.stride];
        CodesView::new(self.stride, codes, bias)
    }

    /// What a row's score has beside the product, where the metric is L2.
    pub fn bias(&self, row: u32) -> Option<f32> {
        self.bias.get(row as usize).copied()
    }

    #[inline]
    pub fn row(&self, row: u32) -> &'a [u8] {
        let at = row as usize * self.stride;
        &self.codes[at..at + self.stride]
    }

    #[inline]
    pub fn prefetch(&self, row: u32) {
        kernels::prefetch(self.row(row));
    }

    /// About the exact score of the row, up to a constant of the query.
    #[inline]
    pub fn score(&self, query: &CodedQuery, row: u32) -> f32 {
        let dot = kernels::dot_codes(&query.numbers, self.row(row)) as f32 * query.scale;
        match self.bias.get(row as usize) {
            Some(bias) => dot + bias,
            None => dot,
        }
    }

    /// The scores of several rows, in their order.
    #[inline]
    pub fn scores(&self, query: &CodedQuery, rows: &[u32], scores: &mut Vec<f32>) {
        kernels::dot_codes_each(&query.numbers, self.codes, rows, scores);
        for (score, &row) in scores.iter_mut().zip(rows) {
            *score = *score * query.scale + self.bias.get(row as usize).unwrap_or(&0.0);
        }
    }

    /// The scores of all rows, in their order.
    #[inline]
    pub fn all_scores(&self, query: &CodedQuery, scores: &mut Vec<f32>) {
        scores.clear();
        scores.resize(self.codes.len() / self.stride, 0.0);
        kernels::dot_codes_run(&query.numbers, self.codes, scores);
        for score in scores.iter_mut() {
            *score *= query.scale;
        }
        for (score, bias) in scores.iter_mut().zip(self.bias) {
            *score += bias;
        }
    }

    /// Minus the squared distance of a row from several others, in steps.
    #[inline]
    pub fn nearness(&self, row: u32, others: &[u32], scores: &mut Vec<f32>) {
        kernels::l2_codes_each(self.row(row), self.codes, others, scores);
        scores.iter_mut().for_each(|score| *score = -*score);
    }

    /// Squared distance of two rows, in steps.
    #[inline]
    pub fn l2(&self, a: u32, b: u32) -> i32 {
        kernels::l2_codes(self.row(a), self.row(b))
    }
}

fn mean_of(dim: usize, rows: &[Vec<f32>]) -> Vec<f32> {
    let mut mean = vec![0.0f64; dim];
    for row in rows {
        for (sum, x) in mean.iter_mut().zip(row) {
            *sum += f64::from(*x);
        }
    }
    let n = rows.len().max(1) as f64;
    mean.into_iter().map(|sum| (sum / n) as f32).collect()
}

fn subtract(row: &mut [f32], mean: &[f32]) {
    for (x, m) in row.iter_mut().zip(mean) {
        *x -= m;
    }
}

/// The step that brings all but a few of these sizes within the codes' range.
fn step_for(sizes: &mut [f32]) -> f32 {
    if sizes.is_empty() {
        return 1.0;
    }
    let at = ((sizes.len() - 1) as f64 * (1.0 - CUT)) as usize;
    let (_, largest, _) = sizes.select_nth_unstable_by(at, f32::total_cmp);
    let step = *largest / (MOST_CODE - ZERO_CODE);
    if step.is_finite() && step > 0.0 {
        step
    } else {
        1.0
    }
}
