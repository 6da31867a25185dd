//! Pictures, titles and keywords of Debian's Open Clip Art; the words are the RDF metadata of the SVG beside each PNG.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::bench_ann::packages::{OPENCLIPART_PNG, OPENCLIPART_SVG};

/// Words of the collection, each as somebody would type it.
#[derive(Default)]
pub struct Words {
    pub titles: Vec<String>,
    pub keywords: Vec<String>,
}

/// Folders of the pictures and of the drawings that they were made of, fetched where they are not there.
pub fn folders(cache: &Path, say: &dyn Fn(&str)) -> anyhow::Result<(PathBuf, PathBuf)> {
    let packages = super::below(cache).join("packages");
    let pictures = OPENCLIPART_PNG.unpacked(&packages, say)?;
    let drawings = OPENCLIPART_SVG.unpacked(&packages, say)?;
    Ok((
        pictures.join("usr/share/openclipart/png"),
        drawings.join("usr/share/openclipart/svg"),
    ))
}

/// Every file below `folder` with this ending, by name.
pub fn files(folder: &Path, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            // Links would show a picture twice.
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Titles and keywords of all drawings below `folder`.
pub fn words(folder: &Path) -> anyhow::Result<Words> {
    let mut words = Words::default();
    for path in files(folder, "svg")? {
        let text = read(&path)?;
        words.titles.extend(title(&text));
        words.keywords.extend(keywords(&text));
    }
    Ok(words)
}

/// The title of one drawing, where it has one.
pub fn title_of(drawing: &Path) -> anyhow::Result<Option<String>> {
    Ok(title(&read(drawing)?))
}

/// The keywords of one drawing.
pub fn keywords_of(drawing: &Path) -> anyhow::Result<Vec<String>> {
    Ok(keywords(&read(drawing)?).collect())
}

fn keywords(drawing: &str) -> impl Iterator<Item = String> + '_ {
    let all = elements(drawing, "rdf:li").map(|word| tidy(&word));
    all.filter(|word| says_something(word))
}

fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first title is the drawing's; the others are those of licence, author and publisher.
fn title(drawing: &str) -> Option<String> {
    let title = elements(drawing, "dc:title")
        .next()
        .map(|title| tidy(&title));
    title.filter(|title| says_something(title))
}

/// The text of each element of this name that holds nothing but text.
fn elements<'a>(text: &'a str, name: &str) -> impl Iterator<Item = String> + 'a {
    let opening = format!("<{name}");
    let starts: Vec<usize> = text
        .match_indices(&opening)
        .map(|(at, _)| at + opening.len())
        .collect();
    starts.into_iter().filter_map(|start| {
        let after = &text[start..];
        // A longer name begins alike.
        if !after.starts_with(|c: char| c == '>' || c.is_whitespace()) {
            return None;
        }
        let (tag, after) = after.split_once('>')?;
        let content = after.split('<').next()?.trim();
        (!tag.ends_with('/') && !content.is_empty()).then(|| content.to_owned())
    })
}

/// Without the ending of a file name, underscores, hyphens, numbers at the end and XML's escapes.
fn tidy(title: &str) -> String {
    let mut title = title.to_owned();
    for (escape, plain) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ] {
        title = title.replace(escape, plain);
    }
    let lower = title.to_lowercase();
    if lower.ends_with(".svg") || lower.ends_with(".png") {
        title.truncate(title.len() - 4);
    }
    let title = title.replace(['_', '-'], " ");
    let title =
        title.trim_end_matches(|c: char| c.is_ascii_digit() || c == '#' || c.is_whitespace());
    title.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What editors write when nobody said anything is no title.
fn says_something(text: &str) -> bool {
    let lower = text.to_lowercase();
    text.chars().count() >= 3
        && !lower.starts_with("hash(0x")
        && !["untitled", "unsorted", "new document", "clipart"].contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_as_somebody_would_type_them() {
        for (written, expect) in [
            ("red_apple_01.svg", "red apple"),
            ("Cats &amp; Dogs", "Cats & Dogs"),
            ("France-Brittany #2", "France Brittany"),
            ("  a  b ", "a b"),
        ] {
            assert_eq!(tidy(written), expect);
        }
    }

    #[test]
    fn elements_with_text() {
        let text = "<dc:title>One</dc:title><dc:title id=\"1\"> Two </dc:title><dc:titles>no</dc:titles><dc:title/>x";
        let found: Vec<String> = elements(text, "dc:title").collect();
        assert_eq!(found, ["One", "Two"]);
    }

    #[test]
    fn placeholders_are_no_words() {
        for (text, expect) in [
            ("Untitled", false),
            ("hash(0x8a0916c)", false),
            ("ab", false),
            ("cow", true),
        ] {
            assert_eq!(says_something(text), expect, "{text}");
        }
    }
}
