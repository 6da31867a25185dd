//! AVIF and HEIC through the system's libheif, behind the cargo feature `heif`. Without it they are known by name only,
//! so that a skip can say what to do.

/// The EXIF and XMP blocks of a file, as they are stored.
#[derive(Debug, Default)]
pub(crate) struct StoredBlocks {
    /// Begins with the offset of its TIFF structure.
    pub exif: Option<Vec<u8>>,
    pub xmp: Option<Vec<u8>>,
}

#[cfg(not(feature = "heif"))]
pub(crate) use absent::{blocks, header, pixels};
#[cfg(feature = "heif")]
pub(crate) use system::{blocks, header, pixels};

#[cfg(not(feature = "heif"))]
mod absent {
    use super::StoredBlocks;
    use crate::limits::Header;
    use crate::{Error, Format, Options, Pixels};

    const AVIF: &str = "build with `--features heif` after installing libheif (Debian: apt-get install libheif-dev), or convert the file, for example with `avifdec FILE.avif FILE.png` (libavif)";
    const HEIC: &str = "build with `--features heif` after installing libheif (Debian: apt-get install libheif-dev), or convert the file, for example with `heif-convert FILE.heic FILE.jpg` (libheif)";

    pub(crate) fn header(
        format: Format,
        _bytes: &[u8],
        _options: &Options,
    ) -> Result<Header, Error> {
        Err(unsupported(format))
    }

    pub(crate) fn pixels(
        format: Format,
        _bytes: &[u8],
        _options: &Options,
    ) -> Result<Pixels, Error> {
        Err(unsupported(format))
    }

    pub(crate) fn blocks(_bytes: &[u8]) -> StoredBlocks {
        StoredBlocks::default()
    }

    fn unsupported(format: Format) -> Error {
        Error::Unsupported {
            what: format.label().to_owned(),
            how: if format == Format::Avif { AVIF } else { HEIC },
        }
    }
}

#[cfg(feature = "heif")]
mod system {
    use std::sync::OnceLock;

    use libheif_rs::{
        ColorSpace, HeifContext, HeifError, HeifErrorCode, HeifErrorSubCode, ImageHandle, LibHeif,
        RgbChroma,
    };

    use super::StoredBlocks;
    use crate::canvas::{Canvas, Layout};
    use crate::limits::Header;
    use crate::{Error, Format, Options, Pixels};

    /// Bytes a pixel takes while decoding with samples of 8 bits and chroma at full size, since the header does not
    /// tell a smaller one: the codec's frame, libheif's copy of it, that copy turned, and its conversion to RGB.
    /// Measured with libheif 1.15 as growth of the process: 7.1 for HEIC and 15.1 for AVIF, up to 3.9 more with alpha.
    const HEIC_BYTES_PER_PIXEL: u64 = 8;
    const AVIF_BYTES_PER_PIXEL: u64 = 16;
    const ALPHA_BYTES_PER_PIXEL: u64 = 4;
    /// The context of a codec, with the tables and the stacks of its threads.
    const FIXED_BYTES: u64 = 4 << 20;
    /// How often the compressed picture is held: by libheif, and in pieces by the codec.
    const COPIES_OF_INPUT: u64 = 2;

    /// Longest block of metadata read; more is not words.
    const MAX_BLOCK_BYTES: usize = 4 << 20;
    const XMP_TYPE: &str = "application/rdf+xml";

    const NO_DECODER: &str = "the installed libheif has no decoder for it; install one (Debian: libheif-plugin-libde265 for HEIC, libheif-plugin-dav1d for AVIF), or convert the file";
    const NOT_READ: &str = "the installed libheif does not read it; convert the file";

