//! A party that calls us, from its INVITE to our answer or refusal.
//!
//! ```text
//! called ─Ring─▶ 180 ─Progress─▶ 183 with sound ─Answer─▶ 200 ─ACK─▶ the call hears Answered
//!    └─ each of them ─Refuse, HangUp, CANCEL, BYE, no PRACK─▶ over
//! ```
//!
//! While a reliable response waits for its PRACK nothing else goes out; the furthest of the steps ordered meanwhile follows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_media::sdp::{Description, Format};
use patchcord_sip::dialog::{Dialog, Turn};
use patchcord_sip::hop::{Hop, Transport};
use patchcord_sip::message::{Draft, Fault, Method, Name, Request};
use patchcord_sip::reliable::{self, Reliable};
use patchcord_sip::transaction::ServerId;
use patchcord_sip::transfer::Replaces;

use super::inside::{ALLOW, SUPPORTED};
use super::offers::{SDP, description, formats_of, pictures_of, speaks_dtls, tune};
use super::timer::Clock;
use super::{Cx, Line, LineTerms, Stage, Unfit, Unheard, cause, held};
use crate::call::{Ending, LegEvent, Who};

/// How often a provisional response is sent again while nothing changes, so that no proxy on the way gives up
/// (RFC 3261 §13.3.1.1).
pub(super) const REMIND: Duration = Duration::from_secs(60);

/// After so many of these the party is refused: half an hour, longer than any queue keeps whom it does not answer. A caller that
/// has gone without a word would else ring for ever.
pub(super) const REMINDERS: u16 = 30;

/// How far our answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Ring,
    Progress,
    Answer,
}

impl Step {
    const fn status(self) -> u16 {
        match self {
            Self::Ring => 180,
            Self::Progress => 183,
            Self::Answer => 200,
        }
    }
}

/// What an unanswered call of a party needs to be answered.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) id: ServerId,
    pub(super) invite: Request,
    pub(super) hop: Hop,
    /// Their offer, as long as it is not answered.
    offer: Option<Box<Description>>,
    pub(super) formats: Vec<Format>,
    /// The formats of the pictures that it offers.
    pub(super) pictures: Vec<Format>,
    /// Whether the INVITE leaves the offer to us.
    late: bool,
    pub(super) replaces: Option<Replaces>,
    /// `Some(true)` when the INVITE demands reliable responses.
    wants_reliable: Option<bool>,
    pub(super) reliable: Option<Reliable>,
    /// Our answer, said in a response that may be lost: the 2xx says it again.
    answer: Option<Bytes>,
    /// Whether an offer of ours has gone out reliably.
    pub(super) offered: bool,
    /// The last provisional response, to be sent again.
    pub(super) last: Option<(u16, Bytes)>,
    pub(super) remind: Option<Instant>,
    pub(super) reminded: u16,
    said: Option<Step>,
    next: Option<Step>,
}

impl Called {
    /// Whether ICE is ours to do: the offer will be ours, or theirs says that they only answer.
    pub(super) fn leaves_the_way_to_us(&self) -> bool {
        self.offer.as_ref().is_none_or(|offer| offer.attributes.has("ice-lite"))
    }

    /// Whether each provisional response has to be reliable, and the next one brings our offer.
    fn must_offer(&self) -> bool {
        self.wants_reliable == Some(true) && self.late && !self.offered
    }
}

impl Line {
    /// A party has called us. Nothing is answered yet; a fault or anything else that is unfit is answered by whoever asked.
    ///
    /// # Errors
    /// When no dialog can stand on the request, it requires what we have not, or its offer has nothing for us at all.
    pub fn called(
        invite: &Request,
        id: ServerId,
        hop: &Hop,
        tag: &str,
        contact: Arc<str>,
        terms: Arc<LineTerms>,
    ) -> Result<Self, Unfit> {
        super::unfit::extensions(invite, terms.reliable)?;
        let replaces = Replaces::of(invite)?;
        let offer = description(invite)?;
        let mut line = Self::new(terms, Stage::Called);
        let is_browser = match &offer {
            Some(offer) => speaks_dtls(offer),
            // Who leaves the offer to us and comes by a WebSocket can take no other.
            None => matches!(hop.transport, Transport::Ws | Transport::Wss),
        };
        if is_browser {
            line.offers.meet_browser();
        }
        if let Some(offer) = &offer {
            line.offers.can_answer(offer)?;
        }
        line.terms.session.answer(invite, None)?;
        let mut dialog = Dialog::answering(invite, hop.transport, tag, contact)?;
        // It is the first of its dialog: nothing can cross it.
        let _first = dialog.turns.begin(Turn::Theirs, &Method::Invite, offer.is_some());
        line.dialog = Some(Box::new(dialog));
        line.takes_update = takes_update(invite);
        line.wants_holds = held::wants(invite);
        line.hop = Some(*hop);
        line.called = Some(Box::new(Called {
            id,
            invite: invite.clone(),
            hop: *hop,
            formats: offer.as_ref().map(formats_of).unwrap_or_default(),
            pictures: offer.as_ref().map(pictures_of).unwrap_or_default(),
            late: offer.is_none(),
            offer: offer.map(Box::new),
            replaces,
            wants_reliable: Reliable::wanted(invite),
            reliable: None,
            answer: None,
            offered: false,
            last: None,
            remind: None,
            reminded: 0,
            said: None,
            next: None,
        }));
        Ok(line)
    }

