//! What a call is: a pure machine.
//!
//! A [`Call`] owns its legs, the verbs under way on them and what they were joined into. It hears [`Event`]s, is told
//! [`Verb`]s by its program's steps, and says [`Effect`]s; there is no fourth way in or out. It knows no SIP text, no sockets,
//! no sound and no clock: instants are handed in, so each ordering of what may happen at once can be tried.
//!
//! ```text
//!   line, sound, routing ──Event──▶ ┌──────┐ ──Effect::Line──▶ the leg's signalling
//!             program ──Step/Verb──▶ │ Call │ ──Effect::Sound─▶ the leg's port
//!               time ──wake(now)──▶ └──────┘ ──Effect::Resume▶ the program
//! ```
//!
//! Whoever owns a call hears for it, polls until there is nothing more, and wakes it at its deadline.
//!
//! | file | what it knows |
//! |---|---|
//! | `verb`, `event`, `effect` | what a call can be told, what it hears, what it wants done |
//! | `turn`, `obey` | the program's turns, and what its verbs begin |
//! | `leg`, `heard` | a leg's stages, and what happens to it |
//! | `play`, `gather`, `keys`, `record`, `notice` | what is said to a party, what it says with keys and voice, and that it is recorded |
//! | `dial`, `bridge`, `transfer` | who is called, who hears whom, who is passed on |
//! | `join`, `meeting` | a leg in a conference room, and legs that go on in one because a party wants it |
//! | `scope` | how verbs, legs and the call end |
//! | `work`, `limits`, `owns`, `table` | the verbs under way, the bounds, who holds what, and in what |

mod bounds;
mod bridge;
pub mod cause;
mod dial;
pub mod effect;
pub mod event;
#[cfg(test)]
mod explorer;
mod gather;
mod heard;
mod join;
mod keys;
mod leg;
pub mod limits;
mod meeting;
pub mod notice;
mod obey;
mod owns;
mod play;
mod record;
mod scope;
#[cfg(test)]
mod state;
mod table;
mod transfer;
mod turn;
pub mod verb;
mod work;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

pub use bounds::Bounds;
pub use effect::{Effect, LineOrder, SoundOrder};
pub use event::{Ending, Event, Happening, LegEvent, Who};
pub use transfer::NotPassed;
pub use verb::{Outcome, Status, Verb};

use crate::occasion::Occasion;
use crate::program::{VerbId, Wake};
use dial::Behalf;
use effect::Note;
use leg::Leg;
use scope::Story;
use table::Table;
use transfer::{Passing, Taking};
use turn::Turn;
use verb::{Dial, Handle};
use work::{Back, Work};

/// A leg of one call. The first is the caller's; a number is never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId(pub u32);

impl LegId {
    /// The leg of the party that called us. Where the call was originated, the first that was tried.
    pub const FIRST: Self = Self(0);
}

/// How a call comes about, and what the house does where its program says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The number of the call, by which [`ReferWish`](event::ReferWish) names it.
    pub call: u64,
    /// Who began.
    pub origin: Origin,
    /// What a party hears that was put on hold.
    pub music: Option<String>,
    /// What a party hears that is recorded; none where the house announces no recordings.
    pub announce: Option<Arc<str>>,
    /// Whether a party may transfer the other one where the program does not decide.
    pub transfers: bool,
    /// How much it may have.
    pub bounds: Bounds,
}

/// Who began a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A party called us: its leg is [`LegId::FIRST`].
    Called,
    /// We call somebody. The program begins when it has answered; if nobody does, the call is over without it.
    Originated(Box<Dial>),
    /// Nobody: the program is asked something, and there is no leg.
    Occasion(Box<Occasion>),
}

/// One call: its legs, its verbs under way, its story.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    caller: Caller,
    /// The leg with which the program began.
    first: LegId,
    legs: Table<LegId, Leg>,
    next_leg: u32,
    works: Table<VerbId, Work>,
    /// What the house dials without having been asked, counted.
    next_house: u64,
    /// Transfers under way, by the house's call of their target.
    passings: Table<VerbId, Passing>,
    /// Legs that other calls were asked for, by the number that they get.
    takings: Table<LegId, Taking>,
    backs: Table<Handle, Back>,
    next_handle: u32,
    /// How often another service has gone on with it.
    handed_on: u32,
    turn: Turn,
    story: Story,
    effects: VecDeque<Effect>,
}

impl Call {
    /// A call that comes about now.
    pub fn begin(caller: Caller, now: Instant) -> Self {
        let mut call = Self {
            first: LegId::FIRST,
            legs: Table::new(),
            next_leg: 0,
            works: Table::new(),
            next_house: 0,
            passings: Table::new(),
            takings: Table::new(),
            backs: Table::new(),
            next_handle: 0,
            handed_on: 0,
            turn: Turn::default(),
            story: Story::Told { legless: None },
            effects: VecDeque::new(),
            caller,
        };
        match call.caller.origin.clone() {
            Origin::Called => {
                let first = call.add_leg(Leg::of_caller());
                call.note(Note::LegBegan(first, None, None));
                call.tell(Wake::Begin(first));
            }
            Origin::Originated(dial) => {
                call.story = Story::Unbegun;
                let verb = call.house_verb();
                call.note(Note::Verb(verb, Verb::CallOut(dial.clone())));
                call.begin_dial(verb, Behalf::of(None), dial, now);
            }
            Origin::Occasion(occasion) => {
                call.note(Note::Occasion(occasion.clone()));
                call.tell(Wake::Occasion(occasion));
            }
        }
        call.settle(now);
        call
    }

