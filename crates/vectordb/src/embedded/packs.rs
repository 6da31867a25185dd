//! Packs and their spaces: which vectors may be compared with which.

use rusqlite::{Connection, OptionalExtension, params};

use super::Scope;
use super::fail::{Fail, Try};
use crate::error::Error;
use crate::records::{PackRecord, SpaceRecord, SpaceSource};

/// A space as the tables name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Space {
    pub(super) id: i64,
    pub(super) pack: i64,
    pub(super) dim: usize,
    pub(super) source: SpaceSource,
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

fn validate(pack: &PackRecord) -> Try<()> {
    let refuse = |reason: String| {
        let what = format!("pack {:?}", pack.name);
        Err(Fail::Known(Error::Invalid { what, reason }))
    };
    if pack.fingerprint.is_empty() || pack.feature_dim == 0 {
        return refuse("it needs a fingerprint and a feature length".to_owned());
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
    }
    Ok(())
}

fn same_dimensions(known: &PackRecord, pack: &PackRecord) -> Try<()> {
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
            "INSERT INTO space (pack, name, dim, from_feature) VALUES (?, ?, ?, ?)",
            params![
                id,
                space.name,
                space.dim as i64,
                space.source == SpaceSource::FromFeature
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

fn spaces(connection: &Connection, pack: i64) -> Try<Vec<SpaceRecord>> {
    let mut statement = connection
        .prepare_cached("SELECT name, dim, from_feature FROM space WHERE pack = ? ORDER BY id")?;
    let mut rows = statement.query([pack])?;
    let mut spaces = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, length, source) = (row.get(0)?, dim(row.get(1)?)?, source_of(row.get(2)?));
        spaces.push(SpaceRecord {
            name,
            dim: length,
            source,
        });
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
pub(super) fn activate(connection: &Connection, scope: &Scope, fingerprint: &str) -> Try<()> {
    let id = pack_id(connection, scope, fingerprint)?;
    connection.execute(
        "UPDATE collection SET active_pack = ? WHERE id = ?",
        [id, scope.collection],
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
    let row = connection
        .prepare_cached("SELECT id, dim, from_feature FROM space WHERE pack = ? AND name = ?")?
        .query_row(params![pack, name], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((id, length, from_feature)) = row else {
        let known = spaces(connection, pack)?
            .into_iter()
            .map(|space| space.name)
            .collect();
        let (pack, space) = (fingerprint.to_owned(), name.to_owned());
        return Err(Fail::Known(Error::UnknownSpace { pack, space, known }));
    };
    Ok(Space {
        id,
        pack,
        dim: dim(length)?,
        source: source_of(from_feature),
    })
}

/// Length of the features of the collection's pack with this id.
pub(super) fn feature_dim(connection: &Connection, pack: i64) -> Try<usize> {
    dim(connection
        .prepare_cached("SELECT feature_dim FROM pack WHERE id = ?")?
        .query_row([pack], |row| row.get(0))?)
}
