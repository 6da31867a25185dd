//! Exact search, or with `bits=8` nearly so: a scan of codes, a quarter of
//! the memory traffic of f16, ranked again with the vectors. Right up to
//! about 100,000 rows, and what judges every other family.

use std::borrow::Cow;

use crate::bitmap::Bitmap;
use crate::codes::Codes;
use crate::error::Error;
use crate::family::{
    BuildOptions, Built, Family, Index, Parameter, Parameters, SearchOptions, exact,
};
use crate::sections::{Head, Saved, Sections};
use crate::topk::Scored;
use crate::vectors::Vectors;
use crate::work::Work;

pub const FAMILY: Family = Family {
    name: "flat",
    about: "compares a query with every row; exact, or with bits=8 by codes first",
    effort: "rows ranked again with their vectors",
    parameters: &[Parameter {
        name: "bits",
        about: "0 for the vectors as they are, 8 for codes ranked again",
        least: 0.0,
        most: 8.0,
    }],
    build,
    load,
};

#[derive(Debug)]
struct Flat {
    rows: u32,
    removed: Bitmap,
    codes: Option<Codes>,
}

fn build(vectors: &Vectors<'_>, options: &BuildOptions<'_>) -> Built {
    options.parameters.check(&FAMILY)?;
    vectors.check_rows(0..vectors.len())?;
    let codes = match options.parameters.count("bits", 0) {
        0 => None,
        8 => Some(Codes::build(vectors, None, vectors.dim(), &options.work)?),
        bits => {
            let reason = format!("{bits} is neither 0 nor 8");
            return Err(Error::parameter("bits", reason));
        }
    };
    Ok(Box::new(Flat {
        rows: vectors.len(),
        removed: Bitmap::new(),
        codes,
    }))
}

fn load(sections: &Sections, vectors: &Vectors<'_>) -> Built {
    let mut head = sections.head("flat.head")?;
    let rows = head.take("the number of rows", vectors.len())?;
    let has_codes = head.take("whether there are codes", 1)? == 1;
    let codes = has_codes.then(|| Codes::load(sections, vectors, rows));
    Ok(Box::new(Flat {
        rows,
        removed: sections.removed(rows)?,
        codes: codes.transpose()?,
    }))
}

impl Index for Flat {
    fn family(&self) -> &'static Family {
        &FAMILY
    }

    fn parameters(&self) -> Parameters {
        Parameters::default().with("bits", if self.codes.is_some() { 8 } else { 0 })
    }

    fn rows(&self) -> u32 {
        self.rows
    }

    fn removed(&self) -> &Bitmap {
        &self.removed
    }

    fn memory_bytes(&self) -> u64 {
        self.codes.as_ref().map_or(0, Codes::memory_bytes)
    }

    fn default_effort(&self) -> u32 {
        if self.codes.is_some() { 50 } else { 1 }
    }

    fn efforts(&self) -> Vec<u32> {
        match self.codes {
            Some(_) => vec![10, 15, 20, 30, 50, 100, 200],
            None => vec![1],
        }
    }

    fn search(
        &self,
        vectors: &Vectors<'_>,
        query: &[f32],
        options: &SearchOptions<'_>,
    ) -> Result<Vec<Scored>, Error> {
        vectors.check_query(query)?;
        let live;
        let allowed = match options.allowed {
            None if self.removed.is_empty() => None,
            None => {
                live = Bitmap::full(self.rows).without(&self.removed);
                Some(&live)
            }
            Some(allowed) if self.removed.is_empty() => Some(allowed),
            Some(allowed) => {
                live = allowed.without(&self.removed);
                Some(&live)
            }
        };
        let Some(codes) = &self.codes else {
            return Ok(exact(vectors, self.rows, query, options.k, allowed));
        };
        let effort = options.effort_of(self) as usize;
        let candidates = codes.nearest(query, effort.max(options.k), self.rows, allowed);
        Ok(vectors.rerank(query, &candidates, options.k))
    }

    fn insert(
        &mut self,
        vectors: &Vectors<'_>,
        rows: &[u32],
        work: &Work<'_>,
    ) -> Result<(), Error> {
        self.rows = crate::family::accept_rows(vectors, self.rows, &self.removed, rows)?;
        if let Some(codes) = &mut self.codes {
            codes.put(vectors, rows, work)?;
        }
        rows.iter().for_each(|&row| {
            self.removed.remove(row);
        });
        Ok(())
    }

    fn remove(&mut self, _: &Vectors<'_>, rows: &[u32], _: &Work<'_>) -> Result<(), Error> {
        crate::family::mark_removed(self.rows, &mut self.removed, rows)
    }

    fn save(&self) -> Saved<'_> {
        let head = Head::new()
            .put(self.rows)
            .put(u32::from(self.codes.is_some()));
        let removed = bytemuck::cast_slice(self.removed.words());
        let mut saved: Saved<'_> = vec![
            ("flat.head", head.into_bytes()),
            ("removed", Cow::Borrowed(removed)),
        ];
        if let Some(codes) = &self.codes {
            codes.save(&mut saved);
        }
        saved
    }
}
