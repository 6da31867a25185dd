//! What one of each thing costs, and where each number comes from.

use super::Load;

/// Bytes of a page of the database (`crates/vectordb/src/embedded/schema.rs`), and of its header.
const PAGE: f64 = 8192.0;
const PAGE_HEADER: f64 = 8.0;
/// Bytes of a row of a feature or vector beside its numbers: checksum, keys, change, lengths, and its place in the page.
const ROW: f64 = 32.0;
/// The two indexes of such a row.
const ROW_INDEXES: f64 = 36.0;

/// An item with its content, in all tables and indexes but those of vectors, with a path of 20 letters and no metadata: so that
/// `fovea bench plan` finds the databases of 2,000 and 20,000 items between 2% smaller and 4% larger than what is said.
pub(super) const ITEM_DISK: f64 = 500.0;
/// A caption of 40 letters, each another text, by the same.
pub(super) const CAPTION_DISK: f64 = 260.0;
/// A preview with a long side of 512 pixels: the mean over 2,000 JPEGs of 2 megapixels that `bench/images.py` draws is
/// near, and photographs vary by a factor of three.
pub(super) const PREVIEW: f64 = 35_000.0;

/// Bytes of memory for each item where filters are asked for: an estimate.
pub(super) const ITEM_MEMORY: f64 = 120.0;
/// Bytes of memory for a scanned vector beside its 16-bit numbers.
pub(super) const SCANNED: f64 = 24.0;
/// Bytes of a graph's row beside twice 16 bits a number: its code, links, owner and checks: by the graph
/// of 20,000 vectors of 512 numbers that `fovea bench plan` builds.
pub(super) const GRAPH_ROW: f64 = 150.0;
/// Bytes of a graph's code for each number of a vector.
pub(super) const GRAPH_CODE: f64 = 1.0;
/// Bytes that a process has before any item: runtime, model and tables of the pack `base`.
pub(super) const PROCESS: f64 = 250e6;
/// Vectors of a space up to which they are scanned.
pub(super) const SCAN_UP_TO: f64 = 100_000.0;

/// Images a second and core, JPEGs of 2 megapixels: `bench/run.py ingest` reads 95 a second on two cores.
pub(super) const INGEST_CORE: f64 = 47.0;
/// Searches by new words a second and core, HTTP included: `fovea bench serve` answers 405 a second on two cores over
/// 10,000 pictures, scanned.
pub(super) const SEARCHES_CORE: f64 = 200.0;
/// Vectors a second and core of a build of a graph: `bench/run.py scale`, a million of 512 numbers in 194 s on two cores.
pub(super) const GRAPH_CORE: f64 = 2_600.0;

/// Bytes of a record in a process's copy, for each item with its content: `fovea bench plan` on a server finds 2,440 and 2,820
/// for each of 20,000 items.
pub(super) const RECORD_MEMORY: f64 = 2_600.0;
/// The rows of an item and of its content on a server: in a query node's memory, and in the object store.
pub(super) const RECORD_SERVED: f64 = 2_500.0;
pub(super) const RECORD_DISK: f64 = 1_100.0;
/// A row of vectors on a server beside its numbers (keys, library, owner, part, timestamps, the index of keys, a graph's
/// links): in a query node's memory, and in the object store, where texts are compressed.
pub(super) const MILVUS_ROW: f64 = 300.0;
pub(super) const MILVUS_ROW_DISK: f64 = 100.0;
/// What a server takes of memory that has no rows, some minutes after its start.
pub(super) const NODE_PROCESS: f64 = 190e6;
/// Of a row in a file of HNSW with M 16.
pub(super) const HNSW_LINKS: f64 = 85.0;
/// How much more a server does for a search where no process has a copy of the records.
pub(super) const SERVER_QUESTIONS: f64 = 4.0;
/// Share of a query node's memory that rows may fill: Milvus refuses to load beyond about that.
pub(super) const NODE_FULL: f64 = 0.7;
/// Rows of one shard: a supposition, after which more writers at once help.
pub(super) const SHARD_ROWS: f64 = 100e6;
/// Searches a second of a query node with 16 cores over vectors in a graph: a supposition of 100 a core.
pub(super) const NODE_SEARCHES_CORE: f64 = 100.0;
/// Share of a machine's memory that one library's records may fill in a process.
pub(super) const RECORDS_FULL: f64 = 0.7;

/// Bytes on the disk of a row of numbers in 16 bits: as many rows as fit lie in a page, and what is left of it is lost.
pub(super) fn row_disk(dim: usize) -> f64 {
    let row = 2.0 * dim as f64 + ROW;
    let fit = ((PAGE - PAGE_HEADER) / row).floor();
    let of_pages = match fit >= 1.0 {
        true => PAGE / fit,
        // Longer than a page: the rest goes into pages of its own.
        false => (row / PAGE).ceil() * PAGE,
    };
    of_pages + ROW_INDEXES
}

/// Bytes of memory of a space's vectors where they are searched: scanned up to a number, else a graph that is mapped.
pub(super) fn searched_memory(n: f64, dim: usize) -> f64 {
    n * match n <= SCAN_UP_TO {
        true => 2.0 * dim as f64 + SCANNED,
        false => graph_row(dim),
    }
}

/// Bytes of a row in the file of a graph.
pub(super) fn graph_row(dim: usize) -> f64 {
    (2.0 + GRAPH_CODE) * dim as f64 + GRAPH_ROW
}

pub(super) fn assumptions(load: &Load) -> Vec<String> {
    vec![
        format!(
            "machines of {:.0} GB and {:.0} cores like those that the costs were measured on (two cores, AVX2)",
            load.machine_bytes / 1e9,
            load.machine_cores
        ),
        "JPEGs of 2 megapixels, paths of 20 letters, captions of 40, no metadata, no parts of pictures".to_owned(),
        "previews of 35 kB; the pictures themselves stay where they are and are not counted".to_owned(),
        "every query is new words, and the spaces of images and captions are both searched".to_owned(),
        "the server: vectors in 32 bits in HNSW graphs held in memory, one replica, rows as one server took them after a start"
            .to_owned(),
        "every Fovea process beside a server keeps a copy of the records, or none where that is above 70% of a machine".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_just_do_not_fit_waste_most_of_a_page() {
        assert_eq!(row_disk(1280) - ROW_INDEXES, PAGE / 3.0);
        assert_eq!(row_disk(512) - ROW_INDEXES, PAGE / 7.0);
        assert_eq!(row_disk(2100) - ROW_INDEXES, PAGE);
        assert_eq!(row_disk(5000) - ROW_INDEXES, 2.0 * PAGE);
    }
}
