//! Relative paths as the database keeps them: bytes with `/` between names.

pub use fovea_vectordb::{path_from_bytes as from_bytes, path_to_bytes as to_bytes};

/// Whether `path` is `folder` itself or lies below it; the empty folder is the root of all.
pub fn is_within(path: &[u8], folder: &[u8]) -> bool {
    match path.strip_prefix(folder) {
        Some(rest) => folder.is_empty() || rest.is_empty() || rest[0] == b'/',
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_goes_by_whole_names() {
        for (path, folder, expect) in [
            ("a/b.jpg", "", true),
            ("a/b.jpg", "a", true),
            ("a/b.jpg", "a/b.jpg", true),
            ("ab/c.jpg", "a", false),
            ("a", "a/b", false),
        ] {
            assert_eq!(
                is_within(path.as_bytes(), folder.as_bytes()),
                expect,
                "{path} in {folder}"
            );
        }
    }
}
