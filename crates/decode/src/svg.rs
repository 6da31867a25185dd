//! SVG drawings, rendered as large as is wanted. Nothing outside the file is ever read, and text, for which fonts
//! would have to be read, is not drawn.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::filter::Kind;
use resvg::usvg::{self, Group, ImageHrefResolver, ImageKind, Node, Tree, roxmltree};

use crate::format::svg_begins;
use crate::limits::Header;
use crate::resize::fit_within;
use crate::{Error, Format, Limits, Options, Pixels, canvas, probe};

const NAME: &str = "SVG";

/// Long side of a drawing rendered without a wish for less.
const MAX_SIDE: u32 = 2048;
/// A drawing reduced to a short side keeps its long side within this many times of it.
const MAX_ASPECT: u32 = 4;
/// Elements within elements; far deeper than any editor writes, and shallow enough for a worker's stack.
const MAX_DEPTH: usize = 200;
/// What a parsed drawing takes, per byte of its text.
const TREE_BYTES_PER_BYTE: u64 = 16;
/// Most bytes that all entity references of a file may come to.
const MAX_ENTITY_BYTES: u64 = 64 << 20;
/// Most pixels that all shapes, layers and filters together may touch, about ten seconds of work.
const MAX_PAINTED_PIXELS: f64 = 4e9;
/// Most pixels of all pictures embedded in a drawing.
const MAX_EMBEDDED_PIXELS: u64 = 32_000_000;

pub(crate) fn header(bytes: &[u8], options: &Options) -> Result<Header, Error> {
    let text = text(bytes, &options.limits)?;
    let drawing = Drawing::parse(&text, options)?;
    let (width, height) = drawing.natural_size();
    let canvas_bytes = u64::from(drawing.width) * u64::from(drawing.height) * 4;
    // Each open layer is a canvas of its own; filters and masks take up to three more.
    let working_bytes =
        text.len() as u64 * TREE_BYTES_PER_BYTE + canvas_bytes * (drawing.layers + 2);
    Ok(Header {
        width,
        height,
        working_bytes,
    })
}

pub(crate) fn pixels(bytes: &[u8], options: &Options) -> Result<Pixels, Error> {
    let text = text(bytes, &options.limits)?;
    let drawing = Drawing::parse(&text, options)?;
    let mut pixmap = Pixmap::new(drawing.width, drawing.height)
        .ok_or_else(|| damaged("its size is not a size"))?;
    pixmap.fill(Color::WHITE);
    let size = drawing.tree.size();
    let scale = Transform::from_scale(
        drawing.width as f32 / size.width(),
        drawing.height as f32 / size.height(),
    );
    resvg::render(&drawing.tree, scale, &mut pixmap.as_mut());
    let as_is = Options {
        min_side: None,
        ..options.clone()
    };
    // Painted on white, so the premultiplied colours are the colours.
    canvas::from_buffer(
        pixmap.data(),
        (drawing.width, drawing.height),
        canvas::Layout::Rgba,
        &as_is,
        NAME,
    )
}

/// Whether gzipped bytes hold an SVG, told from their first kilobytes.
pub(crate) fn is_gzipped_svg(bytes: &[u8]) -> bool {
    let mut head = Vec::new();
    let _ = flate2::read::GzDecoder::new(bytes)
        .take(4096)
        .read_to_end(&mut head);
    svg_begins(&head)
}

/// The XML text, unzipped where it is zipped, with what could blow it up refused.
pub(crate) fn text(bytes: &[u8], limits: &Limits) -> Result<String, Error> {
    let limit = limits.max_decoded_bytes / TREE_BYTES_PER_BYTE;
    let mut plain = Vec::new();
    let unzipped;
    let bytes = if bytes.starts_with(&[0x1F, 0x8B]) {
        let mut unzip = flate2::read::GzDecoder::new(bytes).take(limit + 1);
        unzip
            .read_to_end(&mut plain)
            .map_err(|_| Error::Truncated { format: NAME })?;
        unzipped = plain;
        &unzipped[..]
    } else {
        bytes
    };
    if bytes.len() as u64 > limit {
        let reason = format!("its text is longer than {} MiB", limit >> 20);
        return Err(Error::Damaged {
            format: NAME,
            reason,
        });
    }
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| damaged("its text is not UTF-8"))?;
    check_entities(&text)?;
    Ok(text)
}

