//! Walks a source and lists the files that may be images, without opening one of them.
//!
//! Knows no database: what is new, changed or gone is decided in `ingest`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};

use crate::error::{Error, IoContext};
use crate::paths;

/// The ignore file that users put into a folder; it has the grammar of `.gitignore`.
pub const IGNORE_FILE: &str = ".foveaignore";

/// Folders that photo servers, systems and tools fill with copies nobody wants to find.
const SKIPPED_FOLDERS: &[&str] = &[
    "@eaDir",
    "#recycle",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    "node_modules",
    "__MACOSX",
];

#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    /// Globs with the grammar of `.gitignore`; a file or folder that matches is left out.
    pub exclude: Vec<String>,
    /// Folders that belong to someone else: other sources, and the database with its previews.
    pub foreign: Vec<PathBuf>,
}

/// A file whose name says that it may be an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub path: PathBuf,
    /// Relative to the root of the source, as bytes.
    pub relative: Vec<u8>,
    pub size: u64,
    pub mtime_ns: i64,
}

/// Something that the walk could not look at; items below it are kept, because nobody knows what is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub path: PathBuf,
    pub relative: Vec<u8>,
    pub reason: String,
}

#[derive(Debug, Default)]
pub struct Scan {
    pub candidates: Vec<Candidate>,
    pub unreadable: Vec<Unreadable>,
}

/// Walks `scope`, which is `root` itself or a folder or file below it.
///
/// Links are followed; a link that leads back to a folder above itself is reported and not entered. A scope that
/// is not there any more holds nothing.
pub fn scan(root: &Path, scope: &Path, options: &ScanOptions) -> Result<Scan, Error> {
    let mut found = Scan::default();
    let gone = fs::symlink_metadata(scope)
        .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    if gone && scope != root {
        return Ok(found);
    }
    for entry in walk_builder(root, scope, options)?.build() {
        match entry {
            Ok(entry) => add_entry(root, &entry, &mut found),
            Err(error) => found.unreadable.push(unreadable(root, scope, &error)),
        }
    }
    Ok(found)
}

/// Checks the globs before anything is walked, so that a typing error costs no time.
pub fn check_globs(globs: &[String]) -> Result<(), Error> {
    overrides(Path::new("/"), globs).map(drop)
}

fn walk_builder(root: &Path, scope: &Path, options: &ScanOptions) -> Result<WalkBuilder, Error> {
    let mut builder = WalkBuilder::new(scope);
    builder
        .standard_filters(false)
        .hidden(true)
        .follow_links(true)
        .overrides(overrides(root, &options.exclude)?)
        .sort_by_file_name(|left, right| left.cmp(right));
    builder.add_custom_ignore_filename(IGNORE_FILE);
    let foreign = options.foreign.clone();
    builder.filter_entry(move |entry| {
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let is_skipped =
            is_skipped_folder(entry.path()) || foreign.iter().any(|path| path == entry.path());
        entry.depth() == 0 || !(is_folder && is_skipped)
    });
    Ok(builder)
}

/// A folder of this name holds copies, not pictures.
pub(crate) fn is_skipped_folder(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    SKIPPED_FOLDERS.contains(&name.as_ref())
}

/// Whether the name says that it may be an image.
pub(crate) fn has_image_ending(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(fovea_decode::is_candidate_extension)
}

/// `ignore` reads an override as "only these"; a leading `!` turns it into "not these".
pub(crate) fn overrides(root: &Path, globs: &[String]) -> Result<Override, Error> {
    let mut builder = OverrideBuilder::new(root);
    for glob in globs {
        builder
            .add(&format!("!{glob}"))
            .map_err(|error| Error::Input(format!("--exclude {glob}: {error}")))?;
    }
    builder
        .build()
        .map_err(|error| Error::Input(format!("--exclude: {error}")))
}

fn add_entry(root: &Path, entry: &ignore::DirEntry, found: &mut Scan) {
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    if is_folder || !has_image_ending(entry.path()) {
        return;
    }
    let relative = relative_to(root, entry.path());
    let reason = match fs::metadata(entry.path()) {
        Ok(metadata) if metadata.is_file() => {
            let (size, mtime_ns) = (metadata.len(), mtime_ns(&metadata));
            let path = entry.path().to_owned();
            found.candidates.push(Candidate {
                path,
                relative,
                size,
                mtime_ns,
            });
            return;
        }
        Ok(_) => "not a regular file".to_owned(),
        Err(error) => error.to_string(),
    };
    let path = entry.path().to_owned();
    found.unreadable.push(Unreadable {
        path,
        relative,
        reason,
    });
}

/// Size and time of change of one file, as `scan` would see them.
pub fn file_stamp(path: &Path) -> Result<(u64, i64), Error> {
    let metadata = fs::metadata(path).at(path)?;
    Ok((metadata.len(), mtime_ns(&metadata)))
}

