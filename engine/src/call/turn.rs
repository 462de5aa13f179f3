//! The program's turns: it is resumed for one reason at a time, and each time says one step.
//!
//! What it is to be told waits in a queue while it computes. A program that asks for a breath, or takes many steps at once, goes on
//! only after its owner has had time for others: the next wake of the call.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::time::Instant;

use super::effect::{Effect, Note};
use super::event::Happening;
use super::verb::{Misuse, Outcome};
use super::{Call, LegId, limits};
use crate::program::{End, Step, VerbId, Wake};

/// Whose turn it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Turn {
    /// What it was resumed for and has not answered.
    asked: Option<Reason>,
    /// What it is to be told next.
    waiting: VecDeque<Wake>,
    /// It goes on only when others have had their turn: a wake at this instant or later.
    breath: Option<Instant>,
    /// Whether it asked for that itself.
    wants_breath: bool,
    pace: Pace,
    /// A wish for a transfer that the program may answer: the leg, and the turn in which it would.
    deciding: Option<(LegId, Reason)>,
}

/// How fast the program speaks. Two calls that differ only in this are in the same state.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// When it spoke last.
    last: Option<Instant>,
    /// Since when its words are counted, and how many there were.
    since: Option<Instant>,
    words: u32,
    /// How often it was told that it speaks too fast.
    warned: u32,
    /// Steps since others have had their turn.
    steps: u32,
}

impl Pace {
    /// It takes a step now, which may be a word. Whether it says more than anybody could hear.
    fn steps(&mut self, is_word: bool, most: u32, now: Instant) -> bool {
        // Time goes on only when others have their turn.
        if self.last.replace(now) != Some(now) {
            self.steps = 0;
        }
        self.steps += 1;
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= limits::SPEECH) {
            (self.since, self.words) = (Some(now), 0);
        }
        self.words += u32::from(is_word);
        self.words > most
    }
}

impl PartialEq for Pace {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Pace {}

impl Hash for Pace {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// Why the program was resumed, as far as its answer is judged by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reason {
    Wish(LegId),
    Result(VerbId),
    Breath,
    Other,
}

impl Turn {
    pub fn deadline(&self) -> Option<Instant> {
        self.breath
    }

    /// Whether it has nothing to say and nothing to be told.
    pub fn is_idle(&self) -> bool {
        self.asked.is_none() && self.waiting.is_empty() && !self.wants_breath
    }

    /// Whether it was resumed and has not answered.
    pub fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// What it waits for, without what it is to be told.
    pub fn in_words(&self) -> String {
        let owes = if self.asked.is_some() { "the program owes a step" } else { "the program waits" };
        format!("{owes}, and is to be told {} things", self.waiting.len())
    }

    /// Others have had their turn.
    pub fn breathe_out(&mut self, now: Instant) {
        self.pace.steps = 0;
        if self.breath.is_some_and(|at| at <= now) {
            self.breath = None;
            if std::mem::take(&mut self.wants_breath) {
                self.waiting.push_front(Wake::Breathed { alone: false });
            }
        }
    }

    /// Forgets what waits to be told, but for legs that left, and says this first.
    pub fn only(&mut self, wake: Wake) {
        self.waiting.retain(|wake| matches!(wake, Wake::Heard(Happening::Left(..))));
        self.waiting.push_front(wake);
        self.breath = None;
        self.wants_breath = false;
        self.deciding = None;
    }

    /// Forgets everything: the program will not be resumed again.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    #[cfg(test)]
    pub fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        self.breath.iter_mut()
    }
}

impl Call {
    /// The program is told this as soon as it listens.
    pub(super) fn tell(&mut self, wake: Wake) {
        if let Wake::Heard(happening) = &wake {
            // What a leg leaves behind and a wish that needs an answer are bounded by the legs and their recordings.
            let always = matches!(happening, Happening::Left(..) | Happening::Refer(..) | Happening::Recorded(..));
            if !always && !self.story.is_told() {
                return;
            }
            if !always && self.turn.waiting.len() >= limits::HAPPENINGS {
                self.note(Note::NotTold(Box::new(happening.clone())));
                return;
            }
        }
        self.turn.waiting.push_back(wake);
    }

    /// Resumes the program, if it listens and there is something to tell.
    pub(super) fn pump(&mut self, now: Instant) {
        if self.turn.asked.is_some() || self.turn.breath.is_some() {
            return;
        }
        let Some(mut wake) = self.turn.waiting.pop_front() else {
            self.turn.waiting = VecDeque::new();
            return;
        };
        if let Wake::Breathed { alone } = &mut wake {
            *alone = !self.legs.values().any(super::leg::Leg::is_here);
        }
        let reason = match &wake {
            Wake::Heard(Happening::Refer(leg, _)) => Reason::Wish(*leg),
            Wake::Result(verb, _) => Reason::Result(*verb),
            Wake::Breathed { .. } => Reason::Breath,
            _ => Reason::Other,
        };
        if let Reason::Wish(leg) = reason
            && let Some((other, _)) = self.turn.deciding.replace((leg, reason))
        {
            self.decide_wish(other, now);
        }
        self.turn.asked = Some(reason);
        self.say(Effect::Resume(wake));
    }

    /// The program has answered.
    pub(super) fn hear_step(&mut self, step: Step, now: Instant) {
        let Some(reason) = self.turn.asked.take() else { return };
        let too_fast = self.turn.pace.steps(matches!(step, Step::Wants(..)), self.caller.bounds.words, now);
        if too_fast && !matches!(step, Step::Finished(_)) {
            return self.too_fast(step, now);
        }
        if self.turn.pace.steps >= limits::STEPS {
            self.turn.breath = Some(now);
        }
        // In which turn a wish for a transfer could still be answered.
        let mut chance = None;
        match step {
            Step::Wants(id, verb) => {
                let under_way = self.obey(id, verb, now);
                chance = (!under_way).then_some(Reason::Result(id));
            }
            Step::Waits => {}
            Step::Breathe => {
                self.turn.wants_breath = true;
                self.turn.breath = Some(now);
                chance = Some(Reason::Breath);
            }
            Step::Finished(end) => self.story_ended(end, now),
        }
        if let Some((leg, turn)) = self.turn.deciding
            && turn == reason
        {
            self.turn.deciding = chance.map(|next| (leg, next));
            if chance.is_none() {
                self.decide_wish(leg, now);
            }
        }
    }

    /// A program that says more than anybody could hear is told so, and may say sorry. One that goes on so is not listened to any more.
    fn too_fast(&mut self, step: Step, now: Instant) {
        match step {
            Step::Wants(id, verb) if self.turn.pace.warned < limits::WARNINGS => {
                self.turn.pace.warned += 1;
                // From here the words are counted of whoever says sorry.
                self.turn.pace.words = 0;
                self.note(Note::Verb(id, verb));
                self.result(id, Outcome::Misuse(Misuse::TooFast), now);
                self.turn.breath = Some(now);
            }
            _ => self.silence(now),
        }
    }

    fn silence(&mut self, now: Instant) {
        if self.story.is_told() {
            self.story_ended(End::Fault(Misuse::TooFast.to_string()), now);
        } else {
            self.cut_story(now);
        }
    }
}
