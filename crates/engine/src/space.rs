//! Names of the vector spaces, one home for each word.

/// The image, in the space shared with text.
pub const IMAGE: &str = "image";
/// Each caption, in the same shared space.
pub const CAPTION: &str = "caption";
/// The image alone, in the encoder's own space.
pub const VISUAL: &str = "visual";
