//! One index in one file: named sections with checksums, mapped when read.
//!
//! A cache and nothing more: whatever is not exactly what was written is an
//! error, and the caller makes the file again. `docs/index-files.md` has the map
//! of its bytes. It knows no tables and no families.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use fovea_index::{Owner, Sections, Shared};
use memmap2::Mmap;

#[cfg(target_endian = "big")]
compile_error!("index files are little endian and are read in place");

const MAGIC: &[u8; 8] = b"FVINDEX\0";
const VERSION: u32 = 3;
/// Magic, version, number of sections, length, change number, checksum, zeros.
const HEADER: usize = 64;
/// Name, offset, length, checksum, when it is checked, zeros.
const ENTRY: usize = 64;
const NAME: usize = 32;
/// Where the header's checksum stands.
const CHECK: Range<usize> = 32..36;
/// Sections begin at cache lines.
const ALIGNMENT: usize = 64;
const MOST_SECTIONS: usize = 64;
/// Bytes that one thread checks at a time.
const PIECE: usize = 8 << 20;

/// A section to be written.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    pub name: &'a str,
    pub bytes: &'a [u8],
    pub checked: Checked,
}

/// When a section is held against its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Before anything of the file is used.
    AtOpening = 0,
    /// By its reader, piece by piece as they are used: most of it never is.
    InUse = 1,
}

/// What opening a file checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// What the file says is to be checked at opening.
    ForUse,
    /// Every section.
    All,
}

impl<'a> Part<'a> {
    pub fn new(name: &'a str, bytes: &'a [u8]) -> Part<'a> {
        Part {
            name,
            bytes,
            checked: Checked::AtOpening,
        }
    }
}

