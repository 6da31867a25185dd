//! Search results: a table for people, JSON for programs, bare paths for pipes.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fovea_engine::written::Correction;
use fovea_engine::{Cursor, Fused, PackRank, PreviewStore, SearchResult, SearchResults};
use fovea_vectordb::{Item, ItemId, Metric, Region, Value};
use serde::Serialize;
use utoipa::ToSchema;

use super::{dim, pictures, strong};
use crate::settings::Settings;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResultStyle {
    Table {
        /// Height of each picture in lines, where pictures are shown.
        pictures: Option<u32>,
    },
    Json,
    Paths {
        end: u8,
    },
}

/// One query's answer on the wire: exactly one object on one line.
#[derive(Serialize)]
struct Answer<'a> {
    query: &'a str,
    took_ms: f64,
    /// What the scores are, where they are no cosines.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<&'static str>,
    results: Vec<Found>,
    /// Words that nobody wrote, each with the one that was taken for it.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    did_you_mean: serde_json::Map<String, serde_json::Value>,
    /// For `--cursor`, where there is another page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// One result on the wire.
#[derive(Serialize, ToSchema)]
pub struct Found {
    /// From 1 on each page.
    rank: usize,
    item: String,
    path: String,
    /// When the camera took it, as local time.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    /// Probability that it is what was meant, where it was judged.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    likelihood: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    above_cut: Option<bool>,
    /// Euclidean, where the space goes by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    distance: Option<f32>,
    /// Cosine in each space that found the item.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    #[schema(value_type = HashMap<String, f64>)]
    cosines: serde_json::Map<String, serde_json::Value>,
    /// Share of the query's words that were written of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    keyword: Option<f64>,
    /// Left, top, width and height of what matched, in fractions of the upright picture, unless all of it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<[f64; 4]>,
    #[serde(skip_serializing_if = "is_true")]
    online: bool,
    /// What the encoder sees in it, with probabilities.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    tags: serde_json::Map<String, serde_json::Value>,
    /// Folder or day that it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// Items of the same group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<String>,
}

fn is_true(value: &bool) -> bool {
    *value
}

#[derive(Serialize)]
struct Failed<'a> {
    query: &'a str,
    error: String,
}

pub fn results(
    out: &mut dyn Write,
    previews: &PreviewStore,
    query: &str,
    results: &SearchResults,
    style: &ResultStyle,
) -> anyhow::Result<()> {
    match style {
        ResultStyle::Json => {
            let took_ms = milliseconds(results.took);
            let found = |result| found(result, results.metric);
            serde_json::to_writer(
                &mut *out,
                &Answer {
                    query,
                    took_ms,
                    metric: metric_of(results),
                    results: results.results.iter().map(found).collect(),
                    did_you_mean: meant(&results.corrections),
                    next: results.next.as_ref().map(Cursor::to_string),
                },
            )?;
            writeln!(out)?;
        }
        ResultStyle::Paths { end } => {
            for result in &results.results {
                out.write_all(&fovea_vectordb::path_to_bytes(&result.item.absolute()))?;
                out.write_all(&[*end])?;
            }
        }
        ResultStyle::Table { pictures } => {
            table(out, previews, results, *pictures, &|_| String::new())?
        }
    }
    Ok(())
}

/// A result of several packs on the wire.
#[derive(Serialize)]
struct FoundTogether {
    #[serde(flatten)]
    found: Found,
    /// Where it stands in the list of each pack that has it.
    packs: Vec<PlaceParts>,
}

/// An answer of several packs: scores are sums of reciprocal ranks.
#[derive(Serialize)]
struct AnswerTogether<'a> {
    query: &'a str,
    took_ms: f64,
    metric: &'static str,
    results: Vec<FoundTogether>,
}

/// The list of several packs, each result with its place in the list of each.
pub fn fused(
    out: &mut dyn Write,
    previews: &PreviewStore,
    query: &str,
    fused: &Fused,
    style: &ResultStyle,
) -> anyhow::Result<()> {
    let places = |result: &SearchResult| fused.places.get(&result.item.id);
    match style {
        ResultStyle::Json => {
            let together = |result: &SearchResult| FoundTogether {
                found: found(result, Metric::Cosine),
                packs: places(result)
                    .into_iter()
                    .flatten()
                    .map(PlaceParts::of)
                    .collect(),
            };
            let answer = AnswerTogether {
                query,
                took_ms: milliseconds(fused.results.took),
                metric: RECIPROCAL_RANK,
                results: fused.results.results.iter().map(together).collect(),
            };
            serde_json::to_writer(&mut *out, &answer)?;
            Ok(writeln!(out)?)
        }
        ResultStyle::Paths { .. } => results(out, previews, query, &fused.results, style),
        ResultStyle::Table { pictures } => {
            let beside = |result: &SearchResult| {
                let all = places(result).into_iter().flatten();
                let all: Vec<String> = all
                    .map(|one| format!("{} {}", one.pack, one.rank))
                    .collect();
                dim(&format!("  {}", all.join(" · ")))
            };
            table(out, previews, &fused.results, *pictures, &beside)
        }
    }
}

