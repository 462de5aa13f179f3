//! Our requests inside the dialog, and what is answered to them.
//!
//! A re-INVITE or UPDATE of ours waits while one of theirs is under way, and is tried again after a glare. Challenges are
//! answered once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_sip::dialog::{Turn, glare_wait};
use patchcord_sip::digest::{Asked as Hashed, Challenge, Side};
use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Draft, Method, Name, Response};

use super::inside::{ALLOW, asked};
use super::lead::{self, Lead};
use super::offers::{SDP, description, tune};
use super::{Act, Cx, Line, LineTerms, Mark, Stage, cause};
use crate::call::LegEvent;

/// Most requests of ours that wait for an answer at once. A program that sends keys as INFO has a handful under way.
const MAX_ASKED: usize = 32;

/// What a request of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Ends the dialog.
    Bye,
    /// Acknowledges a reliable response of theirs.
    Prack,
    /// Changes or refreshes the session, by INVITE or UPDATE.
    Change(Change),
    /// Tells the party something.
    Tell,
    /// Asks the party to call somebody else.
    Refer,
    /// Tells the party how the transfer goes that it asked for.
    Notify,
}

/// What a re-INVITE or UPDATE of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Hold(bool),
    /// What is wanted of pictures.
    Pictures,
    Refresh,
}

/// A request of ours that waits for its answer.
#[derive(Debug)]
pub(super) struct Asked {
    mark: Mark,
    pub(super) what: What,
    draft: Draft,
    body: Bytes,
    lead: Lead,
    /// Whether it is of another dialog than the line's.
    is_foreign: bool,
    /// Whether a challenge has been answered.
    proved: bool,
    /// When an INVITE is given up, for which the protocol knows no end while the party says that it is trying.
    give_up: Option<Instant>,
}

/// The ACK of a 2xx of theirs, for as long as the 2xx may come again.
#[derive(Debug)]
pub(super) struct Acked {
    mark: Mark,
    lead: Lead,
    bytes: Option<Bytes>,
}

/// Changes that are wanted and not under way yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    pub(super) hold: Option<bool>,
    /// Something else is wanted of pictures.
    pub(super) pictures: bool,
    pub(super) refresh: bool,
    /// Not before.
    pub(super) retry_at: Option<Instant>,
}

impl Line {
    /// Sends a request inside the dialog.
    pub(super) fn ask(&mut self, what: What, draft: Draft, body: Bytes, cx: &mut Cx<'_>) {
        let lead = self.way();
        self.ask_by(what, draft, body, (lead, false), cx);
    }

    /// Sends a request of a dialog that may be another than the line's.
    pub(super) fn ask_by(
        &mut self,
        what: What,
        draft: Draft,
        body: Bytes,
        (lead, is_foreign): (Lead, bool),
        cx: &mut Cx<'_>,
    ) {
        // Whatever ends or acknowledges something is never one too many.
        if self.asked.len() >= MAX_ASKED && matches!(what, What::Tell | What::Refer) {
            cx.tell(LegEvent::LineRefused(503));
            return;
        }
        let mark = self.mark();
        cx.acts.push(Act::Request(mark, draft.clone(), lead.clone()));
        let give_up = patience(&draft, cx.now);
        self.asked.push(Asked { mark, what, draft, body, lead, is_foreign, proved: false, give_up });
    }

    /// Holds the party, or no longer.
    pub(super) fn hold(&mut self, hold: bool, _cx: &mut Cx<'_>) {
        if matches!(self.stage, Stage::Up | Stage::Calling | Stage::Called) {
            self.changes.hold = Some(hold);
        }
    }

    /// The party talks with somebody else now: by another From where that is given, and by these headers.
    pub fn introduce(&mut self, from: Option<&str>, headers: Vec<(String, String)>, cx: &mut Cx<'_>) {
        let Some(dialog) = self.dialog.as_deref_mut().filter(|_| self.stage == Stage::Up) else { return };
        // A name that no header can hold stays unsaid.
        let _as_before = from.map(|from| dialog.rename(from));
        self.introduced = Some(headers.into());
        self.changes.refresh = true;
        self.go_on(cx);
    }

