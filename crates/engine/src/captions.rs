//! Reads the captions that stand beside the images: sidecar `.txt` files and one `.tsv` for many images.
//!
//! Does not decide which image a caption belongs to in the database, and embeds nothing.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Error, IoContext};

/// A caption file is words, not a book: what is longer is read up to here.
const MAX_SIDECAR_BYTES: u64 = 256 * 1024;
const MAX_CAPTION_CHARS: usize = 2_000;
const MAX_CAPTIONS_PER_IMAGE: usize = 512;
const MAX_TSV_BYTES: u64 = 1 << 30;

/// One caption as a person wrote it; `lang` is a BCP 47 tag such as `zh` or `pt-BR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCaption {
    pub lang: Option<String>,
    pub text: String,
}

/// The sidecar that belongs to an image: the same name with the extension `.txt`.
pub fn sidecar_path(image: &Path) -> PathBuf {
    image.with_extension("txt")
}

/// Reads a sidecar; `Ok(None)` where there is none.
pub fn read_sidecar(path: &Path) -> Result<Option<Vec<FoundCaption>>, Error> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).at(path),
    };
    let mut bytes = Vec::new();
    file.take(MAX_SIDECAR_BYTES)
        .read_to_end(&mut bytes)
        .at(path)?;
    Ok(Some(parse_sidecar(&text_of(&bytes))))
}

/// Every line is a caption; a line such as `de=…` or `zh_CN.utf8=…` names its language.
pub fn parse_sidecar(text: &str) -> Vec<FoundCaption> {
    let mut found: Vec<FoundCaption> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let caption = match split_language(line) {
            Some((lang, text)) => caption(Some(lang), text),
            None => caption(None, line),
        };
        if let Some(caption) = caption.filter(|caption| !found.contains(caption)) {
            found.push(caption);
        }
        if found.len() == MAX_CAPTIONS_PER_IMAGE {
            break;
        }
    }
    found
}

/// Reads `path <TAB> language <TAB> caption` lines; paths are relative to the file's folder.
///
/// A first line `path language caption` is a heading; an empty language means unknown. A line with fewer than
/// three columns is an error that names the line, because a shifted column would caption every image wrongly.
pub fn read_tsv(path: &Path) -> Result<TsvCaptions, Error> {
    let size = fs::metadata(path).at(path)?.len();
    if size > MAX_TSV_BYTES {
        return Err(Error::Input(format!(
            "{} has {size} bytes; a caption file may have {MAX_TSV_BYTES}",
            path.display()
        )));
    }
    let text = text_of(&fs::read(path).at(path)?);
    let folder = path.parent().unwrap_or(Path::new("."));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let folder = fs::canonicalize(folder).at(folder)?;
    let mut captions = TsvCaptions::default();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || (number == 0 && is_heading(line)) {
            continue;
        }
        let Some((image, found)) = tsv_line(line) else {
            return Err(Error::Input(format!(
                "{} line {}: expected path, language and caption with a tab between them, got {:?}",
                path.display(),
                number + 1,
                shortened(line)
            )));
        };
        captions.add(folder.join(image), found);
    }
    Ok(captions)
}

/// The captions of a `.tsv`, by absolute image path, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct TsvCaptions {
    pub images: Vec<PathBuf>,
    by_image: HashMap<PathBuf, Vec<FoundCaption>>,
}

impl TsvCaptions {
    fn add(&mut self, image: PathBuf, caption: Option<FoundCaption>) {
        let captions = self.by_image.entry(image.clone()).or_insert_with(|| {
            self.images.push(image);
            Vec::new()
        });
        captions.extend(caption);
    }

    pub fn of(&self, image: &Path) -> &[FoundCaption] {
        self.by_image.get(image).map_or(&[], Vec::as_slice)
    }
}

fn tsv_line(line: &str) -> Option<(&str, Option<FoundCaption>)> {
    let mut columns = line.splitn(3, '\t');
    let (image, lang, text) = (columns.next()?, columns.next()?, columns.next()?);
    if image.is_empty() {
        return None;
    }
    Some((image, caption(normalise_language(lang), text)))
}

fn is_heading(line: &str) -> bool {
    let mut columns = line.split('\t').map(|column| column.trim().to_lowercase());
    columns.next().as_deref() == Some("path")
}

