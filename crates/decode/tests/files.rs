//! Kept files of every format, sound and hostile, each with what must come of it.

use std::path::{Path, PathBuf};

use fovea_decode::{Error, Format, Image, Options, Pixels, decode, probe};

const RED: [u8; 3] = [220, 20, 20];
const GREEN: [u8; 3] = [20, 200, 20];
const BLUE: [u8; 3] = [20, 20, 220];
const PALE: [u8; 3] = [235, 235, 235];
const WHITE: [u8; 3] = [255, 255, 255];

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata")
        .join(path)
}

fn read(path: &str) -> Vec<u8> {
    std::fs::read(testdata(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn pixel(pixels: &Pixels, x: u32, y: u32) -> [u8; 3] {
    let at = (y * pixels.width() + x) as usize * 3;
    pixels.data()[at..at + 3].try_into().unwrap()
}

/// The colours in the middle of the four quarters, in reading order.
fn quarters(pixels: &Pixels) -> [[u8; 3]; 4] {
    let (width, height) = (pixels.width(), pixels.height());
    let middle = |column: u32, row: u32| {
        pixel(
            pixels,
            width * (1 + 2 * column) / 4,
            height * (1 + 2 * row) / 4,
        )
    };
    [middle(0, 0), middle(1, 0), middle(0, 1), middle(1, 1)]
}

fn is_near(a: [u8; 3], b: [u8; 3], tolerance: u8) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= tolerance)
}

/// Decodes a sound file, and compares format, size and the colours of its quarters.
fn check(file: &str, format: Format, size: (u32, u32), expect: [[u8; 3]; 4]) -> Image {
    let bytes = read(&format!("small/{file}"));
    let image =
        decode(&bytes, &Options::default()).unwrap_or_else(|error| panic!("{file}: {error}"));
    let found = quarters(&image.pixels);
    let is_right = found
        .iter()
        .zip(expect)
        .all(|(&found, expect)| is_near(found, expect, 6));
    assert!(is_right, "{file}: {found:?} is not {expect:?}");
    assert_eq!(
        (image.format, image.width, image.height),
        (format, size.0, size.1),
        "{file}"
    );
    let probed = probe(&bytes, &Options::default()).unwrap();
    assert_eq!(probed.format, format, "{file}");
    assert_eq!(
        u64::from(probed.width) * u64::from(probed.height),
        u64::from(size.0) * u64::from(size.1),
        "{file}"
    );
    image
}

#[test]
fn every_format_decodes() {
    const SIZE: (u32, u32) = (32, 16);
    let colors = [RED, GREEN, BLUE, PALE];
    let gray = colors.map(|[r, g, b]| {
        [((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b)) / 1000) as u8; 3]
    });
    let half =
        colors.map(|color| color.map(|value| ((u32::from(value) * 128 + 255 * 127) / 255) as u8));
    for file in ["rgb.jpg", "subsampled.jpg", "progressive.jpg", "cmyk.jpg"] {
        check(file, Format::Jpeg, SIZE, colors);
    }
    check("gray.jpg", Format::Jpeg, SIZE, gray);
    for file in [
        "rgb.png",
        "rgb16.png",
        "palette.png",
        "interlaced.png",
        "words.png",
    ] {
        check(file, Format::Png, SIZE, colors);
    }
    check("gray.png", Format::Png, SIZE, gray);
    check("transparent.png", Format::Png, SIZE, [WHITE; 4]);
    check("half.png", Format::Png, SIZE, half);
    check("lossy.webp", Format::WebP, SIZE, colors);
    check("lossless.webp", Format::WebP, SIZE, colors);
    check("transparent.webp", Format::WebP, SIZE, [WHITE; 4]);
    check("still.gif", Format::Gif, SIZE, colors);
    check("animated.gif", Format::Gif, SIZE, colors);
    check("rgb.bmp", Format::Bmp, SIZE, colors);
    for file in ["rgb.tif", "rgb16.tif", "planar.tif", "palette.tif"] {
        check(file, Format::Tiff, SIZE, colors);
    }
    check("gray.tif", Format::Tiff, SIZE, gray);
    check("white_is_zero.tif", Format::Tiff, SIZE, gray);
    // Its right tile and its lower edge stick out of the picture, whose lower quarters are two rows high.
    check(
        "tiled.tif",
        Format::Tiff,
        (24, 10),
        [RED, GREEN, RED, GREEN],
    );
    check("rects.svg", Format::Svg, SIZE, colors);
    check("rects.svgz", Format::Svg, SIZE, colors);
    // Turned by the raw file's own orientation, 6.
    check(
        "preview.dng",
        Format::Raw,
        (16, 32),
        [BLUE, RED, PALE, GREEN],
    );
}

