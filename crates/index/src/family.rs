//! What every family of index can do, and the table of them. A family is one
//! file of `families` and one line here.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::bitmap::Bitmap;
use crate::error::Error;
use crate::families;
use crate::gathered::Gathered;
use crate::sections::{Saved, Sections};
use crate::topk::{Scored, TopK};
use crate::vectors::Vectors;
use crate::work::Work;

/// Every family, in the order in which they are listed.
pub const FAMILIES: &[Family] = &[
    families::flat::FAMILY,
    families::vamana::FAMILY,
    families::ivf::FAMILY,
    families::ivf_pq::FAMILY,
    families::lsh::FAMILY,
    families::kd_tree::FAMILY,
    families::annoy::FAMILY,
];

/// The family of this name.
pub fn family(name: &str) -> Result<&'static Family, Error> {
    FAMILIES
        .iter()
        .find(|family| family.name == name)
        .ok_or_else(|| Error::NoSuchFamily {
            name: name.to_owned(),
            known: FAMILIES.iter().map(|family| family.name).collect(),
        })
}

/// An index, or why there is none.
pub type Built = Result<Box<dyn Index>, Error>;

/// One way of finding near vectors.
#[derive(Debug)]
pub struct Family {
    /// As it is typed.
    pub name: &'static str,
    /// One line for a person: what it is and when to use it.
    pub about: &'static str,
    /// What [`SearchOptions::effort`] counts here.
    pub effort: &'static str,
    pub parameters: &'static [Parameter],
    pub build: fn(&Vectors<'_>, &BuildOptions<'_>) -> Built,
    /// What was saved, checked so that a search of it cannot go wrong, whatever the bytes.
    pub load: fn(&Sections, &Vectors<'_>) -> Built,
}

/// A number that decides how an index is built.
#[derive(Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub about: &'static str,
    pub least: f64,
    pub most: f64,
}

/// An index over rows 0 to n of vectors that the caller lends to each call:
/// always the same rows, in the same order.
pub trait Index: Send + Sync + fmt::Debug {
    fn family(&self) -> &'static Family;

    /// The parameters it was built with, the chosen ones included.
    fn parameters(&self) -> Parameters;

    /// Rows it was given, removed ones included.
    fn rows(&self) -> u32;

    /// Rows that are found no more, and may be given anew.
    fn removed(&self) -> &Bitmap;

    /// Memory it takes beside the vectors.
    fn memory_bytes(&self) -> u64;

    /// The effort of a search that asks for none.
    fn default_effort(&self) -> u32;

    /// Efforts worth trying when it is tuned, rising.
    fn efforts(&self) -> Vec<u32>;

    /// The k nearest rows, best first, equal scores by lower row; fewer where
    /// there are fewer. Scores are exact; that none is missed is not promised.
    fn search(
        &self,
        vectors: &Vectors<'_>,
        query: &[f32],
        options: &SearchOptions<'_>,
    ) -> Result<Vec<Scored>, Error>;

    /// What makes further searches among these rows faster, for whoever keeps it as long as the index stays as it is;
    /// none where it would not.
    fn gather(&self, _allowed: &Bitmap) -> Option<Gathered> {
        None
    }

    /// Take in rows: new ones at the end, in order, or removed ones with
    /// other vectors.
    fn insert(&mut self, vectors: &Vectors<'_>, rows: &[u32], work: &Work<'_>)
    -> Result<(), Error>;

    /// Find these rows no more.
    fn remove(&mut self, vectors: &Vectors<'_>, rows: &[u32], work: &Work<'_>)
    -> Result<(), Error>;

    /// What [`Family::load`] makes it from.
    fn save(&self) -> Saved<'_>;
}

/// How an index is built.
#[derive(Clone, Default)]
pub struct BuildOptions<'a> {
    pub parameters: Parameters,
    /// Queries like those that will come: a family that can builds for them.
    pub queries: Option<Vectors<'a>>,
    pub work: Work<'a>,
}

/// How one search goes.
#[derive(Clone, Copy, Debug)]
pub struct SearchOptions<'a> {
    pub k: usize,
    /// How hard to look, in the family's own unit; 0 for its default.
    pub effort: u32,
    /// The only rows that may be found.
    pub allowed: Option<&'a Bitmap>,
    /// What this index gathered of these rows, where that is kept.
    pub gathered: Option<&'a Gathered>,
}

