//! Which connections there are, and what waits to be said on each.
//!
//! The table is shared by all shards: whoever has something to say on a flow finds its [`Flow`] here and pushes bytes;
//! the task that owns the connection takes them out. Locks are striped and held for a few instructions. Nothing in here
//! touches a socket.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{HashSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use patchcord_sip::hop::{FlowId, Transport};

use crate::routing::Voucher;
use crate::runtime::settings::Limits;

/// Locks of the table. More than there are shards, so that two shards seldom want the same one.
const STRIPES: usize = 32;

/// Ways by which a connection may be found: its peer's address and the aliases that it asked for (RFC 5923).
const WAYS_PER_FLOW: usize = 4;

/// The first flow that is a connection; lower ones are listening UDP sockets, by their place in the settings.
const FIRST_CONNECTION: u64 = 1 << 16;

/// Where a connection leads. Connections to the same address under different names are different ones: the certificate
/// was checked for the name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Way {
    pub transport: Transport,
    pub peer: SocketAddr,
    /// The name that the peer's certificate has to carry; absent: its address.
    pub name: Option<Arc<str>>,
}

/// Why a connection is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Crowded {
    #[error("there are as many connections as the limit of connections allows")]
    House,
    #[error("there are as many connections from this address as connections_per_source allows")]
    Source,
    #[error("there are as many connections from this local address as connections_per_neighbour allows")]
    Neighbour,
}

/// Why bytes cannot be said on a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsaid {
    /// The connection has gone, or never was.
    Gone,
    /// The peer does not read; the connection is closed now.
    Slow,
}

/// One connection as everybody sees it.
pub(crate) struct Flow {
    pub id: FlowId,
    pub transport: Transport,
    pub peer: SocketAddr,
    /// Whom its peer speaks for, where somebody vouches for that.
    pub vouched: Option<Voucher>,
    outbox: Mutex<Outbox>,
    ways: Mutex<Vec<Way>>,
    /// Counted against the limit of its source.
    counted: bool,
    /// Bytes that wait on all flows together.
    unsaid: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Outbox {
    queue: VecDeque<Bytes>,
    bytes: usize,
    owner: Option<Waker>,
    closing: Closing,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Closing {
    #[default]
    No,
    /// When all that waits has been said.
    Politely,
    /// At once.
    Now,
}

/// What the owner of a connection has to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Say(Bytes),
    /// Nothing more will come.
    Finish,
    /// Whatever is still to be said is not worth it.
    Abort,
}

impl Flow {
    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        lock(&self.outbox)
    }

    /// Queues bytes for the peer.
    fn say(&self, bytes: Bytes, limits: &Limits) -> Result<(), Unsaid> {
        let mut outbox = self.outbox();
        if outbox.closing != Closing::No {
            return Err(Unsaid::Gone);
        }
        // While slow peers hold more than they may together, nobody queues behind what waits already.
        let crowded = outbox.bytes > 0 && self.unsaid.load(Ordering::Relaxed) + bytes.len() > limits.unsaid_bytes;
        let full =
            crowded || outbox.queue.len() >= limits.queued_messages || outbox.bytes + bytes.len() > limits.queued_bytes;
        match full {
            true => self.abort(&mut outbox),
            false => {
                self.unsaid.fetch_add(bytes.len(), Ordering::Relaxed);
                outbox.bytes += bytes.len();
                outbox.queue.push_back(bytes);
            }
        }
        let owner = outbox.owner.take();
        drop(outbox);
        owner.into_iter().for_each(Waker::wake);
        if full { Err(Unsaid::Slow) } else { Ok(()) }
    }

