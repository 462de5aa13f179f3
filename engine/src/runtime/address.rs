//! Which address of ours a peer should see.
//!
//! Neighbours in the `local` networks see the inner address, everybody else the advertised one. The inner address is the
//! one that a message came to, the one that a listener is bound to, or the one that the kernel would send from. What
//! stands in Via and Contact comes from here.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use ipnet::IpNet;
use patchcord_sip::hop::{FlowId, Transport};
use tokio::sync::Notify;

use super::settings::{Advertise, Listen};
use super::stun::Transaction;

/// How long an answer of the kernel's routing table is believed. Routes change seldom, asking costs four calls.
const ROUTE_LIFE: Duration = Duration::from_secs(60);

/// How many answers are kept; when there are more, all are forgotten.
const ROUTES: usize = 4096;

/// Questions to STUN servers that may be open at once: one for each listener and its repetitions.
const OPEN_QUESTIONS: usize = 64;

/// What is known about our addresses; shared by all shards.
pub(crate) struct Addresses {
    advertise: Advertise,
    local: Vec<IpNet>,
    /// As bound. UDP listeners come by their place, which is their flow.
    listens: Vec<Listen>,
    /// What STUN said, for each listener.
    mapped: Vec<ArcSwapOption<SocketAddr>>,
    questions: Mutex<Vec<(Transaction, usize)>>,
    /// Told whenever a STUN server has answered.
    pub answered: Notify,
    routes: Mutex<HashMap<IpAddr, (IpAddr, Instant)>>,
}

impl Addresses {
    pub fn new(advertise: Advertise, local: Vec<IpNet>, listens: Vec<Listen>) -> Self {
        let mapped = listens.iter().map(|_| ArcSwapOption::empty()).collect();
        Self {
            advertise,
            local,
            listens,
            mapped,
            questions: Mutex::default(),
            answered: Notify::new(),
            routes: Mutex::default(),
        }
    }

    /// Our address as `peer` should see it. `ours` is our end as far as it is known: the address that a message came
    /// to, or that of a connection.
    pub fn seen_by(&self, peer: IpAddr, transport: Transport, ours: Option<SocketAddr>, now: Instant) -> SocketAddr {
        let listener = self.listener(transport, peer, ours);
        let inner = || self.inner(peer, listener, ours, now);
        let port = listener.map(|at| self.listens[at].addr.port()).or(ours.map(|ours| ours.port()));
        // A connection that is not made yet has no port of ours.
        let port = port.filter(|port| *port != 0).unwrap_or(transport.default_port());
        if self.is_local(peer) {
            return SocketAddr::new(inner(), port);
        }
        match &self.advertise {
            Advertise::Address(ip) if ip.is_ipv4() == peer.is_ipv4() => SocketAddr::new(*ip, port),
            Advertise::Stun(..) => match self.mapped_for(transport, peer, listener) {
                Some(seen) if transport == Transport::Udp => seen,
                Some(seen) => SocketAddr::new(seen.ip(), port),
                None => SocketAddr::new(inner(), port),
            },
            _ => SocketAddr::new(inner(), port),
        }
    }

    /// The address of this machine by which a peer reaches us, whatever it is shown.
    pub fn reached_at(&self, peer: IpAddr, transport: Transport, ours: Option<SocketAddr>, now: Instant) -> IpAddr {
        self.inner(peer, self.listener(transport, peer, ours), ours, now)
    }

    fn inner(&self, peer: IpAddr, listener: Option<usize>, ours: Option<SocketAddr>, now: Instant) -> IpAddr {
        let known = ours.map(|ours| ours.ip()).filter(|ip| !ip.is_unspecified());
        let bound = listener.map(|at| self.listens[at].addr.ip()).filter(|ip| !ip.is_unspecified());
        known.or(bound).unwrap_or_else(|| self.route_to(peer, now))
    }

    /// Whether a peer is one of those who see the inner address.
    pub fn is_local(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.local.iter().any(|net| net.contains(&peer))
    }

    /// Whether a peer sees another address than ours.
    pub fn is_advertised_to(&self, peer: IpAddr) -> bool {
        let fits = match &self.advertise {
            Advertise::None => false,
            Advertise::Address(ip) => ip.is_ipv4() == peer.is_ipv4(),
            Advertise::Stun(..) => self.mapped_for(Transport::Tcp, peer, None).is_some(),
        };
        fits && !self.is_local(peer)
    }

    /// The listener that serves a transport for peers of this family; the one at `ours`, if it is one.
    fn listener(&self, transport: Transport, peer: IpAddr, ours: Option<SocketAddr>) -> Option<usize> {
        let fits = |listen: &Listen| listen.transport == transport && listen.addr.is_ipv4() == peer.is_ipv4();
        let is_ours = |listen: &Listen| fits(listen) && ours.is_some_and(|ours| ours.port() == listen.addr.port());
        let exact = self.listens.iter().position(|listen| is_ours(listen) && ours == Some(listen.addr));
        exact.or_else(|| self.listens.iter().position(is_ours)).or_else(|| self.listens.iter().position(fits))
    }

    fn mapped_for(&self, transport: Transport, peer: IpAddr, listener: Option<usize>) -> Option<SocketAddr> {
        let own = listener.filter(|_| transport == Transport::Udp).and_then(|at| self.mapped[at].load_full());
        let any =
            || self.mapped.iter().filter_map(ArcSwapOption::load_full).find(|seen| seen.is_ipv4() == peer.is_ipv4());
        own.or_else(any).map(|seen| *seen)
    }

