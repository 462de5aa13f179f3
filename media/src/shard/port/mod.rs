//! The sound end of a leg: two sockets, one stream each way, and where its sound goes.
//!
//! A port is owned by one media thread. It is handed datagrams, instants and frames; it never waits. What comes in is checked
//! and counted here and goes where the [`Route`] says; what two ports do together is the thread's work.
//!
//! datagram ──latch, source──▶ packet ──codecs agree──▶ onward, to the other port's `pass`
//!                                └──otherwise──▶ ear ──each 20 ms──▶ frame ──▶ the other port's `say`, a room, a recording
//!
//! | file | what it knows |
//! |---|---|
//! | `wire` | a socket and who is at its other end |
//! | `receive` | what came from the party: taken, refused, or passed on |
//! | `ear` | packets made into frames, when somebody wants frames |
//! | `send` | packets passed on, frames encoded, payloads copied |
//! | `packing` | frames made into packets of another length |
//! | `cutting` | packets passed on in another length |
//! | `play` | a prompt being played |
//! | `keys`, `voiced` | keys heard and sent; as tones where the party takes no events |
//! | `recorder` | what a recording is given |
//! | `guard` | what protects packets |
//! | `pictures` | pictures, which only pass |
//! | `report` | what both ends say about their streams |

mod cutting;
mod ear;
mod effort;
mod guard;
mod keys;
mod packing;
mod pictures;
mod play;
mod receive;
mod recorder;
mod report;
mod send;
mod voiced;
mod wire;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::notice::{News, Notice, Totals};
use super::order::{Keys, MAX_HEARD, Opening, PortId, Terms};
use super::poll::Place;
use super::room::Membership;
use crate::codec::Kind;
use crate::codec::resample::Resampler;
use crate::frame::Rate;
use crate::rtp::forward::Forward;
use crate::rtp::latch::Latch;
use crate::rtp::rtcp::Sending;
use crate::rtp::source::Source;

use cutting::Cutting;
pub(crate) use cutting::Length;
pub(crate) use ear::Ear;
pub(crate) use effort::Effort;
pub use guard::{Guard, Protection};
pub(crate) use keys::Keying;
pub(crate) use packing::Packing;
use pictures::Passing;
pub use pictures::Pictures;
pub(crate) use play::Playing;
pub(crate) use receive::Onward;
pub(crate) use recorder::Recorder;
pub(crate) use report::Reports;
pub(crate) use wire::{Got, Wire, plain};

/// Nothing at all from a party that should send, for so long, is told: whoever is only silent sends a report each five seconds, or
/// seven where chance has it.
const UNHEARD_AFTER: Duration = Duration::from_secs(10);

/// Now, on both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub now: Instant,
    /// Frames since the thread started.
    pub round: u64,
}

/// Room that all ports of a thread use one after the other.
#[derive(Default)]
pub(crate) struct Scratch {
    /// A frame that was heard.
    pub heard: Vec<i16>,
    /// A frame that is to be said, at the codec's rate.
    pub said: Vec<i16>,
    pub payload: Vec<u8>,
    pub packet: Vec<u8>,
    /// What coders may spend now.
    pub effort: Effort,
}

/// What a port takes as it is.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wants {
    /// Sound of this codec.
    pub sound: Option<Kind>,
    /// How long a packet of it may be.
    pub length: Length,
    /// Keys with this clock.
    pub keys: Option<Keys>,
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
    /// Into a room of this thread.
    Room(Membership),
}

impl Route {
    /// The port at the other side.
    pub fn partner(self) -> Option<Place> {
        match self {
            Self::Bridge(place) | Self::Relay(place) => Some(place),
            Self::Nowhere | Self::Echo | Self::Room(_) => None,
        }
    }
}

/// What of the terms every packet asks for, beside each other: a thread with thousands of ports waits for memory most.
#[derive(Clone, Copy, Default)]
struct Agreed {
    /// How we speak, and under which number.
    speaks: Option<(Kind, u8)>,
    /// How long a packet to the party may be.
    length: Length,
    /// The numbers under which the party speaks, in the places of the terms.
    hears: [Option<(u8, Kind)>; MAX_HEARD],
    comfort_in: Option<u8>,
    mux: bool,
    is_protected: bool,
    has_pictures: bool,
    keys_in: Option<Keys>,
    keys_out: Option<Keys>,
}