/// Entities may name entities: what all references could come to is bounded before any is expanded.
fn check_entities(text: &str) -> Result<(), Error> {
    const MOST_NESTED_REFERENCES: u64 = 256;
    let Some(first) = text.find("<!ENTITY") else {
        return Ok(());
    };
    let end = text[first..]
        .find("]>")
        .map_or(text.len(), |len| first + len);
    let declared = (end - first) as u64;
    let references = text.bytes().filter(|&byte| byte == b'&').count() as u64;
    if declared
        .saturating_mul(references)
        .saturating_mul(MOST_NESTED_REFERENCES)
        > MAX_ENTITY_BYTES
    {
        return Err(damaged("its entities expand without bound"));
    }
    Ok(())
}

/// A parsed drawing and the size it will be rendered at.
struct Drawing {
    tree: Tree,
    width: u32,
    height: u32,
    /// Canvases held at once besides the first.
    layers: u64,
}

impl Drawing {
    fn parse(text: &str, options: &Options) -> Result<Drawing, Error> {
        let xml = parse_xml(text)?;
        check_depth(&xml)?;
        let settings = usvg::Options {
            image_href_resolver: embedded_only(),
            ..usvg::Options::default()
        };
        let tree =
            Tree::from_xmltree(&xml, &settings).map_err(|error| damaged(&error.to_string()))?;
        let (width, height) = rendered_size(tree.size(), options);
        let scale = f64::from(width) / f64::from(tree.size().width());
        let canvas_pixels = f64::from(width) * f64::from(height);
        let mut cost = Cost {
            scale,
            canvas_pixels,
            painted: 0.0,
            deepest: 0,
        };
        cost.add_group(tree.root(), 0);
        for group in tree.patterns().iter().map(|pattern| pattern.root()) {
            cost.add_group(group, 1);
        }
        if cost.painted > MAX_PAINTED_PIXELS {
            return Err(damaged(
                "it paints more than can be rendered in reasonable time",
            ));
        }
        Ok(Drawing {
            tree,
            width,
            height,
            layers: cost.deepest,
        })
    }

    fn natural_size(&self) -> (u32, u32) {
        let size = self.tree.size();
        (
            (size.width().ceil() as u32).max(1),
            (size.height().ceil() as u32).max(1),
        )
    }
}

/// The XML document, entities included (Illustrator writes them).
pub(crate) fn parse_xml(text: &str) -> Result<roxmltree::Document<'_>, Error> {
    let settings = roxmltree::ParsingOptions {
        allow_dtd: true,
        nodes_limit: 2_000_000,
        ..Default::default()
    };
    roxmltree::Document::parse_with_options(text, settings).map_err(|error| match error {
        roxmltree::Error::UnclosedRootNode | roxmltree::Error::UnexpectedEndOfStream => {
            Error::Truncated { format: NAME }
        }
        error => damaged(&error.to_string()),
    })
}

fn check_depth(xml: &roxmltree::Document<'_>) -> Result<(), Error> {
    let mut depth = 0usize;
    let mut node = xml.root();
    // A walk in document order that keeps count, without recursion.
    loop {
        if let Some(child) = node.first_child() {
            depth += 1;
            if depth > MAX_DEPTH {
                return Err(damaged("its elements are nested too deeply"));
            }
            node = child;
            continue;
        }
        while node.next_sibling().is_none() {
            let Some(parent) = node.parent() else {
                return Ok(());
            };
            depth -= 1;
            node = parent;
        }
        let Some(next) = node.next_sibling() else {
            return Ok(());
        };
        node = next;
    }
}

