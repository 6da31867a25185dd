//! Tables of strings in Parquet files: as much of the format as metadata beside embeddings needs.
//!
//! Read: columns of text at the top level, plain or with a dictionary, uncompressed or Snappy, pages of
//! version 1 and 2; other columns are passed over. Written: one group of plain, uncompressed pages. The
//! caller gives names and the number of rows, so that a billion equal cells in ten bytes are refused.
//! The `parquet` crate would do more, but damaged files make it panic: `docs/formats.md` has the numbers.

mod footer;
mod page;
mod thrift;
mod write;

use std::path::Path;
use std::sync::Arc;

use self::footer::{Chunk, Column, Footer, PageHeader};
use self::page::{Cell, Codec};
use self::thrift::Wrong;
use super::Result;
use super::source::Source;

pub(super) use self::write::write;

const FORMAT: &str = "Parquet";
const MAGIC: &[u8; 4] = b"PAR1";

/// A column: its name and a cell for each row.
pub(super) type Table = Vec<(String, Vec<Option<Arc<str>>>)>;

/// The wanted columns of text, where they are, of a file that has `rows` rows.
pub(super) fn read(path: &Path, rows: usize, wanted: &[&str]) -> Result<Table> {
    let mut source = Source::open(path, FORMAT)?;
    let footer = footer(&mut source, rows)?;
    let mut table = Table::new();
    for name in wanted {
        let Some(column) = footer.columns.iter().find(|column| column.name == *name) else {
            continue;
        };
        let mut cells = Vec::with_capacity(rows);
        for group in &footer.groups {
            let named = |chunk: &&Chunk| chunk.path.iter().eq([&column.name]);
            let Some(chunk) = group.chunks.iter().find(named) else {
                return Err(source.malformed(
                    0,
                    format!("column {:?} in every group", column.name),
                    "none",
                ));
            };
            let before = cells.len();
            read_chunk(&mut source, column, chunk, group.rows, &mut cells)?;
            if cells.len() - before != group.rows {
                let found = format!("{} in column {:?}", cells.len() - before, column.name);
                return Err(source.malformed(
                    chunk.data_page,
                    format!("{} cells", group.rows),
                    found,
                ));
            }
        }
        table.push((column.name.clone(), cells));
    }
    Ok(table)
}

/// Magic number, the table, the footer, its length, the magic number again.
fn footer(source: &mut Source, rows: usize) -> Result<Footer> {
    source.expect(12, 1, "a Parquet file")?;
    let end = source.len() - 8;
    source.seek(end)?;
    let length = u64::from(source.u32("the footer's length")?);
    let magic: [u8; 4] = source.array("the magic number")?;
    if magic == *b"PARE" {
        return Err(source.unsupported(
            end + 4,
            "an encrypted file",
            "write it again without a key",
        ));
    }
    if magic != *MAGIC || length > end - 4 {
        let found = format!("{length} and {:?}", magic.escape_ascii().to_string());
        return Err(source.malformed(
            end,
            "the length of a footer within the file, and PAR1",
            found,
        ));
    }
    let start = end - length;
    source.seek(start)?;
    let bytes = source.bytes(length, "the footer")?;
    let footer = footer::parse(&bytes).map_err(|wrong| at(source, start, wrong))?;
    let sum = footer
        .groups
        .iter()
        .try_fold(0usize, |sum, group| sum.checked_add(group.rows));
    if footer.rows != rows || sum != Some(rows) {
        let found = format!("{} in the footer, {sum:?} in its groups", footer.rows);
        return Err(source.malformed(start, format!("{rows} rows"), found));
    }
    Ok(footer)
}

fn read_chunk(
    source: &mut Source,
    column: &Column,
    chunk: &Chunk,
    rows: usize,
    cells: &mut Vec<Cell>,
) -> Result<()> {
    if let Some(other) = &chunk.elsewhere {
        let what = format!("a column in another file, {other:?}");
        return Err(source.unsupported(0, what, "write one file"));
    }
    let dictionary_page = chunk.dictionary_page.filter(|page| *page > 0);
    let start = dictionary_page
        .unwrap_or(chunk.data_page)
        .min(chunk.data_page);
    let codec = match chunk.codec {
        0 => Codec::Plain,
        1 => Codec::Snappy,
        other => {
            let what = format!("compression {other} of column {:?}", column.name);
            return Err(source.unsupported(
                start,
                what,
                "write it again with Snappy, as to_parquet does by default",
            ));
        }
    };
    if start > source.len() {
        return Err(source.malformed(
            start,
            "pages within the file",
            format!("{} bytes", source.len()),
        ));
    }
    source.seek(start)?;
    let bytes = source.bytes(chunk.bytes, "pages")?;
    let values = chunk.values.min(rows);
    let mut pages = Pages {
        codec,
        column,
        dictionary: Vec::new(),
        left: values,
        cells,
    };
    let mut done = 0;
    while pages.left > 0 {
        let page = pages.page(&bytes[done..]);
        done += page.map_err(|wrong| at(source, start + done as u64, wrong))?;
    }
    Ok(())
}

