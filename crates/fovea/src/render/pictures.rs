//! Shows previews in the terminal: kitty, iTerm2 or sixel graphics, else half blocks.
//!
//! Terminals are known by what they say of themselves in the environment. Asking them would leave their answer
//! standing on the screen of those that do not understand the question.

use std::io::{self, IsTerminal, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fovea_decode::{Filter, Pixels, preview, resize};
use fovea_engine::PreviewStore;
use fovea_vectordb::{Item, Region};

/// Pixels of a line of text, as most fonts have it; only the sharpness depends on it.
const LINE_PIXELS: u32 = 20;
/// A panorama is cut no wider than this many columns for each line of height.
const MAX_COLUMNS_A_LINE: u32 = 8;
/// The kitty protocol sends at most this much in one escape sequence.
const KITTY_CHUNK: usize = 4096;
const INDENT: &str = "     ";

/// How a terminal takes pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// <https://sw.kovidgoyal.net/kitty/graphics-protocol/>
    Kitty,
    /// <https://iterm2.com/documentation-images.html>
    Iterm,
    /// DEC's six pixels in a column, as the VT340 had them.
    Sixel,
    /// U+2580 with two 24-bit colours: two pixels a cell.
    HalfBlocks,
}

/// Half blocks need 24-bit colour to be recognisable; a terminal that says nothing gets none.
pub fn terminal_shows_pictures() -> bool {
    io::stdout().is_terminal() && protocol(&variable).is_some()
}

