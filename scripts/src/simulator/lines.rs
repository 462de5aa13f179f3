//! The lines of simulated legs: what a call orders them, and what their parties do with a telephone.

use patchcord_engine::call::effect::{Invitation, Through};
use patchcord_engine::call::event::{Ending, Refused, Who};
use patchcord_engine::call::{Event, LegEvent, LegId, LineOrder};
use patchcord_engine::errand::Facts;
use patchcord_media::dtmf::{Key, Press, Via};

use super::house::{Deed, House};
use super::limits;
use super::party::{Fate, Manner, PartyId};
use super::port::Port;
use super::records::number_of;
use super::talk::{End, Stage, Talk};

impl Talk {
    /// Somebody is called.
    pub fn invite(&mut self, leg: LegId, invitation: &Invitation, house: &mut House) {
        let name = match &invitation.way.through {
            Through::Binding(user, _) => user.clone(),
            _ => number_of(Some(&invitation.way)).to_owned(),
        };
        let party = house.party(&name);
        let place = (self.number, leg);
        self.ends.insert(leg, End { party, stage: Stage::Called, port: Port::default() });
        let them = &mut house.parties[party];
        them.legs.push(place);
        let manner = them.manner.clone();
        let none = std::time::Duration::ZERO;
        match manner {
            Manner::Busy => house.does(party, place, none, Deed::Rejects(486)),
            Manner::Rejects(status) => house.does(party, place, none, Deed::Rejects(status)),
            Manner::Unregistered => house.does(party, place, none, Deed::Rejects(480)),
            Manner::Rings => house.does(party, place, none, Deed::Rings),
            Manner::Answers(after) => {
                house.does(party, place, none, Deed::Rings);
                house.does(party, place, after, Deed::Answers);
            }
        }
    }

    /// A line does what the call orders.
    pub fn obey(&mut self, leg: LegId, order: LineOrder, house: &mut House) {
        let Some(end) = self.ends.get_mut(&leg).filter(|end| end.stage != Stage::Over) else { return };
        let party = end.party;
        match order {
            LineOrder::Ring | LineOrder::Progress => {
                let what = if order == LineOrder::Ring { "hears that it rings" } else { "is connected, not answered" };
                house.tell_of(party, what);
                house.parties[party].fate = Fate::Waits;
            }
            LineOrder::Answer => {
                end.stage = Stage::Up;
                house.parties[party].fate = Fate::Up;
                house.tell_of(party, "is answered");
                house.line_tells(self.number, leg, LegEvent::Answered);
            }
            LineOrder::Refuse(status, _, to) => {
                end.stage = Stage::Over;
                let what = to.map_or_else(String::new, |to| format!(" and sent to {to}"));
                house.tell_of(party, format!("is refused with {status}{what}"));
                house.parties[party].fate = Fate::Refused(status);
                self.ended(
                    leg,
                    Ending { by: Who::Program, cause: 16, sip: Some(status), reason: String::new() },
                    house,
                );
            }
            LineOrder::HangUp { cause, sip, .. } => self.hang_up(leg, cause, sip, house),
            LineOrder::Hold(on) => {
                house.parties[party].held = on;
                house.tell_of(party, if on { "is put on hold" } else { "is taken back" });
            }
            LineOrder::Info(kind, body) => {
                let text = String::from_utf8_lossy(&body).into_owned();
                house.parties[party].texts.push(text);
                house.tell_of(party, format!("gets INFO, {kind}"));
            }
            LineOrder::Message(text) => {
                house.tell_of(party, format!("reads: {text}"));
                house.parties[party].texts.push(text);
            }
            LineOrder::Refer(to) => {
                house.tell_of(party, format!("is asked to call {to}"));
                house.line_tells(self.number, leg, LegEvent::ReferProgress(200));
            }
            LineOrder::AcceptRefer => house.parties[party].transfer = Some(202),
            LineOrder::RejectRefer(status) | LineOrder::ReferProgress(status) => {
                house.tell_of(party, format!("hears of its transfer: {status}"));
                house.parties[party].transfer = Some(status);
            }
            // A phone here shows nobody with whom it talks.
            LineOrder::Invite(_) | LineOrder::Introduce(_) | LineOrder::Focus(_) => {}
        }
    }

