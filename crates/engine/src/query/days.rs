//! Days as people give them, and the filter that they are.

use std::fmt;

use fovea_vectordb::{Comparison, Filter};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

/// Metadata key: when the camera took the picture, as local time in ISO 8601.
const TAKEN: &str = "taken";
/// Months of pictures without such a time are looked for from this year on; before, files had no clocks.
const FIRST_FILE_YEAR: i16 = 1980;

/// From a first day to a last, both meant; open where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    pub first: Option<Date>,
    pub last: Option<Date>,
}

impl Days {
    pub fn year(year: i16) -> Option<Days> {
        Days::between(Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?)
    }

    pub fn month(year: i16, month: i8) -> Option<Days> {
        let first = Date::new(year, month, 1).ok()?;
        Days::between(first, first.last_of_month())
    }

    pub fn day(year: i16, month: i8, day: i8) -> Option<Days> {
        let day = Date::new(year, month, day).ok()?;
        Days::between(day, day)
    }

    pub fn between(first: Date, last: Date) -> Option<Days> {
        (first <= last).then_some(Days {
            first: Some(first),
            last: Some(last),
        })
    }

    /// `2023`, `2023-07`, `2023-07-14`, and two of them around `..`, either of which may be missing.
    pub fn parse(text: &str) -> Option<Days> {
        let Some((first, last)) = text.split_once("..") else {
            return Days::parse_one(text);
        };
        let days = |text: &str| match text {
            "" => Some(None),
            text => Days::parse_one(text).map(Some),
        };
        let (first, last) = (days(first)?, days(last)?);
        let days = Days {
            first: first.and_then(|days| days.first),
            last: last.and_then(|days| days.last),
        };
        let is_backwards = days.first.is_some() && days.last.is_some() && days.first > days.last;
        let is_open = first.is_none() && last.is_none();
        (!is_backwards && !is_open).then_some(days)
    }

    fn parse_one(text: &str) -> Option<Days> {
        let mut numbers = text.split(['-', '/', '.']);
        let year = number(numbers.next()?, 4)?;
        let (month, day) = (numbers.next(), numbers.next());
        match (month, day, numbers.next()) {
            (None, None, None) => Days::year(year),
            (Some(month), None, None) => Days::month(year, number(month, 2)? as i8),
            (Some(month), Some(day), None) => {
                Days::day(year, number(month, 2)? as i8, number(day, 2)? as i8)
            }
            _ => None,
        }
    }

    /// Pictures taken on these days. Where a picture does not say, the time of its file stands in.
    pub fn filter(&self) -> Filter {
        let (mut taken, mut file) = (Vec::new(), vec![says_no_time()]);
        if let Some(first) = self.first {
            let from = first.to_string();
            taken.push(Filter::compare(TAKEN, Comparison::Ge, from));
            file.push(Filter::compare("mtime", Comparison::Ge, midnight(first)));
        }
        if let Some(next) = self.last.and_then(|last| last.tomorrow().ok()) {
            taken.push(Filter::compare(TAKEN, Comparison::Lt, next.to_string()));
            file.push(Filter::compare("mtime", Comparison::Lt, midnight(next)));
        }
        if taken.is_empty() {
            taken.push(Filter::Exists(fovea_vectordb::Field::named(TAKEN)));
        }
        Filter::Or(vec![Filter::And(taken), Filter::And(file)])
    }
}

/// Pictures of these months, of any year.
pub fn months_filter(months: &[i8], today: Date) -> Filter {
    let mut any = Vec::new();
    let mut file = Vec::new();
    for &month in months {
        any.push(Filter::glob(TAKEN, &format!("????-{month:02}-*")));
        for year in FIRST_FILE_YEAR..=today.year() {
            if let Ok(first) = Date::new(year, month, 1) {
                let next = first.last_of_month().tomorrow().unwrap_or(first);
                file.push(Filter::And(vec![
                    Filter::compare("mtime", Comparison::Ge, midnight(first)),
                    Filter::compare("mtime", Comparison::Lt, midnight(next)),
                ]));
            }
        }
    }
    any.push(Filter::And(vec![says_no_time(), Filter::Or(file)]));
    Filter::Or(any)
}