    /// The party is in a conference now, and finds it at this address.
    pub fn focus(&mut self, contact: Arc<str>, cx: &mut Cx<'_>) {
        let Some(dialog) = self.dialog.as_deref_mut() else { return };
        if dialog.contact() != &*contact {
            dialog.set_contact(contact);
            self.changes.refresh = self.stage == Stage::Up;
            self.go_on(cx);
        }
    }

    /// INFO.
    pub(super) fn send_info(&mut self, kind: &str, body: Vec<u8>, cx: &mut Cx<'_>) {
        self.send_told(Method::Info, kind, body.into(), cx);
    }

    /// A text.
    pub(super) fn send_message(&mut self, text: String, cx: &mut Cx<'_>) {
        self.send_told(Method::Message, "text/plain;charset=UTF-8", text.into(), cx);
    }

    fn send_told(&mut self, method: Method, kind: &str, body: Bytes, cx: &mut Cx<'_>) {
        match self.dialog.as_deref_mut().filter(|_| matches!(self.stage, Stage::Up | Stage::Called)) {
            Some(dialog) => {
                let draft = dialog.request(method).body(kind, body.clone());
                self.ask(What::Tell, draft, body, cx);
            }
            None => cx.tell(LegEvent::LineRefused(481)),
        }
    }

    /// Begins what was waiting for its turn.
    pub(super) fn go_on(&mut self, cx: &mut Cx<'_>) {
        self.changes.retry_at.take_if(|at| cx.now >= *at || self.stage == Stage::Over);
        if self.stage != Stage::Up || self.unheard.is_some() || self.changes.retry_at.is_some() {
            return;
        }
        if !self.dialog.as_ref().is_some_and(|dialog| dialog.turns.may_invite()) {
            return;
        }
        if let Some(hold) = self.changes.hold.take_if(|hold| *hold != self.offers.is_holding()) {
            self.offers.hold(hold);
            return self.change(Change::Hold(hold), Method::Invite, cx);
        }
        self.changes.hold = None;
        if std::mem::take(&mut self.changes.pictures) {
            return self.change(Change::Pictures, Method::Invite, cx);
        }
        if std::mem::take(&mut self.changes.refresh) {
            self.change(Change::Refresh, self.refreshing_method(), cx);
        }
    }

    fn change(&mut self, change: Change, method: Method, cx: &mut Cx<'_>) {
        let with_offer = method == Method::Invite;
        let body = match with_offer.then(|| self.offers.offer()).transpose() {
            Ok(body) => body.unwrap_or_default(),
            Err(unfit) => return self.refused(change, unfit.status(), cx),
        };
        let wish = self.wish();
        let Some(dialog) = self.dialog.as_deref_mut() else { return };
        // Asked before: it is our turn.
        let _ours = dialog.turns.begin(Turn::Ours, &method, with_offer);
        let mut draft = dialog.request(method).text(Name::Allow, ALLOW).text(Name::Supported, asked(false));
        draft = wish.ask(draft);
        for (name, value) in self.introduced.iter().flatten() {
            draft = draft.text(Name::of(name), value);
        }
        if with_offer {
            draft = draft.body(SDP, body.clone());
        }
        self.ask(What::Change(change), draft, body, cx);
    }

    /// A change of ours did not come about: what was agreed before holds.
    fn refused(&mut self, change: Change, status: u16, cx: &mut Cx<'_>) {
        match change {
            Change::Hold(hold) => {
                self.offers.hold(!hold);
                cx.tell(LegEvent::LineRefused(status));
            }
            // It shows what it showed before.
            Change::Pictures if self.offers.pictures().is_none() => self.offers.hide(),
            Change::Pictures | Change::Refresh => {}
        }
    }

    /// Whether a change of pictures waits for its answer.
    pub(super) fn is_asking_pictures(&self) -> bool {
        self.asked.iter().any(|asked| asked.what == What::Change(Change::Pictures))
    }

