//! `.fvecs`, `.ivecs` and `.bvecs`, the files of the TEXMEX benchmarks (SIFT1M, GIST1M): every row is
//! its dimension (i32, little-endian) and its numbers (f32, i32, u8). Source: corpus-texmex.irisa.fr.

use std::io::Write;
use std::path::Path;

use super::element::Element;
use super::output::{check, fit, put_numbers, write_whole};
use super::source::Source;
use super::{Matrix, Result};

const FORMAT: &str = ".fvecs";

/// The numbers after each dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// `.fvecs`: 32-bit floats.
    Floats,
    /// `.ivecs`: 32-bit integers, refused where a 32-bit float is not exactly that.
    Integers,
    /// `.bvecs`: bytes.
    Bytes,
}

/// Reads all rows. They must have one dimension, though the format would allow others.
pub fn read(path: &Path, numbers: Numbers) -> Result<Matrix> {
    let (format, element) = match numbers {
        Numbers::Floats => (FORMAT, Element::F32),
        Numbers::Integers => (".ivecs", Element::I32),
        Numbers::Bytes => (".bvecs", Element::U8),
    };
    let mut source = Source::open(path, format)?;
    let dim = dimension(&mut source)?;
    let row_bytes =
        4 + source.expect(dim, element.bytes(), "numbers")? as u64 * element.bytes() as u64;
    if !source.len().is_multiple_of(row_bytes) {
        let expected = format!("whole rows of {row_bytes} bytes");
        let found = format!("a file of {} bytes", source.len());
        return Err(source.malformed(source.len() / row_bytes * row_bytes, expected, found));
    }
    let (rows, dim) = ((source.len() / row_bytes) as usize, dim as usize);
    let mut all = Vec::with_capacity(rows * dim);
    source.append(element, dim, dim, &mut all)?;
    for row in 1..rows {
        let start = source.offset();
        let other = dimension(&mut source)?;
        if other != dim as u64 {
            let found = format!("{other} in row {row}");
            return Err(source.malformed(start, format!("the dimension {dim} of row 0"), found));
        }
        source.append(element, dim, dim, &mut all)?;
    }
    Matrix::new(dim, all)
}

/// Writes `.fvecs`.
pub fn write(path: &Path, matrix: &Matrix) -> Result<()> {
    check(path, matrix)?;
    let dim = fit(
        path,
        FORMAT,
        "numbers in a row",
        matrix.dim,
        i32::MAX as u64,
    )? as u32;
    write_whole(path, |writer| {
        for row in matrix.iter() {
            writer.write_all(&dim.to_le_bytes())?;
            put_numbers(writer, row)?;
        }
        Ok(())
    })
}

fn dimension(source: &mut Source) -> Result<u64> {
    let start = source.offset();
    let dim = source.i32("a row's dimension")?;
    match u64::try_from(dim) {
        Ok(dim) if dim > 0 => Ok(dim),
        _ => Err(source.malformed(start, "a dimension of at least 1", dim.to_string())),
    }
}
