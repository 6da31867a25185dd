//! Annoy's index files (`.ann`): the vectors in them, not the trees.
//!
//! The file is an array of nodes of one size, without header or checksum, so the caller has to know
//! dimension and metric. Nodes `0..n` are the items; a node that was never added is all zeros. Trees
//! follow, each with its root last, and copies of the roots end the file; a root's first field is `n`. Source: `src/annoylib.h`
//! of github.com/spotify/annoy. An item node, all fields of 4 bytes, little-endian:
//!
//! | metric | fields before the numbers |
//! |---|---|
//! | angular | `n_descendants` (1 in an item), squared norm, unused |
//! | Euclidean, Manhattan | `n_descendants`, offset of a plane, two children |
//! | dot | `n_descendants`, two children, `dot_factor` |
//!
//! That is what releases up to 1.17.3 write. The unreleased source gives dot nodes two more fields.

use std::path::Path;
use std::str::FromStr;

use super::element::{Element, Endian};
use super::source::Source;
use super::{Matrix, Metric, Result};

const FORMAT: &str = "Annoy";

/// The metric an index was built with: it decides the size of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnoyMetric {
    Angular,
    Euclidean,
    Manhattan,
    Dot,
}

impl AnnoyMetric {
    /// Bytes before the numbers of a node.
    fn head(self) -> u64 {
        match self {
            AnnoyMetric::Angular => 12,
            AnnoyMetric::Euclidean | AnnoyMetric::Manhattan | AnnoyMetric::Dot => 16,
        }
    }

    /// The metric in words of all formats.
    pub fn metric(self) -> Metric {
        match self {
            AnnoyMetric::Angular => Metric::Angular,
            AnnoyMetric::Euclidean => Metric::L2,
            AnnoyMetric::Manhattan => Metric::L1,
            AnnoyMetric::Dot => Metric::InnerProduct,
        }
    }
}

impl FromStr for AnnoyMetric {
    type Err = String;

    /// As Annoy itself calls it.
    fn from_str(text: &str) -> Result<AnnoyMetric, String> {
        match text {
            "angular" => Ok(AnnoyMetric::Angular),
            "euclidean" => Ok(AnnoyMetric::Euclidean),
            "manhattan" => Ok(AnnoyMetric::Manhattan),
            "dot" => Ok(AnnoyMetric::Dot),
            _ => Err(format!(
                "no metric {text:?}: there are angular, euclidean, manhattan, dot"
            )),
        }
    }
}

/// The items of an index, and the number under which each was added: not all need be there.
pub fn read(path: &Path, dim: usize, metric: AnnoyMetric) -> Result<(Matrix, Vec<i64>)> {
    let mut source = Source::open(path, FORMAT)?;
    let node = node_bytes(&source, dim, metric)?;
    let n = n_items(&mut source, node)?;
    // Each item takes a node of the file, and a node is larger than its numbers.
    let mut numbers = Vec::with_capacity(n as usize * dim);
    let mut ids = Vec::with_capacity(n as usize);
    source.seek(0)?;
    for id in 0..n {
        let (start, row) = (source.offset(), ids.len());
        let descendants = source.i32("a node")?;
        let stored = source.array("a node").map(f32::from_le_bytes)?;
        source.bytes_over(metric.head() - 8, "a node")?;
        let before = numbers.len();
        let place = |at| (row, at);
        match descendants {
            1 => source.numbers((Element::F32, Endian::Little), dim, place, |_, number| {
                numbers.push(number)
            })?,
            0 => source.bytes_over(node - metric.head(), "a node")?,
            other => {
                return Err(source.malformed(
                    start,
                    "an item or a gap",
                    format!("a node of {other} items"),
                ));
            }
        }
        if descendants == 1 {
            check_norm(&source, start, metric, stored, &numbers[before..])?;
            ids.push(id as i64);
        }
    }
    Ok((Matrix::new(dim, numbers)?, ids))
}

/// Size of a node, if the file consists of such nodes.
fn node_bytes(source: &Source, dim: usize, metric: AnnoyMetric) -> Result<u64> {
    let node = (dim as u64)
        .checked_mul(4)
        .and_then(|bytes| bytes.checked_add(metric.head()));
    let whole = |node: &u64| dim > 0 && source.len() > 0 && source.len().is_multiple_of(*node);
    node.filter(whole).ok_or_else(|| {
        let expected = format!("nodes of dimension {dim} and metric {metric:?}");
        let found = format!("{} bytes, which are not whole nodes", source.len());
        source.malformed(0, expected, found)
    })
}

/// The last node is the copy of a root, and holds all items. Its original stands before the copies:
/// where it does not, the file was cut short, and would give fewer items than it had.
fn n_items(source: &mut Source, node: u64) -> Result<u64> {
    let last = source.len() - node;
    source.seek(last)?;
    let root = source.bytes(node, "the last root")?;
    let n = i32::from_le_bytes([root[0], root[1], root[2], root[3]]);
    let Some(n) = u64::try_from(n)
        .ok()
        .filter(|n| (1..=last / node).contains(n))
    else {
        let expected = format!("a root over 1 to {} items", last / node);
        return Err(source.malformed(last, expected, format!("one over {n}")));
    };
    let mut before = last;
    while before >= node {
        before -= node;
        source.seek(before)?;
        let other = source.bytes(node, "a root")?;
        if other == root {
            return Ok(n);
        }
        if other[..4] != root[..4] {
            break;
        }
    }
    Err(source.malformed(
        last,
        "the copy of a root",
        "a node that is no copy: the file is cut short",
    ))
}

/// Angular nodes keep the squared norm: where it differs, dimension or metric are not those of the file.
fn check_norm(
    source: &Source,
    start: u64,
    metric: AnnoyMetric,
    stored: f32,
    numbers: &[f32],
) -> Result<()> {
    let norm: f64 = numbers
        .iter()
        .map(|number| f64::from(*number).powi(2))
        .sum();
    // Sums of 32-bit floats in another order, and far fewer digits than a wrong one would need.
    let near = (f64::from(stored) - norm).abs() <= 1e-3 * norm;
    if metric != AnnoyMetric::Angular || near {
        return Ok(());
    }
    let expected = format!("the squared norm {norm} of its numbers");
    Err(source.malformed(start + 4, expected, stored.to_string()))
}
