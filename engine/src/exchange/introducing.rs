//! Who is who at the ends of a call: as whom somebody is called, who asked for it, and with whom a party talks after a transfer.
//!
//! A party that was passed on is told with whom it talks (RFC 4916): an endpoint by P-Asserted-Identity, a carrier by the header that
//! its trunk says, or by From where it says that. Who hides is told to nobody, and a name of the house to no carrier.

use super::Turn;
use super::ends::{End, Whose};
use super::outgoing::Outset;
use super::talk::Talk;
use crate::call::LegId;
use crate::call::effect::Invitation;
use crate::routing::{Claim, Identity, IdentityHeader, Person, Shown, Trunk, believe};

impl Talk {
    /// Who somebody is called for: the one who called us, or a party that was called and is passed on.
    pub fn person_of(&self, caller: Option<LegId>) -> Person {
        let passed_on = caller.filter(|leg| !self.called_us(*leg));
        let end = passed_on.and_then(|leg| self.ends.iter().find(|end| end.leg == leg));
        match end.map(|end| &end.whose) {
            Some(Whose::Endpoint(endpoint)) => believe(endpoint, &Claim::default()),
            Some(_) if self.originated.is_some() => {
                let number = end.map(|end| end.called.clone()).unwrap_or_default();
                Person { number, name: None, hidden: false, replaced: false }
            }
            _ => self.party.person.clone(),
        }
    }

    /// A service is about to serve that leg, by the number that led there: it is told who that is, and whom it has called.
    pub fn passed_to(&mut self, leg: LegId, called: Option<&str>) {
        if let Some(called) = called {
            self.party.called = called.into();
        }
        // Who was called and is passed on is the caller of whatever serves it.
        let end = self.ends.iter().find(|end| end.leg == leg).filter(|_| self.originated.is_none());
        if let Some(person) = end.map(|end| self.person_at(end)) {
            self.party.person = person;
        }
    }

    /// Who is at the end of a leg.
    fn person_at(&self, end: &End) -> Person {
        match &end.whose {
            _ if self.called_us(end.leg) => self.party.person.clone(),
            Whose::Endpoint(endpoint) => believe(endpoint, &Claim::default()),
            Whose::Trunk(_) | Whose::Stranger(_) | Whose::Guest(..) => {
                Person { number: end.named(), name: None, hidden: false, replaced: false }
            }
        }
    }

    /// The number of whoever is at the end of a leg, as a trunk wants it; a name of the house is none.
    fn number_for(&self, end: &End, trunk: &Trunk) -> Option<String> {
        let number = match &end.whose {
            Whose::Endpoint(endpoint) => endpoint.calling.caller_id.clone().or(endpoint.number.clone())?,
            Whose::Trunk(_) | Whose::Stranger(_) | Whose::Guest(..) => self.person_at(end).number,
        };
        Some(trunk.outward.caller(&number))
    }

    /// The party of a leg is told with whom it talks now.
    pub fn introduce(&mut self, leg: LegId, other: LegId, turn: &mut Turn<'_, '_>) {
        let find = |leg| self.ends.iter().find(|end| end.leg == leg);
        let (Some(end), Some(other)) = (find(leg), find(other)) else { return };
        let person = self.person_at(other);
        let domain =
            turn.exchange.board.domain().map_or_else(|| super::outgoing::host_of(end.here.shown), str::to_owned);
        let shown = match &end.whose {
            Whose::Trunk(trunk) => {
                let Some(number) = self.number_for(other, trunk) else { return };
                person.show_trunk(trunk.identity, Some(&number), None, &domain)
            }
            Whose::Endpoint(_) | Whose::Stranger(_) | Whose::Guest(..) => {
                let asserted = Identity { by: IdentityHeader::Asserted, ..Identity::default() };
                // Inside, whoever hides is nobody at all.
                let number = (!person.hidden).then_some(&*person.number);
                Shown { from: String::new(), ..person.show_trunk(asserted, number, None, &domain) }
            }
        };
        let by_from = matches!(&end.whose, Whose::Trunk(trunk) if trunk.identity.by == IdentityHeader::From);
        let from = by_from.then_some(shown.from);
        let headers = shown.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.on_line(leg, turn, |line, cx| line.introduce(from.as_deref(), headers, cx));
    }

    /// Who asked for an INVITE by a transfer (RFC 3892), as whoever gets it may know it.
    pub(super) fn referred_by(
        &self,
        invitation: &Invitation,
        outset: &Outset,
        domain: &str,
    ) -> Option<(String, String)> {
        let end = self.ends.iter().find(|end| Some(end.leg) == invitation.referrer)?;
        let person = self.person_at(end);
        let number = match &outset.whose {
            Whose::Trunk(trunk) => self.number_for(end, trunk)?,
            Whose::Endpoint(_) | Whose::Stranger(_) | Whose::Guest(..) => person.number.into(),
        };
        let number = patchcord_sip::uri::escape_user(&number);
        (!person.hidden).then(|| ("Referred-By".to_owned(), format!("<sip:{number}@{domain}>")))
    }
}
