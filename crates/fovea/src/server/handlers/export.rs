//! Everything that is known of the items, to take along.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use fovea_engine::{Plan, PlanOptions};
use fovea_vectordb::{Filter, ItemId};
use futures_util::stream;
use serde::Deserialize;
use utoipa::IntoParams;

use super::items::ItemDocument;
use super::search::{filters, may_ask};
use crate::server::app::App;
use crate::server::auth::Caller;
use crate::server::body::Params;
use crate::server::problem::Problem;

/// Items that are read at once.
const PAGE: usize = 500;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportRequest {
    /// Filters alone; everything without it.
    filter: String,
    #[param(ignore)]
    #[serde(rename = "collection")]
    _collection: Option<String>,
}

/// Where an export is.
struct Exporting {
    app: Arc<App>,
    caller: Caller,
    filter: Filter,
    after: Option<ItemId>,
}

/// Everything that is known of the items, one JSON object on each line.
#[utoipa::path(get, path = "/api/v1/export", tag = "collections", operation_id = "export_items", params(ExportRequest),
    responses((status = 200, description = "Items by rising id, as `GET /api/v1/items/ID` tells them",
               content_type = "application/x-ndjson", body = ItemDocument)))]
pub async fn export(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(request): Params<ExportRequest>,
) -> Result<Response, Problem> {
    let exporting = app.work(move |app| {
        let database = app.library.database(&caller.collection)?;
        let query = filters(&request.filter)?;
        let plan = Plan::new(query, &*database, PlanOptions::new(false))?;
        may_ask(&caller, &plan)?;
        Ok((caller, plan.filter))
    });
    let (caller, filter) = exporting.await?;
    let first = Some(Exporting {
        app,
        caller,
        filter,
        after: None,
    });
    let pages = stream::unfold(first, |exporting| async move {
        let exporting = exporting?;
        match exporting.page().await {
            Ok((text, rest)) => Some((Ok(text), rest)),
            // The answer has begun; that it breaks off is all that can be said.
            Err(problem) => Some((Err(std::io::Error::other(problem.detail)), None)),
        }
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::from_stream(pages)).into_response())
}

impl Exporting {
    async fn page(self) -> Result<(Bytes, Option<Exporting>), Problem> {
        let app = Arc::clone(&self.app);
        let read = app.work(move |app| {
            let database = app.library.database(&self.caller.collection)?;
            let ids = database.scan(&self.filter, self.after, PAGE)?;
            let mut text = Vec::new();
            for item in database.items(&ids)? {
                let line = ItemDocument::of(&item, &self.caller);
                serde_json::to_writer(&mut text, &line).map_err(anyhow::Error::from)?;
                text.push(b'\n');
            }
            let is_last = ids.len() < PAGE;
            let rest = Exporting {
                after: ids.last().copied(),
                ..self
            };
            Ok((Bytes::from(text), (!is_last).then_some(rest)))
        });
        read.await
    }
}
