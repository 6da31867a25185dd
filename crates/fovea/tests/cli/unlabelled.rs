//! `fovea train visual` and `fovea train classify --pseudo-label`: what is learnt of pictures of which nobody said anything.

use std::fs;

use crate::train::{COLOURS, Place, SHAPES, drawing, of};

#[test]
fn pictures_without_a_label_teach_too() {
    let place = Place::new();
    place
        .run(&["index", "drawings", "--captions", "none"])
        .expect(0);
    let mut labels = String::new();
    for (shape, _) in SHAPES {
        for (colour, _, _) in COLOURS {
            for number in 0..2 {
                labels += &format!("drawings/{colour}-{shape}-{number}.png\t{shape}\n");
            }
        }
    }
    fs::write(place.path("few.tsv"), labels).unwrap();
    let classify = ["train", "classify", "--labels", "few.tsv", "--pseudo-label"];
    let grow = [&classify[..], &["--precision", "0.8", "--json"]].concat();
    let learnt = of(&place.run(&grow).expect(0));
    let pseudo = &learnt["pseudo_labels"];
    let sides =
        ["n_taught", "n_chosen_by", "n_held_out"].map(|name| pseudo[name].as_u64().unwrap());
    assert_eq!(sides.iter().sum::<u64>(), 48, "{pseudo}");
    assert!(pseudo["rounds"].as_array().unwrap().len() > 1, "{pseudo}");
    let added = pseudo["added"].as_u64().unwrap();
    assert!(
        added <= 48 && (added > 0) != pseudo["precision"].is_null(),
        "{pseudo}"
    );
    assert_eq!(learnt["n_held_out"], pseudo["n_held_out"]);

    let other = [&classify[..], &["--name", "other"]].concat();
    let refused = |arguments: &[&str], expect: &str| {
        let refused = place.run(&[&other[..], arguments].concat()).expect(2);
        assert!(refused.stderr.contains(expect), "{}", refused.stderr);
    };
    refused(&["--precision", "1.5"], "--precision 1.5: expected a share");
    refused(&["--where", "name:nothing"], "has a label already");
    refused(
        &["--collection", "empty"],
        "learns from pictures of the collection",
    );
    fs::write(
        place.path("few.tsv"),
        "drawings/red-circle-0.png\ta\ndrawings/red-circle-0.png\tb\n",
    )
    .unwrap();
    refused(&[], "one label each");
}

#[test]
fn what_looks_alike_is_learnt_without_a_word() {
    let place = Place::new();
    place
        .run(&["index", "drawings", "--captions", "none"])
        .expect(0);
    let visual = [
        "train",
        "visual",
        "--from-collection",
        "--dim",
        "24",
        "--views",
        "2",
        "--batch",
        "16",
        "--json",
    ];
    let learnt = of(&place.run(&visual).expect(0));
    let map = |what: &str| learnt["map"][what]["copies"].as_f64().unwrap();
    assert!(map("trained") > map("features"), "{learnt}");
    let sides = ["n_train", "n_chosen_by", "n_held_out"].map(|name| learnt[name].as_u64().unwrap());
    assert!(sides.iter().sum::<u64>() == 96 && sides[2] > 5, "{learnt}");
    fs::remove_dir_all(place.path("drawings")).unwrap();
    let moved = of(&place
        .run(&["migrate-model", "--to", "base+visual", "--json"])
        .expect(0));
    assert_eq!(moved["images"]["from_features"], 96, "{moved}");
    place.draw_again();
    // What is indexed with the pack has its visual vectors too.
    drawing("circle", [120, 60, 200], 9)
        .save(place.path("drawings/violet.png"))
        .unwrap();
    place.run(&["index", "drawings"]).expect(0);
    let found = of(&place
        .run(&["--json", "search", "./drawings/violet.png", "--top", "3"])
        .expect(0));
    let first = found["results"][0]["path"].as_str().unwrap();
    assert!(first.ends_with("violet.png"), "{found}");
    place.run(&["check"]).expect(0);
    let again = place.run(&visual).expect(2);
    assert!(again.stderr.contains("--replace"), "{}", again.stderr);
}

#[test]
fn pictures_of_which_nothing_alike_can_be_learnt_are_refused() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).unwrap();
    let refused = |arguments: &[&str], expect: &str| {
        let arguments = [&["train", "visual", "--views", "1"], arguments].concat();
        let refused = place.run(&arguments).expect(2);
        assert!(refused.stderr.contains(expect), "{}", refused.stderr);
        assert!(!place.path("models/base+visual").exists());
    };
    refused(&["--folder", "empty"], "holds no picture");
    refused(
        &["--folder", "drawings", "--images", "20"],
        "a batch of at most 16",
    );
    refused(
        &["--folder", "drawings", "--images", "8", "--dim", "4000"],
        "length of the visual space",
    );
    fs::write(place.path("empty/bad.png"), b"nothing").unwrap();
    refused(&["--folder", "empty"], "none of 1 pictures could be read");
}
