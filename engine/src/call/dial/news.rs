//! What a called leg tells before it is joined, and what the caller hears meanwhile.

use std::time::Instant;

use crate::call::effect::LineOrder;
use crate::call::leg::Stage;
use crate::call::play::{Owner, Playing};
use crate::call::verb::Ringback;
use crate::call::{Call, LegId};
use crate::program::VerbId;

/// What a caller hears whose own phone gives no tone any more, because sound flows already.
const RINGBACK: &str = "tone::ringback";

impl Call {
    /// It rings.
    pub(in crate::call) fn callee_rings(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.here_mut(id).filter(|leg| leg.stage == Stage::Asked) else { return };
        leg.stage = Stage::Ringing;
        if let Some(verb) = leg.dial {
            self.target_rings(verb);
            self.ring_back(verb, now);
        }
    }

    /// It sends sound before it answers.
    pub(in crate::call) fn callee_sounds(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.here_mut(id).filter(|leg| matches!(leg.stage, Stage::Asked | Stage::Ringing)) else {
            return;
        };
        leg.stage = Stage::Early;
        if let Some(verb) = leg.dial {
            self.target_rings(verb);
            self.pass_early(verb, id, now);
        }
    }

    /// It has answered.
    pub(in crate::call) fn callee_answered(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.here_mut(id).filter(|leg| !leg.is_answered()) else { return };
        leg.stage = Stage::Answered;
        leg.known = true;
        let Some(verb) = leg.dial else { return };
        let screens = self.dialling(verb).is_some_and(|dialling| dialling.dial.screen.is_some());
        if screens { self.begin_screen(verb, id, now) } else { self.accept(verb, id, now) }
    }

    /// The caller is told that it rings, in the way that the dial wants.
    fn ring_back(&mut self, verb: VerbId, now: Instant) {
        let Some(dialling) = self.dialling(verb) else { return };
        let (Some(caller), None) = (dialling.by, dialling.early) else { return };
        let ringback = dialling.dial.ringback.clone();
        let Some(leg) = self.here_mut(caller) else { return };
        let own = match ringback {
            Ringback::Own(prompt) => Some(prompt),
            Ringback::Pass | Ringback::Phone => None,
        };
        if let Stage::Calling { told } = &mut leg.stage {
            if own.is_none() {
                if !std::mem::replace(told, true) {
                    self.line(caller, LineOrder::Ring);
                }
                return;
            }
            self.open_early(caller);
        }
        let Some(leg) = self.here(caller) else { return };
        if !leg.sounds.iter().any(|sounding| sounding.owner == Owner::Ringback(verb)) {
            let playing = Playing::endless(own.as_deref().unwrap_or(RINGBACK));
            self.voice(caller, Owner::Ringback(verb), playing, now);
        }
    }

    /// The caller hears what the callee's side sends, where it is the first that sends something.
    fn pass_early(&mut self, verb: VerbId, id: LegId, now: Instant) {
        let Some(dialling) = self.dialling(verb) else { return };
        if dialling.dial.ringback != Ringback::Pass {
            return self.ring_back(verb, now);
        }
        let (Some(caller), None) = (dialling.by, dialling.early) else { return };
        dialling.early = Some(id);
        if self.here(caller).is_some_and(|leg| matches!(leg.stage, Stage::Calling { .. })) {
            self.open_early(caller);
        }
        self.hush(caller, Owner::Ringback(verb), now);
        self.join(caller, id, now);
    }

    /// Whose sound the caller heard is gone: it hears the next one who sends something.
    pub(super) fn early_gone(&mut self, verb: VerbId, id: LegId, now: Instant) {
        let Some(dialling) = self.dialling(verb).filter(|dialling| dialling.early == Some(id)) else { return };
        dialling.early = None;
        let asked: Vec<LegId> = dialling.asked().collect();
        let next = asked.into_iter().find(|leg| self.here(*leg).is_some_and(|leg| leg.stage == Stage::Early));
        if let Some(next) = next {
            self.pass_early(verb, next, now);
        }
    }

    /// Sound flows to a caller before the answer.
    pub(in crate::call) fn open_early(&mut self, caller: LegId) {
        if let Some(leg) = self.here_mut(caller) {
            leg.stage = Stage::Early;
            self.line(caller, LineOrder::Progress);
        }
    }
}
