//! Networks of `torchvision` out of their weights alone: which one it is, how deep and how wide, the names and shapes of the
//! tensors say. What is made is written to ONNX once.

mod builder;
mod resnet;
mod vgg;

use std::collections::BTreeMap;

use super::storage::Tensor;
use super::{pth, safetensors};
use builder::Builder;

/// Side of the square that these networks are trained with.
pub const SIDE: u32 = 224;

/// A network that sees, and what stood over it.
#[derive(Debug)]
pub struct Made {
    /// As in `resnet18`.
    pub family: String,
    /// `pixels` [N, 3, 224, 224] -> `feature` [N, dim].
    pub onnx: Vec<u8>,
    pub dim: usize,
    /// The last layer, where the file has one.
    pub classifier: Option<Classifier>,
}

/// Scores of classes: a row of weights for each, and a bias.
#[derive(Debug)]
pub struct Classifier {
    pub weights: Vec<f32>,
    pub bias: Vec<f32>,
}

/// Reads a state dict in any of the containers that are published, told apart by how they begin.
pub fn tensors(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    let found = match bytes {
        [b'P', b'K', 3, 4, ..] => pth::read_zip(bytes)?,
        [0x80, 2, 0x8a, ..] => pth::read(bytes)?,
        _ => safetensors::read(bytes).map_err(|what| {
            format!("it begins as no file of PyTorch, and as safetensors it is unusable: {what}")
        })?,
    };
    // Who trains on several devices saves what wraps the network.
    let is_wrapped = !found.is_empty() && found.keys().all(|name| name.starts_with("module."));
    Ok(match is_wrapped {
        true => found
            .into_iter()
            .map(|(name, tensor)| (name["module.".len()..].to_owned(), tensor))
            .collect(),
        false => found,
    })
}

/// The network whose tensors these are.
pub fn make(tensors: BTreeMap<String, Tensor>) -> Result<Made, String> {
    let make = if tensors.contains_key("layer1.0.conv1.weight") {
        resnet::make
    } else if tensors.contains_key("features.0.weight") {
        vgg::make
    } else {
        return Err(
            "its tensors are those of no network that is known here (ResNet or VGG, as in torchvision); export it to ONNX, as with \
             `optimum-cli export onnx`, and add that folder"
                .into(),
        );
    };
    let mut builder = Builder::new(tensors);
    let end = make(&mut builder)?;
    builder.finish(end)
}

/// What a family's builder says of what it made.
struct End {
    family: String,
    /// The name of the feature, and how long it is.
    output: String,
    dim: usize,
    /// The name of the last layer.
    classifier: &'static str,
}