/// What scores are where packs answer together.
pub const RECIPROCAL_RANK: &str = "reciprocal rank";

/// A place in the list of a pack.
#[derive(Serialize, ToSchema)]
pub struct PlaceParts {
    /// Name of the pack.
    pack: String,
    /// From 1.
    rank: usize,
    /// In the list of that pack.
    score: f64,
    /// What the place gives to the score of all: one over 60 + the place.
    share: f64,
}

impl PlaceParts {
    pub fn of(place: &PackRank) -> PlaceParts {
        PlaceParts {
            pack: place.pack.clone(),
            rank: place.rank,
            score: round(f64::from(place.score), 1e6),
            share: round(f64::from(place.share()), 1e6),
        }
    }
}

fn meant(corrections: &[Correction]) -> serde_json::Map<String, serde_json::Value> {
    let pairs = corrections
        .iter()
        .map(|one| (one.word.clone(), one.meant.clone().into()));
    pairs.collect()
}

/// Which words were taken for which, on standard error.
pub fn corrections(settings: &Settings, corrections: &[Correction]) {
    if settings.json || settings.quiet {
        return;
    }
    for one in corrections {
        anstream::eprintln!(
            "{}",
            dim(&format!(
                "`{}` is written nowhere here; did you mean `{}`?",
                one.word, one.meant
            ))
        );
    }
}

/// A bad query with `--json`: still one object on one line.
pub fn query_error(out: &mut dyn Write, query: &str, error: &anyhow::Error) -> anyhow::Result<()> {
    serde_json::to_writer(
        &mut *out,
        &Failed {
            query,
            error: format!("{error:#}"),
        },
    )?;
    Ok(writeln!(out)?)
}

/// A bad line of `--queries`.
pub fn line_error(
    out: &mut dyn Write,
    settings: &Settings,
    query: &str,
    error: &anyhow::Error,
) -> anyhow::Result<()> {
    if settings.json {
        return query_error(out, query, error);
    }
    anstream::eprintln!("fovea: {query:?}: {error:#}");
    Ok(())
}

/// With the digits that a clock is worth.
pub fn milliseconds(took: Duration) -> f64 {
    round(took.as_secs_f64() * 1e3, 1e3)
}

/// What the scores are, where they are no cosines.
pub fn metric_of(results: &SearchResults) -> Option<&'static str> {
    (results.metric != Metric::Cosine).then(|| results.metric.name())
}

pub fn found(result: &SearchResult, metric: Metric) -> Found {
    let cosines = result.cosines.iter().map(|(space, cosine)| {
        let value = serde_json::Value::from(round(f64::from(*cosine), 1e6));
        ((*space).to_owned(), value)
    });
    Found {
        rank: result.rank,
        item: result.item.id.to_string(),
        path: result.item.absolute().to_string_lossy().into_owned(),
        taken: taken(result).map(str::to_owned),
        score: result.score,
        likelihood: result.likelihood.map(|p| round(f64::from(p), 1e4)),
        above_cut: result.likelihood.map(|_| result.above_cut),
        distance: result.score.filter(|_| metric == Metric::L2).map(distance),
        cosines: cosines.collect(),
        keyword: result.written.map(|share| round(f64::from(share), 1e4)),
        region: result
            .region
            .map(|region| sides(region).map(|side| round(f64::from(side), 1e4))),
        online: result.item.online,
        tags: tags(&result.item),
        group: result.group.clone(),
        others: result.others.iter().map(ItemId::to_string).collect(),
    }
}

fn tags(item: &Item) -> serde_json::Map<String, serde_json::Value> {
    let tags = item.tags.iter().map(|tag| {
        let probability = round(f64::from(tag.probability), 1e3);
        (tag.name.clone(), serde_json::Value::from(probability))
    });
    tags.collect()
}

fn table(
    out: &mut dyn Write,
    previews: &PreviewStore,
    results: &SearchResults,
    height: Option<u32>,
    beside: &dyn Fn(&SearchResult) -> String,
) -> anyhow::Result<()> {
    let here = std::env::current_dir().ok();
    let colours = io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut was_above = true;
    for result in &results.results {
        if was_above && !result.above_cut {
            let cut = dim("     -- from here on nothing looks like that --");
            match colours {
                true => writeln!(out, "{cut}")?,
                false => writeln!(out, "{}", anstream::adapter::strip_str(&cut))?,
            }
        }
        was_above = result.above_cut;
        let line = line(result, results.metric, here.as_deref()) + &beside(result);
        match colours {
            true => writeln!(out, "{line}")?,
            false => writeln!(out, "{}", anstream::adapter::strip_str(&line))?,
        }
        if let Some(height) = height {
            pictures::show(out, previews, &result.item, result.region, height)?;
        }
    }
    Ok(())
}