/// Nanoseconds since 1970; negative before it. Systems without a modification time answer 0.
pub fn mtime_ns(metadata: &fs::Metadata) -> i64 {
    let Ok(modified) = metadata.modified() else {
        return 0;
    };
    match modified.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

fn relative_to(root: &Path, path: &Path) -> Vec<u8> {
    paths::to_bytes(path.strip_prefix(root).unwrap_or(path))
}

fn unreadable(root: &Path, scope: &Path, error: &ignore::Error) -> Unreadable {
    let (path, reason) = describe(error);
    let path = path.unwrap_or_else(|| scope.to_owned());
    let relative = relative_to(root, &path);
    Unreadable {
        path,
        relative,
        reason,
    }
}

fn describe(error: &ignore::Error) -> (Option<PathBuf>, String) {
    match error {
        ignore::Error::WithPath { path, err } => (Some(path.clone()), describe(err).1),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            describe(err)
        }
        ignore::Error::Loop { ancestor, child } => {
            let reason = format!(
                "a link that leads back to {}; not entered",
                ancestor.display()
            );
            (Some(child.clone()), reason)
        }
        ignore::Error::Io(error) => (None, plain_io(error)),
        other => (None, other.to_string()),
    }
}

fn plain_io(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::NotFound => "not there, or a link that leads nowhere".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        (folder, root)
    }

    fn check(files: &[&str], exclude: &[&str], expect: &[&str]) {
        let (_folder, root) = tree(files);
        let exclude = exclude.iter().map(|glob| (*glob).to_owned()).collect();
        let options = ScanOptions {
            exclude,
            foreign: vec![root.join("db")],
        };
        let found = scan(&root, &root, &options).unwrap();
        let found: Vec<_> = found
            .candidates
            .iter()
            .map(|candidate| String::from_utf8_lossy(&candidate.relative).into_owned())
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn images_are_found_and_what_is_hidden_excluded_or_foreign_is_not() {
        check(
            &[
                "a.JPG",
                "b/c.png",
                "b/notes.txt",
                ".hidden/d.png",
                ".e.png",
                "@eaDir/f.jpg",
                "db/g.jpg",
                "db2/h.jpg",
            ],
            &[],
            &["a.JPG", "b/c.png", "db2/h.jpg"],
        );
        check(
            &["a.jpg", "raw/b.jpg", "raw/c.png", "d.png"],
            &["raw/"],
            &["a.jpg", "d.png"],
        );
        check(&["a.jpg", "x/b.jpg", "x/c.png"], &["*.jpg"], &["x/c.png"]);
    }

    #[test]
    fn an_ignore_file_is_honoured() {
        let (_folder, root) = tree(&["a.jpg", "b/c.jpg", "b/d.jpg"]);
        fs::write(root.join("b").join(IGNORE_FILE), "c.*\n").unwrap();
        let found = scan(&root, &root, &ScanOptions::default()).unwrap();
        assert_eq!(found.candidates.len(), 2);
    }

    #[test]
    fn a_scope_keeps_paths_relative_to_the_root() {
        let (_folder, root) = tree(&["a.jpg", "b/c.jpg"]);
        for scope in ["b", "b/c.jpg"] {
            let found = scan(&root, &root.join(scope), &ScanOptions::default()).unwrap();
            let found: Vec<_> = found
                .candidates
                .iter()
                .map(|one| one.relative.clone())
                .collect();
            assert_eq!(found, [b"b/c.jpg".to_vec()]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn loops_and_dead_links_are_reported_and_the_rest_is_found() {
        let (_folder, root) = tree(&["a.jpg", "b/c.jpg"]);
        std::os::unix::fs::symlink(&root, root.join("b/loop")).unwrap();
        std::os::unix::fs::symlink(root.join("nowhere"), root.join("dead.jpg")).unwrap();
        std::os::unix::fs::symlink(root.join("a.jpg"), root.join("link.jpg")).unwrap();
        let found = scan(&root, &root, &ScanOptions::default()).unwrap();
        assert_eq!(found.candidates.len(), 3);
        let reasons: Vec<_> = found
            .unreadable
            .iter()
            .map(|one| one.reason.as_str())
            .collect();
        assert_eq!(reasons.len(), 2, "{reasons:?}");
        assert!(
            reasons
                .iter()
                .any(|reason| reason.contains("leads back to")),
            "{reasons:?}"
        );
        assert!(
            reasons
                .iter()
                .any(|reason| reason.contains("leads nowhere")),
            "{reasons:?}"
        );
    }

    #[test]
    fn a_wrong_glob_is_named() {
        let message = check_globs(&["a[".to_owned()]).unwrap_err().to_string();
        assert!(message.contains("--exclude a["), "{message}");
    }
}
