//! Paths in a list of one line each.

use std::path::Path;

use crate::paths;

/// `\t`, `\n`, `\r` and `\\` for these, `\xHH` for a byte that is no UTF-8.
pub fn listed(path: &Path) -> String {
    let bytes = paths::to_bytes(path);
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\t' => text.push_str("\\t"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\\' => text.push_str("\\\\"),
                _ => text.push(letter),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_its_line_and_column() {
        let path = paths::from_bytes(b"a\tb\\c\nd \xff\xc3\xa9");
        assert_eq!(listed(&path), "a\\tb\\\\c\\nd \\xffé");
    }
}
