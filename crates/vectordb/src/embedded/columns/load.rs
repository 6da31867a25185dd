//! Reading a field of all items, or of some again.

use rusqlite::{Connection, params_from_iter, types::Value as Cell};
use rustc_hash::FxHashMap;

use super::column::Column;
use super::items::Items;
use super::values::Reading;
use crate::embedded::Scope;
use crate::embedded::fail::Try;
use crate::embedded::{filter_sql, tags};
use crate::filter::Field;

/// What a column is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Field(Field),
    /// The id of the item's source.
    Source,
    /// A one for each item that has a caption.
    Captioned,
}

impl Key {
    /// Where contents keep it, if they do.
    fn of_content(&self) -> Option<&'static str> {
        match self {
            Key::Field(Field::Width) => Some("width"),
            Key::Field(Field::Height) => Some("height"),
            Key::Field(Field::Format) => Some("format"),
            // No number where the height is zero.
            Key::Field(Field::Aspect) => Some("CAST(width AS REAL) / height"),
            _ => None,
        }
    }

    /// Statement of pairs (item, value): of the collection `?1` or of the item `?1`.
    fn select(&self, of_one: bool) -> String {
        let of = |all: &str, one: &str| match of_one {
            true => one.to_owned(),
            false => all.to_owned(),
        };
        match self {
            Key::Captioned => of(
                "SELECT DISTINCT item, 1 FROM caption WHERE ?1 IS NOT NULL",
                "SELECT item, 1 FROM caption WHERE item = ?1 LIMIT 1",
            ),
            Key::Field(Field::Language) => of(
                "SELECT item, lang FROM caption WHERE lang IS NOT NULL AND ?1 IS NOT NULL",
                "SELECT item, lang FROM caption WHERE lang IS NOT NULL AND item = ?1",
            ),
            Key::Field(Field::Tag) => {
                let own = "SELECT item, text FROM metadata WHERE key = 'tag' AND text IS NOT NULL";
                of(
                    &format!("{own} AND ?1 IS NOT NULL UNION {}", tags::OF_COLLECTION),
                    &format!("{own} AND item = ?1 UNION {}", tags::OF_ITEM),
                )
            }
            // In the order of the indexes, which have all that is asked for.
            Key::Field(Field::Metadata(_)) => of(
                "SELECT item, text FROM metadata WHERE key = ?2 AND text IS NOT NULL AND ?1 IS NOT NULL
                 UNION ALL SELECT item, number FROM metadata WHERE key = ?2 AND number IS NOT NULL",
                "SELECT item, coalesce(text, number) FROM metadata WHERE item = ?1 AND key = ?2",
            ),
            Key::Source => format!("SELECT id, source FROM item {}", self.of_items(of_one)),
            Key::Field(field) => {
                let value = filter_sql::value_of(field);
                format!("SELECT id, {value} FROM item {}", self.of_items(of_one))
            }
        }
    }

    fn of_items(&self, of_one: bool) -> &'static str {
        match of_one {
            true => "WHERE id = ?1",
            // The plus keeps SQLite on the table, which lies by rising id.
            false => "WHERE +collection = ?1",
        }
    }

    fn parameters(&self, first: i64) -> impl Iterator<Item = Cell> {
        let second = match self {
            Key::Field(Field::Metadata(key)) => Some(Cell::Text(key.clone())),
            _ => None,
        };
        std::iter::once(Cell::Integer(first)).chain(second)
    }
}

/// The column of all items.
pub(super) fn all(connection: &Connection, scope: &Scope, items: &Items, key: &Key) -> Try<Column> {
    if let Some(value) = key.of_content() {
        return of_contents(connection, items, value);
    }
    let mut statement = connection.prepare_cached(&key.select(false))?;
    let mut rows = statement.query(params_from_iter(key.parameters(scope.collection)))?;
    let mut reading = Reading::default();
    let mut pairs = Vec::with_capacity(items.len());
    let mut walker = items.walker();
    while let Some(row) = rows.next()? {
        // Tables that all collections share have items of others, too.
        if let Some(position) = walker.position(row.get(0)?)
            && let Some(code) = reading.code(row.get_ref(1)?)
        {
            pairs.push((position, code));
        }
    }
    let mut column = Column::new(reading.values, items.len());
    for (position, code) in pairs {
        column.add(position, code);
    }
    Ok(column)
}

/// One pass over the contents: to look each item's up would cost more than all the rest.
fn of_contents(connection: &Connection, items: &Items, value: &str) -> Try<Column> {
    let mut statement = connection.prepare_cached(&format!("SELECT id, {value} FROM content"))?;
    let mut rows = statement.query([])?;
    let mut reading = Reading::default();
    let mut codes: FxHashMap<i64, u32> = FxHashMap::default();
    while let Some(row) = rows.next()? {
        if let Some(code) = reading.code(row.get_ref(1)?) {
            codes.insert(row.get(0)?, code);
        }
    }
    let mut column = Column::new(reading.values, items.len());
    for (position, content) in (0..).zip(&items.contents) {
        if let Some(&code) = codes.get(content) {
            column.add(position, code);
        }
    }
    Ok(column)
}

/// Read the values of some items again, which the column has none of.
pub(super) fn again(
    connection: &Connection,
    column: &mut Column,
    key: &Key,
    items: &[(u32, i64)],
) -> Try<()> {
    let mut statement = connection.prepare_cached(&key.select(true))?;
    let mut reading = Reading::more(std::mem::take(&mut column.values));
    for &(position, id) in items {
        let mut rows = statement.query(params_from_iter(key.parameters(id)))?;
        while let Some(row) = rows.next()? {
            if let Some(code) = reading.code(row.get_ref(1)?) {
                column.add(position, code);
            }
        }
    }
    column.values = reading.values;
    Ok(())
}
