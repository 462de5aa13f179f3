//! Requests of the party inside the dialog.

use patchcord_media::browser::Credentials;
use patchcord_media::browser::checks::addresses;
use patchcord_media::sdp::ice::Trickled;
use patchcord_sip::dialog::{DialogId, Turn};
use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Contact, Draft, Fault, Method, Name, Request};
use patchcord_sip::session_timer::Answered;
use patchcord_sip::transaction::ServerId;
use patchcord_sip::uri::Scheme;

use super::keys::{self, Said};
use super::offers::{SDP, description, tune};
use super::{Act, Cx, Line, Stage, Unfit, Unheard, unfit};
use crate::call::LegEvent;

/// The methods that are served inside a call.
/// Candidates that come after an offer or an answer.
const TRICKLED: &str = "application/trickle-ice-sdpfrag";

pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, MESSAGE, REFER, NOTIFY";

/// The extensions that a call can do.
pub const SUPPORTED: &str = "100rel, timer, replaces, join, norefersub";

/// What an INVITE of ours says of them beside session timers, with and without reliable responses.
pub(super) const fn asked(reliable: bool) -> &'static str {
    if reliable { "100rel, replaces, join, norefersub" } else { "replaces, join, norefersub" }
}

/// The body that means something in every request.
pub const ACCEPT: &str = "application/sdp";

/// Whom a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// The dialog of the line.
    Line,
    /// An early dialog of a call of ours, by its place among the branches.
    Branch(usize),
}

impl Line {
    /// A request of the party inside the dialog, but for ACK and CANCEL.
    pub fn request(&mut self, id: ServerId, request: &Request, hop: &Hop, cx: &mut Cx<'_>) {
        if let Err(unfit) = self.serve(id, request, hop, cx) {
            let reply = Draft::reply(request, hop.peer, unfit.status()).to_tag(self.tag());
            cx.respond(id, &unfit.write(reply));
        }
        self.go_on(cx);
    }

    fn serve(&mut self, id: ServerId, request: &Request, hop: &Hop, cx: &mut Cx<'_>) -> Result<(), Unfit> {
        const NOBODY: Unfit = Unfit::Fault(Fault::new(481, "Call/Transaction Does Not Exist"));
        let name = DialogId::of_request(request)?.ok_or(NOBODY)?;
        let whose = self.whose(name).ok_or(NOBODY)?;
        if self.stage == Stage::Over {
            // Two BYEs that cross are both good.
            return if *request.method() == Method::Bye { self.bye(id, request, hop, cx) } else { Err(NOBODY) };
        }
        if let Whose::Branch(at) = whose {
            return self.serve_branch(at, id, request, hop, cx);
        }
        self.dialog.as_deref_mut().ok_or(NOBODY)?.hear(request)?;
        self.hop = Some(*hop);
        if *request.method() == Method::Bye {
            return self.bye(id, request, hop, cx);
        }
        unfit::extensions(request, self.terms.reliable)?;
        match request.method() {
            Method::Invite | Method::Update => self.renegotiate(id, request, hop, cx),
            Method::Prack => self.prack(id, request, hop, cx),
            Method::Refer => self.refer(id, request, hop, cx),
            Method::Notify => self.notify(id, request, hop, cx),
            _ => self.serve_plain(id, request, hop, cx),
        }
    }

    fn whose(&mut self, name: DialogId<'_>) -> Option<Whose> {
        if self.dialog.as_ref().is_some_and(|dialog| dialog.is(name)) {
            return Some(Whose::Line);
        }
        self.calling.as_deref_mut()?.branch_of(name).map(Whose::Branch)
    }

    /// What needs no dialog state but its tags.
    fn serve_plain(&mut self, id: ServerId, request: &Request, hop: &Hop, cx: &mut Cx<'_>) -> Result<(), Unfit> {
        match request.method() {
            Method::Options => {
                let reply = Draft::reply(request, hop.peer, 200).text(Name::Allow, ALLOW);
                let reply = reply.text(Name::Accept, ACCEPT).text(Name::Supported, SUPPORTED);
                cx.respond(id, &reply);
            }
            _ => serve_told(id, request, hop, cx)?,
        }
        Ok(())
    }

    /// 200, and nothing else.
    pub(super) fn answer_plainly(
        &mut self,
        id: ServerId,
        request: &Request,
        hop: &Hop,
        cx: &mut Cx<'_>,
    ) -> Result<(), Unfit> {
        cx.respond(id, &Draft::reply(request, hop.peer, 200));
        Ok(())
    }

