//! Who calls: what an endpoint or a carrier may claim, and what others are told.
//!
//! ```text
//! claimed ──believe, heard──▶ Person ──show_inside, show_trunk──▶ a From value and headers
//! ```
//!
//! An endpoint is itself: under its user name, its number, or its number outside, and nobody else. A carrier is believed
//! what it asserts; a stranger nothing beyond what it calls itself. Somebody who hides is known to the journal and to a
//! carrier that keeps secrets (P-Asserted-Identity with Privacy), and to nobody else.

use patchcord_sip::uri::escape_user;

use super::{Endpoint, Identity, IdentityHeader, is_dialable, plain};

/// Longest display name that is passed on, in characters: what a phone's display shows twice over.
pub const MAX_DISPLAY: usize = 64;

/// The From of somebody who hides (RFC 3323 §4.1.1.3).
pub const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

/// What a request says of who sent it: user parts without escapes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Claim<'a> {
    /// The user of From.
    pub from: Option<&'a str>,
    /// Its display name.
    pub name: Option<&'a str>,
    /// The user of P-Asserted-Identity, or of P-Preferred-Identity.
    pub asserted: Option<&'a str>,
    /// The user of Remote-Party-ID.
    pub remote_party: Option<&'a str>,
    /// The value of Privacy.
    pub privacy: Option<&'a str>,
}

/// Who somebody is, as far as we believe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// A number, or a name that can be called.
    pub number: Box<str>,
    /// What a display shows beside it.
    pub name: Option<Box<str>>,
    /// Whether it wants to be shown to nobody.
    pub hidden: bool,
    /// Whether it claimed to be somebody else.
    pub replaced: bool,
}

/// What an INVITE says of who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// A From value without a tag.
    pub from: String,
    /// Headers beside it.
    pub headers: Vec<(&'static str, String)>,
}

impl Claim<'_> {
    /// Whether it wants to be shown to nobody: by Privacy, or by a From that names nobody.
    fn hides(&self) -> bool {
        let wanted = |word: &str| ["id", "user", "header"].iter().any(|known| word.trim().eq_ignore_ascii_case(known));
        let by_privacy = self.privacy.is_some_and(|words| words.split([';', ',']).any(wanted));
        by_privacy || self.from.is_some_and(|from| from.eq_ignore_ascii_case("anonymous"))
    }
}

/// Who an endpoint is: what it claims of its own names, or else the number that rings it, or its name.
pub fn believe(endpoint: &Endpoint, claim: &Claim<'_>) -> Person {
    let own = [Some(&*endpoint.user), endpoint.number.as_deref(), endpoint.calling.caller_id.as_deref()];
    let is_own = |claimed: &&str| own.iter().flatten().any(|own| **own == *plain(claimed));
    let claimed = [claim.asserted, claim.remote_party, claim.from];
    let hidden = claim.hides();
    let named = |claimed: &&str| !claimed.is_empty() && !claimed.eq_ignore_ascii_case("anonymous");
    let replaced = claimed.into_iter().flatten().filter(named).any(|claimed| !is_own(&claimed));
    let number = claimed.into_iter().flatten().find(is_own).filter(|_| !replaced);
    let number = number.map(|number| Box::from(&*plain(number)));
    let usual = || endpoint.number.clone().unwrap_or_else(|| (*endpoint.user).into());
    // Whoever lies about the number may lie about the name; and a name that looks like a number would be read as one.
    let name = claim.name.filter(|_| !replaced && !hidden).map(display);
    let name = name.filter(|name| !name.is_empty() && (!is_dialable(&plain(name)) || is_own(&&**name)));
    Person { number: number.unwrap_or_else(usual), name, hidden, replaced }
}

/// Who calls by a carrier, or from nowhere we know. `trusted`: it is a carrier, whose assertions count. The number is as it
/// came: the plan knows how that carrier writes numbers.
pub fn heard(claim: &Claim<'_>, trusted: bool) -> Person {
    let asserted = claim.asserted.or(claim.remote_party).filter(|_| trusted);
    let number = asserted.or(claim.from).filter(|number| !number.is_empty()).unwrap_or("anonymous");
    // Who has no number has nothing to show.
    let hidden = claim.hides() || number.eq_ignore_ascii_case("anonymous");
    let name = claim.name.filter(|_| !hidden).map(display).filter(|name| !name.is_empty());
    Person { number: number.into(), name, hidden, replaced: false }
}

impl Person {
    /// What a phone of ours is told, at our domain.
    pub fn show_inside(&self, host: &str) -> Shown {
        match self.hidden {
            true => Shown { from: ANONYMOUS.into(), headers: vec![("Privacy", "id".into())] },
            false => Shown { from: address(self.name.as_deref(), &self.number, host), headers: Vec::new() },
        }
    }

