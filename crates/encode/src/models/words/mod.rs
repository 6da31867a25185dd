//! A pack whose words are somebody's word vectors: it sees with the network of the base pack, reads a text as the mean of its
//! words, and places pictures by the words of the classes, as ConSE did first (Norouzi et al., arXiv:1312.5650).
//!
//! Where the vectors know none of these words, as of another language, pictures lie nowhere until an alignment is trained over it.

mod rows;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use super::add::{check_place, checked_name};
use super::derive::link;
use super::install::{lock, remove_leftovers, replace};
use super::{BASE, PackInfo, Progress, info, installed, write_durably};
use crate::calibration::Calibration;
use crate::error::{Context, Error};
use crate::manifest::{FORMAT, FileEntry, Manifest, WORDS_MAX, WordsRead};
use crate::pack::{
    ALIGNMENT, CLASS_NAMES, LICENCES_TEXT, Pack, SHIPPED, TEXT_DENSE, TEXT_TABLE, TEXT_VOCABULARY,
    TEXT_WORDS,
};
use crate::tags::ClassName;
use crate::tensors::{self, Data, Matrix, TensorFile};
use crate::text::TextEncoder;
use rows::Found;

/// Words that are taken where nothing is said: more than people ask for, and 480 MB of 300 numbers each.
pub const MOST_WORDS: usize = 400_000;
/// Numbers of the rows while they are read, before the file of the pack is written.
const ROWS: &str = ".rows";
/// Endings of such files, of which those that are packed have one more.
const ENDINGS: [&str; 4] = ["vec", "txt", "bin", "vectors"];
const PACKED: &str = "gz";
/// What the words of the base pack are read and placed by, which does not come along.
const REPLACED: [&str; 6] = [
    TEXT_VOCABULARY,
    TEXT_TABLE,
    TEXT_DENSE,
    ALIGNMENT,
    SHIPPED,
    LICENCES_TEXT,
];

/// What is to be added.
#[derive(Clone, Copy, Debug)]
pub struct WordsAddition<'a> {
    /// The file.
    pub file: &'a Path,
    /// What the pack will be called; as the file without its ending where it is not said.
    pub name: Option<&'a str>,
    /// How many words are taken from its beginning.
    pub most: usize,
    /// Whether a pack of that name gives way.
    pub replace: bool,
}

/// A pack that was added, and what of the file is not in it.
#[derive(Clone, Debug, PartialEq)]
pub struct AddedWords {
    pub info: PackInfo,
    pub words: WordsRead,
    /// Words that are no UTF-8, too long, empty, or there twice.
    pub n_left_out: usize,
    /// Classes there are.
    pub n_classes: usize,
}

/// Whether a path is that of a file of word vectors: by its ending, which weights of PyTorch may have as well, and then by its
/// first bytes.
pub fn is_words(path: &Path) -> bool {
    path.is_file() && plain_name(path).is_some() && !begins_as_weights(path)
}

/// As a zip file or a pickle does.
fn begins_as_weights(path: &Path) -> bool {
    let mut begin = [0; 2];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut begin));
    read.is_ok()
        && (begin == *b"PK" || begin[0] == 0x80)
        && path.extension().is_some_and(|ending| ending == "bin")
}

