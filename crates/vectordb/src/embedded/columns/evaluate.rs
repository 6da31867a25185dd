//! From a [`Filter`] to the positions of the items that match.

use fovea_index::Bitmap;
use rusqlite::Connection;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Columns;
use super::glob::Glob;
use super::load::Key;
use super::test::Test;
use crate::embedded::Scope;
use crate::embedded::fail::Try;
use crate::filter::{Comparison, Field, Filter};
use crate::place::km_between;

/// One filter over one state of the columns.
pub(super) struct Evaluation<'a> {
    pub(super) connection: &'a Connection,
    pub(super) scope: &'a Scope,
    pub(super) columns: &'a Columns,
}

impl Evaluation<'_> {
    /// Items that match; those that left may be among them.
    pub(super) fn matching(&self, filter: &Filter) -> Try<Bitmap> {
        match filter {
            Filter::All => Ok(self.all()),
            Filter::Nothing => Ok(Bitmap::new()),
            Filter::And(filters) => self.and(filters),
            Filter::Or(filters) => filters.iter().try_fold(Bitmap::new(), |found, filter| {
                Ok(found.or(&self.matching(filter)?))
            }),
            Filter::Not(filter) => Ok(self.all().without(&self.matching(filter)?)),
            Filter::Compare {
                field,
                op: Comparison::Ne,
                value,
            } => {
                let equal = self.having(field, &Test::compare(Comparison::Eq, value))?;
                Ok(self.having(field, &Test::Any)?.without(&equal))
            }
            Filter::Compare { field, op, value } => self.having(field, &Test::compare(*op, value)),
            Filter::Glob {
                field,
                pattern,
                ignore_case,
            } => self.having(field, &Test::Glob(Glob::new(pattern, *ignore_case))),
            Filter::Exists(field) => self.having(field, &Test::Any),
            Filter::Ids(ids) => {
                let items = &self.columns.items;
                let positions = ids.iter().filter_map(|id| items.position(id.get()));
                Ok(positions.collect())
            }
            Filter::HasCaption => self.passing(&Key::Captioned, &Test::Any),
            Filter::Online(online) => self.online(*online),
            Filter::Near {
                latitude,
                longitude,
                km,
            } => self.near([*latitude, *longitude], *km),
            Filter::Color { rgb, share } => {
                let palettes = self.columns.palettes(self.connection)?;
                Ok(palettes.like(*rgb, *share))
            }
        }
    }

    fn all(&self) -> Bitmap {
        Bitmap::full(self.columns.items.len() as u32)
    }

    fn and(&self, filters: &[Filter]) -> Try<Bitmap> {
        let mut found = self.all();
        for filter in filters {
            if found.is_empty() {
                break;
            }
            found = found.and(&self.matching(filter)?);
        }
        Ok(found)
    }

    /// Items with a value that passes.
    fn having(&self, field: &Field, test: &Test<'_>) -> Try<Bitmap> {
        self.passing(&Key::Field(field.clone()), test)
    }

    fn passing(&self, key: &Key, test: &Test<'_>) -> Try<Bitmap> {
        let column = self.columns.column(self.connection, self.scope, key)?;
        Ok(column.having(&column.values.passing(test)))
    }

    fn online(&self, online: bool) -> Try<Bitmap> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id FROM source WHERE collection = ? AND online = ?")?;
        let ids =
            statement.query_map([self.scope.collection, i64::from(online)], |row| row.get(0))?;
        let ids: FxHashSet<i64> = ids.collect::<Result<_, _>>()?;
        self.passing(&Key::Source, &Test::OneOf(ids))
    }

    /// Any latitude of an item goes with any of its longitudes.
    fn near(&self, place: [f64; 2], km: f64) -> Try<Bitmap> {
        let column = |name: &str| {
            let key = Key::Field(Field::named(name));
            self.columns.column(self.connection, self.scope, &key)
        };
        let (latitudes, longitudes) = (column("latitude")?, column("longitude")?);
        let mut by_position: FxHashMap<u32, Vec<f64>> = FxHashMap::default();
        let mut numbers = vec![f64::NAN; self.columns.items.len()];
        let several = longitudes.with_several();
        for (position, code) in longitudes.pairs() {
            let Some(number) = longitudes.values.number_of(code) else {
                continue;
            };
            if several.contains(&position) {
                by_position.entry(position).or_default().push(number);
            } else {
                numbers[position as usize] = number;
            }
        }
        let is_near =
            |latitude: f64, longitude: f64| km_between([latitude, longitude], place) <= km;
        let mut found = Bitmap::new();
        for (position, code) in latitudes.pairs() {
            let Some(latitude) = latitudes.values.number_of(code) else {
                continue;
            };
            let one = numbers[position as usize];
            let mut others = by_position.get(&position).into_iter().flatten();
            if (!one.is_nan() && is_near(latitude, one))
                || others.any(|longitude| is_near(latitude, *longitude))
            {
                found.insert(position);
            }
        }
        Ok(found)
    }
}
