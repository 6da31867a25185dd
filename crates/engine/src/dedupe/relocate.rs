//! `--move DIR`: copies go into a folder, under the paths that they had below their sources, and a list says where each came from.
//!
//! A line of the list is on the disk before its file moves, and a file has its new name, whole, before it loses the old one: whenever
//! the program is killed, each file is in one of the two places, or in both, and the list names both. A second run finishes it.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use fovea_vectordb::{Batch, Item, Operation, SourceKind};

use super::files::{Done, Outcome, Untouched, best_of, hash_of, is_as_indexed, sync_folder};
use super::{Group, listed};
use crate::Engine;
use crate::error::{Error, IoContext};
use crate::paths;

/// The list in the folder.
pub const LIST: &str = "moved.tsv";
const HEADER: &str = "# now\tbefore\tbytes\tBLAKE3 (\\t, \\n, \\r, \\\\ and \\xHH stand for what a line cannot hold)\n";
/// Names that are tried where one is taken.
const NAMES: usize = 10_000;

impl Engine {
    /// Moves the copies of these groups, never the best. `folder` is made where it is not there.
    pub fn move_copies(
        &self,
        groups: &[Group],
        folder: &Path,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<Vec<Outcome>, Error> {
        fs::create_dir_all(folder).at(folder)?;
        let folder = fs::canonicalize(folder).at(folder)?;
        let mut list = List::open(&folder)?;
        let mut outcomes = Vec::new();
        for group in groups {
            for copy in &group.copies {
                if is_cancelled() {
                    return Ok(outcomes);
                }
                let done = match self.relocate(group, &copy.item, &folder, &mut list)? {
                    Ok(path) => Done::Moved(path),
                    Err(untouched) => Done::Untouched(untouched),
                };
                outcomes.push(Outcome {
                    path: copy.item.absolute(),
                    size: copy.item.size,
                    done,
                });
            }
        }
        Ok(outcomes)
    }

    /// The outer error ends the run: without a list nothing moves.
    fn relocate(
        &self,
        group: &Group,
        item: &Item,
        folder: &Path,
        list: &mut List,
    ) -> Result<Result<PathBuf, Untouched>, Error> {
        let checked = best_of(group).and_then(|_| is_as_indexed(item));
        let from = match checked {
            Ok(from) => from,
            Err(untouched) => return Ok(Err(untouched)),
        };
        // By its real place: a file that is moved onto itself would be gone.
        if fs::canonicalize(&from).at(&from)?.starts_with(folder) {
            return Ok(Err(Untouched::Inside));
        }
        let to = match free_place(folder, &from, item, list) {
            Ok(to) => to,
            Err(untouched) => return Ok(Err(untouched)),
        };
        list.add(&to, &from, item)?;
        if let Err(untouched) = move_file(&from, &to, item) {
            return Ok(Err(untouched));
        }
        self.follow_move(item, &to)?;
        Ok(Ok(to))
    }

    /// In the database the item is at its new place where that is indexed, and gone where it is not.
    fn follow_move(&self, item: &Item, to: &Path) -> Result<(), Error> {
        let roots = self.database().sources()?.into_iter();
        let mut roots: Vec<_> = roots.filter(|one| one.kind == SourceKind::Root).collect();
        roots.sort_by_key(|one| std::cmp::Reverse(one.root.as_os_str().len()));
        let home = roots.into_iter().find_map(|one| {
            let below = to.strip_prefix(&one.root).ok()?;
            Some((one.id, paths::to_bytes(below)))
        });
        let operation = match home {
            Some((source, path)) => Operation::MoveItem {
                item: item.id,
                source,
                path,
            },
            None => Operation::RemoveItem(item.id),
        };
        self.database().write(&Batch::from(vec![operation]))?;
        Ok(())
    }
}

/// Where the item goes: its path below its source, numbered where another file lies there. One that lies there with the same bytes,
/// and for which the list says that it came from here, was left by a run that was killed.
fn free_place(folder: &Path, from: &Path, item: &Item, list: &List) -> Result<PathBuf, Untouched> {
    let wanted = folder.join(paths::from_bytes(&item.path));
    let parent = wanted.parent().unwrap_or(folder).to_owned();
    fs::create_dir_all(&parent)?;
    for number in 1..NAMES {
        let place = numbered(&wanted, number);
        match fs::symlink_metadata(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(place),
            Err(error) => return Err(error.into()),
            Ok(there) => {
                let is_ours = list.has(&place, from)
                    && there.is_file()
                    && there.len() == item.size
                    && hash_of(&place)? == item.content.hash;
                if is_ours {
                    return Ok(place);
                }
            }
        }
    }
    Err(Untouched::Failed(format!(
        "{} and all numbered names beside it are taken",
        wanted.display()
    )))
}

/// `owl.jpg`, `owl-2.jpg`, `owl-3.jpg`.
fn numbered(path: &Path, number: usize) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Never over another file: a name that is taken, even since it was chosen, is an error.
fn move_file(from: &Path, to: &Path, item: &Item) -> Result<(), Untouched> {
    if !to.exists() {
        match fs::hard_link(from, to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error.into()),
            // Another file system, or one without hard links.
            Err(_) => copy(from, to, item)?,
        }
    }
    let folder = to.parent().unwrap_or(Path::new("."));
    sync_folder(folder);
    fs::remove_file(from)?;
    Ok(())
}

