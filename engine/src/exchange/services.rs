//! Services that are written in Rust: echo, tone, music, and joining two with each other. Ringing somebody is `ringing`'s.
//!
//! They drive a call by the same words as a script and know nothing else of the engine.

use std::time::Duration;

use crate::call::LegId;
use crate::call::verb::{Dial, Outcome, Play, Status, Verb};
use crate::errand::{Brought, Errand};
use crate::program::{End, Program, Step, VerbId, Wake};

/// How long a number outside rings: longer than any carrier lets it.
pub(super) const LONGEST_RING: Duration = Duration::from_secs(180);

/// The service of that name; `None` where there is none.
#[must_use]
pub fn named(name: &str) -> Option<Box<dyn Program>> {
    match name {
        "echo" => Some(Box::new(Straight::echo())),
        "music" => Some(Box::new(Straight::playing("music"))),
        "tone" => Some(Box::new(Straight::playing("tone::milliwatt"))),
        _ => None,
    }
}

/// What the house says for a service that cannot say anything: it is not there, or the call has gone round too often.
pub struct Sorry {
    why: String,
    leg: LegId,
}

impl Sorry {
    /// The story fails by that.
    #[must_use]
    pub fn because(why: &str) -> Self {
        Self { why: why.to_owned(), leg: LegId::FIRST }
    }

    /// The same, where another program has led to it: by the line that it spoke last.
    #[must_use]
    pub fn after(program: &dyn Program, why: &str) -> Self {
        let place = program.place().map(|place| place + ": ").unwrap_or_default();
        Self::because(&format!("{place}{why}"))
    }
}

impl Program for Sorry {
    fn resume(&mut self, wake: Wake) -> Step {
        match wake {
            Wake::Begin(leg) => {
                self.leg = leg;
                Step::Wants(VerbId(1), Verb::Errand(Box::new(Errand::Facts(leg))))
            }
            Wake::Result(VerbId(1), Outcome::Brought(brought)) => match *brought {
                Brought::Facts(Some(facts)) if facts.state == "answered" => {
                    let sorry = Play { prompts: vec!["sorry-something-failed".into()], loops: 1, ..Play::default() };
                    Step::Wants(VerbId(2), Verb::Play(self.leg, sorry))
                }
                _ => Step::Wants(VerbId(2), Verb::Reject(self.leg, 500, Some("The Service Failed".to_owned()))),
            },
            Wake::Heard(_) | Wake::Breathed { .. } => Step::Waits,
            Wake::Result(..) | Wake::Gone | Wake::Occasion(_) => Step::Finished(End::Fault(self.why.clone())),
        }
    }
}

/// What is asked of a service that only answers calls.
pub(super) fn calls_only() -> Step {
    Step::Finished(End::Fault("it answers calls, and nothing else".into()))
}

/// Verbs one after the other, without a choice: the whole of a simple service.
pub struct Straight {
    verbs: Vec<Box<dyn FnOnce(LegId) -> Verb>>,
    leg: LegId,
    next: u64,
}

impl Straight {
    fn new(mut verbs: Vec<Box<dyn FnOnce(LegId) -> Verb>>) -> Self {
        verbs.reverse();
        Self { verbs, leg: LegId::FIRST, next: 0 }
    }

    /// Nothing: whose story is told.
    pub(super) fn told() -> Self {
        Self::new(Vec::new())
    }

    /// Your own voice back.
    #[must_use]
    pub fn echo() -> Self {
        Self::new(vec![Box::new(Verb::Answer), Box::new(Verb::Echo)])
    }

    /// A prompt or tone, over and over.
    #[must_use]
    pub fn playing(prompt: &str) -> Self {
        let play = Play { prompts: vec![prompt.to_owned()], loops: 0, ..Play::default() };
        Self::new(vec![Box::new(Verb::Answer), Box::new(|leg| Verb::Play(leg, play))])
    }
}

impl Program for Straight {
    fn resume(&mut self, wake: Wake) -> Step {
        match wake {
            Wake::Begin(leg) => self.leg = leg,
            Wake::Result(_, Outcome::Misuse(misuse)) => return Step::Finished(End::Fault(misuse.to_string())),
            Wake::Result(_, Outcome::Plain(Status::Ok)) | Wake::Breathed { .. } => {}
            Wake::Result(..) | Wake::Gone => return Step::Finished(End::Told),
            Wake::Heard(_) => return Step::Waits,
            Wake::Occasion(_) => return calls_only(),
        }
        match self.verbs.pop() {
            Some(verb) => {
                self.next += 1;
                Step::Wants(VerbId(self.next), verb(self.leg))
            }
            None => Step::Finished(End::Told),
        }
    }
}

/// Calls somebody for a party that has answered, and joins both: what follows a click.
pub struct Connecting {
    target: String,
    leg: LegId,
    next: u64,
}

impl Connecting {
    /// With that one.
    #[must_use]
    pub fn to(target: &str) -> Self {
        Self { target: target.to_owned(), leg: LegId::FIRST, next: 0 }
    }

    fn want(&mut self, verb: Verb) -> Step {
        self.next += 1;
        Step::Wants(VerbId(self.next), verb)
    }
}

impl Program for Connecting {
    fn resume(&mut self, wake: Wake) -> Step {
        match wake {
            Wake::Begin(leg) => {
                self.leg = leg;
                let dial = Dial::new(vec![self.target.clone()], LONGEST_RING);
                self.want(Verb::Dial(leg, Box::new(dial)))
            }
            Wake::Result(_, Outcome::Misuse(misuse)) => Step::Finished(End::Fault(misuse.to_string())),
            Wake::Result(_, Outcome::Dialled { status: Status::Answered | Status::Cancelled | Status::Gone, .. }) => {
                Step::Finished(End::Told)
            }
            Wake::Result(_, Outcome::Dialled { .. }) => {
                let sorry = Play { prompts: vec!["nobody-answers".into()], loops: 1, ..Play::default() };
                self.want(Verb::Play(self.leg, sorry))
            }
            Wake::Result(..) | Wake::Gone => Step::Finished(End::Told),
            Wake::Heard(_) | Wake::Breathed { .. } => Step::Waits,
            Wake::Occasion(_) => calls_only(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echo_answers_first_and_ends_when_the_caller_goes() {
        let mut echo = Straight::echo();
        assert_eq!(echo.resume(Wake::Begin(LegId(0))), Step::Wants(VerbId(1), Verb::Answer(LegId(0))));
        let ok = Wake::Result(VerbId(1), Outcome::Plain(Status::Ok));
        assert_eq!(echo.resume(ok), Step::Wants(VerbId(2), Verb::Echo(LegId(0))));
        let gone = Wake::Result(VerbId(2), Outcome::Plain(Status::Gone));
        assert_eq!(echo.resume(gone), Step::Finished(End::Told));
    }
}
