//! Puts a graph together out of named tensors, each of which is used once.

use std::collections::BTreeMap;

use super::{Classifier, End, Made, SIDE};
use crate::convert::onnx;
use crate::convert::storage::Tensor;

/// What PyTorch adds to a variance where nothing else is said.
const EPSILON: f64 = 1e-5;
/// No layer is wider.
const CHANNELS_MAX: usize = 1 << 16;

/// A convolution with a square kernel that keeps the size of a plane but for the stride.
pub struct Conv<'a> {
    pub name: &'a str,
    /// The batch normalisation after it, where there is one.
    pub norm: Option<&'a str>,
    /// Side of the kernel.
    pub side: usize,
    pub stride: usize,
}

/// What a node gives, and how many channels it has.
#[derive(Clone, Debug)]
pub struct Planes {
    pub name: String,
    pub channels: usize,
}

pub struct Builder {
    tensors: BTreeMap<String, Tensor>,
    graph: onnx::GraphProto,
}

impl Builder {
    pub fn new(tensors: BTreeMap<String, Tensor>) -> Self {
        let side = i64::from(SIDE);
        Self {
            tensors,
            graph: onnx::GraphProto {
                input: vec![onnx::batch_of("pixels", &[3, side, side])],
                ..Default::default()
            },
        }
    }

