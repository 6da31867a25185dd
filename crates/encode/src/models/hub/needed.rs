//! Which files of a repository a pack is made of.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::add::{CARD, Choice, FASTEST, LICENCES, PLACES, layout};
use crate::error::Error;
use crate::onnx::Graph;
use crate::tensors;

/// What says how a model is used, wherever one of the layouts has it. A repository has a few of them.
const SETTINGS: [&str; 7] = [
    "config.json",
    "open_clip_config.json",
    "preprocessor_config.json",
    "preprocess_cfg.json",
    "visual/preprocess_cfg.json",
    "special_tokens_map.json",
    "textual/special_tokens_map.json",
];
/// A tokenizer in one file, or in others.
const WHOLE: &str = "tokenizer.json";
const PARTS: [&str; 4] = [
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "bpe_simple_vocab_16e6.txt.gz",
];

/// The files of both networks, once where that is the same; in the wanted precision or the plain one.
pub fn networks(names: &[&str], choice: Choice<'_>) -> Result<Vec<String>, String> {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let (place, names) = match choice.size {
        Some(size) => layout::in_size(&names, size)?,
        None => (String::new(), names),
    };
    if choice.precision == Some(FASTEST) {
        return Err(format!(
            "`{FASTEST}` compares precisions that are on this disk; of a hub one is fetched, which --precision names: {}",
            layout::precisions_of(&names).join(", ")
        ));
    }
    let found = layout::pick(&names, choice.precision)?;
    let both = BTreeSet::from([found.image, found.text]);
    let names = both.into_iter().map(|name| match place.as_str() {
        "" => name,
        place => format!("{place}/{name}"),
    });
    Ok(names.collect())
}

/// The files beside them that are there, and beside those of one size.
pub fn settings<'a>(names: &[&'a str], size: Option<&str>) -> Vec<&'a str> {
    let mut found = beside(names);
    if let Some(size) = size {
        let place = format!("{}/{size}/", layout::SIZES);
        let inner = names.iter().filter_map(|name| name.strip_prefix(&place));
        let wanted = beside(&inner.collect::<Vec<_>>());
        let is_wanted = |name: &&str| {
            let inner = name.strip_prefix(&place);
            inner.is_some_and(|inner| wanted.contains(&inner))
        };
        found.extend(names.iter().copied().filter(is_wanted));
    }
    found
}

fn beside<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let is_there = |name: &str| names.contains(&name);
    let mut wanted: Vec<String> = SETTINGS
        .iter()
        .chain(&LICENCES)
        .chain([&CARD])
        .map(|name| (*name).into())
        .collect();
    for place in PLACES {
        let place = match place {
            "" => String::new(),
            place => format!("{place}/"),
        };
        wanted.push(format!("{place}tokenizer_config.json"));
        match is_there(&format!("{place}{WHOLE}")) {
            true => wanted.push(format!("{place}{WHOLE}")),
            false => wanted.extend(PARTS.map(|part| format!("{place}{part}"))),
        }
    }
    let is_wanted = |name: &&str| wanted.iter().any(|wanted| wanted == name);
    names.iter().copied().filter(is_wanted).collect()
}

/// The files in which the networks, which are in `folder`, keep weights, as the networks say.
pub fn weights(folder: &Path, networks: &[String], names: &[&str]) -> Result<Vec<String>, Error> {
    let mut found = BTreeSet::new();
    for network in networks {
        let path = folder.join(network);
        let unusable = |what: String| Error::Unusable {
            path: path.clone(),
            what,
        };
        let graph = Graph::read(&tensors::map(&path)?).map_err(unusable)?;
        let place = network.rsplit_once('/').map_or("", |(place, _)| place);
        for part in graph.external {
            let name = match place {
                "" => part.location.clone(),
                place => format!("{place}/{}", part.location),
            };
            if !names.contains(&name.as_str()) {
                let what = format!(
                    "it keeps weights in {:?}, which the repository does not have",
                    part.location
                );
                return Err(unusable(what));
            }
            found.insert(name);
        }
    }
    Ok(found.into_iter().collect())
}