    fn hang_up(&mut self, leg: LegId, cause: u8, sip: Option<u16>, house: &mut House) {
        let Some(end) = self.ends.get_mut(&leg) else { return };
        let (party, before) = (end.party, std::mem::replace(&mut end.stage, Stage::Over));
        let last = house.parties[party].leg() == Some((self.number, leg));
        let (what, fate) = match before {
            Stage::Calls => {
                let status = sip.filter(|sip| *sip >= 400).unwrap_or(patchcord_engine::line::cause::status_of(cause));
                (format!("is refused with {status}"), Fate::Refused(status))
            }
            Stage::Called => ("rings no longer".to_owned(), Fate::Over("the caller")),
            Stage::Up | Stage::Over => ("is hung up".to_owned(), Fate::Over("the house")),
        };
        house.tell_of(party, what);
        if last {
            house.parties[party].fate = fate;
        }
        self.ended(leg, Ending { by: Who::Program, cause, sip, reason: String::new() }, house);
    }

    fn ended(&self, leg: LegId, ending: Ending, house: &mut House) {
        house.line_tells(self.number, leg, LegEvent::Ended(ending));
    }

    /// The end of a leg has been told: nothing of it is left but files that are being closed.
    pub fn leave(&mut self, leg: LegId, house: &mut House) {
        let Some(end) = self.ends.remove(&leg) else { return };
        self.close_takes(leg, end.port.takes, house);
        house.parties[end.party].legs.retain(|place| *place != (self.number, leg));
        if self.parted.len() == limits::PARTED {
            self.parted.pop_front();
        }
        self.parted.push_back((leg, end.party, matches!(end.stage, Stage::Up | Stage::Over)));
    }

    /// A leg goes over to another call, if there is one to give.
    pub fn give(&mut self, leg: Option<LegId>, call: u64, as_leg: LegId, house: &mut House) {
        let end = leg.and_then(|leg| self.ends.remove(&leg).map(|end| (leg, end)));
        if let Some((leg, end)) = &end {
            let (from, to) = ((self.number, *leg), (call, as_leg));
            house.parties[end.party].legs.iter_mut().filter(|place| **place == from).for_each(|place| *place = to);
        }
        let came = end.is_some();
        if let Some((_, end)) = end {
            house.moving.insert((call, as_leg), end);
        }
        house.post(call, Event::Taken(as_leg, came));
    }

    /// What is known of a leg that is there, or was.
    pub fn facts(&self, leg: LegId, house: &House) -> Option<Facts> {
        let end = self.ends.get(&leg);
        let (id, answered) = match end {
            Some(end) => (end.party, matches!(end.stage, Stage::Up | Stage::Over)),
            None => self.parted.iter().find(|(parted, ..)| *parted == leg).map(|(_, party, up)| (*party, *up))?,
        };
        let party = &house.parties[id];
        let first = self.ends.get(&LegId::FIRST).map(|end| end.party);
        let first = first.or_else(|| self.parted.iter().find(|(leg, ..)| *leg == LegId::FIRST).map(|(_, id, _)| *id));
        let caller = first.map_or("", |first| house.parties[first].numbered());
        let from = self.originated.as_deref().or(self.passed_on.as_deref()).unwrap_or(caller);
        let first = leg == LegId::FIRST && self.originated.is_none();
        let state = match end.map(|end| end.stage) {
            Some(Stage::Calls) if party.fate == Fate::Waits => "early",
            Some(Stage::Calls | Stage::Called) => "ringing",
            Some(Stage::Up) => "answered",
            Some(Stage::Over) | None => "ended",
        };
        Some(Facts {
            call: self.chronicle.call().to_string(),
            from: from.to_owned(),
            to: self.called.clone(),
            number: party.numbered().to_owned(),
            name: if first { party.shown_as.clone() } else { String::new() },
            // They are known as long as the INVITE waits for its answer.
            headers: if first && end.is_some() { party.headers.clone() } else { Vec::new() },
            endpoint: party.is_endpoint.then(|| party.name.clone()),
            trunk: (!party.is_endpoint && !first).then(|| super::whereabouts::TRUNK.to_owned()),
            transport: party.transport().uri_name().into(),
            // A browser speaks by no other way.
            secure: party.is_browser,
            codec: if answered { "PCMA".into() } else { String::new() },
            state: state.into(),
            quality: None,
            vars: if leg == self.call.first() { self.vars.clone() } else { String::new() },
        })
    }
}

