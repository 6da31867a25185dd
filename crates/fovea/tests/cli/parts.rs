//! Parts of pictures: a small thing in a big scene, with the real pack.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{Ran, fovea, stamps};

/// A stamp on a plain ground, its longer side 200 pixels long, at a place of a scene of 800 x 600.
pub fn scene(path: &Path, stamp: &str, ground: [u8; 3], [left, top]: [u32; 2]) {
    let stamp = image::open(stamps().join("stamps").join(stamp))
        .unwrap()
        .thumbnail(200, 200)
        .to_rgba8();
    let mut picture = image::RgbImage::from_fn(800, 600, |x, y| {
        let [r, g, b] = ground;
        image::Rgb([
            r,
            g.saturating_add((y / 12) as u8),
            b.saturating_add((x / 16) as u8),
        ])
    });
    for (x, y, pixel) in stamp.enumerate_pixels() {
        let [r, g, b, alpha] = pixel.0.map(u32::from);
        let below = picture.get_pixel_mut(left + x, top + y);
        let mixed =
            |over: u32, under: u8| ((over * alpha + u32::from(under) * (255 - alpha)) / 255) as u8;
        below.0 = [
            mixed(r, below.0[0]),
            mixed(g, below.0[1]),
            mixed(b, below.0[2]),
        ];
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.save(path).unwrap();
}

/// Three scenes below a folder.
pub fn scenes(folder: &Path) {
    scene(
        &folder.join("coast.png"),
        "animals/birds/penguin.png",
        [30, 60, 90],
        [540, 340],
    );
    scene(
        &folder.join("meadow.png"),
        "animals/mammals/pig.png",
        [70, 120, 50],
        [60, 330],
    );
    scene(
        &folder.join("table.png"),
        "food/fruit/apple_red.png",
        [130, 100, 80],
        [90, 60],
    );
}

struct Library {
    _temporary: tempfile::TempDir,
    folder: PathBuf,
    database: PathBuf,
}

impl Library {
    fn new() -> Library {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("scenes");
        scenes(&folder);
        Library {
            folder,
            database: temporary.path().join("db"),
            _temporary: temporary,
        }
    }

    fn index(&self, flags: &[&str]) -> Ran {
        let folder = self.folder.to_string_lossy().into_owned();
        fovea(&self.database, &[&["index"], flags, &[&folder]].concat())
    }
}

#[test]
fn a_small_thing_is_found_and_its_place_is_said() {
    let library = Library::new();
    // The bare flag takes no value, so the folder after it stays a folder.
    let ran = library.index(&["--regions"]).expect(0);
    assert!(ran.stderr.contains("3 added, 48 parts"), "{}", ran.stderr);
    for (words, name, centre) in [
        ("a penguin", "coast.png", [0.80, 0.73]),
        ("a pig", "meadow.png", [0.20, 0.68]),
        ("a red apple", "table.png", [0.24, 0.27]),
    ] {
        let ran = fovea(
            &library.database,
            &["--json", "search", words, "--top", "3"],
        )
        .expect(0);
        let first = ran.json()[0]["results"][0].clone();
        assert!(
            first["path"].as_str().unwrap().ends_with(name),
            "{words}: {first}"
        );
        let region = first["region"]
            .as_array()
            .unwrap_or_else(|| panic!("{words}: no box: {first}"));
        let side = |at: usize| region[at].as_f64().unwrap();
        for (axis, at) in centre.iter().enumerate() {
            let (from, to) = (side(axis), side(axis) + side(axis + 2));
            assert!(from >= 0.0 && to <= 1.0 && side(axis + 2) > 0.0, "{first}");
            assert!((from..to).contains(at), "{words}: {first}");
        }
    }
    let ran = fovea(&library.database, &["search", "a penguin", "--top", "1"]).expect(0);
    assert!(ran.stdout.contains("coast.png  in 0."), "{}", ran.stdout);
    let shown = ["search", "a penguin", "--top", "1", "--preview", "always"];
    let ran = fovea(&library.database, &shown).expect(0);
    assert!(ran.stdout.contains('▀'), "{}", ran.stdout);
}

#[test]
fn the_choice_is_remembered_shown_and_taken_back() {
    let library = Library::new();
    library.index(&[]).expect(0);
    let stats = || {
        fovea(&library.database, &["--json", "stats"])
            .expect(0)
            .json()[0]
            .clone()
    };
    assert_eq!(
        (stats()["regions"].as_str(), stats()["n_parts"].as_u64()),
        (Some("none"), Some(0))
    );
    let report = library
        .index(&["--regions=grid", "--json"])
        .expect(0)
        .json()[0]
        .clone();
    assert_eq!(
        (report["unchanged"].as_u64(), report["parts"].as_u64()),
        (Some(3), Some(36))
    );
    let more = library.folder.join("more.png");
    scene(&more, "animals/birds/owl.png", [20, 20, 60], [300, 200]);
    let report = library.index(&["--json"]).expect(0).json()[0].clone();
    assert_eq!(
        (report["added"].as_u64(), report["parts"].as_u64()),
        (Some(1), Some(12))
    );
    assert_eq!(
        (stats()["regions"].as_str(), stats()["n_parts"].as_u64()),
        (Some("grid"), Some(48))
    );
    let ran = fovea(&library.database, &["stats"]).expect(0);
    assert!(
        ran.stdout.contains("48 parts of 4 images (`grid`)"),
        "{}",
        ran.stdout
    );
    let ran = fovea(&library.database, &["check", "--json"]).expect(0);
    assert_eq!(ran.json()[0]["without_parts"], 0);

    // A row of an exported file is a picture.
    let out = library.folder.with_file_name("vectors.npy");
    fovea(&library.database, &["export", &out.to_string_lossy()]).expect(0);
    let names = fs::read_to_string(out.with_file_name("vectors.npy.names.jsonl")).unwrap();
    assert_eq!(names.lines().count(), 4);

    let ran = library.index(&["--regions=none"]).expect(0);
    assert!(
        ran.stderr.contains("parts of 4 images removed"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        (stats()["regions"].as_str(), stats()["n_parts"].as_u64()),
        (Some("none"), Some(0))
    );
    let ran = fovea(
        &library.database,
        &["--json", "search", "a penguin", "--top", "3"],
    )
    .expect(0);
    let results = ran.json()[0]["results"].as_array().unwrap().clone();
    assert!(
        results.iter().all(|one| one["region"].is_null()),
        "{results:?}"
    );
    fovea(&library.database, &["check"]).expect(0);
}

#[test]
fn a_choice_that_there_is_not_is_refused_before_anything_is_done() {
    let library = Library::new();
    for value in ["12", "", "Grid", "grid,salient"] {
        let ran = library.index(&[&format!("--regions={value}")]).expect(2);
        assert!(
            ran.stderr.contains("`salient` (what stands out)"),
            "{value}: {}",
            ran.stderr
        );
    }
    assert!(!library.database.exists());
    let ran = fovea(
        &library.database,
        &["search", "--vector", "x.npy", "--region", "0,0,1,1"],
    )
    .expect(2);
    assert!(ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
}
