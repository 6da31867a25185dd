//! Dates that stand in the words of a query, in English and Chinese: "beach July 2023" means the beach, in July 2023.
//!
//! Only what can hardly mean anything else is taken for a date: a month without a year stays a word, as `march` may be
//! what is looked for.

use std::sync::LazyLock;

use jiff::ToSpan;
use jiff::civil::Date;
use regex::{Captures, Regex};

use super::days::{Days, Season};

/// Years in which pictures that have a date were taken.
const YEARS: std::ops::RangeInclusive<i16> = 1950..=2099;

/// A date that was found among words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    pub days: Days,
    /// The words that said so.
    pub said: String,
    /// The other words.
    pub left: String,
}

/// What a pattern's parts mean; nothing where they are no date after all.
type Read = fn(&Captures<'_>, Date) -> Option<Days>;

/// Patterns, the longest first. `<month>`, `<year>`, `<season>` and `<in>` stand for what `pattern` puts there.
const PATTERNS: &[(&str, Read)] = &[
    (
        r"<in>(?<d>\d{1,2})(?:st|nd|rd|th)?(?: of)? (?<m><month>)\.?,? (?<y><year>)",
        read_day,
    ),
    (
        r"<in>(?<m><month>)\.? (?<d>\d{1,2})(?:st|nd|rd|th)?,? (?<y><year>)",
        read_day,
    ),
    (r"<in>(?<y><year>)-(?<m>\d{2})-(?<d>\d{2})", read_day),
    (r"<in>(?<m><month>)\.?,?(?: of)? (?<y><year>)", read_month),
    (r"<in>(?<y><year>)-(?<m>\d{2})", read_month),
    (r"between (?<y><year>) and (?<z><year>)", read_years),
    (
        r"from (?<y><year>) (?:to|until|till) (?<z><year>)",
        read_years,
    ),
    (r"<in>(?<s><season>)(?: of)? (?<y><year>)", read_season),
    (r"<in>(?:last|this past) (?<s><season>)", |found, today| {
        season(&found["s"])?.last(today)
    }),
    (r"<in>this (?<s><season>)", |found, today| {
        season(&found["s"])?.of(today.year())
    }),
    (r"<in>last year", |_, today| Days::year(today.year() - 1)),
    (r"<in>this year", |_, today| Days::year(today.year())),
    (r"<in>last month", |_, today| month_before(today, 1)),
    (r"<in>this month", |_, today| month_before(today, 0)),
    (r"<in>yesterday", |_, today| days_before(today, 1)),
    (r"<in>today", |_, today| days_before(today, 0)),
    (r"since (?<y><year>)", |found, _| {
        Some(Days {
            last: None,
            ..year(found)?
        })
    }),
    (r"after (?<y><year>)", |found, _| {
        let last = year(found)?.last?;
        Some(Days {
            first: last.tomorrow().ok(),
            last: None,
        })
    }),
    (r"before (?<y><year>)", |found, _| {
        let first = year(found)?.first?;
        Some(Days {
            first: None,
            last: first.yesterday().ok(),
        })
    }),
    (r"until (?<y><year>)", |found, _| {
        Some(Days {
            first: None,
            ..year(found)?
        })
    }),
    (r"<in>(?<y><year>)", |found, _| year(found)),
];

/// The same for Chinese, where no space parts the words.
const CHINESE: &[(&str, Read)] = &[
    (
        r"(?<y><nian>)年?(?<m><yue>)月(?<d>\d{1,2}|[一二三四五六七八九十]{1,3})[日号]",
        read_day,
    ),
    (r"(?<y><nian>)年?(?<m><yue>)月份?", read_month),
    (r"(?<y><nian>)年?(?<s>[春夏秋冬])(?:天|季)?", read_season),
    (
        r"(?<y>(?:19|20)\d{2}|[一二][〇零一二三四五六七八九]{3})年",
        |found, _| year(found),
    ),
    (r"(?<y>[去今前]年)", read_chinese_year),
    (r"上个?月", |_, today| month_before(today, 1)),
    (r"这个月|本月", |_, today| month_before(today, 0)),
    (r"昨天", |_, today| days_before(today, 1)),
    (r"前天", |_, today| days_before(today, 2)),
    (r"今天", |_, today| days_before(today, 0)),
];

/// The first pattern that finds a date in the words.
pub fn date_in(words: &str, today: Date) -> Option<Guess> {
    static ENGLISH_READY: LazyLock<Vec<(Regex, Read)>> = LazyLock::new(|| ready(PATTERNS, r"\b"));
    static CHINESE_READY: LazyLock<Vec<(Regex, Read)>> = LazyLock::new(|| ready(CHINESE, ""));
    let all = ENGLISH_READY.iter().chain(CHINESE_READY.iter());
    for (pattern, read) in all {
        if let Some(found) = pattern.captures(words)
            && let Some(days) = read(&found, today)
        {
            let said = found.get(0)?;
            let left = without(words, said.range());
            let said = said.as_str().trim().to_owned();
            return Some(Guess { days, said, left });
        }
    }
    None
}

fn ready(patterns: &[(&str, Read)], edge: &str) -> Vec<(Regex, Read)> {
    let pattern = |text: &str| {
        let text = text
            .replace("<in>", r"(?:(?:in|on|from|of|during|taken in|taken on) )?(?:the )?")
            .replace("<month>", "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)")
            .replace("<season>", "(?:spring|summer|autumn|fall|winter)")
            .replace("<year>", r"(?:19|20)\d{2}")
            .replace("<nian>", "(?:19|20)\\d{2}|[一二][〇零一二三四五六七八九]{3}|[去今前]年")
            .replace("<yue>", "1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九]");
        Regex::new(&format!("(?i){edge}(?:{text}){edge}")).expect("the patterns are tested")
    };
    patterns
        .iter()
        .map(|(text, read)| (pattern(text), *read))
        .collect()
}

/// The words around a date, without the particles that tied it to them.
fn without(words: &str, said: std::ops::Range<usize>) -> String {
    let (before, after) = (words[..said.start].trim(), words[said.end..].trim());
    let before = before.trim_end_matches(',').trim_end_matches(['在', '于']);
    let after = ["时候拍的", "拍摄的", "拍的", "的", "里的", "里"]
        .iter()
        .find_map(|particle| after.strip_prefix(particle))
        .unwrap_or(after);
    let joined = format!("{} {}", before.trim(), after.trim_start_matches(',').trim());
    joined.trim().to_owned()
}

fn read_day(found: &Captures<'_>, today: Date) -> Option<Days> {
    let year = year_of(&found["y"], today)?;
    Days::day(year, month(&found["m"])?, count(&found["d"])? as i8)
}

fn read_month(found: &Captures<'_>, today: Date) -> Option<Days> {
    Days::month(year_of(&found["y"], today)?, month(&found["m"])?)
}

fn read_season(found: &Captures<'_>, today: Date) -> Option<Days> {
    season(&found["s"])?.of(year_of(&found["y"], today)?)
}

fn read_years(found: &Captures<'_>, _: Date) -> Option<Days> {
    let number = |name: &str| found[name].parse::<i16>().ok();
    let (first, last) = (Days::year(number("y")?)?, Days::year(number("z")?)?);
    Days::between(first.first?, last.last?)
}

fn read_chinese_year(found: &Captures<'_>, today: Date) -> Option<Days> {
    Days::year(year_of(&found["y"], today)?)
}

fn year(found: &Captures<'_>) -> Option<Days> {
    let year = count(&found["y"])?;
    YEARS.contains(&year).then(|| Days::year(year)).flatten()
}

/// A year in digits of either script, or by its distance from this one.
fn year_of(text: &str, today: Date) -> Option<i16> {
    match text {
        "今年" => Some(today.year()),
        "去年" => Some(today.year() - 1),
        "前年" => Some(today.year() - 2),
        text => count(text).filter(|year| YEARS.contains(year)),
    }
}

fn month(text: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let lower = text.to_lowercase();
    let by_name = MONTHS.iter().position(|name| lower.starts_with(name));
    match by_name {
        Some(at) => Some(at as i8 + 1),
        None => count(text).and_then(|number| i8::try_from(number).ok()),
    }
}

fn season(text: &str) -> Option<Season> {
    Some(match text.to_lowercase().as_str() {
        "spring" | "春" => Season::Spring,
        "summer" | "夏" => Season::Summer,
        "autumn" | "fall" | "秋" => Season::Autumn,
        "winter" | "冬" => Season::Winter,
        _ => return None,
    })
}

/// Digits of either script: `2023`, `二〇二三`, `十二`, `二十一`.
fn count(text: &str) -> Option<i16> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let digit = |letter: char| "零一二三四五六七八九".chars().position(|one| one == letter);
    let digits: Vec<char> = text.replace('〇', "零").chars().collect();
    match digits.iter().position(|&letter| letter == '十') {
        Some(ten) => {
            let tens = digits[..ten]
                .first()
                .map_or(Some(1), |&letter| digit(letter))?;
            let ones = digits[ten + 1..]
                .first()
                .map_or(Some(0), |&letter| digit(letter))?;
            i16::try_from(tens * 10 + ones).ok()
        }
        None => digits.iter().try_fold(0i16, |number, &letter| {
            number.checked_mul(10)?.checked_add(digit(letter)? as i16)
        }),
    }
}

