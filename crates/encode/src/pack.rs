//! An installed model pack, opened.

use std::path::Path;

use crate::{Encoder, Error, PackSpec, Pixels};

/// An installed model pack. Opening reads the manifest; weights are loaded by the first call that needs them.
pub struct Pack {
    spec: PackSpec,
}

impl Pack {
    /// Opens the pack in `dir` (the folder that holds its manifest).
    pub fn open(_dir: &Path) -> Result<Self, Error> {
        unimplemented!()
    }

    /// Checks every file of the pack against its checksum.
    pub fn verify(&self) -> Result<(), Error> {
        unimplemented!()
    }
}

impl Encoder for Pack {
    fn spec(&self) -> &PackSpec {
        &self.spec
    }

    fn features(&self, _images: &[&Pixels]) -> Result<Vec<Vec<f32>>, Error> {
        unimplemented!()
    }

    fn image_vector(&self, _feature: &[f32]) -> Vec<f32> {
        unimplemented!()
    }

    fn visual_vector(&self, _feature: &[f32]) -> Vec<f32> {
        unimplemented!()
    }

    fn text_vector(&self, _text: &str) -> Result<Vec<f32>, Error> {
        unimplemented!()
    }
}
