//! `fovea bench encode`: how fast a pack sees and reads, beside Python's ONNX Runtime over the same networks with the same
//! threads, in turns in the same run.
//!
//! `ours` and `peer` answer the same questions; `photo` draws what both look at.

mod ours;
mod peer;
mod photo;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fovea_encode::Pack;
use fovea_measure::median;
use serde::Serialize;

use crate::bench_ann::Bar;
use crate::settings::Settings;
use ours::Ours;
use peer::Peer;

/// Each side is measured so often, in turns; the median counts.
const ROUNDS: usize = 5;
/// Pictures of a camera, 12 million pixels, and what their files may take.
const CAMERA: (u16, u16) = (4000, 3000);
const CAMERA_BYTES: usize = 2_500_000;
/// Pictures as they are passed on, of which a run encodes many.
const SHARED: (u16, u16) = (1600, 1200);
const SHARED_BYTES: usize = 600_000;
const N_SHARED: usize = 8;

/// What is measured, and how.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The pack.
    pub pack: &'a str,
    pub threads: usize,
    /// Pictures, and texts, in each round.
    pub count: usize,
}

/// Of pictures or of texts: how many a second, here and in Python.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Rate {
    pub fovea: f64,
    pub python: Option<f64>,
    pub ratio: Option<f64>,
}

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Report {
    pub bars: Vec<Bar>,
    /// From files to vectors.
    pub image: Rate,
    pub text: Rate,
}

/// What both sides are given.
struct Material {
    camera: PathBuf,
    shared: Vec<PathBuf>,
    texts: Vec<String>,
}

/// Measures the pack of the settings' folder.
pub fn measure(
    settings: &Settings,
    asked: Asked<'_>,
    say: &dyn Fn(&str),
) -> anyhow::Result<Report> {
    let dir = settings.models.join(asked.pack);
    let pack = Pack::open(&dir)?;
    let scratch = tempfile::tempdir()?;
    let material = Material::draw(scratch.path(), asked.count)?;
    let peer = Peer::start(&pack, scratch.path(), say)?;
    // The memory first: afterwards both have everything loaded.
    say("memory");
    let mut bars = memory(&pack, &material, &peer)?;
    say("loading");
    bars.extend(loading(&dir, &pack, &peer)?);
    let ours = Ours::new(&pack, asked.threads);
    say("preparing a photograph of 12 million pixels");
    bars.extend(preparing(&ours, &peer, &material)?);
    say("networks alone");
    let network = rate(
        asked.count,
        || ours.network(asked.count),
        || peer.network(asked.count, asked.threads),
    )?;
    bars.push(at_least(
        format!("pictures a second, network alone ({})", said(network)),
        network,
        0.95,
    ));
    say("from files to vectors");
    let files = material.files(asked.count);
    let image = rate(
        files.len(),
        || ours.images(&files),
        || peer.images(&files, asked.threads),
    )?;
    bars.push(at_least(
        format!("pictures a second, from their files ({})", said(image)),
        image,
        1.5,
    ));
    say("texts");
    let texts = &material.texts;
    let text = match pack.text_network() {
        Some(_) => {
            let cut = peer::cut(&pack, texts)?;
            let text = rate(
                texts.len(),
                || ours.texts(texts),
                || peer.texts(&cut, asked.threads),
            )?;
            let what = format!(
                "texts a second, cut into ids by Fovea alone ({})",
                said(text)
            );
            bars.push(at_least(what, text, 0.95));
            text
        }
        None => alone(texts.len(), || ours.texts(texts))?,
    };
    Ok(Report { bars, image, text })
}

fn at_least(what: String, rate: Rate, must: f64) -> Bar {
    Bar::at_least(what, rate.ratio.unwrap_or(f64::NAN), "x", must)
}

fn said(rate: Rate) -> String {
    format!(
        "{:.1} here, {:.1} in Python",
        rate.fovea,
        rate.python.unwrap_or(f64::NAN)
    )
}

/// How many a second, each side in turns after a first round that does not count.
fn rate(
    count: usize,
    ours: impl Fn() -> anyhow::Result<f64>,
    theirs: impl Fn() -> anyhow::Result<f64>,
) -> anyhow::Result<Rate> {
    let (fovea, python) = in_turns(ours, theirs)?;
    let (fovea, python) = (count as f64 / fovea, count as f64 / python);
    Ok(Rate {
        fovea,
        python: Some(python),
        ratio: Some(fovea / python),
    })
}

/// The same where Python has nothing to run.
fn alone(count: usize, ours: impl Fn() -> anyhow::Result<f64>) -> anyhow::Result<Rate> {
    let (fovea, _) = in_turns(ours, || Ok(1.0))?;
    Ok(Rate {
        fovea: count as f64 / fovea,
        ..Rate::default()
    })
}

