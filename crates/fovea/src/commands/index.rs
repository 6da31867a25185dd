//! `fovea index`: folders become searchable.

use fovea_engine::tagging::TagList;
use fovea_engine::{
    CaptionChoice, Engine, IndexOptions, IndexReport, Share, TagChoice, WatchOptions, choose_index,
};
use fovea_vectordb::IndexChoice;

use crate::exit::{Exit, Refusal};
use crate::flags::IndexFlags;
use crate::pacing::Pacing;
use crate::render::{self, IndexProgress};
use crate::settings::Settings;

/// No list of tags is longer.
const MOST_TAG_BYTES: u64 = 8 << 20;

pub fn run(settings: &Settings, flags: IndexFlags) -> anyhow::Result<Exit> {
    let options = options(&flags)?;
    let choice: Option<IndexChoice> = flags.index.as_deref().map(str::parse).transpose()?;
    // Whoever says how many threads is not overruled by what was measured.
    let pacing = match flags.threads {
        Some(_) => Pacing::Plain,
        None => Pacing::Measured,
    };
    let engine = settings.open_with_pack(flags.model.as_deref(), pacing)?;
    if let Some(choice) = &choice {
        choose_index(engine.database(), choice)?;
    }
    if flags.watch {
        return watch(settings, &engine, &flags, &options);
    }
    let progress = IndexProgress::new(settings.quiet);
    let report = engine.index(&flags.paths, &options, &progress)?;
    progress.finish();
    render::index_report(settings, &report)?;
    Ok(exit(&report))
}

fn watch(
    settings: &Settings,
    engine: &Engine,
    flags: &IndexFlags,
    options: &IndexOptions,
) -> anyhow::Result<Exit> {
    let progress = IndexProgress::new(settings.quiet);
    let mut shown = Ok(());
    engine.watch(
        &flags.paths,
        options,
        &WatchOptions::default(),
        &progress,
        &mut |report| {
            progress.finish();
            if shown.is_ok() {
                shown = render::index_report(settings, report);
            }
            progress.waiting();
        },
    )?;
    progress.finish();
    shown.map(|()| Exit::Interrupted)
}

fn exit(report: &IndexReport) -> Exit {
    match (report.interrupted, report.offline.is_empty()) {
        (true, _) => Exit::Interrupted,
        (false, false) => Exit::Environment,
        (false, true) => Exit::Done,
    }
}

pub fn options(flags: &IndexFlags) -> anyhow::Result<IndexOptions> {
    let mut options = IndexOptions {
        captions: flags.captions.as_deref().map(caption_choice).transpose()?,
        exclude: flags.exclude.as_ref().map(|globs| {
            let globs = globs.iter().filter(|glob| !glob.is_empty());
            globs.cloned().collect()
        }),
        regions: flags.regions.as_deref().map(str::parse).transpose()?,
        tags: flags.tags.as_deref().map(tag_choice).transpose()?,
        retry: flags.retry,
        remember: flags.remember,
        prune_empty: flags.prune_empty,
        share: flags.part.as_deref().map(share).transpose()?,
        ..Default::default()
    };
    if let Some(megapixels) = flags.max_megapixels {
        options.limits.max_pixels = megapixels.saturating_mul(1_000_000);
        // Whoever raises the one limit wants the picture, so the memory for it is granted too.
        let bytes = options.limits.max_pixels.saturating_mul(4);
        options.limits.max_decoded_bytes = options.limits.max_decoded_bytes.max(bytes);
    }
    if let Some(mb) = flags.max_file_mb {
        options.max_file_bytes = mb.saturating_mul(1 << 20);
    }
    if let Some(threads) = flags.threads {
        options.n_workers = threads.max(1);
    }
    Ok(options)
}

fn share(text: &str) -> anyhow::Result<Share> {
    text.parse()
        .map_err(|reason| Refusal::input(format!("--part: {reason}")).into())
}

fn tag_choice(text: &str) -> anyhow::Result<TagChoice> {
    if text == "none" {
        return Ok(TagChoice::None);
    }
    let refused = |reason: String| {
        Refusal::input(format!(
            "--tags {text}: {reason}; expected a file with a tag on each line, or `none`"
        ))
    };
    let file = std::fs::metadata(text).map_err(|error| refused(error.to_string()))?;
    if file.len() > MOST_TAG_BYTES {
        return Err(refused(format!("{} bytes are too many", file.len())).into());
    }
    let bytes = std::fs::read(text).map_err(|error| refused(error.to_string()))?;
    let lines = String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8".to_owned()))?;
    Ok(TagChoice::List(TagList::parse(&lines).map_err(refused)?))
}

fn caption_choice(text: &str) -> anyhow::Result<CaptionChoice> {
    match text {
        "none" => Ok(CaptionChoice::None),
        "sidecar" => Ok(CaptionChoice::Sidecar),
        file => {
            let path = std::fs::canonicalize(file).map_err(|error| {
                Refusal::input(format!(
                    "--captions {file}: {error}; expected `none`, `sidecar` or a .tsv file"
                ))
            })?;
            Ok(CaptionChoice::Tsv(path))
        }
    }
}
