//! Word vectors of others: a pack of them, an alignment over it, and pictures that their words then find.

use std::fmt::Write;
use std::fs;

use crate::train::{COLOURS, Place, SHAPES, of};

/// A file in which a word has the same vector in both languages, as aligned vectors of several languages have nearly.
fn words(place: &Place) {
    let english = COLOURS.iter().map(|(en, zh, _)| (en, zh));
    let all: Vec<(&&str, &&str)> = english
        .chain(SHAPES.iter().map(|(en, zh)| (en, zh)))
        .collect();
    let mut file = format!("{} {}\n", 2 * all.len() + 2, all.len() + 1);
    let mut line = |word: &str, at: usize| {
        let numbers = (0..=all.len()).map(|place| if place == at { "1" } else { "0" });
        writeln!(file, "{word} {}", numbers.collect::<Vec<_>>().join(" ")).unwrap();
    };
    // The most frequent words come first, and say the least.
    line("a", all.len());
    line("的", all.len());
    for (at, (en, zh)) in all.iter().enumerate() {
        line(en, at);
        line(zh, at);
    }
    fs::write(place.path("words.vec"), file).unwrap();
}

#[test]
fn words_of_a_file_find_pictures_once_an_alignment_is_trained() {
    let place = Place::new();
    words(&place);
    let added = of(&place
        .run(&["models", "add", "words.vec", "--name", "mine", "--json"])
        .expect(0));
    assert_eq!(added["words"]["n_words"], 22, "{added}");
    assert_eq!(added["shared_dim"], 11, "{added}");
    let again = place.run(&["models", "add", "words.vec", "--name", "mine"]);
    assert!(again.expect(2).stderr.contains("--replace"));

    let rate = [
        "--model", "mine", "--name", "drawn", "--rate", "0.003", "--epochs", "60",
    ];
    let learnt = of(&place.train(&rate).expect(0));
    let all = &learnt["languages"]["all"]["recall@10"];
    assert!(all["after"].as_f64() > all["before"].as_f64(), "{learnt}");

    place
        .run(&[
            "index",
            "drawings",
            "--captions",
            "none",
            "--model",
            "mine+drawn",
        ])
        .expect(0);
    for (colour, colour_zh, _) in COLOURS {
        for words in [format!("{colour} stripes"), format!("{colour_zh}的条纹")] {
            let found = of(&place
                .run(&["search", &words, "--top", "4", "--json"])
                .expect(0));
            let paths = found["results"].as_array().unwrap().iter();
            let paths = paths.map(|one| one["path"].as_str().unwrap());
            let wanted = format!("{colour}-stripes");
            let n_found = paths.filter(|path| path.contains(&wanted)).count();
            assert!(n_found >= 3, "{words}: {found}");
        }
    }
    // Words that the file does not have are no reason to show anything.
    let unknown = place.run(&["search", "zeppelin", "--top", "4"]).expect(1);
    assert!(!unknown.stdout.contains(".png"), "{}", unknown.stdout);
}

#[test]
fn what_is_no_file_of_words_is_refused() {
    let place = Place::new();
    fs::write(place.path("short.txt"), "2 3\ncat 1 2 3\n").unwrap();
    let refused = place.run(&["models", "add", "short.txt"]).expect(2);
    assert!(refused.stderr.contains("cut short"), "{}", refused.stderr);
    let folder = place
        .run(&["models", "add", "drawings", "--most-words", "5"])
        .expect(2);
    assert!(
        folder.stderr.contains("--most-words is of a file"),
        "{}",
        folder.stderr
    );
}
