//! Vectors that somebody else made: brought in, searched with, and taken out again. No encoder is needed for any of it.
//!
//! A file goes through `rows` (what its rows are called and what was said of them), `held` (whether the collection can
//! take them) and `import` (batches). `search` asks with vectors as they are, `export` gathers what a file shall hold.

mod error;
mod export;
mod held;
mod import;
mod rows;
mod search;
mod upkeep;

pub use error::VectorError;
pub use export::{ExportOptions, Exported, ExportedRow, export, write_exported};
pub use import::{ImportOptions, ImportReport, VectorFile, import, read};
pub use search::{AskedSpace, search_vector, space_for};
pub use upkeep::{build_indexes, check, tune};
