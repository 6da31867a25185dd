//! The table of `fovea bench ann`.

use std::io::Write;

use fovea_encode::{Calibration, Regression};
use serde_json::json;

use super::units::count;
use super::{dim, print_json, strong};
use crate::bench_ann::{Bar, Report, Side, TARGETS};
use crate::settings::Settings;

/// With `--json` every contender on a line, and the headline last.
pub fn ann_bench(
    settings: &Settings,
    report: &Report,
    saved: &std::path::Path,
) -> anyhow::Result<()> {
    if settings.json {
        for curve in &report.curves {
            print_json(&json!(curve))?;
        }
        return print_json(&report.headline());
    }
    let mut out = anstream::stdout().lock();
    let card = &report.dataset;
    let title = format!("{}, {} queries", card.name, report.queries.name());
    writeln!(out, "{}: {}", strong(&title), card.about)?;
    writeln!(
        out,
        "{} vectors of {} numbers, {} queries, recall@{}, one thread, {}",
        count(card.n as u64),
        card.dim,
        report.n_queries,
        report.k,
        report.machine
    )?;
    curves(&mut out, report)?;
    finals(&mut out, report)?;
    ratios(&mut out, report)?;
    if !report.left_out.is_empty() {
        writeln!(
            out,
            "left out, because not built: {}",
            report.left_out.join(", ")
        )?;
    }
    writeln!(
        out,
        "{}",
        dim(&format!("kept as {}.json and .svg", saved.display()))
    )?;
    Ok(())
}

/// What each index takes, and how fast it is at each recall.
fn curves(out: &mut impl Write, report: &Report) -> anyhow::Result<()> {
    let targets = TARGETS
        .map(|target| format!("{:>15}", format!("QPS at {target:.2}")))
        .concat();
    let header = format!(
        "{:<26}{:>14}{:>10}{:>10}{targets}",
        "each alone", "bytes/vector", "build s", "cpu s"
    );
    writeln!(out, "\n{}", dim(&header))?;
    for curve in &report.curves {
        let cell = |target: f64| match curve.best(target) {
            Some(point) => format!("{:>15}", format!("{:.0} ({})", point.qps, point.effort)),
            None => format!("{:>15}", "-"),
        };
        writeln!(
            out,
            "{:<26}{:>14}{:>10.1}{:>10.1}{}",
            curve.name,
            count(curve.built.bytes_per_vector.round() as u64),
            curve.built.build_s,
            curve.built.build_cpu_s,
            TARGETS.map(cell).concat()
        )?;
    }
    Ok(())
}

/// Medians of the turns.
fn finals(out: &mut impl Write, report: &Report) -> anyhow::Result<()> {
    for target in TARGETS {
        let header = format!(
            "{:<26}{:>10}{:>10}{:>10}",
            format!("in turns, at {target:.2}"),
            "recall",
            "effort",
            "QPS"
        );
        writeln!(out, "\n{}", dim(&header))?;
        let mut here: Vec<_> = report
            .finals
            .iter()
            .filter(|found| found.target == target)
            .collect();
        here.sort_by(|a, b| b.qps.total_cmp(&a.qps));
        for found in here {
            let name = match found.side {
                Side::Peer => format!("{:<26}", found.name),
                _ => strong(&format!("{:<26}", found.name)),
            };
            writeln!(
                out,
                "{name}{:>10.4}{:>10}{:>10.0}",
                found.recall, found.effort, found.qps
            )?;
        }
    }
    Ok(())
}

fn ratios(out: &mut impl Write, report: &Report) -> anyhow::Result<()> {
    writeln!(out)?;
    for duel in report.duels() {
        let words = match (duel.fovea, duel.peer, duel.ratio()) {
            (Some(fovea), Some(peer), Some(ratio)) => {
                format!(
                    "{} {} over {}",
                    strong(&format!("{ratio:.2}x")),
                    fovea.name,
                    peer.name
                )
            }
            (None, _, _) => "Fovea does not reach it".to_owned(),
            _ => "no peer reaches it".to_owned(),
        };
        writeln!(out, "recall {:.2}: {words}", duel.target)?;
    }
    for (what, ratio) in [
        (
            "memory over hnswlib's at recall 0.95",
            report.memory_ratio(),
        ),
        ("build time over hnswlib's", report.build_ratio()),
        ("the same in time of all cores", report.build_cpu_ratio()),
    ] {
        if let Some(ratio) = ratio {
            writeln!(out, "{what}: {}", strong(&format!("{ratio:.2}x")))?;
        }
    }
    Ok(())
}

/// Regressions that were fitted, as they stand in the code.
pub fn calibration(settings: &Settings, found: &Calibration) -> anyhow::Result<()> {
    let parts = [
        ("answered", &found.answered),
        ("meant", &found.meant),
        ("mixed", &found.mixed),
        ("alike", &found.alike),
    ];
    if settings.json {
        let mut all = as_json(&parts);
        all["shown"] = json!(found.shown);
        return print_json(&all);
    }
    regressions(settings, &parts)?;
    writeln!(
        anstream::stdout().lock(),
        "shown     from {:.4}",
        found.shown
    )?;
    Ok(())
}

fn as_json(parts: &[(&str, &Regression)]) -> serde_json::Value {
    let part = |one: &Regression| json!({"weights": one.weights, "bias": one.bias});
    let parts = parts
        .iter()
        .map(|(name, one)| ((*name).to_owned(), part(one)));
    serde_json::Value::Object(parts.collect())
}

/// Regressions that were fitted, each under its name.
pub fn regressions(settings: &Settings, parts: &[(&str, &Regression)]) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&as_json(parts));
    }
    let mut out = anstream::stdout().lock();
    for (name, one) in parts {
        let weights: Vec<String> = one.weights.iter().map(|x| format!("{x:.3}")).collect();
        writeln!(
            out,
            "{name:<9} weights {}  bias {:.3}",
            weights.join(" "),
            one.bias
        )?;
    }
    Ok(())
}

/// Promises with what was found; answers whether all are kept.
pub fn ann_bars(settings: &Settings, dataset: &str, bars: &[Bar]) -> anyhow::Result<bool> {
    let all_met = bars.iter().all(Bar::is_met);
    if settings.json {
        print_json(&json!({"dataset": dataset, "bars": bars, "all_met": all_met}))?;
        return Ok(all_met);
    }
    let mut out = anstream::stdout().lock();
    writeln!(out, "{}", strong(dataset))?;
    for bar in bars {
        ann_bar_line(&mut out, bar)?;
    }
    Ok(all_met)
}

/// What a promise is about, what was found, and whether it is kept.
pub fn ann_bar_line(out: &mut impl Write, bar: &Bar) -> std::io::Result<()> {
    let sign = if bar.at_most { "at most" } else { "at least" };
    // Some bars are what a peer reached in the same run; others are round.
    let must = format!("{sign} {}{}", (bar.must * 1e3).round() / 1e3, bar.unit);
    let verdict = if bar.is_met() { "met" } else { "MISSED" };
    let found = format!("{:.3}{}", bar.found, bar.unit);
    writeln!(out, "{:<74}{found:>12}  {must:<17}{verdict}", bar.what)
}
