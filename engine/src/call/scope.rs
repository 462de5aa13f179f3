//! How legs, the story and the call end: whatever a story created ends with it, and the call with the last of its legs.
//!
//! ```text
//! story told ──Finished──▶ legs are hung up ──the last one has gone──▶ patience ──the program is done──▶ over
//!     ├──ended from outside──▶ legs are hung up, and the story hears that
//!     └──ended where no leg is, a fault of patience──▶ Gone ──Finished───────┘
//! ```

use std::time::{Duration, Instant};

use super::effect::{Effect, LineOrder, Note};
use super::event::{Ending, Happening, Serving, Who};
use super::leg::{Leg, Stage};
use super::verb::{Handle, Outcome, Status};
use super::work::{Back, Work};
use super::{Bounds, Call, LegId, cause, is_due, limits};
use crate::program::{End, VerbId, Wake};

/// How far the story of a call has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Story {
    /// We call somebody first, and the program has not begun.
    Unbegun,
    /// The program tells it. Without any leg it may do so until then.
    Told { legless: Option<Instant> },
    /// It has ended; what is left of the program has until then. Where it was cut short, nothing is done for it any more.
    Ended { patience: Option<Instant>, cut: bool },
    /// Nothing is left.
    Over,
}

impl Story {
    pub fn is_told(&self) -> bool {
        matches!(self, Self::Told { .. })
    }

    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Ended { cut: true, .. } | Self::Over)
    }

    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Over)
    }

    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Told { legless: at } | Self::Ended { patience: at, .. } => *at,
            Self::Unbegun | Self::Over => None,
        }
    }

    #[cfg(test)]
    pub fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        let at = match self {
            Self::Told { legless: at } | Self::Ended { patience: at, .. } => at.as_mut(),
            Self::Unbegun | Self::Over => None,
        };
        at.into_iter()
    }
}

impl Call {
    /// Ends a leg; for all but its line it has gone.
    pub(super) fn hang_up(&mut self, id: LegId, why: Ending, now: Instant) {
        let mut order = why.order();
        // Its party did not see the other one go.
        if let LineOrder::HangUp { words: words @ None, .. } = &mut order
            && self.here(id).is_some_and(|leg| leg.lost_other)
        {
            *words = Some(cause::UNHEARD.into());
        }
        self.end_leg(id, order, why, now);
    }

    /// Ends a leg by this order.
    pub(super) fn end_leg(&mut self, id: LegId, order: LineOrder, why: Ending, now: Instant) {
        let Some(leg) = self.here_mut(id) else { return };
        leg.stage = Stage::Ending { why: Box::new(why), until: now + limits::LAST_WORD };
        self.line(id, order);
        self.leave(id, now);
    }

