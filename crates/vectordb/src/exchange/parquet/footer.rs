//! The footer of a Parquet file: which columns of strings there are, and where their pages lie.
//! Source: `src/main/thrift/parquet.thrift` of github.com/apache/parquet-format.
//!
//! Structures that say nothing are refused: a byte each in a file, they would be a hundred in memory.

use super::thrift::{Reader, Result};

/// What is wanted of a file's metadata.
#[derive(Debug, Default)]
pub(super) struct Footer {
    pub rows: usize,
    pub columns: Vec<Column>,
    pub groups: Vec<Group>,
}

/// A column of the table. Those within structures and lists are left out.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Column {
    pub name: String,
    pub is_text: bool,
    /// Whether cells may be empty: then levels stand before the strings.
    pub is_optional: bool,
}

/// Some rows of all columns.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub rows: usize,
    pub chunks: Vec<Chunk>,
}

/// One column of a group.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub path: Vec<String>,
    /// Number of the compression, as Parquet counts them.
    pub codec: i64,
    pub values: usize,
    pub bytes: u64,
    pub data_page: u64,
    pub dictionary_page: Option<u64>,
    /// Another file that holds the pages.
    pub elsewhere: Option<String>,
}

const BYTE_ARRAY: i64 = 6;
const REPEATED: i64 = 2;

