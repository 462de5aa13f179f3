//! What the runtime can be told: where to listen, how to be seen from outside, how much is enough.
//!
//! These are checked values. Whoever reads a file turns its text into them ([`Listen`] and [`Advertise`] read their own
//! notation) and says where the text was wrong; nothing in here knows of files or environment variables.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use patchcord_sip::hop::Transport;
use patchcord_sip::transaction;

/// Everything that [`super::Runtime::start`] needs to know. The default is a working server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where messages are taken.
    pub listen: Vec<Listen>,
    /// How the world outside sees us.
    pub advertise: Advertise,
    /// Who sees the inner address instead.
    pub local: Vec<IpNet>,
    /// Name servers to ask; empty: those of the system.
    pub dns: Vec<SocketAddr>,
    /// Where our certificate comes from.
    pub certificate: CertificateSource,
    /// A file with authorities (PEM) to be trusted beside those of the system when we connect by TLS.
    pub trust: Option<PathBuf>,
    /// How many threads carry calls; each has its own sockets and transactions.
    pub shards: usize,
    /// The timers of the transactions (T1, T2, T4).
    pub timers: transaction::TimerSet,
    /// How much is enough.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let listen = [(Transport::Udp, 5060), (Transport::Tcp, 5060), (Transport::Tls, 5061)];
        Self {
            listen: listen.map(|(transport, port)| Listen { transport, addr: SocketAddr::new(any, port) }).into(),
            advertise: Advertise::None,
            local: local_networks(),
            dns: Vec::new(),
            certificate: CertificateSource::default(),
            trust: None,
            shards: default_shards(),
            timers: transaction::TimerSet::default(),
            limits: Limits::default(),
        }
    }
}

/// Signalling is cheap beside sound, and one shard hands nothing over: a second one is worth it from eight cores on.
fn default_shards() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / 4).max(1)
}

/// Loopback, private, link-local and unique local addresses: nobody there needs to go through a public address.
pub fn local_networks() -> Vec<IpNet> {
    let v4 = [
        ([127, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([172, 16, 0, 0], 12),
        ([192, 168, 0, 0], 16),
        ([169, 254, 0, 0], 16),
    ];
    let v6 = [
        (Ipv6Addr::LOCALHOST, 128),
        (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
        (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    ];
    let v4 = v4.into_iter().map(|(net, bits)| (IpAddr::V4(Ipv4Addr::from(net)), bits));
    let v6 = v6.into_iter().map(|(net, bits)| (IpAddr::V6(net), bits));
    v4.chain(v6)
        .map(|(net, bits)| IpNet::new(net, bits).expect("the prefix lengths above fit their families"))
        .collect()
}

/// A place where messages are taken, written `udp:0.0.0.0:5060` or `tls:[::]:5061`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    /// How they travel.
    pub transport: Transport,
    /// Our end; port 0 lets the system choose.
    pub addr: SocketAddr,
}

/// Why a text is no place to listen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenFault {
    /// Nothing stands before the first colon.
    #[error("no transport is named; write for example udp:0.0.0.0:5060")]
    NoTransport,
    /// The word before the first colon is none of ours.
    #[error("{0:?} is no transport; use udp, tcp, tls, ws or wss")]
    UnknownTransport(String),
    /// The rest is not an address with a port.
    #[error("{0:?} is no address with a port; write for example 0.0.0.0:5060 or [::]:5060")]
    NotAnAddress(String),
}

impl FromStr for Listen {
    type Err = ListenFault;

    fn from_str(text: &str) -> Result<Self, ListenFault> {
        let (name, addr) = text.trim().split_once(':').ok_or(ListenFault::NoTransport)?;
        if text.trim().parse::<SocketAddr>().is_ok() {
            return Err(ListenFault::NoTransport);
        }
        let transport = name.parse().map_err(|_| ListenFault::UnknownTransport(name.to_owned()))?;
        let addr = addr.parse().map_err(|_| ListenFault::NotAnAddress(addr.to_owned()))?;
        Ok(Self { transport, addr })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport, self.addr)
    }
}

/// How the world outside the `local` networks sees us.
///
/// Host names are refused on purpose: the same address has to stand in SDP, where a name that moves would be resolved
/// by nobody. Whoever has a changing address asks a STUN server.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Advertise {
    /// As we are: no translation on the way.
    #[default]
    None,
    /// By this address, with our own ports (1:1 NAT).
    Address(IpAddr),
    /// As a STUN server sees us; its host and port.
    Stun(String, u16),
}

