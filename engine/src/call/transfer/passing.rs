//! A transfer whose target is being called, and what becomes of the three.
//!
//! Who transfers may stay until the target answers, or go before; who is passed on then hears that it rings. A dial of the one
//! who is passed on goes on with the new partner; a dial of the one who transfers ends with it.

use std::time::Instant;

use crate::call::cause;
use crate::call::dial::Behalf;
use crate::call::effect::{LineOrder, Note, Passed, Passer};
use crate::call::event::{Ending, Serving};
use crate::call::play::{Owner, Playing};
use crate::call::scope::{self, Story};
use crate::call::verb::{Dial, Misuse, Outcome, Ringback, Status, Strategy, Transfer, Verb};
use crate::call::work::Work;
use crate::call::{Call, LegId, Who, limits};
use crate::program::{VerbId, Wake};

/// What somebody hears who waits for the one it is passed on to.
const RINGBACK: &str = "tone::ringback";

/// A transfer under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::call) struct Passing {
    /// Who transfers, as long as it is there.
    pub transferor: Option<LegId>,
    pub transferee: LegId,
    /// Whether the one who transfers asked for it by REFER, and what it was told last.
    pub(super) told: Option<u16>,
    /// The verb that wants it.
    pub(super) verb: Option<VerbId>,
    /// Whether both were parted meanwhile and are joined again when it fails.
    parted: bool,
    /// Who wants it. Where it is somebody outside, it is the house that calls.
    pub(super) by: Passer,
    /// Whom the party talked with when it began.
    from: Option<LegId>,
    /// The target is a service, which takes the one who is passed on.
    pub(super) serving: Option<Serving>,
}

impl Passing {
    /// A transfer that a party asked for.
    pub fn wished(transferor: LegId, transferee: LegId) -> Self {
        let (by, from) = (Passer::Partner, Some(transferor));
        Self { transferor: from, transferee, told: Some(100), verb: None, parted: false, by, from, serving: None }
    }

    /// A transfer that somebody outside wants.
    pub(super) fn from_outside(transferor: LegId, transferee: LegId) -> Self {
        Self { told: None, by: Passer::Operator, ..Self::wished(transferor, transferee) }
    }

    pub(super) fn came_to(&self, to: Option<LegId>, sip: u16) -> Note {
        Note::Passed(Passed { leg: self.transferee, from: self.from, to, by: self.by, sip })
    }
}

/// Why who transfers is let go: it wanted that itself, or somebody else did.
pub(super) fn passed_on(by: Passer) -> Ending {
    match by {
        Passer::Partner | Passer::Attending | Passer::Target => Ending::by(Who::Party, 16, None, cause::TRANSFERRED),
        Passer::Program => Ending::by(Who::Program, 16, None, cause::TRANSFERRED),
        Passer::Operator => Ending::by(Who::System, 16, None, cause::PASSED_ON_OUTSIDE),
    }
}

impl Call {
    /// Calls the one to whom somebody is passed on.
    pub(in crate::call) fn call_target(
        &mut self,
        mut passing: Passing,
        to: String,
        dialog: Option<(&str, String)>,
        now: Instant,
    ) {
        let verb = self.house_verb();
        if dialog.is_some() {
            passing.by = Passer::Attending;
        }
        let pays = if passing.by == Passer::Operator { Some(LegId::NONE) } else { passing.transferor };
        let behalf = Behalf { joined: None, pays, shown: Some(passing.transferee) };
        let dial = Box::new(Dial {
            targets: vec![to],
            strategy: Strategy::All,
            ring: limits::TRANSFER_RING,
            ringback: Ringback::Phone,
            screen: None,
            caller_id: None,
            present: true,
            max_talk: None,
            warn_at: None,
            headers: dialog.map(|(name, dialog)| (name.to_owned(), dialog)).into_iter().collect(),
            codecs: Vec::new(),
            secure: None,
            record: false,
        });
        self.passings.insert(verb, passing);
        self.note(Note::Verb(verb, Verb::CallOut(dial.clone())));
        self.begin_dial(verb, behalf, dial, now);
    }

