//! Who may what: every route of the table, asked by everybody.

use axum::body::Body;
use axum::http::{Method, Request, header};

use super::fixture::{Fixture, request};
use crate::server::app::Options;
use crate::server::keys::Role;
use crate::server::openapi;
use crate::server::routes::{self, Group};

/// A route with what it needs, its parameters filled with something.
struct Asked {
    needs: Option<Role>,
    method: Method,
    path: String,
}

fn all() -> Vec<Asked> {
    let mut all = Vec::new();
    for Group { needs, routes } in routes::table() {
        for (path, mut item) in routes.into_openapi().paths.paths {
            for method in openapi::methods(&mut item) {
                let parts = path.split('/').map(|part| match part.starts_with('{') {
                    true => "x",
                    false => part,
                });
                all.push(Asked {
                    needs,
                    method,
                    path: parts.collect::<Vec<_>>().join("/"),
                });
            }
        }
    }
    all
}

fn with(asked: &Asked, query: &str, secret: Option<&str>) -> Request<Body> {
    let mut request = request(asked.method.clone(), &format!("{}{query}", asked.path));
    if let Some(secret) = secret {
        request = request.header(header::AUTHORIZATION, format!("Bearer {secret}"));
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let fixture = Fixture::with(Options {
        rate: 100_000,
        ..Options::default()
    });
    let keys = Role::ALL.map(|role| (role, fixture.key(role.name(), role, None)));
    let elsewhere = fixture.key("elsewhere", Role::Admin, Some("other"));
    let mut n_asked = 0;
    for asked in all() {
        let name = format!("{} {}", asked.method, asked.path);
        let status = async |query: &str, secret: Option<&str>| {
            let answer = fixture.ask(with(&asked, query, secret)).await;
            answer.status.as_u16()
        };
        n_asked += 1;
        let is_closed = asked.needs.is_some();
        for secret in [None, Some("fovea_wrong"), Some("")] {
            let refused = status("", secret).await == 401;
            assert_eq!(refused, is_closed, "{name} with {secret:?}");
        }
        for (role, secret) in &keys {
            let refused = status("", Some(secret)).await;
            let may = asked.needs.is_none_or(|needs| *role >= needs);
            assert_eq!(refused != 403, may, "{name} as {role}: {refused}");
            assert_ne!(refused, 401, "{name} as {role}");
        }
        let other = status("?collection=default", Some(&elsewhere)).await;
        assert_eq!(
            other == 403,
            is_closed,
            "{name} of another collection: {other}"
        );
    }
    assert!(n_asked > 5, "{n_asked} routes");
}

#[tokio::test]
async fn a_key_is_needed_once_there_is_one_and_opens_nothing_once_it_is_revoked() {
    let fixture = Fixture::new();
    let path = "/api/v1/search?q=red";
    fixture.get(path).await.expect(200);
    let secret = fixture.key("mine", Role::Read, None);
    assert!(
        secret.starts_with("fovea_") && secret.len() > 45,
        "{secret}"
    );
    let refused = fixture.get(path).await.expect(401);
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    fixture.get_with(path, &secret).await.expect(200);
    let other = fixture.key("other", Role::Read, None);
    let database = fixture.database();
    assert!(crate::server::keys::revoke(&*database, "mine").unwrap());
    fixture.app.renew_ring().unwrap();
    fixture.get_with(path, &secret).await.expect(401);
    fixture.get_with(path, &other).await.expect(200);
    // Nothing that is kept opens anything.
    for (setting, value) in database.settings("key.").unwrap() {
        assert!(!format!("{setting}{value}").contains(&other));
        fixture
            .get_with(path, setting.trim_start_matches("key."))
            .await
            .expect(401);
    }
}

#[tokio::test]
async fn a_browser_signs_in_with_a_key_and_then_sends_a_cookie() {
    let fixture = Fixture::with(Options {
        is_encrypted: true,
        ..Options::default()
    });
    let secret = fixture.key("mine", Role::Read, None);
    let path = "/api/v1/session";
    let ask = async |method: Method, name: header::HeaderName, value: &str| {
        let request = request(method, path).header(name, value);
        fixture.ask(request.body(Body::empty()).unwrap()).await
    };
    let bearer = format!("Bearer {secret}");
    let signed_in = ask(Method::POST, header::AUTHORIZATION, &bearer).await;
    let cookie = signed_in.expect(204).header("set-cookie").to_owned();
    for part in [
        "HttpOnly",
        "SameSite=Strict",
        "Secure",
        "Path=/",
        "Max-Age=2592000",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let sent = cookie.split(';').next().unwrap();
    let both = format!("theme=dark; {sent}; lang=zh");
    let known = ask(Method::GET, header::COOKIE, &both).await.expect(200);
    assert_eq!(known.json()["name"], "mine");
    assert_eq!(known.json()["role"], "read");
    for wrong in [
        "fovea_key=",
        "fovea_key=fovea_wrong",
        "fovea_keys=x",
        "fovea_key",
    ] {
        ask(Method::GET, header::COOKIE, wrong).await.expect(401);
    }
    ask(Method::POST, header::AUTHORIZATION, "Bearer wrong")
        .await
        .expect(401);
    let out = ask(Method::DELETE, header::COOKIE, sent).await.expect(204);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
}

#[tokio::test]
async fn without_keys_nobody_is_let_in_from_elsewhere() {
    let fixture = Fixture::with(Options {
        is_local: false,
        ..Options::default()
    });
    fixture.get("/api/v1/search?q=red").await.expect(401);
    fixture.get("/healthz").await.expect(200);
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_so() {
    let fixture = Fixture::with(Options {
        rate: 5,
        ..Options::default()
    });
    let secret = fixture.key("eager", Role::Read, None);
    let mut refused = None;
    for _ in 0..30 {
        let answer = fixture.get_with("/api/v1/search?q=red", &secret).await;
        if answer.status.as_u16() == 429 {
            refused = Some(answer);
            break;
        }
    }
    assert_eq!(refused.unwrap().header("retry-after"), "1");
}

#[tokio::test]
async fn places_are_no_filter_for_a_key_that_may_not_see_them() {
    let fixture = Fixture::new();
    let secret = fixture.key("blind", Role::Admin, None);
    for query in ["near:48.1,11.5,10", "has:gps", "red+not:blue+-has:gps"] {
        let path = format!("/api/v1/search?q={query}");
        fixture.get_with(&path, &secret).await.expect(403);
    }
    fixture
        .get_with("/api/v1/search?q=has:caption", &secret)
        .await
        .expect(200);
}
