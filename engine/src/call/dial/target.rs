//! The targets of a dial: which is asked when, which way to it is tried next, and where it was sent on to.

use std::collections::VecDeque;
use std::time::Instant;

use super::Dialling;
use super::verdict::{Verdict, speaks_for_all, tries_another_way};
use crate::call::effect::{Effect, FORWARD, Invitation, LineOrder, Note, Way};
use crate::call::event::{NotFound, Refused};
use crate::call::leg::Leg;
use crate::call::verb::Strategy;
use crate::call::{Call, LegId, is_due, limits, scope};
use crate::program::VerbId;

/// Somebody who is to be called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    address: String,
    /// How often it was sent on already, and by whose phone last.
    sent_on: u8,
    sent_by: Option<LegId>,
    stage: Stage,
    /// Until when it rings, or is looked for.
    until: Option<Instant>,
    pub branches: Vec<Branch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Its turn has not come.
    Waiting,
    /// Nobody knows yet where it is.
    Sought,
    /// It is being called.
    Asked,
    /// It will not answer any more.
    Over,
}

/// One of the phones of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Branch {
    pub leg: Option<LegId>,
    /// The ways to it that were not tried.
    ways: VecDeque<Way>,
    pub screening: Option<Screening>,
}

/// A callee that has answered and is asked whether it wants the call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Screening {
    /// Until when it may say so; none while the question is heard.
    pub until: Option<Instant>,
}

impl Target {
    pub fn new(address: String, sent_on: u8) -> Self {
        Self { address, sent_on, sent_by: None, stage: Stage::Waiting, until: None, branches: Vec::new() }
    }

    /// The same, after that leg's phone has named it.
    fn named_by(self, leg: LegId) -> Self {
        Self { sent_by: Some(leg), ..self }
    }

    /// Whether it is called because somebody has sent the call on: whose phone did, and what the target is.
    fn sent_on(&self) -> Option<(Option<LegId>, String)> {
        let is_sent = self.sent_by.is_some() || self.address.starts_with(FORWARD);
        is_sent.then(|| (self.sent_by, self.address.clone()))
    }

    pub fn is_asked(&self) -> bool {
        matches!(self.stage, Stage::Sought | Stage::Asked)
    }

    pub fn legs(&self) -> impl Iterator<Item = LegId> {
        self.branches.iter().filter_map(|branch| branch.leg)
    }

    pub fn deadline(&self) -> Option<Instant> {
        let screens = self.branches.iter().filter_map(|branch| branch.screening.as_ref()?.until);
        screens.chain(self.until).min()
    }

    /// Nobody else of it will be asked.
    pub fn close(&mut self) {
        self.stage = Stage::Over;
        self.until = None;
        self.branches.clear();
    }

    #[cfg(test)]
    pub fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        let screens = self.branches.iter_mut().filter_map(|branch| branch.screening.as_mut()?.until.as_mut());
        screens.chain(self.until.iter_mut())
    }
}

impl Dialling {
    pub(super) fn branch_of(&mut self, leg: LegId) -> Option<(usize, &mut Branch)> {
        self.targets.iter_mut().enumerate().find_map(|(number, target)| {
            let branch = target.branches.iter_mut().find(|branch| branch.leg == Some(leg))?;
            Some((number, branch))
        })
    }

    pub(super) fn judge(&mut self, verdict: Verdict) {
        self.verdict = Some(self.verdict.map_or(verdict, |before| before.better(verdict)));
    }
}

impl Call {
    /// Begins with the next target whose turn has not come; whether there was one.
    pub(super) fn begin_target(&mut self, verb: VerbId, now: Instant) -> bool {
        let Some(dialling) = self.dialling(verb) else { return false };
        dialling.step = None;
        let mut waiting = dialling.targets.iter_mut().enumerate().filter(|(_, target)| target.stage == Stage::Waiting);
        let Some((number, target)) = waiting.next() else { return false };
        let more = waiting.next().is_some();
        target.stage = Stage::Sought;
        target.until = Some(now + dialling.dial.ring);
        let (address, caller) = (target.address.clone(), dialling.behalf.pays);
        if let Strategy::Steps(gap) = dialling.dial.strategy
            && more
        {
            dialling.step = Some(now + gap);
        }
        self.say(Effect::Locate { verb, target: number as u32, address, caller });
        true
    }