    /// What a carrier is told. `number` is what [`Way::caller`](super::Way) says; without one, `account` is who we are
    /// there. `host` is our side, or the carrier's where it wants its own.
    pub fn show_trunk(&self, by: Identity, number: Option<&str>, account: Option<&str>, host: &str) -> Shown {
        let name = self.name.as_deref();
        let Some(number) = number else {
            let from = account.filter(|_| !self.hidden).map(|account| address(None, account, host));
            let headers = if self.hidden { vec![("Privacy", "id".into())] } else { Vec::new() };
            return Shown { from: from.unwrap_or_else(|| ANONYMOUS.into()), headers };
        };
        let identity = address(name, number, host);
        let from = if self.hidden { ANONYMOUS.into() } else { identity.clone() };
        let headers = match (by.by, self.hidden) {
            (IdentityHeader::From, false) => Vec::new(),
            (IdentityHeader::From, true) => vec![("Privacy", "id".into())],
            (IdentityHeader::Asserted, false) => vec![("P-Asserted-Identity", identity)],
            (IdentityHeader::Asserted, true) => vec![("P-Asserted-Identity", identity), ("Privacy", "id".into())],
            (IdentityHeader::RemoteParty, hidden) => {
                let privacy = if hidden { "full" } else { "off" };
                vec![("Remote-Party-ID", format!("{identity};party=calling;screen=yes;privacy={privacy}"))]
            }
        };
        Shown { from, headers }
    }
}

/// `"Alice" <sip:101@example.org>`
pub(super) fn address(name: Option<&str>, user: &str, host: &str) -> String {
    let uri = format!("<sip:{}@{host}>", escape_user(user));
    match name.map(display).filter(|name| !name.is_empty()) {
        Some(name) => format!("\"{}\" {uri}", name.replace('\\', "\\\\").replace('"', "\\\"")),
        None => uri,
    }
}

/// A display name without what could end its line, and no longer than one is read.
fn display(name: &str) -> Box<str> {
    let visible = name.chars().filter(|c| !c.is_control()).take(MAX_DISPLAY);
    visible.collect::<String>().trim().into()
}

#[cfg(test)]
mod tests {
    use patchcord_sip::{digest::Credential, message::NameAddr};
    use proptest::prelude::*;

    use super::*;
    use crate::routing::{Calling, Origin};

    fn alice() -> Endpoint {
        Endpoint {
            number: Some("101".into()),
            calling: Calling { caller_id: Some("+4930123101".into()), ..Calling::default() }.into(),
            ..Endpoint::new("alice", Credential::Password("x".into()), Origin::File)
        }
    }

    fn by(by: IdentityHeader) -> Identity {
        Identity { by, ..Identity::default() }
    }

    #[test]
    fn an_endpoint_may_be_itself_under_each_of_its_names() {
        for own in ["alice", "101", "+4930123101", "+49 (30) 123-101"] {
            let claim = Claim { from: Some(own), name: Some("Alice A."), ..Claim::default() };
            let person = believe(&alice(), &claim);
            assert_eq!((&*person.number, person.replaced), (&*plain(own), false));
            assert_eq!(person.name.as_deref(), Some("Alice A."));
        }
        let preferred = Claim { from: Some("alice"), asserted: Some("+4930123101"), ..Claim::default() };
        assert_eq!(&*believe(&alice(), &preferred).number, "+4930123101", "the header that is meant for it wins");
    }

    #[test]
    fn an_endpoint_that_claims_to_be_another_is_itself_again() {
        for claim in [
            Claim { from: Some("bob"), name: Some("Bob"), ..Claim::default() },
            Claim { from: Some("alice"), asserted: Some("102"), name: Some("Bob"), ..Claim::default() },
            Claim { from: Some("alice"), remote_party: Some("+49110"), name: Some("Police"), ..Claim::default() },
        ] {
            let person = believe(&alice(), &claim);
            assert_eq!((&*person.number, person.name, person.replaced), ("101", None, true), "{claim:?}");
        }
        let sly = Claim { from: Some("alice"), name: Some("+49 110"), ..Claim::default() };
        assert_eq!(believe(&alice(), &sly).name, None, "a name that is a number is read as one");
    }

