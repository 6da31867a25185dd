//! The default above 100,000 rows: a flat graph (Vamana, Subramanya et al.
//! 2019) that is walked over 7-bit codes of few dimensions, with edges for
//! the queries to come, and ranked with the vectors.
//!
//! The files in the order of their work: `links` (who is whose neighbour),
//! `walk` (the one loop), `reach` (what it looks at from a row), `grow` (rows
//! join), `asked` (queries join rows), `repair` (rows leave), `scan` (rows let
//! through without the graph), `search`.

mod asked;
mod grow;
mod links;
mod reach;
mod repair;
mod scan;
mod search;
#[cfg(test)]
mod tests;
mod walk;

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use half::f16;

use self::grow::Choice;
use self::links::Links;
use self::walk::{MOST_ROWS, Scratch};
use crate::answer::is_outgrown;
use crate::bitmap::Bitmap;
use crate::block::Block;
use crate::codes::Codes;
use crate::error::Error;
use crate::family::{
    BuildOptions, Built, Family, Index, Parameter, Parameters, SearchOptions, accept_rows, exact,
    mark_removed,
};
use crate::gathered::Gathered;
use crate::sections::{Head, Saved, Sections};
use crate::topk::Scored;
use crate::vectors::Vectors;
use crate::work::Work;

pub const FAMILY: Family = Family {
    name: "vamana",
    about: "a graph walked over 7-bit codes, with edges for the queries to come",
    effort: "rows kept in sight while walking",
    parameters: &[
        Parameter {
            name: "degree",
            about: "neighbours of a row",
            least: 4.0,
            most: 256.0,
        },
        Parameter {
            name: "asked",
            about: "further neighbours that sample queries join",
            least: 0.0,
            most: 128.0,
        },
        Parameter {
            name: "width",
            about: "rows that neighbours are chosen from",
            least: 8.0,
            most: 2000.0,
        },
        Parameter {
            name: "alpha",
            about: "how much nearer a neighbour must be to stand before another",
            least: 1.0,
            most: 2.0,
        },
        Parameter {
            name: "code_dim",
            about: "numbers of a code, 0 for as many as it takes",
            least: 0.0,
            most: 4096.0,
        },
    ],
    build,
    load,
};

const ASKED: usize = 32;
const WIDTH: usize = 96;
const EFFORT: u32 = 64;
/// One entry for so many rows, and the most there are.
const ROWS_AN_ENTRY: usize = 1600;
const MOST_ENTRIES: usize = 1000;
/// Below this many rows all are compared.
const FEW_ROWS: u32 = 1000;
/// The share of removed rows from which on the graph is mended.
const MEND_FROM: f64 = 0.2;
/// The share of rows that came or left from which on queries join rows again.
const JOIN_FROM: f64 = 0.05;

/// The degree and the alpha that suit vectors of so many numbers. Looking at a row of few numbers costs little beside
/// finding it, and such rows have more near ones that none of the others stands before: more neighbours pay.
fn shape(dim: usize) -> (usize, f32) {
    if dim <= 128 { (64, 1.1) } else { (32, 1.2) }
}

#[derive(Debug)]
struct Vamana {
    graph: Graph,
    choice: Choice,
    /// Numbers of a code that were asked for, 0 for as many as it takes.
    code_dim: usize,
    seed: u64,
    /// The queries that rows are joined for, kept for rows that come later.
    queries: Block<f16>,
    scratches: Scratches,
}

/// What rows change as they come and go.
#[derive(Clone, Debug)]
struct Graph {
    links: Links,
    codes: Codes,
    /// Rows that the codes were made for.
    coded: u32,
    entries: Vec<u32>,
    removed: Bitmap,
    /// Of the removed rows those that the graph still leads through.
    unmended: u64,
    /// Rows that came or left since rows were joined for queries.
    unjoined: u64,
}

/// Memory of walks, one for each search that runs at once.
#[derive(Debug, Default)]
struct Scratches(Mutex<Vec<Scratch>>);

impl Scratches {
    fn take(&self) -> Scratch {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop().unwrap_or_default()
    }

    fn give(&self, scratch: Scratch) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(scratch);
    }
}

