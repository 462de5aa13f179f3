//! The request that may open dialogs, before anybody has answered it.

use std::sync::Arc;

use super::party::Party;
use super::route::{self, RouteSet};
use super::{MAX_DIALOG_TEXT, draft};
use crate::message::{Draft, Fault, Method, NameAddr};
use crate::uri::Uri;

/// What a new request says.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// INVITE, SUBSCRIBE or REFER for a dialog; any other for a request that makes none.
    pub method: Method,
    /// Where it goes: the Request-URI.
    pub target: &'a str,
    /// Who asks, as a From value without a tag.
    pub from: &'a str,
    /// Who is asked, as a To value without a tag.
    pub to: &'a str,
    /// Where we want what follows: our Contact value.
    pub contact: Arc<str>,
    /// The name of the call, ours.
    pub call_id: &'a str,
    /// Our tag.
    pub tag: &'a str,
    /// Proxies to pass first, as Route values.
    pub routes: &'a [&'a str],
}

/// A request of ours that stands outside of any dialog, and all that must be said again when it is tried again.
#[derive(Clone, Debug)]
pub struct Opening {
    pub(super) method: Method,
    pub(super) target: Box<str>,
    routes: RouteSet,
    pub(super) call_id: Box<str>,
    pub(super) local: Party,
    to: Box<str>,
    pub(super) contact: Arc<str>,
    pub(super) seq: u32,
}

impl Opening {
    /// The first try. What cannot be an address is a fault: targets come from scripts and people.
    pub fn new(say: Outgoing<'_>) -> Result<Self, Fault> {
        let to = NameAddr::parse(say.to)?;
        if to.tag().is_some() {
            return Err(Fault::bad("To has a tag outside of a dialog"));
        }
        NameAddr::parse(&say.contact)?;
        let opening = Self {
            method: say.method,
            target: route::request_uri(&Uri::parse(say.target)?).into(),
            routes: RouteSet::preset(say.routes)?,
            call_id: say.call_id.into(),
            local: Party::tagged(NameAddr::parse(say.from)?, say.tag),
            to: to.as_str().into(),
            contact: say.contact,
            seq: 1,
        };
        let text = opening.target.len() + opening.local.text().len() + opening.to.len() + opening.call_id.len();
        if text + opening.routes.text().len() > MAX_DIALOG_TEXT {
            return Err(Fault::new(513, "Message Too Large"));
        }
        Ok(opening)
    }

    /// The request, but for Via, body and what the owner adds.
    pub fn draft(&self) -> Draft {
        let draft = self.routes.draft(self.method.clone(), &self.target);
        let draft = draft::identify(draft, self.local.text(), &self.to, &self.call_id, self.seq, &self.method);
        draft::contact(draft, &self.method, &self.contact)
    }

    /// Another try after 401, 407, 422 or the like: the same call, the next number (§8.1.3.5).
    pub fn again(&mut self) {
        self.seq += 1;
    }

    /// Another try at another place, as a 3xx asks for (§8.1.3.4).
    pub fn redirect(&mut self, target: &str) -> Result<(), Fault> {
        self.target = route::request_uri(&Uri::parse(target)?).into();
        self.again();
        Ok(())
    }

    /// Where it goes.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The address to which the request goes first: the first route's, or the target.
    pub fn next_hop(&self) -> &str {
        self.routes.first().map_or(&self.target, |first| first.uri.as_str())
    }

    /// The name of the call.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Our tag.
    pub fn tag(&self) -> &str {
        self.local.tag()
    }

    /// The number of this try.
    pub fn seq(&self) -> u32 {
        self.seq
    }
}
