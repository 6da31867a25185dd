//! A library in a folder, on one machine.

use serde::Serialize;

use super::Load;
use super::costs::*;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Folder {
    /// Of the database, of index files, and of previews.
    pub database_bytes: f64,
    pub index_bytes: f64,
    pub preview_bytes: f64,
    pub disk_bytes: f64,
    /// What searching wants in memory.
    pub memory_bytes: f64,
    /// That answer so many queries a second.
    pub cores: f64,
    /// On one machine: reading all images, and building the graphs.
    pub ingest_s: f64,
    pub build_s: f64,
    /// Whether one machine is enough.
    pub fits: bool,
}

impl Folder {
    pub(super) fn of(load: &Load) -> Folder {
        let images = load.images as f64;
        let rows: f64 = load
            .tables()
            .iter()
            .map(|(n, dim)| n * row_disk(*dim))
            .sum();
        let database_bytes = images * ITEM_DISK + load.n_captions() * CAPTION_DISK + rows;
        let graphs = load.tables().into_iter().filter(|(n, _)| *n > SCAN_UP_TO);
        let graphs: Vec<(f64, usize)> = graphs.collect();
        let index_bytes = graphs.iter().map(|(n, dim)| n * graph_row(*dim)).sum();
        let preview_bytes = images * PREVIEW;
        let searched: f64 = load
            .tables()
            .iter()
            .map(|(n, dim)| searched_memory(*n, *dim))
            .sum();
        let memory_bytes = PROCESS + images * ITEM_MEMORY + searched;
        let cores = load.queries_per_second / SEARCHES_CORE;
        let n_in_graphs: f64 = graphs.iter().map(|(n, dim)| n * *dim as f64 / 512.0).sum();
        Folder {
            database_bytes,
            index_bytes,
            preview_bytes,
            disk_bytes: database_bytes + index_bytes + preview_bytes,
            memory_bytes,
            cores,
            ingest_s: images / (INGEST_CORE * load.machine_cores),
            build_s: n_in_graphs / (GRAPH_CORE * load.machine_cores),
            fits: memory_bytes <= load.machine_bytes && cores <= load.machine_cores,
        }
    }
}
