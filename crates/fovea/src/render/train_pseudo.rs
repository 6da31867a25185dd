//! Labels that a classifier gave itself: how many, and how right they are by what held-out pictures say.

use std::io::Write;

use fovea_measure::Estimate;
use fovea_train::pseudo::{Grown, Stop};
use serde_json::{Value, json};

use super::results::round;
use super::units::counted;

pub fn say_grown(out: &mut impl Write, grown: &Grown) -> std::io::Result<()> {
    let added = counted(grown.training.labels.len() as u64, "picture");
    let Some(precision) = grown.precision else {
        let why = why(grown.training.stop);
        return writeln!(out, "No label was added: {why}");
    };
    writeln!(
        out,
        "Added labels to {added} without one. Of {} held-out ones that it is as sure of, {} are right",
        precision.n,
        share(&precision.share)
    )?;
    writeln!(
        out,
        "Accuracy on {} that neither taught nor chose: {} before, {} with them",
        grown.sides.2,
        share(&grown.before),
        share(&grown.after)
    )
}

fn share(estimate: &Estimate) -> String {
    let interval = &estimate.interval;
    format!(
        "{:.3} [{:.3} {:.3}]",
        estimate.value, interval.low, interval.high
    )
}

fn why(stop: Stop) -> &'static str {
    match stop {
        Stop::NoThreshold => {
            "at no confidence are so many of the held-out pictures right; a lower --precision takes more, as do more labels"
        }
        Stop::NothingSure => "the classifier is sure enough of no picture without a label",
        Stop::Rounds | Stop::Settled => {
            "with what could be added it was no better on held-out pictures"
        }
    }
}

pub fn grown_json(grown: &Grown) -> Value {
    let of = |estimate: &Estimate| {
        let interval = &estimate.interval;
        json!({
            "value": round(estimate.value, 1e4),
            "interval": [round(interval.low, 1e4), round(interval.high, 1e4)],
        })
    };
    let rounds = grown.training.rounds.iter().map(|round| {
        json!({
            "round": round.round,
            "labels": round.n_labels,
            "added": round.n_added,
            "dropped": round.n_dropped,
            "accuracy": of(&round.accuracy),
        })
    });
    json!({
        "added": grown.training.labels.len(),
        "precision": grown.precision.map(|one| of(&one.share)),
        "n_precision": grown.precision.map(|one| one.n),
        "accuracy_before": of(&grown.before),
        "accuracy_after": of(&grown.after),
        "n_taught": grown.sides.0,
        "n_chosen_by": grown.sides.1,
        "n_held_out": grown.sides.2,
        "rounds": rounds.collect::<Vec<_>>(),
        "reason": match grown.precision {
            Some(_) => Value::Null,
            None => why(grown.training.stop).into(),
        },
    })
}
