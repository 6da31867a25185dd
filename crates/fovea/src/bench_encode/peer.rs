//! What Python takes, asked of a process of its own.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fovea_encode::Pack;
use serde_json::{Value, json};

use crate::bench_ann::{Process, PythonEnv, PythonPeers};
use crate::settings::cache_folder;

const PEERS: PythonPeers = PythonPeers {
    what: "ONNX Runtime, Pillow, numpy",
    pins: include_str!("peers.txt"),
    script: include_str!("peer.py"),
    compiled: None,
};

/// Python over the networks of a pack.
pub struct Peer {
    process: RefCell<Process>,
}

impl Peer {
    pub fn start(pack: &Pack, scratch: &Path, say: &dyn Fn(&str)) -> anyhow::Result<Self> {
        let env = PythonEnv::ready(&cache_folder()?.join("bench"), PEERS, say)?;
        let mut spec = json!({"image": pack.image_network()});
        if let (Some(file), Some(text)) = (pack.text_network(), pack.text_tower()) {
            spec["text"] = json!({"file": file, "ids": text.ids, "mask": text.mask, "types": text.types,
                "wide": text.wide, "output": text.output});
        }
        let path = scratch.join("pack.json");
        fs::write(&path, spec.to_string())
            .with_context(|| format!("cannot write {}", path.display()))?;
        let process = Process::start(&mut env.command(&[path]))?;
        Ok(Self {
            process: RefCell::new(process),
        })
    }

    fn ask(&self, question: &Value) -> anyhow::Result<Value> {
        self.process.borrow_mut().ask(question)
    }

    fn seconds(&self, question: &Value) -> anyhow::Result<f64> {
        self.ask(question)?["seconds"]
            .as_f64()
            .context("Python said no time")
    }

    /// To make one session of `image` or `text`.
    pub fn load(&self, what: &str) -> anyhow::Result<f64> {
        self.seconds(&json!({"do": "load", "what": what}))
    }

    /// Resident bytes.
    pub fn memory(&self) -> anyhow::Result<u64> {
        self.ask(&json!({"do": "memory"}))?["bytes"]
            .as_u64()
            .context("Python does not know its memory")
    }

    pub fn network(&self, count: usize, threads: usize) -> anyhow::Result<f64> {
        self.seconds(&json!({"do": "network", "count": count, "threads": threads}))
    }

    pub fn images(&self, files: &[PathBuf], threads: usize) -> anyhow::Result<f64> {
        self.seconds(&json!({"do": "images", "files": files, "threads": threads}))
    }

    pub fn texts(&self, texts: &[Value], threads: usize) -> anyhow::Result<f64> {
        self.seconds(&json!({"do": "texts", "texts": texts, "threads": threads}))
    }

    pub fn prepare(&self, file: &Path) -> anyhow::Result<f64> {
        self.seconds(&json!({"do": "prepare", "file": file}))
    }
}

/// Texts as the network reads them.
pub fn cut(pack: &Pack, texts: &[String]) -> anyhow::Result<Vec<Value>> {
    let cut = texts.iter().map(|text| {
        let tokens = pack.tokens(text)?;
        Ok(json!({"ids": tokens.ids, "mask": tokens.mask}))
    });
    cut.collect()
}
