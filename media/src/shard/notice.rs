//! What a media thread tells, and how it reaches whoever listens.
//!
//! Each port was opened by a listener, and what happens to it is told to that listener alone. A listener that does not
//! listen loses nothing until its ring and a backlog behind it are full; what is lost then is counted.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::order::{Played, PortId, RoomId};
use super::ring::Ring;
use crate::browser::Failure;
use crate::dtmf::{Key, Press, Via};
use crate::prompt::Position;
use crate::rtp::rtcp::Block;

/// Notices that may wait for one listener; a key press and a few ends of prompts for each of thousands of calls.
pub(crate) const NOTICES: usize = 8192;

/// Notices that a thread keeps when rings are full, all listeners together.
const BACKLOG: usize = 8192;

/// What happened to a port.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// Media comes from there, and goes there from now on.
    Latched(PortId, SocketAddr),
    /// Nothing came from the party for so long.
    Silent(PortId, Duration),
    /// Something came after silence was told.
    Resumed(PortId),
    /// Nothing at all came for so long from a party that should send: no sound, no noise, no report. Long before [`Self::Silent`].
    Unheard(PortId, Duration),
    /// Something came after that.
    HeardAgain(PortId),
    /// The port on the other side of its bridge is gone.
    Parted(PortId),
    /// It lives on another thread now.
    Moved(PortId),
    /// A fault of ours ended it; nothing else was hurt.
    Died(PortId),
    /// A prompt is over: its tag, why, and where it stood.
    Played(PortId, u64, Played, Position),
    /// A key went down, heard by this way. The press is told when it is over.
    KeyDown(PortId, Key, Via),
    /// A key was pressed; once, by the way that came first.
    Key(PortId, Press),
    /// All keys that were to be sent are sent.
    Pressed(PortId),
    /// The party says that its stream ends.
    Goodbye(PortId),
    /// How well both directions were heard lately.
    Quality(PortId, Quality),
    /// A browser is there, proven by its certificate; sound goes there from now on.
    Met(PortId, SocketAddr),
    /// A browser cannot be met.
    Unmet(PortId, Failure),
    /// A browser says that it leaves.
    Left(PortId),
    /// The member of a room speaks, so loud: 0 is the loudest, 127 silence. Told when it begins, five times a second while it
    /// lasts, and without a loudness when it ends.
    Voice(PortId, Option<u8>),
    /// It cannot enter the room: the room is full, or gone.
    NotEntered(PortId, RoomId),
    /// It is closed; what it was.
    Closed(PortId, Totals),
    /// An announcement is over: its tag and why.
    Announced(RoomId, u64, Played),
    /// A fault of ours ended a room; its members hear nobody.
    RoomDied(RoomId),
    /// A room is closed.
    RoomClosed(RoomId),
}

/// How well one direction is heard, since the last time it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Lost on the way, in thousandths.
    pub lost_permille: u32,
    /// How unevenly packets come.
    pub jitter: Duration,
}

impl Heard {
    /// What a report says.
    pub(crate) fn of(block: &Block, clock_hz: u32) -> Self {
        Self {
            lost_permille: u32::from(block.fraction_lost) * 1000 / 256,
            jitter: Duration::from_micros(u64::from(block.jitter) * 1_000_000 / u64::from(clock_hz.max(1))),
        }
    }
}

/// How well a party is heard, and hears.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// The party's stream, as it comes here.
    pub heard_here: Option<Heard>,
    /// Ours, as the party says it comes there.
    pub heard_there: Option<Heard>,
    /// There and back on the network.
    pub round_trip: Option<Duration>,
    /// What people would think of the party's sound here (MOS, 1 to 4.5), and of ours there.
    pub mos_here: Option<f32>,
    /// See `mos_here`.
    pub mos_there: Option<f32>,
}

/// What a port counted in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Packets that came from the party and were taken.
    pub packets_in: u64,
    /// Packets that went to it.
    pub packets_out: u64,
    /// Datagrams from elsewhere.
    pub strangers: u64,
    /// Datagrams that were no packet, or of a kind nobody agreed on.
    pub refused: u64,
}

impl Notice {
    /// The port that it is about; none when it is about a room.
    #[must_use]
    pub fn port(&self) -> Option<PortId> {
        match self {
            Self::Latched(port, _)
            | Self::Silent(port, _)
            | Self::Resumed(port)
            | Self::Unheard(port, _)
            | Self::HeardAgain(port)
            | Self::Parted(port)
            | Self::Moved(port)
            | Self::Died(port)
            | Self::Played(port, ..)
            | Self::KeyDown(port, ..)
            | Self::Key(port, _)
            | Self::Pressed(port)
            | Self::Goodbye(port)
            | Self::Quality(port, _)
            | Self::Voice(port, _)
            | Self::NotEntered(port, _)
            | Self::Met(port, _)
            | Self::Unmet(port, _)
            | Self::Left(port)
            | Self::Closed(port, _) => Some(*port),
            Self::Announced(..) | Self::RoomDied(_) | Self::RoomClosed(_) => None,
        }
    }
}

/// Where one thread says its notices.
pub(crate) struct News {
    rings: Vec<Arc<Ring<Notice>>>,
    backlog: VecDeque<(usize, Notice)>,
    lost: u64,
}

impl News {
    pub fn new(rings: Vec<Arc<Ring<Notice>>>) -> Self {
        Self { rings, backlog: VecDeque::with_capacity(BACKLOG), lost: 0 }
    }

    /// Tells a listener.
    pub fn tell(&mut self, listener: usize, notice: Notice) {
        if self.backlog.is_empty() {
            let Some(ring) = self.rings.get(listener) else { return };
            let Err(notice) = ring.push(notice) else { return };
            self.backlog.push_back((listener, notice));
        } else if self.backlog.len() < BACKLOG {
            self.backlog.push_back((listener, notice));
        } else {
            self.lost += 1;
        }
    }

    /// Tries again what did not fit, in its order.
    pub fn retry(&mut self) {
        while let Some((listener, notice)) = self.backlog.pop_front() {
            if let Err(notice) = self.rings[listener].push(notice) {
                self.backlog.push_front((listener, notice));
                return;
            }
        }
    }

    /// Notices that nobody will ever hear.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_delays_notices_and_keeps_their_order() {
        let ring = Arc::new(Ring::new(2).expect("a ring"));
        let mut news = News::new(vec![Arc::clone(&ring)]);
        (0..5).for_each(|number| news.tell(0, Notice::Parted(PortId(number))));
        let mut heard = Vec::new();
        while let Some(notice) = ring.pop() {
            heard.extend(notice.port().map(|port| port.0));
            news.retry();
        }
        assert_eq!(heard, [0, 1, 2, 3, 4]);
        assert_eq!(news.lost(), 0);
    }

    #[test]
    fn what_a_deaf_listener_loses_is_counted() {
        let ring = Arc::new(Ring::new(1).expect("a ring"));
        let mut news = News::new(vec![ring]);
        (0..BACKLOG as u64 + 4).for_each(|number| news.tell(0, Notice::Parted(PortId(number))));
        assert_eq!(news.lost(), 3);
    }
}
