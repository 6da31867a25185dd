//! The bars on retrieval quality, on images and captions that nothing was ever tuned on.

use std::collections::HashMap;

use crate::library::database;
use crate::program::{fovea, stamps};

/// Recall at 1 and at 10 by language.
fn evaluate(captions: &str) -> HashMap<String, (f64, f64)> {
    let captions = stamps().join(captions);
    let captions = captions.to_string_lossy();
    let arguments = [
        "eval",
        "--captions",
        &captions,
        "--candidates",
        "listed",
        "--json",
        "--lang",
        "en",
        "--lang",
        "zh",
    ];
    let ran = fovea(database(), &arguments).expect(0);
    let evaluation = &ran.json()[0];
    let languages = evaluation["languages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|language| {
            let value = |name: &str| language[name]["value"].as_f64().unwrap();
            let lang = language["lang"].as_str().unwrap().to_owned();
            (lang, (value("recall_at_1"), value("recall_at_10")))
        });
    languages.collect()
}

#[test]
fn photographic_stamps_are_found_by_their_captions() {
    let found = evaluate("captions-photographic.tsv");
    let (english, chinese) = (found["en"], found["zh"]);
    assert!(english.0 >= 0.28, "English R@1 {}", english.0);
    assert!(english.1 >= 0.58, "English R@10 {}", english.1);
    assert!(chinese.1 >= 0.47, "Chinese R@10 {}", chinese.1);
}
