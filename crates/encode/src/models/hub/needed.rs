//! Which files of a repository a pack is made of.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::add::layout;
use crate::error::Error;
use crate::onnx::Graph;
use crate::tensors;

/// What says how a model is used, wherever one of the layouts has it. A repository has a few of them.
const SETTINGS: [&str; 9] = [
    "config.json",
    "open_clip_config.json",
    "preprocessor_config.json",
    "preprocess_cfg.json",
    "visual/preprocess_cfg.json",
    "special_tokens_map.json",
    "textual/special_tokens_map.json",
    "README.md",
    "LICENSE.txt",
];
const LICENCES: [&str; 3] = ["LICENSE", "LICENSE.md", "LICENCE"];
/// Folders of a tokenizer.
const PLACES: [&str; 3] = ["", "textual/", "tokenizer/"];
/// A tokenizer in one file, or in others.
const WHOLE: &str = "tokenizer.json";
const PARTS: [&str; 4] = [
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "bpe_simple_vocab_16e6.txt.gz",
];

/// The files of both networks, once where that is the same; in the wanted precision or the plain one.
pub fn networks(names: &[&str], precision: Option<&str>) -> Result<Vec<String>, String> {
    let found = layout::pick(
        &names.iter().map(|name| (*name).to_owned()).collect(),
        precision,
    )?;
    let both = BTreeSet::from([found.image, found.text]);
    Ok(both.into_iter().collect())
}

/// The files beside them that are there.
pub fn settings<'a>(names: &[&'a str]) -> impl Iterator<Item = &'a str> {
    let is_there = |name: &str| names.contains(&name);
    let mut wanted: Vec<String> = SETTINGS
        .iter()
        .chain(&LICENCES)
        .map(|name| (*name).into())
        .collect();
    for place in PLACES {
        wanted.push(format!("{place}tokenizer_config.json"));
        match is_there(&format!("{place}{WHOLE}")) {
            true => wanted.push(format!("{place}{WHOLE}")),
            false => wanted.extend(PARTS.map(|part| format!("{place}{part}"))),
        }
    }
    let found: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| wanted.iter().any(|wanted| wanted == name))
        .collect();
    found.into_iter()
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
