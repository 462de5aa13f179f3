//! The sound end of a leg: two sockets, one stream each way, and where its sound goes.
//!
//! A port is owned by one media thread. It is handed datagrams, instants and rounds of the slot clock; it never waits. What
//! comes in is checked and counted here and goes where the [`Route`] says; what two ports do together is the thread's work.
//!
//! | file | what it knows |
//! |---|---|
//! | `wire` | a socket and who is at its other end |
//! | `receive` | what came from the party: taken, refused, or passed on |
//! | `send` | what goes to the party |

mod receive;
mod send;
mod wire;

use std::time::Instant;

use super::notice::{News, Notice, Totals};
use super::order::{Opening, PortId, Terms};
use super::poll::Place;
use crate::frame::Rate;
use crate::rtp::forward::Forward;
use crate::rtp::source::Source;

pub(crate) use receive::Onward;
pub(crate) use wire::{Got, Wire};

/// Now, on both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub now: Instant,
    /// Frames since the thread started.
    pub round: u64,
}

/// Where the party's sound goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Nowhere,
    /// Back to it.
    Echo,
    /// To another port of this thread.
    Bridge(Place),
    /// The same, whatever the datagrams hold.
    Relay(Place),
}

impl Route {
    /// The port at the other side.
    pub fn partner(self) -> Option<Place> {
        match self {
            Self::Bridge(place) | Self::Relay(place) => Some(place),
            Self::Nowhere | Self::Echo => None,
        }
    }
}

/// See the module.
pub(crate) struct Port {
    id: PortId,
    listener: usize,
    rtp: Wire,
    rtcp: Option<Wire>,
    /// The heads of what we send.
    forward: Forward,
    /// Who speaks to us.
    source: Source,
    terms: Option<Box<Terms>>,
    pub route: Route,
    totals: Totals,
    /// When the last packet came that was taken; the time of opening before the first.
    last_heard: Instant,
    is_silent: bool,
}

impl Port {
    /// A port that hears nobody yet.
    pub fn new(opening: Opening, now: Instant) -> Self {
        let Opening { id, listener, rtp, rtcp, ssrc, sequence, timestamp } = opening;
        Self {
            id,
            listener,
            rtp: Wire::new(rtp),
            rtcp: rtcp.map(Wire::new),
            forward: Forward::new(ssrc, sequence, timestamp, Rate::Narrow.hz()),
            source: Source::new(Rate::Narrow.hz()),
            terms: None,
            route: Route::Nowhere,
            totals: Totals::default(),
            last_heard: now,
            is_silent: false,
        }
    }

    /// Its name.
    pub fn id(&self) -> PortId {
        self.id
    }

    /// Who is told about it.
    pub fn listener(&self) -> usize {
        self.listener
    }

    /// Its sockets: of sound, and of reports where they are apart.
    pub fn wires(&self) -> (&Wire, Option<&Wire>) {
        (&self.rtp, self.rtcp.as_ref())
    }

    /// Its sockets, to read.
    pub fn wires_mut(&mut self) -> (&mut Wire, Option<&mut Wire>) {
        (&mut self.rtp, self.rtcp.as_mut())
    }

    /// Follows new terms and gives back the old ones. What stays the same goes on without a break.
    pub fn tune(&mut self, terms: Box<Terms>, moment: Moment) -> Option<Box<Terms>> {
        if self.terms.as_ref().map(|terms| terms.remote) != Some(terms.remote) {
            self.rtp.aim(terms.remote);
        }
        if let Some(speaking) = &terms.speaking {
            self.forward.clock(speaking.kind.clock_hz());
        }
        // A party that was on hold has not been silent of its own will.
        self.last_heard = moment.now;
        self.is_silent = false;
        if let Some(hearing) = terms.hearing.first() {
            self.source.clock(hearing.kind.clock_hz());
        }
        self.terms.replace(terms)
    }

    /// What it counted.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Tells its listener.
    pub fn tell(&self, news: &mut News, notice: Notice) {
        news.tell(self.listener, notice);
    }

    /// Looks whether the party fell silent.
    pub fn watch_silence(&mut self, moment: Moment, news: &mut News) {
        let Some(limit) = self.terms.as_ref().and_then(|terms| terms.silence_after) else { return };
        let silence = moment.now.saturating_duration_since(self.last_heard);
        if !self.is_silent && silence >= limit {
            self.is_silent = true;
            // It may come back from another address: from behind a router that forgot it.
            self.rtp.loosen();
            self.tell(news, Notice::Silent(self.id, silence));
        }
    }
}