fn month_before(today: Date, months: i64) -> Option<Days> {
    let then = today.checked_sub(months.months()).ok()?;
    Days::month(then.year(), then.month())
}

fn days_before(today: Date, days: i64) -> Option<Days> {
    let day = today.checked_sub(days.days()).ok()?;
    Days::between(day, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn check(words: &str, expect: &str) {
        let shown = date_in(words, date(2026, 11, 27)).map_or("-".to_owned(), |guess| {
            format!("{} | {} | {}", guess.left, guess.days, guess.said)
        });
        assert_eq!(shown, expect, "for {words:?}");
    }

    #[test]
    fn english_dates() {
        check("beach July 2023", "beach | 2023-07 | July 2023");
        check("beach in july 2023", "beach | 2023-07 | in july 2023");
        check(
            "Christmas tree, December 24, 2019",
            "Christmas tree | 2019-12-24 | December 24, 2019",
        );
        check(
            "14th of July 2023 fireworks",
            "fireworks | 2023-07-14 | 14th of July 2023",
        );
        check(
            "2023-07-14 fireworks",
            "fireworks | 2023-07-14 | 2023-07-14",
        );
        check("snow in 2021", "snow | 2021 | in 2021");
        check(
            "summer 2022 lake",
            "lake | 2022-06-01..2022-08-31 | summer 2022",
        );
        check(
            "last summer at the lake",
            "at the lake | 2026-06-01..2026-08-31 | last summer",
        );
        check("cats since 2020", "cats | 2020-01-01.. | since 2020");
        check("cats before 2020", "cats | ..2019-12-31 | before 2020");
        check(
            "cats between 2018 and 2020",
            "cats | 2018..2020 | between 2018 and 2020",
        );
        check("yesterday", " | 2026-11-26 | yesterday");
        check("last month", " | 2026-10 | last month");
    }

    #[test]
    fn chinese_dates() {
        check("去年夏天的海滩", "海滩 | 2025-06-01..2025-08-31 | 去年夏天");
        check("2023年7月的海滩", "海滩 | 2023-07 | 2023年7月");
        check(
            "二〇二三年七月十四日 烟花",
            "烟花 | 2023-07-14 | 二〇二三年七月十四日",
        );
        check("2019年拍的猫", "猫 | 2019 | 2019年");
        check("今年冬天", " | 2026-12-01..2027-02-28 | 今年冬天");
        check("昨天的晚饭", "晚饭 | 2026-11-26 | 昨天");
        check("海边 上个月", "海边 | 2026-10 | 上个月");
    }

    #[test]
    fn what_may_be_something_else_stays_words() {
        for words in [
            "march of the penguins",
            "may flowers",
            "12345 steps",
            "room 1408",
            "a 747",
            "2001x2002",
            "Tux and spider - two friends.",
            "五月天",
            "百年孤独",
            "31 June",
        ] {
            check(words, "-");
        }
        // The day does not exist, but the year was said.
        check("February 30, 2020 x", "February 30 x | 2020 | 2020");
    }
}
