//! An installed model pack, opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::calibration::Calibration;
use crate::classifier::Classifier;
use crate::conse::Conse;
use crate::head::{Head, HeadShape};
use crate::image::{ImageEncoder, Seeing};
use crate::lazy::{Lazy, beside};
use crate::manifest::{FileEntry, MANIFEST, Manifest};
use crate::models::{self, BASE};
use crate::session::{Library, Model};
use crate::tags::{ClassNames, Tag};
use crate::tail::{REDUCTION, Tail};
use crate::text::TextEncoder;
use crate::towers::{IMAGE_TOWER, Towers};
use crate::visual::{ALIKE, Projection};
use crate::{Encoder, Error, PackSpec, Pixels, VectorsAndTags, normalise};

mod vectors;

/// The image network: pixels to features.
pub(crate) const IMAGE_MODEL: &str = "image.onnx";
/// Classifier and class vectors.
pub(crate) const ALIGNMENT: &str = "alignment.tensors";
/// Pieces of the tokenizer.
pub(crate) const TEXT_VOCABULARY: &str = "text-vocabulary.tensors";
/// Embedding of each piece.
pub(crate) const TEXT_TABLE: &str = "text-table.tensors";
/// The other weights of the text encoder.
pub(crate) const TEXT_DENSE: &str = "text-dense.tensors";
/// Words with their vectors, where these read texts.
pub(crate) const TEXT_WORDS: &str = "text-words.tensors";
/// Words for each class.
pub(crate) const CLASS_NAMES: &str = "classes.json";
/// What ships over ConSE.
pub(crate) const SHIPPED: &str = "shipped.tensors";
/// The trained alignment.
pub(crate) const HEAD: &str = "head.tensors";
/// The taught labels.
pub(crate) const CLASSIFIER: &str = "classifier.tensors";
/// The trained projection of the visual space.
pub(crate) const VISUAL: &str = "visual.tensors";
/// Licence texts of all parts.
pub(crate) const LICENCES_TEXT: &str = "LICENCES.txt";

/// An installed model pack. Opening reads the manifest, checks lengths, and checks the alignment's checksum;
/// the text encoder and the image network are checked and loaded by the first call that needs them, so that a search
/// by words never loads ONNX Runtime.
pub struct Pack {
    dir: PathBuf,
    manifest: Manifest,
    spec: PackSpec,
    pub(crate) alignment: Alignment,
    shipped: Option<Head>,
    head: Option<Head>,
    taught: Option<Classifier>,
    visual: Option<Projection>,
    text: Lazy<TextEncoder>,
    pub(crate) image: Lazy<ImageEncoder>,
    classes: Lazy<ClassNames>,
    /// Whether the files of either tower were checked.
    pub(crate) seen: Lazy<()>,
    pub(crate) read: Lazy<()>,
    /// The image network where it is not the one in the folder.
    trunk: Option<Vec<u8>>,
    /// Of each session of the image network.
    pub(crate) threads: usize,
}

/// How a feature becomes a vector of the shared space.
pub(crate) enum Alignment {
    /// By classes, whose names lie there.
    Conse(Box<Conse>),
    /// It lies there from the start, and has only to be scaled.
    Towers(Box<Towers>),
    /// Nothing leads there but a head, where one was trained.
    Unaligned,
}

