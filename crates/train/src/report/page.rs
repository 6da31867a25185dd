//! The frame of the page: head, sections in the order of a reader's questions, settings last.

use super::escape::{escaped, isolated};
use super::{Figure, Report, chart, classes, examples, heat, languages, reliability};

/// All looks of the page, in one place. Nothing in it names another file.
const STYLE: &str = include_str!("style.css");
/// Enforces what the page promises: no script, no request, images only from the address itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// The whole page.
pub(super) fn html(report: &Report) -> String {
    let sections = [
        (
            "languages",
            "Did it help?",
            languages::table(&report.languages),
        ),
        ("curves", "How it was learned", charts(report)),
        ("examples", "What changed", cards(report)),
        ("classes", "What is taken for what", confusion(report)),
        (
            "reliability",
            "Is it as sure as it should be?",
            reliability(report),
        ),
        ("settings", "Settings and data", settings(report)),
    ];
    let is_there = |section: &&(&str, &str, String)| !section.2.is_empty();
    let contents: String = sections
        .iter()
        .filter(is_there)
        .map(|(id, name, _)| format!("<a href=\"#{id}\">{name}</a>"))
        .collect();
    let body: String = sections
        .iter()
        .filter(is_there)
        .map(|(id, name, inside)| {
            format!("<section id=\"{id}\"><h2>{name}</h2>\n{inside}</section>\n")
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{}<nav aria-label=\"Contents\">{contents}</nav>\n\
         <main>\n{body}</main>\n</body>\n</html>\n",
        escaped(&report.title),
        header(report),
    )
}

fn header(report: &Report) -> String {
    let warnings: String = report
        .warnings
        .iter()
        .map(|warning| format!("<li>{}</li>", isolated(warning)))
        .collect();
    let warnings = match warnings.is_empty() {
        true => String::new(),
        false => format!("<ul class=\"warnings\" aria-label=\"Warnings\">{warnings}</ul>"),
    };
    let figures: String = report.figures.iter().map(figure).collect();
    let figures = match figures.is_empty() {
        true => String::new(),
        false => format!("<dl class=\"figures\">{figures}</dl>"),
    };
    format!(
        "<header><h1>{}</h1><p class=\"subtitle\">{}</p>{warnings}{figures}</header>\n",
        isolated(&report.title),
        isolated(&report.subtitle)
    )
}

fn figure(figure: &Figure) -> String {
    format!(
        "<div><dt>{}</dt><dd><b>{}</b><span class=\"dim small\">{}</span></dd></div>",
        isolated(&figure.label),
        isolated(&figure.value),
        isolated(&figure.note)
    )
}

fn charts(report: &Report) -> String {
    let charts: String = report.charts.iter().map(chart::figure).collect();
    match charts.is_empty() {
        true => charts,
        false => format!("<div class=\"charts\">\n{charts}</div>\n"),
    }
}

fn cards(report: &Report) -> String {
    match report.examples.is_empty() {
        true => String::new(),
        false => examples::cards(&report.examples),
    }
}

fn confusion(report: &Report) -> String {
    let Some(found) = &report.confusion else {
        return String::new();
    };
    let accuracy = found.accuracy();
    format!(
        "<p class=\"sentence\">Accuracy <b>{:.3}</b> <span class=\"dim\">[{:.2}, {:.2}]</span></p>\n{}{}",
        accuracy.value,
        accuracy.interval.low,
        accuracy.interval.high,
        heat::heat_map(found),
        classes::table(found)
    )
}

fn reliability(report: &Report) -> String {
    let diagram = report.reliability.as_ref().map(reliability::diagram);
    diagram.unwrap_or_default()
}

fn settings(report: &Report) -> String {
    let hash = report.data_hash.as_ref().map(|hash| {
        let hash = escaped(hash);
        format!("<div class=\"wide\"><dt>hash of the data</dt><dd><code>{hash}</code></dd></div>")
    });
    let data = rows(&report.data) + &hash.unwrap_or_default();
    let parts: String = [("Data", data), ("Settings", rows(&report.settings))]
        .into_iter()
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(name, rows)| {
            format!("<div><h3>{name}</h3><dl class=\"rows-of\">{rows}</dl></div>\n")
        })
        .collect();
    match parts.is_empty() {
        true => parts,
        false => format!("<div class=\"settings\">{parts}</div>"),
    }
}

fn rows(pairs: &[(String, String)]) -> String {
    let row = |(name, value): &(String, String)| {
        let (name, value) = (isolated(name), isolated(value));
        format!("<div><dt>{name}</dt><dd>{value}</dd></div>")
    };
    pairs.iter().map(row).collect()
}
