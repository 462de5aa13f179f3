//! Reliable provisional responses of ours: their PRACK, and what happens when none comes.

use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Fault, Request};
use patchcord_sip::reliable::{Due, RAck};
use patchcord_sip::transaction::ServerId;

use super::called::Called;
use super::offers::{SDP, description, tune};
use super::{Act, Cx, Line, Unfit, cause};
use crate::call::{Ending, Who};

impl Line {
    /// A PRACK: it stops the repeating, and brings the answer to our offer, or an offer of its own.
    pub(super) fn prack(&mut self, id: ServerId, request: &Request, hop: &Hop, cx: &mut Cx<'_>) -> Result<(), Unfit> {
        const NOTHING: Unfit = Unfit::Fault(Fault::new(481, "No Such Response"));
        let body = description(request)?;
        let (Some(called), Some(dialog)) = (self.called.as_deref_mut(), self.dialog.as_deref_mut()) else {
            return Err(NOTHING);
        };
        called.reliable.as_mut().ok_or(NOTHING)?.hear(&RAck::of(request)?)?;
        let before = self.offers.sound().cloned();
        let answers = self.offers.is_pending();
        let reply = match body {
            Some(answer) if answers => {
                if let Err(reason) = self.offers.accept(&answer) {
                    self.offers.rollback();
                    self.unfit(&reason.into(), cx);
                    return Err(reason.into());
                }
                dialog.turns.answered();
                dialog.reply(request, hop.peer, 200)?
            }
            // RFC 3261 §13.2.1: what was offered reliably is answered in the PRACK, or never.
            None if answers => {
                self.offers.rollback();
                let fault = Fault::bad("No Answer In PRACK");
                self.unfit(&fault.into(), cx);
                return Err(fault.into());
            }
            Some(offer) => {
                let answer = self.offers.answer(offer)?;
                dialog.reply(request, hop.peer, 200)?.body(SDP, answer)
            }
            None => dialog.reply(request, hop.peer, 200)?,
        };
        cx.respond(id, &reply);
        tune(before, self.offers.sound(), cx.acts);
        self.advance_next(cx);
        Ok(())
    }

    /// What is due about a call that waits for our answer.
    pub(super) fn wake_called(&mut self, cx: &mut Cx<'_>) {
        let Some(called) = self.called.as_deref_mut() else { return };
        match called.reliable.as_mut().and_then(|reliable| reliable.expire(cx.now)) {
            Some(Due::Repeat) => repeat(called, cx),
            Some(Due::GiveUp) => {
                let reason = "nobody acknowledged a reliable response".to_owned();
                let ending = Ending { by: Who::System, cause: cause::TIMED_OUT, sip: Some(504), reason };
                return self.refuse_with(504, |reply| reply, ending, cx);
            }
            None => {}
        }
        if called.remind.is_some_and(|at| cx.now >= at) {
            called.remind = Some(cx.now + super::called::REMIND);
            called.reminded += 1;
            if called.reminded >= super::called::REMINDERS {
                let reason = "nobody answered the caller for half an hour".to_owned();
                let ending = Ending { by: Who::System, cause: cause::NO_ANSWER, sip: Some(480), reason };
                return self.refuse_with(480, |reply| reply, ending, cx);
            }
            // RFC 3262 §3 wants a new RSeq for a reliable one; what has been acknowledged need not be said again.
            if called.reliable.is_none() {
                repeat(called, cx);
            }
        }
    }
}

fn repeat(called: &Called, cx: &mut Cx<'_>) {
    if let Some((status, bytes)) = &called.last {
        cx.acts.push(Act::Respond(called.id, *status, bytes.clone()));
    }
}
