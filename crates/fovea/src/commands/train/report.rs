//! What a run did, for TensorBoard while it runs and as a page when it is over.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fovea_decode as decode;
use fovea_measure::{Bootstrap, reciprocal};
use fovea_train::align::Epoch;
use fovea_train::events::{self, Writer};
use fovea_train::report::{Chart, Example, Figure, Language, Line, Report, Scale, Thumbnail};
use fovea_train::validate::Answer;

use super::align::Learnt;
use super::gather::Gathered;
use super::packs::settings_of;

/// Queries that are shown with what they found.
const EXAMPLES: usize = 8;
/// The longer side of a shown picture in pixels.
const SHOWN: u32 = 128;

/// Curves as they come, and the event file where there is one.
pub struct Curves {
    epochs: Vec<Epoch>,
    events: Option<Writer<BufWriter<File>>>,
}

impl Curves {
    pub fn new(folder: Option<&Path>) -> anyhow::Result<Curves> {
        let events = match folder {
            Some(folder) => Some(begin(folder)?),
            None => None,
        };
        Ok(Curves {
            epochs: Vec::new(),
            events,
        })
    }

    pub fn add(&mut self, epoch: &Epoch) -> anyhow::Result<()> {
        if let Some(events) = &mut self.events {
            write(events, epoch).context("cannot write the event file")?;
        }
        self.epochs.push(epoch.clone());
        Ok(())
    }

    fn of_steps(&self, value: impl Fn(&fovea_train::align::Step) -> f64) -> Vec<(f64, f64)> {
        let steps = self.epochs.iter().flat_map(|epoch| &epoch.steps);
        steps.map(|step| (step.step as f64, value(step))).collect()
    }

    fn of_epochs(&self, value: impl Fn(&Epoch) -> f64) -> Vec<(f64, f64)> {
        let epochs = self.epochs.iter();
        epochs
            .map(|epoch| (f64::from(epoch.epoch), value(epoch)))
            .collect()
    }
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

fn begin(folder: &Path) -> anyhow::Result<Writer<BufWriter<File>>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join(events::file_name(now() as u64));
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    Writer::new(BufWriter::new(file), now()).context("cannot write the event file")
}

fn write(events: &mut Writer<BufWriter<File>>, epoch: &Epoch) -> std::io::Result<()> {
    let now = now();
    for step in &epoch.steps {
        events.scalar("loss/train", step.step, step.loss, now)?;
        events.scalar(
            "optimiser/learning_rate",
            step.step,
            f64::from(step.learning_rate),
            now,
        )?;
        events.scalar(
            "optimiser/gradient_norm",
            step.step,
            f64::from(step.gradient_norm),
            now,
        )?;
        events.scalar(
            "optimiser/temperature",
            step.step,
            f64::from(step.temperature),
            now,
        )?;
    }
    let found = &epoch.validation.all.text_to_image;
    let number = u64::from(epoch.epoch);
    events.scalar("validation/recall@1", number, found.at_1, now)?;
    events.scalar("validation/recall@10", number, found.at_10, now)?;
    events.scalar("validation/mrr", number, found.mrr, now)?;
    for (language, found) in &epoch.validation.languages {
        let tag = format!("validation_recall@10/{}", named(language));
        events.scalar(&tag, number, found.text_to_image.at_10, now)?;
    }
    events.flush()
}

/// A caption whose language nobody said.
fn named(language: &str) -> &str {
    match language {
        "" => "?",
        language => language,
    }
}

pub fn write_report(
    path: &Path,
    gathered: &Gathered,
    learnt: &Learnt,
    curves: &Curves,
) -> anyhow::Result<()> {
    let page = report(gathered, learnt, curves).html();
    fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))
}

fn report(gathered: &Gathered, learnt: &Learnt, curves: &Curves) -> Report {
    let outcome = &learnt.outcome;
    let (learnt_of, measured) = (outcome.split.train.len(), outcome.split.validation.len());
    Report {
        title: "Alignment of images and texts".into(),
        subtitle: format!(
            "Learnt of {learnt_of} images and measured on {measured} others, in {:.0} s.",
            learnt.took.as_secs_f64()
        ),
        warnings: warnings(gathered, learnt),
        figures: figures(learnt),
        languages: languages(learnt),
        charts: charts(learnt, curves),
        examples: examples(gathered, learnt),
        settings: settings_of(&learnt.options).into_iter().collect(),
        data: vec![
            (
                "images with captions".into(),
                gathered.images.images.len().to_string(),
            ),
            (
                "images without a caption".into(),
                gathered.images.n_without_caption.to_string(),
            ),
            (
                "images that could not be read".into(),
                gathered.images.skipped.len().to_string(),
            ),
            ("captions".into(), outcome.census.captions.to_string()),
            (
                "captions in no known language".into(),
                outcome.census.zero_captions.to_string(),
            ),
            ("epochs".into(), outcome.epochs.to_string()),
            ("best epoch".into(), outcome.best_epoch.to_string()),
        ],
        data_hash: Some(
            gathered
                .pairs
                .hash()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        ),
        ..Report::default()
    }
}

fn warnings(gathered: &Gathered, learnt: &Learnt) -> Vec<String> {
    let mut warnings = Vec::new();
    if learnt.outcome.split.validation.len() < 100 {
        warnings.push(format!(
            "Only {} images were held out: the intervals are wide, and what looks like a difference may be chance.",
            learnt.outcome.split.validation.len()
        ));
    }
    if learnt.outcome.best_epoch == 0 {
        warnings.push("No epoch was better than the frozen alignment.".into());
    }
    if let Some(first) = gathered.images.skipped.first() {
        warnings.push(format!(
            "{} images could not be read; the first: {} ({}).",
            gathered.images.skipped.len(),
            first.path.display(),
            first.reason
        ));
    }
    warnings
}

