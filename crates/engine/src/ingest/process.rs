//! One file from bytes to the operations that keep it: read, hash, decode, derive, encode.
//!
//! Runs on one worker's thread from start to end and writes nothing but the preview.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use fovea_decode as decode;
use fovea_encode::Encoder;
use fovea_vectordb::{
    Caption, Color, Content, ContentHash, ContentState, Database, Failure, ItemDraft, ItemId,
    Operation, Owner, Part, SourceId,
};

use super::captions::{CaptionSource, is_spoken};
use super::gate::Gate;
use super::options::IndexOptions;
use super::plan::{Job, Missing, Work};
use super::target::Target;
use crate::error::Error;
use crate::forget::Register;
use crate::metadata::metadata_of;
use crate::parts::{self, Regions};
use crate::previews::PreviewStore;
use crate::scan::mtime_ns;
use crate::space;
use crate::tagging::Tagger;
use crate::time::now_ns;

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Added,
    Updated,
    Moved,
    Unchanged,
    Recaptioned,
    /// It was forgotten for good, and is passed over.
    Forgotten,
    /// The file cannot be used, for this reason.
    Skipped(String),
}

#[derive(Debug)]
pub struct Outcome {
    pub job: Job,
    pub verdict: Verdict,
    /// The image was decoded and encoded.
    pub encoded: bool,
    /// Parts among the operations.
    pub n_parts: u64,
    pub operations: Vec<Operation>,
}

/// Everything a worker needs, shared by all of them.
pub struct Processor<'a> {
    pub database: &'a dyn Database,
    pub encoder: &'a dyn Encoder,
    pub previews: &'a PreviewStore,
    pub options: &'a IndexOptions,
    pub regions: Regions,
    pub tagger: &'a Tagger,
    pub targets: &'a [Target],
    pub captions: &'a CaptionSource,
    /// What is passed over, where anything is.
    pub forgotten: Option<Register>,
    pub reading: Gate,
    pub decoding: Gate,
    /// Items without a file, by content: a new file with the same content is one of them that moved.
    pub missing: Mutex<HashMap<ContentHash, Vec<Missing>>>,
    /// Phrases embedded in this run.
    pub phrases: Mutex<HashSet<String>>,
}

/// A file as it was read: its bytes, and size and time of change that belong to them.
struct Bytes {
    bytes: Vec<u8>,
    hash: ContentHash,
    size: u64,
    mtime_ns: i64,
}

/// Why a file is skipped, in one word to group by and one line for a person.
struct Skip {
    kind: &'static str,
    reason: String,
}

/// A file that cannot be used is an outcome; an error here stops the run.
enum Stop {
    Skip(Skip),
    Error(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Stop::Error(error.into())
    }
}