/// Why a text is no address to be seen by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdvertiseFault {
    /// Neither an address nor a STUN server.
    #[error("{0:?} is neither an IP address nor stun:host[:port]; with a changing address, use a STUN server")]
    NotAnAddress(String),
    /// `0.0.0.0` and the like, which nobody can send to.
    #[error("{0} is no address that anybody could send to")]
    Nowhere(IpAddr),
    /// The port after the STUN server's name is none.
    #[error("{0:?} is no port")]
    NotAPort(String),
}

/// RFC 5389 §9: where a STUN server listens unless told otherwise.
pub const STUN_PORT: u16 = 3478;

impl FromStr for Advertise {
    type Err = AdvertiseFault;

    fn from_str(text: &str) -> Result<Self, AdvertiseFault> {
        let text = text.trim();
        let Some(server) = text.strip_prefix("stun:") else {
            let addr: IpAddr = text.parse().map_err(|_| AdvertiseFault::NotAnAddress(text.to_owned()))?;
            return match addr.is_unspecified() || addr.is_multicast() {
                true => Err(AdvertiseFault::Nowhere(addr)),
                false => Ok(Self::Address(addr)),
            };
        };
        if let Ok(addr) = server.parse::<SocketAddr>() {
            return Ok(Self::Stun(addr.ip().to_string(), addr.port()));
        }
        let bare = server.trim_start_matches('[').trim_end_matches(']');
        if bare.parse::<IpAddr>().is_ok() {
            return Ok(Self::Stun(bare.to_owned(), STUN_PORT));
        }
        let (host, port) = match server.split_once(':') {
            None => (server, STUN_PORT),
            Some((host, port)) => (host, port.parse().map_err(|_| AdvertiseFault::NotAPort(port.to_owned()))?),
        };
        match host.is_empty() || host.contains(|c: char| !c.is_ascii_alphanumeric() && !"-._".contains(c)) {
            true => Err(AdvertiseFault::NotAnAddress(text.to_owned())),
            false => Ok(Self::Stun(host.to_owned(), port)),
        }
    }
}

/// Where our certificate and its key come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// From two PEM files.
    Files {
        /// The chain, ours first.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// Signed by ourselves, made at the first start and kept in this folder.
    MadeOnce {
        /// Where it is kept: the data folder.
        folder: PathBuf,
        /// Names to put into it beside this machine's addresses.
        names: Vec<String>,
    },
    /// From the one file that whoever fetches certificates writes into a folder of its own; until it has, made once.
    Fetched {
        /// Where it is kept.
        folder: PathBuf,
        /// What is shown until then.
        until: Box<CertificateSource>,
    },
}

impl Default for CertificateSource {
    fn default() -> Self {
        Self::MadeOnce { folder: PathBuf::from("data"), names: Vec::new() }
    }
}

