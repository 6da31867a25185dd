//! The data sets that there are: one file for each, one line in the table.

pub mod clipart;
mod crops;
mod cuts;
mod glove;
pub mod synthetic;
mod wordnet;

use std::path::{Path, PathBuf};

use fovea_encode::{Encoder, Pack};

use super::dataset::{Card, Made};
use super::packages::Package;
use crate::exit::Refusal;
use crate::settings::{DEFAULT_PACK, Settings, cache_folder};

/// A data set that can be made.
struct Recipe {
    name: &'static str,
    make: fn(&Workshop) -> anyhow::Result<Made>,
    /// Made only when asked for by name: large, and no measure of quality.
    on_demand: bool,
}

const RECIPES: &[Recipe] = &[
    recipe("crops-512", crops::make),
    recipe("wordnet-512", wordnet::make),
    recipe("glove-50", glove::make),
    Recipe {
        name: "synthetic-512",
        make: synthetic::make,
        on_demand: true,
    },
];

const fn recipe(name: &'static str, make: fn(&Workshop) -> anyhow::Result<Made>) -> Recipe {
    Recipe {
        name,
        make,
        on_demand: false,
    }
}

/// What a recipe works with.
pub struct Workshop<'a> {
    settings: &'a Settings,
    /// The cache of the whole program, where the stamps are kept.
    cache: PathBuf,
    /// Folder of the data set, which may hold what a run before has finished.
    folder: PathBuf,
    say: &'a dyn Fn(&str),
}

impl Workshop<'_> {
    fn say(&self, words: &str) {
        (self.say)(words);
    }

    fn pack(&self) -> anyhow::Result<Pack> {
        self.settings.open_pack(DEFAULT_PACK)
    }

    fn unpacked(&self, package: &Package) -> anyhow::Result<PathBuf> {
        package.unpacked(&below(&self.cache).join("packages"), self.say)
    }
}

/// Where everything of this benchmark lies.
pub fn below(cache: &Path) -> PathBuf {
    cache.join("bench").join("ann")
}

/// Names of all data sets, or of those that are made without being asked for by name.
pub fn names(all: bool) -> Vec<&'static str> {
    let wanted = RECIPES.iter().filter(|recipe| all || !recipe.on_demand);
    wanted.map(|recipe| recipe.name).collect()
}

/// The data set's folder and card; made now where it is not there.
pub fn prepare(
    settings: &Settings,
    name: &str,
    say: &dyn Fn(&str),
) -> anyhow::Result<(PathBuf, Card)> {
    let Some(recipe) = RECIPES.iter().find(|recipe| recipe.name == name) else {
        let message = format!("no data set `{name}`; there are {}", names(true).join(", "));
        return Err(Refusal::input(message).into());
    };
    let cache = cache_folder()?;
    let folder = below(&cache).join(name);
    if let Some(card) = Card::read(&folder) {
        return Ok((folder, card));
    }
    let workshop = Workshop {
        settings,
        cache,
        folder: folder.clone(),
        say,
    };
    let card = (recipe.make)(&workshop)?.keep(&folder, say)?;
    say(&format!(
        "{name}: {} vectors of {} numbers",
        card.n, card.dim
    ));
    Ok((folder, card))
}

/// The fingerprint of vectors that a pack made by a recipe.
fn made_with(pack: &Pack, recipe: &str) -> String {
    format!("pack {}, {recipe}", pack.spec().fingerprint)
}
