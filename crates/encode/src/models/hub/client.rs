//! The hub's own protocol: one request that lists a repository with sizes and checksums, and one for each file.
//!
//! The crates that speak it (`hf-hub`) were looked at: 0.5 checks no checksum and takes a whole answer for the rest of a
//! file, 1.0 brings an asynchronous runtime and 290 crates.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::thread;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};

use super::cache::{cannot, make_parent};
use super::{Hub, Reference};
use crate::error::{Error, Fault};

/// Tries in a row that bring nothing.
const TRIES: u32 = 5;
/// No honest list of files is longer.
const LISTING_MAX: u64 = 32 << 20;
/// How much is read at a time.
const BUFFER: usize = 256 << 10;

const NETWORK: &str = "check the network (HF_ENDPOINT, HTTPS_PROXY) and try again: what arrived is kept; or fetch the files \
                       elsewhere and use `fovea models add DIR`";

/// What a repository holds at a commit.
#[derive(Debug, Deserialize)]
pub struct Listing {
    pub sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Debug, Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Debug, Deserialize)]
struct Lfs {
    sha256: String,
    size: u64,
}

/// A file of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    pub name: String,
    pub bytes: u64,
    /// The checksum by which it is kept: SHA-256 of a large file, git's SHA-1 of a small one.
    pub etag: String,
}

impl Listing {
    /// Names that stay inside a folder.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.siblings.iter().map(|file| file.rfilename.as_str());
        names.filter(|name| is_inside(name))
    }

    /// A file with its checksum.
    pub fn file(&self, name: &str) -> Result<RemoteFile, String> {
        let found = self.siblings.iter().find(|file| file.rfilename == name);
        let found = found.ok_or_else(|| format!("it has no {name}"))?;
        let (bytes, etag) = match (&found.lfs, found.size, &found.blob_id) {
            (Some(lfs), ..) => (lfs.size, &lfs.sha256),
            (None, Some(size), Some(id)) => (size, id),
            _ => return Err(format!("the hub says no size and checksum of {name}")),
        };
        let length = if found.lfs.is_some() { 64 } else { 40 };
        match is_hex(etag, length) {
            true => Ok(RemoteFile {
                name: name.into(),
                bytes,
                etag: etag.to_lowercase(),
            }),
            false => Err(format!("{etag:?} is no checksum of {name}")),
        }
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_inside(name: &str) -> bool {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    name.split('/').all(is_plain) && !name.contains(['\\', ':', '\0'])
}

/// Why a file did not arrive.
enum Broken {
    /// It may arrive if asked again.
    Again(String),
    /// It will not.
    Final(Error),
}

/// The hub, asked for one repository.
pub struct Client<'a> {
    hub: &'a Hub,
    reference: &'a Reference,
    agent: Agent,
}