impl House {
    /// A party does something on a leg, if that is still there.
    pub fn deed(&mut self, party: PartyId, place: (u64, LegId), deed: &Deed) {
        let (number, leg) = place;
        let Some(end) = self.calls.get_mut(&number).and_then(|talk| talk.ends.get_mut(&leg)) else { return };
        let stage = end.stage;
        match (deed, stage) {
            (Deed::Rings, Stage::Called) => {
                self.tell_of(party, "rings");
                self.parties[party].fate = Fate::Rings;
                self.hear(place, LegEvent::Ringing);
            }
            (Deed::Answers, Stage::Called) => {
                end.stage = Stage::Up;
                self.parties[party].fate = Fate::Up;
                self.tell_of(party, "answers");
                self.hear(place, LegEvent::Answered);
                if let Some(keys) = self.parties[party].presses.clone() {
                    self.press(party, place, limits::THOUGHT, &keys, Via::Rtp);
                }
            }
            (Deed::Rejects(status), Stage::Called) => {
                self.tell_of(party, format!("refuses with {status}"));
                self.parties[party].fate = Fate::Refused(*status);
                self.refuse(place, *status);
            }
            (Deed::HangsUp, Stage::Called) => {
                self.tell_of(party, "declines");
                self.parties[party].fate = Fate::Refused(603);
                self.refuse(place, 603);
            }
            (Deed::HangsUp, Stage::Calls | Stage::Up) => {
                self.tell_of(party, "hangs up");
                self.parties[party].fate = Fate::Over("it");
                let sip = (stage == Stage::Calls).then_some(487);
                let ending = Ending { by: Who::Party, cause: 16, sip, reason: "normal clearing".into() };
                self.hear(place, LegEvent::Ended(ending));
            }
            (Deed::Presses(key, via), Stage::Up | Stage::Calls) => {
                self.tell_of(party, format!("presses {key}"));
                if *via != Via::Info
                    && let Some(key) = Key::of_char(*key)
                {
                    self.hear(place, LegEvent::KeyDown(key));
                }
            }
            (Deed::LetsGo(key, via), Stage::Up | Stage::Calls) => self.let_go(place, *key, *via),
            _ => {}
        }
    }

    fn let_go(&mut self, place: (u64, LegId), key: char, via: Via) {
        let Some(key) = Key::of_char(key) else { return };
        // Who talks with somebody is heard by that one, too.
        let talk = self.calls.get(&place.0);
        let other = talk.and_then(|talk| talk.party_of(talk.ends.get(&place.1)?.port.partner?));
        if let Some(other) = other {
            self.parties[other].hear(super::party::Heard::Key(key.as_char()));
        }
        self.hear(place, LegEvent::Key(Press { key, duration: limits::KEY, via }));
    }

    /// A party presses keys, one after the other.
    pub fn press(&mut self, party: PartyId, place: (u64, LegId), after: std::time::Duration, keys: &str, via: Via) {
        let mut at = after;
        for key in keys.chars() {
            self.does(party, place, at, Deed::Presses(key, via));
            self.does(party, place, at + limits::KEY, Deed::LetsGo(key, via));
            at += 2 * limits::KEY;
        }
    }

    fn refuse(&mut self, place: (u64, LegId), sip: u16) {
        self.hear(
            place,
            LegEvent::Refused(Refused { sip, reason: String::new(), elsewhere: Vec::new(), by_house: false }),
        );
    }

    /// A line tells its call something at once.
    pub fn hear(&mut self, (number, leg): (u64, LegId), event: LegEvent) {
        self.with(number, |talk, house| {
            if matches!(event, LegEvent::Ended(_) | LegEvent::Refused(_)) {
                talk.leave(leg, house);
            }
            talk.call.hear(Event::Leg(leg, event), house.now);
        });
    }
}
