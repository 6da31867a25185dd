//! `fovea demo`: everything once, on real images, from nothing.
//!
//! The images are Debian's Tux Paint stamps, prepared by `scripts/stamps.py`, which travels inside the program.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use anyhow::Context;
use fovea_encode::models;
use fovea_engine::{CaptionChoice, IndexOptions, Query, SearchOptions};

use crate::exit::{Exit, Refusal};
use crate::render::{self, IndexProgress, PullProgress, ResultStyle};
use crate::settings::{Settings, cache_folder};

const STAMPS_SCRIPT: &str = include_str!("../../../../scripts/stamps.py");
const QUERIES: [&str; 4] = ["a penguin", "musical instrument", "消防车", "蝴蝶"];
const RESULTS_EACH: usize = 3;

pub fn run(settings: &Settings) -> anyhow::Result<Exit> {
    let cache = cache_folder()?;
    step(
        settings,
        "1/4",
        "the model pack `base` (77 MB once, then offline for ever)",
    );
    let mut pull = PullProgress::new(settings.quiet);
    models::pull_base(&settings.models, None, &mut |event| pull.on(event))?;
    pull.finish();
    step(
        settings,
        "2/4",
        "785 pictures: Tux Paint's stamps (161 MB once)",
    );
    let stamps = prepare_stamps(&cache)?;
    let settings = Settings {
        folder: cache.join("demo-db"),
        server: None,
        collection: "default".to_owned(),
        ..settings.clone()
    };
    step(
        &settings,
        "3/4",
        "index them by what is seen, without their captions",
    );
    let engine = settings.open_for_writing()?;
    let options = IndexOptions {
        captions: Some(CaptionChoice::None),
        ..Default::default()
    };
    let progress = IndexProgress::new(settings.quiet);
    let report = engine.index(&[stamps.join("stamps")], &options, &progress)?;
    progress.finish();
    render::index_report(&settings, &report)?;
    if report.interrupted {
        return Ok(Exit::Interrupted);
    }
    step(&settings, "4/4", "search in English and Chinese");
    let options = SearchOptions {
        top_k: RESULTS_EACH,
        ..Default::default()
    };
    let style = if settings.json {
        ResultStyle::Json
    } else {
        ResultStyle::Table { pictures: None }
    };
    for text in QUERIES {
        let results = engine.search(&Query::words(text)?, &options)?;
        if !settings.json {
            anstream::println!("\n{}", render::strong(text));
        }
        let previews = engine.previews();
        render::results(&mut io::stdout().lock(), previews, text, &results, &style)?;
    }
    what_next(&settings, &stamps)?;
    Ok(Exit::Done)
}

fn step(settings: &Settings, number: &str, what: &str) {
    if !settings.quiet {
        anstream::eprintln!("{} {what}", render::strong(number));
    }
}

fn what_next(settings: &Settings, stamps: &Path) -> anyhow::Result<()> {
    if settings.json {
        return Ok(());
    }
    let program = std::env::current_exe().ok();
    let program = program.map_or_else(|| "fovea".to_owned(), |path| path.display().to_string());
    let db = settings.folder.display();
    let mut out = anstream::stdout().lock();
    writeln!(out, "\n{}", render::strong("What to type next"))?;
    writeln!(out, "  {program} --db {db} search a red fruit")?;
    writeln!(out, "  {program} --db {db} search un oiseau qui vole")?;
    let penguin = stamps.join("stamps/animals/birds/penguin.png");
    writeln!(out, "  {program} --db {db} search {}", penguin.display())?;
    let captions = stamps.join("captions-photographic.tsv");
    writeln!(
        out,
        "  {program} --db {db} eval --captions {} --candidates listed --lang en --lang zh",
        captions.display()
    )?;
    writeln!(
        out,
        "  {program} index ~/Pictures && {program} search a dog on a beach"
    )?;
    Ok(())
}

/// Names of stamps with their English captions, of a list that lies beside them.
pub fn english_captions(list: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let text =
        std::fs::read_to_string(list).with_context(|| format!("cannot read {}", list.display()))?;
    let english = text.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        let (name, language, caption) = (fields.next()?, fields.next()?, fields.next()?);
        (language == "en").then(|| (name.to_owned(), caption.to_owned()))
    });
    Ok(english.collect())
}

/// Runs the script with the user's Python, as `models pull` does with pip.
pub fn prepare_stamps(cache: &Path) -> anyhow::Result<PathBuf> {
    let folder = cache.join("stamps");
    fs::create_dir_all(cache).with_context(|| format!("cannot create {}", cache.display()))?;
    let mut script = tempfile::Builder::new().suffix(".py").tempfile()?;
    script.write_all(STAMPS_SCRIPT.as_bytes())?;
    script.flush()?;
    let status = Command::new("python3")
        .arg(script.path())
        .arg(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|error| {
            Refusal::environment(format!(
                "python3 is needed to prepare the demo's images, but: {error}"
            ))
        })?;
    if !status.success() {
        let message = "the demo's images could not be prepared (see above); your own work as well: fovea index ~/Pictures";
        return Err(Refusal::environment(message).into());
    }
    Ok(folder)
}
