//! What filters cost.

use std::io::Write;

use super::units::count;
use super::{ann_bar_line, dim, print_json, strong};
use crate::bench_filters::Measured;
use crate::settings::Settings;

pub fn filters_bench(settings: &Settings, measured: &Measured) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&serde_json::to_value(measured)?);
    }
    let mut out = anstream::stdout().lock();
    let (n_items, dim_of, index) = (count(measured.n_items), measured.dim, &measured.index);
    let heading = format!("{n_items} items, {dim_of} numbers each, index `{index}`");
    writeln!(out, "{} · {}", strong(&heading), measured.data)?;
    writeln!(out, "unfiltered: p50 {:.2} ms", measured.unfiltered_p50_ms)?;
    writeln!(out)?;
    writeln!(
        out,
        "{}",
        dim("first filter of a process that names a field: it is loaded, once")
    )?;
    for loading in &measured.loading {
        writeln!(out, "  {:<24}{:>9.0} ms", loading.field, loading.ms)?;
    }
    writeln!(out)?;
    let heads = [
        "share",
        "first ms",
        "p50 ms",
        "p95 ms",
        "unfiltered",
        "ratio",
    ];
    let heads: String = heads.map(|head| format!("{head:>11}")).concat();
    writeln!(
        out,
        "{}",
        dim(&format!("  {:<24}{heads}", "filter, its fields loaded"))
    )?;
    for kind in &measured.kinds {
        writeln!(
            out,
            "  {:<24}{:>10.2}%{:>11.1}{:>11.2}{:>11.2}{:>11.2}{:>11.2}",
            kind.what,
            100.0 * kind.share,
            kind.first_use_ms,
            kind.cached_p50_ms,
            kind.cached_p95_ms,
            kind.unfiltered_p50_ms,
            kind.ratio,
        )?;
    }
    writeln!(out)?;
    for bar in &measured.bars {
        ann_bar_line(&mut out, bar)?;
    }
    Ok(())
}