impl<'a> Client<'a> {
    pub fn new(hub: &'a Hub, reference: &'a Reference) -> Result<Self, Error> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(hub.patience))
            .timeout_recv_response(Some(hub.patience))
            .timeout_per_read(Some(hub.patience))
            .user_agent(concat!("fovea/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls());
        if ["http://127.0.0.1", "http://localhost", "http://[::1]"]
            .iter()
            .any(|here| hub.endpoint.starts_with(here))
        {
            config = config.proxy(None);
        }
        Ok(Self {
            hub,
            reference,
            agent: config.build().into(),
        })
    }

    /// What the repository holds.
    pub fn listing(&self) -> Result<Listing, Error> {
        let (repository, revision) = (self.reference.repository(), self.reference.revision());
        let revision = revision.replace('/', "%2F");
        let url = format!(
            "{}/api/models/{repository}/revision/{revision}?blobs=true",
            self.hub.endpoint
        );
        let mut tries = 0;
        let text = loop {
            match self.text(&url) {
                Ok(text) => break text,
                Err(broken) => self.wait(broken, &mut tries)?,
            }
        };
        let strange = |what: String| {
            self.error(
                what,
                "is HF_ENDPOINT the address of a hub?",
                Fault::Environment,
            )
        };
        let listing: Listing = serde_json::from_str(&text)
            .map_err(|error| strange(format!("the hub's list of files cannot be read: {error}")))?;
        match is_hex(&listing.sha, 40) {
            true => Ok(listing),
            false => Err(strange(format!("{:?} is no commit", listing.sha))),
        }
    }

    fn text(&self, url: &str) -> Result<String, Broken> {
        let response = self.get(url, 0)?;
        let mut text = String::new();
        let mut body = response.into_body().into_reader().take(LISTING_MAX);
        body.read_to_string(&mut text)
            .map_err(|error| Broken::Again(plainly(&error.into())))?;
        Ok(text)
    }

    /// Brings a file to `blob`, going on where an earlier run ended. `on` hears how many bytes there are.
    pub fn download(
        &self,
        commit: &str,
        file: &RemoteFile,
        blob: &Path,
        on: &mut dyn FnMut(u64),
    ) -> Result<(), Error> {
        let is_here = || fs::metadata(blob).is_ok_and(|found| found.len() == file.bytes);
        if is_here() {
            return Ok(());
        }
        let mut name = blob.file_name().unwrap_or_default().to_os_string();
        name.push(".incomplete");
        let path = blob.with_file_name(name);
        let failed = |error: io::Error| cannot(&self.reference.to_string(), "write", &path, &error);
        make_parent(&path).map_err(failed)?;
        let options = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .clone();
        let mut part = options.open(&path).map_err(failed)?;
        // Of two at once the other waits, and then finds it there.
        part.lock().map_err(failed)?;
        if is_here() {
            return Ok(());
        }
        let is_resumed = part.metadata().map_err(failed)?.len() > 0;
        self.complete(commit, file, (&mut part, &path), on)?;
        let mut found = checksum(&mut part, file).map_err(failed)?;
        if found != file.etag && is_resumed {
            part.set_len(0).map_err(failed)?;
            self.complete(commit, file, (&mut part, &path), on)?;
            found = checksum(&mut part, file).map_err(failed)?;
        }
        if found != file.etag {
            part.set_len(0).map_err(failed)?;
            let what = format!(
                "{} arrived with the checksum {found:.16}, and the hub says {:.16}",
                file.name, file.etag
            );
            let remedy = "nothing of it was kept; try again, and if it happens again do not trust what lies between";
            return Err(self.error(what, remedy, Fault::Corruption));
        }
        part.sync_all()
            .and_then(|()| fs::rename(&path, blob))
            .map_err(failed)
    }

    /// Asks until all bytes are there. Tries count only while they bring nothing.
    fn complete(
        &self,
        commit: &str,
        file: &RemoteFile,
        (part, path): (&mut File, &Path),
        on: &mut dyn FnMut(u64),
    ) -> Result<(), Error> {
        let parts = file
            .name
            .split('/')
            .map(encoded)
            .collect::<Vec<_>>()
            .join("/");
        let url = format!(
            "{}/{}/resolve/{commit}/{parts}",
            self.hub.endpoint,
            self.reference.repository()
        );
        let failed = |error: io::Error| cannot(&self.reference.to_string(), "write", path, &error);
        let mut tries = 0;
        loop {
            let start = part.metadata().map_err(failed)?.len();
            on(start.min(file.bytes));
            if start == file.bytes {
                return Ok(());
            }
            if start > file.bytes {
                part.set_len(0).map_err(failed)?;
                continue;
            }
            if let Err(broken) = self.go_on(&url, file, start, (part, path), on) {
                if part.metadata().map_err(failed)?.len() > start {
                    tries = 0;
                }
                self.wait(broken, &mut tries)?;
            }
        }
    }

    /// One request for what is missing.
    fn go_on(
        &self,
        url: &str,
        file: &RemoteFile,
        mut at: u64,
        (part, path): (&mut File, &Path),
        on: &mut dyn FnMut(u64),
    ) -> Result<(), Broken> {
        let disk = |error: io::Error| {
            Broken::Final(cannot(&self.reference.to_string(), "write", path, &error))
        };
        let response = self.get(url, at)?;
        let is_whole = response.status() == 200;
        if !is_whole && !starts_at(&response, at) {
            part.set_len(0).map_err(disk)?;
            return Err(Broken::Again(
                "it sent another part than was asked for".into(),
            ));
        }
        if is_whole && at > 0 {
            // It sends the whole file, whatever was asked for.
            part.set_len(0).map_err(disk)?;
            at = 0;
        }
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; BUFFER];
        while at < file.bytes {
            if (self.hub.is_cancelled)() {
                let what = "interrupted".into();
                let remedy = "what arrived is kept, and the next run goes on there";
                return Err(Broken::Final(self.error(what, remedy, Fault::Environment)));
            }
            let read = body
                .read(&mut buffer)
                .map_err(|error| Broken::Again(plainly(&error.into())))?;
            if read == 0 {
                let what = format!(
                    "the connection ended at {at} of {} bytes of {}",
                    file.bytes, file.name
                );
                return Err(Broken::Again(what));
            }
            let kept = (file.bytes - at).min(read as u64) as usize;
            part.write_all(&buffer[..kept]).map_err(disk)?;
            at += kept as u64;
            on(at);
        }
        Ok(())
    }

    /// Asks for what an address holds from a byte on.
    fn get(&self, url: &str, start: u64) -> Result<Response<ureq::Body>, Broken> {
        let mut request = self.agent.get(url);
        if let Some(token) = &self.hub.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if start > 0 {
            request = request.header("range", format!("bytes={start}-"));
        }
        let response = request
            .call()
            .map_err(|error| Broken::Again(plainly(&error)))?;
        match response.status().as_u16() {
            200 | 206 | 416 => Ok(response),
            status @ (408 | 425 | 429 | 500..) => {
                Err(Broken::Again(format!("the hub answered {status}")))
            }
            status => Err(Broken::Final(self.refused(status, &response))),
        }
    }

    /// What the hub means by refusing. It says 401 to a stranger also where there is no such repository.
    fn refused(&self, status: u16, response: &Response<ureq::Body>) -> Error {
        let code = response.headers().get("x-error-code");
        let code = code.and_then(|code| code.to_str().ok()).unwrap_or_default();
        let has_token = self.hub.token.is_some();
        let token = "set HF_TOKEN to an access token of an account that may read it";
        let (what, remedy) = match (code, status) {
            ("GatedRepo", _) | (_, 403) => (
                "its owner gives it only to those who asked".to_owned(),
                match has_token {
                    true => "ask for access on its page with the account of HF_TOKEN",
                    false => {
                        "ask for access on its page, and set HF_TOKEN to an access token of that account"
                    }
                },
            ),
            ("RevisionNotFound", _) => (
                format!("it has no revision {}", self.reference.revision()),
                "leave @REVISION out, or look at its page for branches and tags",
            ),
            (_, 401) if !has_token => (
                "there is no such repository, or it is not for everybody".to_owned(),
                token,
            ),
            (_, 401) => ("the hub does not accept the token".to_owned(), token),
            (_, 404) => (
                "there is no such repository, revision or file".to_owned(),
                "look at the spelling, as in hf:OWNER/REPO@REVISION",
            ),
            _ => (format!("the hub answered {status}"), NETWORK),
        };
        self.error(what, remedy, Fault::Input)
    }

    /// Waits before another try, or gives up.
    fn wait(&self, broken: Broken, tries: &mut u32) -> Result<(), Error> {
        let what = match broken {
            Broken::Final(error) => return Err(error),
            Broken::Again(what) => what,
        };
        *tries += 1;
        if *tries >= TRIES {
            let what = format!("{} does not answer as it should: {what}", self.hub.endpoint);
            return Err(self.error(what, NETWORK, Fault::Environment));
        }
        thread::sleep(self.hub.pause * 2u32.pow(*tries - 1));
        Ok(())
    }

    fn error(&self, what: String, remedy: &str, fault: Fault) -> Error {
        Error::Hub {
            model: self.reference.to_string(),
            what,
            remedy: remedy.into(),
            fault,
        }
    }
}

