//! A watched folder is followed: what appears is found, what goes is gone.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fovea_engine::{IndexEvent, IndexOptions, Observer, WatchOptions};

use crate::fixture::{BLUE, Fixture, GREEN, RED};

struct Until(AtomicBool);

impl Observer for Until {
    fn on(&self, _event: IndexEvent) {}

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Ends the watch also when the test fails, so that its thread can be joined.
struct EndsWatch<'a>(&'a Until);

impl Drop for EndsWatch<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}

fn eventually(fixture: &Fixture, expect: &[&str]) {
    let started = Instant::now();
    while fixture.paths() != expect {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{:?} instead of {expect:?}",
            fixture.paths()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn new_moved_and_deleted_files_are_followed() {
    let fixture = Fixture::new();
    fixture.paint("a.png", RED, 1);
    let until = Until(AtomicBool::new(false));
    let options = WatchOptions {
        quiet: Duration::from_millis(100),
        ..Default::default()
    };
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let paths = [fixture.root.clone()];
            fixture.engine.watch(
                &paths,
                &IndexOptions::default(),
                &options,
                &until,
                &mut |_| {},
            )
        });
        let ends = EndsWatch(&until);
        eventually(&fixture, &["a.png"]);
        fixture.paint("new/b.png", BLUE, 2);
        eventually(&fixture, &["a.png", "new/b.png"]);
        fs::rename(fixture.path("new/b.png"), fixture.path("c.png")).unwrap();
        eventually(&fixture, &["a.png", "c.png"]);
        fs::remove_file(fixture.path("a.png")).unwrap();
        eventually(&fixture, &["c.png"]);
        fixture.paint("c.png", GREEN, 3);
        let started = Instant::now();
        while fixture.find(&["green"], 1) != ["c.png"]
            || fixture.engine.database().stats().unwrap().n_contents != 1
        {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "the change was not followed"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(ends);
        watching.join().unwrap().unwrap();
    });
}
