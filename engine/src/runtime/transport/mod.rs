//! Transports: everything between a socket and a whole message.
//!
//! [`Transports`] is what one shard says messages by: its UDP sockets, and the connections of the house by their flows.
//! It gives no message a second thought: what cannot be sent is told to whoever wanted it sent.

pub(crate) mod accept;
pub(crate) mod bind;
mod connect;
pub(crate) mod connection;
pub(crate) mod flows;
mod outbox;
pub(crate) mod tls;
pub(crate) mod udp;
pub mod ws;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_sip::hop::{FlowId, Hop, Transport};
use patchcord_sip::transaction::Sender;

use self::flows::{Unsaid, Way};
use self::outbox::{LETTERS, Letter, Outbox};
use super::shard::Shard;
use super::shared::Shared;
use super::stats::{Counters, one_more};
use crate::redact::Redacted;

/// Replies that may wait for a connection to be made; more belong to a peer that nobody can reach.
const REPLIES_PER_CONNECTION: usize = 64;

/// Where datagrams leave from: a socket, or in tests what stands for one.
pub(crate) trait Outlet {
    /// The number by which a hop names it.
    fn flow(&self) -> FlowId;

    /// The address that it is bound to.
    fn local(&self) -> SocketAddr;

    /// Says bytes to a peer, from the address of ours that the hop names.
    fn send(&self, local: SocketAddr, peer: SocketAddr, bytes: &[u8]) -> io::Result<()>;

    /// Whether [`Outlet::send_joined`] is worth a try.
    fn joins(&self) -> bool {
        false
    }

    /// Says several datagrams of `size` bytes each, one behind the other in `bytes`; all of them or none.
    fn send_joined(&self, local: SocketAddr, peer: SocketAddr, bytes: &[u8], size: usize) -> io::Result<()> {
        bytes.chunks(size).try_for_each(|one| self.send(local, peer, one))
    }
}

/// What one shard says messages by.
pub(crate) struct Transports {
    shared: Arc<Shared>,
    counters: Arc<Counters>,
    /// By the place of their listener, which is their flow.
    datagrams: Vec<Option<Rc<dyn Outlet>>>,
    /// For the tasks that make connections.
    shard: Weak<Shard>,
    /// Whose replies wait for connections that are being made: they have to hear when none comes about.
    replies: HashMap<FlowId, Vec<Sender>>,
    outbox: Outbox,
    /// Where datagrams are laid one behind the other to leave together.
    joined: Vec<u8>,
    /// Whose datagrams the system refused, until the shard tells them.
    refused: Vec<Sender>,
}

/// A message could not be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unsent;

