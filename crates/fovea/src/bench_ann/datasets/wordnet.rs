//! `wordnet-512`: the glosses of WordNet through the base text encoder; words ask for the long texts that explain them.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::Context;
use fovea_encode::{Encoder, Pack};

use super::{Workshop, made_with};
use crate::bench_ann::dataset::{Card, Kind, MEASURE_QUERIES, Made, Queries, Source, TUNE_QUERIES};
use crate::bench_ann::encode::texts;
use crate::bench_ann::packages::WORDNET;
use crate::bench_ann::split::{Seen, Use, distinct, key, use_of};
use fovea_vectordb::exchange::Matrix;

const RECIPE: &str = "wordnet 1";
const PARTS: [&str; 4] = ["noun", "verb", "adj", "adv"];

/// Of the words to build with so many are kept; a third of all would be 50,000.
const BUILD_WORDS: usize = 20_000;

pub fn make(workshop: &Workshop) -> anyhow::Result<Made> {
    let pack = workshop.pack()?;
    let folder = workshop.unpacked(&WORDNET)?.join("usr/share/wordnet");
    let glosses = distinct(lines(&folder, "data", gloss)?);
    let words = distinct(lines(&folder, "index", word)?);
    workshop.say(&format!("{} glosses, {} words", glosses.len(), words.len()));
    let dim = pack.spec().shared_dim;
    let base = Seen::default().take_new(&texts(&pack, &glosses, workshop.say)?, usize::MAX);
    let explained: HashSet<String> = glosses.iter().map(|gloss| key(gloss)).collect();
    let queries = word_queries(workshop, &pack, words, &explained)?;
    let about = "glosses of WordNet 3.0 through the base text encoder; the queries are its words";
    let split = "words by their hash in thirds, of which 20,000 build, 2,000 tune and 1,000 measure; to build with, also the \
                 class vectors of the pack. Disjoint as texts and as vectors; no query is a gloss";
    Ok(Made {
        card: Card::new(
            "wordnet-512",
            about,
            split,
            &made_with(&pack, RECIPE),
            vec![Source::from(&WORDNET)],
        ),
        base: Matrix::new(dim, base)?,
        queries: vec![queries],
        half: false,
    })
}

fn word_queries(
    workshop: &Workshop,
    pack: &Pack,
    words: Vec<String>,
    explained: &HashSet<String>,
) -> anyhow::Result<Queries> {
    let dim = pack.spec().shared_dim;
    let mut seen = Seen::default();
    let mut some = |wanted: Use, limit: usize, more: &mut dyn Iterator<Item = &[f32]>| {
        let free = words
            .iter()
            .filter(|word| use_of(&key(word)) == wanted && !explained.contains(&key(word)));
        // Twins as vectors are few: some texts more than are wanted make up for them.
        let chosen: Vec<String> = free.take(limit + limit / 10).cloned().collect();
        let mut rows = texts(pack, &chosen, workshop.say)?;
        let mut kept = seen.take_new(&rows, limit);
        rows.numbers = more.flatten().copied().collect();
        kept.extend(seen.take_new(&rows, usize::MAX));
        Ok::<_, anyhow::Error>(Matrix::new(dim, kept)?)
    };
    let measure = some(Use::Measure, MEASURE_QUERIES, &mut std::iter::empty())?;
    let tune = some(Use::Tune, TUNE_QUERIES, &mut std::iter::empty())?;
    let build = Some(some(Use::Build, BUILD_WORDS, &mut pack.class_vectors())?);
    Ok(Queries {
        kind: Kind::Text,
        build,
        tune,
        measure,
    })
}

/// What `find` sees in each line of the four files of this kind. The licence at the top of each is indented.
fn lines(
    folder: &Path,
    kind: &str,
    find: fn(&str) -> Option<String>,
) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for part in PARTS {
        let path = folder.join(format!("{kind}.{part}"));
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        found.extend(
            text.lines()
                .filter(|line| !line.starts_with(' '))
                .filter_map(find),
        );
    }
    Ok(found)
}

/// `00001740 00 a 01 able 0 ... | having the necessary means`.
fn gloss(line: &str) -> Option<String> {
    let (_, gloss) = line.split_once(" | ")?;
    Some(gloss.trim().to_owned())
}

/// `hot_dog n 3 2 @ ...`.
fn word(line: &str) -> Option<String> {
    let (word, _) = line.split_once(' ')?;
    let word = word.replace('_', " ");
    // Numbers and signs explain themselves.
    word.chars().any(char::is_alphabetic).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_files() {
        let line = "00002312 00 a 02 abaxial 0 dorsal 4 002 ;c 06037666 n 0000 | facing away; \"a leaf\"  ";
        assert_eq!(gloss(line).as_deref(), Some("facing away; \"a leaf\""));
        assert_eq!(word("hot_dog n 3 2 @ ~ 3 0 1").as_deref(), Some("hot dog"));
        assert_eq!(word(".22 n 1 2 @ ~ 1 0 04502851"), None);
    }
}
