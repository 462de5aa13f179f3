//! Addresses: `sip:`, `sips:`, `tel:`, and every other scheme as it is written.
//!
//! A [`Uri`] is a few slices of its text. Nothing is unescaped until somebody asks, and nothing is changed when it is
//! written again.

mod escape;
mod parts;
mod same;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

pub use self::escape::{escape_header, escape_user, unescape};
pub(crate) use self::parts::Parts;
use self::same::{Case, same};
use crate::message::via::address;
use crate::message::{Fault, Params};

/// The longest address we read: room for any token that a proxy packs into a contact, and a bound on the work that
/// comparing two of them can make. A longer one is answered 414.
pub const MAX_URI: usize = 4096;

/// Most parameters of one address, and most headers. Comparing two addresses looks each one up in the other.
pub const MAX_URI_PARAMS: usize = 64;

/// The part of an address before the first colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:` (RFC 3966)
    Tel,
    /// Anything else; only its text is known.
    Other,
}

/// An address, borrowed from where it is written.
#[derive(Clone, Copy, Debug)]
pub struct Uri<'a> {
    text: &'a str,
    parts: Parts,
}

impl<'a> Uri<'a> {
    /// Reads an address that stands alone, without angle brackets.
    pub fn parse(text: &'a str) -> Result<Self, Fault> {
        Ok(Self { text, parts: Parts::of(text)? })
    }

    /// An address that was taken apart before.
    pub(crate) fn again(text: &'a str, parts: Parts) -> Self {
        Self { text, parts }
    }

    /// Where it comes apart.
    pub(crate) fn parts(&self) -> Parts {
        self.parts
    }

