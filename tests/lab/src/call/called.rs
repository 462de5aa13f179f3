//! Being called: the first INVITE of the other side, and what this phone says to it.

use std::time::Instant;

use patchcord_sip::dialog::{Dialog, Turn};
use patchcord_sip::message::{Draft, Request};
use patchcord_sip::reliable::{Due, Reliable};
use patchcord_sip::transaction::{ServerId, TimerSet};
use patchcord_sip::transfer::Replaces;
use patchcord_sip::{Hop, Method, Name};

use super::calling::{ALLOWED, described, reply};
use super::leg::{Invited, Promise, Role, Side, Stage};
use super::machine::{Machine, Say};
use super::model::{Conduct, Reliability};

impl Machine {
    /// A request came. Those inside a call are for the call; the others make one, or are answered here.
    pub fn asked(&mut self, id: ServerId, request: Request, hop: Hop, now: Instant) {
        if request.to_tag().is_ok_and(|tag| tag.is_some()) {
            return match self.leg_of(&request) {
                Some(leg) => self.asked_inside(leg, id, request, hop, now),
                None => self.refuse(id, &request, hop, 481, now),
            };
        }
        match request.method() {
            Method::Invite => self.invited(id, request, hop, now),
            Method::Options => {
                let answer = Draft::reply(&request, hop.peer, 200).to_tag(&self.tokens.tag());
                self.reply(id, &answer.text(Name::Allow, ALLOWED), now);
            }
            Method::Message | Method::Notify => self.refuse(id, &request, hop, 200, now),
            _ => self.refuse(id, &request, hop, 405, now),
        }
    }

    pub fn refuse(&mut self, id: ServerId, request: &Request, hop: Hop, status: u16, now: Instant) {
        let tag = self.tokens.tag();
        let answer = Draft::reply(request, hop.peer, status).to_tag(&tag);
        self.reply(id, &answer, now);
    }

    fn invited(&mut self, id: ServerId, request: Request, hop: Hop, now: Instant) {
        let tag = self.tokens.tag();
        let dialog = match Dialog::answering(&request, hop.transport, &tag, self.contact()) {
            Ok(dialog) => Box::new(dialog),
            Err(fault) => return self.refuse(id, &request, hop, fault.status(), now),
        };
        let replaced = match Replaces::of(&request) {
            Ok(None) => None,
            Ok(Some(replaces)) => {
                let found = self.legs.iter_mut().position(|leg| leg.dialog().is_some_and(|one| replaces.is(one.id())));
                let judged = replaces.judge(found.and_then(|leg| self.legs[leg].dialog()).as_deref());
                match judged {
                    Ok(()) => found,
                    Err(fault) => return self.refuse(id, &request, hop, fault.status(), now),
                }
            }
            Err(fault) => return self.refuse(id, &request, hop, fault.status(), now),
        };
        if let Some(Err(refused)) = self.model.session.map(|rules| rules.answer(&request, None)) {
            let refusal = Draft::reply(&request, hop.peer, refused.status()).to_tag(&tag);
            return self.reply(id, &refused.write(refusal), now);
        }
        let leg = self.new_leg(Role::Called { dialog });
        self.legs[leg].invited = Some(Invited { id, request, hop });
        if let Some(replaced) = replaced {
            self.answer(leg, now);
            return self.end_call(replaced, now);
        }
        match self.model.conduct {
            Conduct::Ring => self.ring(leg, 180, false, now),
            Conduct::Early => self.ring(leg, 183, true, now),
            Conduct::Answer => {
                self.ring(leg, 180, false, now);
                self.answer(leg, now);
            }
            Conduct::Refuse(status) => self.refuse_call(leg, status, None, now),
            Conduct::Ignore => {}
        }
    }

    /// Says something provisional, with our sound where that is wanted.
    pub fn ring(&mut self, leg: usize, status: u16, with_sound: bool, now: Instant) {
        let random = self.tokens.number() as u32;
        let reliability = self.model.reliability;
        let Some(Invited { id, request, hop }) = self.legs[leg].invited.take() else { return };
        // A phone that rings asks for little: only what carries a description has to arrive, unless all has.
        let wanted = Reliable::wanted(&request);
        let reliable = wanted == Some(true) || (wanted == Some(false) && with_sound);
        let reliable = reliable && reliability != Reliability::Never && self.legs[leg].promise.is_none();
        let description = with_sound.then(|| self.describe(leg, &request)).flatten();
        let call = &mut self.legs[leg];
        let Some(dialog) = call.dialog() else { return };
        let Ok(mut draft) = dialog.reply(&request, hop.peer, status) else { return };
        if reliable && let Ok(cseq) = request.cseq() {
            let mut reliable = Reliable::new(cseq.number, random, TimerSet::default().t1);
            let rseq = reliable.send(now).expect("nothing is promised yet");
            draft = draft.header(Name::Require, "100rel").header(Name::RSeq, rseq);
            draft = described(draft, description);
            call.promise = Some(Promise { reliable, bytes: draft.finish(), status });
        } else {
            draft = described(draft, description);
        }
        call.stage = Stage::Rings(status);
        call.invited = Some(Invited { id, request, hop });
        self.reply(id, &draft, now);
    }

