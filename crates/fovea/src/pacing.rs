//! How a pack runs on this machine, as it was measured and kept beside the packs.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use fovea_encode::device::{self, Device};
use fovea_encode::pace::{self, Pace, Tuned};
use fovea_encode::{Encoder, Pack};

use crate::bench_ann::machine;
use crate::gathered::Gathered;
use crate::render;
use crate::settings::Settings;

/// Before the first pictures of a pack are indexed.
const IN_PASSING: Duration = Duration::from_millis(1500);
/// Where somebody asks for it.
pub const AT_LEISURE: Duration = Duration::from_secs(8);

/// How a pack is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pacing {
    /// As it was measured, where it was.
    Kept,
    /// As it was measured, and it is measured where it was not.
    Measured,
    /// In as many sessions as there are threads that ask.
    Plain,
}

/// The pack as it is to run.
pub fn encoder(
    settings: &Settings,
    pack: Pack,
    pacing: Pacing,
) -> anyhow::Result<Arc<dyn Encoder>> {
    if pacing == Pacing::Plain {
        return Ok(Arc::new(pack));
    }
    if pacing == Pacing::Measured {
        if device::in_use() != Device::Cpu {
            // What was kept of a device that is not there any more would be of no use.
            pack.load_image()?;
        }
        if found(settings, &pack).is_none() {
            measure(settings, &pack, IN_PASSING)?;
        }
    }
    Ok(kept(settings, pack))
}

/// The pack as it was measured to run, or plainly.
pub fn kept(settings: &Settings, pack: Pack) -> Arc<dyn Encoder> {
    match found(settings, &pack) {
        Some(tuned) => Gathered::of(pack, tuned.chosen, cores()),
        None => Arc::new(pack),
    }
}

/// What was kept of a pack.
pub fn found(settings: &Settings, pack: &Pack) -> Option<Tuned> {
    place(settings, &machine::name()).kept(pack)
}

/// Measures it and keeps what was found; nothing where the pack has no network that sees.
pub fn measure(
    settings: &Settings,
    pack: &Pack,
    budget: Duration,
) -> anyhow::Result<Option<Tuned>> {
    let Some(tuned) = pace::measure(pack, cores(), budget)? else {
        return Ok(None);
    };
    let name = &pack.spec().name;
    render::note(
        settings,
        &format!("{name} runs on this machine {}.", sentence(&tuned)),
    );
    if let Err(error) = place(settings, &machine::name()).keep(pack, &tuned) {
        // It runs as well; only the next one has to measure again.
        render::note(settings, &format!("That could not be kept: {error}."));
    }
    Ok(Some(tuned))
}

/// A pace in words, as in `with 2 sessions of 1 thread, one picture in a run: 150.2 pictures a second`.
pub fn sentence(tuned: &Tuned) -> String {
    let Pace {
        sessions,
        threads,
        batch,
    } = tuned.chosen;
    let many = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let rate = tuned.measured.iter().find(|one| one.pace == tuned.chosen);
    let rate = rate.map_or(String::new(), |one| {
        format!(": {:.1} pictures a second", one.rate)
    });
    format!(
        "with {} of {}, {} in a run{rate}",
        many(sessions, "session"),
        many(threads, "thread"),
        match batch {
            1 => "one picture".to_owned(),
            batch => format!("up to {batch} pictures"),
        }
    )
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn place<'a>(settings: &'a Settings, machine: &'a str) -> pace::Place<'a> {
    pace::Place {
        store: &settings.models,
        machine,
        cores: cores(),
    }
}
