//! Services that are written in Rust: echo, tone, music, and ringing somebody.
//!
//! They drive a call by the same words as a script and know nothing else of the engine.

use std::sync::Arc;
use std::time::Duration;

use crate::call::verb::{Dial, Outcome, Play, Status, Verb};
use crate::call::{Happening, LegId};
use crate::program::{End, Program, Step, VerbId, Wake};
use crate::routing::{Because, Forward};

/// How long a number outside rings: longer than any carrier lets it.
const LONGEST_RING: Duration = Duration::from_secs(180);

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

/// A service that is not there: ends with a fault that names it.
pub struct Missing(String);

impl Missing {
    /// The one of that name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl Program for Missing {
    fn resume(&mut self, _: Wake) -> Step {
        Step::Finished(End::Fault(format!("there is no service {}", self.0)))
    }
}

/// What is asked of a service that only answers calls.
fn calls_only() -> Step {
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
            Wake::Result(_, Outcome::Plain(Status::Ok)) | Wake::Breathed => {}
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
            Wake::Heard(_) | Wake::Breathed => Step::Waits,
            Wake::Occasion(_) => calls_only(),
        }
    }
}

/// Rings somebody, forwards as it is told to, and says truthfully what came of it.
pub struct Ringing {
    targets: Vec<String>,
    /// Who forwards, by its own rights; and to whom.
    owner: Option<String>,
    forward: Forward,
    /// Of what is forwarded to: that which is a service, and its name.
    services: Vec<(Box<str>, Arc<str>)>,
    leg: LegId,
    verb: u64,
    forwarded: usize,
    rejecting: bool,
}

impl Ringing {
    /// To ring these endpoints, all at once. A single one may forward.
    #[must_use]
    pub fn new(users: &[Arc<str>], forward: Forward) -> Self {
        let targets = users.iter().map(|user| format!("user:{user}")).collect();
        let owner = if let [owner] = users { Some(owner.to_string()) } else { None };
        let services = Vec::new();
        Self { targets, owner, forward, services, leg: LegId::FIRST, verb: 0, forwarded: 0, rejecting: false }
    }

    /// The same; where it forwards to one of these, that service goes on with the call.
    #[must_use]
    pub fn handing_on(self, services: Vec<(Box<str>, Arc<str>)>) -> Self {
        Self { services, ..self }
    }

    /// To call a number outside, as long as the other side lets it ring.
    #[must_use]
    pub fn out(number: &str) -> Self {
        let forward = Forward { after: LONGEST_RING, ..Forward::default() };
        let targets = vec![number.to_owned()];
        let (services, leg) = (Vec::new(), LegId::FIRST);
        Self { targets, owner: None, forward, services, leg, verb: 0, forwarded: 0, rejecting: false }
    }

    fn want(&mut self, verb: Verb) -> Step {
        self.verb += 1;
        Step::Wants(VerbId(self.verb), verb)
    }

    fn dial(&mut self, targets: Vec<String>) -> Step {
        let dial = Dial::new(targets, self.forward.after);
        self.want(Verb::Dial(self.leg, Box::new(dial)))
    }

    fn on(&self, status: Status) -> (&[Box<str>], Because) {
        match status {
            _ if self.owner.is_none() => (&[], Because::Always),
            Status::Busy => (&self.forward.busy, Because::Busy),
            Status::NoAnswer => (&self.forward.no_answer, Because::NoAnswer),
            Status::Unreachable => (&self.forward.unreachable, Because::Unreachable),
            _ => (&[], Because::Always),
        }
    }

    fn forward_to(&mut self, target: &str, because: Because) -> Step {
        if let Some((_, service)) = self.services.iter().find(|(named, _)| **named == *target) {
            return Step::Finished(End::ContinueAs(service.to_string()));
        }
        let owner = self.owner.as_deref().unwrap_or_default();
        self.dial(vec![format!("forward:{owner}:{}:{target}", because.word())])
    }

    /// Nobody talked: somebody else is asked, or the caller hears why not.
    fn not_answered(&mut self, status: Status, sip: u16) -> Step {
        let (targets, because) = self.on(status);
        if let Some(next) = targets.get(self.forwarded).cloned() {
            self.forwarded += 1;
            return self.forward_to(&next, because);
        }
        self.rejecting = true;
        let (status, reason) = refusal(status, sip);
        self.want(Verb::Reject(self.leg, status, Some(reason.to_owned())))
    }
}

/// What a caller is told when nobody answered: what the callee's side said, where that is about the call and not about us.
fn refusal(status: Status, sip: u16) -> (u16, &'static str) {
    match (status, sip) {
        (Status::Busy, _) => (486, "Busy Here"),
        (Status::Forbidden, _) => (403, "Forbidden"),
        (Status::Screened, _) => (480, "Declined"),
        (Status::Rejected | Status::Unreachable, 603 | 607 | 608) => (sip, "Decline"),
        (Status::Rejected | Status::Unreachable, 404 | 410 | 484 | 485 | 604) => (sip, "Not Found There"),
        (Status::Rejected | Status::Unreachable, 403 | 415 | 420 | 488 | 606) => (sip, "Not Acceptable There"),
        (Status::Rejected | Status::Unreachable, 500..=599) => (503, "The Other Side Has Failed"),
        (Status::Rejected, _) => (480, "Declined"),
        (Status::Unreachable, 400..) if sip != 480 => (480, "The Other Side Did Not Take It"),
        (Status::Unreachable, _) => (480, "Not Registered"),
        _ => (480, "Nobody Answers"),
    }
}

