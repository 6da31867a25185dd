//! Names the metadata of an image file in the words of filters: `taken`, `camera`, `iso`, `tag` and so on.

use fovea_decode as decode;
use fovea_vectordb::{Item, Metadata, Value};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The metadata of one item; absent values have no key.
pub fn metadata_of(found: &decode::Metadata) -> Metadata {
    let mut metadata = Metadata::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            metadata.insert(key.to_owned(), vec![value]);
        }
    };
    put(
        "taken",
        found
            .taken
            .as_ref()
            .map(|taken| Value::Text(taken.to_string())),
    );
    put("camera", found.camera.clone().map(Value::Text));
    put("lens", found.lens.clone().map(Value::Text));
    put("iso", found.iso.map(|iso| Value::Integer(i64::from(iso))));
    put("focal_mm", found.focal_mm.map(Value::Real));
    put("aperture", found.aperture.map(Value::Real));
    put("exposure_s", found.exposure_s.map(Value::Real));
    put(
        "rating",
        found.rating.map(|rating| Value::Integer(i64::from(rating))),
    );
    put("latitude", found.gps.map(|gps| Value::Real(gps.latitude)));
    put("longitude", found.gps.map(|gps| Value::Real(gps.longitude)));
    put(
        "altitude_m",
        found.gps.and_then(|gps| gps.altitude_m).map(Value::Real),
    );
    if !found.keywords.is_empty() {
        let tags = found.keywords.iter().cloned().map(Value::Text).collect();
        metadata.insert("tag".to_owned(), tags);
    }
    metadata
}

/// The day on which the camera took the picture, as in `2021-05-03`, where it says so.
pub fn day_taken(item: &Item) -> Option<&str> {
    match item.metadata.get("taken")?.first()? {
        Value::Text(taken) => taken.get(..10),
        Value::Integer(_) | Value::Real(_) => None,
    }
}

/// The day of the file, here; none where no calendar has it.
pub fn day_of_file(item: &Item) -> Option<String> {
    let changed = Timestamp::from_nanosecond(i128::from(item.mtime_ns)).ok()?;
    let day = changed.to_zoned_datetime(TimeZone::system()).date();
    Some(day.to_string())
}