/// A picture that cannot be shown leaves its line of text standing, which is enough.
pub fn show(
    out: &mut dyn Write,
    previews: &PreviewStore,
    item: &Item,
    region: Option<Region>,
    height: u32,
) -> io::Result<()> {
    let Ok(mut jpeg) = previews.read(&item.content.hash) else {
        return Ok(());
    };
    let Ok(decoded) = fovea_decode::decode(&jpeg, &fovea_decode::Options::default()) else {
        return Ok(());
    };
    let mut pixels = decoded.pixels;
    if let Some(region) = region {
        pixels = boxed(pixels, region);
        match preview(&pixels) {
            Ok(preview) => jpeg = preview.jpeg,
            Err(_) => return Ok(()),
        }
    }
    match protocol(&variable).unwrap_or(Protocol::HalfBlocks) {
        Protocol::Kitty => kitty(out, &pixels, height),
        Protocol::Iterm => iterm(out, &jpeg, height),
        Protocol::Sixel => sixel(out, &pixels, height),
        Protocol::HalfBlocks => half_blocks(out, &pixels, height),
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn protocol(variable: &dyn Fn(&str) -> String) -> Option<Protocol> {
    let says =
        |name: &str, values: &[&str]| values.iter().any(|value| variable(name).contains(value));
    if says("TERM", &["dumb"]) {
        return None;
    }
    // A multiplexer stands in between and understands none of the graphics.
    let multiplexed = says("TERM", &["tmux", "screen"]);
    if !multiplexed && says("TERM", &["kitty", "ghostty"]) {
        Some(Protocol::Kitty)
    } else if !multiplexed && says("TERM_PROGRAM", &["iTerm", "WezTerm", "mintty"]) {
        Some(Protocol::Iterm)
    } else if !multiplexed && says("TERM", &["sixel", "mlterm", "foot", "yaft", "contour"]) {
        Some(Protocol::Sixel)
    } else if says("COLORTERM", &["truecolor", "24bit"]) {
        Some(Protocol::HalfBlocks)
    } else {
        None
    }
}

/// With a frame around what matched, dark outside and light inside, so that it is seen on any ground.
fn boxed(pixels: Pixels, region: Region) -> Pixels {
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    let thick = (width.max(height) / 100).max(1);
    let edges = |from: f32, length: f32, side: usize| {
        let place = |at: f32| ((at * side as f32).round() as usize).min(side);
        (place(from), place(from + length))
    };
    let ((left, right), (top, bottom)) = (
        edges(region.x, region.w, width),
        edges(region.y, region.h, height),
    );
    let mut data = pixels.into_data();
    for (at, pixel) in data.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = (at % width, at / width);
        if !(left..right).contains(&x) || !(top..bottom).contains(&y) {
            continue;
        }
        let depth = (x - left)
            .min(right - 1 - x)
            .min(y - top)
            .min(bottom - 1 - y);
        match depth / thick {
            0 => *pixel = [20; 3],
            1 => *pixel = [245; 3],
            _ => {}
        }
    }
    Pixels::new(width as u32, height as u32, data).expect("a frame changes no size")
}

/// Scaled to a height in pixels, within the width a line may take.
fn scaled(pixels: &Pixels, height: u32, max_width: u32) -> Pixels {
    let factor = f64::from(height) / f64::from(pixels.height());
    let factor = factor.min(f64::from(max_width) / f64::from(pixels.width()));
    let side = |length: u32| ((f64::from(length) * factor).round() as u32).max(1);
    resize(
        pixels,
        side(pixels.width()),
        side(pixels.height()),
        Filter::Bilinear,
    )
}

fn scaled_to_lines(pixels: &Pixels, lines: u32) -> Pixels {
    let height = lines * LINE_PIXELS;
    scaled(pixels, height, height * MAX_COLUMNS_A_LINE / 2)
}

fn kitty(out: &mut dyn Write, pixels: &Pixels, lines: u32) -> io::Result<()> {
    let pixels = scaled_to_lines(pixels, lines);
    let data = BASE64.encode(pixels.data());
    let mut chunks = data.as_bytes().chunks(KITTY_CHUNK).peekable();
    let (width, height) = (pixels.width(), pixels.height());
    // `q=2`: no answer, because nobody would read it.
    let mut keys = format!("a=T,f=24,q=2,s={width},v={height},");
    write!(out, "{INDENT}")?;
    while let Some(chunk) = chunks.next() {
        let more = u8::from(chunks.peek().is_some());
        write!(out, "\x1b_G{keys}m={more};")?;
        out.write_all(chunk)?;
        write!(out, "\x1b\\")?;
        keys.clear();
    }
    writeln!(out)
}

fn iterm(out: &mut dyn Write, jpeg: &[u8], lines: u32) -> io::Result<()> {
    let data = BASE64.encode(jpeg);
    writeln!(
        out,
        "{INDENT}\x1b]1337;File=inline=1;height={lines};preserveAspectRatio=1:{data}\x07"
    )
}

fn sixel(out: &mut dyn Write, pixels: &Pixels, lines: u32) -> io::Result<()> {
    let pixels = scaled_to_lines(pixels, lines);
    let rgba: Vec<u8> = pixels
        .data()
        .chunks_exact(3)
        .flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255])
        .collect();
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    match icy_sixel::SixelImage::from_rgba(rgba, width, height).encode() {
        Ok(sixels) => writeln!(out, "{sixels}"),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// The upper half of a cell is the character's colour, the lower half its background.
fn half_blocks(out: &mut dyn Write, pixels: &Pixels, lines: u32) -> io::Result<()> {
    let pixels = scaled(pixels, lines * 2, lines * MAX_COLUMNS_A_LINE);
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    let at = |x: usize, y: usize| {
        let start = (y * width + x) * 3;
        &pixels.data()[start..start + 3]
    };
    for y in (0..height).step_by(2) {
        write!(out, "{INDENT}")?;
        for x in 0..width {
            let (upper, lower) = (at(x, y), at(x, (y + 1).min(height - 1)));
            write!(out, "\x1b[38;2;{};{};{}m", upper[0], upper[1], upper[2])?;
            write!(out, "\x1b[48;2;{};{};{}m▀", lower[0], lower[1], lower[2])?;
        }
        writeln!(out, "\x1b[0m")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> Pixels {
        let data = (0..width * height * 3).map(|at| (at % 251) as u8).collect();
        Pixels::new(width, height, data).unwrap()
    }

    fn printed(print: impl Fn(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        print(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_is_known_by_what_it_says_of_itself() {
        let check = |set: &[(&str, &str)], expect: Option<Protocol>| {
            let variable = |name: &str| {
                let found = set.iter().find(|(set, _)| *set == name);
                found.map_or_else(String::new, |(_, value)| (*value).to_owned())
            };
            assert_eq!(protocol(&variable), expect, "{set:?}");
        };
        check(&[], None);
        check(&[("TERM", "xterm-256color")], None);
        check(&[("TERM", "dumb"), ("COLORTERM", "truecolor")], None);
        check(&[("TERM", "xterm-kitty")], Some(Protocol::Kitty));
        check(&[("TERM", "foot")], Some(Protocol::Sixel));
        check(
            &[("TERM", "xterm"), ("TERM_PROGRAM", "iTerm.app")],
            Some(Protocol::Iterm),
        );
        check(
            &[("TERM", "xterm"), ("COLORTERM", "truecolor")],
            Some(Protocol::HalfBlocks),
        );
        let inside = [
            ("TERM", "tmux-256color"),
            ("TERM_PROGRAM", "WezTerm"),
            ("COLORTERM", "24bit"),
        ];
        check(&inside, Some(Protocol::HalfBlocks));
    }

    #[test]
    fn a_frame_stands_around_the_region_and_nowhere_else() {
        let grey = || Pixels::new(100, 50, vec![128; 15_000]).unwrap();
        let region = |x, y, w, h| Region { x, y, w, h };
        let framed = boxed(grey(), region(0.2, 0.4, 0.5, 0.4));
        let at = |x: usize, y: usize| framed.data()[(y * 100 + x) * 3];
        assert_eq!(
            (at(20, 20), at(69, 39), at(21, 21), at(68, 38)),
            (20, 20, 245, 245)
        );
        assert_eq!((at(19, 20), at(70, 39), at(40, 30)), (128, 128, 128));
        for odd in [
            region(0.0, 0.0, 1.0, 1.0),
            region(0.99, 0.99, 0.01, 0.01),
            region(0.5, 0.5, 0.6, 0.6),
        ] {
            assert_eq!(boxed(grey(), odd).data().len(), 15_000);
        }
    }

    #[test]
    fn half_blocks_have_the_height_that_was_asked_for() {
        for (width, height, lines) in [
            (40, 30, 4),
            (30, 40, 8),
            (1, 1, 2),
            (2000, 3, 4),
            (3, 2000, 3),
        ] {
            let text = printed(|out| half_blocks(out, &picture(width, height), lines));
            let n_lines = text.lines().count();
            assert!(
                (1..=lines as usize).contains(&n_lines),
                "{width}x{height}: {n_lines}"
            );
            assert!(
                text.lines()
                    .all(|line| line.starts_with(INDENT) && line.ends_with("\x1b[0m"))
            );
        }
    }

    #[test]
    fn kitty_sends_every_pixel_in_chunks_and_ends() {
        let text = printed(|out| kitty(out, &picture(100, 80), 4));
        let chunks: Vec<&str> = text.trim().split("\x1b_G").skip(1).collect();
        assert!(chunks.len() > 1 && chunks[0].starts_with("a=T,f=24,q=2,s=100,v=80,m=1;"));
        assert!(chunks.last().unwrap().starts_with("m=0;"));
        let data: String = chunks
            .iter()
            .map(|chunk| chunk.split_once(';').unwrap().1.trim_end_matches("\x1b\\"))
            .collect();
        assert_eq!(BASE64.decode(data).unwrap(), picture(100, 80).data());
    }

    #[test]
    fn sixels_and_inline_files_are_framed() {
        let text = printed(|out| sixel(out, &picture(40, 30), 2));
        assert!(text.starts_with("\x1bP") && text.trim_end().ends_with("\x1b\\"));
        let text = printed(|out| iterm(out, b"jpeg", 6));
        assert_eq!(
            text,
            "     \x1b]1337;File=inline=1;height=6;preserveAspectRatio=1:anBlZw==\x07\n"
        );
    }
}
