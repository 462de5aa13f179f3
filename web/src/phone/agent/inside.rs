//! What either side asks within a talk that stands: other offers, keys, transfers, texts, the end.

use std::time::Instant;

use patchcord_engine::line::held;
use patchcord_sip::{
    Headers, Method, Name, Request, Response, Uri,
    dialog::Turn,
    message::Draft,
    transaction::{ClientId, ServerId},
    transfer::{Progress, ReferTo, Replaces},
};

use super::{
    ALLOWED, Agent, Errand, Refusal, SDP, Stage, Told, Why, description,
    end::{came_to, not_passed_on},
    other::caller,
};
use crate::phone::words::KEYS;

/// How long a key is held that says nothing of it, and the longest: what RFC 4733 senders do.
const KEY_MS: (u16, u16) = (160, 6000);

impl Agent {
    /// Sends a request in a talk.
    pub(super) fn ask(
        &mut self,
        name: &str,
        method: Method,
        write: impl FnOnce(Draft) -> Draft,
        now: Instant,
    ) -> Result<ClientId, Refusal> {
        let talk = self.find(name)?;
        if talk.stage != Stage::Up {
            return Err(Refusal::new("wrong_state", "the talk has not begun"));
        }
        let Some(dialog) = talk.dialog() else {
            return Err(Refusal::new("wrong_state", "the talk has not begun"));
        };
        let draft = write(dialog.request(method.clone()));
        let id = self.transactions.request(draft, self.hop, &self.sent_by, now);
        let id = id.map_err(|full| Refusal::new("unavailable", full.to_string()))?;
        self.errands.insert(id, Errand::Inside(name.into(), method));
        Ok(id)
    }

