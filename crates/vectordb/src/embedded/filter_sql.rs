//! From a [`Filter`] to a condition on `item`, with every value as a
//! parameter. What the user wrote never becomes part of the statement.

use rusqlite::types::Value as Cell;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::Scope;
use super::fail::{Fail, Try};
use super::functions::{COLOR_SHARE, FOLD, KM};
use super::items::item_id;
use super::tags;
use crate::database::{Listed, Order};
use crate::error::Error;
use crate::filter::{Comparison, Field, Filter};
use crate::ids::ItemId;
use crate::records::Value;

/// Filters within filters.
const MAX_DEPTH: usize = 100;
/// SQLite takes 32,766 parameters in a statement.
const MAX_VALUES: usize = 30_000;
/// Time to match a glob can double with each `*`.
const MAX_STARS: usize = 12;
const MAX_PATTERN_BYTES: usize = 10_000;

/// A condition and its parameters.
pub(super) struct Condition {
    sql: String,
    values: Vec<Cell>,
}

/// Ids of the collection's items that match, rising.
pub(super) fn matching(
    connection: &Connection,
    scope: &Scope,
    filter: &Filter,
    after: Option<ItemId>,
    limit: usize,
) -> Try<Vec<ItemId>> {
    let condition = compile(filter)?;
    let sql = format!(
        "SELECT id FROM item WHERE item.collection = ? AND id > ? AND {} ORDER BY id LIMIT ?",
        condition.sql
    );
    let mut values = vec![Cell::Integer(scope.collection)];
    values.push(Cell::Integer(after.map_or(0, ItemId::get)));
    values.extend(condition.values);
    values.push(Cell::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(item_id(row.get(0)?)?);
    }
    Ok(ids)
}

