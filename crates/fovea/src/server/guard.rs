//! Whether a request comes from where it may: a page of somebody else must not make a browser ask this server.
//!
//! A foreign name that was made to resolve to this machine (DNS rebinding) shows in `Host`, a foreign page in `Origin` and
//! `Sec-Fetch-Site`. Checked on loopback too: there is no key there that would be missing.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::problem::Problem;

/// Everything that the page may load comes from here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
                      connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

pub async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let checked = check(request.headers(), &app.options.hosts);
    let mut response = match checked {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        // What a handler says of its own answer is stricter.
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
    response
}

fn check(headers: &HeaderMap, names: &[String]) -> Result<(), Problem> {
    let host = headers.get(header::HOST).and_then(authority);
    let Some(host) = host.filter(|host| is_ours(host.host(), names)) else {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this server is not known by that name; `fovea serve --host NAME` gives it one",
        ));
    };
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let is_foreign = site.is_some_and(|site| !matches!(site, b"same-origin" | b"none"));
    let origin = headers.get(header::ORIGIN);
    let is_same = |origin: &HeaderValue| {
        let text = origin.to_str().ok();
        let place = text.and_then(|text| {
            text.strip_prefix("http://")
                .or_else(|| text.strip_prefix("https://"))
        });
        place.is_some_and(|place| place.eq_ignore_ascii_case(host.as_str()))
    };
    if is_foreign || !origin.is_none_or(is_same) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "a page of another site asked for this",
        ));
    }
    Ok(())
}

fn authority(value: &HeaderValue) -> Option<Authority> {
    let text = value.to_str().ok()?;
    // A name before an `@` would be read differently by others.
    let is_plain = !text.contains('@');
    text.parse().ok().filter(|_| is_plain)
}

/// No name can be made to resolve to an address that is written out.
fn is_ours(host: &str, names: &[String]) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let name = bare.trim_end_matches('.');
    bare.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn asked(headers: &[(&'static str, &str)]) -> Option<u16> {
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_str(value).unwrap())
        });
        let checked = check(&headers.collect(), &["photos.example.org".to_owned()]);
        checked.err().map(|problem| problem.status.as_u16())
    }

    #[test]
    fn only_names_of_this_server_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST:7878",
            "127.0.0.1:7878",
            "[::1]:7878",
            "192.168.1.9",
            "photos.example.org",
            "Photos.Example.Org:443",
        ] {
            assert_eq!(asked(&[("host", host)]), None, "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "",
            "a b",
        ] {
            assert_eq!(asked(&[("host", host)]), Some(421), "{host}");
        }
        assert_eq!(asked(&[]), Some(421));
    }

    #[test]
    fn pages_of_others_are_turned_away() {
        let host = ("host", "localhost:7878");
        let from = |origin| asked(&[host, ("origin", origin)]);
        assert_eq!(from("http://localhost:7878"), None);
        for origin in [
            "http://localhost:1234",
            "http://localhost",
            "https://evil.example",
            "null",
            "file://",
        ] {
            assert_eq!(from(origin), Some(403), "{origin}");
        }
        for (site, expect) in [
            ("same-origin", None),
            ("none", None),
            ("cross-site", Some(403)),
            ("same-site", Some(403)),
        ] {
            assert_eq!(asked(&[host, ("sec-fetch-site", site)]), expect, "{site}");
        }
    }
}
