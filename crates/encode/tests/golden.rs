//! The real base pack against references written in Python; see `scripts/reference`.
//!
//! These tests fail, and do not skip, where the pack is missing: run `fovea models pull base` first.

use std::path::PathBuf;

use fovea_encode::{Encoder, Pack, Pixels, models};

fn pack() -> Pack {
    let dir: PathBuf = models::default_dir().join(models::BASE);
    Pack::open(&dir).unwrap_or_else(|error| {
        panic!("{error}\nthis test needs the real pack: run `fovea models pull base`")
    })
}

/// Reads the little-endian numbers of a golden file.
struct Golden(Vec<u8>, usize);

impl Golden {
    fn open(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(name);
        Self(
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
            0,
        )
    }

    fn take(&mut self, count: usize) -> &[u8] {
        self.1 += count;
        &self.0[self.1 - count..self.1]
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().expect("four bytes"))
    }

    fn f32(&mut self) -> f32 {
        f32::from_bits(self.u32())
    }

    /// IEEE 754 half precision; golden vectors hold neither infinities nor NaN.
    fn f16(&mut self) -> f32 {
        let bits = u16::from_le_bytes(self.take(2).try_into().expect("two bytes"));
        let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023) / 1024.0);
        let magnitude = if exponent == 0 {
            fraction * 2f32.powi(-14)
        } else {
            (1.0 + fraction) * 2f32.powi(exponent - 15)
        };
        if bits >> 15 == 1 {
            -magnitude
        } else {
            magnitude
        }
    }
}

#[test]
fn text_agrees_with_its_reference() {
    let pack = pack();
    let mut golden = Golden::open("text.bin");
    let count = golden.u32();
    assert!(count >= 16 * 13, "the golden file covers every language");
    let mut least = (f32::INFINITY, String::new());
    for _ in 0..count {
        let length = golden.u32() as usize;
        let text = String::from_utf8(golden.take(length).to_vec()).expect("golden texts are UTF-8");
        let id_count = golden.u32();
        let ids: Vec<u32> = (0..id_count).map(|_| golden.u32()).collect();
        let expect: Vec<f32> = (0..512).map(|_| golden.f16()).collect();
        assert_eq!(
            pack.token_ids(&text).expect("the pack is whole"),
            ids,
            "{text:?}"
        );
        let found = pack.text_vector(&text).expect("the pack is whole");
        let norm = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!(
            (norm(&found) - 1.0).abs() < 1e-4,
            "{text:?} has length {}",
            norm(&found)
        );
        let dot: f32 = found.iter().zip(&expect).map(|(a, b)| a * b).sum();
        let cosine = dot / norm(&found) / norm(&expect);
        if cosine < least.0 {
            least = (cosine, text);
        }
    }
    println!(
        "{count} sentences, least cosine {:.6} for {:?}",
        least.0, least.1
    );
    assert!(
        least.0 >= 0.999,
        "least cosine {} for {:?}",
        least.0,
        least.1
    );
}

#[test]
fn texts_are_the_same_to_the_bit_together_and_alone() {
    let pack = pack();
    let texts = [
        "dog",
        "",
        "a small red bird sitting on a tree, seen from below in the evening",
        "夏天的海滩",
        "dog",
        "x",
    ];
    let alone: Vec<Vec<f32>> = texts
        .iter()
        .map(|text| pack.text_vector(text).expect("the pack is whole"))
        .collect();
    let together = pack.text_vectors(&texts).expect("the pack is whole");
    assert_eq!(together, alone);
    let turned: Vec<&str> = texts.iter().rev().copied().collect();
    let turned = pack.text_vectors(&turned).expect("the pack is whole");
    assert!(turned.iter().rev().eq(&alone));
    assert!(
        pack.text_vectors(&[])
            .expect("the pack is whole")
            .is_empty()
    );
}

/// The same integers as `image` in `scripts/reference/image_golden.py`.
fn generated(index: i64) -> Pixels {
    let mut data = Vec::with_capacity(224 * 224 * 3);
    for y in 0..224i64 {
        for x in 0..224i64 {
            for c in 0..3i64 {
                let value = if index % 2 == 0 {
                    x * (1 + index) + y * (2 + index) + c * 85 + ((x * y) >> (index + 2))
                } else {
                    let far = (x - 112).pow(2) + (y - 90 - 10 * index).pow(2);
                    far / (20 + 30 * index) + c * 40 * index
                };
                data.push((value % 256) as u8);
            }
        }
    }
    Pixels::new(224, 224, data).expect("the data has the size that was asked for")
}

