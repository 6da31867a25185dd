//! `fovea dedupe` as a person runs it: what it proposes, what it refuses, and that nothing is lost when it is killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::{Rgb, RgbImage, imageops};

use crate::program::{fovea, start};

/// Boxes at places that the number decides.
fn drawing(number: u32) -> RgbImage {
    let mut picture = RgbImage::from_pixel(240, 180, Rgb([235, 240, 225]));
    let mut state = number.wrapping_mul(2_654_435_761).wrapping_add(41);
    let mut next = |below: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state % below
    };
    for _ in 0..8 {
        let (x, y, w, h) = (next(190), next(140), 20 + next(70), 20 + next(60));
        let color = Rgb([next(256) as u8, next(256) as u8, next(256) as u8]);
        for py in y..(y + h).min(180) {
            for px in x..(x + w).min(240) {
                picture.put_pixel(px, py, color);
            }
        }
    }
    picture
}

fn save(path: &Path, picture: &RgbImage) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.save(path).unwrap();
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(3600))
        .unwrap();
}

struct Library {
    _folder: tempfile::TempDir,
    base: PathBuf,
    root: PathBuf,
    database: PathBuf,
}

impl Library {
    /// Of each drawing the original, a smaller one, and the same bytes again.
    fn new(n: u32) -> Library {
        let folder = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(folder.path()).unwrap();
        let (root, database) = (base.join("pictures"), base.join("db"));
        for number in 0..n {
            let picture = drawing(number);
            save(&root.join(format!("{number:03}.png")), &picture);
            let small = imageops::resize(&picture, 160, 120, imageops::FilterType::Triangle);
            save(
                &root.join(format!("small/{number:03}.png")),
                &imageops::flip_horizontal(&small),
            );
            save(&root.join(format!("again/{number:03}.png")), &picture);
        }
        fovea(
            &database,
            &["index", &root.to_string_lossy(), "--captions", "none", "-q"],
        )
        .expect(0);
        Library {
            _folder: folder,
            base,
            root,
            database,
        }
    }

    fn run(&self, arguments: &[&str], code: i32) -> crate::program::Ran {
        fovea(&self.database, arguments).expect(code)
    }
}

/// How often each content is below a folder.
fn contents(folder: &Path) -> BTreeMap<Vec<u8>, usize> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "png") {
                *found.entry(fs::read(path).unwrap()).or_insert(0) += 1;
            }
        }
    }
    found
}