/// Recall of all captions, before and after.
pub fn languages(learnt: &Learnt) -> Vec<Language> {
    let bootstrap = Bootstrap::default();
    let (before, after) = (
        super::align::by_language(&learnt.before),
        super::align::by_language(&learnt.after),
    );
    let of = |name: &str, before: &[_], after: &[_]| Language::of(name, before, after, &bootstrap);
    let all = |answers: &[Answer]| answers.iter().map(|answer| answer.rank).collect::<Vec<_>>();
    let mut rows: Vec<Language> = before
        .iter()
        .filter_map(|(language, ranks)| of(named(language), ranks, after.get(language)?))
        .collect();
    if rows.len() != 1 {
        rows.extend(of("all", &all(&learnt.before), &all(&learnt.after)));
    }
    rows
}

fn figures(learnt: &Learnt) -> Vec<Figure> {
    let all = languages(learnt).pop();
    let measures = all.into_iter().flat_map(|language| language.measures);
    let of = |measure: fovea_train::report::Measure| Figure {
        label: measure.name,
        value: format!("{:.3}", measure.after.value),
        note: format!("{:.3} with the frozen alignment", measure.before.value),
    };
    measures.map(of).collect()
}

fn charts(learnt: &Learnt, curves: &Curves) -> Vec<Chart> {
    let chart =
        |title: &str, x_name: &str, y_scale, lines: Vec<(&str, Vec<(f64, f64)>)>, best| Chart {
            title: title.into(),
            x_name: x_name.into(),
            y_scale,
            lines: lines
                .into_iter()
                .map(|(name, points)| Line {
                    name: name.into(),
                    points,
                })
                .collect(),
            best,
        };
    let best = Some(f64::from(learnt.outcome.best_epoch)).filter(|best| *best > 0.0);
    let recall = vec![
        (
            "text to image",
            curves.of_epochs(|epoch| epoch.validation.all.text_to_image.at_10),
        ),
        (
            "image to text",
            curves.of_epochs(|epoch| epoch.validation.all.image_to_text.at_10),
        ),
    ];
    vec![
        chart(
            "Loss",
            "step",
            Scale::Linear,
            vec![("training", curves.of_steps(|step| step.loss))],
            None,
        ),
        chart(
            "Recall@10 of held-out images",
            "epoch",
            Scale::Linear,
            recall,
            best,
        ),
        chart(
            "Gradient norm",
            "step",
            Scale::Logarithmic,
            vec![(
                "norm",
                curves.of_steps(|step| f64::from(step.gradient_norm)),
            )],
            None,
        ),
        chart(
            "Learning rate",
            "step",
            Scale::Linear,
            vec![(
                "rate",
                curves.of_steps(|step| f64::from(step.learning_rate)),
            )],
            None,
        ),
    ]
}

/// What changed most, for the better and for the worse: half of each.
fn examples(gathered: &Gathered, learnt: &Learnt) -> Vec<Example> {
    let change = |at: usize| reciprocal(learnt.after[at].rank) - reciprocal(learnt.before[at].rank);
    let mut order: Vec<usize> = (0..learnt.after.len())
        .filter(|at| change(*at) != 0.0)
        .collect();
    order.sort_by(|a, b| change(*b).total_cmp(&change(*a)).then(a.cmp(b)));
    let n = order.len();
    let chosen = order
        .iter()
        .enumerate()
        .filter(|(at, _)| *at < EXAMPLES / 2 || *at >= n.saturating_sub(EXAMPLES / 2));
    let of = |at: usize| {
        let (before, after) = (&learnt.before[at], &learnt.after[at]);
        let asked = gathered.pairs.caption_image[before.caption as usize];
        let shown = |answer: &Answer| {
            answer
                .nearest
                .iter()
                .map(|image| thumbnail(gathered, *image, asked))
                .collect()
        };
        Example {
            query: gathered.pairs.captions[before.caption as usize].clone(),
            language: before.language.clone(),
            before: shown(before),
            after: shown(after),
        }
    };
    chosen.map(|(_, at)| of(*at)).collect()
}

fn thumbnail(gathered: &Gathered, image: u32, asked: u32) -> Thumbnail {
    let pairs = &gathered.pairs;
    let paired = &gathered.images.images[image as usize];
    let name = paired
        .path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Thumbnail {
        image: small(&paired.path).unwrap_or_default(),
        name,
        is_right: pairs.image_keys[image as usize] == pairs.image_keys[asked as usize],
    }
}

/// The picture as an address that holds it; nothing where it cannot be read any more.
fn small(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let options = decode::Options {
        min_side: Some(SHOWN),
        ..Default::default()
    };
    let pixels = decode::decode(&bytes, &options).ok()?.pixels;
    let longer = pixels.width().max(pixels.height());
    let scaled = |side: u32| (u64::from(side) * u64::from(SHOWN) / u64::from(longer)).max(1) as u32;
    let pixels = match longer > SHOWN {
        true => decode::resize(
            &pixels,
            scaled(pixels.width()),
            scaled(pixels.height()),
            decode::Filter::Bilinear,
        ),
        false => pixels,
    };
    let jpeg = decode::preview(&pixels).ok()?.jpeg;
    Some(format!("data:image/jpeg;base64,{}", BASE64.encode(jpeg)))
}
