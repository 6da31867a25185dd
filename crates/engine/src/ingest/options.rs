//! What a caller may choose about an index run.

use std::path::PathBuf;

use fovea_decode::Limits;

use super::share::Share;
use crate::parts::Regions;
use crate::tagging::TagList;

#[derive(Clone, Debug)]
pub struct IndexOptions {
    /// `None` keeps what the source was last indexed with (at first: sidecars).
    pub captions: Option<CaptionChoice>,
    /// Globs to leave out; `None` keeps what the source was last indexed with.
    pub exclude: Option<Vec<String>>,
    /// Which parts of each image are kept beside the whole; `None` keeps what the collection was last told (at first: none).
    pub regions: Option<Regions>,
    /// A person's own list of tags; `None` keeps what the collection was last told (at first: none).
    pub tags: Option<TagChoice>,
    /// Try files again that could not be read in an earlier run and have not changed.
    pub retry: bool,
    /// Index files that were forgotten, too, as if they never had been.
    pub remember: bool,
    /// A root that has become empty normally counts as unplugged; this says that its pictures are really gone.
    pub prune_empty: bool,
    /// Only the files of one share; `None` is all of them. What nobody uses any more is left to a run over all.
    pub share: Option<Share>,
    pub limits: Limits,
    /// Largest file that is read, in bytes.
    pub max_file_bytes: u64,
    /// One worker a core by default.
    pub n_workers: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptionChoice {
    None,
    Sidecar,
    Tsv(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagChoice {
    /// No list any more.
    None,
    List(TagList),
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self {
            captions: None,
            exclude: None,
            regions: None,
            tags: None,
            retry: false,
            remember: false,
            prune_empty: false,
            share: None,
            limits: Limits::default(),
            max_file_bytes: 1 << 30,
            n_workers: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

impl CaptionChoice {
    /// The form kept with a source, so that the next run without `--captions` does the same.
    pub fn to_setting(&self) -> String {
        match self {
            CaptionChoice::None => "none".to_owned(),
            CaptionChoice::Sidecar => "sidecar".to_owned(),
            CaptionChoice::Tsv(path) => format!("tsv:{}", path.display()),
        }
    }

    pub fn from_setting(setting: &str) -> Self {
        match (setting, setting.strip_prefix("tsv:")) {
            (_, Some(path)) => CaptionChoice::Tsv(PathBuf::from(path)),
            ("none", _) => CaptionChoice::None,
            _ => CaptionChoice::Sidecar,
        }
    }
}
