//! `fovea train align` and `fovea migrate-model`, on small drawings that the test makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Ran, command, ran};

pub const COLOURS: [(&str, &str, [u8; 3]); 6] = [
    ("red", "红色", [220, 20, 20]),
    ("green", "绿色", [20, 160, 20]),
    ("blue", "蓝色", [20, 20, 220]),
    ("yellow", "黄色", [240, 220, 20]),
    ("black", "黑色", [10, 10, 10]),
    ("pink", "粉色", [250, 120, 180]),
];
pub const SHAPES: [(&str, &str); 4] = [
    ("circle", "圆"),
    ("square", "方块"),
    ("cross", "十字"),
    ("stripes", "条纹"),
];
const OF_EACH: u32 = 4;

/// A folder with drawings, captions, a database, a cache, and a store of packs that holds the base pack.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Place {
        let place = Place {
            folder: tempfile::tempdir().unwrap(),
        };
        let store = place.path("models/base");
        fs::create_dir_all(&store).unwrap();
        for entry in fs::read_dir(fovea_encode::models::default_dir().join("base")).unwrap() {
            let entry = entry.unwrap();
            let to = store.join(entry.file_name());
            if fs::hard_link(entry.path(), &to).is_err() {
                fs::copy(entry.path(), &to).unwrap();
            }
        }
        place.draw();
        place
    }

    pub fn draw_again(&self) {
        let _ = fs::remove_dir_all(self.path("drawings"));
        self.draw();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Every shape in every colour, several times in other places.
    fn draw(&self) {
        fs::create_dir(self.path("drawings")).unwrap();
        let mut captions = String::new();
        for (shape, shape_zh) in SHAPES {
            for (colour, colour_zh, rgb) in COLOURS {
                for number in 0..OF_EACH {
                    let name = format!("drawings/{colour}-{shape}-{number}.png");
                    drawing(shape, rgb, number).save(self.path(&name)).unwrap();
                    captions += &format!(
                        "{name}\ten\ta {colour} {shape}\n{name}\tzh\t{colour_zh}的{shape_zh}\n"
                    );
                }
            }
        }
        fs::write(self.path("captions.tsv"), captions).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&self.path("db"), arguments);
        command
            .env("FOVEA_MODELS", self.path("models"))
            .env("FOVEA_CACHE", self.path("cache"))
            .current_dir(self.folder.path());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments).output().unwrap())
    }

    /// Trains on the captions with a few quick epochs.
    pub fn train(&self, more: &[&str]) -> Ran {
        let arguments = [&TRAIN[..], more].concat();
        self.run(&arguments)
    }
}

const TRAIN: [&str; 11] = [
    "train",
    "align",
    "--pairs",
    "captions.tsv",
    "--batch",
    "16",
    "--hidden",
    "0",
    "--validation",
    "0.3",
    "--json",
];

pub fn drawing(shape: &str, rgb: [u8; 3], number: u32) -> image::RgbImage {
    let (x0, y0) = (40 + 6 * number as i32, 50 + 4 * number as i32);
    image::RgbImage::from_fn(100, 100, |x, y| {
        let (dx, dy) = ((x as i32 - x0).abs(), (y as i32 - y0).abs());
        let is_inside = match shape {
            "circle" => dx * dx + dy * dy < 900,
            "square" => dx < 28 && dy < 28,
            "cross" => (dx < 8 || dy < 8) && dx < 34 && dy < 34,
            _ => ((x + number) / 10).is_multiple_of(2),
        };
        image::Rgb(if is_inside { rgb } else { [250, 250, 250] })
    })
}

pub fn of(ran: &Ran) -> Value {
    ran.json().remove(0)
}

#[test]
fn what_is_learnt_is_a_pack_to_which_a_collection_moves_and_from_which_it_returns() {
    let place = Place::new();
    learn_shapes(&place);
    move_and_return(&place);
}

