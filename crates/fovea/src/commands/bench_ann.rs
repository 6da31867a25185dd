//! `fovea bench ann`: which index is how fast at which recall, Fovea's and those of others.

use crate::bench_ann::{self, Card, Kind, Peering, datasets};
use crate::exit::Exit;
use crate::flags::{AnnFlags, QueryKindFlag};
use crate::render;
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: AnnFlags) -> anyhow::Result<Exit> {
    let say = |words: &str| render::note(settings, words);
    let names = match &flags.dataset {
        Some(name) => vec![name.as_str()],
        None => datasets::names(false),
    };
    let peering = if flags.no_build {
        Peering::OnlyBuilt
    } else {
        Peering::Build
    };
    let mut all_met = true;
    for name in names {
        let (folder, card) = datasets::prepare(settings, name, &say)?;
        if flags.prepare_only {
            if peering == Peering::Build {
                bench_ann::build_peers(&folder, &card, &say)?;
            }
            continue;
        }
        let kind = kind(flags.queries, &card);
        if flags.bars {
            all_met &=
                render::ann_bars(settings, name, &bench_ann::bars(&folder, card, kind, &say)?)?;
            continue;
        }
        let report = bench_ann::run(&folder, card, kind, (&flags.families, peering), &say)?;
        let saved = bench_ann::save(&report, flags.out.as_deref())?;
        render::ann_bench(settings, &report, &saved)?;
    }
    Ok(if all_met {
        Exit::Done
    } else {
        Exit::NothingFound
    })
}

/// The kind that was asked for, or what the data set is mostly about.
fn kind(asked: Option<QueryKindFlag>, card: &Card) -> Kind {
    match asked {
        Some(QueryKindFlag::Text) => Kind::Text,
        Some(QueryKindFlag::Image) => Kind::Image,
        None => card.kinds.first().copied().unwrap_or(Kind::Text),
    }
}
