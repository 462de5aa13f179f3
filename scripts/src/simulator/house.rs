//! The simulated house: a clock that jumps, the calls, the phones, and what is due when.
//!
//! It does what an exchange does for its calls, with no line and no port. Nothing takes time but what says how much: prompts,
//! keys, rings, answers from outside. Everything that happens goes through one agenda, so that whoever wants to can try other
//! orders of what happens at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use patchcord_engine::call::effect::SoundTag;
use patchcord_engine::call::{Event, LegEvent, LegId};
use patchcord_engine::errand::Brought;
use patchcord_engine::exchange::Services;
use patchcord_engine::program::VerbId;
use patchcord_engine::room::RoomKey;

use super::agenda::{Agenda, Chance, Slot};
use super::double::Double;
use super::lengths::Lengths;
use super::party::{Fate, Manner, Party, PartyId};
use super::points::Points;
use super::records::Closed;
use super::rooms::Rooms;
use super::stop::Stop;
use super::tale::{Line, Tale};
use super::talk::{End, Talk};
use super::{clock, limits};

/// What keeps its own order whatever else happens at the same instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stream {
    Party(PartyId),
    Line(u64, LegId),
    Port(u64, LegId),
    Call(u64),
    Errand(u64, VerbId),
    Rooms,
}

/// What is due.
#[derive(Debug)]
pub(super) enum Due {
    /// A line or a port tells its call this.
    Tell(u64, LegId, LegEvent),
    /// A call wanted to be woken.
    Wake(u64),
    /// A prompt comes to its end.
    PlayedOut(u64, LegId, SoundTag),
    /// A recording may have become silent, or long enough.
    Listen(u64, LegId, SoundTag),
    /// A party does something on a leg.
    Does(PartyId, (u64, LegId), Deed),
    /// An announcement in a room is over; or a room wanted to be woken.
    Announced(RoomKey, u64),
    WakeRooms,
    /// The world has answered.
    Brought(u64, VerbId, Box<Brought>),
}

/// What a party does with its telephone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Rings,
    Answers,
    Rejects(u16),
    Presses(char, patchcord_media::dtmf::Via),
    LetsGo(char, patchcord_media::dtmf::Via),
    HangsUp,
}

/// See the module.
pub(super) struct House {
    pub now: Instant,
    pub origin: Instant,
    /// The time of day at the origin, since 1970.
    pub wall: Duration,
    pub agenda: Agenda<Stream, Due>,
    pub calls: BTreeMap<u64, Box<Talk>>,
    pub begun: u64,
    pub parties: Vec<Party>,
    pub names: BTreeMap<String, PartyId>,
    /// Who rings together, and which service answers which number.
    pub groups: BTreeMap<String, Vec<String>>,
    pub routes: BTreeMap<String, String>,
    /// The service that answers what no route names.
    pub service: Option<String>,
    pub services: Box<dyn Services>,
    pub lengths: Lengths,
    pub double: Double,
    pub chance: Chance,
    pub closed: Vec<Closed>,
    /// How many faults of them are meant to be.
    pub forgiven: usize,
    pub tale: Tale,
    pub points: Points,
    /// What may not be, and was.
    pub broken: BTreeSet<String>,
    /// What calls want of each other, and legs on their way from one to another. Empty between two turns.
    posted: VecDeque<(u64, Event)>,
    pub moving: BTreeMap<(u64, LegId), End>,
    pub rooms: Rooms,
    /// Whether somebody outside has had enough.
    pub stop: Stop,
    /// How much has happened since the clock moved.
    at_once: u32,
}

