//! Calling: the first INVITE and everything that is answered to it.

use std::time::Instant;

use bytes::Bytes;
use patchcord_media::sdp::Description;
use patchcord_sip::dialog::{Branch, Forks, Opening, Outgoing};
use patchcord_sip::message::{Draft, Headers, Response};
use patchcord_sip::reliable::{Order, Received};
use patchcord_sip::session_timer::Wish;
use patchcord_sip::transaction::ClientId;
use patchcord_sip::{Method, Name};

use super::leg::{Role, Side, Stage};
use super::machine::{Errand, Machine, Say};
use super::model::Reliability;
use crate::reply::Reply;

pub(super) const SDP: &str = "application/sdp";

impl Machine {
    /// Calls an address. `extra` headers are said with the first INVITE; without `offers` the other side has to offer.
    pub fn invite(&mut self, target: &str, extra: Vec<(String, String)>, offers: bool, now: Instant) -> usize {
        let (call_id, tag) = (self.tokens.call_id("lab.invalid"), self.tokens.tag());
        let opening = Opening::new(Outgoing {
            method: Method::Invite,
            target,
            from: &self.identity(),
            to: &format!("<{target}>"),
            contact: self.contact(),
            call_id: &call_id,
            tag: &tag,
            routes: &[],
        });
        let opening = opening.unwrap_or_else(|fault| panic!("{target} is no address to call: {fault}"));
        let leg = self.new_leg(Role::Calling { forks: Box::new(Forks::new(opening)), tag: String::new() });
        self.legs[leg].wish = self.model.session.as_ref().map(Wish::new);
        (self.legs[leg].extra, self.legs[leg].offers) = (extra, offers);
        self.ask_invite(leg, None, now);
        leg
    }

    /// The INVITE as it stands now: at first, and again with a proof or another interval.
    fn ask_invite(&mut self, leg: usize, proof: Option<(String, String)>, now: Instant) {
        let (supported, sent_by) = (self.model.supported(), self.sent_by());
        let required = self.model.reliability == Reliability::Required;
        let server = self.model.server;
        let call = &mut self.legs[leg];
        let Role::Calling { forks, .. } = &call.role else { panic!("a call that came is not called") };
        let opening = forks.opening();
        let hop_uri = opening.next_hop().to_owned();
        let mut draft = opening.draft().text(Name::Supported, &supported).text(Name::Allow, ALLOWED);
        if required {
            draft = draft.header(Name::Require, "100rel");
        }
        if let Some(wish) = &call.wish {
            draft = wish.ask(draft);
        }
        draft = call.extra.iter().chain(&proof).fold(draft, |draft, (name, value)| draft.raw(name, value));
        call.proved |= proof.is_some();
        if call.offers {
            draft = draft.body(SDP, call.talk.offer().into());
            // What we offered may come before the answer that says in which of them.
            call.settle();
        }
        let home = server.map(|server| self.wire().way(server));
        let hop = home.or_else(|| self.way(&hop_uri)).unwrap_or_else(|| panic!("no way to {hop_uri}"));
        let id = self.transactions.request(draft, hop, &sent_by, now).expect("room for an INVITE");
        self.legs[leg].inviting = Some(id);
        self.errands.insert(id, Errand::Invite(leg));
    }

    pub fn invite_answered(&mut self, id: ClientId, leg: usize, response: &Response, now: Instant) {
        let status = response.status().code();
        if status >= 200 {
            self.legs[leg].inviting = None;
        }
        if status >= 300 && self.try_again(leg, response, now) {
            return;
        }
        let call = &mut self.legs[leg];
        let Role::Calling { forks, tag } = &mut call.role else { return };
        match forks.hear(response) {
            Ok(Branch::Early(dialog)) => {
                dialog.id().remote.clone_into(tag);
                self.provisional(leg, response, now);
            }
            Ok(Branch::Won(dialog)) => {
                dialog.id().remote.clone_into(tag);
                self.established(id, leg, response, now);
            }
            Ok(Branch::None) if status > 100 => call.stage = Stage::Rings(status),
            Ok(Branch::Failed) => {
                let by = if matches!(call.stage, Stage::Over(_)) || status == 487 { Side::Us } else { Side::Them };
                call.end(by, Some(status), Some(reply(response)));
                self.report(leg, status, now);
            }
            _ => {}
        }
    }

    /// Whether the refusal only wants the INVITE in another form.
    fn try_again(&mut self, leg: usize, response: &Response, now: Instant) -> bool {
        let status = response.status().code();
        let proved = self.legs[leg].proved;
        let Role::Calling { forks, .. } = &self.legs[leg].role else { return false };
        let target = forks.opening().target().to_owned();
        let proof = matches!(status, 401 | 407).then(|| self.proof(response, "INVITE", &target)).flatten();
        let call = &mut self.legs[leg];
        let raised = status == 422 && call.wish.as_mut().is_some_and(|wish| wish.raise(response) == Ok(true));
        if !raised && (proof.is_none() || proved) {
            return false;
        }
        if let Role::Calling { forks, tag } = &mut call.role {
            forks.again();
            tag.clear();
        }
        self.ask_invite(leg, proof, now);
        true
    }

