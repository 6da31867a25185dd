//! The last layer of a classifier: what it reads, and its numbers.

use super::wire::{Field, fields};

/// `TensorProto.DataType`.
const FLOAT: i64 = 1;

/// One score for each class: `weights . input + bias`.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// The name of what it reads.
    pub input: String,
    /// A row of `dim` numbers for each class.
    pub weights: Vec<f32>,
    pub dim: usize,
    /// A number for each class.
    pub bias: Vec<f32>,
}

/// The layer that makes `output`: a `Gemm`, or a `MatMul` and an `Add`, with weights in the file. The file was read as a graph
/// before, so that every weight is as long as its shape says.
pub fn last_layer(model: &[u8], output: &str) -> Result<Layer, String> {
    let model = fields(model)?;
    let graph = model.iter().find(|field| field.number == 7);
    let all = fields(graph.map_or(&[], Field::bytes))?;
    let nodes = all.iter().filter(|field| field.number == 1);
    let nodes: Vec<Node> = nodes
        .map(|field| Node::read(field.bytes()))
        .collect::<Result<_, _>>()?;
    let parts = Parts { all: &all, nodes };
    parts.layer(output)?.ok_or_else(|| {
        format!(
            "its output {output} is not made by one last layer whose weights lie in the file as float32, so that there is nothing below it \
             to keep of a picture"
        )
    })
}

/// Shape and numbers.
type Weight = (Vec<usize>, Vec<f32>);

struct Parts<'a> {
    all: &'a [Field<'a>],
    nodes: Vec<Node>,
}

#[derive(Default)]
struct Node {
    operator: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    /// Attributes that are whole numbers and are not zero.
    switches: Vec<String>,
    /// Whether a factor in it is not one.
    is_scaled: bool,
}

impl Node {
    fn read(message: &[u8]) -> Result<Self, String> {
        let mut node = Self::default();
        for field in fields(message)? {
            match field.number {
                1 => node.inputs.push(field.text()),
                2 => node.outputs.push(field.text()),
                4 => node.operator = field.text(),
                5 => node.read_attribute(field.bytes())?,
                _ => {}
            }
        }
        Ok(node)
    }

