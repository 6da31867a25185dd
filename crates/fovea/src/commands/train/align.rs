//! `fovea train align`: pairs become a pack.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use fovea_encode::{Encoder, HeadWeights, models};
use fovea_train::align::{End, Epoch, Options, Outcome, train};
use fovea_train::augment::Augmentation;
use fovea_train::head::Head;
use fovea_train::loss::Loss;
use fovea_train::sweep::{Grid, Sweep, sweep};
use fovea_train::validate::{Answer, answers};

use super::calibrate::calibrate;
use super::gather::{Gathered, gather};
use super::packs::{expect_free, settings_of, training, turned};
use super::report::{Curves, write_report};
use crate::exit::{Exit, Refusal};
use crate::flags::train::{AlignFlags, LossFlag};
use crate::interrupt;
use crate::render::{self, TrainProgress};
use crate::settings::{Settings, cache_folder};

/// What a run is worth, on the images that were held out.
pub struct Learnt {
    pub outcome: Outcome,
    pub options: Options,
    /// How held-out captions are answered by the frozen alignment, and by what was learnt; the same captions, in one order.
    pub before: Vec<Answer>,
    pub after: Vec<Answer>,
    pub took: Duration,
}

pub fn run(settings: &Settings, flags: &AlignFlags) -> anyhow::Result<Exit> {
    refuse_early(settings, flags)?;
    let gathered = gather(settings, flags)?;
    if interrupt::is_interrupted() {
        return Ok(Exit::Interrupted);
    }
    render::gathered(settings, &gathered.images);
    let Some(options) = chosen(settings, flags, &gathered)? else {
        return Ok(Exit::Interrupted);
    };
    let mut curves = Curves::new(flags.events.as_deref())?;
    let checkpoint = Checkpoint::of(flags, &gathered, &options)?;
    let learnt = learn(settings, &gathered, options, &checkpoint, &mut curves)?;
    if learnt.outcome.end == End::Stopped {
        render::note(
            settings,
            &format!(
                "Stopped after epoch {}; the same command goes on there.",
                learnt.outcome.epochs
            ),
        );
        return Ok(Exit::Interrupted);
    }
    if learnt.outcome.best_epoch == 0 {
        checkpoint.remove();
        if let Some(path) = &flags.report {
            write_report(path, &gathered, &learnt, &curves)?;
        }
        render::learnt(settings, &gathered, &learnt, None)?;
        return Err(Refusal::input(
            "no epoch found the held-out images better than the frozen alignment, so no pack was made; more pairs help, \
             or another --rate (fovea train align --sweep MINUTES tries several)",
        )
        .into());
    }
    let made = install(settings, flags, &gathered, &learnt)?;
    // Now that the pack is there, nothing has to go on any more.
    checkpoint.remove();
    if let Some(path) = &flags.report {
        write_report(path, &gathered, &learnt, &curves)?;
    }
    render::learnt(settings, &gathered, &learnt, Some(&made))?;
    Ok(Exit::Done)
}

/// What would be refused after the work is refused before it.
fn refuse_early(settings: &Settings, flags: &AlignFlags) -> anyhow::Result<()> {
    expect_free(settings, flags.model.as_deref(), &flags.name, flags.replace)?;
    if flags.validation <= 0.0 && flags.held_out.is_none() {
        let message =
            "--validation 0 leaves nothing to measure with; give a share, or --held-out FILE.tsv";
        return Err(Refusal::input(message).into());
    }
    let folder = flags.report.as_ref().and_then(|path| path.parent());
    if let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
    {
        let message = format!("--report: there is no folder {}", folder.display());
        return Err(Refusal::input(message).into());
    }
    if !(0.0..1.0).contains(&flags.word_dropout) {
        let message = format!(
            "--word-dropout {}: expected a share, 0 up to 1, without 1",
            flags.word_dropout
        );
        return Err(Refusal::input(message).into());
    }
    options(flags).check()?;
    Ok(())
}

fn options(flags: &AlignFlags) -> Options {
    Options {
        hidden: (flags.hidden > 0).then_some(flags.hidden),
        residual: !flags.no_residual,
        text: false,
        loss: match flags.loss {
            LossFlag::Infonce => Loss::InfoNce,
            LossFlag::Siglip => Loss::SigLip,
            LossFlag::Cosine => Loss::Cosine,
        },
        temperature: flags.temperature,
        batch: flags.batch,
        epochs: flags.epochs,
        learning_rate: flags.rate,
        weight_decay: flags.decay,
        seed: flags.seed,
        validation_share: flags.validation,
        patience: flags.patience,
        hard_negatives: flags.hard_negatives,
        augmentation: Augmentation {
            dropout: flags.dropout,
            noise: flags.noise,
            mixup: flags.mixup,
        },
        threads: flags.n_threads(),
        ..Options::default()
    }
}

/// The options as they are, or the best that a sweep finds; nothing where that was stopped.
fn chosen(
    settings: &Settings,
    flags: &AlignFlags,
    gathered: &Gathered,
) -> anyhow::Result<Option<Options>> {
    let options = options(flags);
    let options = Options {
        // A pack that only sees has nothing to begin from, and of zeros there is no slope.
        residual: options.residual && gathered.pack.spec().is_aligned,
        ..options
    };
    let Some(minutes) = flags.sweep else {
        return Ok(Some(options));
    };
    let until = Instant::now()
        + Duration::try_from_secs_f64(60.0 * minutes).context("--sweep takes minutes")?;
    let candidates = Grid::default().candidates(&options);
    let split = match &gathered.split {
        Some(split) => split.clone(),
        None => gathered.pairs.split(options.validation_share, options.seed),
    };
    let progress = TrainProgress::sweep(settings.quiet, candidates.len());
    let has_time = || Instant::now() < until && !interrupt::is_interrupted();
    let found = sweep(&gathered.pairs, &candidates, &split, has_time, |row| {
        progress.tried(row)
    })?;
    progress.finish();
    if interrupt::is_interrupted() {
        return Ok(None);
    }
    render::sweep(settings, &found)?;
    Ok(Some(best_of(&found)))
}

