//! One line of JSON for each request, on standard error; an id that the client gets to know, and the clock.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::timeout;

use super::app::App;
use super::auth::Used;
use super::problem::{Problem, documented};

static NEXT: AtomicU64 = AtomicU64::new(1);

#[derive(Serialize)]
struct Line<'a> {
    at_ms: u128,
    request: &'a str,
    method: &'a str,
    route: &'a str,
    status: u16,
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    /// Only with `--log-queries`.
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'a str>,
}

/// What was looked for, left by the handler in its answer.
#[derive(Clone, Debug)]
pub struct Asked(pub String);

pub async fn log(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = format!(
        "{:x}-{:x}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let method = request.method().clone();
    let route = match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str().to_owned(),
        // Paths that are no route are anybody's text.
        None => "other".to_owned(),
    };
    let has_body = !request.body().is_end_stream();
    let answered = timeout(app.options.patience.request, next.run(request)).await;
    let response = answered.unwrap_or_else(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "it took too long").into_response()
    });
    let mut response = documented(response).await;
    let took = started.elapsed();
    app.metrics
        .answered(&method, &route, response.status(), took);
    if app.options.log {
        let used = response.extensions().get::<Used>();
        let asked = response.extensions().get::<Asked>();
        let asked = asked.filter(|_| app.options.log_queries);
        write(&Line {
            at_ms: since_1970(),
            request: &id,
            method: method.as_str(),
            route: &route,
            status: response.status().as_u16(),
            ms: crate::render::milliseconds(took),
            key: used.map(|used| used.0.as_str()),
            query: asked.map(|asked| asked.0.as_str()),
        });
    }
    if has_body && response.status().as_u16() >= 400 {
        // A body that was refused unread ends the connection, and whoever is not told asks the next thing on it in vain.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

fn since_1970() -> u128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis())
}

/// A log that nobody can write to any more does not stop the server.
fn write(line: &Line<'_>) {
    if let Ok(mut text) = serde_json::to_vec(line) {
        text.push(b'\n');
        let _ = std::io::stderr().lock().write_all(&text);
    }
}
