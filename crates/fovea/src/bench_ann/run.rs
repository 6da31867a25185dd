//! One run from beginning to end: prepared data, built peers, measurement, files.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::dataset::{Card, DataSet, Kind};
use super::datasets;
use super::judge::Judge;
use super::measure::{self, K, ROUNDS};
use super::packages::hex;
use super::peers::{PEERS, Peers};
use super::python_env::PythonEnv;
use super::report::Report;
use super::{machine, ours, plot};
use crate::exit::Refusal;
use crate::settings::cache_folder;

/// What to do about peers whose index is not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peering {
    /// Build them now, which takes minutes each.
    Build,
    /// Leave them out, and say so.
    OnlyBuilt,
}

/// The peers' process over a data set, and where it keeps indexes: by the content of the rows, so that no other vectors
/// are ever searched by mistake.
pub fn start_peers(folder: &Path, card: &Card, say: &dyn Fn(&str)) -> anyhow::Result<Peers> {
    let store = datasets::below(&cache_folder()?);
    let env = PythonEnv::ready(&store, PEERS, say)?;
    let base = folder.join("base.npy");
    let mut hasher = Sha256::new();
    let mut file =
        fs::File::open(&base).with_context(|| format!("cannot read {}", base.display()))?;
    std::io::copy(&mut file, &mut hasher)?;
    let short = hex(&hasher.finalize()[..6]);
    Peers::start(
        &env,
        folder,
        &store.join("peers").join(format!("{}-{short}", card.name)),
    )
}

/// Builds the peers' indexes that are not there yet.
pub fn build_peers(folder: &Path, card: &Card, say: &dyn Fn(&str)) -> anyhow::Result<()> {
    let peers = start_peers(folder, card, say)?;
    let missing = peers.missing();
    for (at, name) in missing.iter().enumerate() {
        say(&format!(
            "{}: building {name} ({} of {})",
            card.name,
            at + 1,
            missing.len()
        ));
        // Where another shares its file, that is there by now.
        peers.build(name)?;
    }
    Ok(())
}

/// Measures everybody on the queries of one kind: of Fovea's families those named, or all, and the peers.
pub fn run(
    folder: &Path,
    card: Card,
    kind: Kind,
    (families, peering): (&[String], Peering),
    say: &dyn Fn(&str),
) -> anyhow::Result<Report> {
    if peering == Peering::Build {
        build_peers(folder, &card, say)?;
    }
    let load_before = machine::load();
    let peers = start_peers(folder, &card, say)?;
    let data = Rc::new(DataSet::open(folder, card, kind)?);
    let judge = Judge::new(&data, K);
    let n_queries = data.measure.rows.rows();
    let mut contenders = ours::contenders(&data, families);
    contenders.extend(peers.contenders(&format!("{}-measure.npy", kind.name())));
    let mut curves = Vec::new();
    for contender in &mut contenders {
        say(&format!("{}: {}", data.card.name, contender.name()));
        curves.push(measure::sweep(contender.as_mut(), &judge, n_queries)?);
    }
    let finals = measure::finals(&mut contenders, &curves, &judge, n_queries, say)?;
    Ok(Report {
        date: machine::now(),
        machine: machine::name(),
        load_before,
        simd: peers.simd.clone(),
        k: K,
        rounds: ROUNDS,
        dataset: data.card.clone(),
        queries: kind,
        n_queries,
        n_build_queries: data.build.as_ref().map_or(0, |rows| rows.rows()),
        n_tune_queries: data.tune.rows.rows(),
        left_out: peers.missing(),
        curves,
        finals,
    })
}

/// Writes the numbers and the plot of a run; answers the path of both without its ending.
pub fn save(report: &Report, out: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = match out {
        Some(folder) => folder.to_owned(),
        None => datasets::below(&cache_folder()?).join("runs"),
    };
    let refused =
        |error: std::io::Error| Refusal::environment(format!("{}: {error}", folder.display()));
    fs::create_dir_all(&folder).map_err(refused)?;
    let stem = folder.join(format!(
        "{}-{}-{}",
        report.date,
        report.dataset.name,
        report.queries.name()
    ));
    let file = |ending: &str| PathBuf::from(format!("{}.{ending}", stem.display()));
    let mut whole = serde_json::to_value(report)?;
    whole["headline"] = report.headline();
    fs::write(file("json"), serde_json::to_string_pretty(&whole)? + "\n").map_err(refused)?;
    fs::write(file("svg"), plot::svg(report)).map_err(refused)?;
    Ok(stem)
}