    /// What has happened, without the keys of a secret.
    fn as_noted(&self, event: &Event) -> Note {
        match event {
            Event::Leg(leg, LegEvent::Key(press)) if self.here(*leg).is_some_and(|leg| leg.secret) => {
                Note::SecretKey(*leg, *press)
            }
            Event::Leg(leg, LegEvent::Key(press)) if self.is_unasked(*leg) => Note::EarlyKey(*leg, *press),
            event => Note::Heard(Box::new(event.clone())),
        }
    }

    /// Hears what has happened.
    pub fn hear(&mut self, event: Event, now: Instant) {
        if self.is_over() {
            return;
        }
        match event {
            Event::Program(step) => self.hear_step(step, now),
            event => {
                self.note(self.as_noted(&event));
                match event {
                    Event::Leg(leg, event) => self.hear_leg(leg, event, now),
                    Event::Located(verb, target, found) => self.located(verb, target, found, now),
                    Event::PassOn(leg, to) => self.pass_on(leg, to, now),
                    Event::End(ending) => self.end_from_outside(&ending, now),
                    Event::Replace { leg, of } => self.replace(leg, of, now),
                    Event::JoinIn { leg, of, room } => self.join_in(leg, of, room, now),
                    Event::Meet { leg, room, comes } => self.meet(leg, &room, comes, now),
                    Event::Give { leg, call, as_leg } => self.give(leg, call, as_leg, now),
                    Event::Brought(verb, brought) => self.brought(verb, brought, now),
                    Event::Taken(leg, came) => self.taken(leg, came, now),
                    Event::Room(leg, told) => self.room_told(leg, told, now),
                    Event::Program(_) => {}
                }
            }
        }
        self.settle(now);
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Instant) {
        if self.is_over() {
            return;
        }
        self.turn.breathe_out(now);
        let due: Vec<VerbId> =
            self.works.iter().filter(|(_, work)| is_due(work.deadline(), now)).map(|w| *w.0).collect();
        for verb in due {
            self.wake_work(verb, now);
        }
        self.wake_takings(now);
        self.wake_backs(now);
        self.wake_legs(now);
        self.wake_story(now);
        self.settle(now);
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<Instant> {
        let works = self.works.values().filter_map(Work::deadline);
        let legs = self.legs.values().filter_map(Leg::deadline);
        let takings = self.takings.values().map(Taking::deadline);
        let backs = self.backs.values().filter_map(Back::deadline);
        works.chain(legs).chain(takings).chain(backs).chain(self.turn.deadline()).chain(self.story.deadline()).min()
    }

    /// What it wants done next. What waits here follows from one event, and so is bounded by legs and verbs, if its owner polls
    /// after each.
    pub fn poll(&mut self) -> Option<Effect> {
        let effect = self.effects.pop_front();
        if effect.is_none() {
            // A call that only waits keeps no room for what it may say one day.
            self.effects = VecDeque::new();
        }
        effect
    }

    /// Whether we have called somebody, and nobody has answered whose story could be told.
    pub fn is_unbegun(&self) -> bool {
        self.story == Story::Unbegun
    }

    /// The leg with which its story began.
    pub fn first(&self) -> LegId {
        self.first
    }

    /// How much it may have.
    pub fn bounds(&self) -> Bounds {
        self.caller.bounds
    }

    /// Whether it has said [`Effect::Over`], or will when polled.
    pub fn is_over(&self) -> bool {
        self.story == Story::Over
    }

    /// Keeps nothing of what it was, when it is over: nobody asks it anything any more.
    pub fn put_away(&mut self) {
        if self.is_over() {
            (self.legs, self.works, self.passings) = (Table::new(), Table::new(), Table::new());
            (self.takings, self.backs) = (Table::new(), Table::new());
            self.turn = Turn::default();
        }
    }

    fn say(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    fn note(&mut self, note: Note) {
        self.say(Effect::Note(note));
    }

    fn line(&mut self, leg: LegId, order: LineOrder) {
        self.say(Effect::Line(leg, order));
    }

    fn sound(&mut self, leg: LegId, order: SoundOrder) {
        self.say(Effect::Sound(leg, order));
    }

    fn house_verb(&mut self) -> VerbId {
        self.next_house += 1;
        VerbId(VerbId::HOUSE | self.next_house)
    }
}

fn is_due(at: Option<Instant>, now: Instant) -> bool {
    at.is_some_and(|at| at <= now)
}
