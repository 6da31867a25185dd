//! The indexes of others as contenders: one Python process holds them, and answers a JSON object a line.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::contender::{Answers, Ask, Built, Contender, Side};
use super::python_env::PythonEnv;

/// The process. It ends when this is dropped.
pub struct Process {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

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
        let mut process = Process::start(env.command().arg(folder).arg(store))?;
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

impl Process {
    /// Starts a script that answers a line with a line.
    pub fn start(command: &mut Command) -> anyhow::Result<Process> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("python3 could not be started")?;
        let (to, from) = (child.stdin.take(), child.stdout.take());
        let (Some(to), Some(from)) = (to, from) else {
            bail!("python3 has no pipes");
        };
        Ok(Process {
            child,
            to,
            from: BufReader::new(from),
        })
    }

    pub fn ask(&mut self, question: &Value) -> anyhow::Result<Value> {
        writeln!(self.to, "{question}").context("the peers' process has ended")?;
        self.to.flush()?;
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            bail!("the peers' process ended (its words are above)");
        }
        let answer: Value = serde_json::from_str(&line)?;
        match answer["error"].as_str() {
            Some(error) => bail!(
                "{}: {error}",
                question["name"].as_str().unwrap_or("the peers")
            ),
            None => Ok(answer),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It only reads; nothing is lost. A process that is gone already is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