fn at(source: &Source, start: u64, wrong: Wrong) -> super::Error {
    source.malformed(start + wrong.at as u64, wrong.expected, wrong.found)
}

/// The pages of one column of one group.
struct Pages<'a> {
    codec: Codec,
    column: &'a Column,
    dictionary: Vec<Arc<str>>,
    /// Cells still to come.
    left: usize,
    cells: &'a mut Vec<Cell>,
}

impl Pages<'_> {
    /// Reads the page at the front, and gives its length.
    fn page(&mut self, bytes: &[u8]) -> thrift::Result<usize> {
        let (header, start) = PageHeader::parse(bytes)?;
        let wrong = |expected, found: String| Wrong {
            at: start,
            expected,
            found,
        };
        let Some(packed) = bytes[start..].get(..header.packed) else {
            return Err(wrong("a page within its column", header.packed.to_string()));
        };
        if header.crc.is_some_and(|crc| crc != crc32fast::hash(packed)) {
            return Err(wrong("the page of its checksum", "other bytes".to_owned()));
        }
        let found = match header.kind {
            PageHeader::DICTIONARY => self.read_dictionary(&header, packed),
            PageHeader::DATA | PageHeader::DATA_2 if header.values > self.left => Err(wrong(
                "as many cells as its column has left",
                header.values.to_string(),
            )),
            PageHeader::DATA => self.read_data(&header, packed),
            PageHeader::DATA_2 => self.read_data_2(&header, packed),
            // Pages of an index, and what later versions add.
            _ => Ok(()),
        };
        found.map_err(|wrong| Wrong {
            at: start + wrong.at,
            ..wrong
        })?;
        Ok(start + header.packed)
    }

    fn read_dictionary(&mut self, header: &PageHeader, packed: &[u8]) -> thrift::Result<()> {
        let bytes = page::unpack(self.codec, packed, header.size)?;
        self.dictionary = page::plain(&bytes, header.values)?;
        Ok(())
    }

    /// Version 1: levels after their length in 4 bytes, then strings, packed together.
    fn read_data(&mut self, header: &PageHeader, packed: &[u8]) -> thrift::Result<()> {
        const RLE: i64 = 3;
        let bytes = page::unpack(self.codec, packed, header.size)?;
        if !self.column.is_optional {
            return self.read_strings(header, &bytes, None);
        }
        let split = bytes
            .split_first_chunk()
            .map(|(length, rest)| (u32::from_le_bytes(*length), rest));
        let split = split.and_then(|(length, rest)| rest.split_at_checked(length as usize));
        match split {
            Some((levels, strings)) if header.level_encoding == RLE => {
                self.read_strings(header, strings, Some(levels))
            }
            _ => Err(wrong_levels(header)),
        }
    }

    /// Version 2: levels as they are, then strings, packed or not.
    fn read_data_2(&mut self, header: &PageHeader, packed: &[u8]) -> thrift::Result<()> {
        let split = packed
            .split_at_checked(header.level_bytes)
            .filter(|_| header.repetition_bytes == 0);
        let (levels, strings) = split.ok_or_else(|| wrong_levels(header))?;
        let codec = if header.is_packed {
            self.codec
        } else {
            Codec::Plain
        };
        let size = header.size.saturating_sub(header.level_bytes);
        let strings = page::unpack(codec, strings, size)?;
        self.read_strings(header, &strings, self.column.is_optional.then_some(levels))
    }

    /// Cells of a page: a level says whether there is a string.
    fn read_strings(
        &mut self,
        header: &PageHeader,
        bytes: &[u8],
        levels: Option<&[u8]>,
    ) -> thrift::Result<()> {
        let levels = levels
            .map(|levels| page::runs(levels, 1, header.values))
            .transpose()?;
        let present = match &levels {
            Some(levels) => levels.iter().filter(|level| **level == 1).count(),
            None => header.values,
        };
        let strings = match header.encoding {
            0 => page::plain(bytes, present)?,
            2 | 8 => page::indexed(bytes, present, &self.dictionary)?,
            other => {
                return Err(Wrong {
                    at: 0,
                    expected: "strings that are plain (0) or in a dictionary (2, 8)",
                    found: format!("encoding {other}"),
                });
            }
        };
        let mut strings = strings.into_iter();
        match levels {
            Some(levels) => self.cells.extend(levels.iter().map(|level| match level {
                1 => strings.next(),
                _ => None,
            })),
            None => self.cells.extend(strings.map(Some)),
        }
        self.left -= header.values;
        Ok(())
    }
}

fn wrong_levels(header: &PageHeader) -> Wrong {
    Wrong {
        at: 0,
        expected: "levels of a flat column before its strings",
        found: format!(
            "encoding {}, {} bytes",
            header.level_encoding, header.level_bytes
        ),
    }
}
