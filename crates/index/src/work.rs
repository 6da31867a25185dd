//! How much of the machine a build may take, and how it is watched. The
//! caller decides; this crate starts no thread beyond what is asked here, and
//! none outlives its call.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::Error;

/// Threads, seed, and two closures that watch a long piece of work.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    pub threads: usize,
    /// The same seed gives the same index, whatever the number of threads.
    pub seed: u64,
    /// Asked now and then; true ends the work with [`Error::Cancelled`].
    pub is_cancelled: &'a (dyn Fn() -> bool + Sync),
    /// Told now and then which share is done, 0 to 1.
    pub progress: &'a (dyn Fn(f32) + Sync),
}

impl Default for Work<'_> {
    fn default() -> Self {
        Work {
            threads: 1,
            seed: 0,
            is_cancelled: &|| false,
            progress: &|_| {},
        }
    }
}

/// Tasks that one thread takes at a time at most, so that slow ones even out.
const GRAIN: usize = 32;

impl Work<'_> {
    /// `task(state, i)` for each i below `n`, in any order on all threads,
    /// answers in the order of i. Each thread has a state of its own.
    pub fn map<S, T: Send>(
        &self,
        n: usize,
        state: impl Fn() -> S + Sync,
        task: impl Fn(&mut S, usize) -> T + Sync,
    ) -> Result<Vec<T>, Error> {
        // Few tasks are large ones, such as a tree each: every thread gets some.
        let grain = (n / (2 * self.threads.max(1))).clamp(1, GRAIN);
        let next = AtomicUsize::new(0);
        let parts: Mutex<Vec<(usize, Vec<T>)>> = Mutex::default();
        let run = || {
            let mut state = state();
            loop {
                let start = next.fetch_add(grain, Ordering::Relaxed);
                if start >= n || (self.is_cancelled)() {
                    return;
                }
                let end = (start + grain).min(n);
                let part = (start..end).map(|i| task(&mut state, i)).collect();
                let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
                parts.push((start, part));
            }
        };
        let threads = self.threads.clamp(1, n.div_ceil(grain).max(1));
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(run);
            }
            run();
        });
        let mut parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
        parts.sort_unstable_by_key(|(start, _)| *start);
        let all: Vec<T> = parts.into_iter().flat_map(|(_, part)| part).collect();
        if all.len() == n {
            Ok(all)
        } else {
            Err(Error::Cancelled)
        }
    }
}

/// A small generator (SplitMix64, Steele et al. 2014) for sampling and
/// shuffling: an index built twice is the same.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which is not zero.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// 0 to 1, 1 excluded.
    pub fn unit(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Of the normal distribution (Box and Muller 1958).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f32::consts::TAU * self.unit()).cos()
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.below(i + 1));
        }
    }

    /// `count` different numbers below `n`, or all of them, rising.
    pub fn sample(&mut self, n: usize, count: usize) -> Vec<u32> {
        let mut chosen = Vec::with_capacity(count.min(n));
        let mut wanted = count.min(n);
        for i in 0..n {
            if self.below(n - i) < wanted {
                chosen.push(i as u32);
                wanted -= 1;
            }
        }
        chosen
    }
}