/// Write a file beside its place, bring it to the disk, and put it there: whole or not at all.
pub fn write(path: &Path, change: u64, parts: &[Part<'_>]) -> io::Result<u64> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let scratch = path.with_extension(format!("tmp-{}", std::process::id()));
    let written = write_parts(&scratch, change, parts).and_then(|length| {
        fs::rename(&scratch, path)?;
        // The name is on the disk when the folder is.
        #[cfg(unix)]
        File::open(folder)?.sync_all()?;
        Ok(length)
    });
    if written.is_err() {
        let _ = fs::remove_file(&scratch);
    }
    written
}

fn write_parts(path: &Path, change: u64, parts: &[Part<'_>]) -> io::Result<u64> {
    let mut table = Vec::with_capacity(parts.len() * ENTRY);
    let mut at = (HEADER + parts.len() * ENTRY).next_multiple_of(ALIGNMENT);
    for Part {
        name,
        bytes,
        checked,
    } in parts
    {
        let mut entry = [0u8; ENTRY];
        entry[..name.len()].copy_from_slice(name.as_bytes());
        entry[32..40].copy_from_slice(&(at as u64).to_le_bytes());
        entry[40..48].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        entry[48..52].copy_from_slice(&checksum(bytes).to_le_bytes());
        entry[52..56].copy_from_slice(&(*checked as u32).to_le_bytes());
        table.extend(entry);
        at = (at + bytes.len()).next_multiple_of(ALIGNMENT);
    }
    let mut header = [0u8; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..16].copy_from_slice(&(parts.len() as u32).to_le_bytes());
    header[16..24].copy_from_slice(&(at as u64).to_le_bytes());
    header[24..32].copy_from_slice(&change.to_le_bytes());
    let check = header_check(&header, &table);
    header[CHECK].copy_from_slice(&check.to_le_bytes());

    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(&header)?;
    file.write_all(&table)?;
    let mut written = HEADER + table.len();
    for Part { bytes, .. } in parts {
        pad(&mut file, &mut written)?;
        file.write_all(bytes)?;
        written += bytes.len();
    }
    pad(&mut file, &mut written)?;
    file.into_inner()?.sync_all()?;
    Ok(written as u64)
}

fn pad(file: &mut impl Write, written: &mut usize) -> io::Result<()> {
    let zeros = written.next_multiple_of(ALIGNMENT) - *written;
    file.write_all(&[0u8; ALIGNMENT][..zeros])?;
    *written += zeros;
    Ok(())
}

/// A file that was opened and found to be what was written, as far as was asked.
#[derive(Debug)]
pub struct IndexFile {
    pub change: u64,
    pub sections: Sections,
    pub bytes: u64,
}

/// Map a file and check it; otherwise say what is wrong.
pub fn open(path: &Path, check: Check) -> Result<IndexFile, String> {
    let map = Arc::new(map(path).map_err(|error| error.to_string())?);
    let header: &[u8; HEADER] = map
        .first_chunk()
        .ok_or_else(|| format!("{} bytes are no header", map.len()))?;
    if &header[..8] != MAGIC {
        return Err("it is not an index file".to_owned());
    }
    if u32_at(header, 8) != VERSION {
        let found = u32_at(header, 8);
        return Err(format!("it has version {found}, not {VERSION}"));
    }
    if u64_at(header, 16) != map.len() as u64 {
        return Err(format!(
            "{} of {} bytes are there",
            map.len(),
            u64_at(header, 16)
        ));
    }
    let count = u32_at(header, 12) as usize;
    let table = (count <= MOST_SECTIONS)
        .then(|| map.get(HEADER..HEADER + count * ENTRY))
        .flatten()
        .ok_or_else(|| format!("it names {count} sections"))?;
    if header_check(header, table) != u32_at(header, CHECK.start) {
        return Err("its header does not match its checksum".to_owned());
    }
    let owner: Owner = Arc::new(Whole(Arc::clone(&map)));
    let mut sections = Sections::default();
    for entry in table.as_chunks::<ENTRY>().0 {
        let (name, shared) = section(&owner, &map, entry, check)?;
        sections.insert(&name, shared);
    }
    Ok(IndexFile {
        change: u64_at(header, 24),
        sections,
        bytes: map.len() as u64,
    })
}

fn section(
    owner: &Owner,
    map: &Mmap,
    entry: &[u8; ENTRY],
    check: Check,
) -> Result<(String, Shared), String> {
    let name = entry[..NAME].split(|byte| *byte == 0).next();
    let name = String::from_utf8_lossy(name.unwrap_or_default()).into_owned();
    let start = usize::try_from(u64_at(entry, 32)).unwrap_or(usize::MAX);
    let length = usize::try_from(u64_at(entry, 40)).unwrap_or(usize::MAX);
    let range = start..start.saturating_add(length);
    let bytes = map.get(range.clone());
    let bytes = bytes.ok_or_else(|| format!("section {name} lies outside the file"))?;
    let is_due = check == Check::All || u32_at(entry, 52) != Checked::InUse as u32;
    if is_due && checksum(bytes) != u32_at(entry, 48) {
        return Err(format!("section {name} does not match its checksum"));
    }
    let shared = Shared::new(Arc::clone(owner), range);
    let shared = shared.ok_or_else(|| format!("section {name} lies outside the file"))?;
    Ok((name, shared))
}

/// CRC-32, large runs in pieces on all cores.
fn checksum(bytes: &[u8]) -> u32 {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = bytes.len().div_ceil(cores).max(PIECE);
    let of = |bytes: &[u8]| {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(bytes);
        hasher
    };
    thread::scope(|scope| {
        let (first, rest) = bytes.split_at(share.min(bytes.len()));
        let others: Vec<_> = rest
            .chunks(share)
            .map(|chunk| scope.spawn(move || of(chunk)))
            .collect();
        let mut all = of(first);
        for other in others {
            match other.join() {
                Ok(hasher) => all.combine(&hasher),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all.finalize()
    })
}

fn header_check(header: &[u8; HEADER], table: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..CHECK.start]);
    hasher.update(&header[CHECK.end..]);
    hasher.update(table);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes[at..].first_chunk();
    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes[at..].first_chunk();
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The mapped file as bytes that somebody owns.
struct Whole(Arc<Mmap>);

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[expect(
    unsafe_code,
    reason = "memory maps are unsafe by nature; this is the crate's only one"
)]
fn map(path: &Path) -> io::Result<Mmap> {
    let file = File::open(path)?;
    // SAFETY: index files are never changed in place: they are written beside
    // their place and renamed, so that the mapped one stays as it is. Whoever
    // cuts a file of this folder by hand takes the process with it.
    unsafe { Mmap::map(&file) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep").join("one.fvi");
        write(
            &path,
            7,
            &[
                Part::new("a", &[1, 2, 3]),
                Part::new("empty", &[]),
                Part::new("b", &[9; 100]),
                Part {
                    checked: Checked::InUse,
                    ..Part::new("rows", &[5; 70])
                },
            ],
        )
        .expect("a file");
        (folder, path)
    }

    #[test]
    fn what_was_written_is_read() {
        let (_folder, path) = written();
        let file = open(&path, Check::ForUse).expect("a whole file");
        assert_eq!(file.change, 7);
        assert_eq!(&*file.sections.bytes("a").expect("a"), [1, 2, 3]);
        assert_eq!(&*file.sections.bytes("b").expect("b"), [9; 100]);
        assert!(file.sections.bytes("empty").expect("empty").is_empty());
        assert!(file.sections.bytes("c").is_err());
    }

    #[test]
    fn every_cut_and_every_flip_is_noticed_or_harmless() {
        let (_folder, path) = written();
        let whole = fs::read(&path).expect("its bytes");
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).expect("a cut file");
            assert!(open(&path, Check::ForUse).is_err(), "cut to {length}");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(&path, &bytes).expect("a flipped file");
            // Only the zeros between sections belong to nobody.
            if let Ok(file) = open(&path, Check::All) {
                assert_eq!(whole[at], 0, "byte {at}");
                assert_eq!(&*file.sections.bytes("a").expect("a"), [1, 2, 3]);
                assert_eq!(&*file.sections.bytes("b").expect("b"), [9; 100]);
            }
        }
    }

    #[test]
    fn what_its_reader_checks_is_left_to_it() {
        let (_folder, path) = written();
        let mut bytes = fs::read(&path).expect("its bytes");
        let at = bytes.iter().position(|byte| *byte == 5).expect("rows");
        bytes[at] = 6;
        fs::write(&path, &bytes).expect("a changed file");
        assert!(open(&path, Check::ForUse).is_ok());
        assert!(open(&path, Check::All).is_err());
    }

    #[test]
    fn large_sections_are_checked_in_pieces() {
        let bytes: Vec<u8> = (0..PIECE * 2 + 5).map(|i| (i * 31 % 251) as u8).collect();
        assert_eq!(checksum(&bytes), crc32fast::hash(&bytes));
    }
}