    /// Which of our addresses the kernel would send from; the unspecified one when it knows no way.
    pub fn route_to(&self, peer: IpAddr, now: Instant) -> IpAddr {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((ours, asked)) = routes.get(&peer)
            && now.saturating_duration_since(*asked) < ROUTE_LIFE
        {
            return *ours;
        }
        let ours = ask_kernel(peer);
        if routes.len() >= ROUTES {
            routes.clear();
        }
        routes.insert(peer, (ours, now));
        ours
    }

    /// Notes that a question is being sent from a listener.
    pub fn asked(&self, transaction: Transaction, listener: usize) {
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        if questions.len() >= OPEN_QUESTIONS {
            questions.remove(0);
        }
        questions.push((transaction, listener));
    }

    /// Whether a question still waits for its answer.
    pub fn is_open(&self, transaction: Transaction) -> bool {
        let questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        questions.iter().any(|(asked, _)| *asked == transaction)
    }

    /// A STUN server tells how it sees us. Whoever was not asked is not believed.
    pub fn answer(&self, transaction: Transaction, seen: SocketAddr) {
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = questions.iter().position(|(asked, _)| *asked == transaction) else { return };
        let (_, listener) = questions.swap_remove(at);
        // The repetitions of the question are answered now, too.
        questions.retain(|(_, other)| *other != listener);
        drop(questions);
        let before = self.mapped[listener].swap(Some(seen.into()));
        if before.as_deref() != Some(&seen) {
            tracing::info!(listener = %self.listens[listener], %seen, "the world sees us here");
        }
        self.answered.notify_waiters();
    }

    /// How the world sees a listener, as far as a STUN server has told.
    pub fn mapped(&self, listener: FlowId) -> Option<SocketAddr> {
        self.mapped.get(usize::try_from(listener.0).ok()?)?.load_full().map(|seen| *seen)
    }
}

/// A socket that is connected and says nothing learns which address it would say it from.
pub(super) fn ask_kernel(peer: IpAddr) -> IpAddr {
    let any: IpAddr = match peer {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let asked = UdpSocket::bind((any, 0)).and_then(|socket| {
        // Any port will do; 9 is that of "discard".
        socket.connect((peer, 9))?;
        socket.local_addr()
    });
    asked.map_or(any, |ours| ours.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock;

    const INNER: &str = "10.0.0.5:5060";

    fn addresses(advertise: Advertise) -> Addresses {
        let listens = ["udp:0.0.0.0:5060", "tcp:10.0.0.5:5070", "udp:[::1]:5080"]
            .map(|listen| listen.parse().expect("a listener"));
        Addresses::new(advertise, vec!["10.0.0.0/8".parse().expect("a network")], listens.into())
    }

    fn seen(addresses: &Addresses, peer: &str, transport: Transport) -> String {
        let ours = (transport == Transport::Udp).then(|| INNER.parse().expect("an address"));
        addresses.seen_by(peer.parse().expect("an address"), transport, ours, clock::now()).to_string()
    }

    #[test]
    fn neighbours_see_the_inner_address_and_the_world_the_advertised_one() {
        let addresses = addresses(Advertise::Address([203, 0, 113, 7].into()));
        assert_eq!(seen(&addresses, "10.9.9.9", Transport::Udp), "10.0.0.5:5060");
        assert_eq!(seen(&addresses, "198.51.100.1", Transport::Udp), "203.0.113.7:5060");
        assert_eq!(seen(&addresses, "198.51.100.1", Transport::Tcp), "203.0.113.7:5070");
    }

    #[test]
    fn an_advertised_address_is_not_for_peers_of_the_other_family() {
        let addresses = addresses(Advertise::Address([203, 0, 113, 7].into()));
        let peer = "2001:db8::1".parse().expect("an address");
        assert_eq!(addresses.seen_by(peer, Transport::Udp, None, clock::now()).to_string(), "[::1]:5080");
    }

    #[test]
    fn without_a_known_end_the_kernel_says_which_address_it_would_use() {
        let addresses = addresses(Advertise::None);
        let peer = "127.0.0.1".parse().expect("an address");
        assert_eq!(addresses.seen_by(peer, Transport::Udp, None, clock::now()).to_string(), "127.0.0.1:5060");
    }

    #[test]
    fn a_transport_at_which_nobody_listens_is_shown_with_its_usual_port() {
        let addresses = addresses(Advertise::None);
        let (peer, unmade) = ("10.9.9.9".parse().expect("an address"), "0.0.0.0:0".parse().expect("an address"));
        let seen = addresses.seen_by(peer, Transport::Tls, Some(unmade), clock::now());
        assert_eq!(seen.port(), 5061);
        let seen = addresses.seen_by(peer, Transport::Tcp, Some(unmade), clock::now());
        assert_eq!(seen.to_string(), "10.0.0.5:5070");
    }

    #[test]
    fn a_stun_server_is_believed_only_when_it_was_asked() {
        let addresses = addresses(Advertise::Stun("stun.example".into(), 3478));
        let public = "203.0.113.9:40123".parse().expect("an address");
        addresses.answer([1; 12], public);
        assert_eq!(seen(&addresses, "198.51.100.1", Transport::Udp), INNER);

        addresses.asked([1; 12], 0);
        addresses.answer([1; 12], public);

        assert_eq!(seen(&addresses, "198.51.100.1", Transport::Udp), "203.0.113.9:40123");
        assert_eq!(seen(&addresses, "198.51.100.1", Transport::Tcp), "203.0.113.9:5070");
        assert_eq!(seen(&addresses, "10.9.9.9", Transport::Udp), INNER);
    }
}
