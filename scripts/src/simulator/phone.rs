//! A phone of a test: what it does, and what it is expected to meet.
//!
//! What it does takes as long as it says. What it is expected to meet is waited for in virtual time; where it does not come, the
//! [`Failure`] says what was there instead.

use std::time::Duration;

use patchcord_engine::call::LegEvent;
use patchcord_engine::call::event::ReferWish;
use patchcord_media::dtmf::{Key, Via};

use super::failure::Failure;
use super::house::{Deed, House};
use super::limits;
use super::party::{Fate, Heard, Manner, PartyId, Place};
use super::port::Audible;
use super::records::Closed;
use super::stage::Stage;

/// See the module.
#[derive(Clone)]
pub struct Phone {
    stage: Stage,
    party: PartyId,
}

type Met = Result<Phone, Failure>;

impl Phone {
    pub(super) fn new(stage: Stage, party: PartyId) -> Self {
        Self { stage, party }
    }

    /// Its number or name.
    #[must_use]
    pub fn name(&self) -> String {
        self.stage.within(|house| house.parties[self.party].name.clone())
    }

    /// The stage that it is on.
    #[must_use]
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    fn with_manner(&self, manner: Manner) -> Self {
        self.stage.within(|house| house.parties[self.party].manner = manner);
        self.clone()
    }

    /// It is a page in a browser, which `browser:` rings and other phones are not.
    #[must_use]
    pub fn browser(&self) -> Self {
        self.stage.within(|house| house.parties[self.party].is_browser = true);
        self.clone()
    }

    /// When it is called it rings, and nobody comes.
    #[must_use]
    pub fn rings(&self) -> Self {
        self.with_manner(Manner::Rings)
    }

    /// When it is called it is busy.
    #[must_use]
    pub fn busy(&self) -> Self {
        self.with_manner(Manner::Busy)
    }

    /// When it is called it refuses.
    #[must_use]
    pub fn rejects(&self, status: u16) -> Self {
        self.with_manner(Manner::Rejects(status))
    }

    /// It is registered nowhere.
    #[must_use]
    pub fn unregistered(&self) -> Self {
        self.with_manner(Manner::Unregistered)
    }

    /// When it is called it is answered after that time; one that rings is answered so long after now.
    #[must_use]
    pub fn answers(&self, after: Duration) -> Self {
        self.stage.within(|house| {
            let them = &house.parties[self.party];
            if let (Fate::Rings, Some(place)) = (&them.fate, them.leg()) {
                house.does(self.party, place, after, Deed::Answers);
            }
            house.pass(Duration::ZERO);
        });
        self.with_manner(Manner::Answers(after))
    }

    /// The same at once, and then it presses these keys.
    #[must_use]
    pub fn answers_and_presses(&self, keys: &str) -> Self {
        self.stage.within(|house| house.parties[self.party].presses = Some(keys.to_owned()));
        self.answers(Duration::ZERO)
    }

    /// The name that its calls show.
    #[must_use]
    pub fn shows(&self, name: &str) -> Self {
        self.stage.within(|house| house.parties[self.party].shown_as = name.to_owned());
        self.clone()
    }

    /// The number that an endpoint has beside its name: whoever calls that number reaches it, and it is known by it.
    pub fn has_number(&self, number: &str) -> Met {
        self.stage.within(|house| {
            let them = &house.parties[self.party];
            if !them.is_endpoint {
                let was = format!("{} is somebody on the network", them.name);
                return Err(house.failure("an endpoint of this house to be given a number", was));
            }
            if let Some(other) = house.names.get(number).filter(|other| **other != self.party) {
                let was = format!("{} has it", house.parties[*other].name);
                return Err(house.failure(&format!("{number} to be nobody's number"), was));
            }
            house.names.insert(number.to_owned(), self.party);
            house.parties[self.party].number = Some(number.to_owned());
            Ok(())
        })?;
        Ok(self.clone())
    }

