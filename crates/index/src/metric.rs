//! What near means. A score is always the higher the nearer, so that every
//! list is sorted one way.

use std::fmt;
use std::str::FromStr;

/// How a query is compared with a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Rows and queries are at unit length, where the caller brings them;
    /// the score is their dot product, the cosine.
    #[default]
    Cosine,
    /// The dot product, of any length.
    InnerProduct,
    /// The score is minus the squared Euclidean distance.
    L2,
}

impl Metric {
    pub const ALL: [Metric; 3] = [Metric::Cosine, Metric::InnerProduct, Metric::L2];

    /// As it is written: `cosine`, `ip`, `l2`.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Cosine => "cosine",
            Metric::InnerProduct => "ip",
            Metric::L2 => "l2",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Metric, String> {
        Metric::ALL
            .into_iter()
            .find(|metric| metric.name() == text)
            .ok_or_else(|| format!("no metric {text:?}: there are cosine, ip, l2"))
    }
}
