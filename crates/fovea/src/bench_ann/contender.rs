//! The seam between the measurement and what is measured: Fovea's indexes and those of others look alike from here.

/// What building took, and what the index takes.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Built {
    /// Wall time on all cores.
    pub build_s: f64,
    /// Time of all cores together, which a busy machine changes less.
    pub build_cpu_s: f64,
    /// Resident memory over the number of vectors. Mapped files that the system may drop do not count.
    pub bytes_per_vector: f64,
    /// How many processes the machine ran when a kept index was built; above zero it had other work.
    pub load_at_build: Option<f64>,
}

/// Answers to the first queries of a set.
pub struct Answers {
    /// Time of searching, on one thread, without handing the answers over.
    pub seconds: f64,
    /// `k` ids a query; whatever is no row, -1 say, found nothing.
    pub ids: Vec<i64>,
}

/// Which queries are asked.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// How many, from the first.
    pub count: usize,
    pub k: usize,
}

/// An index that can be built, and searched with more or less effort.
pub trait Contender {
    /// As the table shows it, with the parameters that building fixed: `hnswlib M=32`.
    fn name(&self) -> &str;

    /// What competes as one: all parameters of `hnswlib`.
    fn system(&self) -> &str;

    fn side(&self) -> Side;

    /// Settings of the search from cheap to dear. Between two of them any whole number is one as well.
    fn efforts(&self) -> &[u32];

    /// Ready to search after this; built, or loaded when it was built before.
    fn open(&mut self) -> anyhow::Result<Built>;

    /// Gives the memory back; `open` may follow.
    fn close(&mut self) -> anyhow::Result<()>;

    /// Answers the measuring queries on one thread.
    fn search(&mut self, effort: u32, ask: Ask) -> anyhow::Result<Answers>;
}

/// Whose index it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What the database picks when nobody chooses: it stands for Fovea in the headline.
    FoveaDefault,
    Fovea,
    Peer,
}

impl Side {
    pub fn is_fovea(self) -> bool {
        self != Side::Peer
    }
}
