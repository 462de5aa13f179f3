//! What a verb begins: whether it fits the state of its leg, and its first effects. Verbs that need no time end here.

use std::time::{Duration, Instant};

use super::dial::Behalf;
use super::effect::{Effect, LineOrder, Note, SoundOrder};
use super::event::{Ending, Who};
use super::leg::{Leg, Stage};
use super::play::{Owner, Playing};
use super::verb::{Dial, Handle, Misuse, Outcome, Play, Status, Verb};
use super::work::{Back, Work};
use super::{Call, LegId, cause, limits};
use crate::errand::Errand;
use crate::program::{End, VerbId};
use crate::room::Join;

/// How a verb went that was told: it has ended so, or is under way.
type Begun = Result<Option<Outcome>, Outcome>;

const OK: Begun = Ok(Some(Outcome::Plain(Status::Ok)));

impl Call {
    /// Does what the program wants; whether it is still under way.
    pub(super) fn obey(&mut self, id: VerbId, verb: Verb, now: Instant) -> bool {
        if id.is_house() || self.works.contains_key(&id) {
            let what = format!("the number {} of a verb is taken", id.0);
            self.story_ended(End::Fault(what), now);
            return false;
        }
        self.note(Note::Verb(id, verb.clone()));
        let outcome = if self.story.is_cut() {
            Err(gone(&verb))
        } else if self.works.len() >= self.caller.bounds.verbs {
            Err(Outcome::Misuse(Misuse::TooManyVerbs))
        } else {
            self.begin_verb(id, verb, now)
        };
        match outcome {
            Ok(None) => self.works.contains_key(&id),
            Ok(Some(outcome)) | Err(outcome) => {
                self.result(id, outcome, now);
                false
            }
        }
    }

    fn begin_verb(&mut self, id: VerbId, verb: Verb, now: Instant) -> Begun {
        if let Some(leg) = leg_of(&verb) {
            self.fits(leg, &verb)?;
            if let Some(leg) = self.here_mut(leg).filter(|_| begins_anew(&verb)) {
                (leg.out, leg.secret) = (None, false);
            }
        }
        match verb {
            Verb::Ring(leg) => self.begin_ring(leg),
            Verb::Progress(leg) => self.begin_progress(leg),
            Verb::Answer(leg) => self.begin_answer(id, leg),
            Verb::Reject(leg, sip, phrase) => self.refuse(leg, sip, phrase, None, now),
            Verb::Redirect(leg, to) => self.refuse(leg, 302, None, Some(to), now),
            Verb::HangUp(leg, cause) => {
                self.hang_up(leg, Ending::by(Who::Program, cause, None, "hung up"), now);
                OK
            }
            Verb::Sleep(long) => self.under_way(id, Work::Sleep(now + long)),
            Verb::After(long) => {
                self.room_for_a_handle()?;
                let handle = self.new_handle();
                self.backs.insert(handle, Back::Timer(now + long));
                Ok(Some(Outcome::Handle(handle)))
            }
            Verb::Log(kind, text) => {
                self.note(Note::Log(kind, text));
                OK
            }
            Verb::Tag(name, word) => {
                self.note(Note::Tag(name, word));
                OK
            }
            Verb::Detach(leg) => {
                self.with(leg, |leg| leg.detached = true);
                OK
            }
            Verb::CallOut(dial) => self.begin_call(id, None, dial, now),
            Verb::Dial(leg, dial) => self.begin_call(id, Some(leg), dial, now),
            Verb::Bridge(leg, other) => self.begin_bridge(id, leg, other, now),
            Verb::Join(leg, join) => {
                self.begin_join(id, leg, join, false);
                Ok(None)
            }
            Verb::Unbridge(leg) => self.unbridge(leg, now),
            Verb::Hold(leg, music) => {
                self.hold(leg, music, now);
                OK
            }
            Verb::Unhold(leg) => {
                self.unhold(leg, now);
                OK
            }
            Verb::Errand(errand) => {
                let patience = match &*errand {
                    Errand::Outside(outside) => outside.patience.min(limits::ERRAND),
                    _ => limits::ERRAND,
                };
                self.say(Effect::Errand(id, errand));
                self.under_way(id, Work::Errand(now + patience))
            }
            Verb::Stop(handle) => self.stop(id, handle, now),
            Verb::PauseRecord(handle, pause) => self.pause(handle, pause),
            sounds => self.begin_sound(id, sounds, now),
        }
    }

