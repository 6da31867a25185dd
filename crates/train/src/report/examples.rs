//! What numbers do not show: for a few queries, the nearest images before and after.

use super::escape::{escaped, image_source, isolated};

/// One query.
#[derive(Debug, Clone, Default)]
pub struct Example {
    /// Its words.
    pub query: String,
    /// The language it is in; may be empty.
    pub language: String,
    /// Nearest images before training, best first; five are shown.
    pub before: Vec<Thumbnail>,
    /// Nearest images after training, best first; five are shown.
    pub after: Vec<Thumbnail>,
}

/// One image of a result.
#[derive(Debug, Clone, Default)]
pub struct Thumbnail {
    /// The image as a `data:image/` address. Any other is not shown, since the page asks for nothing from anywhere.
    pub image: String,
    /// Its name or caption.
    pub name: String,
    /// Whether it is what the query asked for.
    pub is_right: bool,
}

const SHOWN: usize = 5;

/// All of them.
pub(super) fn cards(examples: &[Example]) -> String {
    let cards: String = examples.iter().map(card).collect();
    format!("<div class=\"cards\">\n{cards}</div>\n")
}

fn card(example: &Example) -> String {
    let language = match example.language.as_str() {
        "" => String::new(),
        name => format!("<span class=\"chip\">{}</span>", isolated(name)),
    };
    format!(
        "<article class=\"card\"><h3>{} {language}</h3>{}{}</article>\n",
        isolated(&example.query),
        strip("before", &example.before),
        strip("after", &example.after)
    )
}

fn strip(name: &str, images: &[Thumbnail]) -> String {
    let shown = &images[..images.len().min(SHOWN)];
    let said = match shown.iter().position(|image| image.is_right) {
        Some(place) => format!("<span class=\"good\">✓ first right: {}</span>", place + 1),
        None => "<span class=\"bad\">✗ none right</span>".to_owned(),
    };
    let images: String = shown.iter().map(thumbnail).collect();
    format!("<p class=\"strip-name\"><b>{name}</b> {said}</p><ol class=\"strip\">{images}</ol>")
}

fn thumbnail(image: &Thumbnail) -> String {
    let (class, mark) = match image.is_right {
        true => (
            "right",
            "<span class=\"tick-mark\">✓<span class=\"hidden\"> right</span></span>",
        ),
        false => ("wrong", ""),
    };
    let name = escaped(&image.name);
    let shown = match image_source(&image.image) {
        Some(source) => format!("<img src=\"{source}\" alt=\"{name}\" title=\"{name}\">"),
        None => format!("<span class=\"no-image\">{}</span>", isolated(&image.name)),
    };
    format!("<li class=\"{class}\">{shown}{mark}</li>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_are_shown_and_the_first_right_one_is_named() {
        let images: Vec<Thumbnail> = (0..7)
            .map(|place| Thumbnail {
                image: "data:image/png;base64,AA==".to_owned(),
                name: format!("{place}.png"),
                is_right: place == 2,
            })
            .collect();
        let found = strip("after", &images);
        assert_eq!(found.matches("<img ").count(), 5);
        assert!(found.contains("first right: 3"));
        assert!(strip("before", &images[..2]).contains("none right"));
    }

    #[test]
    fn images_elsewhere_are_named_and_not_asked_for() {
        let image = Thumbnail {
            image: "https://example.org/a.png".to_owned(),
            name: "<img src=x>".to_owned(),
            is_right: false,
        };
        let found = thumbnail(&image);
        assert!(!found.contains("example.org") && !found.contains("<img"));
    }
}
