//! Where an address comes apart, found in one walk over it.

use super::escape::{PERCENT, UNFIT, is_escape, kind, well_escaped};
use super::{MAX_URI, MAX_URI_PARAMS, Scheme};
use crate::message::scan::{count, split_at_byte};
use crate::message::via::host_and_port;
use crate::message::{Fault, Params};

const BAD: Fault = Fault::bad("Bad URI");

/// The places between the parts of an address, counted from its beginning. No address is longer than [`MAX_URI`], so
/// that sixteen bits each are enough, and all of it is small enough to be kept and handed about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(super) scheme: Scheme,
    pub(super) port: Option<u16>,
    /// Where the user begins and ends; the same place when there is none.
    pub(super) user: u16,
    pub(super) user_end: u16,
    /// Where the host begins and ends; the same place when there is none. A password ends before the `@` before it.
    pub(super) host: u16,
    pub(super) host_end: u16,
    /// Where the parameters begin, behind their semicolon, and end. Headers stand behind the mark there.
    pub(super) params: u16,
    pub(super) params_end: u16,
}

impl Parts {
    /// Takes an address apart that stands alone.
    pub(crate) fn of(text: &str) -> Result<Self, Fault> {
        if text.len() > MAX_URI {
            return Err(Fault::new(414, "Request-URI Too Long"));
        }
        let (scheme, start) = scheme(text)?;
        if start == text.len() {
            return Err(BAD);
        }
        let end = text.len() as u16;
        let nothing =
            Self { scheme, port: None, user: 0, user_end: 0, host: 0, host_end: 0, params: end, params_end: end };
        match scheme {
            Scheme::Sip | Scheme::Sips => nothing.with_sip(text, start),
            _ if !well_escaped(&text[start..]) => Err(BAD),
            Scheme::Tel => nothing.with_number(text, start),
            Scheme::Other => Ok(nothing),
        }
    }

    fn with_sip(mut self, text: &str, start: usize) -> Result<Self, Fault> {
        let joints = Joints::of(text.as_bytes(), start).ok_or(BAD)?;
        let mut host = start;
        if joints.at != 0 {
            let end = if joints.colon != 0 { joints.at.min(joints.colon) } else { joints.at };
            if end == start {
                return Err(Fault::bad("URI with an empty user"));
            }
            (self.user, self.user_end) = (start as u16, end as u16);
            host = joints.at + 1;
        }
        let mut end = text.len();
        if joints.question != 0 {
            end = joints.question;
            if text[end + 1..].split('&').take(MAX_URI_PARAMS + 1).count() > MAX_URI_PARAMS {
                return Err(Fault::bad("Too many URI headers"));
            }
        }
        let mut place_end = end;
        (self.params, self.params_end) = (end as u16, end as u16);
        if joints.semicolon != 0 {
            place_end = joints.semicolon;
            self.params = place_end as u16 + 1;
            check_params(Params::behind(&text[place_end + 1..end]))?;
        }
        // Blanks cannot be here: they are no part of any address.
        let (name, port) = host_and_port(&text[host..place_end]).ok_or(Fault::bad("URI with a bad host"))?;
        (self.host, self.host_end, self.port) = (host as u16, (host + name.len()) as u16, port);
        Ok(self)
    }

    fn with_number(mut self, text: &str, start: usize) -> Result<Self, Fault> {
        let (number, params) = split_at_byte(&text[start..], b';').unwrap_or((&text[start..], ""));
        let digits = number.strip_prefix('+').unwrap_or(number);
        let is_number = digits.bytes().any(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#'))
            && digits
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#' | b'-' | b'.' | b'(' | b')'));
        if !is_number {
            return Err(Fault::bad("Bad telephone number"));
        }
        check_params(Params::behind(params))?;
        (self.user, self.user_end) = (start as u16, (start + number.len()) as u16);
        self.params = (text.len() - params.len()) as u16;
        Ok(self)
    }
}

/// What stands before the first colon, and where it goes on behind that.
fn scheme(text: &str) -> Result<(Scheme, usize), Fault> {
    // Three letters and a colon are nearly all that ever comes.
    if let [s, i, p, b':', ..] = text.as_bytes()
        && [s, i, p].map(u8::to_ascii_lowercase) == *b"sip"
    {
        return Ok((Scheme::Sip, 4));
    }
    let (scheme, _) = split_at_byte(text, b':').ok_or(Fault::bad("URI without a scheme"))?;
    let kind = match scheme.len() {
        4 if scheme.eq_ignore_ascii_case("sips") => Scheme::Sips,
        3 if scheme.eq_ignore_ascii_case("tel") => Scheme::Tel,
        _ if is_scheme(scheme) => Scheme::Other,
        _ => return Err(BAD),
    };
    Ok((kind, scheme.len() + 1))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn check_params(params: Params<'_>) -> Result<(), Fault> {
    for (at, (name, value)) in params.iter().enumerate() {
        if at == MAX_URI_PARAMS {
            return Err(Fault::bad("Too many URI parameters"));
        }
        if name.is_empty() || value.is_some_and(str::is_empty) {
            return Err(Fault::bad("Bad URI parameters"));
        }
    }
    Ok(())
}

/// The marks between the parts of what stands behind `sip:`; 0 for one that is not there. Neither parameters nor headers
/// may hold a bare `@`, but the user may hold `;`, `?` and, before its password, one colon.
#[derive(Clone, Copy, Debug, Default)]
struct Joints {
    /// The `@` behind the user.
    at: usize,
    /// The first colon of all: before a password when it comes before the `@`.
    colon: usize,
    /// The first semicolon behind the host.
    semicolon: usize,
    /// The first question mark behind the host.
    question: usize,
}

impl Joints {
    /// `None` when a byte stands there that no address may hold, or a percent sign without its digits.
    fn of(bytes: &[u8], start: usize) -> Option<Self> {
        let mut joints = Self::default();
        let mut place = start;
        loop {
            // Most bytes are letters and digits.
            place += count(&bytes[place..], |byte| kind(byte) == 0);
            let Some(&byte) = bytes.get(place) else { return Some(joints) };
            match kind(byte) {
                UNFIT => return None,
                PERCENT if !is_escape(&bytes[place..]) => return None,
                PERCENT => {}
                _ => joints.note(byte, place),
            }
            place += 1;
        }
    }

    fn note(&mut self, byte: u8, place: usize) {
        match byte {
            b'@' if self.at == 0 => {
                self.at = place;
                (self.semicolon, self.question) = (0, 0);
            }
            b':' if self.colon == 0 => self.colon = place,
            // A semicolon among the headers separates nothing.
            b';' if self.semicolon == 0 && self.question == 0 => self.semicolon = place,
            b'?' if self.question == 0 => self.question = place,
            _ => {}
        }
    }
}
