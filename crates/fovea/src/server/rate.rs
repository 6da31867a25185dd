//! How often each key may ask: a bucket that fills steadily, from which each request takes one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Seconds of not asking that a bucket can hold.
const BURST_S: f64 = 2.0;

pub struct Rates {
    per_second: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Rates {
    pub fn new(per_second: u32) -> Rates {
        Rates {
            per_second: f64::from(per_second.max(1)),
            buckets: Mutex::default(),
        }
    }

    /// Whether the key of this name may ask now. There are no more buckets than keys.
    pub fn take(&self, name: &str, now: Instant) -> bool {
        let most = self.per_second * BURST_S;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = match buckets.get_mut(name) {
            Some(bucket) => bucket,
            None => buckets.entry(name.to_owned()).or_insert(Bucket {
                tokens: most,
                at: now,
            }),
        };
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + since * self.per_second).min(most);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_key_may_ask_so_often_and_another_is_not_held_up() {
        let rates = Rates::new(10);
        let start = Instant::now();
        let taken = (0..30).filter(|_| rates.take("a", start)).count();
        assert_eq!(taken, 20);
        assert!(rates.take("b", start));
        let later = start + Duration::from_millis(500);
        let taken = (0..30).filter(|_| rates.take("a", later)).count();
        assert_eq!(taken, 5);
        let much_later = start + Duration::from_secs(3600);
        let taken = (0..30).filter(|_| rates.take("a", much_later)).count();
        assert_eq!(taken, 20);
    }
}
