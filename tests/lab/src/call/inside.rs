//! Requests inside a call, both ways: another INVITE, UPDATE, INFO, BYE and the rest.

use std::time::{Duration, Instant};

use patchcord_media::dtmf::{Key, Press, Via};
use patchcord_sip::dialog::{Turn, glare_wait};
use patchcord_sip::message::{Request, Response};
use patchcord_sip::reliable::RAck;
use patchcord_sip::transaction::{ClientId, ServerId};
use patchcord_sip::{Hop, Method, Name};

use super::calling::{ALLOWED, SDP, described, reply};
use super::leg::{Outcome, Role, Side, Stage};
use super::machine::{Errand, Machine, Say};

/// How long a key is held that INFO says nothing about.
const USUAL_PRESS: Duration = Duration::from_millis(100);

impl Machine {
    /// Asks for something inside a call.
    pub fn ask_inside(&mut self, leg: usize, say: Say, now: Instant) {
        self.ask_again(leg, say, false, now);
    }

    fn ask_again(&mut self, leg: usize, say: Say, proved: bool, now: Instant) {
        let sent_by = self.sent_by();
        let wish = self.model.session.as_ref().map(patchcord_sip::session_timer::Wish::new);
        let call = &mut self.legs[leg];
        let timer = call.timer;
        let Some(dialog) = call.dialog() else { return };
        let mut draft = dialog.request(say.method.clone());
        let next = dialog.next_hop().to_owned();
        if let (Method::Invite | Method::Update, Some(wish)) = (&say.method, wish) {
            draft = timer.map_or(wish, |timer| timer.wish(&wish)).ask(draft).text(Name::Allow, ALLOWED);
        }
        draft = say.headers.iter().fold(draft, |draft, (name, value)| draft.raw(name, value));
        if let Some((kind, body)) = &say.body {
            draft = draft.body(kind, body.clone());
        }
        let Some(hop) = self.way(&next) else { return };
        let id = self.transactions.request(draft, hop, &sent_by, now).expect("room for a request");
        if say.method == Method::Invite {
            self.legs[leg].inviting = Some(id);
        }
        self.errands.insert(id, Errand::Inside { leg, say, proved });
    }

    /// Invites again, with an offer of what this phone wants now; waits where somebody else's turn it is.
    pub fn reinvite(&mut self, leg: usize, now: Instant) {
        self.offer_by(leg, Method::Invite, now);
    }

    /// The same by INVITE or UPDATE.
    pub fn offer_by(&mut self, leg: usize, method: Method, now: Instant) {
        let call = &mut self.legs[leg];
        let Some(dialog) = call.dialog() else { return };
        if dialog.turns.begin(Turn::Ours, &method, true).is_err() {
            let wait = glare_wait(dialog.owns_call_id(), 0);
            call.postponed = Some(now + wait);
            return;
        }
        let offer = call.talk.offer();
        self.ask_inside(leg, Say::new(method).body(SDP, offer), now);
    }

    pub fn inside_answered(
        &mut self,
        id: ClientId,
        leg: usize,
        say: Say,
        proved: bool,
        response: &Response,
        now: Instant,
    ) {
        let status = response.status().code();
        if status < 200 {
            return;
        }
        if say.method == Method::Invite {
            self.legs[leg].inviting = None;
        }
        let target = self.legs[leg].dialog().map(|dialog| dialog.target().to_owned()).unwrap_or_default();
        if matches!(status, 401 | 407) && !proved {
            let method = say.method.as_str().to_owned();
            if let Some((name, value)) = self.proof(response, &method, &target) {
                return self.ask_again(leg, say.with(&name, value), true, now);
            }
        }
        let offers = say.body.as_ref().is_some_and(|(kind, _)| *kind == SDP);
        if let Some(dialog) = self.legs[leg].dialog() {
            // A 2xx whose Contact cannot be read leaves the call where it was.
            let _unread = dialog.hear_response(response);
            dialog.turns.finish(&say.method, status);
        }
        if (200..300).contains(&status) {
            self.refreshed(id, leg, &say.method, response, now);
        } else if offers {
            self.legs[leg].talk.offered = false;
            if status == 491 {
                let owns = self.legs[leg].dialog().is_some_and(|dialog| dialog.owns_call_id());
                self.legs[leg].postponed = Some(now + glare_wait(owns, self.tokens.number()));
                return;
            }
        }
        if matches!(status, 408 | 481) {
            self.legs[leg].end(Side::Them, None, Some(reply(response)));
        }
        self.settled(leg, say.method, status);
    }

    fn refreshed(&mut self, id: ClientId, leg: usize, method: &Method, response: &Response, now: Instant) {
        if !matches!(method, Method::Invite | Method::Update) {
            return;
        }
        let may_offer = !self.legs[leg].talk.offered;
        let answer = self.hear_description(leg, response, may_offer);
        if *method == Method::Invite {
            self.acknowledge(id, leg, response, answer);
        }
        if let Some(wish) = self.legs[leg].timer.as_ref().zip(self.model.session.as_ref()) {
            let wish = wish.0.wish(&patchcord_sip::session_timer::Wish::new(wish.1));
            self.legs[leg].timer = wish.settled(response, now).ok().flatten();
        }
        if let Some(dialog) = self.legs[leg].dialog() {
            dialog.turns.answered();
        }
    }

    /// A request of ours has come to its end.
    pub fn settled(&mut self, leg: usize, method: Method, status: u16) {
        self.legs[leg].outcomes.push(Outcome { method, status });
    }

