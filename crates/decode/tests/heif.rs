//! HEIC and AVIF files written by other programs (see testdata/README.md): decoded with the feature `heif`, refused with
//! advice without it.

use std::path::{Path, PathBuf};

use fovea_decode::{Error, Metadata, Options, decode, metadata, probe};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/heif")
}

fn read(file: &str) -> Vec<u8> {
    std::fs::read(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[cfg(not(feature = "heif"))]
#[test]
fn a_build_without_the_library_says_how_to_get_it() {
    for (file, label, tool) in [
        ("rgb.heic", "HEIC", "heif-convert FILE.heic FILE.jpg"),
        ("rgb.avif", "AVIF", "avifdec FILE.avif FILE.png"),
    ] {
        let bytes = read(file);
        let error = decode(&bytes, &Options::default()).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
        let start = format!(
            "{label} is not supported by this build: build with `--features heif` after installing libheif \
             (Debian: apt-get install libheif-dev), or convert the file, for example with `{tool}`"
        );
        assert!(error.to_string().starts_with(&start), "{error}");
        assert_eq!(probe(&bytes, &Options::default()), Err(error));
        assert_eq!(metadata(&bytes, &Options::default()), Metadata::default());
    }
}

#[cfg(feature = "heif")]
mod with_the_library {
    use fovea_decode::{Format, Image, Limits, Pixels};

    use super::*;

    const RED: [u8; 3] = [220, 20, 20];
    const GREEN: [u8; 3] = [20, 200, 20];
    const BLUE: [u8; 3] = [20, 20, 220];
    const PALE: [u8; 3] = [235, 235, 235];
    const COLORS: [[u8; 3]; 4] = [RED, GREEN, BLUE, PALE];
    /// What compression at these sizes may change.
    const TOLERANCE: u8 = 12;
    /// Not a divisor of the sizes of boxes, so that cuts fall everywhere.
    const CUT_STEP: usize = 7;

    /// The colours in the middle of the four quarters, in reading order.
    fn quarters(pixels: &Pixels) -> [[u8; 3]; 4] {
        let (width, height) = (pixels.width(), pixels.height());
        let middle = |column: u32, row: u32| {
            let (x, y) = (width * (1 + 2 * column) / 4, height * (1 + 2 * row) / 4);
            let at = (y * width + x) as usize * 3;
            pixels.data()[at..at + 3].try_into().unwrap()
        };
        [middle(0, 0), middle(1, 0), middle(0, 1), middle(1, 1)]
    }

    fn check(file: &str, size: (u32, u32), expect: [[u8; 3]; 4]) -> Image {
        let bytes = read(file);
        let image =
            decode(&bytes, &Options::default()).unwrap_or_else(|error| panic!("{file}: {error}"));
        let found = quarters(&image.pixels);
        let is_right = found.iter().zip(expect).all(|(found, expect)| {
            found
                .iter()
                .zip(expect)
                .all(|(a, b)| a.abs_diff(b) <= TOLERANCE)
        });
        assert!(is_right, "{file}: {found:?} is not {expect:?}");
        assert_eq!((image.width, image.height), size, "{file}");
        let pixels = (image.pixels.width(), image.pixels.height());
        assert_eq!(pixels, size, "{file}");
        let probed = probe(&bytes, &Options::default()).unwrap();
        assert_eq!((probed.width, probed.height), size, "{file}");
        let format = if file.ends_with("heic") {
            Format::Heic
        } else {
            Format::Avif
        };
        assert_eq!((image.format, probed.format), (format, format), "{file}");
        image
    }

    #[test]
    fn both_formats_decode_at_every_depth() {
        for file in ["rgb.heic", "rgb.avif", "deep.heic", "deep.avif"] {
            check(file, (32, 16), COLORS);
        }
        let gray = COLORS.map(|[r, g, b]| {
            [((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b)) / 1000) as u8; 3]
        });
        check("gray.avif", (32, 16), gray);
    }

    #[test]
    fn transparency_is_flattened_on_white() {
        let half = COLORS
            .map(|color| color.map(|value| ((u32::from(value) * 128 + 255 * 127) / 255) as u8));
        check("half.heic", (32, 16), half);
        check("half.avif", (32, 16), half);
        // The same samples, said to be scaled by the alpha already, which is 128.
        let scaled = COLORS.map(|color| color.map(|value| value.saturating_add(127)));
        check("premultiplied.avif", (32, 16), scaled);
    }

    /// Both say the same; one file has the box that turns it, and the other only EXIF, which does not.
    #[test]
    fn the_box_turns_the_picture_and_exif_does_not() {
        let turned = [BLUE, RED, PALE, GREEN];
        let image = check("turned.heic", (16, 32), turned);
        assert_eq!(image.metadata.orientation, 6);
        check("turned.avif", (16, 32), turned);
        let image = check("camera.heic", (32, 16), COLORS);
        assert_eq!(image.metadata.orientation, 6);
    }

    #[test]
    fn metadata_is_that_of_the_same_words_in_a_jpeg() {
        for (file, original) in [
            ("camera.heic", "camera.jpg"),
            ("turned.heic", "camera.jpg"),
            ("words.heic", "words.jpg"),
        ] {
            let original = std::fs::read(folder().join("../metadata").join(original)).unwrap();
            let mut expected = metadata(&original, &Options::default());
            let found = metadata(&read(file), &Options::default());
            if file == "words.heic" {
                // IPTC has no place in a HEIC file.
                expected
                    .captions
                    .retain(|caption| caption.text != "Käse und Brot");
                expected.keywords.retain(|keyword| keyword != "Brot");
                expected.taken = None;
            }
            assert_eq!(found, expected, "{file}");
            assert_ne!(found, Metadata::default(), "{file}");
        }
    }

    #[test]
    fn a_reduced_picture_keeps_its_colours_and_its_announced_size() {
        let options = Options {
            min_side: Some(4),
            ..Options::default()
        };
        let image = decode(&read("rgb.avif"), &options).unwrap();
        assert_eq!((image.pixels.width(), image.pixels.height()), (8, 4));
        assert_eq!((image.width, image.height), (32, 16));
    }

    #[test]
    fn limits_are_checked_by_the_header() {
        let limits = |max_pixels, max_decoded_bytes| Options {
            limits: Limits {
                max_pixels,
                max_decoded_bytes,
            },
            min_side: None,
        };
        for file in ["rgb.heic", "rgb.avif"] {
            let bytes = read(file);
            let error = probe(&bytes, &limits(511, 1 << 30)).unwrap_err();
            assert!(matches!(error, Error::TooManyPixels { .. }), "{error}");
            let error = decode(&bytes, &limits(512, 1000)).unwrap_err();
            assert!(matches!(error, Error::TooMuchMemory { .. }), "{error}");
            let needed = probe(&bytes, &limits(512, 1 << 30)).unwrap().working_bytes;
            decode(&bytes, &limits(512, needed)).unwrap();
        }
    }

    #[test]
    fn every_cut_file_is_refused_or_decodes() {
        for entry in std::fs::read_dir(folder()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            for len in (0..bytes.len()).step_by(CUT_STEP) {
                let Err(error) = decode(&bytes[..len], &Options::default()) else {
                    continue;
                };
                let message = error.to_string();
                assert!(!message.is_empty() && !message.contains("please report"));
            }
            let half = decode(&bytes[..bytes.len() / 3], &Options::default()).unwrap_err();
            assert!(!matches!(half, Error::NotAnImage { .. }), "{half}");
        }
    }

    /// Every byte of one file of each format, with its lowest and its highest bit turned.
    #[test]
    fn no_flipped_byte_panics() {
        for file in ["rgb.heic", "rgb.avif"] {
            let sound = read(file);
            for at in 0..sound.len() {
                for bit in [0x01, 0x80] {
                    let mut bytes = sound.clone();
                    bytes[at] ^= bit;
                    if let Err(error) = decode(&bytes, &Options::default()) {
                        assert!(!error.to_string().contains("please report"), "{file} {at}");
                    }
                }
            }
        }
    }
}
