//! Locality-sensitive hashing by random hyperplanes (Charikar 2002) in
//! several tables, each probed at the buckets that a query nearly fell into
//! (multi-probe, Lv et al. 2007). It learns nothing but the middle of the
//! rows; for teaching and comparing, and for rows that change all the time.

mod probes;

use std::borrow::Cow;

use self::probes::{Probes, bucket};
use crate::answer::{Seen, Wanted, answer, arriving, efforts, is_outgrown, live_rows};
use crate::bitmap::Bitmap;
use crate::error::Error;
use crate::family::{
    BuildOptions, Built, Family, Index, Parameter, Parameters, SearchOptions, mark_removed,
};
use crate::kernels::Element;
use crate::lists::Lists;
use crate::partition::sample;
use crate::points::Points;
use crate::sections::{Head, Saved, Sections};
use crate::topk::Scored;
use crate::vectors::Vectors;
use crate::work::{Random, Work};

pub const FAMILY: Family = Family {
    name: "lsh",
    about: "random hyperplanes in several tables; learns next to nothing from the rows",
    effort: "buckets of each table that are looked into",
    parameters: &[
        Parameter {
            name: "tables",
            about: "how many",
            least: 1.0,
            most: 256.0,
        },
        Parameter {
            name: "bits",
            about: "hyperplanes of a table, 0 for eight rows a bucket",
            least: 0.0,
            most: 24.0,
        },
    ],
    build,
    load,
};

const TABLES: usize = 16;
const MOST_TABLES: u32 = 256;
const MOST_BITS: u32 = 24;
const ROWS_A_BUCKET: u32 = 8;
const EFFORT: u32 = 24;
/// Rows that the middle is taken of.
const SAMPLE: usize = 4096;

#[derive(Debug)]
struct Lsh {
    points: Points,
    bits: usize,
    /// Bits that were asked for, 0 for as many as fit.
    asked_bits: u32,
    trained: u32,
    /// Normals of all hyperplanes, those of a table one after the other.
    planes: Vec<f32>,
    /// Where along its normal each lies: through the middle of the rows.
    cuts: Vec<f32>,
    tables: Vec<Lists>,
    removed: Bitmap,
}

fn build(vectors: &Vectors<'_>, options: &BuildOptions<'_>) -> Built {
    options.parameters.check(&FAMILY)?;
    vectors.check_rows(0..vectors.len())?;
    let rows: Vec<u32> = (0..vectors.len()).collect();
    let tables = options.parameters.count("tables", TABLES);
    let asked_bits = options.parameters.count("bits", 0) as u32;
    let asked = (tables, asked_bits);
    let index = Lsh::train(vectors, &rows, vectors.len(), asked, &options.work)?;
    Ok(Box::new(index))
}

fn load(sections: &Sections, vectors: &Vectors<'_>) -> Built {
    let mut head = sections.head("lsh.head")?;
    let rows = head.take("the number of rows", vectors.len())?;
    let n_tables = head.take("the number of tables", MOST_TABLES)? as usize;
    if n_tables == 0 {
        return Err(Error::damaged("lsh.head", "there are no tables"));
    }
    // Buckets are allocated: never more than there are rows.
    let bits = head.take("the bits of a table", most_bits(rows))? as usize;
    let asked_bits = head.take("the bits asked for", MOST_BITS)?;
    let trained = head.take("the rows learnt from", u32::MAX)?;
    let points = Points::with_lift(vectors, head.take_f32("the lift")?);
    let n_planes = n_tables * bits;
    let planes = sections.block::<f32>("lsh.planes", n_planes * points.dim())?;
    let cuts = sections.block::<f32>("lsh.cuts", n_planes)?;
    let places = sections.block::<u32>("lsh.places", n_tables * rows as usize)?;
    let removed = sections.removed(rows)?;
    let mut tables = Vec::new();
    for table in 0..n_tables {
        let places = &places[table * rows as usize..(table + 1) * rows as usize];
        tables.push(Lists::load("lsh.places", 1 << bits, places, &removed)?);
    }
    Ok(Box::new(Lsh {
        points,
        bits,
        asked_bits,
        trained,
        planes: planes.to_vec(),
        cuts: cuts.to_vec(),
        tables,
        removed,
    }))
}

/// Bits that give no more buckets than there are rows.
fn most_bits(rows: u32) -> u32 {
    rows.max(1).ilog2().min(MOST_BITS)
}

