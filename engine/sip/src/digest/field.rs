//! `name=value, name="value"`: the fields of a challenge and of its answer.

use std::borrow::Cow;

use memchr::memchr2;

use crate::message::Fault;
use crate::message::scan::{count, find_outside, is_token, is_token_byte, quoted_end, trim};

/// Most fields of one header: twice what every RFC together defines.
const MAX_FIELDS: usize = 32;

/// The values of the fields with these names, without their quotes, their escapes still in them; `None` when the header is
/// of another scheme than Digest. Names are compared without case, other fields are passed over, and one that stands
/// there twice is a fault.
pub(super) fn read<'a, const N: usize>(
    header: &'a str,
    names: [&str; N],
) -> Option<Result<[Option<&'a str>; N], Fault>> {
    fields(header).map(|fields| values(fields, names))
}

/// Whether a header is of the scheme Digest.
pub(super) fn is_digest(header: &str) -> bool {
    fields(header).is_some()
}

/// What stands behind the scheme, when that is Digest.
fn fields(header: &str) -> Option<&str> {
    let header = trim(header);
    let (scheme, rest) = header.split_once([' ', '\t']).unwrap_or((header, ""));
    scheme.eq_ignore_ascii_case("Digest").then_some(rest)
}

const BAD: Fault = Fault::bad("Bad credentials");

fn values<'a, const N: usize>(fields: &'a str, names: [&str; N]) -> Result<[Option<&'a str>; N], Fault> {
    let mut values = [None; N];
    let mut rest = fields;
    for _ in 0..=MAX_FIELDS {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Ok(values);
        }
        let ((name, value), behind) = match plain_field(rest) {
            Some(field) => field,
            None => {
                let (field, behind) = rest.split_at(find_outside(rest, b',', true).unwrap_or(rest.len()));
                (split(trim(field))?, behind)
            }
        };
        rest = behind;
        let Some(place) = names.iter().position(|known| known.eq_ignore_ascii_case(name)) else { continue };
        if values[place].replace(value).is_some() {
            return Err(Fault::bad("Credentials name a field twice"));
        }
    }
    Err(BAD)
}

/// A field without blanks around its equals sign and without escapes, as nearly all are, and the text from its comma on.
fn plain_field(text: &str) -> Option<((&str, &str), &str)> {
    let bytes = text.as_bytes();
    let name = count(bytes, is_token_byte);
    if name == 0 || bytes.get(name) != Some(&b'=') {
        return None;
    }
    let start = name + 1;
    let (value, end) = match bytes.get(start)? {
        b'"' => {
            let length = memchr2(b'"', b'\\', &bytes[start + 1..])?;
            let end = start + 1 + length;
            (&text[start + 1..end], (bytes[end] == b'"').then_some(end + 1)?)
        }
        _ => {
            let end = start + count(&bytes[start..], is_token_byte);
            ((end > start).then(|| &text[start..end])?, end)
        }
    };
    let rest = &text[end..];
    (rest.is_empty() || rest.starts_with(',')).then_some(((&text[..name], value), rest))
}

fn split(field: &str) -> Result<(&str, &str), Fault> {
    let (name, value) = field.split_once('=').ok_or(BAD)?;
    let (name, value) = (trim(name), trim(value));
    if !is_token(name.as_bytes()) || value.is_empty() {
        return Err(BAD);
    }
    if !value.starts_with('"') {
        // Nothing that a quoted string exists for may stand outside of one.
        let plain = !value.bytes().any(|byte| byte == b'"' || byte.is_ascii_whitespace() || byte.is_ascii_control());
        return if plain { Ok((name, value)) } else { Err(BAD) };
    }
    if quoted_end(value) != Some(value.len()) {
        return Err(BAD);
    }
    Ok((name, &value[1..value.len() - 1]))
}

/// The text without the backslashes of a quoted string.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut chars = text.chars();
    let next = || match chars.next() {
        Some('\\') => chars.next(),
        other => other,
    };
    Cow::Owned(std::iter::from_fn(next).collect())
}

/// The text as the inside of a quoted string. Controls, which no quoted string may hold, are left out.
pub(super) fn quoted(text: &str) -> Cow<'_, str> {
    if !text.contains(|char: char| matches!(char, '"' | '\\') || char.is_control()) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for char in text.chars().filter(|char| !char.is_control()) {
        if matches!(char, '"' | '\\') {
            safe.push('\\');
        }
        safe.push(char);
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abc(header: &str) -> Result<[Option<&str>; 3], u16> {
        read(header, ["a", "b", "c"]).expect("the scheme is Digest").map_err(Fault::status)
    }

    #[test]
    fn fields_are_read_whatever_their_blanks_quotes_commas_and_case() {
        let header = "  dIgEsT A = \"1, 2\" ,,b=3\t,other=x, c=\"x\\\"y\"";
        assert_eq!(abc(header), Ok([Some("1, 2"), Some("3"), Some("x\\\"y")]));
        assert_eq!(abc("Digest b=1"), Ok([None, Some("1"), None]));
    }

    #[test]
    fn broken_fields_are_faults() {
        for wrong in [
            "Digest a",
            "Digest a=",
            "Digest =1",
            "Digest a=\"1",
            "Digest a=\"1\"2",
            "Digest a=1 2",
            "Digest a\u{7f}=1",
            "Digest a=1, A=2",
        ] {
            assert_eq!(abc(wrong), Err(400), "{wrong}");
        }
    }

    #[test]
    fn more_fields_than_anybody_needs_are_a_fault() {
        let many = |count| format!("Digest {}", "x=1,".repeat(count));
        assert_eq!(abc(&many(MAX_FIELDS)), Ok([None; 3]));
        assert_eq!(abc(&many(MAX_FIELDS + 1)), Err(400));
    }

    #[test]
    fn other_schemes_are_not_read() {
        assert!(!is_digest("Bearer abc") && !is_digest("Digestive a=1") && !is_digest(""));
        assert!(is_digest("digest\ta=1"));
    }

    #[test]
    fn quoting_and_reading_back_gives_the_same_text() {
        for text in ["plain", "with \"quotes\"", "back\\slash", "Jörg"] {
            assert_eq!(plain(&quoted(text)), text);
        }
        assert_eq!(quoted("line\r\nend"), "lineend");
    }
}
