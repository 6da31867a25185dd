//! A budget of bytes that workers share, so that memory stays bounded however large the images are.

use std::sync::{Condvar, Mutex, PoisonError};

/// Blocks a worker until its bytes fit into what is left.
///
/// A request above the whole budget is admitted alone: a limit on one image is the decoder's business, not the gate's.
#[derive(Debug)]
pub struct Gate {
    budget: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// Bytes taken from a gate; dropping it gives them back.
#[derive(Debug)]
pub struct Permit<'a> {
    gate: &'a Gate,
    bytes: u64,
}

impl Gate {
    pub fn new(budget: u64) -> Self {
        Self {
            budget,
            used: Mutex::new(0),
            freed: Condvar::new(),
        }
    }

    pub fn take(&self, bytes: u64) -> Permit<'_> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = self
            .freed
            .wait_while(used, |used| *used > 0 && *used + bytes > self.budget)
            .unwrap_or_else(PoisonError::into_inner);
        *used += bytes;
        Permit { gate: self, bytes }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self
            .gate
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.gate.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn the_budget_is_never_exceeded_except_by_one_alone() {
        let (gate, inside, most) = (Gate::new(10), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                let (gate, inside, most) = (&gate, &inside, &most);
                scope.spawn(move || {
                    for round in 0..200 {
                        let bytes = if round % 50 == 0 {
                            30
                        } else {
                            1 + (thread + round) % 6
                        };
                        let _permit = gate.take(bytes);
                        let now = inside.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        assert!(now <= 10 || now == 30, "{now} bytes inside a gate of 10");
                        most.fetch_max(now, Ordering::SeqCst);
                        inside.fetch_sub(bytes, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(most.into_inner(), 30);
    }
}