impl Lsh {
    /// Learnt from these live rows, which are put in, of `end` in all.
    fn train(
        vectors: &Vectors<'_>,
        rows: &[u32],
        end: u32,
        (n_tables, asked_bits): (usize, u32),
        work: &Work<'_>,
    ) -> Result<Lsh, Error> {
        let points = Points::of(vectors, rows, work)?;
        let n = rows.len() as u32;
        let bits = match asked_bits {
            0 => most_bits(n / ROWS_A_BUCKET),
            asked => asked.min(most_bits(n)),
        };
        let n_planes = n_tables * bits as usize;
        let mut random = Random::new(work.seed ^ 0x6c73);
        let planes = (0..n_planes * points.dim()).map(|_| random.normal());
        let planes: Vec<f32> = planes.collect();
        let middle = middle(&points, vectors, &sample(rows, SAMPLE, work.seed ^ 0x6d69));
        let cuts = planes.chunks_exact(points.dim());
        let cuts = cuts.map(|plane| f32::dot(plane, &middle)).collect();
        let mut index = Lsh {
            points,
            bits: bits as usize,
            asked_bits,
            trained: n,
            planes,
            cuts,
            tables: vec![Lists::new(1 << bits); n_tables],
            removed: Bitmap::new(),
        };
        index.put(vectors, rows, end, work)?;
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
        let buckets = work.map(rows.len(), Vec::new, |point, i| {
            self.points.copy_row(vectors, rows[i], point);
            let tables = 0..self.tables.len();
            let buckets = tables.map(|table| bucket(&self.margins(table, point)));
            buckets.collect::<Vec<u32>>()
        })?;
        for (at, table) in self.tables.iter_mut().enumerate() {
            table.resize(end);
            for (&row, buckets) in rows.iter().zip(&buckets) {
                table.put(row, buckets[at]);
            }
        }
        (work.progress)(1.0);
        Ok(())
    }

    /// On which side of each hyperplane of a table a point lies, and how far.
    fn margins(&self, table: usize, point: &[f32]) -> Vec<f32> {
        let planes = table * self.bits..(table + 1) * self.bits;
        planes
            .map(|at| {
                let plane = &self.planes[at * point.len()..(at + 1) * point.len()];
                f32::dot(point, plane) - self.cuts[at]
            })
            .collect()
    }

    fn candidates(&self, query: &[f32], effort: u32, wanted: &Wanted<'_>) -> Vec<u32> {
        let point = self.points.query(query);
        let mut seen = Seen::new(self.rows());
        let mut candidates = Vec::new();
        for (at, table) in self.tables.iter().enumerate() {
            let probes = Probes::new(&self.margins(at, &point));
            for bucket in probes.take(effort as usize) {
                for &row in table.get(bucket) {
                    if seen.note(row) && wanted.has(row) {
                        candidates.push(row);
                    }
                }
            }
        }
        candidates
    }
}

/// The middle of rows, as points.
fn middle(points: &Points, vectors: &Vectors<'_>, rows: &[u32]) -> Vec<f32> {
    let mut sums = vec![0.0f64; points.dim()];
    let mut point = Vec::new();
    for &row in rows {
        points.copy_row(vectors, row, &mut point);
        for (sum, x) in sums.iter_mut().zip(&point) {
            *sum += f64::from(*x);
        }
    }
    let n = rows.len().max(1) as f64;
    sums.into_iter().map(|sum| (sum / n) as f32).collect()
}

impl Index for Lsh {
    fn family(&self) -> &'static Family {
        &FAMILY
    }

    fn parameters(&self) -> Parameters {
        Parameters::default()
            .with("tables", self.tables.len() as u32)
            .with("bits", self.bits as u32)
    }

    fn rows(&self) -> u32 {
        self.tables
            .first()
            .map_or(0, |table| table.places().len() as u32)
    }

    fn removed(&self) -> &Bitmap {
        &self.removed
    }

    fn memory_bytes(&self) -> u64 {
        let tables: u64 = self.tables.iter().map(Lists::memory_bytes).sum();
        tables + size_of_val(self.planes.as_slice()) as u64
    }

    fn default_effort(&self) -> u32 {
        EFFORT
    }

    fn efforts(&self) -> Vec<u32> {
        efforts(1, 1 << (self.bits as u32).saturating_sub(2).clamp(2, 8))
    }

    fn search(
        &self,
        vectors: &Vectors<'_>,
        query: &[f32],
        options: &SearchOptions<'_>,
    ) -> Result<Vec<Scored>, Error> {
        answer(self, vectors, query, options, |wanted, effort| {
            self.candidates(query, effort, wanted)
        })
    }

    fn insert(
        &mut self,
        vectors: &Vectors<'_>,
        rows: &[u32],
        work: &Work<'_>,
    ) -> Result<(), Error> {
        let (rows, end) = arriving(self, vectors, rows)?;
        if is_outgrown(self.trained, end) {
            let live = live_rows(end, &self.removed, &rows);
            let asked = (self.tables.len(), self.asked_bits);
            let anew = Lsh::train(vectors, &live, end, asked, work)?;
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
        self.tables
            .iter_mut()
            .for_each(|table| table.take_out(rows));
        Ok(())
    }

    fn save(&self) -> Saved<'_> {
        let head = Head::new()
            .put(self.rows())
            .put(self.tables.len() as u32)
            .put(self.bits as u32)
            .put(self.asked_bits)
            .put(self.trained)
            .put_f32(self.points.lift());
        let places = self.tables.iter().flat_map(|table| table.places());
        let places: Vec<u32> = places.copied().collect();
        let removed = bytemuck::cast_slice(self.removed.words());
        vec![
            ("lsh.head", head.into_bytes()),
            ("removed", Cow::Borrowed(removed)),
            (
                "lsh.planes",
                Cow::Borrowed(bytemuck::cast_slice(&self.planes)),
            ),
            ("lsh.cuts", Cow::Borrowed(bytemuck::cast_slice(&self.cuts))),
            (
                "lsh.places",
                Cow::Owned(bytemuck::cast_slice(&places).to_vec()),
            ),
        ]
    }
}
