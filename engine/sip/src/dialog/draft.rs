//! What a dialog writes: requests of this side, and replies to those of the other.

use std::net::SocketAddr;

use super::{Dialog, State};
use crate::message::{Draft, Fault, Method, Name, Request};

/// Hops that a request of ours may make (RFC 3261 §8.1.1.6).
const MAX_FORWARDS: u8 = 70;

impl Dialog {
    /// The next request of this side, with the next number; a BYE ends the dialog here and now (§15.1.1).
    ///
    /// For ACK there is [`ack`](Self::ack); CANCEL is made by the transaction it cancels.
    pub fn request(&mut self, method: Method) -> Draft {
        self.local_seq += 1;
        if method == Method::Bye {
            self.state = State::Ended;
        }
        let draft = self.numbered(&method, self.local_seq);
        contact(draft, &method, &self.contact)
    }

    /// The ACK for a 2xx to the INVITE of that number (§13.2.2.4). Credentials of the INVITE belong into it as well.
    pub fn ack(&self, invite: u32) -> Draft {
        self.numbered(&Method::Ack, invite)
    }

    fn numbered(&self, method: &Method, number: u32) -> Draft {
        let draft = self.routes.draft(method.clone(), &self.target);
        identify(draft, self.local.text(), self.remote.text(), &self.call_id, number, method)
    }

    /// The reply to a request that belongs to this dialog, the one that makes it included.
    ///
    /// A 2xx to the request that made the dialog confirms it, 300 and above end it. A 2xx to a later one that carries a
    /// Contact moves the target; a refused one changes nothing (§14.2).
    pub fn reply(&mut self, request: &Request, came_from: SocketAddr, status: u16) -> Result<Draft, Fault> {
        let opens = request.to_tag()?.is_none();
        let mut draft = Draft::reply(request, came_from, status);
        if status > 100 {
            draft = draft.to_tag(self.local.tag());
        }
        if opens {
            self.opened(status);
            if matches!(status, 101..=299) {
                draft = draft.record_route(request);
            }
        } else if matches!(status, 200..=299) {
            self.follow(request, request.method())?;
        }
        Ok(if matches!(status, 101..=299) { contact(draft, request.method(), &self.contact) } else { draft })
    }

    fn opened(&mut self, status: u16) {
        self.state = match (status, self.state) {
            // A BYE may have come before our answer was sent.
            (_, State::Ended) | (300.., _) => State::Ended,
            (200.., _) => State::Confirmed,
            (_, state) => state,
        };
    }
}

pub(super) fn identify(draft: Draft, from: &str, to: &str, call_id: &str, number: u32, method: &Method) -> Draft {
    draft
        .header(Name::MaxForwards, MAX_FORWARDS)
        .text(Name::From, from)
        .text(Name::To, to)
        .text(Name::CallId, call_id)
        .header(Name::CSeq, format_args!("{number} {method}"))
}

/// Says where we are in those messages that have a Contact (RFC 3261 §20.10, RFC 3311, RFC 3515, RFC 6665).
pub(super) fn contact(draft: Draft, method: &Method, contact: &str) -> Draft {
    let says = matches!(
        method,
        Method::Invite | Method::Update | Method::Subscribe | Method::Notify | Method::Refer | Method::Options
    );
    if says { draft.text(Name::Contact, contact) } else { draft }
}
