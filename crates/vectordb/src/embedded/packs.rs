//! Packs and their spaces: which vectors may be compared with which.

use fovea_index::Metric;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Scope;
use super::fail::{Fail, Try};
use super::write::{ANOTHER_PACK, Deleted};
use crate::error::Error;
use crate::ids::Change;
use crate::records::{PackRecord, Precision, SpaceRecord, SpaceSource};

/// A space as the tables name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Space {
    pub(super) id: i64,
    pub(super) pack: i64,
    pub(super) dim: usize,
    pub(super) source: SpaceSource,
    pub(super) metric: Metric,
    pub(super) precision: Precision,
}

impl Space {
    /// Whether vectors and queries are at unit length.
    pub(super) fn is_unit(&self) -> bool {
        self.metric == Metric::Cosine
    }
}

/// Make the pack known to the collection; the first one becomes active.
pub(super) fn register(connection: &Connection, scope: &Scope, pack: &PackRecord) -> Try<()> {
    validate(pack)?;
    let id = match load(connection, &pack.fingerprint)? {
        Some((id, known)) => {
            same_dimensions(&known, pack)?;
            id
        }
        None => insert(connection, pack)?,
    };
    connection
        .prepare_cached("INSERT OR IGNORE INTO collection_pack (collection, pack) VALUES (?, ?)")?
        .execute([scope.collection, id])?;
    connection
        .prepare_cached(
            "UPDATE collection SET active_pack = ? WHERE id = ? AND active_pack IS NULL",
        )?
        .execute([id, scope.collection])?;
    Ok(())
}

pub(super) fn validate(pack: &PackRecord) -> Try<()> {
    let refuse = |reason: String| {
        let what = format!("pack {:?}", pack.name);
        Err(Fail::Known(Error::Invalid { what, reason }))
    };
    if pack.fingerprint.is_empty() {
        return refuse("it needs a fingerprint".to_owned());
    }
    for (i, space) in pack.spaces.iter().enumerate() {
        if space.dim == 0
            || pack.spaces[..i]
                .iter()
                .any(|other| other.name == space.name)
        {
            return refuse(format!("space {:?} is empty or there twice", space.name));
        }
        if space.source == SpaceSource::FromFeature && space.dim != pack.feature_dim {
            return refuse(format!(
                "space {:?} is not as long as the features",
                space.name
            ));
        }
        let of_features = space.source == SpaceSource::FromFeature;
        if space.metric != Metric::Cosine && (of_features || space.precision == Precision::Half) {
            return refuse(format!(
                "space {:?} goes by {}, which takes vectors of their own and 32-bit numbers",
                space.name, space.metric
            ));
        }
    }
    Ok(())
}

pub(super) fn same_dimensions(known: &PackRecord, pack: &PackRecord) -> Try<()> {
    if known.feature_dim == pack.feature_dim && known.spaces == pack.spaces {
        return Ok(());
    }
    Err(Fail::Known(Error::Invalid {
        what: format!("pack {:?}", pack.name),
        reason: format!("fingerprint {} is kept with other spaces", pack.fingerprint),
    }))
}

fn insert(connection: &Connection, pack: &PackRecord) -> Try<i64> {
    connection.execute(
        "INSERT INTO pack (name, fingerprint, feature_dim) VALUES (?, ?, ?)",
        params![pack.name, pack.fingerprint, pack.feature_dim as i64],
    )?;
    let id = connection.last_insert_rowid();
    for space in &pack.spaces {
        connection.execute(
            "INSERT INTO space (pack, name, dim, from_feature, metric, bits)
             VALUES (?, ?, ?, ?, ?, ?)",
            params![
                id,
                space.name,
                space.dim as i64,
                space.source == SpaceSource::FromFeature,
                space.metric.name(),
                bits(space.precision),
            ],
        )?;
    }
    Ok(id)
}