fn best_of(found: &Sweep) -> Options {
    found.rows[found.best].options.clone()
}

fn learn(
    settings: &Settings,
    gathered: &Gathered,
    options: Options,
    checkpoint: &Checkpoint,
    curves: &mut Curves,
) -> anyhow::Result<Learnt> {
    let started = Instant::now();
    let progress = TrainProgress::new(settings.quiet, options.epochs);
    let mut failed = Ok(());
    let outcome = train(
        &gathered.pairs,
        &options,
        gathered.split.clone(),
        Some(&checkpoint.path),
        |epoch: &Epoch| {
            progress.epoch(epoch);
            failed = curves.add(epoch);
            match interrupt::is_interrupted() || failed.is_err() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        },
    )?;
    failed?;
    progress.finish();
    let of = |head: &Head| {
        answers(
            head,
            &gathered.pairs,
            &outcome.split.validation,
            options.threads,
        )
    };
    let frozen = Head::frozen(&gathered.pairs)?;
    Ok(Learnt {
        before: of(&frozen),
        after: of(&outcome.head),
        outcome,
        options,
        took: started.elapsed(),
    })
}

/// Where a run can go on: in the cache, under a name for what is learnt of what, so that other options begin anew.
struct Checkpoint {
    path: PathBuf,
}

impl Checkpoint {
    fn of(
        flags: &AlignFlags,
        gathered: &Gathered,
        options: &Options,
    ) -> anyhow::Result<Checkpoint> {
        let folder = cache_folder()?.join("train");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&options.hash());
        hasher.update(&gathered.pairs.hash());
        for side in gathered
            .split
            .iter()
            .flat_map(|split| [&split.train, &split.validation])
        {
            side.iter().for_each(|image| {
                hasher.update(&image.to_le_bytes());
            });
        }
        let hash = hasher.finalize().to_hex();
        Ok(Checkpoint {
            path: folder.join(format!("{}-{}.checkpoint", flags.name, &hash[..16])),
        })
    }

    /// What is left behind costs space and nothing else.
    fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn install(
    settings: &Settings,
    flags: &AlignFlags,
    gathered: &Gathered,
    learnt: &Learnt,
) -> anyhow::Result<models::PackInfo> {
    let pack = &gathered.pack;
    let mut chosen = settings_of(&learnt.options);
    chosen.insert("word_dropout".to_owned(), flags.word_dropout.to_string());
    let training = training(pack, hex(&gathered.pairs.hash()), chosen, metrics(learnt));
    let weights = weights(&learnt.outcome.head)?;
    let calibration = calibrate(gathered, &learnt.outcome);
    Ok(models::derive(
        &settings.models,
        pack,
        &flags.name,
        models::Learnt {
            head: Some(&weights),
            calibration: calibration.as_ref(),
            ..Default::default()
        },
        training,
        flags.replace,
    )?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn metrics(learnt: &Learnt) -> BTreeMap<String, f64> {
    let mut metrics = BTreeMap::from([
        (
            "held_out_images".to_owned(),
            learnt.outcome.split.validation.len() as f64,
        ),
        (
            "best_epoch".to_owned(),
            f64::from(learnt.outcome.best_epoch),
        ),
    ]);
    for (when, answers) in [("frozen", &learnt.before), ("trained", &learnt.after)] {
        for (language, ranks) in by_language(answers) {
            let name = if language.is_empty() { "?" } else { &language };
            metrics.insert(
                format!("{when}_recall@10_{name}"),
                fovea_measure::recall_at(&ranks, 10),
            );
        }
    }
    metrics
}

/// Ranks of all, under an empty name of no language, and of each language.
pub fn by_language(answers: &[Answer]) -> BTreeMap<String, Vec<fovea_measure::Rank>> {
    let mut ranks: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for answer in answers {
        ranks
            .entry(answer.language.clone())
            .or_default()
            .push(answer.rank);
    }
    ranks
}

/// The head as a pack keeps it, whose rows are outputs.
fn weights(head: &Head) -> anyhow::Result<HeadWeights> {
    let tensors = head.to_tensors();
    let find = |name: &str| tensors.iter().find(|tensor| tensor.0 == name);
    let data = |name: &str| find(name).map(|tensor| tensor.3.clone());
    let layer = |name: &str| {
        let (_, inputs, outputs, weights) = find(&format!("{name}.weight"))?;
        Some((
            turned(weights, *inputs, *outputs),
            data(&format!("{name}.bias"))?,
        ))
    };
    let deviation = data("deviation").context("a head without deviations")?;
    Ok(HeadWeights {
        mean: data("mean").context("a head without means")?,
        scale: deviation.iter().map(inverse).collect(),
        layers: ["first", "last"].into_iter().filter_map(layer).collect(),
        residual: data("residual").map_or(0.0, |residual| residual[0]),
    })
}

/// A number that never changed in training says nothing.
fn inverse(deviation: &f32) -> f32 {
    match *deviation > 0.0 {
        true => deviation.recip(),
        false => 0.0,
    }
}
