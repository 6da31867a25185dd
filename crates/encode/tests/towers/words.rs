//! Files of word vectors as packs: read as gensim reads them, and refused where they are damaged.
//!
//! `scripts/reference/words/make.py` made the files, and wrote down what gensim has of each.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use fovea_encode::{Encoder, Pack, Pixels, models};

use crate::{fixture, store};

/// Files of the fixture, and what they are taken for.
const FILES: [(&str, &str); 4] = [
    ("word2vec.bin", "word2vec, binary"),
    ("word2vec.txt", "word2vec or fastText, text"),
    ("fasttext.vec", "word2vec or fastText, text"),
    ("glove.txt", "GloVe"),
];
/// Numbers are written with five places in GloVe's text; the pack keeps what it reads.
const APART: f32 = 2e-6;

fn add_file(store: &Path, file: &Path, most: usize) -> Result<models::AddedWords, String> {
    let addition = models::WordsAddition {
        file,
        name: Some("tiny"),
        most,
        replace: true,
    };
    models::add_words(store, addition, &mut |_| {}).map_err(|error| error.to_string())
}

/// Adds a file with this content; what is wrong with it.
#[track_caller]
fn refused(content: &[u8], expect: &str) {
    let (store, folder) = (store(), tempfile::tempdir().unwrap());
    let file = folder.path().join("words.vec");
    fs::write(&file, content).unwrap();
    let error = add_file(store.path(), &file, models::MOST_WORDS).unwrap_err();
    assert!(
        error.contains("words.vec cannot be used") && error.contains(expect),
        "{error}"
    );
    let names = fs::read_dir(store.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names
        .filter(|name| name != "base" && name != ".lock")
        .collect();
    assert!(names.is_empty(), "left behind: {names:?}");
}

fn words_file(name: &str) -> PathBuf {
    fixture("words").join(name)
}

fn numbers(json: &serde_json::Value) -> Vec<f32> {
    let all = json.as_array().unwrap().iter();
    all.map(|number| number.as_f64().unwrap() as f32).collect()
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector
        .iter()
        .map(|x| if length > 0.0 { x / length } else { 0.0 })
        .collect()
}

#[track_caller]
fn same(found: &[f32], expect: &[f32], what: &str) {
    assert_eq!(found.len(), expect.len(), "{what}");
    for (found, expect) in found.iter().zip(expect) {
        assert!(
            (found - expect).abs() <= APART,
            "{what}: {found}, expected {expect}"
        );
    }
}

#[test]
fn every_format_is_read_as_gensim_reads_it() {
    let expected = fs::read(words_file("expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
    for (name, format) in FILES {
        let store = store();
        let added = add_file(store.path(), &words_file(name), models::MOST_WORDS).unwrap();
        let n_words = if name == "glove.txt" { 35 } else { 34 };
        assert_eq!(
            (added.words.format.as_str(), added.words.n_words),
            (format, n_words)
        );
        // "tench", and those that are called by a cat, a dog or a house beside words that nobody here knows.
        assert!(
            (1..500).contains(&added.words.n_classes),
            "{:?}",
            added.words
        );
        let pack = Pack::open(&added.info.dir).unwrap();
        pack.verify().unwrap();
        assert_eq!(pack.spec().shared_dim, 9);
        let words = expected[name]["words"].as_object().unwrap();
        assert_eq!(words.len(), 34);
        // What a text is cut at is no part of a word that can be asked for.
        for (word, vector) in words.iter().filter(|(word, _)| !word.contains(['<', '\''])) {
            let found = pack.text_vector(word).unwrap();
            same(&found, &unit(&numbers(vector)), &format!("{name}: {word}"));
            assert!(pack.is_word(word), "{name}: {word}");
        }
        for text in expected[name]["texts"].as_array().unwrap() {
            let words = text["text"].as_str().unwrap();
            let found = pack.text_vector(words).unwrap();
            same(
                &found,
                &numbers(&text["vector"]),
                &format!("{name}: {words:.40}"),
            );
        }
    }
}

/// A pack of word vectors sees as the base pack does, so that what is kept of pictures serves both.
#[test]
fn pictures_are_seen_as_by_base_and_placed_by_the_classes_that_have_words() {
    let store = store();
    let added = add_file(
        store.path(),
        &words_file("word2vec.bin"),
        models::MOST_WORDS,
    )
    .unwrap();
    let (pack, base) = (
        Pack::open(&added.info.dir).unwrap(),
        Pack::open(&store.path().join("base")).unwrap(),
    );
    assert_eq!(pack.spec().features, base.spec().features);
    assert_ne!(pack.spec().texts, base.spec().texts);
    let pixels = Pixels::new(60, 60, [200, 40, 40].repeat(3600)).unwrap();
    let feature = pack.features(&[&pixels]).unwrap().remove(0);
    assert_eq!(feature, base.features(&[&pixels]).unwrap()[0]);
    let vector = pack.image_vector(&feature);
    assert!(
        vector.iter().all(|number| number.is_finite())
            && vector.iter().any(|number| *number != 0.0)
    );
    assert_eq!(pack.tags(&feature).unwrap(), base.tags(&feature).unwrap());
}

#[test]
fn only_so_many_words_are_taken_and_what_cannot_be_one_is_left_out() {
    let (store, folder) = (store(), tempfile::tempdir().unwrap());
    let added = add_file(store.path(), &words_file("fasttext.vec"), 9).unwrap();
    assert_eq!(added.words.n_words, 9);
    let pack = Pack::open(&added.info.dir).unwrap();
    assert_eq!(pack.text_vector("blue").unwrap(), vec![0.0; 9]);
    assert_ne!(pack.text_vector("circle").unwrap(), vec![0.0; 9]);

    let file = folder.path().join("odd.vec");
    let mut content = b"5 2\ncat 1 2\r\ncat 3 4\r\n\xff\xfe 5 6\n".to_vec();
    content.extend(format!("{} 1 1\ndog\t0 -1", "x".repeat(300)).bytes());
    fs::write(&file, &content).unwrap();
    let added = add_file(store.path(), &file, models::MOST_WORDS).unwrap();
    assert_eq!((added.words.n_words, added.n_left_out), (2, 3));
    let pack = Pack::open(&added.info.dir).unwrap();
    same(
        &pack.text_vector("cat").unwrap(),
        &unit(&[1.0, 2.0]),
        "the first of two",
    );
    same(&pack.text_vector("dog").unwrap(), &[0.0, -1.0], "a tab");
    let error = add_file(store.path(), &file, 0).unwrap_err();
    assert!(error.contains("--most-words"), "{error}");
}

/// A number of a binary file may hold the byte that ends a line in text.
#[test]
fn a_new_line_in_a_number_makes_no_text_of_a_binary_file() {
    let (store, folder) = (store(), tempfile::tempdir().unwrap());
    let (one, file) = ([0x0a, 0x00, 0x80, 0x3f], folder.path().join("odd.bin"));
    let two = 2f32.to_le_bytes();
    // With the new line behind each row that word2vec itself writes.
    let rows = [&b"2 2\ncat "[..], &one, &two, b"\ndog ", &two, &one, b"\n"];
    fs::write(&file, rows.concat()).unwrap();
    let added = add_file(store.path(), &file, models::MOST_WORDS).unwrap();
    assert_eq!(
        (&added.words.format[..], added.words.n_words),
        ("word2vec, binary", 2)
    );
    let pack = Pack::open(&added.info.dir).unwrap();
    same(
        &pack.text_vector("dog").unwrap(),
        &unit(&[2.0, f32::from_le_bytes(one)]),
        "dog",
    );
}

/// A million lines of which a thousand are wanted: the rest is not read, and it may be packed.
#[test]
fn a_long_file_is_read_as_far_as_it_is_needed() {
    let (store, folder) = (store(), tempfile::tempdir().unwrap());
    let file = folder.path().join("long.vec.gz");
    let mut packed = flate2::write::GzEncoder::new(
        fs::File::create(&file).unwrap(),
        flate2::Compression::fast(),
    );
    writeln!(packed, "1000000 3").unwrap();
    for number in 0..1_000_000 {
        writeln!(packed, "w{number} 1 2 {}", number % 10).unwrap();
    }
    packed.finish().unwrap();
    let added = add_file(store.path(), &file, 1000).unwrap();
    assert_eq!((added.words.n_words, added.words.n_classes), (1000, 0));
    // Cut short behind what is needed, it still serves; before that, it does not.
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(
        add_file(store.path(), &file, 1000).unwrap().words.n_words,
        1000
    );
    assert!(add_file(store.path(), &file, 999_999).is_err());
}

#[test]
fn damaged_files_are_refused_with_the_place() {
    let binary = fs::read(words_file("word2vec.bin")).unwrap();
    refused(&binary[..binary.len() - 3], "cut short");
    refused(&binary[..binary.len() / 2], "cut short");
    let mut not_a_number = binary.clone();
    let end = not_a_number.len();
    not_a_number[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    refused(&not_a_number, "number 9 of word 34 (tench) is NaN");
    refused(b"", "first line");
    refused(b"\n\n\n", "first line");
    refused(b"cat", "first line");
    refused(b"cat dog\nhouse tree\n", "first line");
    refused(b"3 2\ncat 1 2\ndog 3 4\n", "cut short");
    refused(
        b"cat 1 2\ndog 3\n",
        "line 2 has 1 numbers behind its word, expected 2",
    );
    refused(b"cat 1 2\ndog 3 4 5\n", "line 2 has more than 2 numbers");
    refused(
        b"2 3\ncat 1 2 3 4\ndog 1 2 3 4\n",
        "line 2 has more than 3 numbers",
    );
    refused(b"cat 1 2\ndog inf 4\n", "number 1 of word 2 (dog) is inf");
    refused(b"cat 1 2\n\ndog 3 4\n", "line 2 is empty");
    refused(b"1 2\n\xff\xfe 1 2\n", "no word that can be used");
}

/// Nothing is allocated from what a file claims, and what is no such file is told what it is.
#[test]
fn what_claims_too_much_or_is_something_else_is_refused() {
    refused(
        b"1000000000000 300\ncat 1 2\n",
        "claims 1000000000000 words of 300 numbers",
    );
    refused(
        b"18446744073709551615 4096\n\0",
        "claims 18446744073709551615 words",
    );
    refused(b"2 1000000000\ncat 1\n", "which cannot be");
    refused(b"0 3\n", "which cannot be");
    refused(b"PK\x03\x04 and so on", "unpack it");
    refused(&[0xba, 0x16, 0x4f, 0x2f, 12, 0, 0, 0], "take the .vec");
    refused(&vec![b'a'; 3 << 20], "longer than 1048576 bytes");
    let picture = fs::read(fixture("pictures").join("large.png")).unwrap();
    refused(&picture, "first line");
    let mut endless = b"1000 2\n".to_vec();
    endless.extend(vec![7; 200_000]);
    refused(&endless, "word 1 has no end");
    // Packed zeros: 64 MB of nothing in 64 kB.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&vec![0; 64 << 20]).unwrap();
    refused(&packed.finish().unwrap(), "longer than 1048576 bytes");
}
