//! Prints what each stage costs on one thread: `cargo run --release -p fovea-decode --example stages -- FILE...`
//!
//! The best of several runs each, in milliseconds, and the estimate of working memory beside it.

use std::hint::black_box;
use std::time::Instant;

use fovea_decode::{Options, colors, decode, hashes, preview, probe};

const RUNS: u32 = 9;

fn main() {
    let min_side = std::env::var("MIN_SIDE")
        .ok()
        .and_then(|side| side.parse().ok())
        .unwrap_or(448);
    let options = Options {
        min_side: Some(min_side),
        ..Options::default()
    };
    println!(
        "{:>8} {:>8} {:>8} {:>8} {:>9} {:>11}  file",
        "decode", "preview", "hashes", "colors", "reduced", "working MiB"
    );
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let image = match decode(&bytes, &options) {
            Ok(image) => image,
            Err(error) => {
                println!("{path}: {error}");
                continue;
            }
        };
        let working = probe(&bytes, &options).map_or(0, |probe| probe.working_bytes);
        println!(
            "{:8.2} {:8.2} {:8.2} {:8.2} {:>9} {:11.1}  {path}",
            best_ms(|| decode(&bytes, &options)),
            best_ms(|| preview(&image.pixels)),
            best_ms(|| hashes(&image.pixels)),
            best_ms(|| colors(&image.pixels)),
            format!("{}x{}", image.pixels.width(), image.pixels.height()),
            working as f64 / f64::from(1 << 20),
        );
    }
}

fn best_ms<T>(mut work: impl FnMut() -> T) -> f64 {
    let run = |_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..RUNS).map(run).fold(f64::INFINITY, f64::min)
}
