//! Models by name: the files that are needed of a repository on a hub of Hugging Face's kind, in the cache that its own
//! client keeps, so that whichever program fetched a file, the others find it.
//!
//! The stages are the files: `names` (what was meant), `client` (what the hub says and sends), `cache` (where files lie),
//! `needed` (which files). Nothing here knows packs: what was fetched is a folder like any other.

mod cache;
mod client;
mod names;
mod needed;

use std::path::PathBuf;
use std::time::Duration;

use super::{Choice, Progress};
use crate::error::Error;
use cache::Repository;
use client::Client;

pub use names::{Reference, Source, is_known, known};

const ENDPOINT: &str = "https://huggingface.co";

/// A hub, and how to speak with it.
#[derive(Clone)]
pub struct Hub {
    /// Its address without a slash at the end.
    pub endpoint: String,
    /// The folder with a folder for each repository.
    pub cache: PathBuf,
    /// What says who is asking, where it was said.
    pub token: Option<String>,
    /// Whether only what was fetched before is used.
    pub offline: bool,
    /// How long to wait for the next byte.
    pub patience: Duration,
    /// How long to wait before the first further try; each one waits twice as long.
    pub pause: Duration,
    /// Whether somebody wants this to stop.
    pub is_cancelled: fn() -> bool,
}

impl Hub {
    /// As the environment says: `HF_ENDPOINT`, `HF_HUB_CACHE` or `HF_HOME`, `HF_TOKEN` or the file `token` of a login,
    /// `HF_HUB_OFFLINE`.
    pub fn from_env() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let cache = || {
            let own = set("XDG_CACHE_HOME").map(PathBuf::from);
            own.unwrap_or_else(|| dirs::home_dir().unwrap_or_default().join(".cache"))
        };
        let home = set("HF_HOME").map_or_else(|| cache().join("huggingface"), PathBuf::from);
        let written = || std::fs::read_to_string(home.join("token")).ok();
        let token = set("HF_TOKEN").or_else(written);
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.into());
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache: set("HF_HUB_CACHE").map_or_else(|| home.join("hub"), PathBuf::from),
            token: token
                .map(|token| token.trim().to_owned())
                .filter(|token| !token.is_empty()),
            offline: set("HF_HUB_OFFLINE").is_some_and(|value| value != "0"),
            patience: Duration::from_secs(60),
            pause: Duration::from_secs(1),
            is_cancelled: || false,
        }
    }
}

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The folder with the files, which are links to where they are kept.
    pub folder: PathBuf,
    /// The repository and the commit, as in `OWNER/REPO at 0123456789ab`.
    pub origin: String,
}

/// The files of a model that [`super::add`] needs, fetched where they are not here yet: no other precision, no weights for
/// other programs. Each is whole and has the checksum that the hub says, or it is not there.
pub fn fetch(
    hub: &Hub,
    reference: &Reference,
    choice: Choice<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fetched, Error> {
    let place = Repository::new(&hub.cache, reference);
    let commit = match hub.offline {
        true => place.fetched_commit()?,
        false => {
            progress(Progress::Asking {
                model: reference.to_string(),
            });
            let client = Client::new(hub, reference)?;
            let listing = client.listing()?;
            let names: Vec<&str> = listing.names().collect();
            let mut getting = Getting {
                client: &client,
                place: &place,
                progress,
                n: 0,
                of: 0,
            };
            let networks = needed::networks(&names, choice).map_err(|what| place.lacks(what))?;
            let mut files = needed::settings(&names, choice.size);
            files.extend(networks.iter().map(String::as_str));
            getting.all(&listing, files)?;
            let folder = place.snapshot(&listing.sha);
            let weights = needed::weights(&folder, &networks, &names)?;
            getting.all(&listing, weights.iter().map(String::as_str).collect())?;
            place.remember(&listing.sha)?;
            listing.sha
        }
    };
    Ok(Fetched {
        folder: place.snapshot(&commit),
        origin: format!("{} at {:.12}", reference.repository(), commit),
    })
}

/// Files on their way.
struct Getting<'a> {
    client: &'a Client<'a>,
    place: &'a Repository<'a>,
    progress: &'a mut dyn FnMut(Progress),
    n: usize,
    of: usize,
}

impl Getting<'_> {
    fn all(&mut self, listing: &client::Listing, names: Vec<&str>) -> Result<(), Error> {
        self.of += names.len();
        for name in names {
            self.n += 1;
            let file = listing.file(name).map_err(|what| self.place.lacks(what))?;
            let (n, of) = (self.n, self.of);
            let progress = &mut *self.progress;
            let mut on = |done| {
                progress(Progress::Fetching {
                    n,
                    of,
                    file: name.to_owned(),
                    done,
                    bytes: file.bytes,
                });
            };
            let blob = self.place.blob(&file.etag);
            self.client.download(&listing.sha, &file, &blob, &mut on)?;
            self.place.link(&listing.sha, name, &blob)?;
        }
        Ok(())
    }
}
