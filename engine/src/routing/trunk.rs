//! A trunk: a carrier we are configured to talk to.
//!
//! What is written here is what the file says, and how many calls there are now. Whether it answers, and how it is
//! registered, are machines of their own.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use patchcord_sip::{
    digest::Credential,
    uri::{Scheme, Uri},
};

use super::{
    admission::{Full, Ticket},
    calling::{Codec, Srtp, UnknownWord},
    number::{Inward, Outward},
    traffic::Traffic,
};

/// Most trunks of one server: each incoming request is compared with the networks of all of them.
pub const MAX_TRUNKS: usize = 1_000;

/// Most servers of a trunk, and most networks that it sends from: carriers name a handful.
pub const MAX_SERVERS: usize = 32;

/// How long a registration with a carrier shall last, unless told otherwise: what most of them grant.
pub const DEFAULT_REGISTRATION: Duration = Duration::from_secs(3600);

/// A carrier, and how it wants to be talked to.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// How routes name it.
    pub name: Arc<str>,
    /// Its servers as SIP addresses, in the order in which they are tried.
    pub servers: Vec<Box<str>>,
    /// Who we are there.
    pub account: Option<Account>,
    /// How long we want to be registered there; `None`: not at all.
    pub register: Option<Duration>,
    /// Who may send us calls as this trunk.
    pub from: Vec<Whence>,
    /// How its numbers become ours.
    pub inward: Inward,
    /// How ours become its.
    pub outward: Outward,
    /// How it is told who calls.
    pub identity: Identity,
    /// The number that is shown for callers who have none of their own to show.
    pub caller_id: Option<Box<str>>,
    /// Most calls at once.
    pub calls: Option<u32>,
    /// Most new calls a second.
    pub calls_per_second: Option<u32>,
    /// Whether it is asked by OPTIONS if it is there.
    pub is_asked: bool,
    /// Whether its sound is enciphered.
    pub srtp: Srtp,
    /// Codecs that are agreed with it, the best first.
    pub codecs: Vec<Codec>,
    /// What goes on over it now.
    pub traffic: Traffic,
}

/// Who we are at a carrier.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user of our address there, and the user name of the digest.
    pub user: Box<str>,
    /// What proves it; `None`: nothing is asked.
    pub credential: Option<Credential>,
}

/// How a carrier is told who calls, and what it is told besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Identity {
    /// Which header says it.
    pub by: IdentityHeader,
    /// Whether Diversion says who forwarded a call (RFC 5806).
    pub diversion: bool,
    /// Whether History-Info does (RFC 7044).
    pub history_info: bool,
}

/// Which header says who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum IdentityHeader {
    /// P-Asserted-Identity (RFC 3325).
    #[default]
    Asserted,
    /// Remote-Party-ID, its forerunner.
    RemoteParty,
    /// From alone.
    From,
}

/// A word of the key `identity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityWord {
    /// `pai`, `rpid` or `from`.
    By(IdentityHeader),
    /// `diversion`
    Diversion,
    /// `history-info`
    HistoryInfo,
}

impl std::str::FromStr for IdentityWord {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text.trim() {
            "pai" => Ok(Self::By(IdentityHeader::Asserted)),
            "rpid" => Ok(Self::By(IdentityHeader::RemoteParty)),
            "from" => Ok(Self::By(IdentityHeader::From)),
            "diversion" => Ok(Self::Diversion),
            "history-info" => Ok(Self::HistoryInfo),
            word => Err(UnknownWord { word: word.into(), what: "way to say who calls" }),
        }
    }
}

impl Trunk {
    /// A trunk of that name with nothing said about it but its servers.
    pub fn new(name: &str, servers: Vec<Box<str>>) -> Self {
        Self {
            name: name.into(),
            servers,
            account: None,
            register: None,
            from: Vec::new(),
            inward: Inward::default(),
            outward: Outward::default(),
            identity: Identity::default(),
            caller_id: None,
            calls: None,
            calls_per_second: None,
            is_asked: true,
            srtp: Srtp::default(),
            codecs: Codec::USUAL.into(),
            traffic: Traffic::default(),
        }
    }

