//! A data set on disk: `base.npy`, for each kind of query `KIND-build.npy`, `KIND-tune.npy`, `KIND-measure.npy` and the
//! exact answers `KIND-tune-truth.npy`, `KIND-measure-truth.npy`; `dataset.json`, written last, says what it is.
//!
//! All vectors have unit length, so that cosine, inner product and L2 rank alike for every contender.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::packages::Package;
use super::truth::{self, Truth};
use crate::exit::Refusal;
use fovea_vectordb::exchange::{Matrix, npy};

/// Raised when what is left in a folder changes its meaning, so that old folders are made anew.
const LAYOUT: u32 = 1;

const CARD: &str = "dataset.json";

/// At most so many queries are kept to tune and to measure with.
pub const TUNE_QUERIES: usize = 2_000;
pub const MEASURE_QUERIES: usize = 1_000;

/// What a query is. Text queries against image vectors lie where no image lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Text,
    Image,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Image => "image",
        }
    }
}

/// `dataset.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Card {
    pub layout: u32,
    pub name: String,
    pub n: usize,
    pub dim: usize,
    pub metric: String,
    pub kinds: Vec<Kind>,
    /// In words: what the rows are, and what none of the queries is.
    pub about: String,
    pub split: String,
    pub sources: Vec<Source>,
    /// Everything that decides the vectors: pack and recipe.
    pub made_with: String,
}

/// Where vectors come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    pub package: String,
    pub version: String,
    pub sha256: String,
}

impl From<&Package> for Source {
    fn from(package: &Package) -> Self {
        Self {
            package: package.name.to_owned(),
            version: package.version.to_owned(),
            sha256: package.sha256.to_owned(),
        }
    }
}

/// Queries of one kind.
pub struct Queries {
    pub kind: Kind,
    /// For query-aware edges; not every data set has some.
    pub build: Option<Matrix>,
    pub tune: Matrix,
    pub measure: Matrix,
}

/// A data set that has just been made.
pub struct Made {
    pub card: Card,
    pub base: Matrix,
    pub queries: Vec<Queries>,
    /// Half the disk, where the vectors mean nothing.
    pub half: bool,
}

impl Card {
    /// Count, dimension and kinds are filled in when the data set is kept.
    pub fn new(
        name: &str,
        about: &str,
        split: &str,
        made_with: &str,
        sources: Vec<Source>,
    ) -> Card {
        Card {
            layout: LAYOUT,
            name: name.to_owned(),
            n: 0,
            dim: 0,
            metric: "cosine".to_owned(),
            kinds: Vec::new(),
            about: about.to_owned(),
            split: split.to_owned(),
            sources,
            made_with: made_with.to_owned(),
        }
    }

    /// What the folder holds, when it holds a complete data set of this layout.
    pub fn read(folder: &Path) -> Option<Card> {
        let text = fs::read_to_string(folder.join(CARD)).ok()?;
        let card: Card = serde_json::from_str(&text).ok()?;
        (card.layout == LAYOUT).then_some(card)
    }
}

impl Made {
    /// Computes the exact answers and writes everything.
    pub fn keep(mut self, folder: &Path, say: &dyn Fn(&str)) -> anyhow::Result<Card> {
        fs::create_dir_all(folder)?;
        write(&folder.join("base.npy"), &self.base, self.half)?;
        for queries in &self.queries {
            let kind = queries.kind.name();
            if let Some(build) = &queries.build {
                write(&folder.join(format!("{kind}-build.npy")), build, false)?;
            }
            for (name, rows) in [("tune", &queries.tune), ("measure", &queries.measure)] {
                say(&format!(
                    "exact answers of {} {kind} queries to {name} with",
                    rows.rows()
                ));
                write(&folder.join(format!("{kind}-{name}.npy")), rows, false)?;
                let path = folder.join(format!("{kind}-{name}-truth.npy"));
                truth::write(&path, &truth::exact(&self.base, rows))?;
            }
        }
        self.card.n = self.base.rows();
        self.card.dim = self.base.dim;
        self.card.kinds = self.queries.iter().map(|queries| queries.kind).collect();
        let text = serde_json::to_string_pretty(&self.card)? + "\n";
        let partial = folder.join(".dataset.json.partial");
        fs::write(&partial, text)?;
        fs::rename(&partial, folder.join(CARD))?;
        Ok(self.card)
    }
}

fn write(path: &Path, rows: &Matrix, half: bool) -> anyhow::Result<()> {
    let width = if half {
        npy::Width::Half
    } else {
        npy::Width::Single
    };
    Ok(npy::write_as(path, rows, width)?)
}

/// What a run reads: the rows, and the queries of one kind.
pub struct DataSet {
    pub card: Card,
    pub kind: Kind,
    pub base: Matrix,
    /// For query-aware edges, from the default source; none of them is measured.
    pub build: Option<Matrix>,
    pub tune: Asked,
    pub measure: Asked,
}

/// Queries with their exact answers.
pub struct Asked {
    pub rows: Matrix,
    pub truth: Truth,
}

impl DataSet {
    pub fn open(folder: &Path, card: Card, kind: Kind) -> anyhow::Result<DataSet> {
        if !card.kinds.contains(&kind) {
            let has: Vec<&str> = card.kinds.iter().map(|kind| kind.name()).collect();
            let message = format!(
                "{} has no {} queries, only {}",
                card.name,
                kind.name(),
                has.join(" and ")
            );
            return Err(Refusal::input(message).into());
        }
        let path = |name: &str| folder.join(format!("{}-{name}.npy", kind.name()));
        let build = path("build");
        let asked = |name: &str| -> anyhow::Result<Asked> {
            let rows = npy::read(&path(name))?;
            let truth = truth::read(&path(&format!("{name}-truth")), rows.rows())?;
            Ok(Asked { rows, truth })
        };
        Ok(DataSet {
            base: npy::read(&folder.join("base.npy"))?,
            build: build.exists().then(|| npy::read(&build)).transpose()?,
            tune: asked("tune")?,
            measure: asked("measure")?,
            card,
            kind,
        })
    }
}
