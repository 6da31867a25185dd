//! `fovea eval`: how well captions find their images.

use std::collections::BTreeMap;

use fovea_encode::Encoder;
use fovea_engine::{Candidates, Engine, EvalOptions};
use fovea_measure::Bootstrap;
use fovea_vectordb::OpenMode;

use crate::commands::search::spaces;
use crate::exit::{Exit, Refusal};
use crate::flags::{CandidatesFlag, EvalFlags};
use crate::render;
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: EvalFlags) -> anyhow::Result<Exit> {
    let engine = settings.open_for_reading()?;
    let options = EvalOptions {
        candidates: match flags.candidates {
            CandidatesFlag::All => Candidates::All,
            CandidatesFlag::Listed => Candidates::Listed,
        },
        spaces: spaces(flags.space)?,
        languages: flags.lang,
        bootstrap: Bootstrap {
            seed: flags.seed,
            ..Default::default()
        },
    };
    let evaluation = engine.evaluate(&flags.captions, &options)?;
    if evaluation.languages.is_empty() {
        let message = match evaluation.not_indexed.first() {
            Some(image) => format!(
                "none of the images of {} is in this collection ({} is the first); index their folder",
                flags.captions.display(),
                image.display()
            ),
            None => format!(
                "{} has no caption in the languages asked for",
                flags.captions.display()
            ),
        };
        return Err(Refusal::input(message).into());
    }
    let compared = match &flags.against {
        Some(name) => {
            let before = other_pack(settings, name)?.evaluate(&flags.captions, &options)?;
            evaluation.against(&before, &options.bootstrap)
        }
        None => Vec::new(),
    };
    let folders = match flags.by_folder {
        true => evaluation.by_folder(&options.bootstrap),
        false => BTreeMap::new(),
    };
    render::evaluation(settings, &evaluation, &folders, &compared)?;
    Ok(Exit::Done)
}

/// The same collection as another pack sees it, which has to have seen it.
fn other_pack(settings: &Settings, name: &str) -> anyhow::Result<Engine> {
    let database = settings.open_database(OpenMode::ReadOnly)?;
    let pack = settings.open_pack(name)?;
    let fingerprint = pack.spec().fingerprint.clone();
    let is_known = database
        .packs()?
        .iter()
        .any(|known| known.fingerprint == fingerprint);
    let engine = settings.join(database, pack);
    if !is_known || !engine.has_seen_all()? {
        return Err(Refusal::input(format!(
            "--against {name}: that pack has not seen all pictures of the collection; fovea migrate-model --to {name} makes them, and \
             --back returns"
        ))
        .into());
    }
    Ok(engine)
}
