//! Writes a file of every kind into a new folder, for `scripts/check_vectors.py` to read with the
//! libraries that these kinds are of.
//!
//! The numbers are those of `numbers` in scripts/make_vectors.py.

use std::path::Path;
use std::sync::Arc;

use fovea_vectordb::exchange::{
    self, ClipFolder, FileKind, Matrix, Metric, Result, clip_retrieval, fbin, fvecs, npy,
};

const ROWS: usize = 20;
const DIM: usize = 5;

fn numbers(step: usize) -> Result<Matrix> {
    let count = |i: usize| ((i * step) % 64) as f32;
    Matrix::new(
        DIM,
        (0..ROWS * DIM).map(|i| (count(i) - 32.0) / 16.0).collect(),
    )
}

fn write(folder: &Path) -> Result<()> {
    let matrix = numbers(37)?;
    npy::write_as(&folder.join("half.npy"), &matrix, npy::Width::Half)?;
    npy::write(&folder.join("no-rows.npy"), &Matrix::new(DIM, Vec::new())?)?;
    let faiss = [
        ("ip", Metric::InnerProduct),
        ("l2", Metric::L2),
        ("l1", Metric::L1),
        ("linf", Metric::Linf),
        ("lp", Metric::Lp(3.5)),
    ];
    for (name, metric) in faiss {
        let path = folder.join(format!("{name}.faiss"));
        exchange::write(&path, FileKind::Faiss, &matrix, metric)?;
    }
    for (name, kind) in [
        ("a.npy", FileKind::Npy),
        ("a.fvecs", FileKind::Vecs(fvecs::Numbers::Floats)),
        ("a.fbin", FileKind::Bin(fbin::Numbers::Floats)),
    ] {
        exchange::write(&folder.join(name), kind, &matrix, Metric::L2)?;
    }
    // Every third caption is missing; the others are long enough to fill several pages.
    let text = |i: usize| Arc::from(format!("ein Haus, grün {i} {}", "猫".repeat(60_000)));
    let content = ClipFolder {
        images: Some(numbers(37)?),
        texts: Some(numbers(41)?),
        paths: Some(
            (0..ROWS)
                .map(|i| Some(Arc::from(format!("/pictures/{i}.jpg"))))
                .collect(),
        ),
        captions: Some((0..ROWS).map(|i| (i % 3 > 0).then(|| text(i))).collect()),
    };
    clip_retrieval::write(&folder.join("clip"), &content)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os()
        .nth(1)
        .ok_or("write_vectors: name a folder to write into")?;
    std::fs::create_dir_all(&folder)?;
    Ok(write(Path::new(&folder))?)
}
