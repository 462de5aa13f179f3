//! Dialogs (RFC 3261 §12): what two sides remember of each other between their requests.
//!
//! ```text
//! Opening ──draft──▶ INVITE …                    … INVITE ──▶ Dialog::answering
//!    │ Forks::hear(response), one dialog per To tag                 │
//!    ▼                                                              ▼
//!  Early ──2xx──▶ Confirmed ──BYE, 481, 408──▶ Ended    (the same on both sides)
//! ```
//!
//! A [`Dialog`] drafts the requests and replies that belong to it and judges those that come: which is too old, what
//! moves the other side, when two offers cross ([`Turns`]). It sends nothing, keeps no timers and knows no media; it does
//! not find itself either. Whoever owns dialogs keeps them by the local tag, which is ours and hard to guess, and asks
//! [`Dialog::is`] for the rest of the [`DialogId`].

mod draft;
mod forks;
mod hear;
mod opening;
mod party;
mod route;
mod turns;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use party::Party;
use route::RouteSet;

pub use forks::{Branch, ForkFault, Forks, MAX_FORKS};
pub use hear::moves_target;
pub use opening::{Opening, Outgoing};
pub use route::MAX_ROUTES;
pub(crate) use route::request_uri;
pub use turns::{Clash, Turn, Turns, glare_wait};

use crate::hop::Transport;
use crate::message::{Contact, Fault, Headers, Request, Response};
use crate::uri::{Scheme, Uri};

/// All text that one dialog may keep. A usual one keeps 300 bytes; addresses and route sets of proxies with much to say
/// stay far below, and a stranger cannot park a message of 64 KiB in each dialog.
pub const MAX_DIALOG_TEXT: usize = 8192;

/// The name of a dialog as one of its sides has it (RFC 3261 §12). Compared byte by byte.
///
/// A tag of RFC 2543, which is none, is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DialogId<'a> {
    /// The Call-ID.
    pub call_id: &'a str,
    /// The tag that this side made.
    pub local: &'a str,
    /// The tag that the other side made.
    pub remote: &'a str,
}

impl<'a> DialogId<'a> {
    /// The dialog that a request from the other side is for; `None` when it is for none.
    pub fn of_request(request: &'a Request) -> Result<Option<Self>, Fault> {
        let Some(local) = request.to_tag()? else { return Ok(None) };
        let remote = request.from_tag()?.unwrap_or("");
        Ok(Some(Self { call_id: request.call_id()?, local, remote }))
    }

    /// The dialog that a response to a request of ours belongs to; `None` while the other side has made no tag.
    pub fn of_response(response: &'a Response) -> Result<Option<Self>, Fault> {
        let Some(remote) = response.to_tag()? else { return Ok(None) };
        let local = response.from_tag()?.unwrap_or("");
        Ok(Some(Self { call_id: response.call_id()?, local, remote }))
    }

    /// The same dialog as the other side names it.
    pub fn mirrored(self) -> Self {
        Self { call_id: self.call_id, local: self.remote, remote: self.local }
    }
}

/// How far a dialog has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A provisional response made it.
    Early,
    /// A 2xx made or confirmed it.
    Confirmed,
    /// It is over; requests for it get 481.
    Ended,
}

/// One side's memory of a dialog. About 400 bytes with all its text.
#[derive(Clone, Debug)]
pub struct Dialog {
    call_id: Box<str>,
    local: Party,
    remote: Party,
    /// Where the other side wants requests: a Request-URI.
    target: Box<str>,
    routes: RouteSet,
    /// Where we want requests: the value of our Contact, shared by all dialogs of one place.
    contact: Arc<str>,
    local_seq: u32,
    remote_seq: Option<u32>,
    state: State,
    secure: bool,
    owns_call_id: bool,
    /// Who may offer what now. Told by the owner, who sees the bodies.
    pub turns: Turns,
}

impl Dialog {
    /// The called side's dialog: for the first response with a tag to a request that makes dialogs (§12.1.1).
    ///
    /// `contact` is our Contact value, brackets and all. 400 where the request lacks what a dialog stands on.
    pub fn answering(request: &Request, over: Transport, local_tag: &str, contact: Arc<str>) -> Result<Self, Fault> {
        let target = target(request)?.ok_or(Fault::bad("Missing Contact"))?;
        let dialog = Self {
            call_id: request.call_id()?.into(),
            local: Party::tagged(request.to()?, local_tag),
            remote: Party::of(request.from()?),
            target,
            routes: RouteSet::of_request(request)?,
            contact,
            local_seq: 0,
            remote_seq: Some(request.cseq_text()?.0),
            state: State::Early,
            secure: over.is_secure() && request.uri()?.is_sips(),
            owns_call_id: false,
            turns: Turns::default(),
        };
        dialog.bounded()
    }