    /// Ends a call, however far it is.
    pub fn end_call(&mut self, leg: usize, now: Instant) {
        let call = &mut self.legs[leg];
        match (&call.stage, &call.role) {
            (Stage::Over(_), _) => {}
            (Stage::Up | Stage::Unacknowledged, _) => {
                self.ask_inside(leg, Say::new(Method::Bye), now);
                self.legs[leg].end(Side::Us, None, None);
            }
            (_, Role::Called { .. }) => self.refuse_call(leg, 603, None, now),
            (_, Role::Calling { .. }) => {
                // The end is told by the 487, or by a 2xx that was quicker.
                if let Some(id) = call.inviting {
                    self.transactions.cancel(id, None, now);
                }
            }
        }
    }

    /// A request of the other side inside a call.
    pub fn asked_inside(&mut self, leg: usize, id: ServerId, request: Request, hop: Hop, now: Instant) {
        let Some(dialog) = self.legs[leg].dialog() else { return };
        if let Err(fault) = dialog.hear(&request) {
            return self.refuse(id, &request, hop, fault.status(), now);
        }
        match request.method().clone() {
            Method::Invite | Method::Update => self.offered_again(leg, id, request, hop, now),
            Method::Bye => {
                self.answer_inside(leg, id, &request, hop, 200, now);
                self.refuse_pending(leg, now);
                self.legs[leg].end(Side::Them, None, Some(reply(&request)));
            }
            Method::Prack => self.pracked(leg, id, &request, hop, now),
            Method::Info => {
                self.legs[leg].informed.extend(press(&request));
                self.answer_inside(leg, id, &request, hop, 200, now);
            }
            Method::Refer => self.referred(leg, id, &request, hop, now),
            Method::Notify => self.notified(leg, id, &request, hop, now),
            _ => self.answer_inside(leg, id, &request, hop, 200, now),
        }
    }

    /// A BYE that comes while our answer to an INVITE is owed.
    fn refuse_pending(&mut self, leg: usize, now: Instant) {
        if let Some(invited) = self.legs[leg].invited.take().filter(|_| !self.legs[leg].is_up()) {
            self.refuse(invited.id, &invited.request, invited.hop, 487, now);
        }
    }

    pub fn answer_inside(&mut self, leg: usize, id: ServerId, request: &Request, hop: Hop, status: u16, now: Instant) {
        let Some(dialog) = self.legs[leg].dialog() else { return };
        if let Ok(draft) = dialog.reply(request, hop.peer, status) {
            self.reply(id, &draft, now);
        }
    }

    /// INVITE or UPDATE inside a call: another description, a refresh, or both.
    fn offered_again(&mut self, leg: usize, id: ServerId, request: Request, hop: Hop, now: Instant) {
        let method = request.method().clone();
        let with_offer = !request.body_bytes().is_empty();
        if let Err(status) = self.their_turn(leg, &method, with_offer) {
            return self.answer_inside(leg, id, &request, hop, status, now);
        }
        let refreshing = self.legs[leg].timer.as_ref().map(|timer| timer.we_refresh());
        let session = match self.model.session.map(|rules| rules.answer(&request, refreshing)).transpose() {
            Ok(session) => session.flatten(),
            Err(refused) => {
                self.finish_theirs(leg, &method, refused.status());
                let Some(dialog) = self.legs[leg].dialog() else { return };
                let Ok(draft) = dialog.reply(&request, hop.peer, refused.status()) else { return };
                return self.reply(id, &refused.write(draft), now);
            }
        };
        let description = match (with_offer, &method) {
            (true, _) => self.hear_description(leg, &request, true),
            (false, Method::Invite) => Some(self.legs[leg].talk.offer()),
            (false, _) => None,
        };
        let status = if with_offer && description.is_none() { 488 } else { 200 };
        let Some(dialog) = self.legs[leg].dialog() else { return };
        let Ok(mut draft) = dialog.reply(&request, hop.peer, status) else { return };
        if status == 200 {
            draft = described(draft, description);
            if let Some(session) = &session {
                draft = session.write(draft);
                self.legs[leg].timer = Some(session.timer(now));
            }
        }
        self.finish_theirs(leg, &method, status);
        self.reply(id, &draft, now);
    }

    fn finish_theirs(&mut self, leg: usize, method: &Method, status: u16) {
        if let Some(dialog) = self.legs[leg].dialog() {
            dialog.turns.finish(method, status);
            if status == 200 {
                dialog.turns.answered();
            }
        }
    }

    fn pracked(&mut self, leg: usize, id: ServerId, request: &Request, hop: Hop, now: Instant) {
        let heard = RAck::of(request).and_then(|rack| match &mut self.legs[leg].promise {
            Some(promise) => promise.reliable.hear(&rack),
            None => Err(patchcord_sip::Fault::new(481, "No Such Response")),
        });
        if heard.is_ok() && self.legs[leg].talk.offered {
            self.hear_description(leg, request, false);
        }
        let status = heard.map_or_else(|fault| fault.status(), |()| 200);
        self.answer_inside(leg, id, request, hop, status, now);
    }
}

/// The key in an INFO, of either kind of body.
fn press(info: &Request) -> Option<Press> {
    let kind = info.content_type()?;
    let body = String::from_utf8_lossy(info.body_bytes()).into_owned();
    let line = |name: &str| {
        let mut lines = body.lines().filter_map(|line| line.split_once('='));
        lines.find(|(said, _)| said.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let (written, duration) = if kind.is("application/dtmf-relay") {
        let duration = line("Duration").and_then(|ms| ms.parse().ok()).map(Duration::from_millis);
        (line("Signal")?, duration.unwrap_or(USUAL_PRESS))
    } else if kind.is("application/dtmf") {
        (body.trim().to_owned(), USUAL_PRESS)
    } else {
        return None;
    };
    Some(Press { key: Key::of_char(written.chars().next()?)?, duration, via: Via::Info })
}
