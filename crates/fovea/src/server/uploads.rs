//! Pictures that were handed in to stay: a folder beside the database, which is a source as any other.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use fovea_decode as decode;
use fovea_engine::{Engine, IndexOptions, Silent, UPLOADS};
use fovea_vectordb::{ContentHash, Item, SourceKind};

use super::problem::Problem;

const LONGEST_STEM: usize = 80;
/// Digits of the hash in a name, so that no picture takes the place of another.
const DIGITS: usize = 12;

/// The folder of a collection's uploads; its name is no path, whatever the collection is called.
pub fn folder(database: &Path, collection: &str) -> PathBuf {
    let name = blake3::hash(collection.as_bytes()).to_hex();
    database.join(UPLOADS).join(&name[..16])
}

/// Keeps a picture and indexes it as any other; answers the item and whether it is new.
pub fn add(
    engine: &Engine,
    folder: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<(Item, bool), Problem> {
    // Decoded before it is written: what cannot be shown is not kept.
    let options = decode::Options::default();
    let probe = decode::probe(bytes, &options).map_err(undecodable)?;
    decode::decode(bytes, &options).map_err(undecodable)?;
    fs::create_dir_all(folder).map_err(|error| unwritable(&error))?;
    let root = fs::canonicalize(folder).map_err(|error| unwritable(&error))?;
    let source = engine.database().source(SourceKind::Upload, &root)?;
    let file = file_name(name, bytes, probe.format);
    let found = |engine: &Engine| -> Result<Option<Item>, Problem> {
        let database = engine.database();
        let id = database.find(source, file.as_bytes())?;
        Ok(match id {
            Some(id) => database.items(&[id])?.pop(),
            None => None,
        })
    };
    if let Some(item) = found(engine)? {
        return Ok((item, false));
    }
    let path = root.join(&file);
    write(&root, &path, bytes).map_err(|error| unwritable(&error))?;
    // Before it is an item, so that no other machine finds an item without its picture.
    if let Err(error) = engine.uploads().keep(&root, &file, bytes) {
        let _ = fs::remove_file(&path);
        return Err(error.into());
    }
    let options = IndexOptions {
        n_workers: 1,
        ..Default::default()
    };
    let indexed = engine.index(std::slice::from_ref(&path), &options, &Silent);
    let item = indexed.map_err(Problem::from).and_then(|report| {
        let skipped = report.skipped.first().map(|skipped| skipped.reason.clone());
        let refused = skipped.unwrap_or_else(|| "it could not be indexed".to_owned());
        found(engine)?.ok_or_else(|| unprocessable(refused))
    });
    if item.is_err() {
        // What is no item is not kept either.
        let _ = fs::remove_file(&path);
        let _ = engine.uploads().discard(&root, &file);
    }
    item.map(|item| (item, true))
}

/// What is left of the name that it came with, and its hash.
fn file_name(name: &str, bytes: &[u8], format: decode::Format) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let (stem, ending) = last.rsplit_once('.').unwrap_or((last, ""));
    let is_kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | ' ');
    let stem: String = stem.chars().filter(is_kept).take(LONGEST_STEM).collect();
    let ending = match decode::is_candidate_extension(ending) {
        true => ending.to_ascii_lowercase(),
        false => ending_of(format).to_owned(),
    };
    let hash = ContentHash::of(bytes).to_string();
    let stem = match stem.trim() {
        "" => "picture",
        stem => stem,
    };
    format!("{stem}-{}.{ending}", &hash[..DIGITS])
}

fn ending_of(format: decode::Format) -> &'static str {
    match format {
        decode::Format::Raw => "dng",
        format => format.name(),
    }
}

fn write(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".upload-")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn undecodable(error: decode::Error) -> Problem {
    unprocessable(error.to_string())
}

fn unprocessable(detail: String) -> Problem {
    Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, detail)
}

fn unwritable(error: &std::io::Error) -> Problem {
    let detail = format!("the picture cannot be kept: {error}");
    Problem::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_name_and_no_path() {
        let hash = &ContentHash::of(b"x").to_string()[..DIGITS];
        for (name, expect) in [
            ("dog.jpg", "dog-H.jpg"),
            ("../../etc/passwd", "passwd-H.png"),
            ("C:\\a\\海滩.PNG", "海滩-H.png"),
            (".htaccess", "picture-H.png"),
            ("", "picture-H.png"),
            ("a\0b\n<c>.svg", "abc-H.svg"),
        ] {
            let expect = expect.replace('H', hash);
            assert_eq!(file_name(name, b"x", decode::Format::Png), expect);
        }
        let long = file_name(&"x".repeat(5000), b"x", decode::Format::Jpeg);
        assert!(long.len() < 120 && long.ends_with(".jpeg"), "{long}");
        assert!(folder(Path::new("/db"), "../../etc").starts_with("/db/uploads"));
    }
}
