//! Runs the program in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// What a run printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Every line of standard output as JSON.
    pub fn json(&self) -> Vec<serde_json::Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
        };
        self.stdout.lines().map(parse).collect()
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        self
    }
}

pub fn command(database: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    command
        .env("FOVEA_DB", database)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

pub fn fovea(database: &Path, arguments: &[&str]) -> Ran {
    ran(command(database, arguments).output().unwrap())
}

pub fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub fn start(database: &Path, arguments: &[&str]) -> Child {
    command(database, arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Where `scripts/stamps.py` put the stamps.
pub fn stamps() -> PathBuf {
    let folder = std::env::var_os("FOVEA_STAMPS").map(PathBuf::from);
    let folder =
        folder.expect("FOVEA_STAMPS is not set: run `scripts/test`, which prepares the stamps");
    assert!(
        folder.join("captions.tsv").exists(),
        "no stamps in {}: run scripts/stamps.py",
        folder.display()
    );
    folder
}

/// A folder of `n` small pictures, each different.
pub fn pictures(folder: &Path, n: usize) {
    std::fs::create_dir_all(folder).unwrap();
    for number in 0..n {
        let red = (number * 37 % 256) as u8;
        let mut picture =
            image::RgbImage::from_fn(160, 120, |x, y| image::Rgb([red, x as u8, y as u8]));
        picture.put_pixel(0, 0, image::Rgb([number as u8, (number >> 8) as u8, 0]));
        picture
            .save(folder.join(format!("{number:04}.png")))
            .unwrap();
    }
}
