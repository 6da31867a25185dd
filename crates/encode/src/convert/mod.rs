//! Published weights become the files of a pack. Bytes in, bytes out: this module opens no file.

pub mod classes;
pub mod groups;
pub mod lite0;
pub mod npz;
pub mod onnx;
mod pickle;
pub mod pth;
mod safetensors;
mod storage;
pub mod torchvision;
pub mod vocabulary;
