//! Words and dates as files write them, made fit to keep.

use super::Taken;

/// Longest text kept, in bytes.
const MAX_BYTES: usize = 16 << 10;

/// Trimmed, without control characters, within a sensible length; `None` when nothing is left.
pub(crate) fn cleaned(text: &str) -> Option<String> {
    let end = text.floor_char_boundary(text.len().min(MAX_BYTES));
    let is_kept = |char: &char| !char.is_control() || matches!(char, '\n' | '\t');
    let kept: String = text[..end]
        .replace("\r\n", "\n")
        .chars()
        .filter(is_kept)
        .collect();
    let trimmed = kept.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// UTF-8 where it is, Latin-1 otherwise; ends at the first NUL.
pub(crate) fn utf8_or_latin1(bytes: &[u8]) -> String {
    let bytes = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// Whether a language tag names a language (`x-default` does not).
pub(crate) fn is_language(tag: &str) -> bool {
    let primary = tag.split(['-', '_']).next().unwrap_or_default();
    (2..=8).contains(&primary.len())
        && tag.len() <= 35
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// A date as EXIF (`2024:05:17 09:08:07`), ISO 8601 (`2024-05-17T09:08:07.5+02:00`) and IPTC (`20240517`) write it.
/// What a shorter form leaves out is the beginning: the first of January, midnight.
pub(crate) fn date(text: &str) -> Option<Taken> {
    let text = text.trim();
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, ""),
    };
    let [year, month, day] = date_numbers(date)?;
    let (time, utc_offset_min) = split_offset(time.trim());
    let [hour, minute, second] = time_numbers(time)?;
    let is_sound = (1..=9999).contains(&year)
        && month <= 12
        && day <= 31
        && hour <= 23
        && minute <= 59
        && second <= 60;
    // Cameras without a set clock write zeros.
    if !is_sound || month == 0 || day == 0 {
        return None;
    }
    let part = |value: u16| value as u8;
    let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(part);
    Some(Taken {
        year: i32::from(year),
        month,
        day,
        hour,
        minute,
        second,
        utc_offset_min,
    })
}

/// `+02:00`, `-0530`, `Z` as minutes east of UTC.
pub(crate) fn utc_offset(text: &str) -> Option<i16> {
    let text = text.trim_matches(['\0', ' ']);
    if text == "Z" {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|&char| char != ':').collect();
    let is_sound = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes) = is_sound.then(|| digits.split_at(2))?;
    let (hours, minutes) = (hours.parse::<i16>().ok()?, minutes.parse::<i16>().ok()?);
    (hours <= 15 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

fn date_numbers(date: &str) -> Option<[u16; 3]> {
    if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some([
            date[..4].parse().ok()?,
            date[4..6].parse().ok()?,
            date[6..].parse().ok()?,
        ]);
    }
    let mut numbers = [0, 1, 1];
    for (at, part) in date.split([':', '-', '/']).enumerate() {
        *numbers.get_mut(at)? = part.parse().ok()?;
    }
    Some(numbers)
}

/// Fractions of a second are dropped.
fn time_numbers(time: &str) -> Option<[u16; 3]> {
    let mut numbers = [0; 3];
    if time.len() == 6 && time.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some([
            time[..2].parse().ok()?,
            time[2..4].parse().ok()?,
            time[4..].parse().ok()?,
        ]);
    }
    if time.is_empty() {
        return Some(numbers);
    }
    for (at, part) in time.split(':').enumerate() {
        *numbers.get_mut(at)? = part.split('.').next()?.parse().ok()?;
    }
    Some(numbers)
}

fn split_offset(time: &str) -> (&str, Option<i16>) {
    match time.find(['+', '-', 'Z']) {
        Some(at) => (&time[..at], utc_offset(&time[at..])),
        None => (time, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<(i32, [u8; 5], Option<i16>)>) {
        let found = date(text).map(|t| {
            (
                t.year,
                [t.month, t.day, t.hour, t.minute, t.second],
                t.utc_offset_min,
            )
        });
        assert_eq!(found, expect, "{text:?}");
    }

    #[test]
    fn dates() {
        check("2024:05:17 09:08:07", Some((2024, [5, 17, 9, 8, 7], None)));
        check(
            "2024-05-17T09:08:07.51+02:00",
            Some((2024, [5, 17, 9, 8, 7], Some(120))),
        );
        check("2024-05-17T09:08Z", Some((2024, [5, 17, 9, 8, 0], Some(0))));
        check(
            "20240517 090807-0330",
            Some((2024, [5, 17, 9, 8, 7], Some(-210))),
        );
        check("2024-05", Some((2024, [5, 1, 0, 0, 0], None)));
        check("1999", Some((1999, [1, 1, 0, 0, 0], None)));
        check("0000:00:00 00:00:00", None);
        check("2024:13:01 00:00:00", None);
        check("    :  :     :  :  ", None);
        check("yesterday", None);
        check("2024:05:17 é9:08:07", None);
        check("", None);
    }

    #[test]
    fn languages() {
        let named = ["en", "zh-CN", "zh_TW", "haw"];
        assert!(named.into_iter().all(is_language));
        assert!(
            !["x-default", "", "e", "1n", "日本"]
                .into_iter()
                .any(is_language)
        );
    }
}
