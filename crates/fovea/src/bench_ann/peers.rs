//! The indexes of others as contenders: one Python process holds them, and answers a JSON object a line.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};

use super::contender::{Answers, Ask, Built, Contender, Side};
use super::python_env::{Process, PythonEnv, PythonPeers};

/// The packages and the script.
pub const PEERS: PythonPeers = PythonPeers {
    what: "hnswlib, Faiss, usearch",
    pins: include_str!("peers.txt"),
    script: include_str!("peers.py"),
    compiled: Some("hnswlib"),
};

/// What the process knows of one peer before anything is opened.
#[derive(Clone, Debug, Deserialize)]
struct Listed {
    name: String,
    system: String,
    efforts: Vec<u32>,
    built: bool,
}

/// All peers over one data set.
pub struct Peers {
    process: Rc<RefCell<Process>>,
    listed: Vec<Listed>,
    /// Instruction sets in use, for the report.
    pub simd: Value,
}

impl Peers {
    /// Starts the process on the folder of a data set; `store` keeps built indexes.
    pub fn start(env: &PythonEnv, folder: &Path, store: &Path) -> anyhow::Result<Peers> {
        let mut process = Process::start(&mut env.command(&[folder, store]))?;
        let said = process.ask(&json!({"do": "list"}))?;
        Ok(Peers {
            listed: serde_json::from_value(said["contenders"].clone())?,
            simd: said["simd"].clone(),
            process: Rc::new(RefCell::new(process)),
        })
    }

    /// Names of those whose index would have to be built first, in the order in which to build them.
    pub fn missing(&self) -> Vec<String> {
        let missing = self.listed.iter().filter(|peer| !peer.built);
        missing.map(|peer| peer.name.clone()).collect()
    }

    /// Builds the index of a peer and keeps it; again, where it was built before.
    pub fn build(&self, name: &str) -> anyhow::Result<()> {
        let mut process = self.process.borrow_mut();
        process.ask(&json!({"do": "build", "name": name}))?;
        Ok(())
    }

    /// Loads a built index into the process.
    pub fn open(&self, name: &str) -> anyhow::Result<()> {
        let mut process = self.process.borrow_mut();
        process.ask(&json!({"do": "open", "name": name}))?;
        Ok(())
    }

    pub fn close(&self, name: &str) -> anyhow::Result<()> {
        let mut process = self.process.borrow_mut();
        process.ask(&json!({"do": "close", "name": name}))?;
        Ok(())
    }

    /// Seconds that an open index takes for the first `count` queries of a file, on so many threads.
    pub fn seconds(
        &self,
        name: &str,
        queries: &str,
        ask: Ask,
        threads: u32,
    ) -> anyhow::Result<f64> {
        let question = json!({
            "do": "search", "name": name, "effort": 1, "queries": queries, "count": ask.count, "k": ask.k, "threads": threads,
        });
        let found: Searched = serde_json::from_value(self.process.borrow_mut().ask(&question)?)?;
        Ok(found.seconds)
    }

    /// The peers that are built.
    pub fn contenders(&self, queries: &str) -> Vec<Box<dyn Contender>> {
        let built = self.listed.iter().filter(|peer| peer.built);
        let peers = built.map(|peer| {
            let process = Rc::clone(&self.process);
            Box::new(Peer {
                process,
                listed: peer.clone(),
                queries: queries.to_owned(),
            }) as Box<dyn Contender>
        });
        peers.collect()
    }
}

struct Peer {
    process: Rc<RefCell<Process>>,
    listed: Listed,
    /// Name of the file of queries.
    queries: String,
}

#[derive(Deserialize)]
struct Searched {
    seconds: f64,
    ids: Vec<i64>,
}

impl Contender for Peer {
    fn name(&self) -> &str {
        &self.listed.name
    }

    fn system(&self) -> &str {
        &self.listed.system
    }

    fn side(&self) -> Side {
        Side::Peer
    }

    fn efforts(&self) -> &[u32] {
        &self.listed.efforts
    }

    fn open(&mut self) -> anyhow::Result<Built> {
        let card = self
            .process
            .borrow_mut()
            .ask(&json!({"do": "open", "name": self.listed.name}))?;
        let number = |name: &str| {
            card[name]
                .as_f64()
                .with_context(|| format!("no {name} was kept with {}", self.listed.name))
        };
        Ok(Built {
            build_s: number("build_s")?,
            build_cpu_s: number("build_cpu_s")?,
            bytes_per_vector: number("bytes_per_vector")?,
            load_at_build: card["load"].as_f64(),
        })
    }

    fn close(&mut self) -> anyhow::Result<()> {
        self.process
            .borrow_mut()
            .ask(&json!({"do": "close", "name": self.listed.name}))?;
        Ok(())
    }

    fn search(&mut self, effort: u32, ask: Ask) -> anyhow::Result<Answers> {
        let question = json!({
            "do": "search",
            "name": self.listed.name,
            "effort": effort,
            "queries": self.queries,
            "count": ask.count,
            "k": ask.k,
        });
        let found: Searched = serde_json::from_value(self.process.borrow_mut().ask(&question)?)?;
        Ok(Answers {
            seconds: found.seconds,
            ids: found.ids,
        })
    }
}
