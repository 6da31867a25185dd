//! Moves a collection to another pack, without reading one original again where what is kept will do.
//!
//! What a pack needs of each image is derived from the kept feature where both packs see alike, else from the preview,
//! else from the original. Searches go on with the old pack meanwhile; the new one takes over in one step when it has
//! everything, and what the old one had stays, so that the way back is one step too. Whatever was done is kept when a
//! migration is cut short, and the next one goes on there.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fovea_decode as decode;
use fovea_vectordb::{
    Batch, ContentHash, Filter, Item, ItemId, Operation, Owner, PackRecord, Part,
};

use crate::Engine;
use crate::error::Error;
use crate::ingest::captions::is_spoken;
use crate::ingest::has_seen_all;
use crate::ingest::process::{min_side, put_feature, put_features};
use crate::ingest::{IndexEvent, IndexOptions, Observer};
use crate::pairs::read_within;
use crate::parts::Regions;
use crate::query::{PlanOptions, Query};
use crate::saved;
use crate::search::SearchOptions;
use crate::space;
use crate::tagging::Tagger;

/// Images that are derived together by each worker, and looked at between two commits.
const AT_ONCE: usize = 256;
/// Features that are committed together: each commit writes the pages of the tables' indexes that it touched, and those
/// are nearly all of them, because pages of features come by hashes.
const COMMITTED: usize = 2_048;
/// Keeps the fingerprint that was active before, for the way back.
const PREVIOUS: &str = "migration.previous";
/// Results of a query that are compared.
const COMPARED: usize = 10;

/// What a migration did.
#[derive(Clone, Debug, Default)]
pub struct Migration {
    pub from: Option<PackRecord>,
    /// Images that the new pack had already.
    pub n_known: u64,
    /// Images derived from the kept feature, the preview, and the original.
    pub n_from_features: u64,
    pub n_from_previews: u64,
    pub n_from_originals: u64,
    /// Images of which nothing was left to derive from: their files are gone or damaged, and `index` finds out.
    pub n_left: u64,
    pub n_captions: u64,
    /// Saved searches, before and after.
    pub comparisons: Vec<Comparison>,
    /// Cut short: the old pack stays, and the next run goes on.
    pub interrupted: bool,
    /// Whether searches are answered by the new pack now.
    pub is_moved: bool,
    pub elapsed: Duration,
}

/// What a saved search finds with each pack.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub name: String,
    pub query: String,
    /// Paths of the best results.
    pub before: Vec<String>,
    pub after: Vec<String>,
}

impl Comparison {
    /// The share of what was found before that is found still; one where nothing was.
    pub fn overlap(&self) -> f64 {
        if self.before.is_empty() {
            return 1.0;
        }
        let kept = self.before.iter().filter(|path| self.after.contains(path));
        kept.count() as f64 / self.before.len() as f64
    }
}

/// What a migration can start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Both packs see alike: kept features serve.
    Features,
    /// They do not: previews and originals are looked at again.
    Pictures,
}

/// Where a collection is moved from.
#[derive(Clone, Copy)]
pub struct From<'a> {
    /// Of the pack that is active.
    pub fingerprint: &'a str,
    /// The collection with that pack, where it is still installed: saved searches are compared with what it finds.
    pub engine: Option<&'a Engine>,
    pub kept: Kept,
    /// Whether both packs make the same vector of a text.
    pub reads_alike: bool,
}

impl Engine {
    /// Moves the collection to this pack. Where pictures are left of which it has nothing to derive from, the old pack stays,
    /// unless they may be `left_behind`: then they are found by nothing but what was written of them.
    pub fn migrate(
        &self,
        from: From<'_>,
        left_behind: bool,
        observer: &dyn Observer,
    ) -> Result<Migration, Error> {
        let started = Instant::now();
        let mut done = self.derived_from(from, observer)?;
        done.is_moved = !done.interrupted && (done.n_left == 0 || left_behind);
        if done.is_moved {
            if let Some(before) = from.engine {
                done.comparisons = before.compare(self)?;
            }
            self.hand_over(from.fingerprint)?;
            observer.on(IndexEvent::Finishing);
            // What is cut short here the next run builds; until then searches scan.
            crate::ingest::index_files(self, observer)?;
        }
        done.elapsed = started.elapsed();
        Ok(done)
    }