/// The pack of this fingerprint, whichever collection has it.
fn load(connection: &Connection, fingerprint: &str) -> Try<Option<(i64, PackRecord)>> {
    let row = connection
        .prepare_cached("SELECT id, name, feature_dim FROM pack WHERE fingerprint = ?")?
        .query_row([fingerprint], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((id, name, feature_dim)) = row else {
        return Ok(None);
    };
    let fingerprint = fingerprint.to_owned();
    let spaces = spaces(connection, id)?;
    let spaces = spaces.into_iter().map(|(_, record)| record).collect();
    Ok(Some((
        id,
        PackRecord {
            name,
            fingerprint,
            feature_dim: dim(feature_dim)?,
            spaces,
        },
    )))
}

fn dim(number: i64) -> Try<usize> {
    usize::try_from(number).map_err(|_| Fail::Damaged(format!("a space has {number} dimensions")))
}

fn source_of(from_feature: bool) -> SpaceSource {
    if from_feature {
        SpaceSource::FromFeature
    } else {
        SpaceSource::Stored
    }
}

fn bits(precision: Precision) -> i64 {
    match precision {
        Precision::Half => 16,
        Precision::Single => 32,
    }
}

fn precision_of(bits: i64) -> Try<Precision> {
    match bits {
        16 => Ok(Precision::Half),
        32 => Ok(Precision::Single),
        other => Err(Fail::Damaged(format!("a space keeps {other} bits"))),
    }
}

fn metric_of(name: &str) -> Try<Metric> {
    let known = name.parse();
    known.map_err(|_| Fail::Damaged(format!("a space goes by {name:?}")))
}

/// A space's record and its id. Columns: [`SPACE`].
fn space_record(row: &Row<'_>) -> Try<(i64, SpaceRecord)> {
    let record = SpaceRecord {
        name: row.get(1)?,
        dim: dim(row.get(2)?)?,
        source: source_of(row.get(3)?),
        metric: metric_of(&row.get::<_, String>(4)?)?,
        precision: precision_of(row.get(5)?)?,
    };
    Ok((row.get(0)?, record))
}

const SPACE: &str =
    "SELECT id, name, dim, from_feature, metric, bits FROM space WHERE pack = ? ORDER BY id";

fn spaces(connection: &Connection, pack: i64) -> Try<Vec<(i64, SpaceRecord)>> {
    let mut statement = connection.prepare_cached(SPACE)?;
    let mut rows = statement.query([pack])?;
    let mut spaces = Vec::new();
    while let Some(row) = rows.next()? {
        spaces.push(space_record(row)?);
    }
    Ok(spaces)
}

/// The collection's packs in order of registration.
pub(super) fn list(connection: &Connection, scope: &Scope) -> Try<Vec<PackRecord>> {
    let mut statement = connection.prepare_cached(
        "SELECT fingerprint FROM collection_pack JOIN pack ON pack.id = collection_pack.pack
         WHERE collection = ? ORDER BY position",
    )?;
    let fingerprints: Vec<String> = statement
        .query_map([scope.collection], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut packs = Vec::with_capacity(fingerprints.len());
    for fingerprint in fingerprints {
        packs.extend(load(connection, &fingerprint)?.map(|(_, pack)| pack));
    }
    Ok(packs)
}

/// The collection's active pack.
pub(super) fn active(connection: &Connection, scope: &Scope) -> Try<Option<PackRecord>> {
    let fingerprint: Option<String> = connection
        .prepare_cached(
            "SELECT fingerprint FROM collection JOIN pack ON pack.id = collection.active_pack
             WHERE collection.id = ?",
        )?
        .query_row([scope.collection], |row| row.get(0))
        .optional()?;
    match fingerprint {
        Some(fingerprint) => Ok(load(connection, &fingerprint)?.map(|(_, pack)| pack)),
        None => Ok(None),
    }
}

/// Make another of the collection's packs the active one.
pub(super) fn activate(
    connection: &Connection,
    scope: &Scope,
    fingerprint: &str,
    change: Change,
) -> Try<()> {
    let id = pack_id(connection, scope, fingerprint)?;
    connection.execute(
        "UPDATE collection SET active_pack = ? WHERE id = ?",
        [id, scope.collection],
    )?;
    connection.execute(
        "INSERT INTO deletion (change, kind, id) VALUES (?, ?, ?)",
        params![change.0, Deleted::Item as i64, ANOTHER_PACK],
    )?;
    Ok(())
}

/// The collection's pack of this fingerprint; any other is refused.
pub(super) fn pack_id(connection: &Connection, scope: &Scope, fingerprint: &str) -> Try<i64> {
    let id = connection
        .prepare_cached(
            "SELECT pack.id FROM pack JOIN collection_pack ON collection_pack.pack = pack.id
             WHERE fingerprint = ? AND collection = ?",
        )?
        .query_row(params![fingerprint, scope.collection], |row| row.get(0))
        .optional()?;
    match id {
        Some(id) => Ok(id),
        None => Err(mismatch(connection, scope, fingerprint)?),
    }
}

fn mismatch(connection: &Connection, scope: &Scope, got: &str) -> Try<Fail> {
    let expected = match active(connection, scope)? {
        Some(pack) => format!("{} {}", pack.name, pack.fingerprint),
        None => "no pack yet".to_owned(),
    };
    let (collection, got) = (scope.name.clone(), got.to_owned());
    Ok(Fail::Known(Error::Fingerprint {
        collection,
        expected,
        got,
    }))
}

/// A space of one of the collection's packs.
pub(super) fn space(
    connection: &Connection,
    scope: &Scope,
    fingerprint: &str,
    name: &str,
) -> Try<Space> {
    let pack = pack_id(connection, scope, fingerprint)?;
    let spaces = spaces(connection, pack)?;
    match spaces.iter().find(|(_, record)| record.name == name) {
        Some((id, record)) => Ok(Space {
            id: *id,
            pack,
            dim: record.dim,
            source: record.source,
            metric: record.metric,
            precision: record.precision,
        }),
        None => Err(Fail::Known(Error::UnknownSpace {
            pack: fingerprint.to_owned(),
            space: name.to_owned(),
            known: spaces.into_iter().map(|(_, record)| record.name).collect(),
        })),
    }
}

/// Length of the features of the collection's pack with this id.
pub(super) fn feature_dim(connection: &Connection, pack: i64) -> Try<usize> {
    dim(connection
        .prepare_cached("SELECT feature_dim FROM pack WHERE id = ?")?
        .query_row([pack], |row| row.get(0))?)
}
