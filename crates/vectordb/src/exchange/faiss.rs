//! Faiss index files that hold their vectors as they are: flat ones, alone, under an id map, or under an
//! HNSW graph. Quantised and clustered ones are refused: their vectors are gone or elsewhere.
//!
//! An index is four letters, a header, and what its kind adds; an index inside another follows in place.
//! Little-endian throughout. Source: `faiss/impl/index_write.cpp` of github.com/facebookresearch/faiss,
//! held against files that faiss-cpu writes.

use std::io::Write;
use std::path::Path;

use super::element::Element;
use super::hnsw_graph::HnswGraph;
use super::output::{check, fit, put_numbers, write_whole};
use super::source::Source;
use super::{Error, Matrix, Metric, Result};

const FORMAT: &str = "Faiss";

/// A map of ids over a graph over vectors is the deepest that is understood.
const MAX_DEPTH: usize = 3;

/// What a file gave.
#[derive(Clone, Debug, PartialEq)]
pub struct FaissIndex {
    pub metric: Metric,
    pub matrix: Matrix,
    /// Of an id map: the id of each row.
    pub ids: Option<Vec<i64>>,
    /// Of `IndexHNSWFlat`: links between the rows.
    pub graph: Option<HnswGraph>,
}

/// What every index begins with.
struct Header {
    start: u64,
    dim: usize,
    rows: u64,
    metric: Metric,
}

/// Reads `IndexFlat` (`IxFI`, `IxF2`, `IxFl`), `IndexIDMap` and `IndexIDMap2` (`IxMp`, `IxM2`), and
/// `IndexHNSWFlat` (`IHNf`).
pub fn read(path: &Path) -> Result<FaissIndex> {
    let mut source = Source::open(path, FORMAT)?;
    let index = index(&mut source, MAX_DEPTH)?;
    source.end()?;
    Ok(index)
}

/// Writes an `IndexFlat` of this metric.
pub fn write(path: &Path, matrix: &Matrix, metric: Metric) -> Result<()> {
    check(path, matrix)?;
    let Some((letters, number, argument)) = written(metric) else {
        return Err(Error::NotWritten {
            path: path.to_owned(),
            reason: "Faiss has no angular metric: write unit vectors with inner product",
        });
    };
    let dim = fit(
        path,
        FORMAT,
        "numbers in a row",
        matrix.dim,
        i32::MAX as u64,
    )? as i32;
    write_whole(path, |writer| {
        writer.write_all(letters)?;
        writer.write_all(&dim.to_le_bytes())?;
        writer.write_all(&(matrix.rows() as i64).to_le_bytes())?;
        writer.write_all(&UNUSED.to_le_bytes())?;
        writer.write_all(&UNUSED.to_le_bytes())?;
        writer.write_all(&[1])?;
        writer.write_all(&number.to_le_bytes())?;
        if number > 1 {
            writer.write_all(&argument.to_le_bytes())?;
        }
        writer.write_all(&(matrix.numbers.len() as u64).to_le_bytes())?;
        put_numbers(writer, &matrix.numbers)
    })
}

/// Stands twice in every header, for fields that are no more.
const UNUSED: i64 = 1 << 20;

/// Letters, number and argument of a metric.
fn written(metric: Metric) -> Option<(&'static [u8; 4], i32, f32)> {
    match metric {
        Metric::InnerProduct => Some((b"IxFI", 0, 0.0)),
        Metric::L2 => Some((b"IxF2", 1, 0.0)),
        Metric::L1 => Some((b"IxFl", 2, 0.0)),
        Metric::Linf => Some((b"IxFl", 3, 0.0)),
        Metric::Lp(p) => Some((b"IxFl", 4, p)),
        Metric::Angular => None,
    }
}

fn index(source: &mut Source, depth: usize) -> Result<FaissIndex> {
    let start = source.offset();
    let letters: [u8; 4] = source.array("the kind of an index")?;
    let shown = letters.escape_ascii().to_string();
    match &letters {
        _ if depth == 0 => {
            Err(source.malformed(start, "vectors", format!("yet another index, {shown:?}")))
        }
        b"IxFI" | b"IxF2" | b"IxFl" => flat(source, &letters),
        b"IxMp" | b"IxM2" => id_map(source, depth),
        b"IHNf" => hnsw(source, depth),
        _ if letters[0] == b'I' && letters.is_ascii() => Err(source.unsupported(
            start,
            format!("a Faiss index of kind {shown:?}"),
            "its vectors are quantised or clustered; export them with index.reconstruct_n to .npy",
        )),
        _ => Err(source.malformed(start, "the letters of an index", shown)),
    }
}

fn header(source: &mut Source) -> Result<Header> {
    let start = source.offset();
    let dim = source.i32("the dimension")?;
    let rows = source.u64("the number of vectors")?;
    source.bytes_over(16, "unused fields")?;
    let [is_trained] = source.array("is_trained")?;
    let at = source.offset();
    let number = source.i32("the metric")?;
    let argument = match number {
        0 | 1 => 0.0,
        _ => source
            .array("the metric's argument")
            .map(f32::from_le_bytes)?,
    };
    let metric = match number {
        0 => Metric::InnerProduct,
        1 => Metric::L2,
        2 => Metric::L1,
        3 => Metric::Linf,
        4 if argument.is_finite() => Metric::Lp(argument),
        _ => {
            return Err(source.unsupported(
                at,
                format!("metric {number}"),
                "only inner product and L norms are",
            ));
        }
    };
    match usize::try_from(dim) {
        Ok(dim) if dim > 0 && is_trained <= 1 && rows <= i64::MAX as u64 => Ok(Header {
            start,
            dim,
            rows,
            metric,
        }),
        _ => {
            let found = format!("dimension {dim}, {rows} vectors, is_trained {is_trained}");
            Err(source.malformed(start, "a header", found))
        }
    }
}