/// Written beside its place, on the disk, and what was indexed, before it gets its name.
fn copy(from: &Path, to: &Path, item: &Item) -> Result<(), Untouched> {
    let folder = to.parent().unwrap_or(Path::new("."));
    let mut beside = tempfile::Builder::new()
        .prefix(".fovea-move-")
        .tempfile_in(folder)?;
    let mut bytes = Vec::new();
    let mut source = File::open(from)?;
    let metadata = source.metadata()?;
    source.read_to_end(&mut bytes)?;
    if fovea_vectordb::ContentHash::of(&bytes) != item.content.hash {
        return Err(Untouched::Changed);
    }
    beside.write_all(&bytes)?;
    let file = beside.as_file();
    file.set_permissions(metadata.permissions())?;
    file.set_modified(metadata.modified()?)?;
    file.sync_all()?;
    beside.persist_noclobber(to).map_err(|error| error.error)?;
    Ok(())
}

/// What was moved, a line each.
struct List {
    path: PathBuf,
    file: File,
    /// Beginnings of its lines: where a file is, and where it was.
    known: HashSet<String>,
}

impl List {
    fn open(folder: &Path) -> Result<List, Error> {
        let path = folder.join(LIST);
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(&path);
        let mut list = List {
            file: file.at(&path)?,
            path,
            known: HashSet::new(),
        };
        let mut text = Vec::new();
        list.file.read_to_end(&mut text).at(&list.path)?;
        let text = String::from_utf8_lossy(&text);
        if text.is_empty() {
            list.write(HEADER)?;
        } else if !text.ends_with('\n') {
            // A run was killed within a line; what it named had not moved.
            list.write("\n")?;
        }
        for line in text.lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            if let [now, before, _, _] = columns[..] {
                list.known.insert(format!("{now}\t{before}"));
            }
        }
        sync_folder(folder);
        Ok(list)
    }

    fn has(&self, to: &Path, from: &Path) -> bool {
        self.known.contains(&places(to, from))
    }

    /// Once, however often a run is repeated.
    fn add(&mut self, to: &Path, from: &Path, item: &Item) -> Result<(), Error> {
        let places = places(to, from);
        if self.known.contains(&places) {
            return Ok(());
        }
        self.write(&format!("{places}\t{}\t{}\n", item.size, item.content.hash))?;
        self.known.insert(places);
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<(), Error> {
        self.file.write_all(text.as_bytes()).at(&self.path)?;
        self.file.sync_data().at(&self.path)
    }
}

fn places(to: &Path, from: &Path) -> String {
    format!("{}\t{}", listed(to), listed(from))
}
