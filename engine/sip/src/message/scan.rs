//! The smallest pieces of the grammar: tokens, blanks, quoted strings, list commas.

use memchr::{memchr, memchr2};

/// What a byte may be part of (RFC 3261 §25.1).
const TOKEN: u8 = 1;
const HOST: u8 = 2;
/// A byte of a parameter's value that needs no second look: no blank, control, quote or semicolon.
const PLAIN: u8 = 4;

const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() {
            class[byte] |= TOKEN | HOST;
        }
        if b > b' ' && b != 0x7f && b != b'"' && b != b';' {
            class[byte] |= PLAIN;
        }
        byte += 1;
    }
    let token = b"-.!%*_+`'~";
    let mut at = 0;
    while at < token.len() {
        class[token[at] as usize] |= TOKEN;
        at += 1;
    }
    // The underscore is no host byte in the RFC, but networks in the field have such names.
    let host = b"-._";
    let mut at = 0;
    while at < host.len() {
        class[host[at] as usize] |= HOST;
        at += 1;
    }
    class
};

pub(crate) const fn is_token_byte(byte: u8) -> bool {
    CLASS[byte as usize] & TOKEN != 0
}

pub(crate) const fn is_host_byte(byte: u8) -> bool {
    CLASS[byte as usize] & HOST != 0
}

pub(crate) const fn is_plain_byte(byte: u8) -> bool {
    CLASS[byte as usize] & PLAIN != 0
}

/// How many bytes at the beginning are of that kind.
#[inline]
pub(crate) fn count(bytes: &[u8], is: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&byte| !is(byte)).unwrap_or(bytes.len())
}

pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Cuts blanks off both ends.
#[inline]
pub(crate) fn trim(text: &str) -> &str {
    let bytes = text.as_bytes();
    let (mut start, mut end) = (0, bytes.len());
    while start < end && is_blank(bytes[start]) {
        start += 1;
    }
    while start < end && is_blank(bytes[end - 1]) {
        end -= 1;
    }
    &text[start..end]
}

/// The text before and behind the first such byte, which is ASCII.
pub(crate) fn split_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = memchr(byte, text.as_bytes())?;
    Some((&text[..at], &text[at + 1..]))
}

/// Where the quoted string that opens `text` ends: the index after the closing quote.
pub(crate) fn quoted_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    debug_assert_eq!(bytes.first(), Some(&b'"'));
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// The first of `stops` outside quoted strings and, if wanted, outside angle brackets.
///
/// `None` also when a quote is never closed: the rest is one piece then, and its own parser refuses it.
pub(crate) fn find_outside(text: &str, stop: u8, brackets: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let first = memchr(stop, bytes)?;
    // Most values have neither quotes nor brackets before the first stop.
    if memchr2(b'"', if brackets { b'<' } else { b'"' }, &bytes[..first]).is_none() {
        return Some(first);
    }
    let mut at = 0;
    let mut depth = false;
    while at < bytes.len() {
        match bytes[at] {
            b'"' if !depth => at += quoted_end(&text[at..])?,
            b'<' if brackets => {
                depth = true;
                at += 1;
            }
            b'>' => {
                depth = false;
                at += 1;
            }
            byte if byte == stop && !depth => return Some(at),
            _ => at += 1,
        }
    }
    None
}

/// The values of one header line: split at commas outside quoted strings and angle brackets, blanks cut off.
#[derive(Clone, Debug)]
pub(crate) struct Commas<'a> {
    rest: Option<&'a str>,
}

impl<'a> Commas<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: Some(text) }
    }
}

impl<'a> Iterator for Commas<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let (item, rest) = match find_outside(rest, b',', true) {
            Some(comma) => (&rest[..comma], Some(&rest[comma + 1..])),
            None => (rest, None),
        };
        self.rest = rest;
        Some(trim(item))
    }
}

/// Digits and nothing else, as a number; `None` for anything else and for what does not fit.
pub(crate) fn number(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    // What has nine digits at most fits, whatever they are.
    if text.len() <= 9 {
        let (mut sum, mut other) = (0u32, 0);
        for byte in text.bytes() {
            let digit = byte.wrapping_sub(b'0');
            other |= u8::from(digit > 9);
            sum = sum.wrapping_mul(10).wrapping_add(digit.into());
        }
        return (other == 0).then_some(sum.into());
    }
    text.bytes().try_fold(0u64, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { sum.checked_mul(10)?.checked_add(u64::from(digit)) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_inside_quotes_and_brackets_do_not_split() {
        let line = r#" "a, \" b" <sip:x,y@h> , <sip:b>;p="1,2",c"#;
        assert_eq!(Commas::new(line).collect::<Vec<_>>(), [r#""a, \" b" <sip:x,y@h>"#, r#"<sip:b>;p="1,2""#, "c"]);
    }

    #[test]
    fn an_open_quote_swallows_the_rest() {
        assert_eq!(Commas::new(r#""a, b"#).collect::<Vec<_>>(), [r#""a, b"#]);
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(number("070"), Some(70));
        for wrong in ["", "+1", "-1", "1 ", "1a", "99999999999999999999"] {
            assert_eq!(number(wrong), None, "{wrong:?}");
        }
    }
}