impl Program for Ringing {
    fn resume(&mut self, wake: Wake) -> Step {
        match wake {
            Wake::Begin(leg) => {
                self.leg = leg;
                match self.forward.always.first().filter(|_| self.owner.is_some()).cloned() {
                    Some(always) => self.forward_to(&always, Because::Always),
                    None => self.dial(self.targets.clone()),
                }
            }
            Wake::Result(_, Outcome::Misuse(misuse)) => Step::Finished(End::Fault(misuse.to_string())),
            Wake::Result(_, Outcome::Dialled { status: Status::Answered | Status::Cancelled | Status::Gone, .. }) => {
                Step::Finished(End::Told)
            }
            Wake::Result(_, Outcome::Dialled { status, sip, .. }) if !self.rejecting => self.not_answered(status, sip),
            Wake::Result(..) | Wake::Gone => Step::Finished(End::Told),
            Wake::Heard(Happening::Left(..) | _) | Wake::Breathed => Step::Waits,
            Wake::Occasion(_) => calls_only(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialled(status: Status, sip: u16) -> Wake {
        Wake::Result(VerbId(1), Outcome::Dialled { status, leg: None, sip, talk: Duration::ZERO })
    }

    fn targets(step: &Step) -> &[String] {
        match step {
            Step::Wants(_, Verb::Dial(_, dial)) => &dial.targets,
            other => panic!("expected a dial, not {other:?}"),
        }
    }

    #[test]
    fn a_busy_phone_passes_its_calls_on_in_turn_and_then_says_busy() {
        let forward = Forward { busy: vec!["102".into(), "103".into()], ..Forward::default() };
        let mut ringing = Ringing::new(&["alice".into()], forward);

        assert_eq!(targets(&ringing.resume(Wake::Begin(LegId::FIRST))), ["user:alice"]);
        assert_eq!(targets(&ringing.resume(dialled(Status::Busy, 486))), ["forward:alice:busy:102"]);
        assert_eq!(targets(&ringing.resume(dialled(Status::Busy, 486))), ["forward:alice:busy:103"]);
        let last = ringing.resume(dialled(Status::Busy, 486));
        assert!(matches!(last, Step::Wants(_, Verb::Reject(LegId::FIRST, 486, _))), "{last:?}");
        assert_eq!(ringing.resume(Wake::Result(VerbId(4), Outcome::Plain(Status::Ok))), Step::Finished(End::Told));
    }

    #[test]
    fn what_is_forwarded_to_a_service_goes_on_there() {
        let forward = Forward { no_answer: vec!["102".into(), "voicemail".into()], ..Forward::default() };
        let services = vec![("voicemail".into(), "voicemail".into())];
        let mut ringing = Ringing::new(&["alice".into()], forward).handing_on(services);

        ringing.resume(Wake::Begin(LegId::FIRST));
        assert_eq!(targets(&ringing.resume(dialled(Status::NoAnswer, 408))), ["forward:alice:no_answer:102"]);
        let handed = ringing.resume(dialled(Status::NoAnswer, 408));
        assert_eq!(handed, Step::Finished(End::ContinueAs("voicemail".into())));
    }

    #[test]
    fn who_forwards_always_is_not_rung() {
        let forward = Forward { always: vec!["+4930123".into()], ..Forward::default() };
        let mut ringing = Ringing::new(&["alice".into()], forward);
        assert_eq!(targets(&ringing.resume(Wake::Begin(LegId::FIRST))), ["forward:alice:always:+4930123"]);
    }

    #[test]
    fn a_caller_is_told_why_nobody_talked() {
        let said = |status, sip| {
            let mut ringing = Ringing::new(&["alice".into()], Forward::default());
            ringing.resume(Wake::Begin(LegId::FIRST));
            match ringing.resume(dialled(status, sip)) {
                Step::Wants(_, Verb::Reject(_, status, _)) => status,
                other => panic!("expected a refusal, not {other:?}"),
            }
        };
        assert_eq!(said(Status::Busy, 486), 486);
        assert_eq!(said(Status::Rejected, 603), 603);
        assert_eq!(said(Status::Rejected, 488), 488);
        assert_eq!(said(Status::NoAnswer, 408), 480);
        assert_eq!(said(Status::Unreachable, 0), 480);
        assert_eq!(said(Status::Unreachable, 404), 404);
        assert_eq!(said(Status::Unreachable, 500), 503);
        assert_eq!(said(Status::Rejected, 403), 403);
        assert_eq!(said(Status::Forbidden, 0), 403);
    }

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
