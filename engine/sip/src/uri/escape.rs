//! `%HH`: what may stand in an address only in disguise.

use std::borrow::Cow;

/// What a byte may not be in an address: a blank, a control, a quote or a bracket.
pub(super) const UNFIT: u8 = 1;
/// The percent sign.
pub(super) const PERCENT: u8 = 2;
/// The marks at which a `sip:` address comes apart.
const JOINT: u8 = 3;

const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            0..=b' ' | 0x7f | b'<' | b'>' | b'"' => UNFIT,
            b'%' => PERCENT,
            b'@' | b':' | b';' | b'?' => JOINT,
            _ => 0,
        };
        byte += 1;
    }
    kinds
};

/// What a byte is in an address; 0 for nothing special.
#[inline]
pub(super) const fn kind(byte: u8) -> u8 {
    KINDS[byte as usize]
}

/// Whether two hexadecimal digits stand behind the percent sign that opens `text`.
pub(super) fn is_escape(text: &[u8]) -> bool {
    matches!(text, [_, high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// No blanks, controls, quotes or brackets, and two hexadecimal digits behind each percent sign.
pub(super) fn well_escaped(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(place, &byte)| match kind(byte) {
        UNFIT => false,
        PERCENT => is_escape(&bytes[place..]),
        _ => true,
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
pub(super) struct Plain<'a> {
    rest: std::slice::Iter<'a, u8>,
}

impl<'a> Plain<'a> {
    pub(super) fn new(text: &'a str) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_taken_off_once() {
        assert_eq!(unescape("value%25%34%31"), "value%41");
        assert_eq!(unescape("plain"), "plain");
        assert_eq!(unescape("%e4%bd%a0"), "你");
        assert_eq!(unescape("%ff%"), "\u{fffd}%");
    }

    #[test]
    fn what_is_escaped_reads_back() {
        for text in ["I have spaces", "a@b:c", "你%", "<\r\n>\""] {
            assert_eq!(unescape(&escape_user(text)), text);
            assert_eq!(unescape(&escape_header(text)), text);
            assert!(well_escaped(&escape_user(text)));
        }
        assert_eq!(escape_header("a@b;to-tag=1"), "a%40b%3Bto-tag%3D1");
        assert_eq!(escape_user("+4930;ext=1"), "+4930;ext=1");
    }
}
