//! The stamps, indexed once for all tests of this binary that only read.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::program::{fovea, stamps};

/// A database over all 785 stamps, indexed without their captions.
///
/// Runners such as nextest give each test a process of its own, so the database is kept beside the build and
/// built by whoever comes first; the index is incremental, so the others find it up to date.
pub fn database() -> &'static Path {
    static DATABASE: OnceLock<PathBuf> = OnceLock::new();
    DATABASE.get_or_init(|| {
        // A collection stays with the pack that made it, so that one of an earlier build's pack is left alone.
        let pack = fovea_encode::models::installed(&fovea_encode::models::default_dir(), "base");
        let name = format!("stamps-{:.12}", pack.unwrap().spec.fingerprint);
        let database = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let stamps = stamps().join("stamps");
        let stamps = stamps.to_string_lossy();
        let ran = fovea(
            &database,
            &["index", &stamps, "--captions", "none", "--json"],
        )
        .expect(0);
        let report = &ran.json()[0];
        let total = report["added"].as_u64().unwrap() + report["unchanged"].as_u64().unwrap();
        assert_eq!(total, 785, "{report}");
        database
    })
}
