//! AVIF and HEIC, which need a library of the system: known by name here, so that a skip can say what to do, and not decoded.

use crate::limits::Header;
use crate::{Error, Format, Options, Pixels};

pub(crate) fn header(format: Format, _bytes: &[u8], _options: &Options) -> Result<Header, Error> {
    Err(unsupported(format))
}

pub(crate) fn pixels(format: Format, _bytes: &[u8], _options: &Options) -> Result<Pixels, Error> {
    Err(unsupported(format))
}

fn unsupported(format: Format) -> Error {
    let how = match format {
        Format::Avif => {
            "convert it to PNG, for example with `avifdec FILE.avif FILE.png` (libavif)"
        }
        _ => "convert it to JPEG, for example with `heif-convert FILE.heic FILE.jpg` (libheif)",
    };
    Error::Unsupported {
        what: format.label().to_owned(),
        how,
    }
}
