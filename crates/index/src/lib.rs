//! Vectors in, nearest rows out. It does no I/O, starts no thread and knows
//! neither files nor images: a row is a number, and what it stands for is the
//! caller's business.
//!
//! [`Flat`] compares a query with every row, exactly. The only `unsafe` of
//! the crate is in [`kernels`].

mod error;
mod flat;
pub mod kernels;
mod topk;

pub use error::Error;
pub use flat::{CHUNK_ROWS, Flat};
pub use half::f16;
pub use kernels::Element;
pub use topk::{Scored, TopK};
