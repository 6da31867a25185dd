//! Metadata written by another program (see testdata/README.md), read back.

use std::path::Path;

use fovea_decode::{Gps, Metadata, Options, Taken, decode};

fn metadata(path: &str) -> Metadata {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata")
        .join(path);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    decode(&bytes, &Options::default())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .metadata
}

fn captions(metadata: &Metadata) -> Vec<(Option<&str>, &str)> {
    metadata
        .captions
        .iter()
        .map(|caption| (caption.lang.as_deref(), caption.text.as_str()))
        .collect()
}

fn is_at(found: Option<Gps>, latitude: f64, longitude: f64, altitude_m: f64) -> bool {
    found.is_some_and(|gps| {
        (gps.latitude - latitude).abs() < 1e-6
            && (gps.longitude - longitude).abs() < 1e-6
            && gps
                .altitude_m
                .is_some_and(|altitude| (altitude - altitude_m).abs() < 1e-3)
    })
}

#[test]
fn the_cameras_facts_are_found_in_every_container() {
    for file in ["camera.jpg", "camera.png", "camera.tif"] {
        let found = metadata(&format!("metadata/{file}"));
        assert_eq!(found.camera.as_deref(), Some("Canon EOS R6"), "{file}");
        assert_eq!(
            found.lens.as_deref(),
            Some("RF24-105mm F4 L IS USM"),
            "{file}"
        );
        assert_eq!(found.iso, Some(400), "{file}");
        assert_eq!(
            (found.focal_mm, found.aperture),
            (Some(35.0), Some(5.6)),
            "{file}"
        );
        assert_eq!(found.exposure_s, Some(1.0 / 250.0), "{file}");
        assert_eq!(found.orientation, 6, "{file}");
        assert!(
            is_at(found.gps, 48.858_370_1, 2.294_481_3, 35.0),
            "{file}: {:?}",
            found.gps
        );
        let taken = Taken {
            year: 2023,
            month: 7,
            day: 14,
            hour: 18,
            minute: 22,
            second: 5,
            utc_offset_min: Some(120),
        };
        assert_eq!(found.taken, Some(taken), "{file}");
        assert_eq!(captions(&found), [(None, "A red field")], "{file}");
    }
}

#[test]
fn words_of_xmp_and_iptc_come_with_their_languages() {
    let found = metadata("metadata/words.jpg");
    let expected = [
        (None, "Bread and cheese"),
        (Some("de"), "Brot und Käse"),
        (Some("zh-CN"), "面包和奶酪"),
        (None, "Lunch"),
        (None, "Käse und Brot"),
    ];
    assert_eq!(captions(&found), expected);
    assert_eq!(found.keywords, ["food", "kitchen", "Brot"]);
    assert_eq!(found.rating, Some(4));
    assert_eq!(
        found
            .taken
            .map(|taken| (taken.year, taken.month, taken.day)),
        Some((2019, 12, 31))
    );
}

#[test]
fn south_and_west_are_negative_and_windows_words_are_read() {
    let found = metadata("metadata/south.jpg");
    assert!(
        is_at(found.gps, -33.856_784_4, -70.669_3, -12.5),
        "{:?}",
        found.gps
    );
    assert_eq!(found.camera.as_deref(), Some("NIKON Z 6"));
    assert_eq!(found.keywords, ["a", "b c"]);
    assert_eq!(captions(&found), [(None, "Un commentaire é"), (None, "山")]);
    assert_eq!(found.taken.map(|taken| taken.year), Some(2020));
}

#[test]
fn what_png_and_svg_say_themselves() {
    let found = metadata("small/words.png");
    assert_eq!(
        captions(&found),
        [(Some("de"), "Ein roter Fleck"), (None, "Four colours")]
    );
    let found = metadata("small/rects.svg");
    assert_eq!(
        captions(&found),
        [(None, "Vier Farben"), (Some("en"), "four colours")]
    );
}