    #[test]
    fn whoever_hides_is_known_here_and_shown_to_nobody() {
        for claim in [
            Claim { from: Some("anonymous"), ..Claim::default() },
            Claim { from: Some("alice"), name: Some("Alice"), privacy: Some("critical; id"), ..Claim::default() },
        ] {
            let person = believe(&alice(), &claim);
            assert!(person.hidden && !person.replaced, "{claim:?}");
            let inside = person.show_inside("example.org");
            assert_eq!(inside.from, ANONYMOUS);
            assert!(!format!("{inside:?}").contains("101"));
        }
        assert!(!believe(&alice(), &Claim { privacy: Some("none"), ..Claim::default() }).hidden);
    }

    #[test]
    fn a_carrier_is_believed_what_it_asserts_and_a_stranger_is_not() {
        let claim =
            Claim { from: Some("anonymous"), asserted: Some("+4940777"), privacy: Some("id"), ..Claim::default() };
        let person = heard(&claim, true);
        assert_eq!((&*person.number, person.hidden), ("+4940777", true));
        assert_eq!(&*heard(&claim, false).number, "anonymous");
        assert_eq!(&*heard(&Claim::default(), true).number, "anonymous");
    }

    #[test]
    fn each_carrier_is_told_in_the_header_it_reads() {
        let person = believe(&alice(), &Claim { name: Some("Alice"), ..Claim::default() });
        let told = |header| person.show_trunk(by(header), Some("+4930123101"), None, "pbx.example.org");
        let plain = "\"Alice\" <sip:+4930123101@pbx.example.org>";
        assert_eq!(told(IdentityHeader::From), Shown { from: plain.into(), headers: vec![] });
        assert_eq!(told(IdentityHeader::Asserted).headers, [("P-Asserted-Identity", plain.into())]);
        let remote = format!("{plain};party=calling;screen=yes;privacy=off");
        assert_eq!(told(IdentityHeader::RemoteParty).headers, [("Remote-Party-ID", remote)]);
    }

    #[test]
    fn a_hidden_caller_is_known_to_the_carrier_alone() {
        let person = believe(&alice(), &Claim { privacy: Some("id"), ..Claim::default() });
        let told = |header| person.show_trunk(by(header), Some("+4930123101"), Some("4930123"), "h");
        for header in [IdentityHeader::From, IdentityHeader::Asserted, IdentityHeader::RemoteParty] {
            assert_eq!(told(header).from, ANONYMOUS);
        }
        let asserted = ("P-Asserted-Identity", "<sip:+4930123101@h>".into());
        assert_eq!(told(IdentityHeader::Asserted).headers, [asserted, ("Privacy", "id".into())]);
        assert!(told(IdentityHeader::RemoteParty).headers[0].1.ends_with("privacy=full"));
        assert!(
            !format!("{:?}", told(IdentityHeader::From)).contains("123101"),
            "there is no header that keeps a secret"
        );
    }

    #[test]
    fn without_a_number_the_carrier_is_told_our_account() {
        let person = believe(&alice(), &Claim::default());
        let told = |account| person.show_trunk(Identity::default(), None, account, "north.example");
        assert_eq!(told(Some("4930123")).from, "<sip:4930123@north.example>");
        assert_eq!(told(None).from, ANONYMOUS);
        assert_eq!(told(Some("4930123")).headers, []);
    }

    proptest! {
        /// Whatever somebody calls itself, what others are told is one address on one line, and of this user.
        #[test]
        fn no_name_breaks_out_of_its_header(name in ".{0,100}", number in "[^\u{0}-\u{1f}]{1,20}") {
            let person = Person { number: number.clone().into(), name: Some(name.into()), hidden: false, replaced: false };
            let from = person.show_inside("example.org").from;
            prop_assert!(!from.chars().any(char::is_control));
            let read = NameAddr::parse(&from).expect("an address");
            prop_assert_eq!(read.uri.user_text().map(String::from), Some(number));
            prop_assert_eq!(read.uri.host(), Some("example.org"));
        }

        /// Whatever an endpoint claims, it ends up under one of its own names.
        #[test]
        fn no_claim_makes_an_endpoint_somebody_else(
            from in proptest::option::of("alice|101|bob|102|[+]4930123101|anonymous|.{0,10}"),
            asserted in proptest::option::of("alice|101|bob|[+]49110|.{0,10}"),
            name in proptest::option::of(".{0,10}"),
            privacy in proptest::option::of("id|none|user;id|.{0,10}"),
        ) {
            let claim = Claim {
                from: from.as_deref(),
                asserted: asserted.as_deref(),
                name: name.as_deref(),
                remote_party: None,
                privacy: privacy.as_deref(),
            };
            let person = believe(&alice(), &claim);
            prop_assert!(["alice", "101", "+4930123101"].contains(&&*person.number));
        }
    }
}
