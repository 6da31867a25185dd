//! How hard a search has to look: found on the space's own vectors, against
//! exact search, and kept. And what can be said of each space's index.

use std::path::Path;

use fovea_index::{Bitmap, Random, SearchOptions, Work, exact};

use super::asked::Samples;
use super::build;
use super::canary;
use super::fail::{Fail, Try};
use super::indexed::IndexedSpace;
use super::packs::{self, Space};
use super::search::{Cache, Kept, Place, effort_setting};
use super::space_rows::count_rows;
use super::{owners, upkeep};
use crate::indexes::{BuildObserver, IndexInfo, Tuned};

/// Queries that an effort is measured with, and nearest that each should find.
const QUERIES: usize = 500;
const NEAREST: usize = 10;

/// The setting that keeps what was measured.
fn tuned_setting(space: &str) -> String {
    format!("index.tuned.{space}")
}

/// A setting to be kept.
pub(super) type Setting = (String, String);

/// The cheapest effort that finds the target's share, for each space with an index.
pub(super) fn tune(
    place: &Place<'_>,
    cache: &Cache,
    target: f64,
    observer: &dyn BuildObserver,
) -> Try<Vec<Setting>> {
    let mut settings = Vec::new();
    for (name, space) in spaces(place)? {
        let Some(Kept::Indexed(indexed)) = cache.kept(place, &space)? else {
            continue;
        };
        let path = &indexed.file.path;
        let mut queries = Samples::of(path, space.dim, observer.queries(&name)).tune;
        Random::new(1).shuffle(&mut queries);
        queries.truncate(QUERIES);
        if queries.is_empty() {
            let rows = Random::new(1).sample(indexed.file.index.rows() as usize, QUERIES);
            let vectors = indexed.file.vectors();
            queries = rows.iter().map(|&row| vectors.row(row)).collect();
        }
        let share = |done: f32| observer.progress(&name, done);
        let (effort, recall) = cheapest(&indexed, &queries, target, &share)?;
        if indexed.file.is_damaged() {
            cache.pass_over(&indexed.file);
            continue;
        }
        let (n, change) = (queries.len(), indexed.file.change);
        settings.push((effort_setting(&name), effort.to_string()));
        settings.push((
            tuned_setting(&name),
            format!("{effort} {recall} {target} {n} {change}"),
        ));
    }
    Ok(settings)
}

/// By halves over the efforts, which rise in recall.
fn cheapest(
    indexed: &IndexedSpace,
    queries: &[Vec<f32>],
    target: f64,
    progress: &dyn Fn(f32),
) -> Try<(u32, f64)> {
    let index = &indexed.file.index;
    let vectors = indexed.file.vectors();
    let live = indexed.live();
    let words = |error: fovea_index::Error| Fail::Known(error.into());
    let work = Work {
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        ..Work::default()
    };
    let truth = work
        .map(
            queries.len(),
            || (),
            |(), i| exact(&vectors, index.rows(), &queries[i], NEAREST, Some(&live)),
        )
        .map_err(words)?;
    let recall = |effort: u32| -> Try<f64> {
        let options = SearchOptions {
            k: NEAREST,
            effort,
            allowed: Some(&live),
            gathered: None,
        };
        let (mut found, mut expected) = (0, 0);
        for (query, truth) in queries.iter().zip(&truth) {
            let hits = index.search(&vectors, query, &options).map_err(words)?;
            let worst = truth.last().map_or(f32::INFINITY, |last| last.score);
            found += hits
                .iter()
                .filter(|hit| hit.score >= worst)
                .count()
                .min(truth.len());
            expected += truth.len();
        }
        Ok(found as f64 / f64::from(expected.max(1) as u32))
    };
    let efforts = index.efforts();
    let (mut low, mut high) = (0, efforts.len().saturating_sub(1));
    let mut best = (efforts.get(high).copied().unwrap_or(0), 0.0);
    best.1 = recall(best.0)?;
    while low < high {
        let middle = (low + high) / 2;
        let here = recall(efforts[middle])?;
        progress(1.0 - (high - low) as f32 / efforts.len() as f32);
        if here >= target {
            best = (efforts[middle], here);
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(best)
}

/// The spaces of the active pack.
pub(super) fn spaces(place: &Place<'_>) -> Try<Vec<(String, Space)>> {
    let Some(pack) = packs::active(place.connection, place.scope)? else {
        return Ok(Vec::new());
    };
    let of = |name: &str| packs::space(place.connection, place.scope, &pack.fingerprint, name);
    let spaces = pack.spaces.iter();
    spaces
        .map(|record| Ok((record.name.clone(), of(&record.name)?)))
        .collect()
}

/// What there is to say of each space's index.
pub(super) fn infos(place: &Place<'_>) -> Try<Vec<IndexInfo>> {
    let choice = build::choice(place.connection, place.scope)?;
    let mut infos = Vec::new();
    for (name, space) in spaces(place)? {
        let info = match super::search::open_now(place, &space)? {
            Some(indexed) => of_file(place, &name, &indexed)?,
            None => {
                let members = owners::all(place.connection, place.scope)?;
                let n_vectors = count_rows(place.connection, &space, &members)?;
                IndexInfo {
                    space: name,
                    family: "flat".to_owned(),
                    why: choice.why_scan(n_vectors),
                    n_vectors,
                    effort_unit: "exact".to_owned(),
                    ..IndexInfo::default()
                }
            }
        };
        infos.push(info);
    }
    Ok(infos)
}

fn of_file(place: &Place<'_>, name: &str, indexed: &IndexedSpace) -> Try<IndexInfo> {
    let setting = |key: &str| upkeep::setting(place.connection, place.scope, key);
    let (file, index) = (&indexed.file, &indexed.file.index);
    let effort = setting(&effort_setting(name))?.and_then(|effort| effort.parse().ok());
    let tuned = setting(&tuned_setting(name))?.and_then(|text| parse_tuned(&text));
    Ok(IndexInfo {
        space: name.to_owned(),
        family: index.family().name.to_owned(),
        parameters: index.parameters().to_string(),
        why: file.meta.why.clone(),
        n_vectors: indexed.len(),
        n_pending: indexed.pending(),
        memory_bytes: index.memory_bytes(),
        file_bytes: file.bytes,
        build_ms: file.meta.build_ms,
        n_queries: file.meta.n_queries,
        effort: effort.unwrap_or_else(|| index.default_effort()),
        effort_unit: index.family().effort.to_owned(),
        tuned,
        canary: canary::read(Path::new(&file.path)),
    })
}

fn parse_tuned(text: &str) -> Option<Tuned> {
    let mut words = text.split(' ');
    Some(Tuned {
        effort: words.next()?.parse().ok()?,
        recall: words.next()?.parse().ok()?,
        target: words.next()?.parse().ok()?,
        n_queries: words.next()?.parse().ok()?,
        change: words.next()?.parse().ok()?,
    })
}

impl IndexedSpace {
    /// Rows of the file that still count.
    pub(super) fn live(&self) -> Bitmap {
        let rows = self.file.index.rows();
        let all = Bitmap::full(rows).without(self.file.index.removed());
        (0..rows)
            .filter(|row| self.is_gone(*row))
            .fold(all, |mut live, row| {
                live.remove(row);
                live
            })
    }
}
