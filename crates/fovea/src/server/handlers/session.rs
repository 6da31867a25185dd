//! Signing in from a browser: pictures are asked for by the browser itself, which sends no `Authorization`, but a cookie.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::server::app::App;
use crate::server::auth::{self, COOKIE, Caller};
use crate::server::keys::Role;

/// Seconds that a browser keeps the key; a revoked one opens nothing at once.
const KEPT: u32 = 30 * 24 * 60 * 60;

/// Whoever asks, as the server knows them.
#[derive(Serialize, ToSchema)]
pub struct SessionDocument {
    /// Name of the key; none while the server needs no key.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    role: Role,
    collection: String,
    /// Whether places are told.
    see_location: bool,
}

/// Who one is here, and what one may do.
#[utoipa::path(get, path = "/api/v1/session", tag = "system", operation_id = "get_session",
    responses((status = 200, description = "Whoever asks", body = SessionDocument)))]
pub async fn get(caller: Caller) -> Json<SessionDocument> {
    Json(SessionDocument {
        name: caller.name,
        role: caller.role,
        collection: caller.collection,
        see_location: caller.see_location,
    })
}

/// Sign in: the key of this request is kept by the browser, out of reach of scripts, and sent from this site alone.
#[utoipa::path(post, path = "/api/v1/session", tag = "page", operation_id = "sign_in",
    responses((status = 204, description = "Signed in")))]
pub async fn sign_in(State(app): State<Arc<App>>, _caller: Caller, headers: HeaderMap) -> Response {
    match auth::bearer(&headers) {
        // Where no key is needed, what was sent as one may be anything.
        Some(secret) if app.ring().find(secret).is_some() => kept(&app, secret, KEPT),
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}

/// Sign out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "page", operation_id = "sign_out",
    responses((status = 204, description = "Signed out")))]
pub async fn sign_out(State(app): State<Arc<App>>) -> Response {
    kept(&app, "", 0)
}

fn kept(app: &App, secret: &str, seconds: u32) -> Response {
    let secure = match app.options.is_encrypted {
        true => "; Secure",
        false => "",
    };
    let cookie =
        format!("{COOKIE}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}
