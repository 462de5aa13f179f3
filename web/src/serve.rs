//! Serves HTTP on a listening socket, TCP or Unix, within limits.
//!
//! Knows no route. A peer that says nothing, or says it too slowly, is let go; more connections than there is room for
//! wait in the kernel.

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};

/// Connections at once on one socket. Pages and probes take a handful; each is a file descriptor that a call could want.
const CONNECTIONS: usize = 256;

/// The head of a request must be complete by then; also how long an idle connection is kept.
const HEAD_WAIT: Duration = Duration::from_secs(30);

/// How long a stop waits for requests that are being answered.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// The pause after the system gave no connection, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A socket that gives connections.
pub trait Listening {
    /// What it gives.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// The next connection.
    fn next(&self) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

impl Listening for TcpListener {
    type Io = tokio::net::TcpStream;
    async fn next(&self) -> io::Result<Self::Io> {
        self.accept().await.map(|(io, _)| io)
    }
}

impl Listening for UnixListener {
    type Io = tokio::net::UnixStream;
    async fn next(&self) -> io::Result<Self::Io> {
        self.accept().await.map(|(io, _)| io)
    }
}

/// Serves `router` until `stop` says so, then finishes what is being answered.
pub async fn serve(listener: impl Listening, router: Router, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = room.clone().acquire_owned().await.expect("the semaphore is never closed");
        let accepted = tokio::select! {
            accepted = listener.next() => accepted,
            () = stopped(&mut stop) => break,
        };
        match accepted {
            Ok(io) => drop(tokio::spawn(answer(io, router.clone(), stop.clone(), place))),
            Err(error) => {
                tracing::warn!(%error, "no connection could be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Every place is free again when every connection has ended.
    let all = room.acquire_many(CONNECTIONS as u32);
    if tokio::time::timeout(LAST_ANSWERS, all).await.is_err() {
        tracing::debug!("some requests were still being answered at the end");
    }
}

async fn answer<Io: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    io: Io,
    router: Router,
    mut stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT);
    let mut connection = pin!(http.serve_connection(TokioIo::new(io), TowerToHyperService::new(router)));
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
