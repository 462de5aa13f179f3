//! Sockets for a port: bound to a free pair of numbers of the range, on the thread of whoever asks.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Mutex;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::clock;
use super::order::PortId;
use super::placement::Weight;
use super::plane::lock;
use crate::rtp::ports::{Exhausted, Range};

/// Numbers that somebody else may have taken before we give up to find a free pair.
const MOST_TRIES: usize = 16;

/// The party's routers are asked to hurry (RFC 4594: Expedited Forwarding).
const EXPEDITED: u8 = 46 << 2;

/// What a socket may hold back: a second of packets, so that a flood costs no more memory than that.
const BACKLOG_BYTES: usize = 64 * 1024;

/// A port that is wanted.
#[derive(Debug, Clone)]
pub struct Open {
    /// The address to bind.
    pub address: IpAddr,
    /// Who is told about it.
    pub listener: usize,
    /// Whether reports get a socket of their own.
    pub reports: bool,
    /// What it is expected to cost.
    pub weight: Weight,
    /// A port that it will be bridged with: both live on one thread then, and nobody has to move.
    pub beside: Option<PortId>,
}

/// A port that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Its name.
    pub port: PortId,
    /// Where it hears sound.
    pub rtp: SocketAddr,
    /// Where it hears reports, when not beside the sound.
    pub rtcp: Option<SocketAddr>,
}

/// No port. The call that wanted it is answered 503.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// As many ports are open as descriptors allow.
    #[error("{0} ports are open, and more would leave no descriptors")]
    Full(usize),
    /// All numbers are taken.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// Every thread works as much as it may.
    #[error("every media thread is loaded to its limit")]
    Loaded,
    /// No such listener.
    #[error("there is no listener {0}")]
    NoListener(usize),
    /// So many sockets for browsers are open on one thread, one for each address.
    #[error("{0} addresses have a socket for browsers, and no further one gets any")]
    TooManyGates(usize),
    /// No browser comes by the socket that its pictures should share.
    #[error("no browser comes by that socket")]
    NoGate,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoChance,
    /// The thread does not take orders fast enough.
    #[error("a media thread has no room for orders")]
    Busy,
    /// The address has no free pair of numbers, or is not ours.
    #[error("no socket can be bound to {address}")]
    Bind {
        /// The address that was to be bound.
        address: IpAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A socket, and one beside it where it is wanted, at numbers that nobody else has.
pub(super) fn bind_pair(
    numbers: &Mutex<Range>,
    address: IpAddr,
    reports: bool,
) -> Result<(u16, UdpSocket, Option<UdpSocket>), OpenError> {
    let mut last = io::ErrorKind::AddrInUse.into();
    for _ in 0..MOST_TRIES {
        let number = lock(numbers).take(clock::now())?;
        let pair = bind(address, number).and_then(|rtp| {
            let rtcp = reports.then(|| bind(address, number + 1)).transpose()?;
            Ok((number, rtp, rtcp))
        });
        match pair {
            Ok(pair) => return Ok(pair),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                last = error;
                lock(numbers).refused(number, clock::now());
            }
            // An address that is not ours has no number at all.
            Err(source) => {
                lock(numbers).release(number, clock::now());
                return Err(OpenError::Bind { address, source });
            }
        }
    }
    Err(OpenError::Bind { address, source: last })
}

/// Each call of a busy hour binds four of these: no word to the system is said twice.
fn bind(address: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
    rustix::net::bind(&socket, &SocketAddr::new(address, port))?;
    sockopt::set_socket_recv_buffer_size(&socket, BACKLOG_BYTES)?;
    // Marking is a courtesy that some systems refuse.
    let _ = match address {
        IpAddr::V4(_) => sockopt::set_ip_tos(&socket, EXPEDITED),
        IpAddr::V6(_) => sockopt::set_ipv6_tclass(&socket, EXPEDITED.into()),
    };
    Ok(socket.into())
}
