//! Where a message came from, or where it goes to.
//!
//! A [`Hop`] names a transport, the flow on it and the two addresses. It holds no socket: whoever owns the sockets
//! finds them again by the [`FlowId`].

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// How a SIP message travels between two neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// One message per datagram; lost ones are repeated by the transactions.
    Udp,
    /// A stream in the clear.
    Tcp,
    /// A stream under TLS.
    Tls,
    /// WebSocket (RFC 7118).
    Ws,
    /// WebSocket under TLS.
    Wss,
}

impl Transport {
    /// Every transport that this crate can name.
    pub const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    /// Whether the transport itself repeats what is lost; timers A, E and G sleep then.
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// Whether nobody on the way can read along.
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// The name as a Via header writes it.
    pub const fn via_name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The name as a `;transport=` URI parameter writes it.
    pub const fn uri_name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The port meant when none is written (RFC 3261 §19.1.2, RFC 7118 §5.2.1).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

/// A transport name that this crate does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the transport is none of udp, tcp, tls, ws, wss")]
pub struct UnknownTransport;

impl FromStr for Transport {
    type Err = UnknownTransport;

    fn from_str(name: &str) -> Result<Self, UnknownTransport> {
        Self::ALL.into_iter().find(|transport| transport.uri_name().eq_ignore_ascii_case(name)).ok_or(UnknownTransport)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri_name())
    }
}

/// One connection, or one listening UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId(pub u64);

/// One step of a message's way: our end and the neighbour's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hop {
    /// How it travels.
    pub transport: Transport,
    /// The connection or socket that carries it.
    pub flow: FlowId,
    /// Our address.
    pub local: SocketAddr,
    /// The neighbour's address.
    pub peer: SocketAddr,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transport_names_are_read_in_any_case() {
        assert_eq!("WsS".parse(), Ok(Transport::Wss));
        assert_eq!("sctp".parse::<Transport>(), Err(UnknownTransport));
    }

    #[test]
    fn only_udp_needs_repetition() {
        let lossy: Vec<_> = Transport::ALL.into_iter().filter(|transport| !transport.is_reliable()).collect();
        assert_eq!(lossy, [Transport::Udp]);
    }
}
