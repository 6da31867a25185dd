//! TLS to a server: who may vouch for it, and the handshake.

use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::grpc::Broken;
use crate::error::{Error, Result};

/// What a connection over TLS needs.
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// To this host, for which one of these certificates has to vouch; those that the system trusts where none are named.
    pub(super) fn trusting(host: &str, ca: Option<&Path>) -> Result<Tls> {
        let refuse = |what: &str, reason: String| Error::Invalid {
            what: what.to_owned(),
            reason,
        };
        let mut roots = RootCertStore::empty();
        match ca {
            Some(file) => {
                let unread = |error| refuse("ca", format!("{}: {error}", file.display()));
                let certificates = CertificateDer::pem_file_iter(file).map_err(unread)?;
                for certificate in certificates {
                    let added = roots.add(certificate.map_err(unread)?);
                    added.map_err(|error| refuse("ca", format!("{}: {error}", file.display())))?;
                }
            }
            // What of the system's cannot be read vouches for nobody.
            None => drop(
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
            ),
        }
        if roots.is_empty() {
            let reason = "no certificate is there that could vouch for the server: name a file of some, ?ca=FILE";
            return Err(refuse("milvuss://", reason.to_owned()));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| refuse("milvuss://", error.to_string()))?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let name = ServerName::try_from(name.trim_matches(['[', ']']).to_owned());
        Ok(Tls {
            connector: TlsConnector::from(Arc::new(config)),
            name: name.map_err(|error| refuse("--db", format!("{host}: {error}")))?,
        })
    }

    /// The same connection, secret.
    pub(super) async fn over(
        &self,
        stream: TcpStream,
    ) -> std::result::Result<TlsStream<TcpStream>, Broken> {
        let secret = self.connector.connect(self.name.clone(), stream).await;
        secret.map_err(|error| match error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
            true => Broken::Untrusted(format!(
                "{error}; name the certificate of who vouches for it: ?ca=FILE, or use milvus:// if it has no TLS"
            )),
            false => Broken::Connection(error.to_string()),
        })
    }
}
