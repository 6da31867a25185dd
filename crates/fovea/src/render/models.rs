//! Model packs.

use std::io::Write;

use fovea_encode::models::{Added, AddedWords, PackInfo};
use fovea_encode::pace::Tuned;
use fovea_encode::{Fitting, ImageTower, Preparation, TowersSpec, WordsRead};
use serde_json::json;

use super::units::bytes;
use super::{dim, print_json, strong};
use crate::pacing;
use crate::settings::Settings;

pub fn packs(settings: &Settings, packs: &[PackInfo]) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&packs.iter().map(as_json).collect());
    }
    if packs.is_empty() {
        let folder = settings.models.display();
        anstream::eprintln!("No model pack in {folder}. Begin with: fovea models pull base");
        return Ok(());
    }
    let mut out = anstream::stdout().lock();
    for pack in packs {
        let size: u64 = pack.files.iter().map(|file| file.bytes).sum();
        let state = if pack.outdated {
            "outdated: pull it again"
        } else {
            ""
        };
        let (name, version) = (strong(&pack.spec.name), &pack.spec.version);
        writeln!(
            out,
            "{name}  {version}  {}  {}  {state}",
            bytes(size),
            pack.dir.display()
        )?;
    }
    Ok(())
}

/// How a pack sees fastest on this machine.
pub fn tuned(settings: &Settings, name: &str, tuned: &Tuned) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&json!({"name": name, "pace": pace(tuned)}));
    }
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "{}",
        dim("sessions   threads   pictures in a run   pictures a second")
    )?;
    for one in &tuned.measured {
        let mark = match one.pace == tuned.chosen {
            true => "   kept",
            false => "",
        };
        let (sessions, threads, batch) = (one.pace.sessions, one.pace.threads, one.pace.batch);
        writeln!(
            out,
            "{sessions:>8}{threads:>10}{batch:>20}{:>20.1}{mark}",
            one.rate
        )?;
    }
    Ok(())
}

fn pace(tuned: &Tuned) -> serde_json::Value {
    let mut document = json!(tuned.chosen);
    document["measured"] = json!(tuned.measured);
    document
}

/// A pack that was added, and what it made of the built-in picture and sentence.
pub fn added(settings: &Settings, added: &Added) -> anyhow::Result<()> {
    let trial = &added.trial;
    let milliseconds = |time: std::time::Duration| round(time.as_secs_f64() * 1e3);
    let (image, text) = (
        milliseconds(trial.image_time),
        milliseconds(trial.text_time),
    );
    if settings.json {
        let mut json = as_json(&added.info);
        json["trial"] = json!({
            "sentence": trial.sentence,
            "ids": trial.ids,
            "cosine": trial.cosine,
            "image_ms": image,
            "text_ms": text,
            "wordless": trial.wordless,
        });
        return print_json(&json);
    }
    pack(settings, &added.info, None)?;
    let mut out = anstream::stdout().lock();
    let ids = trial.ids.len();
    for (what, value) in [
        ("a picture", format!("encoded in {image:.1} ms")),
        (
            "a sentence",
            format!("{:?}: {ids} ids, encoded in {text:.1} ms", trial.sentence),
        ),
        match &trial.wordless {
            None => ("cosine", format!("{:.4}", trial.cosine)),
            Some(reason) => ("words", format!("none yet: {reason}")),
        },
    ] {
        writeln!(out, "  {} {value}", dim(&format!("{what:<12}")))?;
    }
    let name = &added.info.spec.name;
    if trial.wordless.is_some() {
        writeln!(
            out,
            "It finds pictures by pictures. To teach it words: fovea train align --model {name} --pairs FILE.tsv"
        )?;
    }
    writeln!(
        out,
        "Make a collection with it: fovea --collection {name} index PATH --model {name}"
    )?;
    Ok(())
}

/// A pack whose words are somebody's word vectors, and what has to be done before they find anything.
pub fn added_words(settings: &Settings, added: &AddedWords) -> anyhow::Result<()> {
    let (known, classes) = (added.words.n_classes, added.n_classes);
    if settings.json {
        let mut json = as_json(&added.info);
        json["words"]["n_left_out"] = json!(added.n_left_out);
        return print_json(&json);
    }
    pack(settings, &added.info, None)?;
    let mut out = anstream::stdout().lock();
    if added.n_left_out > 0 {
        let left_out = format!("{}: no UTF-8, too long, or there twice", added.n_left_out);
        writeln!(out, "  {} {left_out}", dim("left out    "))?;
    }
    let name = &added.info.spec.name;
    match known * 2 >= classes {
        true => writeln!(
            out,
            "Make a collection with it: fovea --collection {name} index PATH --model {name}\n\
             It finds more once an alignment is trained over it: fovea train align --model {name} --pairs FILE.tsv"
        ),
        false => writeln!(
            out,
            "Only {known} of the {classes} classes that place pictures have a word here. Train an alignment with captions in the \
             language of these words: fovea train align --model {name} --pairs FILE.tsv"
        ),
    }?;
    Ok(())
}

/// How pictures are prepared, in one line.
fn prepares(preparation: &Preparation) -> String {
    let side = preparation.side;
    let fitting = match preparation.fitting {
        Fitting::Squash => format!("both sides to {side} px"),
        Fitting::Shortest { short, .. } => {
            format!("shorter side to {short} px, middle {side} x {side}")
        }
    };
    let filter = format!("{:?}", preparation.filter).to_lowercase();
    format!(
        "{fitting}, {filter}, mean {:?}, deviation {:?}",
        preparation.mean, preparation.deviation
    )
}

/// The words of the classes, where the pack has some.
const CLASSES: &str = "classes.json";

