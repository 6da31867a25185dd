//! The program as a person or another program runs it, with the real model pack.
//!
//! Needs what `scripts/test` prepares: the base pack (`fovea models pull base`) and the stamps (FOVEA_STAMPS).

mod ann;
mod damage;
mod dedupe;
mod device;
mod docs;
mod earlier;
mod explain;
mod facets;
mod faults;
mod forget;
mod library;
mod mcp;
mod migrate;
mod milvus;
mod milvus_bucket;
mod milvus_migrate;
mod models;
mod names;
mod parts;
mod program;
mod quality;
#[path = "../../../engine/tests/it/s3.rs"]
mod s3;
mod search;
mod serve;
mod train;
mod unfreeze;
mod unlabelled;
mod vectors;
mod vectors_refused;
mod words;