    /// A header that its calls carry.
    #[must_use]
    pub fn says(&self, header: &str, value: &str) -> Self {
        let header = (header.to_owned(), value.to_owned());
        self.stage.within(|house| house.parties[self.party].headers.push(header));
        self.clone()
    }

    /// It calls a number or a service.
    pub fn dials(&self, number: &str) -> Met {
        self.stage.within(|house| house.call(self.party, number))?;
        Ok(self.clone())
    }

    /// Lets time pass.
    pub fn after(&self, time: Duration) -> Met {
        self.stage.advance(time)?;
        Ok(self.clone())
    }

    /// The same, without a word.
    pub fn silent(&self, time: Duration) -> Met {
        self.after(time)
    }

    /// It presses keys, one after the other.
    pub fn presses(&self, keys: &str) -> Met {
        self.presses_by(keys, Via::Rtp)
    }

    /// The same in one of the ways in which keys come.
    pub fn presses_by(&self, keys: &str, via: Via) -> Met {
        self.act("press keys", |house, place| {
            if let Some(wrong) = keys.chars().find(|key| Key::of_char(*key).is_none()) {
                return Err(house.failure("keys of a telephone", format!("{wrong:?} is none")));
            }
            house.press(self.party, place, Duration::ZERO, keys, via);
            house.pass(2 * limits::KEY * keys.chars().count() as u32);
            Ok(())
        })
    }

    /// It speaks for so long: as soon as nothing with an end is said to it any more.
    pub fn speaks(&self, time: Duration) -> Met {
        self.act("speak", |house, _| {
            let party = self.party;
            let quiet = |house: &mut House| {
                let said = house.plays(party).is_some_and(|playing| playing.until.is_some());
                (!said).then_some(())
            };
            if house.wait(quiet).is_none() {
                return Err(house.failure("a pause to speak in", house.hears_now(party)));
            }
            house.tell_of(party, format!("speaks for {:.1} s", time.as_secs_f64()));
            house.speaks(party, true);
            house.pass(time);
            house.speaks(party, false);
            Ok(())
        })
    }

    /// It hangs up; where it is called and has not answered, it declines.
    pub fn hangs_up(&self) -> Met {
        self.act("hang up", |house, place| {
            house.deed(self.party, place, &Deed::HangsUp);
            house.pass(Duration::ZERO);
            Ok(())
        })
    }

    /// It puts the other side on hold, or takes it back.
    pub fn holds(&self, on: bool) -> Met {
        let what = if on { "holds" } else { "resumes" };
        self.tells(what, LegEvent::Held(on))
    }

    /// It sends the other side on to somebody else.
    pub fn transfers_to(&self, to: &str) -> Met {
        let wish = ReferWish { to: to.to_owned(), replaces: None, replaces_elsewhere: None, meets: None };
        self.tells(&format!("wants to transfer to {to}"), LegEvent::Refer(wish))
    }

    /// It writes a text.
    pub fn writes(&self, text: &str) -> Met {
        self.tells(&format!("writes: {text}"), LegEvent::Message("text/plain".into(), text.as_bytes().to_vec()))
    }

    /// It sends INFO that is no key.
    pub fn sends_info(&self, kind: &str, body: &str) -> Met {
        self.tells(&format!("sends INFO, {kind}"), LegEvent::Info(kind.to_owned(), body.as_bytes().to_vec()))
    }

    fn tells(&self, what: &str, event: LegEvent) -> Met {
        self.act(what, |house, place| {
            house.tell_of(self.party, what);
            house.hear(place, event);
            house.pass(Duration::ZERO);
            Ok(())
        })
    }

    /// Does something for which it must have a call.
    fn act(&self, what: &str, act: impl FnOnce(&mut House, Place) -> Result<(), Failure>) -> Met {
        self.stage.within(|house| {
            house.pass(Duration::ZERO);
            let them = &house.parties[self.party];
            let Some(place) = them.leg() else {
                let (name, fate) = (&them.name, them.fate.in_words());
                return Err(house.failure(&format!("{name} to have a call, to {what}"), format!("{name} {fate}")));
            };
            act(house, place)?;
            house.rests()
        })?;
        Ok(self.clone())
    }
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Phone({})", self.name())
    }
}

