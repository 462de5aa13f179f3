//! What a shard works with, apart from its desk: transactions, transports, courier, words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Weak;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use patchcord_sip::hop::{FlowId, Hop, Transport};
use patchcord_sip::message::Draft;
use patchcord_sip::tokens::Tokens;
use patchcord_sip::transaction::{ClientId, Full, Heard, Sender, ServerId, Transactions};

use super::courier::Courier;
use super::errands::WorldAtShard;
use super::shard::Shard;
use super::shared::Shared;
use super::sound::{SoundAddress, SoundAtShard};
use super::stats::{Counters, one_more};
use super::transport::flows::Way;
use super::transport::{Transports, Unsent};
use crate::routing::Voucher;

/// See the module.
pub(crate) struct Works {
    pub index: usize,
    /// When what is being worked on came.
    pub now: Instant,
    pub is_stopping: bool,
    pub shared: Arc<Shared>,
    pub counters: Arc<Counters>,
    pub transactions: Transactions,
    pub tokens: Tokens,
    pub transports: Transports,
    pub courier: Courier,
    /// The way to the media threads, where there are any.
    pub sound: Option<SoundAtShard>,
    /// The way into the world, where there is any.
    pub world: Option<WorldAtShard>,
    /// For tasks that come back with news.
    pub shard: Weak<Shard>,
}

impl Works {
    /// A Call-ID whose messages come to this shard.
    pub fn call_id(&mut self, host: &str) -> String {
        self.shared.spread().call_id(&mut self.tokens, host, self.index)
    }

    /// A tag whose dialog lives on this shard.
    pub fn tag(&mut self) -> String {
        self.shared.spread().tag(&mut self.tokens, self.index)
    }

    /// An address at which this server hears itself.
    pub fn within(&self) -> Option<(Transport, SocketAddr)> {
        let bound = &self.shared.bound;
        let of = |transport| bound.iter().find(|listen| listen.transport == transport);
        let listen = of(Transport::Udp).or_else(|| of(Transport::Tcp))?;
        let any: IpAddr = if listen.addr.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        let ip = if listen.addr.ip().is_unspecified() { any } else { listen.addr.ip() };
        Some((listen.transport, SocketAddr::new(ip, listen.addr.port())))
    }

    /// Our address as a peer should see it.
    pub fn contact_for(&self, peer: SocketAddr, transport: Transport) -> SocketAddr {
        self.shared.addresses.seen_by(peer.ip(), transport, None, self.now)
    }

    /// The same where our end is known.
    pub fn contact_on(&self, hop: &Hop) -> SocketAddr {
        self.shared.addresses.seen_by(hop.peer.ip(), hop.transport, Some(hop.local), self.now)
    }

    /// Where sound for a peer is taken, and the address that stands for it in a description.
    pub fn sound_address(&self, peer: IpAddr, transport: Transport, ours: Option<SocketAddr>) -> SoundAddress {
        let addresses = &self.shared.addresses;
        let seen = addresses.seen_by(peer, transport, ours, self.now).ip();
        let rules = self.sound.as_ref().map(|sound| sound.rules.clone()).unwrap_or_default();
        let fits = |address: &IpAddr| address.is_ipv4() == seen.is_ipv4();
        let own = rules.address.filter(fits);
        let any = if seen.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let outside = rules.advertise.filter(|address| fits(address) && !addresses.is_local(peer));
        let inside = own.filter(|_| !addresses.is_advertised_to(peer));
        let shown = outside.or(inside).unwrap_or(seen);
        let exact = own.unwrap_or_else(|| {
            let inner = addresses.reached_at(peer, transport, ours, self.now);
            // A proxy beside us speaks for somebody outside; sound comes by another way than it.
            let by_proxy = inner.is_loopback() && !shown.is_loopback();
            if by_proxy { addresses.route_to(shown, self.now) } else { inner }
        });
        SoundAddress { bind: own.unwrap_or(any), exact, shown }
    }

    /// The way to an address.
    pub fn hop_to(&mut self, transport: Transport, peer: SocketAddr) -> Option<Hop> {
        let patience = self.shared.settings.limits.connect;
        self.transports.hop_to(Way { transport, peer, name: None }, patience, self.now)
    }

    /// Whether a flow still stands.
    pub fn is_open(&self, flow: FlowId) -> bool {
        self.transports.socket(flow).is_some() || self.shared.flows.get(flow).is_some()
    }

    /// Whom the peer of a connection speaks for, where somebody vouches for that.
    pub fn vouched(&self, hop: &Hop) -> Option<Voucher> {
        // Only what was upgraded elsewhere is vouched for.
        let adopted = matches!(hop.transport, Transport::Ws | Transport::Wss);
        adopted.then(|| self.shared.flows.get(hop.flow)).flatten()?.vouched.clone()
    }

    /// Closes a connection when all is said.
    pub fn close(&self, flow: FlowId) {
        if let Some(flow) = self.shared.flows.get(flow) {
            flow.finish();
        }
    }

    /// Sends a request along a known way.
    pub fn request(&mut self, draft: Draft, hop: Hop) -> Result<ClientId, Full> {
        let sent_by = self.contact_on(&hop).to_string();
        self.transactions.request(draft, hop, &sent_by, self.now)
    }

    /// Sends the ACK of a 2xx.
    pub fn send_ack(&mut self, draft: Draft, hop: Hop) -> Bytes {
        let sent_by = self.contact_on(&hop).to_string();
        self.transactions.send_ack(draft, hop, &sent_by)
    }

    /// Answers a request in place of the desk.
    pub fn respond_to(&mut self, id: ServerId, status: u16, reply: Bytes) {
        self.transactions.respond(id, status, reply, self.now);
    }

    /// Sends what the transactions want sent.
    pub fn transmit(&mut self, hop: Hop, otherwise: Option<SocketAddr>, bytes: Bytes, sender: Sender) {
        if let Err(Unsent) = self.transports.send(hop, otherwise, bytes, sender) {
            self.unsent(sender);
        }
    }

    /// Says what waits to be said, and tells those whose datagrams were refused. Tells whether the transactions have more
    /// to do for that.
    pub fn post(&mut self) -> bool {
        self.transports.post();
        let mut is_news = false;
        while let Some(sender) = self.transports.next_refused() {
            self.unsent(sender);
            is_news = true;
        }
        is_news
    }

    fn unsent(&mut self, sender: Sender) {
        if !matches!(sender, Sender::Client(_)) {
            one_more(&self.counters.undeliverable);
        }
        self.transactions.transport_failed(sender);
    }

    /// Says something that no transaction stands for.
    pub fn say(&mut self, hop: Hop, bytes: Bytes) {
        if let Err(Unsent) = self.transports.send(hop, None, bytes, Sender::Nobody) {
            one_more(&self.counters.undeliverable);
        }
    }

    /// Takes out what the courier wants to know; the rest is for the desk.
    pub fn for_the_desk(&mut self, heard: Heard) -> Option<Heard> {
        if self.courier.is_idle() { Some(heard) } else { self.courier_hears(heard) }
    }

    /// Whether nobody waits for an answer of ours, and we wait for none.
    pub fn is_quiet(&self) -> bool {
        self.transactions.unsettled() == 0 && self.courier.is_settled()
    }
}
