//! Shows previews in the terminal: kitty, iTerm2 or sixel graphics, else half blocks.

use std::io::{self, IsTerminal};

use fovea_engine::Engine;
use fovea_vectordb::Item;

/// Half blocks need 24-bit colour to be recognisable; a terminal that says nothing gets none.
pub fn terminal_shows_pictures() -> bool {
    if !io::stdout().is_terminal() || is_dumb() {
        return false;
    }
    let says = |name: &str, values: &[&str]| {
        std::env::var(name).is_ok_and(|found| values.iter().any(|value| found.contains(value)))
    };
    says("COLORTERM", &["truecolor", "24bit"])
        || says("TERM", &["kitty", "ghostty", "sixel", "mlterm", "foot"])
        || says("TERM_PROGRAM", &["iTerm", "WezTerm", "mintty"])
}

fn is_dumb() -> bool {
    std::env::var("TERM").is_ok_and(|term| term == "dumb")
}

/// A picture that cannot be shown leaves its line of text standing, which is enough.
pub fn show(engine: &Engine, item: &Item, height: u32) {
    let Ok(jpeg) = engine.previews().read(&item.content.hash) else {
        return;
    };
    let Ok(decoded) = fovea_decode::decode(&jpeg, &fovea_decode::Options::default()) else {
        return;
    };
    let (width, rows) = (decoded.pixels.width(), decoded.pixels.height());
    let Some(picture) = image::RgbImage::from_raw(width, rows, decoded.pixels.into_data()) else {
        return;
    };
    let config = viuer::Config {
        absolute_offset: false,
        x: 5,
        height: Some(height),
        transparent: true,
        ..Default::default()
    };
    // The terminal went away or refused: the next line of text will tell.
    let _ = viuer::print(&image::DynamicImage::ImageRgb8(picture), &config);
}
