//! What an index refuses. Every one of these is the caller's input.

/// Why a vector or a query was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The vector has the wrong length.
    #[error("a vector of {got} numbers where {expected} are expected")]
    Dimension { expected: usize, got: usize },

    /// The vector holds NaN or infinity, which compare with nothing.
    #[error("number {position} of the vector is NaN or infinite")]
    NotFinite { position: usize },

    /// There is no such row.
    #[error("row {row} of {rows}")]
    NoSuchRow { row: u32, rows: u32 },

    /// Rows are numbered with 32 bits.
    #[error("more than {} rows", u32::MAX)]
    TooManyRows,
}
