//! What each stage of the base pack costs on one thread:
//! `cargo run --release -p fovea-encode --example costs`. Needs the pack (`fovea models pull base`).

use std::time::Instant;

use fovea_encode::{Encoder, Error, Pack, Pixels, models};

const REPEATS: u32 = 200;

fn main() -> Result<(), Error> {
    let dir = models::default_dir().join(models::BASE);
    let pack = once("open the pack", || Pack::open(&dir))?;
    once("first text (checksums, mapping)", || {
        pack.text_vector("dog")
    })?;
    for text in ["dog", "a small red bird sitting on a tree"] {
        let tokens = pack.token_ids(text)?.len();
        repeat(&format!("text of {tokens} tokens"), || {
            pack.text_vector(text)
        })?;
    }
    let grey = Pixels::new(224, 224, vec![100; 224 * 224 * 3]).expect("the data has this size");
    let features = once("first image (checksums, ONNX Runtime)", || {
        pack.features(&[&grey])
    })?;
    repeat("image of 224 x 224", || pack.features(&[&grey]))?;
    repeat("feature to vector of space `image`", || {
        Ok(pack.image_vector(&features[0]))
    })
}

fn once<T>(what: &str, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let start = Instant::now();
    let result = work()?;
    println!("{what:40} {:8.3} ms", start.elapsed().as_secs_f64() * 1e3);
    Ok(result)
}

fn repeat<T>(what: &str, work: impl Fn() -> Result<T, Error>) -> Result<(), Error> {
    let start = Instant::now();
    for _ in 0..REPEATS {
        std::hint::black_box(work()?);
    }
    println!(
        "{what:40} {:8.3} ms",
        start.elapsed().as_secs_f64() * 1e3 / f64::from(REPEATS)
    );
    Ok(())
}
