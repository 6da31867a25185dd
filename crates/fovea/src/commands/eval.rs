//! `fovea eval`: how well captions find their images.

use fovea_engine::{Candidates, EvalOptions};
use fovea_measure::Bootstrap;

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
    render::evaluation(settings, &evaluation)?;
    Ok(Exit::Done)
}
