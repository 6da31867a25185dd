//! The server with sockets: clients that are slow, that break off, that are too many; and its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::fixture::Fixture;
use crate::server::app::{Options, Patience};
use crate::server::{bind, serve};

struct Running {
    fixture: Fixture,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

async fn start(options: Options) -> Running {
    let fixture = Fixture::with(options);
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let app = Arc::clone(&fixture.app);
    let serving = tokio::spawn(async move {
        serve(app, listener, None, async {
            let _ = stopped.await;
        })
        .await;
    });
    Running {
        fixture,
        address,
        stop,
        serving,
    }
}

fn hasty() -> Options {
    Options {
        patience: Patience {
            head: Duration::from_millis(300),
            piece: Duration::from_millis(300),
            request: Duration::from_secs(20),
            write: Duration::from_millis(500),
            farewell: Duration::from_secs(2),
        },
        ..Options::default()
    }
}

/// Sends these bytes and reads until the server closes, or for ten seconds.
async fn say(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the server never closed: {text}");
    String::from_utf8_lossy(&answer).into_owned()
}

const GET: &str = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn clients_that_dawdle_are_let_go_and_the_others_are_served() {
    let running = start(hasty()).await;
    let address = running.address;
    let slow_head = tokio::spawn(say_slowly(
        address,
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-a: ",
    ));
    let slow_body = say(
        address,
        "POST /api/v1/search HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
    );
    let (slow_body, good) = tokio::join!(slow_body, say(address, GET));
    assert!(slow_body.starts_with("HTTP/1.1 408"), "{slow_body}");
    assert!(good.starts_with("HTTP/1.1 200"), "{good}");
    assert!(slow_head.await.unwrap() < Duration::from_secs(5));
    let nothing = say(address, "").await;
    assert_eq!(nothing, "");
    let long = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nx-a: {}\r\n\r\n",
        "a".repeat(400_000)
    );
    let answer = say(address, &long).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    let foreign = say(
        address,
        "GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(foreign.starts_with("HTTP/1.1 421"), "{foreign}");
}

#[tokio::test]
async fn who_is_refused_with_a_body_unread_is_told_that_the_connection_ends() {
    let running = start(hasty()).await;
    for (line, expect) in [
        ("PUT /api/v1/search HTTP/1.1", "HTTP/1.1 405"),
        ("POST /api/v1/search HTTP/1.1", "HTTP/1.1 415"),
    ] {
        let head = format!("{line}\r\nhost: localhost\r\ncontent-length: 3\r\n\r\n");
        let answer = say(running.address, &head).await;
        assert!(answer.starts_with(expect), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
}

/// A letter now and then; how long the server had patience.
async fn say_slowly(address: SocketAddr, start: &str) -> Duration {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(start.as_bytes()).await.unwrap();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut letter = [0; 64];
        let is_closed = matches!(
            timeout(Duration::from_millis(5), stream.read(&mut letter)).await,
            Ok(Ok(0) | Err(_))
        );
        if is_closed || stream.write_all(b"a").await.is_err() {
            break;
        }
    }
    started.elapsed()
}

#[tokio::test]
async fn no_more_connections_than_were_meant_and_each_gives_its_place_back() {
    let running = start(Options {
        max_connections: 3,
        ..hasty()
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..6 {
        held.push(TcpStream::connect(running.address).await.unwrap());
    }
    // Those that say nothing are let go, and then there is room.
    let answer = say(running.address, GET).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn what_was_begun_is_finished_when_the_server_ends() {
    let running = start(hasty()).await;
    let address = running.address;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /api/v1/search HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    stream.write_all(b"{\"q\":\"red\"}").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    timeout(Duration::from_secs(5), running.serving)
        .await
        .unwrap()
        .unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    drop(running.fixture);
}

#[tokio::test]
async fn keys_that_another_process_makes_or_revokes_count_within_a_second() {
    use crate::server::keys::{self, Key, Role};
    use fovea_vectordb::{Embedded, OpenMode};

    let running = start(hasty()).await;
    let ask = "GET /api/v1/saved HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert!(say(running.address, ask).await.starts_with("HTTP/1.1 200"));
    let database = Embedded::open(&running.fixture.folder, "default", OpenMode::ReadWrite).unwrap();
    let key = Key {
        name: "new".to_owned(),
        role: Role::Read,
        collection: None,
        see_location: false,
        made_ns: 0,
    };
    keys::add(&database, &key).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let refused = say(running.address, ask).await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
}

#[tokio::test]
async fn over_tls_the_same_is_answered() {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    use crate::server::Tls;

    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert_file, key_file) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&cert_file, cert.pem()).unwrap();
    std::fs::write(&key_file, signing_key.serialize_pem()).unwrap();
    assert!(Tls::load(&key_file, &key_file).is_err());
    let tls = Tls::load(&cert_file, &key_file).unwrap();
    let fixture = Fixture::with(hasty());
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(
        Arc::clone(&fixture.app),
        listener,
        Some(tls),
        std::future::pending(),
    ));
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.unwrap();
    stream.write_all(GET.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The server closes without a farewell of TLS where the client asked it to close.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    // Whoever speaks plainly there is let go.
    let plain = say(address, GET).await;
    assert!(!plain.contains("200 OK"), "{plain}");
}
