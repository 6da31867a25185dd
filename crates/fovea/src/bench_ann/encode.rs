//! Texts become vectors on all cores.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use fovea_encode::{Encoder, Pack};

use crate::interrupt;
use fovea_vectordb::exchange::Matrix;

/// Texts that a thread takes at once.
const BATCH: usize = 64;

/// The vector of each text, in order.
pub fn texts(pack: &Pack, texts: &[String], say: &dyn Fn(&str)) -> anyhow::Result<Matrix> {
    let dim = pack.spec().shared_dim;
    let batches: Vec<&[String]> = texts.chunks(BATCH).collect();
    let meter = Meter::new("texts", texts.len());
    let found = on_all_cores(batches.len(), say, &meter, |batch| {
        let mut rows = Vec::with_capacity(BATCH * dim);
        for text in batches[batch] {
            rows.extend(pack.text_vector(text)?);
        }
        meter.add(batches[batch].len());
        Ok(rows)
    })?;
    Ok(Matrix::new(dim, found.concat())?)
}

/// What `work` made of each number below `n`, in order. The first failure, or Ctrl-C, ends all.
pub fn on_all_cores<T: Send>(
    n: usize,
    say: &dyn Fn(&str),
    meter: &Meter,
    work: impl Fn(usize) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let (next, n_running) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let done: Mutex<Vec<(usize, anyhow::Result<T>)>> = Mutex::new(Vec::new());
    let worker = || {
        let _leaving = Leaving(&n_running);
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= n || interrupt::is_interrupted() {
                break;
            }
            let made = work(at);
            if made.is_err() {
                next.store(n, Ordering::Relaxed);
            }
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((at, made));
        }
    };
    let n_threads = thread::available_parallelism().map_or(1, usize::from);
    n_running.store(n_threads, Ordering::Release);
    thread::scope(|scope| {
        (0..n_threads).for_each(|_| drop(scope.spawn(worker)));
        while n_running.load(Ordering::Acquire) > 0 {
            thread::sleep(Duration::from_millis(50));
            meter.tell(say);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    let made: Vec<T> = done
        .into_iter()
        .map(|(_, made)| made)
        .collect::<Result<_, _>>()?;
    if made.len() < n {
        bail!("interrupted; what is finished is kept, and the same command goes on");
    }
    Ok(made)
}

/// Counts its thread out, also when that panics, so that nobody waits for it.
struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// Says now and then how far a long piece of work is.
pub struct Meter {
    what: &'static str,
    of: usize,
    done: AtomicUsize,
    started: Instant,
    told: Mutex<Instant>,
}

/// Often enough to see that it lives, seldom enough for a log.
const EVERY: Duration = Duration::from_secs(20);

impl Meter {
    pub fn new(what: &'static str, of: usize) -> Meter {
        Meter {
            what,
            of,
            done: AtomicUsize::new(0),
            started: Instant::now(),
            told: Mutex::new(Instant::now()),
        }
    }

    pub fn add(&self, n: usize) {
        self.done.fetch_add(n, Ordering::Relaxed);
    }

    fn tell(&self, say: &dyn Fn(&str)) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() < EVERY {
            return;
        }
        *told = Instant::now();
        let done = self.done.load(Ordering::Relaxed);
        let rate = done as f64 / self.started.elapsed().as_secs_f64();
        let left_min = (self.of - done.min(self.of)) as f64 / rate.max(1e-9) / 60.0;
        let (what, of) = (self.what, self.of);
        say(&format!(
            "{done} of {of} {what}, {rate:.0} a second, {left_min:.1} min left"
        ));
    }
}
