//! Searching: a query as text, or part by part; the answer is what `fovea search --json` prints, and what it was taken for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use fovea_engine::{
    Cursor, Engine, Fused, Grouping, Plan, PlanOptions, Query, SearchOptions, SearchResult,
    SearchResults, Spaces, Term, TermContent, private,
};
use fovea_vectordb::{Order, Region};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::items::{named_item, thumbnail_url};
use super::together::others;
use crate::render::{self, Found, PlaceParts, PlanParts, RECIPROCAL_RANK};
use crate::server::app::App;
use crate::server::auth::Caller;
use crate::server::body::{Document, Params};
use crate::server::encoder;
use crate::server::gate::Load;
use crate::server::log::Asked;
use crate::server::metrics::Stage;
use crate::server::problem::Problem;

const DEFAULT_TOP: usize = 10;
/// Results of one page.
const MOST: usize = 1_000;
/// Where results are compared with each other, which takes the square of them.
const MOST_COMPARED: usize = 200;

/// What is looked for, and how it is to be shown.
#[derive(Clone, Debug, Default, Deserialize, IntoParams, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchRequest {
    /// A query, as on the command line; pictures are named by `#ITEM`.
    pub q: String,
    /// The query part by part, as it stands as `plan` in an answer, in the place of `q`; dates in its words are words.
    #[param(ignore)]
    pub plan: Option<PlanDocument>,
    /// Further filters, as in `date:2023 -tag:private`.
    pub filter: String,
    /// An item: more like this.
    pub item: Option<String>,
    /// A picture that was handed in (`POST /api/v1/pictures`): more like this.
    pub picture: Option<String>,
    /// How much that counts beside the words; less than 0 for less like this.
    pub weight: Option<f32>,
    /// Of the picture this part: left, top, width and height, in fractions, as in `0.1,0.2,0.5,0.5`.
    pub region: Option<String>,
    /// How many results; without it ten, and none after the matches end.
    #[param(minimum = 1, maximum = 1000)]
    #[schema(minimum = 1, maximum = 1000)]
    pub top: Option<usize>,
    /// Whether the list ends where the matches end.
    pub cut: Option<bool>,
    /// The next page: what stood as `next` in the answer before, all else being as it was.
    pub cursor: Option<String>,
    /// Leave out what scores less.
    pub threshold: Option<f32>,
    /// One result of each of these.
    #[param(inline)]
    pub group: Option<Group>,
    #[param(inline)]
    pub sort: Sort,
    /// 0 to 1: prefer results unlike those before them.
    #[param(minimum = 0, maximum = 1)]
    #[schema(minimum = 0, maximum = 1)]
    pub diverse: Option<f32>,
    #[param(inline)]
    pub space: Space,
    /// Take dates in the words for filters, and pass over `photos of` and the like; true without it.
    pub guess: Option<bool>,
    /// Ask these packs, too, and rank by all: names with commas between, of packs that `fovea migrate-model --to PACK --stay`
    /// brought to the collection. `sort`, `threshold`, `group`, `diverse` and `cursor` are of one pack's list and do not go
    /// with it.
    pub with: String,
    #[param(ignore)]
    #[schema(ignore)]
    pub collection: Option<String>,
}

impl SearchRequest {
    /// Pictures that were handed in, and parts of pictures, may have to be encoded; another pack may read words by a network.
    fn load(&self) -> Load {
        match self.picture.is_some() || self.region.is_some() || !self.with.is_empty() {
            true => Load::Any,
            false => Load::Words,
        }
    }
}

/// A query part by part.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub struct PlanDocument {
    pub terms: Vec<TermDocument>,
    /// Terms of which nothing may look like any.
    pub without: Vec<String>,
    /// All of them hold.
    pub filters: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct TermDocument {
    #[serde(default = "once")]
    pub weight: f32,
    /// Words, `"a phrase"`, `#ITEM` or `@NAME`.
    pub term: String,
}

