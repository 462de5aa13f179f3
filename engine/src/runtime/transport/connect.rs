//! Makes connections to others. What is to be said waits in the flow meanwhile.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use patchcord_sip::hop::{Hop, Transport};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::connection::{Connection, Pipe, prepare};
use super::flows::{Flow, Way};
use crate::redact::Redacted;
use crate::runtime::shard::Shard;
use crate::runtime::stats::one_more;

/// Makes the connection and talks over it until it ends. If it cannot be made, whoever has said something over it hears
/// that the flow has closed.
pub(crate) async fn connect(shard: Rc<Shard>, flow: Arc<Flow>, way: Way, patience: Duration) {
    match timeout(patience, Box::pin(reach(&shard, &way))).await {
        Ok(Ok((local, pipe))) => {
            shard.connected(&flow);
            let hop = Hop { transport: way.transport, flow: flow.id, local, peer: way.peer };
            Connection::new(flow.clone(), hop, pipe).run(&shard).await;
        }
        Ok(Err(error)) => failed(&shard, &way, &error),
        Err(late) => failed(&shard, &way, &late),
    }
    shard.closed(&flow).await;
}

fn failed(shard: &Shard, way: &Way, error: &dyn std::fmt::Display) {
    one_more(&shard.counters.connects_failed);
    tracing::debug!(transport = %way.transport, peer = %Redacted(way.peer), %error, "no connection");
}

async fn reach(shard: &Shard, way: &Way) -> io::Result<(SocketAddr, Pipe)> {
    let socket = match way.peer {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(ours) = source(shard, way) {
        socket.bind(SocketAddr::new(ours, 0))?;
    }
    let stream: TcpStream = socket.connect(way.peer).await?;
    prepare(&stream, &shard.shared.settings.limits)?;
    let local = stream.local_addr()?;
    let pipe = match way.transport {
        Transport::Tls => Pipe::bytes(shard.shared.tls.connect(stream, way.peer, way.name.as_deref()).await?),
        _ => Pipe::bytes(stream),
    };
    Ok((local, pipe))
}

/// Which address of ours to come from: the one we listen at, because carriers know us by it. A listener at loopback says
/// nothing about how to reach others.
fn source(shard: &Shard, way: &Way) -> Option<IpAddr> {
    let fits = |ip: &IpAddr| ip.is_ipv4() == way.peer.is_ipv4() && !ip.is_unspecified();
    let listens = shard.shared.bound.iter().filter(|listen| listen.transport == way.transport);
    let ours = listens.map(|listen| listen.addr.ip()).find(fits)?;
    (ours.is_loopback() == way.peer.ip().is_loopback()).then_some(ours)
}
