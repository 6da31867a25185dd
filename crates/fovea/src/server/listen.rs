//! Connections: so many at once, each with a clock, with or without TLS, until the server is to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::app::App;
use super::routes;
use crate::exit::Refusal;

/// Bytes of a request's head; one that comes all at once may be twice as long.
const LONGEST_HEAD: usize = 32 << 10;
/// How often keys are read again, so that one made or revoked by another process counts within a second.
const KEYS_AGE: Duration = Duration::from_millis(700);

/// Certificate and key, as they are used.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    pub fn load(cert: &Path, key: &Path) -> anyhow::Result<Tls> {
        let failed = |path: &Path, error: &dyn std::fmt::Display| {
            Refusal::input(format!("{}: {error}", path.display()))
        };
        let certs: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect)
            .map_err(|error| failed(cert, &error))?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, &error))?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(certs, private)
            .map_err(|error| failed(cert, &error))?;
        Ok(Tls(TlsAcceptor::from(Arc::new(config))))
    }
}

pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("cannot listen on {address}"))
}

/// Serves until `stop` is done, and then finishes what was begun, as long as patience lasts.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    tls: Option<Tls>,
    stop: impl Future<Output = ()>,
) {
    let router = routes::router(&app);
    let keys = tokio::spawn(keep_keys(Arc::clone(&app)));
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(app.options.max_connections));
    let mut stop = pin!(stop);
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, say: the next moment may be better.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let connection = Connection {
            app: Arc::clone(&app),
            router: router.clone(),
            tls: tls.clone(),
            watcher: graceful.watcher(),
        };
        tokio::spawn(async move {
            connection.app.metrics.connections.inc();
            let app = Arc::clone(&connection.app);
            connection.serve(stream).await;
            app.metrics.connections.dec();
            drop(place);
        });
    }
    drop(listener);
    app.stop();
    let ending = Arc::clone(&app);
    let jobs = tokio::task::spawn_blocking(move || {
        ending.jobs.end(ending.options.patience.farewell);
    });
    // Whoever does not let go in time is let down.
    let _ = timeout(app.options.patience.farewell, graceful.shutdown()).await;
    let _ = jobs.await;
    keys.abort();
}

async fn keep_keys(app: Arc<App>) {
    loop {
        sleep(KEYS_AGE).await;
        let renewing = Arc::clone(&app);
        // Where the keys cannot be read the ones that are known stay, and it is tried again.
        let _ = tokio::task::spawn_blocking(move || renewing.renew_ring()).await;
    }
}

struct Connection {
    app: Arc<App>,
    router: Router,
    tls: Option<Tls>,
    watcher: hyper_util::server::graceful::Watcher,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let patience = self.app.options.patience;
        // Answers are written whole; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(patience.write));
        let stream = Box::pin(stream);
        match &self.tls {
            None => self.speak(stream).await,
            Some(Tls(tls)) => {
                let shaken = timeout(patience.head, tls.accept(stream)).await;
                if let Ok(Ok(stream)) = shaken {
                    self.speak(stream).await;
                }
            }
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.app.options.patience.head)
            .max_buf_size(LONGEST_HEAD);
        let service = TowerToHyperService::new(self.router);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        // A client that went away is no error of ours.
        let _ = self.watcher.watch(connection).await;
    }
}
