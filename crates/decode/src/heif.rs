//! AVIF and HEIC, which need a library of the system: known by name here, decoded only with a cargo feature.

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
            "install libdav1d and build with `--features avif`, or convert the file to PNG"
        }
        _ => "install libheif and build with `--features heic`, or convert the file to JPEG",
    };
    Error::Unsupported {
        what: format.label().to_owned(),
        how,
    }
}
