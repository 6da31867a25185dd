//! What a network reads and gives, and what is wrong with it, said of the file alone.
//!
//! Field numbers are those of the published schema: <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.

use std::collections::{BTreeMap, BTreeSet};

use super::wire::{Field, fields};

/// Operators that ONNX Runtime brings: of ONNX itself, and its own.
const DOMAINS: [&str; 5] = [
    "",
    "ai.onnx",
    "ai.onnx.ml",
    "com.microsoft",
    "com.ms.internal.nhwc",
];
/// Subgraphs inside of subgraphs; no honest network nests deeper.
const DEPTH_MAX: usize = 16;
/// Operators through which ids pass unchanged on their way to the table of embeddings.
const PASSING: [&str; 5] = ["Cast", "Reshape", "Identity", "Unsqueeze", "Squeeze"];
/// `TensorProto.data_location` of what lies in another file.
const EXTERNAL: i64 = 1;

/// An input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    pub name: String,
    /// `TensorProto.DataType`: 1 float32, 6 int32, 7 int64, 10 float16.
    pub kind: i64,
    /// The lengths that are known; those of a batch mostly are not. None where the file says nothing of the shape.
    pub dims: Option<Vec<Option<i64>>>,
}

/// A weight kept in another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    pub location: String,
    /// The length that the other file must have at least.
    pub end: u64,
}

/// A network as it stands in its file.
#[derive(Debug, Default)]
pub struct Graph {
    pub inputs: Vec<Tensor>,
    pub outputs: Vec<Tensor>,
    pub external: Vec<External>,
    /// Operators that nobody brings, with their domains.
    pub unknown: BTreeSet<String>,
    /// Shapes of the weights.
    weights: BTreeMap<String, Vec<i64>>,
    /// Of each node of the outermost graph the operator, its inputs and its outputs.
    nodes: Vec<(String, Vec<String>, Vec<String>)>,
    local: BTreeSet<String>,
}

impl Graph {
    /// Reads a model file.
    pub fn read(model: &[u8]) -> Result<Self, String> {
        let model = fields(model)?;
        let mut graph = Self::default();
        for function in model.iter().filter(|field| field.number == 25) {
            let domain = fields(function.bytes())?.into_iter();
            graph.local.extend(
                domain
                    .filter(|field| field.number == 10)
                    .map(|field| field.text()),
            );
        }
        let Some(found) = model.iter().find(|field| field.number == 7) else {
            return Err("there is no graph in it: it is cut short, or no ONNX file".into());
        };
        graph.read_graph(found.bytes(), 0)?;
        graph
            .inputs
            .retain(|input| !graph.weights.contains_key(&input.name));
        Ok(graph)
    }

