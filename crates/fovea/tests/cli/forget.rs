//! `fovea forget`, killed on its way, and what it refuses.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::program::{fovea, pictures, start};

/// Whether the bytes stand in any file below a folder.
fn stands_in(folder: &Path, bytes: &[u8]) -> bool {
    let mut entries = fs::read_dir(folder).unwrap();
    entries.any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => stands_in(&path, bytes),
            false => {
                let file = fs::read(&path).unwrap();
                file.windows(bytes.len()).any(|piece| piece == bytes)
            }
        }
    })
}

fn caption(number: usize) -> String {
    format!("what nobody is to know of picture {number:04}")
}

#[test]
fn killed_while_it_forgets_the_next_run_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, database) = (
        temporary.path().join("pictures"),
        temporary.path().join("db"),
    );
    pictures(&folder, 60);
    for number in 0..60 {
        fs::write(folder.join(format!("{number:04}.txt")), caption(number)).unwrap();
    }
    let named = folder.to_string_lossy().into_owned();
    fovea(&database, &["index", &named]).expect(0);
    for (round, delay) in [5, 40, 90, 160, 400].into_iter().enumerate() {
        let filter = format!("name:00{round}*");
        let arguments = ["forget", "--yes", "--where", &filter];
        let mut process = start(&database, &arguments);
        sleep(Duration::from_millis(delay));
        process.kill().unwrap();
        process.wait().unwrap();
        fovea(&database, &["check", "--forgotten", "--repair"]).expect(0);
        let again = fovea(&database, &arguments);
        assert!(
            matches!(again.code, 0 | 1),
            "{} {}",
            again.stdout,
            again.stderr
        );
        fovea(&database, &["check", "--forgotten"]).expect(0);
        fovea(&database, &["check"]).expect(0);
        for number in 10 * round..10 * round + 10 {
            assert!(
                !stands_in(&database, caption(number).as_bytes()),
                "{number}"
            );
        }
        let kept = caption(10 * round + 10);
        assert!(stands_in(&database, kept.as_bytes()), "{kept}");
    }
    let index = fovea(&database, &["--json", "index", &named]).expect(0);
    assert_eq!(index.json()[0]["forgotten"], 50);
    let left = fovea(&database, &["--json", "search", "ext:png", "--top", "100"]).expect(0);
    assert_eq!(left.json()[0]["results"].as_array().unwrap().len(), 10);
}

#[test]
fn what_cannot_be_forgotten_is_refused_and_nothing_goes() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, database) = (
        temporary.path().join("pictures"),
        temporary.path().join("db"),
    );
    pictures(&folder, 2);
    fovea(&database, &["index", &folder.to_string_lossy()]).expect(0);
    for (arguments, said) in [
        (&["forget", "--yes", "--where", "a dog"][..], "only filters"),
        (&["forget", "--yes", "--where", ""], "empty"),
        (&["forget", "--yes", "#nothing"], "nothing"),
        (&["forget", "--yes", "/nowhere/a.png"], "a.png"),
        (&["forget", "--yes"], "required"),
    ] {
        let refused = fovea(&database, arguments);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
        assert_eq!(refused.code, 2, "{arguments:?}");
    }
    fovea(&database, &["forget", "--yes", "--where", "ext:jpg"]).expect(1);
    let told = fovea(&database, &["--json", "forget", "--where", "ext:png"]).expect(0);
    assert_eq!(told.json()[0]["would_forget"], 2);
    let checked = fovea(&database, &["check", "--forgotten"]).expect(0);
    assert!(checked.stdout.contains("Nothing was ever forgotten"));
    let found = fovea(&database, &["--json", "search", "ext:png"]).expect(0);
    assert_eq!(found.json()[0]["results"].as_array().unwrap().len(), 2);
}
