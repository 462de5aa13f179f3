//! Calls that were refused before they began: what somebody was not allowed, or had no room for, is told by a record.
//!
//! Of those who have shown who they are, an endpoint, a trunk, a guest, so many a second are kept. Of strangers whom a route would
//! have served, one a minute of each caller, address and reason, and few of those: whoever dials on and on must not fill the store.
//! What is not kept is counted, and told as a number.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Draft, Request};

use super::Exchange;
use super::chronicle::{Chronicle, HeardBy, account_of};
use super::ends::Whose;
use super::incoming::{USUAL_HOPS, called};
use super::outgoing::Party;
use crate::call::LegId;
use crate::call::cause::{CONGESTED, DRAINING, NO_ROOM, cause_of};
use crate::journal::{By, Cause, Direction, LegBegan, Outcome, Way as Sender, What};
use crate::redact::Redacted;
use crate::routing::{Full, Person};
use crate::runtime::Wire;

/// Refusals that are kept in a second: what people notice and look for. A machine that dials on and on fills no store.
const KEPT_A_SECOND: u32 = 5;

/// Refusals of strangers that are kept in a minute, on each shard: forty thousand a day, were they to try without end.
const STRANGERS_A_MINUTE: usize = 30;

const MINUTE: Duration = Duration::from_secs(60);

/// Hours of which it is known how many refusals were not kept: a day, and the hour that runs.
const HOURS: usize = 25;

/// How many refusals were kept in the second that runs, and of which strangers in the minute.
pub(super) struct Ration {
    since: Instant,
    kept: u32,
    strangers_since: Instant,
    strangers: HashSet<(IpAddr, Box<str>, Box<str>)>,
}

impl Ration {
    pub fn new(now: Instant) -> Self {
        Self { since: now, kept: 0, strangers_since: now, strangers: HashSet::new() }
    }

    fn has_room(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.kept) = (now, 0);
        }
        self.kept += 1;
        self.kept <= KEPT_A_SECOND
    }

    /// The same for somebody whom nobody knows, who says that this is his number, and is told this.
    fn has_room_for_stranger(&mut self, from: IpAddr, number: &str, why: &str, now: Instant) -> bool {
        if now.saturating_duration_since(self.strangers_since) >= MINUTE {
            self.strangers_since = now;
            self.strangers.clear();
        }
        self.strangers.len() < STRANGERS_A_MINUTE && self.strangers.insert((from, number.into(), why.into()))
    }
}

/// Calls that were refused and left no record of their own.
#[derive(Debug, Default)]
pub struct Unkept {
    all: AtomicU64,
    /// By the hour since 1970.
    hours: Mutex<VecDeque<(u64, u64)>>,
}

impl Unkept {
    /// One more.
    pub(super) fn note(&self, wall: SystemTime) {
        self.all.fetch_add(1, Relaxed);
        let hour = hour_of(wall);
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        match hours.back_mut() {
            // A clock that was set back counts in the hour that it came from.
            Some((last, count)) if *last >= hour => *count += 1,
            _ => hours.push_back((hour, 1)),
        }
        if hours.len() > HOURS {
            hours.pop_front();
        }
    }

    /// All since the start.
    pub fn all(&self) -> u64 {
        self.all.load(Relaxed)
    }

    /// Those of the last day, by whole hours.
    pub fn lately(&self, wall: SystemTime) -> u64 {
        let now = hour_of(wall);
        let hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        hours.iter().filter(|(hour, _)| hour + HOURS as u64 > now).map(|(_, count)| count).sum()
    }
}

fn hour_of(wall: SystemTime) -> u64 {
    wall.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 3600
}

/// Who was refused, and as whom he is known.
pub(super) struct Refused {
    pub whose: Whose,
    pub person: Person,
    /// The rule of the plan that would have served him.
    pub route: Option<Box<str>>,
    /// The limit of the service's manifest that stands in the way, in words.
    pub limit: Option<String>,
    /// The limit of the server that stands in the way.
    pub full: Option<Full>,
    /// What it sent cannot become a call.
    pub is_unfit: bool,
}

impl Refused {
    /// That one, whom nothing stands in the way of so far.
    pub fn of(whose: Whose, person: Person, route: Option<Box<str>>) -> Self {
        Self { whose, person, route, limit: None, full: None, is_unfit: false }
    }
}

