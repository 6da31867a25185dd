//! Which inputs and outputs of a network are which, read from its graph.

use std::path::{Path, PathBuf};

use super::layout::inside;
use crate::error::Error;
use crate::onnx::{self, Graph, Tensor};
use crate::tensors;

pub const FLOAT: i64 = 1;
const INT32: i64 = 6;
const INT64: i64 = 7;
/// No vector is longer, and no text.
pub const LENGTH_MAX: i64 = 1 << 16;

/// A network with its file, whose weights are known to be there.
#[derive(Debug)]
pub struct Network {
    pub path: PathBuf,
    pub graph: Graph,
    /// The names of the other files that hold weights, each once.
    pub external: Vec<String>,
}

/// The output that is the vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub name: String,
    pub dim: Option<usize>,
}

/// The input that takes a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    pub input: String,
    /// Whether the three numbers of a pixel lie together, as in TensorFlow, and not in planes.
    pub is_last: bool,
}

impl Pixels {
    /// The input of the network as it lies in the pack, where all read planes.
    pub fn of_planes(&self) -> String {
        match self.is_last {
            true => onnx::turned(&self.input),
            false => self.input.clone(),
        }
    }
}

/// Inputs of a text network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextInputs {
    pub ids: String,
    pub mask: Option<String>,
    pub types: Option<String>,
    pub wide: bool,
    /// The only length that it reads, where there is one.
    pub length: Option<usize>,
}

impl Network {
    /// Reads the graph, and refuses what no runtime should see.
    pub fn read(folder: &Path, path: &Path) -> Result<Self, Error> {
        let refuse = |what: String| Error::Unusable {
            path: path.into(),
            what,
        };
        let graph = Graph::read(&tensors::map(path)?).map_err(refuse)?;
        if !graph.unknown.is_empty() {
            let names = graph
                .unknown
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            return Err(refuse(format!(
                "it needs operators that ONNX Runtime does not bring: {names}"
            )));
        }
        let mut external: Vec<String> = Vec::new();
        for part in &graph.external {
            let file = inside(folder, path, &part.location)?;
            let length = std::fs::metadata(&file).map_or(0, |metadata| metadata.len());
            if length < part.end {
                return Err(Error::Unusable {
                    path: file,
                    what: format!(
                        "it has {length} bytes, and {} needs {}: it is cut short",
                        path.display(),
                        part.end
                    ),
                });
            }
            if !external.contains(&part.location) {
                external.push(part.location.clone());
            }
        }
        Ok(Self {
            path: path.into(),
            graph,
            external,
        })
    }

    fn refuse(&self, what: impl Into<String>) -> Error {
        Error::Unusable {
            path: self.path.clone(),
            what: what.into(),
        }
    }

    /// The output with the vector: one of `names`, or the only one that has a vector for each input.
    pub fn vector(&self, names: &[&str]) -> Result<Output, Error> {
        let outputs = &self.graph.outputs;
        let named = names
            .iter()
            .find_map(|name| outputs.iter().find(|output| output.name == *name));
        let found = match named {
            Some(found) => found,
            None => self.only_vector()?,
        };
        if found.kind != FLOAT {
            return Err(self.refuse(format!("its output {} is no float32", found.name)));
        }
        let dim = found
            .dims
            .as_ref()
            .and_then(|dims| dims.last().copied().flatten());
        match dim {
            Some(dim) if !(1..=LENGTH_MAX).contains(&dim) => Err(self.refuse(format!(
                "its output {} would have {dim} numbers",
                found.name
            ))),
            dim => Ok(Output {
                name: found.name.clone(),
                dim: dim.map(|dim| dim as usize),
            }),
        }
    }

    fn only_vector(&self) -> Result<&Tensor, Error> {
        // Without its projection a tower gives what it ended with, which lies in no space that the other one shares.
        let raw = [
            "last_hidden_state",
            "pooler_output",
            "logits_per_image",
            "logits_per_text",
        ];
        let is_vector = |output: &&Tensor| {
            let rank = output.dims.as_ref().map(Vec::len);
            output.kind == FLOAT
                && rank.is_none_or(|rank| rank == 2)
                && !raw.contains(&output.name.as_str())
        };
        let vectors: Vec<&Tensor> = self.graph.outputs.iter().filter(is_vector).collect();
        match vectors[..] {
            [one] => Ok(one),
            _ => {
                let names = self.graph.outputs.iter().map(|output| output.name.as_str());
                let names = names.collect::<Vec<_>>().join(", ");
                Err(self.refuse(format!(
                    "none of its outputs ({names}) is the one vector of an input that is compared with those of the other tower"
                )))
            }
        }
    }