fn caption(lang: Option<String>, text: &str) -> Option<FoundCaption> {
    let text: String = text.trim().chars().take(MAX_CAPTION_CHARS).collect();
    (!text.is_empty()).then_some(FoundCaption { lang, text })
}

/// `zh_CN.utf8=…` -> (`zh`, `…`). The tag must look like a language, so that `e=mc2` stays a caption.
fn split_language(line: &str) -> Option<(String, &str)> {
    let (tag, text) = line.split_once('=')?;
    let tag = tag.strip_suffix(".utf8").unwrap_or(tag);
    Some((normalise_language(tag)?, text))
}

/// POSIX and BCP 47 tags become BCP 47 with the shortest usual form: `zh_CN` -> `zh`, `pt_BR` -> `pt-BR`.
pub fn normalise_language(tag: &str) -> Option<String> {
    let tag = tag.trim();
    let (tag, modifier) = match tag.split_once('@') {
        Some((tag, modifier)) => (tag, Some(modifier)),
        None => (tag, None),
    };
    let mut subtags = tag.split(['_', '-']);
    let primary = subtags.next()?;
    let is_language = (2..=3).contains(&primary.len())
        && primary
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() && byte.is_ascii_alphabetic());
    if !is_language {
        return None;
    }
    let mut rest = Vec::new();
    for subtag in subtags.chain(modifier) {
        if subtag.is_empty() || !subtag.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        rest.push(subtag);
    }
    let regional = rest.join("-");
    match (primary, regional.as_str()) {
        (_, "") => Some(primary.to_owned()),
        ("zh", "CN" | "SG" | "Hans") => Some("zh".to_owned()),
        ("zh", "TW" | "HK" | "Hant") => Some("zh-TW".to_owned()),
        _ => Some(format!("{primary}-{regional}")),
    }
}

/// Caption files come from everywhere: a byte-order mark is dropped and broken UTF-8 costs only its characters.
fn text_of(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

fn shortened(line: &str) -> String {
    line.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(Option<&str>, &str)]) {
        let found = parse_sidecar(text);
        let found: Vec<_> = found
            .iter()
            .map(|caption| (caption.lang.as_deref(), caption.text.as_str()))
            .collect();
        assert_eq!(found, expect, "for {text:?}");
    }

    #[test]
    fn sidecar_lines_are_captions_with_an_optional_language() {
        check("A dog.\n", &[(None, "A dog.")]);
        check(
            "A dog.\nzh_CN.utf8=一只狗。\nde.utf8=Ein Hund.\npt_BR=Um cão",
            &[
                (None, "A dog."),
                (Some("zh"), "一只狗。"),
                (Some("de"), "Ein Hund."),
                (Some("pt-BR"), "Um cão"),
            ],
        );
        check("e=mc2\nE = mc2", &[(None, "e=mc2"), (None, "E = mc2")]);
        check("sr@latin.utf8=Pas", &[(Some("sr-latin"), "Pas")]);
        check("same\nsame\n\n  \n", &[(None, "same")]);
        check("de=\n", &[]);
    }

    #[test]
    fn hostile_sidecars_stay_small() {
        let long = "x".repeat(100_000);
        assert_eq!(parse_sidecar(&long)[0].text.len(), MAX_CAPTION_CHARS);
        let many: String = (0..10_000).map(|n| format!("line {n}\n")).collect();
        assert_eq!(parse_sidecar(&many).len(), MAX_CAPTIONS_PER_IMAGE);
        assert_eq!(text_of(b"\xef\xbb\xbfdog \xff"), "dog \u{fffd}");
    }

    #[test]
    fn a_tsv_names_the_line_that_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.tsv");
        fs::write(
            &path,
            "path\tlanguage\tcaption\na.png\ten\tA dog\nb.png\tzh_CN\t狗\na.png\t\tdog\tand more\n",
        )
        .unwrap();
        let captions = read_tsv(&path).unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        assert_eq!(captions.images.len(), 2);
        assert_eq!(
            captions.of(&root.join("b.png"))[0].lang.as_deref(),
            Some("zh")
        );
        assert_eq!(captions.of(&root.join("a.png"))[1].text, "dog\tand more");
        fs::write(&path, "a.png\ten\tA dog\nb.png only a path\n").unwrap();
        let message = read_tsv(&path).unwrap_err().to_string();
        assert!(message.contains("line 2"), "{message}");
    }
}
