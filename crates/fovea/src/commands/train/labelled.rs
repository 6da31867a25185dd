//! Images with labels: a folder for each label, or a file that lists them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fovea_encode::{Encoder, Pack};
use fovea_engine::pairs::{self, Listed, PairOptions};
use fovea_engine::{Engine, FoundCaption, IndexOptions, Skipped};
use fovea_train::matrix::Matrix;
use fovea_vectordb::ContentHash;
use ignore::WalkBuilder;

use super::gather::collection_of;
use crate::commands::filters::filters;
use crate::exit::Refusal;
use crate::flags::train::LabelFlags;
use crate::render::IndexProgress;
use crate::settings::Settings;

/// No honest file of labels is longer.
const MOST_BYTES: u64 = 1 << 28;

/// What a classifier learns from; the same picture counts once.
pub struct Labelled {
    /// All labels in the order of the alphabet.
    pub labels: Vec<String>,
    /// A row for each image; of several views one after the other.
    pub features: Matrix,
    /// What each row is of.
    pub contents: Vec<ContentHash>,
    /// Labels of each row, as numbers of `labels`.
    pub rows: Vec<Vec<u32>>,
    pub skipped: Vec<Skipped>,
    /// Hex BLAKE3 of contents and labels.
    pub hash: String,
}

impl Labelled {
    /// The label of each row, where all have exactly one.
    pub fn singles(&self) -> Option<Vec<u32>> {
        let single = |row: &Vec<u32>| (row.len() == 1).then(|| row[0]);
        self.rows.iter().map(single).collect()
    }

    /// Kept features of the pictures of the collection that have no label here, of those that the filters let through.
    pub fn without(
        &self,
        engine: &Engine,
        filter: &[String],
    ) -> anyhow::Result<Vec<(PathBuf, Vec<f32>)>> {
        let mut unlabelled = Vec::new();
        self.each_without(engine, filter, &mut |path, feature| {
            unlabelled.push((path, feature));
            ControlFlow::Continue(())
        })?;
        match unlabelled.is_empty() {
            true => Err(nothing_unlabelled().into()),
            false => Ok(unlabelled),
        }
    }

    /// The same, one after the other.
    pub fn each_without(
        &self,
        engine: &Engine,
        filter: &[String],
        take: &mut dyn FnMut(PathBuf, Vec<f32>) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let filter = filters(engine, filter)?;
        let known: HashSet<ContentHash> = self.contents.iter().copied().collect();
        let is_new = |content: &ContentHash| !known.contains(content);
        Ok(pairs::each_kept_feature(engine, &filter, &is_new, take)?)
    }
}

pub fn nothing_unlabelled() -> Refusal {
    Refusal::input(
        "every picture of the collection has a label already, or it has none at all: fovea index PATH adds some",
    )
}

pub fn gather(
    settings: &Settings,
    source: &LabelFlags,
    (n_workers, n_views): (usize, usize),
    pack: &Pack,
) -> anyhow::Result<Labelled> {
    let (listed, is_folder) = match (&source.folder, &source.labels) {
        (Some(folder), _) => (of_folder(folder)?, true),
        (None, Some(file)) => (of_file(file)?, false),
        (None, None) => {
            return Err(Refusal::input("--folder DIR or --labels FILE.tsv is needed").into());
        }
    };
    let options = PairOptions {
        files: IndexOptions {
            n_workers,
            ..Default::default()
        },
        n_views,
    };
    let progress = IndexProgress::new(settings.quiet);
    let engine = collection_of(settings, pack);
    let gathered = pairs::of_listed(pack, engine.as_ref(), listed, &options, &progress)?;
    progress.finish();
    let mut skipped = gathered.skipped;
    let mut of_content: BTreeMap<ContentHash, (PathBuf, Vec<f32>, BTreeSet<String>)> =
        BTreeMap::new();
    for image in gathered.images {
        let labels = image.captions.into_iter().map(|label| label.text);
        let entry = of_content
            .entry(image.content)
            .or_insert_with(|| (image.path, image.features.concat(), BTreeSet::new()));
        entry.2.extend(labels);
    }
    if is_folder {
        of_content.retain(|_, (path, _, labels)| {
            let is_clear = labels.len() == 1;
            if !is_clear {
                let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
                let reason = format!("the same picture stands in {}", labels.join(" and in "));
                skipped.push(Skipped {
                    path: path.clone(),
                    reason,
                    known: false,
                });
            }
            is_clear
        });
    }
    Ok(labelled(
        of_content,
        skipped,
        n_views * pack.spec().feature_dim,
    ))
}

