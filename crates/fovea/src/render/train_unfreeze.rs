//! What training the last blocks of the image network further came to.

use std::io::Write;

use fovea_train::unfreeze::Epoch;
use serde_json::json;

use super::results::round;
use super::units::counted;
use crate::commands::train::Moved;

/// What it was worth to train blocks of the image network further.
pub fn say_moved(out: &mut impl Write, moved: &Moved) -> anyhow::Result<()> {
    let blocks = counted(moved.n_blocks as u64, "block");
    let frozen = moved.frozen.scores.accuracy;
    match moved.tail {
        Some(_) => writeln!(
            out,
            "With the last {blocks} trained further; frozen features have accuracy {frozen:.3} on the same images"
        )?,
        None => writeln!(
            out,
            "The last {blocks} trained further told the held-out images no better, so the features stay frozen"
        )?,
    }
    Ok(())
}

pub fn moved_json(moved: &Moved) -> serde_json::Value {
    let epoch =
        |one: &Epoch| json!({"epoch": one.number, "loss": one.loss, "held_out": one.held_out});
    json!({
        "blocks": moved.n_blocks,
        "kept": moved.tail.is_some(),
        "frozen_accuracy": round(moved.frozen.scores.accuracy, 1e4),
        "best_epoch": moved.best.number,
        "epochs": moved.epochs.iter().map(epoch).collect::<Vec<_>>(),
    })
}
