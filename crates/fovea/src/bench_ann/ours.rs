//! Fovea's indexes as contenders: one function lists them, in the process that measures.

use std::rc::Rc;
use std::time::Instant;

use fovea_index::{
    BuildOptions, FAMILIES, Family, Index, Metric, SearchOptions, Vectors, Work, f16,
};

use super::contender::{Answers, Ask, Built, Contender, Side};
use super::dataset::DataSet;

/// Fovea's contenders over this data set: the families named, or all, each as it comes.
pub fn contenders(data: &Rc<DataSet>, names: &[String]) -> Vec<Box<dyn Contender>> {
    let is_asked =
        |family: &&Family| names.is_empty() || names.iter().any(|name| name == family.name);
    let of = |family| -> Box<dyn Contender> { Box::new(Ours::new(data, family)) };
    FAMILIES.iter().filter(is_asked).map(of).collect()
}

/// A family with its default parameters, which were chosen on tuning queries.
struct Ours {
    data: Rc<DataSet>,
    family: &'static Family,
    name: String,
    efforts: Vec<u32>,
    /// The rows as the database keeps them, but for the exact scan, which is held against others' of f32.
    halves: Vec<f16>,
    index: Option<Box<dyn Index>>,
}

impl Ours {
    fn new(data: &Rc<DataSet>, family: &'static Family) -> Ours {
        Ours {
            data: Rc::clone(data),
            family,
            name: format!("Fovea {}", family.name),
            efforts: vec![1],
            halves: Vec::new(),
            index: None,
        }
    }

    fn is_flat(&self) -> bool {
        self.family.name == "flat"
    }

    fn vectors(&self) -> anyhow::Result<Vectors<'_>> {
        let (dim, base) = (self.data.base.dim, &self.data.base);
        Ok(if self.is_flat() {
            Vectors::of_f32(dim, Metric::Cosine, &base.numbers)?
        } else {
            Vectors::of_f16(dim, Metric::Cosine, &self.halves)?
        })
    }
}

impl Contender for Ours {
    fn name(&self) -> &str {
        &self.name
    }

    fn system(&self) -> &str {
        &self.name
    }

    /// The graph is what the database picks above 100,000 vectors.
    fn side(&self) -> Side {
        if self.family.name == "vamana" {
            Side::FoveaDefault
        } else {
            Side::Fovea
        }
    }

    fn efforts(&self) -> &[u32] {
        &self.efforts
    }

    fn open(&mut self) -> anyhow::Result<Built> {
        if !self.is_flat() {
            let numbers = self.data.base.numbers.iter();
            self.halves = numbers.map(|&x| f16::from_f32(x)).collect();
        }
        let queries = match &self.data.build {
            Some(rows) => Some(Vectors::of_f32(rows.dim, Metric::Cosine, &rows.numbers)?),
            None => None,
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let work = Work {
            threads,
            ..Work::default()
        };
        let options = BuildOptions {
            queries,
            work,
            ..BuildOptions::default()
        };
        let started = Instant::now();
        let index = (self.family.build)(&self.vectors()?, &options)?;
        let build_s = started.elapsed().as_secs_f64();
        self.efforts = index.efforts();
        // The vectors of an index file are mapped, and the system may drop them; a scan needs them all.
        let vectors = if self.is_flat() {
            self.data.base.dim * size_of::<f32>()
        } else {
            0
        };
        let beside = index.memory_bytes() as f64 / f64::from(index.rows().max(1));
        self.index = Some(index);
        Ok(Built {
            build_s,
            build_cpu_s: build_s * threads as f64,
            bytes_per_vector: beside + vectors as f64,
            load_at_build: super::machine::load(),
        })
    }

    fn close(&mut self) -> anyhow::Result<()> {
        self.index = None;
        self.halves = Vec::new();
        Ok(())
    }

    fn search(&mut self, effort: u32, ask: Ask) -> anyhow::Result<Answers> {
        let index = self.index.as_ref();
        let index = index.ok_or_else(|| anyhow::anyhow!("searched before it was opened"))?;
        let vectors = self.vectors()?;
        let options = SearchOptions {
            k: ask.k,
            effort,
            allowed: None,
            gathered: None,
        };
        let queries = self.data.measure.rows.iter().take(ask.count);
        let mut ids = Vec::with_capacity(ask.count * ask.k);
        let started = Instant::now();
        for query in queries {
            let found = index.search(&vectors, query, &options)?;
            ids.extend((0..ask.k).map(|rank| found.get(rank).map_or(-1, |hit| i64::from(hit.row))));
        }
        let seconds = started.elapsed().as_secs_f64();
        Ok(Answers { seconds, ids })
    }
}