    /// Goes a step towards the answer, now or when the last one has been acknowledged.
    pub(super) fn advance(&mut self, step: Step, cx: &mut Cx<'_>) {
        let Some(called) = self.called.as_deref_mut() else { return };
        if called.reliable.as_ref().is_some_and(Reliable::is_waiting) {
            called.next = called.next.max(Some(step));
            return;
        }
        // Without a port there is nothing to offer yet; ringing is not worth refusing the call for it.
        let waits = step == Step::Ring && called.must_offer() && !self.offers.has_place();
        if called.said == Some(step) || waits {
            return;
        }
        called.said = Some(step);
        let done = match step {
            Step::Answer => self.answer(cx),
            Step::Ring | Step::Progress => self.say(step, cx),
        };
        if let Err(unfit) = done {
            self.unfit(&unfit, cx);
        }
    }

    /// The PRACK has come: what was ordered meanwhile follows.
    pub(super) fn advance_next(&mut self, cx: &mut Cx<'_>) {
        if let Some(next) = self.called.as_deref_mut().and_then(|called| called.next.take()) {
            self.advance(next, cx);
        }
    }

    /// A provisional response.
    fn say(&mut self, step: Step, cx: &mut Cx<'_>) -> Result<(), Unfit> {
        let can = self.terms.reliable;
        let (Some(called), Some(dialog)) = (self.called.as_deref_mut(), self.dialog.as_deref_mut()) else {
            return Ok(());
        };
        let has_sound = step == Step::Progress;
        let reliably = match called.wants_reliable {
            Some(true) => true,
            Some(false) => can && has_sound,
            None => false,
        };
        // RFC 3262 §5: without an offer in the INVITE the first reliable response brings ours.
        let offers_now = reliably && called.late && !called.offered;
        let mut body = None;
        if let Some(offer) = called.offer.take_if(|_| has_sound) {
            let answer = self.offers.answer(*offer)?;
            tune(None, self.offers.sound(), cx.acts);
            dialog.turns.answered();
            called.answer = (!reliably).then(|| answer.clone());
            body = Some(answer);
        } else if offers_now {
            body = Some(self.offers.offer()?);
            dialog.turns.offered(Turn::Ours);
            called.offered = true;
        } else if has_sound {
            body.clone_from(&called.answer);
        }
        let mut reply = dialog.reply(&called.invite, called.hop.peer, step.status())?;
        if reliably {
            let seq = called.invite.cseq()?.number;
            let random = cx.tokens.number() as u32;
            let reliable = called.reliable.get_or_insert_with(|| Reliable::new(seq, random, self.terms.t1));
            // Asked before: nothing waits.
            if let Ok(rseq) = reliable.send(cx.now) {
                reply = reply.text(Name::Require, reliable::OPTION).header(Name::RSeq, rseq);
            }
            reply = reply.text(Name::Allow, ALLOW);
        }
        if let Some(body) = body {
            reply = reply.body(SDP, body);
        }
        let bytes = reply.finish();
        called.last = Some((step.status(), bytes.clone()));
        called.remind = Some(cx.now + REMIND);
        cx.acts.push(super::Act::Respond(called.id, step.status(), bytes));
        Ok(())
    }

    /// The 200.
    fn answer(&mut self, cx: &mut Cx<'_>) -> Result<(), Unfit> {
        let (Some(called), Some(dialog)) = (self.called.as_deref_mut(), self.dialog.as_deref_mut()) else {
            return Ok(());
        };
        let timer = self.terms.session.answer(&called.invite, None)?;
        let mut wants_answer = false;
        let body = if let Some(offer) = called.offer.take() {
            let answer = self.offers.answer(*offer)?;
            tune(None, self.offers.sound(), cx.acts);
            dialog.turns.answered();
            Some(answer)
        } else if called.late && !called.offered {
            wants_answer = true;
            let offer = self.offers.offer()?;
            dialog.turns.offered(Turn::Ours);
            Some(offer)
        } else {
            called.answer.take()
        };
        let reply = dialog.reply(&called.invite, called.hop.peer, 200)?;
        let mut reply = reply.text(Name::Allow, ALLOW).text(Name::Supported, SUPPORTED);
        if let Some(timer) = &timer {
            reply = timer.write(reply);
        }
        if let Some(body) = body {
            reply = reply.body(SDP, body);
        }
        dialog.turns.finish(&Method::Invite, 200);
        cx.respond(called.id, &reply);
        let seq = called.invite.cseq()?.number;
        self.unheard = Some(Unheard { id: called.id, seq, wants_answer, is_first: true });
        self.clock = Clock::answered(&self.terms.session, timer, cx.now);
        self.called = None;
        self.stage = Stage::Up;
        Ok(())
    }

