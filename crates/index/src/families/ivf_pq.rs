//! Lists by k-means, and in them product codes of what the centroid leaves
//! over (Jégou et al. 2011): a few bytes a row. The best by codes are ranked
//! again with the vectors. For collections whose 7-bit codes do not fit memory.
//!
//! A query's product with a coded row is its product with the centroid plus
//! one number of a table for each byte, so that one table serves all cells.

use std::borrow::Cow;

use crate::answer::{Wanted, answer, arriving, is_outgrown, live_rows};
use crate::bitmap::Bitmap;
use crate::block::Block;
use crate::error::Error;
use crate::family::{
    BuildOptions, Built, Family, Index, Parameter, Parameters, SearchOptions, mark_removed,
};
use crate::kernels::Element;
use crate::metric::Metric;
use crate::partition::{MOST_CELLS, Partition, sample};
use crate::product::{Books, WORDS, look_up};
use crate::sections::{Head, Saved, Sections};
use crate::topk::{Scored, TopK};
use crate::vectors::Vectors;
use crate::work::Work;

pub const FAMILY: Family = Family {
    name: "ivf-pq",
    about: "lists by k-means over product codes of a few bytes a row; the least memory",
    effort: "lists that are looked through; eight rows for each are ranked again",
    parameters: &[
        Parameter {
            name: "lists",
            about: "how many, 0 for four times the root of the rows",
            least: 0.0,
            most: MOST_CELLS as f64,
        },
        Parameter {
            name: "bytes",
            about: "of a row's code, 0 for one to eight numbers",
            least: 0.0,
            most: 4096.0,
        },
    ],
    build,
    load,
};

/// Rows that codebooks are learnt from.
const SAMPLE: usize = 16_384;
/// Rows ranked again for each list, and for each of the k.
const RERANKED_A_LIST: usize = 8;
const RERANKED_A_RESULT: usize = 4;

#[derive(Debug)]
struct IvfPq {
    partition: Partition,
    books: Books,
    /// The bytes of each row.
    codes: Block<u8>,
    /// For L2: the squared length of each row as it is coded.
    lengths: Block<f32>,
    /// Bytes that were asked for, 0 for as many as fit.
    asked_bytes: u32,
    metric: Metric,
    removed: Bitmap,
}

fn build(vectors: &Vectors<'_>, options: &BuildOptions<'_>) -> Built {
    options.parameters.check(&FAMILY)?;
    vectors.check_rows(0..vectors.len())?;
    let rows: Vec<u32> = (0..vectors.len()).collect();
    let asked_lists = options.parameters.count("lists", 0) as u32;
    let asked_bytes = options.parameters.count("bytes", 0) as u32;
    let asked = (asked_lists, asked_bytes);
    let index = IvfPq::train(vectors, &rows, vectors.len(), asked, &options.work)?;
    Ok(Box::new(index))
}

fn load(sections: &Sections, vectors: &Vectors<'_>) -> Built {
    let removed = sections.removed(vectors.len())?;
    let partition = Partition::load(sections, vectors, &removed)?;
    let removed = sections.removed(partition.rows())?;
    let dim = partition.points.dim();
    let mut head = sections.head("pq.head")?;
    let bytes = head.take("the bytes of a code", dim as u32)? as usize;
    let asked_bytes = head.take("the bytes asked for", 4096)?;
    if bytes == 0 {
        return Err(Error::damaged("pq.head", "a code has no bytes"));
    }
    let numbers = sections.block::<f32>("pq.books", WORDS * dim)?;
    let rows = partition.rows() as usize;
    let metric = vectors.metric();
    let n_lengths = if metric == Metric::L2 { rows } else { 0 };
    Ok(Box::new(IvfPq {
        books: Books::from_numbers(dim, bytes, &numbers),
        codes: sections.block("pq.codes", rows * bytes)?,
        lengths: sections.block("pq.lengths", n_lengths)?,
        partition,
        asked_bytes,
        metric,
        removed,
    }))
}

impl IvfPq {
    /// Learnt from these live rows, which are put in, of `end` in all.
    fn train(
        vectors: &Vectors<'_>,
        rows: &[u32],
        end: u32,
        (asked_lists, asked_bytes): (u32, u32),
        work: &Work<'_>,
    ) -> Result<IvfPq, Error> {
        let partition = Partition::train(vectors, rows, end, asked_lists, work)?;
        (work.progress)(0.2);
        let dim = partition.points.dim();
        let bytes = match asked_bytes {
            0 => vectors.dim().div_ceil(8),
            asked => (asked as usize).min(dim),
        };
        let drawn = sample(rows, SAMPLE, work.seed ^ 0x7071);
        let cells = partition.assign(vectors, &drawn, work)?;
        let mut residuals = Vec::with_capacity(drawn.len() * dim);
        let mut point = Vec::new();
        for (&row, &cell) in drawn.iter().zip(&cells) {
            residual(&partition, vectors, row, cell, &mut point);
            residuals.extend_from_slice(&point);
        }
        let books = Books::train(dim, bytes, &residuals, work)?;
        let mut index = IvfPq {
            partition,
            books,
            codes: Block::default(),
            lengths: Block::default(),
            asked_bytes,
            metric: vectors.metric(),
            removed: Bitmap::new(),
        };
        index.put(vectors, rows, end, work)?;
        (work.progress)(1.0);
        Ok(index)
    }

