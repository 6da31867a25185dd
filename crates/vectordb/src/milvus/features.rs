//! Features as they are read again, content by content.

use std::ops::ControlFlow;

use rustc_hash::FxHashSet;

use super::search;
use super::session::Session;
use super::state::{self, owner_key};
use super::write::features_of;
use crate::batch::Owner;
use crate::error::Result;
use crate::ids::ContentHash;
use crate::records::Part;

/// Those of up to `limit` contents that items of a collection have, by rising hash after one.
pub(super) fn page(
    session: &Session,
    collection: &str,
    pack: &str,
    after: Option<ContentHash>,
    limit: usize,
) -> Result<Vec<(ContentHash, Part, Vec<f32>)>> {
    let space = features_of(&session.records()?.pack(collection, pack)?);
    let key = space.key();
    let mut found = Vec::new();
    if limit == 0 {
        return Ok(found);
    }
    let mut left = limit;
    session.each_owner_page(
        session.records()?,
        true,
        after.map(|hash| hash.0),
        &mut |records| {
            records.add_their_users(session)?;
            let is_here = |id: i64| {
                let item = records.items.get(&id);
                item.is_some_and(|item| item.collection == collection)
            };
            let contents = records.contents.iter().filter(|(hash, content)| {
                let parts = content.have.get(&key);
                after.is_none_or(|after| **hash > after.0)
                    && parts.is_some_and(|parts| !parts.is_empty())
                    && records.with_content(hash).any(is_here)
            });
            let owners: FxHashSet<String> = contents
                .take(left)
                .map(|(hash, _)| owner_key(&Owner::Content(ContentHash(*hash))))
                .collect();
            let rows = search::rows_of_owners(session, records, &space, &owners)?;
            found.extend(rows.into_iter().filter_map(|(owner, part, feature)| {
                let (_, hash) = state::owner_of(&owner)?;
                Some((ContentHash(hash), part, feature))
            }));
            left -= owners.len();
            Ok(match left {
                0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
        },
    )?;
    Ok(found)
}

/// All parts' of one content.
pub(super) fn of_content(
    session: &Session,
    collection: &str,
    pack: &str,
    content: ContentHash,
) -> Result<Vec<(Part, Vec<f32>)>> {
    let mut records = session.records()?;
    records.add_contents(session, &[content.0])?;
    let space = features_of(&records.pack(collection, pack)?);
    let known = records.contents.get(&content.0);
    let have = known.and_then(|content| content.have.get(&space.key()));
    if have.is_none_or(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let owners = [owner_key(&Owner::Content(content))].into_iter().collect();
    let rows = search::rows_of_owners(session, &records, &space, &owners)?;
    Ok(rows
        .into_iter()
        .map(|(_, part, feature)| (part, feature))
        .collect())
}