    /// Where a target is.
    pub(in crate::call) fn located(
        &mut self,
        verb: VerbId,
        number: u32,
        found: Result<Vec<Vec<Way>>, NotFound>,
        now: Instant,
    ) {
        let most = self.caller.bounds.legs;
        let Some(dialling) = self.dialling(verb) else { return };
        let ring = dialling.dial.ring;
        let number = number as usize;
        let Some(target) = dialling.targets.get_mut(number).filter(|target| target.stage == Stage::Sought) else {
            return;
        };
        match found {
            Ok(branches) => {
                target.stage = Stage::Asked;
                target.until = Some(now + ring);
                target.branches = branches
                    .into_iter()
                    .take(most)
                    .map(|ways| Branch { leg: None, ways: ways.into(), screening: None })
                    .collect();
                self.next_ways(verb, number);
            }
            Err(why) => {
                target.close();
                let by = dialling.by;
                self.not_a_party(verb, by, why);
            }
        }
        self.dial_on(verb, now);
    }

    fn not_a_party(&mut self, verb: VerbId, by: Option<LegId>, why: NotFound) {
        let served = self.may_be_served(verb, by);
        let Some(dialling) = self.dialling(verb) else { return };
        match why {
            NotFound::Service(serving) if served => drop(dialling.service.get_or_insert(serving)),
            why => dialling.judge(Verdict::of_nowhere(&why)),
        }
    }

    /// Asks on each branch of a target that asks nobody, as long as there is a way; a target without any is over.
    fn next_ways(&mut self, verb: VerbId, number: usize) {
        loop {
            let room = self.has_room_for_a_leg();
            let Some(dialling) = self.dialling(verb) else { return };
            let target = &mut dialling.targets[number];
            let Some(branch) = target.branches.iter_mut().find(|b| b.leg.is_none() && !b.ways.is_empty()) else {
                break;
            };
            if !room {
                branch.ways.clear();
                dialling.judge(Verdict::NO_ROOM);
                continue;
            }
            let Some(way) = branch.ways.pop_front() else { break };
            let sent_on = target.sent_on();
            let (by, dial) = (dialling.behalf.shown, Box::clone(&dialling.dial));
            let id = self.invite(verb, by, (way, sent_on), *dial);
            if let Some(dialling) = self.dialling(verb)
                && let Some(branch) = dialling.targets[number].branches.iter_mut().find(|b| b.leg.is_none())
            {
                branch.leg = Some(id);
            }
        }
        let Some(dialling) = self.dialling(verb) else { return };
        let target = &mut dialling.targets[number];
        target.branches.retain(|branch| branch.leg.is_some());
        if target.branches.is_empty() {
            target.close();
        }
    }

    fn invite(
        &mut self,
        verb: VerbId,
        by: Option<LegId>,
        (way, sent_on): (Way, Option<(Option<LegId>, String)>),
        dial: crate::call::verb::Dial,
    ) -> LegId {
        let id = self.add_leg(Leg::of_callee(by, way.clone(), verb));
        self.note(Note::LegBegan(id, by, Some(way.clone())));
        if let Some((whose, address)) = sent_on {
            self.note(Note::SentOn(id, whose, address));
        }
        let referrer = self.referrer(verb);
        self.line(id, LineOrder::Invite(Box::new(Invitation { way, caller: by, referrer, dial })));
        id
    }

    /// A called leg has gone without a word of refusal.
    pub(in crate::call) fn branch_ended(&mut self, verb: VerbId, leg: LegId, sip: Option<u16>, now: Instant) {
        let Some(dialling) = self.dialling(verb) else { return };
        let Some((number, branch)) = dialling.branch_of(leg) else { return };
        let screened = branch.screening.take().is_some();
        branch.leg = None;
        branch.ways.clear();
        let verdict = if screened { Verdict::SCREENED } else { Verdict::of_sip(sip.unwrap_or(480)) };
        dialling.judge(verdict);
        self.next_ways(verb, number);
        self.early_gone(verb, leg, now);
        self.dial_on(verb, now);
    }

