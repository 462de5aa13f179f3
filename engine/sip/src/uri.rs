//! Addresses: `sip:`, `sips:`, `tel:`, and every other scheme as it is written.
//!
//! A [`Uri`] is a few slices of its text. Nothing is unescaped until somebody asks, and nothing is changed when it is
//! written again.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

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
        let colon = text.bytes().position(|byte| byte == b':').ok_or(Fault::bad("URI without a scheme"))?;
        let (scheme, rest) = (&text[..colon], &text[colon + 1..]);
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        if !is_scheme || rest.is_empty() || !well_escaped(rest) {
            return Err(BAD);
        }
        let scheme = match scheme {
            _ if scheme.eq_ignore_ascii_case("sip") => Scheme::Sip,
            _ if scheme.eq_ignore_ascii_case("sips") => Scheme::Sips,
            _ if scheme.eq_ignore_ascii_case("tel") => Scheme::Tel,
            _ => Scheme::Other,
        };
        let uri = Self {
            text,
            scheme,
            user: None,
            password: None,
            host: None,
            port: None,
            params: Params::default(),
            headers: "",
        };
        match scheme {
            Scheme::Sip | Scheme::Sips => uri.with_sip(rest),
            Scheme::Tel => uri.with_number(rest),
            Scheme::Other => Ok(uri),
        }
    }

    fn with_sip(mut self, rest: &'a str) -> Result<Self, Fault> {
        // Neither parameters nor headers may hold a bare `@`, but the user may hold `;` and `?`.
        let rest = match rest.split_once('@') {
            Some((user, rest)) => {
                let (user, password) = match user.split_once(':') {
                    Some((user, password)) => (user, Some(password)),
                    None => (user, None),
                };
                if user.is_empty() {
                    return Err(Fault::bad("URI with an empty user"));
                }
                (self.user, self.password) = (Some(user), password);
                rest
            }
            None => rest,
        };
        let (rest, headers) = rest.split_once('?').unwrap_or((rest, ""));
        if headers.split('&').take(MAX_URI_PARAMS + 1).count() > MAX_URI_PARAMS {
            return Err(Fault::bad("Too many URI headers"));
        }
        self.headers = headers;
        let (place, params) = match rest.split_once(';') {
            Some((place, params)) => (place, Params::behind(params)),
            None => (rest, Params::default()),
        };
        self.params = checked(params)?;
        // Blanks cannot be here: `well_escaped` refused them.
        let (host, port) = host_and_port(place).ok_or(Fault::bad("URI with a bad host"))?;
        (self.host, self.port) = (Some(host), port);
        Ok(self)
    }

    fn with_number(mut self, rest: &'a str) -> Result<Self, Fault> {
        let (number, params) = match rest.split_once(';') {
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

    /// The parameters, with their escapes.
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// The value of `;transport=`, whatever it is.
    pub fn transport(&self) -> Option<&'a str> {
        self.params.get("transport")
    }

    /// Whether a Route entry routes loosely (RFC 3261 §16.4).
    pub fn is_loose(&self) -> bool {
        self.params.has("lr")
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

    /// Whether both name the same resource by RFC 3261 §19.1.4. Not transitive, so it is no `==`.
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        match (self.scheme, other.scheme) {
            (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) => self.same_sip(other),
            (Scheme::Tel, Scheme::Tel) => self.same_number(other),
            (Scheme::Other, Scheme::Other) => {
                let rest = |text: &str, scheme: &str| text.len() - scheme.len();
                let (mine, theirs) = (self.scheme_text(), other.scheme_text());
                mine.eq_ignore_ascii_case(theirs)
                    && rest(self.text, mine) == rest(other.text, theirs)
                    && self.text[mine.len()..] == other.text[theirs.len()..]
            }
            _ => false,
        }
    }

    fn same_sip(&self, other: &Uri<'_>) -> bool {
        /// These make a difference also when only one side has them.
        const TELLING: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
        same_option(self.user, other.user, Case::Matters)
            && same_option(self.password, other.password, Case::Matters)
            && same_host(self.host, other.host)
            && self.port == other.port
            && TELLING.iter().all(|name| self.params.has(name) == other.params.has(name))
            && self.params.iter().all(|(name, value)| {
                other.params.get(name).is_none_or(|theirs| same(value.unwrap_or(""), theirs, Case::Ignored))
            })
            && same_headers(self, other)
    }

    /// RFC 3966 §5: marks inside the number do not count, parameters do.
    fn same_number(&self, other: &Uri<'_>) -> bool {
        let digits = |uri: &Uri<'a>| uri.user.unwrap_or("").bytes().filter(|byte| !is_visual(*byte));
        let theirs = other.user.unwrap_or("").bytes().filter(|byte| !is_visual(*byte));
        digits(self).map(|byte| byte.to_ascii_lowercase()).eq(theirs.map(|byte| byte.to_ascii_lowercase()))
            && all_in(self.params, other.params)
            && all_in(other.params, self.params)
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

fn is_visual(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')')
}

fn all_in(these: Params<'_>, those: Params<'_>) -> bool {
    these
        .iter()
        .all(|(name, value)| those.get(name).is_some_and(|theirs| same(value.unwrap_or(""), theirs, Case::Ignored)))
}

fn checked(params: Params<'_>) -> Result<Params<'_>, Fault> {
    if params.iter().take(MAX_URI_PARAMS + 1).count() > MAX_URI_PARAMS {
        return Err(Fault::bad("Too many URI parameters"));
    }
    if params.iter().any(|(name, value)| name.is_empty() || value.is_some_and(str::is_empty)) {
        return Err(Fault::bad("Bad URI parameters"));
    }
    Ok(params)
}

/// No blanks, controls, quotes or brackets, and two hexadecimal digits behind each percent sign.
fn well_escaped(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, &byte)| match byte {
        b'%' => matches!(bytes.get(at + 1..at + 3), Some(pair) if pair.iter().all(u8::is_ascii_hexdigit)),
        b'<' | b'>' | b'"' => false,
        _ => byte > b' ' && byte != 0x7f,
    })
}