/// How much is enough. Each is counted when it is reached.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections of all transports together. Each takes a file descriptor, and some systems allow twenty thousand.
    pub connections: usize,
    /// Connections from one address outside the `local` networks: an office behind one NAT fits, a flood from one machine
    /// does not.
    pub connections_per_source: usize,
    /// Connections from one address inside the `local` networks; `None`: a quarter of all. A proxy in front of us brings
    /// the phones of a town from there, and still no single machine takes every connection there is.
    pub connections_per_neighbour: Option<usize>,
    /// Messages that wait for a slow peer. More than this behind means that it has gone or does not read.
    pub queued_messages: usize,
    /// Bytes that wait for a slow peer: sixteen of the largest messages.
    pub queued_bytes: usize,
    /// Bytes that wait for all slow peers together; beyond them a peer for whom something waits already is closed. Enough
    /// for a hundred thousand usual messages, and an end to what a thousand strangers who never read can take.
    pub unsaid_bytes: usize,
    /// A connection on which nothing was said for so long is closed. Phones that keep a flow ping every two minutes.
    pub idle: Duration,
    /// A message whose first byte has come must be complete by then; RFC 3261 gives a transaction 32 s.
    pub half_message: Duration,
    /// A peer whose machine acknowledges nothing of what we say for so long has gone without a word.
    pub unacknowledged: Duration,
    /// TLS and WebSocket handshakes end by then.
    pub handshake: Duration,
    /// A connection of ours stands by then, or the target counts as unreachable.
    pub connect: Duration,
    /// The same for TCP tried only because a request is large for UDP: a firewall that says nothing costs no call.
    pub connect_large: Duration,
    /// Messages that wait for another shard; a shard that is so far behind is lost anyway.
    pub handed_over: usize,
    /// Bytes of these: usual messages come to the other limit first, a stranger's largest ones to this one.
    pub handed_over_bytes: usize,
    /// Requests under way through [`super::Wire::send_to`], per shard. An INVITE that was accepted is not under way any more.
    pub requests: usize,
    /// Names being resolved at the same time, per shard.
    pub resolutions: usize,
    /// A name is resolved by then or counts as unknown.
    pub resolution: Duration,
    /// Answers of name servers that are kept while their time to live lasts, per shard.
    pub dns_answers: u64,
    /// How long a target that failed is tried last (RFC 3263 §4.3 asks for a memory and gives no time).
    pub dead_target: Duration,
    /// How many failed targets are remembered, per shard.
    pub dead_targets: usize,
    /// Bytes that the kernel is asked to buffer per UDP socket: a burst of eight thousand messages.
    pub socket_buffer: usize,
    /// What the transactions of one shard may hold.
    pub transactions: transaction::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_000,
            connections_per_source: 1_024,
            connections_per_neighbour: None,
            queued_messages: 512,
            queued_bytes: 16 * patchcord_sip::stream::MAX_MESSAGE,
            unsaid_bytes: 64 << 20,
            idle: Duration::from_secs(600),
            half_message: Duration::from_secs(30),
            unacknowledged: Duration::from_secs(30),
            handshake: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            connect_large: Duration::from_secs(2),
            handed_over: 8_192,
            handed_over_bytes: 16 << 20,
            requests: 8_192,
            resolutions: 256,
            resolution: Duration::from_secs(8),
            dns_answers: 1_024,
            dead_target: Duration::from_secs(30),
            dead_targets: 1_024,
            socket_buffer: 4 << 20,
            transactions: transaction::Limits::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_listen_is_read_as_it_is_written() {
        for text in ["udp:0.0.0.0:5060", "tls:[::]:5061", "wss:127.0.0.1:0"] {
            assert_eq!(text.parse::<Listen>().map(|listen| listen.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn a_wrong_place_to_listen_says_what_is_wrong() {
        assert_eq!("0.0.0.0:5060".parse::<Listen>(), Err(ListenFault::NoTransport));
        assert_eq!("[::]:5060".parse::<Listen>(), Err(ListenFault::NoTransport));
        assert_eq!("sctp:0.0.0.0:5060".parse::<Listen>(), Err(ListenFault::UnknownTransport("sctp".into())));
        assert_eq!("udp:localhost".parse::<Listen>(), Err(ListenFault::NotAnAddress("localhost".into())));
    }

    #[test]
    fn an_advertised_address_is_an_ip_or_a_stun_server() {
        let stun = |host: &str, port| Ok(Advertise::Stun(host.to_owned(), port));
        assert_eq!("203.0.113.7".parse(), Ok(Advertise::Address([203, 0, 113, 7].into())));
        assert_eq!("stun:stun.example.org".parse(), stun("stun.example.org", 3478));
        assert_eq!("stun:stun.example.org:19302".parse(), stun("stun.example.org", 19302));
        assert_eq!("stun:[2001:db8::1]:3479".parse(), stun("2001:db8::1", 3479));
        assert_eq!("stun:[2001:db8::1]".parse(), stun("2001:db8::1", 3478));
    }

    #[test]
    fn an_address_that_nobody_can_reach_is_refused() {
        assert!(matches!("pbx.example.org".parse::<Advertise>(), Err(AdvertiseFault::NotAnAddress(_))));
        assert!(matches!("0.0.0.0".parse::<Advertise>(), Err(AdvertiseFault::Nowhere(_))));
        assert!(matches!("stun:host:port".parse::<Advertise>(), Err(AdvertiseFault::NotAPort(_))));
        assert!(matches!("stun:".parse::<Advertise>(), Err(AdvertiseFault::NotAnAddress(_))));
    }

    #[test]
    fn private_addresses_are_local_and_public_ones_are_not() {
        let is_local = |addr: &str| {
            let addr: IpAddr = addr.parse().expect("an address");
            local_networks().iter().any(|net| net.contains(&addr))
        };
        assert!(
            ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "::1", "fd00::1", "fe80::1"]
                .into_iter()
                .all(is_local)
        );
        assert!(!["8.8.8.8", "172.32.0.1", "2001:db8::1"].into_iter().any(is_local));
    }
}
