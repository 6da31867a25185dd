//! A library on a Milvus server, with any number of Fovea processes in front.

use serde::Serialize;

use super::Load;
use super::costs::*;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Server {
    /// Of all query nodes together: rows, and what each takes without any.
    pub memory_bytes: f64,
    /// Of the object store: what was written, and the indexes.
    pub disk_bytes: f64,
    /// In the folder or bucket that Fovea's processes share.
    pub preview_bytes: f64,
    /// Of the largest table of vectors.
    pub shards: u64,
    pub query_nodes: u64,
    /// Fovea's processes: machines that search, and the copy of the records in each, where it fits.
    pub fovea_machines: u64,
    pub record_bytes: f64,
    /// What stands behind `records=` in the address.
    pub records: Records,
    /// With as many machines reading images as search.
    pub ingest_s: f64,
}

/// Where Fovea's processes have the records of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Records {
    /// A copy in each.
    Memory,
    /// On the server alone, which answers more questions for each search then.
    Server,
}

impl Server {
    pub(super) fn of(load: &Load) -> Server {
        let images = load.images as f64;
        let (mut memory_bytes, mut disk_bytes) = (images * RECORD_SERVED, images * RECORD_DISK);
        let mut most_rows = images;
        for (n, dim) in load.tables() {
            let vector = 4.0 * dim as f64;
            memory_bytes += n * (vector + MILVUS_ROW);
            // Once as it was written and once in the index.
            disk_bytes += n * (vector + MILVUS_ROW_DISK) + n * (vector + HNSW_LINKS);
            most_rows = most_rows.max(n);
        }
        let up = |number: f64| number.ceil().max(1.0) as u64;
        let copy = images * RECORD_MEMORY;
        let (records, record_bytes, questions) = match copy <= load.machine_bytes * RECORDS_FULL {
            true => (Records::Memory, copy, 1.0),
            false => (Records::Server, 0.0, SERVER_QUESTIONS),
        };
        let by_memory = memory_bytes / (load.machine_bytes * NODE_FULL - NODE_PROCESS).max(1.0);
        let asked = load.queries_per_second * questions;
        let by_queries = asked / (NODE_SEARCHES_CORE * load.machine_cores);
        let query_nodes = up(by_memory.max(by_queries));
        let fovea_machines = up(load.queries_per_second / (SEARCHES_CORE * load.machine_cores));
        Server {
            memory_bytes: memory_bytes + query_nodes as f64 * NODE_PROCESS,
            disk_bytes,
            preview_bytes: images * PREVIEW,
            shards: up(most_rows / SHARD_ROWS),
            query_nodes,
            fovea_machines,
            record_bytes,
            records,
            ingest_s: images / (INGEST_CORE * load.machine_cores * fovea_machines as f64),
        }
    }
}
