//! Counting items by their values.

use fovea_index::Bitmap;
use rusqlite::Connection;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Columns;
use super::column::Column;
use super::load::Key;
use super::test::compare;
use crate::database::{Facet, Facets};
use crate::embedded::Scope;
use crate::embedded::fail::Try;
use crate::filter::Field;
use crate::records::Value;

/// Values of these items, the most frequent first and equals in their order.
pub(super) fn facets(
    columns: &Columns,
    connection: &Connection,
    scope: &Scope,
    items: &Bitmap,
    by: &Facet,
) -> Try<Facets> {
    let column = |field: Field| columns.column(connection, scope, &Key::Field(field));
    let (mut counts, n_having) = match by {
        Facet::Field(field) => of_column(&*column(field.clone())?, items),
        Facet::Year | Facet::Month => {
            let taken = column(Field::named("taken"))?;
            let modified = column(Field::Mtime)?;
            let length = if *by == Facet::Year { YEAR } else { MONTH };
            of_dates(&taken, &modified, items, length)
        }
    };
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| compare(&a.0, &b.0)));
    Ok(Facets {
        n_items: items.len(),
        n_without: items.len() - n_having,
        n_values: counts.len() as u64,
        counts,
    })
}

/// Values with the number of items that have them, and how many have any.
fn of_column(column: &Column, items: &Bitmap) -> (Vec<(Value, u64)>, u64) {
    let pairs = || column.pairs().filter(|(item, _)| items.contains(*item));
    let mut codes: Vec<u32> = pairs()
        .map(|(_, code)| code)
        .collect::<Bitmap>()
        .iter()
        .collect();
    // Of an integer and a real that are equal the integer is shown.
    let is_real = |value: &Value| matches!(value, Value::Real(_));
    let order = |a: &Value, b: &Value| compare(a, b).then_with(|| is_real(a).cmp(&is_real(b)));
    codes.sort_by(|a, b| order(&column.values.value(*a), &column.values.value(*b)));
    let mut counts: Vec<(Value, u64)> = Vec::new();
    let mut place = vec![0_u32; column.values.end() as usize];
    for code in codes {
        let value = column.values.value(code);
        // A value may have several codes.
        if counts
            .last()
            .is_none_or(|(last, _)| compare(last, &value).is_ne())
        {
            counts.push((value, 0));
        }
        place[code as usize] = counts.len() as u32 - 1;
    }
    let several = column.with_several();
    let mut seen: FxHashSet<(u32, u32)> = FxHashSet::default();
    let mut having = Bitmap::new();
    for (item, code) in pairs() {
        having.insert(item);
        let place = place[code as usize];
        // Who has a value twice has it once.
        if !several.contains(&item) || seen.insert((item, place)) {
            counts[place as usize].1 += 1;
        }
    }
    (counts, having.len())
}

/// Letters of `2023` and of `2023-07`.
const YEAR: usize = 4;
const MONTH: usize = 7;

/// By the camera's time where there is one, else by that of the file in UTC.
fn of_dates(
    taken: &Column,
    modified: &Column,
    items: &Bitmap,
    length: usize,
) -> (Vec<(Value, u64)>, u64) {
    let mut dates: FxHashMap<u32, String> = FxHashMap::default();
    let mut counts: FxHashMap<String, u64> = FxHashMap::default();
    let mut n_having = 0;
    for (item, code) in taken.pairs().filter(|(item, _)| items.contains(*item)) {
        let Value::Text(date) = taken.values.value(code) else {
            continue;
        };
        // Of several the first, as where lists are put in order.
        let known = dates.entry(item).or_insert_with(|| date.clone());
        if date < *known {
            *known = date;
        }
    }
    for (item, code) in modified.pairs().filter(|(item, _)| items.contains(*item)) {
        let of_file = || Some(month_of(modified.values.number_of(code)?));
        let Some(date) = dates.remove(&item).or_else(of_file) else {
            continue;
        };
        if let Some(date) = date.get(..length).filter(|date| is_date(date)) {
            n_having += 1;
            *counts.entry(date.to_owned()).or_default() += 1;
        }
    }
    let counts = counts.into_iter().map(|(date, n)| (Value::Text(date), n));
    (counts.collect(), n_having)
}

pub(crate) fn is_date(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        YEAR => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    text.bytes().enumerate().all(|(at, byte)| fits((at, byte)))
}

/// Year and month in UTC of so many seconds since 1970, in the proleptic Gregorian calendar
/// (Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013).
pub(crate) fn month_of(seconds: f64) -> String {
    let days = (seconds / 86_400.0).floor() as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Counted from March, so that a leap day is the last of its year.
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_months() {
        for (seconds, month) in [
            (0.0, "1970-01"),
            (-1.0, "1969-12"),
            (951_782_400.0, "2000-02"),
            (951_868_800.0, "2000-03"),
            (1_704_067_199.9, "2023-12"),
            (1_704_067_200.0, "2024-01"),
            (4_107_542_400.0, "2100-03"),
            (-2_208_988_801.0, "1899-12"),
        ] {
            assert_eq!(month_of(seconds), month, "{seconds}");
        }
        for (text, expect) in [
            ("2023", true),
            ("2023-07", true),
            ("20x3", false),
            ("2023/07", false),
        ] {
            assert_eq!(is_date(text), expect, "{text}");
        }
    }
}
