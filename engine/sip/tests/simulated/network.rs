//! A network that fits into a test: it loses, doubles, delays and reorders, the same way each time for the same seed.
//!
//! It knows addresses and connections, no SIP. Datagrams suffer whatever the [`Weather`] brings; what goes over a
//! connection arrives once and in order, until the connection is closed. The simulated ring of the engine includes this
//! file, too.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_sip::{FlowId, Hop};

/// A small source of chance (splitmix64): quick to seed, for tests only.
pub struct Chance(u64);

impl Chance {
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// A time up to `longest`, in milliseconds.
    pub fn time(&mut self, longest: Duration) -> Duration {
        Duration::from_millis(self.below(longest.as_millis() as u64 + 1))
    }
}

/// What may happen to a datagram on its way.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub lost_percent: u64,
    pub twice_percent: u64,
    /// Each datagram takes a time of its own up to this, so later ones overtake earlier ones.
    pub slowest: Duration,
    /// How many of those that arrive come once more, long after everybody has forgotten them.
    pub replayed_percent: u64,
}

/// How late a replay comes: beyond the memory of every transaction (64·T1), within the life of a nonce and beyond it.
const REPLAYS: [Duration; 3] = [Duration::from_secs(40), Duration::from_secs(100), Duration::from_secs(500)];

impl Weather {
    /// From a calm day to one on which two of five datagrams are lost.
    pub fn of_the_day(chance: &mut Chance) -> Self {
        let slowest = chance.one_of(&[5, 50, 400, 1500]);
        Self {
            lost_percent: chance.below(41),
            twice_percent: chance.below(31),
            slowest: Duration::from_millis(slowest),
            replayed_percent: 0,
        }
    }
}

/// The connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// What arrives: the way it came as its receiver sees it, and the bytes.
pub struct Parcel {
    pub hop: Hop,
    pub bytes: Bytes,
}

pub struct Network {
    chance: Chance,
    weather: Weather,
    /// Arrival, a number that makes it unique, where it lies.
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    parcels: HashMap<u64, Parcel>,
    /// The number of the newest.
    posted: u64,
    /// When the last message over a connection arrives, each way.
    last: HashMap<(FlowId, SocketAddr), Instant>,
    closed: HashSet<FlowId>,
    deaf: Option<(SocketAddr, Instant)>,
}

impl Network {
    pub fn new(weather: Weather, chance: Chance) -> Self {
        Self {
            chance,
            weather,
            due: BinaryHeap::new(),
            parcels: HashMap::new(),
            posted: 0,
            last: HashMap::new(),
            closed: HashSet::new(),
            deaf: None,
        }
    }

    /// From then on nothing reaches this address, though its connections look open.
    pub fn deafen(&mut self, address: SocketAddr, from: Instant) {
        self.deaf = Some((address, from));
    }

    /// Takes a message; `hop` is the way as its sender sees it.
    pub fn send(&mut self, hop: Hop, bytes: Bytes, now: Instant) -> Result<(), Closed> {
        let arriving = Hop { local: hop.peer, peer: hop.local, ..hop };
        let delay = self.chance.time(self.weather.slowest);
        if self.deaf.is_some_and(|(address, from)| address == hop.peer && from <= now) {
            return if self.closed.contains(&hop.flow) { Err(Closed) } else { Ok(()) };
        }
        if hop.transport.is_reliable() {
            if self.closed.contains(&hop.flow) {
                return Err(Closed);
            }
            let last = self.last.entry((hop.flow, hop.peer)).or_insert(now);
            *last = (now + delay).max(*last);
            let at = *last;
            self.post(at, arriving, bytes);
            return Ok(());
        }
        if self.chance.percent(self.weather.twice_percent) {
            let delay = self.chance.time(self.weather.slowest);
            self.post(now + delay, arriving, bytes.clone());
        }
        if !self.chance.percent(self.weather.lost_percent) {
            if self.chance.percent(self.weather.replayed_percent) {
                let delay = self.chance.one_of(&REPLAYS);
                self.post(now + delay, arriving, bytes.clone());
            }
            self.post(now + delay, arriving, bytes);
        }
        Ok(())
    }

    fn post(&mut self, at: Instant, hop: Hop, bytes: Bytes) {
        self.posted += 1;
        self.due.push(Reverse((at, self.posted)));
        self.parcels.insert(self.posted, Parcel { hop, bytes });
    }

    /// Closes a connection; what is under way over it is lost.
    pub fn close(&mut self, flow: FlowId) {
        self.closed.insert(flow);
        self.parcels.retain(|_, parcel| parcel.hop.flow != flow);
        self.due.retain(|Reverse((_, number))| self.parcels.contains_key(number));
    }

    /// When the next message arrives.
    pub fn deadline(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes a message that has arrived.
    pub fn arrive(&mut self, now: Instant) -> Option<Parcel> {
        if self.deadline()? > now {
            return None;
        }
        let Reverse((_, number)) = self.due.pop()?;
        self.parcels.remove(&number)
    }
}
