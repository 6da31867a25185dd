//! What comes in with a request, read within limits: parameters, JSON, bytes.

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tokio::time::timeout;

use super::app::App;
use super::problem::Problem;

/// Bytes of a document that says what is asked for.
const LONGEST_JSON: usize = 256 << 10;

/// The parameters after the `?`.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Params<T>, Problem> {
        let read = Query::<T>::try_from_uri(&parts.uri);
        let wrong = |error: axum::extract::rejection::QueryRejection| {
            Problem::input(
                error
                    .body_text()
                    .replace("Failed to deserialize query string: ", ""),
            )
        };
        Ok(Params(read.map_err(wrong)?.0))
    }
}

/// The value of one parameter; twice the same one could be read in two ways.
pub fn query_value(query: &str, name: &str) -> Result<Option<String>, Problem> {
    let uri = format!("/?{query}")
        .parse()
        .map_err(|_| Problem::input("the address cannot be read"))?;
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map_err(|error| Problem::input(error.body_text()))?;
    let mut found = pairs.into_iter().filter(|(key, _)| key == name);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(Problem::input(format!("`{name}` is given twice"))),
        (found, None) => Ok(found.map(|(_, value)| value)),
    }
}

/// A JSON document.
pub struct Document<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Document<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Document<T>, Problem> {
        if media_type(request.headers()).as_deref() != Some("application/json") {
            return Err(unsupported("application/json is expected here"));
        }
        let bytes = read(app, request, LONGEST_JSON).await?;
        parse(&bytes).map(Document)
    }
}

pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Problem::input(format!("JSON: {error}")))
}

pub fn unsupported(detail: &str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

/// In lower case, without parameters.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next().unwrap_or_default();
    Some(kind.trim().to_ascii_lowercase())
}

/// The body, if it is no longer than that and comes without long pauses.
pub async fn read(app: &App, request: Request, most: usize) -> Result<Vec<u8>, Problem> {
    let claimed = request.headers().get(header::CONTENT_LENGTH);
    let claimed = claimed.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if claimed.is_some_and(|length| length > most as u64) {
        return Err(too_long(most));
    }
    let mut body = request.into_body();
    let mut bytes = Vec::new();
    loop {
        let piece = timeout(app.options.patience.piece, body.frame());
        let piece = piece.await.map_err(|_| {
            Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "the rest of the request did not come",
            )
        })?;
        let Some(piece) = piece else {
            return Ok(bytes);
        };
        let piece =
            piece.map_err(|error| Problem::input(format!("the request broke off: {error}")))?;
        if let Some(data) = piece.data_ref() {
            if bytes.len() + data.len() > most {
                return Err(too_long(most));
            }
            bytes.extend_from_slice(data);
        }
    }
}

fn too_long(most: usize) -> Problem {
    let detail = format!("this is longer than the {most} bytes that are taken here");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}