/// The first of the collection's items that match, in an order, after a place in it.
pub(super) fn listed(
    connection: &Connection,
    scope: &Scope,
    filter: &Filter,
    order: Order,
    after: Option<&Listed>,
    limit: usize,
) -> Try<Vec<Listed>> {
    // Local time where the camera had it, else that of the file in UTC; both are compared as text.
    const DATE: &str =
        "coalesce((SELECT min(text) FROM metadata WHERE metadata.item = item.id AND key = 'taken'),
         strftime('%Y-%m-%dT%H:%M:%S', item.mtime_ns / 1000000000, 'unixepoch'))";
    let name = format!("{FOLD}(item.name)");
    let (key, direction, comes_after) = match order {
        Order::Newest => (DATE, "DESC", "<"),
        Order::Oldest => (DATE, "", ">"),
        Order::Name => (name.as_str(), "", ">"),
    };
    let condition = compile(filter)?;
    let mut values = vec![Cell::Integer(scope.collection)];
    values.extend(condition.values);
    let rest = match after {
        None => String::new(),
        Some(after) => {
            let key = Cell::Text(after.key.clone());
            values.extend([key.clone(), key, Cell::Integer(after.item.get())]);
            format!("WHERE key {comes_after} ? OR (key = ? AND id > ?)")
        }
    };
    values.push(Cell::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
    let sql = format!(
        "SELECT id, key FROM
             (SELECT item.id AS id, {key} AS key FROM item WHERE item.collection = ? AND {})
         {rest} ORDER BY key {direction}, id LIMIT ?",
        condition.sql
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut listed = Vec::new();
    while let Some(row) = rows.next()? {
        let item = item_id(row.get(0)?)?;
        listed.push(Listed {
            item,
            key: row.get(1)?,
        });
    }
    Ok(listed)
}

/// Keys of metadata, each found by a look past the one before.
pub(super) fn metadata_keys(connection: &Connection) -> Try<Vec<String>> {
    let mut keys = std::collections::BTreeSet::new();
    for kind in ["text", "number"] {
        let sql = format!(
            "SELECT key FROM metadata WHERE {kind} IS NOT NULL AND key > ? ORDER BY key LIMIT 1"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut last = String::new();
        while let Some(key) = statement
            .query_row([&last], |row| row.get::<_, String>(0))
            .optional()?
        {
            last.clone_from(&key);
            keys.insert(key);
        }
    }
    Ok(keys.into_iter().collect())
}

/// How many of the collection's items match.
pub(super) fn count(connection: &Connection, scope: &Scope, filter: &Filter) -> Try<u64> {
    let condition = compile(filter)?;
    let sql = format!(
        "SELECT count(*) FROM item WHERE item.collection = ? AND {}",
        condition.sql
    );
    let collection = Cell::Integer(scope.collection);
    let values = std::iter::once(collection).chain(condition.values);
    Ok(connection
        .prepare_cached(&sql)?
        .query_row(params_from_iter(values), |row| row.get(0))?)
}

/// Whether a filter is within the limits.
pub(super) fn check(filter: &Filter) -> Try<()> {
    compile(filter).map(|_| ())
}

/// The value of a field that an item has at most one of, as an expression over `item`.
pub(super) fn value_of(field: &Field) -> &'static str {
    match (field, column(field)) {
        (Field::Ext, _) => "nullif(item.ext, '')",
        (_, Some(Column::Text(sql) | Column::Number(sql))) => sql,
        (_, None) => "NULL",
    }
}

fn compile(filter: &Filter) -> Try<Condition> {
    let mut condition = Condition {
        sql: String::new(),
        values: Vec::new(),
    };
    condition.add(filter, 0)?;
    if condition.values.len() > MAX_VALUES {
        return refuse(format!("it has more than {MAX_VALUES} values"));
    }
    Ok(condition)
}

fn refuse<T>(reason: String) -> Try<T> {
    Err(Fail::Known(Error::Filter { reason }))
}

/// Where a well-known field is found.
enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// The column of a field; metadata has none.
fn column(field: &Field) -> Option<Column> {
    const CONTENT_WIDTH: &str = "(SELECT width FROM content WHERE content.id = item.content)";
    const CONTENT_HEIGHT: &str = "(SELECT height FROM content WHERE content.id = item.content)";
    const CONTENT_FORMAT: &str = "(SELECT format FROM content WHERE content.id = item.content)";
    const CONTENT_ASPECT: &str =
        "(SELECT CAST(width AS REAL) / height FROM content WHERE content.id = item.content)";
    const SOURCE_ROOT: &str = "(SELECT root_text FROM source WHERE source.id = item.source)";
    Some(match field {
        Field::Path => Column::Text("item.path_text"),
        Field::Name => Column::Text("item.name"),
        Field::Ext => Column::Text("item.ext"),
        Field::Folder => Column::Text("item.folder"),
        Field::Size => Column::Number("item.size"),
        Field::Width => Column::Number(CONTENT_WIDTH),
        Field::Height => Column::Number(CONTENT_HEIGHT),
        Field::Format => Column::Text(CONTENT_FORMAT),
        Field::Mtime => Column::Number("(item.mtime_ns / 1e9)"),
        Field::Added => Column::Number("(item.added_ns / 1e9)"),
        Field::Source => Column::Text(SOURCE_ROOT),
        Field::Aspect => Column::Number(CONTENT_ASPECT),
        Field::Language | Field::Tag | Field::Metadata(_) => return None,
    })
}

fn operator(op: Comparison) -> &'static str {
    match op {
        Comparison::Eq => "=",
        Comparison::Ne => "<>",
        Comparison::Lt => "<",
        Comparison::Le => "<=",
        Comparison::Gt => ">",
        Comparison::Ge => ">=",
    }
}

fn cell(value: &Value) -> Try<Cell> {
    match value {
        Value::Text(text) => Ok(Cell::Text(text.clone())),
        Value::Integer(number) => Ok(Cell::Integer(*number)),
        Value::Real(number) if number.is_nan() => refuse("a value is not a number".to_owned()),
        Value::Real(number) => Ok(Cell::Real(*number)),
    }
}

