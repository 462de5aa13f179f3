//! A party that we call, from our INVITE to its answer or refusal.
//!
//! ```text
//! new ─Invite─▶ calling ─180─▶ Ringing ─18x with sound─▶ EarlyMedia ─2xx─▶ ACK, Answered
//!                  │ ▲ 401, 407, 422: again, with what they ask for
//!                  └─3xx to 6xx, no answer─▶ Refused        HangUp ─▶ CANCEL; a 2xx that crosses it: ACK, BYE
//! ```

use std::sync::Arc;

use bytes::Bytes;
use patchcord_media::sdp::Description;
use patchcord_media::sdp::agreed::Sound;
use patchcord_sip::dialog::{Branch, Dialog, DialogId, ForkFault, Forks, Opening, Outgoing, Turn};
use patchcord_sip::digest::Asked as Hashed;
use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Draft, Fault, Method, Name, Response, phrase};
use patchcord_sip::session_timer::Wish;

use super::asking::{What, credentials, way_to};
use super::branch::Twig;
use super::inside::{ALLOW, asked};
use super::offers::{Offers, SDP, description, tune};
use super::timer::Clock;
use super::{Act, Cx, Line, LineTerms, Mark, Outward, Stage, Unfit, called, cause, held};
use crate::call::LegEvent;
use crate::call::event::Refused;

/// How often an INVITE is tried anew because it lacks something: credentials for a proxy and for its server, each with a
/// nonce that grew old, and a session interval.
const MAX_TRIES: u8 = 6;

/// Most addresses of a redirection that are told. Nobody rings more places one after the other.
const MAX_ELSEWHERE: usize = 10;

/// Longest words of a refusal that are told.
const MAX_WORDS: usize = 200;

/// What a call of ours needs until it is answered, and as long as further phones may answer.
#[derive(Debug)]
pub(super) struct Calling {
    pub(super) mark: Mark,
    pub(super) forks: Forks,
    hops: u8,
    headers: Vec<(String, String)>,
    /// Our offer.
    pub(super) body: Option<Bytes>,
    wish: Wish,
    /// Credentials of the INVITE, which its ACK says again.
    proofs: Vec<(Name<'static>, String)>,
    tries: u8,
    pub(super) twigs: Vec<Twig>,
    /// What the port was told last.
    pub(super) tuned: Option<Arc<Sound>>,
    /// What early answers say of pictures.
    pub(super) shown: Option<Arc<Sound>>,
    rang: bool,
    pub(super) is_heard: bool,
    /// Why it was given up: the value of a Reason.
    pub(super) given_up: Option<Box<str>>,
}

impl Calling {
    pub(super) fn tag(&self) -> &str {
        self.forks.opening().tag()
    }

    /// Which early dialog has that name.
    pub(super) fn branch_of(&mut self, name: DialogId<'_>) -> Option<usize> {
        let known = self.forks.dialogs().iter().any(|dialog| dialog.is(name));
        self.twigs.iter().position(|twig| known && &*twig.tag == name.remote)
    }

    /// Lets go of what only another try would take.
    pub(super) fn put_away(&mut self) {
        (self.headers, self.proofs, self.twigs) = (Vec::new(), Vec::new(), Vec::new());
        (self.body, self.tuned, self.shown) = (None, None, None);
    }

    fn draft(&self, reliable: bool) -> Draft {
        let draft = self.forks.opening().draft().without(Name::MaxForwards).header(Name::MaxForwards, self.hops);
        let mut draft = draft.text(Name::Allow, ALLOW).text(Name::Supported, asked(reliable));
        draft = self.wish.ask(draft);
        for (name, value) in &self.headers {
            draft = draft.text(Name::of(name), value);
        }
        for (name, value) in &self.proofs {
            draft = draft.text(*name, value);
        }
        match &self.body {
            Some(body) => draft.body(SDP, body.clone()),
            None => draft,
        }
    }
}

impl Line {
    /// A line for a party that is about to be called by [`LineOrder::Invite`](crate::call::LineOrder::Invite).
    ///
    /// # Errors
    /// When an address cannot be read.
    pub fn calling(outward: Outward<'_>, terms: Arc<LineTerms>) -> Result<Self, Fault> {
        let opening = Opening::new(Outgoing {
            method: Method::Invite,
            target: outward.target,
            from: outward.from,
            to: outward.to,
            contact: outward.contact,
            call_id: outward.call_id,
            tag: outward.tag,
            routes: outward.routes,
        })?;
        let wish = Wish::new(&terms.session);
        let mut line = Self::new(terms, Stage::New);
        line.calling = Some(Box::new(Calling {
            mark: Mark(0),
            forks: Forks::new(opening),
            hops: outward.hops,
            headers: outward.headers,
            body: None,
            wish,
            proofs: Vec::new(),
            tries: 0,
            twigs: Vec::new(),
            tuned: None,
            shown: None,
            rang: false,
            is_heard: false,
            given_up: None,
        }));
        Ok(line)
    }