impl Processor<'_> {
    pub fn process(&self, job: Job) -> Result<Outcome, Error> {
        let done = match job.work {
            Work::Image => self.image(&job),
            Work::Captions => self.captions_only(&job),
        };
        match done {
            Ok((verdict, encoded, operations)) => Ok(Outcome {
                job,
                verdict,
                encoded,
                n_parts: operations.iter().filter(|one| is_of_a_part(one)).count() as u64,
                operations,
            }),
            Err(Stop::Skip(skip)) => Ok(self.skipped(job, skip)),
            Err(Stop::Error(error)) => Err(error),
        }
    }

    fn image(&self, job: &Job) -> Result<(Verdict, bool, Vec<Operation>), Stop> {
        let _permit = self.reading.take(job.candidate.size);
        let file = read_stable(&job.candidate.path, self.options.max_file_bytes)?;
        if self.passes_over(job, &file.hash)? {
            return Ok((Verdict::Forgotten, false, Vec::new()));
        }
        let mut operations = Vec::new();
        let (metadata, encoded) = if self.is_complete(&file.hash)? {
            (decode::metadata(&file.bytes, &self.decode_options()), false)
        } else {
            (self.encode(&file, &mut operations)?, true)
        };
        let mut captions = self
            .captions
            .beside(&job.candidate.path)
            .map_err(Stop::Error)?;
        captions.extend(self.captions.inside(&metadata));
        dedupe(&mut captions);
        self.embed_captions(&captions, &mut operations)?;
        let verdict = self.place(job, &file, &metadata, captions, &mut operations)?;
        Ok((verdict, encoded, operations))
    }

    /// Whether the file was forgotten, and is not asked for all the same. What is an item was given anew.
    fn passes_over(&self, job: &Job, content: &ContentHash) -> Result<bool, Stop> {
        let Some(register) = self.forgotten.as_ref().filter(|_| job.known.is_none()) else {
            return Ok(false);
        };
        let source = self.targets[job.target].source;
        let path = &job.candidate.relative;
        if !(register.has_place(source, path) || register.has_content(content)) {
            return Ok(false);
        }
        if self.options.remember {
            register.take_back(self.database, content, (source, path))?;
        }
        Ok(!self.options.remember)
    }

    /// Decides what the file is to the collection: a new item, a moved one, another content, or nothing new.
    fn place(
        &self,
        job: &Job,
        file: &Bytes,
        metadata: &decode::Metadata,
        captions: Vec<Caption>,
        operations: &mut Vec<Operation>,
    ) -> Result<Verdict, Stop> {
        let source = self.targets[job.target].source;
        let path = job.candidate.relative.clone();
        let moved = match job.known {
            None => self.claim_missing(&file.hash),
            Some(_) => None,
        };
        if let Some(item) = moved {
            operations.push(Operation::MoveItem {
                item,
                source,
                path: path.clone(),
            });
        }
        let verdict = match &job.known {
            None if moved.is_some() => Verdict::Moved,
            None => Verdict::Added,
            Some(known) if known.content != file.hash => Verdict::Updated,
            Some(known) if self.has_captions(known.item, &captions)? => Verdict::Unchanged,
            Some(_) => Verdict::Recaptioned,
        };
        operations.push(Operation::PutItem(ItemDraft {
            source,
            path,
            content: file.hash,
            size: file.size,
            mtime_ns: file.mtime_ns,
            checked_ns: now_ns(),
            metadata: metadata_of(metadata),
            captions,
        }));
        Ok(verdict)
    }

    /// Decodes the picture once and derives all that is ever wanted of it.
    fn encode(
        &self,
        file: &Bytes,
        operations: &mut Vec<Operation>,
    ) -> Result<decode::Metadata, Stop> {
        let options = self.decode_options();
        let probe = decode::probe(&file.bytes, &options).map_err(undecodable)?;
        let _permit = self.decoding.take(probe.working_bytes);
        let image = decode::decode(&file.bytes, &options).map_err(undecodable)?;
        let preview = decode::preview(&image.pixels).map_err(undecodable)?;
        let hashes = decode::hashes(&image.pixels);
        let colors = decode::colors(&image.pixels);
        self.previews
            .write(&file.hash, &preview.jpeg)
            .map_err(Stop::Error)?;
        operations.push(Operation::PutContent(Content {
            hash: file.hash,
            bytes: file.size,
            width: image.width,
            height: image.height,
            format: image.format.name().to_owned(),
            phash: hashes.phash,
            dhash: hashes.dhash,
            hash_version: decode::HASH_VERSION,
            colors: colors
                .iter()
                .map(|color| Color {
                    rgb: color.rgb,
                    share: color.share,
                })
                .collect(),
            color_version: decode::COLOR_VERSION,
            preview_version: decode::PREVIEW_VERSION,
        }));
        put_features(
            self.encoder,
            self.regions,
            self.tagger,
            file.hash,
            &image,
            operations,
        )
        .map_err(Stop::Error)?;
        Ok(image.metadata)
    }

    fn decode_options(&self) -> decode::Options {
        decode_options(self.options, self.encoder, self.regions)
    }

    /// Whether content, feature, parts, preview and hashes are all there, in the versions of this program.
    fn is_complete(&self, hash: &ContentHash) -> Result<bool, Stop> {
        let fingerprint = &self.encoder.spec().fingerprint;
        let states = self.database.known_contents(&[*hash], fingerprint)?;
        let has_parts =
            |state: &ContentState| self.regions == Regions::None || self.regions.are_kept(state);
        let is_current = |state: &ContentState| {
            state.has_feature
                && has_parts(state)
                && state.hash_version == decode::HASH_VERSION
                && state.color_version == decode::COLOR_VERSION
                && state.preview_version == decode::PREVIEW_VERSION
        };
        Ok(states.first().is_some_and(is_current) && self.previews.contains(hash))
    }

    fn claim_missing(&self, hash: &ContentHash) -> Option<ItemId> {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let items = missing.get_mut(hash)?;
        items.pop().map(|missing| missing.item)
    }

    fn has_captions(&self, item: ItemId, captions: &[Caption]) -> Result<bool, Stop> {
        let items = self.database.items(&[item])?;
        Ok(items.first().is_some_and(|item| item.captions == captions))
    }

    fn captions_only(&self, job: &Job) -> Result<(Verdict, bool, Vec<Operation>), Stop> {
        let Some(known) = &job.known else {
            return Ok((Verdict::Unchanged, false, Vec::new()));
        };
        let mut operations = vec![Operation::Touch {
            item: known.item,
            size: known.size,
            mtime_ns: known.mtime_ns,
            checked_ns: now_ns(),
        }];
        let Some(item) = self.database.items(&[known.item])?.pop() else {
            return Ok((Verdict::Unchanged, false, Vec::new()));
        };
        let mut captions = self
            .captions
            .beside(&job.candidate.path)
            .map_err(Stop::Error)?;
        if !matches!(self.captions, CaptionSource::None) {
            let embedded =
                |caption: &&Caption| caption.origin == fovea_vectordb::CaptionOrigin::Embedded;
            captions.extend(item.captions.iter().filter(embedded).cloned());
        }
        dedupe(&mut captions);
        if captions == item.captions {
            return Ok((Verdict::Unchanged, false, operations));
        }
        self.embed_captions(&captions, &mut operations)?;
        operations.push(Operation::PutCaptions {
            item: known.item,
            captions,
        });
        Ok((Verdict::Recaptioned, false, operations))
    }

    /// Captions in languages the encoder does not know are kept as words and get no vector.
    fn embed_captions(
        &self,
        captions: &[Caption],
        operations: &mut Vec<Operation>,
    ) -> Result<(), Stop> {
        let spec = self.encoder.spec();
        for caption in captions {
            if !is_spoken(caption.lang.as_deref(), &spec.languages)
                || !self.is_new_phrase(&caption.text)
            {
                continue;
            }
            operations.push(Operation::PutVector {
                owner: Owner::Phrase(caption.text.clone()),
                pack: spec.fingerprint.clone(),
                space: space::CAPTION.to_owned(),
                part: Part::WHOLE,
                vector: self
                    .encoder
                    .text_vector(&caption.text)
                    .map_err(Error::from)?,
            });
        }
        Ok(())
    }

    fn is_new_phrase(&self, text: &str) -> bool {
        let mut phrases = self.phrases.lock().unwrap_or_else(PoisonError::into_inner);
        phrases.insert(text.to_owned())
    }

    fn skipped(&self, job: Job, skip: Skip) -> Outcome {
        let failure = Failure {
            source: self.source_of(&job),
            path: job.candidate.relative.clone(),
            kind: skip.kind.to_owned(),
            reason: skip.reason.clone(),
            size: job.candidate.size,
            mtime_ns: job.candidate.mtime_ns,
            at_ns: now_ns(),
        };
        let operations = vec![Operation::PutFailure(failure)];
        Outcome {
            job,
            verdict: Verdict::Skipped(skip.reason),
            encoded: false,
            n_parts: 0,
            operations,
        }
    }

    fn source_of(&self, job: &Job) -> SourceId {
        self.targets[job.target].source
    }
}