    /// The next thing to do for the task that owns the connection.
    pub fn poll_order(&self, context: &Context<'_>) -> Poll<Order> {
        let mut outbox = self.outbox();
        if outbox.closing == Closing::Now {
            return Poll::Ready(Order::Abort);
        }
        if let Some(bytes) = outbox.queue.pop_front() {
            outbox.bytes -= bytes.len();
            self.unsaid.fetch_sub(bytes.len(), Ordering::Relaxed);
            if outbox.queue.is_empty() {
                // A phone that is quiet now must not keep what its busiest moment took.
                outbox.queue = VecDeque::new();
            }
            return Poll::Ready(Order::Say(bytes));
        }
        if outbox.closing == Closing::Politely {
            return Poll::Ready(Order::Finish);
        }
        if !outbox.owner.as_ref().is_some_and(|owner| owner.will_wake(context.waker())) {
            outbox.owner = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// For the owner while the peer takes nothing: only an abort is of interest then.
    pub fn poll_abort(&self, context: &Context<'_>) -> Poll<()> {
        let mut outbox = self.outbox();
        if outbox.closing == Closing::Now {
            return Poll::Ready(());
        }
        outbox.owner = Some(context.waker().clone());
        Poll::Pending
    }

    /// Lets the owner close the connection when all that waits has been said.
    pub fn finish(&self) {
        self.close(Closing::Politely);
    }

    /// Lets go of what waits: nobody will say it any more.
    fn abort(&self, outbox: &mut Outbox) {
        outbox.closing = Closing::Now;
        outbox.queue = VecDeque::new();
        self.unsaid.fetch_sub(std::mem::take(&mut outbox.bytes), Ordering::Relaxed);
    }

    fn close(&self, how: Closing) {
        let mut outbox = self.outbox();
        match how {
            Closing::Now => self.abort(&mut outbox),
            _ if outbox.closing == Closing::Now => {}
            _ => outbox.closing = how,
        }
        let owner = outbox.owner.take();
        drop(outbox);
        owner.into_iter().for_each(Waker::wake);
    }
}

/// All connections of the house.
pub(crate) struct Flows {
    limits: Limits,
    unsaid: Arc<AtomicUsize>,
    next: AtomicU64,
    count: AtomicUsize,
    flows: [Mutex<HashMap<FlowId, Arc<Flow>>>; STRIPES],
    ways: [Mutex<HashMap<Way, FlowId>>; STRIPES],
    sources: [Mutex<HashMap<IpAddr, usize>>; STRIPES],
}

impl Flows {
    /// An empty table. `start` sets the first number apart from those of earlier runs, so that a flow remembered
    /// across a restart never means somebody else's connection.
    pub fn new(limits: Limits, start: u32) -> Self {
        Self {
            limits,
            unsaid: Arc::default(),
            next: AtomicU64::new(FIRST_CONNECTION + (u64::from(start) << 24)),
            count: AtomicUsize::new(0),
            flows: Default::default(),
            ways: Default::default(),
            sources: Default::default(),
        }
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// How many bytes wait to be said, on all connections together.
    pub fn unsaid(&self) -> usize {
        self.unsaid.load(Ordering::Relaxed)
    }

    /// Takes in a connection that a peer made, from a local network or from outside.
    pub fn accept(
        &self,
        transport: Transport,
        peer: SocketAddr,
        is_local: bool,
        vouched: Option<Voucher>,
    ) -> Result<Arc<Flow>, Crowded> {
        self.count_one()?;
        let (most, crowded) = match is_local {
            true => (self.per_neighbour(), Crowded::Neighbour),
            false => (self.limits.connections_per_source, Crowded::Source),
        };
        if !self.count_source(source(peer.ip()), most) {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return Err(crowded);
        }
        Ok(self.insert(Way { transport, peer, name: None }, true, vouched))
    }

    fn per_neighbour(&self) -> usize {
        self.limits.connections_per_neighbour.unwrap_or(self.limits.connections / 4).max(1)
    }

    fn count_source(&self, source: IpAddr, most: usize) -> bool {
        let mut sources = lock(&self.sources[stripe(hash(&source))]);
        let from_here = sources.entry(source).or_insert(0);
        let has_room = *from_here < most;
        *from_here += usize::from(has_room);
        has_room
    }

    /// The connection that leads there, or a new one that somebody has to make; which of both is told by the flag.
    pub fn reach(&self, way: Way) -> Result<(Arc<Flow>, bool), Crowded> {
        if let Some(flow) = self.by_way(&way) {
            return Ok((flow, false));
        }
        self.count_one()?;
        Ok((self.insert(way, false, None), true))
    }

    fn count_one(&self) -> Result<(), Crowded> {
        let room = |count| (count < self.limits.connections).then_some(count + 1);
        let counted = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        counted.map(|_| ()).map_err(|_| Crowded::House)
    }

    fn insert(&self, way: Way, counted: bool, vouched: Option<Voucher>) -> Arc<Flow> {
        let id = FlowId(self.next.fetch_add(1, Ordering::Relaxed));
        let (transport, peer) = (way.transport, way.peer);
        let (outbox, ways, unsaid) = (Mutex::default(), Mutex::default(), self.unsaid.clone());
        let flow = Arc::new(Flow { id, transport, peer, vouched, counted, outbox, ways, unsaid });
        lock(&self.flows[stripe(id.0)]).insert(id, flow.clone());
        self.add_way(&flow, way);
        flow
    }

    /// Makes the flow the way to an address that its peer claims (RFC 5923). The first claim stands as long as it lives.
    pub fn add_way(&self, flow: &Flow, way: Way) {
        let mut own = lock(&flow.ways);
        if own.len() >= WAYS_PER_FLOW || own.contains(&way) {
            return;
        }
        if let Entry::Vacant(place) = lock(&self.ways[stripe(hash(&way))]).entry(way.clone()) {
            place.insert(flow.id);
            own.push(way);
        }
    }

    /// The flow with this number.
    pub fn get(&self, id: FlowId) -> Option<Arc<Flow>> {
        lock(&self.flows[stripe(id.0)]).get(&id).cloned()
    }

    /// The connection that leads there, if there is one.
    pub fn find(&self, way: &Way) -> Option<FlowId> {
        self.by_way(way).map(|flow| flow.id)
    }

    fn by_way(&self, way: &Way) -> Option<Arc<Flow>> {
        let id = *lock(&self.ways[stripe(hash(way))]).get(way)?;
        self.get(id).filter(|flow| flow.outbox().closing == Closing::No)
    }

    /// Says bytes on a flow.
    pub fn say(&self, id: FlowId, bytes: Bytes) -> Result<(), Unsaid> {
        self.get(id).ok_or(Unsaid::Gone)?.say(bytes, &self.limits)
    }

    /// Forgets a flow whose connection has ended.
    pub fn remove(&self, flow: &Flow) {
        flow.close(Closing::Now);
        if lock(&self.flows[stripe(flow.id.0)]).remove(&flow.id).is_none() {
            return;
        }
        for way in lock(&flow.ways).drain(..) {
            if let Entry::Occupied(place) = lock(&self.ways[stripe(hash(&way))]).entry(way)
                && *place.get() == flow.id
            {
                place.remove();
            }
        }
        self.count.fetch_sub(1, Ordering::Relaxed);
        let source = source(flow.peer.ip());
        if flow.counted
            && let Entry::Occupied(mut place) = lock(&self.sources[stripe(hash(&source))]).entry(source)
        {
            *place.get_mut() -= 1;
            if *place.get() == 0 {
                place.remove();
            }
        }
    }

    /// Lets every connection say what it has to say and close.
    pub fn finish_all(&self) {
        let all: HashSet<FlowId> =
            self.flows.iter().flat_map(|stripe| lock(stripe).keys().copied().collect::<Vec<_>>()).collect();
        all.into_iter().filter_map(|id| self.get(id)).for_each(|flow| flow.finish());
    }
}

/// Who is counted together: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer gets at least.
fn source(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds one of these locks; if it did, the table would still be whole.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn stripe(number: u64) -> usize {
    (number % STRIPES as u64) as usize
}

/// Only for choosing a stripe; the maps inside have hashes of their own that nobody can aim at.
fn hash(value: &impl std::hash::Hash) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
