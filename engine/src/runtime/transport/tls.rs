//! TLS in both roles: as a server with the certificate of the [`Keeper`], as a client that checks whom it talks to.
//!
//! Peers that connect to us are not asked for certificates: phones have none.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Once};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::runtime::certificate::{self, CertificateError, Keeper};
use crate::runtime::settings::Settings;

/// Both roles of TLS.
pub(crate) struct Tls {
    keeper: Arc<Keeper>,
    acceptor: TlsAcceptor,
    extra: Vec<CertificateDer<'static>>,
    /// Made when it is wanted first: reading the system's authorities takes its time.
    connector: OnceCell<TlsConnector>,
}

impl Tls {
    /// Loads what the settings name.
    pub fn open(settings: &Settings) -> Result<Self, CertificateError> {
        install_provider();
        let keeper = Arc::new(Keeper::open(settings.certificate.clone())?);
        let config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(keeper.clone());
        let extra = settings.trust.as_deref().map(certificate::authorities).transpose()?.unwrap_or_default();
        Ok(Self { keeper, acceptor: Arc::new(config).into(), extra, connector: OnceCell::new() })
    }

    /// Loads the certificate again, for handshakes to come.
    pub fn reload(&self) -> Result<(), CertificateError> {
        self.keeper.reload()
    }

    /// Who shows our certificate.
    pub fn keeper(&self) -> &Arc<Keeper> {
        &self.keeper
    }

    /// The handshake with a peer that connected to us.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<server::TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }

    /// The handshake with a peer that we connected to, who has to prove that it is `name`, or else its own address.
    pub async fn connect(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        name: Option<&str>,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let name = match name {
            Some(name) => ServerName::try_from(name.to_owned()).map_err(io::Error::other)?,
            None => ServerName::from(peer.ip()),
        };
        let connector = self.connector.get_or_try_init(|| self.trusting()).await?;
        connector.connect(name, stream).await
    }

    async fn trusting(&self) -> io::Result<TlsConnector> {
        let native =
            tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await.map_err(io::Error::other)?;
        for error in &native.errors {
            tracing::warn!(%error, "some of the system's authorities cannot be read");
        }
        let mut roots = RootCertStore::empty();
        let (usable, unusable) =
            roots.add_parsable_certificates(native.certs.into_iter().chain(self.extra.iter().cloned()));
        tracing::debug!(usable, unusable, "authorities loaded");
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Arc::new(config).into())
    }
}

/// One provider of cryptography for the whole process. If the binary has chosen one already, that is the one.
fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("a provider of cryptography was installed before");
        }
    });
}