    fn read_graph(&mut self, message: &[u8], depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err("its subgraphs are nested too deep".into());
        }
        for field in fields(message)? {
            match field.number {
                1 => self.read_node(&field, depth)?,
                5 => {
                    let (name, dims) = self.read_tensor(field.bytes())?;
                    self.weights.insert(name, dims);
                }
                11 if depth == 0 => self.inputs.push(tensor(field.bytes())?),
                12 if depth == 0 => self.outputs.push(tensor(field.bytes())?),
                _ => {}
            }
        }
        Ok(())
    }

    fn read_node(&mut self, node: &Field<'_>, depth: usize) -> Result<(), String> {
        let (mut operator, mut domain) = (String::new(), String::new());
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for field in fields(node.bytes())? {
            match field.number {
                1 => inputs.push(field.text()),
                2 => outputs.push(field.text()),
                4 => operator = field.text(),
                5 => self.read_attribute(field.bytes(), depth)?,
                7 => domain = field.text(),
                _ => {}
            }
        }
        if !DOMAINS.contains(&domain.as_str()) && !self.local.contains(&domain) {
            self.unknown.insert(format!("{domain}.{operator}"));
        }
        if depth == 0 {
            self.nodes.push((operator, inputs, outputs));
        }
        Ok(())
    }

    fn read_attribute(&mut self, message: &[u8], depth: usize) -> Result<(), String> {
        for field in fields(message)? {
            match field.number {
                5 | 10 => drop(self.read_tensor(field.bytes())?),
                6 | 11 => self.read_graph(field.bytes(), depth + 1)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Name and shape of a weight, whose bytes must be there.
    fn read_tensor(&mut self, message: &[u8]) -> Result<(String, Vec<i64>), String> {
        let (mut name, mut dims, mut kind, mut held) = (String::new(), Vec::new(), 0, None);
        let (mut listed, mut is_external, mut external) = (0, false, BTreeMap::new());
        for field in fields(message)? {
            match field.number {
                1 => dims.extend(field.integers()?),
                2 => kind = field.integers()?.first().copied().unwrap_or(0),
                8 => name = field.text(),
                9 => held = Some(field.bytes().len() as u64),
                13 => external.extend(pair(field.bytes())?),
                14 => is_external = field.integers()?.contains(&EXTERNAL),
                // Numbers one by one take a byte at least, and each field of them is one or packed.
                4..=7 | 10 | 11 => listed += field.raw.len() as u64,
                _ => {}
            }
        }
        let bytes = bytes_of(&dims, kind)
            .ok_or_else(|| format!("its weight {name:?} has the impossible shape {dims:?}"))?;
        if is_external {
            self.external.push(located(&name, bytes, &external)?);
        } else if held.is_some_and(|held| held != bytes)
            || (held.is_none() && bytes > listed.saturating_mul(8))
        {
            return Err(format!(
                "its weight {name:?} of the shape {dims:?} takes {bytes} bytes, and {} are there",
                held.unwrap_or(listed)
            ));
        }
        Ok((name, dims))
    }

    /// How many places the table of places of a text network has, where a weight is called that.
    pub fn places(&self) -> Option<i64> {
        let is_table = |name: &str| name.contains("position_embedding") && !name.contains("vis");
        let mut weights = self.weights.iter();
        let (_, dims) = weights.find(|(name, dims)| is_table(name) && dims.len() == 2)?;
        dims.first().copied()
    }

    /// How many ids the table has that is looked up by the input `ids`, where that can be followed.
    pub fn vocabulary(&self, ids: &str) -> Option<i64> {
        let mut same = BTreeSet::from([ids]);
        for (operator, inputs, outputs) in &self.nodes {
            let reads = |at: usize| {
                inputs
                    .get(at)
                    .is_some_and(|name| same.contains(name.as_str()))
            };
            if operator == "Gather" && reads(1) {
                return self.weights.get(&inputs[0])?.first().copied();
            }
            if PASSING.contains(&operator.as_str()) && reads(0) {
                same.extend(outputs.iter().map(String::as_str));
            }
        }
        None
    }
}

/// Bytes of a tensor; none where they cannot be counted. What has less than a byte a number is counted as one less exact.
fn bytes_of(dims: &[i64], kind: i64) -> Option<u64> {
    let count = dims.iter().try_fold(1u64, |count, dim| {
        count.checked_mul(u64::try_from(*dim).ok()?)
    })?;
    match kind {
        1 | 6 | 12 => count.checked_mul(4),
        4 | 5 | 10 | 16 => count.checked_mul(2),
        7 | 11 | 13 | 14 => count.checked_mul(8),
        15 => count.checked_mul(16),
        21..=23 => Some(count.div_ceil(2)),
        8 => Some(0),
        _ => Some(count),
    }
}

fn located(
    name: &str,
    bytes: u64,
    external: &BTreeMap<String, String>,
) -> Result<External, String> {
    let Some(location) = external.get("location") else {
        return Err(format!(
            "its weight {name:?} lies in another file that it does not name"
        ));
    };
    let number = |key: &str| {
        external
            .get(key)
            .map_or(Some(0), |text| text.parse::<u64>().ok())
    };
    let (offset, length) = (number("offset"), number("length"));
    let length_fits = length.is_some_and(|length| length == 0 || length == bytes);
    let end = offset
        .filter(|_| length_fits)
        .and_then(|offset| offset.checked_add(bytes));
    match end {
        Some(end) => Ok(External {
            location: location.clone(),
            end,
        }),
        None => Err(format!(
            "its weight {name:?} takes {bytes} bytes, which is not what it says of {location:?}"
        )),
    }
}

/// `StringStringEntryProto`.
fn pair(message: &[u8]) -> Result<Option<(String, String)>, String> {
    let all = fields(message)?;
    let text = |number| {
        all.iter()
            .find(|field| field.number == number)
            .map(Field::text)
    };
    Ok(text(1).zip(text(2)))
}

/// `ValueInfoProto`: name, then type, tensor, shape, dimensions.
fn tensor(message: &[u8]) -> Result<Tensor, String> {
    let (mut name, mut kind, mut dims) = (String::new(), 0, None);
    for field in fields(message)? {
        match field.number {
            1 => name = field.text(),
            2 => {
                for field in fields(inner(field.bytes(), 1)?)? {
                    match field.number {
                        1 => kind = field.integers()?.first().copied().unwrap_or(0),
                        2 => dims = Some(lengths(field.bytes())?),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(Tensor { name, kind, dims })
}

fn inner(message: &[u8], number: u32) -> Result<&[u8], String> {
    let all = fields(message)?;
    let found = all.iter().find(|field| field.number == number);
    Ok(found.map_or(&[], Field::bytes))
}

fn lengths(shape: &[u8]) -> Result<Vec<Option<i64>>, String> {
    let mut dims = Vec::new();
    for dim in fields(shape)?.iter().filter(|field| field.number == 1) {
        let known = fields(dim.bytes())?
            .into_iter()
            .find(|field| field.number == 1);
        dims.push(match known {
            Some(known) => known.integers()?.first().copied(),
            None => None,
        });
    }
    Ok(dims)
}