#[test]
fn groups_are_printed_for_people_and_programs_and_nothing_is_touched() {
    let library = Library::new(3);
    let before = contents(&library.root);
    let ran = library.run(&["dedupe"], 0);
    for words in [
        "the same picture, 3 files",
        "keep",
        "largest",
        "mirrored",
        "the same bytes",
        "Nothing was touched",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    let ran = library.run(&["dedupe", "--json"], 0);
    let all = ran.json();
    assert_eq!(all.len(), 1);
    let same = all[0]["same"].as_array().unwrap();
    assert_eq!((all[0]["items"].as_u64(), same.len()), (Some(9), 3));
    for group in same {
        let copies = group["copies"].as_array().unwrap();
        assert_eq!(copies.len(), 2);
        assert_eq!(group["keep"]["width"], 240);
        let identical = copies
            .iter()
            .find(|copy| copy["identical"] == true)
            .unwrap();
        assert!(
            identical["path"]
                .as_str()
                .is_some_and(|path| path.starts_with(&*library.root.to_string_lossy()))
        );
        let small = copies
            .iter()
            .find(|copy| copy["identical"] == false)
            .unwrap();
        assert_eq!(
            (&small["turn"], &small["worse_by"]),
            (&"mirrored".into(), &"pixels".into())
        );
    }
    assert!(all[0].get("done").is_none());
    assert_eq!(contents(&library.root), before);
}

#[test]
fn a_filter_restricts_and_wrong_usage_is_refused() {
    let library = Library::new(2);
    let ran = library.run(&["dedupe", "--where", "folder:again", "--json"], 1);
    assert_eq!(ran.json()[0]["items"], 2);
    for arguments in [
        &["dedupe", "--where", "a dog"][..],
        &["dedupe", "--similar=2"],
        &["dedupe", "--link", "--move", "there"],
    ] {
        library.run(arguments, 2);
    }
}

#[test]
fn similar_shots_are_labelled_and_kept_apart() {
    let library = Library::new(4);
    let ran = library.run(&["dedupe", "--similar=0.05", "--json"], 0);
    let all = &ran.json()[0];
    let shots = all["similar"].as_array().unwrap().iter();
    let paths: Vec<&str> = shots
        .flat_map(|group| group["shots"].as_array().unwrap())
        .map(|shot| shot["path"].as_str().unwrap())
        .collect();
    assert!(paths.len() >= 2, "{all}");
    for group in all["same"].as_array().unwrap() {
        for copy in group["copies"].as_array().unwrap() {
            assert!(!paths.contains(&copy["path"].as_str().unwrap()));
        }
    }
    let ran = library.run(&["dedupe", "--similar=0.05"], 0);
    assert!(
        ran.stdout.contains("not the same; none is proposed to go"),
        "{}",
        ran.stdout
    );
}

#[cfg(unix)]
#[test]
fn links_share_bytes_and_the_next_index_run_finds_nothing_new() {
    use std::os::unix::fs::MetadataExt;
    let library = Library::new(2);
    let before = contents(&library.root);
    let ran = library.run(&["dedupe", "--link", "--json"], 0);
    let done = ran.json()[0]["done"].as_array().unwrap().clone();
    let linked: Vec<_> = done.iter().filter(|one| one["done"] == "linked").collect();
    assert_eq!(linked.len(), 2, "{done:?}");
    for one in linked {
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        let path = Path::new(one["path"].as_str().unwrap());
        let other =
            ["", "again"].map(|folder| library.root.join(folder).join(path.file_name().unwrap()));
        assert_eq!(
            one["how"] == "hard_link",
            inode(&other[0]) == inode(&other[1])
        );
    }
    assert_eq!(contents(&library.root), before);
    let root = library.root.to_string_lossy();
    let ran = library.run(&["index", &root, "--json"], 0);
    assert_eq!(
        (&ran.json()[0]["unchanged"], &ran.json()[0]["updated"]),
        (&6.into(), &0.into())
    );
}

#[test]
fn what_is_gone_or_changed_is_told_and_left() {
    let library = Library::new(2);
    let (gone, changed) = (
        library.root.join("again/000.png"),
        library.root.join("small/001.png"),
    );
    fs::remove_file(&gone).unwrap();
    fs::write(&changed, "another").unwrap();
    let folder = library.base.join("copies");
    let ran = library.run(&["dedupe", "--move", &folder.to_string_lossy()], 3);
    assert!(ran.stdout.contains("the file is gone"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("changed since it was indexed"),
        "{}",
        ran.stdout
    );
    assert_eq!(fs::read(&changed).unwrap(), b"another");
    assert!(folder.join("moved.tsv").exists());
}

#[test]
fn killed_while_it_moves_it_loses_nothing_and_the_next_run_finishes() {
    let library = Library::new(25);
    let before = contents(&library.base);
    let folder = library.base.join("copies");
    let place = folder.to_string_lossy().into_owned();
    for round in 0..12u64 {
        let mut child = start(&library.database, &["dedupe", "--move", &place, "-q"]);
        // Until it has begun to move, and a moment longer each time.
        for _ in 0..400 {
            if folder.join("moved.tsv").exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(3 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = contents(&library.base);
        assert!(
            before.keys().all(|content| now.contains_key(content)),
            "round {round}"
        );
    }
    fovea(&library.database, &["dedupe", "--move", &place, "-q"]);
    let root = library.root.to_string_lossy();
    library.run(&["index", &root, "-q"], 0);
    library.run(&["dedupe"], 1);
    // One of each is left, and all else lies in the folder.
    assert_eq!(contents(&library.root).len(), 25);
    let now = contents(&library.base);
    assert_eq!(
        now.keys().collect::<Vec<_>>(),
        before.keys().collect::<Vec<_>>()
    );
    // Where each came from is known.
    let list = fs::read_to_string(folder.join("moved.tsv")).unwrap();
    let listed: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split('\t').next())
        .collect();
    let mut moved = 0;
    for below in ["small", "again", ""] {
        let Ok(entries) = fs::read_dir(folder.join(below)) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "png") {
                moved += 1;
                assert!(
                    listed.contains(&&*path.to_string_lossy()),
                    "{}",
                    path.display()
                );
            }
        }
    }
    assert_eq!(moved, 50);
    library.run(&["check"], 0);
}
