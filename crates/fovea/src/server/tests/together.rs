//! Two packs that answer one request.

use std::sync::Arc;

use axum::http::Method;
use fovea_encode::Encoder;
use fovea_encode::fake::FakeEncoder;
use fovea_engine::{Engine, Kept, MigrateFrom, PreviewStore, Silent};
use serde_json::json;

use super::fixture::{Fixture, GREEN, paint};

/// Brings a pack to the collection, or what it has not seen yet.
fn accompany(fixture: &Fixture, name: &str) {
    let other = Engine::new(
        fixture.database(),
        Arc::new(FakeEncoder::named(name, "1")),
        PreviewStore::new(fixture.folder.join("previews")),
    );
    let own = FakeEncoder::new();
    let from = MigrateFrom {
        fingerprint: &own.spec().fingerprint,
        engine: None,
        kept: Kept::Features,
        reads_alike: true,
    };
    other.accompany(from, &Silent).unwrap();
}

#[tokio::test]
async fn results_have_their_place_by_each_pack_and_so_has_an_explanation() {
    let fixture = Fixture::new();
    accompany(&fixture, "other");
    let alone = fixture.get("/api/v1/search?q=red").await.expect(200).json();
    assert!(alone["results"][0]["packs"].is_null() && alone["metric"].is_null());
    let answer = fixture
        .get("/api/v1/search?q=red&with=other")
        .await
        .expect(200);
    assert_eq!(answer.found()[0], "red.png");
    let json = answer.json();
    assert_eq!(json["metric"], "reciprocal rank");
    assert!(json["incomplete"].is_null(), "{json}");
    let first = &json["results"][0];
    let packs = first["packs"].as_array().unwrap();
    let names: Vec<_> = packs
        .iter()
        .map(|one| (&one["pack"], &one["rank"]))
        .collect();
    assert_eq!(
        names,
        [(&json!("fake"), &json!(1)), (&json!("other"), &json!(1))]
    );
    let sum: f64 = packs.iter().map(|one| one["share"].as_f64().unwrap()).sum();
    assert!(
        (first["score"].as_f64().unwrap() - sum).abs() < 1e-5,
        "{first}"
    );
    assert!(first["thumbnail"].is_string());

    let document = json!({"plan": {"terms": [{"term": "red"}]}, "with": "other", "top": 1});
    let posted = fixture
        .send(Method::POST, "/api/v1/search", &document)
        .await;
    assert_eq!(
        posted.expect(200).json()["results"][0]["packs"],
        first["packs"]
    );

    let path = format!(
        "/api/v1/items/{}/explain?q=red&with=other",
        fixture.id("red.png")
    );
    let together = fixture.get(&path).await.expect(200).json()["together"].clone();
    assert_eq!(together["packs"], json!(["fake", "other"]));
    assert_eq!(together["rank"], 1);
    assert_eq!(together["places"], first["packs"]);
}

#[tokio::test]
async fn a_pack_that_has_not_seen_all_is_named_until_it_has() {
    let fixture = Fixture::new();
    accompany(&fixture, "other");
    let path = "/api/v1/search?q=green&with=other";
    let incomplete = async || fixture.get(path).await.expect(200).json()["incomplete"].clone();
    assert!(incomplete().await.is_null());
    paint(&fixture.root.join("later.png"), GREEN, 9);
    fixture.index();
    for _ in 0..2 {
        assert_eq!(incomplete().await, json!(["other"]));
    }
    accompany(&fixture, "other");
    assert!(incomplete().await.is_null());
}

#[tokio::test]
async fn what_cannot_be_ranked_together_is_refused() {
    let fixture = Fixture::new();
    accompany(&fixture, "other");
    for (parameters, expect) in [
        ("q=red&with=fake", "asked already"),
        ("q=red&with=other,other", "asked already"),
        ("q=red&with=absent", "migrate-model --to absent --stay"),
        ("q=red&with=../../etc", "nothing of the pack ../../etc"),
        ("q=ext:png&with=other", "filters alone"),
        ("q=red&with=other&sort=date", "`sort`"),
        ("q=red&with=other&group=day", "`group`"),
        ("q=red&with=other&diverse=0.5", "`diverse`"),
        ("q=red&with=other&threshold=0.5", "`threshold`"),
    ] {
        let item = fixture.id("red.png");
        for path in [
            "/api/v1/search".to_owned(),
            format!("/api/v1/items/{item}/explain"),
        ] {
            let answer = fixture
                .get(&format!("{path}?{parameters}"))
                .await
                .expect(400);
            let detail = answer.json()["detail"].to_string();
            assert!(detail.contains(expect), "{parameters}: {detail}");
        }
    }
    // Nothing is named, and one pack answers.
    fixture.get("/api/v1/search?q=red&with=,").await.expect(200);
}
