//! An example, and how it is kept: each in a setting of its own, so that two who teach at once lose nothing.
//!
//! | key | value |
//! |---|---|
//! | `concept.NAME.item.ID` | `like` or `unlike` |
//! | `concept.NAME.file.HASH` | the same, the fingerprint of the model, the feature as 16-bit floats (little endian) in base64, the path |
//!
//! HASH is the BLAKE3 of the file's bytes, so that a picture that is given again is the same example.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fovea_vectordb::{ContentHash, ItemId};
use half::f16;

use crate::error::Error;
use crate::{Engine, lookup};

pub(super) const PREFIX: &str = "concept.";
const ITEM: &str = "item";
const FILE: &str = "file";
const LIKE: &str = "like";
const UNLIKE: &str = "unlike";

/// A picture that shows what is meant, or what is not.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    pub liked: bool,
    pub of: ExampleOf,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExampleOf {
    /// A picture of the collection; with it the example goes.
    Item(ItemId),
    /// A file that the collection does not have, as what its picture looked like when it was given.
    File {
        content: ContentHash,
        /// Of the model that made the feature.
        fingerprint: String,
        feature: Vec<f32>,
        /// Where it lay, for people.
        path: PathBuf,
    },
}

impl fmt::Display for ExampleOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExampleOf::Item(item) => write!(f, "#{item}"),
            ExampleOf::File { path, .. } => write!(f, "{}", path.display()),
        }
    }
}

impl ExampleOf {
    /// The setting that keeps it for this concept.
    pub(super) fn key(&self, name: &str) -> String {
        let prefix = prefix_of(name);
        match self {
            ExampleOf::Item(item) => prefix + &ending_of_item(*item),
            ExampleOf::File { content, .. } => prefix + &ending_of_file(content),
        }
    }
}

/// What stands in the key of an example after the concept's name.
pub(super) fn ending_of_item(item: ItemId) -> String {
    format!("{ITEM}.{item}")
}

pub(super) fn ending_of_file(content: &ContentHash) -> String {
    format!("{FILE}.{content}")
}

/// Begins the keys of a concept. A name has no dot.
pub(super) fn prefix_of(name: &str) -> String {
    format!("{PREFIX}{name}.")
}

/// The name of the concept that a key is of.
pub(super) fn name_in(key: &str) -> Option<&str> {
    Some(key.strip_prefix(PREFIX)?.split_once('.')?.0)
}

impl Example {
    pub(super) fn to_value(&self) -> String {
        let side = if self.liked { LIKE } else { UNLIKE };
        match &self.of {
            ExampleOf::Item(_) => side.to_owned(),
            ExampleOf::File {
                fingerprint,
                feature,
                path,
                ..
            } => {
                let halves = feature.iter().map(|x| f16::from_f32(*x).to_le_bytes());
                let bytes: Vec<u8> = halves.flatten().collect();
                format!(
                    "{side} {fingerprint} {} {}",
                    STANDARD.encode(bytes),
                    path.display()
                )
            }
        }
    }

    /// The concept's name and the example, of a setting.
    pub(super) fn read(key: &str, value: &str) -> Result<(String, Example), Error> {
        parse(key, value).map_err(|what| damaged(key, what))
    }
}

fn parse(key: &str, value: &str) -> Result<(String, Example), &'static str> {
    let name = name_in(key).ok_or("its key names no concept")?;
    let (kind, id) = key[prefix_of(name).len()..]
        .split_once('.')
        .ok_or("its key names no example")?;
    let (side, rest) = value.split_once(' ').unwrap_or((value, ""));
    let liked = match side {
        LIKE => true,
        UNLIKE => false,
        _ => return Err("it says neither `like` nor `unlike`"),
    };
    let of = match kind {
        ITEM => ExampleOf::Item(id.parse().map_err(|_| "its key names no item")?),
        FILE => file(id, rest)?,
        _ => return Err("its key is neither of an item nor of a file"),
    };
    Ok((name.to_owned(), Example { liked, of }))
}

fn file(hash: &str, value: &str) -> Result<ExampleOf, &'static str> {
    let content = hash.parse().map_err(|_| "its key is no hash of a file")?;
    let mut parts = value.splitn(3, ' ');
    let (Some(fingerprint), Some(feature), Some(path)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err("its feature or path is missing");
    };
    let bytes = STANDARD
        .decode(feature)
        .map_err(|_| "its feature is no base64")?;
    let (halves, []) = bytes.as_chunks::<2>() else {
        return Err("its feature ends within a number");
    };
    let feature: Vec<f32> = halves
        .iter()
        .map(|half| f16::from_le_bytes(*half).to_f32())
        .collect();
    if !feature.iter().all(|x| x.is_finite()) {
        return Err("its feature has a number that is not finite");
    }
    Ok(ExampleOf::File {
        content,
        fingerprint: fingerprint.to_owned(),
        feature,
        path: PathBuf::from(path),
    })
}

/// An example that is not what was written.
pub(super) fn damaged(key: &str, what: &str) -> Error {
    let name = name_in(key).unwrap_or_default();
    Error::Damaged(format!(
        "concept @{name} is damaged: setting `{key}`: {what}; forget it and teach it anew: fovea concept remove {name}"
    ))
}

impl Engine {
    /// What somebody names as an example: `#ID`, an id, or the path of a picture, which is an item where the collection has
    /// it and is looked at where not.
    pub fn example(&self, text: &str) -> Result<ExampleOf, Error> {
        if let Some(item) = self.named_item(text)? {
            return Ok(ExampleOf::Item(item));
        }
        let path = lookup::resolved(Path::new(text))?;
        let (content, feature) = self.content_and_feature(&path)?;
        Ok(ExampleOf::File {
            content,
            fingerprint: self.encoder().spec().fingerprint.clone(),
            feature,
            path,
        })
    }
}
