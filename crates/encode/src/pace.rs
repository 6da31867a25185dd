//! How the network that sees runs fastest on this machine: how many sessions at the same time, with how many threads each, and
//! how many pictures in one run. Measured in a moment, and kept in the store of the packs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::device::{self, Device};
use crate::error::{Context, Error};
use crate::models::write_durably;
use crate::pack::Pack;
use crate::session::{Library, Model, Sessions, Shapes};
use crate::{Encoder, image};

/// Version of the kept file.
const FORMAT: u32 = 1;
/// No honest one is longer.
const LENGTH_MAX: u64 = 1 << 16;
/// Folder of the kept files in the store.
const FOLDER: &str = ".pace";
/// Another pace than the plain one has to be so much faster: less is chance.
const GAIN: f64 = 1.1;
/// Weights that sessions may take together before fewer of them are preferred where they are about as fast.
const WEIGHTS_MAX: u64 = 1 << 30;
const ABOUT: f64 = 0.95;
/// Pictures of one run that are tried.
const BATCHES: [usize; 2] = [1, 4];
const BATCHES_OF_A_DEVICE: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// How networks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Sessions at the same time, each with weights of its own.
    pub sessions: usize,
    /// Threads of each.
    pub threads: usize,
    /// Pictures of one run at most.
    pub batch: usize,
}

/// A pace, and pictures a second with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    #[serde(flatten)]
    pub pace: Pace,
    pub rate: f64,
}

/// What a pack was found to run best with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    pub chosen: Pace,
    /// All that were tried, the plain pace first.
    pub measured: Vec<Measured>,
}

/// The file that is kept. What it was measured with is said again inside: its name is only a hash of that.
#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    #[serde(flatten)]
    key: Key,
    #[serde(flatten)]
    tuned: Tuned,
}

/// What an answer holds for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Key {
    /// Of the pack.
    features: String,
    /// Processor and cores.
    machine: String,
    cores: usize,
    device: String,
    /// Of the library of ONNX Runtime.
    runtime: String,
}

impl Pace {
    /// A session for each core, and one picture after the other in each.
    pub fn plain(cores: usize) -> Self {
        Self {
            sessions: cores.max(1),
            threads: 1,
            batch: 1,
        }
    }

    fn is_sound(self) -> bool {
        let bounds = [self.sessions, self.threads, self.batch];
        bounds.into_iter().all(|n| (1..=4096).contains(&n))
    }
}

/// A store of packs on a machine.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The folder of the packs.
    pub store: &'a Path,
    /// What the machine is called; another one measures anew.
    pub machine: &'a str,
    pub cores: usize,
}

impl Place<'_> {
    /// What was kept for this pack on this machine, with this device and this library. A file that is damaged, or that was measured
    /// with anything else, counts as none.
    pub fn kept(&self, pack: &Pack) -> Option<Tuned> {
        let key = self.key(pack)?;
        let path = self.path(&key);
        let is_short = fs::metadata(&path).is_ok_and(|file| file.len() <= LENGTH_MAX);
        let text = fs::read_to_string(&path).ok().filter(|_| is_short)?;
        let kept: Kept = serde_json::from_str(&text).ok()?;
        let is_sound = kept.format == FORMAT && kept.key == key && kept.tuned.chosen.is_sound();
        is_sound.then_some(kept.tuned)
    }

    /// Keeps it. Whoever measures at the same time replaces it by an answer that is as good.
    pub fn keep(&self, pack: &Pack, tuned: &Tuned) -> Result<(), Error> {
        let Some(key) = self.key(pack) else {
            return Ok(());
        };
        let path = self.path(&key);
        let folder = self.store.join(FOLDER);
        fs::create_dir_all(&folder).doing("create", &folder)?;
        let kept = Kept {
            format: FORMAT,
            key,
            tuned: tuned.clone(),
        };
        let text = serde_json::to_string_pretty(&kept).map_err(|error| Error::Format {
            path: path.clone(),
            format: "JSON",
            what: error.to_string(),
        })?;
        static N: AtomicU64 = AtomicU64::new(0);
        let (process, n) = (std::process::id(), N.fetch_add(1, Ordering::Relaxed));
        let partial = path.with_extension(format!("{process}-{n}.partial"));
        write_durably(&partial, |out| out.write_all(text.as_bytes()))?;
        fs::rename(&partial, &path).doing("rename", &partial)
    }

    fn key(&self, pack: &Pack) -> Option<Key> {
        pack.image_network()?;
        let runtime = match device::library() {
            // Its content is not ours to hash: it may have hundreds of megabytes.
            Some(library) => {
                let file = fs::metadata(library).ok()?;
                format!(
                    "{} {} {:?}",
                    library.display(),
                    file.len(),
                    file.modified().ok()
                )
            }
            None => {
                let manifest = pack.manifest();
                manifest.file(&manifest.runtime)?.blake3.clone()
            }
        };
        Some(Key {
            features: pack.spec().features.clone(),
            machine: self.machine.to_owned(),
            cores: self.cores,
            device: device::in_use().name().to_owned(),
            runtime,
        })
    }

    fn path(&self, key: &Key) -> PathBuf {
        let mut hasher = blake3::Hasher::new();
        for part in [&key.features, &key.machine, &key.device, &key.runtime] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update(&(key.cores as u64).to_le_bytes());
        let name = &hasher.finalize().to_hex()[..32];
        self.store.join(FOLDER).join(format!("{name}.json"))
    }
}

