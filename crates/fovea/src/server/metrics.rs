//! Numbers for whoever watches the server, in the text format of Prometheus.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper ends of the buckets, in seconds: from a thumbnail to what is nearly too late.
const BUCKETS: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 5.0, 30.0,
];

/// Where the time of an answer goes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Stage {
    /// Words or pixels become vectors.
    Encode,
    /// Vectors become items.
    Search,
    /// Items become an answer.
    Render,
}

impl EncodeLabelValue for Stage {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let name = match self {
            Stage::Encode => "encode",
            Stage::Search => "search",
            Stage::Render => "render",
        };
        name.encode(encoder)
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfRoute {
    route: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfAnswer {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfStage {
    stage: Stage,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfSpace {
    collection: String,
    space: String,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All numbers; clones share them.
#[derive(Clone)]
pub struct Metrics {
    answers: Family<OfAnswer, Counter>,
    seconds: Histograms<OfRoute>,
    stages: Histograms<OfStage>,
    recall: Family<OfSpace, Gauge<f64, std::sync::atomic::AtomicU64>>,
    /// Requests that wait for a thread.
    pub queue_depth: Gauge,
    pub connections: Gauge,
    registry: Arc<Registry>,
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let mut metrics = Metrics {
            answers: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            stages: Family::new_with_constructor(histogram),
            recall: Family::default(),
            queue_depth: Gauge::default(),
            connections: Gauge::default(),
            registry: Arc::default(),
        };
        metrics.registry = Arc::new(metrics.registered());
        metrics
    }
}

impl Metrics {
    fn registered(&self) -> Registry {
        let mut registry = Registry::with_prefix("fovea");
        let seconds = || Unit::Seconds;
        registry.register(
            "answers",
            "Requests that were answered",
            self.answers.clone(),
        );
        registry.register_with_unit(
            "request",
            "Time to an answer, by route",
            seconds(),
            self.seconds.clone(),
        );
        registry.register_with_unit(
            "stage",
            "Time of searches, by stage",
            seconds(),
            self.stages.clone(),
        );
        registry.register(
            "queue_depth",
            "Requests that wait for a thread of the engine",
            self.queue_depth.clone(),
        );
        registry.register(
            "connections",
            "Connections that are open",
            self.connections.clone(),
        );
        registry.register(
            "index_recall",
            "Share of the true nearest that live searches found, where some were repeated exactly",
            self.recall.clone(),
        );
        registry
    }

    pub fn answered(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let of_answer = OfAnswer {
            method: method.to_string(),
            route: route.to_owned(),
            status: status.as_u16(),
        };
        self.answers.get_or_create(&of_answer).inc();
        let of_route = OfRoute {
            route: route.to_owned(),
        };
        self.seconds
            .get_or_create(&of_route)
            .observe(took.as_secs_f64());
    }

    pub fn stage(&self, stage: Stage, took: Duration) {
        self.stages
            .get_or_create(&OfStage { stage })
            .observe(took.as_secs_f64());
    }

    pub fn recall(&self, collection: &str, space: &str, recall: f64) {
        let of_space = OfSpace {
            collection: collection.to_owned(),
            space: space.to_owned(),
        };
        self.recall.get_or_create(&of_space).set(recall);
    }

    /// All of it as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // A string takes whatever is written to it.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// What a counter or a histogram's count says, as in `stage_seconds_count{stage="encode"}`.
    #[cfg(test)]
    pub fn value(&self, name: &str) -> Option<f64> {
        let text = self.text();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("fovea_")?.strip_prefix(name))?;
        line.trim().parse().ok()
    }
}