    fn provisional(&mut self, leg: usize, response: &Response, now: Instant) {
        let call = &mut self.legs[leg];
        call.stage = Stage::Rings(response.status().code());
        let mut received: Received = call.received;
        let order = received.hear(response);
        call.received = received;
        if matches!(order, Ok(Order::OutOfOrder | Order::Duplicate)) {
            return;
        }
        let may_offer = !self.legs[leg].offers;
        let answered = self.hear_description(leg, response, may_offer);
        if let Ok(Order::Acknowledge(rack)) = order {
            let mut say = Say::new(Method::Prack).with("RAck", rack.to_string());
            if let Some(answer) = answered {
                say = say.body(SDP, answer);
            }
            self.ask_inside(leg, say, now);
        }
    }

    /// The first 2xx.
    fn established(&mut self, id: ClientId, leg: usize, response: &Response, now: Instant) {
        let may_offer = !self.legs[leg].offers;
        let answer = self.hear_description(leg, response, may_offer);
        self.acknowledge(id, leg, response, answer);
        let call = &mut self.legs[leg];
        call.timer = call.wish.and_then(|wish| wish.settled(response, now).ok().flatten());
        if matches!(call.stage, Stage::Over(_)) {
            // It was cancelled and the answer was quicker.
            return self.ask_inside(leg, Say::new(Method::Bye), now);
        }
        call.stage = Stage::Up;
        self.report(leg, 200, now);
    }

    /// Sends the ACK of a 2xx, with our answer where the 2xx made an offer.
    pub fn acknowledge(&mut self, id: ClientId, leg: usize, response: &Response, answer: Option<String>) {
        let number = response.cseq().map(|cseq| cseq.number).unwrap_or_default();
        let sent_by = self.sent_by();
        let Some(dialog) = self.legs[leg].dialog() else { return };
        let (draft, next) = (dialog.ack(number), dialog.next_hop().to_owned());
        let draft = described(draft, answer);
        let Some(hop) = self.way(&next) else { return };
        let bytes = self.transactions.send_ack(draft, hop, &sent_by);
        self.acks.insert(id, (bytes, hop));
    }

    /// A 2xx came again: its ACK goes again. One of another branch is acknowledged and ended.
    pub fn answered_again(&mut self, id: ClientId, response: &Response) {
        let Some((bytes, hop)) = self.acks.get(&id).cloned() else { return };
        let lost = self.legs.iter_mut().find_map(|leg| match &mut leg.role {
            Role::Calling { forks, .. } if Ok(forks.opening().call_id()) == response.call_id() => {
                match forks.hear(response) {
                    Ok(Branch::Lost(dialog)) => {
                        let number = response.cseq().map(|cseq| cseq.number).unwrap_or_default();
                        Some((dialog.ack(number), dialog.request(Method::Bye)))
                    }
                    _ => None,
                }
            }
            _ => None,
        });
        match lost {
            Some((ack, bye)) => {
                let sent_by = self.sent_by();
                self.transactions.send_ack(ack, hop, &sent_by);
                let _full = self.transactions.request(bye, hop, &sent_by, crate::clock::now());
            }
            None => self.transactions.send_again(bytes, hop),
        }
    }

    /// Takes an offer or an answer out of a message of this call. Gives our answer when it was an offer.
    ///
    /// With `may_offer` it is an answer only while an offer of ours is open; without, it is one always: a 2xx may answer
    /// what a 183 has answered before.
    pub fn hear_description(&mut self, leg: usize, headers: &Headers, may_offer: bool) -> Option<String> {
        let call = &mut self.legs[leg];
        let body = headers.body_bytes();
        if body.is_empty() || !headers.content_type().is_some_and(|kind| kind.is(SDP)) {
            return None;
        }
        let description = Description::parse(body).ok()?;
        let answer = if call.talk.offered || !may_offer {
            call.talk.accept(&description);
            None
        } else {
            call.talk.answer(&description)
        };
        call.settle();
        answer
    }
}

/// What this phone can be asked for.
pub(super) const ALLOWED: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE";

pub(super) fn described(draft: Draft, description: Option<String>) -> Draft {
    match description {
        Some(description) => draft.body(SDP, Bytes::from(description)),
        None => draft,
    }
}

pub(super) fn reply(headers: &Headers) -> Reply {
    Reply::new(String::from_utf8_lossy(headers.bytes()).into_owned())
}
