//! A call on a bench: its program says what the test says, and all that the call wants is kept to be looked at.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcord_media::dtmf::{Key, Press, Via};
use patchcord_media::shard::Played;

use crate::call::effect::{Note, SoundTag, Through, Way};
use crate::call::event::Refused;
use crate::call::*;
use crate::program::{End, Step, VerbId, Wake};

pub(in crate::call) const SECOND: Duration = Duration::from_secs(1);
pub(in crate::call) const CALLER: LegId = LegId::FIRST;

/// A call, the time, and what was said so far.
pub(super) struct Told {
    pub call: Call,
    pub now: Instant,
    next_verb: u64,
    /// Whether the program was resumed and owes a step.
    asked: bool,
    /// Orders to lines and ports, as they were said.
    pub orders: VecDeque<Effect>,
    pub notes: Vec<Note>,
    pub heard: Vec<Happening>,
    pub results: BTreeMap<VerbId, Outcome>,
    pub wakes: Vec<Wake>,
    pub over: u32,
    /// What a side handler wants when it is woken next, as [`Told::SIDE`] and on.
    pub side: Option<Verb>,
    sides: u64,
}

impl Told {
    /// The number of the first thing that a side handler wants.
    pub const SIDE: VerbId = VerbId(1 << 32);

    /// Somebody calls us.
    pub fn called() -> Self {
        Self::by(Origin::Called)
    }

    pub fn by(origin: Origin) -> Self {
        Self::of(origin, None)
    }

    /// Somebody calls a house that announces recordings by this prompt.
    pub fn announcing(prompt: &str) -> Self {
        Self::of(Origin::Called, Some(prompt.into()))
    }

    /// Somebody calls a house that lets a call have so much.
    pub fn bounded(bounds: Bounds) -> Self {
        Self::within(Origin::Called, None, bounds)
    }

    fn of(origin: Origin, announce: Option<Arc<str>>) -> Self {
        Self::within(origin, announce, Bounds::default())
    }

    fn within(origin: Origin, announce: Option<Arc<str>>, bounds: Bounds) -> Self {
        let now = clock();
        let caller = Caller { call: 7, origin, music: Some("music".into()), announce, transfers: true, bounds };
        let call = Call::begin(caller, now);
        let mut told = Self {
            call,
            now,
            next_verb: 0,
            asked: false,
            orders: VecDeque::new(),
            notes: Vec::new(),
            heard: Vec::new(),
            results: BTreeMap::new(),
            wakes: Vec::new(),
            over: 0,
            side: None,
            sides: 0,
        };
        told.take();
        told
    }

    /// Somebody calls us and is answered.
    pub fn answered() -> Self {
        let mut told = Self::called();
        let answer = told.wants(Verb::Answer(CALLER));
        told.leg(CALLER, LegEvent::Answered);
        assert_eq!(told.result(answer), Outcome::Plain(Status::Ok));
        told.orders.clear();
        told
    }

    fn take(&mut self) {
        while let Some(effect) = self.call.poll() {
            assert_eq!(self.over, 0, "{effect:?} after the call was over");
            match effect {
                Effect::Note(note) => self.notes.push(note),
                Effect::Over => self.over += 1,
                Effect::Resume(wake) => {
                    assert!(!std::mem::replace(&mut self.asked, true), "resumed before it had answered");
                    self.wakes.push(wake.clone());
                    match wake {
                        Wake::Result(id, outcome) => assert_eq!(self.results.insert(id, outcome), None),
                        Wake::Heard(happening) => {
                            self.heard.push(happening);
                            let side = self.side.take().map(|verb| {
                                self.sides += 1;
                                Step::Wants(VerbId(Self::SIDE.0 + self.sides - 1), verb)
                            });
                            self.step(side.unwrap_or(Step::Waits));
                        }
                        Wake::Begin(_) | Wake::Occasion(_) | Wake::Breathed { .. } | Wake::Gone => {}
                    }
                }
                order => self.orders.push_back(order),
            }
        }
    }

    /// The program answers what it was resumed for.
    pub fn step(&mut self, step: Step) {
        assert!(std::mem::take(&mut self.asked), "nobody asked the program");
        self.call.hear(Event::Program(step), self.now);
        self.take();
    }

    pub fn wants(&mut self, verb: Verb) -> VerbId {
        self.next_verb += 1;
        let id = VerbId(self.next_verb);
        self.step(Step::Wants(id, verb));
        id
    }

    /// A side handler, woken for this, wants something.
    pub fn asks(&mut self, verb: Verb) -> VerbId {
        self.side = Some(verb);
        self.leg(CALLER, LegEvent::Info("text/plain".into(), Vec::new()));
        assert_eq!(self.side, None, "the program does not listen");
        VerbId(Self::SIDE.0 + self.sides - 1)
    }

    pub fn finishes(&mut self) {
        self.step(Step::Finished(End::Told));
    }

    pub fn hear(&mut self, event: Event) {
        self.call.hear(event, self.now);
        self.take();
    }