    /// Makes what this pack needs of the collection, which stays with its own: then both answer together
    /// ([`Engine::search_with`]).
    pub fn accompany(&self, from: From<'_>, observer: &dyn Observer) -> Result<Migration, Error> {
        let started = Instant::now();
        let mut done = self.derived_from(from, observer)?;
        if !done.interrupted {
            observer.on(IndexEvent::Finishing);
            crate::ingest::index_files(self, observer)?;
        }
        done.elapsed = started.elapsed();
        Ok(done)
    }

    fn derived_from(&self, from: From<'_>, observer: &dyn Observer) -> Result<Migration, Error> {
        let mut done = Migration {
            from: self.database().active_pack()?,
            ..Default::default()
        };
        self.register_pack()?;
        let steps = Steps {
            to: self,
            tagger: Tagger::of(self.database(), self.encoder())?,
            observer,
        };
        steps.derive_all(from, &mut done)?;
        done.interrupted = observer.is_cancelled();
        Ok(done)
    }

    /// The fingerprint of the pack that was active before the last migration.
    pub fn previous_pack(database: &dyn fovea_vectordb::Database) -> Result<Option<String>, Error> {
        Ok(database.setting(PREVIOUS)?)
    }

    /// Whether its pack has the feature of every item.
    pub fn has_seen_all(&self) -> Result<bool, Error> {
        has_seen_all(self)
    }

    /// From here on searches are answered by this pack.
    fn hand_over(&self, from: &str) -> Result<(), Error> {
        let database = self.database();
        database.set_setting(PREVIOUS, Some(from))?;
        Ok(database.activate_pack(&self.encoder().spec().fingerprint)?)
    }

    fn compare(&self, to: &Engine) -> Result<Vec<Comparison>, Error> {
        let all = saved::list(self.database())?.into_iter();
        all.map(|one| {
            Ok(Comparison {
                before: self.paths_of(&one.query)?,
                after: to.paths_of(&one.query)?,
                name: one.name,
                query: one.query,
            })
        })
        .collect()
    }

    /// Paths of the best results; none where the query means nothing any more.
    fn paths_of(&self, query: &str) -> Result<Vec<String>, Error> {
        let options = SearchOptions {
            top_k: COMPARED,
            ..Default::default()
        };
        let Ok(query) = Query::from_syntax(query) else {
            return Ok(Vec::new());
        };
        let Ok(plan) = self.plan(&query, PlanOptions::default()) else {
            return Ok(Vec::new());
        };
        let found = self.carry_out(&plan, &options)?;
        let paths = found.results.iter();
        Ok(paths
            .map(|one| one.item.absolute().to_string_lossy().into_owned())
            .collect())
    }
}

struct Steps<'a> {
    to: &'a Engine,
    tagger: Tagger,
    observer: &'a dyn Observer,
}

/// Turns after which what others add all the time is left to the next `index`.
const TURNS: usize = 5;