    /// Verbs of sound and of keys, and what is said to a party's phone.
    fn begin_sound(&mut self, id: VerbId, verb: Verb, now: Instant) -> Begun {
        match verb {
            Verb::Play(leg, play) => self.begin_play(id, leg, play, now),
            Verb::StartPlay(leg, play) => self.start_play(leg, play, now),
            Verb::Gather(leg, rules) => {
                self.occupy(id, leg);
                self.begin_gather(id, leg, rules, now);
                Ok(None)
            }
            Verb::Record(leg, rules) => {
                self.occupy(id, leg);
                self.begin_record(id, leg, rules, now);
                Ok(None)
            }
            Verb::StartRecord(leg, rules) => {
                self.room_for_a_handle()?;
                Ok(Some(Outcome::Handle(self.start_record(leg, &rules))))
            }
            Verb::Echo(leg) => {
                self.occupy(id, leg);
                self.sound(leg, SoundOrder::Echo);
                self.under_way(id, Work::Echo(leg))
            }
            Verb::SendKeys(leg, keys) => {
                self.begin_keys(id, leg, keys, now);
                Ok(None)
            }
            Verb::SendInfo(leg, kind, body) => {
                self.line(leg, LineOrder::Info(kind, body));
                OK
            }
            Verb::SendMessage(leg, text) => {
                self.line(leg, LineOrder::Message(text));
                OK
            }
            Verb::Refer(leg, to) => {
                self.line(leg, LineOrder::Refer(to));
                self.under_way(id, Work::Refer(leg, now + limits::REFERRED))
            }
            transfers => self.begin_transfer(id, transfers, now),
        }
    }

    /// Whether a verb fits its leg: it is there, in the right state, and free if the verb needs it for itself.
    fn fits(&self, id: LegId, verb: &Verb) -> Result<(), Outcome> {
        let misuse = |misuse| Err(Outcome::Misuse(misuse));
        if id.0 >= self.next_leg {
            return misuse(Misuse::NoLeg);
        }
        let Some(leg) = self.here(id) else { return Err(gone(verb)) };
        match verb {
            Verb::Ring(_) | Verb::Progress(_) | Verb::Reject(..) | Verb::Redirect(..) if !leg.called_us => {
                misuse(Misuse::NotACaller)
            }
            Verb::Answer(_) if !leg.called_us && !leg.is_answered() => misuse(Misuse::NotACaller),
            Verb::Ring(_) | Verb::Progress(_) | Verb::Reject(..) | Verb::Redirect(..) if leg.is_answered() => {
                misuse(Misuse::Answered)
            }
            Verb::Dial(..)
            | Verb::Play(..)
            | Verb::Gather(..)
            | Verb::Record(..)
            | Verb::Echo(_)
            | Verb::Join(..)
            | Verb::Bridge(..)
                if leg.busy.is_some() || leg.partner.is_some() =>
            {
                misuse(Misuse::VerbBusy)
            }
            Verb::SendKeys(..) | Verb::Refer(..) if self.runs_such(id, verb) => misuse(Misuse::VerbBusy),
            Verb::Play(..)
            | Verb::StartPlay(..)
            | Verb::Gather(..)
            | Verb::Record(..)
            | Verb::StartRecord(..)
            | Verb::Echo(_)
            | Verb::SendKeys(..)
                if !leg.can_hear() =>
            {
                misuse(Misuse::NotAnswered)
            }
            Verb::Hold(..)
            | Verb::Unhold(_)
            | Verb::Refer(..)
            | Verb::Transfer(..)
            | Verb::SendInfo(..)
            | Verb::Join(..)
            | Verb::Bridge(..)
                if !leg.is_answered() =>
            {
                misuse(Misuse::NotAnswered)
            }
            _ => Ok(()),
        }
    }

    /// Whether a verb of this kind runs on the leg already, of which one at a time can.
    fn runs_such(&self, id: LegId, verb: &Verb) -> bool {
        self.works.values().any(|work| match (work, verb) {
            (Work::Keys(sending), Verb::SendKeys(..)) => sending.leg == id,
            (Work::Refer(leg, _), Verb::Refer(..)) => *leg == id,
            _ => false,
        })
    }

    fn with(&mut self, id: LegId, change: impl FnOnce(&mut Leg)) {
        if let Some(leg) = self.here_mut(id) {
            change(leg);
        }
    }

