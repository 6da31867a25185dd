//! Who is asked about: an item, or a file that may be none.

use std::path::{Path, PathBuf};

use fovea_vectordb::{Item, ItemId};

use crate::error::Error;
use crate::{Engine, lookup};

#[derive(Clone, Debug)]
pub enum Subject {
    Item(Box<Item>),
    /// A path, from the root on, that no item has.
    File(PathBuf),
}

impl Engine {
    /// What `#ID`, an id or a path names.
    pub fn subject(&self, text: &str) -> Result<Subject, Error> {
        let item = match self.named_item(text)? {
            Some(id) => self.database().items(&[id])?.pop(),
            None => None,
        };
        Ok(match item {
            Some(item) => Subject::Item(Box::new(item)),
            None => Subject::File(lookup::resolved(Path::new(text))?),
        })
    }

    /// The item that an id or a path names, where the path is one of the collection.
    pub(crate) fn named_item(&self, text: &str) -> Result<Option<ItemId>, Error> {
        if text.is_empty() {
            return Err(Error::Input(
                "name a picture by its path or its id".to_owned(),
            ));
        }
        let path = Path::new(text);
        let (id, is_marked) = match text.strip_prefix('#') {
            Some(id) if !path.exists() => (id.parse().ok(), true),
            None if !path.exists() => (text.parse().ok(), false),
            _ => (None, false),
        };
        let Some(id) = id else {
            return match is_marked {
                true => Err(Error::Input(format!(
                    "`{text}` is no item: an id has 13 letters and digits after the `#`; `fovea search --json` prints them"
                ))),
                false => lookup::item_at(self.database(), path),
            };
        };
        match self.database().items(&[id])?.is_empty() {
            true => Err(Error::Input(format!(
                "there is no item #{id} in this collection; `fovea search --json` prints their ids"
            ))),
            false => Ok(Some(id)),
        }
    }
}