    /// When the next INVITE of ours is given up.
    pub(super) fn asked_deadline(&self) -> Option<Instant> {
        self.asked.iter().filter_map(|asked| asked.give_up).min()
    }

    /// Gives up INVITEs that are due, or all when the line has ended.
    pub(super) fn give_up(&mut self, cx: &mut Cx<'_>) {
        let all = self.stage == Stage::Over;
        for asked in &mut self.asked {
            if asked.give_up.take_if(|at| all || cx.now >= *at).is_some() {
                cx.acts.push(Act::Cancel(asked.mark, None));
            }
        }
    }

    /// A response to a request of ours.
    pub fn response(&mut self, mark: Mark, response: &Response, hop: &Hop, cx: &mut Cx<'_>) {
        if self.calling.as_ref().is_some_and(|calling| calling.mark == mark) {
            self.hear_opening(response, hop, cx);
        } else if response.status().is_final()
            && let Some(at) = self.asked.iter().position(|asked| asked.mark == mark)
        {
            let asked = self.asked.swap_remove(at);
            self.hear_asked(asked, response, hop, cx);
        }
        self.go_on(cx);
    }

    /// Another 2xx to an INVITE of ours: the same again, or another phone's.
    pub fn stray(&mut self, mark: Mark, response: &Response, hop: &Hop, cx: &mut Cx<'_>) {
        if self.calling.as_ref().is_some_and(|calling| calling.mark == mark) {
            self.hear_opening(response, hop, cx);
        } else {
            self.ack_again(mark, cx);
        }
    }

    /// A request of ours had no answer: a status of SIP that says why.
    pub fn failed(&mut self, mark: Mark, status: u16, cx: &mut Cx<'_>) {
        if self.calling.as_ref().is_some_and(|calling| calling.mark == mark) {
            self.opening_failed(status, cx);
        } else if let Some(at) = self.asked.iter().position(|asked| asked.mark == mark) {
            let asked = self.asked.swap_remove(at);
            self.asked_failed(&asked, status, cx);
        }
        self.go_on(cx);
    }

    /// No further 2xx to this INVITE is waited for.
    pub fn forks_over(&mut self, mark: Mark) {
        self.acks.retain(|acked| acked.mark != mark);
        // A line that only stands keeps no room for what it might say.
        self.acks.shrink_to_fit();
        self.asked.shrink_to_fit();
        self.calling.take_if(|calling| calling.mark == mark);
    }

    /// The bytes of an ACK that was sent, for when it is wanted again.
    pub fn acknowledged(&mut self, mark: Mark, bytes: Bytes) {
        if let Some(acked) = self.acks.iter_mut().find(|acked| acked.mark == mark) {
            acked.bytes = Some(bytes);
        }
    }

    /// Acknowledges a 2xx of theirs.
    pub(super) fn acknowledge(&mut self, mark: Mark, draft: Draft, cx: &mut Cx<'_>) {
        let lead = self.way();
        self.acks.reserve_exact(1);
        self.acks.push(Acked { mark, lead: lead.clone(), bytes: None });
        cx.acts.push(Act::Ack(mark, draft, lead));
    }

    pub(super) fn ack_again(&mut self, mark: Mark, cx: &mut Cx<'_>) {
        if let Some(Acked { lead, bytes: Some(bytes), .. }) = self.acks.iter().find(|acked| acked.mark == mark) {
            cx.acts.push(Act::AckAgain(bytes.clone(), lead.clone()));
        }
    }

    fn hear_asked(&mut self, mut asked: Asked, response: &Response, hop: &Hop, cx: &mut Cx<'_>) {
        let status = response.status().code();
        if matches!(status, 401 | 407) && !asked.proved && self.prove(&mut asked, response, cx) {
            return;
        }
        match asked.what {
            What::Bye | What::Prack => {}
            What::Change(change) => self.hear_change(&asked, change, response, hop, cx),
            What::Notify => {
                self.notify_answered(Some(response), cx);
                self.say_bye(cx);
            }
            What::Refer => self.refer_answered(status, cx),
            What::Tell if self.stage == Stage::Over => {}
            What::Tell if status == 481 => self.lost(status, response.reason(), cx),
            What::Tell if status >= 300 => cx.tell(LegEvent::LineRefused(status)),
            What::Tell => {}
        }
    }

