//! Takes connections that peers make, as far as there is room for them.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use patchcord_sip::hop::{Hop, Transport};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::connection::{Connection, Pipe, prepare};
use super::flows::Flow;
use super::ws;
use crate::redact::Redacted;
use crate::runtime::shard::Shard;
use crate::runtime::stats::one_more;

/// How long to leave the system alone when it has no descriptor or no memory for another connection.
const BREATH: Duration = Duration::from_millis(100);

/// Accepts for one shard, until the task is dropped.
pub(crate) async fn accept(shard: Rc<Shard>, listener: TcpListener, transport: Transport) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => take(&shard, stream, peer, transport),
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                tracing::warn!(%transport, %error, "connections cannot be accepted at the moment");
                sleep(BREATH).await;
            }
        }
    }
}

/// The peer gave up before we came to it.
fn is_the_peers(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

fn take(shard: &Rc<Shard>, stream: TcpStream, peer: SocketAddr, transport: Transport) {
    if shard.shared.bans.refuses(peer.ip(), transport) {
        return;
    }
    let Ok(flow) = shard.shared.accept(transport, peer, None) else {
        return one_more(&shard.counters.crowded);
    };
    let shard = shard.clone();
    tokio::task::spawn_local(async move {
        if let Some(connection) = greet(&shard, stream, flow.clone()).await {
            connection.run(&shard).await;
        }
        shard.closed(&flow).await;
    });
}

/// The handshakes, which must not take long.
async fn greet(shard: &Shard, stream: TcpStream, flow: Arc<Flow>) -> Option<Connection> {
    let limits = &shard.shared.settings.limits;
    let peer = flow.peer;
    // Boxed, so that a connection does not keep room for its handshake all its life.
    let pipe = timeout(limits.handshake, Box::pin(shake_hands(shard, stream, flow.transport))).await;
    let failed: &dyn std::fmt::Display = match &pipe {
        Ok(Ok((local, _))) => {
            let hop = Hop { transport: flow.transport, flow: flow.id, local: *local, peer };
            let Ok(Ok((_, pipe))) = pipe else { return None };
            return Some(Connection::new(flow, hop, pipe));
        }
        Ok(Err(error)) => error,
        Err(late) => late,
    };
    one_more(&shard.counters.handshakes_failed);
    tracing::debug!(peer = %Redacted(peer), error = %failed, "handshake failed");
    None
}

async fn shake_hands(shard: &Shard, stream: TcpStream, transport: Transport) -> io::Result<(SocketAddr, Pipe)> {
    prepare(&stream, &shard.shared.settings.limits)?;
    let local = stream.local_addr()?;
    let tls = &shard.shared.tls;
    let pipe = match transport {
        Transport::Udp | Transport::Tcp => Pipe::bytes(stream),
        Transport::Tls => Pipe::bytes(tls.accept(stream).await?),
        Transport::Ws => Pipe::Messages(Box::new(ws::accept(stream).await?)),
        Transport::Wss => Pipe::Messages(Box::new(ws::accept(tls.accept(stream).await?).await?)),
    };
    Ok((local, pipe))
}
