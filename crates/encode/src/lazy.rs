//! Parts that are loaded by the first call that needs them.

use std::sync::{Arc, Mutex};

use crate::Error;

/// Checks on another thread what this one loads meanwhile, and hands nothing out before the check is done: a file takes about
/// as long to load as to hash. A file that was altered is the reason for whatever loading it said.
pub fn beside(
    check: impl FnOnce() -> Result<(), Error> + Send,
    load: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let check = scope.spawn(check);
        let loaded = load();
        match check.join() {
            Ok(checked) => checked.and(loaded),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// A part that is loaded once; a failure is not remembered, so that the next call may succeed.
pub struct Lazy<T>(Mutex<Option<Arc<T>>>);

impl<T> Lazy<T> {
    pub fn new() -> Self {
        Self(Mutex::new(None))
    }

    pub fn get_or_load(&self, load: impl FnOnce() -> Result<T, Error>) -> Result<Arc<T>, Error> {
        let mut place = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(part) = &*place {
            return Ok(Arc::clone(part));
        }
        let part = Arc::new(load()?);
        *place = Some(Arc::clone(&part));
        Ok(part)
    }
}
