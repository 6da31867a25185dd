//! The codes of a filter's rows one after the other, for whoever asks with the same filter again: rows here and there
//! wait for the memory one by one, while a run of them is read as fast as it comes.

use crate::bitmap::Bitmap;
use crate::codes::{Codes, CodesView};

/// What [`Index::gather`](crate::Index::gather) makes of a filter's rows, as the index is now.
#[derive(Clone, Debug)]
pub struct Gathered {
    rows: Vec<u32>,
    stride: usize,
    codes: Vec<u8>,
    bias: Vec<f32>,
}

impl Gathered {
    pub(crate) fn of(codes: &Codes, allowed: &Bitmap) -> Gathered {
        let rows: Vec<u32> = allowed.range(0..codes.rows()).collect();
        let view = codes.view();
        Gathered {
            stride: codes.stride(),
            codes: rows
                .iter()
                .flat_map(|&row| view.row(row))
                .copied()
                .collect(),
            bias: rows.iter().filter_map(|&row| view.bias(row)).collect(),
            rows,
        }
    }

    /// Memory it takes.
    pub fn memory_bytes(&self) -> u64 {
        let numbers = size_of_val(&*self.rows) + size_of_val(&*self.bias);
        (numbers + self.codes.len()) as u64
    }

    /// The row of each code.
    pub(crate) fn rows(&self) -> &[u32] {
        &self.rows
    }

    pub(crate) fn view(&self) -> CodesView<'_> {
        CodesView::new(self.stride, &self.codes, &self.bias)
    }
}
