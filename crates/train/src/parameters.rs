//! What is learned, in one piece of memory: the optimiser, the norm of the gradient and a checkpoint each need one loop.

use crate::error::{Error, expect_size};
use crate::matrix::View;

/// A tensor as it is kept and sent: name, rows, columns, and the rows one after another.
pub type NamedTensor = (String, usize, usize, Vec<f32>);

/// One tensor's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name in files.
    pub name: &'static str,
    /// How many rows.
    pub rows: usize,
    /// How many columns.
    pub cols: usize,
    /// Whether weight decay applies: it does to the weights of layers, not to biases and scalars.
    pub decays: bool,
    at: usize,
}

/// Tensors one after another; also used for their gradients.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    slots: Vec<Slot>,
    /// The numbers of all tensors.
    pub values: Vec<f32>,
}

impl Parameters {
    /// Adds a tensor of zeros. Weight decay applies to those with more than one row.
    pub fn with(mut self, name: &'static str, rows: usize, cols: usize) -> Self {
        self.slots.push(Slot {
            name,
            rows,
            cols,
            decays: rows > 1,
            at: self.values.len(),
        });
        self.values.resize(self.values.len() + rows * cols, 0.0);
        self
    }

    /// The same tensors, all zeros.
    pub fn zeros_like(&self) -> Self {
        Self {
            slots: self.slots.clone(),
            values: vec![0.0; self.values.len()],
        }
    }

    /// The places, in the order of the memory, which they fill without a gap.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether there is such a tensor.
    pub fn has(&self, name: &str) -> bool {
        self.slots.iter().any(|slot| slot.name == name)
    }

    /// A tensor; an empty one when there is none of that name.
    pub fn get(&self, name: &str) -> View<'_> {
        match self.slots.iter().find(|slot| slot.name == name) {
            Some(slot) => View {
                rows: slot.rows,
                cols: slot.cols,
                data: &self.values[slot.at..slot.at + slot.rows * slot.cols],
            },
            None => View {
                rows: 0,
                cols: 0,
                data: &[],
            },
        }
    }

    /// The numbers of a tensor, to be changed; none when there is none of that name.
    pub fn get_mut(&mut self, name: &str) -> &mut [f32] {
        match self.slots.iter().find(|slot| slot.name == name) {
            Some(slot) => &mut self.values[slot.at..slot.at + slot.rows * slot.cols],
            None => &mut [],
        }
    }

    /// The first number of a tensor; `otherwise` when there is none of that name.
    pub fn scalar(&self, name: &str, otherwise: f32) -> f32 {
        self.get(name).data.first().copied().unwrap_or(otherwise)
    }

    /// Sets the first number of a tensor, if there is one of that name.
    pub fn set_scalar(&mut self, name: &str, value: f32) {
        self.get_mut(name)
            .iter_mut()
            .take(1)
            .for_each(|old| *old = value);
    }

    /// Every tensor with its name.
    pub fn to_tensors(&self) -> Vec<NamedTensor> {
        let named = |slot: &Slot| {
            let data = self.get(slot.name).data.to_vec();
            (slot.name.to_string(), slot.rows, slot.cols, data)
        };
        self.slots.iter().map(named).collect()
    }

    /// Takes the numbers of the tensors with the names that are here; each must be there, with its shape.
    pub fn fill(&mut self, tensors: &[NamedTensor]) -> Result<(), Error> {
        for slot in self.slots.clone() {
            let found = tensors.iter().find(|tensor| tensor.0 == slot.name);
            let Some((_, rows, cols, data)) = found else {
                return Err(Error::Shape {
                    what: slot.name,
                    expected: slot.rows * slot.cols,
                    found: 0,
                });
            };
            expect_size(slot.name, slot.rows, *rows)?;
            expect_size(slot.name, slot.cols, *cols)?;
            expect_size(slot.name, slot.rows * slot.cols, data.len())?;
            if !data.iter().all(|value| value.is_finite()) {
                return Err(Error::NotFinite {
                    what: slot.name,
                    row: 0,
                });
            }
            self.get_mut(slot.name).copy_from_slice(data);
        }
        Ok(())
    }
}
