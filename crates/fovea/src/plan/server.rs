//! A library on a Milvus server, with any number of Fovea processes in front.

use serde::Serialize;

use super::Load;
use super::costs::*;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Server {
    /// Rows in memory, of all query nodes together.
    pub memory_bytes: f64,
    /// Of the object store: what was written, and the indexes.
    pub disk_bytes: f64,
    /// In the folder or bucket that Fovea's processes share.
    pub preview_bytes: f64,
    /// Of the largest table of vectors.
    pub shards: u64,
    pub query_nodes: u64,
    /// Fovea's processes: machines that search, and the copy of the records in each.
    pub fovea_machines: u64,
    pub record_bytes: f64,
    /// Into how many libraries it has to be split, so that the records of one fit into a machine.
    pub libraries: u64,
    /// With as many machines reading images as search.
    pub ingest_s: f64,
}

impl Server {
    pub(super) fn of(load: &Load) -> Server {
        let images = load.images as f64;
        let (mut memory_bytes, mut disk_bytes) = (0.0, images * RECORD_DISK);
        let mut most_rows = images;
        for (n, dim) in load.tables() {
            let vector = 4.0 * dim as f64;
            memory_bytes += n * (vector + HNSW_LINKS + MILVUS_ROW);
            // Once as it was written and once in the index.
            disk_bytes += n * (vector + MILVUS_ROW) + n * (vector + HNSW_LINKS);
            most_rows = most_rows.max(n);
        }
        memory_bytes += images * RECORD_DISK;
        let up = |number: f64| number.ceil().max(1.0) as u64;
        let by_memory = memory_bytes / (load.machine_bytes * NODE_FULL);
        let by_queries = load.queries_per_second / (NODE_SEARCHES_CORE * load.machine_cores);
        let record_bytes = images * RECORD_MEMORY;
        let libraries = up(record_bytes / (load.machine_bytes * RECORDS_FULL));
        let searching = load.queries_per_second / (SEARCHES_CORE * load.machine_cores);
        let fovea_machines = up(searching).max(libraries);
        Server {
            memory_bytes,
            disk_bytes,
            preview_bytes: images * PREVIEW,
            shards: up(most_rows / SHARD_ROWS),
            query_nodes: up(by_memory.max(by_queries)),
            fovea_machines,
            record_bytes: record_bytes / libraries as f64,
            libraries,
            ingest_s: images / (INGEST_CORE * load.machine_cores * fovea_machines as f64),
        }
    }
}
