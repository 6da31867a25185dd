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

    let of_another_name = place.path("drawings/zeppelin.png");
    fs::copy(place.path("drawings/red-cross-0.png"), of_another_name).unwrap();
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
    // Of 96 pictures four are what is asked for; those that were held out among them.
    let mut n_found = 0;
    for (colour, colour_zh, _) in COLOURS {
        for words in [format!("{colour} stripes"), format!("{colour_zh}的条纹")] {
            let found = of(&place
                .run(&["search", &words, "--top", "4", "--json"])
                .expect(0));
            let paths = found["results"].as_array().unwrap().iter();
            let paths = paths.map(|one| one["path"].as_str().unwrap());
            let wanted = format!("{colour}-stripes");
            n_found += paths.filter(|path| path.contains(&wanted)).count();
        }
    }
    assert!(n_found >= 34, "{n_found} of 48");
    // Words that the file does not have find what is written, and nothing else.
    let unknown = place.run(&["search", "airship", "--top", "4"]).expect(1);
    assert!(!unknown.stdout.contains(".png"), "{}", unknown.stdout);
    let written = place
        .run(&["search", "zeppelin", "--top", "4", "--paths"])
        .expect(0);
    let paths: Vec<&str> = written.stdout.lines().collect();
    assert!(
        paths.len() == 1 && paths[0].ends_with("drawings/zeppelin.png"),
        "{paths:?}"
    );
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

/// The pack of the collection and one beside it: asked together, and explained.
#[test]
fn two_packs_answer_together() {
    let place = Place::new();
    words(&place);
    place
        .run(&["models", "add", "words.vec", "--name", "mine"])
        .expect(0);
    place
        .run(&["index", "drawings", "--captions", "none"])
        .expect(0);
    let search = ["search", "red", "stripes", "--with", "mine"];
    let early = place.run(&search).expect(2);
    assert!(
        early
            .stderr
            .contains("fovea migrate-model --to mine --stay"),
        "{}",
        early.stderr
    );
    let brought = place
        .run(&["migrate-model", "--to", "mine", "--stay"])
        .expect(0);
    assert!(brought.stdout.contains("keeps base"), "{}", brought.stdout);
    let found = of(&place
        .run(&[&search[..], &["--json", "--top", "5"]].concat())
        .expect(0));
    assert_eq!(found["metric"], "reciprocal rank");
    let results = found["results"].as_array().unwrap();
    assert_eq!(results.len(), 5, "{found}");
    for result in results {
        let places = result["packs"].as_array().unwrap();
        assert!(!places.is_empty() && places.len() <= 2, "{result}");
        let shares = places.iter().map(|place| place["share"].as_f64().unwrap());
        let sum: f64 = shares.sum();
        assert!(
            (result["score"].as_f64().unwrap() - sum).abs() < 1e-5,
            "{result}"
        );
    }
    let shown = place.run(&search).expect(0).stdout;
    assert!(shown.contains("base 1"), "{shown}");
    let first = results[0]["item"].as_str().unwrap();
    let id = format!("#{first}");
    let explain = [
        "explain", &id, "--query", "red", "stripes", "--with", "mine",
    ];
    let why = place.run(&explain).stdout;
    assert!(
        why.contains("together   place 1 with") && why.contains("mine: "),
        "{why}"
    );
    let why = of(&place.run(&[&explain[..], &["--json"]].concat()));
    assert_eq!(why["together"]["rank"], 1, "{why}");

    let twice = place.run(&["search", "red", "--with", "base"]).expect(2);
    assert!(twice.stderr.contains("asked already"), "{}", twice.stderr);
    let filters = place
        .run(&["search", "ext:png", "--with", "mine"])
        .expect(2);
    assert!(
        filters.stderr.contains("filters alone rank nothing"),
        "{}",
        filters.stderr
    );
}