    fn cut(&self, start: u16, end: u16) -> &'a str {
        self.text.get(usize::from(start)..usize::from(end)).unwrap_or("")
    }

    /// The whole address as it is written.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// Its kind.
    pub fn scheme(&self) -> Scheme {
        self.parts.scheme
    }

    /// The scheme as it is written.
    pub fn scheme_text(&self) -> &'a str {
        self.text.split(':').next().unwrap_or("")
    }

    /// Whether every hop to it must be secure.
    pub fn is_sips(&self) -> bool {
        self.parts.scheme == Scheme::Sips
    }

    /// The user with its escapes; of a `tel:` address the number.
    pub fn user(&self) -> Option<&'a str> {
        let Parts { user, user_end, .. } = self.parts;
        (user < user_end).then(|| self.cut(user, user_end))
    }

    /// The user without escapes.
    pub fn user_text(&self) -> Option<Cow<'a, str>> {
        self.user().map(unescape)
    }

    /// The password that nobody should write into an address.
    pub fn password(&self) -> Option<&'a str> {
        let Parts { user_end, host, .. } = self.parts;
        // Between the colon behind the user and the `@` before the host.
        (user_end != 0 && user_end + 1 < host).then(|| self.cut(user_end + 1, host - 1))
    }

    /// The host; an IPv6 address keeps its brackets. `tel:` and unknown schemes have none.
    pub fn host(&self) -> Option<&'a str> {
        let Parts { host, host_end, .. } = self.parts;
        (host < host_end).then(|| self.cut(host, host_end))
    }

    /// The host when it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        address(self.host()?)
    }

    /// The port when one is written.
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The parameters, names and values with their escapes. [`param`](Self::param) finds one.
    pub fn params(&self) -> Params<'a> {
        Params::behind(self.cut(self.parts.params, self.parts.params_end))
    }

    /// The value of a parameter with its escapes; empty when it has none. Escapes in its name are seen through.
    pub fn param(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.params().iter().find(|(found, _)| same(found, name, Case::Ignored))?;
        Some(value.unwrap_or(""))
    }

    /// The value of `;transport=`, whatever it is.
    pub fn transport(&self) -> Option<Cow<'a, str>> {
        self.param("transport").map(unescape)
    }

    /// Whether a Route entry routes loosely (RFC 3261 §16.4).
    pub fn is_loose(&self) -> bool {
        self.param("lr").is_some()
    }

    /// What stands behind the question mark, with its escapes.
    pub fn headers_text(&self) -> &'a str {
        self.text.get(usize::from(self.parts.params_end) + 1..).unwrap_or("")
    }

    /// The headers that a request to this address should carry, with their escapes.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
        self.headers_text()
            .split('&')
            .filter(|header| !header.is_empty())
            .map(|header| header.split_once('=').unwrap_or((header, "")))
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// Whether a host can stand in an address: a name, an IPv4 address or an IPv6 reference in brackets.
pub fn is_host(text: &str) -> bool {
    crate::message::via::is_host(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_address_falls_into_its_parts() {
        let uri =
            Uri::parse("sips:alice:secret@[2001:db8::1]:5070;transport=tls;lr?Subject=a%20b&Priority=urgent").unwrap();
        assert_eq!(uri.scheme(), Scheme::Sips);
        assert_eq!((uri.user(), uri.password()), (Some("alice"), Some("secret")));
        assert_eq!((uri.host(), uri.port()), (Some("[2001:db8::1]"), Some(5070)));
        assert_eq!(uri.address(), Some("2001:db8::1".parse().unwrap()));
        assert_eq!(uri.transport().as_deref(), Some("tls"));
        assert!(uri.is_loose());
        assert_eq!(uri.headers().collect::<Vec<_>>(), [("Subject", "a%20b"), ("Priority", "urgent")]);
    }

    #[test]
    fn the_user_may_hold_semicolons_and_question_marks() {
        let uri = Uri::parse("sip:user;par=u%40example.net?x@example.com").unwrap();
        assert_eq!(uri.user_text().as_deref(), Some("user;par=u@example.net?x"));
        assert_eq!((uri.host(), uri.params().as_str()), (Some("example.com"), ""));
    }

    #[test]
    fn an_escaped_null_does_not_shorten_the_user() {
        let uri = Uri::parse("sip:null-%00-null@example.com").unwrap();
        assert_eq!(uri.user_text().as_deref(), Some("null-\0-null"));
    }

    #[test]
    fn the_extra_colon_of_the_old_grammar_is_tolerated() {
        let uri = Uri::parse("sip:user@[2001:db8:::192.0.2.1]").unwrap();
        assert_eq!(uri.address(), Some("2001:db8::192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn telephone_numbers_have_no_host() {
        let uri = Uri::parse("tel:+49-30-1234;ext=5").unwrap();
        assert_eq!((uri.scheme(), uri.user(), uri.host()), (Scheme::Tel, Some("+49-30-1234"), None));
        assert_eq!(uri.param("ext"), Some("5"));
    }

    #[test]
    fn unknown_schemes_are_kept_as_they_are() {
        let uri = Uri::parse("soap.beep://192.0.2.103:3002").unwrap();
        assert_eq!((uri.scheme(), uri.scheme_text()), (Scheme::Other, "soap.beep"));
        assert_eq!(uri.to_string(), "soap.beep://192.0.2.103:3002");
    }

    #[test]
    fn broken_addresses_are_refused() {
        for wrong in [
            "",
            "sip",
            "sip:",
            "sip:@h",
            "sip:a@",
            "sip:a@h:",
            "sip:a@h:99999",
            "sip:a@h;;x",
            "sip:a@h;x=",
            "sip:a b@h",
            "sip:a@h;x= 1",
            "sip:%zz@h",
            "sip:%4",
            "sip:2001:db8::10",
            "sip:[2001:db8::10",
            "sip:[nothing]",
            "<sip:a@h>",
            "1sip:a@h",
            "tel:",
            "tel:+",
            "tel:alice",
        ] {
            assert_eq!(Uri::parse(wrong).map(|uri| uri.as_str()).map_err(Fault::status), Err(400), "{wrong}");
        }
    }

    #[test]
    fn limits_have_their_own_answers() {
        let long = format!("sip:{}@h", "a".repeat(MAX_URI));
        assert_eq!(Uri::parse(&long).map(|uri| uri.port()).map_err(Fault::status), Err(414));
        let many = format!("sip:h{}", ";a".repeat(MAX_URI_PARAMS + 1));
        assert_eq!(Uri::parse(&many).map(|uri| uri.port()).map_err(Fault::status), Err(400));
        let fitting = format!("sip:h{}", ";a".repeat(MAX_URI_PARAMS));
        assert_eq!(Uri::parse(&fitting).map(|uri| uri.port()), Ok(None));
    }
}