    /// A called leg has refused: its branch tries the next way, goes elsewhere, or is over.
    pub(in crate::call) fn branch_refused(&mut self, verb: VerbId, leg: LegId, refused: &Refused, now: Instant) {
        let Some(dialling) = self.dialling(verb) else { return };
        let Some((number, branch)) = dialling.branch_of(leg) else { return };
        branch.leg = None;
        branch.screening = None;
        if !tries_another_way(refused.sip) {
            branch.ways.clear();
        }
        let sent_on = dialling.targets[number].sent_on;
        if (300..400).contains(&refused.sip) && !refused.elsewhere.is_empty() {
            self.send_on(verb, (leg, sent_on), &refused.elsewhere, now);
        } else {
            dialling.judge(Verdict::of_sip(refused.sip));
            if speaks_for_all(refused.sip) {
                self.give_up_target(verb, number, now);
            }
        }
        self.next_ways(verb, number);
        self.early_gone(verb, leg, now);
        self.dial_on(verb, now);
    }

    /// A target is to be found elsewhere: these are asked in its place.
    fn send_on(&mut self, verb: VerbId, (leg, sent_on): (LegId, u8), elsewhere: &[String], now: Instant) {
        let most = self.caller.bounds.targets;
        let Some(dialling) = self.dialling(verb) else { return };
        let room = most.saturating_sub(dialling.targets.len());
        if sent_on >= limits::REDIRECTS || room == 0 {
            return dialling.judge(Verdict::TOO_FAR);
        }
        // Before those whose turn has not come; the numbers of the others are known outside and stay.
        let place = dialling.targets.iter().position(|target| target.stage == Stage::Waiting);
        let place = place.unwrap_or(dialling.targets.len());
        let new = elsewhere.iter().take(room).map(|address| Target::new(address.clone(), sent_on + 1).named_by(leg));
        let new: Vec<Target> = new.collect();
        let at_once = if dialling.dial.strategy == Strategy::All { new.len() } else { 1 };
        dialling.targets.splice(place..place, new);
        for _ in 0..at_once {
            self.begin_target(verb, now);
        }
    }

    /// The target rings no longer; nobody of it is asked any more.
    fn give_up_target(&mut self, verb: VerbId, number: usize, now: Instant) {
        let Some(dialling) = self.dialling(verb) else { return };
        let legs: Vec<LegId> = dialling.targets[number].legs().collect();
        dialling.targets[number].close();
        for leg in legs {
            self.drop_asked(verb, leg, now);
        }
    }

    /// Lets a called leg go that the dial does not want any more.
    pub(super) fn drop_asked(&mut self, verb: VerbId, leg: LegId, now: Instant) {
        self.let_go(leg);
        self.hang_up(leg, scope::no_answer(), now);
        self.early_gone(verb, leg, now);
    }

    /// The branch of a leg that was let go is over, and so is its target if it was the last.
    pub(super) fn forget_branch(&mut self, verb: VerbId, leg: LegId) {
        let Some(dialling) = self.dialling(verb) else { return };
        let Some((number, branch)) = dialling.branch_of(leg) else { return };
        branch.leg = None;
        branch.screening = None;
        branch.ways.clear();
        self.next_ways(verb, number);
    }

    /// Time is up for targets that ring, and for those that nobody could find.
    pub(super) fn ring_due(&mut self, verb: VerbId, now: Instant) {
        let Some(dialling) = self.dialling(verb) else { return };
        let due: Vec<usize> = (0..dialling.targets.len()).filter(|&n| is_due(dialling.targets[n].until, now)).collect();
        for number in due {
            let Some(dialling) = self.dialling(verb) else { return };
            let target = &mut dialling.targets[number];
            target.until = None;
            let verdict = if target.stage == Stage::Sought { Verdict::NOT_FOUND } else { Verdict::NO_ANSWER };
            dialling.judge(verdict);
            let target = &mut dialling.targets[number];
            // Who has answered and is being asked keeps its time to say yes.
            let ringing: Vec<LegId> =
                target.branches.iter().filter(|b| b.screening.is_none()).filter_map(|b| b.leg).collect();
            target.branches.retain(|branch| branch.screening.is_some());
            if target.branches.is_empty() {
                target.close();
            }
            for leg in ringing {
                self.drop_asked(verb, leg, now);
            }
        }
    }
}
