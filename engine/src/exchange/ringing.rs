//! Ringing somebody, and sending the call on as they forward it.
//!
//! Whom an endpoint forwards to may forward again, by its own rules and rights; whoever rings knows all of them before the first
//! phone does ([`Forwards`]). A call that comes back to somebody who has sent it on goes in a circle: it goes no further there, and
//! where nobody else can be asked, the caller hears so.
//!
//! ```text
//! arrive ─always─▶ forward ──endpoint──▶ arrive        a service: the call goes on there
//!    └─▶ dial ─busy, no answer, unreachable─▶ forward ──a number elsewhere──▶ dial
//! ```

use std::sync::Arc;

use super::services::{LONGEST_RING, calls_only};
use crate::call::LegId;
use crate::call::verb::{Dial, Outcome, Status, Verb};
use crate::program::{End, Program, Step, VerbId, Wake};
use crate::routing::{Because, DEFAULT_RING, Directory, Forward, Plan, Verdict};

/// Endpoints one behind the other that may send a call on: as many as any office has between its front door and its last desk.
pub const LONGEST_CHAIN: usize = 8;

/// What a target is that somebody forwards to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// To a service of that name.
    Service(Arc<str>),
    /// To that endpoint.
    Endpoint(Arc<str>),
}

/// Somebody who can be called, and how they forward.
#[derive(Clone, Debug)]
struct Person {
    user: Arc<str>,
    forward: Forward,
    /// What those of the targets lead to that are no numbers elsewhere.
    leads: Vec<(Box<str>, Leads)>,
}

/// How everybody forwards whom a call may come to.
#[derive(Clone, Debug, Default)]
pub struct Forwards(Vec<Person>);

impl Forwards {
    /// Of this one, and of whomever it is sent on to.
    #[must_use]
    pub fn from(user: &Arc<str>, plan: &Plan, directory: &Directory) -> Self {
        let mut known = Self::default();
        let mut waiting = vec![user.clone()];
        while let Some(user) = waiting.pop() {
            let Some(endpoint) = directory.find(&user).filter(|_| known.of(&user).is_none()) else { continue };
            if known.0.len() >= LONGEST_CHAIN {
                break;
            }
            let forward = endpoint.calling.forward.clone();
            let leads = |target: &str| match plan.forward(&user, target, directory).verdict {
                Verdict::Service(service) => Some((target.into(), Leads::Service(service))),
                Verdict::Ring(users) => match &users[..] {
                    [one] => Some((target.into(), Leads::Endpoint(one.clone()))),
                    _ => None,
                },
                Verdict::Trunks(_) | Verdict::Refused(_) => None,
            };
            let leads = forward.targets().filter_map(|target| leads(target));
            known = known.and(user.clone(), forward.clone(), leads.collect());
            let next =
                known.0.last().into_iter().flat_map(|person| &person.leads).filter_map(|(_, leads)| match leads {
                    Leads::Endpoint(user) => Some(user.clone()),
                    Leads::Service(_) => None,
                });
            waiting.extend(next);
        }
        known
    }

    /// The same with one more.
    fn and(mut self, user: Arc<str>, forward: Forward, leads: Vec<(Box<str>, Leads)>) -> Self {
        self.0.reserve_exact(1);
        self.0.push(Person { user, forward, leads });
        self
    }

    fn of(&self, user: &str) -> Option<&Person> {
        self.0.iter().find(|person| *person.user == *user)
    }
}

/// Somebody whom the call has come to, and what they send it on for.
struct Stop {
    user: Arc<str>,
    /// Why they send it on, once they do, and to how many they have.
    because: Option<Because>,
    sent: usize,
}

/// Rings somebody, forwards as it is told to, and says truthfully what came of it.
pub struct Ringing {
    targets: Vec<String>,
    forwards: Forwards,
    /// Whom the call has come to, each sent on by the one before.
    stops: Vec<Stop>,
    /// The way of a call that has come back, in words.
    circle: Option<String>,
    ring: std::time::Duration,
    leg: LegId,
    verb: u64,
    rejecting: bool,
}

impl Ringing {
    fn calling(targets: Vec<String>, forwards: Forwards, ring: std::time::Duration) -> Self {
        let (stops, leg) = (Vec::new(), LegId::FIRST);
        Self { targets, forwards, stops, circle: None, ring, leg, verb: 0, rejecting: false }
    }

