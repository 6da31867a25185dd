//! `fovea train classify`: labels become tags of a pack.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use fovea_encode::{ClassifierWeights, Pack, TaughtLabels, models};
use fovea_train::augment::Augmentation;
use fovea_train::classify::{Classifier, Labels, Options, Outcome, classify};
use fovea_train::pseudo::Grown;
use fovea_train::report::{Confusion, Figure, Report};

use super::labelled::{Labelled, gather};
use super::packs::{expect_free, open_pack, training};
use super::pseudo;
use super::unfreeze::{self, Moved};
use crate::exit::Exit;
use crate::flags::train::ClassifyFlags;
use crate::interrupt;
use crate::render;
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: &ClassifyFlags) -> anyhow::Result<Exit> {
    expect_free(settings, flags.model.as_deref(), &flags.name, flags.replace)?;
    pseudo::check(flags)?;
    let pack = open_pack(settings, flags.model.as_deref(), false)?;
    let (mut labelled, tail) = match flags.unfreeze {
        Some(n) => {
            let (labelled, tail) = unfreeze::look(settings, flags, usize::from(n))?;
            (labelled, Some(tail))
        }
        None => (
            gather(settings, &flags.source, (flags.n_threads(), 1), &pack)?,
            None,
        ),
    };
    if interrupt::is_interrupted() {
        return Ok(Exit::Interrupted);
    }
    render::skipped(settings, &labelled.skipped);
    let options = options(flags);
    let taught = match tail {
        Some(tail) => {
            let (outcome, moved) = unfreeze::learn(settings, &mut labelled, tail, &options)?;
            Taught {
                outcome,
                grown: None,
                moved: Some(moved),
            }
        }
        None => learn(settings, flags, &pack, &labelled, &options)?,
    };
    if interrupt::is_interrupted() {
        return Ok(Exit::Interrupted);
    }
    let made = install(settings, flags, &pack, &labelled, &taught)?;
    if let Some(path) = &flags.report {
        write_report(path, &labelled, &taught.outcome)?;
    }
    render::classified(
        settings,
        &labelled.labels,
        &labelled.skipped,
        &taught,
        &made,
    )?;
    Ok(Exit::Done)
}

/// What was learnt, and what more there is to say of it.
pub struct Taught {
    pub outcome: Outcome,
    pub grown: Option<Grown>,
    pub moved: Option<Moved>,
}

/// Of the labels alone, or of pictures without one too.
fn learn(
    settings: &Settings,
    flags: &ClassifyFlags,
    pack: &Pack,
    labelled: &Labelled,
    options: &Options,
) -> anyhow::Result<Taught> {
    let singles = labelled.singles();
    if flags.pseudo_label {
        let grown = pseudo::grown(settings, flags, pack, (labelled, singles), options)?;
        return Ok(Taught {
            outcome: grown.outcome.clone(),
            grown: Some(grown),
            moved: None,
        });
    }
    let labels = match &singles {
        Some(singles) => Labels::One(singles),
        None => Labels::Several(&labelled.rows),
    };
    let outcome = classify(&labelled.features, labels, labelled.labels.len(), options)?;
    Ok(Taught {
        outcome,
        grown: None,
        moved: None,
    })
}

fn options(flags: &ClassifyFlags) -> Options {
    Options {
        class_weights: flags.class_weights,
        augmentation: Augmentation {
            noise: flags.noise,
            mixup: flags.mixup,
            ..Default::default()
        },
        validation_share: flags.validation,
        seed: flags.seed,
        threads: flags.n_threads(),
        ..Options::default()
    }
}

fn install(
    settings: &Settings,
    flags: &ClassifyFlags,
    pack: &Pack,
    labelled: &Labelled,
    found: &Taught,
) -> anyhow::Result<models::PackInfo> {
    let outcome = &found.outcome;
    let weights = weights(&outcome.classifier, labelled)?;
    let learnt = models::Learnt {
        classifier: Some(&weights),
        tail: found.moved.as_ref().and_then(|moved| moved.tail.as_ref()),
        ..Default::default()
    };
    let settings_of = [
        ("strength", outcome.strength.to_string()),
        ("class weights", flags.class_weights.to_string()),
        ("seed", flags.seed.to_string()),
    ];
    let metrics = [
        ("held_out_images", outcome.sides.1 as f64),
        ("accuracy", outcome.scores.accuracy),
        ("macro_f1", outcome.scores.macro_f1),
        ("calibration_error", outcome.scores.calibration_error),
    ];
    let named = |(name, value): (&str, String)| (name.to_owned(), value);
    let mut metrics: BTreeMap<String, f64> =
        metrics.map(|(name, value)| (name.to_owned(), value)).into();
    metrics.extend(found.grown.iter().flat_map(pseudo::metrics));
    let mut settings_of: BTreeMap<String, String> = settings_of.map(named).into();
    if let Some(moved) = found.moved.as_ref().filter(|moved| moved.tail.is_some()) {
        settings_of.insert("unfrozen blocks".into(), moved.n_blocks.to_string());
        metrics.insert("frozen_accuracy".into(), moved.frozen.scores.accuracy);
    }
    let training = training(pack, labelled.hash.clone(), settings_of, metrics);
    Ok(models::derive(
        &settings.models,
        pack,
        &flags.name,
        learnt,
        training,
        flags.replace,
    )?)
}