    pub fn leg(&mut self, leg: LegId, event: LegEvent) {
        self.hear(Event::Leg(leg, event));
    }

    /// The party presses a key and lets it go.
    pub fn presses(&mut self, leg: LegId, key: char) {
        self.leg(leg, LegEvent::KeyDown(of(key)));
        self.leg(leg, LegEvent::Key(Press { key: of(key), duration: SECOND / 10, via: Via::Rtp }));
    }

    pub fn hangs_up(&mut self, leg: LegId) {
        self.leg(leg, LegEvent::Ended(Ending::by(Who::Party, 16, None, "bye")));
    }

    /// The line says that a leg which was told to end has done so.
    pub fn ends(&mut self, leg: LegId) {
        self.leg(leg, LegEvent::Ended(Ending::by(Who::Program, 16, None, "")));
    }

    pub fn refuses(&mut self, leg: LegId, sip: u16) {
        self.leg(leg, LegEvent::Refused(Refused { sip, reason: "no".into(), elsewhere: Vec::new(), by_house: false }));
    }

    /// The prompt that is heard last was heard to its end.
    pub fn prompt_ends(&mut self, leg: LegId) {
        let tag = self.tag(leg);
        self.leg(leg, LegEvent::Played(tag, Played::Ended));
    }

    pub fn tag(&self, leg: LegId) -> SoundTag {
        let tags = self.orders.iter().rev().find_map(|effect| match effect {
            Effect::Sound(at, SoundOrder::Play { tag, .. } | SoundOrder::Record { tag, .. }) if *at == leg => {
                Some(*tag)
            }
            _ => None,
        });
        tags.expect("nothing is played on that leg")
    }

    /// Each target is found where its name says: `a|b` rings at two phones, `a>b` is tried one way after the other.
    pub fn locates(&mut self) {
        for (verb, target, address) in self.sought() {
            let branches = address.split('|').map(|phone| phone.split('>').map(way).collect()).collect();
            self.hear(Event::Located(verb, target, Ok(branches)));
        }
    }

    /// Takes out what was asked of the location.
    pub fn sought(&mut self) -> Vec<(VerbId, u32, String)> {
        let mut sought = Vec::new();
        self.orders.retain(|effect| match effect {
            Effect::Locate { verb, target, address, .. } => {
                sought.push((*verb, *target, address.clone()));
                false
            }
            _ => true,
        });
        sought
    }

    /// Time passes; everything that is due in it is done when it is.
    pub fn passes(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.call.deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.call.wake(self.now);
            self.take();
        }
        self.now = until;
    }

    pub fn result(&self, verb: VerbId) -> Outcome {
        self.results.get(&verb).cloned().expect("the verb has ended")
    }

    pub fn runs(&self, verb: VerbId) -> bool {
        !self.results.contains_key(&verb)
    }

    /// The orders of a leg since they were last taken, in words.
    pub fn said(&mut self, leg: LegId) -> Vec<String> {
        let mut said = Vec::new();
        self.orders.retain(|effect| match effect {
            Effect::Line(at, order) if *at == leg => {
                said.push(line_word(order));
                false
            }
            Effect::Sound(at, order) if *at == leg => {
                said.push(sound_word(order));
                false
            }
            _ => true,
        });
        said
    }

    /// How a leg ended, as it is noted.
    pub fn ending(&self, leg: LegId) -> Ending {
        let endings = self.notes.iter().filter_map(|note| match note {
            Note::LegEnded(at, ending) if *at == leg => Some(ending.clone()),
            _ => None,
        });
        let endings: Vec<Ending> = endings.collect();
        assert_eq!(endings.len(), 1, "leg {leg:?} ended {endings:?}");
        endings[0].clone()
    }
}

fn line_word(order: &LineOrder) -> String {
    match order {
        LineOrder::Invite(invitation) => format!("invite {}", invitation.way.uri),
        LineOrder::HangUp { cause, sip: None, .. } => format!("hang up {cause}"),
        LineOrder::HangUp { cause, sip: Some(sip), .. } => format!("hang up {cause} {sip}"),
        LineOrder::Refuse(sip, ..) => format!("refuse {sip}"),
        LineOrder::Introduce(other) => format!("introduce {}", other.0),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn sound_word(order: &SoundOrder) -> String {
    match order {
        SoundOrder::Play { prompt, .. } => format!("play {prompt}"),
        SoundOrder::Bridge(other) => format!("bridge {}", other.0),
        SoundOrder::Record { .. } => "record".into(),
        SoundOrder::StopRecord(_) => "stop record".into(),
        other => format!("{other:?}").to_lowercase(),
    }
}

pub(in crate::call) fn way(uri: &str) -> Way {
    Way { uri: uri.into(), through: Through::Straight }
}

pub(in crate::call) fn of(key: char) -> Key {
    Key::of_char(key).expect("a key")
}

#[expect(clippy::disallowed_methods, reason = "an instant to count from; nothing here measures time")]
pub(in crate::call) fn clock() -> Instant {
    Instant::now()
}
