//! `fovea dedupe`: copies of the same picture, with what could go; and shots that are only alike. Touches nothing unless it is told to.

use fovea_engine::Engine;
use fovea_engine::dedupe::{DedupeOptions, Done, Duplicates, Outcome, Watch};

use crate::commands::filters::filters;
use crate::exit::{Exit, Refusal};
use crate::flags::DedupeFlags;
use crate::interrupt;
use crate::render::{self, DedupeProgress, Deduped};
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: &DedupeFlags) -> anyhow::Result<Exit> {
    if let Some(least) = flags.similar.filter(|least| !(0.0..=1.0).contains(least)) {
        return Err(Refusal::input(format!(
            "--similar={least}: a cosine between 0 and 1 is needed, as in --similar=0.9"
        ))
        .into());
    }
    let is_acting = flags.link || flags.r#move.is_some();
    let engine = match is_acting {
        true => settings.open_for_changes()?,
        false => settings.open_for_reading()?,
    };
    let options = DedupeOptions {
        filter: filters(&engine, &flags.filter)?,
        similar: flags.similar,
        ..DedupeOptions::default()
    };
    let progress = DedupeProgress::new(settings.quiet);
    let watch = Watch {
        progress: &|stage, done, all| progress.on(stage, done, all),
        is_cancelled: &interrupt::is_interrupted,
    };
    let found = engine.duplicates(&options, &watch)?;
    progress.finish();
    let Some(found) = found else {
        return Ok(Exit::Interrupted);
    };
    let outcomes = act(&engine, flags, &found)?;
    render::duplicates(
        settings,
        &Deduped {
            found: &found,
            outcomes: outcomes.as_deref(),
            folder: flags.r#move.as_deref(),
        },
    )?;
    exit(settings, &engine, &found, outcomes.as_deref())
}

/// What `--link` or `--move` did; none without either.
fn act(
    engine: &Engine,
    flags: &DedupeFlags,
    found: &Duplicates,
) -> anyhow::Result<Option<Vec<Outcome>>> {
    let cancelled = &interrupt::is_interrupted;
    if let Some(folder) = &flags.r#move {
        return Ok(Some(engine.move_copies(
            &found.groups,
            folder,
            cancelled,
        )?));
    }
    if flags.link {
        return Ok(Some(engine.link_copies(&found.groups, cancelled)?));
    }
    Ok(None)
}

fn exit(
    settings: &Settings,
    engine: &Engine,
    found: &Duplicates,
    outcomes: Option<&[Outcome]>,
) -> anyhow::Result<Exit> {
    if interrupt::is_interrupted() {
        return Ok(Exit::Interrupted);
    }
    let is_trouble =
        |outcome: &Outcome| matches!(&outcome.done, Done::Untouched(why) if why.is_trouble());
    if outcomes.is_some_and(|all| all.iter().any(is_trouble)) {
        return Ok(Exit::Environment);
    }
    if found.groups.is_empty() && found.similar.is_empty() {
        if engine.database().info()?.n_items == 0 {
            render::nothing_found(settings, 0, &[]);
        }
        return Ok(Exit::NothingFound);
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use crate::flags::SIMILAR;

    #[test]
    fn the_bare_flag_is_the_engines_threshold() {
        assert_eq!(SIMILAR.parse(), Ok(fovea_engine::dedupe::SIMILAR));
    }
}