/// The eight orientations of one stored picture, as the EXIF standard and Pillow's `exif_transpose` turn it.
#[test]
fn every_orientation_comes_out_upright() {
    let upright = [
        ([RED, GREEN, BLUE, PALE], (32, 16)),
        ([GREEN, RED, PALE, BLUE], (32, 16)),
        ([PALE, BLUE, GREEN, RED], (32, 16)),
        ([BLUE, PALE, RED, GREEN], (32, 16)),
        ([RED, BLUE, GREEN, PALE], (16, 32)),
        ([BLUE, RED, PALE, GREEN], (16, 32)),
        ([PALE, GREEN, BLUE, RED], (16, 32)),
        ([GREEN, PALE, RED, BLUE], (16, 32)),
    ];
    for (orientation, (colors, size)) in (1u8..).zip(upright) {
        let image = check(
            &format!("orientation_{orientation}.jpg"),
            Format::Jpeg,
            size,
            colors,
        );
        assert_eq!((image.pixels.width(), image.pixels.height()), size);
        assert_eq!(image.metadata.orientation, orientation);
    }
}

#[test]
fn drawings_are_rendered_as_large_as_wanted() {
    let options = Options {
        min_side: Some(200),
        ..Options::default()
    };
    let image = decode(&read("small/rects.svg"), &options).unwrap();
    assert_eq!((image.pixels.width(), image.pixels.height()), (400, 200));
    assert_eq!((image.width, image.height), (32, 16));
    assert_eq!(quarters(&image.pixels), [RED, GREEN, BLUE, PALE]);
}

