//! Who asks: the key, what it may do, in which collection, and how often.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::body::query_value;
use super::keys::{Key, Role};
use super::problem::Problem;

/// Keeps the key of a browser that signed in.
pub const COOKIE: &str = "fovea_key";

/// Whoever asks, as far as a handler has to know: the role was checked on the way.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The collection that is asked, which this caller may.
    pub collection: String,
    /// The only one there is for this caller.
    pub only: Option<String>,
    pub role: Role,
    /// Whether places may be told.
    pub see_location: bool,
    /// Name of the key, for the log.
    pub name: Option<String>,
}

impl Caller {
    /// On this machine, looking and no more.
    pub fn reader(collection: String, see_location: bool) -> Caller {
        Caller {
            only: Some(collection.clone()),
            collection,
            role: Role::Read,
            see_location,
            name: None,
        }
    }

    /// On this machine, while there is no key.
    fn anybody() -> Caller {
        Caller {
            collection: String::new(),
            only: None,
            role: Role::Admin,
            see_location: true,
            name: None,
        }
    }

    fn with(key: &Key) -> Caller {
        Caller {
            collection: String::new(),
            only: key.collection.clone(),
            role: key.role,
            see_location: key.see_location,
            name: Some(key.name.clone()),
        }
    }
}

/// Name of the key that was used, for the log.
#[derive(Clone, Debug)]
pub struct Used(pub String);

/// Lets through who may do what the role may.
pub async fn require(
    State((app, needed)): State<(Arc<App>, Role)>,
    mut request: Request,
    next: Next,
) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let caller = match admit(&app, needed, request.headers(), query) {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let used = caller.name.clone().map(Used);
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if let Some(used) = used {
        response.extensions_mut().insert(used);
    }
    response
}

fn admit(app: &App, needed: Role, headers: &HeaderMap, query: &str) -> Result<Caller, Problem> {
    let mut caller = identify(app, headers)?;
    if caller.role < needed {
        let detail = format!(
            "this key may {}, and that takes one that may {needed}",
            caller.role
        );
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    if let Some(name) = &caller.name
        && !app.rates.take(name, Instant::now())
    {
        let detail = format!(
            "this key asks more than {} times a second",
            app.options.rate
        );
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail);
        return Err(problem.with(header::RETRY_AFTER, "1"));
    }
    let named = query_value(query, "collection")?;
    caller.collection = match (named, &caller.only) {
        (Some(named), Some(only)) if named != *only => {
            let detail = format!("this key opens the collection `{only}` alone");
            return Err(Problem::new(StatusCode::FORBIDDEN, detail));
        }
        (Some(named), _) => named,
        (None, Some(only)) => only.clone(),
        (None, None) => app.library.default_collection().to_owned(),
    };
    Ok(caller)
}

fn identify(app: &App, headers: &HeaderMap) -> Result<Caller, Problem> {
    let ring = app.ring();
    if ring.is_empty() && app.options.is_local {
        return Ok(Caller::anybody());
    }
    let shown = match headers.get(header::AUTHORIZATION) {
        Some(_) => Some(bearer(headers).unwrap_or_default()),
        None => cookie(headers),
    };
    let key = shown.and_then(|secret| ring.find(secret));
    key.map(Caller::with).ok_or_else(|| {
        let detail = match shown {
            None => "a key is needed: Authorization: Bearer KEY; `fovea keys add NAME` makes one",
            Some(_) => "this key opens nothing; `fovea keys list` shows those that do",
        };
        Problem::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, "Bearer")
    })
}

/// The key that a program sends.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let shown = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = shown.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(secret.trim())
}

/// The key that a browser sends after signing in. It does so for pages of this server alone: the cookie is `SameSite=Strict`,
/// and requests of other pages do not pass the guard.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).into_iter();
    let pairs = all.filter_map(|one| one.to_str().ok());
    let mut pairs = pairs.flat_map(|one| one.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE && !value.is_empty()).then_some(value)
    })
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, Problem> {
        // A route without a role has nobody to ask for; none of those has such a handler.
        parts.extensions.get::<Caller>().cloned().ok_or_else(|| {
            Problem::new(StatusCode::UNAUTHORIZED, "nobody was let in to this route")
        })
    }
}
