//! What tells how the server is: alive, ready, its numbers, its own description.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::server::app::App;
use crate::server::auth::Caller;
use crate::server::problem::Problem;
use crate::server::routes;

/// Whether the process answers at all.
#[utoipa::path(get, path = "/healthz", tag = "system",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain")))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether it can answer questions: the database can be read, and the model is there.
#[utoipa::path(get, path = "/readyz", tag = "system",
    responses((status = 200, description = "It can", body = String, content_type = "text/plain")))]
pub async fn readyz(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    let ready = app.work(|app| {
        let collection = app.library.default_collection();
        app.library.database(collection)?.change()?;
        app.library.engine(collection).map(drop)
    });
    match ready.await {
        Ok(()) => Ok("ready\n"),
        Err(problem) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            problem.detail,
        )),
    }
}

/// Numbers for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "system",
    responses((status = 200, description = "In the text format", body = String, content_type = "application/openmetrics-text")))]
pub async fn metrics(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Problem> {
    let text = app
        .work(move |app| {
            for collection in app.library.collections()? {
                if caller.only.as_ref().is_some_and(|only| *only != collection) {
                    continue;
                }
                for index in app.library.database(&collection)?.indexes()? {
                    if let Some(canary) = index.canary {
                        app.metrics
                            .recall(&collection, &index.space, canary.recall());
                    }
                }
            }
            Ok(app.metrics.text())
        })
        .await?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok((
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
        text,
    )
        .into_response())
}

/// This description.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "system",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
pub async fn openapi() -> Response {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| serde_json::to_string(&routes::document()).unwrap_or_default());
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], text.as_str()).into_response()
}
