//! Which pack a run begins with, and what the one that comes out of it says of itself.

use std::collections::BTreeMap;

use fovea_encode::{Encoder, Pack, Training, models};
use fovea_vectordb::OpenMode;

use crate::exit::Refusal;
use crate::settings::{DEFAULT_PACK, Settings};

/// Refuses a name that another pack has, before the work.
pub fn expect_free(
    settings: &Settings,
    parent: Option<&str>,
    name: &str,
    replace: bool,
) -> anyhow::Result<()> {
    let name = models::derived_name(parent.unwrap_or(DEFAULT_PACK), name)?;
    if !replace && settings.models.join(&name).exists() {
        let message = format!(
            "there is a pack {name} already; --replace puts the new one in its place, --name NAME beside it"
        );
        return Err(Refusal::input(message).into());
    }
    Ok(())
}

/// The pack that was named, else that of the collection where this is learnt from, else the default one.
pub fn open_pack(
    settings: &Settings,
    name: Option<&str>,
    from_collection: bool,
) -> anyhow::Result<Pack> {
    let pack = match (name, from_collection) {
        (Some(name), _) => settings.open_pack(name)?,
        (None, true) => {
            let active = settings.open_database(OpenMode::ReadOnly)?.active_pack()?;
            match active.filter(|pack| pack.has_encoder()) {
                Some(active) => settings.pack_of(&active)?,
                None => settings.open_pack(DEFAULT_PACK)?,
            }
        }
        (None, false) => settings.open_pack(DEFAULT_PACK)?,
    };
    pack.verify()?;
    Ok(pack)
}

/// Where what was learnt of `data` comes from, for the manifest.
pub fn training(
    parent: &Pack,
    data: String,
    settings: BTreeMap<String, String>,
    metrics: BTreeMap<String, f64>,
) -> Training {
    Training {
        parent: parent.spec().name.clone(),
        parent_fingerprint: parent.spec().fingerprint.clone(),
        data,
        settings,
        metrics,
    }
}

/// Options by name, as manifests and reports have them.
pub fn settings_of(options: &impl serde::Serialize) -> BTreeMap<String, String> {
    let value = serde_json::to_value(options).unwrap_or_default();
    let mut named = BTreeMap::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(inner) => named.extend(
                inner
                    .iter()
                    .map(|(name, value)| (name.clone(), value.to_string())),
            ),
            None => {
                named.insert(name.clone(), value.to_string().trim_matches('"').to_owned());
            }
        }
    }
    named
}

/// A matrix whose rows become columns.
pub fn turned(weights: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let column = |column: usize| (0..rows).map(move |row| weights[row * columns + column]);
    (0..columns).flat_map(column).collect()
}
