//! Why a walk of a source does not list a file: the rules of `scan`, asked about one path, with the one that decided.

use std::fmt;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::Error;
use crate::scan::{self, IGNORE_FILE, ScanOptions};

/// What decided, and about which file or folder on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeftOut {
    /// Its name does not end as that of an image does.
    Ending,
    /// It, or a folder that it lies in, has a name that begins with a dot.
    Hidden(PathBuf),
    /// A folder that photo servers, systems and tools fill with copies.
    Tool(PathBuf),
    /// The folder of the database.
    Database(PathBuf),
    /// An `--exclude` of the last run.
    Glob(String),
    /// A line of an ignore file.
    IgnoreFile { file: PathBuf, glob: String },
    /// Neither a file nor a link to one.
    Special,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeftOut::Ending => f.write_str(
                "its name does not end as that of an image does, so it is not looked at; give it the ending of its format, \
                 as in .jpg",
            ),
            LeftOut::Hidden(path) => write!(
                f,
                "{} is hidden, as its name begins with a dot, and nothing hidden is looked at; rename it, or allow it in \
                 {IGNORE_FILE} with a line such as !{}",
                path.display(),
                path.file_name().unwrap_or_default().display()
            ),
            LeftOut::Tool(path) => write!(
                f,
                "{} is a folder that servers and tools fill with copies, and is not looked into; move the picture out of it",
                path.display()
            ),
            LeftOut::Database(path) => write!(
                f,
                "{} is the database's own folder, which is never indexed; move the picture out of it",
                path.display()
            ),
            LeftOut::Glob(glob) => write!(
                f,
                "--exclude '{glob}' leaves it out, as its folder was last indexed; name the globs that shall stay, or forget \
                 them all: fovea index FOLDER --exclude \"\""
            ),
            LeftOut::IgnoreFile { file, glob } => write!(
                f,
                "the line `{glob}` of {} leaves it out; change the line, and run `fovea index` on its folder",
                file.display()
            ),
            LeftOut::Special => f.write_str("it is no regular file; copy the picture into one"),
        }
    }
}

/// What keeps `path` from being listed by [`scan::scan`] of `root`, which it lies in; none where it is listed.
pub(crate) fn left_out(
    root: &Path,
    path: &Path,
    options: &ScanOptions,
) -> Result<Option<LeftOut>, Error> {
    let Ok(relative) = path.strip_prefix(root) else {
        return Ok(None);
    };
    let globs = scan::overrides(root, &options.exclude)?;
    let mut ignores: Vec<(PathBuf, Gitignore)> = Vec::new();
    let mut here = root.to_owned();
    let names: Vec<_> = relative.components().collect();
    for (at, name) in names.iter().enumerate() {
        ignores.extend(ignore_file(&here));
        here.push(name);
        let is_folder = at + 1 < names.len();
        if let Match::Ignore(glob) = globs.matched(&here, is_folder) {
            let glob = glob_text(&glob, options);
            return Ok(Some(LeftOut::Glob(glob)));
        }
        match ignored(&ignores, &here, is_folder) {
            Some(Match::Ignore(left_out)) => return Ok(Some(left_out)),
            Some(_) => {}
            None if is_hidden(&here) => return Ok(Some(LeftOut::Hidden(here))),
            None => {}
        }
        if is_folder && scan::is_skipped_folder(&here) {
            return Ok(Some(LeftOut::Tool(here)));
        }
        if is_folder && options.foreign.contains(&here) {
            return Ok(Some(LeftOut::Database(here)));
        }
    }
    if !scan::has_image_ending(path) {
        return Ok(Some(LeftOut::Ending));
    }
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    Ok((!is_file).then_some(LeftOut::Special))
}

/// The ignore file of a folder, where it has one.
fn ignore_file(folder: &Path) -> Option<(PathBuf, Gitignore)> {
    let file = folder.join(IGNORE_FILE);
    if !file.exists() {
        return None;
    }
    let mut builder = GitignoreBuilder::new(folder);
    // Lines that are no globs are passed over, as the walk does.
    let _ = builder.add(&file);
    Some((file, builder.build().ok()?))
}

/// What the ignore files say of a path; the innermost that says anything decides.
fn ignored(
    ignores: &[(PathBuf, Gitignore)],
    path: &Path,
    is_folder: bool,
) -> Option<Match<LeftOut>> {
    ignores
        .iter()
        .rev()
        .find_map(|(file, rules)| match rules.matched(path, is_folder) {
            Match::None => None,
            Match::Whitelist(_) => Some(Match::None),
            Match::Ignore(glob) => Some(Match::Ignore(LeftOut::IgnoreFile {
                file: file.clone(),
                glob: glob.original().to_owned(),
            })),
        })
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b".")
}

/// The glob as it was given, which `scan` turns round for the library.
fn glob_text(glob: &ignore::overrides::Glob<'_>, options: &ScanOptions) -> String {
    let shown = format!("{glob:?}");
    let given = options
        .exclude
        .iter()
        .find(|glob| shown.contains(&format!("\"!{glob}\"")));
    given.map_or_else(|| options.exclude.join("' '"), String::clone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;

    /// Says of every file what the walk does.
    #[test]
    fn it_agrees_with_the_walk() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let files = [
            ("a.jpg", ""),
            ("a.txt", "Ending"),
            (".b.jpg", "Hidden"),
            (".kept.jpg", ""),
            (".c/d.jpg", "Hidden"),
            ("@eaDir/e.jpg", "Tool"),
            ("db/f.jpg", "Database"),
            ("raw/g.jpg", "Glob"),
            ("sub/h.tmp.png", "Glob"),
            ("sub/i.jpg", ""),
            ("sub/no.jpg", "IgnoreFile"),
            ("sub/deep/no.jpg", ""),
            ("sub/deep/other.jpg", "IgnoreFile"),
            ("sub/gone/j.jpg", "IgnoreFile"),
            ("x.jpg/k.png", ""),
        ];
        for (name, _) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        fs::write(root.join(IGNORE_FILE), "!.kept.jpg\n").unwrap();
        fs::write(root.join("sub").join(IGNORE_FILE), "no.jpg\ngone/\n").unwrap();
        fs::write(
            root.join("sub/deep").join(IGNORE_FILE),
            "!no.jpg\n*\n!no.jpg\n",
        )
        .unwrap();
        let options = ScanOptions {
            exclude: vec!["raw/".to_owned(), "*.tmp.*".to_owned()],
            foreign: vec![root.join("db")],
        };
        let listed = scan::scan(&root, &root, &options).unwrap().candidates;
        let listed: BTreeSet<PathBuf> = listed.into_iter().map(|one| one.path).collect();
        for (name, expect) in files {
            let path = root.join(name);
            let found = left_out(&root, &path, &options).unwrap();
            let shown = format!("{found:?}");
            assert_eq!(found.is_none(), listed.contains(&path), "{name}: {shown}");
            assert!(shown.contains(expect), "{name}: {shown}, expected {expect}");
        }
        let shown = left_out(&root, &root.join("raw/g.jpg"), &options).unwrap();
        assert_eq!(shown, Some(LeftOut::Glob("raw/".to_owned())));
    }
}
