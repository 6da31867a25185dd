//! What an item looks like to the model: what is like it, why it is where it is, where in it a query matches.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use fovea_engine::explain::{paint, png};
use fovea_engine::{PlanOptions, SearchOptions};
use fovea_vectordb::ItemId;
use serde_json::Value;

use super::items::{item, named_item};
use super::search::{self, SearchAnswer, SearchRequest, may_ask};
use super::together::others;
use crate::render::{Together, explanation_json, together_json};
use crate::server::app::App;
use crate::server::auth::Caller;
use crate::server::body::Params;
use crate::server::problem::Problem;

/// What looks like an item.
#[utoipa::path(get, path = "/api/v1/items/{item}/similar", tag = "items", operation_id = "similar_items",
    params(("item" = String, Path, description = "Id of the item"), SearchRequest),
    responses((status = 200, description = "The likest first", body = SearchAnswer)))]
pub async fn similar(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Params(mut request): Params<SearchRequest>,
) -> Result<Response, Problem> {
    named_item(&id)?;
    if request.item.replace(id).is_some() {
        return Err(Problem::input("the item stands in the path already"));
    }
    search::answer(&app, caller, request).await
}

/// Why an item is where it is in an answer, or why it is not in it.
#[utoipa::path(get, path = "/api/v1/items/{item}/explain", tag = "items", operation_id = "explain_item",
    params(("item" = String, Path, description = "Id of the item"), SearchRequest),
    responses((status = 200, description = "As `fovea explain --json` prints it", body = Object)))]
pub async fn explain(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Params(request): Params<SearchRequest>,
) -> Result<Json<Value>, Problem> {
    let id = named_item(&id)?;
    let explained = app.work(move |app| explained(app, &caller, id, &request));
    Ok(Json(explained.await?))
}

pub fn explained(
    app: &App,
    caller: &Caller,
    id: ItemId,
    request: &SearchRequest,
) -> Result<Value, Problem> {
    let engine = app.library.engine(&caller.collection)?;
    let item = item(engine.database(), id)?;
    let (plan, options) = planned(app, caller, &engine, request)?;
    let others = others(app, caller, &engine, &plan, request)?;
    let together = match others.is_empty() {
        true => None,
        false => {
            let all = std::iter::once(&engine).chain(&others);
            Some(Together {
                packs: all.map(|one| one.encoder().spec().name.clone()).collect(),
                place: engine.fused_place(&others, &plan, &options, item.id)?,
            })
        }
    };
    let explanation = engine.explain(item, &plan, &options)?;
    let mut document = explanation_json(&plan, &explanation);
    if let Some(together) = &together {
        document["together"] = together_json(together);
    }
    Ok(document)
}

/// Where in a picture a query matches: the picture, hot where it does.
#[utoipa::path(get, path = "/api/v1/items/{item}/heat", tag = "items", operation_id = "heat_of_item",
    params(("item" = String, Path, description = "Id of the item"), SearchRequest),
    responses((status = 200, description = "A PNG", content_type = "image/png")))]
pub async fn heat(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Params(request): Params<SearchRequest>,
) -> Result<Response, Problem> {
    let id = named_item(&id)?;
    let painted = app.work(move |app| {
        let engine = app.library.engine(&caller.collection)?;
        let item = item(engine.database(), id)?;
        let (plan, _) = planned(app, &caller, &engine, &request)?;
        // The small picture shows as much as the model sees, and no file has to be opened.
        let jpeg = engine.previews().read(&item.content.hash).map_err(|_| {
            Problem::not_found("it has no small picture; `fovea check --repair` makes it")
        })?;
        let picture = fovea_decode::decode(&jpeg, &fovea_decode::Options::default());
        let picture = picture.map_err(anyhow::Error::from)?.pixels;
        let Some(heat) = engine.heat(&plan, &picture)? else {
            let detail = "filters alone match nowhere in a picture; add words or an image";
            return Err(Problem::input(detail));
        };
        Ok(png(&paint(&picture, &heat)).map_err(anyhow::Error::from)?)
    });
    let kind = [
        (header::CONTENT_TYPE, "image/png"),
        (header::CACHE_CONTROL, "private, max-age=600"),
    ];
    Ok((kind, painted.await?).into_response())
}

fn planned(
    app: &App,
    caller: &Caller,
    engine: &fovea_engine::Engine,
    request: &SearchRequest,
) -> Result<(fovea_engine::Plan, SearchOptions), Problem> {
    let query = search::query(app, request)?;
    let guess = request.guess.unwrap_or(true);
    let plan = engine.plan(&query, PlanOptions::new(guess))?;
    may_ask(caller, &plan)?;
    Ok((plan, search::options(request, guess)?))
}
