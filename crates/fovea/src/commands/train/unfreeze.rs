//! `fovea train classify --unfreeze N`: training goes on into the last blocks of the image network.
//!
//! Pictures are looked at again, up to the first block that moves; what comes out is a pack whose features are those that it
//! had and those of the blocks that moved, for its classifier alone.

use anyhow::Context;
use fovea_encode::{Tail, TailBlock, TailLayer};
use fovea_engine::pairs::MOST_VIEWS;
use fovea_train::classify::{Labels, Options, Outcome, classify};
use fovea_train::matrix::Matrix;
use fovea_train::unfreeze::{Block, Epoch, Kind, Layer, Network, Tuning, firsts, unfreeze};

use super::labelled::{Labelled, gather};
use super::packs::open_pack;
use crate::exit::Refusal;
use crate::flags::train::ClassifyFlags;
use crate::interrupt;
use crate::render;
use crate::settings::Settings;

/// Of the last convolution alone, and where blocks before it move, too: what these change goes through more layers.
const RATES: [f32; 2] = [1e-4, 2e-5];
/// What goes into the blocks is held in memory, of each view 63 KB into the last one, 38 KB before it.
const MOST_BYTES: usize = 4 << 30;

/// Blocks that were trained further, and what that was worth.
pub struct Moved {
    /// As they became; nothing where frozen features were better.
    pub tail: Option<Tail>,
    pub n_blocks: usize,
    /// Of frozen features, on the same held-out pictures.
    pub frozen: Outcome,
    pub epochs: Vec<Epoch>,
    pub best: Epoch,
}

/// The pictures with what goes into the last `n` blocks in place of features, and these blocks.
pub fn look(
    settings: &Settings,
    flags: &ClassifyFlags,
    n: usize,
) -> anyhow::Result<(Labelled, Tail)> {
    let pack = open_pack(settings, flags.model.as_deref(), false)?;
    let (trunk, tail) = pack.before_last_blocks(n)?;
    let labelled = gather(
        settings,
        &flags.source,
        (flags.n_threads(), MOST_VIEWS),
        &trunk,
    )?;
    let bytes = 4 * labelled.features.data.len();
    if bytes > MOST_BYTES {
        let message = format!(
            "{} pictures would take {} GB of memory before the last {n} blocks, and 4 GB is the most; name fewer",
            labelled.rows.len(),
            bytes >> 30
        );
        return Err(Refusal::input(message).into());
    }
    Ok((labelled, tail))
}

/// Trains the blocks further and fits the classifier to what comes out, with the features of the pack in place of what went
/// into the blocks.
pub fn learn(
    settings: &Settings,
    labelled: &mut Labelled,
    mut tail: Tail,
    options: &Options,
) -> anyhow::Result<(Outcome, Moved)> {
    let activations = Matrix {
        rows: labelled.features.rows * MOST_VIEWS,
        cols: labelled.features.cols / MOST_VIEWS,
        data: std::mem::take(&mut labelled.features.data),
    };
    let network = network(&tail, activations.cols)?;
    let singles = labelled.singles();
    let labels = match &singles {
        Some(singles) => Labels::One(singles),
        None => Labels::Several(&labelled.rows),
    };
    let n = labelled.labels.len();
    let as_they_are = firsts(&activations, MOST_VIEWS);
    let features = network.features(&as_they_are, options.threads);
    let frozen = classify(&features, labels, n, options)?;
    let of_best = Options {
        strengths: vec![frozen.strength],
        ..options.clone()
    };
    let tuning = Tuning {
        views: MOST_VIEWS,
        learning_rate: RATES[usize::from(tail.blocks.len() > 1)],
        ..Tuning::default()
    };
    let told = (&of_best, &tuning);
    let mut go_on = |epoch: &Epoch| {
        say(settings, epoch, tuning.epochs);
        !interrupt::is_interrupted()
    };
    let tuned = unfreeze(network, &activations, labels, n, told, &mut go_on)?;
    let moved = tuned.network.features(&as_they_are, options.threads);
    let both = beside(&features, &moved);
    let outcome = classify(&both, labels, n, options)?;
    let is_better = tuned.best.number > 0 && loss(&outcome) < loss(&frozen);
    labelled.features = if is_better { both } else { features };
    take_back(&mut tail.blocks, &tuned.network);
    let moved = Moved {
        n_blocks: tail.blocks.len(),
        tail: is_better.then_some(tail),
        frozen: frozen.clone(),
        epochs: tuned.epochs,
        best: tuned.best,
    };
    Ok((if is_better { outcome } else { frozen }, moved))
}

fn say(settings: &Settings, epoch: &Epoch, n: u32) {
    let words = match epoch.loss {
        Some(loss) => format!(
            "epoch {:>2} of {n}  loss {loss:.4}  held out {:.4}",
            epoch.number, epoch.held_out
        ),
        None => format!("frozen                    held out {:.4}", epoch.held_out),
    };
    render::note(settings, &words);
}

/// The least loss on held-out pictures over the strengths that were tried.
fn loss(outcome: &Outcome) -> f64 {
    let losses = outcome.tried.iter().map(|tried| tried.1);
    losses.fold(f64::INFINITY, f64::min)
}

fn network(tail: &Tail, n_numbers: usize) -> anyhow::Result<Network> {
    let area = n_numbers / tail.channels().max(1);
    let blocks = tail.blocks.iter().map(|block| -> anyhow::Result<Block> {
        let layers = block.layers.iter().map(layer);
        Ok(Block {
            layers: layers.collect::<anyhow::Result<_>>()?,
            shortcut: block.shortcut,
        })
    });
    Ok(Network {
        blocks: blocks.collect::<anyhow::Result<_>>()?,
        extent: area.isqrt(),
    })
}

fn layer(layer: &TailLayer) -> anyhow::Result<Layer> {
    let kind = match layer.depthwise {
        true => Kind::Depthwise { side: layer.side },
        false => Kind::Pointwise,
    };
    let channels = (layer.channels_in, layer.channels_out);
    let made = Layer::new(kind, channels, layer.clipped, &layer.weights, &layer.bias);
    made.with_context(|| format!("the layer {} of the image network", layer.name))
}

fn take_back(blocks: &mut [TailBlock], network: &Network) {
    let layers = blocks.iter_mut().flat_map(|block| &mut block.layers);
    let moved = network.blocks.iter().flat_map(|block| &block.layers);
    for (layer, moved) in layers.zip(moved) {
        layer.weights = moved.weights().to_vec();
        layer.bias = moved.bias().to_vec();
    }
}

/// Rows of one and of the other, one after the other.
fn beside(left: &Matrix, right: &Matrix) -> Matrix {
    let rows = (0..left.rows).flat_map(|row| left.row(row).iter().chain(right.row(row)));
    Matrix {
        rows: left.rows,
        cols: left.cols + right.cols,
        data: rows.copied().collect(),
    }
}
