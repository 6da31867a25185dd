//! Forgetting pictures for good: what was kept of them goes, to the last byte, and it is proved that it went.
//!
//! In order: what is known of a picture is noted (`register`, as `windows` that do not tell it), the item goes with all that
//! hangs on it, the files are written anew, and every byte of them is searched for what was noted (`traces`). The note stays,
//! so that the picture is passed over when its folder is indexed again and the proof can be repeated. A process that is killed
//! on the way leaves the note: `fovea check --forgotten` then finds what is left, and removes it with `--repair`.

mod register;
mod traces;
mod windows;

use std::path::Path;

use fovea_vectordb::{Batch, ContentHash, Database, Item, ItemId, Operation, SpaceSource, Value};
use half::f16;
use std::collections::HashSet;

use self::register::Record;
pub(crate) use self::register::Register;
pub use self::traces::{Searched, Trace};
pub use self::windows::Kind;
use self::windows::{Seeker, Window};
use crate::error::Error;
use crate::ingest::Silent;
use crate::{Engine, concepts, events, saved};

/// Bytes of the header of a scan with three components, its marker included.
const SCAN_HEADER: usize = 14;

/// What went.
#[derive(Clone, Debug, Default)]
pub struct Forgotten {
    pub n_items: u64,
    /// Files that no other item has; vectors and small picture of the others stay.
    pub n_contents: u64,
    pub n_captions: u64,
    pub n_examples: u64,
    pub n_events: u64,
    /// Uploaded files, which are gone; other files stay where they are.
    pub n_uploads: u64,
    /// Saved searches that ask for what is like one of the pictures; they find nothing any more.
    pub saved: Vec<String>,
    /// What was searched afterwards, and what was found.
    pub searched: Searched,
}

impl Engine {
    /// Forgets items, which cannot be taken back.
    pub fn forget(&self, ids: &[ItemId]) -> Result<Forgotten, Error> {
        let database = self.database();
        let items = database.items(ids)?;
        let register = Register::open(database)?;
        let mut records = Vec::new();
        for item in &items {
            let record = register.record(item, self.windows_of(item, &register)?);
            record.keep(database)?;
            records.push(record);
        }
        let mut forgotten = Forgotten {
            n_items: items.len() as u64,
            n_captions: items.iter().map(|item| item.captions.len() as u64).sum(),
            saved: naming(database, &items)?,
            ..Forgotten::default()
        };
        self.remove(&items, &mut forgotten)?;
        database.sweep()?;
        for (item, record) in items.iter().zip(&mut records) {
            match is_kept(database, &item.content.hash)? {
                // Another item has the same file, and may go on having it.
                true => record.content = None,
                false => forgotten.n_contents += 1,
            }
            record.keep(database)?;
        }
        self.finish_forgetting(&mut records)?;
        forgotten.searched = self.search_for_forgotten()?;
        Ok(forgotten)
    }

    /// Looks for anything of what was ever forgotten; first removes it where that is asked for.
    pub fn check_forgotten(&self, repair: bool) -> Result<(u64, Searched), Error> {
        let database = self.database();
        let Some(register) = Register::of(database)? else {
            return Ok((0, Searched::default()));
        };
        let mut records = register.records;
        if repair {
            database.sweep()?;
            self.finish_forgetting(&mut records)?;
        }
        Ok((records.len() as u64, self.search_for_forgotten()?))
    }

    /// Everything of an item that could be found again.
    fn windows_of(&self, item: &Item, register: &Register) -> Result<Vec<Window>, Error> {
        let secret = &register.secret;
        let mut windows = secret.windows(Kind::Hash, &item.content.hash.0, 0);
        let mut add = |kind, bytes: &[u8], from| windows.extend(secret.windows(kind, bytes, from));
        add(Kind::Hash, item.content.hash.to_string().as_bytes(), 0);
        add(Kind::Text, &item.path, 0);
        for caption in &item.captions {
            add(Kind::Text, caption.text.as_bytes(), 0);
        }
        for value in item.metadata.values().flatten() {
            if let Value::Text(text) = value {
                add(Kind::Text, text.as_bytes(), 0);
            }
        }
        for pack in self.database().packs()? {
            let features = self
                .database()
                .feature(&pack.fingerprint, item.content.hash)?;
            for (_, feature) in features {
                add(Kind::Numbers, &as_kept(&feature), 0);
            }
            let spaces = pack.spaces.iter();
            for space in spaces.filter(|space| space.source == SpaceSource::Stored) {
                let vectors =
                    self.database()
                        .vectors(&pack.fingerprint, &space.name, &[item.id])?;
                for one in vectors {
                    add(Kind::Numbers, &as_kept(&one.vector), 0);
                }
            }
        }
        if let Ok(jpeg) = self.previews().read(&item.content.hash) {
            add(Kind::Preview, &jpeg, picture_in(&jpeg));
        }
        Ok(windows)
    }