    /// The line of a leg has said its last word.
    pub(super) fn leg_over(&mut self, id: LegId, ending: Ending, now: Instant) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if leg.is_here() {
            leg.stage = Stage::Ending { why: Box::new(ending.clone()), until: now };
            self.leave(id, now);
        }
        let Some(leg) = self.legs.remove(&id) else { return };
        let why = match leg.stage {
            // Who ended it first is whose doing it was.
            Stage::Ending { why, .. } => Ending { sip: why.sip.or(ending.sip), ..*why },
            _ => ending,
        };
        self.note(Note::LegEnded(id, why.clone()));
        if leg.known && self.story != Story::Unbegun {
            self.tell(Wake::Heard(Happening::Left(id, why)));
        }
    }

    /// Everything that was done with a leg comes to its end: it has gone, or will not be spoken with any more.
    fn leave(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.sounds.clear();
        leg.keys.clear();
        leg.wish = None;
        let (busy, dial) = (leg.busy, leg.dial.take());
        let is_lost = matches!(&leg.stage, Stage::Ending { why, .. } if why.is_loss());
        if let Some(other) = leg.partner.filter(|_| is_lost).and_then(|other| self.here_mut(other)) {
            other.lost_other = true;
        }
        self.leave_passings(id, now);
        let other = self.part(id, now);
        let runs: Vec<VerbId> = self.works.iter().filter(|(_, work)| work.runs_on(id)).map(|(verb, _)| *verb).collect();
        for verb in runs {
            self.work_lost(verb, id, now);
        }
        if let Some(dial) = dial {
            self.branch_ended(dial, id, None, now);
        }
        let played = self.backs.iter().filter(|(_, back)| **back == Back::Play(id)).map(|(handle, _)| *handle);
        for handle in played.collect::<Vec<_>>() {
            self.backs.remove(&handle);
            self.tell(Wake::Heard(Happening::Ended(handle)));
        }
        self.close_backs(id, now);
        if let Some(other) = other.filter(|_| busy.is_none()) {
            self.left_alone(other, now);
        }
    }

    /// Lines that owe their last word for too long are not waited for.
    pub(super) fn wake_legs(&mut self, now: Instant) {
        let late: Vec<LegId> =
            self.legs.iter().filter(|(_, leg)| is_due(leg.deadline(), now)).map(|(id, _)| *id).collect();
        for leg in late {
            let silent =
                Ending { by: Who::System, cause: 102, sip: None, reason: "its line never told its end".into() };
            self.leg_over(leg, silent, now);
        }
    }

    /// The program says that its story is over.
    pub(super) fn story_ended(&mut self, end: End, now: Instant) {
        match &self.story {
            Story::Told { .. } => {}
            Story::Ended { .. } | Story::Unbegun | Story::Over => return,
        }
        if let End::ContinueAs(service) = &end
            && self.here(self.first).is_some()
        {
            return self.go_on_as(Serving::named(service), now);
        }
        self.note(Note::StoryEnded(end.clone()));
        let why = match end {
            End::Told | End::ContinueAs(_) => told(),
            End::Fault(what) => Ending::by(Who::Program, 41, Some(500), &what),
        };
        self.story = Story::Ended { patience: None, cut: false };
        self.take_down(&why, now);
    }

    /// Another service takes over the legs as they stand; what the first one had begun ends.
    pub(super) fn go_on_as(&mut self, serving: Serving, now: Instant) {
        if self.handed_on >= self.caller.bounds.services {
            let (key, _) = Bounds::SERVICES;
            let times = self.handed_on;
            let why = format!(
                "the call was handed from service to service {times} times, which is the limit ({key} in [limits])"
            );
            return self.change_program(Effect::Apologise(why), now);
        }
        self.note(Note::StoryEnded(End::ContinueAs(serving.service.clone())));
        self.handed_on += 1;
        self.change_program(Effect::Serve(serving, self.first), now);
    }

    /// Another program tells the story; what the first one had begun ends.
    fn change_program(&mut self, to: Effect, now: Instant) {
        self.cancel_works(|_, _| true, now);
        let backs: Vec<Handle> = self.backs.keys().copied().collect();
        for handle in backs {
            self.stop_back(handle, now);
        }
        self.say(to);
        self.turn.only(Wake::Begin(self.first));
        let wishes: Vec<LegId> = self.legs.iter().filter(|(_, leg)| leg.wish.is_some()).map(|(id, _)| *id).collect();
        for leg in wishes {
            self.decide_wish(leg, now);
        }
    }

    /// Legs that the story created end with it, unless they were detached and talk.
    fn take_down(&mut self, why: &Ending, now: Instant) {
        // Before any leg ends, so that nobody else is called because of that.
        self.cancel_works(|_, work| matches!(work, Work::Dial(dialling) if dialling.by.is_none()), now);
        let waits = |id| self.passings.values().any(|passing| passing.transferee == id);
        let stays = |id, leg: &Leg| {
            let detached = |leg: LegId| self.here(leg).is_some_and(|leg| leg.detached);
            let joined = leg.partner.is_some_and(|other| leg.detached || detached(other));
            let meets = leg.detached && leg.busy.is_some_and(VerbId::is_house) && self.room_of_leg(id).is_some();
            joined || meets || (leg.detached && waits(id)) || leg.is_house_called()
        };
        let ends = self.legs.iter().filter(|(id, leg)| leg.is_here() && !stays(**id, leg));
        let ends: Vec<LegId> = ends.map(|(id, _)| *id).collect();
        for leg in ends {
            let why = self.out_of_room(leg).filter(|_| why.reason == cause::TOLD).unwrap_or_else(|| why.clone());
            self.hang_up(leg, why, now);
        }
        let is_bare = |call: &Self, work: &Work| !call.legs.iter().any(|(id, leg)| leg.is_here() && work.runs_on(*id));
        self.cancel_works(|call, work| !matches!(work, Work::Stop(_)) && is_bare(call, work), now);
    }

    /// Why a leg ends whose story had nothing more for it than a conference room.
    fn out_of_room(&self, id: LegId) -> Option<Ending> {
        let out = self.legs.get(&id)?.out?;
        Some(Ending::by(Who::Program, 16, None, out))
    }

    /// Somebody outside ends the call: its parties go, and its story hears that as it hears a hang-up. Where there is nobody to go,
    /// the story itself is ended.
    pub(super) fn end_from_outside(&mut self, why: &Ending, now: Instant) {
        if !self.story.is_told() || self.legs.is_empty() {
            return self.end_at_once(why, now);
        }
        self.hang_up_all(why, now);
    }

    /// Ends all legs, and what is being called.
    fn hang_up_all(&mut self, why: &Ending, now: Instant) {
        let asks = self.works.iter().filter(|(_, work)| matches!(work, Work::Dial(_)));
        for verb in asks.map(|(verb, _)| *verb).collect::<Vec<_>>() {
            self.cancel_dial(verb, why, now);
        }
        for leg in self.legs.keys().copied().collect::<Vec<_>>() {
            self.hang_up(leg, why.clone(), now);
        }
    }

    /// The call ends, and its story with it, wherever that is.
    pub(super) fn end_at_once(&mut self, why: &Ending, now: Instant) {
        let told = self.story.is_told();
        self.hang_up_all(why, now);
        self.cancel_works(|_, _| true, now);
        if told {
            self.note(Note::StoryEnded(End::Fault(why.reason.clone())));
            self.turn.only(Wake::Gone);
        }
        self.story = Story::Ended { patience: None, cut: true };
    }

    /// Brings verbs of the program to their end.
    fn cancel_works(&mut self, which: impl Fn(&Self, &Work) -> bool, now: Instant) {
        let of_program = self.works.iter().filter(|(verb, work)| !verb.is_house() && which(self, work));
        let verbs: Vec<VerbId> = of_program.map(|(verb, _)| *verb).collect();
        for verb in verbs {
            match self.works.get(&verb) {
                // Its file is being closed.
                Some(Work::Record(..)) => self.recording_lost(verb, now),
                Some(Work::Dial(_)) => self.cancel_dial(verb, &given_up(), now),
                Some(&Work::Bridge(leg, _)) => {
                    self.part(leg, now);
                    self.finish(verb, Outcome::Plain(Status::Stopped), now);
                }
                Some(&Work::Echo(leg)) => {
                    self.part_echo(leg);
                    self.finish(verb, Outcome::Plain(Status::Stopped), now);
                }
                Some(_) => self.work_lost(verb, LegId::NONE, now),
                None => {}
            }
        }
    }

    /// What is left of the program is told that nothing is done for it any more.
    pub(super) fn cut_story(&mut self, now: Instant) {
        if !self.story.is_cut() {
            self.story = Story::Ended { patience: None, cut: true };
            self.cancel_works(|_, _| true, now);
            self.turn.only(Wake::Gone);
        }
    }

    /// What is due in the story.
    pub(super) fn wake_story(&mut self, now: Instant) {
        if !is_due(self.story.deadline(), now) {
            return;
        }
        match self.story {
            Story::Told { .. } => {
                let ((key, _), long) = (Bounds::ALONE, self.caller.bounds.alone);
                let long = match long.as_secs() {
                    seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
                    seconds => format!("{seconds} s"),
                };
                let what =
                    format!("the story went on for {long} without any leg, which is the limit ({key} in [limits])");
                let why = Ending::by(Who::Program, 41, None, &what);
                self.end_at_once(&why, now);
            }
            Story::Ended { cut: false, .. } => self.cut_story(now),
            Story::Ended { cut: true, .. } => {
                // A program that does not answer is not waited for.
                self.story = Story::Ended { patience: None, cut: true };
                for verb in self.works.keys().copied().collect::<Vec<_>>() {
                    self.finish(verb, Outcome::Plain(Status::Gone), now);
                }
                self.backs.clear();
                self.turn.clear();
            }
            Story::Unbegun | Story::Over => {}
        }
    }

    /// Sees whether the call is over, and lets the program go on if not.
    pub(super) fn settle(&mut self, now: Instant) {
        self.announce_recordings(now);
        if self.story.has_ended() {
            let alone = |leg: &Leg| leg.is_here() && leg.partner.is_none() && leg.busy.is_none();
            let alone: Vec<LegId> = self.legs.iter().filter(|(_, leg)| alone(leg)).map(|(id, _)| *id).collect();
            for leg in alone {
                let why = self.out_of_room(leg).unwrap_or_else(told);
                self.hang_up(leg, why, now);
            }
        }
        let legless = self.legs.is_empty();
        let quiet = legless && self.works.is_empty() && self.takings.is_empty() && self.turn.is_idle();
        let quiet = quiet && !self.backs.values().any(|back| matches!(back, Back::Record { .. }));
        match &mut self.story {
            Story::Ended { .. } | Story::Unbegun if quiet => {
                self.story = Story::Over;
                self.backs.clear();
                return self.say(Effect::Over);
            }
            Story::Ended { patience, .. } if legless => {
                patience.get_or_insert(now + limits::PATIENCE);
            }
            Story::Ended { patience, .. } => *patience = None,
            Story::Told { legless: until } if legless => {
                until.get_or_insert(now + self.caller.bounds.alone);
            }
            Story::Told { legless: until } => *until = None,
            Story::Unbegun | Story::Over => {}
        }
        self.pump(now);
    }
}

