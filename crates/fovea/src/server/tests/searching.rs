//! Searches, their answers, and what is refused.

use axum::http::{Method, header};
use serde_json::json;

use super::fixture::{Fixture, request};

#[tokio::test]
async fn words_find_pictures_and_the_answer_says_what_they_were_taken_for() {
    let fixture = Fixture::new();
    let answer = fixture
        .get("/api/v1/search?q=red+ext:png&top=3")
        .await
        .expect(200);
    assert_eq!(answer.found()[0], "red.png");
    let json = answer.json();
    assert_eq!(json["query"], "red ext:png");
    assert_eq!(json["plan"]["filters"], json!(["ext:png"]));
    assert_eq!(json["plan"]["terms"][0]["kind"], "words");
    assert_eq!(json["results"][0]["width"], 24);
    assert_eq!(json["results"][0]["rank"], 1);
    assert!(json["took_ms"].as_f64().unwrap() > 0.0);
    let metrics = fixture.get("/metrics").await.expect(200);
    let text = String::from_utf8(metrics.bytes).unwrap();
    for part in [
        "fovea_stage_seconds_count{stage=\"search\"} 1",
        "fovea_stage_seconds_count{stage=\"render\"} 1",
        "fovea_answers_total{method=\"GET\",route=\"/api/v1/search\",status=\"200\"} 1",
        "fovea_queue_depth 0",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn a_plan_can_be_changed_and_asked_again() {
    let fixture = Fixture::new();
    let first = fixture.get("/api/v1/search?q=red+-+blue+ext:png").await;
    let mut plan = first.expect(200).json()["plan"].clone();
    plan["filters"] = json!([]);
    plan["terms"][0]["term"] = json!("green");
    let document = json!({ "plan": plan, "top": 1 });
    let answer = fixture
        .send(Method::POST, "/api/v1/search", &document)
        .await;
    let answer = answer.expect(200);
    assert_eq!(answer.found(), ["green.png"]);
    assert_eq!(answer.json()["query"], "green - blue");
    let two = json!({ "plan": { "terms": [{ "term": "red + blue" }] } });
    let answer = fixture.send(Method::POST, "/api/v1/search", &two).await;
    assert!(
        answer.expect(400).json()["detail"]
            .to_string()
            .contains("more than one term")
    );
}

#[tokio::test]
async fn an_item_finds_what_is_like_it_and_pages_follow_each_other() {
    let fixture = Fixture::new();
    let path = format!("/api/v1/search?item={}&top=1", fixture.id("blue.png"));
    let first = fixture.get(&path).await.expect(200);
    let next = first.json()["next"].as_str().unwrap().to_owned();
    let second = fixture
        .get(&format!("{path}&cursor={next}"))
        .await
        .expect(200);
    let mut both = [first.found(), second.found()].concat();
    both.sort();
    assert_eq!(both, ["green.png", "red.png"]);
}

#[tokio::test]
async fn a_forged_cursor_takes_no_memory() {
    let fixture = Fixture::new();
    let path = "/api/v1/search?q=red&top=1";
    let first = fixture.get(path).await.expect(200);
    let next = first.json()["next"].as_str().unwrap().to_owned();
    let parts: Vec<&str> = next.split('.').collect();
    for seen in [
        "1000000000000",
        "18446744073709551615",
        "99999999999999999999",
    ] {
        let forged = format!("{}.{seen}.{}.{}", parts[0], parts[2], parts[3]);
        let answer = fixture.get(&format!("{path}&cursor={forged}")).await;
        assert!(answer.status.as_u16() <= 400, "{seen}: {}", answer.status);
    }
    fixture
        .get("/api/v1/search?q=red&top=1000&group=similar")
        .await
        .expect(400);
}

#[tokio::test]
async fn where_nothing_was_ever_indexed_it_says_what_to_do() {
    let fixture = Fixture::empty();
    let answer = fixture.get("/api/v1/search?q=red").await.expect(200);
    let message = answer.json()["message"].to_string();
    assert!(message.contains("fovea index"), "{message}");
    fixture.get("/readyz").await.expect(200);
    fixture.get("/api/v1/items").await.expect(200);
}

#[tokio::test]
async fn files_of_the_server_are_no_query() {
    let fixture = Fixture::new();
    let red = fixture.root.join("red.png");
    let red = red.to_str().unwrap();
    for document in [
        json!({ "q": red }),
        json!({ "q": "./red.png" }),
        json!({ "q": format!("image:{red}") }),
        json!({ "q": format!("blue not:{red}") }),
        json!({ "plan": { "terms": [{ "term": red }] } }),
        json!({ "plan": { "without": [red] } }),
        json!({ "q": "red", "filter": red }),
    ] {
        let answer = fixture
            .send(Method::POST, "/api/v1/search", &document)
            .await;
        answer.expect(400);
    }
}

#[tokio::test]
async fn every_refusal_is_a_problem_document() {
    let fixture = Fixture::new();
    let body = |kind: &str, text: &str| {
        request(Method::POST, "/api/v1/search")
            .header(header::CONTENT_TYPE, kind)
            .body(text.to_owned().into())
            .unwrap()
    };
    let long = "x".repeat(1 << 20);
    let get = |path: &str| request(Method::GET, path).body("".into()).unwrap();
    for (request, status) in [
        (get("/api/v1/nothing"), 404),
        (get("/api/v1/search?q=date:99x"), 400),
        (get("/api/v1/search?tops=1"), 400),
        (get("/api/v1/search?top=0"), 400),
        (get("/api/v1/search?top=1&top=2"), 400),
        (get("/api/v1/search?cursor=x"), 400),
        (get("/api/v1/search?collection=other"), 404),
        (get("/api/v1/search?collection=a&collection=default"), 400),
        (get("/api/v1/items/none/thumbnail"), 404),
        (get("/api/v1/items/%2e%2e%2f%2e%2e/thumbnail"), 404),
        (get("/api/v1/items/%ff/thumbnail"), 400),
        (get("/assets/..%2f..%2fmain.rs"), 404),
        (body("text/plain", "red"), 415),
        (body("application/json", "{"), 400),
        (body("application/json", "{\"tops\": 1}"), 400),
        (body("application/json", &long), 413),
    ] {
        let name = format!("{} {}", request.method(), request.uri());
        let answer = fixture.ask(request).await;
        assert_eq!(answer.status.as_u16(), status, "{name}");
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{name}"
        );
        assert_eq!(answer.json()["status"], status, "{name}");
        assert!(
            !answer.json()["detail"].as_str().unwrap().is_empty(),
            "{name}"
        );
        assert!(!answer.header("x-request-id").is_empty(), "{name}");
    }
    let put = fixture
        .send(Method::PUT, "/api/v1/search", &json!({}))
        .await;
    let put = put.expect(405);
    assert_eq!(put.header("content-type"), "application/problem+json");
    assert!(put.header("allow").contains("POST"));
    let place = fixture
        .get("/api/v1/search?q=red+year:abc")
        .await
        .expect(400);
    assert_eq!(place.json()["character"], 5);
}

#[tokio::test]
async fn where_nothing_is_found_it_says_why() {
    let fixture = Fixture::new();
    let answer = fixture
        .get("/api/v1/search?q=red+ext:gif")
        .await
        .expect(200);
    assert_eq!(answer.json()["message"], "Nothing found among 3 items.");
}

#[tokio::test]
async fn what_another_process_indexed_is_found() {
    let fixture = Fixture::new();
    super::fixture::paint(&fixture.root.join("late.png"), super::fixture::RED, 9);
    fixture.get("/api/v1/search?q=red").await.expect(200);
    fixture.index();
    let found = fixture.get("/api/v1/search?q=red&top=9").await.expect(200);
    assert!(found.found().contains(&"late.png".to_owned()));
}

#[tokio::test]
async fn small_pictures_are_kept_for_ever_under_the_address_of_their_content() {
    let fixture = Fixture::new();
    let answer = fixture.get("/api/v1/search?q=red&top=1").await.expect(200);
    let url = answer.json()["results"][0]["thumbnail"]
        .as_str()
        .unwrap()
        .to_owned();
    let picture = fixture.get(&url).await.expect(200);
    assert_eq!(picture.header("content-type"), "image/jpeg");
    assert!(picture.header("cache-control").contains("immutable"));
    assert_eq!(picture.header("x-content-type-options"), "nosniff");
    assert!(picture.bytes.starts_with(&[0xff, 0xd8]));
    let known = request(Method::GET, &url)
        .header(header::IF_NONE_MATCH, picture.header("etag"))
        .body("".into());
    let again = fixture.ask(known.unwrap()).await.expect(304);
    assert!(again.bytes.is_empty());
    let stale = fixture.get(&url.replace("?v=", "?v=0")).await.expect(200);
    assert_eq!(stale.header("cache-control"), "private, no-cache");
}

#[tokio::test]
async fn the_page_and_its_files_are_there_and_load_nothing_from_elsewhere() {
    let fixture = Fixture::new();
    let page = fixture.get("/").await.expect(200);
    let text = String::from_utf8(page.bytes.clone()).unwrap();
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'")
    );
    assert!(!text.contains("http:") && !text.contains("https:"));
    for name in text.split('"').filter(|part| part.starts_with("/assets/")) {
        let file = fixture.get(name).await.expect(200);
        assert!(file.header("etag").starts_with('"'), "{name}");
        let zipped = request(Method::GET, name)
            .header(header::ACCEPT_ENCODING, "br, gzip")
            .body("".into());
        let zipped = fixture.ask(zipped.unwrap()).await.expect(200);
        assert_eq!(zipped.header("content-encoding"), "gzip");
        assert!(zipped.bytes.len() < file.bytes.len(), "{name}");
    }
}
