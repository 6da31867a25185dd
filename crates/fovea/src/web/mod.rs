//! The page, as files inside the program: a flat table, with what HTTP wants to know of each.

use std::io::Write;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! files {
    ($($name:literal $kind:ident,)*) => {
        &[$(($name, $kind, include_bytes!($name))),*]
    };
}

/// Name, media type and bytes of each file.
const FILES: &[(&str, &str, &[u8])] = files![
    "index.html" HTML,
    "api.html" HTML,
    "icon.svg" SVG,
    "api.css" CSS,
    "detail.css" CSS,
    "page.css" CSS,
    "parts.css" CSS,
    "about.js" JS,
    "api.js" JS,
    "chips.js" JS,
    "client.js" JS,
    "copies.js" JS,
    "crop.js" JS,
    "detail.js" JS,
    "dom.js" JS,
    "facets.js" JS,
    "finding.js" JS,
    "grid.js" JS,
    "jobs.js" JS,
    "keys.js" JS,
    "layout.js" JS,
    "library.js" JS,
    "notice.js" JS,
    "page.js" JS,
    "panel.js" JS,
    "pictures.js" JS,
    "query.js" JS,
    "region.js" JS,
    "saved.js" JS,
    "settings.js" JS,
    "showing.js" JS,
    "signin.js" JS,
    "state.js" JS,
    "strings.js" JS,
    "theme.js" JS,
    "tile.js" JS,
    "why.js" JS,
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