fn once() -> f32 {
    1.0
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    Folder,
    Day,
    Similar,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    #[default]
    Relevance,
    /// The newest first.
    Date,
    Name,
}

impl Sort {
    pub fn is_relevance(self) -> bool {
        matches!(self, Sort::Relevance)
    }
}

/// Which vectors answer words.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Space {
    #[default]
    All,
    Image,
    Caption,
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct SearchAnswer {
    query: String,
    took_ms: f64,
    /// Of that, to turn words and pictures into vectors.
    encode_ms: f64,
    /// What the scores are, where they are no cosines.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<&'static str>,
    results: Vec<Shown>,
    /// For `cursor`, where there is another page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// What the query was taken for.
    plan: PlanParts,
    /// Where the list was cut: the best of what is no match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    below: Vec<Shown>,
    /// Why there is nothing, where there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Packs of `with` that have not seen every picture yet; `fovea migrate-model --to PACK --stay` brings the rest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<String>,
}

/// A result with what it takes to show it.
#[derive(Serialize, ToSchema)]
pub struct Shown {
    #[serde(flatten)]
    found: Found,
    /// Of the upright picture, in pixels.
    width: u32,
    height: u32,
    /// When the file was changed, in milliseconds since 1970.
    modified_ms: i64,
    /// Address of a small picture; it may be kept for ever.
    thumbnail: String,
    /// With `with`: where it stands in the list of each pack that has it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    packs: Vec<PlaceParts>,
}

/// Find images.
#[utoipa::path(get, path = "/api/v1/search", tag = "search", operation_id = "search", params(SearchRequest),
    responses((status = 200, description = "What was found, the best first", body = SearchAnswer)))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(request): Params<SearchRequest>,
) -> Result<Response, Problem> {
    answer(&app, caller, request).await
}

/// Find images by a document.
#[utoipa::path(post, path = "/api/v1/search", tag = "search", operation_id = "search_by_document",
    request_body = SearchRequest,
    responses((status = 200, description = "What was found, the best first", body = SearchAnswer)))]
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    Document(request): Document<SearchRequest>,
) -> Result<Response, Problem> {
    answer(&app, caller, request).await
}

pub async fn answer(
    app: &Arc<App>,
    caller: Caller,
    request: SearchRequest,
) -> Result<Response, Problem> {
    let (asked, text) = app
        .work_on(request.load(), move |app| {
            let answer = search(app, &caller, &request)?;
            let started = Instant::now();
            let text = serde_json::to_vec(&answer).map_err(anyhow::Error::from)?;
            app.metrics.stage(Stage::Render, started.elapsed());
            Ok((Asked(answer.query), text))
        })
        .await?;
    let kind = [(axum::http::header::CONTENT_TYPE, "application/json")];
    Ok((Extension(asked), kind, text).into_response())
}

pub fn search(
    app: &App,
    caller: &Caller,
    request: &SearchRequest,
) -> Result<SearchAnswer, Problem> {
    let engine = app.library.engine(&caller.collection)?;
    let query = query(app, request)?;
    let line = query.to_string();
    let guess = request.plan.is_none() && request.guess.unwrap_or(true);
    let plan = engine.plan(&query, PlanOptions::new(guess))?;
    may_ask(caller, &plan)?;
    let options = options(request, guess)?;
    let others = others(app, caller, &engine, &plan, request)?;
    encoder::spent();
    let Fused { results, places } = match fused(&engine, &others, &plan, &options) {
        // Where nothing was ever indexed there is nothing that could be compared.
        Err(_) if engine.database().active_pack()?.is_none() => alone(SearchResults::none()),
        fused => fused?,
    };
    let encoding = encoder::spent();
    app.metrics
        .stage(Stage::Search, results.took.saturating_sub(encoding));
    let message = match results.results.is_empty() {
        true => {
            let n_items = engine.database().info()?.n_items;
            Some(render::why_nothing(n_items, !results.below.is_empty()))
        }
        false => None,
    };
    let shown = |all: &[SearchResult]| {
        let one = |one: &SearchResult| {
            let packs = places.get(&one.item.id).into_iter().flatten();
            Shown {
                packs: packs.map(PlaceParts::of).collect(),
                ..shown(one, &results)
            }
        };
        all.iter().map(one).collect()
    };
    Ok(SearchAnswer {
        query: line,
        took_ms: render::milliseconds(results.took),
        encode_ms: render::milliseconds(encoding),
        metric: match others.is_empty() {
            true => render::metric_of(&results),
            false => Some(RECIPROCAL_RANK),
        },
        results: shown(&results.results),
        next: results.next.as_ref().map(Cursor::to_string),
        plan: PlanParts::of(&plan),
        below: shown(&results.below),
        message,
        incomplete: app.library.incomplete(&caller.collection, &others)?,
    })
}

