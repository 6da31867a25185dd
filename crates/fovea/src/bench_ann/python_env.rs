//! The peers' packages from PyPI, installed once into a folder of the cache, and the script that runs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::packages::{hex, run};
use crate::exit::Refusal;

/// A script with the packages that it needs.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    pub name: &'static str,
    pub code: &'static str,
    /// Packages with their versions, as pip reads them.
    pub pins: &'static str,
    /// What is installed, for people.
    pub about: &'static str,
    /// Whether pip compiles some of it.
    pub is_compiled: bool,
}

/// Those of `fovea bench ann`.
pub const PEERS: Script = Script {
    name: "peers",
    code: include_str!("peers.py"),
    pins: include_str!("peers.txt"),
    about: "hnswlib, Faiss, usearch (once; hnswlib is compiled for this machine)",
    is_compiled: true,
};

/// Compilers that Python's build tools look for.
const COMPILERS: [&str; 3] = ["c++", "g++", "clang++"];

/// A folder of packages, and the script beside it.
pub struct PythonEnv {
    packages: PathBuf,
    script: PathBuf,
}

impl PythonEnv {
    /// Installs what is not there yet below `store`.
    pub fn ready(store: &Path, of: &Script, say: &dyn Fn(&str)) -> anyhow::Result<PythonEnv> {
        let packages = store.join(format!("python-{}-{}", python_version()?, short(of.pins)));
        fs::create_dir_all(store).with_context(|| format!("cannot create {}", store.display()))?;
        if !packages.is_dir() {
            install(store, &packages, of, say)?;
        }
        let script = store.join(format!("{}-{}.py", of.name, short(of.code)));
        fs::write(&script, of.code)
            .with_context(|| format!("cannot write {}", script.display()))?;
        Ok(PythonEnv { packages, script })
    }

    /// The script, to be given its arguments. The settings that name a processor for OpenBLAS are not handed on: a wrong one
    /// makes peers slower than they are.
    pub fn command(&self) -> Command {
        let mut command = Command::new("python3");
        command.arg(&self.script);
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
fn install(store: &Path, packages: &Path, of: &Script, say: &dyn Fn(&str)) -> anyhow::Result<()> {
    let compiles = |name: &&str| {
        Command::new(name)
            .arg("--version")
            .output()
            .is_ok_and(|said| said.status.success())
    };
    if of.is_compiled && !COMPILERS.iter().any(compiles) {
        let message = "hnswlib is compiled when it is installed, and there is no C++ compiler: \
                       apt-get install build-essential python3-dev";
        return Err(Refusal::environment(message).into());
    }
    say(&format!("installing the peers: {}", of.about));
    let scratch = tempfile::Builder::new()
        .prefix(".packages-")
        .tempdir_in(store)?;
    let pins = scratch.path().join("peers.txt");
    fs::write(&pins, of.pins)?;
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
        let message = format!(
            "pip could not install the peers ({}); it needs the network, Python 3.11 or later, and for hnswlib a C++ compiler \
             and Python's headers (apt-get install build-essential python3-dev)",
            errors.first().unwrap_or(&"no reason was given").trim()
        );
        return Err(Refusal::environment(message).into());
    }
    fs::rename(&made, packages).with_context(|| format!("cannot make {}", packages.display()))?;
    Ok(())
}
