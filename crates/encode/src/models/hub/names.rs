//! What a person may call a model: a folder, a repository of the hub, or a name that is known.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Fault};

/// Who publishes the models of [`PUBLISHED`] as ONNX files.
const PUBLISHER: &str = "immich-app";

/// Short names, and what they stand for in [`PUBLISHED`].
const SHORT: [(&str, &str); 6] = [
    ("clip", "ViT-B-32__openai"),
    ("clip-large", "ViT-L-14__openai"),
    ("siglip", "ViT-B-16-SigLIP__webli"),
    ("siglip2", "ViT-B-16-SigLIP2__webli"),
    ("siglip2-large", "ViT-SO400M-16-SigLIP2-384__webli"),
    ("nllb-clip", "nllb-clip-base-siglip__mrl"),
];

/// The models for words and pictures that Immich publishes, by its names: architecture and training.
/// From `machine-learning/immich_ml/models/constants.py` of Immich.
#[rustfmt::skip]
const PUBLISHED: [&str; 59] = [
    "RN101__openai", "RN101__yfcc15m", "RN50__cc12m", "RN50__openai", "RN50__yfcc15m", "RN50x16__openai", "RN50x4__openai",
    "RN50x64__openai", "ViT-B-16-SigLIP-256__webli", "ViT-B-16-SigLIP-384__webli", "ViT-B-16-SigLIP-512__webli",
    "ViT-B-16-SigLIP-i18n-256__webli", "ViT-B-16-SigLIP__webli", "ViT-B-16-plus-240__laion400m_e31",
    "ViT-B-16-plus-240__laion400m_e32", "ViT-B-16__laion400m_e31", "ViT-B-16__laion400m_e32", "ViT-B-16__openai",
    "ViT-B-32__laion2b-s34b-b79k", "ViT-B-32__laion2b_e16", "ViT-B-32__laion400m_e31", "ViT-B-32__laion400m_e32",
    "ViT-B-32__openai", "ViT-H-14-378-quickgelu__dfn5b", "ViT-H-14-quickgelu__dfn5b", "ViT-H-14__laion2b-s32b-b79k",
    "ViT-L-14-336__openai", "ViT-L-14-quickgelu__dfn2b", "ViT-L-14__laion2b-s32b-b82k", "ViT-L-14__laion400m_e31",
    "ViT-L-14__laion400m_e32", "ViT-L-14__openai", "ViT-L-16-SigLIP-256__webli", "ViT-L-16-SigLIP-384__webli",
    "ViT-SO400M-14-SigLIP-384__webli", "ViT-g-14__laion2b-s12b-b42k", "XLM-Roberta-Base-ViT-B-32__laion5b_s13b_b90k",
    "XLM-Roberta-Large-ViT-H-14__frozen_laion5b_s13b_b90k", "nllb-clip-base-siglip__mrl", "nllb-clip-base-siglip__v1",
    "nllb-clip-large-siglip__mrl", "nllb-clip-large-siglip__v1", "ViT-B-16-SigLIP2__webli", "ViT-B-32-SigLIP2-256__webli",
    "ViT-L-16-SigLIP2-256__webli", "ViT-L-16-SigLIP2-384__webli", "ViT-L-16-SigLIP2-512__webli",
    "ViT-SO400M-14-SigLIP2-378__webli", "ViT-SO400M-14-SigLIP2__webli", "ViT-SO400M-16-SigLIP2-256__webli",
    "ViT-SO400M-16-SigLIP2-384__webli", "ViT-SO400M-16-SigLIP2-512__webli", "ViT-gopt-16-SigLIP2-256__webli",
    "ViT-gopt-16-SigLIP2-384__webli", "fg-clip2-base",
    "LABSE-Vit-L-14", "XLM-Roberta-Large-Vit-B-16Plus", "XLM-Roberta-Large-Vit-B-32", "XLM-Roberta-Large-Vit-L-14",
];

/// Every name that is known, the short ones first.
pub fn known() -> impl Iterator<Item = &'static str> {
    SHORT.iter().map(|(name, _)| *name).chain(PUBLISHED)
}

/// Whether a model is known by this name.
pub fn is_known(name: &str) -> bool {
    published(name).is_some()
}

/// The name of the publisher for a name; letters may be small or large, and `::` stands for `__` as with Immich.
fn published(name: &str) -> Option<&'static str> {
    let name = name.replace("::", "__");
    let short = SHORT
        .iter()
        .find(|(short, _)| short.eq_ignore_ascii_case(&name));
    let name = short.map_or(name.as_str(), |(_, long)| long);
    // Two of them differ in nothing but small letters, so that what is written exactly goes first.
    let exact = PUBLISHED.into_iter().find(|known| *known == name);
    exact.or_else(|| {
        PUBLISHED
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(name))
    })
}

/// A repository of a hub at a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    repository: String,
    revision: String,
}