    /// What the network reads.
    pub fn pixels(&self) -> Planes {
        Planes {
            name: "pixels".into(),
            channels: 3,
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    pub fn shape(&self, name: &str) -> &[usize] {
        self.tensors.get(name).map_or(&[], |tensor| &tensor.shape)
    }

    /// Names of tensors that are left.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The numbers of a tensor of this shape.
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let tensor = self.tensors.remove(name);
        let tensor = tensor.ok_or_else(|| format!("it lacks `{name}`"))?;
        if tensor.shape != shape {
            return Err(format!(
                "`{name}` has the shape {:?}, expected {shape:?}",
                tensor.shape
            ));
        }
        match tensor.data.iter().all(|number| number.is_finite()) {
            true => Ok(tensor.data),
            false => Err(format!("in `{name}` some numbers are none")),
        }
    }

    /// Convolution and batch normalisation as one convolution.
    pub fn conv(&mut self, input: &Planes, conv: &Conv<'_>) -> Result<Planes, String> {
        let (weight_name, bias_name) = (
            format!("{}.weight", conv.name),
            format!("{}.bias", conv.name),
        );
        let [channels, of_group, ..] = self.shape(&weight_name)[..] else {
            return Err(format!("it lacks `{weight_name}`"));
        };
        let is_divided = of_group > 0 && input.channels.is_multiple_of(of_group);
        let groups = if is_divided {
            input.channels / of_group
        } else {
            0
        };
        if groups == 0
            || !(1..=CHANNELS_MAX).contains(&channels)
            || !channels.is_multiple_of(groups)
        {
            return Err(format!(
                "`{weight_name}` has the shape {:?}, which does not follow on {} channels",
                self.shape(&weight_name),
                input.channels
            ));
        }
        let shape = [channels, of_group, conv.side, conv.side];
        let mut weight = self.take(&weight_name, &shape)?;
        let mut bias = match self.has(&bias_name) {
            true => self.take(&bias_name, &[channels])?,
            false => vec![0.0; channels],
        };
        if let Some(norm) = conv.norm {
            self.fold(norm, &mut weight, &mut bias)?;
        }
        self.graph
            .initializer
            .push(onnx::tensor(&weight_name, &shape, &weight));
        self.graph
            .initializer
            .push(onnx::tensor(&bias_name, &[channels], &bias));
        let (side, stride, pad) = (conv.side as i64, conv.stride as i64, (conv.side / 2) as i64);
        let attributes = vec![
            onnx::ints("kernel_shape", &[side; 2]),
            onnx::ints("strides", &[stride; 2]),
            onnx::ints("pads", &[pad; 4]),
            onnx::int("group", groups as i64),
        ];
        let inputs = [input.name.as_str(), &weight_name, &bias_name];
        let name = self.node("Conv", &inputs, conv.name, attributes);
        Ok(Planes { name, channels })
    }

    /// Multiplies a batch normalisation into the convolution before it.
    fn fold(&mut self, norm: &str, weight: &mut [f32], bias: &mut [f32]) -> Result<(), String> {
        let channels = bias.len();
        let mut part = |part: &str| self.take(&format!("{norm}.{part}"), &[channels]);
        let (scale, shift) = (part("weight")?, part("bias")?);
        let (mean, variance) = (part("running_mean")?, part("running_var")?);
        if variance.iter().any(|variance| *variance < 0.0) {
            return Err(format!("`{norm}.running_var` is below zero"));
        }
        let rows = weight.chunks_exact_mut((weight.len() / channels).max(1));
        for (channel, row) in rows.enumerate() {
            let factor =
                f64::from(scale[channel]) / (f64::from(variance[channel]) + EPSILON).sqrt();
            for number in row {
                *number = (f64::from(*number) * factor) as f32;
            }
            let centred = f64::from(bias[channel]) - f64::from(mean[channel]);
            bias[channel] = (centred * factor + f64::from(shift[channel])) as f32;
        }
        Ok(())
    }

    pub fn relu(&mut self, input: &Planes) -> Planes {
        let name = self.node(
            "Relu",
            &[&input.name],
            &format!("{}.relu", input.name),
            Vec::new(),
        );
        Planes {
            name,
            ..input.clone()
        }
    }

    pub fn max_pool(&mut self, input: &Planes, side: i64, pad: i64) -> Planes {
        let attributes = vec![
            onnx::ints("kernel_shape", &[side; 2]),
            onnx::ints("strides", &[2; 2]),
            onnx::ints("pads", &[pad; 4]),
        ];
        let name = self.node(
            "MaxPool",
            &[&input.name],
            &format!("{}.pool", input.name),
            attributes,
        );
        Planes {
            name,
            ..input.clone()
        }
    }

    pub fn sum(&mut self, name: &str, one: &Planes, other: &Planes) -> Planes {
        let name = self.node("Add", &[&one.name, &other.name], name, Vec::new());
        Planes {
            name,
            ..one.clone()
        }
    }

    /// Means of the planes.
    pub fn means(&mut self, input: &Planes) -> String {
        let pooled = self.node("GlobalAveragePool", &[&input.name], "means", Vec::new());
        self.flat(&pooled)
    }

    /// All numbers in one row.
    pub fn flat(&mut self, input: &str) -> String {
        self.node(
            "Flatten",
            &[input],
            &format!("{input}.flat"),
            vec![onnx::int("axis", 1)],
        )
    }

    /// A layer that reads `inputs` numbers; its name and how many it gives.
    pub fn linear(
        &mut self,
        input: &str,
        inputs: usize,
        name: &str,
    ) -> Result<(String, usize), String> {
        let (weights, bias) = self.layer(name, inputs)?;
        let outputs = bias.len();
        let (weight_name, bias_name) = (format!("{name}.weight"), format!("{name}.bias"));
        self.graph
            .initializer
            .push(onnx::tensor(&weight_name, &[outputs, inputs], &weights));
        self.graph
            .initializer
            .push(onnx::tensor(&bias_name, &[outputs], &bias));
        let attributes = vec![onnx::int("transB", 1)];
        Ok((
            self.node("Gemm", &[input, &weight_name, &bias_name], name, attributes),
            outputs,
        ))
    }

    /// Weights and bias of a layer that reads `inputs` numbers.
    fn layer(&mut self, name: &str, inputs: usize) -> Result<(Vec<f32>, Vec<f32>), String> {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let outputs = self.shape(&weight).first().copied().unwrap_or(0);
        if !(1..=CHANNELS_MAX).contains(&outputs) {
            return Err(format!("`{weight}` is no matrix"));
        }
        Ok((
            self.take(&weight, &[outputs, inputs])?,
            self.take(&bias, &[outputs])?,
        ))
    }

    pub fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        name: &str,
        attribute: Vec<onnx::AttributeProto>,
    ) -> String {
        let output = format!("{name}.out");
        self.graph.node.push(onnx::NodeProto {
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.clone()],
            name: Some(name.to_owned()),
            op_type: Some(operator.to_owned()),
            attribute,
        });
        output
    }

    /// The whole network. A tensor that nobody asked for belongs to another one, which would see otherwise.
    pub fn finish(mut self, end: End) -> Result<Made, String> {
        let classifier = match self.has(&format!("{}.weight", end.classifier)) {
            true => {
                let (weights, bias) = self.layer(end.classifier, end.dim)?;
                Some(Classifier { weights, bias })
            }
            false => None,
        };
        if let Some(name) = self.names().next() {
            return Err(format!(
                "it has `{name}`, which {} has not: it is another network; export it to ONNX and add that folder",
                end.family
            ));
        }
        self.graph.node.push(onnx::NodeProto {
            input: vec![end.output],
            output: vec!["feature".into()],
            name: Some("feature".into()),
            op_type: Some("Identity".into()),
            attribute: Vec::new(),
        });
        self.graph.name = Some(end.family.clone());
        self.graph.output = vec![onnx::batch_of("feature", &[end.dim as i64])];
        Ok(Made {
            family: end.family,
            onnx: onnx::model(self.graph),
            dim: end.dim,
            classifier,
        })
    }
}
