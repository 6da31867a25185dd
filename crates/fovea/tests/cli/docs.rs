//! The examples of documents, run as they stand there. With FOVEA_BLESS set, what they print is written into it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::parts::scenes;
use crate::program::{fovea, stamps};

/// A stamp, where it lies in the library, and when its file was written, in seconds since 1970 at noon.
const LIBRARY: [(&str, &str, u64); 9] = [
    ("animals/birds/hen.png", "farm/hen.png", 1_689_336_000),
    (
        "animals/birds/rooster.png",
        "farm/rooster.png",
        1_689_422_400,
    ),
    ("animals/mammals/pig.png", "farm/pig.png", 1_689_422_401),
    (
        "animals/mammals/elephant.png",
        "zoo/elephant.png",
        1_714_651_200,
    ),
    (
        "animals/mammals/giraffe.png",
        "zoo/giraffe.png",
        1_714_651_201,
    ),
    (
        "animals/birds/penguin.png",
        "zoo/penguin.png",
        1_714_737_600,
    ),
    ("animals/birds/owl.png", "zoo/owl.png", 1_714_737_601),
    (
        "food/fruit/apple_red.png",
        "fruit/apple_red.png",
        1_671_883_200,
    ),
    (
        "food/fruit/apple_green.png",
        "fruit/apple_green.png",
        1_671_883_201,
    ),
];

/// Puts a stamp into the library.
fn put(folder: &Path, stamp: &str, name: &str, seconds: u64) -> PathBuf {
    let path = folder.join("Pictures").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(stamps().join("stamps").join(stamp), &path).unwrap();
    set_time(&path, seconds);
    path
}

fn set_time(path: &Path, seconds: u64) {
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        .unwrap();
}

/// Makes the library of `docs/query.md` below a folder and indexes it; answers the database.
fn library(folder: &Path) -> PathBuf {
    for (stamp, name, seconds) in LIBRARY {
        put(folder, stamp, name, seconds);
    }
    let database = indexed(folder);
    // For a collection of their own, which the document makes.
    scenes(&folder.join("Pictures/scenes"));
    database
}

fn indexed(folder: &Path) -> PathBuf {
    let database = folder.join("db");
    let pictures = folder.join("Pictures").to_string_lossy().into_owned();
    fovea(&database, &["index", &pictures, "--captions", "none"]).expect(0);
    database
}

/// The library of `docs/dedupe.md`: an owl and a penguin in several forms, and an elephant once.
fn copies(folder: &Path) -> PathBuf {
    let owl = put(
        folder,
        "animals/birds/owl.png",
        "zoo/owl.png",
        1_714_737_601,
    );
    let penguin = put(
        folder,
        "animals/birds/penguin.png",
        "zoo/penguin.png",
        1_714_737_600,
    );
    put(
        folder,
        "animals/birds/owl.png",
        "backup/owl.png",
        1_714_824_000,
    );
    put(
        folder,
        "animals/mammals/elephant.png",
        "zoo/elephant.png",
        1_714_651_200,
    );
    let save = |picture: image::DynamicImage, name: &str| {
        let path = folder.join("Pictures").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.save(&path).unwrap();
        set_time(&path, 1_714_910_400);
    };
    let open = |path: &Path| image::open(path).unwrap();
    let (width, height) = (open(&owl).width(), open(&owl).height());
    let small = open(&owl).resize(width / 2, height / 2, image::imageops::FilterType::Triangle);
    save(small, "web/owl-small.png");
    let cut = open(&penguin);
    let (width, height) = (cut.width(), cut.height());
    save(
        cut.crop_imm(width / 20, 0, width * 19 / 20, height * 19 / 20)
            .fliph(),
        "web/penguin.png",
    );
    indexed(folder)
}

/// What a command prints, on both outputs, run by a shell in the library.
fn printed(command: &str, folder: &Path, database: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_fovea")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let ran = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(folder.join("Pictures"))
        .env("PATH", path)
        .env("FOVEA_DB", database)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    let home = folder.join("Pictures").to_string_lossy().into_owned() + "/";
    text.replace(&home, "")
}

/// The document with what its commands print in the place of what stands under them.
fn run(document: &str, folder: &Path, database: &Path) -> String {
    let mut all = String::new();
    let mut in_block = false;
    for line in document.lines() {
        if line.starts_with("```") {
            in_block = line == "```console";
        } else if in_block {
            let Some(command) = line.strip_prefix("$ ") else {
                continue;
            };
            all.push_str(&format!("{line}\n{}", printed(command, folder, database)));
            continue;
        }
        all.push_str(line);
        all.push('\n');
    }
    all
}

/// Runs a document of `docs` in a library of its own, and compares or writes.
fn check(name: &str, library: impl Fn(&Path) -> PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = fs::canonicalize(temporary.path()).unwrap();
    let database = library(&folder);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    let document = fs::read_to_string(&path).unwrap();
    let found = run(&document, &folder, &database);
    if std::env::var_os("FOVEA_BLESS").is_some() {
        fs::write(&path, &found).unwrap();
    }
    for (line, (expect, found)) in document.lines().zip(found.lines()).enumerate() {
        assert_eq!(found, expect, "docs/{name}, line {}", line + 1);
    }
    assert_eq!(document, found);
}

#[test]
fn the_examples_of_the_query_language_print_what_stands_there() {
    check("query.md", library);
}

#[test]
fn the_examples_of_copies_print_what_stands_there() {
    check("dedupe.md", copies);
}

#[test]
fn the_examples_of_forgetting_print_what_stands_there() {
    check("forget.md", |folder| {
        for (stamp, name, seconds) in LIBRARY {
            put(folder, stamp, name, seconds);
        }
        indexed(folder)
    });
}