    fn occupy(&mut self, verb: VerbId, id: LegId) {
        self.with(id, |leg| leg.busy = Some(verb));
    }

    fn under_way(&mut self, id: VerbId, work: Work) -> Begun {
        self.works.insert(id, work);
        Ok(None)
    }

    fn begin_ring(&mut self, id: LegId) -> Begun {
        let Some(leg) = self.here_mut(id) else { return OK };
        if let Stage::Calling { told } = &mut leg.stage
            && !std::mem::replace(told, true)
        {
            self.line(id, LineOrder::Ring);
        }
        OK
    }

    fn begin_progress(&mut self, id: LegId) -> Begun {
        if self.here(id).is_some_and(|leg| leg.stage != Stage::Early) {
            self.open_early(id);
        }
        OK
    }

    fn begin_answer(&mut self, id: VerbId, leg: LegId) -> Begun {
        match self.here(leg).map(|leg| &leg.stage) {
            Some(Stage::Answered) => OK,
            Some(Stage::Answering) => self.under_way(id, Work::Answer(leg)),
            _ => {
                self.with(leg, |leg| leg.stage = Stage::Answering);
                self.line(leg, LineOrder::Answer);
                self.under_way(id, Work::Answer(leg))
            }
        }
    }

    fn refuse(&mut self, id: LegId, sip: u16, phrase: Option<String>, to: Option<String>, now: Instant) -> Begun {
        let reason = if to.is_some() { "sent elsewhere" } else { "refused" };
        let why = Ending::by(Who::Program, cause::cause_of(sip), Some(sip), phrase.as_deref().unwrap_or(reason));
        self.end_leg(id, LineOrder::Refuse(sip, phrase, to), why, now);
        OK
    }

    fn begin_call(&mut self, id: VerbId, by: Option<LegId>, dial: Box<Dial>, now: Instant) -> Begun {
        if self.legs.len() >= self.caller.bounds.legs {
            return Err(Outcome::Misuse(Misuse::TooManyLegs));
        }
        if dial.targets.len() > self.caller.bounds.targets {
            return Err(Outcome::Misuse(Misuse::TooManyTargets));
        }
        if let (Some(leg), Some(room)) = (by, room_of(&dial)) {
            self.begin_join(id, leg, Box::new(Join::to(room)), true);
            return Ok(None);
        }
        if let Some(leg) = by {
            self.occupy(id, leg);
        }
        self.begin_dial(id, Behalf::of(by), dial, now);
        Ok(None)
    }

    fn begin_bridge(&mut self, id: VerbId, leg: LegId, other: LegId, now: Instant) -> Begun {
        self.fits(other, &Verb::Bridge(other, leg))?;
        if leg == other {
            return Err(Outcome::Misuse(Misuse::VerbBusy));
        }
        self.occupy(id, leg);
        self.occupy(id, other);
        self.works.insert(id, Work::Bridge(leg, other));
        self.join(leg, other, now);
        Ok(None)
    }

    fn unbridge(&mut self, leg: LegId, now: Instant) -> Begun {
        let bridge = self.works.iter().find(|(_, work)| matches!(work, Work::Bridge(..)) && work.runs_on(leg));
        let Some(verb) = bridge.map(|(verb, _)| *verb) else {
            let parted = self.part_talk(leg, now);
            return if parted { OK } else { Err(Outcome::Misuse(Misuse::NotJoined)) };
        };
        self.part(leg, now);
        self.finish(verb, Outcome::Plain(Status::Stopped), now);
        OK
    }

    fn begin_play(&mut self, id: VerbId, leg: LegId, play: Play, now: Instant) -> Begun {
        if play.prompts.is_empty() {
            return Ok(Some(Outcome::Plain(Status::Done)));
        }
        self.occupy(id, leg);
        self.works.insert(id, Work::Play(leg, play.stop_keys.clone()));
        self.voice(leg, Owner::Verb(id), Playing::new(play), now);
        Ok(None)
    }

    fn start_play(&mut self, leg: LegId, play: Play, now: Instant) -> Begun {
        self.room_for_a_handle()?;
        let handle = self.new_handle();
        self.backs.insert(handle, Back::Play(leg));
        self.voice(leg, Owner::Back(handle), Playing::new(play), now);
        Ok(Some(Outcome::Handle(handle)))
    }

    fn room_for_a_handle(&self) -> Result<(), Outcome> {
        let has_room = self.backs.len() < self.caller.bounds.background;
        if has_room { Ok(()) } else { Err(Outcome::Misuse(Misuse::TooMuchBeside)) }
    }