impl House {
    pub fn new(services: Box<dyn Services>, seed: u64, orders: Option<u64>, lengths: Lengths) -> Self {
        let now = clock::origin();
        Self {
            now,
            origin: now,
            wall: super::MONDAY_MORNING,
            agenda: Agenda::new(orders.map(Chance::new)),
            calls: BTreeMap::new(),
            begun: 0,
            parties: Vec::new(),
            names: BTreeMap::new(),
            groups: BTreeMap::new(),
            routes: BTreeMap::new(),
            service: None,
            services,
            lengths,
            double: Double::default(),
            chance: Chance::new(seed),
            closed: Vec::new(),
            forgiven: 0,
            tale: Tale::default(),
            points: Points::default(),
            broken: BTreeSet::new(),
            posted: VecDeque::new(),
            moving: BTreeMap::new(),
            rooms: Rooms::default(),
            stop: Stop::default(),
            at_once: 0,
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.now.saturating_duration_since(self.origin)
    }

    pub fn wall_now(&self) -> Duration {
        self.wall + self.elapsed()
    }

    /// The day, as recordings are kept by it.
    pub fn day(&self) -> String {
        let seconds = i64::try_from(self.wall_now().as_secs()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).strftime("%Y-%m-%d").to_string()
    }

    pub fn tell(&mut self, who: &str, what: impl Into<String>, place: Option<String>) {
        let at = self.elapsed();
        self.tale.tell(Line { at, who: who.to_owned(), what: what.into(), place });
    }

    pub fn tell_of(&mut self, party: PartyId, what: impl Into<String>) {
        let who = self.parties[party].name.clone();
        self.tell(&who, what, None);
    }

    /// The party of that name; there is one from now on.
    pub fn party(&mut self, name: &str) -> PartyId {
        if let Some(&known) = self.names.get(name) {
            return known;
        }
        self.parties.push(Party::new(name, Manner::Rings));
        self.names.insert(name.to_owned(), self.parties.len() - 1);
        self.parties.len() - 1
    }

    /// Lets a call act, and then do all that follows from it, here and in other calls.
    pub fn with(&mut self, number: u64, act: impl FnOnce(&mut Talk, &mut Self)) {
        self.turn_of(number, act);
        self.deliver();
    }

    /// Tells calls what others want of them, until nobody wants anything.
    pub fn deliver(&mut self) {
        while let Some((number, event)) = self.posted.pop_front() {
            if !self.calls.contains_key(&number) {
                self.nobody_there(number, event);
                continue;
            }
            self.turn_of(number, |talk, house| {
                if let Event::Taken(leg, true) = &event
                    && let Some(end) = house.moving.remove(&(number, *leg))
                {
                    talk.ends.insert(*leg, end);
                }
                talk.call.hear(event, house.now);
            });
        }
    }

    /// A call wants something of another one.
    pub fn post(&mut self, call: u64, event: Event) {
        self.posted.push_back((call, event));
    }

    /// The call that something was wanted of is over.
    fn nobody_there(&mut self, number: u64, event: Event) {
        match event {
            Event::Give { call, as_leg, .. } => self.post(call, Event::Taken(as_leg, false)),
            Event::Taken(leg, _) => {
                if let Some(end) = self.moving.remove(&(number, leg)) {
                    self.parties[end.party].legs.retain(|place| *place != (number, leg));
                    self.parties[end.party].fate = Fate::Over("the house");
                }
            }
            _ => {}
        }
    }

    fn turn_of(&mut self, number: u64, act: impl FnOnce(&mut Talk, &mut Self)) {
        let Some(mut talk) = self.calls.remove(&number) else { return };
        talk.due.take().into_iter().for_each(|slot| self.agenda.strike(slot));
        act(&mut talk, self);
        talk.settle(self);
        if self.stop.is_said() {
            // It is in the midst of something, and nobody waits for its end.
            return;
        }
        if talk.is_over() {
            return talk.close(self);
        }
        talk.due = talk.call.deadline().map(|at| self.put(at, Stream::Call(number), Due::Wake(number)));
        self.calls.insert(number, talk);
    }

    pub fn put(&mut self, at: Instant, stream: Stream, due: Due) -> Slot {
        self.agenda.put(at.max(self.now), stream, due)
    }

    /// A line tells its call something, as soon as others have had their turn.
    pub fn line_tells(&mut self, number: u64, leg: LegId, event: LegEvent) {
        self.put(self.now, Stream::Line(number, leg), Due::Tell(number, leg, event));
    }

    /// The same of a port.
    pub fn port_tells(&mut self, number: u64, leg: LegId, event: LegEvent) {
        self.put(self.now, Stream::Port(number, leg), Due::Tell(number, leg, event));
    }

    /// A party does something after a while.
    pub fn does(&mut self, party: PartyId, place: (u64, LegId), after: Duration, deed: Deed) {
        self.put(self.now + after, Stream::Party(party), Due::Does(party, place, deed));
    }

    /// Does what is due next, if that is not later than this; whether there was something.
    pub fn step(&mut self, until: Instant) -> bool {
        if let Some(why) = self.stop.why() {
            self.stop_everything(why);
        }
        if self.begun >= limits::STORIES {
            self.stop_everything(format!("{} calls have begun in one test, which is the limit", limits::STORIES));
        }
        if self.parties.len() >= limits::PARTIES {
            self.stop_everything(format!("{} phones have a part in one test, which is the limit", limits::PARTIES));
        }
        let Some((at, due)) = self.agenda.take(until) else { return false };
        if at > self.now {
            self.now = at;
            self.at_once = 0;
        }
        self.at_once += 1;
        if self.at_once > limits::AT_ONCE {
            self.stop_everything(format!(
                "nothing comes to rest: {} things happened within one instant",
                limits::AT_ONCE
            ));
            return false;
        }
        match due {
            Due::Tell(number, leg, event) => self.told(number, leg, event),
            Due::Wake(number) => self.with(number, |talk, house| {
                talk.due = None;
                talk.call.wake(house.now);
            }),
            Due::PlayedOut(number, leg, tag) => self.with(number, |talk, house| talk.played_out(leg, tag, house)),
            Due::Listen(number, leg, tag) => self.with(number, |talk, house| talk.listen(leg, tag, house)),
            Due::Does(party, place, deed) => self.deed(party, place, &deed),
            Due::Announced(room, tag) => self.room_announced(room, tag),
            Due::WakeRooms => self.wake_rooms(),
            Due::Brought(number, verb, brought) => {
                self.with(number, |talk, house| talk.brought(verb, brought, house));
            }
        }
        true
    }

    fn told(&mut self, number: u64, leg: LegId, event: LegEvent) {
        self.with(number, |talk, house| {
            if matches!(event, LegEvent::Ended(_) | LegEvent::Refused(_)) {
                talk.leave(leg, house);
            }
            talk.call.hear(Event::Leg(leg, event), house.now);
        });
    }

    /// Scripts that never let the clock move are stopped, all of them; so are those of a test that takes too long.
    fn stop_everything(&mut self, why: String) {
        self.broken.insert(why);
        self.at_once = 0;
        self.agenda = Agenda::new(None);
        self.calls.clear();
    }
}