    /// Another offer of the page.
    pub(super) fn offer(&mut self, name: &str, sdp: String, now: Instant) -> Result<(), Refusal> {
        let talk = self.find(name)?;
        let glare = || Refusal::new("glare", "the other side offers something at this moment; try again in a second");
        if talk.asked.is_some() {
            return Err(glare());
        }
        if let Some(dialog) = talk.dialog().filter(|dialog| dialog.turns.may_invite()) {
            dialog.turns.begin(Turn::Ours, &Method::Invite, true).map_err(|_| glare())?;
        } else {
            return Err(glare());
        }
        let asked = self.ask(name, Method::Invite, |draft| draft.text(Name::Allow, ALLOWED).body(SDP, sdp.into()), now);
        match asked {
            Ok(id) => self.find(name)?.inviting = Some(id),
            Err(refusal) => {
                if let Some(dialog) = self.find(name)?.dialog() {
                    dialog.turns.finish(&Method::Invite, 500);
                }
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// The page's answer to an offer of the other side.
    pub(super) fn accept(&mut self, name: &str, sdp: String, now: Instant) -> Result<(), Refusal> {
        self.settle_offer(name, 200, Some(sdp), now)
    }

    /// The page cannot answer it.
    pub(super) fn refuse_offer(&mut self, name: &str, now: Instant) -> Result<(), Refusal> {
        self.settle_offer(name, 488, None, now)
    }

    fn settle_offer(&mut self, name: &str, status: u16, sdp: Option<String>, now: Instant) -> Result<(), Refusal> {
        let talk = self.find(name)?;
        let waiting = talk.asked.take().filter(|_| talk.stage == Stage::Up);
        let (id, request) = waiting.ok_or_else(|| Refusal::new("wrong_state", "nothing was offered"))?;
        if let Some(at) = self.at(name) {
            self.answer_inside(at, id, &request, status, sdp, now);
        }
        Ok(())
    }

    /// Answers a request of the other side.
    pub(super) fn answer_inside(
        &mut self,
        at: usize,
        id: ServerId,
        request: &Request,
        status: u16,
        sdp: Option<String>,
        now: Instant,
    ) {
        let peer = self.hop.peer;
        let Some(dialog) = self.talks[at].dialog() else { return };
        let Ok(mut draft) = dialog.reply(request, peer, status) else { return };
        if matches!(request.method(), Method::Invite | Method::Update) {
            dialog.turns.finish(request.method(), status);
            if status < 300 {
                dialog.turns.answered();
                draft = draft.text(Name::Allow, ALLOWED);
            }
        }
        if let Some(sdp) = sdp {
            draft = draft.body(SDP, sdp.into());
        }
        if *request.method() == Method::Invite && status < 300 {
            self.talks[at].unconfirmed = Some(id);
        }
        self.respond(id, &draft, now);
    }

    /// A request of the other side inside a talk.
    pub(super) fn asked_inside(&mut self, at: usize, id: ServerId, request: Request, now: Instant) {
        let talk = &mut self.talks[at];
        let name = talk.name.to_string();
        let Some(dialog) = talk.dialog() else { return };
        if let Err(fault) = dialog.hear(&request) {
            return self.reply(id, &request, fault.status(), now);
        }
        match request.method() {
            Method::Invite | Method::Update => self.offered(at, id, request, now),
            Method::Bye => {
                self.answer_inside(at, id, &request, 200, None, now);
                if let Some((pending, asked)) = self.talks[at].asked.take() {
                    self.answer_inside(at, pending, &asked, 487, None, now);
                }
                self.over(&name, Why::hung_up(&request));
            }
            Method::Notify => {
                let heard = Progress::of(&request);
                let status = heard.as_ref().map_or_else(|fault| fault.status(), |_| 200);
                if let Ok(progress) = heard {
                    let (done, reason) = (progress.is_final(), came_to(progress.status, &progress.phrase));
                    self.told.push_back(Told::Transfer { talk: name, status: progress.status, reason, done });
                }
                self.answer_inside(at, id, &request, status, None, now);
            }
            Method::Message => {
                self.texted(Some(name), &request);
                self.answer_inside(at, id, &request, 200, None, now);
            }
            Method::Info => {
                if request.get(Name::InfoPackage) == Some(held::PACKAGE) {
                    let by_description = self.talks[at].held.0;
                    self.hold_is(at, (by_description, request.body_bytes() == held::HELD.as_bytes()));
                }
                self.answer_inside(at, id, &request, 200, None, now);
            }
            Method::Options => self.answer_inside(at, id, &request, 200, None, now),
            _ => self.answer_inside(at, id, &request, 405, None, now),
        }
    }

    /// INVITE or UPDATE within a talk: an offer for the page, or a sign of life.
    fn offered(&mut self, at: usize, id: ServerId, request: Request, now: Instant) {
        let method = request.method().clone();
        let offer = description(&request);
        let random = self.tokens.number();
        let talk = &mut self.talks[at];
        let busy = talk.asked.is_some();
        let Some(dialog) = talk.dialog() else { return };
        if let Err(clash) = dialog.turns.begin(Turn::Theirs, &method, offer.is_some()) {
            let peer = self.hop.peer;
            let Ok(mut draft) = dialog.reply(&request, peer, clash.status()) else { return };
            if let Some(wait) = clash.retry_after(random) {
                draft = draft.header(Name::RetryAfter, wait);
            }
            return self.respond(id, &draft, now);
        }
        self.introduced(at, &request);
        let talk = &mut self.talks[at];
        match (offer, method) {
            (Some(_), _) if busy => self.answer_inside(at, id, &request, 491, None, now),
            (Some(sdp), _) => {
                talk.asked = Some((id, request));
                let held = (holds(&sdp), talk.held.1);
                let talk = talk.name.to_string();
                self.told.push_back(Told::Offer { talk, sdp });
                self.hold_is(at, held);
            }
            (None, Method::Update) => self.answer_inside(at, id, &request, 200, None, now),
            // A page that is asked for an offer in the middle of a talk would have to begin another one.
            (None, _) => self.answer_inside(at, id, &request, 488, None, now),
        }
    }

    /// Whether the other side holds the page; it is told what is new.
    fn hold_is(&mut self, at: usize, now: (bool, bool)) {
        let talk = &mut self.talks[at];
        let before = std::mem::replace(&mut talk.held, now);
        let held = now.0 || now.1;
        if held != (before.0 || before.1) {
            let talk = talk.name.to_string();
            self.told.push_back(Told::Held { talk, held });
        }
    }

    /// What came of a request of ours inside a talk.
    pub(super) fn inside_answered(&mut self, id: ClientId, name: &str, method: &Method, response: &Response) {
        let status = response.status();
        if status.is_provisional() {
            return;
        }
        let Some(at) = self.at(name) else { return };
        let talk = &mut self.talks[at];
        if *method == Method::Invite {
            talk.inviting = None;
        }
        let Some(dialog) = talk.dialog() else { return };
        // A 2xx whose Contact cannot be read leaves the talk where it was.
        let _unread = dialog.hear_response(response);
        dialog.turns.finish(method, status.code());
        if *method == Method::Invite && status.is_success() {
            dialog.turns.answered();
            let ack = dialog.ack(response.cseq().map(|cseq| cseq.number).unwrap_or_default());
            self.acks.insert(id, self.transactions.send_ack(ack, self.hop, &self.sent_by));
            return match description(response) {
                Some(sdp) => self.told.push_back(Told::Accept { talk: name.into(), sdp }),
                None => self.complain(name, "unfit", "the other side answered without a description"),
            };
        }
        match (status.code(), method) {
            (200..=299, _) => {}
            (408 | 481, _) => self.over(name, Why::of_status(status.code(), response.reason())),
            (491, Method::Invite) => {
                self.complain(name, "glare", "the other side offers something at this moment; try again in a second");
            }
            (_, Method::Refer) => {
                let (status, reason) = (status.code(), not_passed_on(status.code(), response.reason()));
                self.told.push_back(Told::Transfer { talk: name.into(), status, reason, done: true });
            }
            (code, _) => {
                let why = Why::of_status(code, response.reason());
                self.complain(name, why.code, &why.reason);
            }
        }
    }

    /// A key by INFO.
    pub(super) fn press(&mut self, name: &str, key: char, ms: Option<u16>, now: Instant) -> Result<(), Refusal> {
        let key = key.to_ascii_uppercase();
        if !matches!(key, '0'..='9' | '*' | '#' | 'A'..='D') {
            return Err(Refusal::new("malformed", KEYS));
        }
        let body = format!("Signal={key}\r\nDuration={}\r\n", ms.unwrap_or(KEY_MS.0).clamp(40, KEY_MS.1));
        self.ask(name, Method::Info, |draft| draft.body("application/dtmf-relay", body.into()), now).map(drop)
    }

    /// REFER: to a number, or to the party of another talk.
    pub(super) fn transfer(
        &mut self,
        name: &str,
        to: Option<&str>,
        with: Option<&str>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let value = match (to, with) {
            (Some(to), None) => format!("<{}>", self.target(to)?),
            (None, Some(with)) => {
                let other = self.find(with)?;
                let up = other.stage == Stage::Up && with != name;
                let Some(dialog) = other.dialog().filter(|_| up) else {
                    return Err(Refusal::new("wrong_state", "the talk that it should go to has not begun"));
                };
                let (replaces, target) = (Replaces::mirrored(dialog), dialog.target().to_owned());
                let target = Uri::parse(&target).map_err(|fault| Refusal::new("unfit", fault.to_string()))?;
                ReferTo::write(&target, Some(&replaces))
            }
            _ => return Err(Refusal::new("malformed", "write either to or with")),
        };
        let by = self.identity();
        let write = |draft: Draft| draft.text(Name::ReferTo, &value).text(Name::ReferredBy, &by);
        self.ask(name, Method::Refer, write, now).map(drop)
    }

    /// A text of the page.
    pub(super) fn message(
        &mut self,
        talk: Option<&str>,
        to: Option<&str>,
        text: String,
        now: Instant,
    ) -> Result<(), Refusal> {
        const PLAIN: &str = "text/plain;charset=UTF-8";
        match (talk, to) {
            (Some(talk), None) => {
                self.ask(talk, Method::Message, |draft| draft.body(PLAIN, text.into()), now).map(drop)
            }
            (None, Some(to)) => {
                let (target, identity) = (self.target(to)?, self.identity());
                let (tag, call_id) = (self.tokens.tag(), self.tokens.call_id(&self.sent_by));
                let draft = Draft::request(Method::Message, &target)
                    .header(Name::MaxForwards, 70)
                    .text(Name::From, &format!("{identity};tag={tag}"))
                    .text(Name::To, &format!("<{target}>"))
                    .text(Name::CallId, &call_id)
                    .text(Name::CSeq, "1 MESSAGE")
                    .body(PLAIN, text.into());
                let id = self.transactions.request(draft, self.hop, &self.sent_by, now);
                let id = id.map_err(|full| Refusal::new("unavailable", full.to_string()))?;
                self.errands.insert(id, Errand::Message);
                Ok(())
            }
            _ => Err(Refusal::new("malformed", "write either talk or to")),
        }
    }

    /// What came of a text to somebody.
    pub(super) fn message_answered(&mut self, response: &Response) {
        let status = response.status();
        if status.is_final() && !status.is_success() {
            let why = Why::of_status(status.code(), response.reason());
            self.told.push_back(Refusal::new(why.code, why.reason).told(None));
        }
    }

    /// A text has come.
    pub(super) fn texted(&mut self, talk: Option<String>, request: &Request) {
        let (from, _) = caller(request);
        let text = text_of(request);
        if !text.is_empty() {
            self.told.push_back(Told::Message { from, talk, text });
        }
    }
}

/// Whether whoever offers this wants to hear nothing (RFC 3264 §8.4): the page is held.
fn holds(sdp: &str) -> bool {
    sdp.lines().any(|line| matches!(line.trim_end(), "a=sendonly" | "a=inactive"))
}

fn text_of(headers: &Headers) -> String {
    String::from_utf8_lossy(headers.body_bytes()).into_owned()
}