    /// Room for one more call that comes or goes by it. An `urgent` one has room always.
    pub fn admit(&self, urgent: bool, now: Instant) -> Result<Ticket, Full> {
        let full = |limit| Full::Trunk { trunk: self.name.clone(), limit };
        let ticket =
            self.traffic.calls.enter(self.calls, urgent).ok_or_else(|| full(self.calls.unwrap_or(u32::MAX)))?;
        if let Some(limit) = self.calls_per_second.filter(|_| !urgent) {
            let too_fast = |wait| Full::TrunkPace { trunk: self.name.clone(), limit, wait };
            self.traffic.pace.take(limit, now).map_err(too_fast)?;
        }
        Ok(ticket)
    }

    /// Who may send us calls as this trunk: who is named, and otherwise the servers that are named by their address.
    pub fn whence(&self) -> Vec<Whence> {
        if !self.from.is_empty() {
            return self.from.clone();
        }
        let whence = |server: &str| {
            let uri = Uri::parse(server).ok()?;
            Some(Whence { net: uri.address()?.into(), port: uri.port() })
        };
        self.servers.iter().filter_map(|server| whence(server)).collect()
    }
}

/// Where the calls of a trunk come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Whence {
    /// From these addresses.
    pub net: IpNet,
    /// From that port, where several trunks share an address.
    pub port: Option<u16>,
}

impl From<IpNet> for Whence {
    fn from(net: IpNet) -> Self {
        Self { net, port: None }
    }
}

/// A text is no network and no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no network, no address and no address with a port")]
pub struct NoWhence;

impl std::str::FromStr for Whence {
    type Err = NoWhence;

    fn from_str(text: &str) -> Result<Self, NoWhence> {
        if let Ok(at) = text.parse::<SocketAddr>() {
            return Ok(Self { net: at.ip().into(), port: Some(at.port()) });
        }
        let alone = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse().or_else(|_| alone()).map(Self::from).map_err(|_| NoWhence)
    }
}

impl std::fmt::Display for Whence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let alone = self.net.prefix_len() == self.net.max_prefix_len();
        match (self.port, alone) {
            (Some(port), _) => SocketAddr::new(self.net.addr(), port).fmt(f),
            (None, true) => self.net.addr().fmt(f),
            (None, false) => self.net.fmt(f),
        }
    }
}

/// A server's address, as `sip:sip.north.example`; one that names no transport of its own gets that of the trunk.
pub fn trunk_server(text: &str, transport: Option<&str>) -> Option<Box<str>> {
    let uri = Uri::parse(text).ok().filter(|uri| matches!(uri.scheme(), Scheme::Sip | Scheme::Sips))?;
    uri.host().filter(|_| uri.headers_text().is_empty() && uri.user().is_none())?;
    match transport.filter(|_| uri.transport().is_none() && !uri.is_sips()) {
        Some(transport) => Some(format!("{text};transport={transport}").into()),
        None => Some(text.into()),
    }
}

/// Which of the trunks' networks an address lies in, the narrowest first.
#[derive(Debug, Default)]
pub(super) struct Neighbours(Vec<(Whence, Arc<Trunk>)>);

impl Neighbours {
    pub(super) fn of(trunks: &[Arc<Trunk>]) -> Self {
        let all = |trunk: &Arc<Trunk>| trunk.whence().into_iter().map(|net| (net, trunk.clone())).collect::<Vec<_>>();
        let mut all: Vec<_> = trunks.iter().flat_map(all).collect();
        all.sort_by_key(|(whence, _)| std::cmp::Reverse(whence.net.prefix_len()));
        Self(all)
    }

    /// The trunk that a request from there comes from: of those that share the narrowest network the one whose port it is,
    /// or that names none. A port that nobody has named is the only one's, for many send from another one than they are
    /// reached at; of several nobody could tell.
    pub(super) fn find(&self, peer: SocketAddr) -> Option<&Arc<Trunk>> {
        let address = peer.ip().to_canonical();
        let (narrowest, _) = self.0.iter().find(|(whence, _)| whence.net.contains(&address))?;
        let alike = || self.0.iter().filter(|(whence, _)| whence.net == narrowest.net);
        let by_port = |port: Option<u16>| alike().find(|(whence, _)| whence.port == port);
        let (_, only) = alike().next()?;
        let only = Some(only).filter(|only| alike().all(|(_, trunk)| trunk.name == only.name));
        let named = by_port(Some(peer.port())).or_else(|| by_port(None));
        named.map(|(_, trunk)| trunk).or(only)
    }

