//! One simulated call in its turn: what it wants is done, what follows is told it, until it wants nothing.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use patchcord_engine::call::event::Serving;
use patchcord_engine::call::{Call, Effect, Event, LegId, LineOrder, Verb};
use patchcord_engine::errand::{Brought, Errand};
use patchcord_engine::exchange::{Sorry, spoken};
use patchcord_engine::originate::Lineage;
use patchcord_engine::program::{End as StoryEnd, Program, Step, VerbId, Wake};

use super::agenda::Slot;
use super::house::{Deed, Due, House, Stream};
use super::party::PartyId;
use super::port::Port;
use super::records::Chronicle;

/// See the module.
pub(super) struct Talk {
    pub number: u64,
    /// The service that tells it now, and the one that it began with.
    pub service: String,
    pub first_service: String,
    /// The number that was called.
    pub called: String,
    pub call: Call,
    pub program: Box<dyn Program>,
    pub ends: BTreeMap<LegId, End>,
    /// Whose the last legs were that have gone, and whether they were answered: a story may still ask who that was.
    pub parted: VecDeque<(LegId, PartyId, bool)>,
    pub chronicle: Chronicle,
    pub due: Option<Slot>,
    /// What its service is told, where the house began it; and as whom the house called then.
    pub vars: String,
    pub originated: Option<String>,
    /// Where it stands among calls that begin each other.
    pub lineage: Lineage,
    /// Who was called and is the caller now, because it was passed on to a service.
    pub passed_on: Option<String>,
    /// What it has answered, or why it did not, where it was asked something outside of any call.
    pub answer: Option<Result<String, String>>,
    over: bool,
}

/// The end of a leg: whose it is, how far its line is, and what is heard on it.
#[derive(Debug)]
pub(super) struct End {
    pub party: PartyId,
    pub stage: Stage,
    pub port: Port,
}

/// How far a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The party has called, and was not answered.
    Calls,
    /// The party is called, and has not answered.
    Called,
    Up,
    /// Its end is on its way to the call.
    Over,
}

/// The program of a service, or one that says that there is none.
pub(super) fn program_of(service: &str, house: &House) -> Box<dyn Program> {
    let missing = || Box::new(Sorry::because(&format!("there is no service {service}"))) as _;
    house.services.find(service).map_or_else(missing, |served| served.program)
}

impl Talk {
    pub fn new(number: u64, service: String, called: &str, call: Call, chronicle: Chronicle, house: &House) -> Self {
        Self {
            number,
            program: program_of(&service, house),
            first_service: service.clone(),
            service,
            called: called.to_owned(),
            call,
            ends: BTreeMap::new(),
            parted: VecDeque::new(),
            chronicle,
            due: None,
            vars: String::new(),
            originated: None,
            lineage: Lineage::default(),
            passed_on: None,
            answer: None,
            over: false,
        }
    }

    pub fn is_over(&self) -> bool {
        self.over
    }

    pub fn party_of(&self, leg: LegId) -> Option<PartyId> {
        self.ends.get(&leg).map(|end| end.party)
    }

    /// Does what the call wants, until it wants nothing or nobody waits for it any more.
    pub fn settle(&mut self, house: &mut House) {
        while !house.stop.is_said()
            && let Some(effect) = self.call.poll()
        {
            if self.over {
                house.broken.insert(format!("call {} says {effect:?} after it was over", self.number));
            }
            self.effect(effect, house);
        }
    }

    fn effect(&mut self, effect: Effect, house: &mut House) {
        match effect {
            Effect::Resume(wake) => self.resume(wake, house),
            Effect::Line(leg, LineOrder::Invite(invitation)) => self.invite(leg, &invitation, house),
            Effect::Line(leg, order) => self.obey(leg, order, house),
            Effect::Sound(leg, order) => self.sound(leg, order, house),
            Effect::Locate { verb, target, address, .. } => {
                let found = house.locate(&address);
                self.call.hear(Event::Located(verb, target, found), house.now);
            }
            Effect::Take { call, leg, as_leg } => {
                house.post(call, Event::Give { leg, call: self.number, as_leg });
            }
            Effect::Meet { call, leg, room, comes } => house.post(call, Event::Meet { leg, room, comes }),
            Effect::Give { leg, call, as_leg } => self.give(leg, call, as_leg, house),
            Effect::Apologise(why) => self.program = Box::new(Sorry::after(&*self.program, &why)),
            Effect::Serve(Serving { service, called }, leg) => {
                self.program = program_of(&service, house);
                self.service = service;
                self.note_served(house.elapsed());
                self.called = called.unwrap_or_else(|| std::mem::take(&mut self.called));
                if leg != LegId::FIRST && self.originated.is_none() {
                    self.passed_on = self.party_of(leg).map(|party| house.parties[party].name.clone());
                }
            }
            Effect::Errand(verb, errand) => self.errand(verb, *errand, house),
            Effect::Room(leg, asked) => self.room_asked(leg, asked, house),
            Effect::Discard(file) => {
                let service = self.service.clone();
                house.tell(&service, format!("throws {file} away"), None);
            }
            Effect::Note(note) => self.note(note, house),
            Effect::Over => self.over = true,
        }
    }

