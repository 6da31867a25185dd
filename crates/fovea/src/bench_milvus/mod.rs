//! What `fovea bench milvus` is made of: the same vectors into Fovea's engine on a server, into the official client
//! (`peer.py`), and into a folder, and the same queries to all of them.
//!
//! Rounds are taken in turns, so that whatever else the machine does is in both.

mod data;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use fovea_measure::{median, overlap};
use fovea_vectordb::exchange::{Matrix, npy};
use fovea_vectordb::{
    Database, Embedded, Filter, ItemId, Milvus, MilvusAddress, OpenMode, Parts, VectorQuery,
};
use serde_json::json;

use self::data::{Data, SPACE};
use crate::bench_ann::{Bar, Process, PythonEnv, PythonPeers};
use crate::exit::Refusal;
use crate::settings::{Settings, cache_folder};

pub const PYMILVUS: PythonPeers = PythonPeers {
    what: "pymilvus 2.3.7",
    pins: include_str!("pymilvus.txt"),
    script: include_str!("peer.py"),
    compiled: None,
};

/// Vectors of one write, of both sides.
const BATCH: usize = 1_000;
/// Queries that answers are compared by, and those before which no time is counted.
const QUERIES: usize = 500;
const WARM_UP: usize = 20;
const TOP_K: usize = 10;
/// How long the server may take for its graph, and between two looks at it.
const SETTLED: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(500);
/// What Fovea asks the server for where ten items are wanted: rows of one item may be several.
const LIMIT: usize = TOP_K + 64;

/// The promises.
const INGEST_RATIO: f64 = 1.0;
const ADDED_MS: f64 = 1.0;
const OVERLAP: f64 = 0.99;

pub fn measure(
    settings: &Settings,
    n_items: usize,
    say: &dyn Fn(&str),
) -> anyhow::Result<Vec<Bar>> {
    let store = cache_folder()?.join("bench").join("milvus");
    let env = PythonEnv::ready(&store, PYMILVUS, say)?;
    let Some(server) = &settings.server else {
        let message = "a server is what is measured: fovea --db milvus://HOST:PORT bench milvus";
        return Err(Refusal::input(message).into());
    };
    let (host, port) = server.host_and_port();
    let peer = Process::start(&mut env.command(&[host, port]))?;
    let scratch = tempfile::tempdir()?;
    say("drawing vectors");
    let data = Data::draw(n_items, QUERIES);
    let mut bench = Bench::begin(server, peer, scratch.path(), data)?;
    let bars = bench.run(say);
    bench.clear()?;
    bars
}

struct Bench {
    data: Data,
    milvus: Milvus,
    embedded: Embedded,
    address: MilvusAddress,
    library: String,
    peer: Process,
    /// Files of vectors for the peer.
    base: String,
    queries: String,
    /// The peer's own collection, and Fovea's once it is known.
    own: String,
    theirs: Option<String>,
}

impl Bench {
    fn begin(
        server: &MilvusAddress,
        mut peer: Process,
        scratch: &Path,
        data: Data,
    ) -> anyhow::Result<Bench> {
        let library = data.pack.fingerprint.clone();
        let address = server.of_library(&library);
        let file = |name: &str, matrix: &Matrix| -> anyhow::Result<String> {
            let path = scratch.join(name);
            npy::write(&path, matrix)?;
            Ok(path.to_string_lossy().into_owned())
        };
        let (base, queries) = (
            file("base.npy", &data.base)?,
            file("queries.npy", &data.queries)?,
        );
        let milvus = Milvus::open(&address, "bench", OpenMode::Create)?;
        let embedded = Embedded::open(&scratch.join("db"), "bench", OpenMode::Create)?;
        data.prepare(&milvus)?;
        data.prepare(&embedded)?;
        let own = format!("bench_{}", library.replace('-', "_"));
        peer.ask(&json!({"do": "make", "name": own, "dim": data.base.dim}))?;
        Ok(Bench {
            milvus,
            embedded,
            library: address.library_key(),
            address,
            peer,
            base,
            queries,
            own,
            theirs: None,
            data,
        })
    }

