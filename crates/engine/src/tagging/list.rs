//! A person's own list of tags: a file with one on each line, kept with the collection.

use std::collections::HashSet;

use fovea_vectordb::Database;

use crate::error::Error;

const SETTING: &str = "tags.list";
/// More names than anybody looks through.
const MOST_NAMES: usize = 10_000;
const MOST_LETTERS: usize = 200;

/// A tag, and the words that say what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagName {
    pub name: String,
    /// The name itself, where no other words were given.
    pub words: String,
}

/// Tags in the order of their file, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagList(pub Vec<TagName>);

impl TagList {
    /// Reads lines: a name, or a name, a tab, and words that describe it. Empty lines and lines that begin with `#` say
    /// nothing.
    pub fn parse(text: &str) -> Result<TagList, String> {
        let mut seen = HashSet::new();
        let mut names = Vec::new();
        for (at, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let line = line.trim_matches([' ', '\r']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, words) = line.split_once('\t').unwrap_or((line, line));
            let (name, words) = (name.trim(), words.trim());
            if name.is_empty() || words.is_empty() {
                return Err(format!(
                    "line {at}: a name and words for it, with a tab between, or a name alone"
                ));
            }
            if line.chars().count() > MOST_LETTERS {
                return Err(format!(
                    "line {at} is longer than {MOST_LETTERS} letters, which no tag is"
                ));
            }
            if line
                .chars()
                .any(|letter| letter.is_control() && letter != '\t')
            {
                return Err(format!("line {at} holds signs that cannot be shown"));
            }
            if seen.insert(name.to_lowercase()) {
                names.push(TagName {
                    name: name.to_owned(),
                    words: words.to_owned(),
                });
            }
        }
        match names.len() {
            0 => Err("it names no tag; `--tags none` forgets a list".to_owned()),
            n if n > MOST_NAMES => Err(format!("it names {n} tags, and {MOST_NAMES} are the most")),
            _ => Ok(TagList(names)),
        }
    }

    /// The list that a collection has.
    pub fn kept(database: &dyn Database) -> Result<Option<TagList>, Error> {
        let kept = database.setting(SETTING)?;
        let list = kept.map(|kept| TagList::parse(&kept)).transpose();
        list.map_err(|reason| {
            Error::Input(format!(
                "the kept list of tags is damaged: {reason}; give it again with --tags"
            ))
        })
    }

    /// Keeps it with the collection.
    pub fn keep(&self, database: &dyn Database) -> Result<(), Error> {
        Ok(database.set_setting(SETTING, Some(&self.text()))?)
    }

    pub fn forget(database: &dyn Database) -> Result<(), Error> {
        Ok(database.set_setting(SETTING, None)?)
    }

    fn text(&self) -> String {
        let lines = self.0.iter().map(|one| match one.words == one.name {
            true => format!("{}\n", one.name),
            false => format!("{}\t{}\n", one.name, one.words),
        });
        lines.collect()
    }
}

/// A number that another list has not.
pub fn check(list: Option<&TagList>) -> String {
    match list {
        None => "none".to_owned(),
        Some(list) => fovea_vectordb::ContentHash::of(list.text().as_bytes()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_names_or_names_with_words() {
        let list = TagList::parse("\u{feff}# ours\n\n 猫 \nrex\ta small brown dog\nRex\n").unwrap();
        let name = |name: &str, words: &str| TagName {
            name: name.to_owned(),
            words: words.to_owned(),
        };
        assert_eq!(list.0, [name("猫", "猫"), name("rex", "a small brown dog")]);
        assert_eq!(TagList::parse(&list.text()), Ok(list));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let long = "x".repeat(MOST_LETTERS + 1);
        let many: String = (0..=MOST_NAMES).map(|n| format!("{n}\n")).collect();
        for (text, expect) in [
            ("", "no tag"),
            ("# nothing\n", "no tag"),
            ("a\nname\t", "line 2"),
            ("a\u{1b}[2J", "cannot be shown"),
            (long.as_str(), "longer"),
            (many.as_str(), "10001"),
        ] {
            let refused = TagList::parse(text).unwrap_err();
            assert!(refused.contains(expect), "{refused}");
        }
    }
}
