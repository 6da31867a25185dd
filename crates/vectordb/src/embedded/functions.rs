//! Functions that statements call and SQLite does not have: text without
//! letter case and as words, distances on the Earth, and how much of an image is of a colour.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::codec::decode_colors;
use super::fail::Try;
use crate::color::color_share;
use crate::place::km_between;
use crate::words;

/// Text without letter case.
pub(super) const FOLD: &str = "fovea_fold";
/// Kilometres between two places: latitude, longitude, latitude, longitude.
pub(super) const KM: &str = "fovea_km";
/// Share of an image that looks like a colour: its colours, red, green, blue.
pub(super) const COLOR_SHARE: &str = "fovea_color_share";

/// Text as the words of the keyword index.
const WORDS: &str = "fovea_words";

/// Make the functions known to a connection.
pub(super) fn register(connection: &Connection) -> Try<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(FOLD, 1, flags, |asked| {
        let text: Option<String> = asked.get(0)?;
        Ok(text.map(|text| text.to_lowercase()))
    })?;
    connection.create_scalar_function(WORDS, 1, flags, |asked| {
        let text: Option<String> = asked.get(0)?;
        Ok(text.map(|text| words::indexed(&text).join(" ")))
    })?;
    connection.create_scalar_function(KM, 4, flags, |asked| {
        let number = |at| asked.get::<Option<f64>>(at);
        let (Some(a), Some(b), Some(c), Some(d)) = (number(0)?, number(1)?, number(2)?, number(3)?)
        else {
            return Ok(None);
        };
        Ok(Some(km_between([a, b], [c, d])))
    })?;
    connection.create_scalar_function(COLOR_SHARE, 4, flags, |asked| {
        let Ok(bytes) = asked.get_raw(0).as_blob() else {
            return Ok(None);
        };
        let rgb = [asked.get(1)?, asked.get(2)?, asked.get(3)?];
        // Damage is for `check` to tell; here it is an image without colours.
        let colors = decode_colors(bytes).unwrap_or_default();
        Ok(Some(f64::from(color_share(&colors, rgb))))
    })?;
    Ok(())
}
