//! How a caller follows a long comparison, and ends it.

/// What is being done, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Previews become sketches.
    Reading,
    /// All pairs.
    Comparing,
    /// Pairs that look the same, more closely.
    Verifying,
    /// Pictures that are only alike.
    Similar,
}

/// Told how far it is, and asked whether to go on.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// The stage, what is done of it, and all of it.
    pub progress: &'a (dyn Fn(Stage, usize, usize) + Sync),
    pub is_cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl Watch<'_> {
    /// Says nothing and never stops.
    pub const SILENT: Watch<'static> = Watch {
        progress: &|_, _, _| {},
        is_cancelled: &|| false,
    };

    pub(crate) fn progress(&self, stage: Stage, done: usize, all: usize) {
        (self.progress)(stage, done, all);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        (self.is_cancelled)()
    }
}
