//! Texts between phones and pages outside of calls (RFC 3428): proved and routed like a call, given to every phone of whoever is
//! meant, answered as the first of them answers.
//!
//! Nothing is kept for somebody who is not there: whoever writes is told so, and writes again. Nothing of a text goes into a journal.

use std::collections::HashMap;
use std::sync::Arc;

use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Draft, Method, Name, Request, Response};
use patchcord_sip::transaction::ServerId;

use super::ends::Way as Opening;
use super::incoming::USUAL_HOPS;
use super::outgoing::opening_of;
use super::{Exchange, Sent};
use crate::door::{Moment, Refusal};
use crate::routing::{Binding, Person};
use crate::runtime::{SendFault, Wire};

/// Texts of one shard that are on their way. Each is answered within half a minute.
const MOST: usize = 4_000;

/// Phones that one text goes to; nobody has more.
const MOST_PHONES: usize = 32;

/// Letters of the kind of a text that is passed on.
const MOST_KIND: usize = 100;

/// Texts on their way.
#[derive(Default)]
pub(super) struct Texts {
    sent: HashMap<Sent, u64>,
    texts: HashMap<u64, Text>,
    next: u64,
}

/// One text, until it is answered.
struct Text {
    id: ServerId,
    request: Request,
    hop: Hop,
    /// Phones that have not answered.
    open: usize,
}

/// What a text is to whoever gets it.
pub(super) struct Writing {
    /// The endpoints that are meant.
    pub users: Vec<Arc<str>>,
    /// Who writes.
    pub person: Person,
}

impl Exchange {
    /// Gives a text to the phones of those endpoints.
    pub(super) fn pass_text(
        &mut self,
        id: ServerId,
        request: Request,
        moment: &Moment,
        writing: &Writing,
        wire: &mut Wire<'_>,
    ) {
        let text = match self.send_text(&request, writing, wire) {
            Ok(sent) => Text { id, request, hop: moment.hop, open: sent },
            Err(refusal) => return self.respond(id, &request, Err(refusal), moment, wire),
        };
        self.texts.texts.insert(self.texts.next, text);
        self.texts.next += 1;
    }

    /// Sends it to each; says to how many.
    fn send_text(&mut self, request: &Request, writing: &Writing, wire: &mut Wire<'_>) -> Result<usize, Refusal> {
        if self.texts.texts.len() >= MOST {
            return Err(Refusal::new(503, "Too Many Texts Are Under Way"));
        }
        let hops = request.max_forwards()?.unwrap_or(USUAL_HOPS).saturating_sub(1);
        let now = wire.now();
        let bindings = writing.users.iter().flat_map(|user| {
            let bindings = self.board.location.bindings(user, now);
            bindings.into_iter().filter(Binding::reachable).map(|binding| (user.clone(), binding))
        });
        let bindings: Vec<_> = bindings.take(MOST_PHONES).collect();
        let mut sent = 0;
        for (user, binding) in bindings {
            let Some(opening) = opening_of(&binding, wire) else { continue };
            let host = match self.board.domain() {
                Some(domain) => domain.to_owned(),
                None => binding.hop.local.ip().to_string(),
            };
            let draft = self.draft_text(request, (&user, &binding), &writing.person, (&host, hops), wire);
            let way = match opening {
                Opening::Along(hop) => wire.request(draft, hop).ok().map(Sent::Along),
                Opening::To(uri) => Some(Sent::To(wire.send_to(draft, &uri))),
            };
            if let Some(way) = way {
                self.texts.sent.insert(way, self.texts.next);
                sent += 1;
            }
        }
        if sent > 0 { Ok(sent) } else { Err(Refusal::new(480, "Not Registered")) }
    }

    fn draft_text(
        &self,
        request: &Request,
        (user, binding): (&str, &Binding),
        person: &Person,
        (host, hops): (&str, u8),
        wire: &mut Wire<'_>,
    ) -> Draft {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let shown = person.show_inside(&host);
        let kind = request.get(Name::ContentType).filter(|kind| kind.len() <= MOST_KIND).unwrap_or("text/plain");
        let draft = Draft::request(Method::Message, &binding.contact)
            .header(Name::MaxForwards, hops)
            .text(Name::From, &format!("{};tag={}", shown.from, wire.tag()))
            .text(Name::To, &format!("<sip:{}@{host}>", patchcord_sip::uri::escape_user(user)))
            .text(Name::CallId, &wire.call_id(&host))
            .text(Name::CSeq, "1 MESSAGE");
        let draft = shown.headers.iter().fold(draft, |draft, (name, value)| draft.text(Name::of(name), value));
        let draft = binding.path.iter().fold(draft, |draft, path| draft.text(Name::Route, path));
        draft.body(kind, request.body_bytes().to_vec().into())
    }

    /// What a phone has answered to a text; false where that was no text.
    pub(super) fn text_answered(&mut self, sent: Sent, response: &Response, wire: &mut Wire<'_>) -> bool {
        if !self.texts.sent.contains_key(&sent) {
            return false;
        }
        if response.status().is_final() {
            self.text_over(sent, response.status().code(), wire);
        }
        true
    }

    /// A phone has not answered a text; false where that was no text.
    pub(super) fn text_failed(&mut self, sent: Sent, fault: SendFault, wire: &mut Wire<'_>) -> bool {
        let is_text = self.texts.sent.contains_key(&sent);
        if is_text {
            self.text_over(sent, fault.status(), wire);
        }
        is_text
    }

    fn text_over(&mut self, sent: Sent, status: u16, wire: &mut Wire<'_>) {
        let Some(number) = self.texts.sent.remove(&sent) else { return };
        let Some(text) = self.texts.texts.get_mut(&number) else { return };
        text.open -= 1;
        let taken = (200..300).contains(&status);
        if !taken && text.open > 0 {
            return;
        }
        let Some(Text { id, request, hop, .. }) = self.texts.texts.remove(&number) else { return };
        let status = match status {
            200..300 => 200,
            // A phone that asks for a password, or sends elsewhere, has not taken it; nobody here could do as it says.
            ..=399 | 401 | 407 => 480,
            other => other,
        };
        let tag = wire.tag();
        let reply = Draft::reply(&request, hop.peer, status).to_tag(&tag);
        wire.respond(id, status, reply.finish());
    }
}