    fn asked_failed(&mut self, asked: &Asked, status: u16, cx: &mut Cx<'_>) {
        match asked.what {
            What::Bye | What::Prack => {}
            What::Change(_) => {
                self.finish_change(asked, status);
                self.lost(status, "the party answers no more", cx);
            }
            What::Notify => {
                self.notify_answered(None, cx);
                self.say_bye(cx);
            }
            What::Refer => self.refer_answered(status, cx),
            What::Tell if self.stage == Stage::Over => {}
            What::Tell => cx.tell(LegEvent::LineRefused(status)),
        }
    }

    /// Tries a challenged request again with credentials; false when there are none that fit.
    fn prove(&mut self, asked: &mut Asked, response: &Response, cx: &mut Cx<'_>) -> bool {
        let Some(method) = asked.draft.method().cloned() else { return false };
        let uri = asked.draft.uri().unwrap_or_default();
        let hashed = Hashed { method: method.as_str(), uri, body: &asked.body };
        let Some((name, value)) = credentials(&self.terms, response, hashed, cx) else { return false };
        // RFC 3261 §22.1: the same request with the next number.
        let number = match self.dialog.as_deref_mut().filter(|_| !asked.is_foreign) {
            Some(dialog) => dialog.request(method).get(Name::CSeq).unwrap_or_default().to_owned(),
            None => format!("{} {method}", next_number(&asked.draft)),
        };
        let draft = asked.draft.clone().without(Name::CSeq).text(Name::CSeq, &number).text(name, &value);
        let mark = self.mark();
        cx.acts.push(Act::Request(mark, draft.clone(), asked.lead.clone()));
        let (body, lead) = (asked.body.clone(), asked.lead.clone());
        let is_foreign = asked.is_foreign;
        let give_up = patience(&draft, cx.now);
        self.asked.push(Asked { mark, what: asked.what, draft, body, lead, is_foreign, proved: true, give_up });
        true
    }

    fn finish_change(&mut self, asked: &Asked, status: u16) {
        if let (Some(dialog), Some(method)) = (self.dialog.as_deref_mut(), asked.draft.method()) {
            dialog.turns.finish(method, status);
            if status >= 300 && *method == Method::Invite {
                self.offers.rollback();
            }
        }
    }

    fn hear_change(&mut self, asked: &Asked, change: Change, response: &Response, hop: &Hop, cx: &mut Cx<'_>) {
        let status = response.status().code();
        self.finish_change(asked, status);
        let is_up = self.stage == Stage::Up;
        if status < 300 {
            return self.change_done(asked, response, hop, cx);
        }
        if !is_up {
            return;
        }
        let wait = response.retry_after().map(|seconds| Duration::from_secs(seconds.into()));
        match status {
            408 | 481 => self.lost(status, response.reason(), cx),
            491 => {
                let owns = self.dialog.as_ref().is_some_and(|dialog| dialog.owns_call_id());
                self.want(change);
                self.changes.retry_at = Some(cx.now + glare_wait(owns, cx.tokens.number()));
            }
            422 if self.raise(response) => self.want(change),
            500 | 503 if wait.is_some() => {
                self.want(change);
                self.changes.retry_at = wait.map(|wait| cx.now + wait.min(MAX_WAIT));
            }
            405 | 501 if change == Change::Refresh && self.takes_update => {
                self.takes_update = false;
                self.want(change);
            }
            _ if change == Change::Refresh => self.postpone(cx.now, wait),
            _ => self.refused(change, status, cx),
        }
    }

    /// The change is wanted again.
    fn want(&mut self, change: Change) {
        match change {
            Change::Hold(hold) => {
                self.offers.hold(!hold);
                // Another order may have come meanwhile; it counts more.
                self.changes.hold.get_or_insert(hold);
            }
            Change::Pictures => self.changes.pictures = true,
            Change::Refresh => self.changes.refresh = true,
        }
    }

