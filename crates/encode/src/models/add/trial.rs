//! Whether a pack that was put together works: a built-in picture and sentence are encoded before it is installed.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{Model, pairs};
use crate::error::Error;
use crate::manifest::Manifest;
use crate::session::Library;
use crate::towers::{Towers, TowersSpec, Words, WordsSpec};
use crate::{Encoder, Pack, Pixels, normalise};

/// The sentence that is encoded.
pub const SENTENCE: &str = "a red disc on a blue ground";
/// One that says something else, and in other letters.
const OTHER: &str = "\u{4e00}\u{53ea}\u{732b} and two dogs";
/// Tables of embeddings are rounded up to a round number of rows, but not by more.
const SPARE_MAX: usize = 512;
/// Two inputs that differ do not lie closer than this.
const SAME: f32 = 1.0 - 1e-6;
/// What the same sum in another order may differ by.
const FILLED_SAME: f32 = 1.0 - 1e-4;

/// What was found of the built-in picture and sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    pub sentence: &'static str,
    /// The ids of the sentence.
    pub ids: Vec<i64>,
    /// Cosine of picture and sentence.
    pub cosine: f32,
    /// How long picture and sentence took, loaded already.
    pub image_time: Duration,
    pub text_time: Duration,
    /// Why words find nothing with it, where they do.
    pub wordless: Option<String>,
}

/// Reads a tokenizer from memory, as it will be read from its file.
pub fn opened(path: &Path, content: &[u8], spec: &WordsSpec) -> Result<Words, Error> {
    Words::of_bytes(content, spec.clone()).map_err(|what| Error::Unusable {
        path: path.into(),
        what: format!("it is no tokenizer: {what}"),
    })
}

/// A tokenizer belongs to a table of embeddings: with more ids the network fails, with far fewer it is another model's.
pub fn check_vocabulary(path: &Path, size: usize, known: Option<usize>) -> Result<(), Error> {
    match known {
        Some(known) if size > known || known - size > SPARE_MAX => Err(Error::Unusable {
            path: path.into(),
            what: format!(
                "it has {size} ids, and the text network {known}: it is the tokenizer of another model"
            ),
        }),
        _ => Ok(()),
    }
}

/// Whether a network that reads texts of any length makes something else of a text that is filled up, as MobileCLIP's does, which was
/// trained with nothing else: no file says so.
pub fn looks_at_filling(folder: &Path, manifest: &Manifest, model: &Model) -> Result<bool, Error> {
    let tower = &model.spec.text;
    let opened = opened(
        &model.tokenizer.path,
        &model.tokenizer.content,
        &tower.words,
    )?;
    if tower.words.fills() || tower.mask.is_some() || !pairs::are_of(&opened) {
        return Ok(false);
    }
    let library = Library::of(folder, manifest)?;
    let said = |spec: &TowersSpec| {
        Towers::new(folder, &library, spec.clone())
            .text_vector(SENTENCE)
            .map_err(of(&model.text.path))
    };
    let mut filled = model.spec.clone();
    filled.text.words.fill = Some(pairs::FILL);
    let filled = said(&filled)?;
    // It may also read one length only and not say so.
    let Ok(short) = said(&model.spec) else {
        return Ok(true);
    };
    let cosine: f32 = short.iter().zip(&filled).map(|(a, b)| a * b).sum();
    Ok(cosine < FILLED_SAME)
}

/// Encodes them, and looks whether what comes out depends on what went in.
pub fn run(folder: &Path, manifest: &Manifest, model: &Model) -> Result<Trial, Error> {
    let library = Library::of(folder, manifest)?;
    let towers = Towers::new(folder, &library, model.spec.clone());
    let unit = |pixels: &Pixels| {
        let mut vector = towers.feature(pixels).map_err(of(&model.image.path))?;
        normalise(&mut vector);
        Ok(vector)
    };
    let said = |text: &str| towers.text_vector(text).map_err(of(&model.text.path));
    differ(
        &model.image.path,
        &unit(&disc([200, 30, 30], [20, 40, 160]))?,
        &unit(&disc([250, 250, 250], [0, 90, 0]))?,
    )?;
    differ(&model.text.path, &said(SENTENCE)?, &said(OTHER)?)?;
    said("")?;
    let start = Instant::now();
    let seen = unit(&disc([200, 30, 30], [20, 40, 160]))?;
    let image_time = start.elapsed();
    let start = Instant::now();
    let sentence = said(SENTENCE)?;
    Ok(Trial {
        sentence: SENTENCE,
        ids: towers.tokens(SENTENCE)?.ids,
        cosine: seen.iter().zip(&sentence).map(|(a, b)| a * b).sum(),
        image_time,
        text_time: start.elapsed(),
        wordless: None,
    })
}

/// An error of the runtime is one of the file that it was given.
fn of(path: &Path) -> impl FnOnce(Error) -> Error {
    let path = path.to_path_buf();
    move |error| match error {
        Error::Runtime { action, what } => Error::Unusable {
            path,
            what: format!("ONNX Runtime cannot {action}: {what}"),
        },
        other => other,
    }
}

/// The same for a pack whose words are those of the base pack, and whose network that sees is the file `network`.
pub fn try_pack(pack: &Pack, network: &Path) -> Result<Trial, Error> {
    let feature = |pixels: &Pixels| pack.features(&[pixels]).map_err(of(network));
    let (one, other) = (
        feature(&disc([200, 30, 30], [20, 40, 160]))?.remove(0),
        feature(&disc([250, 250, 250], [0, 90, 0]))?.remove(0),
    );
    differ(
        network,
        &pack.visual_vector(&one),
        &pack.visual_vector(&other),
    )?;
    pack.text_vector(SENTENCE)?;
    let start = Instant::now();
    let seen = feature(&disc([200, 30, 30], [20, 40, 160]))?.remove(0);
    let seen = pack.image_vector(&seen);
    let image_time = start.elapsed();
    let start = Instant::now();
    let sentence = pack.text_vector(SENTENCE)?;
    Ok(Trial {
        sentence: SENTENCE,
        ids: pack
            .token_ids(SENTENCE)?
            .into_iter()
            .map(i64::from)
            .collect(),
        cosine: seen.iter().zip(&sentence).map(|(a, b)| a * b).sum(),
        image_time,
        text_time: start.elapsed(),
        wordless: None,
    })
}

fn differ(path: &Path, one: &[f32], other: &[f32]) -> Result<(), Error> {
    let cosine: f32 = one.iter().zip(other).map(|(a, b)| a * b).sum();
    match cosine < SAME {
        true => Ok(()),
        false => Err(Error::Unusable {
            path: path.into(),
            what: "it gives the same vector whatever it is shown: a part of it is missing, or its input is another".into(),
        }),
    }
}

/// The built-in picture.
pub fn picture() -> Pixels {
    disc([200, 30, 30], [20, 40, 160])
}

/// A disc on a ground.
fn disc(disc: [u8; 3], ground: [u8; 3]) -> Pixels {
    const WIDTH: i32 = 320;
    const HEIGHT: i32 = 240;
    let place = |at: i32| (at % WIDTH - WIDTH / 2, at / WIDTH - HEIGHT / 2);
    let is_inside = |(x, y): (i32, i32)| x * x + y * y < 80 * 80;
    let colours = (0..WIDTH * HEIGHT).map(|at| if is_inside(place(at)) { disc } else { ground });
    Pixels::new(WIDTH as u32, HEIGHT as u32, colours.flatten().collect())
        .expect("it was drawn in this size")
}
