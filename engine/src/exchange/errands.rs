//! What a program asks outside its call: facts of its legs, the moment, and errands into the world.
//!
//! Facts are answered in the same turn; whatever the world does is answered later, and finds its call by the ticket of the
//! errand. Headers are known as long as the INVITE that brought them waits for its answer.

use std::time::UNIX_EPOCH;

use patchcord_media::sdp::agreed::Security;
use patchcord_media::shard;

use super::ends::{End, Way, Whose};
use super::talk::Talk;
use super::{Exchange, Served, Turn};
use crate::call::event::NotFound;
use crate::call::{Event, LegId};
use crate::errand::{Brought, Errand, Facts, Outside, Quality};
use crate::program::VerbId;
use crate::runtime::{ErrandTicket, Wire};

/// What of the world the exchange knows itself: where its routes lead.
const ROUTE: &str = "route";

/// Headers of an INVITE that a program is told: more than any honest one has.
const HEADERS: usize = 64;

/// Legs that have gone and of which something is remembered, the latest.
const MOST_PARTED: usize = 32;

/// The state of a leg that has gone.
const ENDED: &str = "ended";

/// Who is at the end of a leg, or was.
pub(super) struct Known {
    leg: LegId,
    whose: Whose,
    called: Box<str>,
    transport: &'static str,
    secure: bool,
    codec: Box<str>,
    quality: Option<Quality>,
}

impl Known {
    fn of(end: &End) -> Self {
        let sound = end.line.sound();
        let codec = sound.and_then(|sound| sound.send.first()).map(|format| format.codec.name());
        Self {
            leg: end.leg,
            whose: end.whose.clone(),
            called: end.called.clone(),
            transport: transport(end),
            secure: sound.is_some_and(|sound| sound.security != Security::Open),
            codec: codec.unwrap_or_default().into(),
            quality: end.quality.as_deref().copied(),
        }
    }
}

impl Exchange {
    /// The world has answered. Where the call has gone there is nobody to be told.
    pub(super) fn answered(&mut self, ticket: ErrandTicket, answer: Result<String, String>, wire: &mut Wire<'_>) {
        let Some((number, verb)) = self.errands.remove(&ticket) else { return };
        self.with(number, wire, |talk, turn| talk.brought(verb, Brought::Answer(answer), turn));
    }
}

impl Talk {
    /// Does an errand of the program, or sends it out.
    pub fn errand(&mut self, verb: VerbId, errand: Errand, turn: &mut Turn<'_, '_>) {
        let brought = match errand {
            Errand::Originate(wanted) => return self.originate(verb, &wanted, turn),
            Errand::Reply(answer) => Brought::Answer(self.reply(answer, turn)),
            Errand::Facts(leg) => Brought::Facts(self.facts(leg).map(Box::new)),
            Errand::Moment => {
                let wall = turn.wire.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
                Brought::Moment { wall, seed: turn.wire.tokens().number() }
            }
            Errand::Merge(leg) => Brought::Answer(self.merge(leg, turn)),
            Errand::Room(name, errand) => self.room_errand(&name, errand, turn),
            Errand::Outside(outside) if outside.noun == ROUTE => Brought::Answer(self.leads(&outside.ask, turn)),
            Errand::Outside(outside) => match self.send(verb, outside, turn) {
                Ok(()) => return,
                Err(why) => Brought::Answer(Err(why)),
            },
        };
        self.brought(verb, brought, turn);
    }

    /// Where a target would lead that nobody calls yet, as JSON.
    fn leads(&self, ask: &str, turn: &Turn<'_, '_>) -> Result<String, String> {
        let ask: serde_json::Value = serde_json::from_str(ask).map_err(|error| error.to_string())?;
        let target = ask["target"].as_str().unwrap_or_default();
        let caller = (self.call.first() != LegId::NONE).then(|| self.call.first());
        Ok(led(self.locate(target, caller, turn).map(drop)))
    }

    fn send(&self, verb: VerbId, outside: Outside, turn: &mut Turn<'_, '_>) -> Result<(), String> {
        let ticket = turn.wire.send_errand(outside).map_err(|not_sent| not_sent.to_string())?;
        turn.exchange.errands.insert(ticket, (self.number, verb));
        Ok(())
    }

    fn brought(&mut self, verb: VerbId, brought: Brought, turn: &Turn<'_, '_>) {
        self.call.hear(Event::Brought(verb, Box::new(brought)), turn.now());
    }

