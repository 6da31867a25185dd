//! Measures retrieval: each caption of a file is a query, and a hit is any image that has that caption.
//!
//! Looks at what is seen in the image alone, unless a caller asks for captions too: a caption must not find itself.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use fovea_measure::{Bootstrap, Rank, Retrieval};
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
        let mut n_queries: HashMap<String, Vec<String>> = HashMap::new();
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
                    n_queries
                        .entry(lang)
                        .or_default()
                        .push(caption.text.clone());
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
            let queries = n_queries.remove(&lang).unwrap_or_default();
            let ranks = self.ranks(&queries, &asked, &search)?;
            languages.push(LanguageResult {
                lang,
                retrieval: Retrieval::of(&ranks, &options.bootstrap),
            });
        }
        Ok(Evaluation {
            n_candidates,
            not_indexed,
            languages,
        })
    }

    /// One rank for each caption of each image; equal captions are asked once and counted as often as they stand.
    fn ranks(
        &self,
        queries: &[String],
        asked: &Asked,
        search: &SearchOptions,
    ) -> Result<Vec<Rank>, Error> {
        let mut known: HashMap<&str, Rank> = HashMap::new();
        let mut ranks = Vec::with_capacity(queries.len());
        for query in queries {
            let rank = match known.get(query.as_str()) {
                Some(rank) => *rank,
                None => {
                    let relevant: HashSet<ItemId> =
                        asked.get(query).into_iter().flatten().copied().collect();
                    let found = self.rank(&Plan::of_terms(Query::words(query)?), search)?;
                    let at = found.iter().position(|one| relevant.contains(&one.item));
                    let rank = at.and_then(|at| u32::try_from(at + 1).ok());
                    known.insert(query, rank);
                    rank
                }
            };
            ranks.push(rank);
        }
        Ok(ranks)
    }

    fn items_by_path(&self) -> Result<HashMap<std::path::PathBuf, ItemId>, Error> {
        let mut items = HashMap::new();
        for source in self.database().sources()? {
            for state in self.database().file_states(source.id)? {
                items.insert(source.root.join(paths::from_bytes(&state.path)), state.item);
            }
        }
        Ok(items)
    }
}
