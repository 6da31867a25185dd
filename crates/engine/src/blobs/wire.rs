//! Requests to a store that speaks S3, signed, over HTTP, asked again while that may help. Buckets are named in the path.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ureq::http::{Request as HttpRequest, StatusCode, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::bucket::Access;
use super::sign::{Request, authorization, coded, sha256};
use crate::error::Error;

/// No preview, upload or page of a listing is larger.
const MOST_BYTES: u64 = 512 << 20;
/// Bytes of what a store says of an error, and letters of it that are shown.
const MOST_ERROR: u64 = 64 << 10;
const MOST_REASON: usize = 300;
/// Between two tries at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const CONNECT: Duration = Duration::from_secs(5);

pub(super) struct Wire {
    access: Access,
    agent: Agent,
    /// As in `https://host:9000`, then `host:9000`, then what paths begin with.
    origin: String,
    host: String,
    base: String,
}

pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    /// What the head says of the object.
    pub(super) length: Option<u64>,
}

/// Why there is no answer, with the store's words.
pub(super) enum Failed {
    /// There is no object of this name.
    Nothing,
    /// There is no bucket of this name.
    Missing(String),
    /// The keys are not such that it does what is asked.
    Denied(String),
    /// It does not do what is asked, now or later.
    Refused(String),
    /// It was asked until the deadline.
    Away(String),
}

/// One try.
enum Try {
    Done(Answer),
    Again(String),
    Failed(Failed),
}

impl Wire {
    pub(super) fn new(bucket: &str, access: &Access) -> Result<Wire, Error> {
        let amazon = || format!("https://s3.{}.amazonaws.com", access.region);
        let endpoint = access.endpoint.clone().unwrap_or_else(amazon);
        let uri: Option<Uri> = endpoint.parse().ok();
        let parts = uri.as_ref().and_then(|uri| {
            let scheme = uri.scheme_str()?;
            Some((scheme, uri.authority()?.as_str(), uri.path()))
        });
        let Some((scheme @ ("http" | "https"), host, path)) =
            parts.filter(|parts| !parts.1.contains('@'))
        else {
            return Err(Error::Input(
                "AWS_ENDPOINT_URL is no address of a store; expected http://HOST:PORT or https://HOST".to_owned(),
            ));
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(access.answer.min(CONNECT)))
            .timeout_send_body(Some(access.patience))
            .timeout_recv_response(Some(access.answer))
            .timeout_recv_body(Some(access.patience));
        let config = match scheme {
            "https" => config.tls_config(tls()),
            _ => config,
        };
        Ok(Wire {
            access: access.clone(),
            agent: config.build().into(),
            origin: format!("{scheme}://{host}"),
            host: host.to_owned(),
            base: format!("{}/{}", path.trim_end_matches('/'), coded(bucket, true)),
        })
    }

    /// Ask until there is an answer, or for as long as patience lasts. Every call may be repeated.
    pub(super) fn ask(
        &self,
        method: &str,
        key: &str,
        query: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, Failed> {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let reason = match self.once(method, key, query, body) {
                Try::Done(answer) => return Ok(answer),
                Try::Failed(failed) => return Err(failed),
                Try::Again(reason) => reason,
            };
            if begun.elapsed() + pause >= self.access.patience {
                return Err(Failed::Away(reason));
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn once(&self, method: &str, key: &str, query: &[(&str, &str)], body: &[u8]) -> Try {
        let path = match key {
            "" => self.base.clone(),
            key => format!("{}/{}", self.base, coded(key, true)),
        };
        let mut pairs: Vec<String> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", coded(value, false)))
            .collect();
        pairs.sort_unstable();
        let request = self.signed(method, &path, &pairs.join("&"), &sha256(body));
        let answered = match (request, method) {
            (Err(error), _) => return Try::Failed(Failed::Refused(error.to_string())),
            (Ok(request), "PUT") => self.agent.run(request.map(|()| body)),
            (Ok(request), _) => self.agent.run(request),
        };
        match answered {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let length = head.headers.get("content-length");
                let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
                read(head.status, body, length)
            }
            Err(error) => Try::Again(plainly(&error)),
        }
    }

    fn signed(
        &self,
        method: &str,
        path: &str,
        query: &str,
        body: &str,
    ) -> Result<HttpRequest<()>, ureq::http::Error> {
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut headers = vec![
            ("host", self.host.as_str()),
            ("x-amz-content-sha256", body),
            ("x-amz-date", time.as_str()),
        ];
        let token = self.access.token.as_deref();
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        let authorization = authorization(
            &Request {
                method,
                path,
                query,
                headers: &headers,
                body,
                time: &time,
            },
            &self.access,
        );
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = HttpRequest::builder()
            .method(method)
            .uri(format!("{}{path}{mark}{query}", self.origin));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.header("authorization", authorization).body(())
    }
}

fn read(status: StatusCode, mut body: Body, length: Option<u64>) -> Try {
    if status.is_success() {
        let read = body.with_config().limit(MOST_BYTES).read_to_vec();
        return match read {
            Ok(body) => Try::Done(Answer { body, length }),
            Err(error) => Try::Again(plainly(&error)),
        };
    }
    let said = body.with_config().limit(MOST_ERROR).read_to_string();
    let (code, reason) = reason(status, &said.unwrap_or_default());
    match (status.as_u16(), code.as_str()) {
        (404, "NoSuchBucket") => Try::Failed(Failed::Missing(reason)),
        (404, _) => Try::Failed(Failed::Nothing),
        (401 | 403, _) => Try::Failed(Failed::Denied(reason)),
        (408 | 429 | 500.., _) => Try::Again(reason),
        _ => Try::Failed(Failed::Refused(reason)),
    }
}

/// The store's code, and with it its message: never the whole answer, which repeats what was signed.
fn reason(status: StatusCode, said: &str) -> (String, String) {
    let document = roxmltree::Document::parse(said).ok();
    let of = |name: &str| {
        let document = document.as_ref()?;
        let mut nodes = document.descendants();
        let text = nodes.find(|node| node.tag_name().name() == name)?.text()?;
        Some(text.chars().take(MOST_REASON).collect::<String>())
    };
    let code = of("Code").unwrap_or_else(|| format!("status {status}"));
    match of("Message") {
        Some(message) => (
            code.clone(),
            format!("{code}: {}", message.trim_end_matches('.')),
        ),
        None => (code.clone(), code),
    }
}

/// Whoever the system trusts.
fn tls() -> TlsConfig {
    let found = rustls_native_certs::load_native_certs().certs;
    let trusted: Vec<_> = found
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(&trusted))
        .build()
}

/// What happened, without the names of types.
fn plainly(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "no such host, or no network".to_owned(),
        ureq::Error::Timeout(_) => "nothing came for too long".to_owned(),
        other => other.to_string(),
    }
}