/// The classifier on raw features: what brings them to one scale, and the temperature, are folded into the weights.
fn weights(classifier: &Classifier, labelled: &Labelled) -> anyhow::Result<ClassifierWeights> {
    let tensors = classifier.to_tensors();
    let tensors: BTreeMap<&str, &Vec<f32>> = tensors
        .iter()
        .map(|tensor| (tensor.0.as_str(), &tensor.3))
        .collect();
    let of = |name: &str| {
        tensors
            .get(name)
            .copied()
            .with_context(|| format!("a classifier without {name}"))
    };
    let (mean, deviation, weight, bias) =
        (of("mean")?, of("deviation")?, of("weight")?, of("bias")?);
    let (n, dim) = (labelled.labels.len(), mean.len());
    let temperature = classifier.temperature();
    let mut folded = ClassifierWeights {
        taught: TaughtLabels {
            labels: labelled.labels.clone(),
            one_each: classifier.is_single(),
        },
        weights: vec![0.0; n * dim],
        bias: bias.iter().map(|bias| bias / temperature).collect(),
    };
    for at in (0..dim).filter(|at| deviation[*at] > 0.0) {
        for label in 0..n {
            let scaled = weight[at * n + label] / (deviation[at] * temperature);
            folded.weights[label * dim + at] = scaled;
            folded.bias[label] -= scaled * mean[at];
        }
    }
    Ok(folded)
}

fn write_report(path: &Path, labelled: &Labelled, outcome: &Outcome) -> anyhow::Result<()> {
    let scores = &outcome.scores;
    let counts = scores
        .confusion
        .iter()
        .map(|row| row.iter().map(|n| *n as u64).collect());
    let confusion = match scores.confusion.is_empty() {
        true => None,
        false => Some(Confusion::new(labelled.labels.clone(), counts.collect())?),
    };
    let figure = |label: &str, value: f64, note: &str| Figure {
        label: label.into(),
        value: format!("{value:.3}"),
        note: note.into(),
    };
    let report = Report {
        title: "Labels of images".into(),
        subtitle: format!(
            "Learnt of {} images and measured on {} others.",
            outcome.sides.0, outcome.sides.1
        ),
        figures: vec![
            figure("accuracy", scores.accuracy, "of held-out images"),
            figure("macro F1", scores.macro_f1, "every label alike"),
            figure(
                "calibration error",
                scores.calibration_error,
                "0 is what is stated comes true",
            ),
        ],
        confusion,
        settings: vec![(
            "strength of regularisation".into(),
            outcome.strength.to_string(),
        )],
        data: vec![
            ("labels".into(), labelled.labels.len().to_string()),
            ("images".into(), labelled.rows.len().to_string()),
            ("images left out".into(), labelled.skipped.len().to_string()),
        ],
        data_hash: Some(labelled.hash.clone()),
        ..Report::default()
    };
    fs::write(path, report.html()).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use fovea_train::matrix::Matrix;

    use super::*;

    #[test]
    fn folded_weights_say_the_same_of_raw_features() {
        let data: Vec<f32> = (0..60 * 3)
            .map(|at| ((at * 37 % 101) as f32) / 7.0 + (at % 3 * (at / 3 % 2)) as f32)
            .collect();
        let labelled = Labelled {
            labels: vec!["a".into(), "b".into()],
            features: Matrix {
                rows: 60,
                cols: 3,
                data,
            },
            rows: (0..60).map(|row| vec![row % 2]).collect(),
            contents: Vec::new(),
            skipped: Vec::new(),
            hash: String::new(),
        };
        let singles: Vec<u32> = labelled.rows.iter().map(|row| row[0]).collect();
        let outcome = classify(
            &labelled.features,
            Labels::One(&singles),
            2,
            &Options::default(),
        )
        .unwrap();
        let folded = weights(&outcome.classifier, &labelled).unwrap();
        for row in 0..60 {
            let x = labelled.features.row(row);
            let score = |label: usize| -> f32 {
                let weights = &folded.weights[3 * label..3 * label + 3];
                folded.bias[label] + weights.iter().zip(x).map(|(w, x)| w * x).sum::<f32>()
            };
            let expect = outcome.classifier.probabilities(x)[1];
            let found = 1.0 / (1.0 + (score(0) - score(1)).exp());
            assert!((found - expect).abs() < 1e-4, "{found} {expect}");
        }
    }
}
