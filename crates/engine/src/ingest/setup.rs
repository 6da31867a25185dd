//! Before a run: which sources, which captions, which globs, and which contents the pack has not seen.

use std::collections::HashSet;
use std::path::PathBuf;

use fovea_vectordb::{ContentHash, ContentState, Database, Operation, SourceId};

use super::captions::CaptionSource;
use super::options::{CaptionChoice, IndexOptions, TagChoice};
use super::plan::{Plan, PlanContext};
use super::report::{IndexEvent, IndexReport, Observer, Offline};
use super::share::Share;
use super::target::{self, Target, Targets};
use crate::Engine;
use crate::error::Error;
use crate::parts::Regions;
use crate::scan::{self, ScanOptions};
use crate::tagging::{TagList, Tagger};

/// How many hashes are asked about in one query.
const HASHES_AT_ONCE: usize = 10_000;
/// Images whose parts are removed in one commit.
const REMOVALS_AT_ONCE: usize = 500;
/// A source of which some images may have parts and others not.
const PARTLY: &str = "partly";

pub struct Setup {
    pub targets: Targets,
    pub choice: CaptionChoice,
    pub captions: CaptionSource,
    pub regions: Regions,
    pub tagger: Tagger,
    /// For each reachable target: the globs, and whether the caption choice is another than last time.
    per_target: Vec<PerTarget>,
}

struct PerTarget {
    exclude: Vec<String>,
    captions_changed: bool,
}

impl Setup {
    pub fn prepare(
        engine: &Engine,
        paths: &[PathBuf],
        options: &IndexOptions,
    ) -> Result<Self, Error> {
        scan::check_globs(options.exclude.as_deref().unwrap_or_default())?;
        engine.register_pack()?;
        let targets = target::resolve(engine.database(), paths)?;
        let choice = caption_choice(engine.database(), &targets, options)?;
        let captions = CaptionSource::open(&choice)?;
        let regions = regions(engine.database(), &targets, options)?;
        let tagger = tagger(engine, options)?;
        let mut per_target = Vec::new();
        for target in &targets.reachable {
            per_target.push(PerTarget::of(engine.database(), target, &choice, options)?);
        }
        Ok(Self {
            targets,
            choice,
            captions,
            regions,
            tagger,
            per_target,
        })
    }

    /// Scans every target and compares it with the database.
    pub fn plan(
        &self,
        engine: &Engine,
        options: &IndexOptions,
        observer: &dyn Observer,
        report: &mut IndexReport,
    ) -> Result<Plan, Error> {
        let mut plan = Plan::default();
        for (number, target) in self.targets.reachable.iter().enumerate() {
            observer.on(IndexEvent::Scanning {
                root: target.scope.clone(),
            });
            let per_target = &self.per_target[number];
            let scan_options = ScanOptions {
                exclude: per_target.exclude.clone(),
                foreign: foreign_folders(engine, target)?,
            };
            let found = scan::scan(&target.root, &target.scope, &scan_options)?;
            if found.candidates.is_empty()
                && !options.prune_empty
                && looks_unplugged(engine, target, report)?
            {
                continue;
            }
            let mut incomplete = unencoded(engine, target.source)?;
            incomplete.extend(self.without_parts(engine, target.source, options)?);
            let context = PlanContext {
                database: engine.database(),
                captions: &self.captions,
                captions_changed: per_target.captions_changed,
                retry: options.retry,
                share: options.share,
                incomplete: &incomplete,
            };
            plan.add(number, target, found, &context)?;
        }
        Ok(plan)
    }

    /// Keeps the choices, so that the next run without flags does the same. Only a whole source counts; a share of one
    /// keeps them where there were none, because the other shares have yet to see that they changed.
    pub fn remember(&self, database: &dyn Database, share: Option<Share>) -> Result<(), Error> {
        for (target, per_target) in self.targets.reachable.iter().zip(&self.per_target) {
            if target.scope != target.root {
                continue;
            }
            let is_first = database.setting(&captions_key(target.source))?.is_none();
            if share.is_some() && !is_first {
                continue;
            }
            database.set_setting(
                &captions_key(target.source),
                Some(&self.choice.to_setting()),
            )?;
            database.set_setting(
                &exclude_key(target.source),
                Some(&per_target.exclude.join("\n")),
            )?;
            if self.regions != Regions::None && share.is_none() {
                let version = self.regions.version();
                database.set_setting(&regions_key(target.source), Some(&version))?;
            }
        }
        Ok(())
    }

    /// Contents of a source that have not the parts that they should have. A source of which the last whole run kept all
    /// is only looked through when parts are asked for by name.
    fn without_parts(
        &self,
        engine: &Engine,
        source: SourceId,
        options: &IndexOptions,
    ) -> Result<HashSet<ContentHash>, Error> {
        let database = engine.database();
        let kept = database.setting(&regions_key(source))?;
        let is_known = kept.is_some_and(|kept| kept == self.regions.version());
        if self.regions == Regions::None || (is_known && options.regions.is_none()) {
            return Ok(HashSet::new());
        }
        let states = content_states(engine, source)?;
        let lacking = states.iter().filter(|state| !self.regions.are_kept(state));
        Ok(lacking.map(|state| state.hash).collect())
    }
}

impl PerTarget {
    fn of(
        database: &dyn Database,
        target: &Target,
        choice: &CaptionChoice,
        options: &IndexOptions,
    ) -> Result<Self, Error> {
        let before = database.setting(&captions_key(target.source))?;
        let captions_changed = before.is_some_and(|before| before != choice.to_setting());
        let exclude = match &options.exclude {
            Some(exclude) => exclude.clone(),
            None => kept_globs(database, target.source)?,
        };
        Ok(Self {
            exclude,
            captions_changed,
        })
    }
}

