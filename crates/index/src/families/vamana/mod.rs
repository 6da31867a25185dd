//! The default above 100,000 rows: a flat graph (Vamana, Subramanya et al.
//! 2019) that is walked over 7-bit codes of few dimensions, with edges for
//! the queries to come, and ranked with the vectors.
//!
//! The files in the order of their work: `links` (who is whose neighbour),
//! `walk` (the one loop), `grow` (rows join), `asked` (queries join rows),
//! `repair` (rows leave), `search`.

mod asked;
mod grow;
mod links;
mod repair;
mod search;
mod walk;

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use self::grow::Choice;
use self::links::Links;
use self::walk::{MOST_ROWS, Scratch};
use crate::bitmap::Bitmap;
use crate::codes::Codes;
use crate::error::Error;
use crate::family::{
    BuildOptions, Built, Family, Index, Parameter, Parameters, SearchOptions, accept_rows, exact,
    mark_removed,
};
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

const DEGREE: usize = 40;
const ASKED: usize = 24;
const WIDTH: usize = 96;
const ALPHA: f32 = 1.2;
const EFFORT: u32 = 64;
/// One entry for so many rows, and the most there are.
const ROWS_AN_ENTRY: usize = 1500;
const MOST_ENTRIES: usize = 256;
/// Below this many rows all are compared.
const FEW_ROWS: u32 = 1000;
/// The share of removed rows from which on the graph is mended.
const MEND_FROM: f64 = 0.2;

#[derive(Debug)]
struct Vamana {
    links: Links,
    codes: Codes,
    entries: Vec<u32>,
    removed: Bitmap,
    /// Of the removed rows those that the graph still leads through.
    unmended: u64,
    choice: Choice,
    seed: u64,
    scratches: Scratches,
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
    let parameters = &options.parameters;
    parameters.check(&FAMILY)?;
    vectors.check_rows(0..vectors.len())?;
    if vectors.len() > MOST_ROWS {
        return Err(Error::TooManyRows);
    }
    let queries = options.queries.as_ref();
    let code_dim = parameters.count("code_dim", 0);
    let asked = if queries.is_some() { ASKED } else { 0 };
    let mut index = Vamana {
        links: Links::new(
            parameters.count("degree", DEGREE),
            parameters.count("asked", asked),
        ),
        codes: Codes::build(vectors, queries, code_dim, &options.work)?,
        entries: Vec::new(),
        removed: Bitmap::new(),
        unmended: 0,
        choice: Choice {
            width: parameters.count("width", WIDTH),
            alpha: parameters.get("alpha").map_or(ALPHA, |alpha| alpha as f32),
        },
        seed: options.work.seed,
        scratches: Scratches::default(),
    };
    let rows: Vec<u32> = (0..vectors.len()).collect();
    index.join(&rows, 0, &options.work)?;
    if let Some(queries) = queries {
        asked::join_asked(
            &mut index.links,
            &index.codes,
            vectors,
            queries,
            &index.entries,
            index.choice.alpha,
            &options.work,
        )?;
    }
    Ok(Box::new(index))
}

fn load(sections: &Sections, vectors: &Vectors<'_>) -> Built {
    let mut head = sections.head("vamana.head")?;
    let rows = head.take("the number of rows", vectors.len().min(MOST_ROWS))?;
    let near = head.take("the degree", 256)? as usize;
    let asked = head.take("the asked degree", 128)? as usize;
    let width = head.take("the width", 2000)? as usize;
    let alpha = head.take_f32("alpha")?;
    let seed = u64::from(head.take("the seed", u32::MAX)?);
    if near == 0 {
        return Err(Error::damaged("vamana.head", "the degree is zero"));
    }
    let places = sections.block("vamana.links", rows as usize * (near + asked))?;
    let entries = sections.list::<u32>("vamana.entries")?.to_vec();
    if entries.iter().any(|&entry| entry >= rows) || entries.is_empty() && rows > 0 {
        return Err(Error::damaged("vamana.entries", "an entry leads nowhere"));
    }
    let removed = sections.removed(rows)?;
    Ok(Box::new(Vamana {
        links: Links::load(near, asked, places, rows)?,
        codes: Codes::load(sections, vectors, rows)?,
        entries,
        unmended: removed.len(),
        removed,
        choice: Choice { width, alpha },
        seed,
        scratches: Scratches::default(),
    }))
}

