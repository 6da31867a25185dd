//! The page, as files inside the program: a flat table, with what HTTP wants to know of each.

use std::io::Write;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Name, media type and bytes of each file.
const FILES: &[(&str, &str, &[u8])] = &[
    (
        "index.html",
        "text/html; charset=utf-8",
        include_bytes!("index.html"),
    ),
    (
        "api.html",
        "text/html; charset=utf-8",
        include_bytes!("api.html"),
    ),
    (
        "api.js",
        "text/javascript; charset=utf-8",
        include_bytes!("api.js"),
    ),
    (
        "api.css",
        "text/css; charset=utf-8",
        include_bytes!("api.css"),
    ),
    (
        "page.css",
        "text/css; charset=utf-8",
        include_bytes!("page.css"),
    ),
    (
        "page.js",
        "text/javascript; charset=utf-8",
        include_bytes!("page.js"),
    ),
];

/// A file of the page.
pub struct Asset {
    pub name: &'static str,
    pub kind: &'static str,
    pub bytes: &'static [u8],
    pub gzip: Vec<u8>,
    /// Strong: it changes with every byte.
    pub etag: String,
}

/// The file of a name. All of them are compressed once, when the first is asked for.
pub fn asset(name: &str) -> Option<&'static Asset> {
    static ASSETS: OnceLock<Vec<Asset>> = OnceLock::new();
    let assets = ASSETS.get_or_init(|| FILES.iter().map(Asset::of).collect());
    assets.iter().find(|asset| asset.name == name)
}

impl Asset {
    fn of(&(name, kind, bytes): &(&'static str, &'static str, &'static [u8])) -> Asset {
        Asset {
            name,
            kind,
            bytes,
            gzip: compressed(bytes).unwrap_or_default(),
            etag: format!("\"{}\"", &blake3::hash(bytes).to_hex()[..32]),
        }
    }
}

fn compressed(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