/// Medians in seconds.
fn in_turns(
    ours: impl Fn() -> anyhow::Result<f64>,
    theirs: impl Fn() -> anyhow::Result<f64>,
) -> anyhow::Result<(f64, f64)> {
    let (mut here, mut there) = (Vec::new(), Vec::new());
    ours()?;
    theirs()?;
    for _ in 0..ROUNDS {
        here.push(ours()?);
        there.push(theirs()?);
    }
    let middle = |all: &[f64]| median(all).context("nothing was measured");
    Ok((middle(&here)?, middle(&there)?))
}

/// Decoding, fitting and normalising one photograph on one thread.
fn preparing(ours: &Ours<'_>, peer: &Peer, material: &Material) -> anyhow::Result<Vec<Bar>> {
    let bytes = fs::read(&material.camera)?;
    let (here, there) = in_turns(|| ours.prepare(&bytes), || peer.prepare(&material.camera))?;
    let size = bytes.len() as f64 / 1e6;
    let what = format!("preparing a JPEG of 12 million pixels ({size:.1} MB), one thread");
    let over = format!(
        "the same over Pillow's full decode and resize ({:.0} ms)",
        there * 1e3
    );
    Ok(vec![
        Bar::at_most(what, here * 1e3, " ms", 45.0),
        Bar::at_least(over, there / here, "x", 2.5),
    ])
}

/// Opening a pack with all checks, against what ONNX Runtime takes to make the same sessions.
fn loading(dir: &Path, pack: &Pack, peer: &Peer) -> anyhow::Result<Vec<Bar>> {
    let has_text = pack.text_network().is_some();
    let (here, there) = in_turns(
        || ours::load(dir, has_text),
        || Ok(peer.load("image")? + if has_text { peer.load("text")? } else { 0.0 }),
    )?;
    let what = format!(
        "loading the pack, checksums included ({:.0} ms), over making its sessions in Python ({:.0} ms)",
        here * 1e3,
        there * 1e3
    );
    Ok(vec![Bar::at_most(what, here / there, "x", 1.2)])
}

/// What the first text adds to memory, and what the first picture adds then: the network that sees is not there before.
fn memory(pack: &Pack, material: &Material, peer: &Peer) -> anyhow::Result<Vec<Bar>> {
    let (Some(text), Some(image)) = (pack.text_network(), pack.image_network()) else {
        return Ok(Vec::new());
    };
    let resident =
        || crate::memory::resident().context("this system does not say what is resident");
    let Ok(before) = resident() else {
        return Ok(Vec::new());
    };
    Ours::new(pack, 1).texts(&material.texts[..1])?;
    let with_text = resident()?;
    Ours::new(pack, 1).images(&material.shared[..1])?;
    let with_both = resident()?;
    let there = peer.memory()?;
    peer.texts(&peer::cut(pack, &material.texts[..1])?, 1)?;
    let theirs = peer.memory()?.saturating_sub(there) as f64;
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len()) as f64;
    let (read, seen) = (
        (with_text - before) as f64,
        with_both.saturating_sub(with_text) as f64,
    );
    let (of_text, of_image) = (size(&text) / 1e6, size(&image.file) / 1e6);
    let first = format!(
        "memory of the first text ({:.0} MB for a network of {of_text:.0} MB), over Python's session",
        read / 1e6
    );
    let second = format!(
        "what the first picture adds then ({:.0} MB), over its network's {of_image:.0} MB",
        seen / 1e6
    );
    Ok(vec![
        Bar::at_most(first, read / theirs.max(1.0), "x", 1.2),
        Bar::at_least(second, seen / (of_image * 1e6), "x", 0.5),
    ])
}

impl Material {
    fn draw(folder: &Path, count: usize) -> anyhow::Result<Self> {
        let save = |name: String, bytes: Vec<u8>| -> anyhow::Result<PathBuf> {
            let path = folder.join(name);
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(path)
        };
        let camera = save(
            "camera.jpg".into(),
            photo::jpeg(CAMERA.0, CAMERA.1, 1, CAMERA_BYTES)?,
        )?;
        let shared = (0..N_SHARED).map(|at| {
            save(
                format!("shared-{at}.jpg"),
                photo::jpeg(SHARED.0, SHARED.1, 2 + at as u64, SHARED_BYTES)?,
            )
        });
        Ok(Self {
            camera,
            shared: shared.collect::<anyhow::Result<_>>()?,
            texts: texts(count),
        })
    }

    /// As many files as are wanted, over and over.
    fn files(&self, count: usize) -> Vec<PathBuf> {
        self.shared.iter().cycle().take(count).cloned().collect()
    }
}

/// Sentences of several lengths, all different.
fn texts(count: usize) -> Vec<String> {
    const THINGS: [&str; 7] = [
        "a dog",
        "two red bicycles",
        "an old lighthouse",
        "a market",
        "children",
        "a cat asleep",
        "snow",
    ];
    const PLACES: [&str; 5] = [
        "",
        " on a beach",
        " in the rain at night",
        " seen from above",
        " beside a yellow house with a garden",
    ];
    let text = |at: usize| {
        format!(
            "{}{} {at}",
            THINGS[at % THINGS.len()],
            PLACES[at / THINGS.len() % PLACES.len()]
        )
    };
    (0..count).map(text).collect()
}