/// An element of the schema, which is a tree in one list, parents first.
#[derive(Default)]
struct Element {
    column: Column,
    is_bytes: bool,
    is_repeated: bool,
    children: usize,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Footer> {
    let mut reader = Reader::new(bytes);
    let mut footer = Footer::default();
    let mut elements = Vec::new();
    reader.structure(|reader, number, kind| {
        match number {
            2 => reader.structures(kind, |reader| {
                elements.push(element(reader)?);
                Ok(())
            })?,
            3 => footer.rows = reader.size(kind)?,
            4 => reader.structures(kind, |reader| {
                footer.groups.push(group(reader)?);
                Ok(())
            })?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    footer.columns = top(elements);
    Ok(footer)
}

/// The columns of strings right below the root.
fn top(elements: Vec<Element>) -> Vec<Column> {
    let mut columns = Vec::new();
    let mut within = 0usize;
    for element in elements.into_iter().skip(1) {
        if within > 0 {
            within = (within - 1).saturating_add(element.children);
        } else if element.children > 0 {
            within = element.children;
        } else if element.is_bytes && element.column.is_text && !element.is_repeated {
            columns.push(element.column);
        }
    }
    columns
}

fn element(reader: &mut Reader) -> Result<Element> {
    let mut element = Element::default();
    reader.structure(|reader, number, kind| {
        match number {
            1 => element.is_bytes = reader.number(kind)? == BYTE_ARRAY,
            3 => {
                let repetition = reader.number(kind)?;
                element.column.is_optional = repetition != 0;
                element.is_repeated = repetition == REPEATED;
            }
            4 => element.column.name = reader.string(kind)?,
            5 => element.children = reader.size(kind)?,
            // The older and the newer way to say that bytes are text: each the first of its kind.
            6 => element.column.is_text |= reader.number(kind)? == 0,
            10 => {
                reader.is_structure(kind)?;
                let is_text = &mut element.column.is_text;
                reader.structure(|_, number, _| {
                    *is_text |= number == 1;
                    Ok(false)
                })?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if element.column.name.is_empty() {
        return Err(reader.wrong(reader.at(), "a column with a name", "one without"));
    }
    Ok(element)
}

fn group(reader: &mut Reader) -> Result<Group> {
    let mut group = Group::default();
    reader.structure(|reader, number, kind| {
        match number {
            1 => reader.structures(kind, |reader| {
                group.chunks.push(chunk(reader)?);
                Ok(())
            })?,
            3 => group.rows = reader.size(kind)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if group.chunks.is_empty() {
        return Err(reader.wrong(reader.at(), "a group of rows with columns", "one without"));
    }
    Ok(group)
}

fn chunk(reader: &mut Reader) -> Result<Chunk> {
    let mut chunk = Chunk::default();
    reader.structure(|reader, number, kind| {
        match number {
            1 => chunk.elsewhere = Some(reader.string(kind)?),
            3 => {
                reader.is_structure(kind)?;
                reader.structure(|reader, number, kind| chunk.field(reader, number, kind))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if chunk.path.is_empty() {
        return Err(reader.wrong(reader.at(), "a column with a name", "one without"));
    }
    Ok(chunk)
}

impl Chunk {
    fn field(&mut self, reader: &mut Reader, number: i64, kind: u8) -> Result<bool> {
        match number {
            3 => self.path = reader.strings(kind)?,
            4 => self.codec = reader.number(kind)?,
            5 => self.values = reader.size(kind)?,
            7 => self.bytes = reader.size(kind)? as u64,
            9 => self.data_page = reader.size(kind)? as u64,
            11 => self.dictionary_page = Some(reader.size(kind)? as u64),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Before every page.
#[derive(Debug, Default)]
pub(super) struct PageHeader {
    pub kind: i64,
    pub size: usize,
    pub packed: usize,
    pub crc: Option<u32>,
    pub values: usize,
    pub encoding: i64,
    /// Of version 1: how levels are packed.
    pub level_encoding: i64,
    /// Of version 2: bytes of levels before the strings, which are not compressed.
    pub level_bytes: usize,
    pub repetition_bytes: usize,
    pub is_packed: bool,
}

impl PageHeader {
    pub const DATA: i64 = 0;
    pub const DICTIONARY: i64 = 2;
    pub const DATA_2: i64 = 3;

    /// The header and its length.
    pub fn parse(bytes: &[u8]) -> Result<(PageHeader, usize)> {
        let mut reader = Reader::new(bytes);
        let mut header = PageHeader {
            is_packed: true,
            ..PageHeader::default()
        };
        reader.structure(|reader, number, kind| {
            match number {
                1 => header.kind = reader.number(kind)?,
                2 => header.size = reader.size(kind)?,
                3 => header.packed = reader.size(kind)?,
                4 => header.crc = Some(reader.number(kind)? as u32),
                5 | 7 | 8 => {
                    reader.is_structure(kind)?;
                    reader.structure(|reader, inner, kind| {
                        header.field(reader, (number, inner), kind)
                    })?;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok((header, reader.at()))
    }

    /// A field of the part for data (5), dictionaries (7) or data of version 2 (8).
    fn field(&mut self, reader: &mut Reader, number: (i64, i64), kind: u8) -> Result<bool> {
        match number {
            (_, 1) => self.values = reader.size(kind)?,
            (5 | 7, 2) | (8, 4) => self.encoding = reader.number(kind)?,
            (5, 3) => self.level_encoding = reader.number(kind)?,
            (8, 5) => self.level_bytes = reader.size(kind)?,
            (8, 6) => self.repetition_bytes = reader.size(kind)?,
            (8, 7) => self.is_packed = reader.boolean(kind)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::thrift::Writer;
    use super::*;

    /// A footer whose field `number` is a list of structures that say nothing.
    #[track_caller]
    fn check(number: i16, n: usize, expect: bool) {
        let mut footer = Writer::default();
        footer.plain_structure(|file| file.structures(number, &vec![(); n], |_, ()| {}));
        assert_eq!(parse(&footer.bytes).is_ok(), expect);
    }

    #[test]
    fn structures_that_say_nothing_are_refused() {
        check(2, 0, true);
        check(2, 1, false);
        check(4, 1000, false);
        check(9, 1000, true);
    }

    #[test]
    fn columns_within_others_are_left_out() {
        let leaf = |name: &str| Element {
            column: Column {
                name: name.to_owned(),
                is_text: true,
                is_optional: true,
            },
            is_bytes: true,
            ..Element::default()
        };
        let node = |name: &str, children| Element {
            children,
            ..leaf(name)
        };
        let tree = vec![
            node("root", 3),
            leaf("a"),
            node("b", 2),
            node("c", 1),
            leaf("d"),
            leaf("e"),
            leaf("f"),
        ];
        let names: Vec<_> = top(tree).into_iter().map(|column| column.name).collect();
        assert_eq!(names, ["a", "f"]);
    }
}