    fn read_attribute(&mut self, message: &[u8]) -> Result<(), String> {
        let all = fields(message)?;
        let name = all.iter().find(|field| field.number == 1).map(Field::text);
        for field in &all {
            match field.number {
                2 => self.is_scaled |= field.float() != Some(1.0),
                3 if field.integers()? != [0] => self.switches.extend(name.clone()),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Parts<'_> {
    fn maker(&self, output: &str) -> Option<&Node> {
        let mut nodes = self.nodes.iter();
        nodes.find(|node| node.outputs.iter().any(|name| name == output))
    }

    /// The node that makes what a softmax at the end reads, as of Keras's classifiers; else the node itself. A file that goes in
    /// circles ends it too.
    fn below<'b>(&'b self, mut node: &'b Node) -> &'b Node {
        const MOST: usize = 4;
        for _ in 0..MOST {
            let passes = ["Softmax", "LogSoftmax", "Identity"].contains(&node.operator.as_str());
            let Some(next) = node.inputs.first().filter(|_| passes) else {
                return node;
            };
            match self.maker(next) {
                Some(next) => node = next,
                None => return node,
            }
        }
        node
    }

    fn layer(&self, output: &str) -> Result<Option<Layer>, String> {
        let Some(node) = self.maker(output).map(|node| self.below(node)) else {
            return Ok(None);
        };
        match (node.operator.as_str(), &node.inputs[..]) {
            ("Gemm", [input, weights, rest @ ..]) if !node.is_scaled => {
                let is_turned = node.switches.iter().any(|switch| switch == "transB");
                if node.switches.iter().any(|switch| switch == "transA") {
                    return Ok(None);
                }
                self.made(input, weights, rest.first(), is_turned)
            }
            ("Add", [one, other]) => {
                let product =
                    |name: &str| self.maker(name).filter(|node| node.operator == "MatMul");
                let (node, bias) = match (product(one), product(other)) {
                    (Some(node), None) => (node, other),
                    (None, Some(node)) => (node, one),
                    _ => return Ok(None),
                };
                let [input, weights] = &node.inputs[..] else {
                    return Ok(None);
                };
                self.made(input, weights, Some(bias), false)
            }
            _ => Ok(None),
        }
    }

    fn made(
        &self,
        input: &str,
        weights: &str,
        bias: Option<&String>,
        is_turned: bool,
    ) -> Result<Option<Layer>, String> {
        let Some((dims, mut numbers)) = self.weight(weights)? else {
            return Ok(None);
        };
        let [rows, columns] = dims[..] else {
            return Ok(None);
        };
        let (classes, dim) = if is_turned {
            (rows, columns)
        } else {
            (columns, rows)
        };
        if !is_turned {
            let turned =
                (0..classes).flat_map(|class| (0..dim).map(move |at| at * classes + class));
            numbers = turned.map(|at| numbers[at]).collect();
        }
        let bias = match bias {
            Some(bias) => self.weight(bias)?.map(|(_, bias)| bias),
            None => Some(vec![0.0; classes]),
        };
        let bias = bias.filter(|bias| bias.len() == classes);
        let is_finite = numbers
            .iter()
            .chain(bias.iter().flatten())
            .all(|number| number.is_finite());
        Ok(bias.filter(|_| is_finite && dim > 0).map(|bias| Layer {
            input: input.to_owned(),
            weights: numbers,
            dim,
            bias,
        }))
    }

    /// Shape and numbers of a weight of float32 that lies in the file.
    fn weight(&self, name: &str) -> Result<Option<Weight>, String> {
        for field in self.all.iter().filter(|field| field.number == 5) {
            let parts = fields(field.bytes())?;
            let is_named = |part: &Field<'_>| part.number == 8 && part.text() == name;
            if !parts.iter().any(is_named) {
                continue;
            }
            let (mut dims, mut kind, mut bytes) = (Vec::new(), 0, Vec::new());
            for part in &parts {
                match part.number {
                    1 => dims.extend(part.integers()?),
                    2 => kind = part.integers()?.first().copied().unwrap_or(0),
                    // Packed or raw, a number has the same four bytes.
                    4 | 9 => bytes.extend_from_slice(part.bytes()),
                    _ => {}
                }
            }
            let dims: Vec<usize> = dims.iter().map(|dim| *dim as usize).collect();
            let numbers = bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes));
            let numbers: Vec<f32> = numbers.collect();
            let is_whole = kind == FLOAT && numbers.len() == dims.iter().product::<usize>();
            return Ok(is_whole.then_some((dims, numbers)));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::wire::put;

    fn message(parts: &[(u32, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        parts
            .iter()
            .for_each(|(number, bytes)| put(&mut out, *number, bytes));
        out
    }

    fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut out = message(&[(2, output.as_bytes()), (4, operator.as_bytes())]);
        inputs
            .iter()
            .for_each(|input| put(&mut out, 1, input.as_bytes()));
        attributes
            .iter()
            .for_each(|attribute| put(&mut out, 5, attribute));
        out
    }

    /// A weight; lengths below 128 are one byte each.
    fn weight(name: &str, dims: &[u8], numbers: &[f32]) -> Vec<u8> {
        let bytes: Vec<u8> = numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        let mut out = vec![2 << 3, FLOAT as u8];
        out.extend(message(&[(1, dims), (8, name.as_bytes()), (9, &bytes)]));
        out
    }

    fn switch(name: &str) -> Vec<u8> {
        [message(&[(1, name.as_bytes())]), vec![3 << 3, 1]].concat()
    }

    fn factor(name: &str, value: f32) -> Vec<u8> {
        let value = [vec![2 << 3 | 5], value.to_le_bytes().to_vec()].concat();
        [message(&[(1, name.as_bytes())]), value].concat()
    }

    /// Two classes of a feature of three numbers.
    #[track_caller]
    fn check(nodes: &[Vec<u8>], dims: &[u8], numbers: &[f32], expect: Option<&[f32]>) {
        let mut graph = Vec::new();
        nodes.iter().for_each(|node| put(&mut graph, 1, node));
        put(&mut graph, 5, &weight("w", dims, numbers));
        put(&mut graph, 5, &weight("b", &[2], &[7.0, 8.0]));
        let found = last_layer(&message(&[(7, &graph)]), "logits");
        match expect {
            Some(weights) => {
                let found = found.expect("it is one layer");
                assert_eq!((found.input.as_str(), found.dim), ("feature", 3));
                assert_eq!(
                    (&found.weights[..], &found.bias[..]),
                    (weights, &[7.0, 8.0][..])
                );
            }
            None => assert!(found.is_err(), "{found:?}"),
        }
    }

    #[test]
    fn a_last_layer_is_read_in_either_form() {
        let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let columns = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
        let gemm =
            |attributes: &[Vec<u8>]| [node("Gemm", &["feature", "w", "b"], "logits", attributes)];
        check(
            &gemm(&[switch("transB"), factor("alpha", 1.0)]),
            &[2, 3],
            &rows,
            Some(&rows),
        );
        check(&gemm(&[]), &[3, 2], &columns, Some(&rows));
        check(&gemm(&[factor("alpha", 2.0)]), &[3, 2], &columns, None);
        check(&gemm(&[switch("transA")]), &[3, 2], &columns, None);
        check(&gemm(&[switch("transB")]), &[2, 3], &[f32::NAN; 6], None);
        check(&gemm(&[switch("transB")]), &[3, 2], &columns, None);
        let product = node("MatMul", &["feature", "w"], "product", &[]);
        for inputs in [["product", "b"], ["b", "product"]] {
            let sum = node("Add", &inputs, "logits", &[]);
            check(&[product.clone(), sum], &[3, 2], &columns, Some(&rows));
        }
        check(
            &[node("Relu", &["feature"], "logits", &[])],
            &[3, 2],
            &columns,
            None,
        );
    }

    #[test]
    fn what_a_softmax_reads_is_the_last_layer() {
        let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let gemm = node(
            "Gemm",
            &["feature", "w", "b"],
            "scores",
            &[switch("transB")],
        );
        let of = |operator: &str, from: &str, to: &str| node(operator, &[from], to, &[]);
        let ends = [
            vec![of("Softmax", "scores", "logits")],
            vec![
                of("Softmax", "scores", "shares"),
                of("Identity", "shares", "logits"),
            ],
        ];
        for end in ends {
            let nodes = [vec![gemm.clone()], end].concat();
            check(&nodes, &[2, 3], &rows, Some(&rows));
        }
        let circle = of("Softmax", "logits", "logits");
        check(&[gemm.clone(), circle], &[2, 3], &rows, None);
        let other = of("Sigmoid", "scores", "logits");
        check(&[gemm, other], &[2, 3], &rows, None);
    }
}