impl Ending {
    pub(super) fn by(by: Who, cause: u8, sip: Option<u16>, reason: &str) -> Self {
        Self { by, cause, sip, reason: reason.to_owned() }
    }

    /// Whether nothing was heard of the party any more.
    fn is_loss(&self) -> bool {
        self.by == Who::System && self.cause == cause::FAILURE && self.sip == Some(408)
    }

    /// What its line is told. The party reads the words of the house, and that it has transferred the other one; what a program or
    /// somebody else did is theirs to say.
    pub(super) fn order(&self) -> LineOrder {
        let is_read = (self.by == Who::System && !self.reason.is_empty()) || self.reason == cause::TRANSFERRED;
        let words = is_read.then(|| self.reason.as_str().into());
        LineOrder::HangUp { cause: self.cause, sip: self.sip, words }
    }
}

/// The story came to its end, and with it what it had begun.
fn told() -> Ending {
    Ending::by(Who::Program, 16, None, cause::TOLD)
}

pub(super) fn other_left() -> Ending {
    Ending::by(Who::Other, 16, None, "the other party has gone")
}

pub(super) fn given_up() -> Ending {
    Ending::by(Who::Other, 16, None, "the caller gave up")
}

pub(super) fn elsewhere() -> Ending {
    Ending::by(Who::Other, 26, Some(200), "answered elsewhere")
}

pub(super) fn no_answer() -> Ending {
    Ending::by(Who::System, cause::NO_ANSWER, None, cause::IN_VAIN)
}

pub(super) fn talked_enough() -> Ending {
    Ending::by(Who::System, 16, None, "the longest talk that is allowed was over")
}

pub(super) fn sound_lost(silence: Duration) -> Ending {
    Ending::by(Who::System, 41, None, &format!("no sound came for {} s", silence.as_secs()))
}
