//! Measures retrieval: each caption of a file is a query, and a hit is any image that has that caption.
//!
//! Looks at what is seen in the image alone, unless a caller asks for captions too: a caption must not find itself.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use fovea_measure::{
    Bootstrap, Estimate, Paired, Rank, Retrieval, average_precision_of, binary_ndcg_at, by_group,
    reciprocal,
};
use fovea_vectordb::{Filter, ItemId};

use crate::captions::read_tsv;
use crate::error::Error;
use crate::query::{Plan, Query};
use crate::search::{SearchOptions, Spaces};
use crate::{Engine, paths};

#[derive(Clone, Debug)]
pub struct EvalOptions {
    pub candidates: Candidates,
    pub spaces: Spaces,
    /// Only these languages; empty for all that the file has.
    pub languages: Vec<String>,
    pub bootstrap: Bootstrap,
}

/// Among which items a caption has to find its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// Every item of the collection.
    All,
    /// The items that the caption file names, in whatever language.
    Listed,
}

/// What one query found.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    pub query: String,
    /// Folder of the image whose caption it is, as the file has it.
    pub folder: String,
    /// Rank of the first image that has the caption.
    pub rank: Rank,
    /// Of the first ten results, an image that has the caption being worth one and any other nothing.
    pub ndcg_at_10: f64,
    pub average_precision: f64,
}

/// Two packs that answered the same queries, query by query.
#[derive(Clone, Debug)]
pub struct Compared {
    pub lang: String,
    pub recall_at_10: Paired,
    pub mrr: Paired,
    pub ndcg_at_10: Paired,
    pub map: Paired,
}

#[derive(Clone, Debug)]
pub struct Evaluation {
    pub n_candidates: u64,
    /// Images of the file that are not indexed; their captions are not asked.
    pub not_indexed: Vec<std::path::PathBuf>,
    pub languages: Vec<LanguageResult>,
}

#[derive(Clone, Debug)]
pub struct LanguageResult {
    pub lang: String,
    pub retrieval: Retrieval,
    pub ndcg_at_10: Estimate,
    /// Mean average precision.
    pub map: Estimate,
    /// Query by query, in the order of the file.
    pub answered: Vec<Answered>,
}

impl LanguageResult {
    fn of(lang: String, answered: Vec<Answered>, bootstrap: &Bootstrap) -> LanguageResult {
        let ranks: Vec<Rank> = answered.iter().map(|one| one.rank).collect();
        let estimate = |score: fn(&Answered) -> f64| {
            let scores: Vec<f64> = answered.iter().map(score).collect();
            Estimate {
                value: scores.iter().sum::<f64>() / scores.len().max(1) as f64,
                interval: bootstrap.mean(&scores),
            }
        };
        LanguageResult {
            retrieval: Retrieval::of(&ranks, bootstrap),
            ndcg_at_10: estimate(|one| one.ndcg_at_10),
            map: estimate(|one| one.average_precision),
            lang,
            answered,
        }
    }
}

impl Evaluation {
    /// Retrieval of each folder's captions, in all languages.
    pub fn by_folder(&self, bootstrap: &Bootstrap) -> BTreeMap<String, Retrieval> {
        let answered = self
            .languages
            .iter()
            .flat_map(|language| &language.answered);
        by_group(
            answered.map(|one| (one.folder.clone(), one.rank)),
            bootstrap,
        )
    }

    /// This one against `before`, which asked the same, by paired bootstrap. Languages without a common query are left out.
    pub fn against(&self, before: &Evaluation, bootstrap: &Bootstrap) -> Vec<Compared> {
        let of = |after: &LanguageResult| {
            let before = before.languages.iter().find(|one| one.lang == after.lang)?;
            let paired = |score: fn(&Answered) -> f64| {
                let scores =
                    |one: &LanguageResult| one.answered.iter().map(score).collect::<Vec<_>>();
                bootstrap.compare(&scores(before), &scores(after))
            };
            Some(Compared {
                lang: after.lang.clone(),
                recall_at_10: paired(|one| f64::from(one.rank.is_some_and(|rank| rank <= 10)))?,
                mrr: paired(|one| reciprocal(one.rank))?,
                ndcg_at_10: paired(|one| one.ndcg_at_10)?,
                map: paired(|one| one.average_precision)?,
            })
        };
        self.languages.iter().filter_map(of).collect()
    }
}

