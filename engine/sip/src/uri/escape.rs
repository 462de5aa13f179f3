//! `%HH`: what may stand in an address only in disguise.

use std::borrow::Cow;

/// No blanks, controls, quotes or brackets, and two hexadecimal digits behind each percent sign.
pub(super) fn well_escaped(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Without an early way out the compiler looks at sixteen bytes at once.
    let clean = |bytes: &[u8]| bytes.iter().fold(true, |clean, &byte| clean & is_uri_byte(byte));
    if clean(bytes) {
        return true;
    }
    bytes.split(|&byte| byte == b'%').enumerate().all(|(at, part)| {
        let digits = at == 0 || matches!(part, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit());
        digits && clean(part)
    })
}

/// Whether a byte may stand in a URI as it is, a percent sign aside.
const fn is_uri_byte(byte: u8) -> bool {
    (byte > b' ') & (byte != 0x7f) & (byte != b'<') & (byte != b'>') & (byte != b'"') & (byte != b'%')
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