    /// Sends the INVITE.
    pub(super) fn invite(&mut self, cx: &mut Cx<'_>) {
        if self.stage != Stage::New {
            return;
        }
        self.stage = Stage::Calling;
        if !self.terms.late_offer {
            match self.offers.offer() {
                Ok(body) => self.calling.as_deref_mut().map(|calling| calling.body = Some(body)),
                Err(unfit) => return self.not_reached(unfit.status(), unfit.to_string(), Vec::new(), cx),
            };
        }
        self.try_once(cx);
    }

    fn try_once(&mut self, cx: &mut Cx<'_>) {
        let (mark, reliable) = (self.mark(), self.terms.reliable);
        let Some(calling) = self.calling.as_deref_mut() else { return };
        calling.mark = mark;
        calling.tries += 1;
        cx.acts.push(Act::Request(mark, calling.draft(reliable), super::Lead::Opening));
    }

    /// A response to the INVITE.
    pub(super) fn hear_opening(&mut self, response: &Response, hop: &Hop, cx: &mut Cx<'_>) {
        let status = response.status();
        if status.is_final() && !status.is_success() {
            return self.opening_refused(response, cx);
        }
        if status == 180 {
            self.rings(cx);
        }
        let is_over = self.stage == Stage::Over;
        let Some(calling) = self.calling.as_deref_mut() else { return };
        let mark = calling.mark;
        let why = calling.given_up.clone();
        match calling.forks.hear(response) {
            Ok(Branch::None | Branch::Failed) => {}
            Ok(Branch::Gone(dialog)) => calling.twigs.retain(|twig| *twig.tag != *dialog.id().remote),
            Ok(Branch::Early(dialog)) if !is_over => {
                let tag: Box<str> = dialog.id().remote.into();
                self.hear_early(&tag, response, hop, cx);
            }
            Ok(Branch::Early(_)) => {}
            Ok(Branch::Won(dialog)) if !is_over => {
                let dialog = Box::new(dialog.clone());
                self.hop = Some(*hop);
                self.won(dialog, response, cx);
            }
            // It was given up before: whoever answers has lost the race.
            Ok(Branch::Won(dialog) | Branch::Lost(dialog)) => {
                let (ack, bye, lead) = farewell(dialog, response, hop, why.as_deref());
                self.part_with(ack, bye, mark, lead, cx);
            }
            Ok(Branch::Repeated(dialog)) => {
                let ours = self.dialog.as_ref().is_some_and(|ours| ours.id() == dialog.id());
                if ours {
                    self.ack_again(mark, cx);
                } else {
                    let seq = response.cseq().map(|cseq| cseq.number).unwrap_or(1);
                    cx.acts.push(Act::Ack(mark, dialog.ack(seq), way_to(dialog, hop)));
                }
            }
            // Nothing stands on an answer without a dialog. There is nobody to tell but the call.
            Err(ForkFault::Malformed(fault)) if status.is_success() && self.dialog.is_none() => {
                self.not_reached(502, fault.phrase().to_owned(), Vec::new(), cx);
            }
            Err(_) => {}
        }
    }

    fn rings(&mut self, cx: &mut Cx<'_>) {
        let Some(calling) = self.calling.as_deref_mut().filter(|_| self.stage == Stage::Calling) else { return };
        if !std::mem::replace(&mut calling.rang, true) {
            cx.tell(LegEvent::Ringing);
        }
    }

