//! Prints the median time of one training step: a 1280-1024-512 head, InfoNCE, a batch of 512, AdamW.
//!
//! `cargo run --release -p fovea-train --example step [THREADS]`, beside `bench/train_step_jax.py`.

use std::time::Instant;

use fovea_train::gradient::Pass;
use fovea_train::head::{Head, Shape};
use fovea_train::loss::{Batch, Loss, LossPass};
use fovea_train::matrix::Matrix;
use fovea_train::optimiser::{Adam, AdamW, clip, norm};

const BATCH: usize = 512;
const STEPS: usize = 30;

fn main() -> Result<(), fovea_train::Error> {
    let threads = std::env::args()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .unwrap_or(2);
    let shape = Shape {
        inputs: 1280,
        hidden: Some(1024),
        outputs: 512,
        residual: true,
        text: false,
    };
    let (features, conse, texts) = (noise(1280, 1), noise(512, 2), noise(512, 3));
    let rows: Vec<u32> = (0..BATCH as u32).collect();
    let mut head = Head::new(shape, &features, &rows, 7)?;
    head.parameters.set_scalar("loss.scale", 2.6593);
    let mut gradient = head.parameters.zeros_like();
    let mut optimiser = AdamW::new(Adam::default(), gradient.values.len());
    let (mut pass, mut loss_pass) = (Pass::new(&head), LossPass::default());
    let mut times_ms = Vec::new();
    for _ in 0..STEPS + 3 {
        let start = Instant::now();
        pass.load_images(&head, &features, &conse, &rows, threads);
        pass.load_texts(&texts, &rows);
        head.forward(&mut pass, threads);
        head.forward_text(&mut pass, threads);
        let batch = Batch {
            image: pass.image.view(),
            text: pass.text.view(),
            images: &rows,
            captions: &rows,
        };
        let scalars = (head.parameters.scalar("loss.scale", 0.0), 0.0);
        Loss::InfoNce.evaluate(&batch, scalars, false, &mut loss_pass, threads);
        head.backward(&mut loss_pass.d_image, &mut pass, &mut gradient, threads);
        gradient.set_scalar("loss.scale", loss_pass.d_log_scale);
        let factor = clip(norm(&gradient, threads), 1.0);
        optimiser.step(&mut head.parameters, &gradient, 1e-3, factor, threads);
        times_ms.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let median = fovea_measure::median(&times_ms[3..]).unwrap_or(f64::NAN);
    println!(
        "fovea-train: median {median:.1} ms a step of {STEPS}, {threads} threads, loss {:.4}",
        loss_pass.value
    );
    Ok(())
}

fn noise(cols: usize, seed: u32) -> Matrix {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    };
    Matrix {
        rows: BATCH,
        cols,
        data: (0..BATCH * cols).map(|_| next()).collect(),
    }
}