impl Pack {
    /// Opens the pack in `dir` (the folder that holds its manifest).
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let name = dir
            .file_name()
            .map_or_else(|| BASE.into(), |name| name.to_string_lossy().into_owned());
        let store = dir.parent().unwrap_or(dir);
        let mut manifest = Manifest::read(dir)?.ok_or_else(|| Error::NotInstalled {
            name: name.clone(),
            dir: store.into(),
        })?;
        if manifest.is_outdated() {
            let (found, expected) = (manifest.label(), models::base_label());
            return Err(Error::Outdated {
                name,
                dir: store.into(),
                found,
                expected,
            });
        }
        if manifest.name == BASE && manifest.fingerprint != models::base_fingerprint() {
            let what = "its fingerprint is not that of its version".into();
            return Err(Error::Damaged {
                path: dir.join(MANIFEST),
                what,
            });
        }
        if manifest.name == BASE {
            // It may have been installed by a program that had fitted another.
            manifest.calibration = Calibration::of_base();
        }
        for file in &manifest.files {
            file.check_length(dir)?;
        }
        let alignment = Alignment::open(dir, &manifest)?;
        let shipped = head(dir, &manifest, SHIPPED, manifest.shipped.as_ref())?;
        let head = head(dir, &manifest, HEAD, manifest.head.as_ref())?;
        let taught = match &manifest.classifier {
            Some(taught) => {
                check_content(dir, &manifest, &[CLASSIFIER])?;
                let path = dir.join(CLASSIFIER);
                Some(Classifier::read(&path, taught, manifest.feature_dim)?)
            }
            None => None,
        };
        let visual = match manifest.visual {
            Some(shape) => {
                check_content(dir, &manifest, &[VISUAL])?;
                let dims = (manifest.frozen_dim(), manifest.visual_dim);
                Some(Projection::read(&dir.join(VISUAL), shape, dims)?)
            }
            None => None,
        };
        let spec = manifest.spec();
        Ok(Self {
            dir: dir.into(),
            manifest,
            spec,
            alignment,
            shipped,
            head,
            taught,
            visual,
            text: Lazy::new(),
            image: Lazy::new(),
            classes: Lazy::new(),
            seen: Lazy::new(),
            read: Lazy::new(),
            trunk: None,
            threads: 1,
        })
    }

    /// The folder of the pack.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Checks every file of the pack against its checksum.
    pub fn verify(&self) -> Result<(), Error> {
        self.manifest
            .files
            .iter()
            .try_for_each(|file| file.check_content(&self.dir))
    }

    /// The earlier version of the base pack that has this fingerprint, which this one's files make too: a collection stays
    /// with what its vectors were made with until somebody moves it.
    pub fn as_of(mut self, fingerprint: &str) -> Result<Self, Error> {
        let is_known = self.manifest.name == BASE && fingerprint == models::base_1_fingerprint();
        if !is_known {
            return Err(Error::Refused {
                name: self.manifest.name,
                what: format!("no version of it has the fingerprint {fingerprint:.12}"),
            });
        }
        self.manifest.version = models::BASE_1.into();
        self.manifest.fingerprint = fingerprint.into();
        self.manifest.shipped = None;
        self.manifest.calibration = Calibration::of_conse();
        self.manifest.files.retain(|file| file.name != SHIPPED);
        self.spec = self.manifest.spec();
        self.shipped = None;
        Ok(self)
    }

    /// The base pack with nothing over ConSE, which learned of no picture: to measure with pictures that the other learned of.
    pub fn conse_alone(self) -> Result<Self, Error> {
        self.as_of(&models::base_1_fingerprint())
    }

    /// The same pack with another head over ConSE, read from a file, to measure with; no fingerprint tells it from this one.
    pub fn with_shipped(mut self, head: &Path) -> Result<Self, Error> {
        let (shape, dims) = (
            HeadShape::default(),
            (self.frozen_dim(), self.spec.shared_dim),
        );
        self.shipped = Some(Head::read(head, &shape, dims)?);
        self.manifest.shipped = Some(shape);
        Ok(self)
    }

    /// Whether blocks of its image network were trained further.
    pub fn is_tuned(&self) -> bool {
        self.manifest.tuned_dim > 0
    }

    /// The same pack stopping before the last `n` blocks of its image network, which come beside it. Its features are what
    /// goes into them, plane after plane; no vector is made of these.
    pub fn before_last_blocks(mut self, n: usize) -> Result<(Self, Tail), Error> {
        let refuse = |what: &str| Error::Refused {
            name: self.manifest.name.clone(),
            what: what.to_owned(),
        };
        if self.is_tuned() {
            let what = "blocks of it were trained further already; begin with the pack that it was made of";
            return Err(refuse(what));
        }
        let Some(preprocessing) = &self.manifest.preprocessing else {
            let what =
                "its image network is somebody else's, and blocks of these are not trained further";
            return Err(refuse(what));
        };
        check_content(&self.dir, &self.manifest, &[IMAGE_MODEL])?;
        let tail = Tail::read(&self.dir.join(IMAGE_MODEL), n)?.map_err(|what| refuse(&what))?;
        let extent = (preprocessing.side / REDUCTION) as usize;
        self.spec.feature_dim = tail.channels() * extent * extent;
        self.spec.features = format!("before {n} of {}", self.spec.features);
        self.trunk = Some(tail.trunk(extent));
        Ok((self, tail))
    }

    /// Length of the part of a feature that is of no block that was trained further: alignments and projections read it.
    pub fn frozen_dim(&self) -> usize {
        self.manifest.frozen_dim()
    }

    /// That part.
    pub fn frozen<'a>(&self, feature: &'a [f32]) -> &'a [f32] {
        match feature.len() == self.manifest.feature_dim {
            true => &feature[..self.frozen_dim()],
            false => feature,
        }
    }

    /// The text vectors of the classes that the alignment is made of, each of unit length: words that describe what
    /// the pack can see.
    pub fn class_vectors(&self) -> impl Iterator<Item = &[f32]> {
        let conse = match &self.alignment {
            Alignment::Conse(conse) => Some(conse),
            Alignment::Towers(_) | Alignment::Unaligned => None,
        };
        conse.into_iter().flat_map(|conse| conse.class_vectors())
    }

    /// Ids of the pieces into which the tokenizer cuts `text`, as the text network reads them.
    pub fn token_ids(&self, text: &str) -> Result<Vec<u32>, Error> {
        match &self.alignment {
            Alignment::Conse(_) | Alignment::Unaligned => Ok(self.text()?.ids(text)),
            Alignment::Towers(towers) => {
                let ids = towers.tokens(text)?.ids.into_iter();
                Ok(ids
                    .map(|id| u32::try_from(id).unwrap_or_default())
                    .collect())
            }
        }
    }

    /// What the image network reads of a picture: three planes.
    pub fn planes(&self, pixels: &Pixels) -> Vec<f32> {
        match (&self.alignment, self.seeing()) {
            (Alignment::Towers(towers), _) => towers.planes(pixels),
            (_, Some((_, seeing))) => seeing.planes(pixels),
            _ => Vec::new(),
        }
    }

    /// The file of the network that stands before classes, and how it sees.
    pub(crate) fn seeing(&self) -> Option<(&'static str, Seeing)> {
        match (&self.manifest.preprocessing, &self.manifest.sees) {
            (Some(preprocessing), _) => Some((IMAGE_MODEL, Seeing::Own(preprocessing.clone()))),
            (None, Some(network)) => Some((IMAGE_TOWER, Seeing::Other(network.clone()))),
            (None, None) => None,
        }
    }

    /// Whether this can be aligned at all.
    fn is_feature(&self, feature: &[f32]) -> bool {
        feature.len() == self.frozen_dim() && feature.iter().all(|value| value.is_finite())
    }

    pub(crate) fn text(&self) -> Result<Arc<TextEncoder>, Error> {
        self.text.get_or_load(|| {
            if let Some(words) = &self.manifest.words {
                check_content(&self.dir, &self.manifest, &[TEXT_WORDS])?;
                let path = self.dir.join(TEXT_WORDS);
                return TextEncoder::of_words(&path, words.n_words, self.manifest.shared_dim);
            }
            check_content(
                &self.dir,
                &self.manifest,
                &[TEXT_VOCABULARY, TEXT_TABLE, TEXT_DENSE],
            )?;
            let path = |name: &str| self.dir.join(name);
            TextEncoder::new(&path(TEXT_VOCABULARY), &path(TEXT_TABLE), &path(TEXT_DENSE))
        })
    }

    fn classes(&self) -> Result<Arc<ClassNames>, Error> {
        self.classes.get_or_load(|| {
            check_content(&self.dir, &self.manifest, &[CLASS_NAMES])?;
            ClassNames::read(&self.dir.join(CLASS_NAMES), self.manifest.classes)
        })
    }

    /// The features of one picture.
    fn feature(&self, pixels: &Pixels) -> Result<Vec<f32>, Error> {
        match &self.alignment {
            Alignment::Conse(_) | Alignment::Unaligned => self.image()?.feature(pixels),
            Alignment::Towers(towers) => {
                self.check_once(&self.seen, "image/", || towers.load_image())?;
                towers.feature(pixels)
            }
        }
    }

    /// Loads what the manifest lists under a folder and checks it meanwhile, before it is used for the first time.
    pub(crate) fn check_once(
        &self,
        checked: &Lazy<()>,
        folder: &str,
        load: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let check = || {
            let files = self.manifest.files.iter();
            let mut files = files.filter(|file| file.name.starts_with(folder));
            files.try_for_each(|file| file.check_beside(&self.dir))
        };
        checked.get_or_load(|| beside(check, load)).map(drop)
    }

    pub(crate) fn image(&self) -> Result<Arc<ImageEncoder>, Error> {
        self.image.get_or_load(|| {
            let (model, seeing) = self.seeing().ok_or_else(|| Error::Damaged {
                path: self.dir.join(MANIFEST),
                what: "it does not say how pictures are prepared".into(),
            })?;
            let is_own = matches!(seeing, Seeing::Own(_));
            let network = match &self.trunk {
                Some(bytes) => Model::Bytes(bytes.clone()),
                None => Model::File(self.dir.join(model)),
            };
            let library = Library::of(&self.dir, &self.manifest)?;
            let encoder = ImageEncoder::new(
                (network, library),
                seeing,
                self.spec.feature_dim,
                self.threads,
            );
            match is_own {
                true => beside(
                    || entry(&self.dir, &self.manifest, model)?.check_beside(&self.dir),
                    || encoder.load(),
                )?,
                // Weights may lie beside it.
                false => self.check_once(&self.seen, "image/", || encoder.load())?,
            }
            Ok(encoder)
        })
    }
}