    /// The calling side's dialog, from what it asked and what was answered (§12.1.2).
    fn asking(opening: &Opening, response: &Response) -> Result<Self, Fault> {
        let mut dialog = Self {
            call_id: opening.call_id.clone(),
            local: opening.local.clone(),
            remote: Party::of(response.to()?),
            // Without a Contact, which the other side owes us, the place that was asked is the best there is.
            target: target(response)?.unwrap_or_else(|| opening.target.clone()),
            routes: RouteSet::of_response(response)?,
            contact: opening.contact.clone(),
            local_seq: opening.seq,
            remote_seq: None,
            state: State::Early,
            secure: Uri::parse(&opening.target)?.is_sips(),
            owns_call_id: true,
            turns: Turns::default(),
        };
        if response.status().is_success() {
            dialog.state = State::Confirmed;
        }
        dialog.bounded()
    }

    /// The subscriber's dialog, from the NOTIFY that makes it before or instead of the 2xx (RFC 6665 §4.4.1).
    ///
    /// 481 where the NOTIFY is not for this SUBSCRIBE.
    pub fn notified(opening: &Opening, notify: &Request) -> Result<Self, Fault> {
        let id = DialogId::of_request(notify)?.ok_or(Fault::new(481, "Subscription Does Not Exist"))?;
        if id.call_id != &*opening.call_id || id.local != opening.local.tag() {
            return Err(Fault::new(481, "Subscription Does Not Exist"));
        }
        let dialog = Self {
            call_id: opening.call_id.clone(),
            local: opening.local.clone(),
            remote: Party::of(notify.from()?),
            target: target(notify)?.ok_or(Fault::bad("Missing Contact"))?,
            routes: RouteSet::of_request(notify)?,
            contact: opening.contact.clone(),
            local_seq: opening.seq,
            remote_seq: Some(notify.cseq()?.number),
            state: State::Confirmed,
            secure: Uri::parse(&opening.target)?.is_sips(),
            owns_call_id: true,
            turns: Turns::default(),
        };
        dialog.bounded()
    }

    fn bounded(self) -> Result<Self, Fault> {
        if self.text_len() <= MAX_DIALOG_TEXT { Ok(self) } else { Err(Fault::new(513, "Message Too Large")) }
    }

    fn text_len(&self) -> usize {
        self.call_id.len()
            + self.local.text().len()
            + self.remote.text().len()
            + self.target.len()
            + self.routes.text().len()
    }

    /// Its name.
    pub fn id(&self) -> DialogId<'_> {
        DialogId { call_id: &self.call_id, local: self.local.tag(), remote: self.remote.tag() }
    }

    /// Whether this is the dialog of that name.
    pub fn is(&self, id: DialogId<'_>) -> bool {
        self.id() == id
    }

    /// How far it has come.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether each hop to the other side must be secure (the secure flag of §12.1).
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether we made the Call-ID, which decides who waits longer after a glare.
    pub fn owns_call_id(&self) -> bool {
        self.owns_call_id
    }

    /// Our side as From and To write it, with our tag.
    pub fn local(&self) -> &str {
        self.local.text()
    }

    /// The other side as From and To write it, with its tag.
    pub fn remote(&self) -> &str {
        self.remote.text()
    }

    /// Where the other side wants requests.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The address to which the next request goes: the first route's, or the target.
    pub fn next_hop(&self) -> &str {
        self.routes.first().map_or(&self.target, |first| first.uri.as_str())
    }

    /// Our Contact value.
    pub fn contact(&self) -> &str {
        &self.contact
    }

    /// Another Contact from now on, as after a change of address. The next target refresh tells the other side.
    pub fn set_contact(&mut self, contact: Arc<str>) {
        self.contact = contact;
    }

    /// Another name for our side from now on, with the tag that it has (RFC 4916): who talks here has changed.
    pub fn rename(&mut self, addr: &str) -> Result<(), Fault> {
        let tag: Box<str> = self.local.tag().into();
        self.local = Party::tagged(crate::message::NameAddr::parse(addr)?, &tag);
        Ok(())
    }

    /// The number of our last request; 0 before the first.
    pub fn local_seq(&self) -> u32 {
        self.local_seq
    }

    /// The number of the other side's last request.
    pub fn remote_seq(&self) -> Option<u32> {
        self.remote_seq
    }

    /// It is over, whatever the messages say: the owner has given up.
    pub fn end(&mut self) {
        self.state = State::Ended;
    }
}

/// The address in the Contact, fit to be a Request-URI.
fn target(headers: &Headers) -> Result<Option<Box<str>>, Fault> {
    let Some(contact) = headers.contact()? else { return Ok(None) };
    let Contact::Addr(contact) = contact else { return Err(Fault::bad("Contact star outside REGISTER")) };
    match contact.uri.scheme() {
        Scheme::Sip | Scheme::Sips => Ok(Some(route::request_uri(&contact.uri).into())),
        Scheme::Tel | Scheme::Other => Err(Fault::bad("Contact is no SIP address")),
    }
}
