//! What a training run did, as one HTML page that stands by itself.
//!
//! The page asks for nothing from anywhere, which a policy in its head enforces, runs no script, follows the reader's light or
//! dark theme, and reads on a telephone as on a wide screen. Its parts are plain values with public fields: what a run has not,
//! it leaves empty, and the page leaves out. Everything that comes from outside (captions, class names, file names) is escaped
//! and kept from turning the direction of the words around it.

mod axis;
mod chart;
mod classes;
mod confusion;
mod escape;
mod examples;
mod heat;
mod languages;
mod page;
mod reliability;

pub use chart::{Chart, Line, Scale};
pub use confusion::{ClassQuality, Confusion, ConfusionError};
pub use examples::{Example, Thumbnail};
pub use languages::{Language, Measure};
pub use reliability::{Bin, Reliability};

/// Everything that a report can show.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What was trained: the heading of the page.
    pub title: String,
    /// One sentence below it: from what, when, how long it took.
    pub subtitle: String,
    /// What the reader must know before believing a number, each one sentence.
    pub warnings: Vec<String>,
    /// The few numbers that matter most.
    pub figures: Vec<Figure>,
    /// Retrieval quality before and after, a row for each language.
    pub languages: Vec<Language>,
    /// Loss, learning rate, gradient norm, validation recall: small charts side by side.
    pub charts: Vec<Chart>,
    /// Queries with their nearest images before and after.
    pub examples: Vec<Example>,
    /// For classifiers: what was taken for what, on rows that were not trained on.
    pub confusion: Option<Confusion>,
    /// For classifiers: whether stated probabilities come true.
    pub reliability: Option<Reliability>,
    /// Name and value of each setting.
    pub settings: Vec<(String, String)>,
    /// Name and value of each count: pairs, images, captions, rows left out.
    pub data: Vec<(String, String)>,
    /// The hash of the data, so that two reports can be told to be of the same.
    pub data_hash: Option<String>,
}

/// One number, large.
#[derive(Debug, Clone, Default)]
pub struct Figure {
    /// What it is.
    pub label: String,
    /// The number, with its unit.
    pub value: String,
    /// What it is to be compared with; may be empty.
    pub note: String,
}

impl Report {
    /// The page.
    pub fn html(&self) -> String {
        page::html(self)
    }
}

#[cfg(test)]
mod tests;
