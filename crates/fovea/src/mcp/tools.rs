//! The tools: each asks the engine on one of its threads, and shows what was found as JSON and as small pictures.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock, Implementation, ServerCapabilities, ServerConfig};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};
use serde::Serialize;
use serde_json::Value;

use super::arguments::{
    ExplainArguments, GetArguments, SearchArguments, SimilarArguments, SortArgument,
};
use crate::server::handlers::items::{self, ItemDocument};
use crate::server::handlers::search::{SearchRequest, Sort};
use crate::server::handlers::{looks, search, thumbnails};
use crate::server::{App, Caller, Problem};

const INSTRUCTIONS: &str = "A library of pictures, found by what they show. `search` takes words in any language, pictures of \
    the library as #ITEM, and filters as key:value in one query; each result has `match`, the probability that it is what was \
    meant, and `above_cut`, which is false for what is no match. An empty list with `below` means that nothing fits: say so \
    rather than offering what is below. `get` shows one picture with all that is known of it, `similar` finds others like \
    it, `explain` says why it is in a result or is not. Nothing can be changed from here.";
/// Results of one answer; more would fill an assistant's memory.
const MOST: usize = 50;
/// Small pictures of one answer.
const MOST_PICTURES: usize = 8;
/// Addresses of the HTTP API, which lead nowhere from here.
const ADDRESSES: [&str; 2] = ["thumbnail", "original"];

/// Who answers an assistant.
#[derive(Clone)]
pub struct Assistant {
    app: Arc<App>,
    caller: Caller,
}

/// What a tool found: a document, and the items to be shown beside it.
struct Answer {
    document: Value,
    shown: Vec<String>,
}

#[tool_router]
impl Assistant {
    pub fn new(app: Arc<App>, see_location: bool) -> Assistant {
        let collection = app.library.default_collection().to_owned();
        Assistant {
            caller: Caller::reader(collection, see_location),
            app,
        }
    }

    /// Find pictures by words, by pictures of the library, by filters, or by mixtures of these. The best come first.
    #[tool(annotations(
        title = "Search pictures",
        read_only_hint = true,
        open_world_hint = false
    ))]
    pub async fn search(&self, Parameters(asked): Parameters<SearchArguments>) -> CallToolResult {
        let request = SearchRequest {
            q: asked.query,
            filter: asked.filter.unwrap_or_default(),
            top: asked.top,
            cursor: asked.cursor,
            sort: match asked.sort {
                None | Some(SortArgument::Relevance) => Sort::Relevance,
                Some(SortArgument::Date) => Sort::Date,
                Some(SortArgument::Name) => Sort::Name,
            },
            ..SearchRequest::default()
        };
        self.find(request, asked.pictures).await
    }

    /// All that is known of one picture: path, captions, metadata, size, colours; and the picture itself, small.
    #[tool(annotations(
        title = "Look at a picture",
        read_only_hint = true,
        open_world_hint = false
    ))]
    pub async fn get(&self, Parameters(asked): Parameters<GetArguments>) -> CallToolResult {
        self.answer(move |app, caller| {
            let id = items::named_item(&asked.item)?;
            let database = app.library.database(&caller.collection)?;
            let item = items::item(&*database, id)?;
            let is_shown = asked.picture.unwrap_or(true);
            Ok(Answer {
                document: document(&ItemDocument::of(&item, caller))?,
                shown: is_shown.then(|| id.to_string()).into_iter().collect(),
            })
        })
        .await
    }

    /// Pictures that look like one of the library, or like a part of it.
    #[tool(annotations(
        title = "More like this",
        read_only_hint = true,
        open_world_hint = false
    ))]
    pub async fn similar(&self, Parameters(asked): Parameters<SimilarArguments>) -> CallToolResult {
        let request = SearchRequest {
            item: Some(asked.item),
            filter: asked.filter.unwrap_or_default(),
            top: asked.top,
            region: asked.region,
            ..SearchRequest::default()
        };
        self.find(request, asked.pictures).await
    }

    /// Why a picture is where it is in the answer to a query, or why it is not in it: rank, score, what each part of the
    /// query gave, the filter that dropped it.
    #[tool(annotations(
        title = "Explain a result",
        read_only_hint = true,
        open_world_hint = false
    ))]
    pub async fn explain(&self, Parameters(asked): Parameters<ExplainArguments>) -> CallToolResult {
        self.answer(move |app, caller| {
            let id = items::named_item(&asked.item)?;
            let request = SearchRequest {
                q: asked.query,
                ..SearchRequest::default()
            };
            Ok(Answer {
                document: looks::explained(app, caller, id, &request)?,
                shown: Vec::new(),
            })
        })
        .await
    }

    async fn find(&self, request: SearchRequest, pictures: Option<usize>) -> CallToolResult {
        self.answer(move |app, caller| {
            let n_shown = pictures.unwrap_or(0);
            if request.top.is_some_and(|top| top > MOST) || n_shown > MOST_PICTURES {
                let detail = format!(
                    "up to {MOST} results and {MOST_PICTURES} pictures come at once; `cursor` leads on"
                );
                return Err(Problem::input(detail));
            }
            let document = document(&search::search(app, caller, &request)?)?;
            let results = document["results"].as_array().into_iter().flatten();
            let ids = results.filter_map(|one| one["item"].as_str().map(str::to_owned));
            Ok(Answer {
                shown: ids.take(n_shown).collect(),
                document,
            })
        })
        .await
    }

    /// Asks, and tells an assistant what went wrong in words that it can act on.
    async fn answer(
        &self,
        ask: impl FnOnce(&App, &Caller) -> Result<Answer, Problem> + Send + 'static,
    ) -> CallToolResult {
        let caller = self.caller.clone();
        let asked = self.app.work(move |app| {
            let mut answer = ask(app, &caller)?;
            strip(&mut answer.document);
            let mut result = CallToolResult::structured(answer.document);
            for item in &answer.shown {
                // A picture without a small one is told of all the same.
                if let Ok(jpeg) = thumbnails::jpeg(app, &caller, item) {
                    let block = ContentBlock::image(STANDARD.encode(jpeg), "image/jpeg");
                    result.content.push(block);
                }
            }
            Ok(result)
        });
        asked.await.unwrap_or_else(|problem| {
            CallToolResult::error(vec![ContentBlock::text(problem.detail)])
        })
    }
}

#[tool_handler]
impl ServerHandler for Assistant {
    fn get_info(&self) -> ServerConfig {
        let own = Implementation::new("fovea", env!("CARGO_PKG_VERSION")).with_title("Fovea");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(own)
            .with_instructions(INSTRUCTIONS)
    }
}

fn document(answer: &impl Serialize) -> Result<Value, Problem> {
    Ok(serde_json::to_value(answer).map_err(anyhow::Error::from)?)
}

/// Takes out the addresses.
fn strip(document: &mut Value) {
    match document {
        Value::Object(fields) => {
            fields.retain(|name, _| !ADDRESSES.contains(&name.as_str()));
            fields.values_mut().for_each(strip);
        }
        Value::Array(all) => all.iter_mut().for_each(strip),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
