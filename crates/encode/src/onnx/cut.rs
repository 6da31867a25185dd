//! A part of a graph: what an output needs, copied as it stands. One tower of two, or a classifier without its last layer.

use std::collections::BTreeSet;

use prost::Message;

use super::wire::{Field, fields, put};
use crate::convert::onnx;

/// `TensorProto.DataType`.
const INT64: i32 = 7;

/// The model with this output alone, which may be any value in it of float32: nodes, weights and inputs that it does not need are
/// left out.
pub fn cut(model: &[u8], output: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for field in fields(model)? {
        match field.number {
            7 => put(&mut out, 7, &cut_graph(field.bytes(), output)?),
            _ => out.extend_from_slice(field.raw),
        }
    }
    Ok(out)
}

/// The model whose only output `rows` is a row for each part of a picture, with the first of these rows as the output `first`.
pub fn first_row(model: &[u8], rows: &str, first: &str) -> Result<Vec<u8>, String> {
    let place = format!("{first}.place");
    let node = onnx::NodeProto {
        input: vec![rows.to_owned(), place.clone()],
        output: vec![first.to_owned()],
        name: Some(first.to_owned()),
        op_type: Some("Gather".into()),
        attribute: vec![onnx::int("axis", 1)],
    };
    let zero = onnx::TensorProto {
        dims: Vec::new(),
        data_type: Some(INT64),
        name: Some(place),
        raw_data: Some(vec![0; 8]),
    };
    let mut out = Vec::new();
    for field in fields(model)? {
        if field.number != 7 {
            out.extend_from_slice(field.raw);
            continue;
        }
        let mut graph = Vec::new();
        let kept = fields(field.bytes())?;
        let kept = kept.iter().filter(|field| field.number != 12);
        kept.for_each(|field| graph.extend_from_slice(field.raw));
        put(&mut graph, 1, &node.encode_to_vec());
        put(&mut graph, 5, &zero.encode_to_vec());
        put_output(&mut graph, first);
        put(&mut out, 7, &graph);
    }
    Ok(out)
}

fn cut_graph(graph: &[u8], output: &str) -> Result<Vec<u8>, String> {
    let all = fields(graph)?;
    let nodes = all.iter().filter(|field| field.number == 1);
    let nodes: Vec<Node> = nodes
        .map(|field| Node::read(field.bytes()))
        .collect::<Result<_, _>>()?;
    let mut needed = BTreeSet::from([output.to_owned()]);
    let mut kept = vec![false; nodes.len()];
    // Nodes stand after what they read, so that one pass from the end finds all.
    for (node, kept) in nodes.iter().zip(&mut kept).rev() {
        *kept = node.outputs.iter().any(|name| needed.contains(name));
        if *kept {
            needed.extend(node.reads.iter().cloned());
        }
    }
    let (mut out, mut kept) = (Vec::new(), kept.into_iter());
    let mut has_output = false;
    for field in &all {
        let is_kept = match field.number {
            1 => kept.next().unwrap_or(false),
            5 => needed.contains(&named(field, 8)?),
            11 => needed.contains(&named(field, 1)?),
            12 => named(field, 1)? == output,
            _ => true,
        };
        has_output |= field.number == 12 && is_kept;
        if is_kept {
            out.extend_from_slice(field.raw);
        }
    }
    if !has_output {
        put_output(&mut out, output);
    }
    Ok(out)
}

/// Declares a value that was none of the outputs: its name and that it is float32; its shape is found by the runtime.
fn put_output(graph: &mut Vec<u8>, name: &str) {
    const FLOAT: [u8; 2] = [1 << 3, 1];
    let (mut of_type, mut value) = (Vec::new(), Vec::new());
    put(&mut of_type, 1, &FLOAT);
    put(&mut value, 1, name.as_bytes());
    put(&mut value, 2, &of_type);
    put(graph, 12, &value);
}

/// The name of a weight, an input or an output.
fn named(field: &Field<'_>, number: u32) -> Result<String, String> {
    let all = fields(field.bytes())?;
    let name = all.iter().find(|field| field.number == number);
    Ok(name.map(Field::text).unwrap_or_default())
}

struct Node {
    reads: Vec<String>,
    outputs: Vec<String>,
}

impl Node {
    fn read(message: &[u8]) -> Result<Self, String> {
        let mut node = Node {
            reads: Vec::new(),
            outputs: Vec::new(),
        };
        for field in fields(message)? {
            match field.number {
                1 => node.reads.push(field.text()),
                2 => node.outputs.push(field.text()),
                5 => node.read_subgraphs(field.bytes())?,
                _ => {}
            }
        }
        Ok(node)
    }

    /// A subgraph may read what lies around it. Its depth was bounded when the file was read as a graph.
    fn read_subgraphs(&mut self, attribute: &[u8]) -> Result<(), String> {
        for graph in fields(attribute)?
            .iter()
            .filter(|field| matches!(field.number, 6 | 11))
        {
            for field in fields(graph.bytes())? {
                match field.number {
                    1 => self.reads.extend(Node::read(field.bytes())?.reads),
                    // An output of a subgraph may be a name from outside of it.
                    12 => self.reads.push(named(&field, 1)?),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
