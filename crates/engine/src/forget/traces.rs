//! The proof: every file of the database, byte by byte, searched for what was forgotten.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::windows::{Kind, LENGTH, Seeker};
use crate::error::{Error, IoContext};

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;
/// Places that are told; one is one too many.
const MOST: usize = 100;

/// Something of a forgotten picture that is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    pub file: PathBuf,
    /// Of its first byte in the file.
    pub offset: u64,
    pub of: Kind,
}

/// What was looked through, and what was found.
#[derive(Clone, Debug, Default)]
pub struct Searched {
    pub n_files: u64,
    pub n_bytes: u64,
    /// The first of them.
    pub traces: Vec<Trace>,
}

/// Looks through all files below a folder. In those that `is_others` names, small pictures of what is kept, the same piece of
/// a small picture is the other picture's own: two pages of one book have the same margins.
pub fn search(
    folder: &Path,
    seeker: &Seeker<'_>,
    is_others: &dyn Fn(&Path) -> bool,
) -> Result<Searched, Error> {
    let mut searched = Searched::default();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).at(&folder)? {
            let entry = entry.at(&folder)?;
            let path = entry.path();
            let kind = entry.file_type().at(&path)?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let found = search_file(&path, seeker, &mut searched)?;
                let is_own =
                    found.iter().any(|trace| trace.of == Kind::Preview) && is_others(&path);
                let left = found.into_iter();
                let left = left.filter(|trace| !(is_own && trace.of == Kind::Preview));
                let room = MOST - searched.traces.len();
                searched.traces.extend(left.take(room));
            }
        }
    }
    Ok(searched)
}

fn search_file(
    path: &Path,
    seeker: &Seeker<'_>,
    searched: &mut Searched,
) -> Result<Vec<Trace>, Error> {
    let mut found = Vec::new();
    let mut file = match File::open(path) {
        // Another process took it away, and with it what was in it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        file => file.at(path)?,
    };
    searched.n_files += 1;
    let mut piece = Vec::with_capacity(PIECE + LENGTH);
    let mut begin = 0u64;
    loop {
        let n = file
            .by_ref()
            .take(PIECE as u64)
            .read_to_end(&mut piece)
            .at(path)?;
        searched.n_bytes += n as u64;
        if n == 0 {
            return Ok(found);
        }
        seeker.seek(&piece, &mut |at, window| {
            if found.len() < MOST {
                found.push(Trace {
                    file: path.to_owned(),
                    offset: begin + at as u64,
                    of: window.kind,
                });
            }
        });
        // A window may begin in this piece and end in the next.
        let passed = piece.len().saturating_sub(LENGTH - 1);
        piece.drain(..passed);
        begin += passed as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::super::windows::Secret;
    use super::*;

    #[test]
    fn a_trace_is_found_in_any_file_and_across_pieces() {
        let secret = Secret::new([3; 32]);
        let text = b"what nobody is to know";
        let windows = secret.windows(Kind::Text, text, 0);
        let seeker = Seeker::new(&secret, windows);
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        let none = |_: &Path| false;
        let search = |folder: &Path| search(folder, &seeker, &none);
        assert_eq!(search(folder.path()).unwrap().traces, []);
        for at in [0, 5, PIECE - 20, PIECE - 10, PIECE, 2 * PIECE - 3] {
            let mut bytes = vec![b'x'; at];
            bytes.extend_from_slice(text);
            bytes.extend_from_slice(&[b'y'; 50]);
            fs::write(deep.join("file"), &bytes).unwrap();
            let searched = search(folder.path()).unwrap();
            assert_eq!(searched.n_bytes, bytes.len() as u64);
            let [trace] = &searched.traces[..] else {
                panic!("{at}: {searched:?}");
            };
            assert_eq!(trace.offset, (at + text.len() - LENGTH) as u64);
        }
    }
}
