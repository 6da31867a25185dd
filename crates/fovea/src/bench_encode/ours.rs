//! What Fovea takes. Threads are those of the caller, each with a session of one thread, as while indexing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::Context;
use fovea_decode::{Options, Pixels, decode};
use fovea_encode::{Encoder, Pack};

/// A pack, and how many ask it at the same time.
pub struct Ours<'a> {
    pack: &'a Pack,
    threads: usize,
}

impl<'a> Ours<'a> {
    pub fn new(pack: &'a Pack, threads: usize) -> Self {
        Self { pack, threads }
    }

    /// Seconds for so many pictures that are prepared already.
    pub fn network(&self, count: usize) -> anyhow::Result<f64> {
        let side = self
            .pack
            .image_network()
            .map_or(1, |network| network.recipe.side) as usize;
        let planes = vec![0.25; 3 * side * side];
        self.seconds(count, |_| {
            self.pack.feature_of_planes(&planes)?;
            Ok(())
        })
    }

    /// Seconds for pictures from their files.
    pub fn images(&self, files: &[PathBuf]) -> anyhow::Result<f64> {
        self.seconds(files.len(), |at| {
            let path = &files[at];
            let bytes =
                fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            self.pack.features(&[&self.decoded(&bytes)?])?;
            Ok(())
        })
    }

    /// Seconds for texts.
    pub fn texts(&self, texts: &[String]) -> anyhow::Result<f64> {
        self.seconds(texts.len(), |at| {
            self.pack.text_vector(&texts[at])?;
            Ok(())
        })
    }

    /// Seconds until a picture is what the network reads, on this thread.
    pub fn prepare(&self, bytes: &[u8]) -> anyhow::Result<f64> {
        let start = Instant::now();
        std::hint::black_box(self.pack.planes(&self.decoded(bytes)?));
        Ok(start.elapsed().as_secs_f64())
    }

    fn decoded(&self, bytes: &[u8]) -> anyhow::Result<Pixels> {
        let options = Options {
            min_side: Some(self.pack.spec().input_side),
            ..Options::default()
        };
        Ok(decode(bytes, &options)?.pixels)
    }

    /// Seconds until all threads are done with `count` pieces of work.
    fn seconds(
        &self,
        count: usize,
        work: impl Fn(usize) -> anyhow::Result<()> + Sync,
    ) -> anyhow::Result<f64> {
        let (next, start) = (AtomicUsize::new(0), Instant::now());
        let one = || loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return Ok(());
            }
            work(at)?;
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads).map(|_| scope.spawn(one)).collect();
            threads.into_iter().try_for_each(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| anyhow::bail!("a thread died"))
            })
        })?;
        Ok(start.elapsed().as_secs_f64())
    }
}

/// Seconds until a pack is open, checked, and has loaded its networks.
pub fn load(dir: &Path, has_text: bool) -> anyhow::Result<f64> {
    let start = Instant::now();
    let pack = Pack::open(dir)?;
    pack.load_image()?;
    if has_text {
        pack.load_text()?;
    }
    Ok(start.elapsed().as_secs_f64())
}
