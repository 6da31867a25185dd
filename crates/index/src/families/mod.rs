//! One file for each family of index; `crate::family` lists them.

pub mod annoy;
pub mod flat;
pub mod ivf;
pub mod ivf_pq;
pub mod kd_tree;
pub mod lsh;
pub mod vamana;
