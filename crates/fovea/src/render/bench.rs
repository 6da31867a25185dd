//! Measurements: retrieval quality, ingest and query speed.

use std::collections::BTreeMap;
use std::io::Write;

use fovea_engine::{Compared, Evaluation, IndexReport, STAGES, StageCosts};
use fovea_measure::{Estimate, Latency, Paired, Retrieval};
use serde_json::json;

use super::units::{count, counted};
use super::{dim, print_json, strong};
use crate::settings::Settings;

pub struct IngestBench {
    pub stages: StageCosts,
    pub report: IndexReport,
    pub n_workers: usize,
}

impl IngestBench {
    /// Work on one thread over what all threads had time for: 1 is a machine that never waits.
    fn efficiency(&self) -> f64 {
        let offered = self.report.elapsed.as_secs_f64() * self.n_workers as f64;
        self.stages.sum().as_secs_f64() / offered.max(1e-9)
    }
}

pub fn ingest_bench(settings: &Settings, bench: &IngestBench) -> anyhow::Result<()> {
    let stages = &bench.stages;
    let wall_s = bench.report.elapsed.as_secs_f64();
    let rate = bench.report.encoded as f64 / wall_s.max(1e-9);
    if settings.json {
        let costs: serde_json::Map<_, _> = STAGES
            .iter()
            .zip(&stages.total)
            .map(|(name, total)| ((*name).to_owned(), json!(total.as_secs_f64())))
            .collect();
        return print_json(&json!({
            "n_images": stages.n_images,
            "n_skipped": stages.n_skipped,
            "stages_s": costs,
            "sum_s": stages.sum().as_secs_f64(),
            "wall_s": wall_s,
            "cores": bench.n_workers,
            "images_per_s": rate,
            "efficiency": bench.efficiency(),
        }));
    }
    let mut out = anstream::stdout().lock();
    let each = |seconds: f64| 1e3 * seconds / stages.n_images.max(1) as f64;
    writeln!(out, "{}", dim("stage      alone on one thread"))?;
    for (name, total) in STAGES.iter().zip(&stages.total) {
        let seconds = total.as_secs_f64();
        writeln!(
            out,
            "{name:<10} {seconds:>8.2} s  {:>7.2} ms/image",
            each(seconds)
        )?;
    }
    let sum = stages.sum().as_secs_f64();
    writeln!(
        out,
        "{:<10} {sum:>8.2} s  {:>7.2} ms/image",
        "sum",
        each(sum)
    )?;
    let threads = counted(bench.n_workers as u64, "thread");
    writeln!(
        out,
        "the whole  {wall_s:>8.2} s  {:>7.2} ms/image on {threads}, {rate:.1} images/s",
        each(wall_s)
    )?;
    writeln!(out, "{} {:.2}", strong("efficiency"), bench.efficiency())?;
    Ok(())
}

pub fn query_bench(settings: &Settings, n_items: u64, latency: &Latency) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&json!({
            "n_items": n_items,
            "n_queries": latency.n,
            "mean_ms": latency.mean_ms,
            "p50_ms": latency.p50_ms,
            "p95_ms": latency.p95_ms,
            "p99_ms": latency.p99_ms,
            "max_ms": latency.max_ms,
        }));
    }
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "{} over {}",
        counted(latency.n as u64, "search").replace("searchs", "searches"),
        counted(n_items, "image")
    )?;
    for (name, value) in [
        ("p50", latency.p50_ms),
        ("p95", latency.p95_ms),
        ("p99", latency.p99_ms),
        ("max", latency.max_ms),
    ] {
        writeln!(out, "  {name} {value:>7.2} ms")?;
    }
    Ok(())
}

pub fn evaluation(
    settings: &Settings,
    evaluation: &Evaluation,
    folders: &BTreeMap<String, Retrieval>,
    compared: &[Compared],
) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&as_json(evaluation, folders, compared));
    }
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "{} as candidates",
        counted(evaluation.n_candidates, "image")
    )?;
    if let Some(first) = evaluation.not_indexed.first() {
        let number = count(evaluation.not_indexed.len() as u64);
        writeln!(
            out,
            "{number} images of the file are not indexed and not counted ({} is one)",
            first.display()
        )?;
    }
    let names = ["R@1", "R@5", "R@10", "MRR", "nDCG@10", "mAP"];
    let names = names.map(|name| format!("{name:<21}")).join(" ");
    let header = format!("{:<9} {:>7}  {names}", "language", "queries");
    writeln!(out, "{}", dim(header.trim_end()))?;
    for language in &evaluation.languages {
        let found = &language.retrieval;
        let cells = [
            found.recall_at_1,
            found.recall_at_5,
            found.recall_at_10,
            found.mrr,
            language.ndcg_at_10,
            language.map,
        ]
        .map(cell)
        .join(" ");
        writeln!(
            out,
            "{:<9} {:>7}  {}",
            language.lang,
            count(found.n_queries as u64),
            cells.trim_end()
        )?;
    }
    writeln!(
        out,
        "{}",
        dim("in brackets: 95% confidence by bootstrap over the queries")
    )?;
    print_folders(&mut out, folders)?;
    print_compared(&mut out, compared)
}