fn build(vectors: &Vectors<'_>, options: &BuildOptions<'_>) -> Built {
    Ok(Box::new(built(vectors, options)?))
}

fn built(vectors: &Vectors<'_>, options: &BuildOptions<'_>) -> Result<Vamana, Error> {
    let parameters = &options.parameters;
    parameters.check(&FAMILY)?;
    vectors.check_rows(0..vectors.len())?;
    if vectors.len() > MOST_ROWS {
        return Err(Error::TooManyRows);
    }
    let queries = options
        .queries
        .as_ref()
        .filter(|queries| !queries.is_empty());
    let code_dim = parameters.count("code_dim", 0);
    let asked = if queries.is_some() { ASKED } else { 0 };
    let (degree, alpha) = shape(vectors.dim());
    let mut index = Vamana {
        graph: Graph {
            links: Links::new(
                parameters.count("degree", degree),
                parameters.count("asked", asked),
            ),
            codes: Codes::build(vectors, queries, code_dim, &options.work)?,
            coded: vectors.len(),
            entries: Vec::new(),
            removed: Bitmap::new(),
            unmended: 0,
            unjoined: 0,
        },
        code_dim,
        choice: Choice {
            width: parameters.count("width", WIDTH),
            alpha: parameters.get("alpha").map_or(alpha, |alpha| alpha as f32),
        },
        seed: options.work.seed,
        queries: queries.map(asked::kept).unwrap_or_default().into(),
        scratches: Scratches::default(),
    };
    let rows: Vec<u32> = (0..vectors.len()).collect();
    index.join(&rows, 0, &options.work)?;
    index.join_asked(vectors, &options.work)?;
    Ok(index)
}

fn load(sections: &Sections, vectors: &Vectors<'_>) -> Built {
    let mut head = sections.head("vamana.head")?;
    let rows = head.take("the number of rows", vectors.len().min(MOST_ROWS))?;
    let near = head.take("the degree", 256)? as usize;
    let asked = head.take("the asked degree", 128)? as usize;
    let width = head.take("the width", 2000)? as usize;
    let alpha = head.take_f32("alpha")?;
    let seed = u64::from(head.take("the seed", u32::MAX)?);
    let coded = head.take("the rows that were coded", u32::MAX)?;
    let code_dim = head.take("the numbers of a code", 4096)? as usize;
    let unjoined = u64::from(head.take("the rows that no query knows", u32::MAX)?);
    if near == 0 {
        return Err(Error::damaged("vamana.head", "the degree is zero"));
    }
    let places = sections.block("vamana.links", rows as usize * (near + asked))?;
    let entries = sections.list::<u32>("vamana.entries")?.to_vec();
    if entries.iter().any(|&entry| entry >= rows) || entries.is_empty() && rows > 0 {
        return Err(Error::damaged("vamana.entries", "an entry leads nowhere"));
    }
    let removed = sections.removed(rows)?;
    let queries = sections.list::<f16>("vamana.queries")?;
    let known = Vectors::of_f16(vectors.dim(), vectors.metric(), &queries)?;
    known.check_rows(0..known.len())?;
    Ok(Box::new(Vamana {
        graph: Graph {
            links: Links::load(near, asked, places, rows)?,
            codes: Codes::load(sections, vectors, rows)?,
            coded,
            entries,
            unmended: removed.len(),
            removed,
            unjoined,
        },
        code_dim,
        choice: Choice { width, alpha },
        seed,
        queries,
        scratches: Scratches::default(),
    }))
}

impl Vamana {
    /// Let rows join, whose codes are there, into a graph of `known` rows.
    fn join(&mut self, rows: &[u32], known: usize, work: &Work<'_>) -> Result<(), Error> {
        let order = grow::order(rows, self.seed);
        self.graph.links.grow(self.graph.codes.rows());
        let wanted = (self.graph.codes.rows() as usize / ROWS_AN_ENTRY).clamp(1, MOST_ENTRIES);
        // The first to join are the entries: they are far apart, and reach the whole graph.
        let missing = wanted.saturating_sub(self.graph.entries.len());
        self.graph.entries.extend(order.iter().take(missing));
        grow::join(
            &mut self.graph.links,
            self.graph.codes.view(),
            &self.graph.entries,
            &order,
            known,
            self.choice,
            work,
        )
    }

