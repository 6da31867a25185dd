//! Parquet files of strings: one group, a chunk a column, pages of version 1, plain and uncompressed.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::super::Result;
use super::super::output::write_whole;
use super::MAGIC;
use super::thrift::Writer;

/// A page ends when it has this many bytes, so that readers need not hold a column at once.
const PAGE_BYTES: usize = 1 << 20;

/// Where a column was put.
struct Chunk<'a> {
    name: &'a str,
    start: usize,
    bytes: usize,
}

/// Writes columns of `rows` cells each.
pub(in super::super) fn write(
    path: &Path,
    table: &[(&str, &[Option<Arc<str>>])],
    rows: usize,
) -> Result<()> {
    write_whole(path, |writer| {
        writer.write_all(MAGIC)?;
        let mut start = MAGIC.len();
        let mut chunks = Vec::new();
        for (name, cells) in table {
            let mut bytes = 0;
            let mut rest = *cells;
            while !rest.is_empty() {
                let (page, n) = page(rest);
                writer.write_all(&page)?;
                bytes += page.len();
                rest = &rest[n..];
            }
            chunks.push(Chunk { name, start, bytes });
            start += bytes;
        }
        let footer = footer(&chunks, rows);
        writer.write_all(&footer)?;
        writer.write_all(&(footer.len() as u32).to_le_bytes())?;
        writer.write_all(MAGIC)
    })
}

/// A page with its header, and how many cells it has.
fn page(cells: &[Option<Arc<str>>]) -> (Vec<u8>, usize) {
    let mut strings = Vec::new();
    let mut levels = Writer::default();
    let (mut n, mut run) = (0, 0u64);
    while n < cells.len() && (n == 0 || strings.len() < PAGE_BYTES) {
        if let Some(text) = &cells[n] {
            strings.extend((text.len() as u32).to_le_bytes());
            strings.extend(text.as_bytes());
        }
        n += 1;
        run += 1;
        let is_present = cells[n - 1].is_some();
        let goes_on = cells
            .get(n)
            .is_some_and(|next| next.is_some() == is_present);
        if !goes_on || strings.len() >= PAGE_BYTES {
            levels.varint(run << 1);
            levels.bytes.push(is_present.into());
            run = 0;
        }
    }
    let size = (4 + levels.bytes.len() + strings.len()) as i32;
    let mut page = Writer::default();
    page.plain_structure(|header| {
        header.i32(1, 0);
        header.i32(2, size);
        header.i32(3, size);
        header.structure(5, |data| {
            data.i32(1, n as i32);
            // The strings are plain, the levels of both kinds runs.
            data.i32(2, 0);
            data.i32(3, 3);
            data.i32(4, 3);
        });
    });
    let mut bytes = page.bytes;
    bytes.extend((levels.bytes.len() as u32).to_le_bytes());
    bytes.extend(levels.bytes);
    bytes.extend(strings);
    (bytes, n)
}

fn footer(chunks: &[Chunk], rows: usize) -> Vec<u8> {
    const BYTE_ARRAY: i32 = 6;
    let bytes: usize = chunks.iter().map(|chunk| chunk.bytes).sum();
    // The root of the schema, then its columns.
    let elements: Vec<Option<&Chunk>> = std::iter::once(None)
        .chain(chunks.iter().map(Some))
        .collect();
    let mut footer = Writer::default();
    footer.plain_structure(|file| {
        file.i32(1, 1);
        file.structures(2, &elements, |element, chunk| match chunk {
            None => {
                element.string(4, "schema");
                element.i32(5, chunks.len() as i32);
            }
            Some(chunk) => {
                element.i32(1, BYTE_ARRAY);
                element.i32(3, 1);
                element.string(4, chunk.name);
                element.i32(6, 0);
                element.structure(10, |logical| logical.structure(1, |_| {}));
            }
        });
        file.i64(3, rows as i64);
        file.structures(4, &[()], |group, ()| {
            group.structures(1, chunks, |column, chunk| {
                column.i64(2, chunk.start as i64);
                column.structure(3, |data| {
                    data.i32(1, BYTE_ARRAY);
                    data.i32s(2, &[0, 3]);
                    data.strings(3, &[chunk.name]);
                    data.i32(4, 0);
                    data.i64(5, rows as i64);
                    data.i64(6, chunk.bytes as i64);
                    data.i64(7, chunk.bytes as i64);
                    data.i64(9, chunk.start as i64);
                });
            });
            group.i64(2, bytes as i64);
            group.i64(3, rows as i64);
        });
        file.string(6, concat!("Fovea version ", env!("CARGO_PKG_VERSION")));
    });
    footer.bytes
}
