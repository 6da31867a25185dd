//! `fovea bench plan` on a server: what a library of synthetic items takes of it and of a process that has a copy of the records.
//!
//! A server that was written to holds buffers and rubbish of that; so it is asked after a start.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use fovea_measure::median;
use fovea_vectordb::{Database, Milvus, MilvusAddress, OpenMode};
use serde_json::{Value, json};

use super::server::Server;
use super::sizes::{Shape, fill, load, within};
use crate::bench_ann::{Bar, Process, PythonEnv};
use crate::bench_milvus::PYMILVUS;
use crate::exit::Refusal;
use crate::flags::scale::BenchPlanFlags;
use crate::memory::resident;
use crate::settings::{Settings, cache_folder};

/// What is written: items with features and vectors as the pack `base` has them, and with one longer vector.
const SHAPES: [Shape; 2] = [(1280, 512, 0), (0, 768, 0)];
/// How long after a start and loading the server is asked: it gives back what loading took, at the latest after two minutes, when its
/// memory is cleared of rubbish whether there is much or not.
const SETTLED: Duration = Duration::from_secs(130);
/// How often, and how far apart: the median of them counts.
const SAMPLES: usize = 7;
const APART: Duration = Duration::from_secs(10);
/// How long loading and making indexes may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// What an object store of Milvus has below it; the rest are logs of writes and of the server.
const OBJECTS: [&str; 4] = ["insert_log", "delta_log", "stats_log", "index_files"];

/// Ratios of predicted to measured.
pub(super) fn measure(
    server: &MilvusAddress,
    flags: &BenchPlanFlags,
    say: &dyn Fn(&str),
) -> anyhow::Result<Vec<Bar>> {
    let store = cache_folder()?.join("bench").join("milvus");
    let env = PythonEnv::ready(&store, PYMILVUS, say)?;
    let bench = Bench {
        server,
        env,
        restart: flags.restart.as_deref(),
        objects: flags.server_data.as_deref(),
        say,
    };
    let n = flags.items.iter().copied().max().unwrap_or_default();
    let mut bars = Vec::new();
    for shape in SHAPES {
        bars.extend(bench.shape(n, shape)?);
    }
    Ok(bars)
}

struct Bench<'a> {
    server: &'a MilvusAddress,
    env: PythonEnv,
    restart: Option<&'a str>,
    objects: Option<&'a Path>,
    say: &'a dyn Fn(&str),
}

impl Bench<'_> {
    fn shape(&self, n: u64, shape: Shape) -> anyhow::Result<Vec<Bar>> {
        let say = self.say;
        self.clear()?;
        let before = self.objects.map(object_bytes).transpose()?;
        say(&format!("{n} items with vectors of {shape:?} numbers"));
        let library = format!("plan-{}-{shape:?}", std::process::id());
        let address = self.server.of_library(&library);
        let milvus = Milvus::open(&address, "plan", OpenMode::Create)?;
        fill(&milvus, n, shape)?;
        milvus.build_indexes(&())?;
        drop(milvus);
        self.ask(&json!({"do": "flush"}))?;
        say("waiting for indexes");
        self.wait("indexed")?;
        let plan = Server::of(&load(n, shape));
        let mut bars = Vec::new();
        let mut add = |what: &str, predicted: f64, measured: f64| {
            let each = measured / n as f64;
            let what = format!("{n} items, {shape:?}: {each:.0} bytes an item {what}");
            say(&what);
            bars.extend(within(&what, predicted / measured));
        };
        if let (Some(objects), Some(before)) = (self.objects, before) {
            let bytes = object_bytes(objects)? - before;
            add("in the object store", plan.disk_bytes, bytes);
        }
        say("a process with a copy of the records");
        add(
            "in a process with a copy",
            plan.record_bytes,
            self.copy(&library)?,
        );
        if let Some(bytes) = self.memory_after_start()? {
            add("in the server's memory", plan.memory_bytes, bytes);
        }
        self.clear()?;
        Ok(bars)
    }

    /// Bytes of the server's memory when it has started and loaded what it has.
    fn memory_after_start(&self) -> anyhow::Result<Option<f64>> {
        let Some(restart) = self.restart else {
            return Ok(None);
        };
        (self.say)("starting the server anew");
        let ended = Command::new("sh").args(["-c", restart]).status()?;
        if !ended.success() {
            return Err(Refusal::input(format!("--restart {restart}: {ended}")).into());
        }
        self.wait("loaded")?;
        std::thread::sleep(SETTLED);
        let mut samples = Vec::with_capacity(SAMPLES);
        for _ in 0..SAMPLES {
            std::thread::sleep(APART);
            let said = self.ask(&json!({"do": "memory"}))?["bytes"].as_f64();
            samples.push(said.context("the server does not say what it takes")?);
        }
        Ok(median(&samples))
    }

    /// Until the server says so.
    fn wait(&self, what: &str) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let said = self.ask(&json!({"do": what}))?;
            if said[what] == json!(true) {
                return Ok(());
            }
            anyhow::ensure!(
                begun.elapsed() < PATIENCE,
                "not {what} on the server: {said}"
            );
            // Each question starts a Python of its own, which would take the server's time.
            std::thread::sleep(Duration::from_secs(5));
        }
    }

    /// Bytes that a process of its own takes for a copy of the records.
    fn copy(&self, library: &str) -> anyhow::Result<f64> {
        let (host, port) = self.server.host_and_port();
        let address = format!("milvus://{host}:{port}?library={library}");
        let said = Command::new(std::env::current_exe()?)
            .args(["--db", &address, "--quiet", "bench", "plan", "--copy"])
            .output()?;
        let words = String::from_utf8_lossy(&said.stderr);
        anyhow::ensure!(said.status.success(), "{address}: {words}");
        let bytes: Value = serde_json::from_slice(&said.stdout)?;
        bytes.as_f64().context("no number of bytes")
    }

    /// A client of its own each time: a connection does not outlive the server.
    fn ask(&self, question: &Value) -> anyhow::Result<Value> {
        let (host, port) = self.server.host_and_port();
        Process::start(&mut self.env.command(&[host, port]))?.ask(question)
    }

    /// Nothing of Fovea's is left on the server.
    fn clear(&self) -> anyhow::Result<()> {
        self.ask(&json!({"do": "clear"})).map(drop)
    }
}

/// Bytes that this process takes for a copy of the records.
pub fn copied(settings: &Settings) -> anyhow::Result<u64> {
    let server = settings.server.as_ref().context("no server is named")?;
    let unknown = "this system does not say how much memory a process has";
    let before = resident().context(unknown)?;
    let milvus = Milvus::open(server, "plan", OpenMode::ReadOnly)?;
    let after = resident().context(unknown)?;
    drop(milvus);
    Ok(after.saturating_sub(before))
}

fn object_bytes(folder: &Path) -> anyhow::Result<f64> {
    let mut bytes = 0;
    for name in OBJECTS {
        let below = folder.join(name);
        if below.is_dir() {
            bytes += bytes_below(&below)?;
        }
    }
    Ok(bytes as f64)
}

/// The server adds and removes files meanwhile; one that is gone takes nothing.
fn bytes_below(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(known) if known.is_dir() => bytes_below(&entry.path())?,
            Ok(known) => known.len(),
            Err(_) => 0,
        };
    }
    Ok(bytes)
}
