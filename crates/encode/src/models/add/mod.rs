//! A pack out of the folder of somebody's model: recognised, checked, copied, tried, and then put in its place.
//!
//! The stages are the files: `layout` (which files), `settings` and `preparing` (what they say), `tokens` (the tokenizer),
//! `wiring` (which inputs and outputs), `assemble` (the pack), `trial` (whether it works), `fastest` (in which precision). A network that only sees goes its own
//! way through them: `seeing`, and what has only weights begins with `weights`.

mod assemble;
mod fastest;
pub(super) mod layout;
mod pairs;
mod preparing;
mod seeing;
mod settings;
mod tokens;
mod trial;
mod weights;
mod wiring;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::install::{lock, remove_leftovers, replace};
use super::{BASE, PackInfo, Progress, info, installed};
use crate::error::{Context, Error};
use crate::manifest::Manifest;
use crate::pack::Pack;
use crate::towers::{Cleaning, ImageTower, TextTower, TowersSpec, Words, WordsSpec};
use settings::Settings;
use wiring::{Network, Pixels};

pub(super) use assemble::{CARD, LICENCES};
pub use fastest::FASTEST;
pub(super) use tokens::PLACES;
pub use trial::Trial;

/// What is to be added.
#[derive(Clone, Copy, Debug)]
pub struct Addition<'a> {
    /// The folder of the model, or the file of its weights.
    pub folder: &'a Path,
    /// What the pack will be called; as the folder where it is not said.
    pub name: Option<&'a str>,
    /// Which of its networks.
    pub choice: Choice<'a>,
    /// Whether a pack of that name gives way.
    pub replace: bool,
    /// Whence the folder came, as in `OWNER/REPO at 0123456789ab`, where that is known.
    pub origin: Option<&'a str>,
}

/// Which of the networks of a folder, where it has several.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice<'a> {
    /// As in `fp16`; the plain files where it is not said, and with `fastest` whichever sees fastest here and alike.
    pub precision: Option<&'a str>,
    /// As in `s0`, where those of each size lie in a folder of their own.
    pub size: Option<&'a str>,
}

/// A pack that was added, and what it said of the built-in picture and sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    pub info: PackInfo,
    pub trial: Trial,
}

/// What was read before anything is written.
enum Read {
    Towers(Box<Model>),
    Sighted(Box<seeing::Sighted>),
}

/// A model of two towers.
struct Model {
    spec: TowersSpec,
    precision: String,
    image: Network,
    pixels: Pixels,
    text: Network,
    tokenizer: tokens::Found,
}

/// Installs a model of the CLIP family, or a network that only sees, under `dir`. Reads what it needs to know from the files and assumes nothing; a folder
/// that cannot be used leaves nothing behind.
pub fn add(
    dir: &Path,
    addition: Addition<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Added, Error> {
    let folder = layout::of_size(addition.folder, addition.choice.size)?;
    let addition = Addition {
        folder: &folder,
        ..addition
    };
    let name = name_of(addition)?;
    let base = Pack::open(&installed(dir, BASE)?.dir)?;
    let runtime = assemble::Runtime::of(&base)?;
    // What can be found wrong without running anything is, before anything is written.
    let is_measured = addition.choice.precision == Some(fastest::FASTEST);
    let precision = addition.choice.precision.filter(|_| !is_measured);
    let mut model = match is_measured && !layout::precisions(&folder)?.is_empty() {
        true => None,
        false => Some(read(&folder, precision, &base)?),
    };
    fs::create_dir_all(dir).doing("create", dir)?;
    let _lock = lock(dir, progress)?;
    remove_leftovers(dir)?;
    let place = dir.join(&name);
    check_place(&place, addition.replace)?;
    let partial = dir.join(format!(".{name}.partial-{}", std::process::id()));
    progress(Progress::Converting { what: "model" });
    let made = chosen(&partial, &name, addition, &mut model, (&base, &runtime))
        .and_then(|model| put(&partial, &name, addition, model, (&base, &runtime)))
        .and_then(|(manifest, trial)| replace(&partial, &place, dir).map(|()| (manifest, trial)));
    match made {
        Ok((manifest, trial)) => {
            progress(Progress::Done { dir: place.clone() });
            Ok(Added {
                info: info(place, manifest),
                trial,
            })
        }
        Err(error) => {
            // The error that is reported is the one that matters; what stays is removed by the next call.
            let _ = fs::remove_dir_all(&partial);
            Err(error)
        }
    }
}

/// What was read, or what is read of the precision that is found to be the fastest.
fn chosen<'a>(
    partial: &Path,
    name: &str,
    addition: Addition<'_>,
    model: &'a mut Option<Read>,
    (base, runtime): (&Pack, &assemble::Runtime),
) -> Result<&'a mut Read, Error> {
    let read = match model.take() {
        Some(model) => model,
        None => {
            let precision = fastest::choose(partial, name, addition, (base, runtime))?;
            read(addition.folder, Some(&precision), base)?
        }
    };
    Ok(model.insert(read))
}

