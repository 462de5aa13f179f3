//! Calls others, and joins the first who answers.
//!
//! ```text
//! targets ──Locate──▶ branches that ring at once, ways in each that are tried one after the other
//!    │                    │ answered ──▶ screened ──▶ joined ──▶ talk ──▶ answered
//!    │                    │ refused ──▶ next way, or elsewhere (3xx)
//!    └── none left ──▶ busy, no answer, rejected, unreachable, forbidden, screened
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `target` | which target is asked when, which way comes next, and where it was sent on to |
//! | `news` | what a called leg tells before it is joined, and what the caller hears meanwhile |
//! | `screen` | whom a callee must say yes to |
//! | `talk` | who won, and how long they may talk |
//! | `verdict` | what a refusal means in words |

mod news;
mod screen;
mod talk;
mod target;
pub(super) mod verdict;

use std::time::{Duration, Instant};

use super::event::Serving;
use super::verb::{Dial, Outcome, Status, Strategy};
use super::work::Work;
use super::{Call, Ending, LegId};
use crate::program::VerbId;
use talk::Talk;
use target::Target;
use verdict::Verdict;

/// A dial under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Dialling {
    /// On whose behalf; nobody is joined where it is nobody's.
    pub by: Option<LegId>,
    behalf: Behalf,
    dial: Box<Dial>,
    targets: Vec<Target>,
    /// The service that takes the caller when no other target does.
    service: Option<Serving>,
    /// When the next target's turn comes although others ring.
    step: Option<Instant>,
    /// The best that was said by those who did not answer.
    verdict: Option<Verdict>,
    /// Whose sound the caller hears before anybody has answered.
    early: Option<LegId>,
    /// From when they talk.
    talk: Option<Talk>,
}

/// For whom somebody is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Behalf {
    /// Who is joined with the one who answers.
    pub joined: Option<LegId>,
    /// Who must be allowed to call.
    pub pays: Option<LegId>,
    /// Whose number is shown, and whose codecs come first.
    pub shown: Option<LegId>,
}

impl Behalf {
    /// For this one, or for nobody.
    pub fn of(leg: Option<LegId>) -> Self {
        Self { joined: leg, pays: leg, shown: leg }
    }
}

impl Dialling {
    pub fn deadline(&self) -> Option<Instant> {
        let targets = self.targets.iter().filter_map(Target::deadline);
        targets.chain(self.step).chain(self.talk.as_ref().and_then(Talk::deadline)).min()
    }

    /// The legs that it holds and that are not joined for good.
    pub fn asked(&self) -> impl Iterator<Item = LegId> {
        self.targets.iter().flat_map(Target::legs)
    }

    /// Whether nobody has won.
    #[cfg(test)]
    pub fn still_asks(&self) -> bool {
        self.talk.is_none()
    }

    pub fn talks_with(&self, leg: LegId) -> bool {
        self.talk.as_ref().is_some_and(|talk| talk.with == leg)
    }

    #[cfg(test)]
    pub fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        let targets = self.targets.iter_mut().flat_map(Target::times);
        targets.chain(self.step.iter_mut()).chain(self.talk.iter_mut().flat_map(Talk::times))
    }
}

impl Call {
    /// Begins to call somebody, on behalf of a leg or of nobody.
    pub(super) fn begin_dial(&mut self, verb: VerbId, behalf: Behalf, dial: Box<Dial>, now: Instant) {
        let targets = dial.targets.iter().map(|address| Target::new(address.clone(), 0)).collect();
        let strategy = dial.strategy;
        let by = behalf.joined;
        let dialling =
            Dialling { by, behalf, dial, targets, service: None, step: None, verdict: None, early: None, talk: None };
        self.works.insert(verb, Work::Dial(Box::new(dialling)));
        if strategy == Strategy::All {
            while self.begin_target(verb, now) {}
        } else {
            self.begin_target(verb, now);
        }
        self.dial_on(verb, now);
    }

    fn dialling(&mut self, verb: VerbId) -> Option<&mut Dialling> {
        match self.works.get_mut(&verb) {
            Some(Work::Dial(dialling)) => Some(dialling),
            _ => None,
        }
    }

    /// Goes on when some target has come to its end: to the next one, or to the verdict.
    fn dial_on(&mut self, verb: VerbId, now: Instant) {
        loop {
            let Some(dialling) = self.dialling(verb) else { return };
            if dialling.talk.is_some() || dialling.targets.iter().any(Target::is_asked) {
                return;
            }
            if let Some(service) = dialling.service.take() {
                return self.serve_instead(verb, service, now);
            }
            if !self.begin_target(verb, now) {
                break;
            }
        }
        let Some(dialling) = self.dialling(verb) else { return };
        let Verdict { status, sip } = dialling.verdict.unwrap_or(Verdict { status: Status::Unreachable, sip: 404 });
        self.end_dial(verb, status, None, sip, Duration::ZERO, now);
    }

