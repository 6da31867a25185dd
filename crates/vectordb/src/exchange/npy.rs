//! NumPy's `.npy`, versions 1 to 3: one array of numbers with one or two dimensions.
//!
//! Layout: `\x93NUMPY`, major and minor version, length of the header (u16 in version 1, u32 after),
//! the header (a Python dictionary of `descr`, `fortran_order` and `shape`, padded with spaces), the
//! numbers. Source: NumPy's NEP 1 and the documentation of `numpy.lib.format`. An array of one
//! dimension is one row. Arrays of Python objects are pickles, that is programs, and never read.

use std::io::Write;
use std::path::Path;

use half::f16;

use super::element::{Element, Endian};
use super::npy_header::{Header, parse};
use super::output::{check, put_numbers, write_whole};
use super::source::Source;
use super::{Error, Matrix, Result};

const FORMAT: &str = ".npy";
pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// NumPy writes some 100 bytes; a header beyond this describes no plain array.
const MAX_HEADER: u32 = 64 * 1024;

/// Width of the floats that [`write_as`] writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// 32 bits: every number as it is.
    #[default]
    Single,
    /// 16 bits: half the file, three decimal digits.
    Half,
}

/// Reads one array. Errs with the byte where the file contradicts the format.
pub fn read(path: &Path) -> Result<Matrix> {
    let mut source = Source::open(path, FORMAT)?;
    let header = header(&mut source)?;
    let kind = element(&source, &header)?;
    let (rows, dim) = shape(&source, &header)?;
    let count = source.expect(rows.saturating_mul(dim), kind.0.bytes(), "numbers")?;
    let (rows, dim) = (rows as usize, dim as usize);
    let numbers = if header.fortran_order {
        by_columns(&mut source, kind, rows, dim, count)?
    } else {
        by_rows(&mut source, kind, dim, count)?
    };
    source.end()?;
    Matrix::new(dim, numbers)
}

/// Writes a version 1 file of 32-bit floats, little-endian, in C order.
pub fn write(path: &Path, matrix: &Matrix) -> Result<()> {
    write_as(path, matrix, Width::Single)
}

/// Writes a version 1 file of floats of this width, little-endian, in C order.
pub fn write_as(path: &Path, matrix: &Matrix, width: Width) -> Result<()> {
    check(path, matrix)?;
    if width == Width::Half {
        check_half(path, matrix)?;
    }
    let descr = match width {
        Width::Single => "<f4",
        Width::Half => "<f2",
    };
    let (rows, dim) = (matrix.rows(), matrix.dim);
    write_whole(path, |writer| {
        writer.write_all(&header_bytes(descr, rows, dim))?;
        match width {
            Width::Single => put_numbers(writer, &matrix.numbers),
            Width::Half => matrix
                .numbers
                .iter()
                .try_for_each(|&number| writer.write_all(&f16::from_f32(number).to_le_bytes())),
        }
    })
}

fn header(source: &mut Source) -> Result<Header> {
    let magic: [u8; 6] = source.array("the magic number")?;
    if magic != *MAGIC {
        return Err(source.malformed(0, "\\x93NUMPY", magic.escape_ascii().to_string()));
    }
    let [major, minor] = source.array("the version")?;
    let length = match major {
        1 => source
            .array("the header's length")
            .map(u16::from_le_bytes)?
            .into(),
        2 | 3 => source.u32("the header's length")?,
        _ => {
            let what = format!("version {major}.{minor}");
            return Err(source.unsupported(6, what, "save it again with a NumPy of today"));
        }
    };
    let start = source.offset();
    if length > MAX_HEADER {
        let expected = format!("a header of at most {MAX_HEADER} bytes");
        return Err(source.malformed(start, expected, format!("one of {length}")));
    }
    let text = source.bytes(length.into(), "the header")?;
    parse(&text)
        .map_err(|wrong| source.malformed(start + wrong.at as u64, wrong.expected, wrong.found))
}

/// The kind of numbers, or words about what to do with another one.
fn element(source: &Source, header: &Header) -> Result<(Element, Endian)> {
    let descr = header.descr.as_str();
    let endian = if descr.starts_with('>') {
        Endian::Big
    } else {
        Endian::Little
    };
    let kind = match descr.trim_start_matches(['<', '>', '|', '=']) {
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        "i1" => Element::I8,
        "u1" => Element::U8,
        other => {
            let instead = if other.starts_with('O') {
                "Python objects are pickles, which run as programs: save the array with a numeric dtype"
            } else {
                "save it with dtype float32 (array.astype('float32'))"
            };
            return Err(source.unsupported(0, format!("an array of dtype {descr:?}"), instead));
        }
    };
    Ok((kind, endian))
}

/// Rows and columns.
fn shape(source: &Source, header: &Header) -> Result<(u64, u64)> {
    let (rows, dim) = match header.shape[..] {
        [dim] => (1, dim),
        [rows, dim] => (rows, dim),
        _ => {
            let what = format!("an array of {} dimensions", header.shape.len());
            return Err(source.unsupported(0, what, "save it with two: rows and columns"));
        }
    };
    if dim == 0 {
        return Err(source.malformed(0, "rows of at least one number", "rows of none"));
    }
    Ok((rows, dim))
}

fn by_rows(
    source: &mut Source,
    kind: (Element, Endian),
    dim: usize,
    count: usize,
) -> Result<Vec<f32>> {
    let mut numbers = Vec::with_capacity(count);
    if kind.1 == Endian::Little {
        source.append(kind.0, count, dim, &mut numbers)?;
        return Ok(numbers);
    }
    let place = |at| (at / dim, at % dim);
    source.numbers(kind, count, place, |_, number| numbers.push(number))?;
    Ok(numbers)
}

fn by_columns(
    source: &mut Source,
    kind: (Element, Endian),
    rows: usize,
    dim: usize,
    count: usize,
) -> Result<Vec<f32>> {
    let mut numbers = vec![0.0; count];
    let place = |at| (at % rows, at / rows);
    source.numbers(kind, count, place, |at, number| {
        let (row, column) = place(at);
        numbers[row * dim + column] = number;
    })?;
    Ok(numbers)
}

/// Magic number to padding: the numbers begin at a multiple of 64, as NumPy has it, so that they can be mapped.
fn header_bytes(descr: &str, rows: usize, dim: usize) -> Vec<u8> {
    let mut text =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({rows}, {dim}), }}");
    let before = MAGIC.len() + 2 + 2;
    let padded = (before + text.len() + 1).next_multiple_of(64) - before;
    text.extend(std::iter::repeat_n(' ', padded - 1 - text.len()));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

/// 16 bits end at 65504: what lies beyond would become infinite.
fn check_half(path: &Path, matrix: &Matrix) -> Result<()> {
    let beyond = |number: &f32| !f16::from_f32(*number).is_finite();
    match matrix.numbers.iter().position(beyond) {
        None => Ok(()),
        Some(at) => Err(Error::Number {
            path: path.to_owned(),
            row: at / matrix.dim,
            column: at % matrix.dim,
            found: f64::from(matrix.numbers[at]),
        }),
    }
}
