//! Signs a request as S3 wants it: AWS Signature Version 4, whose published examples are the tests.

use ring::{digest, hmac};

use super::bucket::Access;

/// What is signed of a request.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// Coded, as it is sent.
    pub(super) path: &'a str,
    /// Pairs in the order of their names, coded, as they are sent.
    pub(super) query: &'a str,
    /// In the order of their names, which are in small letters; `host` and `x-amz-date` among them.
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// SHA-256 of the body, in hexadecimal digits.
    pub(super) body: &'a str,
    /// As in `20130524T000000Z`.
    pub(super) time: &'a str,
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The header `Authorization`.
pub(super) fn authorization(request: &Request<'_>, access: &Access) -> String {
    let headers: String = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let whole = format!(
        "{}\n{}\n{}\n{headers}\n{names}\n{}",
        request.method, request.path, request.query, request.body
    );
    let day = request.time.get(..8).unwrap_or_default();
    let scope = format!("{day}/{}/s3/aws4_request", access.region);
    let said = format!(
        "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
        request.time,
        sha256(whole.as_bytes())
    );
    let secret = format!("AWS4{}", access.secret);
    let key = [day, &access.region, "s3", "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, word| keyed(&key, word));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={}",
        access.key_id,
        hex(&keyed(&key, &said))
    )
}

fn keyed(key: &[u8], words: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, words.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes as they stand in a path, or in the value of a query where also `/` is coded.
pub(super) fn coded(text: &str, is_path: bool) -> String {
    let mut coded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        match is_plain || (is_path && byte == b'/') {
            true => coded.push(char::from(byte)),
            false => coded.push_str(&format!("%{byte:02X}")),
        }
    }
    coded
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The examples of "Signature Calculations for the Authorization Header" in Amazon's reference of S3.
    #[test]
    fn the_published_examples_are_signed_as_published() {
        let access = Access {
            endpoint: None,
            region: "us-east-1".to_owned(),
            key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            token: None,
            answer: Duration::ZERO,
            patience: Duration::ZERO,
        };
        let (host, time) = (
            ("host", "examplebucket.s3.amazonaws.com"),
            "20130524T000000Z",
        );
        let empty = sha256(b"");
        let (hashed, date) = (
            ("x-amz-content-sha256", empty.as_str()),
            ("x-amz-date", time),
        );
        let sign = |path: &str, query: &str, headers: &[(&str, &str)]| {
            let request = Request {
                method: "GET",
                path,
                query,
                headers,
                body: &empty,
                time,
            };
            authorization(&request, &access)
        };
        let ranged = sign(
            "/test.txt",
            "",
            &[host, ("range", "bytes=0-9"), hashed, date],
        );
        assert_eq!(
            ranged,
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let listed = sign("/", "max-keys=2&prefix=J", &[host, hashed, date]);
        let signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        assert!(listed.ends_with(signature), "{listed}");
    }

    #[test]
    fn names_are_coded_byte_by_byte() {
        assert_eq!(coded("a b/é~.jpg", true), "a%20b/%C3%A9~.jpg");
        assert_eq!(coded("a/b+c", false), "a%2Fb%2Bc");
    }
}