    /// The program passes the party of a leg on.
    pub(super) fn begin_passing(
        &mut self,
        id: VerbId,
        leg: LegId,
        transfer: Transfer,
        now: Instant,
    ) -> Result<Option<Outcome>, Outcome> {
        let Transfer { to, attended, return_on_fail } = transfer;
        let Some(party) = self.here(leg) else { return Ok(None) };
        let partner = party.partner;
        let early = partner.is_some_and(|other| self.here(other).is_none_or(|other| !other.is_answered()));
        let under_way = self.passings.values().any(|passing| passing.transferee == leg);
        if under_way || early || (partner.is_none() && party.busy.is_some()) {
            return Err(Outcome::Misuse(Misuse::VerbBusy));
        }
        self.works.insert(id, Work::Transfer(leg));
        let parted = partner.is_some() && !attended && return_on_fail;
        let (by, from) = (Passer::Program, partner);
        let passing = Passing {
            transferor: partner,
            verb: Some(id),
            parted,
            by,
            from,
            told: None,
            transferee: leg,
            serving: None,
        };
        self.call_target(passing, to, None, now);
        if !self.works.contains_key(&id) {
            return Ok(None);
        }
        match partner {
            None => self.hold_for_passing(id, leg, now),
            Some(_) if attended => {}
            Some(other) if return_on_fail => {
                self.part(leg, now);
                self.voice(leg, Owner::Ringback(id), Playing::endless(RINGBACK), now);
                if let Some(music) = self.caller.music.clone() {
                    self.voice(other, Owner::Music, Playing::endless(&music), now);
                }
            }
            Some(other) => self.hang_up(other, passed_on(Passer::Program), now),
        }
        Ok(None)
    }

    /// Somebody waits for the one it is passed on to.
    fn hold_for_passing(&mut self, verb: VerbId, leg: LegId, now: Instant) {
        if let Some(leg) = self.here_mut(leg) {
            leg.busy = Some(verb);
        }
        self.voice(leg, Owner::Ringback(verb), Playing::endless(RINGBACK), now);
    }

    /// The party that has asked for what is dialled there.
    pub(in crate::call) fn referrer(&self, verb: VerbId) -> Option<LegId> {
        let passing = self.passings.get(&verb)?;
        passing.from.filter(|_| matches!(passing.by, Passer::Partner | Passer::Attending))
    }

    /// The target of a transfer rings: who transfers is told.
    pub(in crate::call) fn target_rings(&mut self, verb: VerbId) {
        let Some(passing) = self.passings.get_mut(&verb) else { return };
        if let (Some(transferor), Some(told)) = (passing.transferor, &mut passing.told)
            && *told < 180
        {
            *told = 180;
            self.line(transferor, LineOrder::ReferProgress(180));
        }
    }

    /// Something that the house called without having been asked has been reached, or not.
    pub(in crate::call) fn house_finished(&mut self, verb: VerbId, outcome: Outcome, now: Instant) {
        let Outcome::Dialled { status, leg, sip, .. } = outcome else { return };
        let reached = leg.filter(|_| status == Status::Answered);
        if let Some(passing) = self.passings.remove(&verb) {
            if let Some(serving) = passing.serving.clone() {
                return self.served(verb, &passing, serving, now);
            }
            return match reached {
                Some(target) => self.passed(verb, &passing, target, now),
                None => self.not_passed(verb, &passing, sip, now),
            };
        }
        if let (Story::Unbegun, Some(leg)) = (&self.story, reached) {
            self.story = Story::Told { legless: None };
            self.first = leg;
            self.tell(Wake::Begin(leg));
        }
    }

    fn passed(&mut self, dial: VerbId, passing: &Passing, target: LegId, now: Instant) {
        for owner in [Some(dial), passing.verb].into_iter().flatten() {
            self.hush(passing.transferee, Owner::Ringback(owner), now);
        }
        let transferor = passing.transferor.unwrap_or(LegId::NONE);
        if passing.told.is_some() && self.here(transferor).is_some() {
            self.line(transferor, LineOrder::ReferProgress(200));
        }
        if self.here(passing.transferee).is_some() {
            self.note(passing.came_to(Some(target), 200));
        }
        self.pass((transferor, passing.by), passing.transferee, target, now);
        if let Some(verb) = passing.verb {
            self.finish(verb, Outcome::Transferred { status: Status::Completed, sip: 200 }, now);
        }
    }

