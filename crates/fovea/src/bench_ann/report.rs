//! What a run found, as numbers: the whole of it for the file, and the one object that ends it.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::contender::Side;
use super::dataset::{Card, Kind};
use super::measure::{Curve, Final, TARGETS};

/// A finished run.
#[derive(Serialize)]
pub struct Report {
    pub date: String,
    pub machine: String,
    pub load_before: Option<f64>,
    pub simd: Value,
    pub k: usize,
    pub rounds: usize,
    pub dataset: Card,
    pub queries: Kind,
    pub n_queries: usize,
    /// Queries that Fovea may build and tune with; none of them is measured.
    pub n_build_queries: usize,
    pub n_tune_queries: usize,
    /// Peers that were left out because their index is not built.
    pub left_out: Vec<String>,
    pub curves: Vec<Curve>,
    pub finals: Vec<Final>,
}

/// Fovea against the best peer at one recall.
#[derive(Clone, Copy)]
pub struct Duel<'a> {
    pub target: f64,
    pub fovea: Option<&'a Final>,
    pub peer: Option<&'a Final>,
}

impl Duel<'_> {
    /// Fovea's queries a second over the peer's.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.fovea?.qps / self.peer?.qps)
    }
}

impl Report {
    /// For each target the default index of Fovea and the fastest peer.
    pub fn duels(&self) -> Vec<Duel<'_>> {
        let duel = |target: &f64| Duel {
            target: *target,
            fovea: self.fastest(*target, |side| side == Side::FoveaDefault),
            peer: self.fastest(*target, |side| side == Side::Peer),
        };
        TARGETS.iter().map(duel).collect()
    }

    fn fastest(&self, target: f64, wanted: impl Fn(Side) -> bool) -> Option<&Final> {
        let here = self
            .finals
            .iter()
            .filter(|found| found.target == target && wanted(found.side));
        here.max_by(|a, b| a.qps.total_cmp(&b.qps))
    }

    /// Fovea's default and hnswlib where both reach recall 0.95.
    fn against_hnswlib(&self) -> Option<(&Curve, &Curve)> {
        let at = TARGETS[1];
        let fovea = self.fastest(at, |side| side == Side::FoveaDefault)?;
        let hnswlib = self
            .finals
            .iter()
            .find(|found| found.target == at && found.system == "hnswlib")?;
        let curve = |name: &str| self.curves.iter().find(|curve| curve.name == name);
        Some((curve(&fovea.name)?, curve(&hnswlib.name)?))
    }

    /// Resident bytes a vector over hnswlib's, at equal recall.
    pub fn memory_ratio(&self) -> Option<f64> {
        let (fovea, hnswlib) = self.against_hnswlib()?;
        Some(fovea.built.bytes_per_vector / hnswlib.built.bytes_per_vector)
    }

    /// Time of the parallel build over hnswlib's, at equal recall.
    pub fn build_ratio(&self) -> Option<f64> {
        let (fovea, hnswlib) = self.against_hnswlib()?;
        Some(fovea.built.build_s / hnswlib.built.build_s)
    }

    /// The same by the time of all cores together.
    pub fn build_cpu_ratio(&self) -> Option<f64> {
        let (fovea, hnswlib) = self.against_hnswlib()?;
        Some(fovea.built.build_cpu_s / hnswlib.built.build_cpu_s)
    }

    /// The object that ends a run.
    pub fn headline(&self) -> Value {
        let at: Map<String, Value> = self
            .duels()
            .iter()
            .map(|duel| (format!("{:.2}", duel.target), as_json(duel)))
            .collect();
        json!({
            "dataset": self.dataset.name,
            "queries": self.queries,
            "at": at,
            "memory_ratio": self.memory_ratio(),
            "build_ratio": self.build_ratio(),
            "build_cpu_ratio": self.build_cpu_ratio(),
        })
    }
}

fn as_json(duel: &Duel) -> Value {
    json!({
        "fovea": duel.fovea.map(|found| &found.name),
        "fovea_qps": duel.fovea.map(|found| found.qps),
        "fovea_recall": duel.fovea.map(|found| found.recall),
        "best_peer": duel.peer.map(|found| &found.name),
        "best_peer_qps": duel.peer.map(|found| found.qps),
        "best_peer_recall": duel.peer.map(|found| found.recall),
        "ratio": duel.ratio(),
    })
}
