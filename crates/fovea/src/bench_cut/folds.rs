//! Alignments that did not learn of a part of the pictures each, so that what ships over ConSE is judged by pictures that it
//! did not see. `scripts/align_base` leaves them behind.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fovea_encode::Pack;

use crate::settings::{DEFAULT_PACK, Settings};

pub struct Folds {
    packs: Vec<Pack>,
    /// Whose head did not see a picture, by its path below the folder of Open Clip Art's pictures.
    of: HashMap<PathBuf, usize>,
}

impl Folds {
    /// `folds.tsv` and `fold-N.tensors` of a folder. Without one all is one fold, judged by the pack as it is.
    pub fn read(settings: &Settings, folder: Option<&Path>) -> anyhow::Result<Folds> {
        let open = || settings.open_pack(DEFAULT_PACK);
        let Some(folder) = folder else {
            return Ok(Folds {
                packs: vec![open()?],
                of: HashMap::new(),
            });
        };
        let list = folder.join("folds.tsv");
        let text = fs::read_to_string(&list)
            .with_context(|| format!("{} cannot be read", list.display()))?;
        let lines = text.lines().map(|line| {
            let parts = line
                .split_once('\t')
                .and_then(|(fold, path)| Some((PathBuf::from(path), fold.parse().ok()?)));
            parts.with_context(|| format!("{}: {line:?} is no fold and path", list.display()))
        });
        let of: HashMap<PathBuf, usize> = lines.collect::<Result<_, _>>()?;
        let n = of.values().max().map_or(0, |most| most + 1);
        let head = |fold| folder.join(format!("fold-{fold}.tensors"));
        let packs = (0..n).map(|fold| Ok(open()?.with_shipped(&head(fold))?));
        Ok(Folds {
            packs: packs.collect::<anyhow::Result<_>>()?,
            of,
        })
    }

    pub fn n(&self) -> usize {
        self.packs.len()
    }

    pub fn pack(&self, fold: usize) -> &Pack {
        &self.packs[fold]
    }

    /// Nothing where every head may have seen the picture.
    pub fn fold_of(&self, name: &Path) -> Option<usize> {
        match self.of.is_empty() {
            true => Some(0),
            false => self.of.get(name).copied(),
        }
    }
}
