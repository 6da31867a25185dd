//! The kinds of numbers that vector files hold, and how each becomes a 32-bit float.

use half::f16;

/// A kind of number, by its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F16,
    F32,
    F64,
    I8,
    U8,
    I32,
}

/// Order of the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

impl Element {
    pub fn bytes(self) -> usize {
        match self {
            Element::I8 | Element::U8 => 1,
            Element::F16 => 2,
            Element::F32 | Element::I32 => 4,
            Element::F64 => 8,
        }
    }

    /// The number in `bytes`, as many as [`bytes`](Self::bytes) says. The error is a number that no
    /// vector may hold: NaN, infinite, or an integer that would silently become another one.
    pub fn decode(self, endian: Endian, bytes: &[u8]) -> Result<f32, f64> {
        let wide = match self {
            Element::I8 => return Ok(f32::from(bytes[0] as i8)),
            Element::U8 => return Ok(f32::from(bytes[0])),
            Element::F32 => return finite(f32::from_bits(u32::from_le_bytes(word(endian, bytes)))),
            Element::F16 => f16::from_le_bytes(word(endian, bytes)).to_f64(),
            Element::F64 => f64::from_le_bytes(word(endian, bytes)),
            Element::I32 => {
                let wide = f64::from(i32::from_le_bytes(word(endian, bytes)));
                let exact = f64::from(wide as f32) == wide;
                return if exact { Ok(wide as f32) } else { Err(wide) };
            }
        };
        finite(wide as f32).map_err(|_| wide)
    }
}

fn finite(number: f32) -> Result<f32, f64> {
    if number.is_finite() {
        Ok(number)
    } else {
        Err(f64::from(number))
    }
}

/// The first `N` bytes, turned so that the least one stands first.
fn word<const N: usize>(endian: Endian, bytes: &[u8]) -> [u8; N] {
    let mut word = [0; N];
    word.copy_from_slice(&bytes[..N]);
    if endian == Endian::Big {
        word.reverse();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(element: Element, little: &[u8], expect: Option<f32>) {
        assert_eq!(little.len(), element.bytes());
        let big: Vec<u8> = little.iter().rev().copied().collect();
        assert_eq!(element.decode(Endian::Little, little).ok(), expect);
        assert_eq!(element.decode(Endian::Big, &big).ok(), expect);
    }

    #[test]
    fn every_kind_becomes_a_float_or_is_refused() {
        check(Element::U8, &[200], Some(200.0));
        check(Element::I8, &[200], Some(-56.0));
        check(Element::F16, &f16::from_f32(-1.5).to_le_bytes(), Some(-1.5));
        check(Element::F16, &f16::INFINITY.to_le_bytes(), None);
        check(Element::F32, &0.1f32.to_le_bytes(), Some(0.1));
        check(Element::F32, &f32::NAN.to_le_bytes(), None);
        check(Element::F64, &0.1f64.to_le_bytes(), Some(0.1));
        check(Element::F64, &1e300f64.to_le_bytes(), None);
        check(Element::I32, &(-7i32).to_le_bytes(), Some(-7.0));
        check(Element::I32, &16_777_217i32.to_le_bytes(), None);
    }
}