impl Agreed {
    fn of(terms: &Terms) -> Self {
        let mut hears = [None; MAX_HEARD];
        for (place, hearing) in hears.iter_mut().zip(&terms.hearing) {
            *place = Some((hearing.payload_type, hearing.kind));
        }
        Self {
            speaks: terms.speaking.as_ref().map(|speaking| (speaking.kind, speaking.payload_type)),
            length: terms.speaking.as_ref().map(Length::of).unwrap_or_default(),
            hears,
            comfort_in: terms.comfort_in,
            mux: terms.mux,
            is_protected: terms.protection.is_on(),
            has_pictures: terms.pictures.is_some(),
            keys_in: terms.keys_in,
            keys_out: terms.keys_out,
        }
    }
}

/// See the module. What every packet needs stands in front, in whole lines of the cache: first what one that comes asks for,
/// in their midst what both do, and then what one that goes out asks for.
#[repr(C, align(64))]
pub(crate) struct Port {
    pub route: Route,
    /// When the last packet came that was taken; the time of opening before the first.
    last_heard: Instant,
    /// Whether it was told that nothing at all comes; and whether the party said by comfort noise that it sends nothing.
    is_unheard: bool,
    rests: bool,
    is_silent: bool,
    /// Whether the partner speaks another codec than came last.
    transcodes: bool,
    /// There while somebody wants frames of this party.
    ear: Option<Box<Ear>>,
    terms: Option<Box<Terms>>,
    rtp: Wire,
    playing: Option<Box<Playing>>,
    agreed: Agreed,
    keying: Option<Box<Keying>>,
    totals: Totals,
    recorders: [Option<Box<Recorder>>; recorder::RECORDERS],
    /// There where the party asked for packets of another length than frames.
    packing: Option<Box<Packing>>,
    /// There once packets came that the party takes in another length.
    cutting: Option<Box<Cutting>>,
    /// The heads of what we send, and how much it was.
    forward: Forward,
    sending: Sending,
    id: PortId,
    /// Who speaks to us.
    source: Source,
    listener: usize,
    /// The thread that reads the socket of a browser.
    home: Option<usize>,
    rtcp: Option<Wire>,
    latch: Latch,
    /// Brings frames to the rate in which we speak.
    resampler: Option<Box<Resampler>>,
    reports: Reports,
    /// There where pictures pass, and no sound.
    passing: Option<Box<Passing>>,
}

