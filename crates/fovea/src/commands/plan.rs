//! `fovea plan`: what a library of a size takes.

use fovea_encode::Encoder;
use fovea_engine::pack_record;

use crate::exit::{Exit, Refusal};
use crate::flags::scale::PlanFlags;
use crate::plan::{Load, plan};
use crate::render;
use crate::settings::Settings;

const MOST_IMAGES: f64 = 1e10;

pub fn run(settings: &Settings, flags: &PlanFlags) -> anyhow::Result<Exit> {
    let images = number("--images", &flags.images, 1.0, MOST_IMAGES, "1000000")?;
    if images.fract() != 0.0 {
        return Err(wrong("--images", &flags.images, "a whole number", "1000000").into());
    }
    let queries = &flags.queries_per_second;
    let load = Load {
        images: images as u64,
        queries_per_second: number("--queries-per-second", queries, 0.0, 1e7, "50")?,
        captions_per_image: number("--captions", &flags.captions, 0.0, 100.0, "1")?,
        machine_bytes: 1e9 * number("--machine-memory", &flags.machine_memory, 1.0, 1e5, "64")?,
        machine_cores: number("--machine-cores", &flags.machine_cores, 1.0, 1e4, "16")?,
        pack: String::new(),
        feature_dim: 0,
        image_dims: Vec::new(),
        caption_dim: 0,
    };
    let pack = settings.open_pack(&flags.model)?;
    let encoder: &dyn Encoder = &pack;
    render::scale_plan(settings, &plan(load.of_pack(&pack_record(encoder))))?;
    Ok(Exit::Done)
}

/// A number as people write it, with `_` or `,` between digits where they like.
fn number(flag: &str, text: &str, least: f64, most: f64, example: &str) -> Result<f64, Refusal> {
    let digits = text.replace(['_', ','], "");
    let number = digits.parse::<f64>().ok();
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            wrong(
                flag,
                text,
                &format!("a number from {least} to {most}"),
                example,
            )
        })
}

fn wrong(flag: &str, text: &str, expected: &str, example: &str) -> Refusal {
    Refusal::input(format!(
        "{flag} {text}: write {expected}, as in {flag} {example}"
    ))
}
