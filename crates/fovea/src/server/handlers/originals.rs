//! The files themselves.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fovea_engine::Uploads;
use fovea_vectordb::Item;
use futures_util::stream;

use super::items::{item, named_item};
use super::page::is_known;
use crate::server::app::App;
use crate::server::auth::Caller;
use crate::server::originals;
use crate::server::problem::Problem;
use crate::server::range::{Part, part};

/// Bytes that are read at once.
const PIECE: u64 = 256 << 10;
/// What is no picture for a browser can do nothing there.
const INERT: &str = "default-src 'none'; sandbox";

/// What is sent.
enum Source {
    File(File),
    /// A cleaned copy.
    Bytes(Bytes),
}

/// The file of an item as it is; without `--see-location` a copy without metadata, of the formats that can be cleaned.
#[utoipa::path(get, path = "/api/v1/items/{item}/original", tag = "items", operation_id = "get_original",
    params(("item" = String, Path, description = "Id of the item")),
    responses((status = 200, description = "The file, as the kind of picture that it is", content_type = "*/*"),
              (status = 206, description = "The part of it that `Range` asked for", content_type = "*/*"),
              (status = 304, description = "It is known")))]
pub async fn original(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = named_item(&id)?;
    let opened = app.work(move |app| {
        let database = app.library.database(&caller.collection)?;
        let item = item(&*database, id)?;
        let source = match caller.see_location {
            true => Source::File(originals::open(&item, &app.library.uploads())?),
            false => Source::Bytes(cleaned(&item, &app.library.uploads())?.into()),
        };
        Ok((item, source))
    });
    let (item, source) = opened.await?;
    answer(&item, source, &headers)
}

fn cleaned(item: &Item, uploads: &Uploads) -> Result<Vec<u8>, Problem> {
    originals::cleaned(item, uploads)?.ok_or_else(|| {
        let detail = format!(
            "a {} file may tell where it was taken, and that cannot be taken out of it here: it takes a key with --see-location",
            item.content.format
        );
        Problem::new(StatusCode::FORBIDDEN, detail)
    })
}

fn answer(item: &Item, source: Source, headers: &HeaderMap) -> Result<Response, Problem> {
    let (size, suffix) = match &source {
        Source::File(_) => (item.size, ""),
        Source::Bytes(bytes) => (bytes.len() as u64, "-clean"),
    };
    let etag = format!("\"{}{suffix}\"", item.content.hash);
    let (kind, is_shown) = originals::media_type(&item.content.format);
    let value = |text: &str| HeaderValue::from_str(text).map_err(anyhow::Error::from);
    let mut caching = HeaderMap::new();
    caching.insert(header::ETAG, value(&etag)?);
    caching.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    caching.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if is_known(headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // A part is of the file that the client has begun with, or there is none.
    let is_same = text(header::IF_RANGE).is_none_or(|known| known == etag);
    let asked = text(header::RANGE).filter(|_| is_same);
    let (status, from, len) = match part(asked, size) {
        Part::Whole => (StatusCode::OK, 0, size),
        Part::Some { from, len } => {
            let range = format!("bytes {from}-{}/{size}", from + len - 1);
            caching.insert(header::CONTENT_RANGE, value(&range)?);
            (StatusCode::PARTIAL_CONTENT, from, len)
        }
        Part::Nowhere => {
            let detail = format!("the file has {size} bytes");
            let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail);
            let mut response = problem.into_response();
            let range = value(&format!("bytes */{size}"))?;
            response.headers_mut().insert(header::CONTENT_RANGE, range);
            return Ok(response);
        }
    };
    caching.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    caching.insert(header::CONTENT_LENGTH, HeaderValue::from(len));
    caching.insert(
        header::CONTENT_DISPOSITION,
        value(&disposition(item, is_shown))?,
    );
    if !is_shown {
        caching.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(INERT),
        );
    }
    Ok((status, caching, body(source, from, len)?).into_response())
}

fn body(source: Source, from: u64, len: u64) -> Result<Body, Problem> {
    let mut file = match source {
        Source::Bytes(bytes) => {
            let range = from as usize..(from + len) as usize;
            return Ok(Body::from(bytes.slice(range)));
        }
        Source::File(file) => file,
    };
    file.seek(SeekFrom::Start(from))
        .map_err(|_| Problem::not_found("its file cannot be read"))?;
    // One piece is read after the other, as the client takes them.
    let pieces = stream::unfold((Some(file), len), |(file, left)| async move {
        if left == 0 {
            return None;
        }
        let read = tokio::task::spawn_blocking(move || read_piece(file, left.min(PIECE)));
        let (file, piece) = match read.await {
            Ok(read) => read,
            Err(error) => return Some((Err(std::io::Error::other(error)), (None, 0))),
        };
        let left = match &piece {
            Ok(piece) => left - piece.len() as u64,
            Err(_) => 0,
        };
        Some((piece, (file, left)))
    });
    Ok(Body::from_stream(pieces))
}

/// A file that has become shorter breaks the answer off: its length was said already.
fn read_piece(file: Option<File>, len: u64) -> (Option<File>, std::io::Result<Bytes>) {
    let Some(mut file) = file else {
        return (None, Err(std::io::ErrorKind::NotFound.into()));
    };
    let mut piece = vec![0; len as usize];
    let read = file.read_exact(&mut piece).map(|()| Bytes::from(piece));
    (Some(file), read)
}

/// Its name, so that it is saved as what it is called (RFC 6266, RFC 8187).
fn disposition(item: &Item, is_shown: bool) -> String {
    let path = item.absolute();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let coded = name.bytes().fold(String::new(), |coded, byte| {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => format!("{coded}{}", char::from(byte)),
            false => format!("{coded}%{byte:02X}"),
        }
    });
    let how = if is_shown { "inline" } else { "attachment" };
    format!("{how}; filename*=UTF-8''{coded}")
}
