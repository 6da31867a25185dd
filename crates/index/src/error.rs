//! What an index refuses: the caller's input, or bytes that were an index once.

/// Why something was not done.
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

    /// No family has this name.
    #[error("no index family {name:?}: there are {}", known.join(", "))]
    NoSuchFamily {
        name: String,
        known: Vec<&'static str>,
    },

    /// A family does not take this parameter.
    #[error("parameter {name:?}: {reason}")]
    Parameter { name: String, reason: String },

    /// Saved bytes are not what was saved.
    #[error("section {section:?} of the index is damaged: {reason}")]
    Damaged {
        section: &'static str,
        reason: String,
    },

    /// The caller wanted no more of it.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    pub fn damaged(section: &'static str, reason: impl Into<String>) -> Error {
        Error::Damaged {
            section,
            reason: reason.into(),
        }
    }

    pub fn parameter(name: &str, reason: String) -> Error {
        Error::Parameter {
            name: name.to_owned(),
            reason,
        }
    }
}
