//! What `@NAME` stands for in a query: saved searches and concepts.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use fovea_engine::{Query, concepts, saved};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::search::refuse_paths;
use crate::commands::concept::card;
use crate::render::concept_json;
use crate::server::app::App;
use crate::server::auth::Caller;
use crate::server::body::Document;
use crate::server::problem::Problem;

/// A search with a name.
#[derive(Serialize, ToSchema)]
pub struct SavedSearch {
    name: String,
    query: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedRequest {
    /// Terms and filters.
    query: String,
}

impl From<saved::Saved> for SavedSearch {
    fn from(saved: saved::Saved) -> SavedSearch {
        SavedSearch {
            name: saved.name,
            query: saved.query,
        }
    }
}

/// All saved searches.
#[utoipa::path(get, path = "/api/v1/saved", tag = "names", operation_id = "list_saved",
    responses((status = 200, description = "By name", body = [SavedSearch])))]
pub async fn list_saved(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<Vec<SavedSearch>>, Problem> {
    let listed = app.work(move |app| {
        let database = app.library.database(&caller.collection)?;
        let all = saved::list(&*database)?.into_iter();
        Ok(all.map(SavedSearch::from).collect())
    });
    Ok(Json(listed.await?))
}

/// One of them.
#[utoipa::path(get, path = "/api/v1/saved/{name}", tag = "names", operation_id = "get_saved",
    params(("name" = String, Path, description = "Without the `@`")),
    responses((status = 200, description = "The search", body = SavedSearch)))]
pub async fn get_saved(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<SavedSearch>, Problem> {
    let read = app.work(move |app| {
        let database = app.library.database(&caller.collection)?;
        Ok(known(&*database, &name)?.into())
    });
    Ok(Json(read.await?))
}

fn known(database: &dyn fovea_vectordb::Database, name: &str) -> Result<saved::Saved, Problem> {
    saved::get(database, name)
        .map_err(|_| Problem::not_found(format!("no search is saved as @{name}")))
}

/// Keep a search under a name, in the place of one that had it.
#[utoipa::path(put, path = "/api/v1/saved/{name}", tag = "names", operation_id = "save_search",
    params(("name" = String, Path, description = "Without the `@`")), request_body = SavedRequest,
    responses((status = 200, description = "It is kept", body = SavedSearch)))]
pub async fn save(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Document(request): Document<SavedRequest>,
) -> Result<Json<SavedSearch>, Problem> {
    let kept = app.work(move |app| {
        let query = Query::from_syntax(&request.query)?;
        refuse_paths(&query)?;
        let database = app.library.database(&caller.collection)?;
        Ok(saved::add(&*database, &name, query, true)?.into())
    });
    Ok(Json(kept.await?))
}

/// Forget a saved search.
#[utoipa::path(delete, path = "/api/v1/saved/{name}", tag = "names", operation_id = "forget_saved",
    params(("name" = String, Path, description = "Without the `@`")),
    responses((status = 204, description = "It is forgotten")))]
pub async fn forget_saved(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let forgotten = app.work(move |app| {
        let database = app.library.database(&caller.collection)?;
        known(&*database, &name)?;
        saved::remove(&*database, &name)?;
        Ok(StatusCode::NO_CONTENT)
    });
    forgotten.await
}

/// All concepts, with their examples and what they are worth.
#[utoipa::path(get, path = "/api/v1/concepts", tag = "names", operation_id = "list_concepts",
    responses((status = 200, description = "As `fovea concept list --json` prints them", body = [Object])))]
pub async fn list_concepts(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<Vec<Value>>, Problem> {
    let listed = app.work(move |app| {
        let engine = app.library.engine(&caller.collection)?;
        let mut all = Vec::new();
        for concept in concepts::list(engine.database())? {
            all.push(concept_json(&card(&engine, concept)?));
        }
        Ok(all)
    });
    Ok(Json(listed.await?))
}