    /// Nobody else has taken the caller: a service does. While the program still computes, it waits for its turn.
    fn serve_instead(&mut self, verb: VerbId, serving: Serving, now: Instant) {
        if self.turn.is_asked() {
            if let Some(dialling) = self.dialling(verb) {
                (dialling.service, dialling.step) = (Some(serving), Some(now));
            }
        } else if self.leads_to_service(verb, &serving) {
            self.end_dial(verb, Status::Answered, None, 200, Duration::ZERO, now);
        } else {
            self.go_on_as(serving, now);
        }
    }

    /// Whether a service may take whoever dials, or is passed on: the story of nobody else can go on elsewhere.
    fn may_be_served(&self, verb: VerbId, by: Option<LegId>) -> bool {
        if verb.is_house() {
            return self.passing_may_be_served(verb);
        }
        by == Some(self.first) && self.story.is_told()
    }

    /// What is due in a dial.
    pub(super) fn dial_due(&mut self, verb: VerbId, now: Instant) {
        if self.dialling(verb).is_some_and(|dialling| super::is_due(dialling.step, now)) {
            self.begin_target(verb, now);
        }
        self.ring_due(verb, now);
        self.screen_due(verb, now);
        self.talk_due(verb, now);
        self.dial_on(verb, now);
    }

    /// A leg has gone on which the dial runs: the caller's, or the one it talks with.
    pub(super) fn dial_lost(&mut self, verb: VerbId, id: LegId, now: Instant) {
        let Some(dialling) = self.dialling(verb) else { return };
        match dialling.talk.clone() {
            Some(talk) => {
                let by_caller = dialling.by == Some(id);
                let length = now.saturating_duration_since(talk.since);
                let with = Some(talk.with).filter(|&with| with != LegId::NONE);
                self.end_dial(verb, Status::Answered, with, 200, length, now);
                if by_caller && !talk.passed {
                    self.hang_up(talk.with, super::scope::other_left(), now);
                }
            }
            None => self.cancel_dial(verb, &super::scope::given_up(), now),
        }
    }

    /// Nothing is left of the dial but what it came to.
    fn end_dial(&mut self, verb: VerbId, status: Status, leg: Option<LegId>, sip: u16, talk: Duration, now: Instant) {
        for leg in self.legs.values_mut().filter(|leg| leg.dial == Some(verb)) {
            leg.dial = None;
        }
        self.finish(verb, Outcome::Dialled { status, leg, sip, talk }, now);
    }

    /// Gives up a dial that nobody wants any more, or ends the talk that came of it.
    pub(super) fn cancel_dial(&mut self, verb: VerbId, why: &Ending, now: Instant) {
        let Some(dialling) = self.dialling(verb) else { return };
        if let Some(talk) = &dialling.talk {
            let with = talk.with;
            return self.hang_up(with, why.clone(), now);
        }
        let asked: Vec<LegId> = dialling.asked().collect();
        if let Some(caller) = dialling.by {
            self.part(caller, now);
        }
        self.end_dial(verb, Status::Cancelled, None, 487, Duration::ZERO, now);
        for leg in asked {
            self.hang_up(leg, why.clone(), now);
        }
    }

    /// A talk of one who is passed on goes on with another one, which is named, or nobody for now; a talk of one who passes on
    /// is no longer the dial's to end. Gives back the dial that goes on.
    pub(super) fn leave_dial(&mut self, transferor: LegId, transferee: LegId, target: LegId) -> Option<VerbId> {
        let mut goes_on = None;
        for (verb, work) in self.works.iter_mut() {
            let Work::Dial(dialling) = work else { continue };
            let by = dialling.by;
            let Some(talk) = &mut dialling.talk else { continue };
            if by == Some(transferee) && talk.with == transferor {
                talk.with = target;
                goes_on = Some(*verb);
            } else if by == Some(transferor) && talk.with == transferee {
                talk.passed = true;
            }
        }
        if goes_on.is_some()
            && let Some(target) = self.here_mut(target)
        {
            target.busy = goes_on;
        }
        goes_on
    }

    /// The dial of one who waits for the one it is passed on to.
    pub(super) fn dial_in_passing(&self, transferee: LegId) -> Option<VerbId> {
        self.works.iter().find_map(|(verb, work)| match work {
            Work::Dial(dialling) if dialling.by == Some(transferee) && dialling.talks_with(LegId::NONE) => Some(*verb),
            _ => None,
        })
    }

    fn has_room_for_a_leg(&self) -> bool {
        self.legs.len() < self.caller.bounds.legs
    }
}
