//! Shows previews in the terminal: kitty, iTerm2 or sixel graphics, else half blocks.

use std::io::{self, IsTerminal};

use fovea_engine::Engine;
use fovea_vectordb::Item;

const TRUE_COLOUR: [&str; 2] = ["truecolor", "24bit"];
const GRAPHICS_TERMS: [&str; 2] = ["kitty", "ghostty"];
const SIXEL_TERMS: [&str; 5] = ["sixel", "mlterm", "foot", "yaft", "contour"];
const GRAPHICS_PROGRAMS: [&str; 3] = ["iTerm", "WezTerm", "mintty"];

/// Half blocks need 24-bit colour to be recognisable; a terminal that says nothing gets none.
pub fn terminal_shows_pictures() -> bool {
    if !io::stdout().is_terminal() || says("TERM", &["dumb"]) {
        return false;
    }
    says("COLORTERM", &TRUE_COLOUR)
        || says("TERM", &GRAPHICS_TERMS)
        || shows_sixels()
        || says("TERM_PROGRAM", &GRAPHICS_PROGRAMS)
}

/// Known by name: asking the terminal leaves the answer standing on the screen where it has no sixels.
fn shows_sixels() -> bool {
    says("TERM", &SIXEL_TERMS)
}

fn says(name: &str, values: &[&str]) -> bool {
    std::env::var(name).is_ok_and(|found| values.iter().any(|value| found.contains(value)))
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
        use_sixel: shows_sixels(),
        ..Default::default()
    };
    // The terminal went away or refused: the next line of text will tell.
    let _ = viuer::print(&image::DynamicImage::ImageRgb8(picture), &config);
}
