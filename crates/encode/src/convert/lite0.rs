//! EfficientNet-Lite0 (Liu et al., TensorFlow model garden, 2020; after Tan and Le, arXiv:1905.11946) as an ONNX graph.
//!
//! Batch normalisation is folded into the convolution before it. Padding is TensorFlow's `SAME`, which at
//! stride 2 pads the far sides alone. The graph ends at the pooled feature; the classifier stays outside.

use std::collections::BTreeMap;

use super::onnx;
use super::storage::Tensor;

/// Side of the square input in pixels.
pub const INPUT_SIDE: usize = 224;
/// Length of the pooled feature.
pub const FEATURE_DIM: usize = 1280;
/// Classes of the classifier.
pub const CLASSES: usize = 1000;

const BATCH_NORM_EPSILON: f64 = 1e-3;

/// Repeats, kernel side, stride of the first repeat, expansion, output channels: the B0 stages, whose
/// stem and head Lite0 does not scale, without squeeze-and-excitation.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];
const STEM_CHANNELS: usize = 32;

type Tensors = BTreeMap<String, Tensor>;

/// One convolution with its batch normalisation, by the names of the state dict.
struct Conv<'a> {
    weight: &'a str,
    norm: &'a str,
    channels_in: usize,
    channels_out: usize,
    side: usize,
    stride: usize,
    depthwise: bool,
    relu6: bool,
}

struct Builder<'a> {
    tensors: &'a Tensors,
    graph: onnx::GraphProto,
    /// Side of the current feature map, which decides the padding.
    extent: usize,
}

/// The bytes of the ONNX file: `pixels` [N, 3, 224, 224] -> `feature` [N, 1280].
pub fn onnx_bytes(tensors: &Tensors) -> Result<Vec<u8>, String> {
    let graph = onnx::GraphProto {
        name: Some("efficientnet-lite0".into()),
        input: vec![onnx::batch_of(
            "pixels",
            &[3, INPUT_SIDE as i64, INPUT_SIDE as i64],
        )],
        output: vec![onnx::batch_of("feature", &[FEATURE_DIM as i64])],
        initializer: vec![
            onnx::tensor("zero", &[], &[0.0]),
            onnx::tensor("six", &[], &[6.0]),
        ],
        ..Default::default()
    };
    let mut builder = Builder {
        tensors,
        graph,
        extent: INPUT_SIDE,
    };
    let stem = Conv {
        weight: "_conv_stem",
        norm: "_bn0",
        channels_in: 3,
        channels_out: STEM_CHANNELS,
        side: 3,
        stride: 2,
        depthwise: false,
        relu6: true,
    };
    let mut top = builder.conv("pixels", &stem)?;
    let (mut block, mut channels) = (0, STEM_CHANNELS);
    for (repeats, side, stride, expansion, channels_out) in STAGES {
        for repeat in 0..repeats {
            let stride = if repeat == 0 { stride } else { 1 };
            let sizes = Block {
                index: block,
                channels,
                expansion,
                channels_out,
                side,
                stride,
            };
            top = builder.block(&top, &sizes)?;
            (block, channels) = (block + 1, channels_out);
        }
    }
    let head = Conv {
        weight: "_conv_head",
        norm: "_bn1",
        channels_in: channels,
        channels_out: FEATURE_DIM,
        side: 1,
        stride: 1,
        depthwise: false,
        relu6: true,
    };
    top = builder.conv(&top, &head)?;
    builder.node("GlobalAveragePool", &[&top], "pooled", Vec::new());
    builder.node(
        "Flatten",
        &["pooled"],
        "feature",
        vec![onnx::int("axis", 1)],
    );
    Ok(onnx::model(builder.graph))
}

/// The classifier: weights [1000 x 1280] in row-major order, then 1000 biases.
pub fn classifier(tensors: &Tensors) -> Result<(&[f32], &[f32]), String> {
    let weight = named(tensors, "_fc.weight", &[CLASSES, FEATURE_DIM])?;
    let bias = named(tensors, "_fc.bias", &[CLASSES])?;
    Ok((weight, bias))
}

/// Sizes of one inverted residual block.
struct Block {
    index: usize,
    channels: usize,
    expansion: usize,
    channels_out: usize,
    side: usize,
    stride: usize,
}

