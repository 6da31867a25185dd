//! `fovea train classify --unfreeze N`: training goes on into the last blocks of the image network.

use std::fs;

use crate::train::{Place, of, sort};

/// Frozen features tell the drawings without a fault, so that no epoch can be better; what a pack with moved blocks does is
/// tested in `fovea-encode`, with the real network.
#[test]
fn blocks_that_tell_no_better_stay_as_they_are() {
    let place = Place::new();
    sort(&place);
    place
        .run(&["index", "drawings", "--captions", "none"])
        .expect(0);
    let classify = ["train", "classify", "--folder", "sorted", "--unfreeze", "1"];
    let learnt = of(&place
        .run(&[&classify[..], &["--name", "moved", "--json"]].concat())
        .expect(0));
    let unfrozen = &learnt["unfrozen"];
    let epochs = unfrozen["epochs"].as_array().unwrap();
    let losses = epochs[1..].iter().map(|one| one["loss"].as_f64().unwrap());
    assert!(
        epochs.len() > 2 && losses.into_iter().all(f64::is_finite),
        "{unfrozen}"
    );
    assert_eq!(unfrozen["blocks"], 1);
    assert_eq!(unfrozen["kept"], false, "{unfrozen}");
    assert_eq!(learnt["accuracy"], unfrozen["frozen_accuracy"]);
    // Its features are those of the collection.
    let moved = of(&place
        .run(&["migrate-model", "--to", "base+moved", "--json"])
        .expect(0));
    assert_eq!(moved["images"]["from_features"], 96, "{moved}");
    place.run(&["search", "tag:stripes"]).expect(0);
    let said = place
        .run(&[&classify[..], &["--name", "said"]].concat())
        .expect(0);
    assert!(
        said.stdout.contains("so the features stay frozen"),
        "{}",
        said.stdout
    );
    assert!(said.stderr.contains("epoch  1 of 20"), "{}", said.stderr);
}

#[test]
fn blocks_that_are_not_there_are_refused_before_the_work() {
    let place = Place::new();
    sort(&place);
    let refused = |n: &str, expect: &str| {
        let arguments = ["train", "classify", "--folder", "sorted", "--unfreeze", n];
        let refused = place.run(&arguments).expect(2);
        assert!(refused.stderr.contains(expect), "{}", refused.stderr);
    };
    refused("0", "--unfreeze");
    refused("6", "its last 5 blocks can be trained further, not 6");
    refused("300", "--unfreeze");
    let both = [
        "train",
        "classify",
        "--folder",
        "sorted",
        "--unfreeze",
        "1",
        "--pseudo-label",
    ];
    place.run(&both).expect(2);
    assert!(!fs::exists(place.path("models/base+labels")).unwrap());
}
