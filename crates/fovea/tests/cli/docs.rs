//! The examples of `docs/query.md`, run as they stand there. With FOVEA_BLESS set, what they print is written into it.

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

/// Makes the library below a folder and indexes it; answers the database.
fn library(folder: &Path) -> PathBuf {
    for (stamp, name, seconds) in LIBRARY {
        let path = folder.join("Pictures").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(stamps().join("stamps").join(stamp), &path).unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .unwrap();
    }
    let database = folder.join("db");
    let pictures = folder.join("Pictures").to_string_lossy().into_owned();
    fovea(&database, &["index", &pictures, "--captions", "none"]).expect(0);
    // For a collection of their own, which the document makes.
    scenes(&folder.join("Pictures/scenes"));
    database
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

#[test]
fn the_examples_of_the_query_language_print_what_stands_there() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = fs::canonicalize(temporary.path()).unwrap();
    let database = library(&folder);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/query.md");
    let document = fs::read_to_string(&path).unwrap();
    let found = run(&document, &folder, &database);
    if std::env::var_os("FOVEA_BLESS").is_some() {
        fs::write(&path, &found).unwrap();
    }
    for (line, (expect, found)) in document.lines().zip(found.lines()).enumerate() {
        assert_eq!(found, expect, "docs/query.md, line {}", line + 1);
    }
    assert_eq!(document, found);
}
