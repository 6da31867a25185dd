//! The typed filter. It says which items are meant and nothing about how they
//! are found: each engine compiles it into its own language.

use crate::ids::ItemId;
use crate::records::Value;

/// Which items are meant.
///
/// A field with several values matches when any of them does, but for `Ne`,
/// where none may be equal. A comparison with a field the item does not have
/// never matches, `Ne` included: `Not(Eq)` is the one that takes those in.
/// Numbers and texts are never equal and never ordered against each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Filter {
    /// Every item.
    #[default]
    All,
    /// No item.
    Nothing,
    /// All of these; of none of them, every item.
    And(Vec<Filter>),
    /// Any of these; of none of them, no item.
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Compare {
        field: Field,
        op: Comparison,
        value: Value,
    },
    /// `*` is any run of characters, `/` included, `?` any one.
    Glob {
        field: Field,
        pattern: String,
        /// Lower and upper case are the same, in every script that has both.
        ignore_case: bool,
    },
    /// The item has the field.
    Exists(Field),
    Ids(Vec<ItemId>),
    HasCaption,
    /// Taken at most so many kilometres from a place, along the surface.
    Near {
        latitude: f64,
        longitude: f64,
        km: f64,
    },
    /// So much of the image, 0 to 1, is of colours that look like this one.
    Color {
        rgb: [u8; 3],
        share: f32,
    },
    /// Items whose source can (or cannot) be reached.
    Online(bool),
}

impl Filter {
    /// Both filters hold.
    pub fn and(self, other: Filter) -> Filter {
        match (self, other) {
            (Filter::All, other) => other,
            (this, Filter::All) => this,
            (this, other) => Filter::And(vec![this, other]),
        }
    }

    /// A comparison with a field of this name.
    pub fn compare(field: &str, op: Comparison, value: impl Into<Value>) -> Filter {
        Filter::Compare {
            field: Field::named(field),
            op,
            value: value.into(),
        }
    }

    /// A glob over a field of this name, in which letter case counts.
    pub fn glob(field: &str, pattern: &str) -> Filter {
        Filter::Glob {
            field: Field::named(field),
            pattern: pattern.to_owned(),
            ignore_case: false,
        }
    }
}

/// How a field is compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// What is compared: something every item has, or a metadata key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// Relative path as text.
    Path,
    /// Last part of the path.
    Name,
    /// Lower case without the dot; an item without one does not have the field.
    Ext,
    /// Relative path of the folder, empty at the root.
    Folder,
    /// In bytes.
    Size,
    /// In pixels.
    Width,
    Height,
    /// Width over height.
    Aspect,
    /// As in `jpeg`.
    Format,
    /// Seconds since 1970.
    Mtime,
    /// Seconds since 1970.
    Added,
    /// Root of the source, as text.
    Source,
    /// Languages of the captions that say theirs, as in `en`.
    Language,
    /// What the item is tagged with: its metadata `tag`, and what the active
    /// pack sees in it.
    Tag,
    /// Any other name.
    Metadata(String),
}

impl Field {
    /// The field of this name: the well-known ones first, else metadata.
    pub fn named(name: &str) -> Field {
        match name {
            "path" => Field::Path,
            "name" => Field::Name,
            "ext" => Field::Ext,
            "folder" => Field::Folder,
            "size" => Field::Size,
            "width" => Field::Width,
            "height" => Field::Height,
            "aspect" => Field::Aspect,
            "format" => Field::Format,
            "mtime" => Field::Mtime,
            "added" => Field::Added,
            "source" => Field::Source,
            "language" => Field::Language,
            "tag" => Field::Tag,
            other => Field::Metadata(other.to_owned()),
        }
    }
}