/// How an image is decoded for this encoder: no larger than preview, network and parts need.
pub fn decode_options(
    options: &IndexOptions,
    encoder: &dyn Encoder,
    regions: Regions,
) -> decode::Options {
    decode::Options {
        limits: options.limits.clone(),
        min_side: Some(min_side(encoder, regions)),
    }
}

/// The shorter side that a reduced decode must keep: enough for the network, for the preview, and for the parts.
pub fn min_side(encoder: &dyn Encoder, regions: Regions) -> u32 {
    let side = regions.min_side(encoder.spec().input_side);
    side.max(decode::PREVIEW_SIDE)
}

/// Features of the whole and of its parts, one after the other: beside the picture only one part is in memory, which is
/// smaller than the second copy of it that the decoding was allowed.
pub fn put_features(
    encoder: &dyn Encoder,
    regions: Regions,
    tagger: &Tagger,
    content: ContentHash,
    image: &decode::Image,
    operations: &mut Vec<Operation>,
) -> Result<(), Error> {
    for feature in encoder.features(&[&image.pixels])? {
        let (mut vectors, tags) = encoder.vectors_and_tags(&[&feature])?;
        let vector = vectors.remove(0);
        let all = [(content, &feature[..], &vector[..])];
        operations.extend(tagger.operations(encoder, &all, tags));
        put_feature(encoder, content, Part::WHOLE, (feature, vector), operations);
    }
    if regions == Regions::None {
        return Ok(());
    }
    // Those of another choice, or of another version, leave.
    operations.push(Operation::RemoveParts { content });
    for part in regions.of_image(&image.pixels, image.width, image.height) {
        let Some(region) = part.region else { continue };
        for feature in encoder.features(&[&parts::cut(&image.pixels, region)])? {
            let vector = encoder.image_vector(&feature);
            put_feature(encoder, content, part, (feature, vector), operations);
        }
    }
    Ok(())
}

