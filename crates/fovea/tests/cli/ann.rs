//! `fovea bench ann` before it fetches anything.

use crate::program::fovea;

#[test]
fn an_unknown_data_set_is_told_which_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let ran = fovea(folder.path(), &["bench", "ann", "--dataset", "mnist"]).expect(2);
    for name in ["crops-512", "wordnet-512", "glove-50", "synthetic-512"] {
        assert!(ran.stderr.contains(name), "{}", ran.stderr);
    }
}
