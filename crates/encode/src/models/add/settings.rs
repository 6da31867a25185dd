//! What the configuration files of a model say: how pictures are prepared, how long texts are, how long vectors.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::layout::SIZES;
use crate::error::{Context, Error};
use crate::towers::Cleaning;

/// No honest configuration is longer; a tokenizer may be.
const LENGTH_MAX: u64 = 1 << 20;
/// What a tokenizer says that has no bound.
const UNBOUNDED: u64 = 1 << 20;

/// A JSON file with its path.
#[derive(Clone, Debug)]
pub struct Json {
    pub path: PathBuf,
    pub value: Value,
}

/// The folder of a model, of one with the networks of one of its sizes.
pub fn above(folder: &Path) -> Option<PathBuf> {
    let sizes = folder.parent().filter(|parent| parent.ends_with(SIZES))?;
    sizes.parent().map(Path::to_path_buf)
}

/// Where what is said of the networks of a folder may lie: beside them, and where they are those of one size, beside those of all.
pub fn homes(folder: &Path) -> Vec<PathBuf> {
    let above = fs::canonicalize(folder).ok();
    let above = above.and_then(|folder| self::above(&folder));
    std::iter::once(folder.to_path_buf()).chain(above).collect()
}

impl Json {
    /// The first of these files that is there.
    pub fn first(folder: &Path, names: &[&str]) -> Result<Option<Self>, Error> {
        let mut all = homes(folder)
            .into_iter()
            .flat_map(|home| names.iter().map(move |name| home.join(name)));
        match all.find(|path| path.is_file()) {
            Some(path) => Self::read(path).map(Some),
            None => Ok(None),
        }
    }

    fn read(path: PathBuf) -> Result<Self, Error> {
        let length = fs::metadata(&path).doing("read", &path)?.len();
        if length > LENGTH_MAX {
            let what = format!("a configuration of {length} bytes is not one");
            return Err(Error::Unusable { path, what });
        }
        let text = fs::read_to_string(&path).doing("read", &path)?;
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Self { path, value }),
            Err(error) => Err(Error::Unusable {
                path,
                what: error.to_string(),
            }),
        }
    }

    /// A part of it, with the same path.
    pub fn part(&self, pointer: &str) -> Option<Self> {
        let value = self.value.pointer(pointer)?.clone();
        Some(Self {
            path: self.path.clone(),
            value,
        })
    }

    /// A number at a place such as `/text_config/vocab_size`.
    pub fn number(&self, pointer: &str) -> Option<u64> {
        self.value.pointer(pointer)?.as_u64()
    }

    /// A text.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }

    pub fn refuse(&self, what: impl Into<String>) -> Error {
        Error::Unusable {
            path: self.path.clone(),
            what: what.into(),
        }
    }
}

/// What is known of the model but for its networks.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `model_type` of `config.json`, or `open_clip`.
    pub family: String,
    /// Length of a vector.
    pub dim: Option<usize>,
    /// Ids of a text.
    pub length: Option<usize>,
    /// Ids that the table of the text network has.
    pub vocabulary: Option<usize>,
    /// Whether texts are always filled up to the length.
    pub fills: bool,
    /// Whether what fills up stands before the text.
    pub fills_before: bool,
    /// The piece that fills up, or its id.
    pub pad_piece: Option<String>,
    pub pad_id: Option<i64>,
    pub cleaning: Option<Cleaning>,
    /// Whether texts are repaired before.
    pub repairs: bool,
    /// Whether texts are cut by CLIP's byte pairs, as far as the configuration says.
    pub is_pairs: bool,
}

/// Reads what the folder says.
pub fn read(folder: &Path) -> Result<Settings, Error> {
    let tokenizer = Json::first(
        folder,
        &[
            "tokenizer_config.json",
            "textual/tokenizer_config.json",
            "tokenizer/tokenizer_config.json",
        ],
    )?;
    let special = Json::first(
        folder,
        &["special_tokens_map.json", "textual/special_tokens_map.json"],
    )?;
    let mut settings = match Json::first(folder, &["open_clip_config.json", "config.json"])? {
        Some(config) => of_config(&config)?,
        None => Settings {
            family: "open_clip".into(),
            cleaning: Some(Cleaning::Lower),
            repairs: true,
            is_pairs: true,
            ..Settings::default()
        },
    };
    let longest = tokenizer
        .as_ref()
        .and_then(|json| json.number("/model_max_length"));
    if let Some(longest) = longest.filter(|longest| (1..UNBOUNDED).contains(longest)) {
        let longest = longest as usize;
        settings.length = Some(
            settings
                .length
                .map_or(longest, |length| length.min(longest)),
        );
    }
    settings.fills_before = tokenizer.as_ref().is_some_and(fills_before);
    settings.pad_piece = tokenizer.iter().chain(&special).find_map(pad_piece);
    Ok(settings)
}

/// On which side texts are filled up; where the file does not say, its class does.
fn fills_before(json: &Json) -> bool {
    let class = json.text("/tokenizer_class").unwrap_or_default();
    match json.text("/padding_side") {
        Some(side) => side == "left",
        None => class.starts_with("Gemma"),
    }
}

fn pad_piece(json: &Json) -> Option<String> {
    let piece = json
        .text("/pad_token")
        .or_else(|| json.text("/pad_token/content"));
    piece.map(str::to_owned)
}

/// `config.json` of `transformers`, or that of `open_clip`, which Immich has under the same name.
fn of_config(config: &Json) -> Result<Settings, Error> {
    if let Some(inner) = config.part("/model_cfg") {
        return of_open_clip(&inner);
    }
    if config.part("/text_cfg").is_some() {
        return of_open_clip(config);
    }
    let Some(family) = config.text("/model_type") else {
        return Err(config.refuse(
            "it says neither model_type nor text_cfg, so that nobody knows what model this is",
        ));
    };
    let number = |pointer: &str| config.number(pointer).map(|number| number as usize);
    // Their vectors are as long as the towers are wide; what ends a text is not marked, so that its place counts.
    let is_siglip = family.starts_with("siglip");
    let wide = number("/vision_config/hidden_size").filter(|_| is_siglip);
    Ok(Settings {
        family: family.into(),
        dim: number("/projection_dim").or(wide),
        length: number("/text_config/max_position_embeddings"),
        vocabulary: number("/text_config/vocab_size"),
        fills: is_siglip,
        pad_id: config
            .number("/text_config/pad_token_id")
            .map(|id| id as i64),
        ..Settings::default()
    })
}

fn of_open_clip(config: &Json) -> Result<Settings, Error> {
    let number = |pointer: &str| config.number(pointer).map(|number| number as usize);
    let is_named = config.text("/text_cfg/hf_tokenizer_name").is_some();
    let cleaning = match config.text("/text_cfg/tokenizer_kwargs/clean") {
        Some("canonicalize") => Cleaning::Canonicalize,
        Some("lower") => Cleaning::Lower,
        Some("whitespace") => Cleaning::Whitespace,
        Some(other) => {
            return Err(config.refuse(format!(
                "it cleans texts by {other:?}, which is not known here"
            )));
        }
        None if is_named => Cleaning::Whitespace,
        None => Cleaning::Lower,
    };
    Ok(Settings {
        family: "open_clip".into(),
        dim: number("/embed_dim"),
        length: number("/text_cfg/context_length"),
        vocabulary: number("/text_cfg/vocab_size"),
        cleaning: Some(cleaning),
        repairs: true,
        is_pairs: !is_named,
        ..Settings::default()
    })
}
