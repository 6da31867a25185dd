//! One file for each kind of thing that is asked for.

pub mod collections;
pub mod duplicates;
pub mod events;
pub mod export;
pub mod items;
pub mod jobs;
pub mod looks;
pub mod names;
pub mod originals;
pub mod page;
pub mod search;
pub mod session;
pub mod system;
pub mod thumbnails;
mod together;
