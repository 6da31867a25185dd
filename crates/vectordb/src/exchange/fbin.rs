//! `.fbin`, `.u8bin`, `.i8bin` and `.ibin`, the files of big-ann-benchmarks: rows (u32), dimension
//! (u32), numbers row after row, all little-endian. Source: big-ann-benchmarks.com, "Dataset formats".

use std::io::Write;
use std::path::Path;

use super::element::Element;
use super::output::{check, fit, put_numbers, write_whole};
use super::source::Source;
use super::{Matrix, Result};

const FORMAT: &str = ".fbin";

/// The numbers of the file, which only its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// `.fbin`: 32-bit floats.
    Floats,
    /// `.ibin`: 32-bit integers, refused where a 32-bit float is not exactly that.
    Integers,
    /// `.u8bin`: bytes.
    Bytes,
    /// `.i8bin`: signed bytes.
    SignedBytes,
}

/// Reads all rows. The file must end where its counts say.
pub fn read(path: &Path, numbers: Numbers) -> Result<Matrix> {
    let (format, element) = match numbers {
        Numbers::Floats => (FORMAT, Element::F32),
        Numbers::Integers => (".ibin", Element::I32),
        Numbers::Bytes => (".u8bin", Element::U8),
        Numbers::SignedBytes => (".i8bin", Element::I8),
    };
    let mut source = Source::open(path, format)?;
    let rows = source.u32("the number of rows")?;
    let dim = source.u32("the dimension")?;
    if dim == 0 {
        return Err(source.malformed(4, "a dimension of at least 1", "0"));
    }
    // Two u32 cannot overflow a u64.
    let count = u64::from(rows) * u64::from(dim);
    let count = source.expect(count, element.bytes(), "numbers")?;
    let dim = dim as usize;
    let mut all = Vec::with_capacity(count);
    source.append(element, count, dim, &mut all)?;
    source.end()?;
    Matrix::new(dim, all)
}

/// Writes `.fbin`.
pub fn write(path: &Path, matrix: &Matrix) -> Result<()> {
    check(path, matrix)?;
    let rows = fit(path, FORMAT, "rows", matrix.rows(), u32::MAX.into())? as u32;
    let dim = fit(
        path,
        FORMAT,
        "numbers in a row",
        matrix.dim,
        u32::MAX.into(),
    )? as u32;
    write_whole(path, |writer| {
        writer.write_all(&rows.to_le_bytes())?;
        writer.write_all(&dim.to_le_bytes())?;
        put_numbers(writer, &matrix.numbers)
    })
}
