//! Copies of the same picture, and shots that are only alike: what `fovea dedupe --json` prints. Nothing is touched.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use fovea_engine::PlanOptions;
use fovea_engine::dedupe::{DedupeOptions, Watch};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Semaphore;
use utoipa::IntoParams;

use super::search::{filters, may_ask};
use crate::render::duplicates_json;
use crate::server::app::App;
use crate::server::auth::Caller;
use crate::server::body::Params;
use crate::server::problem::Problem;

/// All pictures are compared with all: one such question is answered at a time, whoever asks.
static TURN: Semaphore = Semaphore::const_new(1);

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DuplicatesRequest {
    /// Only among what these let through: filters alone, as in `folder:2023`.
    filter: String,
    /// Shots that are alike, too, from this cosine on; none are looked for without it.
    #[param(minimum = 0, maximum = 1)]
    similar: Option<f32>,
    #[param(ignore)]
    #[serde(rename = "collection")]
    _collection: Option<String>,
}

/// Groups of the same picture, saved more than once.
#[utoipa::path(get, path = "/api/v1/duplicates", tag = "collections", operation_id = "find_duplicates", params(DuplicatesRequest),
    responses((status = 200, description = "As `fovea dedupe --json` prints them", body = Object)))]
pub async fn find(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(request): Params<DuplicatesRequest>,
) -> Result<Json<Value>, Problem> {
    if let Some(least) = request.similar.filter(|one| !(0.0..=1.0).contains(one)) {
        let detail = format!("similar={least}: a cosine between 0 and 1 is needed");
        return Err(Problem::input(detail));
    }
    let turn = TURN.try_acquire().map_err(|_| {
        let detail = "somebody else has pictures compared just now; ask again in a while";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).with(header::RETRY_AFTER, "5")
    })?;
    // Whoever asked is gone a little later.
    let deadline = Instant::now() + app.options.patience.request.mul_f32(0.9);
    let found = app.work(move |app| {
        // Held by the work, which goes on where whoever asked has left.
        let _turn = turn;
        compared(app, &caller, &request, deadline)
    });
    Ok(Json(found.await?))
}

fn compared(
    app: &App,
    caller: &Caller,
    request: &DuplicatesRequest,
    deadline: Instant,
) -> Result<Value, Problem> {
    let engine = app.library.engine(&caller.collection)?;
    let plan = engine.plan(&filters(&request.filter)?, PlanOptions::new(false))?;
    may_ask(caller, &plan)?;
    let options = DedupeOptions {
        filter: plan.filter,
        similar: request.similar,
        // Whoever searches meanwhile is to find a core free.
        threads: app.options.n_workers.saturating_sub(1).max(1),
    };
    let stopping = app.stopping();
    let watch = Watch {
        progress: &|_, _, _| {},
        is_cancelled: &|| *stopping.borrow() || Instant::now() > deadline,
    };
    let found = engine.duplicates(&options, &watch)?;
    found.as_ref().map(duplicates_json).ok_or_else(|| {
        let detail = "comparing all of these pictures takes longer than anybody waits here; \
                      `fovea dedupe` does it, or narrow them down by a filter";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    })
}
