//! The server without a socket, over an engine with an encoder that knows colours.

mod access;
pub mod fixture;
mod items;
mod names;
mod openapi;
mod searching;
mod sockets;
mod together;
