//! What every engine refuses, in the same words. The checks are those of this engine; here they answer without it.

use std::path::Path;

use super::fail::Try;
use super::packs::{self, Space};
use super::{filter_sql, tags, write, write_item};
use crate::error::Result;
use crate::filter::Filter;
use crate::records::{Metadata, PackRecord, SourceKind, SpaceRecord, Tag};

/// None of these looks at a database, and so none can find it damaged.
fn known<T>(checked: Try<T>) -> Result<T> {
    checked.map_err(|fail| fail.at(Path::new("")))
}

/// Whether a filter is within the limits.
pub(crate) fn check_filter(filter: &Filter) -> Result<()> {
    known(filter_sql::check(filter))
}

/// Whether an item may be called this, and have this metadata.
pub(crate) fn check_item(kind: SourceKind, path: &[u8], metadata: &Metadata) -> Result<()> {
    known(write_item::check_path(kind, path).and_then(|()| write_item::check_metadata(metadata)))
}

pub(crate) fn check_tag(tag: &Tag) -> Result<()> {
    known(tags::check(tag))
}

/// Whether a pack makes sense, and is the same as one that is known by its fingerprint.
pub(crate) fn check_pack(pack: &PackRecord, same: Option<&PackRecord>) -> Result<()> {
    known(packs::validate(pack))?;
    match same {
        Some(same) => known(packs::same_dimensions(same, pack)),
        None => Ok(()),
    }
}

/// A vector or query as a space compares it: at unit length where it goes by the cosine.
pub(crate) fn compared_in(
    space: &SpaceRecord,
    what: impl Fn() -> String,
    vector: &[f32],
) -> Result<Vec<f32>> {
    let space = Space {
        id: 0,
        pack: 0,
        dim: space.dim,
        source: space.source,
        metric: space.metric,
        precision: space.precision,
    };
    known(write::compared(&space, what, vector))
}
