//! What happens to a leg, led to whom it concerns. Of a leg that is ending only its last word is heard.

use std::time::Instant;

use super::event::{Ending, Happening, LegEvent, Refused, Who};
use super::leg::Stage;
use super::verb::{Outcome, Status};
use super::work::Work;
use super::{Call, LegId, cause, scope};
use crate::program::{VerbId, Wake};

impl Call {
    pub(super) fn hear_leg(&mut self, id: LegId, event: LegEvent, now: Instant) {
        match event {
            LegEvent::Recorded(tag, how) => self.recorded(id, tag, how, now),
            LegEvent::Ended(ending) => self.leg_ended(id, ending, now),
            LegEvent::Refused(refused) => self.leg_refused(id, &refused, now),
            LegEvent::Answered => self.leg_answered(id, now),
            event if self.here(id).is_some() => self.hear_present(id, event, now),
            _ => {}
        }
    }

    fn hear_present(&mut self, id: LegId, event: LegEvent, now: Instant) {
        match event {
            LegEvent::Ringing => self.callee_rings(id, now),
            LegEvent::EarlyMedia => self.callee_sounds(id, now),
            LegEvent::KeyDown(key) => self.key_down(id, key, now),
            LegEvent::Key(press) => self.key(id, press, now),
            LegEvent::Played(tag, how) => self.played(id, tag, Some(how), now),
            LegEvent::NotPlayed(tag, _) => self.played(id, tag, None, now),
            LegEvent::KeysSent => self.keys_sent(id, now),
            LegEvent::Quiet(tag) => self.quiet(id, tag, now),
            LegEvent::Held(holds) => self.party_holds(id, holds, now),
            LegEvent::MediaLost(silence) => {
                // A party that is held, or holds us, may fall silent.
                if self.here(id).is_some_and(|leg| !leg.held && !leg.holds) {
                    self.hang_up(id, scope::sound_lost(silence), now);
                }
            }
            LegEvent::Unusable(why) => self.hang_up(id, why, now),
            LegEvent::Info(kind, body) => self.tell(Wake::Heard(Happening::Info(id, kind, body))),
            LegEvent::Message(kind, body) => self.tell(Wake::Heard(Happening::Message(id, kind, body))),
            LegEvent::Refer(wish) => self.party_wishes(id, wish, now),
            LegEvent::ReferProgress(sip) => self.referred(id, sip, now),
            LegEvent::LineRefused(sip) => self.refer_refused(id, sip, now),
            LegEvent::MediaBack
            | LegEvent::Answered
            | LegEvent::Refused(_)
            | LegEvent::Ended(_)
            | LegEvent::Recorded(..) => {}
        }
    }

    fn leg_answered(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if !leg.is_here() {
            // Its answer crossed our word that nobody wants it any more.
            if let Stage::Ending { why, .. } = &leg.stage {
                let order = why.order();
                self.line(id, order);
            }
            return;
        }
        if !leg.called_us {
            return self.callee_answered(id, now);
        }
        if leg.stage != Stage::Answering {
            return;
        }
        leg.stage = Stage::Answered;
        let answering = |work: &Work| matches!(work, Work::Answer(leg) if *leg == id);
        let verbs: Vec<VerbId> = self.works.iter().filter(|(_, work)| answering(work)).map(|(verb, _)| *verb).collect();
        for verb in verbs {
            self.finish(verb, Outcome::Plain(Status::Ok), now);
        }
    }

    fn leg_ended(&mut self, id: LegId, ending: Ending, now: Instant) {
        let sip = ending.sip;
        let dial = self.legs.get_mut(&id).and_then(|leg| leg.dial.take());
        self.leg_over(id, ending, now);
        if let Some(dial) = dial {
            self.branch_ended(dial, id, sip, now);
        }
    }

    fn leg_refused(&mut self, id: LegId, refused: &Refused, now: Instant) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let dial = leg.dial.take();
        let ending = Ending {
            by: if refused.by_house { Who::System } else { Who::Party },
            cause: if refused.by_house && refused.sip == 503 { cause::NO_ROOM } else { cause::cause_of(refused.sip) },
            sip: Some(refused.sip),
            reason: refused.reason.clone(),
        };
        self.leg_over(id, ending, now);
        if let Some(dial) = dial {
            self.branch_refused(dial, id, refused, now);
        }
    }
}
