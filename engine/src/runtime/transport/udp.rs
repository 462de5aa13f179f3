//! Datagrams: received in batches, answered from the address they were sent to.
//!
//! A shard has one [`Scratch`] into which the kernel writes; each datagram is then copied into bytes of its own size,
//! because a message that is kept for half a minute must not keep a whole batch alive.

use std::array;
use std::cell::Cell;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};

use bytes::Bytes;
use patchcord_sip::hop::{FlowId, Hop, Transport};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Outlet;
use super::outbox::LETTERS;

/// The largest datagram, and the most that the kernel joins into one buffer.
const SLOT: usize = 65_536;

/// Datagrams taken at once in quiet times. Preparing room for thirty-two costs more than the one that comes.
const SMALL_BATCH: usize = 4;

/// Where the kernel writes what it received. Pages that are never written to cost nothing.
pub(crate) struct Scratch {
    buffer: Box<[u8]>,
    metas: [RecvMeta; BATCH_SIZE],
}

impl Scratch {
    pub fn new() -> Self {
        Self { buffer: vec![0; SLOT * BATCH_SIZE].into(), metas: [RecvMeta::default(); BATCH_SIZE] }
    }

    /// Room for one read from a connection.
    pub fn slot(&mut self) -> &mut [u8] {
        &mut self.buffer[..SLOT]
    }
}

/// One shard's socket of one listening address.
pub(crate) struct Datagrams {
    flow: FlowId,
    local: SocketAddr,
    /// Watched for reading only: each datagram that leaves makes the socket writable again, and a wake-up for that would
    /// double their number.
    socket: AsyncFd<UdpSocket>,
    state: UdpSocketState,
    batch: Cell<usize>,
}

impl Datagrams {
    /// Takes over a bound socket; the runtime of the shard must be entered.
    pub fn new(flow: FlowId, socket: UdpSocket) -> io::Result<Self> {
        let local = socket.local_addr()?;
        let state = UdpSocketState::new((&socket).into())?;
        suit_sip(&socket, local)?;
        let socket = watch(socket)?;
        Ok(Self { flow, local, socket, state, batch: Cell::new(SMALL_BATCH) })
    }

    /// Waits until there is something to receive, has `receive` called, and tells whether there may be more.
    pub async fn receive_with(&self, receive: impl FnOnce() -> io::Result<bool>) -> io::Result<bool> {
        let mut ready = self.socket.readable().await?;
        let more = receive();
        // The queue was empty when the kernel returned, and the next arrival wakes us again: clearing the mark here
        // saves the call that would only hear "would block".
        if matches!(more, Ok(false)) {
            ready.clear_ready();
        }
        more
    }

    /// Receives what is there, one batch at most, and hands over each datagram. Tells how many there were.
    pub fn receive(&self, scratch: &mut Scratch, mut take: impl FnMut(Bytes, Hop)) -> io::Result<usize> {
        let batch = self.batch.get();
        let Scratch { buffer, metas } = scratch;
        let mut slots = buffer.chunks_exact_mut(SLOT);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            array::from_fn(|_| IoSliceMut::new(slots.next().unwrap_or_default()));
        let socket = self.socket.get_ref().into();
        let received = match self.state.recv(socket, &mut slices[..batch], &mut metas[..batch]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            received => received?,
        };
        self.batch.set(match received == batch {
            true => (batch * 2).min(BATCH_SIZE),
            false => (batch / 2).max(received).max(SMALL_BATCH),
        });
        for (meta, slice) in metas.iter().zip(&slices).take(received) {
            let local = SocketAddr::new(meta.dst_ip.unwrap_or(self.local.ip()), self.local.port());
            let hop = Hop { transport: Transport::Udp, flow: self.flow, local, peer: meta.addr };
            match meta.stride {
                0 => take(Bytes::new(), hop),
                stride => slice[..meta.len].chunks(stride).for_each(|one| take(Bytes::copy_from_slice(one), hop)),
            }
        }
        Ok(received)
    }
}

impl Outlet for Datagrams {
    fn flow(&self) -> FlowId {
        self.flow
    }

    fn local(&self) -> SocketAddr {
        self.local
    }

    fn send(&self, local: SocketAddr, peer: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        if !self.local.ip().is_unspecified() || local.ip().is_unspecified() {
            return self.socket.get_ref().send_to(bytes, peer).map(|_| ());
        }
        let src_ip = Some(local.ip());
        let transmit = Transmit { destination: peer, ecn: None, contents: bytes, segment_size: None, src_ip };
        self.state.try_send(self.socket.get_ref().into(), &transmit)
    }

    fn joins(&self) -> bool {
        self.state.max_gso_segments() >= LETTERS
    }

    fn send_joined(&self, local: SocketAddr, peer: SocketAddr, bytes: &[u8], size: usize) -> io::Result<()> {
        let names_source = self.local.ip().is_unspecified() && !local.ip().is_unspecified();
        let src_ip = names_source.then_some(local.ip());
        let transmit = Transmit { destination: peer, ecn: None, contents: bytes, segment_size: Some(size), src_ip };
        self.state.try_send(self.socket.get_ref().into(), &transmit)
    }
}

#[allow(unsafe_code, reason = "the only way to watch a socket for reading alone")]
fn watch(socket: UdpSocket) -> io::Result<AsyncFd<UdpSocket>> {
    // SAFETY: the socket of std owns its descriptor, always gives the same one, and closes it when it is dropped. It is
    // owned by the `AsyncFd` from here on, and nothing takes it out.
    Ok(unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }?)
}

/// Sets back what `quinn-udp` sets for QUIC. The kernel may cut a large datagram into fragments: an answer of SIP goes the
/// way that its request came, whatever its size (RFC 3261 §18.2.2). Nobody here asks when or with which marks a datagram
/// came, and where there is only one address, nobody asks to which; each would be written beside every datagram.
#[cfg(target_os = "linux")]
fn suit_sip(socket: &UdpSocket, local: SocketAddr) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 0)?;
    match local {
        SocketAddr::V4(addr) => {
            set_option(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DONT)?;
            set_option(socket, libc::IPPROTO_IP, libc::IP_RECVTOS, 0)?;
            set_option(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, addr.ip().is_unspecified().into())
        }
        SocketAddr::V6(addr) => {
            set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DONT)?;
            set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 0)?;
            set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 0)?;
            set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, addr.ip().is_unspecified().into())
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn suit_sip(_: &UdpSocket, _: SocketAddr) -> io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "socket options that neither std nor socket2 knows")]
fn set_option(socket: &UdpSocket, level: i32, option: i32, value: i32) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let size = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `socket` is borrowed, and `value` is an int of the size that is told.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
