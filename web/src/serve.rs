//! Serves HTTP on a listening socket, TCP or Unix, within limits.
//!
//! Knows no route. A peer that says nothing, says it too slowly or does not take its answer is let go; when there is no
//! room for a newcomer, the oldest connection of whoever holds the most makes room.

mod guests;
mod patient;

use std::{future::Future, io, pin::pin, time::Duration};

use axum::Router;
use hyper::{
    body::Incoming,
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

use guests::Guests;
use patient::Patient;

/// The head of a request must be complete by then; also how long an idle connection is kept.
const HEAD_WAIT: Duration = Duration::from_secs(30);

/// How long a peer may take nothing of its answer: far longer than any network that works.
const WRITE_WAIT: Duration = Duration::from_secs(10);

/// How long a stop waits for requests that are being answered.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// The pause after the system gave no connection, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A socket that gives connections.
pub trait Listening {
    /// What it gives.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// The next connection, and where it comes from.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Io, Source)>> + Send;
}

impl Listening for TcpListener {
    type Io = tokio::net::TcpStream;
    async fn next(&self) -> io::Result<(Self::Io, Source)> {
        self.accept().await.map(|(io, peer)| (io, Source::of(peer.ip())))
    }
}

impl Listening for UnixListener {
    type Io = tokio::net::UnixStream;
    async fn next(&self) -> io::Result<(Self::Io, Source)> {
        self.accept().await.map(|(io, _)| (io, Source::Here))
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
            Ok((io, source)) => {
                guests.enter(source, connections.spawn(answer(io, source, router.clone(), stop.clone())));
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
    source: Source,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let io = Patient::new(io, WRITE_WAIT);
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT);
    // Every request says where it comes from.
    let router = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(source);
        TowerToHyperService::new(router.clone()).call(request)
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(io), router));
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

/// Ends when the server stops, also when whoever would say so is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _either_way = stop.wait_for(|stopped| *stopped).await.map(drop);
}
