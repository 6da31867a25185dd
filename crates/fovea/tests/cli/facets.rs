//! `fovea facets`: what is counted, and what is refused. Vectors of one's own have values as well, and need no model.

use fovea_vectordb::exchange::Matrix;
use serde_json::json;

use crate::vectors::Bench;

/// A collection of ten rows, imported.
fn bench() -> Bench {
    let bench = Bench::new();
    let numbers = (0..70).map(|i| (i as f32).sin()).collect();
    let file = bench.npy("rows.npy", &Matrix::new(7, numbers).unwrap());
    bench.import(&[&file]);
    bench
}

#[test]
fn rows_are_counted_and_filtered() {
    let bench = bench();
    let ran = bench.run(&["facets", "--by", "name", "--limit", "3", "--json"]);
    let found = &ran.expect(0).json()[0];
    assert_eq!(found["items"], 10);
    assert_eq!(found["facets"][0]["n_values"], 10);
    assert_eq!(found["facets"][0]["values"].as_array().unwrap().len(), 3);
    let some = [
        "facets",
        "name:*#3",
        "-name:*#4",
        "--by",
        "w,camera",
        "--json",
    ];
    let ran = bench.run(&some);
    let expect = json!({"items": 1, "facets": [
        {"by": "w", "n_values": 1, "without": 0, "values": [{"value": 0, "count": 1}]},
        {"by": "camera", "n_values": 0, "without": 1, "values": []},
    ]});
    assert_eq!(ran.expect(0).json(), [expect]);
    let none = bench.run(&["facets", "name:nothing"]).expect(1);
    assert!(none.stdout.is_empty(), "{}", none.stdout);
    assert!(none.stderr.contains("among 10 items"), "{}", none.stderr);
}

#[test]
fn what_cannot_be_counted_is_said() {
    let bench = bench();
    let long = "(".repeat(100_000);
    for (arguments, expect) in [
        (&["--by", "yaer"][..], "did you mean `year`?"),
        (&["--by", ""], "there is no such key here"),
        (&["--by", "near"], "`near` has no values to count by"),
        (&["--by", "\u{1b}[31m"], "there is no such key here"),
        (&["--limit", "0"], "ask for at least one value"),
        (&["red", "car"], "write filters alone"),
        (&["not:car", "ext:jpg"], "write filters alone"),
        (&["rating:many"], "`many` is no number"),
        (&["ext:jpg", "|"], "stands between two filters"),
        (&[&long], "65536 is the most"),
    ] {
        let ran = bench.run(&[&["facets"], arguments].concat()).expect(2);
        assert!(ran.stderr.contains(expect), "{expect}: {}", ran.stderr);
        assert!(ran.stderr.len() < 1000, "{expect}: in fewer words");
    }
}