    fn stop(&mut self, id: VerbId, handle: Handle, now: Instant) -> Begun {
        if handle.0 == 0 || handle.0 > self.next_handle {
            return Err(Outcome::Misuse(Misuse::NoHandle));
        }
        self.stop_back(handle, now);
        match self.backs.get(&handle) {
            Some(Back::Record { .. }) => self.under_way(id, Work::Stop(handle)),
            _ => OK,
        }
    }

    /// Stops what runs in the background; a recording ends when its file is closed.
    pub(super) fn stop_back(&mut self, handle: Handle, now: Instant) {
        match self.backs.get(&handle) {
            Some(&Back::Play(leg)) => {
                self.backs.remove(&handle);
                self.hush(leg, Owner::Back(handle), now);
            }
            Some(Back::Timer(_)) => drop(self.backs.remove(&handle)),
            Some(&Back::Record { leg, tag, both, until: None }) if self.here(leg).is_some() => {
                let until = Some(now + limits::CLOSING);
                self.backs.insert(handle, Back::Record { leg, tag, both, until });
                self.sound(leg, SoundOrder::StopRecord(tag));
            }
            _ => {}
        }
    }

    fn pause(&mut self, handle: Handle, pause: bool) -> Begun {
        match self.backs.get(&handle) {
            Some(&Back::Record { leg, tag, until: None, .. }) if self.here(leg).is_some() => {
                self.sound(leg, SoundOrder::PauseRecord(tag, pause));
                OK
            }
            Some(Back::Record { .. }) => Err(Outcome::Plain(Status::Gone)),
            _ => Err(Outcome::Misuse(Misuse::NoHandle)),
        }
    }
}

/// The conference room that a dial leads to, where it leads to nobody else.
fn room_of(dial: &Dial) -> Option<&str> {
    match &dial.targets[..] {
        [target] => target.strip_prefix("room:"),
        _ => None,
    }
}

/// Whether what a leg was in before is past with this.
fn begins_anew(verb: &Verb) -> bool {
    matches!(verb, Verb::Join(..) | Verb::Dial(..) | Verb::Bridge(..) | Verb::Transfer(..))
}

/// The leg on which a verb is done.
fn leg_of(verb: &Verb) -> Option<LegId> {
    match verb {
        Verb::Ring(leg) | Verb::Progress(leg) | Verb::Answer(leg) | Verb::Unbridge(leg) | Verb::Echo(leg) => Some(*leg),
        Verb::Reject(leg, ..) | Verb::Redirect(leg, _) | Verb::HangUp(leg, _) | Verb::Detach(leg) => Some(*leg),
        Verb::Play(leg, _) | Verb::StartPlay(leg, _) | Verb::Gather(leg, _) | Verb::Dial(leg, _) => Some(*leg),
        Verb::Record(leg, _) | Verb::StartRecord(leg, _) | Verb::Bridge(leg, _) | Verb::Unhold(leg) => Some(*leg),
        Verb::Hold(leg, _) | Verb::Transfer(leg, _) | Verb::Refer(leg, _) | Verb::AcceptRefer(leg) => Some(*leg),
        Verb::RejectRefer(leg, _) | Verb::SendKeys(leg, _) | Verb::SendInfo(leg, ..) => Some(*leg),
        Verb::SendMessage(leg, _) | Verb::Join(leg, _) => Some(*leg),
        Verb::Stop(_) | Verb::PauseRecord(..) | Verb::CallOut(_) | Verb::Sleep(_) | Verb::Tag(..) => None,
        Verb::Errand(_) | Verb::After(_) | Verb::Log(..) => None,
    }
}

/// What comes of a verb whose leg has gone.
fn gone(verb: &Verb) -> Outcome {
    let status = Status::Gone;
    match verb {
        Verb::Gather(..) => Outcome::Gathered { status, digits: String::new() },
        Verb::Record(..) => Outcome::Recorded { status, file: None, length: Duration::ZERO },
        Verb::Dial(..) | Verb::CallOut(_) => Outcome::Dialled { status, leg: None, sip: 0, talk: Duration::ZERO },
        Verb::Transfer(..) | Verb::Refer(..) => Outcome::Transferred { status, sip: 0 },
        Verb::Join(..) => Outcome::Joined { status, why: None, stayed: Duration::ZERO },
        _ => Outcome::Plain(status),
    }
}