/// What is expected of it.
impl Phone {
    /// It begins to hear this: a prompt or tone as the script names it, or somebody by name. What it heard before it does not
    /// matter; what an expectation has taken is not heard again.
    pub fn hears(&self, what: &str) -> Met {
        self.hears_for(what, &format!("to hear {what}"), limits::PATIENCE)
    }

    /// The same, and within that time from now at the latest.
    pub fn hears_within(&self, what: &str, time: Duration) -> Met {
        let expected = format!("to hear {what} within {:.1} s", time.as_secs_f64());
        self.hears_for(what, &expected, time.min(limits::PATIENCE))
    }

    fn hears_for(&self, what: &str, expected: &str, patience: Duration) -> Met {
        self.meets_within(expected, patience, |house, party| {
            let voice = house.names.get(what).copied();
            let fits = |heard: &Heard| match heard {
                Heard::Prompt(prompt) => prompt == what,
                Heard::Voice(other) => voice == Some(*other),
                Heard::Itself => what == "itself",
                Heard::Key(_) => false,
            };
            house.parties[party].take(fits)
        })
    }

    /// It hears these keys, one after the other.
    pub fn hears_keys(&self, keys: &str) -> Met {
        for key in keys.chars() {
            self.meets(&format!("to hear the key {key}"), |house, party| {
                house.parties[party].take(|heard| *heard == Heard::Key(key))
            })?;
        }
        Ok(self.clone())
    }

    /// It hears nothing now.
    pub fn hears_nothing(&self) -> Met {
        self.stage.within(|house| {
            house.pass(Duration::ZERO);
            let heard = house.hears_now(self.party);
            let name = &house.parties[self.party].name;
            if heard.ends_with("hears nothing") {
                return Ok(());
            }
            Err(house.failure(&format!("{name} to hear nothing"), heard))
        })?;
        Ok(self.clone())
    }

    /// It does not hear somebody who is in the same room, or anywhere; and it has not begun to hear a prompt since what it was last
    /// expected to hear.
    pub fn does_not_hear(&self, other: &str) -> Met {
        self.stage.within(|house| {
            house.pass(Duration::ZERO);
            let them = &house.parties[self.party];
            let is_prompt = |heard: &Heard| matches!(heard, Heard::Prompt(prompt) if prompt == other);
            if them.sounds[them.taken..].iter().any(is_prompt) {
                let was = format!("{} has heard it; {}", them.name, house.hears_now(self.party));
                return Err(house.failure(&format!("{} not to hear {other}", them.name), was));
            }
            let named = house.names.get(other).copied();
            let heard =
                |other| house.voice_at(self.party) == Some(other) || house.heard_in_room(self.party).contains(&other);
            if named.is_some_and(heard) {
                let name = &house.parties[self.party].name;
                return Err(house.failure(&format!("{name} not to hear {other}"), house.hears_now(self.party)));
            }
            Ok(())
        })?;
        Ok(self.clone())
    }

    /// It is answered, or has answered.
    pub fn is_answered(&self) -> Met {
        self.meets("to be answered", |house, party| house.parties[party].fate == Fate::Up)
    }

    /// It rings, or hears that it rings.
    pub fn is_ringing(&self) -> Met {
        self.meets("to ring", |house, party| matches!(house.parties[party].fate, Fate::Rings | Fate::Waits))
    }

    /// Its call is refused with this status of SIP.
    pub fn is_rejected(&self, status: u16) -> Met {
        let expected = format!("to be refused with {status}");
        self.meets(&expected, |house, party| house.parties[party].fate == Fate::Refused(status))
    }

    /// Its call has ended: somebody hung up, or it was refused.
    pub fn is_hung_up(&self) -> Met {
        self.meets("to be hung up", |house, party| house.parties[party].fate.is_over())
    }

