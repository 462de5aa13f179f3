//! How a line ends: by the party, by the call, or by the house.
//!
//! The call is told once, as soon as it is decided; what has to be said on the wire may follow.

use std::time::Duration;

use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Method, Name, Request};
use patchcord_sip::transaction::ServerId;

use super::asking::What;
use super::offers::Offers;
use super::{Act, Cx, Line, Stage, Unfit, cause};
use crate::call::{Ending, LegEvent, Who};

/// How long a party may take to answer the last word about its transfer: one repetition on a slow network.
const READING: Duration = Duration::from_secs(2);

impl Line {
    /// The call is told the end.
    pub(super) fn over(&mut self, ending: Ending, cx: &mut Cx<'_>) {
        if self.stage != Stage::Over {
            self.stage = Stage::Over;
            self.clock = None;
            self.called = None;
            self.end_refers(cx);
            self.give_up(cx);
            cx.tell(LegEvent::Ended(ending));
        }
    }

    /// Keeps only what further answers of a fork take, which are acknowledged and ended.
    pub fn put_away(&mut self) {
        if self.stage != Stage::Over {
            return;
        }
        self.offers = Offers::new(self.terms.clone());
        self.introduced = None;
        if let Some(calling) = &mut self.calling {
            calling.put_away();
        }
    }

    /// The call hangs up, whatever state the line is in.
    pub(super) fn hang_up(&mut self, cause: u8, sip: Option<u16>, words: Option<Box<str>>, cx: &mut Cx<'_>) {
        let reason = words.map(String::from).unwrap_or_default();
        self.leave(cause, sip, Ending { by: Who::Program, cause, sip, reason }, cx);
    }

    /// The house ends the line: something went wrong.
    pub(super) fn fail(&mut self, cause: u8, sip: Option<u16>, why: &str, cx: &mut Cx<'_>) {
        self.leave(cause, sip, Ending { by: Who::System, cause, sip, reason: why.to_owned() }, cx);
    }

    /// The house ends the line because the party has not done what it had to.
    pub(super) fn blame(&mut self, cause: u8, sip: Option<u16>, why: &str, cx: &mut Cx<'_>) {
        self.leave(cause, sip, Ending { by: Who::Party, cause, sip, reason: why.to_owned() }, cx);
    }

    /// The house has no port for the party's sound: it is refused, or hung up.
    pub fn has_no_room(&mut self, cx: &mut Cx<'_>) {
        self.fail(cause::NO_ROOM, Some(503), "no port for sound is free", cx);
    }

    pub(super) fn leave(&mut self, cause: u8, sip: Option<u16>, ending: Ending, cx: &mut Cx<'_>) {
        let said = cause::reason(cause, sip, &ending.reason);
        match self.stage {
            Stage::Over => {}
            Stage::New => self.over(ending, cx),
            Stage::Called => {
                let status = sip.filter(|status| (400..700).contains(status)).unwrap_or(cause::status_of(cause));
                let ending = Ending { sip: Some(status), ..ending };
                self.refuse_with(status, |reply| reply.text(Name::Reason, &said), ending, cx);
            }
            Stage::Calling => {
                if let Some(calling) = &mut self.calling {
                    calling.given_up = Some(said.as_str().into());
                    cx.acts.push(Act::Cancel(calling.mark, Some(said)));
                }
                self.over(ending, cx);
            }
            Stage::Up => {
                self.last_word(cx);
                self.bye = Some(said.into());
                self.over(ending, cx);
                // RFC 3261 §15: not before the party is known to have our 2xx.
                if self.unheard.is_none() {
                    self.say_bye(cx);
                }
            }
        }
    }

    /// Sends the BYE, as soon as the party has read how its transfer went: a BYE that overtakes that tells it the wrong story.
    pub(super) fn say_bye(&mut self, cx: &mut Cx<'_>) {
        let is_reading = self.asked.iter().any(|asked| asked.what == What::Notify);
        if self.bye.is_none() || self.stage != Stage::Over {
            return;
        }
        if is_reading && self.bye_by.is_none_or(|by| cx.now < by) {
            self.bye_by.get_or_insert(cx.now + READING);
        } else {
            self.send_bye(cx);
        }
    }

    /// The BYE that waited.
    pub(super) fn send_bye(&mut self, cx: &mut Cx<'_>) {
        self.bye_by = None;
        let (Some(said), Some(dialog)) = (self.bye.take(), self.dialog.as_deref_mut()) else { return };
        let draft = dialog.request(Method::Bye).text(Name::Reason, &said);
        self.ask(What::Bye, draft, bytes::Bytes::new(), cx);
    }

    /// The party hangs up.
    pub(super) fn bye(&mut self, id: ServerId, request: &Request, hop: &Hop, cx: &mut Cx<'_>) -> Result<(), Unfit> {
        let reason = cause::Reason::of(request);
        self.answer_plainly(id, request, hop, cx)?;
        if let Some(unheard) = self.unheard.take() {
            cx.acts.push(Act::StopRepeating(unheard.id));
        }
        (self.bye, self.bye_by) = (None, None);
        // RFC 3261 §15.1.2: what is still unanswered of the dialog gets 487.
        if self.called.is_some() {
            self.refuse_with(487, |reply| reply, reason.ending(None), cx);
        } else {
            self.over(reason.ending(None), cx);
        }
        Ok(())
    }

    /// The party knows the dialog no more: it is told all the same, in case only its answer was wrong.
    pub(super) fn lost(&mut self, status: u16, why: &str, cx: &mut Cx<'_>) {
        self.fail(cause::cause_of(status), Some(status), why, cx);
    }
}