/// What came nearest where nothing matched, on standard error.
pub fn nearest(results: &[SearchResult]) {
    let here = std::env::current_dir().ok();
    for result in results {
        anstream::eprintln!("{}", line(result, Metric::Cosine, here.as_deref()));
    }
}

/// Of a score that is minus the squared distance; zero has no sign.
fn distance(score: f32) -> f32 {
    (-score).max(0.0).sqrt()
}

/// The cosine, the inner product, or how far away it is.
fn nearness(score: f32, metric: Metric) -> String {
    let number = match metric {
        Metric::Cosine => return format!("{score:.3}"),
        Metric::InnerProduct => score,
        Metric::L2 => distance(score),
    };
    match number.abs() {
        0.0 => "0".to_owned(),
        0.001..1e6 => format!("{number:.3}"),
        _ => format!("{number:.3e}"),
    }
}

fn line(result: &SearchResult, metric: Metric, here: Option<&Path>) -> String {
    let rank = dim(&format!("{:>3}", result.rank));
    let score = result.score.map(|score| nearness(score, metric));
    let score = strong(&score.unwrap_or_else(|| "  -  ".to_owned()));
    let path = printable(&shortest(&result.item.absolute(), here));
    let mut line = format!("{rank}  {score}  {path}");
    if let Some(day) = taken(result).and_then(|taken| taken.get(..10)) {
        line.push_str(&dim(&format!("  {day}")));
    }
    if let Some(region) = result.region {
        line.push_str(&dim(&format!("  {}", place(region))));
    }
    if !result.item.online {
        line.push_str(&dim("  (offline)"));
    }
    if !result.others.is_empty() {
        line.push_str(&dim(&format!("  and {} more", result.others.len())));
    }
    line
}

/// Left, top, width and height.
fn sides(region: Region) -> [f32; 4] {
    [region.x, region.y, region.w, region.h]
}

/// Where in the picture, as `--region` takes it.
fn place(region: Region) -> String {
    let sides = sides(region).map(|side| format!("{side:.2}"));
    format!("in {}", sides.join(","))
}

/// When the camera took the picture.
fn taken(result: &SearchResult) -> Option<&str> {
    match result.item.metadata.get("taken")?.first()? {
        Value::Text(taken) => Some(taken),
        Value::Integer(_) | Value::Real(_) => None,
    }
}

/// A name may hold newlines and escape sequences, which would forge lines or steer the terminal.
pub(super) fn printable(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.chars()
        .map(|letter| {
            if letter.is_control() {
                letter.escape_default().to_string()
            } else {
                letter.to_string()
            }
        })
        .collect()
}

pub(super) fn shortest(path: &Path, here: Option<&Path>) -> PathBuf {
    match here.and_then(|here| path.strip_prefix(here).ok()) {
        Some(below) if !below.as_os_str().is_empty() => below.to_owned(),
        _ => path.to_owned(),
    }
}

pub(super) fn round(value: f64, digits: f64) -> f64 {
    (value * digits).round() / digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_forge_a_line_or_steer_the_terminal() {
        assert_eq!(
            printable(Path::new("a\nb\x1b[2Jc.jpg")),
            "a\\nb\\u{1b}[2Jc.jpg"
        );
        assert_eq!(printable(Path::new("企鹅 🐧.jpg")), "企鹅 🐧.jpg");
    }

    #[test]
    fn scores_are_shown_as_what_they_mean() {
        for (score, metric, expect) in [
            (0.5, Metric::Cosine, "0.500"),
            (-12.5, Metric::InnerProduct, "-12.500"),
            (2e9, Metric::InnerProduct, "2.000e9"),
            (-0.0, Metric::L2, "0"),
            (-2.25, Metric::L2, "1.500"),
            (-1e-10, Metric::L2, "1.000e-5"),
        ] {
            assert_eq!(nearness(score, metric), expect, "{score} by {metric}");
        }
    }

    #[test]
    fn paths_below_here_are_shown_from_here() {
        let here = Some(Path::new("/a/b"));
        for (path, expect) in [
            ("/a/b/c.jpg", "c.jpg"),
            ("/a/bc/d.jpg", "/a/bc/d.jpg"),
            ("/a/b", "/a/b"),
        ] {
            assert_eq!(shortest(Path::new(path), here), Path::new(expect));
        }
    }
}