    /// To ring these endpoints, all at once. A single one may forward.
    #[must_use]
    pub fn new(users: &[Arc<str>], forwards: Forwards) -> Self {
        let targets = users.iter().map(|user| format!("user:{user}")).collect();
        let mut ringing = Self::calling(targets, forwards, Forward::default().after);
        if let [one] = users {
            ringing.stops = vec![Stop { user: one.clone(), because: None, sent: 0 }];
        }
        ringing
    }

    /// To call a number outside, as long as the other side lets it ring.
    #[must_use]
    pub fn out(number: &str) -> Self {
        Self::calling(vec![number.to_owned()], Forwards::default(), LONGEST_RING)
    }

    fn want(&mut self, verb: Verb) -> Step {
        self.verb += 1;
        Step::Wants(VerbId(self.verb), verb)
    }

    fn dial(&mut self, targets: Vec<String>) -> Step {
        let stop = self.stops.last();
        let rules = stop.and_then(|stop| self.forwards.of(&stop.user));
        let ring = rules.map_or(self.ring, |person| person.forward.after);
        // How long somebody's own phone rings says nothing of those to whom its calls go on.
        let sent_on = stop.is_some_and(|stop| stop.because.is_some());
        let ring = if sent_on { ring.max(DEFAULT_RING) } else { ring };
        self.want(Verb::Dial(self.leg, Box::new(Dial::new(targets, ring))))
    }

    /// The call has come to whoever is the last stop; these are its phones.
    fn arrive(&mut self, phones: Vec<String>) -> Step {
        let Some(stop) = self.stops.last_mut() else { return self.dial(phones) };
        let always = self.forwards.of(&stop.user).is_some_and(|person| !person.forward.always.is_empty());
        if !always {
            return self.dial(phones);
        }
        stop.because = Some(Because::Always);
        self.send_on(Status::Unreachable, 480)
    }

    /// The last stop sends the call on, or whoever sent it there tries the next one; nobody is left in the end.
    fn send_on(&mut self, status: Status, sip: u16) -> Step {
        while let Some(stop) = self.stops.last_mut() {
            let person = self.forwards.of(&stop.user);
            let because = *stop.because.get_or_insert(match status {
                Status::Busy => Because::Busy,
                Status::NoAnswer => Because::NoAnswer,
                Status::Unreachable => Because::Unreachable,
                _ => break,
            });
            let targets = person.map_or(&[][..], |person| person.forward.on(because));
            let Some(target) = targets.get(stop.sent).cloned() else {
                self.stops.pop();
                continue;
            };
            stop.sent += 1;
            let lead = person.and_then(|person| person.leads.iter().find(|(named, _)| **named == *target));
            let (owner, lead) = (stop.user.clone(), lead.map(|(_, leads)| leads.clone()));
            let phones = vec![format!("forward:{owner}:{}:{target}", because.word())];
            match lead {
                Some(Leads::Service(service)) => return Step::Finished(End::ContinueAs(service.to_string())),
                Some(Leads::Endpoint(user)) if self.comes_back_to(&user) => {}
                Some(Leads::Endpoint(user)) => {
                    self.stops.push(Stop { user, because: None, sent: 0 });
                    return self.arrive(phones);
                }
                None => return self.dial(phones),
            }
        }
        self.refuse(status, sip)
    }

    /// Whether the call has been there already, or has come too far: then the way is kept for the caller.
    fn comes_back_to(&mut self, user: &Arc<str>) -> bool {
        let first = self.stops.iter().position(|stop| stop.user == *user);
        let Some(first) = first.or((self.stops.len() >= LONGEST_CHAIN).then_some(0)) else { return false };
        let way = self.stops[first..].iter().map(|stop| &*stop.user).chain([&**user]);
        self.circle.get_or_insert(way.collect::<Vec<_>>().join(" to "));
        true
    }

