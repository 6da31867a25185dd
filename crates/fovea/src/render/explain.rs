//! Why an item is in an answer, or is not: sentences for people, one object for programs.

use std::io::Write;
use std::path::{Path, PathBuf};

use fovea_engine::explain::{Judged, Reason, Scored, SpaceScore, Standing, TermShare};
use fovea_engine::{Absent, Explanation, FusedPlace, Heat, Plan, judge};
use serde_json::{Value, json};

use super::results::{PlaceParts, RECIPROCAL_RANK, printable, round, shortest};
use super::units::count;
use super::{dim, print_json, strong};
use crate::settings::Settings;

/// Cells along the longer side of the map in JSON.
const COARSE: usize = 16;
/// Bars are so long where a term gives all of the score.
const BAR: f32 = 24.0;

/// What was asked about.
pub enum Explained {
    Item(Box<Explanation>),
    Absent { path: PathBuf, reason: Absent },
}

/// A heat map, and where it was written.
pub struct Map {
    pub heat: Heat,
    pub file: PathBuf,
}

/// Where an item stands by several packs.
pub struct Together {
    pub packs: Vec<String>,
    /// None where it stands near the top of no list.
    pub place: Option<FusedPlace>,
}

pub fn explained(
    settings: &Settings,
    plan: &Plan,
    explained: &Explained,
    map: Option<&Map>,
    together: Option<&Together>,
) -> anyhow::Result<()> {
    if settings.json {
        let mut value = match explained {
            Explained::Item(explanation) => explanation_json(plan, explanation),
            Explained::Absent { path, reason } => absent_json(plan, path, reason),
        };
        value["heat"] = map.map_or(Value::Null, map_json);
        if let Some(together) = together {
            value["together"] = together_json(together);
        }
        return print_json(&value);
    }
    let here = std::env::current_dir().ok();
    let shown = |path: &Path| printable(&shortest(path, here.as_deref()));
    let mut out = anstream::stdout().lock();
    match explained {
        Explained::Item(explanation) => item(&mut out, plan, explanation, &shown)?,
        Explained::Absent { path, reason } => {
            writeln!(out, "{}  {}", strong(&shown(path)), dim("is no item"))?;
            writeln!(out, "  {reason}.")?;
        }
    }
    if let Some(together) = together {
        fused(&mut out, together)?;
    }
    if let Some(map) = map {
        heat(&mut out, map, &shown)?;
    }
    Ok(())
}

/// The place by all packs, and what each of them gives to it.
fn fused(out: &mut dyn Write, together: &Together) -> anyhow::Result<()> {
    let Some(found) = &together.place else {
        let packs = together.packs.join(", ");
        writeln!(
            out,
            "  {:<10} none of {packs} has it near the top",
            "together"
        )?;
        return Ok(());
    };
    writeln!(
        out,
        "  {:<10} place {} with {:.4}: one over 60 + the place by each pack",
        "together", found.rank, found.score
    )?;
    for pack in &together.packs {
        let place = found.places.iter().find(|one| one.pack == *pack);
        let line = match place {
            Some(one) => format!(
                "place {} (score {:.3}) gives {:.4}",
                one.rank,
                one.score,
                one.share()
            ),
            None => "not near the top, gives nothing".to_owned(),
        };
        writeln!(out, "  {:<10} {pack}: {line}", "")?;
    }
    Ok(())
}

pub fn together_json(together: &Together) -> Value {
    json!({
        "packs": together.packs,
        "rank": together.place.as_ref().map(|found| found.rank),
        "score": together.place.as_ref().map(|found| digits(found.score)),
        "metric": RECIPROCAL_RANK,
        "places": together.place.iter().flat_map(|found| &found.places).map(PlaceParts::of).collect::<Vec<_>>(),
    })
}

type Shown<'a> = dyn Fn(&Path) -> String + 'a;

