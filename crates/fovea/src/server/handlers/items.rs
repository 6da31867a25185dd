//! Items one by one, and in lists.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fovea_engine::{Plan, PlanOptions, private};
use fovea_vectordb::{
    Batch, CaptionOrigin, Database, Item, ItemId, Listed, Operation, Order, Value,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::search::{filters, may_ask};
use crate::server::app::App;
use crate::server::auth::Caller;
use crate::server::body::{self, Params};
use crate::server::problem::Problem;
use crate::server::{pictures, uploads};

/// Letters of a content hash that tell contents apart in an address.
const VERSION_LETTERS: usize = 16;
const DEFAULT_TOP: usize = 100;
const MOST: usize = 1_000;

/// An id, with or without the `#`.
pub fn named_item(text: &str) -> Result<ItemId, Problem> {
    let bare = text.strip_prefix('#').unwrap_or(text);
    bare.parse()
        .map_err(|_| Problem::not_found(format!("`{bare}` is the id of no item")))
}

/// The item of an id, in the caller's collection.
pub fn item(database: &dyn Database, id: ItemId) -> Result<Item, Problem> {
    let found = database.items(&[id])?.pop();
    found.ok_or_else(|| Problem::not_found(format!("there is no item #{id} in this collection")))
}

/// Where its small picture is; another content has another address.
pub fn thumbnail_url(item: &Item) -> String {
    format!("/api/v1/items/{}/thumbnail?v={}", item.id, version(item))
}

/// What tells the item's content from another one.
pub fn version(item: &Item) -> String {
    let mut hash = item.content.hash.to_string();
    hash.truncate(VERSION_LETTERS);
    hash
}

/// All that is known of an item, places for those alone who may see them.
#[derive(Serialize, ToSchema)]
pub struct ItemDocument {
    item: String,
    path: String,
    online: bool,
    /// BLAKE3 of the file.
    content: String,
    format: String,
    /// Of the upright picture, in pixels.
    width: u32,
    height: u32,
    /// Bytes of the file.
    size: u64,
    /// When the file was changed, and when it was first seen, in milliseconds since 1970.
    modified_ms: i64,
    added_ms: i64,
    captions: Vec<CaptionDocument>,
    /// Each key with its values, texts and numbers.
    metadata: BTreeMap<String, Vec<serde_json::Value>>,
    colors: Vec<ColorDocument>,
    thumbnail: String,
    original: String,
}

#[derive(Serialize, ToSchema)]
pub struct CaptionDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    lang: Option<String>,
    text: String,
    /// `sidecar`, `file` or `embedded`.
    origin: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct ColorDocument {
    /// As in `#c02030`.
    rgb: String,
    /// Of the picture, 0 to 1.
    share: f32,
}

impl ItemDocument {
    pub fn of(item: &Item, caller: &Caller) -> ItemDocument {
        let visible = |key: &&String| caller.see_location || !private::is_private(key);
        let metadata = item.metadata.iter().filter(|(key, _)| visible(key));
        let values = |values: &[Value]| values.iter().map(value).collect();
        let captions = item.captions.iter().map(|caption| CaptionDocument {
            lang: caption.lang.clone(),
            text: caption.text.clone(),
            origin: match caption.origin {
                CaptionOrigin::Sidecar => "sidecar",
                CaptionOrigin::File => "file",
                CaptionOrigin::Embedded => "embedded",
            },
        });
        let colors = item.content.colors.iter().map(|color| ColorDocument {
            rgb: color
                .rgb
                .iter()
                .fold("#".to_owned(), |text, part| format!("{text}{part:02x}")),
            share: color.share,
        });
        ItemDocument {
            item: item.id.to_string(),
            path: item.absolute().to_string_lossy().into_owned(),
            online: item.online,
            content: item.content.hash.to_string(),
            format: item.content.format.clone(),
            width: item.content.width,
            height: item.content.height,
            size: item.size,
            modified_ms: item.mtime_ns / 1_000_000,
            added_ms: item.added_ns / 1_000_000,
            captions: captions.collect(),
            metadata: metadata
                .map(|(key, all)| (key.clone(), values(all)))
                .collect(),
            colors: colors.collect(),
            thumbnail: thumbnail_url(item),
            original: format!("/api/v1/items/{}/original", item.id),
        }
    }
}

fn value(value: &Value) -> serde_json::Value {
    match value {
        Value::Text(text) => json!(text),
        Value::Integer(number) => json!(number),
        Value::Real(number) => json!(number),
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListRequest {
    /// Filters alone, as in `date:2023 tag:cat`.
    filter: String,
    #[param(inline)]
    order: ListOrder,
    /// How many; 100 without it.
    #[param(minimum = 1, maximum = 1000)]
    top: Option<usize>,
    /// What stood as `next` in the answer before.
    cursor: Option<String>,
    #[param(ignore)]
    #[serde(rename = "collection")]
    _collection: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListOrder {
    #[default]
    Newest,
    Oldest,
    Name,
}

#[derive(Serialize, ToSchema)]
pub struct ItemList {
    items: Vec<ItemDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The items that filters let through.
#[utoipa::path(get, path = "/api/v1/items", tag = "items", operation_id = "list_items", params(ListRequest),
    responses((status = 200, description = "In order", body = ItemList)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(request): Params<ListRequest>,
) -> Result<Json<ItemList>, Problem> {
    let listed = app.work(move |app| {
        let database = app.library.database(&caller.collection)?;
        let database = &*database;
        let query = filters(&request.filter)?;
        let plan = Plan::new(query, database, PlanOptions::new(false))?;
        may_ask(&caller, &plan)?;
        let top = request.top.unwrap_or(DEFAULT_TOP);
        if !(1..=MOST).contains(&top) {
            let detail = format!("top={top}: 1 to {MOST} items come at once");
            return Err(Problem::input(detail));
        }
        let order = match request.order {
            ListOrder::Newest => Order::Newest,
            ListOrder::Oldest => Order::Oldest,
            ListOrder::Name => Order::Name,
        };
        let after = request.cursor.as_deref().map(read_cursor).transpose()?;
        let mut listed = database.list(&plan.filter, order, after.as_ref(), top + 1)?;
        let has_more = listed.len() > top;
        listed.truncate(top);
        let ids: Vec<ItemId> = listed.iter().map(|one| one.item).collect();
        let items = database.items(&ids)?;
        Ok(ItemList {
            items: items
                .iter()
                .map(|item| ItemDocument::of(item, &caller))
                .collect(),
            next: listed.last().filter(|_| has_more).map(write_cursor),
        })
    });
    Ok(Json(listed.await?))
}

fn write_cursor(listed: &Listed) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {}", listed.item, listed.key))
}

fn read_cursor(text: &str) -> Result<Listed, Problem> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (item, key) = text.split_once(' ')?;
        Some(Listed {
            item: item.parse().ok()?,
            key: key.to_owned(),
        })
    };
    read().ok_or_else(|| {
        Problem::input(
            "this is no cursor: take what stands as `next` in the answer before, as it is",
        )
    })
}

/// All that is known of an item.
#[utoipa::path(get, path = "/api/v1/items/{item}", tag = "items", operation_id = "get_item",
    params(("item" = String, Path, description = "Id of the item")),
    responses((status = 200, description = "The item", body = ItemDocument)))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ItemDocument>, Problem> {
    let id = named_item(&id)?;
    let read = app.work(move |app| {
        let database = app.library.database(&caller.collection)?;
        Ok(ItemDocument::of(&item(&*database, id)?, &caller))
    });
    Ok(Json(read.await?))
}

/// Take an item out of the collection. Of an upload the file goes too; a file in a folder of somebody's stays, and is an
/// item again when the folder is next looked through.
#[utoipa::path(delete, path = "/api/v1/items/{item}", tag = "items", operation_id = "remove_item",
    params(("item" = String, Path, description = "Id of the item")),
    responses((status = 204, description = "It is out")))]
