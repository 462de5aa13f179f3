//! Whom a leg hears, and where it sends to, when the party stands behind a translator of addresses.
//!
//! A [`Latch`] knows the address that the description named. The first packet from there is believed; somebody elsewhere
//! must show [`ROW`] packets of one SSRC in a row first, or one that proved its key. From then on everybody else is
//! refused and counted, until the media times out or another address is described; but the described address may always take
//! over from one that only showed a row. It opens no socket: it answers where
//! packets go, and to whom the socket may be connected so that the kernel refuses strangers by itself.
//!
//! open ──first packet from the described address, or a row from elsewhere──▶ held
//!   ▲                                                                        │
//!   └──media time-out, or another address described; who was held is heard───┘

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::packet::Head;

/// Packets in a row from an address that nobody described: 60 ms of sound, which a guesser cannot make without knowing
/// the port, and a translated phone hardly misses.
pub const ROW: u8 = 3;

/// The row must be done in this time.
const WINDOW: Duration = Duration::from_secs(1);

/// Packets that may be missing within the row, one time and another.
const GAP: u16 = 3;

/// Addresses on trial at a time. A phone is one; the others are noise.
const ON_TRIAL: usize = 4;

/// How long an address that nobody described is held before it is believed to be the party's, when another is described, or
/// when it has proved its key.
const SETTLED: Duration = Duration::from_secs(1);

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// From the party.
    Accepted,
    /// From the party, and the first from this address: packets go there now.
    Latched,
    /// From somebody who may prove to be the party.
    OnTrial,
    /// From somebody else.
    Refused,
}

impl Verdict {
    /// Whether the packet is to be played.
    #[must_use]
    pub fn is_accepted(self) -> bool {
        matches!(self, Self::Accepted | Self::Latched)
    }
}

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refusals {
    /// Packets of strangers while somebody was held.
    pub strangers: u64,
    /// Packets that were on trial.
    pub on_trial: u64,
    /// Reports of strangers.
    pub reports: u64,
}

#[derive(Debug, Clone, Copy)]
struct Trial {
    from: SocketAddr,
    ssrc: u32,
    next: u16,
    row: u8,
    since: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    from: SocketAddr,
    /// Since when, or since when another address is described.
    since: Instant,
    /// Whether it knew our key.
    proven: bool,
    hold: Hold,
}

/// How firmly somebody is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Nobody else is heard.
    Shut,
    /// Nothing came for a while: whoever shows a row is heard.
    TimedOut,
    /// Another address is described, and its first packet is believed.
    Redescribed,
}