fn item(
    out: &mut dyn Write,
    plan: &Plan,
    explanation: &Explanation,
    shown: &Shown<'_>,
) -> anyhow::Result<()> {
    let item = &explanation.item;
    let id = dim(&format!("#{}", item.id));
    writeln!(out, "{}  {id}", strong(&shown(&item.absolute())))?;
    if let Some(scored) = &explanation.scored {
        score(out, scored)?;
    }
    let is_dropped = explanation.reasons.iter().any(Reason::is_of_filters);
    writeln!(
        out,
        "  {:<10} {}",
        "place",
        place(&explanation.standing, plan, is_dropped)
    )?;
    let judged = explanation.scored.as_ref().and_then(|one| one.judged);
    if let Some(judged) = judged {
        writeln!(out, "  {:<10} {}", "match", verdict(&judged))?;
    }
    match explanation.reasons.as_slice() {
        [] => writeln!(out, "  {:<10} it is in the list", "shown")?,
        reasons => {
            for reason in reasons {
                writeln!(out, "  {:<10} {reason}", strong("not shown"))?;
            }
        }
    }
    for note in &explanation.notes {
        writeln!(out, "  {:<10} {note}", "note")?;
    }
    Ok(())
}

fn score(out: &mut dyn Write, scored: &Scored) -> anyhow::Result<()> {
    writeln!(out, "  {:<10} {:.3}", "score", scored.score)?;
    for space in &scored.spaces {
        writeln!(
            out,
            "  {:<10} {:.3}{}",
            space.space,
            space.cosine,
            beside(space)
        )?;
    }
    if let Some(written) = &scored.written {
        writeln!(
            out,
            "  {:<10} {:.3}  {:.0}% of the words are written of it: {}",
            "keyword",
            written.added,
            100.0 * written.share,
            printable(Path::new(&written.words.join(", ")))
        )?;
    }
    let widest = scored
        .terms
        .iter()
        .map(|one| one.term.chars().count())
        .max();
    let width = widest.unwrap_or(0).min(40);
    for term in &scored.terms {
        writeln!(out, "  {:<10} {}", "term", share(term, scored.score, width))?;
    }
    Ok(())
}

/// What stands beside the cosine of a space.
fn beside(space: &SpaceScore) -> String {
    match (&space.caption, space.above) {
        (Some(caption), _) => format!("  \"{}\"", printable(Path::new(caption))),
        (None, Some(above)) => {
            let side = if above < 0.0 { "below" } else { "above" };
            let above = above.abs();
            format!("  {above:.1} deviations {side} the mean of the collection")
        }
        (None, None) => String::new(),
    }
}

/// `0.5:night  cosine 0.310 x 0.420 = 0.130  ++++`
fn share(term: &TermShare, score: f32, width: usize) -> String {
    let weight = match term.weight {
        1.0 => String::new(),
        weight => format!("{weight}:"),
    };
    let name = format!("{weight}{}", term.term);
    let bar = (BAR * (term.share / score.abs().max(1e-6)).abs()).round();
    let sign = if term.share < 0.0 { "-" } else { "+" };
    format!(
        "{name:<width$}  cosine {:>6.3} x {:>6.3} = {:>6.3}  {}",
        term.cosine,
        term.factor,
        term.share,
        dim(&sign.repeat((bar.min(2.0 * BAR)) as usize)),
        width = width + 4
    )
}

fn place(standing: &Standing, plan: &Plan, is_dropped: bool) -> String {
    let place = |rank: Option<usize>| rank.map_or("none".to_owned(), |rank| count(rank as u64));
    let of_all = place(standing.rank_of_all);
    let n_items = count(standing.n_items);
    if plan.filter == fovea_vectordb::Filter::All {
        return format!("{of_all} of {n_items} items");
    }
    let among = place(standing.rank);
    let matching = count(standing.n_matching);
    let would = if is_dropped { "would be " } else { "" };
    format!(
        "{would}{among} among the {matching} that the filters let through; {of_all} of all {n_items}"
    )
}

fn verdict(judged: &Judged) -> String {
    let likelihood = format!("meant with probability {:.3}", judged.likelihood);
    if judged.said {
        return format!("{likelihood}; what was asked is written of it");
    }
    let cut = format!("{likelihood}, the cut is at {}", judged.cut);
    match judged.answered {
        None => cut,
        Some(answered) => format!(
            "{cut}; the query is answered at all with {answered:.2}, {} is needed",
            judge::ANSWERED
        ),
    }
}