fn flat(source: &mut Source, letters: &[u8; 4]) -> Result<FaissIndex> {
    let header = header(source)?;
    // `IxFl` is for every metric; the others name theirs.
    let agrees =
        letters == b"IxFl" || written(header.metric).is_some_and(|(own, ..)| own == letters);
    if !agrees {
        let expected = format!("the metric of {:?}", letters.escape_ascii().to_string());
        return Err(source.malformed(header.start, expected, format!("{:?}", header.metric)));
    }
    let at = source.offset();
    let count = source.u64("the count of numbers")?;
    if header.rows.checked_mul(header.dim as u64) != Some(count) {
        let expected = format!("{} rows of {} numbers", header.rows, header.dim);
        return Err(source.malformed(at, expected, format!("{count} numbers")));
    }
    let count = source.expect(count, 4, "numbers")?;
    let mut numbers = Vec::with_capacity(count);
    source.append(Element::F32, count, header.dim, &mut numbers)?;
    Ok(FaissIndex {
        metric: header.metric,
        matrix: Matrix::new(header.dim, numbers)?,
        ids: None,
        graph: None,
    })
}

fn id_map(source: &mut Source, depth: usize) -> Result<FaissIndex> {
    let header = header(source)?;
    let mut inner = inner(source, depth, &header)?;
    if inner.ids.is_some() {
        return Err(source.malformed(header.start, "one map of ids", "two"));
    }
    inner.ids = Some(list(source, "ids", i64::from_le_bytes)?);
    match inner.ids.as_ref().map(Vec::len) {
        Some(n) if n == inner.matrix.rows() => Ok(inner),
        n => Err(source.malformed(
            source.offset(),
            format!("{} ids", inner.matrix.rows()),
            format!("{n:?}"),
        )),
    }
}

fn hnsw(source: &mut Source, depth: usize) -> Result<FaissIndex> {
    let header = header(source)?;
    let start = source.offset();
    let graph = graph(source)?;
    graph
        .check()
        .map_err(|(expected, found)| source.malformed(start, expected, found))?;
    let mut inner = inner(source, depth, &header)?;
    if inner.ids.is_some() || inner.graph.is_some() || inner.matrix.rows() != graph.nodes() {
        let expected = format!("{} vectors under the graph", graph.nodes());
        return Err(source.malformed(
            start,
            expected,
            format!("{} vectors or another index", inner.matrix.rows()),
        ));
    }
    inner.graph = Some(graph);
    Ok(inner)
}

/// The index inside another one, which must agree with the outer header.
fn inner(source: &mut Source, depth: usize, outer: &Header) -> Result<FaissIndex> {
    let inner = index(source, depth - 1)?;
    let (rows, dim) = (inner.matrix.rows() as u64, inner.matrix.dim);
    if (rows, dim, inner.metric) == (outer.rows, outer.dim, outer.metric) {
        return Ok(inner);
    }
    let expected = format!(
        "{} vectors of dimension {} and {:?}",
        outer.rows, outer.dim, outer.metric
    );
    let found = format!("{rows} of dimension {dim} and {:?}", inner.metric);
    Err(source.malformed(outer.start, expected, found))
}

/// The links. That they lead somewhere is for [`HnswGraph::check`].
fn graph(source: &mut Source) -> Result<HnswGraph> {
    // How likely each level is matters only for what is added later.
    let n_probabilities = source.u64("probabilities")?;
    let n_probabilities = source.expect(n_probabilities, 8, "probabilities")? as u64;
    source.bytes_over(n_probabilities * 8, "probabilities")?;
    let level_starts = list(source, "levels", i32::from_le_bytes)?;
    let n_levels = list(source, "nodes", i32::from_le_bytes)?;
    let offsets = list(source, "offsets", u64::from_le_bytes)?;
    let links = list(source, "links", i32::from_le_bytes)?;
    let at = source.offset();
    let entry_point = source.i32("the entry point")?;
    let max_level = source.i32("the top level")?;
    let graph = HnswGraph {
        level_starts: indices(source, level_starts)?,
        n_levels: indices(source, n_levels)?,
        offsets: indices(source, offsets)?,
        links,
        entry_point: usize::try_from(entry_point).ok(),
        ef_construction: source.u32("efConstruction")? as usize,
        ef_search: source.u32("efSearch")? as usize,
    };
    source.bytes_over(4, "an unused field")?;
    let top = graph
        .n_levels
        .iter()
        .max()
        .map_or(-1, |levels| *levels as i64 - 1);
    if i64::from(max_level) != top {
        return Err(source.malformed(
            at + 4,
            format!("the top level {top}"),
            max_level.to_string(),
        ));
    }
    Ok(graph)
}

/// A count (u64) and as many values.
fn list<T, const N: usize>(
    source: &mut Source,
    what: &str,
    value: fn([u8; N]) -> T,
) -> Result<Vec<T>> {
    let count = source.u64(what)?;
    let count = source.expect(count, N, what)?;
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        values.push(value(source.array(what)?));
    }
    Ok(values)
}

fn indices<T: Copy + std::fmt::Display>(source: &Source, values: Vec<T>) -> Result<Vec<usize>>
where
    usize: TryFrom<T>,
{
    let index = |value: T| {
        let wrong = |_| source.malformed(source.offset(), "sizes and places", value.to_string());
        usize::try_from(value).map_err(wrong)
    };
    values.into_iter().map(index).collect()
}
