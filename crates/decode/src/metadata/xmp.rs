//! XMP (ISO 16684-1): captions with their languages, keywords, rating and dates; also the same words in an SVG.

use resvg::usvg::roxmltree::{Document, Node, ParsingOptions};

use super::Metadata;
use super::text::date;

const DC: &str = "http://purl.org/dc/elements/1.1/";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const XMP: &str = "http://ns.adobe.com/xap/1.0/";
const EXIF: &str = "http://ns.adobe.com/exif/1.0/";
const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";
const MICROSOFT_PHOTO: &str = "http://ns.microsoft.com/photo/1.0/";
const SVG: &str = "http://www.w3.org/2000/svg";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// More elements than any packet of words has.
const MAX_NODES: u32 = 100_000;

/// Reads one packet.
pub(super) fn read(packet: &[u8], metadata: &mut Metadata) {
    let Ok(text) = std::str::from_utf8(packet) else {
        return;
    };
    // Packets are padded, with blanks or with zeros.
    let text = text.trim_matches(['\0', ' ', '\n', '\r', '\t', '\u{FEFF}']);
    let settings = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MAX_NODES,
        ..Default::default()
    };
    let Ok(xml) = Document::parse_with_options(text, settings) else {
        return;
    };
    let words = words(&xml);
    words
        .iter()
        .for_each(|(lang, text)| metadata.add_caption(*lang, text));
    read_keywords(&xml, metadata);
    read_facts(&xml, metadata);
}

/// Reads an SVG: its own title and description, and Dublin Core inside its metadata.
pub(super) fn read_svg(xml: &Document<'_>, metadata: &mut Metadata) {
    let root = xml.root_element();
    for node in root
        .children()
        .filter(|node| node.has_tag_name((SVG, "title")) || node.has_tag_name((SVG, "desc")))
    {
        metadata.add_caption(node.attribute((XML, "lang")), &node_text(node));
    }
    words(xml)
        .iter()
        .for_each(|(lang, text)| metadata.add_caption(*lang, text));
    read_keywords(xml, metadata);
}

/// `dc:description` before `dc:title`, each in all its languages.
fn words<'a>(xml: &'a Document<'_>) -> Vec<(Option<&'a str>, String)> {
    let mut found = Vec::new();
    for name in ["description", "title"] {
        // The title of an agent or a licence lies deeper and is not the picture's.
        for node in elements(xml, DC, name).filter(|node| !is_in(*node, "Agent")) {
            let items: Vec<_> = items(node).collect();
            if items.is_empty() {
                found.push((None, node_text(node)));
            }
            found.extend(
                items
                    .iter()
                    .map(|item| (item.attribute((XML, "lang")), node_text(*item))),
            );
        }
    }
    found
}

fn read_keywords(xml: &Document<'_>, metadata: &mut Metadata) {
    for node in elements(xml, DC, "subject") {
        items(node).for_each(|item| metadata.add_keyword(&node_text(item)));
    }
}

fn read_facts(xml: &Document<'_>, metadata: &mut Metadata) {
    let rating = property(xml, XMP, "Rating")
        .or_else(|| property(xml, MICROSOFT_PHOTO, "Rating").map(percent_to_stars));
    let rating = rating
        .and_then(|rating| rating.trim().parse::<f32>().ok())
        .filter(|stars| (-1.0..=5.0).contains(stars));
    metadata.rating = rating.map(|stars| stars.round() as i8).or(metadata.rating);
    if metadata.taken.is_none() {
        let dates = [
            (EXIF, "DateTimeOriginal"),
            (PHOTOSHOP, "DateCreated"),
            (XMP, "CreateDate"),
        ];
        metadata.taken = dates
            .into_iter()
            .find_map(|(space, name)| date(&property(xml, space, name)?));
    }
}

/// Windows rates in hundredths, five stars being 99.
fn percent_to_stars(percent: String) -> String {
    match percent.trim().parse::<u32>() {
        Ok(0) => "0".to_owned(),
        Ok(percent @ 1..=99) => (1 + percent * 4 / 99).to_string(),
        _ => percent,
    }
}

/// A simple property, written as an attribute of its description or as an element.
fn property(xml: &Document<'_>, space: &str, name: &str) -> Option<String> {
    let attribute = xml
        .descendants()
        .find_map(|node| node.attribute((space, name)).map(str::to_owned));
    attribute.or_else(|| elements(xml, space, name).next().map(node_text))
}

fn elements<'a, 'input>(
    xml: &'a Document<'input>,
    space: &'a str,
    name: &'a str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    xml.descendants()
        .filter(move |node| node.has_tag_name((space, name)))
}

/// The items of an array property, one container below it.
fn items<'a, 'input>(node: Node<'a, 'input>) -> impl Iterator<Item = Node<'a, 'input>> {
    let containers = node.children().filter(|child| child.is_element());
    containers
        .flat_map(|container| container.children())
        .filter(|item| item.has_tag_name((RDF, "li")))
}

fn node_text(node: Node<'_, '_>) -> String {
    node.descendants()
        .filter(|inner| inner.is_text())
        .filter_map(|inner| inner.text())
        .collect()
}

fn is_in(node: Node<'_, '_>, name: &str) -> bool {
    node.ancestors()
        .any(|ancestor| ancestor.tag_name().name() == name)
}