/// The globs that a source was last indexed with.
pub(crate) fn kept_globs(database: &dyn Database, source: SourceId) -> Result<Vec<String>, Error> {
    let kept = database.setting(&exclude_key(source))?.unwrap_or_default();
    Ok(kept.lines().map(str::to_owned).collect())
}

/// The flag, or what the first source was last indexed with, or sidecars.
fn caption_choice(
    database: &dyn Database,
    targets: &Targets,
    options: &IndexOptions,
) -> Result<CaptionChoice, Error> {
    if let Some(choice) = &options.captions {
        return Ok(choice.clone());
    }
    let Some(first) = targets.reachable.first() else {
        return Ok(CaptionChoice::Sidecar);
    };
    let kept = database.setting(&captions_key(first.source))?;
    Ok(kept.map_or(CaptionChoice::Sidecar, |kept| {
        CaptionChoice::from_setting(&kept)
    }))
}

/// With the list of the options, which is kept before anything is done: a run that is stopped goes on with it.
fn tagger(engine: &Engine, options: &IndexOptions) -> Result<Tagger, Error> {
    match &options.tags {
        None => {}
        Some(TagChoice::None) => TagList::forget(engine.database())?,
        Some(TagChoice::List(list)) => list.keep(engine.database())?,
    }
    let tagger = Tagger::of(engine.database(), engine.encoder())?;
    tagger.begin(engine)?;
    Ok(tagger)
}

fn foreign_folders(engine: &Engine, target: &Target) -> Result<Vec<PathBuf>, Error> {
    let mut foreign = target::nested_roots(engine.database(), target)?;
    foreign.extend(engine.own_folder().map(PathBuf::from));
    Ok(foreign)
}

/// A whole source that had items and shows no file at all is more likely an unplugged drive than a tidy-up.
fn looks_unplugged(
    engine: &Engine,
    target: &Target,
    report: &mut IndexReport,
) -> Result<bool, Error> {
    let n_items = engine.database().file_states(target.source)?.len() as u64;
    if target.scope != target.root || n_items == 0 {
        return Ok(false);
    }
    engine.database().set_online(target.source, false)?;
    report.offline.push(Offline {
        root: target.root.clone(),
        reason: "it is there but holds no image at all, as a drive does that is not plugged in; if the pictures \
                 are really gone, run again with --prune-empty"
            .to_owned(),
        n_items,
    });
    Ok(true)
}

/// Contents of a source that the pack in use has not encoded: all of them after a change of the pack.
pub fn unencoded(engine: &Engine, source: SourceId) -> Result<HashSet<ContentHash>, Error> {
    let database = engine.database();
    if database.packs()?.len() < 2 {
        return Ok(HashSet::new());
    }
    let states = content_states(engine, source)?;
    let unencoded = states.iter().filter(|state| !state.has_feature);
    Ok(unencoded.map(|state| state.hash).collect())
}

/// What is there of each content of a source.
fn content_states(engine: &Engine, source: SourceId) -> Result<Vec<ContentState>, Error> {
    let database = engine.database();
    let files = database.file_states(source)?.into_iter();
    let contents: HashSet<ContentHash> = files.map(|state| state.content).collect();
    let contents: Vec<ContentHash> = contents.into_iter().collect();
    let mut states = Vec::with_capacity(contents.len());
    for hashes in contents.chunks(HASHES_AT_ONCE) {
        states.extend(database.known_contents(hashes, &engine.encoder().spec().fingerprint)?);
    }
    Ok(states)
}

/// The choice of parts, kept before anything is done: a run that is stopped goes on with it. A source that is begun is
/// marked, so that what it has can be removed again however far it came.
fn regions(
    database: &dyn Database,
    targets: &Targets,
    options: &IndexOptions,
) -> Result<Regions, Error> {
    let choice = match options.regions {
        Some(choice) => choice,
        None => Regions::of(database)?,
    };
    choice.remember(database)?;
    if choice == Regions::None {
        return Ok(choice);
    }
    for target in &targets.reachable {
        let key = regions_key(target.source);
        if database
            .setting(&key)?
            .is_none_or(|kept| kept != choice.version())
        {
            database.set_setting(&key, Some(PARTLY))?;
        }
    }
    Ok(choice)
}

/// Removes the parts of all images where the collection keeps none; answers of how many.
pub fn remove_parts(engine: &Engine, observer: &dyn Observer) -> Result<u64, Error> {
    let database = engine.database();
    let mut n_images = 0;
    for source in database.sources()? {
        let key = regions_key(source.id);
        if database.setting(&key)?.is_none() {
            continue;
        }
        let states = content_states(engine, source.id)?;
        let with_parts: Vec<&ContentState> =
            states.iter().filter(|state| state.n_parts > 0).collect();
        for states in with_parts.chunks(REMOVALS_AT_ONCE) {
            if observer.is_cancelled() {
                return Ok(n_images);
            }
            let remove = |state: &&ContentState| Operation::RemoveParts {
                content: state.hash,
            };
            database.write(&states.iter().map(remove).collect())?;
            n_images += states.len() as u64;
        }
        database.set_setting(&key, None)?;
    }
    Ok(n_images)
}

fn captions_key(source: SourceId) -> String {
    format!("source.{source}.captions")
}

/// Which parts the contents of a source have; there from the moment on when the first may have some.
fn regions_key(source: SourceId) -> String {
    format!("source.{source}.regions")
}

fn exclude_key(source: SourceId) -> String {
    format!("source.{source}.exclude")
}
