//! Groups of the same picture and of shots that are alike: what is kept, what it is better by, what the others are.

use std::io::Write;
use std::path::Path;

use fovea_engine::dedupe::{
    Change, Copy, Done, Duplicates, Group, LIST, Outcome, Reason, SimilarGroup,
};
use fovea_vectordb::Item;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::results::printable;
use super::units::{bytes, count, counted};
use super::{dim, print_json, strong};
use crate::settings::Settings;

/// What was found, and what was done with it.
pub struct Deduped<'a> {
    pub found: &'a Duplicates,
    /// Of `--link` or `--move`.
    pub outcomes: Option<&'a [Outcome]>,
    /// Of `--move`.
    pub folder: Option<&'a Path>,
}

pub fn duplicates(settings: &Settings, deduped: &Deduped<'_>) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&as_json(deduped));
    }
    let found = deduped.found;
    let mut out = anstream::stdout().lock();
    for group in &found.groups {
        same(&mut out, group)?;
    }
    for group in &found.similar {
        alike(&mut out, group)?;
    }
    summary(&mut out, found)?;
    if let Some(outcomes) = deduped.outcomes {
        done(&mut out, outcomes, deduped.folder)?;
    } else if !found.groups.is_empty() {
        writeln!(
            out,
            "{}",
            dim(
                "Nothing was touched. --move DIR moves the copies there, --link lets those with the same bytes share them."
            )
        )?;
    }
    Ok(())
}