    /// An opened file and its primary picture. The context comes along because libheif reads the borrowed bytes later.
    struct Source<'a> {
        _context: HeifContext<'a>,
        primary: ImageHandle,
    }

    pub(crate) fn header(format: Format, bytes: &[u8], options: &Options) -> Result<Header, Error> {
        let primary = open(format, bytes)?.primary;
        let (width, height) = (primary.width(), primary.height());
        // What is cut away is decoded all the same, so the whole has to be within the limits too.
        let stored = (
            u32::try_from(primary.ispe_width()).unwrap_or(0),
            u32::try_from(primary.ispe_height()).unwrap_or(0),
        );
        let stored_pixels = u64::from(stored.0) * u64::from(stored.1);
        let pixels = stored_pixels.max(u64::from(width) * u64::from(height));
        let working_bytes = pixels
            .saturating_mul(bytes_per_pixel(format, &primary))
            .saturating_add(options.result_bytes(width, height))
            .saturating_add(bytes.len() as u64 * COPIES_OF_INPUT + FIXED_BYTES);
        let header = Header {
            width,
            height,
            working_bytes,
        };
        let whole = Header {
            width: stored.0,
            height: stored.1,
            working_bytes,
        };
        options.limits.check(format, &whole)?;
        Ok(header)
    }

    fn bytes_per_pixel(format: Format, primary: &ImageHandle) -> u64 {
        let color = match format {
            Format::Avif => AVIF_BYTES_PER_PIXEL,
            _ => HEIC_BYTES_PER_PIXEL,
        };
        let alpha = if primary.has_alpha_channel() {
            ALPHA_BYTES_PER_PIXEL
        } else {
            0
        };
        // Deeper samples take two bytes in every step; a depth that is not known reads as 255.
        let depth = primary
            .luma_bits_per_pixel()
            .max(primary.chroma_bits_per_pixel());
        (color + alpha) * u64::from(depth.div_ceil(8).clamp(1, 2))
    }

    pub(crate) fn pixels(format: Format, bytes: &[u8], options: &Options) -> Result<Pixels, Error> {
        let source = open(format, bytes)?;
        let primary = &source.primary;
        let (width, height) = (primary.width(), primary.height());
        let has_alpha = primary.has_alpha_channel();
        let chroma = if has_alpha {
            RgbChroma::Rgba
        } else {
            RgbChroma::Rgb
        };
        // Options of libheif's own are not passed: this version of the binding frees them before they are read.
        let image = library()
            .decode(primary, ColorSpace::Rgb(chroma), None)
            .map_err(|error| failure(format, error))?;
        let layout = match (has_alpha, image.is_premultiplied_alpha()) {
            (false, _) => Layout::Rgb,
            (true, false) => Layout::Rgba,
            (true, true) => Layout::RgbaPremultiplied,
        };
        let damaged = |reason: String| Error::Damaged {
            format: format.label(),
            reason,
        };
        let plane = image
            .planes()
            .interleaved
            .ok_or_else(|| damaged("its decoder returned no RGB".to_owned()))?;
        if (plane.width, plane.height) != (width, height) || plane.bits_per_pixel != 8 {
            let (found_width, found_height) = (plane.width, plane.height);
            return Err(damaged(format!(
                "it announces {width}x{height} and holds {found_width}x{found_height} of {} bits",
                plane.bits_per_pixel
            )));
        }
        let mut canvas = Canvas::new(width, height, options);
        for row in plane.data.chunks(plane.stride.max(1)) {
            canvas.row(row, layout);
        }
        canvas.finish().ok_or(Error::Truncated {
            format: format.label(),
        })
    }

    /// Blocks that cannot be read are left out, as in every format.
    pub(crate) fn blocks(bytes: &[u8]) -> StoredBlocks {
        let Ok(source) = open(Format::Heic, bytes) else {
            return StoredBlocks::default();
        };
        let primary = &source.primary;
        StoredBlocks {
            exif: block(primary, b"Exif", |_| true),
            xmp: block(primary, b"mime", |content| content == Some(XMP_TYPE)),
        }
    }

    /// The first block of a kind.
    fn block(
        primary: &ImageHandle,
        kind: &[u8; 4],
        is_wanted: impl Fn(Option<&str>) -> bool,
    ) -> Option<Vec<u8>> {
        let count = usize::try_from(primary.number_of_metadata_blocks(kind)).ok()?;
        let mut ids = vec![0; count];
        let found = primary.metadata_block_ids(&mut ids, kind);
        let id = *ids
            .iter()
            .take(found)
            .find(|&&id| is_wanted(primary.metadata_content_type(id)))?;
        let is_short = primary.metadata_size(id) <= MAX_BLOCK_BYTES;
        is_short.then(|| primary.metadata(id).ok())?
    }

    fn open(format: Format, bytes: &[u8]) -> Result<Source<'_>, Error> {
        library();
        let mut context =
            HeifContext::read_from_bytes(bytes).map_err(|error| failure(format, error))?;
        // How many pictures are decoded at once is the caller's decision.
        context.set_max_decoding_threads(0);
        let primary = context
            .primary_image_handle()
            .map_err(|error| failure(format, error))?;
        Ok(Source {
            _context: context,
            primary,
        })
    }

    /// Initialised once and kept, so that no thread unloads the codecs another is using.
    fn library() -> &'static LibHeif {
        static LIBRARY: OnceLock<LibHeif> = OnceLock::new();
        LIBRARY.get_or_init(LibHeif::new)
    }

    fn failure(format: Format, error: HeifError) -> Error {
        let label = format.label();
        let unsupported = |how| Error::Unsupported {
            what: format!("this kind of {label} ({})", error.message),
            how,
        };
        match (error.code, error.sub_code) {
            (_, HeifErrorSubCode::EndOfData) => Error::Truncated { format: label },
            (_, HeifErrorSubCode::UnsupportedCodec) => unsupported(NO_DECODER),
            (HeifErrorCode::UnsupportedFileType | HeifErrorCode::UnsupportedFeature, _) => {
                unsupported(NOT_READ)
            }
            _ => Error::Damaged {
                format: label,
                reason: error.message,
            },
        }
    }
}
