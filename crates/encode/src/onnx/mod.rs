//! ONNX files of others: read field by field, so that a file is judged before a runtime sees it, and cut without losing
//! what this program does not know.

mod cut;
mod graph;
mod layer;
mod turn;
mod wire;

pub use cut::{cut, first_row};
pub use graph::{Graph, Tensor};
pub use layer::{Layer, last_layer};
pub use turn::{read_planes, turned};
