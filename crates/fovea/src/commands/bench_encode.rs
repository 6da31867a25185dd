//! `fovea bench encode`.

use std::thread;

use serde_json::json;

use crate::bench_ann::machine;
use crate::bench_encode::{Asked, measure};
use crate::exit::Exit;
use crate::pacing;
use crate::render;
use crate::settings::Settings;

/// With `--json` the last line holds both rates alone.
pub fn run(
    settings: &Settings,
    pack: &str,
    threads: Option<usize>,
    count: usize,
) -> anyhow::Result<Exit> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let asked = Asked {
        pack,
        threads: threads.unwrap_or(cores).max(1),
        count: count.max(1),
    };
    let say = |words: &str| render::note(settings, words);
    let chosen = pacing::found(settings, &settings.open_pack(pack)?);
    let runs = match &chosen {
        Some(tuned) => format!("`fovea index` runs {pack} {}", pacing::sentence(tuned)),
        None => {
            format!("nothing is kept of how {pack} runs fastest here: fovea models tune {pack}")
        }
    };
    say(&format!("{runs}; here both sides run as is said below"));
    let report = measure(settings, asked, &say)?;
    let name = format!(
        "encode {pack}, {} threads, one picture at a time on each; {}",
        asked.threads,
        machine::name()
    );
    let all_met = render::ann_bars(settings, &name, &report.bars)?;
    if settings.json {
        render::print_json(&json!({"image": report.image, "text": report.text}))?;
    } else if report.text.ratio.is_none() {
        render::note(
            settings,
            &format!(
                "{:.0} texts a second; this pack reads without ONNX Runtime, so that Python has nothing to run",
                report.text.fovea
            ),
        );
    }
    Ok(match all_met {
        true => Exit::Done,
        false => Exit::NothingFound,
    })
}