/// Installs a pack with these word vectors under `dir`. A file that cannot be used leaves nothing behind.
pub fn add_words(
    dir: &Path,
    addition: WordsAddition<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<AddedWords, Error> {
    let name = match addition.name {
        Some(name) => checked_name(name),
        None => checked_name(&plain_name(addition.file).unwrap_or_default()),
    }?;
    if !(1..=WORDS_MAX).contains(&addition.most) {
        return Err(Error::Refused {
            name,
            what: format!("a pack has 1 to {WORDS_MAX} words (--most-words)"),
        });
    }
    let base = Pack::open(&installed(dir, BASE)?.dir)?;
    let _lock = lock(dir, progress)?;
    remove_leftovers(dir)?;
    let place = dir.join(&name);
    check_place(&place, addition.replace)?;
    let partial = dir.join(format!(".{name}.partial-{}", std::process::id()));
    progress(Progress::Converting {
        what: "word vectors",
    });
    let made = put(&partial, &name, addition, &base)
        .and_then(|made| replace(&partial, &place, dir).map(|()| made));
    match made {
        Ok((manifest, words, found)) => {
            progress(Progress::Done { dir: place.clone() });
            Ok(AddedWords {
                n_classes: manifest.classes,
                info: info(place, manifest),
                words,
                n_left_out: found.n_left_out,
            })
        }
        Err(error) => {
            // The error that is reported is the one that matters; what stays is removed by the next call.
            let _ = fs::remove_dir_all(&partial);
            Err(error)
        }
    }
}

/// The name of a file without its ending.
fn plain_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(&format!(".{PACKED}")).unwrap_or(name);
    let (plain, ending) = name.rsplit_once('.')?;
    ENDINGS
        .contains(&ending.to_lowercase().as_str())
        .then(|| plain.to_owned())
}

fn put(
    partial: &Path,
    name: &str,
    addition: WordsAddition<'_>,
    base: &Pack,
) -> Result<(Manifest, WordsRead, Found), Error> {
    fs::create_dir_all(partial).doing("create", partial)?;
    let of_base = base.manifest();
    let kept = of_base.files.iter().map(|file| file.name.as_str());
    let kept: Vec<&str> = kept.filter(|name| !REPLACED.contains(name)).collect();
    for file in &kept {
        link(&base.dir().join(file), &partial.join(file))?;
    }
    let found = put_words(partial, addition)?;
    let encoder = TextEncoder::of_words(&partial.join(TEXT_WORDS), found.n_words, found.dim)?;
    let n_classes = put_alignment(partial, base, &encoder, found.dim)?;
    let words = WordsRead {
        format: found.format.into(),
        n_words: found.n_words,
        n_classes,
    };
    let licences = put_licences(partial, addition.file, base)?;
    let names = kept
        .into_iter()
        .chain([TEXT_WORDS, ALIGNMENT, LICENCES_TEXT]);
    let files: Vec<FileEntry> = names
        .map(|name| FileEntry::under(partial, name))
        .collect::<Result<_, _>>()?;
    let (texts, fingerprint) = fingerprints(of_base, &files);
    let version = format!(
        "{} word vectors of {} numbers, {}",
        found.n_words,
        found.dim,
        &fingerprint[..8]
    );
    let manifest = Manifest {
        format: FORMAT,
        name: name.into(),
        version,
        fingerprint,
        texts,
        shared_dim: found.dim,
        // What a file does not say of its language: captions in every one are taken.
        languages: Vec::new(),
        words: Some(words.clone()),
        // What was learnt over the words of the base pack is not true of these.
        shipped: None,
        calibration: Calibration::of_conse(),
        licences,
        files,
        ..of_base.clone()
    };
    manifest.write(partial)?;
    Ok((manifest, words, found))
}

/// Reads the file and writes the pack's own: numbers go through the disk, so that memory holds the words and one row.
fn put_words(partial: &Path, addition: WordsAddition<'_>) -> Result<Found, Error> {
    let path = partial.join(ROWS);
    let mut numbers =
        BufWriter::with_capacity(1 << 20, File::create(&path).doing("create", &path)?);
    let mut ranks: HashMap<String, u64> = HashMap::new();
    let found = rows::read(addition.file, addition.most, &mut |word, row| {
        if ranks.contains_key(word) {
            return Ok(false);
        }
        ranks.insert(word.to_owned(), ranks.len() as u64);
        numbers
            .write_all(bytemuck::cast_slice(row))
            .doing("write", &path)?;
        Ok(true)
    })?;
    numbers.flush().doing("write", &path)?;
    drop(numbers);
    let mut sorted: Vec<(String, u64)> = ranks.into_iter().collect();
    sorted.sort_unstable();
    let words = fst::Map::from_iter(sorted).map_err(|error| Error::Format {
        path: addition.file.into(),
        format: "a list of words",
        what: error.to_string(),
    })?;
    let mapped = tensors::map(&path)?;
    let matrices = [
        Matrix {
            name: "words",
            rows: 1,
            columns: words.as_fst().as_bytes().len(),
            data: Data::Bytes(words.as_fst().as_bytes()),
        },
        Matrix {
            name: "vectors",
            rows: found.n_words,
            columns: found.dim,
            data: Data::Floats(bytemuck::cast_slice(&mapped)),
        },
    ];
    write_durably(&partial.join(TEXT_WORDS), |out| {
        tensors::write(out, &matrices)
    })?;
    drop(mapped);
    fs::remove_file(&path).doing("remove", &path)?;
    Ok(found)
}

