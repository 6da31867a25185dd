//! How many items have which value: a block for each key, with bars.

use std::io::Write;
use std::path::Path;

use fovea_engine::facets::Counted;
use fovea_vectordb::Value;
use serde_json::json;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::results::printable;
use super::units::{count, counted};
use super::{dim, print_json, strong};
use crate::settings::Settings;

/// Columns of the longest bar, and of a value.
const BAR: usize = 30;
const WIDEST: usize = 40;

pub fn facets(settings: &Settings, n_items: u64, all: &[Counted]) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&facets_json(n_items, all));
    }
    if n_items == 0 {
        return Ok(());
    }
    let mut out = anstream::stdout().lock();
    writeln!(out, "{}", counted(n_items, "item"))?;
    for one in all {
        writeln!(out, "{}", strong(&one.key))?;
        block(&mut out, one)?;
    }
    Ok(())
}

/// How many pictures have which tag now, and whose tags these are.
pub fn tagged(
    settings: &Settings,
    pack: &str,
    n_images: u64,
    all: &[Counted],
) -> anyhow::Result<()> {
    let n_items = all.first().map_or(0, |one| one.facets.n_items);
    if settings.json {
        let mut answer = facets_json(n_items, all);
        answer["pack"] = pack.into();
        answer["n_images"] = n_images.into();
        return print_json(&answer);
    }
    if !settings.quiet {
        anstream::eprintln!("Tags of {pack} for {}", counted(n_images, "image"));
    }
    facets(settings, n_items, all)
}

fn block(out: &mut impl Write, one: &Counted) -> std::io::Result<()> {
    let facets = &one.facets;
    let values: Vec<String> = facets.counts.iter().map(|(value, _)| text(value)).collect();
    let width = values.iter().map(|value| value.width()).max().unwrap_or(0);
    let most = facets
        .counts
        .iter()
        .map(|(_, n)| *n)
        .max()
        .unwrap_or(0)
        .max(1);
    let digits = count(most).len();
    for (value, (_, n)) in values.iter().zip(&facets.counts) {
        let gap = " ".repeat(width - value.width());
        let n_shown = count(*n);
        writeln!(out, "  {value}{gap}  {n_shown:>digits$}  {}", bar(*n, most))?;
    }
    let rest = facets.n_values - facets.counts.len() as u64;
    let mut notes = Vec::new();
    if rest > 0 {
        notes.push(format!("{} more", count(rest)));
    }
    if facets.n_without > 0 {
        notes.push(format!("{} without", count(facets.n_without)));
    }
    match notes.is_empty() {
        true => Ok(()),
        false => writeln!(out, "  {}", dim(&notes.join(" · "))),
    }
}

/// In eighths of a column; what is there at all is seen.
fn bar(n: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = ((n as f64 / most as f64 * (8 * BAR) as f64).round() as usize).max(1);
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// A value in one line, cut where it is too long.
fn text(value: &Value) -> String {
    let text = match value {
        Value::Text(text) if text.is_empty() => "(empty)".to_owned(),
        Value::Text(text) => printable(Path::new(text)),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
    };
    if text.width() <= WIDEST {
        return text;
    }
    let mut short = String::new();
    for letter in text.chars() {
        if short.width() + letter.width().unwrap_or(0) >= WIDEST {
            break;
        }
        short.push(letter);
    }
    short + "…"
}

/// Of `n_items` items that match, the values of each key.
pub fn facets_json(n_items: u64, all: &[Counted]) -> serde_json::Value {
    let facets: Vec<_> = all.iter().map(as_json).collect();
    json!({ "items": n_items, "facets": facets })
}

fn as_json(one: &Counted) -> serde_json::Value {
    let values = one.facets.counts.iter().map(|(value, n)| {
        let value = match value {
            Value::Text(text) => json!(text),
            Value::Integer(number) => json!(number),
            Value::Real(number) => json!(number),
        };
        json!({ "value": value, "count": n })
    });
    json!({
        "by": one.key,
        "values": values.collect::<Vec<_>>(),
        "n_values": one.facets.n_values,
        "without": one.facets.n_without,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion_and_never_vanish() {
        assert_eq!(bar(10, 10), "█".repeat(BAR));
        assert_eq!(bar(5, 10), "█".repeat(BAR / 2));
        assert_eq!(bar(1, 1_000_000), "▏");
    }

    #[test]
    fn long_values_are_cut_between_letters() {
        let long = text(&Value::Text("山".repeat(50)));
        assert!(long.ends_with("山…") && long.width() <= WIDEST, "{long}");
        assert_eq!(text(&Value::from("")), "(empty)");
        assert_eq!(text(&Value::Real(9.5)), "9.5");
    }
}