    /// Whether pictures are all that it reads.
    pub fn only_sees(&self) -> bool {
        let inputs = &self.graph.inputs;
        !inputs.is_empty() && inputs.iter().all(is_picture)
    }

    /// The input of an image network, of three planes of `side` x `side`, or with the channels last.
    pub fn pixels(&self, side: u32) -> Result<Pixels, Error> {
        let inputs = self.graph.inputs.iter();
        let pictures: Vec<&Tensor> = inputs.filter(|input| is_picture(input)).collect();
        let [input] = pictures[..] else {
            return Err(self.refuse(
                "it has no input, or several, that take a picture: [batch, 3, height, width] or [batch, height, width, 3]",
            ));
        };
        if input.kind != FLOAT {
            return Err(self.refuse(format!("its input {} is no float32", input.name)));
        }
        let side = i64::from(side);
        let sides = (Some(side), Some(side));
        let is_last =
            matches!(input.dims.as_deref(), Some([_, height, _, Some(3)]) if *height != Some(3));
        let expect = match is_last {
            false => [None, Some(3), sides.0, sides.1],
            true => [None, sides.0, sides.1, Some(3)],
        };
        let dims = input.dims.iter().flatten();
        let fits = dims
            .zip(expect)
            .all(|(dim, expect)| expect.is_none() || dim.is_none() || *dim == expect);
        match fits {
            true => Ok(Pixels {
                input: input.name.clone(),
                is_last,
            }),
            false => Err(self.refuse(format!(
                "its input {} has the shape {}, and the configuration says pictures of 3 x {side} x {side}",
                input.name,
                shape(input)
            ))),
        }
    }

    /// The inputs of a text network.
    pub fn words(&self) -> Result<TextInputs, Error> {
        let is_text = |input: &&Tensor| {
            matches!(input.kind, INT32 | INT64)
                && input.dims.as_ref().is_none_or(|dims| dims.len() == 2)
        };
        let inputs: Vec<&Tensor> = self.graph.inputs.iter().filter(is_text).collect();
        let named = |name: &str| inputs.iter().find(|input| input.name == name).copied();
        let (mask, types) = (named("attention_mask"), named("token_type_ids"));
        let ids = named("input_ids").or_else(|| match inputs[..] {
            [one] => Some(one),
            _ => None,
        });
        let Some(ids) = ids else {
            return Err(self.refuse("it has no input, or several, that take the ids of a text"));
        };
        let given = [Some(ids), mask, types];
        let unknown = inputs.iter().find(|input| !given.contains(&Some(input)));
        if let Some(unknown) = unknown {
            return Err(self.refuse(format!(
                "nobody here knows what its input {} is",
                unknown.name
            )));
        }
        if given.iter().flatten().any(|input| input.kind != ids.kind) {
            return Err(self.refuse("its inputs have whole numbers of different lengths"));
        }
        let length = ids
            .dims
            .as_ref()
            .and_then(|dims| dims.get(1).copied().flatten());
        if length.is_some_and(|length| !(1..=LENGTH_MAX).contains(&length)) {
            return Err(self.refuse(format!(
                "its input {} has the shape {}",
                ids.name,
                shape(ids)
            )));
        }
        let name = |input: Option<&Tensor>| input.map(|input| input.name.clone());
        Ok(TextInputs {
            ids: ids.name.clone(),
            mask: name(mask),
            types: name(types),
            wide: ids.kind == INT64,
            length: length.map(|length| length as usize),
        })
    }

    /// As many ids as it has places for, where its weights tell.
    pub fn places(&self) -> Option<usize> {
        let places = self
            .graph
            .places()
            .filter(|places| (1..=LENGTH_MAX).contains(places));
        places.map(|places| places as usize)
    }

    /// Whether it also needs something that it is not given.
    pub fn needs_only(&self, given: &[&str]) -> Result<(), Error> {
        let more = self
            .graph
            .inputs
            .iter()
            .find(|input| !given.contains(&input.name.as_str()));
        match more {
            None => Ok(()),
            Some(more) => Err(self.refuse(format!(
                "it also needs the input {}, which nobody here knows",
                more.name
            ))),
        }
    }
}

fn is_picture(input: &Tensor) -> bool {
    input.dims.as_ref().is_some_and(|dims| dims.len() == 4)
}

fn shape(tensor: &Tensor) -> String {
    let dims = tensor.dims.iter().flatten();
    let dims = dims.map(|dim| dim.map_or("?".to_owned(), |dim| dim.to_string()));
    format!("[{}]", dims.collect::<Vec<_>>().join(", "))
}