impl Reference {
    /// `OWNER/REPO` or `OWNER/REPO@REV`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (repository, revision) = text.split_once('@').unwrap_or((text, "main"));
        let is_name = |name: &str| {
            let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
            (1..=96).contains(&name.len()) && name.chars().all(is_plain) && !name.starts_with('.')
        };
        let is_repository = repository
            .split_once('/')
            .is_some_and(|(owner, name)| is_name(owner) && is_name(name));
        let is_revision = revision.split('/').all(is_name);
        match is_repository && is_revision && revision.len() <= 200 {
            true => Ok(Self {
                repository: repository.into(),
                revision: revision.into(),
            }),
            false => Err(Error::Hub {
                model: format!("hf:{text}"),
                what: "that is no name of a repository".into(),
                remedy: "write hf:OWNER/REPO, or hf:OWNER/REPO@REVISION".into(),
                fault: Fault::Input,
            }),
        }
    }

    /// `OWNER/REPO`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// A branch, a tag or a commit.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The part after the owner.
    pub fn name(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.revision.as_str() {
            "main" => write!(out, "hf:{}", self.repository),
            revision => write!(out, "hf:{}@{revision}", self.repository),
        }
    }
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Folder(PathBuf),
    Hub(Reference),
}

impl Source {
    /// What a person typed: `hf:OWNER/REPO[@REV]`, a folder, or a name that is known. A folder of that name goes before.
    pub fn of(typed: &Path) -> Result<Self, Error> {
        let text = typed.to_string_lossy();
        if let Some(reference) = text.strip_prefix("hf:") {
            return Reference::parse(reference).map(Self::Hub);
        }
        if typed.exists() || text.contains(['/', '\\']) || text.starts_with('.') {
            return Ok(Self::Folder(typed.into()));
        }
        match published(&text) {
            Some(name) => Reference::parse(&format!("{PUBLISHER}/{name}")).map(Self::Hub),
            None => Err(Error::Unusable {
                path: typed.into(),
                what: format!(
                    "there is no such folder, and no model is known by that name{}; known are {}, the names of Immich such as {}, \
                     and any hf:OWNER/REPO",
                    meant(&text),
                    SHORT.map(|(name, _)| name).join(", "),
                    PUBLISHED[22]
                ),
            }),
        }
    }
}

/// Names that begin alike, for somebody who forgot how one goes on.
fn meant(text: &str) -> String {
    let start = text.to_lowercase();
    let alike = PUBLISHED
        .into_iter()
        .filter(|known| start.len() > 3 && known.to_lowercase().starts_with(&start));
    match alike.take(6).collect::<Vec<_>>() {
        alike if alike.is_empty() => String::new(),
        alike => format!(" (was it one of {}?)", alike.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, expect: &str) {
        let found = match Source::of(Path::new(typed)) {
            Ok(Source::Folder(folder)) => format!("folder {}", folder.display()),
            Ok(Source::Hub(reference)) => reference.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expect), "{typed}: {found}");
    }

    #[test]
    fn what_is_typed_is_a_folder_or_a_repository() {
        check(
            "hf:Xenova/clip-vit-base-patch32",
            "hf:Xenova/clip-vit-base-patch32",
        );
        check("hf:a/b@refs/pr/1", "hf:a/b@refs/pr/1");
        check("hf:a/b@main", "hf:a/b");
        check("ViT-B-32__openai", "hf:immich-app/ViT-B-32__openai");
        check("ViT-B-32::openai", "hf:immich-app/ViT-B-32__openai");
        check(
            "vit-b-16-siglip2__WEBLI",
            "hf:immich-app/ViT-B-16-SigLIP2__webli",
        );
        check(
            "XLM-Roberta-Large-Vit-B-32",
            "hf:immich-app/XLM-Roberta-Large-Vit-B-32",
        );
        check("siglip2", "hf:immich-app/ViT-B-16-SigLIP2__webli");
        check("./clip", "folder ./clip");
        check("models/clip", "folder models/clip");
        for wrong in [
            "hf:a",
            "hf:a/b/c",
            "hf:../b",
            "hf:a/b@",
            "hf:a/b@../c",
            "hf:a b/c",
            "hf:/b",
        ] {
            check(
                wrong,
                "that is no name of a repository; write hf:OWNER/REPO",
            );
        }
        check(
            "nothing-of-the-kind",
            "no model is known by that name; known are clip,",
        );
        check("ViT-L-16", "was it one of ViT-L-16-SigLIP-256__webli,");
    }

    #[test]
    fn short_names_stand_for_published_ones_and_none_is_there_twice() {
        for (short, long) in SHORT {
            assert!(PUBLISHED.contains(&long), "{short}");
        }
        let mut all: Vec<String> = known().map(str::to_lowercase).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), SHORT.len() + PUBLISHED.len());
    }
}
