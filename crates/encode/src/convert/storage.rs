//! Numbers of a state dict as they lie in a file, and the tensors that are read from them.

/// A dense tensor in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// How a number is written, little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Float,
    /// IEEE 754 half precision.
    Half,
    /// The upper half of a float.
    Brain,
}

impl Kind {
    /// Bytes of a number.
    pub fn width(self) -> usize {
        match self {
            Self::Float => 4,
            Self::Half | Self::Brain => 2,
        }
    }

    fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::Float => {
                let all = bytes.as_chunks::<4>().0.iter();
                all.map(|bytes| f32::from_le_bytes(*bytes)).collect()
            }
            Self::Half => halves(bytes).map(of_half).collect(),
            Self::Brain => halves(bytes)
                .map(|bits| f32::from_bits(u32::from(bits) << 16))
                .collect(),
        }
    }
}

fn halves(bytes: &[u8]) -> impl Iterator<Item = u16> {
    let all = bytes.as_chunks::<2>().0.iter();
    all.map(|bytes| u16::from_le_bytes(*bytes))
}

fn of_half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (
        u32::from(bits >> 15) << 31,
        u32::from(bits >> 10 & 31),
        u32::from(bits & 1023),
    );
    match exponent {
        0 => {
            let small = fraction as f32 * 2f32.powi(-24);
            f32::from_bits(small.to_bits() | sign)
        }
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        // The exponent counts from 15 in one format and from 127 in the other.
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// The bytes of a storage.
#[derive(Clone, Copy, Debug)]
pub struct Storage<'a> {
    pub kind: Kind,
    pub bytes: &'a [u8],
}

/// Where a tensor's numbers lie in its storage.
#[derive(Clone, Debug)]
pub struct View {
    pub storage: String,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

impl Storage<'_> {
    fn len(&self) -> usize {
        self.bytes.len() / self.kind.width()
    }

    /// Numbers one after the other; `None` when any of them lies outside.
    fn range(&self, start: usize, count: usize) -> Option<Vec<f32>> {
        let (start, length) = (
            start.checked_mul(self.kind.width())?,
            count.checked_mul(self.kind.width())?,
        );
        let bytes = self.bytes.get(start..start.checked_add(length)?)?;
        Some(self.kind.decode(bytes))
    }

    /// Walks the view in row-major order; `None` when any of it lies outside.
    pub fn gather(&self, view: &View) -> Option<Tensor> {
        if view.shape.len() != view.strides.len() || view.shape.len() > 8 {
            return None;
        }
        let count = view
            .shape
            .iter()
            .try_fold(1usize, |product, side| product.checked_mul(*side))?;
        // A stride of zero could ask for more numbers than were ever stored.
        if count > self.len() {
            return None;
        }
        let data = match is_contiguous(view) {
            true => self.range(view.offset, count)?,
            false => self.walk(view, count)?,
        };
        Some(Tensor {
            shape: view.shape.clone(),
            data,
        })
    }

    fn walk(&self, view: &View, count: usize) -> Option<Vec<f32>> {
        let mut data = Vec::with_capacity(count);
        let mut index = vec![0usize; view.shape.len()];
        for _ in 0..count {
            let mut place = view.offset;
            for (i, stride) in index.iter().zip(&view.strides) {
                place = place.checked_add(i.checked_mul(*stride)?)?;
            }
            data.extend(self.range(place, 1)?);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < view.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Some(data)
    }
}

fn is_contiguous(view: &View) -> bool {
    let mut step = 1usize;
    for (side, stride) in view.shape.iter().zip(&view.strides).rev() {
        if *side != 1 && *stride != step {
            return false;
        }
        step = step.saturating_mul(*side);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_half_precision() {
        for (bits, expect) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x8001, -5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(of_half(bits), expect, "{bits:04x}");
        }
        assert!(of_half(0x7e00).is_nan());
        assert_eq!(Kind::Brain.decode(&[0x80, 0x3f, 0x20, 0xc0]), [1.0, -2.5]);
    }

    #[test]
    fn views_outside_the_storage_are_refused() {
        let storage = Storage {
            kind: Kind::Float,
            bytes: &[0; 24],
        };
        let check = |offset, shape: &[usize], strides: &[usize], fits: bool| {
            let view = View {
                storage: String::new(),
                offset,
                shape: shape.into(),
                strides: strides.into(),
            };
            assert_eq!(
                storage.gather(&view).is_some(),
                fits,
                "{offset} {shape:?} {strides:?}"
            );
        };
        check(0, &[2, 3], &[3, 1], true);
        check(0, &[3, 2], &[1, 3], true);
        check(1, &[2, 3], &[3, 1], false);
        check(1, &[3, 2], &[1, 3], false);
        check(0, &[], &[], true);
        check(6, &[], &[], false);
        check(0, &[usize::MAX, 2], &[1, 1], false);
        check(0, &[usize::MAX, usize::MAX, 0], &[1, 1, 1], false);
        check(0, &[7], &[0], false);
        check(0, &[2], &[usize::MAX], false);
        check(usize::MAX, &[2], &[1], false);
        check(0, &[2, 3], &[1], false);
    }
}
