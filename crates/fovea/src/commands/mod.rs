//! One file for each command: it opens what it needs, calls the engine, and hands the result to `render`.

pub mod bench;
pub mod bench_ann;
pub mod bench_cut;
pub mod bench_dedupe;
pub mod bench_filters;
pub mod bench_regions;
pub mod check;
pub mod concept;
pub mod dedupe;
pub mod demo;
pub mod eval;
pub mod explain;
pub mod export;
pub mod facets;
pub mod forget;
pub mod import;
pub mod index;
pub mod keys;
pub mod mcp;
pub mod models;
pub mod saved;
pub mod search;
pub mod search_vector;
pub mod serve;
pub mod stats;
pub mod tune;
