//! Which index a collection has, and what can be said of it.

use std::fmt;
use std::str::FromStr;

use fovea_index::{Parameters, family};

use crate::error::Error;

/// Up to so many vectors of a space a scan of all is the right index.
pub const FLAT_UP_TO: u64 = 100_000;

/// The family above that.
const DEFAULT_FAMILY: &str = "vamana";

/// Which index was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum IndexChoice {
    /// By the number of vectors.
    #[default]
    Auto,
    /// This family, however many there are.
    Family {
        name: String,
        parameters: Parameters,
    },
}

impl IndexChoice {
    /// The setting that keeps it.
    pub const SETTING: &str = "index";

    /// Family, parameters and reason for a space of so many vectors; `None`
    /// where they are scanned in memory and need no file.
    pub(crate) fn decide(&self, n: u64) -> Option<(String, Parameters, String)> {
        match self {
            IndexChoice::Auto if n <= FLAT_UP_TO => None,
            IndexChoice::Auto => {
                let why = format!("more than {FLAT_UP_TO} vectors, up to which a scan is right");
                Some((DEFAULT_FAMILY.to_owned(), Parameters::default(), why))
            }
            IndexChoice::Family { name, parameters } if is_scan(name, parameters) => None,
            IndexChoice::Family { name, parameters } => {
                let why = "asked for with --index".to_owned();
                Some((name.clone(), parameters.clone(), why))
            }
        }
    }

    /// Why there is no file for a space of so many vectors.
    pub(crate) fn why_scan(&self, n: u64) -> String {
        match self {
            IndexChoice::Family { name, parameters } if is_scan(name, parameters) => {
                "asked for with --index".to_owned()
            }
            _ if n <= FLAT_UP_TO => {
                format!("up to {FLAT_UP_TO} vectors a scan of all is fast, and exact")
            }
            _ => "its index has not been built yet: `fovea index` does".to_owned(),
        }
    }
}

fn is_scan(name: &str, parameters: &Parameters) -> bool {
    name == "flat" && parameters.get("bits").unwrap_or(0.0) == 0.0
}

impl fmt::Display for IndexChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IndexChoice::Auto => f.write_str("auto"),
            IndexChoice::Family { name, parameters } => {
                let parameters = parameters.to_string();
                let colon = if parameters.is_empty() { "" } else { ":" };
                write!(f, "{name}{colon}{parameters}")
            }
        }
    }
}

impl FromStr for IndexChoice {
    type Err = Error;

    /// `auto`, a family, or a family with parameters as in `vamana:degree=64`.
    fn from_str(text: &str) -> Result<IndexChoice, Error> {
        if text == "auto" {
            return Ok(IndexChoice::Auto);
        }
        let (name, parameters) = text.split_once(':').unwrap_or((text, ""));
        let parameters: Parameters = parameters.parse()?;
        parameters.check(family(name)?)?;
        Ok(IndexChoice::Family {
            name: name.to_owned(),
            parameters,
        })
    }
}

/// Who watches a build, and knows what will be asked.
pub trait BuildObserver: Sync {
    /// Vectors like those that this space will be searched with, at unit length.
    fn queries(&self, _space: &str) -> Vec<Vec<f32>> {
        Vec::new()
    }

    fn is_cancelled(&self) -> bool {
        false
    }

    /// A space's index is being built, and this share of it is done.
    fn progress(&self, _space: &str, _share: f32) {}
}

/// Nobody watches.
impl BuildObserver for () {}

/// The index of one space.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexInfo {
    pub space: String,
    pub family: String,
    pub parameters: String,
    pub why: String,
    pub n_vectors: u64,
    /// Vectors written or removed since, which are looked at one by one.
    pub n_pending: u64,
    /// In memory beside the vectors; of a file that is mapped.
    pub memory_bytes: u64,
    pub file_bytes: u64,
    pub build_ms: u64,
    /// Sample queries that it was built for.
    pub n_queries: u64,
    /// How hard a search looks, in the family's unit, and what that unit is.
    pub effort: u32,
    pub effort_unit: String,
    /// What `tune` measured against exact search.
    pub tuned: Option<Tuned>,
    /// What live searches were measured to find.
    pub canary: Option<Canary>,
}

/// What tuning found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuned {
    pub effort: u32,
    /// Share of the true ten nearest that were found.
    pub recall: f64,
    pub target: f64,
    pub n_queries: u64,
    /// Change number of the file that it is true of.
    pub change: u64,
}

/// Live searches that were repeated exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Canary {
    pub n_searches: u64,
    pub n_expected: u64,
    pub n_found: u64,
}

impl Canary {
    /// Share of the true nearest that were found.
    pub fn recall(&self) -> f64 {
        self.n_found as f64 / self.n_expected.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_as_they_are_written() {
        for text in ["auto", "flat", "flat:bits=8", "vamana:degree=64,width=200"] {
            let choice: IndexChoice = text.parse().expect(text);
            assert_eq!(choice.to_string(), text);
        }
        for text in [
            "",
            "hnswlib",
            "vamana:degree",
            "vamana:degree=x",
            "vamana:depth=1",
            "vamana:degree=1",
        ] {
            assert!(text.parse::<IndexChoice>().is_err(), "{text}");
        }
    }

    #[test]
    fn size_decides_unless_somebody_did() {
        assert_eq!(IndexChoice::Auto.decide(FLAT_UP_TO), None);
        let (family, ..) = IndexChoice::Auto.decide(FLAT_UP_TO + 1).expect("a family");
        assert_eq!(family, DEFAULT_FAMILY);
        let flat: IndexChoice = "flat".parse().expect("a family");
        assert_eq!(flat.decide(u64::MAX), None);
        let codes: IndexChoice = "flat:bits=8".parse().expect("a family");
        assert!(codes.decide(10).is_some());
    }
}