fn heat(out: &mut dyn Write, map: &Map, shown: &Shown<'_>) -> anyhow::Result<()> {
    let Heat {
        best, n_encoded, ..
    } = &map.heat;
    let place = match best {
        Some(best) => format!(
            "best box {:.2},{:.2},{:.2},{:.2}, worth up to {:.3} of {:.3}",
            best.x,
            best.y,
            best.w,
            best.h,
            map.heat.peak().map_or(0.0, |(.., gain)| gain),
            map.heat.score
        ),
        None => "no part of the picture speaks for the query".to_owned(),
    };
    let file = shown(&map.file);
    writeln!(
        out,
        "  {:<10} {file}  {place} ({n_encoded} pictures encoded)",
        "heat"
    )?;
    Ok(())
}

/// An explanation on the wire.
pub fn explanation_json(plan: &Plan, explanation: &Explanation) -> Value {
    let item = &explanation.item;
    let standing = &explanation.standing;
    let scored = explanation.scored.as_ref();
    let reason = |reason: &Reason| json!({ "kind": reason.kind(), "reason": reason.to_string() });
    json!({
        "query": plan.query.to_string(),
        "item": item.id.to_string(),
        "path": item.absolute().to_string_lossy(),
        "shown": explanation.reasons.is_empty(),
        "score": scored.map(|one| digits(one.score)),
        "spaces": scored.map(|one| one.spaces.iter().map(space_json).collect::<Vec<_>>()),
        "keyword": scored.and_then(|one| one.written.as_ref()).map(|written| json!({
            "share": digits(written.share), "added": digits(written.added), "words": written.words,
        })),
        "terms": scored.map(|one| one.terms.iter().map(term_json).collect::<Vec<_>>()),
        "match": scored.and_then(|one| one.judged).map(|judged| judged_json(&judged)),
        "rank": standing.rank,
        "matching": standing.n_matching,
        "rank_of_all": standing.rank_of_all,
        "n_items": standing.n_items,
        "reasons": explanation.reasons.iter().map(reason).collect::<Vec<_>>(),
        "notes": explanation.notes.iter().map(reason).collect::<Vec<_>>(),
    })
}

fn absent_json(plan: &Plan, path: &Path, reason: &Absent) -> Value {
    json!({
        "query": plan.query.to_string(),
        "item": Value::Null,
        "path": path.to_string_lossy(),
        "shown": false,
        "reasons": [{ "kind": reason.kind(), "reason": reason.to_string() }],
    })
}

fn space_json(one: &SpaceScore) -> Value {
    json!({
        "space": one.space,
        "cosine": digits(one.cosine),
        "above": one.above.map(digits),
        "caption": one.caption,
    })
}

fn term_json(one: &TermShare) -> Value {
    json!({
        "term": one.term,
        "weight": one.weight,
        "cosine": digits(one.cosine),
        "factor": digits(one.factor),
        "share": digits(one.share),
    })
}

fn judged_json(judged: &Judged) -> Value {
    json!({
        "probability": digits(judged.likelihood),
        "cut": digits(judged.cut),
        "answered": judged.answered.map(digits),
        "needed": judged.answered.map(|_| digits(judge::ANSWERED)),
        "agreement": judged.agreement.map(digits),
        "above": digits(judged.above),
        "said": judged.said,
        "above_cut": judged.above_cut,
    })
}

fn map_json(map: &Map) -> Value {
    let (columns, rows, cells) = map.heat.coarse(COARSE);
    let best = map.heat.best.as_ref();
    json!({
        "file": map.file.to_string_lossy(),
        "score": digits(map.heat.score),
        "columns": columns,
        "rows": rows,
        "gains": cells.into_iter().map(|gain| round(f64::from(gain), 1e4)).collect::<Vec<_>>(),
        "best": best.map(|one| [one.x, one.y, one.w, one.h].map(|x| round(f64::from(x), 1e3))),
        "encoded": map.heat.n_encoded,
    })
}

fn digits(value: f32) -> f64 {
    round(f64::from(value), 1e6)
}
