//! Small pictures, which are asked for most.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fovea_vectordb::Item;
use serde::Deserialize;
use utoipa::IntoParams;

use super::items::{item, named_item, version};
use super::page::is_known;
use crate::server::app::App;
use crate::server::auth::Caller;
use crate::server::body::Params;
use crate::server::problem::Problem;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ThumbnailRequest {
    /// Which content is meant: with it the answer may be kept for ever.
    v: Option<String>,
    #[param(ignore)]
    #[serde(rename = "collection")]
    _collection: Option<String>,
}

/// A small picture.
#[utoipa::path(get, path = "/api/v1/items/{item}/thumbnail", tag = "items",
    params(("item" = String, Path, description = "Id of the item"), ThumbnailRequest),
    responses((status = 200, description = "A JPEG, its longer side up to 512 pixels", content_type = "image/jpeg"),
              (status = 304, description = "It is known")))]
pub async fn thumbnail(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Params(request): Params<ThumbnailRequest>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = named_item(&id)?;
    let read = app.work(move |app| {
        let database = app.library.database(&caller.collection)?;
        let item = item(&*database, id)?;
        let etag = format!("\"{}\"", item.content.hash);
        let picture = match is_known(&headers, &etag) {
            true => None,
            false => Some(small(app, &item)?),
        };
        Ok((version(&item), etag, picture))
    });
    let (version, etag, picture) = read.await?;
    let caching = match request.v {
        Some(asked) if asked == version => "private, max-age=31536000, immutable",
        // The address says nothing of the content, or of another one.
        _ => "private, no-cache",
    };
    let etag = HeaderValue::from_str(&etag).map_err(anyhow::Error::from)?;
    let caching = [
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::ETAG, etag),
    ];
    let kind = [(header::CONTENT_TYPE, "image/jpeg")];
    Ok(match picture {
        Some(picture) => (caching, kind, picture).into_response(),
        None => (StatusCode::NOT_MODIFIED, caching).into_response(),
    })
}

/// The small picture of an item.
pub fn jpeg(app: &App, caller: &Caller, id: &str) -> Result<Vec<u8>, Problem> {
    let database = app.library.database(&caller.collection)?;
    small(app, &item(&*database, named_item(id)?)?)
}

fn small(app: &App, item: &Item) -> Result<Vec<u8>, Problem> {
    let read = app.library.previews().read(&item.content.hash);
    read.map_err(|error| match error {
        error @ fovea_engine::Error::Bucket { .. } => error.into(),
        _ => Problem::not_found("it has no small picture; `fovea check --repair` makes it"),
    })
}