    fn run(&mut self, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>> {
        let mut bars = vec![self.ingest(say)?];
        say("the same vectors into a folder");
        for from in (0..self.data.base.rows()).step_by(BATCH) {
            let batch = self.data.batch(from, BATCH);
            self.embedded.write(&batch)?;
        }
        self.settle(say)?;
        bars.extend(self.search(say)?);
        say("the same queries to both engines");
        bars.push(self.overlap()?);
        Ok(bars)
    }

    /// Seconds of each batch, Fovea's with everything that it keeps of an item, the peer's of the vectors alone.
    fn ingest(&mut self, say: &dyn Fn(&str)) -> anyhow::Result<Bar> {
        let n = self.data.base.rows();
        say(&format!("{n} vectors in batches of {BATCH}, in turns"));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for from in (0..n).step_by(BATCH) {
            let batch = self.data.batch(from, BATCH);
            let begun = Instant::now();
            self.milvus.write(&batch)?;
            ours.push(begun.elapsed().as_secs_f64());
            let to = (from + BATCH).min(n);
            let question = json!({"do": "upsert", "name": self.own, "file": self.base, "from": from, "to": to});
            let seconds = self.peer.ask(&question)?["seconds"].as_f64();
            theirs.push(seconds.context("the peer told no time")?);
        }
        // The first batch of each also makes and loads what it goes to.
        let p50 = |times: &[f64]| median(&times[1.min(times.len() - 1)..]).context("no batch");
        let (ours, theirs) = (p50(&ours)?, p50(&theirs)?);
        let rate = |seconds: f64| BATCH as f64 / seconds;
        let what = format!(
            "ingest over pymilvus's ({:.0} items/s with records, {:.0} vectors/s alone)",
            rate(ours),
            rate(theirs)
        );
        Ok(Bar::at_least(what, theirs / ours, "x", INGEST_RATIO))
    }

    /// What the end of a run of `fovea index` does, and until the server searches by it.
    fn settle(&mut self, say: &dyn Fn(&str)) -> anyhow::Result<()> {
        let pack = self.data.pack.fingerprint.clone();
        let found = self.peer.ask(&json!({"do": "find", "pack": pack}))?;
        let name = found["name"].as_str().context("no name")?.to_owned();
        self.theirs = Some(name.clone());
        let begun = Instant::now();
        if self.milvus.build_indexes(&())? == 0 {
            return Ok(());
        }
        while self.peer.ask(&json!({"do": "settled", "name": name}))?["settled"] != json!(true) {
            anyhow::ensure!(begun.elapsed() < SETTLED, "the server loads no graph");
            std::thread::sleep(LOOK);
        }
        let seconds = begun.elapsed().as_secs_f64();
        say(&format!("the server's graph took it {seconds:.0} s"));
        Ok(())
    }

    fn search(&mut self, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>> {
        say(&format!("searches in turns, {}", self.effort()));
        let name = self.theirs.clone().context("no collection")?;
        let params = match self.address.effort_for(LIMIT) {
            Some(effort) => json!({"ef": effort}),
            None => json!({}),
        };
        let expr = format!("lib == \"{}\"", self.library);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for row in 0..self.data.queries.rows() {
            let begun = Instant::now();
            let hits = nearest(&self.milvus, &self.data, row)?;
            let ms = begun.elapsed().as_secs_f64() * 1e3;
            anyhow::ensure!(hits.len() == TOP_K, "{} hits", hits.len());
            let question = json!({
                "do": "search", "name": name, "file": self.queries, "row": row, "expr": expr, "limit": LIMIT,
                "params": params,
            });
            let other = self.peer.ask(&question)?["ms"].as_f64();
            if row >= WARM_UP {
                ours.push(ms);
                theirs.push(other.context("the peer told no time")?);
            }
        }
        let p50 = |times: &[f64]| median(times).context("no search");
        let (ours, theirs) = (p50(&ours)?, p50(&theirs)?);
        let what =
            format!("a search more than pymilvus's call, p50 ({ours:.2} and {theirs:.2} ms)");
        Ok(vec![Bar::at_most(what, ours - theirs, " ms", ADDED_MS)])
    }

    fn overlap(&self) -> anyhow::Result<Bar> {
        let n = self.data.queries.rows();
        let mut sum = 0.0;
        for row in 0..n {
            let wanted = nearest(&self.embedded, &self.data, row)?;
            sum += overlap(&wanted, &nearest(&self.milvus, &self.data, row)?);
        }
        let effort = self.effort();
        let what =
            format!("top-{TOP_K} of the folder that the server finds too, {n} queries, {effort}");
        Ok(Bar::at_least(what, sum / n as f64, "", OVERLAP))
    }

    /// How hard the server looks, for both.
    fn effort(&self) -> String {
        match self.address.effort_for(LIMIT) {
            Some(effort) => format!("effort {effort}"),
            None => "exact".to_owned(),
        }
    }

    /// Nothing of the measurement stays on the server but its records, which are few.
    fn clear(&mut self) -> anyhow::Result<()> {
        let names: Vec<&String> = [Some(&self.own), self.theirs.as_ref()]
            .into_iter()
            .flatten()
            .collect();
        self.peer.ask(&json!({"do": "drop", "names": names}))?;
        Ok(())
    }
}

fn nearest(database: &dyn Database, data: &Data, row: usize) -> anyhow::Result<Vec<ItemId>> {
    let hits = database.search(&VectorQuery {
        pack: &data.pack.fingerprint,
        space: SPACE,
        vector: data.queries.row(row),
        top_k: TOP_K,
        filter: &Filter::All,
        parts: Parts::default(),
    })?;
    Ok(hits.into_iter().map(|hit| hit.item).collect())
}