    /// What is known of a leg that is there, or was.
    fn facts(&self, leg: LegId) -> Option<Facts> {
        let end = self.ends.iter().find(|end| end.leg == leg);
        let now = end.map(Known::of);
        let known = now.as_ref().or_else(|| self.parted.iter().find(|parted| parted.leg == leg))?;
        let from = self.from();
        let (number, name) = match leg {
            leg if self.called_us(leg) => (from, self.party.person.name.as_deref().unwrap_or_default()),
            // Whoever has a number is known by it, also where it was called by its name.
            _ => match &known.whose {
                Whose::Endpoint(endpoint) => (endpoint.number.as_deref().unwrap_or(&endpoint.user), ""),
                Whose::Trunk(_) | Whose::Stranger(_) | Whose::Guest(..) => (&*known.called, ""),
            },
        };
        let (endpoint, trunk) = match &known.whose {
            Whose::Endpoint(endpoint) => (Some(endpoint.user.to_string()), None),
            Whose::Trunk(trunk) => (None, Some(trunk.name.to_string())),
            Whose::Stranger(_) | Whose::Guest(..) => (None, None),
        };
        Some(Facts {
            call: self.chronicle.journal.as_ref().map(|journal| journal.call().to_string()).unwrap_or_default(),
            from: from.to_owned(),
            to: self.party.called.to_string(),
            number: number.to_owned(),
            name: name.to_owned(),
            headers: end.map(headers).unwrap_or_default(),
            endpoint,
            trunk,
            transport: known.transport.to_owned(),
            secure: known.secure,
            codec: known.codec.to_string(),
            state: end.filter(|end| !end.gone).map_or(ENDED, |end| end.line.state()).to_owned(),
            quality: known.quality,
            vars: self.vars(leg),
        })
    }

    /// A story that goes on without a leg may still ask who that was.
    pub(super) fn remember(&mut self, end: &End) {
        if self.over_since.is_some() {
            return;
        }
        if self.parted.len() == MOST_PARTED {
            self.parted.remove(0);
        }
        self.parted.reserve_exact(1);
        self.parted.push(Known::of(end));
    }

    /// What whoever had the call begun said with it, for the leg with which its story began.
    fn vars(&self, leg: LegId) -> String {
        let begun = self.originated.as_ref().filter(|_| leg == self.call.first());
        begun.map(|begun| begun.vars.clone()).unwrap_or_default()
    }

    /// The caller's number, as somebody would dial it: an endpoint that calls by its name is known by its number.
    pub(super) fn from(&self) -> &str {
        let said = &*self.party.person.number;
        let first = self.ends.iter().find(|end| self.called_us(end.leg));
        match first.map(|end| &end.whose) {
            _ if self.party.person.hidden => "",
            Some(Whose::Endpoint(endpoint)) if *said == *endpoint.user => endpoint.number.as_deref().unwrap_or(said),
            _ => said,
        }
    }

    /// Another service goes on with the call.
    pub fn note_edition(&mut self, service: &str, served: &Served, turn: &mut Turn<'_, '_>) {
        self.note_served(service, served.edition.as_deref(), turn);
    }
}

/// Where a target leads, as JSON: a status, and why where it leads nowhere.
#[must_use]
pub fn led(found: Result<(), NotFound>) -> String {
    let (status, why) = match found {
        // Whoever is busy or away now is somebody all the same.
        Ok(()) | Err(NotFound::Busy | NotFound::Unreachable) => ("leads", String::new()),
        Err(NotFound::Service(_)) => ("service", String::new()),
        Err(NotFound::Unknown) => ("nowhere", "there is nobody of that name".into()),
        Err(NotFound::Forbidden(why)) => ("forbidden", why),
    };
    serde_json::json!({ "status": status, "why": why }).to_string()
}

impl From<&shard::Quality> for Quality {
    fn from(quality: &shard::Quality) -> Self {
        let heard = quality.heard_here;
        Self {
            mos_hundredths: quality.mos_here.map_or(0, |mos| (mos * 100.0) as u16),
            loss_permille: heard.map_or(0, |heard| u16::try_from(heard.lost_permille).unwrap_or(u16::MAX)),
            jitter: heard.map(|heard| heard.jitter).unwrap_or_default(),
            round_trip: quality.round_trip.unwrap_or_default(),
        }
    }
}

fn headers(end: &End) -> Vec<(String, String)> {
    let invite = end.line.unanswered();
    let all = invite.into_iter().flat_map(|invite| invite.iter());
    // What proves who somebody is is no script's matter.
    let told = all.filter(|(name, _)| !name.to_ascii_lowercase().ends_with("authorization"));
    told.take(HEADERS).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn transport(end: &End) -> &'static str {
    let hop = match &end.opening {
        Way::Along(hop) => Some(hop),
        Way::To(_) => end.line.hop(),
    };
    hop.map_or("udp", |hop| hop.transport.uri_name())
}
