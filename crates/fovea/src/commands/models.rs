//! `fovea models`: pull, add, list, inspect and recommend model packs.

use std::path::Path;

use fovea_encode::models::hub::{self, Hub, Source};
use fovea_encode::{Pack, models};

use crate::exit::{Exit, Refusal};
use crate::flags::{AddFlags, ModelsCommand, ModelsFlags};
use crate::interrupt;
use crate::pacing;
use crate::recommend;
use crate::render::{self, PullProgress};
use crate::settings::{DEFAULT_PACK, Settings};

pub fn run(settings: &Settings, flags: ModelsFlags) -> anyhow::Result<Exit> {
    match flags.what {
        ModelsCommand::Pull { name, from } => pull(settings, &name, from.as_deref()),
        ModelsCommand::Add(flags) => add(settings, &flags),
        ModelsCommand::List => {
            let packs = models::list(&settings.models)?;
            render::packs(settings, &packs)?;
            Ok(if packs.is_empty() {
                Exit::NothingFound
            } else {
                Exit::Done
            })
        }
        ModelsCommand::Tune { name } => tune(settings, &name),
        ModelsCommand::Info { name } => info(settings, &name),
        ModelsCommand::Recommend { language, memory } => {
            let dir = models::installed(&settings.models, DEFAULT_PACK)?.dir;
            let found = recommend::recommend(&Pack::open(&dir)?, &language, memory.as_deref())?;
            render::recommended(settings, &found)?;
            Ok(match found.fitting.is_empty() {
                true => Exit::NothingFound,
                false => Exit::Done,
            })
        }
    }
}

fn pull(settings: &Settings, name: &str, from: Option<&Path>) -> anyhow::Result<Exit> {
    if name != DEFAULT_PACK {
        return Err(Refusal::input(format!(
            "no pack `{name}` can be pulled; `{DEFAULT_PACK}` can"
        ))
        .into());
    }
    let mut progress = PullProgress::new(settings.quiet);
    models::pull_base(&settings.models, from, &mut |event| progress.on(event))?;
    progress.finish();
    render::pack(settings, &models::installed(&settings.models, name)?, None)?;
    Ok(Exit::Done)
}

fn add(settings: &Settings, flags: &AddFlags) -> anyhow::Result<Exit> {
    if models::is_words(&flags.model) {
        return add_words(settings, flags);
    }
    if flags.most_words.is_some() {
        let message = format!(
            "--most-words is of a file of word vectors, and {} is none (.bin, .txt, .vec, also as .gz)",
            flags.model.display()
        );
        return Err(Refusal::input(message).into());
    }
    let mut progress = PullProgress::new(settings.quiet);
    let added = fetch_and_add(settings, flags, &mut |event| progress.on(event));
    progress.finish();
    if added.is_err() && interrupt::is_interrupted() {
        return Ok(Exit::Interrupted);
    }
    render::added(settings, &added?)?;
    Ok(Exit::Done)
}

fn add_words(settings: &Settings, flags: &AddFlags) -> anyhow::Result<Exit> {
    let mut progress = PullProgress::new(settings.quiet);
    let addition = models::WordsAddition {
        file: &flags.model,
        name: flags.name.as_deref(),
        most: flags.most_words.unwrap_or(models::MOST_WORDS),
        replace: flags.replace,
    };
    let added = models::add_words(&settings.models, addition, &mut |event| progress.on(event));
    progress.finish();
    render::added_words(settings, &added?)?;
    Ok(Exit::Done)
}

fn fetch_and_add(
    settings: &Settings,
    flags: &AddFlags,
    progress: &mut dyn FnMut(models::Progress),
) -> anyhow::Result<models::Added> {
    let choice = models::Choice {
        precision: flags.precision.as_deref(),
        size: flags.size.as_deref(),
    };
    let mut addition = models::Addition {
        folder: &flags.model,
        name: flags.name.as_deref(),
        choice,
        replace: flags.replace,
        origin: None,
    };
    let reference = match Source::of(&flags.model)? {
        Source::Folder(_) => return Ok(models::add(&settings.models, addition, progress)?),
        Source::Hub(reference) => reference,
    };
    // A long download is not for a name that is taken, or a store that cannot be used.
    let of_size = choice
        .size
        .map(|size| format!("{}-{size}", reference.name()));
    let name = addition.name.or(of_size.as_deref());
    addition.name = Some(name.unwrap_or(reference.name()));
    models::check_addition(&settings.models, addition)?;
    let mut hub = Hub::from_env();
    hub.offline |= flags.offline;
    hub.is_cancelled = interrupt::is_interrupted;
    let fetched = hub::fetch(&hub, &reference, choice, progress)?;
    let addition = models::Addition {
        folder: &fetched.folder,
        origin: Some(&fetched.origin),
        ..addition
    };
    Ok(models::add(&settings.models, addition, progress)?)
}

fn tune(settings: &Settings, name: &str) -> anyhow::Result<Exit> {
    let pack = settings.open_pack(name)?;
    let tuned = pacing::measure(settings, &pack, pacing::AT_LEISURE)?;
    let Some(tuned) = tuned else {
        let message = format!("pack `{name}` has no network that sees");
        return Err(Refusal::input(message).into());
    };
    render::tuned(settings, name, &tuned)?;
    Ok(Exit::Done)
}

fn info(settings: &Settings, name: &str) -> anyhow::Result<Exit> {
    let info = models::installed(&settings.models, name)?;
    let tuned = match info.outdated {
        true => None,
        false => Pack::open(&info.dir)
            .ok()
            .and_then(|pack| pacing::found(settings, &pack)),
    };
    render::pack(settings, &info, tuned.as_ref())?;
    if info.outdated {
        let message = format!(
            "pack `{name}` is version {}, this program needs {}; run `fovea models pull {name}`",
            info.spec.version,
            models::BASE_VERSION
        );
        return Err(Refusal::environment(message).into());
    }
    Pack::open(&info.dir)?.verify()?;
    Ok(Exit::Done)
}
