//! Collects keys into one answer.
//!
//! A [`Gathering`] is told of keys, of the end of its prompt and of time, and settles once. It plays nothing and starts no
//! timer: it says what comes next, and whoever owns it wakes it at its deadline.
//!
//! ```text
//! asking ──prompt over, or a key with barge-in──▶ waiting ──full, end key or pause──▶ digits
//!   ▲                                                │
//!   └──────────── wrong or silent, tries left ───────┘ ──none left──▶ invalid, timeout
//! ```

use std::time::{Duration, Instant};

use patchcord_media::dtmf::Key;

use super::limits;
use super::verb::{Gather, Outcome, Play, Status};

/// Keys being collected.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Gathering {
    rules: Box<Gather>,
    digits: String,
    /// Whether the prompt is still heard.
    asking: bool,
    /// Until when a key is waited for.
    until: Option<Instant>,
    /// Which try this is.
    tried: u32,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More keys.
    Wait,
    /// The party is asked again with this.
    Ask(Play),
    /// It is over.
    Settled(Outcome),
}

impl Gathering {
    /// The gathering, and what it asks with.
    pub fn new(rules: Box<Gather>) -> (Self, Play) {
        let ask = rules.prompt.clone().unwrap_or_default();
        (Self { rules, digits: String::new(), asking: true, until: None, tried: 1 }, ask)
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// Whether a key has to wait until the prompt is over.
    pub fn is_deaf(&self) -> bool {
        self.asking && !self.rules.barge_in
    }

    /// What was pressed.
    pub fn gone(self) -> Outcome {
        Outcome::Gathered { status: Status::Gone, digits: self.digits }
    }

    /// The prompt is over.
    pub fn asked(&mut self, now: Instant) {
        self.asking = false;
        self.until = Some(now + self.rules.timeout);
    }

    /// A key has gone down; whether the prompt falls silent.
    pub fn down(&mut self, now: Instant) -> bool {
        if self.is_deaf() {
            return false;
        }
        let silences = self.asking;
        self.asking = false;
        // It counts when it comes up; until then no pause ends the answer.
        self.until = Some(now + limits::KEY_HELD);
        silences
    }

    /// A key was pressed.
    pub fn press(&mut self, key: Key, now: Instant) -> Next {
        self.asking = false;
        if self.rules.end.contains(&key) {
            return self.judge(now);
        }
        self.digits.push(key.as_char());
        if self.count() >= self.rules.max {
            return self.judge(now);
        }
        self.until = Some(now + self.rules.gap);
        Next::Wait
    }

    /// The keys that may still follow this one though it completes the answer, and for how long: whoever was told to end with one
    /// presses it also where the number of digits has ended it.
    pub fn may_follow(&self, key: Key) -> Option<(&[Key], Duration)> {
        let rules = &self.rules;
        let completes = !rules.end.contains(&key) && self.count() + 1 >= rules.max;
        (completes && !rules.end.is_empty()).then(|| (&*rules.end, rules.late_end()))
    }

    /// The deadline has come.
    pub fn expire(&mut self, now: Instant) -> Next {
        if self.digits.is_empty() { self.again(Status::Timeout, now) } else { self.judge(now) }
    }

    fn count(&self) -> u32 {
        self.digits.len() as u32
    }

    fn judge(&mut self, now: Instant) -> Next {
        if self.rules.takes(&self.digits) {
            return self.settle(Status::Digits);
        }
        self.again(Status::Invalid, now)
    }

    fn again(&mut self, why: Status, now: Instant) -> Next {
        if self.tried >= self.rules.tries {
            return self.settle(why);
        }
        self.tried += 1;
        self.digits.clear();
        let mut ask = self.rules.invalid.clone().unwrap_or_default();
        let prompt = self.rules.prompt.clone().unwrap_or_default();
        if ask.prompts.is_empty() {
            ask = prompt;
        } else {
            ask.prompts.extend(prompt.prompts);
            ask.loops = 1;
        }
        self.asking = !ask.prompts.is_empty();
        self.until = None;
        if !self.asking {
            self.asked(now);
            return Next::Wait;
        }
        Next::Ask(ask)
    }

    fn settle(&mut self, status: Status) -> Next {
        self.until = None;
        Next::Settled(Outcome::Gathered { status, digits: std::mem::take(&mut self.digits) })
    }

    #[cfg(test)]
    pub fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        self.until.iter_mut()
    }
}
