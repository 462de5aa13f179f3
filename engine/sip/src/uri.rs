//! Addresses: `sip:`, `sips:`, `tel:`, and every other scheme as it is written.
//!
//! A [`Uri`] is a few slices of its text. Nothing is unescaped until somebody asks, and nothing is changed when it is
//! written again.

mod escape;
mod joints;
mod same;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use self::escape::well_escaped;
pub use self::escape::{escape_header, escape_user, unescape};
use self::joints::Joints;
use self::same::{Case, same};
use crate::message::memo::Mark;
use crate::message::scan::split_at_byte;
use crate::message::via::{address, host_and_port};
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
    scheme: Scheme,
    user: Option<&'a str>,
    password: Option<&'a str>,
    host: Option<&'a str>,
    port: Option<u16>,
    params: Params<'a>,
    headers: &'a str,
}

impl<'a> Uri<'a> {
    /// Reads an address that stands alone, without angle brackets.
    pub fn parse(text: &'a str) -> Result<Self, Fault> {
        const BAD: Fault = Fault::bad("Bad URI");
        if text.len() > MAX_URI {
            return Err(Fault::new(414, "Request-URI Too Long"));
        }
        let (scheme, rest) = split_at_byte(text, b':').ok_or(Fault::bad("URI without a scheme"))?;
        let (kind, is_scheme) = match scheme.len() {
            3 if scheme.eq_ignore_ascii_case("sip") => (Scheme::Sip, true),
            4 if scheme.eq_ignore_ascii_case("sips") => (Scheme::Sips, true),
            3 if scheme.eq_ignore_ascii_case("tel") => (Scheme::Tel, true),
            _ => (Scheme::Other, is_scheme(scheme)),
        };
        if !is_scheme || rest.is_empty() {
            return Err(BAD);
        }
        let uri = Self {
            text,
            scheme: kind,
            user: None,
            password: None,
            host: None,
            port: None,
            params: Params::default(),
            headers: "",
        };
        match kind {
            Scheme::Sip | Scheme::Sips => uri.with_sip(rest),
            _ if !well_escaped(rest) => Err(BAD),
            Scheme::Tel => uri.with_number(rest),
            Scheme::Other => Ok(uri),
        }
    }

    fn with_sip(mut self, rest: &'a str) -> Result<Self, Fault> {
        let joints = Joints::of(rest.as_bytes()).ok_or(Fault::bad("Bad URI"))?;
        if let Some(at) = joints.at {
            let colon = joints.user_colon.filter(|&colon| colon < at);
            let user = &rest[..colon.unwrap_or(at)];
            if user.is_empty() {
                return Err(Fault::bad("URI with an empty user"));
            }
            (self.user, self.password) = (Some(user), colon.map(|colon| &rest[colon + 1..at]));
        }
        let start = joints.at.map_or(0, |at| at + 1);
        let end = joints.question.unwrap_or(rest.len());
        if let Some(question) = joints.question {
            let headers = &rest[question + 1..];
            if headers.split('&').take(MAX_URI_PARAMS + 1).count() > MAX_URI_PARAMS {
                return Err(Fault::bad("Too many URI headers"));
            }
            self.headers = headers;
        }
        let place_end = joints.semicolon.unwrap_or(end);
        if let Some(semicolon) = joints.semicolon {
            self.params = checked(Params::behind(&rest[semicolon + 1..end]))?;
        }
        // Blanks cannot be here: they are no part of any address.
        let (host, port) = host_and_port(&rest[start..place_end]).ok_or(Fault::bad("URI with a bad host"))?;
        (self.host, self.port) = (Some(host), port);
        Ok(self)
    }

    fn with_number(mut self, rest: &'a str) -> Result<Self, Fault> {
        let (number, params) = match split_at_byte(rest, b';') {
            Some((number, params)) => (number, Params::behind(params)),
            None => (rest, Params::default()),
        };
        let digits = number.strip_prefix('+').unwrap_or(number);
        let is_number = digits.bytes().any(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#'))
            && digits
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#' | b'-' | b'.' | b'(' | b')'));
        if !is_number {
            return Err(Fault::bad("Bad telephone number"));
        }
        (self.user, self.params) = (Some(number), checked(params)?);
        Ok(self)
    }

    /// The whole address as it is written.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// Its kind.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The scheme as it is written.
    pub fn scheme_text(&self) -> &'a str {
        self.text.split(':').next().unwrap_or("")
    }

    /// Whether every hop to it must be secure.
    pub fn is_sips(&self) -> bool {
        self.scheme == Scheme::Sips
    }

    /// The user with its escapes; of a `tel:` address the number.
    pub fn user(&self) -> Option<&'a str> {
        self.user
    }

    /// The user without escapes.
    pub fn user_text(&self) -> Option<Cow<'a, str>> {
        self.user.map(unescape)
    }

    /// The password that nobody should write into an address.
    pub fn password(&self) -> Option<&'a str> {
        self.password
    }

    /// The host; an IPv6 address keeps its brackets. `tel:` and unknown schemes have none.
    pub fn host(&self) -> Option<&'a str> {
        self.host
    }

    /// The host when it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        address(self.host?)
    }

    /// The port when one is written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The parameters, names and values with their escapes. [`param`](Self::param) finds one.
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// The value of a parameter with its escapes; empty when it has none. Escapes in its name are seen through.
    pub fn param(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.params.iter().find(|(found, _)| same(found, name, Case::Ignored))?;
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
        self.headers
    }

    /// The headers that a request to this address should carry, with their escapes.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
        self.headers
            .split('&')
            .filter(|header| !header.is_empty())
            .map(|header| header.split_once('=').unwrap_or((header, "")))
    }
}

/// Where the parts of an address stand in a longer text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    text: Mark,
    scheme: Scheme,
    user: Option<Mark>,
    password: Option<Mark>,
    host: Option<Mark>,
    port: Option<u16>,
    params: Mark,
    headers: Mark,
}

impl Marks {
    pub(crate) fn of(whole: &str, uri: &Uri<'_>) -> Self {
        let mark = |part| Mark::of(whole, part);
        Self {
            text: mark(uri.text),
            scheme: uri.scheme,
            user: uri.user.map(mark),
            password: uri.password.map(mark),
            host: uri.host.map(mark),
            port: uri.port,
            params: mark(uri.params.as_str()),
            headers: mark(uri.headers),
        }
    }

    pub(crate) fn cut(self, whole: &str) -> Uri<'_> {
        let cut = |mark: Mark| mark.cut(whole);
        Uri {
            text: cut(self.text),
            scheme: self.scheme,
            user: self.user.map(cut),
            password: self.password.map(cut),
            host: self.host.map(cut),
            port: self.port,
            params: self.params.params(whole),
            headers: cut(self.headers),
        }
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn checked(params: Params<'_>) -> Result<Params<'_>, Fault> {
    for (at, (name, value)) in params.iter().enumerate() {
        if at == MAX_URI_PARAMS {
            return Err(Fault::bad("Too many URI parameters"));
        }
        if name.is_empty() || value.is_some_and(str::is_empty) {
            return Err(Fault::bad("Bad URI parameters"));
        }
    }
    Ok(params)
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