    /// Rows that may come, of which there are `end` then; what fails half-way is the caller's to undo.
    fn take_in(
        &mut self,
        vectors: &Vectors<'_>,
        rows: &[u32],
        end: u32,
        work: &Work<'_>,
    ) -> Result<(), Error> {
        // A row that comes back with another vector must not be where the old one was.
        if self.graph.unmended > 0 && rows.iter().any(|&row| self.graph.removed.contains(row)) {
            self.mend(work)?;
        }
        let known = u64::from(self.rows()) - self.graph.removed.len();
        for &row in rows {
            self.graph.removed.remove(row);
        }
        if is_outgrown(self.graph.coded, end) {
            self.begin_anew(vectors, end, work)?;
            return self.join_asked(vectors, work);
        }
        self.graph.codes.put(vectors, rows, work)?;
        self.join(rows, known as usize, work)?;
        self.graph.unjoined += rows.len() as u64;
        self.join_when_due(vectors, work)
    }

    /// Join rows for the queries, as they are now.
    fn join_asked(&mut self, vectors: &Vectors<'_>, work: &Work<'_>) -> Result<(), Error> {
        let queries = Vectors::of_f16(vectors.dim(), vectors.metric(), &self.queries)?;
        if !queries.is_empty() && self.graph.links.asked > 0 {
            asked::join_asked(
                &mut self.graph.links,
                &self.graph.codes,
                &self.graph.removed,
                vectors,
                &queries,
                self.choice.alpha,
                work,
            )?;
        }
        self.graph.unjoined = 0;
        Ok(())
    }

    /// The same, once enough rows came and left.
    fn join_when_due(&mut self, vectors: &Vectors<'_>, work: &Work<'_>) -> Result<(), Error> {
        if self.graph.unjoined as f64 > JOIN_FROM * f64::from(self.rows()) {
            self.join_asked(vectors, work)?;
        }
        Ok(())
    }

    /// Codes that were made for few rows say little of many: all is made again.
    fn begin_anew(
        &mut self,
        vectors: &Vectors<'_>,
        end: u32,
        work: &Work<'_>,
    ) -> Result<(), Error> {
        let queries = Vectors::of_f16(vectors.dim(), vectors.metric(), &self.queries)?;
        let queries = (!queries.is_empty()).then_some(&queries);
        self.graph.codes = Codes::build(vectors, queries, self.code_dim, work)?;
        self.graph.coded = end;
        self.graph.entries.clear();
        self.graph.unmended = 0;
        let (near, asked) = (self.graph.links.near, self.graph.links.asked);
        self.graph.links = Links::new(near, asked);
        let live: Vec<u32> = (0..end)
            .filter(|row| !self.graph.removed.contains(*row))
            .collect();
        self.join(&live, 0, work)
    }

    /// Take the removed rows out of the graph.
    fn mend(&mut self, work: &Work<'_>) -> Result<(), Error> {
        repair::mend(
            &mut self.graph.links,
            self.graph.codes.view(),
            &self.graph.removed,
            self.choice,
            work,
        )?;
        let wanted = self.graph.entries.len();
        self.graph
            .entries
            .retain(|&entry| !self.graph.removed.contains(entry));
        let live = (0..self.rows()).filter(|&row| !self.graph.removed.contains(row));
        let step = (self.rows() as usize / wanted.max(1)).max(1);
        let more: Vec<u32> = live
            .step_by(step)
            .filter(|row| !self.graph.entries.contains(row))
            .take(wanted - self.graph.entries.len())
            .collect();
        self.graph.entries.extend(more);
        self.graph.unjoined += self.graph.unmended;
        self.graph.unmended = 0;
        Ok(())
    }
}

