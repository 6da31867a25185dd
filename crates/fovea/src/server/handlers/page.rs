//! The page: files that are part of the program.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::server::problem::Problem;
use crate::web::{self, Asset};

/// The page itself.
#[utoipa::path(get, path = "/", tag = "page",
    responses((status = 200, description = "HTML", content_type = "text/html")))]
pub async fn index(headers: HeaderMap) -> Result<Response, Problem> {
    found("index.html", &headers)
}

/// The description of this API, to browse.
#[utoipa::path(get, path = "/api", tag = "page",
    responses((status = 200, description = "HTML", content_type = "text/html")))]
pub async fn api(headers: HeaderMap) -> Result<Response, Problem> {
    found("api.html", &headers)
}

/// A file that the page needs.
#[utoipa::path(get, path = "/assets/{name}", tag = "page",
    params(("name" = String, Path, description = "As the page calls it")),
    responses((status = 200, description = "Script, style or picture"), (status = 304, description = "It is known")))]
pub async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    found(&name, &headers)
}

fn found(name: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    match web::asset(name) {
        Some(asset) => Ok(answer(asset, headers)),
        None => Err(Problem::not_found("the page has no such file")),
    }
}

fn answer(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let (Ok(etag), kind) = (
        HeaderValue::from_str(&asset.etag),
        HeaderValue::from_static(asset.kind),
    ) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let caching = [
        (header::ETAG, etag),
        // Asked for again each time, and then mostly known: a new version of the program is seen at once.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if is_known(headers, &asset.etag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let kind = [(header::CONTENT_TYPE, kind)];
    match accepts_gzip(headers) {
        true => {
            let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            (caching, kind, encoding, asset.gzip.as_slice()).into_response()
        }
        false => (caching, kind, asset.bytes).into_response(),
    }
}

/// Whether the client has what goes by this tag.
pub fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = known
        .filter_map(|tags| tags.to_str().ok())
        .flat_map(|tags| tags.split(','));
    tags.any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.trim_start_matches("W/") == etag
    })
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = accepted
        .filter_map(|codings| codings.to_str().ok())
        .flat_map(|codings| codings.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip")
            && !weight.trim().starts_with("q=0.0")
            && weight.trim() != "q=0"
    })
}