fn rendered_size(size: usvg::Size, options: &Options) -> (u32, u32) {
    let (width, height) = (f64::from(size.width()), f64::from(size.height()));
    let (short, long) = (width.min(height), width.max(height));
    let scale = match options.min_side {
        Some(min_side) => {
            let min_side = f64::from(min_side.clamp(1, MAX_SIDE));
            (min_side / short).min(min_side * f64::from(MAX_ASPECT) / long)
        }
        None => (f64::from(MAX_SIDE) / long).min(1.0),
    };
    let side = |length: f64| ((length * scale).round() as u32).max(1);
    fit_within(side(width), side(height), MAX_SIDE * MAX_ASPECT)
}

/// Resolves data URLs of ordinary pictures, within a budget of pixels, and never a path, a URL or another SVG.
fn embedded_only() -> ImageHrefResolver<'static> {
    let left = AtomicU64::new(MAX_EMBEDDED_PIXELS);
    ImageHrefResolver {
        resolve_data: Box::new(move |_, data: Arc<Vec<u8>>, _| {
            let header = probe(&data, &Options::default()).ok()?;
            let pixels = u64::from(header.width) * u64::from(header.height);
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(pixels)
            })
            .ok()?;
            match header.format {
                Format::Jpeg => Some(ImageKind::JPEG(data)),
                Format::Png => Some(ImageKind::PNG(data)),
                Format::Gif => Some(ImageKind::GIF(data)),
                Format::WebP => Some(ImageKind::WEBP(data)),
                _ => None,
            }
        }),
        resolve_string: Box::new(|_, _| None),
    }
}

/// What rendering will cost, counted on the parsed tree.
struct Cost {
    scale: f64,
    canvas_pixels: f64,
    painted: f64,
    deepest: u64,
}

impl Cost {
    fn add_group(&mut self, group: &Group, layers: u64) {
        let mut layers = layers;
        if group.should_isolate() {
            layers += 1;
            self.painted += self.canvas_pixels;
        }
        for filter in group.filters() {
            layers += 3;
            let weight: f64 = filter
                .primitives()
                .iter()
                .map(|primitive| self.filter_weight(primitive.kind()))
                .sum();
            self.painted += self.canvas_pixels * weight;
        }
        if let Some(clip) = group.clip_path() {
            self.add_group(clip.root(), layers + 1);
        }
        if let Some(mask) = group.mask() {
            self.add_group(mask.root(), layers + 1);
        }
        self.deepest = self.deepest.max(layers);
        for node in group.children() {
            match node {
                Node::Group(inner) => self.add_group(inner, layers),
                node => self.add_shape(node),
            }
        }
    }

    /// How many plain pixels one pixel of a filter costs, measured roughly.
    fn filter_weight(&self, kind: &Kind) -> f64 {
        match kind {
            Kind::Turbulence(noise) => 200.0 * f64::from(noise.num_octaves()),
            Kind::ConvolveMatrix(filter) => {
                8.0 + f64::from(filter.matrix().columns()) * f64::from(filter.matrix().rows())
            }
            Kind::Morphology(filter) => {
                let reach = |radius: f32| {
                    (2.0 * f64::from(radius) * self.scale + 1.0).min(self.canvas_pixels)
                };
                8.0 + reach(filter.radius_x().get()) * reach(filter.radius_y().get())
            }
            Kind::DiffuseLighting(_) | Kind::SpecularLighting(_) => 40.0,
            _ => 8.0,
        }
    }

    fn add_shape(&mut self, node: &Node) {
        let bounds = node.abs_stroke_bounding_box();
        let area = f64::from(bounds.width()) * f64::from(bounds.height()) * self.scale * self.scale;
        let area = if area.is_finite() {
            area.min(self.canvas_pixels)
        } else {
            self.canvas_pixels
        };
        // Even a shape outside the canvas takes its turn.
        self.painted += area + 200.0;
        if let Node::Path(path) = node {
            self.painted += path.data().len() as f64 * 20.0;
        }
    }
}

fn damaged(reason: &str) -> Error {
    Error::Damaged {
        format: NAME,
        reason: reason.to_owned(),
    }
}