impl Default for SearchOptions<'_> {
    fn default() -> Self {
        SearchOptions {
            k: 10,
            effort: 0,
            allowed: None,
            gathered: None,
        }
    }
}

impl SearchOptions<'_> {
    /// The effort that was asked of an index, or its default.
    pub fn effort_of(&self, index: &dyn Index) -> u32 {
        match self.effort {
            0 => index.default_effort(),
            effort => effort,
        }
    }
}

/// Named numbers, as in `degree=64,width=128`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(BTreeMap<String, f64>);

impl Parameters {
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<f64>) -> Parameters {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// A whole number, or what it is without one.
    pub fn count(&self, name: &str, default: usize) -> usize {
        self.get(name).map_or(default, |value| value as usize)
    }

    /// That a family knows all of them and each is in its range.
    pub fn check(&self, family: &Family) -> Result<(), Error> {
        for (name, &value) in &self.0 {
            let known = family.parameters.iter().find(|known| known.name == name);
            let Some(known) = known else {
                let known: Vec<&str> = family.parameters.iter().map(|known| known.name).collect();
                let reason = format!("{} has {}", family.name, known.join(", "));
                return Err(Error::parameter(name, reason));
            };
            if !(known.least..=known.most).contains(&value) {
                let reason = format!("{value} is not within {} to {}", known.least, known.most);
                return Err(Error::parameter(name, reason));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{name}={value}")?;
        }
        Ok(())
    }
}

impl FromStr for Parameters {
    type Err = Error;

    fn from_str(text: &str) -> Result<Parameters, Error> {
        let mut parameters = Parameters::default();
        for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| Error::parameter(pair, "expected NAME=NUMBER".to_owned()))?;
            let value: f64 = value.trim().parse().map_err(|_| {
                Error::parameter(name.trim(), format!("{:?} is not a number", value.trim()))
            })?;
            parameters = parameters.with(name.trim(), value);
        }
        Ok(parameters)
    }
}

/// Up to this many allowed rows every family compares exactly.
const FEW_ROWS: u64 = 1000;

/// The exact answer where so few rows may be found that looking at each is
/// cheapest, and where a family that prunes would miss them.
pub fn exact_when_few(
    vectors: &Vectors<'_>,
    rows: u32,
    query: &[f32],
    options: &SearchOptions<'_>,
    removed: &Bitmap,
) -> Option<Vec<Scored>> {
    let few = (u64::from(rows) / 50).max(FEW_ROWS);
    match options.allowed {
        Some(allowed) if allowed.len() <= few => {
            let live = allowed.without(removed);
            Some(exact(vectors, rows, query, options.k, Some(&live)))
        }
        None if u64::from(rows) <= FEW_ROWS => {
            let live = Bitmap::full(rows).without(removed);
            Some(exact(vectors, rows, query, options.k, Some(&live)))
        }
        _ => None,
    }
}

/// That rows may be inserted: removed ones, or new ones in order at the end;
/// answers how many rows there are then.
pub fn accept_rows(
    vectors: &Vectors<'_>,
    n: u32,
    removed: &Bitmap,
    rows: &[u32],
) -> Result<u32, Error> {
    vectors.check_rows(rows.iter().copied())?;
    let mut end = n;
    for &row in rows {
        if row == end {
            end += 1;
        } else if !removed.contains(row) {
            return Err(Error::NoSuchRow { row, rows: n });
        }
    }
    Ok(end)
}

/// Note rows as removed; those that are not there are refused before any is.
pub fn mark_removed(n: u32, removed: &mut Bitmap, rows: &[u32]) -> Result<(), Error> {
    if let Some(&row) = rows.iter().find(|&&row| row >= n) {
        return Err(Error::NoSuchRow { row, rows: n });
    }
    rows.iter().for_each(|&row| {
        removed.insert(row);
    });
    Ok(())
}

/// Every row compared.
pub fn exact(
    vectors: &Vectors<'_>,
    rows: u32,
    query: &[f32],
    k: usize,
    allowed: Option<&Bitmap>,
) -> Vec<Scored> {
    let mut best = TopK::new(k);
    if k > 0 {
        vectors.scan(query, 0..rows.min(vectors.len()), allowed, 0, &mut best);
    }
    best.into_sorted()
}