/// Whoever the system trusts, so that a network with a certificate of its own works as everywhere else.
fn tls() -> TlsConfig {
    let found = rustls_native_certs::load_native_certs().certs;
    let trusted: Vec<_> = found
        .iter()
        .map(|certificate| ureq::tls::Certificate::from_der(certificate).to_owned())
        .collect();
    let provider = rustls::crypto::ring::default_provider();
    TlsConfig::builder()
        .unversioned_rustls_crypto_provider(std::sync::Arc::new(provider))
        .root_certs(RootCerts::new_with_certs(&trusted))
        .build()
}

/// What happened without the names of types.
fn plainly(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "no such host, or no network".into(),
        ureq::Error::Timeout(_) => "nothing came for too long".into(),
        other => other.to_string(),
    }
}

/// Whether a part begins where it was asked for, as in `bytes 100-199/200`.
fn starts_at(response: &Response<ureq::Body>, at: u64) -> bool {
    let range = response.headers().get("content-range");
    let range = range.and_then(|range| range.to_str().ok());
    let start = range.and_then(|range| {
        range
            .strip_prefix("bytes ")?
            .split('-')
            .next()?
            .parse()
            .ok()
    });
    start == Some(at)
}

/// The checksum of a file, of the kind that the hub says of it.
fn checksum(part: &mut File, file: &RemoteFile) -> io::Result<String> {
    part.rewind()?;
    match file.etag.len() {
        64 => digest::<Sha256>(Sha256::new(), part),
        _ => {
            let mut hasher = sha1::Sha1::new();
            hasher.update(format!("blob {}\0", file.bytes));
            digest(hasher, part)
        }
    }
}

fn digest<D: Digest + Write>(mut hasher: D, part: &mut File) -> io::Result<String> {
    io::copy(part, &mut hasher)?;
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// A part of a path in an address.
fn encoded(part: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let letters = part.bytes().map(|byte| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    letters.collect()
}