    /// Whether calls of any trunk come from that address.
    pub(super) fn know(&self, address: IpAddr) -> bool {
        self.0.iter().any(|(whence, _)| whence.net.contains(&address.to_canonical()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(name: &str, from: &[&str]) -> Arc<Trunk> {
        let from = from.iter().map(|net| net.parse().expect("a network")).collect();
        Arc::new(Trunk { from, ..Trunk::new(name, vec!["sip:198.51.100.1".into()]) })
    }

    #[test]
    fn the_narrowest_network_says_which_trunk_it_is() {
        let trunks = [
            trunk("wide", &["203.0.113.0/24", "2001:db8::/32"]),
            trunk("narrow", &["203.0.113.64/26"]),
            trunk("by-server", &[]),
        ];
        let neighbours = Neighbours::of(&trunks);
        let found = |address: &str| neighbours.find(at(address, 5060)).map(|trunk| trunk.name.to_string());
        assert_eq!(found("203.0.113.1").as_deref(), Some("wide"));
        assert_eq!(found("203.0.113.65").as_deref(), Some("narrow"));
        assert_eq!(found("::ffff:203.0.113.65").as_deref(), Some("narrow"), "as a socket for both families sees it");
        assert_eq!(found("2001:db8::9").as_deref(), Some("wide"));
        assert_eq!(found("198.51.100.1").as_deref(), Some("by-server"));
        assert_eq!(found("192.0.2.1"), None);
    }

    fn at(address: &str, port: u16) -> SocketAddr {
        SocketAddr::new(address.parse().expect("an address"), port)
    }

    #[test]
    fn two_trunks_at_one_address_are_told_apart_by_their_ports() {
        let by_server = |name: &str, server: &str| Arc::new(Trunk::new(name, vec![server.into()]));
        let both = [by_server("north", "sip:203.0.113.5:5070"), trunk("south", &["203.0.113.5:5080"])];
        let neighbours = Neighbours::of(&both);
        let found = |port| neighbours.find(at("203.0.113.5", port)).map(|trunk| &*trunk.name);
        assert_eq!((found(5070), found(5080)), (Some("north"), Some("south")));
        assert_eq!(found(40_000), None, "nobody could tell whose it is");

        let alone = Neighbours::of(&both[..1]);
        let found = |port| alone.find(at("203.0.113.5", port)).map(|trunk| &*trunk.name);
        assert_eq!(found(40_000), Some("north"), "there is nobody else whose it could be");
    }

    #[test]
    fn where_calls_come_from_is_read_as_it_is_shown() {
        for text in ["203.0.113.0/24", "203.0.113.5", "203.0.113.5:5070", "[2001:db8::1]:5070", "2001:db8::/32"] {
            assert_eq!(text.parse::<Whence>().expect("a place").to_string(), text);
        }
        assert_eq!("north.example".parse::<Whence>(), Err(NoWhence));
    }

    #[test]
    fn a_trunk_takes_as_many_calls_as_it_may_and_no_faster() {
        #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
        let start = Instant::now();
        let trunk = Trunk { calls: Some(2), calls_per_second: Some(1), ..Trunk::new("north", Vec::new()) };
        let first = trunk.admit(false, start).expect("there is room");
        let second = trunk.admit(false, start).expect_err("too fast");
        assert_eq!((second.status(), second.phrase()), (503, "Trunk Takes No More Calls This Second"));
        assert_eq!(trunk.traffic.calls.count(), 1, "what came too fast takes up no room");

        let later = start + Duration::from_secs(1);
        let second = trunk.admit(false, later).expect("a second later");
        let third = trunk.admit(false, later + Duration::from_secs(9)).expect_err("two are there");
        assert_eq!(third.to_string(), "trunk north has 2 calls, as many as it may have at once");
        let emergency = trunk.admit(true, later).expect("an emergency");
        drop((first, second, emergency));
        assert_eq!(trunk.traffic.calls.count(), 0);
    }

    #[test]
    fn a_server_is_a_sip_address_without_a_user() {
        assert_eq!(trunk_server("sip:sip.north.example", None).as_deref(), Some("sip:sip.north.example"));
        let by_tls = trunk_server("sip:sip.north.example:5061", Some("tls"));
        assert_eq!(by_tls.as_deref(), Some("sip:sip.north.example:5061;transport=tls"));
        let own = trunk_server("sip:[2001:db8::1];transport=tcp", Some("tls"));
        assert_eq!(own.as_deref(), Some("sip:[2001:db8::1];transport=tcp"));
        for wrong in ["sip.north.example", "tel:+49", "sip:me@sip.north.example", "sip:h?a=b", "https://north.example"]
        {
            assert_eq!(trunk_server(wrong, None), None, "{wrong}");
        }
    }
}
