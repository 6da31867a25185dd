//! Index runs: begin one, follow it, stop it.

use std::convert::Infallible;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use fovea_engine::IndexOptions;
use fovea_vectordb::{Database, SourceKind};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::sleep;
use utoipa::ToSchema;

use crate::server::app::App;
use crate::server::auth::Caller;
use crate::server::body::Document;
use crate::server::jobs::JobStatus;
use crate::server::problem::Problem;

/// Between two events of a job at least.
const PACE: Duration = Duration::from_millis(100);

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobRequest {
    /// A folder or file that is indexed, or lies in a folder that is; others only where the server was told so.
    #[schema(value_type = Option<String>)]
    pub path: Option<PathBuf>,
    /// Try unreadable files again, although they have not changed.
    pub retry: bool,
}

/// A folder that is indexed.
#[derive(Serialize, ToSchema)]
pub struct Source {
    kind: &'static str,
    root: String,
    online: bool,
    n_items: u64,
    /// When it was last looked through, in milliseconds since 1970.
    scanned_ms: Option<i64>,
}

/// Bring the collection up to date with its folders, or one of them.
#[utoipa::path(post, path = "/api/v1/jobs", tag = "jobs", operation_id = "start_job", request_body = JobRequest,
    responses((status = 202, description = "It waits or runs", body = JobStatus)))]
pub async fn start(
    State(app): State<Arc<App>>,
    caller: Caller,
    Document(request): Document<JobRequest>,
) -> Result<Response, Problem> {
    let status = app.work(move |app| {
        let engine = app.library.engine(&caller.collection)?;
        let paths = paths(app, engine.database(), request.path.as_deref())?;
        let options = IndexOptions {
            retry: request.retry,
            // Whoever searches meanwhile is to find a core free.
            n_workers: app.options.n_workers.saturating_sub(1).max(1),
            ..Default::default()
        };
        let job = app.jobs.start(engine, &caller.collection, paths, options)?;
        Ok(job.status())
    });
    Ok((StatusCode::ACCEPTED, Json(status.await?)).into_response())
}

/// What may be indexed: what is a source, and what the server was told at its start.
fn paths(
    app: &App,
    database: &dyn Database,
    asked: Option<&FilePath>,
) -> Result<Vec<PathBuf>, Problem> {
    let sources = database.sources()?.into_iter();
    let roots = sources.filter(|source| source.kind != SourceKind::Import);
    let roots: Vec<PathBuf> = roots.map(|source| source.root).collect();
    let Some(asked) = asked else {
        return match roots.is_empty() {
            true => Err(Problem::input(
                "no folder is indexed yet: name one as `path`",
            )),
            false => Ok(roots),
        };
    };
    // Whether it is there is told to those alone who may ask for it.
    let real = std::fs::canonicalize(asked).ok();
    let mut allowed = roots.iter().chain(&app.options.allow_roots);
    let is_allowed =
        |real: &PathBuf| asked.is_absolute() && allowed.any(|root| real.starts_with(root));
    real.filter(is_allowed).map(|real| vec![real]).ok_or_else(|| {
        let detail = format!(
            "{}: this is in no folder that is indexed; `fovea serve --allow-root DIR` allows another one",
            asked.display()
        );
        Problem::new(StatusCode::FORBIDDEN, detail)
    })
}

/// All jobs, the latest first.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", operation_id = "list_jobs",
    responses((status = 200, description = "All that are remembered", body = [JobStatus])))]
pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Json<Vec<JobStatus>> {
    Json(app.jobs.list(&caller.collection))
}

/// How far a job is.
#[utoipa::path(get, path = "/api/v1/jobs/{job}", tag = "jobs", operation_id = "get_job",
    params(("job" = u64, Path, description = "Number of the job")),
    responses((status = 200, description = "That far", body = JobStatus)))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<JobStatus>, Problem> {
    let job = app.jobs.find(number(&id)?, &caller.collection)?;
    Ok(Json(job.status()))
}

/// Stop a job; what it has done is kept.
#[utoipa::path(delete, path = "/api/v1/jobs/{job}", tag = "jobs", operation_id = "cancel_job",
    params(("job" = u64, Path, description = "Number of the job")),
    responses((status = 202, description = "It will stop", body = JobStatus)))]
pub async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let job = app.jobs.find(number(&id)?, &caller.collection)?;
    job.cancel();
    Ok((StatusCode::ACCEPTED, Json(job.status())).into_response())
}

/// Follow a job: an event for each change, until it is over.
#[utoipa::path(get, path = "/api/v1/jobs/{job}/events", tag = "jobs", operation_id = "follow_job",
    params(("job" = u64, Path, description = "Number of the job")),
    responses((status = 200, description = "Events named `job`, each a status as JSON", content_type = "text/event-stream", body = String)))]
pub async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let job = app.jobs.find(number(&id)?, &caller.collection)?;
    let following = Following {
        status: job.follow(),
        stopping: app.stopping(),
        is_first: true,
        is_over: false,
    };
    let events = stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok::<_, Infallible>(event), following))
    });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

struct Following {
    status: watch::Receiver<JobStatus>,
    stopping: watch::Receiver<bool>,
    is_first: bool,
    is_over: bool,
}

impl Following {
    async fn next(&mut self) -> Option<Event> {
        if self.is_over {
            return None;
        }
        if !std::mem::take(&mut self.is_first) {
            sleep(PACE).await;
            tokio::select! {
                changed = self.status.changed() => changed.ok()?,
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
            }
        }
        let status = self.status.borrow_and_update().clone();
        self.is_over = status.state.is_over();
        Event::default().event("job").json_data(&status).ok()
    }
}

fn number(id: &str) -> Result<u64, Problem> {
    id.parse()
        .map_err(|_| Problem::not_found(format!("`{id}` is the number of no job")))
}

/// The folders that are indexed.
#[utoipa::path(get, path = "/api/v1/sources", tag = "jobs", operation_id = "list_sources",
    responses((status = 200, description = "Where items come from", body = [Source])))]
pub async fn sources(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<Vec<Source>>, Problem> {
    let sources = app.work(move |app| {
        let sources = app.library.database(&caller.collection)?.sources()?;
        let source = |one: fovea_vectordb::SourceRecord| Source {
            kind: match one.kind {
                SourceKind::Root => "folder",
                SourceKind::Upload => "uploads",
                SourceKind::Import => "vectors",
            },
            root: one.root.to_string_lossy().into_owned(),
            online: one.online,
            n_items: one.n_items,
            scanned_ms: one.last_scan_ns.map(|ns| ns / 1_000_000),
        };
        Ok(sources.into_iter().map(source).collect())
    });
    Ok(Json(sources.await?))
}