fn is_of_a_part(operation: &Operation) -> bool {
    matches!(operation, Operation::PutFeature { part, .. } if part.index != Part::WHOLE.index)
}

/// Feature and image vector, which is derived from it; `visual` is the feature itself and is not kept twice.
pub fn put_feature(
    encoder: &dyn Encoder,
    content: ContentHash,
    part: Part,
    (feature, vector): (Vec<f32>, Vec<f32>),
    operations: &mut Vec<Operation>,
) {
    let pack = encoder.spec().fingerprint.clone();
    // Where nothing leads to words, there is no place among them.
    if encoder.spec().is_aligned {
        operations.push(Operation::PutVector {
            owner: Owner::Content(content),
            pack: pack.clone(),
            space: space::IMAGE.to_owned(),
            part,
            vector,
        });
    }
    if !encoder.spec().visual_is_feature {
        operations.push(Operation::PutVector {
            owner: Owner::Content(content),
            pack: pack.clone(),
            space: space::VISUAL.to_owned(),
            part,
            vector: encoder.visual_vector(&feature),
        });
    }
    operations.push(Operation::PutFeature {
        content,
        pack,
        part,
        feature,
    });
}

fn undecodable(error: decode::Error) -> Stop {
    let kind = match &error {
        decode::Error::Empty => "empty",
        decode::Error::NotAnImage { .. } => "not an image",
        decode::Error::Truncated { .. } => "truncated",
        decode::Error::Unsupported { .. } => "unsupported",
        decode::Error::TooManyPixels { .. } | decode::Error::TooMuchMemory { .. } => "too large",
        _ => "damaged",
    };
    Stop::Skip(Skip {
        kind,
        reason: error.to_string(),
    })
}

/// Reads a file whole, and makes sure that nobody wrote it meanwhile.
fn read_stable(path: &Path, max_bytes: u64) -> Result<Bytes, Stop> {
    let unreadable = |error: std::io::Error| {
        Stop::Skip(Skip {
            kind: "unreadable",
            reason: plain(&error),
        })
    };
    let file = File::open(path).map_err(unreadable)?;
    let before = file.metadata().map_err(unreadable)?;
    if before.len() > max_bytes {
        let reason = format!(
            "has {} bytes, the limit is {max_bytes} (--max-file-mb)",
            before.len()
        );
        return Err(Stop::Skip(Skip {
            kind: "too large",
            reason,
        }));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or(0) + 1);
    (&file)
        .take(max_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let after = fs::metadata(path).map_err(unreadable)?;
    if mtime_ns(&before) != mtime_ns(&after) || bytes.len() as u64 != after.len() {
        let reason = "was written while it was read; the next run will take it".to_owned();
        return Err(Stop::Skip(Skip {
            kind: "changing",
            reason,
        }));
    }
    let hash = ContentHash::of(&bytes);
    Ok(Bytes {
        bytes,
        hash,
        size: after.len(),
        mtime_ns: mtime_ns(&after),
    })
}

fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::NotFound => "went away while it was indexed".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

fn dedupe(captions: &mut Vec<Caption>) {
    let mut seen = HashSet::new();
    captions.retain(|caption| seen.insert((caption.lang.clone(), caption.text.clone())));
}