/// Whether a pack may be made under this name, of files that are not here yet.
pub fn check(dir: &Path, addition: Addition<'_>) -> Result<(), Error> {
    let name = checked_name(addition.name.unwrap_or_default())?;
    Pack::open(&installed(dir, BASE)?.dir)?;
    check_place(&dir.join(name), addition.replace)
}

/// Whether a pack may be put there.
pub(super) fn check_place(place: &Path, replaces: bool) -> Result<(), Error> {
    match place.exists() && !replaces {
        false => Ok(()),
        true => Err(Error::Refused {
            name: place.file_name().unwrap_or_default().to_string_lossy().into(),
            what: "a pack of that name is installed already; choose another with --name, or --replace it".into(),
        }),
    }
}

fn put(
    partial: &Path,
    name: &str,
    addition: Addition<'_>,
    model: &mut Read,
    (base, runtime): (&Pack, &assemble::Runtime),
) -> Result<(Manifest, Trial), Error> {
    let model = match model {
        Read::Towers(model) => model,
        Read::Sighted(model) => {
            return seeing::put(partial, name, addition, model, base, runtime);
        }
    };
    let mut manifest = assemble::assemble(partial, name, addition, model, runtime)?;
    if trial::looks_at_filling(partial, &manifest, model)? {
        model.spec.text.words.fill = Some(pairs::FILL);
        assemble::renew(&mut manifest, model);
    }
    let trial = trial::run(partial, &manifest, model)?;
    manifest.write(partial)?;
    Ok((manifest, trial))
}