/// By the collection's own pack, or by all.
fn fused(
    engine: &Engine,
    others: &[Engine],
    plan: &Plan,
    options: &SearchOptions,
) -> Result<Fused, fovea_engine::Error> {
    match others {
        [] => engine.carry_out(plan, options).map(alone),
        others => engine.search_with(others, plan, options),
    }
}

fn alone(results: SearchResults) -> Fused {
    Fused {
        results,
        places: HashMap::new(),
    }
}

pub fn shown(result: &SearchResult, results: &SearchResults) -> Shown {
    Shown {
        found: render::found(result, results.metric),
        width: result.item.content.width,
        height: result.item.content.height,
        modified_ms: result.item.mtime_ns / 1_000_000,
        thumbnail: thumbnail_url(&result.item),
        packs: Vec::new(),
    }
}

/// Whoever may not see places may not search by them either.
pub fn may_ask(caller: &Caller, plan: &Plan) -> Result<(), Problem> {
    match caller.see_location || !private::asks(&plan.filter) {
        true => Ok(()),
        false => Err(Problem::new(
            axum::http::StatusCode::FORBIDDEN,
            "this key is not told where pictures were taken, and does not search by it: that takes --see-location",
        )),
    }
}

/// What is asked for, from all places where it may stand.
pub fn query(app: &App, request: &SearchRequest) -> Result<Query, Problem> {
    let mut query = match (&request.plan, request.q.trim()) {
        (Some(_), words) if !words.is_empty() => {
            return Err(Problem::input("`q` and `plan` are two queries; give one"));
        }
        (Some(plan), _) => of_plan(plan)?,
        (None, "") => Query::default(),
        (None, words) => Query::from_syntax(words)?,
    };
    if !request.filter.trim().is_empty() {
        query = query.with_filters(filters(&request.filter)?);
    }
    refuse_paths(&query)?;
    let item = request
        .item
        .as_deref()
        .map(|item| Ok(TermContent::Item(named_item(item)?)));
    let picture = request.picture.as_deref().map(|hash| given(app, hash));
    for content in [item, picture].into_iter().flatten() {
        query.terms.push(Term {
            weight: weight(request.weight.unwrap_or(1.0))?,
            content: content?,
        });
    }
    Ok(query)
}

fn given(app: &App, hash: &str) -> Result<TermContent, Problem> {
    let known = hash.parse().ok().and_then(|hash| app.pictures.find(&hash));
    known
        .map(TermContent::Given)
        .ok_or_else(|| Problem::not_found("this picture is not known any more; hand it in again"))
}

/// A path names a file of this machine, which whoever asks may not be meant to see.
pub fn refuse_paths(query: &Query) -> Result<(), Problem> {
    let terms = query.terms.iter().map(|term| &term.content);
    let is_path = |content: &TermContent| matches!(content, TermContent::Image(_));
    match terms.chain(&query.without).any(is_path) {
        false => Ok(()),
        true => Err(Problem::input(
            "files of the server are not read: name a picture by #ITEM, or upload it; words with a slash go in quotes",
        )),
    }
}