impl Transports {
    pub fn new(
        shared: Arc<Shared>,
        counters: Arc<Counters>,
        datagrams: Vec<Option<Rc<dyn Outlet>>>,
        shard: Weak<Shard>,
    ) -> Self {
        Self {
            shared,
            counters,
            datagrams,
            shard,
            replies: HashMap::new(),
            outbox: Outbox::default(),
            joined: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Sends a message along a hop; a reply whose connection has gone goes to `otherwise`.
    pub fn send(
        &mut self,
        hop: Hop,
        otherwise: Option<SocketAddr>,
        bytes: Bytes,
        sender: Sender,
    ) -> Result<(), Unsent> {
        if hop.transport == Transport::Udp {
            return self.send_datagram(Letter { hop, bytes, sender });
        }
        match self.shared.flows.say(hop.flow, bytes.clone()) {
            Ok(()) => {}
            Err(Unsaid::Slow) => {
                one_more(&self.counters.slow_peers);
                return Err(Unsent);
            }
            Err(Unsaid::Gone) => {
                let place = otherwise.ok_or(Unsent)?;
                self.send_elsewhere(hop.transport, place, bytes, sender)?;
            }
        }
        self.counters.sent(hop.transport);
        Ok(())
    }

    fn send_datagram(&mut self, letter: Letter) -> Result<(), Unsent> {
        self.socket(letter.hop.flow).ok_or(Unsent)?;
        if self.outbox.put(letter) {
            self.post();
        }
        Ok(())
    }

    /// Says every datagram that waits.
    pub fn post(&mut self) {
        let letters = self.outbox.take();
        let mut waiting = u64::MAX.checked_shr((LETTERS - letters.len()) as u32).unwrap_or(0);
        while waiting != 0 {
            let run = Outbox::run(&letters, waiting);
            waiting &= !run;
            self.say_run(&letters, run);
        }
        self.outbox.give_back(letters);
    }

    /// Says these letters to their one peer, together where that is possible.
    fn say_run(&mut self, letters: &[Letter], run: u64) {
        let first = &letters[run.trailing_zeros() as usize];
        let Some(socket) = self.socket(first.hop.flow).cloned() else { return };
        let letters = (0..letters.len()).filter(|place| run & 1 << place != 0).map(|place| &letters[place]);
        if run.count_ones() > 1 && socket.joins() {
            self.joined.clear();
            letters.clone().for_each(|letter| self.joined.extend_from_slice(&letter.bytes));
            match socket.send_joined(first.hop.local, first.hop.peer, &self.joined, first.bytes.len()) {
                Ok(()) => return letters.for_each(|_| self.counters.sent(Transport::Udp)),
                // Not every interface can cut datagrams apart, and one that is refused must not take others with it.
                Err(error) => tracing::debug!(%error, "joined datagrams refused; each goes alone"),
            }
        }
        letters.for_each(|letter| self.say_letter(&*socket, letter));
    }

    fn say_letter(&mut self, socket: &dyn Outlet, Letter { hop, bytes, sender }: &Letter) {
        match socket.send(hop.local, hop.peer, bytes) {
            Ok(()) => self.counters.sent(Transport::Udp),
            // The kernel is full at the moment. That is a lost datagram like any other, and will be repeated.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => one_more(&self.counters.unsent),
            Err(error) => {
                one_more(&self.counters.unsent);
                tracing::debug!(peer = %Redacted(hop.peer), %error, "datagram refused");
                self.refused.push(*sender);
            }
        }
    }

    /// One whose datagram was refused, and who has not been told.
    pub fn next_refused(&mut self) -> Option<Sender> {
        self.refused.pop()
    }

    /// RFC 3261 §18.2.2: the connection of the request has gone, so another one is made.
    fn send_elsewhere(
        &mut self,
        transport: Transport,
        place: SocketAddr,
        bytes: Bytes,
        sender: Sender,
    ) -> Result<(), Unsent> {
        let way = Way { transport, peer: place, name: None };
        let Some(hop) = self.connect(way, self.shared.settings.limits.connect) else { return Err(Unsent) };
        self.shared.flows.say(hop.flow, bytes).map_err(|_| Unsent)?;
        if let Some(waiting) = self.replies.get_mut(&hop.flow)
            && waiting.len() < REPLIES_PER_CONNECTION
        {
            waiting.push(sender);
        }
        Ok(())
    }

    /// The connection stands, or does not: these were waiting for it.
    pub fn settled(&mut self, flow: FlowId) -> Vec<Sender> {
        self.replies.remove(&flow).unwrap_or_default()
    }

    /// The way to a peer; `None` when there is none or no room for one.
    pub fn hop_to(&mut self, way: Way, patience: Duration, now: Instant) -> Option<Hop> {
        match way.transport {
            Transport::Udp => self.datagrams_to(way.peer, now),
            Transport::Tcp | Transport::Tls => self.connect(way, patience),
            // RFC 7118 §5: the browser makes the connection; there is no other way to it.
            Transport::Ws | Transport::Wss => self.shared.flows.find(&way).map(|flow| hop(&way, flow)),
        }
    }

    /// The connection that leads there; one is made if there is none.
    fn connect(&mut self, way: Way, patience: Duration) -> Option<Hop> {
        if matches!(way.transport, Transport::Ws | Transport::Wss) {
            return None;
        }
        let shard = self.shard.upgrade()?;
        let (flow, new) = match self.shared.flows.reach(way.clone()) {
            Ok(found) => found,
            Err(crowded) => {
                one_more(&self.counters.crowded);
                tracing::warn!(peer = %Redacted(way.peer), %crowded, "no connection is made");
                return None;
            }
        };
        let found = hop(&way, flow.id);
        if new {
            self.replies.insert(flow.id, Vec::new());
            tokio::task::spawn_local(connect::connect(shard, flow, way, patience));
        }
        Some(found)
    }

    /// The socket to say something to a peer from: the one at the address that the kernel would choose, or one at all
    /// addresses.
    fn datagrams_to(&self, peer: SocketAddr, now: Instant) -> Option<Hop> {
        let mut fitting = self.datagrams.iter().flatten().filter(|socket| socket.local().is_ipv4() == peer.is_ipv4());
        let first = fitting.clone().next()?;
        let socket = match fitting.clone().count() {
            1 => first,
            _ => {
                let ours = self.shared.addresses.route_to(peer.ip(), now);
                let exact = fitting.clone().find(|socket| socket.local().ip() == ours);
                exact.or_else(|| fitting.find(|socket| socket.local().ip().is_unspecified())).unwrap_or(first)
            }
        };
        Some(Hop { transport: Transport::Udp, flow: socket.flow(), local: socket.local(), peer })
    }

    /// The UDP socket with this number.
    pub fn socket(&self, flow: FlowId) -> Option<&Rc<dyn Outlet>> {
        self.datagrams.get(usize::try_from(flow.0).ok()?)?.as_ref()
    }

    /// Says something that is no SIP message.
    pub fn say_raw(&self, hop: &Hop, bytes: &[u8]) {
        if self.socket(hop.flow).is_none_or(|socket| socket.send(hop.local, hop.peer, bytes).is_err()) {
            one_more(&self.counters.unsent);
        }
    }
}

fn hop(way: &Way, flow: FlowId) -> Hop {
    // Which address of ours it comes from is known only when the connection stands.
    let any: IpAddr = match way.peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    Hop { transport: way.transport, flow, local: SocketAddr::new(any, 0), peer: way.peer }
}
