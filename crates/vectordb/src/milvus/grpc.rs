//! One message there and one back, as gRPC has it over HTTP/2: a message is a byte that says it is not compressed, its
//! length in four bytes, and itself; how the call ended stands in the trailers. It retries nothing.
//!
//! It is written out because it is short: a framework for it would bring more crates than all of this engine needs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::address::decoded;
use super::tls::Tls;

/// Bytes of an answer at most.
const MOST_BYTES: usize = 512 << 20;
/// Bytes that may be on their way here before they are taken.
const WINDOW: u32 = 16 << 20;
/// The byte and the length before a message.
const PREFIX: usize = 5;
/// A connection that takes longer is none.
const CONNECT: Duration = Duration::from_secs(5);

/// Why nothing came back.
#[derive(Debug)]
pub(super) enum Broken {
    /// There is no connection, or it broke.
    Connection(String),
    /// Nobody vouches for the server.
    Untrusted(String),
    /// The server ended the call with a code of gRPC's and words.
    Status(u32, String),
}

impl From<h2::Error> for Broken {
    fn from(error: h2::Error) -> Broken {
        Broken::Connection(error.to_string())
    }
}

/// A connection to one server, made anew when it broke.
pub(super) struct Wire {
    host: String,
    tls: Option<Tls>,
    headers: Vec<(&'static str, String)>,
    sender: Mutex<Option<SendRequest<Bytes>>>,
}

impl Wire {
    pub(super) fn new(host: &str, tls: Option<Tls>, headers: Vec<(&'static str, String)>) -> Wire {
        Wire {
            host: host.to_owned(),
            tls,
            headers,
            sender: Mutex::new(None),
        }
    }

    /// Send a message to a method and wait for its answer.
    pub(super) async fn call(
        &self,
        path: &str,
        message: Vec<u8>,
        left: Duration,
    ) -> Result<Vec<u8>, Broken> {
        let known = self
            .sender
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let sender = match known {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let answered = self.ask(sender, path, message, left).await;
        if let Err(Broken::Connection(_)) = &answered {
            *self.sender.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        answered
    }

    async fn connect(&self) -> Result<SendRequest<Bytes>, Broken> {
        let broken = |error: std::io::Error| Broken::Connection(error.to_string());
        let slow = |_| Broken::Connection("it accepts no connection".to_owned());
        let stream = tokio::time::timeout(CONNECT, TcpStream::connect(&self.host)).await;
        let stream = stream.map_err(slow)?.map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        let sender = match &self.tls {
            None => speak(stream).await?,
            Some(tls) => {
                let secret = tokio::time::timeout(CONNECT, tls.over(stream)).await;
                speak(secret.map_err(slow)??).await?
            }
        };
        *self.sender.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender.clone());
        Ok(sender)
    }

    async fn ask(
        &self,
        sender: SendRequest<Bytes>,
        path: &str,
        message: Vec<u8>,
        left: Duration,
    ) -> Result<Vec<u8>, Broken> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut request = Request::post(format!("{scheme}://{}{path}", self.host))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header(
                "grpc-timeout",
                format!("{}m", left.as_millis().clamp(1, 99_999_999)),
            );
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request
            .body(())
            .map_err(|error| Broken::Status(3, error.to_string()))?;
        let (response, mut stream) = sender.ready().await?.send_request(request, false)?;
        stream.send_data(framed(&message)?, true)?;
        let response = response.await?;
        let (head, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        while let Some(piece) = body.data().await {
            let piece = piece?;
            body.flow_control().release_capacity(piece.len())?;
            if bytes.len() + piece.len() > MOST_BYTES {
                return Err(Broken::Status(
                    8,
                    format!("an answer has more than {MOST_BYTES} bytes"),
                ));
            }
            bytes.extend_from_slice(&piece);
        }
        let trailers = body.trailers().await?;
        // A call that failed at once has its end in the headers.
        ended(trailers.as_ref().unwrap_or(&head.headers))?;
        unframed(bytes)
    }
}

/// Begin HTTP/2 over a connection, which a task keeps going until the server or the last call ends it.
async fn speak<S>(stream: S) -> Result<SendRequest<Bytes>, Broken>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = h2::client::Builder::new();
    builder
        .initial_window_size(WINDOW)
        .initial_connection_window_size(4 * WINDOW);
    let (sender, connection) = builder.handshake::<_, Bytes>(stream).await?;
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// Whether a call went well.
fn ended(headers: &HeaderMap) -> Result<(), Broken> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("grpc-status").and_then(|code| code.parse::<u32>().ok()) {
        Some(0) => Ok(()),
        Some(code) => Err(Broken::Status(
            code,
            decoded(text("grpc-message").unwrap_or_default()),
        )),
        None => Err(Broken::Connection("it does not speak gRPC".to_owned())),
    }
}

fn framed(message: &[u8]) -> Result<Bytes, Broken> {
    let length =
        u32::try_from(message.len()).map_err(|error| Broken::Status(8, error.to_string()))?;
    let mut bytes = Vec::with_capacity(PREFIX + message.len());
    bytes.push(0);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(message);
    Ok(bytes.into())
}

/// The one message of an answer.
fn unframed(mut bytes: Vec<u8>) -> Result<Vec<u8>, Broken> {
    let short = || Broken::Connection(format!("an answer of {} bytes is cut", bytes.len()));
    let (compressed, rest) = bytes.split_first().ok_or_else(short)?;
    let (length, message) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    if *compressed != 0 || u32::from_be_bytes(*length) as usize != message.len() {
        return Err(short());
    }
    bytes.drain(..PREFIX);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_their_length_before_them() {
        let framed = framed(b"abc").unwrap();
        assert_eq!(&framed[..], b"\0\0\0\0\x03abc");
        assert_eq!(unframed(framed.to_vec()).unwrap(), b"abc");
        for cut in [&framed[..0], &framed[..4], &framed[..7], b"\x01\0\0\0\0"] {
            assert!(unframed(cut.to_vec()).is_err(), "{cut:?}");
        }
    }

    #[test]
    fn how_a_call_ended_is_in_the_headers() {
        let mut headers = HeaderMap::new();
        assert!(matches!(ended(&headers), Err(Broken::Connection(_))));
        headers.insert("grpc-status", "0".parse().unwrap());
        assert!(ended(&headers).is_ok());
        headers.insert("grpc-status", "16".parse().unwrap());
        headers.insert("grpc-message", "who%20are you".parse().unwrap());
        match ended(&headers) {
            Err(Broken::Status(16, words)) => assert_eq!(words, "who are you"),
            other => panic!("{other:?}"),
        }
    }
}