fn of_plan(plan: &PlanDocument) -> Result<Query, Problem> {
    let mut query = Query::default();
    for one in &plan.terms {
        query.terms.push(Term {
            weight: weight(one.weight)?,
            content: term(&one.term)?,
        });
    }
    for one in &plan.without {
        query.without.push(term(one)?);
    }
    for one in &plan.filters {
        query = query.with_filters(filters(one)?);
    }
    Ok(query)
}

fn weight(weight: f32) -> Result<f32, Problem> {
    match weight.is_finite() && weight != 0.0 {
        true => Ok(weight),
        false => Err(Problem::input(format!("{weight} is no weight"))),
    }
}

/// Exactly one term, as the grammar writes it.
fn term(text: &str) -> Result<TermContent, Problem> {
    let mut query = Query::from_syntax(text)?;
    let is_one = query.terms.len() == 1 && query.without.is_empty() && query.filters.is_empty();
    match query
        .terms
        .pop()
        .filter(|term| is_one && term.weight == 1.0)
    {
        Some(term) => Ok(term.content),
        None => Err(Problem::input(format!("`{text}` is more than one term"))),
    }
}

/// Filters alone; of an empty text none.
pub fn filters(text: &str) -> Result<Query, Problem> {
    if text.trim().is_empty() {
        return Ok(Query::default());
    }
    let query = Query::from_syntax(text)?;
    match query.terms.is_empty() && query.without.is_empty() {
        true => Ok(query),
        false => Err(Problem::input(format!(
            "only filters stand here, as in date:2023; `{text}` has terms"
        ))),
    }
}

pub fn options(request: &SearchRequest, guess: bool) -> Result<SearchOptions, Problem> {
    let top_k = request.top.unwrap_or(DEFAULT_TOP);
    if !(1..=MOST).contains(&top_k) {
        return Err(Problem::input(format!(
            "top={top_k}: 1 to {MOST} results come at once"
        )));
    }
    let is_compared = request.group.is_some() || request.diverse.is_some();
    if is_compared && top_k > MOST_COMPARED {
        return Err(Problem::input(format!(
            "top={top_k}: of groups and of what is diverse {MOST_COMPARED} come at once"
        )));
    }
    if request
        .threshold
        .is_some_and(|threshold| !threshold.is_finite())
    {
        return Err(Problem::input("threshold: a number is needed"));
    }
    if request
        .diverse
        .is_some_and(|weight| !(0.0..=1.0).contains(&weight))
    {
        return Err(Problem::input(
            "diverse: a number between 0 and 1 is needed",
        ));
    }
    let after = request.cursor.as_deref().map(str::parse::<Cursor>);
    Ok(SearchOptions {
        top_k,
        region: request.region.as_deref().map(region).transpose()?,
        spaces: match request.space {
            Space::All => Spaces::All,
            Space::Image => Spaces::Image,
            Space::Caption => Spaces::Caption,
        },
        guess,
        sort: match request.sort {
            Sort::Relevance => None,
            Sort::Date => Some(Order::Newest),
            Sort::Name => Some(Order::Name),
        },
        threshold: request.threshold,
        judge: true,
        cut: request.cut.unwrap_or(request.top.is_none()),
        group: request.group.map(|by| match by {
            Group::Folder => Grouping::Folder,
            Group::Day => Grouping::Day,
            Group::Similar => Grouping::Similar,
        }),
        diversity: request.diverse,
        after: after.transpose()?,
        ..Default::default()
    })
}

fn region(text: &str) -> Result<Region, Problem> {
    let numbers: Option<Vec<f32>> = text.split(',').map(|one| one.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[x, y, w, h]) => Ok(Region { x, y, w, h }),
        _ => Err(Problem::input(format!(
            "region={text}: four numbers are needed, as in 0.25,0.5,0.2,0.2: left, top, width and height"
        ))),
    }
}
