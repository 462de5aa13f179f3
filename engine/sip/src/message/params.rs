//! `;name=value` lists behind addresses, Via entries and other values.

use memchr::{memchr, memchr2};

use super::scan::{self, trim};

/// The parameters of one value, read on demand from the text behind its first semicolon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params<'a> {
    text: &'a str,
}

impl<'a> Params<'a> {
    /// Reads `a=1;b`; a leading semicolon may be there.
    pub fn new(text: &'a str) -> Self {
        let text = trim(text);
        Self { text: text.strip_prefix(';').unwrap_or(text) }
    }

    /// What stands behind a semicolon that has been cut off already. Nothing at all is an empty list: a semicolon too
    /// many at the end hurts nobody.
    pub(crate) fn behind(text: &'a str) -> Self {
        Self { text: trim(text) }
    }

    /// As it is written, without the first semicolon.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// The value of a parameter as written, quotes and all; empty when it has none; `None` when it is not there.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.unwrap_or(""))
    }

    /// As [`get`](Self::get), without the quotes around a quoted string. Escapes inside stay.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name).map(unquoted)
    }

    /// Whether the parameter is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Every parameter in order; a value that is a quoted string keeps its quotes.
    pub fn iter(&self) -> ParamIter<'a> {
        ParamIter { rest: (!self.text.is_empty()).then_some(self.text) }
    }

    /// Whether each parameter has a token for its name, and behind its equals sign a quoted string or a word. `see` is
    /// shown each on the way, its value empty when it has none.
    pub(crate) fn well_formed(&self, mut see: impl FnMut(&'a str, &'a str)) -> bool {
        let mut params = self.iter();
        while let Some(rest) = params.rest {
            if let Some(((name, value), rest)) = plain_param(rest) {
                if value == Some("") {
                    return false;
                }
                see(name, value.unwrap_or(""));
                params.rest = rest;
                continue;
            }
            let Some((name, value)) = params.next() else { break };
            see(name, value.unwrap_or(""));
            if !scan::is_token(name.as_bytes()) || !value.is_none_or(is_value) {
                return false;
            }
        }
        true
    }
}

/// A parameter without blanks and quotes, as nearly all are, and the text behind its semicolon.
#[inline]
fn plain_param(text: &str) -> Option<(Param<'_>, Option<&str>)> {
    let bytes = text.as_bytes();
    let name = scan::count(bytes, scan::is_token_byte);
    let end = match bytes.get(name) {
        _ if name == 0 => return None,
        Some(b'=') => name + 1 + scan::count(&bytes[name + 1..], scan::is_plain_byte),
        _ => name,
    };
    let rest = match bytes.get(end) {
        None => None,
        Some(b';') => Some(&text[end + 1..]),
        Some(_) => return None,
    };
    Some(((&text[..name], text.get(name + 1..end)), rest))
}

/// A quoted string, or a word without blanks, controls and quotes. More than the grammar allows: hosts and addresses stand
/// here, and marks that no grammar foresaw. A quote inside a word would hide what is written behind it.
fn is_value(value: &str) -> bool {
    if value.starts_with('"') {
        return scan::quoted_end(value) == Some(value.len());
    }
    !value.is_empty() && value.bytes().all(|byte| byte > b' ' && !matches!(byte, 0x7f | b'"'))
}

/// The text inside a quoted string; any other text as it is.
pub(crate) fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// Name and value.
type Param<'a> = (&'a str, Option<&'a str>);

impl<'a> IntoIterator for Params<'a> {
    type Item = Param<'a>;
    type IntoIter = ParamIter<'a>;

    fn into_iter(self) -> ParamIter<'a> {
        self.iter()
    }
}

/// Where the first parameter ends, and where its first equals sign is. A quote that is never closed swallows the rest.
fn first_param(text: &str) -> (usize, Option<usize>) {
    let bytes = text.as_bytes();
    // Names are short: a look at each byte is quicker than a search.
    let Some(at) = bytes.iter().position(|&byte| matches!(byte, b'=' | b';' | b'"')) else {
        return (bytes.len(), None);
    };
    match bytes[at] {
        b';' => (at, None),
        b'=' => (end_of_param(text, at + 1), Some(at)),
        // A quote where the name should be: no parameter is well formed like that, but it ends where it ends.
        _ => {
            let end = end_of_param(text, at);
            (end, memchr(b'=', &bytes[at..end]).map(|found| at + found))
        }
    }
}

/// The next semicolon from `at` that stands outside quotes, or the end of the text.
fn end_of_param(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    while let Some(found) = memchr2(b';', b'"', &bytes[at..]) {
        at += found;
        if bytes[at] == b';' {
            return at;
        }
        match scan::quoted_end(&text[at..]) {
            Some(end) => at += end,
            None => break,
        }
    }
    bytes.len()
}

/// See [`Params::iter`].
#[derive(Clone, Debug)]
pub struct ParamIter<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for ParamIter<'a> {
    type Item = Param<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        if let Some((param, rest)) = plain_param(rest) {
            self.rest = rest;
            return Some(param);
        }
        let (end, equals) = first_param(rest);
        let param = &rest[..end];
        self.rest = rest.get(end + 1..);
        Some(match equals {
            Some(at) => (trim(&param[..at]), Some(trim(&param[at + 1..]))),
            None => (trim(param), None),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_may_hold_semicolons() {
        let params = Params::new(r#" ; a = "x;y" ;LR; b=2"#);
        assert_eq!(params.get("A"), Some(r#""x;y""#));
        assert_eq!(params.text("a"), Some("x;y"));
        assert_eq!(params.get("lr"), Some(""));
        assert_eq!(params.get("b"), Some("2"));
        assert_eq!(params.get("c"), None);
        assert!(params.well_formed(|_, _| {}));
    }

    #[test]
    fn empty_names_and_open_quotes_are_not_well_formed() {
        for wrong in
            [";;", "a=1;", "=2", r#"a="x"#, r#"a="x"y"#, "a b=1", "a=", "a=b c", "a=b\rc", r#"a=b"c"#, r#"a=b"c""#]
        {
            assert!(!Params::new(wrong).well_formed(|_, _| {}), "{wrong}");
        }
        assert!(Params::new("").well_formed(|_, _| {}));
    }
}
