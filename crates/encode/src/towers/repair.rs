//! A text as `open_clip` has it repaired before its tokenizer, so that it is cut into the pieces that a model was trained with.
//!
//! Entities of HTML become what they stand for, curled quotes straight ones, wide and narrow forms and ligatures plain letters,
//! and controls go. What `ftfy` does beyond that is guessing that a text was decoded wrongly ("cafÃ©"), and is not done here.

use tokenizers::NormalizedString;

/// Entities are undone twice, because pages escape what was escaped already.
const ROUNDS: usize = 2;
/// No name of an entity below is longer, nor a number.
const NAME_MAX: usize = 8;

/// Entities of HTML that are no Latin letter.
const NAMED: [(&str, char); 15] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("hellip", '\u{2026}'),
    ("ndash", '\u{2013}'),
    ("mdash", '\u{2014}'),
    ("lsquo", '\u{2018}'),
    ("rsquo", '\u{2019}'),
    ("ldquo", '\u{201c}'),
    ("rdquo", '\u{201d}'),
    ("bull", '\u{2022}'),
    ("euro", '\u{20ac}'),
    ("trade", '\u{2122}'),
];
/// The names of HTML for U+00A0 and what follows, in this order.
const LATIN: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro \
para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc \
Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig \
agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc \
otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

/// The text without what is written otherwise than it was meant.
pub fn repaired(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..ROUNDS {
        text = without_entities(&text);
    }
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\u{02bc}' | '\u{2018}'..='\u{201b}' => plain.push('\''),
            '\u{201c}'..='\u{201f}' => plain.push('"'),
            '\u{3000}' => plain.push(' '),
            _ if is_compatible(letter) => plain.push_str(&compatible(letter)),
            _ if is_control(letter) => {}
            letter => plain.push(letter),
        }
    }
    let mut composed = NormalizedString::from(plain);
    composed.nfc();
    composed.get().to_owned()
}

/// Forms of a letter that mean the same: ligatures, and what fills a whole or half a square.
fn is_compatible(letter: char) -> bool {
    matches!(letter, '\u{0132}' | '\u{0133}' | '\u{0149}' | '\u{01c4}'..='\u{01cc}' | '\u{01f1}'..='\u{01f3}'
        | '\u{fb00}'..='\u{fb06}' | '\u{ff01}'..='\u{ffee}')
}

fn compatible(letter: char) -> String {
    let mut form = NormalizedString::from(letter.to_string());
    form.nfkc();
    form.get().to_owned()
}

fn is_control(letter: char) -> bool {
    matches!(letter, '\0'..='\u{08}' | '\u{0b}' | '\u{0e}'..='\u{1f}' | '\u{7f}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffc}')
}

/// One round: `&eacute;`, `&#233;` and `&#xE9;` become é; what names nothing stays as it is.
fn without_entities(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let end = after
            .bytes()
            .take(NAME_MAX + 1)
            .position(|byte| byte == b';');
        match end.and_then(|end| Some((named(&after[..end])?, end))) {
            Some((letter, end)) => {
                plain.push(letter);
                rest = &after[end + 1..];
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain + rest
}

/// What the entity of this name stands for.
fn named(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(number) => u32::from_str_radix(number, 16),
            None => number.parse(),
        };
        return code.ok().and_then(char::from_u32);
    }
    let known = NAMED.iter().find(|(known, _)| *known == name);
    let latin = || {
        let at = LATIN.split(' ').position(|known| known == name)?;
        char::from_u32(0xa0 + at as u32)
    };
    known.map(|(_, letter)| *letter).or_else(latin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_found() {
        for (text, expect) in [
            ("&amp; &lt;b&gt;", "& <b>"),
            ("&amp;eacute;&#233;&#xE9;&yuml;&nbsp;", "ééé\u{ff}\u{a0}"),
            (
                "R&D; AT&T & &unknown; &#x110000; &;",
                "R&D; AT&T & &unknown; &#x110000; &;",
            ),
            ("&é; &#; &averylongname;", "&é; &#; &averylongname;"),
            ("“the dog’s bone”", "\"the dog's bone\""),
            ("ＡＢＣ　ｶﾞ ﬁne Ĳ", "ABC ガ fine IJ"),
            ("zero\0byte\u{feff}", "zerobyte"),
            ("cafe\u{301}", "caf\u{e9}"),
        ] {
            assert_eq!(repaired(text), expect, "{text}");
        }
        assert_eq!(LATIN.split(' ').count(), 96);
    }
}