/// Tries what may be fastest, for `budget` in all or a little longer, where one run takes long. Nothing where the pack has no
/// network that sees.
pub fn measure(pack: &Pack, cores: usize, budget: Duration) -> Result<Option<Tuned>, Error> {
    let Some(network) = pack.image_network() else {
        return Ok(None);
    };
    // Checks the files, and finds out whether the device is there.
    pack.load_image()?;
    let trial = Trial {
        library: Library::of(pack.dir(), pack.manifest())?,
        side: network.recipe.side as usize,
        dim: pack.spec().feature_dim,
        network,
    };
    let weights = trial.weights();
    let (start, candidates) = (Instant::now(), candidates(cores, device::in_use()));
    // The two that are compared at the end are measured twice.
    let slice = budget / (2 * candidates.len() as u32 + 4);
    let mut measured: Vec<Measured> = Vec::new();
    for pace in candidates {
        let (n, spent) = (measured.len().max(1) as u32, start.elapsed());
        if !measured.is_empty() && spent + spent / n > budget {
            break;
        }
        match trial.rate(pace, slice) {
            Ok(rate) => measured.push(Measured { pace, rate }),
            // The plain pace has to work; a network of one picture alone refuses several.
            Err(error) if measured.is_empty() => return Err(error),
            Err(_) => {}
        }
    }
    let mut chosen = choose(&measured, weights);
    let plain = measured[0].pace;
    if chosen != plain && plain.sessions as u64 * weights <= WEIGHTS_MAX {
        // Something else may have run beside the plain pace, and be done by now.
        let again = [trial.rate(plain, slice)?, trial.rate(chosen, slice)?];
        if again[1] < GAIN * again[0] {
            chosen = plain;
        }
    }
    Ok(Some(Tuned { chosen, measured }))
}

/// What is tried, the plain pace first.
fn candidates(cores: usize, device: Device) -> Vec<Pace> {
    let cores = cores.max(1);
    if device != Device::Cpu {
        let batches = BATCHES_OF_A_DEVICE
            .into_iter()
            .filter(|batch| *batch <= cores.max(4));
        let of_one = |batch| Pace {
            sessions: 1,
            threads: 1,
            batch,
        };
        return batches.map(of_one).collect();
    }
    let mut all = Vec::new();
    for batch in BATCHES {
        for sessions in [cores, cores / 2, 1] {
            let pace = Pace {
                sessions: sessions.max(1),
                threads: cores / sessions.max(1),
                batch,
            };
            if !all.contains(&pace) {
                all.push(pace);
            }
        }
    }
    all
}

/// The fastest, where that is worth it. Sessions that would fill the memory with weights give way to fewer that are about as fast.
fn choose(measured: &[Measured], weights: u64) -> Pace {
    let plain = measured[0];
    let fastest = measured
        .iter()
        .max_by(|a, b| a.rate.total_cmp(&b.rate))
        .unwrap_or(&plain);
    let chosen = match fastest.rate >= GAIN * plain.rate {
        true => *fastest,
        false => plain,
    };
    if chosen.pace.sessions as u64 * weights <= WEIGHTS_MAX {
        return chosen.pace;
    }
    let about = measured
        .iter()
        .filter(|one| one.rate >= ABOUT * fastest.rate);
    let fewest = about.min_by_key(|one| (one.pace.sessions, one.pace.batch));
    fewest.unwrap_or(&chosen).pace
}