fn says_no_time() -> Filter {
    Filter::Not(Box::new(Filter::Exists(fovea_vectordb::Field::named(
        TAKEN,
    ))))
}

/// Seconds since 1970 at which a day begins here.
fn midnight(day: Date) -> i64 {
    let here = day.to_zoned_datetime(TimeZone::system());
    here.map_or(0, |begin| begin.timestamp().as_second())
}

/// Digits alone, at most so many.
fn number(text: &str, most: usize) -> Option<i16> {
    let is_number =
        !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// As short as it can be said, and as [`Days::parse`] reads it.
impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = match (self.first, self.last) {
            (Some(first), Some(last)) => (first, last),
            (Some(first), None) => return write!(f, "{first}.."),
            (None, Some(last)) => return write!(f, "..{last}"),
            (None, None) => return f.write_str(".."),
        };
        let year = first.year();
        if first == last {
            write!(f, "{first}")
        } else if Days::year(year) == Some(*self) {
            write!(f, "{year:04}")
        } else if Days::month(year, first.month()) == Some(*self) {
            write!(f, "{year:04}-{:02}", first.month())
        } else if Days::year(year).is_some_and(|days| days.first == Some(first))
            && last == date(last.year(), 12, 31)
        {
            write!(f, "{year:04}..{:04}", last.year())
        } else {
            write!(f, "{first}..{last}")
        }
    }
}

/// A quarter of the year as it is lived in: winter begins in December of its year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Season {
    Spring,
    Summer,
    Autumn,
    Winter,
}

impl Season {
    /// The season of a year, in the northern half of the world.
    pub fn of(self, year: i16) -> Option<Days> {
        let month = match self {
            Season::Spring => 3,
            Season::Summer => 6,
            Season::Autumn => 9,
            Season::Winter => 12,
        };
        let first = Date::new(year, month, 1).ok()?;
        let last = first.checked_add(2.months()).ok()?.last_of_month();
        Days::between(first, last)
    }

    /// The newest one that is over.
    pub fn last(self, today: Date) -> Option<Days> {
        let years = [today.year(), today.year() - 1, today.year() - 2];
        let seasons = years.into_iter().filter_map(|year| self.of(year));
        seasons
            .into_iter()
            .find(|days| days.last.is_some_and(|last| last < today))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_shown_as_short_as_they_can_be() {
        for (text, shown) in [
            ("2023", "2023"),
            ("2023-07", "2023-07"),
            ("2023/7", "2023-07"),
            ("2023-07-14", "2023-07-14"),
            ("2023-01..2023-12", "2023"),
            ("2020..2022", "2020..2022"),
            ("2020-02..", "2020-02-01.."),
            ("..2019", "..2019-12-31"),
            ("2020-02-27..2020-03", "2020-02-27..2020-03-31"),
        ] {
            let days = Days::parse(text).expect(text);
            assert_eq!(days.to_string(), shown, "{text}");
            assert_eq!(Days::parse(shown), Some(days), "{shown}");
        }
        for text in [
            "",
            "..",
            "july",
            "2023-13",
            "2023-02-30",
            "2023-1-1-1",
            "2022..2020",
            "99999",
            "-5",
            "2023-",
        ] {
            assert_eq!(Days::parse(text), None, "{text}");
        }
    }

    #[test]
    fn seasons() {
        let today = date(2026, 1, 15);
        let shown = |days: Option<Days>| days.map(|days| days.to_string()).unwrap_or_default();
        assert_eq!(shown(Season::Summer.last(today)), "2025-06-01..2025-08-31");
        assert_eq!(shown(Season::Winter.last(today)), "2024-12-01..2025-02-28");
        assert_eq!(shown(Season::Winter.of(2023)), "2023-12-01..2024-02-29");
    }
}