impl Condition {
    fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn add(&mut self, filter: &Filter, depth: usize) -> Try<()> {
        if depth > MAX_DEPTH {
            return refuse(format!("it is nested more than {MAX_DEPTH} deep"));
        }
        match filter {
            Filter::All => self.push("1"),
            Filter::Nothing => self.push("0"),
            Filter::And(filters) => self.join(filters, " AND ", "1", depth)?,
            Filter::Or(filters) => self.join(filters, " OR ", "0", depth)?,
            Filter::Not(filter) => {
                self.push("(NOT ");
                self.add(filter, depth + 1)?;
                self.push(")");
            }
            Filter::Compare { field, op, value } => self.compare(field, *op, value)?,
            Filter::Glob {
                field,
                pattern,
                ignore_case,
            } => self.glob(field, pattern, *ignore_case)?,
            Filter::Exists(field) => self.exists(field),
            Filter::Ids(ids) => self.ids(ids),
            Filter::HasCaption => {
                self.push("EXISTS (SELECT 1 FROM caption WHERE caption.item = item.id)");
            }
            Filter::Near {
                latitude,
                longitude,
                km,
            } => self.near([*latitude, *longitude, *km])?,
            Filter::Color { rgb, share } => self.color(*rgb, *share)?,
            Filter::Online(online) => {
                self.push("(SELECT online FROM source WHERE source.id = item.source) = ?");
                self.values.push(Cell::Integer(i64::from(*online)));
            }
        }
        Ok(())
    }

    /// Joined by halves: SQLite limits the depth of an expression, and a
    /// chain of a thousand would be a thousand deep.
    fn join(&mut self, filters: &[Filter], word: &str, empty: &str, depth: usize) -> Try<()> {
        match filters {
            [] => self.push(empty),
            [filter] => self.add(filter, depth + 1)?,
            _ => {
                let (left, right) = filters.split_at(filters.len() / 2);
                self.push("(");
                self.join(left, word, empty, depth)?;
                self.push(word);
                self.join(right, word, empty, depth)?;
                self.push(")");
            }
        }
        Ok(())
    }

    fn compare(&mut self, field: &Field, op: Comparison, value: &Value) -> Try<()> {
        let cell = cell(value)?;
        let is_text = matches!(value, Value::Text(_));
        match (column(field), field) {
            (Some(Column::Text(sql)), _) => self.compare_column(field, sql, is_text, op, cell),
            (Some(Column::Number(sql)), _) => self.compare_column(field, sql, !is_text, op, cell),
            (None, _) if op == Comparison::Ne => {
                self.push("(");
                self.exists(field);
                self.push(" AND NOT ");
                self.any_value(field, is_text, "=", cell);
                self.push(")");
            }
            (None, _) => self.any_value(field, is_text, operator(op), cell),
        }
        Ok(())
    }

    /// A column has one value of one kind; another kind is never equal.
    fn compare_column(&mut self, field: &Field, sql: &str, same: bool, op: Comparison, cell: Cell) {
        match (same, op) {
            (true, _) => {
                let has = has(field);
                self.push(&format!("({has}{sql} {} ?)", operator(op)));
                self.values.push(cell);
            }
            (false, Comparison::Ne) => self.exists(field),
            (false, _) => self.push("0"),
        }
    }

    /// Of fields that an item may have several values of.
    fn any_value(&mut self, field: &Field, is_text: bool, operator: &str, cell: Cell) {
        let value = if is_text { "text" } else { "number" };
        self.any_that(field, is_text, &format!("{value} {operator} ?"), cell);
    }