/// The text without `%HH` escapes. Bytes that make no UTF-8 become replacement characters.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(String::from_utf8_lossy(&Plain::new(text).map(|(byte, _)| byte).collect::<Vec<_>>()).into_owned())
}

/// Writes `text` so that it may stand as the user of an address.
pub fn escape_user(text: &str) -> Cow<'_, str> {
    escape(text, |byte| byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte))
}

/// Writes `text` so that it may stand as a header value inside an address, as Replaces does in Refer-To.
pub fn escape_header(text: &str) -> Cow<'_, str> {
    escape(text, |byte| byte.is_ascii_alphanumeric() || b"-_.!~*'()[]/?:+$".contains(&byte))
}

fn escape(text: &str, plain: impl Fn(u8) -> bool) -> Cow<'_, str> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if text.bytes().all(&plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if plain(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.extend(['%', HEX[usize::from(byte >> 4)].into(), HEX[usize::from(byte & 15)].into()]);
        }
    }
    Cow::Owned(escaped)
}

/// The bytes behind the escapes, and whether each was written as one that matters.
struct Plain<'a> {
    rest: std::slice::Iter<'a, u8>,
}

impl<'a> Plain<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.as_bytes().iter() }
    }
}

impl Iterator for Plain<'_> {
    type Item = (u8, bool);

    fn next(&mut self) -> Option<(u8, bool)> {
        let byte = *self.rest.next()?;
        let digit = |at: usize| char::from(*self.rest.as_slice().get(at)?).to_digit(16);
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                self.rest.nth(1);
                let byte = (high * 16 + low) as u8;
                // An escaped reserved character is not the character itself (RFC 3261 §19.1.4, RFC 2396 §2.2).
                Some((byte, b";/?:@&=+$,".contains(&byte)))
            }
            _ => Some((byte, false)),
        }
    }
}

#[derive(Clone, Copy)]
enum Case {
    Matters,
    Ignored,
}

fn same(mine: &str, theirs: &str, case: Case) -> bool {
    let fold = move |(byte, escaped): (u8, bool)| match case {
        Case::Matters => (byte, escaped),
        Case::Ignored => (byte.to_ascii_lowercase(), escaped),
    };
    Plain::new(mine).map(fold).eq(Plain::new(theirs).map(fold))
}

fn same_option(mine: Option<&str>, theirs: Option<&str>, case: Case) -> bool {
    match (mine, theirs) {
        (Some(mine), Some(theirs)) => same(mine, theirs, case),
        (None, None) => true,
        _ => false,
    }
}

/// Two spellings of one IPv6 address are one host (RFC 5118 has none of that, RFC 5952 §8 does).
fn same_host(mine: Option<&str>, theirs: Option<&str>) -> bool {
    let (Some(mine), Some(theirs)) = (mine, theirs) else { return mine.is_none() && theirs.is_none() };
    mine.eq_ignore_ascii_case(theirs)
        || (mine.starts_with('[') && address(mine).is_some_and(|mine| address(theirs) == Some(mine)))
}

fn same_headers(mine: &Uri<'_>, theirs: &Uri<'_>) -> bool {
    let covers = |these: &Uri<'_>, those: &Uri<'_>| {
        these.headers().all(|(name, value)| {
            those.headers().any(|(their_name, their_value)| {
                same(name, their_name, Case::Ignored) && same(value, their_value, Case::Matters)
            })
        })
    };
    mine.headers().count() == theirs.headers().count() && covers(mine, theirs) && covers(theirs, mine)
}

/// Whether a host can stand in an address: a name, an IPv4 address or an IPv6 reference in brackets.
pub fn is_host(text: &str) -> bool {
    crate::message::via::is_host(text)
}