/// Learns of the collection, and looks at all that is written.
fn learn_shapes(place: &Place) {
    place
        .run(&["index", "drawings", "--captions", "captions.tsv"])
        .expect(0);
    let from_collection = [
        "--from-collection",
        "--name",
        "shapes",
        "--report",
        "report.html",
        "--events",
        "events",
    ];
    let arguments: Vec<&str> = TRAIN[..2]
        .iter()
        .chain(&TRAIN[4..])
        .chain(&from_collection)
        .copied()
        .collect();
    let learnt = of(&place.run(&arguments).expect(0));
    let all = &learnt["languages"]["all"]["recall@10"];
    assert!(all["after"].as_f64() > all["before"].as_f64(), "{learnt}");
    assert!(
        learnt["languages"]["zh"]["n_queries"].as_u64() > Some(3),
        "{learnt}"
    );
    let page = fs::read_to_string(place.path("report.html")).unwrap();
    assert!(
        page.contains("data:image/jpeg")
            && !page.contains("src=\"http")
            && !page.contains("href=\"http"),
        "a page that stands by itself"
    );
    let events = fs::read_dir(place.path("events"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert!(events.file_name().to_string_lossy().contains("tfevents"));

    let info = of(&place
        .run(&["models", "info", "base+shapes", "--json"])
        .expect(0));
    assert_eq!(info["fingerprint"], learnt["fingerprint"]);
    assert_eq!(info["training"]["parent"], "base");
    let refused = place.run(&arguments).expect(2);
    assert!(refused.stderr.contains("--replace"), "{}", refused.stderr);
}

/// Moves the collection without its originals, and back.
fn move_and_return(place: &Place) {
    place
        .run(&["saved", "add", "rings", "a", "red", "circle"])
        .expect(0);
    fs::remove_dir_all(place.path("drawings")).unwrap();
    let moved = of(&place
        .run(&["migrate-model", "--to", "base+shapes", "--json"])
        .expect(0));
    assert_eq!(moved["images"]["from_features"], 96, "{moved}");
    assert_eq!(moved["saved"][0]["name"], "rings");
    let found = of(&place
        .run(&[
            "--json",
            "search",
            "a green cross",
            "--space",
            "image",
            "--top",
            "5",
        ])
        .expect(0));
    assert_eq!(found["results"].as_array().unwrap().len(), 5, "{found}");
    let again = place
        .run(&["migrate-model", "--to", "base+shapes"])
        .expect(2);
    assert!(again.stderr.contains("already"), "{}", again.stderr);
    let back = of(&place.run(&["migrate-model", "--back", "--json"]).expect(0));
    assert_eq!(
        (&back["to"], &back["images"]["known"]),
        (&"base".into(), &96.into()),
        "{back}"
    );
    place.run(&["check"]).expect(0);
    a_pack_that_was_replaced_is_no_trap(place);
}

/// The pack in use is learnt anew: the collection is not lost, and its kept features bring it along.
fn a_pack_that_was_replaced_is_no_trap(place: &Place) {
    place
        .run(&["migrate-model", "--to", "base+shapes"])
        .expect(0);
    fs::remove_dir_all(place.path("models/base+shapes")).unwrap();
    place.draw_again();
    place.train(&["--name", "shapes", "--seed", "7"]).expect(0);
    let refused = place.run(&["search", "circle"]).expect(3);
    assert!(
        refused.stderr.contains("migrate-model --to base+shapes"),
        "{}",
        refused.stderr
    );
    let moved = of(&place
        .run(&["migrate-model", "--to", "base+shapes", "--json"])
        .expect(0));
    assert_eq!(moved["images"]["from_features"], 96, "{moved}");
    place.run(&["search", "circle", "--top", "3"]).expect(0);
}

#[test]
fn a_run_that_was_killed_goes_on_and_ends_with_the_same_weights() {
    let place = Place::new();
    let whole = of(&place
        .train(&["--name", "whole", "--epochs", "12", "--patience", "12"])
        .expect(0));
    let arguments = [
        &TRAIN[..],
        &["--name", "cut", "--epochs", "12", "--patience", "12"],
    ]
    .concat();
    let mut killed = place
        .command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while !has_checkpoint(&place.path("cache/train")) {
        assert!(Instant::now() < until, "no checkpoint was written");
        std::thread::sleep(Duration::from_millis(1));
    }
    // SIGKILL: nothing is tidied up.
    killed.kill().unwrap();
    killed.wait().unwrap();
    place.run(&["models", "info", "base"]).expect(0);
    let cut = place.run(&arguments);
    match cut.code {
        0 => assert_eq!(of(&cut)["fingerprint"], whole["fingerprint"]),
        // It was quicker than the signal, and is installed.
        _ => assert!(cut.stderr.contains("--replace"), "{}", cut.stderr),
    }
    assert!(!has_checkpoint(&place.path("cache/train")));
    a_move_that_was_killed_takes_nothing_away(&place);
}

/// Killed at one moment after another, the collection answers with the pack that it had or with the new one, until a move arrives.
fn a_move_that_was_killed_takes_nothing_away(place: &Place) {
    let query = ["--json", "search", "a red circle", "--top", "96"];
    let move_to = ["migrate-model", "--to", "base+whole", "--quiet"];
    place
        .run(&["index", "drawings", "--captions", "captions.tsv"])
        .expect(0);
    let mut n_killed = 0;
    for wait_ms in (10..).step_by(30) {
        let mut moving = place.command(&move_to).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait_ms));
        moving.kill().unwrap();
        let ended = moving.wait().unwrap();
        n_killed += usize::from(ended.code().is_none());
        let found = of(&place.run(&query).expect(0));
        assert_eq!(found["results"].as_array().unwrap().len(), 96, "{found}");
        place.run(&["check"]).expect(0);
        if ended.code().is_some() {
            break;
        }
    }
    assert!(n_killed > 0, "it was done too soon to be killed");
    let already = place.run(&move_to).expect(2);
    assert!(already.stderr.contains("already"), "{}", already.stderr);
    place.run(&["migrate-model", "--back"]).expect(0);
    let back = of(&place.run(&query).expect(0));
    assert_eq!(back["results"].as_array().unwrap().len(), 96, "{back}");
    place.run(&["check"]).expect(0);
}