/// What must come of a hostile file: the message it is refused with, or that it decodes.
enum Expect {
    Refused(&'static str),
    Decodes,
}
use Expect::{Decodes, Refused};

#[cfg(not(feature = "heif"))]
const CLIP_HEIC: &str = "HEIC is not supported by this build: build with `--features heif` after installing libheif (Debian: apt-get install libheif-dev), or convert the file";
#[cfg(not(feature = "heif"))]
const CLIP_AVIF: &str = "AVIF is not supported by this build: build with `--features heif` after installing libheif (Debian: apt-get install libheif-dev), or convert the file";
#[cfg(feature = "heif")]
const CLIP_HEIC: &str = "damaged HEIC";
#[cfg(feature = "heif")]
const CLIP_AVIF: &str = "damaged AVIF";

const HOSTILE: &[(&str, Expect)] = &[
    ("empty.jpg", Refused("the file is empty")),
    (
        "truncated.jpg",
        Refused("truncated JPEG: the file ends before the picture does"),
    ),
    ("header_only.jpg", Refused("truncated JPEG")),
    ("truncated_progressive.jpg", Refused("truncated JPEG")),
    ("truncated.png", Refused("truncated PNG")),
    ("truncated.webp", Refused("truncated WebP")),
    ("truncated.gif", Refused("truncated GIF")),
    ("truncated.bmp", Refused("truncated BMP")),
    ("truncated.tif", Refused("truncated TIFF")),
    ("truncated.svg", Refused("truncated SVG")),
    ("zero_by_zero.png", Refused("damaged PNG: its size is 0x0")),
    (
        "huge_header.png",
        Refused(
            "too large: 60000x60000 is 3600 megapixels and the limit is 512; raise it with --max-megapixels",
        ),
    ),
    (
        "huge_header.jpg",
        Refused("too large: 60000x60000 is 3600 megapixels"),
    ),
    (
        "bomb.png",
        Refused("too large: decoding this PNG of 20000x20000 needs"),
    ),
    (
        "bomb_interlaced.png",
        Refused("too large: decoding this PNG of 20000x20000 needs"),
    ),
    (
        "bomb.gif",
        Refused("too large: 65535x65535 is 4295 megapixels"),
    ),
    ("bomb_text.png", Decodes),
    ("png_named.jpg", Decodes),
    ("jpeg_named.png", Decodes),
    (
        "text_named.png",
        Refused("not an image: it looks like text"),
    ),
    (
        "page_named.jpg",
        Refused("not an image: it looks like a web page"),
    ),
    (
        "zeros.jpg",
        Refused("not an image: it looks like zeros only"),
    ),
    ("external_file.svg", Decodes),
    ("external_url.svg", Decodes),
    (
        "external_entity.svg",
        Refused("damaged SVG: unknown entity reference"),
    ),
    ("billion_laughs.svg", Refused("damaged SVG")),
    (
        "quadratic_entity.svg",
        Refused("damaged SVG: its entities expand without bound"),
    ),
    ("huge_canvas.svg", Decodes),
    ("thin_canvas.svg", Decodes),
    (
        "deep.svg",
        Refused("damaged SVG: its elements are nested too deeply"),
    ),
    ("deep_layers.svg", Decodes),
    ("use_bomb.svg", Refused("damaged SVG")),
    ("use_loop.svg", Refused("damaged SVG")),
    (
        "many_filters.svg",
        Refused("damaged SVG: it paints more than can be rendered in reasonable time"),
    ),
    (
        "zip_bomb.svgz",
        Refused("damaged SVG: its text is longer than 16 MiB"),
    ),
    ("exif_corrupt.jpg", Decodes),
    ("exif_count_bomb.jpg", Decodes),
    ("exif_recursive.jpg", Decodes),
    ("exif_nan.jpg", Decodes),
    ("exif_orientation_99.jpg", Decodes),
    ("xmp_broken.jpg", Decodes),
    ("tiff_loop.tif", Refused("damaged TIFF")),
    (
        "bomb.tif",
        Refused("too large: decoding this TIFF of 50000x10000 needs"),
    ),
    ("contradictory.bmp", Refused("too large")),
    ("clip.heic", Refused(CLIP_HEIC)),
    ("clip.avif", Refused(CLIP_AVIF)),
    ("clip.mp4", Refused("not an image: it looks like a video")),
    (
        "no_preview.dng",
        Refused("a camera raw file without a JPEG preview is not supported"),
    ),
];

#[test]
fn every_hostile_file_gives_what_it_must() {
    let mut wrong = Vec::new();
    for (file, expect) in HOSTILE {
        let found = decode(&read(&format!("hostile/{file}")), &Options::default());
        let message = found
            .as_ref()
            .map_or_else(Error::to_string, |_| "decodes".to_owned());
        let is_right = match expect {
            Refused(start) => message.starts_with(start),
            Decodes => found.is_ok(),
        };
        if !is_right {
            wrong.push(format!("{file}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_kept_file_has_an_expectation() {
    let mut kept: Vec<String> = std::fs::read_dir(testdata("hostile"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kept.sort();
    let mut expected: Vec<String> = HOSTILE.iter().map(|(file, _)| (*file).to_owned()).collect();
    expected.sort();
    assert_eq!(kept, expected);
}

/// A picture that is large only when unpacked is decoded row by row when a reduced one is enough.
#[test]
fn a_png_bomb_becomes_a_small_picture() {
    let options = Options {
        min_side: Some(448),
        ..Options::default()
    };
    let image = decode(&read("hostile/bomb.png"), &options).unwrap();
    assert_eq!((image.width, image.height), (20_000, 20_000));
    assert!(image.pixels.width() >= 448 && image.pixels.width() < 1000);
    assert!(image.pixels.data().iter().all(|&value| value == 0));
}

/// What a drawing costs depends on how large it is wanted.
#[test]
fn a_drawing_of_many_layers_is_refused_at_a_size_that_needs_too_much() {
    let options = Options {
        min_side: Some(448),
        ..Options::default()
    };
    let error = decode(&read("hostile/deep_layers.svg"), &options).unwrap_err();
    assert!(
        matches!(error, Error::TooMuchMemory { format: "SVG", .. }),
        "{error}"
    );
}

#[test]
fn damaged_metadata_leaves_no_trace() {
    let metadata = |file: &str| {
        decode(&read(&format!("hostile/{file}")), &Options::default())
            .unwrap()
            .metadata
    };
    for file in [
        "exif_corrupt.jpg",
        "exif_nan.jpg",
        "exif_orientation_99.jpg",
        "xmp_broken.jpg",
    ] {
        assert_eq!(metadata(file), Default::default(), "{file}");
    }
    // What is sound beside the damage is kept.
    assert_eq!(metadata("exif_count_bomb.jpg").orientation, 6);
    assert_eq!(metadata("exif_recursive.jpg").orientation, 3);
}

#[test]
fn external_references_are_never_followed() {
    for file in ["external_file.svg", "external_url.svg"] {
        let image = decode(&read(&format!("hostile/{file}")), &Options::default()).unwrap();
        assert!(
            image.pixels.data().iter().all(|&value| value == 255),
            "{file} painted something"
        );
        assert!(image.metadata.captions.is_empty(), "{file}");
    }
}

#[test]
fn limits_are_the_callers() {
    let mut options = Options::default();
    options.limits.max_pixels = 100;
    let error = decode(&read("small/rgb.png"), &options).unwrap_err();
    assert!(
        matches!(
            error,
            Error::TooManyPixels {
                width: 32,
                height: 16,
                ..
            }
        ),
        "{error}"
    );
    let mut options = Options::default();
    options.limits.max_decoded_bytes = 1000;
    for file in [
        "rgb.png",
        "rgb.jpg",
        "lossy.webp",
        "still.gif",
        "rgb.bmp",
        "rgb.tif",
        "rects.svg",
        "preview.dng",
    ] {
        let error = decode(&read(&format!("small/{file}")), &options).unwrap_err();
        assert!(
            matches!(
                error,
                Error::TooMuchMemory { .. } | Error::Damaged { format: "SVG", .. }
            ),
            "{file}: {error}"
        );
    }
}