fn print_folders(
    out: &mut impl Write,
    folders: &BTreeMap<String, Retrieval>,
) -> anyhow::Result<()> {
    for (folder, found) in folders {
        let cells = [found.recall_at_1, found.recall_at_10, found.mrr]
            .map(cell)
            .join(" ");
        writeln!(
            out,
            "{:>7}  {}  {folder}",
            count(found.n_queries as u64),
            cells
        )?;
    }
    if !folders.is_empty() {
        writeln!(out, "{}", dim("by folder: queries, R@1, R@10, MRR"))?;
    }
    Ok(())
}

fn print_compared(out: &mut impl Write, compared: &[Compared]) -> anyhow::Result<()> {
    for one in compared {
        let cells = [
            ("R@10", &one.recall_at_10),
            ("MRR", &one.mrr),
            ("nDCG@10", &one.ndcg_at_10),
            ("mAP", &one.map),
        ];
        let cells = cells
            .map(|(name, paired)| format!("{name} {}", difference(paired)))
            .join("  ");
        writeln!(out, "{:<9} {cells}", one.lang)?;
    }
    if !compared.is_empty() {
        writeln!(
            out,
            "{}",
            dim(
                "against the other pack, with 95% confidence by paired bootstrap; * is hardly chance"
            )
        )?;
    }
    Ok(())
}

fn difference(paired: &Paired) -> String {
    let Estimate { value, interval } = paired.difference;
    let star = if paired.is_significant() { "*" } else { "" };
    format!(
        "{value:+.3} [{:+.3}, {:+.3}]{star}",
        interval.low, interval.high
    )
}

fn cell(estimate: Estimate) -> String {
    let Estimate { value, interval } = estimate;
    format!(
        "{:<21}",
        format!("{value:.3} [{:.3}, {:.3}]", interval.low, interval.high)
    )
}

fn as_json(
    evaluation: &Evaluation,
    folders: &BTreeMap<String, Retrieval>,
    compared: &[Compared],
) -> serde_json::Value {
    let estimate = |estimate: Estimate| json!({"value": estimate.value, "low": estimate.interval.low, "high": estimate.interval.high});
    let languages = evaluation.languages.iter().map(|language| {
        let found = &language.retrieval;
        json!({
            "lang": language.lang,
            "n_queries": found.n_queries,
            "recall_at_1": estimate(found.recall_at_1),
            "recall_at_5": estimate(found.recall_at_5),
            "recall_at_10": estimate(found.recall_at_10),
            "mrr": estimate(found.mrr),
            "ndcg_at_10": estimate(language.ndcg_at_10),
            "map": estimate(language.map),
        })
    });
    let mut all = json!({
        "n_candidates": evaluation.n_candidates,
        "n_not_indexed": evaluation.not_indexed.len(),
        "languages": languages.collect::<Vec<_>>(),
    });
    let folders = folders.iter().map(|(folder, found)| {
        json!({
            "folder": folder,
            "n_queries": found.n_queries,
            "recall_at_1": estimate(found.recall_at_1),
            "recall_at_10": estimate(found.recall_at_10),
            "mrr": estimate(found.mrr),
        })
    });
    let folders: Vec<_> = folders.collect();
    if !folders.is_empty() {
        all["folders"] = json!(folders);
    }
    let paired = |paired: &Paired| json!({"before": paired.a, "after": paired.b, "difference": estimate(paired.difference), "p_value": paired.p_value});
    let compared = compared.iter().map(|one| {
        json!({
            "lang": one.lang,
            "recall_at_10": paired(&one.recall_at_10),
            "mrr": paired(&one.mrr),
            "ndcg_at_10": paired(&one.ndcg_at_10),
            "map": paired(&one.map),
        })
    });
    let compared: Vec<_> = compared.collect();
    if !compared.is_empty() {
        all["against"] = json!(compared);
    }
    all
}