    /// Takes the items out, with what people taught and did with them.
    fn remove(&self, items: &[Item], forgotten: &mut Forgotten) -> Result<(), Error> {
        let database = self.database();
        let ids: HashSet<ItemId> = items.iter().map(|item| item.id).collect();
        forgotten.n_events = events::forget(database, &ids)?;
        forgotten.n_examples = concepts::forget(database, items)?;
        for item in items {
            forgotten.n_uploads += u64::from(self.uploads().remove(item)?);
        }
        let removals = items.iter().map(|item| Operation::RemoveItem(item.id));
        let batch: Batch = removals.collect();
        database.write(&batch)?;
        Ok(())
    }

    /// Leaves nothing of what was removed: previews, free pages, logs and index files.
    fn finish_forgetting(&self, records: &mut [Record]) -> Result<(), Error> {
        let database = self.database();
        if let Some(register) = Register::of(database)? {
            let goes = |content: &ContentHash| {
                register.has_content(content) && !is_kept(database, content).unwrap_or(true)
            };
            self.previews().remove(&goes)?;
        }
        database.scrub()?;
        self.build_indexes(&Silent)?;
        self.leave_to_others(records)
    }

    /// Takes out of the notes what is still rightly kept, because it is another item's too: a folder, a caption, and all that
    /// is derived where two files show the same pixels.
    fn leave_to_others(&self, records: &mut [Record]) -> Result<(), Error> {
        let database = self.database();
        let register = Register::open(database)?;
        let windows = records.iter().flat_map(|record| &record.windows);
        let seeker = Seeker::new(&register.secret, windows.copied());
        let mut shared: HashSet<Window> = HashSet::default();
        database.each_value(&mut |bytes| {
            seeker.seek(bytes, &mut |_, window| {
                shared.insert(window);
            });
        })?;
        if shared.is_empty() {
            return Ok(());
        }
        for record in records {
            let is_twin = |window: &Window| window.kind == Kind::Numbers && shared.contains(window);
            let has_twin = record.windows.iter().any(is_twin);
            record.windows.retain(|window| {
                let is_derived = matches!(window.kind, Kind::Numbers | Kind::Preview);
                !(shared.contains(window) || has_twin && is_derived)
            });
            record.keep(database)?;
        }
        Ok(())
    }

    fn search_for_forgotten(&self) -> Result<Searched, Error> {
        let (Some(register), Some(folder)) = (Register::of(self.database())?, self.own_folder())
        else {
            return Ok(Searched::default());
        };
        let windows = register.records.iter().flat_map(|record| &record.windows);
        let seeker = Seeker::new(&register.secret, windows.copied());
        let is_others = |path: &Path| {
            let name = path.file_stem().and_then(|stem| stem.to_str());
            let content = name.and_then(|name| name.parse::<ContentHash>().ok());
            content.is_some_and(|content| is_kept(self.database(), &content).unwrap_or(false))
        };
        traces::search(folder, &seeker, &is_others)
    }
}

/// Numbers as they lie in the database.
fn as_kept(numbers: &[f32]) -> Vec<u8> {
    let halves = numbers.iter().map(|x| f16::from_f32(*x).to_le_bytes());
    halves.flatten().collect()
}

/// Where the picture itself begins in a JPEG: the tables in front of it are the same in all. The last marker of a scan is one,
/// because within a scan no byte 0xff stands before such a byte (ISO/IEC 10918-1, B.1.1.5).
fn picture_in(jpeg: &[u8]) -> usize {
    let marker = jpeg.windows(2).rposition(|pair| pair == [0xff, 0xda]);
    marker.map_or(jpeg.len(), |at| at + SCAN_HEADER)
}

/// Whether any item of any collection still has a content.
fn is_kept(database: &dyn Database, content: &ContentHash) -> Result<bool, Error> {
    let Some(pack) = database.active_pack()? else {
        return Ok(false);
    };
    let known = database.known_contents(&[*content], &pack.fingerprint)?;
    Ok(!known.is_empty())
}

/// Saved searches that name one of the items.
fn naming(database: &dyn Database, items: &[Item]) -> Result<Vec<String>, Error> {
    let names: Vec<String> = items.iter().map(|item| format!("#{}", item.id)).collect();
    let all = saved::list(database)?.into_iter();
    let naming = all.filter(|saved| names.iter().any(|name| saved.query.contains(name)));
    Ok(naming.map(|saved| saved.name).collect())
}