    /// It and this one hear each other.
    pub fn talks_to(&self, other: &str) -> Met {
        self.meets(&format!("to talk to {other}"), |house, party| {
            let Some(&other) = house.names.get(other) else { return false };
            let hears = |one: PartyId, other: PartyId| {
                house.voice_at(one) == Some(other) || house.heard_in_room(one).contains(&other)
            };
            hears(party, other) && hears(other, party)
        })
    }

    /// It was told of the transfer that it asked for: a status of SIP.
    pub fn is_told_of_transfer(&self, status: u16) -> Met {
        let expected = format!("to hear of its transfer: {status}");
        self.meets(&expected, |house, party| house.parties[party].transfer == Some(status))
    }

    /// It got this text.
    pub fn reads(&self, text: &str) -> Met {
        self.meets(&format!("to read {text}"), |house, party| house.parties[party].texts.iter().any(|got| got == text))
    }

    /// The record of the last call that it began: waits until that is over.
    pub fn record(&self) -> Result<Closed, Failure> {
        let last = self.stage.within(|house| house.parties[self.party].calls.last().copied());
        self.stage.record_of(last.unwrap_or(0))
    }

    fn meets(&self, expected: &str, is_so: impl Fn(&mut House, PartyId) -> bool) -> Met {
        self.meets_within(expected, limits::PATIENCE, is_so)
    }

    fn meets_within(&self, expected: &str, patience: Duration, is_so: impl Fn(&mut House, PartyId) -> bool) -> Met {
        let party = self.party;
        let met = self.stage.within(|house| {
            // Who has no call any more, and has called, meets nothing new.
            let met = house.wait_for(patience, |house| {
                let them = &house.parties[party];
                let over = them.fate.is_over() && !them.calls.is_empty() && them.leg().is_none();
                match (is_so(house, party), over) {
                    (true, _) => Some(true),
                    (false, true) => Some(false),
                    (false, false) => None,
                }
            });
            if met == Some(true) {
                return house.rests();
            }
            let them = &house.parties[party];
            let was = if them.fate == Fate::Up || (them.fate.is_over() && them.leg().is_some()) {
                house.hears_now(party)
            } else {
                format!("{} {}", them.name, them.fate.in_words())
            };
            Err(house.failure(&format!("{} {expected}", them.name), was))
        });
        met.map(|()| self.clone())
    }
}

impl House {
    fn end(&self, party: PartyId) -> Option<(u64, &super::talk::End)> {
        let (number, leg) = self.parties[party].leg()?;
        Some((number, self.calls.get(&number)?.ends.get(&leg)?))
    }

    fn plays(&self, party: PartyId) -> Option<&super::port::Playing> {
        self.end(party)?.1.port.playing.as_ref()
    }

    /// Whose voice a party hears.
    fn voice_at(&self, party: PartyId) -> Option<PartyId> {
        let (number, end) = self.end(party)?;
        match end.port.audible() {
            Audible::Other(leg) => self.calls.get(&number)?.party_of(leg),
            _ => None,
        }
    }

    /// What a party hears now, in words.
    fn hears_now(&self, party: PartyId) -> String {
        let name = &self.parties[party].name;
        let heard = match self.end(party).map(|(_, end)| end.port.audible()) {
            Some(Audible::Prompt(_, prompt)) => prompt,
            Some(Audible::Itself) => "itself".into(),
            Some(Audible::Other(_)) => {
                self.voice_at(party).map_or_else(|| "somebody".into(), |other| self.parties[other].name.clone())
            }
            Some(Audible::Nothing) | None => match self.heard_in_room(party) {
                others if others.is_empty() => "nothing".into(),
                others => others.iter().map(|other| self.parties[*other].name.as_str()).collect::<Vec<_>>().join(", "),
            },
        };
        format!("{name} hears {heard}")
    }

    /// A party speaks, or falls silent.
    fn speaks(&mut self, party: PartyId, speaks: bool) {
        self.parties[party].speaks = speaks;
        self.room_speaks(party, speaks);
        for (number, _) in self.parties[party].legs.clone() {
            self.with(number, |talk, house| talk.party_speaks(party, speaks, house));
        }
    }
}
