//! Opens listening sockets, one per shard and address, so that the kernel spreads the load.
//!
//! Sockets of one group share their port by `SO_REUSEPORT`. The same option would let a second server join the group
//! and steal half of the calls in silence, so every address is first bound without it.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use patchcord_sip::hop::Transport;
use socket2::{Domain, Protocol, Socket, Type};

use crate::runtime::settings::Listen;

/// Connections that the kernel completes while we are busy; a burst of phones after a power cut.
const BACKLOG: i32 = 1024;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else has it.
    #[error("{0} is in use: another server is running there; stop it or choose another port in [sip] listen")]
    InUse(Listen, #[source] io::Error),
    /// A port below 1024 without the right to it.
    #[error(
        "{0} needs rights that this process does not have; choose a port from 1024 on, or grant CAP_NET_BIND_SERVICE"
    )]
    NotAllowed(Listen, #[source] io::Error),
    /// The address is none of this machine's.
    #[error("{0} is none of this machine's addresses; choose one that `ip address` shows, or 0.0.0.0 or [::] for all")]
    NotOurs(Listen, #[source] io::Error),
    /// Anything else that the system says.
    #[error("{0} cannot be listened on")]
    Refused(Listen, #[source] io::Error),
}

impl BindError {
    fn new(listen: Listen, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::InUse(listen, error),
            io::ErrorKind::PermissionDenied => Self::NotAllowed(listen, error),
            io::ErrorKind::AddrNotAvailable => Self::NotOurs(listen, error),
            _ => Self::Refused(listen, error),
        }
    }
}

/// The sockets of one address, one for each shard.
pub enum Group {
    /// Of a datagram transport.
    Datagrams(Vec<UdpSocket>),
    /// Of any transport with connections.
    Connections(Vec<TcpListener>),
}

/// Opens the sockets of one address and says which address that is, now that its port is known.
pub fn bind(listen: Listen, shards: usize, buffer: usize) -> Result<(Listen, Group), BindError> {
    let datagrams = listen.transport == Transport::Udp;
    let open = |addr, shared| open(addr, datagrams, shared, buffer).map_err(|error| BindError::new(listen, error));
    let alone = open(listen.addr, false)?;
    let bound = local_addr(&alone).map_err(|error| BindError::new(listen, error))?;
    let sockets = match shards {
        0 | 1 => vec![alone],
        _ => {
            drop(alone);
            (0..shards).map(|_| open(bound, true)).collect::<Result<_, _>>()?
        }
    };
    let group = match datagrams {
        true => Group::Datagrams(sockets.into_iter().map(Into::into).collect()),
        false => Group::Connections(sockets.into_iter().map(Into::into).collect()),
    };
    Ok((Listen { addr: bound, ..listen }, group))
}

fn open(addr: SocketAddr, datagrams: bool, shared: bool, buffer: usize) -> io::Result<Socket> {
    let (kind, protocol) = match datagrams {
        true => (Type::DGRAM, Protocol::UDP),
        false => (Type::STREAM, Protocol::TCP),
    };
    let socket = Socket::new(Domain::for_address(addr), kind, Some(protocol))?;
    if addr.is_ipv6() {
        // A socket of `[::]` that took IPv4 as well would show those peers in a form that no SIP header knows.
        socket.set_only_v6(true)?;
    }
    if shared {
        socket.set_reuse_port(true)?;
    }
    if datagrams {
        widen(&socket, addr, buffer);
    } else {
        // Otherwise a restart would wait for the last connections to be forgotten.
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    if !datagrams {
        socket.listen(BACKLOG)?;
    }
    Ok(socket)
}

/// Asks for large buffers; the kernel may give less, and then a burst may lose messages that have to be repeated.
fn widen(socket: &Socket, addr: SocketAddr, buffer: usize) {
    let asked = socket.set_recv_buffer_size(buffer).and_then(|()| socket.set_send_buffer_size(buffer));
    let got = asked.and_then(|()| socket.recv_buffer_size());
    match got {
        // Linux answers with twice what it was asked for: its own book-keeping included.
        Ok(got) if got >= buffer => {}
        Ok(got) => {
            tracing::info!(%addr, asked = buffer, got, "small socket buffer; raise net.core.rmem_max and wmem_max")
        }
        Err(error) => tracing::warn!(%addr, %error, "socket buffer cannot be set"),
    }
}

fn local_addr(socket: &Socket) -> io::Result<SocketAddr> {
    let addr = socket.local_addr()?;
    addr.as_socket().ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))
}
