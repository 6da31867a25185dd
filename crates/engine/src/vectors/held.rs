//! What a collection holds already, and whether vectors that come fit to it.

use std::path::Path;

use fovea_vectordb::exchange;
use fovea_vectordb::{Database, Metric, PackRecord, Precision, SpaceRecord, SpaceSource};

use super::error::VectorError;
use super::rows::Rows;
use crate::error::Error;
use crate::space;

/// The name of every pack without an encoder.
const IMPORTED: &str = "imported";

/// The pack that takes these rows: the one the collection has, or a new one of this metric.
pub fn pack_for(
    database: &dyn Database,
    path: &Path,
    rows: &Rows,
    asked: Option<Metric>,
) -> Result<PackRecord, Error> {
    let collection = database.info()?.collection;
    let dim = rows.matrix.dim;
    let Some(held) = database.active_pack()? else {
        let metric = match asked {
            Some(metric) => metric,
            None => said(path, rows)?.unwrap_or_default(),
        };
        return Ok(imported(&collection, dim, metric));
    };
    let image = held.space(space::IMAGE).filter(|_| !held.has_encoder());
    let Some(image) = image else {
        let pack = held.name;
        return Err(VectorError::HoldsImages { collection, pack }.into());
    };
    if image.dim != dim {
        return Err(VectorError::Dimension {
            path: path.to_owned(),
            collection,
            held: image.dim,
            got: dim,
        }
        .into());
    }
    let other = match asked {
        Some(metric) => (metric != image.metric).then(|| format!("not by {metric}")),
        None => said(path, rows)?
            .filter(|metric| *metric != image.metric)
            .map(|metric| format!("and {} was made for {metric}", path.display())),
    };
    match other {
        None => Ok(held),
        Some(asked) => Err(VectorError::Metric {
            collection,
            held: image.metric,
            asked,
        }
        .into()),
    }
}

/// The metric that a file was made for.
fn said(path: &Path, rows: &Rows) -> Result<Option<Metric>, VectorError> {
    let unknown = |metric: &str| VectorError::UnknownMetric {
        path: path.to_owned(),
        metric: metric.to_owned(),
    };
    match rows.metric {
        None => Ok(None),
        Some(exchange::Metric::InnerProduct) => Ok(Some(Metric::InnerProduct)),
        Some(exchange::Metric::L2) => Ok(Some(Metric::L2)),
        Some(exchange::Metric::Angular) => Ok(Some(Metric::Cosine)),
        Some(exchange::Metric::L1) => Err(unknown("L1 (Manhattan) distance")),
        Some(exchange::Metric::Linf) => Err(unknown("Linf (Chebyshev) distance")),
        Some(exchange::Metric::Lp(p)) => Err(unknown(&format!("the {p}-norm"))),
    }
}

/// A pack of vectors whose encoder is elsewhere. It is the collection's own: another one's captions of the same words
/// may have been encoded by another model.
fn imported(collection: &str, dim: usize, metric: Metric) -> PackRecord {
    let space = |name: &str| SpaceRecord {
        name: name.to_owned(),
        dim,
        source: SpaceSource::Stored,
        metric,
        precision: Precision::Single,
    };
    PackRecord {
        name: IMPORTED.to_owned(),
        fingerprint: format!("{IMPORTED}:{metric}:{dim}:{collection}"),
        feature_dim: 0,
        spaces: vec![space(space::IMAGE), space(space::CAPTION)],
    }
}
