//! Models that fit a language and a machine.

use std::io::Write;

use serde_json::json;

use super::{dim, print_json, strong};
use crate::recommend::{Recommendation, SOURCE};
use crate::settings::Settings;

pub fn recommended(settings: &Settings, found: &Recommendation) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&as_json(found));
    }
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "{}",
        dim("recall   memory   pictures a second and core   model")
    )?;
    for one in &found.fitting {
        writeln!(
            out,
            "{:>5.1}%  {:>5} MiB  {:>26.2}   {}",
            one.recall,
            one.memory_mib,
            one.per_second,
            strong(one.name)
        )?;
    }
    writeln!(
        out,
        "{:>6}  {:>9}  {:>26.2}   {} (16 languages, measured here; nobody measured its recall there)",
        "",
        "",
        found.base_per_second,
        strong("base")
    )?;
    let language = &found.language;
    writeln!(
        out,
        "Recall of images by captions in `{language}` (Crossmodal-3600) and memory: {SOURCE}. Pictures a second are estimated from what \
         this machine took for the network of base."
    )?;
    match found.fitting.first() {
        Some(best) => writeln!(out, "To have the first: fovea models add {}", best.name)?,
        None => anstream::eprintln!("No model that is known fits into that memory."),
    }
    Ok(())
}

fn as_json(found: &Recommendation) -> serde_json::Value {
    let models = found.fitting.iter().map(|one| {
        json!({
            "name": one.name,
            "recall_percent": (f64::from(one.recall) * 100.0).round() / 100.0,
            "memory_mib": one.memory_mib,
            "pictures_per_second_and_core": one.per_second,
            "command": format!("fovea models add {}", one.name),
        })
    });
    json!({
        "language": found.language,
        "memory_mib": found.memory_mib,
        "source": SOURCE,
        "base_pictures_per_second_and_core": found.base_per_second,
        "models": models.collect::<Vec<_>>(),
    })
}