    /// Nobody talked, and nobody is left to be asked: the caller hears why not.
    fn refuse(&mut self, status: Status, sip: u16) -> Step {
        self.rejecting = true;
        let (status, reason) = match self.circle.take().filter(|_| status == Status::Unreachable) {
            Some(way) => (482, format!("Calls Are Forwarded In A Circle: {way}")),
            None => {
                let (status, reason) = refusal(status, sip);
                (status, reason.to_owned())
            }
        };
        self.want(Verb::Reject(self.leg, status, Some(reason)))
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
                self.arrive(self.targets.clone())
            }
            Wake::Result(_, Outcome::Misuse(misuse)) => Step::Finished(End::Fault(misuse.to_string())),
            Wake::Result(_, Outcome::Dialled { status: Status::Answered | Status::Cancelled | Status::Gone, .. }) => {
                Step::Finished(End::Told)
            }
            Wake::Result(_, Outcome::Dialled { status, sip, .. }) if !self.rejecting => self.send_on(status, sip),
            Wake::Result(..) | Wake::Gone => Step::Finished(End::Told),
            Wake::Heard(_) | Wake::Breathed { .. } => Step::Waits,
            Wake::Occasion(_) => calls_only(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// These endpoints, and how each of them forwards.
    fn forwards(people: &[(&str, Forward)], leads: &[(&str, Leads)]) -> Forwards {
        let leads: Vec<(Box<str>, Leads)> =
            leads.iter().map(|(named, leads)| ((*named).into(), leads.clone())).collect();
        let known = Forwards::default();
        people.iter().fold(known, |known, (user, forward)| known.and((*user).into(), forward.clone(), leads.clone()))
    }

    fn alone(forward: Forward) -> Ringing {
        Ringing::new(&["alice".into()], forwards(&[("alice", forward)], &[]))
    }

    fn refused(step: &Step) -> (u16, &str) {
        match step {
            Step::Wants(_, Verb::Reject(LegId::FIRST, status, reason)) => {
                (*status, reason.as_deref().unwrap_or_default())
            }
            other => panic!("expected a refusal, not {other:?}"),
        }
    }

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
        let mut ringing = alone(forward);

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
        let leads = [("voicemail", Leads::Service("voicemail".into()))];
        let mut ringing = Ringing::new(&["alice".into()], forwards(&[("alice", forward)], &leads));

        ringing.resume(Wake::Begin(LegId::FIRST));
        assert_eq!(targets(&ringing.resume(dialled(Status::NoAnswer, 408))), ["forward:alice:no_answer:102"]);
        let handed = ringing.resume(dialled(Status::NoAnswer, 408));
        assert_eq!(handed, Step::Finished(End::ContinueAs("voicemail".into())));
    }

    #[test]
    fn who_forwards_always_is_not_rung() {
        let forward = Forward { always: vec!["+4930123".into()], ..Forward::default() };
        let mut ringing = alone(forward);
        assert_eq!(targets(&ringing.resume(Wake::Begin(LegId::FIRST))), ["forward:alice:always:+4930123"]);
    }

    #[test]
    fn a_caller_is_told_why_nobody_talked() {
        let said = |status, sip| {
            let mut ringing = alone(Forward::default());
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
    fn two_who_forward_to_each_other_are_named_to_the_caller() {
        let to = |target: &str| Forward { always: vec![target.into()], ..Forward::default() };
        let people = [("122", to("123")), ("123", to("122"))];
        let leads = ["122", "123"].map(|user| (user, Leads::Endpoint(user.into())));
        let mut ringing = Ringing::new(&["122".into()], forwards(&people, &leads));
        let step = ringing.resume(Wake::Begin(LegId::FIRST));
        assert_eq!(refused(&step), (482, "Calls Are Forwarded In A Circle: 122 to 123 to 122"));
    }

    #[test]
    fn who_is_forwarded_to_forwards_by_its_own_rules_and_then_the_first_ones_next_is_tried() {
        let unreachable = |targets: &[&str]| {
            let unreachable = targets.iter().map(|target| (*target).into()).collect();
            Forward { unreachable, ..Forward::default() }
        };
        let people = [("alice", unreachable(&["bob", "voicemail"])), ("bob", unreachable(&["alice", "+4930123"]))];
        let leads = [
            ("alice", Leads::Endpoint("alice".into())),
            ("bob", Leads::Endpoint("bob".into())),
            ("voicemail", Leads::Service("voicemail".into())),
        ];
        let mut ringing = Ringing::new(&["alice".into()], forwards(&people, &leads));
        let away = || dialled(Status::Unreachable, 480);

        assert_eq!(targets(&ringing.resume(Wake::Begin(LegId::FIRST))), ["user:alice"]);
        assert_eq!(targets(&ringing.resume(away())), ["forward:alice:unreachable:bob"]);
        assert_eq!(targets(&ringing.resume(away())), ["forward:bob:unreachable:+4930123"]);
        assert_eq!(ringing.resume(away()), Step::Finished(End::ContinueAs("voicemail".into())));
    }
}
