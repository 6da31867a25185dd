//! `fovea models`: pull, add, list and inspect model packs.

use std::path::Path;

use fovea_encode::{Pack, models};

use crate::exit::{Exit, Refusal};
use crate::flags::{ModelsCommand, ModelsFlags};
use crate::render::{self, PullProgress};
use crate::settings::{DEFAULT_PACK, Settings};

pub fn run(settings: &Settings, flags: ModelsFlags) -> anyhow::Result<Exit> {
    match flags.what {
        ModelsCommand::Pull { name, from } => pull(settings, &name, from.as_deref()),
        ModelsCommand::Add {
            folder,
            name,
            precision,
            replace,
        } => {
            let addition = models::Addition {
                folder: &folder,
                name: name.as_deref(),
                precision: precision.as_deref(),
                replace,
            };
            add(settings, addition)
        }
        ModelsCommand::List => {
            let packs = models::list(&settings.models)?;
            render::packs(settings, &packs)?;
            Ok(if packs.is_empty() {
                Exit::NothingFound
            } else {
                Exit::Done
            })
        }
        ModelsCommand::Info { name } => info(settings, &name),
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
    render::pack(settings, &models::installed(&settings.models, name)?)?;
    Ok(Exit::Done)
}

fn add(settings: &Settings, addition: models::Addition<'_>) -> anyhow::Result<Exit> {
    let mut progress = PullProgress::new(settings.quiet);
    let added = models::add(&settings.models, addition, &mut |event| progress.on(event));
    progress.finish();
    render::added(settings, &added?)?;
    Ok(Exit::Done)
}

fn info(settings: &Settings, name: &str) -> anyhow::Result<Exit> {
    let info = models::installed(&settings.models, name)?;
    render::pack(settings, &info)?;
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