#[test]
fn logits_agree_with_an_independent_forward_pass() {
    let pack = pack();
    let mut golden = Golden::open("image_logits.bin");
    let mut most = 0f32;
    for index in 0..golden.u32() {
        let feature = pack
            .features(&[&generated(index.into())])
            .expect("the pack is whole")
            .remove(0);
        assert_eq!(feature.len(), pack.spec().feature_dim);
        for found in pack.logits(&feature) {
            most = most.max((found - golden.f32()).abs());
        }
    }
    println!("largest difference of a logit {most:.2e}");
    assert!(most <= 1e-3, "largest difference of a logit {most}");
}

#[test]
fn pictures_and_words_meet() {
    let pack = pack();
    let feature = pack
        .features(&[&generated(0)])
        .expect("the pack is whole")
        .remove(0);
    let (image, visual) = (pack.image_vector(&feature), pack.visual_vector(&feature));
    for (vector, dim) in [
        (&image, pack.spec().shared_dim),
        (&visual, pack.spec().visual_dim),
    ] {
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!(vector.len() == dim && (norm - 1.0).abs() < 1e-4);
    }
    assert!(pack.image_vector(&[0.0; 3]).iter().all(|x| *x == 0.0));
    let words = |text: &str| pack.text_vector(text).expect("the pack is whole");
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    assert!(dot(&words("dog"), &words("狗")) > dot(&words("dog"), &words("汽车")) + 0.2);
    // A very long text is cut, and its memory bounded.
    assert_eq!(
        pack.token_ids(&"dog ".repeat(100_000))
            .expect("the pack is whole")
            .len(),
        512
    );
}

#[test]
fn threads_share_one_pack() {
    let pack = pack();
    let pixels = generated(1);
    let alone = pack.features(&[&pixels]).expect("the pack is whole");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope
                .spawn(|| assert_eq!(pack.features(&[&pixels]).expect("the pack is whole"), alone));
        }
    });
}

/// A copy of the installed pack in which one file is changed.
fn damaged(file: &str, change: impl FnOnce(&mut Vec<u8>)) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let to = dir.path().join("base");
    std::fs::create_dir(&to).expect("the temporary folder is writable");
    let from = models::default_dir().join("base");
    for entry in std::fs::read_dir(&from)
        .expect("this test needs the real pack: run `fovea models pull base`")
    {
        let name = entry.expect("a readable folder").file_name();
        if name != file {
            // Links spare 130 MB a test; the changed file alone is a copy.
            std::fs::hard_link(from.join(&name), to.join(&name))
                .or_else(|_| std::fs::copy(from.join(&name), to.join(&name)).map(|_| ()))
                .expect("the temporary folder is writable");
        }
    }
    let mut content = std::fs::read(from.join(file)).expect("the pack is whole");
    change(&mut content);
    std::fs::write(to.join(file), content).expect("the temporary folder is writable");
    (dir, to)
}

#[test]
fn a_flipped_byte_anywhere_is_refused() {
    let pixels = generated(0);
    let check = |file: &str, uses: &dyn Fn(&Pack) -> Result<(), fovea_encode::Error>| {
        let (_dir, path) = damaged(file, |content| {
            let middle = content.len() / 2;
            content[middle] ^= 1;
        });
        let error = Pack::open(&path)
            .and_then(|pack| uses(&pack))
            .expect_err(file)
            .to_string();
        assert!(error.contains(file) && error.contains("damaged"), "{error}");
        assert_eq!(
            Pack::open(&path)
                .and_then(|pack| pack.verify())
                .map_err(|error| error.fault())
                .expect_err(file),
            fovea_encode::Fault::Corruption
        );
    };
    let text = |pack: &Pack| pack.text_vector("dog").map(|_| ());
    let image = |pack: &Pack| pack.features(&[&pixels]).map(|_| ());
    check("text-table.tensors", &text);
    check("text-dense.tensors", &text);
    check("text-vocabulary.tensors", &text);
    check("alignment.tensors", &text);
    check("image.onnx", &image);
}

#[test]
fn a_cut_file_is_refused_at_once() {
    for file in ["text-table.tensors", "image.onnx", "manifest.json"] {
        let (_dir, path) = damaged(file, |content| content.truncate(content.len() / 2));
        let error = Pack::open(&path)
            .err()
            .unwrap_or_else(|| panic!("{file} was accepted"))
            .to_string();
        assert!(error.contains(file), "{error}");
    }
}