    /// A condition on `text` or `number` holds for any of the values.
    fn any_that(&mut self, field: &Field, is_text: bool, condition: &str, cell: Cell) {
        match field {
            Field::Metadata(key) => {
                self.push("item.id IN (SELECT metadata.item FROM metadata WHERE key = ? AND ");
                self.values.push(Cell::Text(key.clone()));
            }
            Field::Language if is_text => self.push(
                "item.id IN (SELECT item FROM (SELECT item, lang AS text FROM caption) WHERE ",
            ),
            Field::Tag if is_text => self.push(&format!(
                "item.id IN (SELECT item FROM (SELECT item, text FROM metadata WHERE key = 'tag'
                 AND text IS NOT NULL UNION ALL {}) WHERE ",
                tags::OF_ITEMS
            )),
            _ => return self.push("0"),
        }
        self.push(condition);
        self.push(")");
        self.values.push(cell);
    }

    fn glob(&mut self, field: &Field, pattern: &str, ignore_case: bool) -> Try<()> {
        let pattern = Cell::Text(sqlite_glob(pattern)?);
        let matches = |text: &str| match ignore_case {
            true => format!("{FOLD}({text}) GLOB {FOLD}(?)"),
            false => format!("{text} GLOB ?"),
        };
        match column(field) {
            Some(Column::Text(sql)) => {
                let has = has(field);
                self.push(&format!("({has}{})", matches(sql)));
                self.values.push(pattern);
            }
            Some(Column::Number(_)) => self.push("0"),
            None => self.any_that(field, true, &matches("text"), pattern),
        }
        Ok(())
    }

    fn near(&mut self, place: [f64; 3]) -> Try<()> {
        if place.iter().any(|number| !number.is_finite()) {
            return refuse("a place is not given in numbers".to_owned());
        }
        self.push(&format!(
            "item.id IN (SELECT a.item FROM metadata a JOIN metadata b ON b.item = a.item
             WHERE a.key = 'latitude' AND b.key = 'longitude'
             AND {KM}(a.number, b.number, ?, ?) <= ?)"
        ));
        self.values.extend(place.map(Cell::Real));
        Ok(())
    }

    fn color(&mut self, rgb: [u8; 3], share: f32) -> Try<()> {
        if !share.is_finite() {
            return refuse("a share is not a number".to_owned());
        }
        self.push(&format!(
            "{COLOR_SHARE}((SELECT colors FROM content WHERE content.id = item.content), ?, ?, ?) >= ?"
        ));
        self.values
            .extend(rgb.map(|number| Cell::Integer(i64::from(number))));
        self.values.push(Cell::Real(f64::from(share)));
        Ok(())
    }

    fn exists(&mut self, field: &Field) {
        match field {
            Field::Metadata(key) => {
                self.push(
                    "EXISTS (SELECT 1 FROM metadata WHERE metadata.item = item.id AND key = ?)",
                );
                self.values.push(Cell::Text(key.clone()));
            }
            Field::Ext => self.push("item.ext <> ''"),
            Field::Aspect => {
                self.push("(SELECT height FROM content WHERE content.id = item.content) > 0")
            }
            Field::Language => self.push(
                "EXISTS (SELECT 1 FROM caption WHERE caption.item = item.id AND lang IS NOT NULL)",
            ),
            Field::Tag => self.push(&format!(
                "(EXISTS (SELECT 1 FROM metadata WHERE metadata.item = item.id AND key = 'tag'
                          AND text IS NOT NULL)
                  OR item.id IN (SELECT item FROM ({})))",
                tags::OF_ITEMS
            )),
            _ => self.push("1"),
        }
    }

    /// As one JSON parameter: any number of ids fits.
    fn ids(&mut self, ids: &[ItemId]) {
        let list: Vec<String> = ids.iter().map(|id| id.get().to_string()).collect();
        self.push("item.id IN (SELECT value FROM json_each(?))");
        self.values
            .push(Cell::Text(format!("[{}]", list.join(","))));
    }
}

/// What has to hold before a column may be compared: NULL would be neither true nor false.
fn has(field: &Field) -> &'static str {
    match field {
        Field::Ext => "item.ext <> '' AND ",
        Field::Aspect => "(SELECT height FROM content WHERE content.id = item.content) > 0 AND ",
        _ => "",
    }
}

/// SQLite's globs have classes in brackets, ours do not; runs of `*` are one.
fn sqlite_glob(pattern: &str) -> Try<String> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return refuse(format!(
            "a pattern is longer than {MAX_PATTERN_BYTES} bytes"
        ));
    }
    let mut glob = String::with_capacity(pattern.len());
    for letter in pattern.chars() {
        match letter {
            '[' => glob.push_str("[[]"),
            '*' if glob.ends_with('*') => {}
            other => glob.push(other),
        }
    }
    if glob.matches('*').count() > MAX_STARS {
        return refuse(format!("a pattern has more than {MAX_STARS} stars"));
    }
    Ok(glob)
}