/// A network, and what it is given.
struct Trial {
    network: crate::ImageNetwork,
    library: Library,
    side: usize,
    dim: usize,
}

impl Trial {
    /// Bytes of its files.
    fn weights(&self) -> u64 {
        let beside = self.network.file.parent().map(fs::read_dir);
        let files = beside.into_iter().flatten().flatten().flatten();
        let is_network = |path: &Path| path == self.network.file;
        let of_tower = self
            .network
            .file
            .parent()
            .is_some_and(|folder| folder.ends_with("image"));
        let sizes = files
            .filter(|file| of_tower || is_network(&file.path()))
            .filter_map(|file| file.metadata().ok());
        sizes.map(|file| file.len()).sum()
    }

    /// Pictures a second.
    fn rate(&self, pace: Pace, slice: Duration) -> Result<f64, Error> {
        let model = Model::File(self.network.file.clone());
        let (library, action) = (self.library.clone(), "load the image network");
        let sessions =
            Sessions::new(model, library, Shapes::Same, action).with_threads(pace.threads);
        let planes = vec![0.25; pace.batch * 3 * self.side * self.side];
        let names = (&*self.network.input, &*self.network.output);
        let dims = (pace.batch, self.dim);
        let see = || {
            let seen = sessions.run(|session| image::run(session, names, self.side, &planes, dims));
            seen.map(drop)
        };
        let begin = Barrier::new(pace.sessions);
        let one = || -> Result<(usize, Duration), Error> {
            // All sessions are made, and have run, before the first counts.
            let first = see();
            begin.wait();
            first?;
            let (start, mut n) = (Instant::now(), 0);
            while n == 0 || start.elapsed() < slice {
                see()?;
                n += pace.batch;
            }
            Ok((n, start.elapsed()))
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..pace.sessions).map(|_| scope.spawn(one)).collect();
            let mut rate = 0.0;
            for thread in threads {
                let (n, took) = match thread.join() {
                    Ok(done) => done?,
                    Err(panic) => std::panic::resume_unwind(panic),
                };
                rate += n as f64 / took.as_secs_f64();
            }
            Ok(rate)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rates: &[(usize, usize, usize, f64)], weights: u64, expect: (usize, usize, usize)) {
        let measured = |&(sessions, threads, batch, rate): &(usize, usize, usize, f64)| {
            let pace = Pace {
                sessions,
                threads,
                batch,
            };
            Measured { pace, rate }
        };
        let all: Vec<Measured> = rates.iter().map(measured).collect();
        let chosen = choose(&all, weights);
        assert_eq!((chosen.sessions, chosen.threads, chosen.batch), expect);
    }

    #[test]
    fn another_pace_has_to_be_worth_it() {
        let rates = [(8, 1, 1, 100.0), (1, 8, 1, 98.0), (8, 1, 4, 109.0)];
        check(&rates, 1 << 20, (8, 1, 1));
        // Eight times the weights of 300 MB are too many where one session is about as fast.
        check(&rates, 300 << 20, (8, 1, 4));
        let slower = [(8, 1, 1, 100.0), (1, 8, 1, 98.0), (4, 2, 1, 103.0)];
        check(&slower, 300 << 20, (1, 8, 1));
        check(&slower, 100 << 20, (8, 1, 1));
        check(&[(2, 1, 1, 100.0), (1, 2, 1, 130.0)], 1, (1, 2, 1));
        check(&[(2, 1, 1, 100.0)], 1, (2, 1, 1));
    }

    #[test]
    fn candidates_use_all_cores_and_are_no_two_the_same() {
        for cores in [0, 1, 2, 3, 4, 7, 64] {
            let all = candidates(cores, Device::Cpu);
            assert_eq!(all[0], Pace::plain(cores));
            let is_within = |pace: &Pace| pace.sessions * pace.threads <= cores.max(1);
            assert!(all.iter().all(|pace| pace.is_sound() && is_within(pace)));
            let unlike = |at: usize| !all[..at].contains(&all[at]);
            assert!((0..all.len()).all(unlike), "{all:?}");
        }
        let device = candidates(16, Device::Cuda);
        assert!(device.iter().all(|pace| pace.sessions == 1));
        assert_eq!(device.last().map(|pace| pace.batch), Some(16));
    }
}
