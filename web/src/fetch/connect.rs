//! A name into a connection that was judged: look up, judge, connect, and TLS where it is wanted.
//!
//! The addresses that were judged are the addresses that are connected to, so a name that answers otherwise the second time
//! gains nothing. No proxy is asked, whatever the environment says: it would do the lookup behind our back.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::body::Body;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, Semaphore};
use tokio_rustls::TlsConnector;

use super::reach::{Reach, Withheld};

/// Lookups at once, as many as there are threads for them.
const LOOKUPS: usize = 4;
/// Addresses of a name that are tried.
const MAX_TRIED: usize = 8;
/// How long one address may take while there is another: a lost packet is repeated after a second.
const ATTEMPT: Duration = Duration::from_millis(1500);
/// Connections that are kept for the next question; each is a file descriptor that a call could want.
const MAX_KEPT: usize = 32;
/// Connections that are kept to one host: each thread of a loader may want one.
const KEPT_PER_HOST: usize = 4;
/// How long a connection is kept.
const KEPT_FOR: Duration = Duration::from_secs(20);
/// The longest head of an answer.
const MAX_HEAD: usize = 64 * 1024;

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connect {
    reach: Arc<Reach>,
    tls: Arc<Tls>,
    lookups: Arc<Semaphore>,
    open: Arc<AtomicUsize>,
}

/// Whom we believe. The system's authorities are read when they are wanted first, because that takes its time.
struct Tls {
    builder: rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>,
    extra: Vec<CertificateDer<'static>>,
    connector: OnceCell<TlsConnector>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unconnected {
    #[error("the address names no host")]
    NoHost,
    #[error("the name of the host is not known")]
    Unknown(#[source] io::Error),
    #[error(transparent)]
    Withheld(#[from] Withheld),
    #[error("nobody answers there")]
    Silent(#[source] io::Error),
    #[error("TLS failed")]
    Tls(#[source] io::Error),
}

/// Why there was no connection, out of the error of whoever wanted one.
pub(crate) fn failure<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Unconnected> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(ours) = error.downcast_ref() {
            return Some(ours);
        }
        cause = error.source();
    }
    None
}

impl Connect {
    pub(crate) fn new(reach: Reach, extra: Vec<CertificateDer<'static>>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Self {
            reach: Arc::new(reach),
            tls: Arc::new(Tls { builder, extra, connector: OnceCell::new() }),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            open: Arc::default(),
        })
    }

    /// The same with another reach; what is counted is counted together.
    pub(crate) fn with(&self, reach: Reach) -> Self {
        Self { reach: Arc::new(reach), ..self.clone() }
    }

    /// A client that keeps connections for a while.
    pub(crate) fn client<B: Body<Data: Send> + Send>(&self) -> Client<Self, B> {
        Builder::new(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(KEPT_PER_HOST)
            .http1_max_buf_size(MAX_HEAD)
            .build(self.clone())
    }

    /// Whether another connection may be kept.
    pub(crate) fn may_keep(&self) -> bool {
        self.open.load(Ordering::Relaxed) < MAX_KEPT
    }

    async fn connect(self, uri: Uri) -> Result<Wire, Unconnected> {
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().ok_or(Unconnected::NoHost)?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let addresses = self.judged(self.look_up(host.clone(), port).await?)?;
        let stream = reach_one_of(&addresses).await.map_err(Unconnected::Silent)?;
        // A request is one packet and wants to go.
        let _slower_otherwise = stream.set_nodelay(true);
        let io: Box<dyn Stream> = if secure {
            let name = ServerName::try_from(host).map_err(|error| Unconnected::Tls(io::Error::other(error)))?;
            let connector = self.tls.connector().await;
            Box::new(connector.connect(name, stream).await.map_err(Unconnected::Tls)?)
        } else {
            Box::new(stream)
        };
        Ok(Wire { io: TokioIo::new(io), _counted: Counted::one(self.open) })
    }

    async fn look_up(&self, host: String, port: u16) -> Result<Vec<SocketAddr>, Unconnected> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        // The place goes with the thread: a lookup may outlast whoever asked for it.
        let place = self.lookups.clone().acquire_owned().await.expect("the semaphore is never closed");
        let found = tokio::task::spawn_blocking(move || {
            let _place = place;
            (host.as_str(), port).to_socket_addrs().map(|found| found.take(MAX_TRIED).collect())
        });
        found.await.map_err(io::Error::other).flatten().map_err(Unconnected::Unknown)
    }

    fn judged(&self, mut found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Unconnected> {
        let mut withheld = None;
        found.retain(|address| {
            let judged = self.reach.judge(address.ip(), is_ours);
            withheld = withheld.or(judged.err());
            judged.is_ok()
        });
        match withheld {
            Some(withheld) if found.is_empty() => Err(withheld.into()),
            _ => Ok(found),
        }
    }
}

impl Tls {
    async fn connector(&self) -> &TlsConnector {
        let made = self.connector.get_or_init(|| async {
            let native = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await.unwrap_or_default();
            for error in &native.errors {
                tracing::warn!(%error, "some of the system's authorities cannot be read");
            }
            let mut roots = RootCertStore::empty();
            let (usable, unusable) =
                roots.add_parsable_certificates(native.certs.into_iter().chain(self.extra.iter().cloned()));
            tracing::debug!(usable, unusable, "authorities loaded for prompts");
            let config = self.builder.clone().with_root_certificates(roots).with_no_client_auth();
            TlsConnector::from(Arc::new(config))
        });
        made.await
    }
}

/// The first address that answers.
async fn reach_one_of(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let nobody = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let Some((last, others)) = addresses.split_last() else { return Err(nobody()) };
    for address in others {
        if let Ok(Ok(stream)) = tokio::time::timeout(ATTEMPT, TcpStream::connect(address)).await {
            return Ok(stream);
        }
    }
    TcpStream::connect(last).await
}

/// Whether an address is one of this machine: then the way to it starts at it. No packet is sent for this.
fn is_ours(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let way = UdpSocket::bind((any, 0)).and_then(|socket| {
        // The port only has to be one.
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    way.is_ok_and(|start| start.ip() == address)
}

impl tower_service::Service<Uri> for Connect {
    type Response = Wire;
    type Error = Unconnected;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, Unconnected>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unconnected>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// TCP, or TLS over it.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection, counted while it stands.
pub(crate) struct Wire {
    io: TokioIo<Box<dyn Stream>>,
    _counted: Counted,
}

struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn one(open: Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, into)
    }
}

impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_is_known_by_the_way_to_it() {
        assert!(is_ours([127, 0, 0, 1].into()));
        assert!(!is_ours([198, 51, 100, 1].into()));
    }
}
