//! Saved searches, events, facets, and index jobs.

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use fovea_engine::events;
use serde_json::json;

use super::fixture::{Fixture, RED, paint, request};
use crate::server::app::Options;

#[tokio::test]
async fn a_search_is_kept_under_a_name_and_forgotten() {
    let fixture = Fixture::new();
    let path = "/api/v1/saved/warm";
    let query = json!({ "query": "red ext:png" });
    let kept = fixture.send(Method::PUT, path, &query).await.expect(200);
    assert_eq!(
        kept.json(),
        json!({ "name": "warm", "query": "red ext:png" })
    );
    let found = fixture
        .get("/api/v1/search?q=@warm&top=1")
        .await
        .expect(200);
    assert_eq!(found.found(), ["red.png"]);
    assert_eq!(
        fixture
            .get("/api/v1/saved")
            .await
            .expect(200)
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    for bad in [
        json!({ "query": "./red.png" }),
        json!({ "query": "nokey:1" }),
        json!({}),
    ] {
        fixture.send(Method::PUT, path, &bad).await.expect(400);
    }
    let forget = || request(Method::DELETE, path).body(Body::empty()).unwrap();
    fixture.ask(forget()).await.expect(204);
    fixture.ask(forget()).await.expect(404);
    fixture.get(path).await.expect(404);
    assert_eq!(
        fixture.get("/api/v1/concepts").await.expect(200).json(),
        json!([])
    );
}

#[tokio::test]
async fn what_people_did_is_noted_with_the_collection() {
    let fixture = Fixture::new();
    let event = json!({ "kind": "liked", "item": fixture.id("red.png"), "query": "warm colours" });
    fixture
        .send(Method::POST, "/api/v1/events", &event)
        .await
        .expect(204);
    let kept = events::list(&*fixture.database()).unwrap();
    assert_eq!((kept.len(), kept[0].query.as_str()), (1, "warm colours"));
    let unknown = json!({ "kind": "liked", "item": "0000000000001" });
    fixture
        .send(Method::POST, "/api/v1/events", &unknown)
        .await
        .expect(404);
    let odd = json!({ "kind": "eaten", "item": fixture.id("red.png") });
    fixture
        .send(Method::POST, "/api/v1/events", &odd)
        .await
        .expect(400);
}

#[tokio::test]
async fn facets_count_what_filters_let_through() {
    let fixture = Fixture::new();
    let counted = fixture
        .get("/api/v1/facets?by=ext&filter=-name:red*")
        .await
        .expect(200)
        .json();
    assert_eq!(counted["items"], 2);
    assert_eq!(
        counted["facets"][0]["values"][0],
        json!({ "value": "png", "count": 2 })
    );
    fixture.get("/api/v1/facets?by=nothing").await.expect(400);
    fixture.get("/api/v1/facets?limit=0").await.expect(400);
}

#[tokio::test]
async fn a_job_brings_in_what_is_new_and_is_followed_to_its_end() {
    let fixture = Fixture::new();
    paint(&fixture.root.join("more/red.png"), RED, 33);
    let started = fixture
        .send(Method::POST, "/api/v1/jobs", &json!({}))
        .await
        .expect(202);
    let id = started.json()["id"].as_u64().unwrap();
    let events = fixture
        .get(&format!("/api/v1/jobs/{id}/events"))
        .await
        .expect(200);
    assert_eq!(events.header("content-type"), "text/event-stream");
    let text = String::from_utf8(events.bytes).unwrap();
    let last = text
        .lines()
        .rfind(|line| line.starts_with("data: "))
        .unwrap();
    let last: serde_json::Value = serde_json::from_str(&last["data: ".len()..]).unwrap();
    assert_eq!(last["state"], "done", "{last}");
    assert_eq!(last["report"]["added"], 1, "{last}");
    let one = fixture
        .get(&format!("/api/v1/jobs/{id}"))
        .await
        .expect(200)
        .json();
    assert_eq!(one["state"], "done");
    assert_eq!(fixture.get("/api/v1/jobs").await.expect(200).json()[0], one);
    fixture.get("/api/v1/jobs/99").await.expect(404);
    fixture.get("/api/v1/jobs/x/events").await.expect(404);
}

#[tokio::test]
async fn only_folders_that_are_indexed_or_allowed_can_be_indexed() {
    let elsewhere = tempfile::tempdir().unwrap();
    let allowed = std::fs::canonicalize(elsewhere.path()).unwrap();
    paint(&allowed.join("in/red.png"), RED, 44);
    let fixture = Fixture::with(Options {
        allow_roots: vec![allowed.join("in")],
        ..Options::default()
    });
    let ask = async |path: &std::path::Path| {
        let body = json!({ "path": path });
        let answer = fixture.send(Method::POST, "/api/v1/jobs", &body).await;
        answer.status.as_u16()
    };
    assert_eq!(ask(&fixture.root).await, 202);
    assert_eq!(ask(&fixture.root.join("red.png")).await, 202);
    assert_eq!(ask(&allowed.join("in")).await, 202);
    assert_eq!(ask(&allowed).await, 403);
    assert_eq!(ask(&allowed.join("in/..")).await, 403);
    assert_eq!(ask("/etc".as_ref()).await, 403);
    assert_eq!(ask("/no/such/folder".as_ref()).await, 403);
    assert_eq!(ask("in".as_ref()).await, 403);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc", fixture.root.join("out")).unwrap();
        assert_eq!(ask(&fixture.root.join("out")).await, 403);
    }
    assert!(fixture.app.jobs.end(Duration::from_secs(20)));
}