    /// The first 2xx: this is the dialog.
    fn won(&mut self, dialog: Box<Dialog>, response: &Response, cx: &mut Cx<'_>) {
        let Some(calling) = self.calling.as_deref_mut() else { return };
        let (mark, offered) = (calling.mark, calling.body.is_some());
        let seq = calling.forks.opening().seq();
        let at = calling.twigs.iter().position(|twig| *twig.tag == *dialog.id().remote);
        let (offers, early) = match at.map(|at| calling.twigs.swap_remove(at)) {
            Some(twig) => (twig.offers.map(|offers| *offers), twig.answer),
            None => (None, None),
        };
        // The INVITE is not tried again.
        (calling.twigs, calling.headers) = (Vec::new(), Vec::new());
        let before = calling.tuned.take();
        calling.shown = None;
        let proofs = std::mem::take(&mut calling.proofs);
        let mut ack = dialog.ack(seq);
        for (name, value) in &proofs {
            ack = ack.text(*name, value);
        }
        self.dialog = Some(dialog);
        if let Some(offers) = offers {
            self.offers = offers;
        }
        let agreed = match description(response) {
            Ok(said) => settle(&mut self.offers, offered, said, early),
            Err(unfit) => Err(unfit),
        };
        if let Ok(Some(answer)) = &agreed {
            ack = ack.body(SDP, answer.clone());
        }
        if let Some(dialog) = &mut self.dialog {
            dialog.turns = patchcord_sip::dialog::Turns::default();
        }
        self.acknowledge(mark, ack, cx);
        if let Err(unfit) = agreed {
            self.bye = Some(cause::reason(cause::NO_BEARER, Some(unfit.status()), &unfit.to_string()).into());
            self.send_bye(cx);
            return self.not_reached(488, unfit.to_string(), Vec::new(), cx);
        }
        let wish = self.calling.as_ref().map_or_else(|| Wish::new(&self.terms.session), |calling| calling.wish);
        self.clock = Clock::settled(&wish, response, cx.now).unwrap_or_default();
        self.takes_update = called::takes_update(response);
        self.wants_holds = held::wants(response);
        self.stage = Stage::Up;
        tune(before, self.offers.sound(), cx.acts);
        cx.tell(LegEvent::Answered);
        self.tell_held(cx);
    }

    /// A final response that is none of success.
    fn opening_refused(&mut self, response: &Response, cx: &mut Cx<'_>) {
        let status = response.status().code();
        if self.stage != Stage::Calling {
            // It had been given up, or a proxy contradicts itself.
            if self.stage == Stage::Over && self.dialog.is_none() {
                self.calling = None;
            }
            return;
        }
        if self.try_again(response, cx) {
            return;
        }
        let said = cause::Reason::of(response);
        let words = if said.text.is_empty() { response.reason().chars().take(MAX_WORDS).collect() } else { said.text };
        let elsewhere = if response.status().is_redirection() { contacts(response) } else { Vec::new() };
        self.not_reached(status, words, elsewhere, cx);
    }

    /// Tries again with what the party wants; false when that would end the same way.
    fn try_again(&mut self, response: &Response, cx: &mut Cx<'_>) -> bool {
        let terms = self.terms.clone();
        let Some(calling) = self.calling.as_deref_mut().filter(|calling| calling.tries < MAX_TRIES) else {
            return false;
        };
        match response.status().code() {
            422 => {
                if !calling.wish.raise(response).unwrap_or(false) {
                    return false;
                }
            }
            401 | 407 => {
                let draft = calling.draft(terms.reliable);
                let body = calling.body.clone().unwrap_or_default();
                let uri = draft.uri().unwrap_or_default();
                let hashed = Hashed { method: "INVITE", uri, body: &body };
                let Some((name, value)) = credentials(&terms, response, hashed, cx) else { return false };
                let again = calling.proofs.iter().any(|(known, _)| known.as_str() == name.as_str());
                // RFC 3261 §22.2: refused credentials are not tried again, unless only the nonce was too old.
                if again && !is_stale(response) {
                    return false;
                }
                calling.proofs.retain(|(known, _)| known.as_str() != name.as_str());
                calling.proofs.push((name, value));
            }
            _ => return false,
        }
        calling.forks.again();
        calling.twigs.clear();
        self.try_once(cx);
        true
    }

