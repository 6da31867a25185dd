//! The peers' packages from PyPI, installed once into a folder of the cache, and the script that runs them.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use super::packages::{hex, run};
use crate::exit::Refusal;

/// Peers that run in Python.
#[derive(Clone, Copy, Debug)]
pub struct PythonPeers {
    /// What they are called.
    pub what: &'static str,
    /// Packages with their versions, as pip reads them.
    pub pins: &'static str,
    /// Answers questions, one JSON object a line.
    pub script: &'static str,
    /// Which of the packages is compiled on this machine, where one is.
    pub compiled: Option<&'static str>,
}

/// Compilers that Python's build tools look for.
const COMPILERS: [&str; 3] = ["c++", "g++", "clang++"];

/// What brings a compiler.
const HEADERS: &str = "apt-get install build-essential python3-dev";

/// A folder of packages, and the script beside it.
pub struct PythonEnv {
    packages: PathBuf,
    script: PathBuf,
}

impl PythonEnv {
    /// Installs what is not there yet below `store`.
    pub fn ready(
        store: &Path,
        peers: PythonPeers,
        say: &dyn Fn(&str),
    ) -> anyhow::Result<PythonEnv> {
        let version = python_version()?;
        let packages = store.join(format!("python-{version}-{}", short(peers.pins)));
        fs::create_dir_all(store).with_context(|| format!("cannot create {}", store.display()))?;
        if !packages.is_dir() {
            install(store, &packages, peers, say)?;
        }
        let script = store.join(format!("peers-{}.py", short(peers.script)));
        fs::write(&script, peers.script)
            .with_context(|| format!("cannot write {}", script.display()))?;
        Ok(PythonEnv { packages, script })
    }

    /// The script with what follows it. The settings that name a processor for OpenBLAS are not handed on: a wrong
    /// one makes peers slower than they are.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new("python3");
        command.arg(&self.script).args(arguments);
        command
            .env("PYTHONPATH", &self.packages)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("OPENBLAS_")
                || text.starts_with("OMP_")
                || text.starts_with("FAISS_")
            {
                command.env_remove(&name);
            }
        }
        command
    }
}

fn short(text: &str) -> String {
    use sha2::Digest;
    hex(&sha2::Sha256::digest(text.as_bytes())[..6])
}

fn python_version() -> anyhow::Result<String> {
    let program = "import sys; print('%d.%d' % sys.version_info[:2])";
    let said = run(Command::new("python3").args(["-c", program]), "python3")?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// A folder needs pip alone, where a virtual environment needs a further Debian package.
fn install(
    store: &Path,
    packages: &Path,
    peers: PythonPeers,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let compiles = |name: &&str| {
        Command::new(name)
            .arg("--version")
            .output()
            .is_ok_and(|said| said.status.success())
    };
    if let Some(compiled) = peers.compiled
        && !COMPILERS.iter().any(compiles)
    {
        let message = format!(
            "{compiled} is compiled when it is installed, and there is no C++ compiler: {HEADERS}"
        );
        return Err(Refusal::environment(message).into());
    }
    let what = peers.what;
    say(&match peers.compiled {
        Some(compiled) => {
            format!("installing the peers: {what} (once; {compiled} is compiled for this machine)")
        }
        None => format!("installing the peers: {what} (once)"),
    });
    let scratch = tempfile::Builder::new()
        .prefix(".packages-")
        .tempdir_in(store)?;
    let pins = scratch.path().join("peers.txt");
    fs::write(&pins, peers.pins)?;
    let made = scratch.path().join("made");
    let mut command = Command::new("python3");
    command.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
    ]);
    command
        .arg("--target")
        .arg(&made)
        .arg("--requirement")
        .arg(&pins);
    let said = run(&mut command, "python3")?;
    if !said.status.success() {
        let what = String::from_utf8_lossy(&said.stderr);
        let errors: Vec<&str> = what
            .lines()
            .filter(|line| line.to_lowercase().contains("error"))
            .collect();
        let compiler = peers.compiled.map_or(String::new(), |compiled| {
            format!(", and for {compiled} a C++ compiler and Python's headers ({HEADERS})")
        });
        let message = format!(
            "pip could not install the peers ({}); it needs the network, Python 3.11 or later{compiler}",
            errors.first().unwrap_or(&"no reason was given").trim()
        );
        return Err(Refusal::environment(message).into());
    }
    fs::rename(&made, packages).with_context(|| format!("cannot make {}", packages.display()))?;
    Ok(())
}

/// The peers' process, which ends when this is dropped and answers one JSON object a line.
pub struct Process {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Process {
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