impl Held {
    fn is_settled(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= SETTLED
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Latch {
    described: Option<SocketAddr>,
    /// Where the description wants reports.
    reports: Option<SocketAddr>,
    /// Whether reports come on the port of the sound.
    mux: bool,
    held: Option<Held>,
    /// Where reports really came from.
    reports_from: Option<SocketAddr>,
    trials: [Option<Trial>; ON_TRIAL],
    refusals: Refusals,
}

impl Latch {
    /// Nobody is heard yet; the description named these addresses, or none (`mux`: reports on the port of the sound).
    #[must_use]
    pub fn new(sound: Option<SocketAddr>, reports: Option<SocketAddr>, mux: bool) -> Self {
        Self {
            described: sound.map(plain),
            reports: reports.map(plain),
            mux,
            held: None,
            reports_from: None,
            trials: [None; ON_TRIAL],
            refusals: Refusals::default(),
        }
    }

    /// Where sound goes: to the party as it is heard, else to where it was described.
    #[must_use]
    pub fn sound_to(&self) -> Option<SocketAddr> {
        match self.held {
            Some(held) if held.hold != Hold::Redescribed => Some(held.from),
            _ => self.described,
        }
    }

    /// Where reports go.
    #[must_use]
    pub fn reports_to(&self) -> Option<SocketAddr> {
        if self.mux {
            return self.sound_to();
        }
        if self.reports_from.is_some() {
            return self.reports_from;
        }
        // A translated party is not where it says: the port above its sound is the best guess (RFC 3550 §11).
        match self.sound_to() {
            Some(to) if Some(to) != self.described => {
                to.port().checked_add(1).map(|port| SocketAddr::new(to.ip(), port))
            }
            _ => self.reports,
        }
    }

    /// To whom the socket of the sound may be connected at `now`; `None`: to nobody, others must still be heard.
    ///
    /// An address that only showed a row may be a guesser's: the party may begin to speak later, from where it said, and a
    /// connected socket would never hear it.
    #[must_use]
    pub fn connect_to(&self, now: Instant) -> Option<SocketAddr> {
        let held = self.held.filter(|held| held.hold == Hold::Shut)?;
        let settled = self.described.is_none_or(|told| told == held.from) || held.proven && held.is_settled(now);
        settled.then_some(held.from)
    }

    /// What was refused so far.
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        self.refusals
    }

    /// A packet came that is RTP of an agreed payload type; `proven` when it carried the tag of our key (SRTP).
    pub fn hear(&mut self, from: SocketAddr, head: &Head, proven: bool, now: Instant) -> Verdict {
        let from = plain(from);
        let described = self.described == Some(from);
        match &mut self.held {
            Some(held) if held.from == from => {
                // Whoever speaks on while the new address stays silent is the party still, behind its translator.
                if held.hold == Hold::TimedOut || described || held.is_settled(now) {
                    held.hold = Hold::Shut;
                }
                return Verdict::Accepted;
            }
            // The described address takes over from one that only showed a row, by no more than a row.
            Some(held) if held.hold == Hold::Shut && !described => {
                self.refusals.strangers += 1;
                return Verdict::Refused;
            }
            _ => {}
        }
        let at_once = proven || described && self.held.is_none_or(|held| held.hold != Hold::Shut);
        if at_once || self.shows_row(from, head, now) {
            self.hold(from, proven, now);
            return Verdict::Latched;
        }
        self.refusals.on_trial += 1;
        Verdict::OnTrial
    }

    /// A report came; whether it is the party's. On a socket of its own it must come from the party's machine.
    pub fn hear_report(&mut self, from: SocketAddr) -> bool {
        let from = plain(from);
        let machine = self.held.map(|held| held.from);
        let accepted = if self.mux {
            machine == Some(from) || machine.is_none() && self.described == Some(from)
        } else {
            self.reports == Some(from) || machine.is_some_and(|machine| machine.ip() == from.ip())
        };
        if !accepted {
            self.refusals.reports += 1;
        } else if !self.mux {
            self.reports_from = Some(from);
        }
        accepted
    }

    /// Nothing was heard for so long that the party may have moved: others may be tried again.
    pub fn open(&mut self) {
        self.trials = [None; ON_TRIAL];
        if let Some(held) = &mut self.held {
            held.hold = Hold::TimedOut;
        }
    }

    /// Another description was agreed. The same addresses change nothing; others open the latch, and who was held is heard
    /// until the new one speaks.
    pub fn describe(&mut self, sound: Option<SocketAddr>, reports: Option<SocketAddr>, mux: bool, now: Instant) {
        let (sound, reports) = (sound.map(plain), reports.map(plain));
        if (self.mux, self.reports) != (mux, reports) {
            self.reports_from = None;
        }
        (self.mux, self.reports) = (mux, reports);
        if self.described == sound {
            return;
        }
        self.described = sound;
        self.reports_from = None;
        self.trials = [None; ON_TRIAL];
        if let Some(held) = &mut self.held {
            let hold = if sound == Some(held.from) { Hold::Shut } else { Hold::Redescribed };
            *held = Held { since: now, hold, ..*held };
        }
    }

    fn hold(&mut self, from: SocketAddr, proven: bool, now: Instant) {
        self.held = Some(Held { from, since: now, proven, hold: Hold::Shut });
        self.reports_from = self.reports_from.filter(|reports| reports.ip() == from.ip());
        self.trials = [None; ON_TRIAL];
    }

    /// Counts a packet of somebody on trial; whether the row is complete.
    fn shows_row(&mut self, from: SocketAddr, head: &Head, now: Instant) -> bool {
        let started = Trial { from, ssrc: head.ssrc, next: head.sequence.wrapping_add(1), row: 1, since: now };
        let place = self.trials.iter_mut().flatten().find(|trial| trial.from == from);
        let Some(trial) = place else {
            // Who shows least makes room: a flood of strangers throws out strangers.
            let least = self.trials.iter_mut().min_by_key(|trial| trial.map(|trial| (trial.row, trial.since)));
            if let Some(place) = least {
                *place = Some(started);
            }
            return false;
        };
        let ahead = head.sequence.wrapping_sub(trial.next);
        let in_row = trial.ssrc == head.ssrc && ahead <= GAP && now.saturating_duration_since(trial.since) <= WINDOW;
        if in_row {
            *trial = Trial { row: trial.row + 1, next: started.next, ..*trial };
        } else {
            *trial = started;
        }
        trial.row >= ROW
    }
}

/// An IPv4 address is one, also where a socket for both families shows it as IPv6.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests;