/// The queries of one language: captions, and the items that have each.
type Asked = BTreeMap<String, Vec<ItemId>>;

impl Engine {
    pub fn evaluate(&self, captions: &Path, options: &EvalOptions) -> Result<Evaluation, Error> {
        let file = read_tsv(captions)?;
        let indexed = self.items_by_path()?;
        let mut listed = Vec::new();
        let mut not_indexed = Vec::new();
        let mut asked: BTreeMap<String, Asked> = BTreeMap::new();
        let mut queries: HashMap<String, Vec<(String, String)>> = HashMap::new();
        let root = captions.parent().unwrap_or(Path::new(""));
        let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        for image in &file.images {
            let Some(item) = indexed.get(image) else {
                not_indexed.push(image.clone());
                continue;
            };
            listed.push(*item);
            for caption in file.of(image) {
                let lang = caption.lang.clone().unwrap_or_else(|| "?".to_owned());
                if options.languages.is_empty() || options.languages.contains(&lang) {
                    let of_language = asked.entry(lang.clone()).or_default();
                    of_language
                        .entry(caption.text.clone())
                        .or_default()
                        .push(*item);
                    let folder = folder_of(image, &root);
                    queries
                        .entry(lang)
                        .or_default()
                        .push((caption.text.clone(), folder));
                }
            }
        }
        let filter = match options.candidates {
            Candidates::All => Filter::All,
            Candidates::Listed => Filter::Ids(listed),
        };
        let n_candidates = self.database().count(&filter)?;
        let search = SearchOptions {
            top_k: usize::try_from(n_candidates).unwrap_or(usize::MAX).max(1),
            filter,
            spaces: options.spaces,
            ..SearchOptions::default()
        };
        let mut languages = Vec::new();
        for (lang, asked) in asked {
            let queries = queries.remove(&lang).unwrap_or_default();
            let answered = self.answers(queries, &asked, &search)?;
            languages.push(LanguageResult::of(lang, answered, &options.bootstrap));
        }
        Ok(Evaluation {
            n_candidates,
            not_indexed,
            languages,
        })
    }

    /// One answer for each caption of each image; equal captions are asked once and counted as often as they stand.
    fn answers(
        &self,
        queries: Vec<(String, String)>,
        asked: &Asked,
        search: &SearchOptions,
    ) -> Result<Vec<Answered>, Error> {
        let mut known: HashMap<String, (Rank, f64, f64)> = HashMap::new();
        let mut answered = Vec::with_capacity(queries.len());
        for (query, folder) in queries {
            let found = match known.get(&query) {
                Some(found) => *found,
                None => {
                    let relevant: HashSet<ItemId> =
                        asked.get(&query).into_iter().flatten().copied().collect();
                    let found = self.rank(&Plan::of_terms(Query::words(&query)?), search)?;
                    let is_right = |one: &crate::search::Ranked| relevant.contains(&one.item);
                    let is_right: Vec<bool> = found.iter().map(is_right).collect();
                    let at = is_right.iter().position(|right| *right);
                    let found = (
                        at.and_then(|at| u32::try_from(at + 1).ok()),
                        binary_ndcg_at(&is_right, relevant.len(), 10),
                        average_precision_of(&is_right, relevant.len()),
                    );
                    known.insert(query.clone(), found);
                    found
                }
            };
            let (rank, ndcg_at_10, average_precision) = found;
            answered.push(Answered {
                query,
                folder,
                rank,
                ndcg_at_10,
                average_precision,
            });
        }
        Ok(answered)
    }

    /// Items by their absolute path.
    pub(crate) fn items_by_path(&self) -> Result<HashMap<std::path::PathBuf, ItemId>, Error> {
        let mut items = HashMap::new();
        for source in self.database().sources()? {
            for state in self.database().file_states(source.id)? {
                items.insert(source.root.join(paths::from_bytes(&state.path)), state.item);
            }
        }
        Ok(items)
    }
}

/// The folder of an image below the folder of the caption file, with slashes; a dot where it lies beside the file.
fn folder_of(image: &Path, root: &Path) -> String {
    let folder = image.parent().unwrap_or(Path::new(""));
    let below = folder.strip_prefix(root).unwrap_or(folder);
    match below.to_string_lossy().replace('\\', "/") {
        empty if empty.is_empty() => ".".to_owned(),
        folder => folder,
    }
}
