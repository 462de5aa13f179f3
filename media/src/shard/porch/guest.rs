//! A browser that comes by a shared socket: what is known of it, and the ports that are brought what it says.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

use crate::browser::association::Keys;
use crate::browser::{Agent, Credentials};
use crate::shard::order::{Browser, PortId};
use crate::shard::poll::Place;

/// Datagrams of one handshake that are passed on in 20 ms; a flight has four at most, and no browser keeps others waiting.
const MOST_SHAKES: u32 = 8;

/// A browser that comes by a gate of this thread, or will.
pub(crate) struct Guest {
    pub(super) gate: u32,
    pub(super) socket: Arc<UdpSocket>,
    pub(super) is_v4: bool,
    pub(super) agent: Agent,
    /// What leads the transactions of our checks.
    pub(super) tag: Option<u32>,
    /// When our checks want to be looked after.
    pub(super) wakes: Option<Instant>,
    pub(super) names: Vec<String>,
    /// What its description says, once there is one.
    pub(super) browser: Option<Browser>,
    /// Whether its handshake has begun.
    pub(super) is_shaking: bool,
    /// Datagrams of its handshake in this round.
    shakes: (u64, u32),
    /// Where its sound goes.
    pub(super) sound: Seat,
    /// Where its pictures go, where it shows some, and the numbers of their payloads.
    pub(super) pictures: Option<(Seat, Vec<u8>)>,
    /// What its handshake came to.
    pub(super) keys: Option<Box<Keys>>,
}

/// A port that is brought what is for it.
pub(super) struct Seat {
    pub(super) port: PortId,
    /// The thread where it lives, when it is not this one.
    pub(super) elsewhere: Option<usize>,
    pub(super) place: Option<Place>,
    /// Whether it knows what it is for.
    pub(super) is_told: bool,
}

impl Seat {
    pub(super) const fn of(port: PortId) -> Self {
        Self { port, elsewhere: None, place: None, is_told: false }
    }
}

impl Guest {
    /// A guest at a gate; `full` is the tag and the seed of our checks, where we make some.
    pub fn new(
        port: PortId,
        gate: (u32, SocketAddr),
        socket: Arc<UdpSocket>,
        ours: &Credentials,
        full: Option<(u32, [u8; 16])>,
    ) -> Self {
        Self {
            gate: gate.0,
            socket,
            is_v4: gate.1.is_ipv4(),
            agent: full.map_or_else(|| Agent::new(ours), |(tag, seed)| Agent::full(ours, tag, seed)),
            tag: full.map(|(tag, _)| tag),
            wakes: None,
            names: vec![ours.ufrag.clone()],
            browser: None,
            is_shaking: false,
            shakes: (0, 0),
            sound: Seat::of(port),
            pictures: None,
            keys: None,
        }
    }

    /// Where a port of it is to be found.
    pub(super) fn seat(&mut self, port: PortId) -> Option<&mut Seat> {
        let pictures = self.pictures.as_mut().map(|(seat, _)| seat);
        [Some(&mut self.sound), pictures].into_iter().flatten().find(|seat| seat.port == port)
    }

    /// Whether a further datagram of its handshake is taken in this round.
    pub(super) fn speaks_of_shaking(&mut self, round: u64) -> bool {
        if self.shakes.0 != round {
            self.shakes = (round, 0);
        }
        self.shakes.1 += 1;
        self.shakes.1 <= MOST_SHAKES
    }
}
