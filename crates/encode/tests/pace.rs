//! How a pack runs fastest: measured, kept, and measured again where what was kept is of no use. Pictures seen together are seen
//! as each by itself.
//!
//! Needs the real base pack: run `fovea models pull base` first.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use fovea_encode::pace::{self, Measured, Pace, Place, Tuned};
use fovea_encode::{Pack, Pixels, models};

fn base() -> Pack {
    Pack::open(&models::default_dir().join(models::BASE)).unwrap()
}

fn place(store: &Path) -> Place<'_> {
    Place {
        store,
        machine: "a machine",
        cores: 2,
    }
}

fn files(store: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(store.join(".pace")).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn what_was_measured_is_kept_for_this_machine_alone() {
    let (pack, store) = (base(), tempfile::tempdir().unwrap());
    let place = place(store.path());
    assert_eq!(place.kept(&pack), None);
    let tuned = pace::measure(&pack, 2, Duration::from_millis(400))
        .unwrap()
        .unwrap();
    assert_eq!(tuned.measured[0].pace, Pace::plain(2));
    assert!(tuned.measured.iter().any(|one| one.pace == tuned.chosen));
    let is_rate = |one: &Measured| one.rate.is_finite() && one.rate > 0.5;
    assert!(tuned.measured.iter().all(is_rate), "{tuned:?}");

    place.keep(&pack, &tuned).unwrap();
    assert_eq!(place.kept(&pack), Some(tuned));
    let elsewhere = Place {
        machine: "another",
        ..place
    };
    assert_eq!(elsewhere.kept(&pack), None);
    assert_eq!(Place { cores: 3, ..place }.kept(&pack), None);
    // A store lists packs, and this is none.
    assert_eq!(models::list(store.path()).unwrap(), []);
}

#[test]
fn a_damaged_or_stale_answer_is_none() {
    let (pack, store) = (base(), tempfile::tempdir().unwrap());
    let place = place(store.path());
    let measured = Measured {
        pace: Pace::plain(2),
        rate: 10.0,
    };
    let tuned = Tuned {
        chosen: measured.pace,
        measured: vec![measured],
    };
    place.keep(&pack, &tuned).unwrap();
    let kept = files(store.path());
    let [file] = &kept[..] else {
        panic!("one file is kept");
    };
    let whole = fs::read_to_string(file).unwrap();
    let half = whole[..whole.len() / 2].to_owned();
    let stale = |from: &str, to: &str| {
        assert!(whole.contains(from), "{whole} lacks {from}");
        whole.replacen(from, to, 1)
    };
    for wrong in [
        half,
        String::new(),
        "[]".into(),
        format!("{whole}{}", " ".repeat(1 << 17)),
        stale("\"format\": 1", "\"format\": 2"),
        stale("\"sessions\": 2", "\"sessions\": 0"),
        stale("\"threads\": 1", "\"threads\": 99999999999"),
        stale("a machine", "one of before"),
    ] {
        fs::write(file, &wrong).unwrap();
        assert_eq!(place.kept(&pack), None, "{wrong:.200}");
    }
    fs::write(file, "no longer an answer").unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| place.keep(&pack, &tuned).unwrap());
        }
    });
    assert_eq!(place.kept(&pack), Some(tuned));
    assert_eq!(files(store.path()).len(), 1, "nothing half written stays");
}

#[test]
fn several_pictures_in_a_run_are_seen_as_each_alone() {
    let pictures: Vec<Pixels> = (0..5u8)
        .map(|n| {
            let pixels = (0..60 * 40 * 3).map(|at: usize| (at as u8).wrapping_mul(n + 1));
            Pixels::new(60, 40, pixels.collect()).unwrap()
        })
        .collect();
    let pack = base();
    let planes: Vec<Vec<f32>> = pictures.iter().map(|one| pack.planes(one)).collect();
    let alone: Vec<Vec<f32>> = planes
        .iter()
        .map(|one| pack.feature_of_planes(one).unwrap())
        .collect();
    assert_ne!(alone[0], alone[1]);
    let threaded = base().with_threads(2);
    for together in [
        pack.features_of_planes(&planes).unwrap(),
        threaded.features_of_planes(&planes[..]).unwrap(),
    ] {
        for (one, other) in alone.iter().flatten().zip(together.iter().flatten()) {
            assert!((one - other).abs() < 1e-4, "{one} {other}");
        }
        assert_eq!(together.len(), 5);
    }
    assert_eq!(pack.features_of_planes(&[]).unwrap(), [[0.0; 0]; 0]);
}
