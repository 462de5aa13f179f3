//! Transfers: REFER and what is told about it, on both sides.

use std::time::Instant;

use patchcord_sip::message::Request;
use patchcord_sip::transaction::ServerId;
use patchcord_sip::transfer::{Progress, ReferTo, Replaces, SIPFRAG};
use patchcord_sip::{Hop, Method, Name, Uri};

use super::machine::{Machine, Say};

impl Machine {
    /// Asks the other side of a call to call somebody else, in the place of `replaced` where one is named.
    pub fn refer(&mut self, leg: usize, target: &str, replaced: Option<usize>, now: Instant) {
        let replaces = replaced.and_then(|other| self.legs[other].dialog()).map(|dialog| Replaces::mirrored(dialog));
        let target = Uri::parse(target).unwrap_or_else(|fault| panic!("{target} is no address: {fault}"));
        let value = ReferTo::write(&target, replaces.as_ref());
        let say = Say::new(Method::Refer).with("Refer-To", value).with("Referred-By", self.identity());
        self.legs[leg].progress = None;
        self.ask_inside(leg, say, now);
    }

    /// The other side of a call has us call somebody else.
    pub fn referred(&mut self, leg: usize, id: ServerId, request: &Request, hop: Hop, now: Instant) {
        let meant = ReferTo::of(request).and_then(|to| Ok((to.target().into_owned(), to.replaces()?)));
        let (target, replaces) = match meant {
            Ok(meant) => meant,
            Err(fault) => return self.answer_inside(leg, id, request, hop, fault.status(), now),
        };
        self.answer_inside(leg, id, request, hop, 202, now);
        let by = request.get(Name::ReferredBy).map(|by| ("Referred-By".to_owned(), by.to_owned()));
        let replaces = replaces.map(|replaces| ("Replaces".to_owned(), replaces.to_string()));
        let extra = by.into_iter().chain(replaces).collect();
        let call = self.invite(&target, extra, true, now);
        self.legs[call].reports_to = Some(leg);
        self.report(call, 100, now);
    }

    /// Tells whoever had us make this call how far it has come.
    pub fn report(&mut self, leg: usize, status: u16, now: Instant) {
        let Some(to) = self.legs[leg].reports_to else { return };
        let progress = Progress::of_status(status);
        let state = if progress.is_final() { "terminated;reason=noresource" } else { "active;expires=60" };
        let say = Say::new(Method::Notify).with("Event", "refer").with("Subscription-State", state);
        self.ask_inside(to, say.body(SIPFRAG, progress.body()), now);
        if progress.is_final() {
            self.legs[leg].reports_to = None;
        }
    }

    /// The other side tells how far it has come with what we asked for.
    pub fn notified(&mut self, leg: usize, id: ServerId, request: &Request, hop: Hop, now: Instant) {
        let heard = Progress::of(request);
        let status = heard.as_ref().map_or_else(|fault| fault.status(), |_| 200);
        if let Ok(progress) = heard {
            self.legs[leg].progress = Some(progress);
        }
        self.answer_inside(leg, id, request, hop, status, now);
    }
}