    /// Answers the call.
    pub fn answer(&mut self, leg: usize, now: Instant) {
        let Some(Invited { id, request, hop }) = self.legs[leg].invited.take() else { return };
        let description = self.describe(leg, &request);
        if description.is_none() && self.legs[leg].talk.agreed.is_none() {
            self.legs[leg].invited = Some(Invited { id, request, hop });
            return self.refuse_call(leg, 488, None, now);
        }
        // Too short an interval was refused before it rang.
        let session = self.model.session.and_then(|rules| rules.answer(&request, None).ok()?);
        let supported = self.model.supported();
        let call = &mut self.legs[leg];
        let Some(dialog) = call.dialog() else { return };
        let Ok(draft) = dialog.reply(&request, hop.peer, 200) else { return };
        let mut draft = described(draft, description).text(Name::Allow, ALLOWED).text(Name::Supported, &supported);
        if let Some(session) = &session {
            draft = session.write(draft);
            call.timer = Some(session.timer(now));
        }
        if let Some(promise) = &mut call.promise {
            promise.reliable.finish();
        }
        call.stage = Stage::Unacknowledged;
        call.invited = Some(Invited { id, request, hop });
        self.reply(id, &draft, now);
    }

    /// What our next answer to the INVITE says of sound: our answer to its offer, our own offer where it made none, and
    /// nothing when that was said reliably before.
    fn describe(&mut self, leg: usize, request: &Request) -> Option<String> {
        let call = &mut self.legs[leg];
        if call.talk.offered {
            // Said in a provisional response that may not have arrived.
            return call.talk.written().map(str::to_owned);
        }
        if call.talk.agreed.is_some() {
            let reliably = call.promise.is_some();
            return if reliably { None } else { call.talk.written().map(str::to_owned) };
        }
        if request.body_bytes().is_empty() {
            let offer = call.talk.offer();
            call.settle();
            return Some(offer);
        }
        self.hear_description(leg, request, true)
    }

    /// Refuses the call; a 3xx names another place.
    pub fn refuse_call(&mut self, leg: usize, status: u16, contact: Option<&str>, now: Instant) {
        let Some(Invited { id, request, hop }) = self.legs[leg].invited.take() else { return };
        let Some(dialog) = self.legs[leg].dialog() else { return };
        let Ok(mut draft) = dialog.reply(&request, hop.peer, status) else { return };
        if let Some(contact) = contact {
            draft = draft.header(Name::Contact, format_args!("<{contact}>"));
        }
        self.reply(id, &draft, now);
        self.legs[leg].end(Side::Us, Some(status), None);
    }

    /// The ACK of a 2xx: with it the call stands, and an offer of ours in the 2xx is answered.
    pub fn acknowledged(&mut self, ack: &Request) {
        let Some(leg) = self.leg_of(ack) else { return };
        let call = &mut self.legs[leg];
        call.invited = None;
        if call.stage == Stage::Unacknowledged {
            call.stage = Stage::Up;
        }
        if call.talk.offered {
            self.hear_description(leg, ack, false);
        }
        if let Some(dialog) = self.legs[leg].dialog() {
            dialog.turns.answered();
        }
    }

    /// The caller gave up.
    pub fn cancelled(&mut self, id: ServerId, cancel: &Request, now: Instant) {
        let ours = |leg: &super::leg::Leg| leg.invited.as_ref().is_some_and(|invited| invited.id == id);
        let Some(leg) = self.legs.iter().position(ours) else { return };
        if self.legs[leg].is_up() {
            return;
        }
        self.refuse_call(leg, 487, None, now);
        let status = Some(487);
        self.legs[leg].stage = Stage::Over(super::Ending { by: Side::Them, status, message: Some(reply(cancel)) });
    }

    /// Nobody acknowledged our 2xx: the call ends with a BYE (RFC 3261 §13.3.1.4).
    pub fn ack_missing(&mut self, id: ServerId, now: Instant) {
        let ours = |leg: &super::leg::Leg| leg.invited.as_ref().is_some_and(|invited| invited.id == id);
        if let Some(leg) = self.legs.iter().position(ours) {
            self.legs[leg].invited = None;
            self.end_call(leg, now);
        }
    }

    /// What is due in a call by now.
    pub fn wake_leg(&mut self, leg: usize, now: Instant) {
        let call = &mut self.legs[leg];
        match call.promise.as_mut().and_then(|promise| promise.reliable.expire(now)) {
            Some(Due::Repeat) => self.repeat_promise(leg, now),
            Some(Due::GiveUp) => self.refuse_call(leg, 504, None, now),
            None => {}
        }
        let call = &mut self.legs[leg];
        if call.postponed.is_some_and(|due| due <= now) {
            call.postponed = None;
            self.reinvite(leg, now);
        }
        use patchcord_sip::session_timer::Due as Session;
        match self.legs[leg].timer.as_mut().and_then(|timer| timer.expire(now)) {
            Some(Session::Refresh) => self.ask_inside(leg, Say::new(Method::Update), now),
            Some(Session::End) => self.end_call(leg, now),
            None => {}
        }
    }

    fn repeat_promise(&mut self, leg: usize, now: Instant) {
        let call = &self.legs[leg];
        if let (Some(promise), Some(invited)) = (&call.promise, &call.invited) {
            let (status, bytes, id) = (promise.status, promise.bytes.clone(), invited.id);
            self.transactions.respond(id, status, bytes, now);
        }
    }

    /// Whether the other side may ask for that now; else the status that says so.
    pub fn their_turn(&mut self, leg: usize, method: &Method, with_offer: bool) -> Result<(), u16> {
        let Some(dialog) = self.legs[leg].dialog() else { return Err(481) };
        dialog.turns.begin(Turn::Theirs, method, with_offer).map_err(|clash| clash.status())
    }
}