impl Builder<'_> {
    /// Expansion, depthwise convolution, projection, and the shortcut where shapes allow it.
    fn block(&mut self, input: &str, block: &Block) -> Result<String, String> {
        let name = |part: &str| format!("_blocks.{}.{part}", block.index);
        let wide = block.channels * block.expansion;
        let mut top = input.to_owned();
        if block.expansion != 1 {
            let expand = Conv {
                weight: &name("_expand_conv"),
                norm: &name("_bn0"),
                channels_in: block.channels,
                channels_out: wide,
                side: 1,
                stride: 1,
                depthwise: false,
                relu6: true,
            };
            top = self.conv(&top, &expand)?;
        }
        let depthwise = Conv {
            weight: &name("_depthwise_conv"),
            norm: &name("_bn1"),
            channels_in: wide,
            channels_out: wide,
            side: block.side,
            stride: block.stride,
            depthwise: true,
            relu6: true,
        };
        top = self.conv(&top, &depthwise)?;
        let project = Conv {
            weight: &name("_project_conv"),
            norm: &name("_bn2"),
            channels_in: wide,
            channels_out: block.channels_out,
            side: 1,
            stride: 1,
            depthwise: false,
            relu6: false,
        };
        top = self.conv(&top, &project)?;
        if block.stride == 1 && block.channels == block.channels_out {
            let sum = name("sum");
            self.node("Add", &[&top, input], &sum, Vec::new());
            top = sum;
        }
        Ok(top)
    }

    fn conv(&mut self, input: &str, conv: &Conv) -> Result<String, String> {
        let group_inputs = if conv.depthwise { 1 } else { conv.channels_in };
        let shape = [conv.channels_out, group_inputs, conv.side, conv.side];
        let (weight, bias) = folded(self.tensors, conv, &shape)?;
        let (weight_name, bias_name) = (format!("{}.w", conv.weight), format!("{}.b", conv.weight));
        self.graph
            .initializer
            .push(onnx::tensor(&weight_name, &shape, &weight));
        self.graph
            .initializer
            .push(onnx::tensor(&bias_name, &[conv.channels_out], &bias));

        let (before, after, extent) = same_padding(self.extent, conv.side, conv.stride);
        self.extent = extent;
        let attributes = vec![
            onnx::ints("kernel_shape", &[conv.side as i64; 2]),
            onnx::ints("strides", &[conv.stride as i64; 2]),
            onnx::ints("pads", &[before, before, after, after]),
            onnx::int(
                "group",
                if conv.depthwise {
                    conv.channels_in as i64
                } else {
                    1
                },
            ),
        ];
        let mut top = format!("{}.out", conv.weight);
        self.node("Conv", &[input, &weight_name, &bias_name], &top, attributes);
        if conv.relu6 {
            let clipped = format!("{}.relu6", conv.weight);
            self.node("Clip", &[&top, "zero", "six"], &clipped, Vec::new());
            top = clipped;
        }
        Ok(top)
    }

    fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attribute: Vec<onnx::AttributeProto>,
    ) {
        self.graph.node.push(onnx::NodeProto {
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.to_owned()],
            name: Some(output.to_owned()),
            op_type: Some(operator.to_owned()),
            attribute,
        });
    }
}

/// TensorFlow's `SAME`: padding before, padding after, and the side of the output.
fn same_padding(extent: usize, side: usize, stride: usize) -> (i64, i64, usize) {
    let out = extent.div_ceil(stride);
    let total = ((out - 1) * stride + side).saturating_sub(extent);
    let before = total / 2;
    (before as i64, (total - before) as i64, out)
}

/// Weight and bias of a convolution that does what convolution and batch normalisation did.
fn folded(
    tensors: &Tensors,
    conv: &Conv,
    shape: &[usize; 4],
) -> Result<(Vec<f32>, Vec<f32>), String> {
    let weight = named(tensors, &format!("{}.weight", conv.weight), shape)?;
    let part = |part: &str| {
        named(
            tensors,
            &format!("{}.{part}", conv.norm),
            &[conv.channels_out],
        )
    };
    let (gamma, beta) = (part("weight")?, part("bias")?);
    let (mean, variance) = (part("running_mean")?, part("running_var")?);
    let mut folded = Vec::with_capacity(weight.len());
    let mut bias = Vec::with_capacity(conv.channels_out);
    for (channel, kernel) in weight
        .chunks_exact(weight.len() / conv.channels_out)
        .enumerate()
    {
        let scale =
            f64::from(gamma[channel]) / (f64::from(variance[channel]) + BATCH_NORM_EPSILON).sqrt();
        folded.extend(kernel.iter().map(|w| (f64::from(*w) * scale) as f32));
        bias.push((f64::from(beta[channel]) - f64::from(mean[channel]) * scale) as f32);
    }
    Ok((folded, bias))
}

fn named<'a>(tensors: &'a Tensors, name: &str, shape: &[usize]) -> Result<&'a [f32], String> {
    let tensor = tensors
        .get(name)
        .ok_or_else(|| format!("it has no tensor `{name}`"))?;
    if tensor.shape != shape {
        return Err(format!(
            "`{name}` has shape {:?}, expected {shape:?}",
            tensor.shape
        ));
    }
    Ok(&tensor.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_tensorflows() {
        let check =
            |extent, side, stride, expect| assert_eq!(same_padding(extent, side, stride), expect);
        check(224, 3, 2, (0, 1, 112));
        check(112, 3, 1, (1, 1, 112));
        check(56, 5, 2, (1, 2, 28));
        check(7, 5, 1, (2, 2, 7));
        check(15, 3, 2, (1, 1, 8));
        check(7, 1, 1, (0, 0, 7));
    }
}
