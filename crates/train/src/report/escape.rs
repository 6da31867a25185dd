//! Words from outside made fit for the page.

/// Text for an element or an attribute in quotes. Control characters, which HTML does not allow, become U+FFFD.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(' '),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Escaped text in its own direction: Arabic or a stray override in a caption does not turn the numbers beside it.
pub(super) fn isolated(text: &str) -> String {
    format!("<bdi>{}</bdi>", escaped(text))
}

/// At most `n` characters, the last an ellipsis where some were cut. For places of fixed width.
pub(super) fn shortened(text: &str, n: usize) -> String {
    if text.chars().count() <= n {
        return text.to_owned();
    }
    let kept: String = text.chars().take(n.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// The image, if it lies in the address itself: any other would be a request.
pub(super) fn image_source(address: &str) -> Option<String> {
    let start = address.get(..11)?;
    start
        .eq_ignore_ascii_case("data:image/")
        .then(|| escaped(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_words() {
        for (text, expect) in [
            ("<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"),
            ("a\u{0}b\nc", "a\u{fffd}b c"),
            ("قطة", "قطة"),
        ] {
            assert_eq!(escaped(text), expect);
        }
        assert_eq!(isolated("<"), "<bdi>&lt;</bdi>");
    }

    #[test]
    fn only_images_in_the_address_itself_are_shown() {
        for address in [
            "https://example.org/a.png",
            "//a",
            "data:text/html,<script>",
            "",
            "dataïmage/",
        ] {
            assert_eq!(image_source(address), None, "{address}");
        }
        let found = image_source("data:image/png;base64,AAAA\" onerror=\"x");
        assert_eq!(
            found.unwrap(),
            "data:image/png;base64,AAAA&quot; onerror=&quot;x"
        );
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(shortened("größe", 5), "größe");
        assert_eq!(shortened("größer", 5), "größ…");
    }
}