fn same(out: &mut impl Write, group: &Group) -> std::io::Result<()> {
    let n = group.copies.len() + 1;
    writeln!(
        out,
        "{} {}",
        strong(&format!("the same picture, {}", counted(n as u64, "file"))),
        dim(&format!("· {} beside the best", bytes(group.spare_bytes())))
    )?;
    let items: Vec<&Item> = std::iter::once(&group.best)
        .chain(group.copies.iter().map(|copy| &copy.item))
        .collect();
    let names: Vec<String> = items
        .iter()
        .map(|item| printable(&item.absolute()))
        .collect();
    let facts: Vec<String> = items.iter().map(|item| facts_of(item)).collect();
    let width = |texts: &[String]| texts.iter().map(|text| text.width()).max().unwrap_or(0);
    let (names_width, facts_width) = (width(&names), width(&facts));
    for (at, item) in items.iter().enumerate() {
        let (mark, words) = match at.checked_sub(1) {
            None => ("keep", why(group)),
            Some(copy) => ("    ", what(&group.copies[copy])),
        };
        let offline = if item.online { "" } else { " (offline)" };
        let line = format!(
            "  {mark}  {}{}  {}{}  {words}{offline}",
            names[at],
            " ".repeat(names_width - names[at].width()),
            facts[at],
            " ".repeat(facts_width - facts[at].width()),
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)
}

fn facts_of(item: &Item) -> String {
    let content = &item.content;
    format!(
        "{} x {} {}, {}",
        content.width,
        content.height,
        content.format,
        bytes(item.size)
    )
}

/// The best by what the others fall short of.
fn why(group: &Group) -> String {
    let mut words: Vec<&str> = Vec::new();
    for copy in &group.copies {
        let word = reason_words(copy.reason);
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(", ")
}

fn reason_words(reason: Reason) -> &'static str {
    match reason {
        Reason::Larger => "largest",
        Reason::Colored => "in colour",
        Reason::Format => "saved without loss",
        Reason::Bytes => "compressed least",
        Reason::Metadata => "most is known of it",
        Reason::Older => "oldest",
        Reason::Name => "first by name",
    }
}

fn what(copy: &Copy) -> String {
    match copy.change {
        Change::Identical => "the same bytes".to_owned(),
        Change::Picture {
            turn,
            shown,
            is_marked,
            likeness,
        } => {
            let mut words = Vec::new();
            words.extend(turn.words().map(str::to_owned));
            if shown < 0.985 {
                words.push(format!("cropped to {:.0}%", shown * 100.0));
            }
            if copy.reason == Reason::Colored {
                words.push("grey".to_owned());
            }
            if is_marked {
                words.push("one of the two has a mark on it".to_owned());
            }
            // Never rounded up to what it is not.
            words.push(format!("{:.0}% alike", (likeness * 100.0).floor()));
            words.join(", ")
        }
    }
}

fn alike(out: &mut impl Write, group: &SimilarGroup) -> std::io::Result<()> {
    let n = group.shots.len() as u64;
    writeln!(
        out,
        "{} {}",
        strong(&format!("similar shots, {}", counted(n, "picture"))),
        dim("· not the same; none is proposed to go")
    )?;
    for (item, cosine) in &group.shots {
        writeln!(
            out,
            "  {cosine:.3}  {}  {}",
            printable(&item.absolute()),
            facts_of(item)
        )?;
    }
    writeln!(out)
}

fn summary(out: &mut impl Write, found: &Duplicates) -> std::io::Result<()> {
    let copies: usize = found.groups.iter().map(|group| group.copies.len()).sum();
    let spare: u64 = found.groups.iter().map(Group::spare_bytes).sum();
    match found.groups.len() {
        0 => writeln!(
            out,
            "No picture is there twice among {}.",
            counted(found.n_items, "item")
        )?,
        n => writeln!(
            out,
            "{} of {} are copies, in {}: {} beside the best of each.",
            count(copies as u64),
            counted(found.n_items, "item"),
            counted(n as u64, "group"),
            bytes(spare)
        )?,
    }
    if found.n_blank > 0 {
        let blank = counted(found.n_blank, "blank picture");
        writeln!(out, "{}", dim(&format!("{blank} went by bytes alone.")))?;
    }
    if !found.without_preview.is_empty() {
        let n = counted(found.without_preview.len() as u64, "item");
        writeln!(
            out,
            "{n} went by bytes alone, because the preview is not there: fovea check --repair"
        )?;
    }
    Ok(())
}

fn done(out: &mut impl Write, outcomes: &[Outcome], folder: Option<&Path>) -> std::io::Result<()> {
    let changed = outcomes
        .iter()
        .filter(|one| !matches!(one.done, Done::Untouched(_)));
    let (n, size) = changed.fold((0u64, 0u64), |(n, size), one| (n + 1, size + one.size));
    match folder {
        Some(folder) => writeln!(
            out,
            "Moved {} ({}) into {}; {} says where each came from.",
            counted(n, "file"),
            bytes(size),
            printable(folder),
            printable(&folder.join(LIST))
        )?,
        None => writeln!(out, "Linked {} ({}).", counted(n, "file"), bytes(size))?,
    }
    for one in outcomes {
        if let Done::Untouched(why) = &one.done
            && why.is_trouble()
        {
            writeln!(out, "  left as it is: {}: {why}", printable(&one.path))?;
        }
    }
    Ok(())
}

fn as_json(deduped: &Deduped<'_>) -> Value {
    let mut object = duplicates_json(deduped.found);
    if let Some(outcomes) = deduped.outcomes {
        object["done"] = outcomes.iter().map(outcome_json).collect();
    }
    object
}

/// What was found, without what was done with it.
pub fn duplicates_json(found: &Duplicates) -> Value {
    let same: Vec<Value> = found.groups.iter().map(group_json).collect();
    let alike: Vec<Value> = found.similar.iter().map(similar_json).collect();
    json!({
        "items": found.n_items,
        "contents": found.n_contents,
        "same": same,
        "similar": alike,
        "blank": found.n_blank,
        "without_preview": found.without_preview.iter().map(path_of).collect::<Vec<_>>(),
    })
}

fn group_json(group: &Group) -> Value {
    let copies: Vec<Value> = group.copies.iter().map(copy_json).collect();
    json!({
        "keep": item_json(&group.best),
        "copies": copies,
        "spare_bytes": group.spare_bytes(),
    })
}

fn copy_json(copy: &Copy) -> Value {
    let mut object = item_json(&copy.item);
    object["worse_by"] = json!(match copy.reason {
        Reason::Larger => "pixels",
        Reason::Colored => "color",
        Reason::Format => "format",
        Reason::Bytes => "bytes",
        Reason::Metadata => "metadata",
        Reason::Older => "age",
        Reason::Name => "name",
    });
    match copy.change {
        Change::Identical => object["identical"] = json!(true),
        Change::Picture {
            turn,
            shown,
            is_marked,
            likeness,
        } => {
            object["identical"] = json!(false);
            object["turn"] = json!(turn.words());
            object["shown"] = json!(rounded(shown));
            object["marked"] = json!(is_marked);
            object["likeness"] = json!(rounded(likeness));
        }
    }
    object
}

fn item_json(item: &Item) -> Value {
    json!({
        "item": item.id.to_string(),
        "path": path_of(item),
        "width": item.content.width,
        "height": item.content.height,
        "format": item.content.format,
        "bytes": item.size,
        "online": item.online,
    })
}

fn path_of(item: &Item) -> String {
    item.absolute().to_string_lossy().into_owned()
}

fn similar_json(group: &SimilarGroup) -> Value {
    let shots = group.shots.iter().map(|(item, cosine)| {
        let mut object = item_json(item);
        object["cosine"] = json!(rounded(*cosine));
        object
    });
    json!({ "shots": shots.collect::<Vec<_>>() })
}

fn outcome_json(outcome: &Outcome) -> Value {
    let path = outcome.path.to_string_lossy();
    match &outcome.done {
        Done::Linked { is_reflink } => {
            let how = if *is_reflink { "reflink" } else { "hard_link" };
            json!({ "path": path, "done": "linked", "how": how })
        }
        Done::Moved(to) => json!({ "path": path, "done": "moved", "to": to.to_string_lossy() }),
        Done::Untouched(why) => {
            json!({ "path": path, "done": "nothing", "why": why.kind(), "message": why.to_string() })
        }
    }
}

fn rounded(number: f32) -> f64 {
    (f64::from(number) * 1e4).round() / 1e4
}