fn labelled(
    of_content: BTreeMap<ContentHash, (PathBuf, Vec<f32>, BTreeSet<String>)>,
    skipped: Vec<Skipped>,
    n_numbers: usize,
) -> Labelled {
    let all: BTreeSet<&String> = of_content
        .values()
        .flat_map(|(_, _, labels)| labels)
        .collect();
    let labels: Vec<String> = all.into_iter().cloned().collect();
    let numbers: HashMap<&str, u32> = (0..)
        .zip(&labels)
        .map(|(number, label)| (label.as_str(), number))
        .collect();
    let mut hasher = blake3::Hasher::new();
    let mut features = Matrix {
        cols: n_numbers,
        ..Matrix::default()
    };
    let mut rows = Vec::with_capacity(of_content.len());
    for (content, (_, feature, labels)) in &of_content {
        hasher.update(content.to_string().as_bytes());
        for label in labels {
            hasher.update(&(label.len() as u64).to_le_bytes());
            hasher.update(label.as_bytes());
        }
        features.data.extend_from_slice(feature);
        rows.push(labels.iter().map(|label| numbers[label.as_str()]).collect());
    }
    features.rows = rows.len();
    Labelled {
        labels,
        features,
        contents: of_content.keys().copied().collect(),
        rows,
        skipped,
        hash: hasher.finalize().to_hex().to_string(),
    }
}

/// Every file below each folder of `root` has that folder's name as its label. Files beside the folders have none.
fn of_folder(root: &Path) -> anyhow::Result<Listed> {
    let entries = fs::read_dir(root).with_context(|| format!("cannot list {}", root.display()))?;
    let root = fs::canonicalize(root).with_context(|| format!("cannot find {}", root.display()))?;
    let mut labels: Vec<(String, PathBuf)> = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !name.starts_with('.') {
            labels.push((name, root.join(entry.file_name())));
        }
    }
    labels.sort();
    let mut listed = Listed::new();
    for (label, folder) in labels {
        let images = images_below(&folder);
        listed.extend(images.map(|path| (path, vec![said(&label)])));
    }
    if listed.is_empty() {
        return Err(Refusal::input(format!(
            "{}: no folder in it has an image; expected a folder for each label with its images inside",
            root.display()
        ))
        .into());
    }
    Ok(listed)
}

/// The files below a folder that are named like images, in the order of their paths.
pub fn images_below(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let mut walk = WalkBuilder::new(folder);
    walk.standard_filters(false).hidden(true);
    let files = walk.sort_by_file_path(Path::cmp).build();
    let files = files
        .filter_map(Result::ok)
        .map(ignore::DirEntry::into_path);
    files.filter(|path| {
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().into_owned());
        ending.is_some_and(|ending| fovea_decode::is_candidate_extension(&ending)) && path.is_file()
    })
}

/// Lines of a path and a label with a tab between them; an image with several labels has several lines.
fn of_file(file: &Path) -> anyhow::Result<Listed> {
    let refused = |what: String| Refusal::input(format!("{}: {what}", file.display()));
    let length = fs::metadata(file)
        .map_err(|error| refused(error.to_string()))?
        .len();
    if length > MOST_BYTES {
        return Err(refused(format!(
            "it has {length} bytes; a file of labels may have {MOST_BYTES}"
        ))
        .into());
    }
    let text = fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
    let text = text.trim_start_matches('\u{feff}');
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")))?;
    let mut labels: BTreeMap<PathBuf, Vec<FoundCaption>> = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || (number == 0 && line.to_lowercase().starts_with("path\t")) {
            continue;
        }
        let Some((path, label)) = line.split_once('\t').filter(|(path, label)| {
            !path.is_empty() && !label.trim().is_empty() && !label.contains('\t')
        }) else {
            return Err(refused(format!(
                "line {}: expected path and label with one tab between them",
                number + 1
            ))
            .into());
        };
        labels
            .entry(folder.join(path))
            .or_default()
            .push(said(label.trim()));
    }
    Ok(labels.into_iter().collect())
}

fn said(label: &str) -> FoundCaption {
    FoundCaption {
        lang: None,
        text: label.to_owned(),
    }
}