impl Alignment {
    fn open(dir: &Path, manifest: &Manifest) -> Result<Self, Error> {
        match (&manifest.towers, &manifest.conse) {
            (Some(towers), _) => {
                let library = Library::of(dir, manifest)?;
                let towers = Towers::new(dir, &library, towers.clone());
                Ok(Self::Towers(Box::new(towers)))
            }
            (None, Some(conse)) => {
                check_content(dir, manifest, &[ALIGNMENT])?;
                let dims = (manifest.classes, manifest.frozen_dim(), manifest.shared_dim);
                let conse = Conse::new(&dir.join(ALIGNMENT), dims, conse.clone())?;
                Ok(Self::Conse(Box::new(conse)))
            }
            (None, None) if manifest.sees.is_some() => Ok(Self::Unaligned),
            (None, None) => Err(Error::Damaged {
                path: dir.join(MANIFEST),
                what: "it has no alignment".into(),
            }),
        }
    }
}

impl Encoder for Pack {
    fn spec(&self) -> &PackSpec {
        &self.spec
    }

    fn features(&self, images: &[&Pixels]) -> Result<Vec<Vec<f32>>, Error> {
        images.iter().map(|pixels| self.feature(pixels)).collect()
    }

    fn image_vectors(&self, features: &[&[f32]]) -> Vec<Vec<f32>> {
        let frozen = self.all_frozen(features);
        self.vectors(&frozen, &self.class_logits(&frozen))
    }

