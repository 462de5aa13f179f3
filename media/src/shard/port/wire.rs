//! A socket and who is at its other end.
//!
//! Until the other end is known for sure, packets are taken with their sender's address and strangers are refused. Then the
//! socket is connected: the kernel keeps strangers out from there on, and each packet costs less. A connected socket is
//! loosened again when the description names somebody else or the party falls silent.
//!
//! Browsers share one socket. Nothing is read from it here and it is connected to nobody: who is at the other end is for the
//! checks to say ([`Wire::point`]).

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

/// What a look at the socket found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// A datagram of so many bytes from that address; `None` when the socket is connected and it is the peer.
    Datagram(usize, Option<SocketAddr>),
    /// Nothing to read.
    Nothing,
    /// Nobody listens at the other end, or the network says that it cannot be reached.
    Unreachable,
}

/// How tightly the socket holds to its peer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    Loose,
    /// Connected, but what came before may still lie in the queue.
    Settling,
    Fast,
    /// The socket is others' as well.
    Shared,
}

/// Whose a socket is.
enum Socket {
    Own(UdpSocket),
    Shared(Arc<UdpSocket>),
}

impl std::ops::Deref for Socket {
    type Target = UdpSocket;

    fn deref(&self) -> &UdpSocket {
        match self {
            Self::Own(socket) => socket,
            Self::Shared(socket) => socket,
        }
    }
}

/// One socket.
pub(crate) struct Wire {
    socket: Socket,
    peer: Option<SocketAddr>,
    hold: Hold,
}

impl Wire {
    /// Takes over a bound socket that does not block. Its number was named when it was bound: Linux takes away one that it
    /// chose itself when the socket is loosened.
    pub fn new(socket: UdpSocket) -> Self {
        Self { socket: Socket::Own(socket), peer: None, hold: Hold::Loose }
    }

    /// Sends from a socket that others send from, too.
    pub fn shared(socket: Arc<UdpSocket>) -> Self {
        Self { socket: Socket::Shared(socket), peer: None, hold: Hold::Shared }
    }

    /// Whether somebody else reads from the socket.
    pub fn is_shared(&self) -> bool {
        self.hold == Hold::Shared
    }

    /// Sends to this address from now on, over a socket that others share.
    pub fn point(&mut self, peer: SocketAddr) {
        self.peer = Some(peer);
    }

    /// Where packets go to.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Sends to this address from now on. A socket that is held fast to another is loosened.
    pub fn aim(&mut self, peer: Option<SocketAddr>) {
        if self.peer != peer && !self.is_shared() {
            self.loosen();
            self.peer = peer;
        }
    }

    /// Hears and sends to this address only. A system that refuses leaves the socket loose, which works as well.
    pub fn hold_fast(&mut self, peer: SocketAddr) {
        if self.is_shared() {
            return;
        }
        self.peer = Some(peer);
        if self.socket.connect(peer).is_ok() {
            self.hold = Hold::Settling;
        }
    }

    /// Hears anybody again.
    pub fn loosen(&mut self) {
        if matches!(self.hold, Hold::Settling | Hold::Fast) {
            // The descriptor is ours and connected, so there is nothing to refuse.
            let _ = rustix::net::connect_unspec(&*self.socket);
            self.hold = Hold::Loose;
        }
    }

    /// Whether one look must be followed by another until nothing is left: packets of strangers may stand before the
    /// peer's since the socket was connected.
    pub fn is_settling(&self) -> bool {
        self.hold == Hold::Settling
    }

    /// Reads one datagram.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Got {
        let came = match self.hold {
            Hold::Fast => self.socket.recv(buffer).map(|length| (length, None)),
            Hold::Loose => self.socket.recv_from(buffer).map(|(length, from)| (length, Some(from))),
            Hold::Shared => return Got::Nothing,
            Hold::Settling => {
                let came = self.socket.recv_from(buffer);
                if came.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                    self.hold = Hold::Fast;
                }
                came.map(|(length, from)| (length, Some(from)))
            }
        };
        match came {
            Ok((length, from)) => Got::Datagram(length, from.map(plain)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Got::Nothing,
            Err(_) => Got::Unreachable,
        }
    }

    /// Sends one datagram; false when it did not leave.
    pub fn send(&self, datagram: &[u8]) -> bool {
        let sent = match (self.hold, self.peer) {
            (Hold::Loose | Hold::Shared, Some(peer)) => self.socket.send_to(datagram, peer),
            (Hold::Loose | Hold::Shared, None) => return false,
            _ => self.socket.send(datagram),
        };
        sent.is_ok()
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// An IPv4 address that came in IPv6 clothes is compared by what it is.
pub(crate) fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};

    fn socket() -> UdpSocket {
        let chosen = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free number");
        let socket = UdpSocket::bind(chosen).expect("a socket");
        socket.set_nonblocking(true).expect("a socket that does not block");
        socket
    }

    fn next(wire: &mut Wire) -> (Vec<u8>, Option<SocketAddr>) {
        poll(&mut [PollFd::new(wire, PollFlags::IN)], None).expect("a descriptor to wait on");
        let mut buffer = [0; 16];
        match wire.receive(&mut buffer) {
            Got::Datagram(length, from) => (buffer[..length].to_vec(), from),
            other => panic!("{other:?} where a datagram waits"),
        }
    }

    #[test]
    fn a_wire_held_fast_hears_its_peer_only_and_a_loosened_one_everybody() {
        let (peer, stranger, ours) = (socket(), socket(), socket());
        let here = ours.local_addr().expect("an address");
        let there = peer.local_addr().expect("an address");
        let mut wire = Wire::new(ours);
        stranger.send_to(b"before", here).expect("loopback");
        wire.hold_fast(there);
        stranger.send_to(b"after", here).expect("loopback");
        peer.send_to(b"mine", here).expect("loopback");
        assert_eq!(next(&mut wire), (b"before".to_vec(), stranger.local_addr().ok()), "it waited already");
        assert_eq!(next(&mut wire), (b"mine".to_vec(), Some(there)));
        assert!(wire.is_settling());
        assert_eq!(wire.receive(&mut [0; 16]), Got::Nothing);
        assert!(!wire.is_settling());
        peer.send_to(b"more", here).expect("loopback");
        assert_eq!(next(&mut wire), (b"more".to_vec(), None));

        wire.loosen();
        stranger.send_to(b"again", here).expect("loopback");
        assert_eq!(next(&mut wire), (b"again".to_vec(), stranger.local_addr().ok()));
        assert!(wire.send(b"back"), "the peer is still known");
    }

    #[test]
    fn a_shared_wire_reads_nothing_and_is_held_by_nobody() {
        let (ours, peer) = (Arc::new(socket()), socket());
        let there = peer.local_addr().expect("an address");
        let mut wire = Wire::shared(Arc::clone(&ours));
        assert!(!wire.send(b"nobody"));
        wire.point(there);
        wire.hold_fast(([192, 0, 2, 1], 9).into());
        wire.aim(None);
        assert_eq!(wire.peer(), Some(there));
        assert!(wire.send(b"hello"));
        peer.send_to(b"hello", ours.local_addr().expect("an address")).expect("loopback");
        assert_eq!(wire.receive(&mut [0; 16]), Got::Nothing);
    }

    #[test]
    fn a_wire_without_a_peer_sends_nothing() {
        let mut wire = Wire::new(socket());
        assert!(!wire.send(b"nobody"));
        assert_eq!(wire.receive(&mut [0; 16]), Got::Nothing);
    }
}
