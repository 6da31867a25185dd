//! The last blocks of the image network: read out of its graph so that training goes on in them, and written back as a second
//! end beside the first.
//!
//! A pack whose blocks were trained further answers with both features one after the other. The first is what it was, so that
//! vectors of its alignment stay what they were; the classifier reads both.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use prost::Message;

use crate::convert::onnx::{self, GraphProto, ModelProto, NodeProto, TensorProto};
use crate::error::{Context, Error};

/// How often the side of a plane was halved before the last blocks, in every network of this kind.
pub(crate) const REDUCTION: u32 = 32;
/// Before the names of the second end.
const TUNED: &str = "tuned/";
const FEATURE: &str = "feature";
const FROZEN: &str = "frozen_feature";

/// One convolution of a block, with its bias.
#[derive(Clone, Debug, PartialEq)]
pub struct TailLayer {
    /// Of its weights in the graph.
    pub name: String,
    /// `[channels_out, channels_in]`, or `[channels, side, side]` of a depthwise one.
    pub weights: Vec<f32>,
    /// One for each output channel.
    pub bias: Vec<f32>,
    pub channels_in: usize,
    pub channels_out: usize,
    /// Of the square around each place that it reads.
    pub side: usize,
    /// Every channel by itself.
    pub depthwise: bool,
    /// Whether ReLU6 follows.
    pub clipped: bool,
    bias_name: String,
}

/// Convolutions one after another, and whether the input is added to what comes out.
#[derive(Clone, Debug, PartialEq)]
pub struct TailBlock {
    pub layers: Vec<TailLayer>,
    pub shortcut: bool,
}

/// The last blocks of an image network, and the mean over all places after them.
#[derive(Clone, Debug)]
pub struct Tail {
    pub blocks: Vec<TailBlock>,
    graph: GraphProto,
    /// Where in the graph's nodes they begin, and where they end.
    first: usize,
    end: usize,
}

impl Tail {
    /// The last `n` blocks of the network in the file at `path`. What is wrong with the number is said as a sentence.
    pub(crate) fn read(path: &Path, n: usize) -> Result<Result<Self, String>, Error> {
        let bytes = fs::read(path).doing("read", path)?;
        let graph = ModelProto::decode(bytes.as_slice())
            .ok()
            .and_then(|model| model.graph);
        let Some(graph) = graph else {
            return Err(Error::Damaged {
                path: path.into(),
                what: "it is no network".into(),
            });
        };
        Ok(Tail::of(graph, n))
    }

    fn of(graph: GraphProto, n: usize) -> Result<Self, String> {
        let operator = |node: &NodeProto| node.op_type.clone().unwrap_or_default();
        let end = graph
            .node
            .iter()
            .position(|node| operator(node) == "GlobalAveragePool");
        let end = end
            .filter(|end| graph.node.len() == end + 2)
            .ok_or("its image network does not end as those do that can be trained further")?;
        let mut starts: Vec<usize> = Vec::new();
        for at in (0..end).rev() {
            let is_first = at == 0 || block_of(&graph.node[at - 1]) != block_of(&graph.node[at]);
            if !stride_one(&graph.node[at]) {
                break;
            }
            if is_first {
                starts.push(at);
            }
        }
        let Some(first) = n.checked_sub(1).and_then(|at| starts.get(at)).copied() else {
            return Err(format!(
                "its last {} blocks can be trained further, not {n}",
                starts.len()
            ));
        };
        let mut tail = Tail {
            blocks: Vec::new(),
            graph,
            first,
            end,
        };
        starts.truncate(n);
        starts.reverse();
        for (at, start) in starts.iter().enumerate() {
            let stop = starts.get(at + 1).copied().unwrap_or(end);
            let block = tail.block(*start, stop).ok_or_else(|| {
                let name = block_of(&tail.graph.node[*start]);
                format!(
                    "block {name} of its image network is of a kind that is not trained further"
                )
            })?;
            tail.blocks.push(block);
        }
        Ok(tail)
    }

    fn block(&self, start: usize, stop: usize) -> Option<TailBlock> {
        let nodes = &self.graph.node[start..stop];
        let mut block = TailBlock {
            layers: Vec::new(),
            shortcut: false,
        };
        for node in nodes {
            match node.op_type.as_deref()? {
                "Conv" => block.layers.push(self.layer(node)?),
                "Clip" => block.layers.last_mut()?.clipped = true,
                "Add" => block.shortcut = node.input.contains(nodes[0].input.first()?),
                _ => return None,
            }
        }
        Some(block)
    }

    fn layer(&self, node: &NodeProto) -> Option<TailLayer> {
        let named = |at: usize| {
            let name = node.input.get(at)?;
            let is_it = |tensor: &&TensorProto| tensor.name.as_deref() == Some(name);
            self.graph.initializer.iter().find(is_it)
        };
        let (weights, bias) = (named(1)?, named(2)?);
        let [channels_out, of_group, height, width] = weights.dims.as_slice() else {
            return None;
        };
        let depthwise = *of_group == 1 && *height > 1;
        let is_known = height == width && *channels_out > 0 && (depthwise || *height == 1);
        is_known.then_some(TailLayer {
            name: weights.name.clone()?,
            bias_name: bias.name.clone()?,
            channels_in: if depthwise { *channels_out } else { *of_group } as usize,
            channels_out: *channels_out as usize,
            side: *height as usize,
            depthwise,
            clipped: false,
            weights: floats(weights)?,
            bias: floats(bias)?,
        })
    }