/// The classifier of the base pack with the classes where these words are; how many of them have one.
fn put_alignment(
    partial: &Path,
    base: &Pack,
    encoder: &TextEncoder,
    dim: usize,
) -> Result<usize, Error> {
    let (classes, feature_dim) = (base.manifest().classes, base.frozen_dim());
    let of_base = TensorFile::open(&base.dir().join(ALIGNMENT))?;
    let weights = of_base.floats("weights", classes, feature_dim)?;
    let bias = of_base.floats("bias", 1, classes)?;
    let names = class_names(base)?;
    let names: Vec<&str> = names.iter().map(|class| class.name.as_str()).collect();
    let vectors = encoder.encode(&names);
    let is_known = |vector: &&Vec<f32>| vector.iter().any(|number| *number != 0.0);
    let n_known = vectors.iter().filter(is_known).count();
    let matrix = |name, rows, columns, numbers| Matrix {
        name,
        rows,
        columns,
        data: Data::Floats(numbers),
    };
    let vectors = vectors.concat();
    let all = [
        matrix("weights", classes, feature_dim, &weights),
        matrix("bias", 1, classes, &bias),
        matrix("classes", classes, dim, &vectors),
    ];
    write_durably(&partial.join(ALIGNMENT), |out| tensors::write(out, &all))?;
    Ok(n_known)
}

fn class_names(base: &Pack) -> Result<Vec<ClassName>, Error> {
    let path = base.dir().join(CLASS_NAMES);
    let text = fs::read_to_string(&path).doing("read", &path)?;
    serde_json::from_str(&text).map_err(|error| Error::Damaged {
        path,
        what: error.to_string(),
    })
}

fn put_licences(partial: &Path, file: &Path, base: &Pack) -> Result<Vec<String>, Error> {
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    let line = format!("words: {file}, which says nothing of a licence; ask its publisher");
    let path: PathBuf = base.dir().join(LICENCES_TEXT);
    let rest = fs::read_to_string(&path).doing("read", &path)?;
    let all = format!("==== {line} ====\n\n\n{rest}");
    write_durably(&partial.join(LICENCES_TEXT), |out| {
        out.write_all(all.as_bytes())
    })?;
    // Neither what reads in the base pack comes along, nor what was learnt over it.
    let stays = |line: &&String| {
        ["text", "alignment"]
            .iter()
            .all(|part| !line.starts_with(part))
    };
    let others = base.manifest().licences.iter().filter(stays);
    Ok(std::iter::once(line).chain(others.cloned()).collect())
}

/// Of everything that decides a text's vector, and of everything that decides a vector.
fn fingerprints(base: &Manifest, files: &[FileEntry]) -> (String, String) {
    let of = |name: &str| {
        let file = files.iter().find(|file| file.name == name);
        file.map_or("", |file| file.blake3.as_str())
    };
    let hash = |parts: &[&str]| {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    };
    let texts = hash(&["words 1", of(TEXT_WORDS)]);
    let settings = format!("{:?}", base.conse);
    let fingerprint = hash(&[&texts, &base.features, &settings, of(ALIGNMENT)]);
    (texts, fingerprint)
}
