//! Recall and speed of one family on vectors in .npy files: what defaults are
//! chosen with. `tune_graph FOLDER KIND FAMILY PARAMETERS`, where the folder
//! is one that `fovea bench ann --prepare-only` filled.

use std::fs;
use std::path::Path;
use std::time::Instant;

use fovea_index::{
    BuildOptions, Metric, Parameters, SearchOptions, Vectors, Work, exact, f16, family,
};

fn npy(path: &Path) -> (usize, Vec<f32>) {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let length = u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
    let header = String::from_utf8_lossy(&bytes[10..10 + length]).into_owned();
    let shape = header.split("'shape': (").nth(1).expect("a shape");
    let dim = shape.split([',', ')']).nth(1).expect("two dimensions");
    let numbers = bytes[10 + length..]
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    (dim.trim().parse().expect("a number"), numbers)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, kind, name, parameters] = &arguments[..] else {
        panic!("tune_graph FOLDER text|image FAMILY PARAMETERS")
    };
    let folder = Path::new(folder);
    let (dim, base) = npy(&folder.join("base.npy"));
    let (_, queries) = npy(&folder.join(format!("{kind}-tune.npy")));
    let halves: Vec<f16> = base.iter().map(|&x| f16::from_f32(x)).collect();
    let vectors = Vectors::of_f16(dim, Metric::Cosine, &halves).expect("whole rows");
    let asked = folder.join("text-build.npy");
    let asked = asked.exists().then(|| npy(&asked).1);
    let work = Work {
        threads: 2,
        ..Work::default()
    };
    let options = BuildOptions {
        parameters: parameters.parse::<Parameters>().expect("NAME=NUMBER"),
        queries: asked
            .as_ref()
            .map(|asked| Vectors::of_f32(dim, Metric::Cosine, asked).expect("whole rows")),
        work,
    };
    let started = Instant::now();
    let index = (family(name).expect("a family").build)(&vectors, &options).expect("an index");
    println!(
        "{} rows, built in {:.1} s, {} bytes a row, {}",
        index.rows(),
        started.elapsed().as_secs_f64(),
        index.memory_bytes() / u64::from(index.rows()),
        index.parameters()
    );
    let queries: Vec<&[f32]> = queries.chunks_exact(dim).take(1000).collect();
    let n = vectors.len();
    let truth = work
        .map(
            queries.len(),
            || (),
            |(), i| exact(&vectors, n, queries[i], 10, None),
        )
        .expect("not cancelled");
    for effort in index.efforts() {
        let options = SearchOptions {
            effort,
            ..SearchOptions::default()
        };
        let mut best = f64::MAX;
        let mut hits = 0;
        for _ in 0..3 {
            hits = 0;
            let started = Instant::now();
            for (query, truth) in queries.iter().zip(&truth) {
                let found = index.search(&vectors, query, &options).expect("a search");
                let worst = truth.last().map_or(f32::MIN, |last| last.score - 1e-6);
                hits += found.iter().filter(|one| one.score >= worst).count();
            }
            best = best.min(started.elapsed().as_secs_f64());
        }
        let recall = hits as f64 / (10 * queries.len()) as f64;
        println!(
            "effort {effort:5}  recall {recall:.4}  {:7.0} QPS",
            queries.len() as f64 / best
        );
        if recall > 0.995 {
            break;
        }
    }
}
