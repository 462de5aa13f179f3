//! Calls that were refused before they began: what somebody was not allowed, or had no room for, is told by a record.
//!
//! Only of those who have shown who they are: an endpoint, a trunk, a guest. What strangers try is counted and not kept, or else
//! they would fill the store. Of those who keep on trying, only so many a second are kept; all are counted.

use std::time::{Duration, Instant};

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

/// How many refusals were kept in the second that runs.
pub(super) struct Ration {
    since: Instant,
    kept: u32,
}

impl Ration {
    pub fn new(now: Instant) -> Self {
        Self { since: now, kept: 0 }
    }

    fn has_room(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self::new(now);
        }
        self.kept += 1;
        self.kept <= KEPT_A_SECOND
    }
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
}

impl Exchange {
    /// Keeps a record of a call that somebody known was refused.
    pub(super) fn keep_refusal(
        &mut self,
        (request, hop): (&Request, &Hop),
        refused: Refused,
        (status, phrase, answer): (u16, &str, Draft),
        wire: &mut Wire<'_>,
    ) {
        if matches!(refused.whose, Whose::Stranger(_)) || !self.ration.has_room(wire.now()) {
            return;
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
            (None, Some(full @ Full::Server { .. })) => (By::System, CONGESTED, full.to_string().into()),
            (None, _) => (By::System, cause_of(status), phrase.into()),
        };
        let cause = Cause { by, q850, sip: Some(status), reason, place: None };
        journal.note(begin, What::LegEnded { leg, cause: Box::new(cause) });
        self.board.clerk.take(journal.end(begin, Outcome::of_status(status, By::System, false)));
    }
}