    /// The INVITE had no answer.
    pub(super) fn opening_failed(&mut self, status: u16, cx: &mut Cx<'_>) {
        match self.stage {
            Stage::Calling => self.not_reached(status, phrase(status).to_owned(), Vec::new(), cx),
            _ if self.dialog.is_none() => self.calling = None,
            _ => {}
        }
    }

    /// Nobody has answered: the leg is gone.
    pub(super) fn not_reached(&mut self, sip: u16, reason: String, elsewhere: Vec<String>, cx: &mut Cx<'_>) {
        if self.stage == Stage::Over {
            return;
        }
        self.stage = Stage::Over;
        // Further phones may have answered; then their ACK and BYE are owed.
        if self.dialog.is_none() {
            self.calling = None;
        }
        cx.tell(LegEvent::Refused(Refused { sip, reason, elsewhere, by_house: false }));
    }

    /// Takes care of a provisional response of one early dialog.
    fn hear_early(&mut self, tag: &str, response: &Response, hop: &Hop, cx: &mut Cx<'_>) {
        let at = {
            let Some(calling) = self.calling.as_deref_mut() else { return };
            let at = calling.twigs.iter().position(|twig| &*twig.tag == tag);
            at.unwrap_or_else(|| {
                let offered = calling.body.is_some();
                if let Some(dialog) = calling.forks.dialogs().iter_mut().find(|dialog| dialog.id().remote == tag) {
                    // It is the first of its dialog: nothing can cross it.
                    let _first = dialog.turns.begin(Turn::Ours, &Method::Invite, offered);
                }
                calling.twigs.push(Twig::new(tag));
                calling.twigs.len() - 1
            })
        };
        match self.hear_twig(at, response, hop, cx) {
            Ok(Some((draft, body, lead))) => self.ask_by(What::Prack, draft, body, (lead, true), cx),
            Ok(None) => {}
            // What an early response gets wrong, the final one may get right.
            Err(unfit) => tracing::debug!(why = %unfit, "an early response is passed over"),
        }
    }
}

/// What the 2xx means for our offer, or answers theirs: the body of the ACK.
fn settle(
    offers: &mut Offers,
    offered: bool,
    said: Option<Description>,
    early: Option<Box<Description>>,
) -> Result<Option<Bytes>, Unfit> {
    const NO_ANSWER: Unfit = Unfit::Fault(Fault::bad("No Answer In 2xx"));
    // Settled by a reliable response: what the 2xx says besides is no answer any more (RFC 3261 §13.2.1).
    if !offers.is_pending() && offers.sound().is_some() {
        return Ok(None);
    }
    match (said, early) {
        (Some(offer), _) if !offered => offers.answer(offer).map(Some),
        (Some(answer), _) => offers.accept(&answer).map(|()| None).map_err(Unfit::from),
        (None, Some(answer)) if offered => offers.accept(&answer).map(|()| None).map_err(Unfit::from),
        (None, _) => Err(NO_ANSWER),
    }
}

/// ACK and BYE for a phone that has answered too late.
fn farewell(dialog: &mut Dialog, response: &Response, hop: &Hop, why: Option<&str>) -> (Draft, Draft, super::Lead) {
    let seq = response.cseq().map(|cseq| cseq.number).unwrap_or(1);
    let (ack, elsewhere) = (dialog.ack(seq), cause::reason(cause::CLEARED, Some(200), ""));
    let bye = dialog.request(Method::Bye).text(Name::Reason, why.unwrap_or(&elsewhere));
    let lead = way_to(dialog, hop);
    (ack, bye, lead)
}

fn is_stale(response: &Response) -> bool {
    [Name::WwwAuthenticate, Name::ProxyAuthenticate]
        .into_iter()
        .flat_map(|name| response.all(name))
        .any(|line| patchcord_sip::digest::Challenge::parse(line).is_ok_and(|challenge| challenge.is_stale()))
}

/// Where a redirection leads, the dearest first.
fn contacts(response: &Response) -> Vec<String> {
    let contacts = response.contacts().filter_map(|contact| contact.ok()?.addr()).take(MAX_ELSEWHERE);
    let mut found: Vec<(u16, String)> =
        contacts.map(|addr| (addr.q().unwrap_or(1000), addr.uri.as_str().to_owned())).collect();
    found.sort_by_key(|(q, _)| std::cmp::Reverse(*q));
    found.into_iter().map(|(_, uri)| uri).collect()
}