impl Index for Vamana {
    fn family(&self) -> &'static Family {
        &FAMILY
    }

    fn parameters(&self) -> Parameters {
        Parameters::default()
            .with("degree", self.graph.links.near as u32)
            .with("asked", self.graph.links.asked as u32)
            .with("width", self.choice.width as u32)
            .with("alpha", (f64::from(self.choice.alpha) * 1e3).round() / 1e3)
            .with("code_dim", self.graph.codes.dim() as u32)
    }

    fn rows(&self) -> u32 {
        self.graph.links.rows()
    }

    fn removed(&self) -> &Bitmap {
        &self.graph.removed
    }

    fn memory_bytes(&self) -> u64 {
        let links = self.graph.links.bytes().len() + self.queries.bytes().len();
        links as u64 + self.graph.codes.memory_bytes()
    }

    fn default_effort(&self) -> u32 {
        EFFORT
    }

    fn efforts(&self) -> Vec<u32> {
        let mut efforts: Vec<u32> = (10..40).step_by(3).collect();
        efforts.extend((40..100).step_by(6));
        efforts.extend((100..400).step_by(20));
        efforts.extend((400..=2000).step_by(100));
        efforts
    }

    fn search(
        &self,
        vectors: &Vectors<'_>,
        query: &[f32],
        options: &SearchOptions<'_>,
    ) -> Result<Vec<Scored>, Error> {
        vectors.check_query(query)?;
        let live = u64::from(self.rows()) - self.graph.removed.len();
        if options.k == 0 {
            return Ok(Vec::new());
        }
        if self.rows() <= FEW_ROWS || options.k as u64 >= live {
            let allowed = match options.allowed {
                Some(allowed) => allowed.without(&self.graph.removed),
                None => Bitmap::full(self.rows()).without(&self.graph.removed),
            };
            return Ok(exact(
                vectors,
                self.rows(),
                query,
                options.k,
                Some(&allowed),
            ));
        }
        let width = options.effort_of(self) as usize;
        Ok(self.find(vectors, query, width, options))
    }

    fn gather(&self, allowed: &Bitmap) -> Option<Gathered> {
        self.gathered(allowed)
    }

    fn insert(
        &mut self,
        vectors: &Vectors<'_>,
        rows: &[u32],
        work: &Work<'_>,
    ) -> Result<(), Error> {
        let end = accept_rows(vectors, self.rows(), &self.graph.removed, rows)?;
        if end > MOST_ROWS {
            return Err(Error::TooManyRows);
        }
        let before = self.graph.clone();
        let taken = self.take_in(vectors, rows, end, work);
        if taken.is_err() {
            self.graph = before;
        }
        taken
    }

    fn remove(
        &mut self,
        vectors: &Vectors<'_>,
        rows: &[u32],
        work: &Work<'_>,
    ) -> Result<(), Error> {
        let (removed, unmended) = (self.graph.removed.clone(), self.graph.unmended);
        mark_removed(self.rows(), &mut self.graph.removed, rows)?;
        self.graph.unmended += self.graph.removed.len() - removed.len();
        if self.graph.unmended as f64 <= MEND_FROM * f64::from(self.rows()) {
            return Ok(());
        }
        let before = Graph {
            removed,
            unmended,
            ..self.graph.clone()
        };
        let mended = self.mend(work);
        let joined = mended.and_then(|()| self.join_when_due(vectors, work));
        if joined.is_err() {
            self.graph = before;
        }
        joined
    }

    fn save(&self) -> Saved<'_> {
        let head = Head::new()
            .put(self.rows())
            .put(self.graph.links.near as u32)
            .put(self.graph.links.asked as u32)
            .put(self.choice.width as u32)
            .put_f32(self.choice.alpha)
            .put(self.seed as u32)
            .put(self.graph.coded)
            .put(self.code_dim as u32)
            .put(self.graph.unjoined.min(u64::from(u32::MAX)) as u32);
        let mut saved: Saved<'_> = vec![
            ("vamana.head", head.into_bytes()),
            ("vamana.links", Cow::Borrowed(self.graph.links.bytes())),
            (
                "vamana.entries",
                Cow::Borrowed(bytemuck::cast_slice(&self.graph.entries)),
            ),
            ("vamana.queries", Cow::Borrowed(self.queries.bytes())),
            (
                "removed",
                Cow::Borrowed(bytemuck::cast_slice(self.graph.removed.words())),
            ),
        ];
        self.graph.codes.save(&mut saved);
        saved
    }
}
