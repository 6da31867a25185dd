//! `--link`: copies with the same bytes share them, and stay where they are.
//!
//! The link is made beside the copy and renamed onto it, so that at every moment one of the two is there whole. A reflink where the
//! file system has them: the files stay two, with their own times and owners. A hard link otherwise.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use fovea_vectordb::{Batch, Operation};

use super::files::{Done, Outcome, Untouched, are_equal, are_one_file, is_as_indexed, sync_folder};
use super::{Copy, Group};
use crate::Engine;
use crate::error::Error;
use crate::scan::file_stamp;
use crate::time::now_ns;

impl Engine {
    /// Links the copies of these groups that have the bytes of the best one, or of another copy before them.
    pub fn link_copies(
        &self,
        groups: &[Group],
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<Vec<Outcome>, Error> {
        let mut outcomes = Vec::new();
        for group in groups {
            for copy in &group.copies {
                if is_cancelled() {
                    return Ok(outcomes);
                }
                let done = match link(group, copy) {
                    Ok(done) => done,
                    Err(untouched) => Done::Untouched(untouched),
                };
                if let Done::Linked { .. } = done {
                    self.follow_link(copy)?;
                }
                outcomes.push(Outcome {
                    path: copy.item.absolute(),
                    size: copy.item.size,
                    done,
                });
            }
        }
        Ok(outcomes)
    }

    /// A hard link has the time of the file that it is; without this the next run would read it again.
    fn follow_link(&self, copy: &Copy) -> Result<(), Error> {
        let Ok((size, mtime_ns)) = file_stamp(&copy.item.absolute()) else {
            return Ok(());
        };
        let touch = Operation::Touch {
            item: copy.item.id,
            size,
            mtime_ns,
            checked_ns: now_ns(),
        };
        self.database().write(&Batch::from(vec![touch]))?;
        Ok(())
    }
}

fn link(group: &Group, copy: &Copy) -> Result<Done, Untouched> {
    // The first of the group with these bytes is what the others become.
    let mut items = std::iter::once(&group.best).chain(group.copies.iter().map(|one| &one.item));
    let first = items.find(|item| item.content.hash == copy.item.content.hash);
    let Some(first) = first.filter(|first| first.id != copy.item.id) else {
        return Err(Untouched::OtherBytes);
    };
    let best = is_as_indexed(first).map_err(|why| Untouched::Best(Box::new(why)))?;
    let path = is_as_indexed(&copy.item)?;
    if are_one_file(&best, &path)? {
        return Err(Untouched::Linked);
    }
    if !are_equal(&best, &path)? {
        return Err(Untouched::Changed);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let place = tempfile::Builder::new()
        .prefix(".fovea-link-")
        .tempdir_in(folder)?;
    let beside = place.path().join("link");
    let is_reflink = match reflink(&best, &beside, &path) {
        Ok(()) => true,
        Err(_) => {
            // What a failed attempt left is in the way.
            let _ = fs::remove_file(&beside);
            fs::hard_link(&best, &beside).map_err(no_link)?;
            false
        }
    };
    // Nobody wrote it while it was compared.
    is_as_indexed(&copy.item)?;
    fs::rename(&beside, &path)?;
    sync_folder(folder);
    Ok(Done::Linked { is_reflink })
}

fn no_link(error: io::Error) -> Untouched {
    match error.kind() {
        io::ErrorKind::CrossesDevices | io::ErrorKind::Unsupported => Untouched::NoLinks,
        // Linux says this of file systems without hard links.
        io::ErrorKind::PermissionDenied => Untouched::NoLinks,
        _ => Untouched::from(error),
    }
}

/// A file of its own that shares the bytes of `from`, with the rights and the time of `like`.
#[cfg(target_os = "linux")]
fn reflink(from: &Path, to: &Path, like: &Path) -> io::Result<()> {
    let (source, target) = (File::open(from)?, File::create_new(to)?);
    rustix::fs::ioctl_ficlone(&target, &source)?;
    let metadata = fs::metadata(like)?;
    target.set_permissions(metadata.permissions())?;
    target.set_modified(metadata.modified()?)?;
    target.sync_all()
}

#[cfg(not(target_os = "linux"))]
fn reflink(_from: &Path, _to: &Path, _like: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
