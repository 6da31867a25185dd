//! Arrays of the text encoder's `weights.npz`, and where each of them goes.

use npyz::{NpyFile, Order};

use crate::error::Error;
use crate::text::network::BRANCHES;

/// A byte array in row-major order, which must have this shape.
pub fn bytes(npy: &[u8], shape: &[usize]) -> Result<Vec<u8>, String> {
    array(npy, shape)
}

fn array<T: npyz::Deserialize>(npy: &[u8], shape: &[usize]) -> Result<Vec<T>, String> {
    let file = NpyFile::new(npy).map_err(|error| error.to_string())?;
    let found: Vec<usize> = file.shape().iter().map(|side| *side as usize).collect();
    if found != shape || file.order() != Order::C {
        return Err(format!(
            "an array has shape {found:?}, expected {shape:?} in C order"
        ));
    }
    file.into_vec().map_err(|error| error.to_string())
}

/// The dense weights `name` of the pack, from the arrays that hold them. Arrays of the three branches that are
/// used together are laid side by side.
pub fn dense(
    name: &str,
    rows: usize,
    columns: usize,
    member: &mut dyn FnMut(&str) -> Result<Vec<u8>, Error>,
    failed: &dyn Fn(String) -> Error,
) -> Result<Vec<f32>, Error> {
    let sources = sources(name);
    let width = columns / sources.len();
    let shape: &[usize] = if rows == 1 { &[width] } else { &[rows, width] };
    let mut parts = Vec::new();
    for source in &sources {
        let npy = member(source)?;
        parts.push(array::<f32>(&npy, shape).map_err(|what| failed(format!("{source}: {what}")))?);
    }
    debug_assert!(sources.len() == 1 || columns == BRANCHES);
    Ok((0..rows)
        .flat_map(|row| {
            parts
                .iter()
                .flat_map(move |part| &part[row * width..(row + 1) * width])
        })
        .copied()
        .collect())
}

/// Names of the arrays behind a name of the pack.
fn sources(name: &str) -> Vec<String> {
    let branches = |stem: &str| {
        ["2", "3", "5"]
            .map(|window| format!("{stem}{window}"))
            .to_vec()
    };
    let parts: Vec<&str> = name.split('_').collect();
    match parts.as_slice() {
        ["low"] => vec!["lo".into()],
        ["project"] => branches("proj"),
        ["project", "bias"] => branches("proj_b"),
        ["project", "gain"] => branches("ln_g"),
        ["project", "shift"] => branches("ln_b"),
        ["first", window] => vec![format!("w1_{window}")],
        ["second", window] => vec![format!("w2_{window}")],
        ["first", "bias", window] => vec![format!("b1_{window}")],
        ["second", "bias", window] => vec![format!("b2_{window}")],
        ["wide", "gain"] => vec!["ln_g".into()],
        ["wide", "shift"] => vec!["ln_b".into()],
        ["gather"] => vec!["cnn_W".into()],
        ["gather", "bias"] => vec!["cnn_b".into()],
        ["dense", index] => vec![format!("d{index}")],
        ["shortcut", index] => vec![format!("p{index}")],
        _ => vec![name.to_owned()],
    }
}