    /// A re-INVITE or an UPDATE: another offer, a refresh, or both.
    fn renegotiate(&mut self, id: ServerId, request: &Request, hop: &Hop, cx: &mut Cx<'_>) -> Result<(), Unfit> {
        let method = request.method().clone();
        let offer = description(request)?;
        let timer = self.judge_session(request)?;
        contact_of(request)?;
        // RFC 5407 §3.1.4: it has overtaken the ACK of our 2xx, which may bring an answer.
        if method == Method::Invite && self.unheard.is_some() {
            return Err(Unfit::Crossed(None));
        }
        let Some(dialog) = self.dialog.as_deref_mut() else { return Err(Unfit::Unknown) };
        if let Err(clash) = dialog.turns.begin(Turn::Theirs, &method, offer.is_some()) {
            return Err(Unfit::Crossed(clash.retry_after(cx.tokens.number())));
        }
        let before = self.offers.sound().cloned();
        let offered = offer.is_some();
        if offer.as_ref().is_some_and(|offer| self.offers.restarts_ice(offer)) {
            let ours = Credentials::from_chance(&cx.tokens.bytes());
            self.offers.restart_ice(&ours);
            cx.acts.push(Act::Restart(ours));
        }
        let answered = match offer {
            Some(offer) => self.offers.answer(offer).map(Some),
            None if method == Method::Invite => self.offers.offer().map(Some),
            None => Ok(None),
        };
        let reply = answered.and_then(|body| {
            let reply = dialog.reply(request, hop.peer, 200)?;
            Ok(match body {
                Some(body) => reply.body(SDP, body),
                None => reply,
            })
        });
        match reply {
            Ok(reply) => {
                if offered {
                    dialog.turns.answered();
                } else if method == Method::Invite {
                    dialog.turns.offered(Turn::Ours);
                }
                dialog.turns.finish(&method, 200);
                let wants_answer = method == Method::Invite && !offered;
                self.accept_change((id, request, wants_answer), reply, timer, cx);
                tune(before, self.offers.sound(), cx.acts);
                self.tell_held(cx);
                Ok(())
            }
            Err(unfit) => {
                dialog.turns.finish(&method, unfit.status());
                if self.offers.is_pending() {
                    self.offers.rollback();
                }
                Err(unfit)
            }
        }
    }

    /// The 200 to a re-INVITE or UPDATE.
    fn accept_change(
        &mut self,
        (id, request, wants_answer): (ServerId, &Request, bool),
        mut reply: Draft,
        timer: Option<Answered>,
        cx: &mut Cx<'_>,
    ) {
        // An early dialog has no session whose end could be timed.
        if self.stage == Stage::Up {
            if let Some(timer) = &timer {
                reply = timer.write(reply);
            }
            self.session_answered(timer, cx.now);
        }
        if request.has(Name::Allow) {
            self.takes_update = super::called::takes_update(request);
        }
        cx.respond(id, &reply.text(Name::Allow, ALLOW));
        if let (Method::Invite, Ok(cseq)) = (request.method(), request.cseq()) {
            self.unheard = Some(Unheard { id, seq: cseq.number, wants_answer, is_first: false });
        }
    }
}

/// Whether the Contact says where the party is: a request is not half obeyed.
fn contact_of(request: &Request) -> Result<(), Fault> {
    match request.contact()? {
        None => Ok(()),
        Some(Contact::Addr(addr)) if matches!(addr.uri.scheme(), Scheme::Sip | Scheme::Sips) => Ok(()),
        Some(_) => Err(Fault::bad("Contact is no SIP address")),
    }
}

/// INFO and MESSAGE, which the call hears; anything else is not served here.
pub(super) fn serve_told(id: ServerId, request: &Request, hop: &Hop, cx: &mut Cx<'_>) -> Result<(), Unfit> {
    let kind = || request.content_type().map(|kind| kind.as_str().to_owned()).unwrap_or_default();
    let event = match request.method() {
        // RFC 8840: candidates that come later. They are addresses of the party, and nobody else's to hear; where we only wait
        // for its checks, they tell us nothing.
        Method::Info if request.content_type().is_some_and(|kind| kind.is(TRICKLED)) => {
            let fragment = std::str::from_utf8(request.body_bytes()).ok();
            let trickled = fragment.and_then(|text| Trickled::read(text).ok());
            let trickled = trickled.ok_or(Unfit::Fault(Fault::bad("Bad Candidates")))?;
            cx.acts.push(Act::Learn(addresses(&trickled.candidates)));
            None
        }
        Method::Info => match keys::read(request) {
            Said::Key(press) => Some(LegEvent::Key(press)),
            Said::NoKey if request.body_bytes().is_empty() => None,
            Said::NoKey => Some(LegEvent::Info(kind(), request.body_bytes().to_vec())),
            Said::Unreadable => return Err(Unfit::Fault(Fault::bad("Bad Key"))),
        },
        Method::Message => Some(LegEvent::Message(kind(), request.body_bytes().to_vec())),
        // RFC 6665 §7.2.1: nothing is to be subscribed to inside a call.
        Method::Subscribe => return Err(Unfit::Fault(Fault::new(489, "Bad Event"))),
        Method::Other(_) => return Err(Unfit::Unknown),
        _ => return Err(Unfit::Method),
    };
    cx.respond(id, &Draft::reply(request, hop.peer, 200));
    if let Some(event) = event {
        cx.tell(event);
    }
    Ok(())
}