    /// The INVITE cannot be served after all: the house refuses it.
    pub(super) fn unfit(&mut self, unfit: &Unfit, cx: &mut Cx<'_>) {
        let status = unfit.status();
        let ending =
            Ending { by: Who::System, cause: cause::cause_of(status), sip: Some(status), reason: unfit.to_string() };
        self.refuse_with(status, |reply| unfit.write(reply), ending, cx);
    }

    /// The call refuses.
    pub(super) fn refuse(&mut self, status: u16, words: Option<String>, elsewhere: Option<String>, cx: &mut Cx<'_>) {
        let status = if (300..700).contains(&status) { status } else { 480 };
        let cause = cause::cause_of(status);
        let reason = words.clone().unwrap_or_default();
        let ending = Ending { by: Who::Program, cause, sip: Some(status), reason };
        let write = |mut reply: Draft| {
            if let Some(words) = &words {
                reply = reply.phrase(words);
            }
            match &elsewhere {
                Some(contact) if contact.contains('<') => reply.text(Name::Contact, contact),
                Some(contact) => reply.header(Name::Contact, format_args!("<{contact}>")),
                None => reply,
            }
        };
        self.refuse_with(status, write, ending, cx);
    }

    /// Answers the INVITE with a refusal; the call hears the end.
    pub(super) fn refuse_with(
        &mut self,
        status: u16,
        write: impl FnOnce(Draft) -> Draft,
        ending: Ending,
        cx: &mut Cx<'_>,
    ) {
        let (Some(called), Some(dialog)) = (self.called.take(), self.dialog.as_deref_mut()) else { return };
        let reply = dialog.reply(&called.invite, called.hop.peer, status);
        let reply = reply.unwrap_or_else(|_| Draft::reply(&called.invite, called.hop.peer, status));
        dialog.end();
        cx.respond(called.id, &write(reply));
        self.over(ending, cx);
    }

    /// The party has given up. CANCEL is answered already.
    pub fn cancelled(&mut self, id: ServerId, cancel: &Request, cx: &mut Cx<'_>) {
        // A 2xx may have gone out in the same moment; then the party acknowledges it and says BYE.
        if self.called.as_ref().is_some_and(|called| called.id == id) {
            let ending = cause::Reason::of(cancel).ending(Some(487));
            self.refuse_with(487, |reply| reply, ending, cx);
        }
    }

    /// An ACK of a 2xx of ours.
    pub fn ack(&mut self, request: &Request, cx: &mut Cx<'_>) {
        let seq = request.cseq().map(|cseq| cseq.number).ok();
        let Some(unheard) = self.unheard.take_if(|unheard| Some(unheard.seq) == seq) else { return };
        if self.stage == Stage::Over {
            self.send_bye(cx);
            return;
        }
        let mut fine = Ok(());
        if unheard.wants_answer {
            let before = self.offers.sound().cloned();
            fine = description(request).and_then(|answer| {
                let answer = answer.ok_or(Unfit::Fault(Fault::bad("No Answer In ACK")))?;
                Ok(self.offers.accept(&answer)?)
            });
            if let Some(dialog) = &mut self.dialog {
                dialog.turns.answered();
            }
            match &fine {
                Ok(()) => tune(before, self.offers.sound(), cx.acts),
                Err(_) => self.offers.rollback(),
            }
        }
        match fine {
            Ok(()) => {
                if unheard.is_first {
                    cx.tell(LegEvent::Answered);
                }
                self.tell_held(cx);
                self.go_on(cx);
            }
            Err(unfit) => self.blame(cause::NO_BEARER, Some(unfit.status()), &unfit.to_string(), cx),
        }
    }

    /// Nobody has acknowledged a 2xx of ours (RFC 3261 §13.3.1.4).
    pub fn ack_missing(&mut self, id: ServerId, cx: &mut Cx<'_>) {
        if self.unheard.take_if(|unheard| unheard.id == id).is_none() {
            return;
        }
        if self.stage == Stage::Over {
            return self.send_bye(cx);
        }
        // The party reads that a timer ran out; the record, whose timer it was.
        let reason = "nobody acknowledged the answer".to_owned();
        let ending = Ending { by: Who::Party, cause: cause::PROTOCOL, sip: None, reason };
        self.leave(cause::TIMED_OUT, None, ending, cx);
    }
}

/// Whether whoever sent this takes UPDATE.
pub(super) fn takes_update(message: &patchcord_sip::message::Headers) -> bool {
    message.allow().any(|method| method.eq_ignore_ascii_case("UPDATE"))
}
