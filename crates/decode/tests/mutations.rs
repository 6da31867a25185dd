//! Thousands of damaged variants of every sound file: each decodes or is refused, none panics, and none takes more
//! memory than the limit, as far as it is Rust's (libheif's is not seen here). One test alone, since the memory of the
//! whole process is what is measured.

use std::path::Path;
use std::time::Instant;

use fovea_decode::{Error, Limits, Options, colors, decode, hashes, preview, probe};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const VARIANTS_PER_FILE: u64 = 150;
const LIMIT_BYTES: u64 = 16 << 20;
/// What a decode may take beyond its estimate: messages, thread-locals, the panic machinery.
const SLACK_BYTES: u64 = 1 << 20;

/// SplitMix64 (Steele et al., 2014): the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn kept_files() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let mut files = Vec::new();
    let folders: &[&str] = if cfg!(feature = "heif") {
        &["small", "metadata", "heif"]
    } else {
        &["small", "metadata"]
    };
    for folder in folders {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

fn mutated(sound: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    for _ in 0..1 + numbers.below(8) {
        let at = numbers.below(bytes.len());
        match numbers.below(6) {
            0 => bytes[at] = numbers.next() as u8,
            1 => bytes[at] ^= 1 << numbers.below(8),
            2 => bytes[at] = [0x00, 0xFF, 0x7F, 0x80][numbers.below(4)],
            // Headers are short and decide most; they are hit more often than chance would.
            3 => {
                let head = at % bytes.len().min(64);
                bytes[head] = numbers.next() as u8;
            }
            4 => bytes.insert(at, numbers.next() as u8),
            _ => {
                bytes.remove(at);
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    if numbers.below(4) == 0 {
        let len = numbers.below(bytes.len());
        bytes.truncate(len);
    }
    bytes
}

/// Decodes one variant and compares what it took with what it was allowed.
fn check(name: &str, variant: u64, bytes: &[u8], options: &Options) {
    let before = ALLOCATOR.current_usage() as u64;
    ALLOCATOR.reset_peak_usage();
    let start = Instant::now();
    let probed = probe(bytes, options);
    let outcome = decode(bytes, options);
    let taken = (ALLOCATOR.peak_usage() as u64).saturating_sub(before);
    let case = format!("{name}, variant {variant}");
    assert!(
        start.elapsed().as_secs() < 5,
        "{case} took {:?}",
        start.elapsed()
    );
    assert!(
        taken <= LIMIT_BYTES + SLACK_BYTES,
        "{case} took {taken} bytes: {outcome:?}",
        outcome = outcome.err()
    );
    match outcome {
        Ok(image) => {
            let allowed = probed
                .unwrap_or_else(|error| panic!("{case} decodes, but its probe says {error}"))
                .working_bytes;
            assert!(
                taken <= allowed + SLACK_BYTES,
                "{case} took {taken} bytes and announced {allowed}"
            );
            hashes(&image.pixels);
            colors(&image.pixels);
            preview(&image.pixels).unwrap();
        }
        Err(Error::Damaged { reason, .. }) => assert!(
            !reason.contains("please report"),
            "{case} panicked inside a library"
        ),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

#[test]
fn no_damage_panics_or_takes_more_memory_than_allowed() {
    let limits = Limits {
        max_pixels: 4_000_000,
        max_decoded_bytes: LIMIT_BYTES,
    };
    for (name, sound) in kept_files() {
        let mut numbers = Numbers(sound.len() as u64);
        for variant in 0..VARIANTS_PER_FILE {
            let min_side = [None, Some(2), Some(64)][(variant % 3) as usize];
            let options = Options {
                limits: limits.clone(),
                min_side,
            };
            let bytes = if variant < 3 {
                sound.clone()
            } else {
                mutated(&sound, &mut numbers)
            };
            check(&name, variant, &bytes, &options);
        }
    }
}
