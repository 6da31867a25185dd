//! What people did with what was found.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::StatusCode;
use fovea_engine::events::{self, Event, EventKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::items::{item, named_item};
use crate::server::app::App;
use crate::server::auth::Caller;
use crate::server::body::Document;
use crate::server::problem::Problem;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventRequest {
    kind: Kind,
    /// Id of the item that it is about.
    item: String,
    /// The query by which it was found.
    #[serde(default)]
    query: String,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Opened,
    Liked,
    Disliked,
}

/// Note what somebody did with a result. The latest 10,000 are kept with the collection, and nowhere else.
#[utoipa::path(post, path = "/api/v1/events", tag = "search", operation_id = "add_event", request_body = EventRequest,
    responses((status = 204, description = "It is noted")))]
pub async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    Document(request): Document<EventRequest>,
) -> Result<StatusCode, Problem> {
    let id = named_item(&request.item)?;
    let noted = app.work(move |app| {
        let database = app.library.database(&caller.collection)?;
        item(&*database, id)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let at_us = since.map_or(0, |since| since.as_micros());
        events::add(
            &*database,
            &Event {
                at_us: u64::try_from(at_us).unwrap_or(u64::MAX),
                item: id,
                kind: match request.kind {
                    Kind::Opened => EventKind::Opened,
                    Kind::Liked => EventKind::Liked,
                    Kind::Disliked => EventKind::Disliked,
                },
                query: request.query,
            },
        )?;
        Ok(StatusCode::NO_CONTENT)
    });
    noted.await
}
