//! What can go wrong while learning: each error says what was expected, what came, and what to do.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two inputs do not fit each other. A fault of the caller.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// Which input.
        what: &'static str,
        /// The size that fits.
        expected: usize,
        /// The size that came.
        found: usize,
    },
    /// An option has a value with which nothing can be learned. A fault of the input.
    #[error("{what}: expected {expected}, found {found}")]
    Option {
        /// Which option.
        what: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// An infinity or something that is not a number. A fault of the data.
    #[error("{what}: row {row} holds a value that is not finite; leave that row out")]
    NotFinite {
        /// Which input.
        what: &'static str,
        /// Which row, counted from zero.
        row: usize,
    },
    /// Too little to fill one batch. A fault of the input.
    #[error(
        "expected at least one batch of {batch} pairs to learn from, found {pairs}; choose a batch of at most {pairs}, \
         or bring more images with captions"
    )]
    TooFewPairs {
        /// Images with a usable feature and a usable caption.
        pairs: usize,
        /// The size of a batch.
        batch: usize,
    },
    /// Too few images with views to fill one batch. A fault of the input.
    #[error(
        "expected at least one batch of {batch} images to learn from, found {images}; choose a batch of at most {images}, \
         or bring more images"
    )]
    TooFewImages {
        /// Images with two views or more on the training side.
        images: usize,
        /// The size of a batch.
        batch: usize,
    },
    /// Nothing tells the pairs apart. A fault of the input.
    #[error(
        "all captions are the same ({caption:?}), so there is nothing to learn; bring captions that tell images apart"
    )]
    SameCaptions {
        /// The caption.
        caption: String,
    },
    /// A classifier was asked of one class. A fault of the input.
    #[error(
        "expected labels of at least two classes, found {found}; bring examples of another class"
    )]
    TooFewClasses {
        /// How many classes have examples.
        found: usize,
    },
    /// The same thing stands on both sides of a split, which would flatter every number measured on it.
    #[error(
        "{count} images of the validation side are also on the training side; first: {example}; move them to one side"
    )]
    Leak {
        /// How many images of the validation side.
        count: usize,
        /// The first, in words.
        example: String,
    },
    /// Training went astray. A fault of the options or the data.
    #[error("training diverged at step {step}: {cause}")]
    Diverged {
        /// The step, counted from one.
        step: u64,
        /// What happened and what to do.
        cause: String,
    },
    /// A checkpoint cannot be used. Damaged or foreign data.
    #[error("{path}: {reason}; remove it to start from the beginning")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file system refused. A fault of the environment.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Fails unless both sizes are the same.
pub(crate) fn expect_size(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    match expected == found {
        true => Ok(()),
        false => Err(Error::Shape {
            what,
            expected,
            found,
        }),
    }
}

/// Fails unless the option is as it may be.
pub(crate) fn expect_option(
    what: &'static str,
    is_good: bool,
    expected: &'static str,
    found: impl std::fmt::Display,
) -> Result<(), Error> {
    match is_good {
        true => Ok(()),
        false => Err(Error::Option {
            what,
            expected,
            found: found.to_string(),
        }),
    }
}