impl Vamana {
    /// Let rows join, whose codes are there, into a graph of `known` rows.
    fn join(&mut self, rows: &[u32], known: usize, work: &Work<'_>) -> Result<(), Error> {
        let order = grow::order(rows, self.seed);
        self.links.grow(self.codes.rows());
        let wanted = (self.codes.rows() as usize / ROWS_AN_ENTRY).clamp(1, MOST_ENTRIES);
        // The first to join are the entries: they are far apart, and reach the whole graph.
        let missing = wanted.saturating_sub(self.entries.len());
        self.entries.extend(order.iter().take(missing));
        grow::join(
            &mut self.links,
            self.codes.view(),
            &self.entries,
            &order,
            known,
            self.choice,
            work,
        )
    }

    /// Take the removed rows out of the graph.
    fn mend(&mut self, work: &Work<'_>) -> Result<(), Error> {
        repair::mend(
            &mut self.links,
            self.codes.view(),
            &self.removed,
            self.choice,
            work,
        )?;
        let wanted = self.entries.len();
        self.entries.retain(|&entry| !self.removed.contains(entry));
        let live = (0..self.rows()).filter(|&row| !self.removed.contains(row));
        let step = (self.rows() as usize / wanted.max(1)).max(1);
        let more: Vec<u32> = live
            .step_by(step)
            .filter(|row| !self.entries.contains(row))
            .take(wanted - self.entries.len())
            .collect();
        self.entries.extend(more);
        self.unmended = 0;
        Ok(())
    }
}

impl Index for Vamana {
    fn family(&self) -> &'static Family {
        &FAMILY
    }

    fn parameters(&self) -> Parameters {
        Parameters::default()
            .with("degree", self.links.near as u32)
            .with("asked", self.links.asked as u32)
            .with("width", self.choice.width as u32)
            .with("alpha", (f64::from(self.choice.alpha) * 1e3).round() / 1e3)
            .with("code_dim", self.codes.dim() as u32)
    }

    fn rows(&self) -> u32 {
        self.links.rows()
    }

    fn removed(&self) -> &Bitmap {
        &self.removed
    }

    fn memory_bytes(&self) -> u64 {
        self.links.bytes().len() as u64 + self.codes.memory_bytes()
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
        let live = u64::from(self.rows()) - self.removed.len();
        if options.k == 0 {
            return Ok(Vec::new());
        }
        if self.rows() <= FEW_ROWS || options.k as u64 >= live {
            let allowed = match options.allowed {
                Some(allowed) => allowed.without(&self.removed),
                None => Bitmap::full(self.rows()).without(&self.removed),
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
        Ok(self.find(vectors, query, options.k, width, options.allowed))
    }

    fn insert(
        &mut self,
        vectors: &Vectors<'_>,
        rows: &[u32],
        work: &Work<'_>,
    ) -> Result<(), Error> {
        let end = accept_rows(vectors, self.rows(), &self.removed, rows)?;
        if end > MOST_ROWS {
            return Err(Error::TooManyRows);
        }
        // A row that comes back with another vector must not be where the old one was.
        if self.unmended > 0 && rows.iter().any(|&row| self.removed.contains(row)) {
            self.mend(work)?;
        }
        let known = u64::from(self.rows()) - self.removed.len();
        self.codes.put(vectors, rows, work)?;
        for &row in rows {
            self.removed.remove(row);
        }
        self.join(rows, known as usize, work)
    }

    fn remove(&mut self, _: &Vectors<'_>, rows: &[u32], work: &Work<'_>) -> Result<(), Error> {
        let before = self.removed.len();
        mark_removed(self.rows(), &mut self.removed, rows)?;
        self.unmended += self.removed.len() - before;
        if self.unmended as f64 > MEND_FROM * f64::from(self.rows()) {
            self.mend(work)?;
        }
        Ok(())
    }

    fn save(&self) -> Saved<'_> {
        let head = Head::new()
            .put(self.rows())
            .put(self.links.near as u32)
            .put(self.links.asked as u32)
            .put(self.choice.width as u32)
            .put_f32(self.choice.alpha)
            .put(self.seed as u32);
        let mut saved: Saved<'_> = vec![
            ("vamana.head", head.into_bytes()),
            ("vamana.links", Cow::Borrowed(self.links.bytes())),
            (
                "vamana.entries",
                Cow::Borrowed(bytemuck::cast_slice(&self.entries)),
            ),
            (
                "removed",
                Cow::Borrowed(bytemuck::cast_slice(self.removed.words())),
            ),
        ];
        self.codes.save(&mut saved);
        saved
    }
}