    fn visual_vector(&self, feature: &[f32]) -> Vec<f32> {
        if let Some(projection) = &self.visual {
            return projection.apply(self.frozen(feature));
        }
        let mut vector = feature.to_vec();
        vector.resize(self.spec.visual_dim, 0.0);
        normalise(&mut vector);
        vector
    }

    fn alike(&self) -> f32 {
        self.visual
            .as_ref()
            .map_or(ALIKE, |projection| projection.alike)
    }

    fn text_vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        match &self.alignment {
            Alignment::Conse(_) | Alignment::Unaligned => Ok(self.text()?.encode(texts)),
            Alignment::Towers(towers) => {
                self.check_once(&self.read, "text/", || towers.load_text())?;
                texts.iter().map(|text| towers.text_vector(text)).collect()
            }
        }
    }

    fn gloss(&self, text: &str) -> Option<&'static str> {
        match &self.alignment {
            // A text that cannot be read is not read with other words either: encoding it says why.
            Alignment::Conse(_) | Alignment::Unaligned => self.text().ok()?.gloss(text),
            Alignment::Towers(_) => None,
        }
    }

    fn sample_texts(&self) -> Vec<Vec<f32>> {
        self.class_vectors().map(<[f32]>::to_vec).collect()
    }

    fn sample_probabilities(&self, features: &[&[f32]]) -> Option<Vec<Vec<f32>>> {
        let Alignment::Conse(conse) = &self.alignment else {
            return None;
        };
        let logits = conse.logits(&self.all_frozen(features));
        let all = logits.iter().map(|logits| crate::tags::softmax(logits));
        Some(all.collect())
    }

    fn named_vectors(&self, features: &[&[f32]]) -> Vec<Vec<f32>> {
        let frozen = self.all_frozen(features);
        self.rows_of(&self.aligned(&frozen, &self.class_logits(&frozen)))
    }

    fn calibration(&self) -> &Calibration {
        &self.manifest.calibration
    }

    fn is_word(&self, word: &str) -> bool {
        match &self.alignment {
            Alignment::Conse(_) | Alignment::Unaligned => {
                self.token_ids(word).is_ok_and(|ids| ids.len() == 1)
            }
            Alignment::Towers(towers) => towers.is_word(word),
        }
    }

    fn tags_of(&self, features: &[&[f32]]) -> Result<Vec<Vec<Tag>>, Error> {
        self.tags_by(features, &self.class_logits(&self.all_frozen(features)))
    }

    fn vectors_and_tags(&self, features: &[&[f32]]) -> Result<VectorsAndTags, Error> {
        let frozen = self.all_frozen(features);
        let logits = self.class_logits(&frozen);
        let tags = self.tags_by(features, &logits)?;
        Ok((self.vectors(&frozen, &logits), tags))
    }
}

fn head(
    dir: &Path,
    manifest: &Manifest,
    name: &str,
    shape: Option<&HeadShape>,
) -> Result<Option<Head>, Error> {
    let Some(shape) = shape else {
        return Ok(None);
    };
    check_content(dir, manifest, &[name])?;
    let dims = (manifest.frozen_dim(), manifest.shared_dim);
    Ok(Some(Head::read(&dir.join(name), shape, dims)?))
}

fn check_content(dir: &Path, manifest: &Manifest, names: &[&str]) -> Result<(), Error> {
    names
        .iter()
        .try_for_each(|name| entry(dir, manifest, name)?.check_content(dir))
}

fn entry<'a>(dir: &Path, manifest: &'a Manifest, name: &str) -> Result<&'a FileEntry, Error> {
    manifest.file(name).ok_or_else(|| Error::Damaged {
        path: dir.join(MANIFEST),
        what: format!("it does not list {name}"),
    })
}