impl Steps<'_> {
    /// Derives what is missing, and again what others added meanwhile, until nothing is.
    fn derive_all(&self, from: From<'_>, done: &mut Migration) -> Result<(), Error> {
        for _ in 0..TURNS {
            if from.kept == Kept::Features {
                self.derive_features(from.fingerprint, done)?;
            }
            done.n_left = 0;
            // Asking whether all is seen reads all, so what was found is not asked for again while nobody wrote.
            let at = self.to.database().change()?;
            let was_all_seen = has_seen_all(self.to)?;
            self.derive_pictures(from, was_all_seen, done)?;
            let is_over = self.observer.is_cancelled() || done.n_left > 0;
            let is_as_it_was =
                || Ok::<_, Error>(was_all_seen && self.to.database().change()? == at);
            if is_over || is_as_it_was()? || has_seen_all(self.to)? {
                break;
            }
        }
        Ok(())
    }

    /// Page by page of kept features; the next page is derived while this one is written. The first is a small one, so that
    /// something is kept soon; how large the others are goes by how many parts the images of the last had.
    fn derive_features(&self, from: &str, done: &mut Migration) -> Result<(), Error> {
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel(1);
            scope.spawn(move || self.derive_pages(from, &sender));
            // Where this returns, the receiver is gone and the other thread ends at its next page.
            for page in receiver {
                let page: Derived = page?;
                self.to.database().write(&page.batch)?;
                done.n_known += page.n_known;
                done.n_from_features += page.n_whole;
                self.tell(done);
                if self.observer.is_cancelled() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn derive_pages(&self, from: &str, sender: &mpsc::SyncSender<Result<Derived, Error>>) {
        let (mut after, mut limit) = (None, 2 * AT_ONCE);
        while let Some(page) = self.next_page(from, &mut after, limit).transpose() {
            let has_failed = page.is_err();
            if let Ok(page) = &page {
                let n_features = page.n_features.max(1);
                limit = (COMMITTED * limit / n_features).clamp(1, COMMITTED);
            }
            if sender.send(page).is_err() || has_failed {
                return;
            }
        }
    }

    fn next_page(
        &self,
        from: &str,
        after: &mut Option<ContentHash>,
        limit: usize,
    ) -> Result<Option<Derived>, Error> {
        let page = self.to.database().features(from, *after, limit)?;
        let Some((last, ..)) = page.last() else {
            return Ok(None);
        };
        *after = Some(*last);
        let n_features = page.len();
        let (page, n_known) = self.not_known(page)?;
        let whole = page.iter().filter(|(_, part, _)| *part == Part::WHOLE);
        Ok(Some(Derived {
            n_whole: whole.count() as u64,
            n_known,
            n_features,
            batch: self.derived(page)?,
        }))
    }

    /// Leaves out what an earlier run derived, and counts it.
    fn not_known(&self, page: Vec<Feature>) -> Result<(Vec<Feature>, u64), Error> {
        let hashes: Vec<ContentHash> = page
            .iter()
            .filter(|(_, part, _)| *part == Part::WHOLE)
            .map(|(content, ..)| *content)
            .collect();
        let fingerprint = &self.to.encoder().spec().fingerprint;
        let states = self.to.database().known_contents(&hashes, fingerprint)?;
        let known = states.into_iter().filter(|state| state.has_feature);
        let known: HashSet<ContentHash> = known.map(|state| state.hash).collect();
        let is_new = |(content, ..): &Feature| !known.contains(content);
        let page = page.into_iter().filter(is_new).collect();
        Ok((page, known.len() as u64))
    }

    /// What keeps the new pack's vectors and tags of these features, derived on two threads or more.
    fn derived(&self, page: Vec<Feature>) -> Result<Batch, Error> {
        let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = page.len().div_ceil(n_threads).max(1);
        let mut shares = page.into_iter();
        let parts: Vec<Result<Vec<Operation>, Error>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..n_threads)
                .map(|_| shares.by_ref().take(share).collect::<Vec<Feature>>())
                .map(|features| scope.spawn(|| self.derived_by_one(features)))
                .collect();
            let joined = workers.into_iter().map(|worker| worker.join());
            joined
                .map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let mut batch = Batch::new();
        for part in parts {
            batch.operations.extend(part?);
        }
        Ok(batch)
    }

    fn derived_by_one(&self, mut page: Vec<Feature>) -> Result<Vec<Operation>, Error> {
        let mut operations = Vec::with_capacity(4 * page.len());
        while !page.is_empty() {
            let rest = page.split_off(page.len().min(AT_ONCE));
            self.derive(page, &mut operations)?;
            page = rest;
        }
        Ok(operations)
    }

    fn derive(&self, some: Vec<Feature>, operations: &mut Vec<Operation>) -> Result<(), Error> {
        let encoder = self.to.encoder();
        let features = some.iter().map(|(_, _, feature)| feature.as_slice());
        let features: Vec<&[f32]> = features.collect();
        let (vectors, tags) = encoder.vectors_and_tags(&features)?;
        let mut whole = Vec::with_capacity(some.len());
        let mut of_whole = Vec::with_capacity(some.len());
        for (((content, part, feature), vector), tags) in some.iter().zip(&vectors).zip(tags) {
            if *part == Part::WHOLE {
                whole.push((*content, &feature[..], &vector[..]));
                of_whole.push(tags);
            }
        }
        operations.extend(self.tagger.operations(encoder, &whole, of_whole));
        for ((content, part, feature), vector) in some.into_iter().zip(vectors) {
            put_feature(encoder, content, part, (feature, vector), operations);
        }
        Ok(())
    }

    /// Images that the new pack has not seen yet, from their pictures; and captions, which every pack reads anew.
    fn derive_pictures(
        &self,
        from: From<'_>,
        is_all_seen: bool,
        done: &mut Migration,
    ) -> Result<(), Error> {
        let database = self.to.database();
        let mut phrases = HashSet::new();
        let mut after: Option<ItemId> = None;
        // Where all is seen, captions are left, and most items have none.
        let filter = match is_all_seen {
            true => Filter::HasCaption,
            false => Filter::All,
        };
        loop {
            let ids = database.scan(&filter, after, AT_ONCE)?;
            let Some(last) = ids.last() else {
                return Ok(());
            };
            after = Some(*last);
            let items = database.items(&ids)?;
            let mut batch = self.captions(from, &items, &mut phrases)?;
            done.n_captions += batch.len() as u64;
            for item in self.unseen(&items)? {
                self.look_again(item, &mut batch, done)?;
            }
            database.write(&batch)?;
            self.tell(done);
            if self.observer.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// Vectors of the captions: as the old pack has them where both read alike, for reading is what takes time.
    fn captions(
        &self,
        from: From<'_>,
        items: &[Item],
        phrases: &mut HashSet<String>,
    ) -> Result<Batch, Error> {
        let spec = self.to.encoder().spec();
        let mut read = self.read_before(from, items)?;
        let mut batch = Batch::new();
        for caption in items.iter().flat_map(|item| &item.captions) {
            let is_known = !is_spoken(caption.lang.as_deref(), &spec.languages)
                || !phrases.insert(caption.text.clone());
            if is_known {
                continue;
            }
            batch.push(Operation::PutVector {
                owner: Owner::Phrase(caption.text.clone()),
                pack: spec.fingerprint.clone(),
                space: space::CAPTION.to_owned(),
                part: Part::WHOLE,
                vector: match read.remove(&caption.text) {
                    Some(vector) => vector,
                    None => self.to.encoder().text_vector(&caption.text)?,
                },
            });
        }
        Ok(batch)
    }

    fn read_before(
        &self,
        from: From<'_>,
        items: &[Item],
    ) -> Result<HashMap<String, Vec<f32>>, Error> {
        let ids = items.iter().filter(|item| !item.captions.is_empty());
        let ids: Vec<ItemId> = ids.map(|item| item.id).collect();
        if !from.reads_alike || ids.is_empty() {
            return Ok(HashMap::new());
        }
        let database = self.to.database();
        let vectors = database
            .vectors(from.fingerprint, space::CAPTION, &ids)?
            .into_iter();
        Ok(vectors
            .filter_map(|one| Some((one.caption?, one.vector)))
            .collect())
    }

    /// One item for each content without a feature of the new pack.
    fn unseen<'a>(&self, items: &'a [Item]) -> Result<Vec<&'a Item>, Error> {
        let hashes: Vec<ContentHash> = items.iter().map(|item| item.content.hash).collect();
        let fingerprint = &self.to.encoder().spec().fingerprint;
        let states = self.to.database().known_contents(&hashes, fingerprint)?;
        let seen = states.into_iter().filter(|state| state.has_feature);
        let mut seen: HashSet<ContentHash> = seen.map(|state| state.hash).collect();
        Ok(items
            .iter()
            .filter(|item| seen.insert(item.content.hash))
            .collect())
    }

    /// A preview shows all that the network sees of a whole picture; parts need the original.
    fn look_again(
        &self,
        item: &Item,
        batch: &mut Batch,
        done: &mut Migration,
    ) -> Result<(), Error> {
        let regions = Regions::of(self.to.database())?;
        let of_preview = || self.to.previews().read(&item.content.hash).ok();
        let of_original = || {
            let most = IndexOptions::default().max_file_bytes;
            let read = read_within(&item.absolute(), most).ok();
            let bytes = read.or_else(|| self.to.uploads().fetch(item).ok().flatten())?;
            (ContentHash::of(&bytes) == item.content.hash).then_some(bytes)
        };
        let (bytes, counter) = match (regions, of_preview()) {
            (Regions::None, Some(bytes)) => (Some(bytes), &mut done.n_from_previews),
            (_, preview) => match of_original() {
                Some(bytes) => (Some(bytes), &mut done.n_from_originals),
                None => (preview, &mut done.n_from_previews),
            },
        };
        let options = decode::Options {
            min_side: Some(min_side(self.to.encoder(), regions)),
            ..Default::default()
        };
        let Some(Ok(image)) = bytes.map(|bytes| decode::decode(&bytes, &options)) else {
            done.n_left += 1;
            return Ok(());
        };
        *counter += 1;
        let content = item.content.hash;
        put_features(
            self.to.encoder(),
            regions,
            &self.tagger,
            content,
            &image,
            &mut batch.operations,
        )
    }

    fn tell(&self, done: &Migration) {
        let n_done =
            done.n_known + done.n_from_features + done.n_from_previews + done.n_from_originals;
        self.observer.on(IndexEvent::Kept { n_done });
    }
}

/// A page of kept features, as the new pack has it.
struct Derived {
    batch: Batch,
    n_whole: u64,
    n_known: u64,
    /// Those of all parts, known or not.
    n_features: usize,
}

/// A kept feature of a part of a content.
type Feature = (ContentHash, Part, Vec<f32>);