fn has_checkpoint(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.any(|name| name.ends_with(".checkpoint"))
}

#[test]
fn what_is_no_use_is_named_and_passed_over() {
    let place = Place::new();
    fs::write(place.path("drawings/broken.png"), b"\x89PNG no more").unwrap();
    let mut captions = fs::read_to_string(place.path("captions.tsv")).unwrap();
    captions += "drawings/gone.png\ten\tgone\ndrawings/broken.png\ten\tbroken\ndrawings/red-circle-0.png\txx\tqqqq\ndrawings/mute.png\ten\t\n";
    fs::write(place.path("captions.tsv"), captions).unwrap();
    let learnt = of(&place.train(&["--epochs", "2"]));
    let skipped: Vec<&str> = learnt["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect();
    assert!(
        skipped.len() == 2
            && skipped[0].ends_with("gone.png")
            && skipped[1].ends_with("broken.png"),
        "{learnt}"
    );
    assert_eq!(learnt["n_without_caption"], 1);
}

#[track_caller]
fn check(captions: &dyn Fn(&str) -> String, more: &[&str], expect: &str) {
    let place = Place::new();
    let text = fs::read_to_string(place.path("captions.tsv")).unwrap();
    fs::write(place.path("captions.tsv"), captions(&text)).unwrap();
    let refused = place.train(more).expect(2);
    assert!(refused.stderr.contains(expect), "{}", refused.stderr);
    place.run(&["models", "info", "base+mine"]).expect(3);
}

#[test]
fn pairs_of_which_nothing_can_be_learnt_are_refused_with_what_to_do() {
    check(
        &|text| {
            text.lines()
                .take(6)
                .map(|line| format!("{line}\n"))
                .collect()
        },
        &[],
        "batch of at most",
    );
    let same = |text: &str| -> String {
        let path = |line: &str| line.split('\t').next().unwrap().to_owned();
        text.lines()
            .map(|line| format!("{}\ten\ta drawing\n", path(line)))
            .collect()
    };
    check(&same, &[], "all captions are the same");
    check(
        &|_| "nowhere.png\ten\tnothing\n".to_owned(),
        &[],
        "no image with a caption",
    );
    check(&|text| text.to_owned(), &["--rate", "0"], "learning rate");
    check(
        &|text| text.to_owned(),
        &["--held-out", "captions.tsv"],
        "also on the training side",
    );
    check(
        &|text| text.to_owned(),
        &["--name", "../up"],
        "letters, digits",
    );
}

#[test]
fn a_learning_rate_that_runs_away_is_named() {
    let place = Place::new();
    let diverged = place.train(&["--rate", "1e6", "--no-residual", "--epochs", "20"]);
    assert!(diverged.code == 2, "{diverged:?}");
    assert!(!place.path("models/base+mine").exists());
}

/// The drawings again, in a folder for each shape.
pub fn sort(place: &Place) {
    for entry in fs::read_dir(place.path("drawings")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let shape = name.split('-').nth(1).unwrap().to_owned();
        let folder = place.path("sorted").join(shape);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(entry.path(), folder.join(name)).unwrap();
    }
}

#[test]
fn labels_that_were_taught_are_tags_and_filters() {
    let place = Place::new();
    sort(&place);
    fs::write(place.path("sorted/beside.png"), b"no label").unwrap();
    place
        .run(&["index", "drawings", "--captions", "none"])
        .expect(0);
    let classify = [
        "train",
        "classify",
        "--folder",
        "sorted",
        "--name",
        "shapes",
        "--report",
        "shapes.html",
        "--json",
    ];
    let learnt = of(&place.run(&classify).expect(0));
    assert_eq!(
        learnt["labels"].as_array().unwrap().len(),
        SHAPES.len(),
        "{learnt}"
    );
    assert!(learnt["accuracy"].as_f64() > Some(0.7), "{learnt}");
    assert!(
        fs::read_to_string(place.path("shapes.html"))
            .unwrap()
            .contains("stripes")
    );
    let moved = of(&place
        .run(&["migrate-model", "--to", "base+shapes", "--json"])
        .expect(0));
    assert_eq!(moved["images"]["from_features"], 96, "{moved}");
    let found = of(&place
        .run(&["--json", "search", "tag:stripes", "--top", "50"])
        .expect(0));
    let paths: Vec<&str> = found["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect();
    let right = paths.iter().filter(|path| path.contains("stripes")).count();
    assert!(right >= 20 && right + 3 >= paths.len(), "{paths:?}");
    what_was_learnt_before_stays(&place);
    tags_come_and_go_without_a_migration(&place);
    let suggest = [
        "train", "suggest", "--labels", "few.tsv", "--top", "5", "--json",
    ];
    let few = "drawings/red-circle-0.png\tcircle\ndrawings/blue-circle-1.png\tcircle\n\
               drawings/red-square-0.png\tsquare\ndrawings/blue-square-1.png\tsquare\n";
    fs::write(place.path("few.tsv"), few).unwrap();
    let suggested = of(&place.run(&suggest).expect(0));
    let suggested = suggested.as_array().unwrap();
    assert_eq!(suggested.len(), 5, "{suggested:?}");
    assert!(
        suggested
            .iter()
            .all(|one| !few.contains(one["path"].as_str().unwrap().rsplit('/').next().unwrap()))
    );
}

/// Back with the base pack, the collection has its tags; those of another pack come by its name, and go again.
fn tags_come_and_go_without_a_migration(place: &Place) {
    place.run(&["migrate-model", "--back"]).expect(0);
    place.run(&["search", "tag:stripes"]).expect(1);
    let given = of(&place
        .run(&["tag", "--pack", "base+shapes", "--json"])
        .expect(0));
    assert_eq!(given["n_images"], 96, "{given}");
    let counts = given["facets"].to_string();
    assert!(
        counts.contains("stripes") && counts.contains("circle"),
        "{given}"
    );
    place.run(&["search", "tag:stripes"]).expect(0);
    // Indexing again does not undo it.
    place
        .run(&["index", "drawings", "--captions", "none"])
        .expect(0);
    place.run(&["search", "tag:stripes"]).expect(0);
    place.run(&["tag"]).expect(0);
    place.run(&["search", "tag:stripes"]).expect(1);
    let refused = place.run(&["tag", "--pack", "nowhere"]).expect(3);
    assert!(refused.stderr.contains("nowhere"), "{}", refused.stderr);
}

fn what_was_learnt_before_stays(place: &Place) {
    let again = [
        "train",
        "classify",
        "--folder",
        "sorted",
        "--name",
        "twice",
        "--model",
        "base+shapes",
        "--json",
    ];
    place.run(&again).expect(0);
    let align = [
        &TRAIN[..],
        &["--name", "both", "--model", "base+shapes", "--epochs", "8"],
    ]
    .concat();
    let both = place.run(&align);
    if both.code == 0 {
        let files = of(&place
            .run(&["models", "info", "base+both", "--json"])
            .expect(0));
        let files: Vec<&str> = files["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file["name"].as_str().unwrap())
            .collect();
        assert!(
            files.contains(&"head.tensors") && files.contains(&"classifier.tensors"),
            "{files:?}"
        );
    }
}

#[test]
fn an_image_may_have_several_labels_in_a_file() {
    let place = Place::new();
    let mut labels = String::new();
    for (shape, _) in SHAPES {
        for (colour, _, _) in COLOURS {
            for number in 0..OF_EACH {
                let name = format!("drawings/{colour}-{shape}-{number}.png");
                labels += &format!("{name}\t{shape}\n{name}\t{colour}\n");
            }
        }
    }
    fs::write(place.path("labels.tsv"), labels).unwrap();
    let learnt = of(&place
        .run(&["train", "classify", "--labels", "labels.tsv", "--json"])
        .expect(0));
    assert_eq!(
        learnt["labels"].as_array().unwrap().len(),
        SHAPES.len() + COLOURS.len()
    );
    assert!(learnt["macro_f1"].as_f64() > Some(0.5), "{learnt}");
}

#[test]
fn labels_of_which_nothing_can_be_learnt_are_refused_or_named() {
    let place = Place::new();
    let refused = |arguments: &[&str], expect: &str| {
        let arguments = [&["train", "classify"], arguments].concat();
        let refused = place.run(&arguments).expect(2);
        assert!(refused.stderr.contains(expect), "{}", refused.stderr);
    };
    refused(&["--folder", "drawings"], "a folder for each label");
    fs::write(
        place.path("labels.tsv"),
        "drawings/red-circle-0.png no tab\n",
    )
    .unwrap();
    refused(&["--labels", "labels.tsv"], "line 1");
    fs::write(
        place.path("labels.tsv"),
        "drawings/red-circle-0.png\tone\ndrawings/red-circle-1.png\tone\n",
    )
    .unwrap();
    refused(&["--labels", "labels.tsv"], "at least two classes");
    sort(&place);
    fs::copy(
        place.path("sorted/circle/red-circle-0.png"),
        place.path("sorted/square/copy.png"),
    )
    .unwrap();
    let learnt = of(&place
        .run(&["train", "classify", "--folder", "sorted", "--json"])
        .expect(0));
    let reason = learnt["skipped"][0]["reason"].as_str().unwrap();
    assert_eq!(
        reason, "the same picture stands in circle and in square",
        "{learnt}"
    );
}