/// What was read of a network that only sees, a line each.
fn sees(network: &ImageTower, pack: &PackInfo) -> Vec<(&'static str, String)> {
    let (spec, dim) = (&pack.spec, pack.spec.feature_dim);
    let wiring = format!("{} -> {}, {dim} numbers", network.input, network.output);
    let has_classes = pack.files.iter().any(|file| file.name == CLASSES);
    let words = match spec.is_aligned {
        true if has_classes => "those of ImageNet's classes, read as by base".to_owned(),
        true => "learnt from captions, read as by base".to_owned(),
        false => format!("none yet: fovea train align --model {}", spec.name),
    };
    vec![
        ("sees", wiring),
        ("prepares", prepares(&network.preparation)),
        ("words", words),
    ]
}

/// The word vectors that read texts, in one line.
fn words(words: &WordsRead) -> (&'static str, String) {
    let line = format!(
        "{} of {}, read as their mean by inverse frequency; {} classes have one",
        words.n_words, words.format, words.n_classes
    );
    ("words", line)
}

/// What was read of the two networks, a line each.
fn towers(towers: &TowersSpec) -> Vec<(&'static str, String)> {
    let (image, text) = (&towers.image, &towers.text);
    let masks = [text.mask.as_deref(), text.types.as_deref()];
    let inputs = std::iter::once(text.ids.as_str()).chain(masks.into_iter().flatten());
    let filled = match text.words.fill {
        Some(id) => format!("filled up with id {id}"),
        None => "not filled up".to_owned(),
    };
    vec![
        (
            "model",
            format!("{}, laid out as for {}", towers.family, towers.layout),
        ),
        (
            "sees",
            format!(
                "{} -> {}, {} numbers",
                image.input, image.output, towers.dim
            ),
        ),
        ("prepares", prepares(&image.preparation)),
        (
            "reads",
            format!(
                "{} -> {}",
                inputs.collect::<Vec<_>>().join(", "),
                text.output
            ),
        ),
        (
            "texts",
            format!("up to {} ids, {filled}", text.words.length),
        ),
    ]
}

/// A pack, and how it was measured to run, where it was.
pub fn pack(settings: &Settings, pack: &PackInfo, tuned: Option<&Tuned>) -> anyhow::Result<()> {
    if settings.json {
        let mut json = as_json(pack);
        json["pace"] = tuned.map_or(serde_json::Value::Null, pace);
        return print_json(&json);
    }
    let spec = &pack.spec;
    let mut out = anstream::stdout().lock();
    writeln!(out, "{}", strong(&spec.name))?;
    for (what, value) in [
        ("version", spec.version.clone()),
        ("fingerprint", spec.fingerprint.clone()),
        ("folder", pack.dir.display().to_string()),
        ("spaces", pack.spaces.join(", ")),
        (
            "dimensions",
            match spec.is_aligned {
                true => format!("image {} · visual {}", spec.shared_dim, spec.visual_dim),
                false => format!("visual {}; no words yet", spec.visual_dim),
            },
        ),
        ("languages", languages(&spec.languages)),
    ]
    .into_iter()
    .chain(pack.towers.iter().flat_map(towers))
    .chain(pack.sees.iter().flat_map(|network| sees(network, pack)))
    .chain(pack.words.iter().map(words))
    .chain(tuned.map(|tuned| ("runs", pacing::sentence(tuned))))
    {
        writeln!(out, "  {} {value}", dim(&format!("{what:<12}")))?;
    }
    if let Some(training) = &pack.training {
        let parent = &training.parent_fingerprint;
        let parent = format!("{} {}…", training.parent, &parent[..parent.len().min(16)]);
        writeln!(out, "  {} {parent}", dim("trained from"))?;
        for (name, value) in &training.metrics {
            writeln!(
                out,
                "  {} {name:<28} {value}",
                dim("measured    "),
                value = round(*value)
            )?;
        }
    }
    for file in &pack.files {
        let checksum = &file.blake3[..file.blake3.len().min(16)];
        writeln!(
            out,
            "  {} {:<28} {:>10}  BLAKE3 {checksum}…",
            dim("file        "),
            file.name,
            bytes(file.bytes)
        )?;
    }
    for licence in &pack.licences {
        writeln!(out, "  {} {licence}", dim("licence     "))?;
    }
    Ok(())
}

/// What the files of a model do not say is not guessed.
fn languages(known: &[String]) -> String {
    match known {
        [] => "its files do not say".to_owned(),
        known => known.join(" "),
    }
}

/// Four digits are as many as a held-out share is worth.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn as_json(pack: &PackInfo) -> serde_json::Value {
    let files = pack
        .files
        .iter()
        .map(|file| json!({"name": file.name, "bytes": file.bytes, "blake3": file.blake3}));
    json!({
        "name": pack.spec.name,
        "version": pack.spec.version,
        "fingerprint": pack.spec.fingerprint,
        "outdated": pack.outdated,
        "folder": pack.dir.to_string_lossy(),
        "spaces": pack.spaces,
        "is_aligned": pack.spec.is_aligned,
        "feature_dim": pack.spec.feature_dim,
        "shared_dim": pack.spec.shared_dim,
        "visual_dim": pack.spec.visual_dim,
        "languages": pack.spec.languages,
        "files": files.collect::<Vec<_>>(),
        "licences": pack.licences,
        "towers": pack.towers,
        "sees": pack.sees,
        "words": pack.words,
        "training": pack.training.as_ref().map(|training| json!({
            "parent": training.parent,
            "parent_fingerprint": training.parent_fingerprint,
            "data": training.data,
            "settings": training.settings,
            "metrics": training.metrics,
        })),
    })
}
