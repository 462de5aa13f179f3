//! Serves HTTP on a listening socket, TCP or Unix, within limits.
//!
//! Knows no route. A peer that says nothing, says it too slowly or does not take its answer is let go; when there is no
//! room for a newcomer, the oldest connection of whoever holds the most makes room.

mod guests;
mod patient;
pub mod proxies;
mod secure;
mod worded;

use std::{fmt, future::Future, io, net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, body::Body, response::Response};
use futures_util::StreamExt;
use hyper::{
    body::Incoming,
    header,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::watch,
    task::{JoinError, JoinSet},
};

pub use guests::{CONNECTIONS, PER_SOURCE, Source};
pub use proxies::Proxies;
pub use secure::Secure;

use guests::Guests;
use patient::Patient;
use worded::Worded;

use crate::doors::unread;

/// The head of a request must be complete by then; also how long an idle connection is kept.
const HEAD_WAIT: Duration = Duration::from_secs(30);

/// How long a peer may take nothing of its answer: far longer than any network that works.
const WRITE_WAIT: Duration = Duration::from_secs(10);

/// How long a stop waits for requests that are being answered.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// What answers are made of that tell of events as long as somebody listens.
const EVENTS: &str = "text/event-stream";

/// The pause after the system gave no connection, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An address that HTTP is served at, written `http:127.0.0.1:8080` or `https:0.0.0.0:8443`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whether TLS is spoken there.
    pub secure: bool,
    /// Where.
    pub address: SocketAddr,
}

impl Place {
    /// What addresses of pages there begin with.
    pub fn scheme(self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme(), self.address)
    }
}

/// Both ends of a connection from the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Ours.
    pub local: SocketAddr,
    /// Whose it is.
    pub peer: SocketAddr,
    /// Whether it is under TLS.
    pub secure: bool,
}

/// Where a connection comes from; `ends` are there unless it is one of this machine's own sockets.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// As it is counted.
    pub source: Source,
    /// Its addresses.
    pub ends: Option<Ends>,
}

/// A socket that gives connections.
pub trait Listening {
    /// What it gives.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// The next connection, and where it comes from.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Io, Arrival)>> + Send;
}

impl Listening for TcpListener {
    type Io = tokio::net::TcpStream;
    async fn next(&self) -> io::Result<(Self::Io, Arrival)> {
        let (io, peer) = self.accept().await?;
        // Answers are written whole, and what a browser signals must not wait for more. Who has gone is noticed soon enough.
        let _as_it_was = io.set_nodelay(true);
        let ends = io.local_addr().ok().map(|local| Ends { local, peer, secure: false });
        Ok((io, Arrival { source: Source::of(peer.ip()), ends }))
    }
}

impl Listening for UnixListener {
    type Io = tokio::net::UnixStream;
    async fn next(&self) -> io::Result<(Self::Io, Arrival)> {
        self.accept().await.map(|(io, _)| (io, Arrival { source: Source::Here, ends: None }))
    }
}

/// Serves `router` until `stop` says so, then finishes what is being answered.
pub async fn serve(listener: impl Listening, router: Router, mut stop: watch::Receiver<bool>) {
    let mut guests = Guests::default();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.next() => accepted,
            Some(ended) = connections.join_next_with_id() => {
                guests.leave(ended.map_or_else(|error: JoinError| error.id(), |(id, ())| id));
                continue;
            }
            () = stopped(&mut stop) => break,
        };
        match accepted {
            Ok((io, arrival)) => {
                guests.enter(arrival.source, connections.spawn(answer(io, arrival, router.clone(), stop.clone())));
            }
            Err(error) => {
                tracing::warn!(%error, "no connection could be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_ANSWERS, all).await.is_err() {
        tracing::debug!("some requests were still being answered at the end");
    }
}

async fn answer<Io: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    io: Io,
    arrival: Arrival,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let io = Worded::new(Patient::new(io, WRITE_WAIT), unread);
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT);
    let until = stop.clone();
    // Every request says where it comes from.
    let router = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(arrival.source);
        if let Some(ends) = arrival.ends {
            request.extensions_mut().insert(ends);
        }
        let (answered, until) = (TowerToHyperService::new(router.clone()).call(request), until.clone());
        async move { answered.await.map(|answer| ending(answer, until)) }
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(io), router).with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A peer that hangs up in the middle is no news.
        tracing::trace!(%error, "a connection broke");
    }
}

/// An answer that would go on for ever ends in order when the server stops; whoever listens comes back by itself.
fn ending(answer: Response, mut stop: watch::Receiver<bool>) -> Response {
    if answer.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind != EVENTS) {
        return answer;
    }
    let (head, body) = answer.into_parts();
    let told = body.into_data_stream().take_until(async move { stopped(&mut stop).await });
    Response::from_parts(head, Body::from_stream(told))
}

/// Ends when the server stops, also when whoever would say so is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _either_way = stop.wait_for(|stopped| *stopped).await.map(drop);
}