    /// Joins the one who is passed on with the one who was reached, and lets go who transferred or was talked with.
    pub(super) fn pass(&mut self, (transferor, by): (LegId, Passer), transferee: LegId, target: LegId, now: Instant) {
        if self.here(transferee).is_none() || self.here(target).is_none() {
            return self.hang_up(target, scope::other_left(), now);
        }
        let dial = self.leave_dial(transferor, transferee, target);
        let detached = dial.is_none();
        for leg in [transferee, target] {
            if let Some(leg) = self.here_mut(leg) {
                leg.detached |= detached;
            }
        }
        self.unhold(transferee, now);
        self.join(transferee, target, now);
        self.line(transferee, LineOrder::Introduce(target));
        // Whoever was called for this knows for whom; whoever talked with another one does not.
        if self.here(target).is_some_and(|leg| leg.parent != Some(transferee)) {
            self.line(target, LineOrder::Introduce(transferee));
        }
        self.hang_up(transferor, passed_on(by), now);
    }

    fn not_passed(&mut self, dial: VerbId, passing: &Passing, sip: u16, now: Instant) {
        let &Passing { transferor, transferee, verb, parted, told, .. } = passing;
        self.note(passing.came_to(None, sip.max(300)));
        if let (Some(transferor), Some(_)) = (transferor.filter(|&leg| self.here(leg).is_some()), told) {
            self.line(transferor, LineOrder::ReferProgress(sip));
        }
        let gone = self.here(transferee).is_none();
        let back = transferor.filter(|&leg| parted && self.here(leg).is_some() && self.here(transferee).is_some());
        for owner in [Some(dial), verb].into_iter().flatten() {
            self.hush(transferee, Owner::Ringback(owner), now);
        }
        if let Some(other) = back {
            self.hush(other, Owner::Music, now);
            self.join(transferee, other, now);
        } else if transferor.is_none() {
            self.not_reached(transferee, verb, now);
        }
        if let Some(other) = transferor.filter(|_| parted && gone) {
            self.hush(other, Owner::Music, now);
            self.left_alone(other, now);
        }
        if let Some(verb) = verb {
            let status = match back {
                Some(_) => Status::Returned,
                None if gone => Status::Gone,
                None => Status::Failed,
            };
            self.finish(verb, Outcome::Transferred { status, sip }, now);
        }
    }

    /// Who transfers has gone, and who was to be passed on reaches nobody: its own dial is over; without one it has nobody.
    fn not_reached(&mut self, transferee: LegId, verb: Option<VerbId>, now: Instant) {
        if let Some(dial) = self.dial_in_passing(transferee) {
            return self.dial_lost(dial, LegId::NONE, now);
        }
        if verb.is_none() && self.here(transferee).is_some_and(|leg| leg.partner.is_none()) {
            self.hang_up(transferee, scope::other_left(), now);
        }
    }

    /// A leg leaves that has a part in transfers: who waits to be passed on waits on without it, and for one who has gone
    /// nobody is called any more.
    pub(in crate::call) fn leave_passings(&mut self, id: LegId, now: Instant) {
        let gone: Vec<VerbId> =
            self.passings.iter().filter(|(_, p)| p.transferee == id).map(|(verb, _)| *verb).collect();
        for verb in gone {
            self.cancel_dial(verb, &scope::given_up(), now);
        }
        let left = self.passings.iter_mut().find(|(_, passing)| passing.transferor == Some(id));
        let Some((&verb, passing)) = left else { return };
        passing.transferor = None;
        let (transferee, wants) = (passing.transferee, passing.verb);
        self.leave_dial(id, transferee, LegId::NONE);
        if self.here(transferee).is_none() {
            return;
        }
        self.part(id, now);
        if self.dial_in_passing(transferee).is_none() {
            self.end_bridge(transferee, id, now);
            if let Some(leg) = self.here_mut(transferee) {
                leg.busy = Some(wants.unwrap_or(verb));
                leg.detached |= wants.is_none();
            }
        }
        let owner = Owner::Ringback(wants.unwrap_or(verb));
        self.voice(transferee, owner, Playing::endless(RINGBACK), now);
    }

    /// The verb that bridges both ends with the one that leaves.
    pub(in crate::call) fn end_bridge(&mut self, stays: LegId, leaves: LegId, now: Instant) {
        let bridge = self.works.iter().find_map(|(verb, work)| match work {
            Work::Bridge(a, b) if [*a, *b].contains(&stays) && [*a, *b].contains(&leaves) => Some(*verb),
            _ => None,
        });
        if let Some(verb) = bridge {
            self.work_lost(verb, leaves, now);
        }
    }
}