fn name_of(addition: Addition<'_>) -> Result<String, Error> {
    let unusable = |what: &str| Error::Unusable {
        path: addition.folder.into(),
        what: what.into(),
    };
    let place = match fs::canonicalize(addition.folder) {
        Ok(place) if place.is_dir() || weights::is_weights(&place) => place,
        Ok(_) => {
            return Err(unusable(
                "it is no folder, and by its ending no file of weights (.pth, .pt, .bin, .safetensors) or of word vectors (.bin, .txt, .vec, also as .gz)",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(unusable("there is no such folder"));
        }
        Err(error) => return Err(error).doing("open", addition.folder),
    };
    let name = match addition.name {
        Some(name) => name.to_owned(),
        None if place.is_file() => place
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        None => folder_name(&place),
    };
    checked_name(&name)
}

/// Of a folder what it is called; of one with the networks of one size what the model is called, and the size.
fn folder_name(place: &Path) -> String {
    let name = |place: &Path| {
        let name = place.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    match settings::above(place) {
        Some(model) => format!("{}-{}", name(&model), name(place)),
        None => name(place),
    }
}

/// A name that is a part of paths and of what people type.
pub(super) fn checked_name(name: &str) -> Result<String, Error> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let what = match name {
        BASE => "that is the name of the base pack; choose another with --name",
        "" => "a name is needed: --name NAME",
        _ if name.len() > 64 || name.starts_with('.') || !name.chars().all(is_plain) => {
            "a name is made of up to 64 letters, digits, -, _ and .; choose another with --name"
        }
        _ => return Ok(name.to_owned()),
    };
    Err(Error::Refused {
        name: name.to_owned(),
        what: what.into(),
    })
}

/// Everything that can be found wrong without running anything.
fn read(folder: &Path, precision: Option<&str>, base: &Pack) -> Result<Read, Error> {
    if folder.is_file() {
        let read = weights::read(folder, None, base)?;
        return Ok(Read::Sighted(Box::new(read)));
    }
    let files = match (layout::find(folder, precision), weights::find(folder)?) {
        (Ok(files), _) => files,
        // There is no network, but weights of which one can be made.
        (Err(_), Some(file)) if precision.is_none() => {
            let read = weights::read(&file, Some(folder), base)?;
            return Ok(Read::Sighted(Box::new(read)));
        }
        (Err(error), _) => return Err(error),
    };
    if files.image == files.text {
        let network = Network::read(folder, &files.image)?;
        if network.only_sees() {
            let read = seeing::read(folder, files.precision, network, base)?;
            return Ok(Read::Sighted(Box::new(read)));
        }
    }
    Ok(Read::Towers(Box::new(read_towers(folder, files)?)))
}

fn read_towers(folder: &Path, files: layout::Found) -> Result<Model, Error> {
    let settings = settings::read(folder)?;
    let preparation = preparing::read(folder)?;
    let tokenizer = tokens::read(folder)?;
    let (image, text) = (
        Network::read(folder, &files.image)?,
        Network::read(folder, &files.text)?,
    );
    // Of these what a tower pools lies in the shared space; of others it does not.
    let pooled: &[&str] = if settings.family.starts_with("siglip") {
        &["pooler_output"]
    } else {
        &[]
    };
    let seen = image.vector(&[&["image_embeds", "image_embeddings"], pooled].concat())?;
    let said = text.vector(&[&["text_embeds", "text_embeddings"], pooled].concat())?;
    let dim = dimension(&settings, (&image.path, seen.dim), (&text.path, said.dim))?;
    let inputs = text.words()?;
    let pixels = image.pixels(preparation.side)?;
    if image.path != text.path {
        image.needs_only(&[&pixels.input])?;
        let given = [
            Some(&inputs.ids),
            inputs.mask.as_ref(),
            inputs.types.as_ref(),
        ];
        text.needs_only(
            &given
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        )?;
    }
    let words = words(&settings, &inputs, &text, &tokenizer)?;
    let spec = TowersSpec {
        family: settings.family,
        layout: files.layout.into(),
        dim,
        image: ImageTower {
            input: pixels.of_planes(),
            output: seen.name,
            preparation,
        },
        text: TextTower {
            ids: inputs.ids,
            mask: inputs.mask,
            types: inputs.types,
            wide: inputs.wide,
            output: said.name,
            words,
        },
    };
    Ok(Model {
        spec,
        precision: files.precision,
        image,
        pixels,
        text,
        tokenizer,
    })
}

fn dimension(
    settings: &Settings,
    (image, seen): (&PathBuf, Option<usize>),
    (text, said): (&PathBuf, Option<usize>),
) -> Result<usize, Error> {
    if let (Some(seen), Some(said)) = (seen, said)
        && seen != said
    {
        return Err(Error::Unusable {
            path: text.clone(),
            what: format!(
                "its vectors have {said} numbers, and those of {} have {seen}: they share no space",
                image.display()
            ),
        });
    }
    let found = seen.or(said);
    match (found, settings.dim) {
        (Some(found), Some(expect)) if found != expect => Err(Error::Unusable {
            path: image.clone(),
            what: format!("its vectors have {found} numbers, and the configuration says {expect}"),
        }),
        (None, None) => Err(Error::Unusable {
            path: image.clone(),
            what: "neither it nor the configuration says how long its vectors are".into(),
        }),
        (found, expect) => Ok(found.or(expect).unwrap_or_default()),
    }
}

fn words(
    settings: &Settings,
    inputs: &wiring::TextInputs,
    text: &Network,
    tokenizer: &tokens::Found,
) -> Result<WordsSpec, Error> {
    let Some(length) = inputs.length.or(settings.length).or(text.places()) else {
        let what = "neither it nor the configuration says how many ids a text has".to_owned();
        return Err(Error::Unusable {
            path: text.path.clone(),
            what,
        });
    };
    let mut spec = WordsSpec {
        length,
        fill: None,
        fills_before: settings.fills_before,
        repairs: settings.repairs,
        cleaning: settings.cleaning.unwrap_or(Cleaning::None),
    };
    let opened = trial::opened(&tokenizer.path, &tokenizer.content, &spec)?;
    let mut known = settings.vocabulary;
    if settings.is_pairs && !pairs::are_of(&opened) {
        // As of M-CLIP: the configuration speaks of the network that the pictures' one was trained beside.
        (spec.repairs, spec.cleaning, known) = (false, Cleaning::None, None);
    }
    let rows = text.graph.vocabulary(&inputs.ids).map(|rows| rows as usize);
    trial::check_vocabulary(&tokenizer.path, opened.size(), rows.or(known))?;
    if settings.fills || inputs.length.is_some() {
        spec.fill = filling(settings, &opened);
        if spec.fill.is_none() {
            let what = format!(
                "texts are filled up to {length} ids, and nothing says with which (pad_token)"
            );
            return Err(Error::Unusable {
                path: tokenizer.path.clone(),
                what,
            });
        }
    }
    Ok(spec)
}

/// The id that fills up. What `pad_token` says of CLIP's byte pairs is another than CLIP was trained with, and a network that takes
/// the last of the largest ids for the end of a text, or looks at what comes after it, gives noise with that.
fn filling(settings: &Settings, tokenizer: &Words) -> Option<i64> {
    if pairs::are_of(tokenizer) {
        return Some(pairs::FILL);
    }
    let piece = settings.pad_piece.as_ref();
    piece
        .and_then(|piece| tokenizer.id(piece))
        .or(settings.pad_id)
}