pub async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = named_item(&id)?;
    let removed = app.work(move |app| {
        let database = app.library.database(&caller.collection)?;
        let item = item(&*database, id)?;
        app.library.uploads().remove(&item)?;
        let mut batch = Batch::default();
        batch.push(Operation::RemoveItem(id));
        database.write(&batch)?;
        Ok(StatusCode::NO_CONTENT)
    });
    removed.await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UploadRequest {
    /// What the picture is called.
    #[serde(default)]
    name: String,
    #[param(ignore)]
    #[serde(rename = "collection")]
    _collection: Option<String>,
}

/// Add a picture: the body is its bytes.
#[utoipa::path(post, path = "/api/v1/items", tag = "items", operation_id = "add_item", params(UploadRequest),
    request_body(content = String, content_type = "application/octet-stream", description = "An image file, as it is"),
    responses((status = 201, description = "It is an item now", body = ItemDocument),
              (status = 200, description = "It was one before", body = ItemDocument)))]
pub async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(upload): Params<UploadRequest>,
    request: Request,
) -> Result<Response, Problem> {
    let bytes = picture(&app, request).await?;
    let added = app.work(move |app| {
        let engine = app.library.engine(&caller.collection)?;
        let folder = uploads::folder(app.library.folder(), &caller.collection);
        let (item, is_new) = uploads::add(&engine, &folder, &upload.name, &bytes)?;
        Ok((ItemDocument::of(&item, &caller), is_new))
    });
    let (document, is_new) = added.await?;
    let status = match is_new {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok((status, Json(document)).into_response())
}

/// A picture that was sent, of any kind and no larger than is taken. Few are received at once, whoever sends them.
async fn picture(app: &Arc<App>, request: Request) -> Result<Vec<u8>, Problem> {
    let kind = body::media_type(request.headers()).unwrap_or_default();
    if !kind.starts_with("image/") && kind != "application/octet-stream" {
        return Err(body::unsupported(
            "the bytes of an image are expected here: image/..., or application/octet-stream",
        ));
    }
    let _place = app.receiving.acquire().await.map_err(anyhow::Error::from)?;
    body::read(app, request, app.options.max_upload).await
}

/// A picture to search by, as it was taken up.
#[derive(Serialize, ToSchema)]
pub struct PictureDocument {
    /// For `picture` in a search; forgotten some time after its last use.
    picture: String,
    format: &'static str,
    width: u32,
    height: u32,
}

/// Hand in a picture to search by; it is no item.
#[utoipa::path(post, path = "/api/v1/pictures", tag = "search", operation_id = "add_picture",
    request_body(content = String, content_type = "application/octet-stream", description = "An image file, as it is"),
    responses((status = 201, description = "It can be searched by", body = PictureDocument)))]
pub async fn add_picture(
    State(app): State<Arc<App>>,
    _caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let bytes = picture(&app, request).await?;
    let kept = app.work(move |app| {
        let probe = pictures::probed(&bytes)?;
        Ok(PictureDocument {
            picture: app.pictures.keep(bytes).to_string(),
            format: probe.format.name(),
            width: probe.width,
            height: probe.height,
        })
    });
    Ok((StatusCode::CREATED, Json(kept.await?)).into_response())
}
