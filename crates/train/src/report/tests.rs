//! The page as a whole: what it must hold, and what it must never hold.

use fovea_measure::Bootstrap;

use super::*;

/// Words that would do harm if any part of the page forgot to escape them.
const HOSTILE: &str =
    "</style><script>alert(1)</script><img src=x onerror=alert(2)>\" onload=\"x' & \u{202e}قطة";

fn hostile() -> Report {
    let words = || HOSTILE.to_owned();
    let thumbnail = |address: &str| Thumbnail {
        image: address.to_owned(),
        name: words(),
        is_right: true,
    };
    let images = vec![
        thumbnail("data:image/png;base64,AAAA\" onerror=\"alert(3)"),
        thumbnail("https://example.org/a.png"),
        thumbnail(HOSTILE),
    ];
    let language = Language::of(HOSTILE, &[None; 9], &[Some(1); 9], &Bootstrap::default());
    Report {
        title: words(),
        subtitle: words(),
        warnings: vec![words()],
        figures: vec![Figure {
            label: words(),
            value: words(),
            note: words(),
        }],
        languages: language.into_iter().collect(),
        charts: vec![Chart {
            title: words(),
            x_name: words(),
            y_scale: Scale::Logarithmic,
            lines: (0..6)
                .map(|_| Line {
                    name: words(),
                    points: vec![
                        (0.0, -1.0),
                        (f64::NAN, 1.0),
                        (1.0, f64::INFINITY),
                        (2.0, 0.5),
                    ],
                })
                .collect(),
            best: Some(2.0),
        }],
        examples: vec![Example {
            query: words(),
            language: words(),
            before: images.clone(),
            after: images,
        }],
        confusion: Confusion::of(vec![words(), words()], &[0, 1, 1], &[0, 0, 1]).ok(),
        reliability: Some(Reliability::of(&[0.9, 0.2], &[true, false], 10)),
        settings: vec![(words(), words())],
        data: vec![(words(), words())],
        data_hash: Some(words()),
    }
}

/// Names of all elements of a page, each with its attributes, as a browser would part them.
fn elements(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let mut quoted = false;
        let end = rest[start..].find(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let end = start + end.expect("every element is closed");
        found.push(rest[start + 1..end].to_owned());
        rest = &rest[end + 1..];
    }
    found
}

#[test]
fn words_from_outside_stay_words() {
    let html = hostile().html();
    assert!(html.contains("&lt;script&gt;alert(1)"));
    for element in elements(&html) {
        let name: String = element
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        assert_ne!(name, "script", "{element}");
        let outside_quotes: String = element.split('"').step_by(2).collect();
        for attribute in ["onerror", "onload"] {
            assert!(!outside_quotes.contains(attribute), "{element}");
        }
        assert!(
            name != "img" || element.contains("src=\"data:image/"),
            "{element}"
        );
    }
    assert!(!html.contains("NaN") && !html.contains("inf,"));
}

#[test]
fn nothing_is_asked_for_from_anywhere() {
    let html = hostile().html();
    assert!(html.contains("default-src 'none'"));
    for address in [
        "http:", "https:", "url(", "@import", "<link", "<iframe", "src=\"//",
    ] {
        let found = elements(&html).into_iter().find(|element| {
            let tag = format!("<{element}");
            // Words in an attribute of words are no address.
            tag.contains(address) && !tag.contains("alt=") && !tag.contains("aria-label=")
        });
        assert_eq!(found, None, "{address}");
    }
    let style = include_str!("style.css");
    assert!(!style.contains("url(") && !style.contains("@import") && !style.contains("</"));
}

#[test]
fn elements_are_closed_in_the_order_in_which_they_opened() {
    let html = hostile().html();
    let mut open: Vec<String> = Vec::new();
    for element in elements(&html) {
        let name = |text: &str| -> String {
            text.chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect()
        };
        if let Some(closing) = element.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name(closing)), "</{closing}>");
        } else if !element.ends_with('/') && !element.starts_with('!') {
            let name = name(&element);
            if !["meta", "img"].contains(&name.as_str()) {
                open.push(name);
            }
        }
    }
    assert_eq!(open, [] as [String; 0]);
}

#[test]
fn what_a_run_has_not_is_left_out() {
    let report = Report {
        title: "Alignment of 3 pairs".to_owned(),
        ..Report::default()
    };
    let html = report.html();
    assert!(html.contains("<h1><bdi>Alignment of 3 pairs</bdi></h1>"));
    assert!(
        !html.contains("<section")
            && !html.contains("<table")
            && !html.contains("class=\"warnings\"")
    );
    let full = hostile().html();
    for id in [
        "languages",
        "curves",
        "examples",
        "classes",
        "reliability",
        "settings",
    ] {
        assert!(full.contains(&format!("<section id=\"{id}\">")), "{id}");
        assert!(full.contains(&format!("href=\"#{id}\"")), "{id}");
    }
}

#[test]
fn the_same_report_is_the_same_page() {
    assert_eq!(hostile().html(), hostile().html());
}
