//! Every error as one kind of document: RFC 9457, "Problem Details for HTTP APIs".

use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use fovea_engine::{Fault, QueryError};
use serde::Serialize;
use utoipa::ToSchema;

pub const MEDIA_TYPE: &str = "application/problem+json";
/// Of an answer that is no problem document, so much is looked at to make it one.
const LONGEST_REASON: usize = 4096;

/// An error on its way out.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: StatusCode,
    pub detail: String,
    /// Which character of the query it is about, from 1.
    pub character: Option<usize>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The document.
#[derive(Serialize, ToSchema)]
#[schema(title = "Problem")]
pub struct ProblemDocument {
    /// `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    /// What went wrong, and what to do about it.
    detail: String,
    /// Which character of the query it is about, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    character: Option<usize>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            status,
            detail: detail.into(),
            character: None,
            headers: Vec::new(),
        }
    }

    pub fn input(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &'static str) -> Problem {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }

    pub fn of_fault(fault: Fault, detail: impl Into<String>) -> Problem {
        let status = match fault {
            Fault::Input => StatusCode::BAD_REQUEST,
            Fault::Environment => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Corruption | Fault::Bug => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Problem::new(status, detail)
    }

    fn document(&self) -> ProblemDocument {
        ProblemDocument {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            character: self.character,
        }
    }
}

impl From<fovea_engine::Error> for Problem {
    fn from(error: fovea_engine::Error) -> Problem {
        match error {
            fovea_engine::Error::Query(error) => error.into(),
            fovea_engine::Error::Database(error) => error.into(),
            // Where a picture was handed in, its place on this machine is nobody's business.
            fovea_engine::Error::Image { source, .. } => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, source.to_string())
            }
            error => Problem::of_fault(error.fault(), error.to_string()),
        }
    }
}

impl From<fovea_vectordb::Error> for Problem {
    fn from(error: fovea_vectordb::Error) -> Problem {
        let mut problem = Problem::of_fault(error.fault(), error.to_string());
        if matches!(
            error,
            fovea_vectordb::Error::NoCollection { .. } | fovea_vectordb::Error::NotFound { .. }
        ) {
            problem.status = StatusCode::NOT_FOUND;
        }
        problem
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Problem {
        Problem {
            character: error.character(),
            ..Problem::input(error.message())
        }
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Problem {
        let error = match error.downcast::<fovea_engine::Error>() {
            Ok(error) => return error.into(),
            Err(error) => error,
        };
        match error.downcast::<fovea_vectordb::Error>() {
            Ok(error) => error.into(),
            Err(error) => Problem::of_fault(crate::exit::fault_of(&error), format!("{error:#}")),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let body = serde_json::to_vec(&self.document()).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}

/// What the framework refused in plain words (a method, a path) is said as everything else is.
pub async fn documented(response: Response<Body>) -> Response<Body> {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_document = kind.is_some_and(|kind| kind == MEDIA_TYPE);
    if is_document || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let reason = to_bytes(body, LONGEST_REASON).await.unwrap_or_default();
    let detail = match String::from_utf8_lossy(&reason).trim() {
        "" => status.canonical_reason().unwrap_or("Error").to_owned(),
        reason => reason.to_owned(),
    };
    let mut problem = Problem::new(status, detail);
    if let Some(allow) = parts.headers.get(header::ALLOW) {
        problem.headers.push((header::ALLOW, allow.clone()));
    }
    problem.into_response()
}
