//! The words that were written: an index of captions, own tags, and names of files and folders, kept by SQLite's
//! FTS5. It holds words that [`crate::words`] cut, so that its tokenizer has nothing to decide.

use rusqlite::{Connection, params};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Scope;
use super::columns::Columns;
use super::fail::Try;
use super::items::item_id;
use super::write::Writing;
use crate::database::{KeywordHit, Wanted};
use crate::filter::Filter;

/// Words of a vocabulary that are read at once.
const MOST_WORDS: i64 = 1_000_000;

/// What stands in the index of an item: a path without its ending, captions, and tags that a person gave.
pub(super) const FILL: &str = "
    INSERT INTO keyword (rowid, words)
    SELECT item.id, fovea_words(
        CASE WHEN ext = '' THEN path_text ELSE substr(path_text, 1, length(path_text) - length(ext) - 1) END
        || char(10) || coalesce((SELECT group_concat(phrase.text, char(10)) FROM caption
            JOIN phrase ON phrase.id = caption.phrase WHERE caption.item = item.id), '')
        || char(10) || coalesce((SELECT group_concat(text, char(10)) FROM metadata
            WHERE metadata.item = item.id AND key = 'tag'), ''))
    FROM item";

/// Write the words of an item anew, after its row, captions and metadata.
pub(super) fn put(writing: &Writing<'_>, item: i64) -> Try<()> {
    remove(writing, item)?;
    writing
        .connection
        .prepare_cached(&format!("{FILL} WHERE item.id = ?"))?
        .execute([item])?;
    Ok(())
}

pub(super) fn remove(writing: &Writing<'_>, item: i64) -> Try<()> {
    writing
        .connection
        .prepare_cached("DELETE FROM keyword WHERE rowid = ?")?
        .execute([item])?;
    Ok(())
}

/// Items in which some of what is wanted stands, the most telling share first and equals by rising id.
///
/// What few items have tells more: each is worth the logarithm of its rarity, as BM25 has it (Robertson and Zaragoza
/// 2009, with one added so that nothing is worth less than none).
pub(super) fn search(
    connection: &Connection,
    scope: &Scope,
    n_items: u64,
    wanted: &[Wanted],
    allowed: Option<&(std::sync::Arc<Columns>, fovea_index::Bitmap)>,
) -> Try<Vec<KeywordHit>> {
    let mut worth_of_all = 0.0;
    let mut shares: FxHashMap<i64, f32> = FxHashMap::default();
    for one in wanted {
        let items = having(connection, scope, one)?;
        let rarity = rarity(n_items, items.len() as u64);
        worth_of_all += rarity;
        for item in items {
            let is_allowed = allowed.is_none_or(|(columns, allowed)| {
                let position = columns.items.position(item);
                position.is_some_and(|position| allowed.contains(position))
            });
            if is_allowed {
                *shares.entry(item).or_default() += rarity * one.worth;
            }
        }
    }
    let hits = shares.into_iter().map(|(item, worth)| {
        Ok(KeywordHit {
            item: item_id(item)?,
            share: worth / worth_of_all,
        })
    });
    let mut hits: Vec<KeywordHit> = hits.collect::<Try<_>>()?;
    hits.sort_unstable_by(|a, b| b.share.total_cmp(&a.share).then(a.item.cmp(&b.item)));
    Ok(hits)
}

/// A word that nobody has is as rare as one that a single item has.
pub(crate) fn rarity(n_items: u64, n_having: u64) -> f32 {
    let (all, having) = (n_items as f32, n_having.max(1) as f32);
    (1.0 + (all - having).max(0.0) / having).ln() + 0.1
}

/// Items of the collection that have any of the alternatives.
fn having(connection: &Connection, scope: &Scope, wanted: &Wanted) -> Try<FxHashSet<i64>> {
    let any = wanted.any.iter().filter(|words| !words.is_empty());
    let any: Vec<String> = any.map(|words| phrase(words)).collect();
    if any.is_empty() {
        return Ok(FxHashSet::default());
    }
    let mut statement = connection.prepare_cached(
        "SELECT item.id FROM keyword CROSS JOIN item ON item.id = keyword.rowid
         WHERE keyword MATCH ? AND item.collection = ?",
    )?;
    let items = statement.query_map(params![any.join(" OR "), scope.collection], |row| {
        row.get(0)
    })?;
    Ok(items.collect::<Result<_, _>>()?)
}

/// Words that stand beside each other, in FTS5's language.
fn phrase(words: &[String]) -> String {
    let is_of_a_word = |letter: &char| letter.is_ascii_alphanumeric() || !letter.is_ascii();
    let words: Vec<String> = words
        .iter()
        .map(|word| word.chars().filter(is_of_a_word).collect())
        .collect();
    format!("\"{}\"", words.join(" "))
}

/// The words that begin like this and the number of items that have each, of all collections.
pub(super) fn words(connection: &Connection, prefix: &str) -> Try<Vec<(String, u64)>> {
    // That of an older schema is empty and this connection's own.
    let is_own = connection
        .prepare_cached("SELECT 1 FROM temp.sqlite_schema WHERE name = 'keyword'")?
        .exists([])?;
    let schema = if is_own { "temp" } else { "main" };
    connection.execute_batch(&format!(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.keyword_word USING fts5vocab({schema}, keyword, row)"
    ))?;
    let mut statement = connection.prepare_cached(
        "SELECT term, doc FROM temp.keyword_word WHERE term >= ?1 AND term < ?1 || char(1114111) LIMIT ?2",
    )?;
    let words = statement.query_map(params![prefix, MOST_WORDS], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(words.collect::<Result<_, _>>()?)
}

/// What a search with this filter may find; none where all may be.
pub(super) fn allowed(
    columns: impl FnOnce() -> Try<std::sync::Arc<Columns>>,
    connection: &Connection,
    scope: &Scope,
    filter: &Filter,
) -> Try<Option<(std::sync::Arc<Columns>, fovea_index::Bitmap)>> {
    if *filter == Filter::All {
        return Ok(None);
    }
    let columns = columns()?;
    let answer = columns.answer(connection, scope, filter)?;
    Ok(Some((columns, answer.items.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_few_have_tells_more() {
        assert!(rarity(1000, 1) > rarity(1000, 10));
        assert!(rarity(1000, 0) == rarity(1000, 1));
        assert!(rarity(3, 3) > 0.0 && rarity(0, 0) > 0.0);
    }
}