    /// Put in rows, of `end` in all; when it is cancelled, nothing is changed.
    fn put(
        &mut self,
        vectors: &Vectors<'_>,
        rows: &[u32],
        end: u32,
        work: &Work<'_>,
    ) -> Result<(), Error> {
        let cells = self.partition.assign(vectors, rows, work)?;
        let encoded = work.map(rows.len(), Vec::new, |point, i| {
            residual(&self.partition, vectors, rows[i], cells[i], point);
            let code = self.books.encode(point);
            let mut decoded = self.centroid(cells[i]).to_vec();
            decoded.resize(point.len(), 0.0);
            self.books.add_decoded(&code, &mut decoded);
            (code, f32::dot(&decoded, &decoded))
        })?;
        let bytes = self.books.bytes();
        let codes = self.codes.to_mut();
        codes.resize(end as usize * bytes, 0);
        let lengths = self.lengths.to_mut();
        if self.metric == Metric::L2 {
            lengths.resize(end as usize, 0.0);
        }
        for (&row, (code, length)) in rows.iter().zip(&encoded) {
            let at = row as usize;
            codes[at * bytes..(at + 1) * bytes].copy_from_slice(code);
            if let Some(place) = lengths.get_mut(at) {
                *place = *length;
            }
        }
        self.partition.put(rows, &cells);
        Ok(())
    }

    /// A cell's centroid; none where nothing was learnt.
    fn centroid(&self, cell: u32) -> &[f32] {
        centroid(&self.partition, cell)
    }

    fn candidates(&self, query: &[f32], effort: u32, k: usize, wanted: &Wanted<'_>) -> Vec<u32> {
        let point = self.partition.points.query(query);
        let table = self.books.table(&point);
        let (table, _) = table.as_chunks::<WORDS>();
        let bytes = self.books.bytes();
        let cells = self.partition.probe(&point, effort);
        let many = cells.len() * RERANKED_A_LIST + k;
        let mut best = TopK::new(many.max(k.saturating_mul(RERANKED_A_RESULT)));
        for cell in cells {
            let base = f32::dot(&point, self.centroid(cell));
            for &row in self.partition.lists.get(cell) {
                if !wanted.has(row) {
                    continue;
                }
                let at = row as usize * bytes;
                let product = base + look_up(table, &self.codes[at..at + bytes]);
                let score = match self.lengths.get(row as usize) {
                    Some(length) => 2.0 * product - length,
                    None => product,
                };
                best.push(row, score);
            }
        }
        best.into_sorted().iter().map(|scored| scored.row).collect()
    }
}

fn centroid(partition: &Partition, cell: u32) -> &[f32] {
    if partition.centroids.len() == 0 {
        return &[];
    }
    partition.centroids.get(cell)
}

/// What a cell's centroid leaves over of a row.
fn residual(
    partition: &Partition,
    vectors: &Vectors<'_>,
    row: u32,
    cell: u32,
    point: &mut Vec<f32>,
) {
    partition.points.copy_row(vectors, row, point);
    for (x, c) in point.iter_mut().zip(centroid(partition, cell)) {
        *x -= c;
    }
}

impl Index for IvfPq {
    fn family(&self) -> &'static Family {
        &FAMILY
    }

    fn parameters(&self) -> Parameters {
        Parameters::default()
            .with("lists", self.partition.lists.len() as u32)
            .with("bytes", self.books.bytes() as u32)
    }

    fn rows(&self) -> u32 {
        self.partition.rows()
    }

    fn removed(&self) -> &Bitmap {
        &self.removed
    }

    fn memory_bytes(&self) -> u64 {
        let books = WORDS * self.partition.points.dim() * size_of::<f32>();
        let rows = self.codes.len() + self.lengths.bytes().len();
        self.partition.memory_bytes() + (books + rows) as u64
    }

    fn default_effort(&self) -> u32 {
        self.partition.default_effort()
    }

    fn efforts(&self) -> Vec<u32> {
        self.partition.efforts()
    }

    fn search(
        &self,
        vectors: &Vectors<'_>,
        query: &[f32],
        options: &SearchOptions<'_>,
    ) -> Result<Vec<Scored>, Error> {
        answer(self, vectors, query, options, |wanted, effort| {
            self.candidates(query, effort, options.k, wanted)
        })
    }

    fn insert(
        &mut self,
        vectors: &Vectors<'_>,
        rows: &[u32],
        work: &Work<'_>,
    ) -> Result<(), Error> {
        let (rows, end) = arriving(self, vectors, rows)?;
        if is_outgrown(self.partition.trained, end) {
            let live = live_rows(end, &self.removed, &rows);
            let asked = (self.partition.asked(), self.asked_bytes);
            let anew = IvfPq::train(vectors, &live, end, asked, work)?;
            self.removed = std::mem::replace(self, anew).removed;
        } else {
            self.put(vectors, &rows, end, work)?;
        }
        rows.iter().for_each(|&row| {
            self.removed.remove(row);
        });
        Ok(())
    }

    fn remove(&mut self, _: &Vectors<'_>, rows: &[u32], _: &Work<'_>) -> Result<(), Error> {
        mark_removed(self.rows(), &mut self.removed, rows)?;
        self.partition.lists.take_out(rows);
        Ok(())
    }

    fn save(&self) -> Saved<'_> {
        let head = Head::new()
            .put(self.books.bytes() as u32)
            .put(self.asked_bytes);
        let removed = bytemuck::cast_slice(self.removed.words());
        let books = self.books.numbers();
        let mut saved: Saved<'_> = vec![
            ("removed", Cow::Borrowed(removed)),
            ("pq.head", head.into_bytes()),
            (
                "pq.books",
                Cow::Owned(bytemuck::cast_slice(&books).to_vec()),
            ),
            ("pq.codes", Cow::Borrowed(self.codes.bytes())),
            ("pq.lengths", Cow::Borrowed(self.lengths.bytes())),
        ];
        self.partition.save(&mut saved);
        saved
    }
}