    /// A re-INVITE or UPDATE of ours was taken.
    fn change_done(&mut self, asked: &Asked, response: &Response, hop: &Hop, cx: &mut Cx<'_>) {
        let is_invite = asked.draft.method() == Some(&Method::Invite);
        let seq = response.cseq().map(|cseq| cseq.number).unwrap_or_default();
        let Some(dialog) = self.dialog.as_deref_mut() else { return };
        // A Contact that cannot be read leaves the target where it was.
        let _unmoved = dialog.hear_response(response);
        if is_invite {
            let ack = credentials_of(&asked.draft, dialog.ack(seq));
            self.acknowledge(asked.mark, ack, cx);
        }
        if self.stage != Stage::Up {
            return;
        }
        self.hop = Some(*hop);
        self.session_settled(response, cx.now);
        if !is_invite {
            return;
        }
        if let Some(dialog) = self.dialog.as_deref_mut() {
            dialog.turns.answered();
        }
        let before = self.offers.sound().cloned();
        let answer = match description(response) {
            Ok(Some(answer)) => self.offers.accept(&answer).map_err(|reason| reason.to_string()),
            Ok(None) => Err("a 2xx without the answer to our offer".to_owned()),
            Err(unfit) => Err(unfit.to_string()),
        };
        match answer {
            Ok(()) => {
                tune(before, self.offers.sound(), cx.acts);
                self.tell_held(cx);
            }
            // RFC 3261 §14.1: the two sides do not agree any more on what they say.
            Err(why) => {
                self.offers.rollback();
                self.blame(cause::NO_BEARER, Some(488), &why, cx);
            }
        }
    }

    /// Acknowledges another phone's 2xx, and ends that dialog: there can be only one.
    pub(super) fn part_with(&mut self, ack: Draft, bye: Draft, mark: Mark, lead: Lead, cx: &mut Cx<'_>) {
        cx.acts.push(Act::Ack(mark, ack, lead.clone()));
        self.ask_by(What::Bye, bye, Bytes::new(), (lead, true), cx);
    }
}

/// How long a party may think about a re-INVITE. Holding and refreshing take no person to agree.
const PATIENCE: Duration = Duration::from_secs(40);

fn patience(draft: &Draft, now: Instant) -> Option<Instant> {
    (draft.method() == Some(&Method::Invite)).then(|| now + PATIENCE)
}

/// The longest wait that a party may ask for before a second try; a call has ended before more.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The header that answers a challenge.
pub(super) fn credentials(
    terms: &LineTerms,
    response: &Response,
    hashed: Hashed<'_>,
    cx: &mut Cx<'_>,
) -> Option<(Name<'static>, String)> {
    let side = Side::of_status(response.status().code())?;
    let (user, credential) = terms.credentials.as_ref()?;
    let challenge = Challenge::strongest(response.all(side.challenge_header()), credential).ok()?;
    let answer = challenge.answer(user, credential, hashed, 1, &cx.tokens.tag()).ok()?;
    Some((side.answer_header(), answer))
}

/// The number behind that of a request: its dialog says nothing more.
fn next_number(draft: &Draft) -> u32 {
    let number = draft.get(Name::CSeq).and_then(|cseq| cseq.split(' ').next()?.parse::<u32>().ok());
    number.unwrap_or_default() + 1
}

/// The ACK carries the credentials of its INVITE (RFC 3261 §13.2.2.4).
fn credentials_of(invite: &Draft, ack: Draft) -> Draft {
    [Name::Authorization, Name::ProxyAuthorization].into_iter().fold(ack, |ack, name| match invite.get(name) {
        Some(value) => ack.text(name, value),
        None => ack,
    })
}

/// The way to whoever sent a response, by a dialog that may be another than the line's.
pub(super) fn way_to(dialog: &patchcord_sip::dialog::Dialog, hop: &Hop) -> Lead {
    lead::of(dialog, Some(hop))
}
