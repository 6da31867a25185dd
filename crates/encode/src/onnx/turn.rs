//! A network that reads a picture with its channels last, as those of TensorFlow do, made to read planes as all others: one node before
//! it turns them. The runtime joins that with what such a network does first, which is to turn them back.

use prost::Message;

use super::wire::{fields, put};
use crate::convert::onnx;

/// What the input of planes is called, after the input that it stands for.
const TURNED: &str = " turned to channels last";

/// The name of the input of planes that stands for `input`.
pub fn turned(input: &str) -> String {
    format!("{input}{TURNED}")
}

/// The model with planes of `side` x `side` for its input `input`, which has the channels last.
pub fn read_planes(model: &[u8], input: &str, side: u32) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for field in fields(model)? {
        match field.number {
            7 => put(&mut out, 7, &turn(field.bytes(), input, side)?),
            _ => out.extend_from_slice(field.raw),
        }
    }
    Ok(out)
}

fn turn(graph: &[u8], input: &str, side: u32) -> Result<Vec<u8>, String> {
    let planes = turned(input);
    let node = onnx::NodeProto {
        input: vec![planes.clone()],
        output: vec![input.to_owned()],
        name: Some(planes.clone()),
        op_type: Some("Transpose".into()),
        attribute: vec![onnx::ints("perm", &[0, 2, 3, 1])],
    };
    // Nodes stand after what they read.
    let mut out = Vec::new();
    put(&mut out, 1, &node.encode_to_vec());
    for field in fields(graph)? {
        let is_input = field.number == 11 && {
            let parts = fields(field.bytes())?;
            parts
                .iter()
                .any(|part| part.number == 1 && part.text() == input)
        };
        match is_input {
            true => {
                let sides = [3, i64::from(side), i64::from(side)];
                put(
                    &mut out,
                    11,
                    &onnx::batch_of(&planes, &sides).encode_to_vec(),
                );
            }
            false => out.extend_from_slice(field.raw),
        }
    }
    Ok(out)
}
