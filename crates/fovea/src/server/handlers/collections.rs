//! Collections, and what their items have in common.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fovea_engine::facets::{self, USUAL};
use fovea_engine::{Plan, PlanOptions, private};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::search::{filters, may_ask};
use crate::render::facets_json;
use crate::server::app::App;
use crate::server::auth::Caller;
use crate::server::body::Params;
use crate::server::keys::Role;
use crate::server::problem::Problem;

const DEFAULT_LIMIT: usize = 10;
const MOST: usize = 1_000;

#[derive(Serialize, ToSchema)]
pub struct Collection {
    name: String,
    n_items: u64,
    /// Whether it is the one that is meant where none is named.
    is_default: bool,
    /// Whether it holds vectors of its owner's, which words do not find.
    is_import: bool,
}

/// What this caller may ask.
#[derive(Serialize, ToSchema)]
pub struct Collections {
    collections: Vec<Collection>,
    role: Role,
    /// Whether places are told.
    see_location: bool,
}

/// The collections that this key opens, and what it may do there.
#[utoipa::path(get, path = "/api/v1/collections", tag = "collections", operation_id = "list_collections",
    responses((status = 200, description = "By name", body = Collections)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<Collections>, Problem> {
    let listed = app.work(move |app| {
        let mut collections = Vec::new();
        for name in app.library.collections()? {
            if caller.only.as_ref().is_some_and(|only| *only != name) {
                continue;
            }
            let database = app.library.database(&name)?;
            let active = database.active_pack()?;
            collections.push(Collection {
                n_items: database.info()?.n_items,
                is_default: name == app.library.default_collection(),
                is_import: active.is_some_and(|pack| !pack.has_encoder()),
                name,
            });
        }
        Ok(Collections {
            collections,
            role: caller.role,
            see_location: caller.see_location,
        })
    });
    Ok(Json(listed.await?))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FacetsRequest {
    /// Filters alone, as in `date:2023 tag:cat`.
    filter: String,
    /// Keys, with commas between them; the usual ones that have values without it.
    by: String,
    /// Values of each key, the most frequent first; 10 without it.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    #[param(ignore)]
    #[serde(rename = "collection")]
    _collection: Option<String>,
}

/// How many items have which value.
#[utoipa::path(get, path = "/api/v1/facets", tag = "collections", operation_id = "count_facets", params(FacetsRequest),
    responses((status = 200, description = "As `fovea facets --json` prints them", body = Object)))]
pub async fn facets(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(request): Params<FacetsRequest>,
) -> Result<Json<Value>, Problem> {
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MOST).contains(&limit) {
        let detail = format!("limit={limit}: 1 to {MOST} values of a key are told");
        return Err(Problem::input(detail));
    }
    let named = request.by.split(',').map(str::trim);
    let named: Vec<String> = named
        .filter(|key| !key.is_empty())
        .map(str::to_owned)
        .collect();
    if !caller.see_location && named.iter().any(|key| private::is_private(key)) {
        let detail = "this key is not told where pictures were taken: that takes --see-location";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    let counted = app.work(move |app| {
        let database = app.library.database(&caller.collection)?;
        let query = filters(&request.filter)?;
        let plan = Plan::new(query.clone(), &*database, PlanOptions::new(false))?;
        may_ask(&caller, &plan)?;
        let keys = match named.is_empty() {
            true => USUAL.map(str::to_owned).to_vec(),
            false => named.clone(),
        };
        let mut counted = facets::facets(&*database, query, &keys, limit)?;
        let n_items = counted.first().map_or(0, |one| one.facets.n_items);
        if named.is_empty() {
            counted.retain(|one| one.facets.n_values > 0);
        }
        Ok(facets_json(n_items, &counted))
    });
    Ok(Json(counted.await?))
}
