//! `name=value, name="value"`: the fields of a challenge and of its answer.

use std::borrow::Cow;

use crate::message::Fault;
use crate::message::scan::{Commas, is_token, quoted_end, trim};

/// Most fields of one header: twice what every RFC together defines.
const MAX_FIELDS: usize = 32;

/// One field. The value is without its quotes, its escapes still in it.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

/// Scheme and fields of a header value; `None` when it is of another scheme than Digest.
pub(super) fn digest(header: &str) -> Option<impl Iterator<Item = Result<Field<'_>, Fault>>> {
    let header = trim(header);
    let (scheme, rest) = header.split_once([' ', '\t']).unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("Digest") {
        return None;
    }
    let fields = Commas::new(rest).filter(|field| !field.is_empty()).enumerate();
    Some(fields.map(|(at, field)| if at < MAX_FIELDS { read(field) } else { Err(BAD) }))
}

const BAD: Fault = Fault::bad("Bad credentials");

fn read(field: &str) -> Result<Field<'_>, Fault> {
    let (name, value) = field.split_once('=').ok_or(BAD)?;
    let (name, value) = (trim(name), trim(value));
    if !is_token(name.as_bytes()) || value.is_empty() {
        return Err(BAD);
    }
    if !value.starts_with('"') {
        // Nothing that a quoted string exists for may stand outside of one.
        let plain = !value.bytes().any(|byte| byte == b'"' || byte.is_ascii_whitespace() || byte.is_ascii_control());
        return if plain { Ok(Field { name, value }) } else { Err(BAD) };
    }
    if quoted_end(value) != Some(value.len()) {
        return Err(BAD);
    }
    Ok(Field { name, value: &value[1..value.len() - 1] })
}

/// Notes a value that may be there once.
pub(super) fn once<'a>(place: &mut Option<&'a str>, field: &Field<'a>) -> Result<(), Fault> {
    match place.replace(field.value) {
        None => Ok(()),
        Some(_) => Err(Fault::bad("Credentials name a field twice")),
    }
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

    fn values(header: &str) -> Vec<Result<(&str, &str), u16>> {
        let fields = digest(header).expect("the scheme is Digest");
        fields.map(|field| field.map(|field| (field.name, field.value)).map_err(Fault::status)).collect()
    }

    #[test]
    fn fields_are_read_whatever_their_blanks_quotes_and_commas() {
        assert_eq!(
            values("  dIgEsT a = \"1, 2\" ,,b=3\t,c=\"x\\\"y\""),
            [Ok(("a", "1, 2")), Ok(("b", "3")), Ok(("c", "x\\\"y"))]
        );
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
        ] {
            assert_eq!(values(wrong), [Err(400)], "{wrong}");
        }
    }

    #[test]
    fn more_fields_than_anybody_needs_are_a_fault() {
        let many = format!("Digest {}", "a=1,".repeat(MAX_FIELDS + 1));
        assert_eq!(values(&many).last(), Some(&Err(400)));
    }

    #[test]
    fn other_schemes_are_not_read() {
        assert!(digest("Bearer abc").is_none());
        assert!(digest("Digestive a=1").is_none());
        assert!(digest("").is_none());
    }

    #[test]
    fn quoting_and_reading_back_gives_the_same_text() {
        for text in ["plain", "with \"quotes\"", "back\\slash", "Jörg"] {
            assert_eq!(plain(&quoted(text)), text);
        }
        assert_eq!(quoted("line\r\nend"), "lineend");
    }
}