impl Exchange {
    /// Keeps a record of a call that somebody was refused whom a route would have served, or counts it.
    pub(super) fn keep_refusal(
        &mut self,
        (request, hop): (&Request, &Hop),
        refused: Refused,
        (status, phrase, answer): (u16, &str, Draft),
        wire: &mut Wire<'_>,
    ) {
        let now = wire.now();
        let has_room = match &refused.whose {
            Whose::Stranger(from) => self.ration.has_room_for_stranger(*from, &refused.person.number, phrase, now),
            _ => self.ration.has_room(now),
        };
        if !has_room {
            return self.board.calls_tally.unkept.note(wire.wall());
        }
        let number = request.uri().ok().and_then(|target| called(&target)).unwrap_or_default();
        let party = Party {
            person: refused.person,
            host: None,
            called: number.into(),
            hops: USUAL_HOPS,
            emergency: false,
            secure: false,
            forwarded: Vec::new(),
        };
        let (from, to) = (party.shown(), crate::journal::Party::new(party.called.clone()));
        let heard_by = HeardBy { route: refused.route, ..HeardBy::default() };
        let Some(mut journal) = Chronicle::begin(&party, heard_by, wire).journal else { return };
        let account = account_of(&refused.whose);
        tracing::info!(call = %journal.call(), status, why = phrase, "a call was refused");
        let (leg, begin) = (LegId::FIRST.into(), Duration::ZERO);
        let (transport, peer) = (hop.transport, Redacted(hop.peer).to_string().into());
        let (parent, direction) = (None, Direction::Inbound);
        let began = LegBegan { leg, parent, direction, account, from, to, transport, peer };
        journal.note(begin, What::LegBegan(Box::new(began)));
        journal.message(begin, leg, Sender::Theirs, request.bytes());
        // As it goes out, but for the tag that its ACK is known by.
        journal.message(begin, leg, Sender::Ours, &answer.finish());
        // A limit that a manifest sets is no lack of ours: it is told as what it is.
        let (by, q850, reason) = match (refused.limit, refused.full) {
            (Some(limit), _) => (By::Script, NO_ROOM, limit.into()),
            (None, Some(Full::Draining)) => (By::System, CONGESTED, DRAINING.into()),
            (None, Some(full @ (Full::Server { .. } | Full::Stranger { .. }))) => {
                (By::System, CONGESTED, full.to_string().into())
            }
            (None, _) if refused.is_unfit => (By::Caller, cause_of(status), phrase.into()),
            (None, _) => (By::System, cause_of(status), phrase.into()),
        };
        let cause = Cause { by, q850, sip: Some(status), reason, place: None };
        journal.note(begin, What::LegEnded { leg, cause: Box::new(cause) });
        self.board.clerk.take(
            journal.end(begin, Outcome::of_status(status, if by == By::Caller { by } else { By::System }, false)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_who_dials_on_and_on_leaves_a_record_a_minute_and_many_strangers_few() {
        #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
        let start = Instant::now();
        let mut ration = Ration::new(start);
        let [one, other] = ["203.0.113.5", "203.0.113.6"].map(|address| address.parse().expect("an address"));
        let mut has_room = |from, number: &str, why, at| ration.has_room_for_stranger(from, number, why, start + at);
        let now = Duration::ZERO;
        assert!(has_room(one, "1", "full", now) && !has_room(one, "1", "full", now));
        assert!(has_room(one, "2", "full", now), "another caller behind the same address");
        assert!(has_room(one, "1", "draining", now) && has_room(other, "1", "full", now));
        assert!(has_room(one, "1", "full", MINUTE), "a minute later");
        let kept = (0..1000).filter(|caller| has_room(one, &format!("+49{caller}"), "full", MINUTE)).count();
        assert_eq!(kept, STRANGERS_A_MINUTE - 1);
    }

    #[test]
    fn what_is_not_kept_is_counted_for_a_day() {
        let unkept = Unkept::default();
        let hour = |hour: u64| UNIX_EPOCH + Duration::from_secs(hour * 3600);
        for at in 1000..1100 {
            unkept.note(hour(at));
        }
        unkept.note(hour(1000));
        assert_eq!((unkept.all(), unkept.lately(hour(1099))), (101, 26), "a clock that was set back");
        assert_eq!((unkept.lately(hour(1110)), unkept.lately(hour(1200))), (15, 0));
    }
}
