//! Which image format some bytes are, told from the bytes alone; a file's name only decides whether to look.

/// A format Fovea knows by name. Knowing it does not mean this build can decode it; see [`crate::decode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    Jpeg,
    Png,
    WebP,
    Gif,
    Bmp,
    Tiff,
    Svg,
    Avif,
    Heic,
    /// A camera's raw file; its embedded JPEG preview is what gets decoded.
    Raw,
}

/// Extensions the scanner offers for decoding. Those that need a cargo feature are here too, so that a skip can say why.
const CANDIDATE_EXTENSIONS: [&str; 24] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff", "svg", "svgz",
    "avif", "heic", "heif", "arw", "cr2", "cr3", "nef", "dng", "raf", "orf", "rw2", "pef",
];

/// Whether a file with this extension (without the dot, any case) is worth reading as an image.
pub fn is_candidate_extension(ext: &str) -> bool {
    CANDIDATE_EXTENSIONS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(ext))
}

impl Format {
    /// The lower-case name kept in metadata and filters, such as `jpeg`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "jpeg",
            Format::Png => "png",
            Format::WebP => "webp",
            Format::Gif => "gif",
            Format::Bmp => "bmp",
            Format::Tiff => "tiff",
            Format::Svg => "svg",
            Format::Avif => "avif",
            Format::Heic => "heic",
            Format::Raw => "raw",
        }
    }

    /// The format these bytes begin as, or `None` when they are no image Fovea knows.
    pub fn sniff(_bytes: &[u8]) -> Option<Format> {
        unimplemented!()
    }
}