impl Port {
    /// A port that hears nobody yet.
    pub fn new(opening: Opening, now: Instant) -> Self {
        let Opening { id, listener, rtp, rtcp, ssrc, sequence, timestamp, home } = opening;
        Self {
            id,
            listener,
            home,
            rtp,
            rtcp,
            latch: Latch::new(None, None, false),
            forward: Forward::new(ssrc, sequence, timestamp, Rate::Narrow.hz()),
            sending: Sending::new(),
            source: Source::new(Rate::Narrow.hz()),
            terms: None,
            agreed: Agreed::default(),
            route: Route::Nowhere,
            ear: None,
            transcodes: false,
            packing: None,
            cutting: None,
            resampler: None,
            playing: None,
            keying: None,
            recorders: Default::default(),
            reports: Reports::new(now, ssrc),
            passing: None,
            totals: Totals::default(),
            last_heard: now,
            is_unheard: false,
            rests: false,
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

    /// The thread that reads its socket, where it is a browser's and shares one.
    pub fn home(&self) -> Option<usize> {
        self.home
    }

    /// Sends to where the browser wants to be reached.
    pub fn point(&mut self, browser: SocketAddr) {
        self.rtp.point(browser);
    }

    /// Protects and opens packets by these keys from now on; those that they replace.
    pub fn secure(&mut self, guard: Box<Guard>) -> Option<Protection> {
        let terms = self.terms.as_mut().filter(|terms| terms.protection.is_on())?;
        Some(std::mem::replace(&mut terms.protection, Protection::Keys(guard)))
    }

    /// Its sockets: of sound, and of reports where they are apart.
    pub fn wires(&self) -> (&Wire, Option<&Wire>) {
        (&self.rtp, self.rtcp.as_ref())
    }

    /// Its sockets, to read.
    pub fn wires_mut(&mut self) -> (&mut Wire, Option<&mut Wire>) {
        (&mut self.rtp, self.rtcp.as_mut())
    }

    /// Follows new terms and gives back the old ones. What stays the same goes on without a break: coders that both terms
    /// have are kept, and so is whoever was heard at an address that both describe.
    pub fn tune(&mut self, mut terms: Box<Terms>, moment: Moment) -> Option<Box<Terms>> {
        if let Some(old) = &mut self.terms {
            terms.keep(old);
        }
        self.latch.describe(terms.remote, terms.remote_reports, terms.mux, moment.now);
        if self.latch.connect_to(moment.now).is_none() {
            self.rtp.loosen();
        }
        self.aim();
        if let Some(speaking) = &terms.speaking {
            self.forward.clock(speaking.kind.clock_hz());
        }
        self.cease_cutting();
        self.packing = terms.speaking.as_ref().and_then(|speaking| Packing::of(speaking.kind, speaking.packet_ms));
        if let Some(hearing) = terms.hearing.first() {
            self.source.clock(hearing.kind.clock_hz());
        }
        match (terms.pictures, &mut self.passing) {
            (Some(rules), Some(passing)) => passing.tune(rules),
            (rules, passing) => *passing = rules.map(|rules| Box::new(Passing::new(rules, moment.now))),
        }
        // A party that was on hold has not been silent of its own will.
        self.last_heard = moment.now;
        self.is_silent = false;
        let spoke = std::mem::replace(&mut self.agreed, Agreed::of(&terms)).speaks;
        if spoke != self.agreed.speaks {
            // While the party was on hold its partner's numbers ran on: whoever passed none of those packets lost none.
            self.forward.part();
        }
        let old = self.terms.replace(terms);
        self.agree_on_keys();
        old
    }

    /// Sends to where the party is believed to be.
    fn aim(&mut self) {
        self.rtp.aim(self.latch.sound_to());
        if let Some(rtcp) = &mut self.rtcp {
            rtcp.aim(self.latch.reports_to());
        }
    }

    /// Leads the party's sound elsewhere, and says where it went before.
    pub fn lead(&mut self, route: Route) -> Route {
        self.transcodes = false;
        let before = std::mem::replace(&mut self.route, route);
        if before != route {
            // Who is joined to the same one again has missed what that one said elsewhere, and nothing of it was lost.
            self.forward.part();
        }
        before
    }

    /// The codec in which the party wants to be spoken to.
    pub fn speaks(&self) -> Option<Kind> {
        self.agreed.speaks.map(|(kind, _)| kind)
    }

    /// What the party wants to be passed as it is.
    pub fn wants(&self) -> Wants {
        Wants { sound: self.speaks(), length: self.agreed.length, keys: self.agreed.keys_out }
    }

    /// The widest sound that the party makes or takes.
    pub fn widest(&self) -> Rate {
        let Some(terms) = &self.terms else { return Rate::Narrow };
        let hearing = terms.hearing.iter().map(|hearing| hearing.kind);
        let all = hearing.chain(terms.speaking.as_ref().map(|speaking| speaking.kind));
        all.filter(|kind| kind.is_spoken()).map(Kind::rate).max().unwrap_or(Rate::Narrow)
    }

    /// Whether it says something of its own, whatever comes from elsewhere.
    pub fn is_busy(&self) -> bool {
        self.playing.is_some() || self.is_pressing()
    }

    /// Whether a round has nothing to do for it: it only passes packets, or waits.
    pub fn is_idle(&self) -> bool {
        let has_keys = self.keying.as_ref().is_some_and(|keying| keying.is_busy());
        let is_still = self.ear.is_none() && self.playing.is_none() && !self.is_recorded();
        is_still && !has_keys && !self.holds_sound() && !self.holds_passed_sound()
    }

    /// What it counted in its life.
    pub fn totals(&self) -> Totals {
        Totals { strangers: self.totals.strangers + self.latch.refusals().reports, ..self.totals }
    }

    /// What it counted so far of packets alone.
    pub fn counts(&self) -> &Totals {
        &self.totals
    }

    /// Tells its listener.
    pub fn tell(&self, news: &mut News, notice: Notice) {
        news.tell(self.listener, notice);
    }

    /// Looks whether the party fell silent.
    pub fn watch_silence(&mut self, moment: Moment, news: &mut News) {
        let Some(terms) = &self.terms else { return };
        let silence = moment.now.saturating_duration_since(self.last_heard);
        let should_send = !terms.hearing.is_empty() && !self.rests;
        let limit = terms.silence_after;
        if should_send && !self.is_unheard && silence >= UNHEARD_AFTER {
            self.is_unheard = true;
            self.tell(news, Notice::Unheard(self.id, silence));
        }
        let Some(limit) = limit else { return };
        if !self.is_silent && silence >= limit {
            self.is_silent = true;
            // It may come back from another address: from behind a router that forgot it.
            self.latch.open();
            self.rtp.loosen();
            self.tell(news, Notice::Silent(self.id, silence));
        }
    }
}
