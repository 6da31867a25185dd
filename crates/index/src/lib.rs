//! Vectors in, nearest rows out. It does no I/O, starts no thread that it was
//! not asked for, and knows neither files nor images: a row is a number, and
//! what it stands for is the caller's business.
//!
//! [`Rows`] keeps vectors and compares a query with every one, exactly. An
//! [`Index`] of one of the [`FAMILIES`] finds the nearest of vectors that it
//! is lent without comparing all. The only `unsafe` of the crate is in
//! [`kernels`].

mod answer;
mod bitmap;
mod block;
mod codes;
mod error;
mod families;
mod family;
mod forest;
mod gathered;
pub mod kernels;
mod kmeans;
mod lists;
mod metric;
mod partition;
mod points;
mod product;
mod projection;
mod rows;
mod sections;
mod topk;
mod vectors;
mod work;

pub use bitmap::Bitmap;
pub use block::{Block, Owner, Shared};
pub use error::Error;
pub use family::{
    BuildOptions, Built, FAMILIES, Family, Index, Parameter, Parameters, SearchOptions, exact,
    family,
};
pub use gathered::Gathered;
pub use half::f16;
pub use kernels::Element;
pub use metric::Metric;
pub use rows::{CHUNK_ROWS, Rows};
pub use sections::{Saved, Sections};
pub use topk::{Scored, TopK};
pub use vectors::{Guard, Numbers, Vectors};
pub use work::{Random, Work};