    fn resume(&mut self, wake: Wake, house: &mut House) {
        house.points.leave(self.number, house.now);
        let program = &mut self.program;
        // A bug in a program ends its call and no other, as in the real house.
        let step = catch_unwind(AssertUnwindSafe(|| program.resume(wake)));
        let step = step.unwrap_or_else(|_| Step::Finished(StoryEnd::Fault("the service broke".into())));
        if let Step::Wants(_, verb) = &step
            && suspends(verb)
        {
            let (name, ..) = spoken(verb);
            if let Some(plan) = house.points.meet(self.number, name, self.program.place(), house.now)
                && let Some(caller) = self.party_of(self.call.first())
            {
                let due = Due::Does(caller, (self.number, self.call.first()), Deed::HangsUp);
                let at = house.now + plan.after;
                if plan.first {
                    house.agenda.put_first(at, Stream::Party(caller), due);
                } else {
                    house.agenda.put(at, Stream::Party(caller), due);
                }
            }
        }
        self.call.hear(Event::Program(step), house.now);
    }

    fn errand(&mut self, verb: VerbId, errand: Errand, house: &mut House) {
        let brought = match errand {
            Errand::Reply(answer) => {
                self.answer = Some(Ok(answer));
                Brought::Answer(Ok("null".into()))
            }
            Errand::Merge(leg) => Brought::Answer(self.merge(leg, house)),
            Errand::Originate(wanted) => Brought::Begun(self.begin(&wanted, house)),
            Errand::Facts(leg) => Brought::Facts(self.facts(leg, house).map(Box::new)),
            Errand::Moment => Brought::Moment { wall: house.wall_now(), seed: house.chance.number() },
            Errand::Room(name, errand) => {
                let number = self.number;
                house.room_errand(&name, errand, (number, &self.service))
            }
            Errand::Outside(outside) => {
                let wall = house.wall_now();
                let (after, answer) = match (house.refuses(&outside), outside.noun.as_str()) {
                    (Some(why), _) => (Duration::ZERO, Err(why)),
                    (None, "registrar") => (Duration::ZERO, Ok(house.registrations(&outside.ask))),
                    (None, "route") => (Duration::ZERO, Ok(house.leads(&outside.ask))),
                    (None, _) => house.double.answer(&outside, wall),
                };
                let what = format!("{} {}", outside.noun, shortened(&outside.ask));
                house.tell(&self.service, what, self.program.place());
                let due = Due::Brought(self.number, verb, Box::new(Brought::Answer(answer)));
                house.put(house.now + after, Stream::Errand(self.number, verb), due);
                return;
            }
        };
        self.brought(verb, Box::new(brought), house);
    }

    pub fn brought(&mut self, verb: VerbId, brought: Box<Brought>, house: &House) {
        self.call.hear(Event::Brought(verb, brought), house.now);
    }

    /// The call is over: its record is closed, and nothing of it may be left.
    pub fn close(mut self: Box<Self>, house: &mut House) {
        let number = self.number;
        for (leg, end) in std::mem::take(&mut self.ends) {
            let what = end.port.runs().unwrap_or_else(|| "is still there".into());
            house.broken.insert(format!("call {number} is over, and its leg {} {what}", leg.0));
        }
        if !self.call.owns().is_empty() || self.call.deadline().is_some() {
            house.broken.insert(format!("call {number} is over and owns {:?}", self.call.owns()));
        }
        let answer = self.answer.take();
        let mut closed = self.chronicle.close(number, self.first_service, house.elapsed());
        closed.answer = answer;
        house.closed.push(closed);
    }
}

/// Whether a story waits for this verb, rather than being answered in the same breath.
fn suspends(verb: &Verb) -> bool {
    match verb {
        Verb::Errand(errand) => matches!(**errand, Errand::Outside(_)),
        Verb::Answer(_)
        | Verb::Play(..)
        | Verb::Gather(..)
        | Verb::Record(..)
        | Verb::Dial(..)
        | Verb::CallOut(_)
        | Verb::Bridge(..)
        | Verb::Echo(_)
        | Verb::Join(..)
        | Verb::Transfer(..)
        | Verb::Refer(..)
        | Verb::SendKeys(..)
        | Verb::Sleep(_) => true,
        _ => false,
    }
}

/// As much of what was asked as fits a line.
fn shortened(ask: &str) -> &str {
    &ask[..ask.floor_char_boundary(120)]
}