    /// Channels of what goes into the first block.
    pub fn channels(&self) -> usize {
        self.blocks
            .first()
            .and_then(|block| block.layers.first())
            .map_or(0, |layer| layer.channels_in)
    }

    /// Length of the feature that the blocks make.
    pub fn feature_dim(&self) -> usize {
        self.blocks
            .last()
            .and_then(|block| block.layers.last())
            .map_or(0, |layer| layer.channels_out)
    }

    /// The network that stops before the first block: its feature is what goes in there, plane after plane.
    pub(crate) fn trunk(&self, extent: usize) -> Vec<u8> {
        let mut graph = self.graph.clone();
        graph.node.truncate(self.first);
        let top = self.graph.node[self.first].input[0].clone();
        graph.node.push(flatten(&top, FEATURE));
        let read: BTreeSet<&String> = graph.node.iter().flat_map(|node| &node.input).collect();
        let is_read =
            |tensor: &TensorProto| tensor.name.as_ref().is_some_and(|name| read.contains(name));
        graph.initializer.retain(is_read);
        graph.output = vec![onnx::batch_of(
            FEATURE,
            &[(self.channels() * extent * extent) as i64],
        )];
        onnx::model(graph)
    }

    /// The network with these blocks beside its own: its feature is the one that it had, then theirs.
    pub(crate) fn with_second_end(&self) -> Vec<u8> {
        let mut graph = self.graph.clone();
        let end = self.end + 2;
        let own: HashMap<&String, String> = {
            let made = self.graph.node[self.first..end]
                .iter()
                .flat_map(|node| &node.output);
            let learnt = self.blocks.iter().flat_map(|block| &block.layers);
            let learnt = learnt.flat_map(|layer| [&layer.name, &layer.bias_name]);
            made.chain(learnt)
                .map(|name| (name, format!("{TUNED}{name}")))
                .collect()
        };
        let renamed = |name: &String| own.get(name).unwrap_or(name).clone();
        let second = self.graph.node[self.first..end]
            .iter()
            .map(|node| NodeProto {
                input: node.input.iter().map(renamed).collect(),
                output: node.output.iter().map(renamed).collect(),
                name: node.name.as_ref().map(|name| format!("{TUNED}{name}")),
                ..node.clone()
            });
        graph.node.extend(second);
        for layer in self.blocks.iter().flat_map(|block| &block.layers) {
            let (out, columns) = (layer.channels_out, layer.weights.len() / layer.channels_out);
            let of_group = columns / (layer.side * layer.side);
            let shape = [out, of_group, layer.side, layer.side];
            let tensors = [
                onnx::tensor(&renamed(&layer.name), &shape, &layer.weights),
                onnx::tensor(&renamed(&layer.bias_name), &[out], &layer.bias),
            ];
            graph.initializer.extend(tensors);
        }
        let last = &mut graph.node[end - 1];
        last.output = vec![FROZEN.into()];
        last.name = Some(FROZEN.into());
        let both = [FROZEN.to_owned(), format!("{TUNED}{FEATURE}")];
        graph.node.push(NodeProto {
            input: both.to_vec(),
            output: vec![FEATURE.into()],
            name: Some(FEATURE.into()),
            op_type: Some("Concat".into()),
            attribute: vec![onnx::int("axis", 1)],
        });
        graph.output = vec![onnx::batch_of(FEATURE, &[2 * self.feature_dim() as i64])];
        onnx::model(graph)
    }
}

fn flatten(input: &str, output: &str) -> NodeProto {
    NodeProto {
        input: vec![input.to_owned()],
        output: vec![output.to_owned()],
        name: Some(output.to_owned()),
        op_type: Some("Flatten".into()),
        attribute: vec![onnx::int("axis", 1)],
    }
}

/// `_blocks.14` of `_blocks.14._expand_conv.out`, `_conv_head` of `_conv_head.relu6`.
fn block_of(node: &NodeProto) -> &str {
    let name = node.name.as_deref().unwrap_or_default();
    let parts = if name.starts_with("_blocks.") { 2 } else { 1 };
    let end = name
        .match_indices('.')
        .nth(parts - 1)
        .map_or(name.len(), |(at, _)| at);
    &name[..end]
}

fn stride_one(node: &NodeProto) -> bool {
    let strides = node
        .attribute
        .iter()
        .filter(|one| one.name.as_deref() == Some("strides"));
    strides.flat_map(|one| &one.ints).all(|stride| *stride == 1)
}

fn floats(tensor: &TensorProto) -> Option<Vec<f32>> {
    let bytes = tensor.raw_data.as_ref()?.chunks_exact(4);
    let numbers: Vec<f32> = bytes
        .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
        .collect();
    let n: i64 = tensor.dims.iter().product();
    (numbers.len() as i64 == n).then_some(numbers)
}
