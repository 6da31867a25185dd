//! After a complete run: items without a file leave, and what nobody uses any more is swept.

use fovea_vectordb::{Batch, ContentHash, Database, Operation};

use super::options::IndexOptions;
use super::plan::{Missing, Plan};
use super::report::{IndexReport, Observer};
use super::setup::{Setup, unencoded};
use crate::Engine;
use crate::error::Error;
use crate::time::now_ns;

/// Removals are committed in batches, so that a hundred thousand of them do not hold one long lock.
const REMOVALS_AT_ONCE: usize = 1_000;

pub fn finish(
    engine: &Engine,
    setup: &Setup,
    plan: &Plan,
    missing: &[Missing],
    options: &IndexOptions,
    report: &mut IndexReport,
) -> Result<(), Error> {
    let database = engine.database();
    for gone in missing.chunks(REMOVALS_AT_ONCE) {
        let batch: Batch = gone
            .iter()
            .map(|missing| Operation::RemoveItem(missing.item))
            .collect();
        database.write(&batch)?;
        report.removed += gone.len() as u64;
    }
    clear_failures(database, plan)?;
    // Others may be about to use what nobody uses at the moment.
    if options.share.is_none() && (report.removed > 0 || report.updated > 0) {
        sweep(engine)?;
    }
    setup.remember(database, options.share)?;
    let at_ns = now_ns();
    for target in &setup.targets.reachable {
        let is_offline = report
            .offline
            .iter()
            .any(|offline| offline.root == target.root);
        if !is_offline && target.scope == target.root {
            database.mark_scanned(target.source, at_ns)?;
        }
    }
    activate_when_complete(engine)
}

/// Brings the index files up to what was written; true when that was cut short, which loses nothing: searches scan
/// what no file covers, and the next run builds.
pub fn index(engine: &Engine, observer: &dyn Observer) -> Result<bool, Error> {
    match engine.build_indexes(observer) {
        Ok(_) => Ok(false),
        Err(_) if observer.is_cancelled() => Ok(true),
        Err(error) => Err(error),
    }
}

/// A second pack takes over when it has seen every item; until then searches stay with the first. One from which the
/// collection was moved away stays away: a run that began before that, or follows a folder, knows nothing of the move.
fn activate_when_complete(engine: &Engine) -> Result<(), Error> {
    let (database, spec) = (engine.database(), engine.encoder().spec());
    let active = database.active_pack()?;
    if active.is_some_and(|active| active.fingerprint == spec.fingerprint) {
        return Ok(());
    }
    let was_left = Engine::previous_pack(database)?.as_ref() == Some(&spec.fingerprint);
    if !was_left && has_seen_all(engine)? {
        database.activate_pack(&spec.fingerprint)?;
    }
    Ok(())
}

/// Whether the pack has the feature of every item.
pub fn has_seen_all(engine: &Engine) -> Result<bool, Error> {
    for source in engine.database().sources()? {
        if !unencoded(engine, source.id)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn clear_failures(database: &dyn Database, plan: &Plan) -> Result<(), Error> {
    if plan.outdated_failures.is_empty() {
        return Ok(());
    }
    let clear = |(source, path): &(_, Vec<u8>)| Operation::ClearFailure {
        source: *source,
        path: path.clone(),
    };
    let batch: Batch = plan.outdated_failures.iter().map(clear).collect();
    database.write(&batch)?;
    Ok(())
}

/// Contents that no item uses leave the database first and the previews after it: a preview too many is harmless.
fn sweep(engine: &Engine) -> Result<(), Error> {
    if engine.database().sweep()? == 0 {
        return Ok(());
    }
    let fingerprint = engine.encoder().spec().fingerprint.clone();
    let is_known = |content: &ContentHash| {
        let known = engine.database().known_contents(&[*content], &fingerprint);
        known.map_or(true, |known| !known.is_empty())
    };
    engine.previews().sweep(&is_known)?;
    Ok(())
}
