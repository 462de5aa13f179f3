//! `"Display name" <uri>;params`: From, To, Contact, Route and all their relatives.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::memo::Mark;
use super::params::{Params, unquoted};
use super::scan::{count, find_outside, is_blank, quoted_end, split_at_byte, trim};
use super::{Fault, number};
use crate::uri::{Parts, Uri};

/// An address with its display name and parameters, borrowed from the message.
#[derive(Clone, Copy, Debug)]
pub struct NameAddr<'a> {
    text: &'a str,
    display: &'a str,
    tag: Option<&'a str>,
    /// The address itself.
    pub uri: Uri<'a>,
    /// The parameters of the header, which are not those of the URI.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one address, without its neighbours behind commas.
    pub fn parse(text: &'a str) -> Result<Self, Fault> {
        let text = trim(text);
        Ok(Marks::of(text)?.cut(text))
    }

    /// All of it as it is written.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// The display name without quotes and escapes; empty when there is none.
    pub fn display(&self) -> Cow<'a, str> {
        let inside = unquoted(self.display);
        if inside.len() == self.display.len() || !inside.contains('\\') {
            return Cow::Borrowed(inside);
        }
        let mut plain = String::with_capacity(inside.len());
        let mut chars = inside.chars();
        while let Some(char) = chars.next() {
            plain.extend(if char == '\\' { chars.next() } else { Some(char) });
        }
        Cow::Owned(plain)
    }

    /// The dialog's half that this side made.
    pub fn tag(&self) -> Option<&'a str> {
        self.tag.filter(|tag| !tag.is_empty())
    }

    /// The preference of a contact in thousandths; `None` when there is none or it is no qvalue.
    pub fn q(&self) -> Option<u16> {
        thousandths(self.params.get("q")?)
    }

    /// The seconds that a contact asks for; `None` when there are none or they make no sense (RFC 3261 §10.2.1.1 then
    /// means the default).
    pub fn expires(&self) -> Option<u32> {
        number(self.params.get("expires")?)
    }

    /// The name of the device (RFC 5626), without quotes, with its angle brackets.
    pub fn instance(&self) -> Option<&'a str> {
        self.params.text("+sip.instance").filter(|instance| !instance.is_empty())
    }

    /// Which of its flows a device means (RFC 5626). Zero is not allowed there.
    pub fn reg_id(&self) -> Option<u32> {
        number(self.params.get("reg-id")?).filter(|&id| id != 0)
    }
}

/// The tag of an address: what [`NameAddr::tag`] says, without reading the address itself.
pub(super) fn tag_in(value: &str) -> Option<&str> {
    let address = match value.starts_with('"') {
        true => &value[quoted_end(value)?..],
        false => value,
    };
    let (_, params) = match split_at_byte(address, b'<') {
        Some((_, address)) => split_at_byte(address, b'>')?,
        None => split_at_byte(address, b';')?,
    };
    Params::new(params).get("tag").filter(|tag| !tag.is_empty())
}

/// Where the parts of an address stand in its text, which has no blanks at its ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    display: Mark,
    uri: Mark,
    parts: Parts,
    tag: Option<Mark>,
    /// Where the parameters begin, behind their semicolon.
    params: u16,
}

impl Marks {
    /// Reads one address.
    pub(super) fn of(text: &str) -> Result<Self, Fault> {
        if text.len() > usize::from(u16::MAX) {
            return Err(Fault::bad("Address too long"));
        }
        let (display, uri, params) = match opening(text)? {
            Some((display, open)) => {
                let (uri, params) = bracketed(text, open + 1)?;
                (display, uri, params)
            }
            None => {
                let end = memchr(b';', text.as_bytes()).unwrap_or(text.len());
                let uri = trim(&text[..end]);
                // RFC 3261 §20: with these marks inside, the brackets are not optional.
                if memchr2(b'?', b',', uri.as_bytes()).is_some() {
                    return Err(Fault::bad("Address needs angle brackets"));
                }
                ("", uri, text.len().min(end + 1))
            }
        };
        let parts = Uri::parse(uri)?.parts();
        let mut tag = None;
        let well_formed = Params::behind(&text[params..]).well_formed(|name, value| {
            if tag.is_none() && name.len() == 3 && name.eq_ignore_ascii_case("tag") {
                tag = Some(Mark::of(text, value));
            }
        });
        if !well_formed {
            return Err(Fault::bad("Bad parameters behind an address"));
        }
        let (display, uri) = (Mark::of(text, display), Mark::of(text, uri));
        Ok(Self { display, uri, parts, tag, params: params as u16 })
    }

    /// What [`NameAddr::tag`] says.
    pub(super) fn tag(self, text: &str) -> Option<&str> {
        self.tag.map(|tag| tag.cut(text)).filter(|tag| !tag.is_empty())
    }

    pub(super) fn cut(self, text: &str) -> NameAddr<'_> {
        NameAddr {
            text,
            display: self.display.cut(text),
            tag: self.tag.map(|tag| tag.cut(text)),
            uri: Uri::again(self.uri.cut(text), self.parts),
            params: Params::behind(text.get(usize::from(self.params)..).unwrap_or("")),
        }
    }
}

/// The display name and where the angle bracket opens behind it; `None` when there is no bracket.
fn opening(text: &str) -> Result<Option<(&str, usize)>, Fault> {
    if text.starts_with('"') {
        let end = quoted_end(text).ok_or(Fault::bad("Quote without an end"))?;
        let open = end + count(&text.as_bytes()[end..], is_blank);
        return match text.as_bytes().get(open) {
            Some(b'<') => Ok(Some((&text[..end], open))),
            _ => Err(Fault::bad("Display name without an address")),
        };
    }
    let Some(open) = memchr(b'<', text.as_bytes()) else { return Ok(None) };
    let display = trim(&text[..open]);
    if display.bytes().any(|byte| matches!(byte, b'"' | b',' | b';' | b'>')) {
        return Err(Fault::bad("Display name needs quotes"));
    }
    Ok(Some((display, open)))
}

/// What stands between the brackets, the first of which is just before `start`, and where the parameters begin.
fn bracketed(text: &str, start: usize) -> Result<(&str, usize), Fault> {
    let (uri, behind) = split_at_byte(&text[start..], b'>').ok_or(Fault::bad("Angle bracket without an end"))?;
    let blanks = count(behind.as_bytes(), is_blank);
    let end = text.len() - behind.len() + blanks;
    match text.as_bytes().get(end) {
        Some(b';') => Ok((uri, end + 1)),
        None => Ok((uri, end)),
        Some(_) => Err(Fault::bad("Text behind an address")),
    }
}

/// `0.5`, `1`, `1.000` (RFC 3261 §25.1).
fn thousandths(q: &str) -> Option<u16> {
    let (whole, fraction) = q.split_once('.').unwrap_or((q, ""));
    let whole: u16 = match whole {
        "0" => 0,
        "1" => 1000,
        _ => return None,
    };
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    (whole + fraction <= 1000).then_some(whole + fraction)
}

/// One value of a Contact header.
#[derive(Clone, Copy, Debug)]
pub enum Contact<'a> {
    /// `*`: all bindings, which only an unregistration may say.
    Star,
    /// An address.
    Addr(NameAddr<'a>),
}

impl<'a> Contact<'a> {
    /// Reads one value, without its neighbours behind commas.
    pub fn parse(text: &'a str) -> Result<Self, Fault> {
        match trim(text) {
            "*" => Ok(Self::Star),
            text => NameAddr::parse(text).map(Self::Addr),
        }
    }

    /// The address, if it is one.
    pub fn addr(self) -> Option<NameAddr<'a>> {
        match self {
            Self::Star => None,
            Self::Addr(addr) => Some(addr),
        }
    }
}

/// The type of a body: `application/sdp;charset=…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType<'a> {
    essence: &'a str,
    /// `boundary` and the like.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        match find_outside(text, b';', false) {
            Some(at) => Self { essence: trim(&text[..at]), params: Params::behind(&text[at + 1..]) },
            None => Self { essence: trim(text), params: Params::default() },
        }
    }

    /// Type and subtype as they are written.
    pub fn as_str(&self) -> &'a str {
        self.essence
    }

    /// Whether it is this type, whatever the case, the blanks around the slash and the parameters.
    pub fn is(&self, wanted: &str) -> bool {
        let halves = |text: &'a str| text.split_once('/').map(|(kind, sub)| (trim(kind), trim(sub)));
        match (halves(self.essence), wanted.split_once('/')) {
            (Some((kind, sub)), Some((wanted_kind, wanted_sub))) => {
                kind.eq_ignore_ascii_case(wanted_kind) && sub.eq_ignore_ascii_case(wanted_sub)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_wherever_an_address_may_have_it() {
        for value in [
            "sip:a@b;tag=1",
            "<sip:a@b;tag=not-this>;x;TAG=2",
            "\"Quoted <sip:c@d>;tag=no \\\" \" <sip:a@b;transport=tcp>;tag=3;y=\">\"",
            "Plain Words <sip:a@b>;y=\"<;tag=4>\"",
            "<sip:a@b>",
            "sip:a@b",
            "<sip:a@b>;tag",
            "tel:+1;tag=5",
        ] {
            let read = NameAddr::parse(value).expect("the address is well-formed");
            assert_eq!(tag_in(value), read.tag(), "in {value}");
        }
    }

    #[test]
    fn display_names_come_in_three_shapes() {
        for (text, display) in [
            (r#""a \"b\" \\ c"<sip:x@h>"#, r#"a "b" \ c"#),
            ("Jörg Müller <sip:x@h>", "Jörg Müller"),
            ("caller<sip:x@h>;tag=1", "caller"),
            ("<sip:x@h>", ""),
            ("sip:x@h;tag=1", ""),
        ] {
            assert_eq!(NameAddr::parse(text).unwrap().display(), display, "{text}");
        }
    }

    #[test]
    fn without_brackets_the_parameters_are_the_headers() {
        let bare = NameAddr::parse("sip:x@h;tag=1;lr").unwrap();
        assert_eq!((bare.tag(), bare.uri.params().has("lr")), (Some("1"), false));
        let bracketed = NameAddr::parse("<sip:x@h;lr>;tag=1").unwrap();
        assert_eq!((bracketed.tag(), bracketed.uri.params().has("lr")), (Some("1"), true));
    }

    #[test]
    fn a_contact_tells_preference_expiry_and_device() {
        let text = r#"<sip:x@h>;q=0.75;expires=60;+sip.instance="<urn:uuid:1>";reg-id=2"#;
        let Contact::Addr(contact) = Contact::parse(text).unwrap() else { panic!("an address") };
        assert_eq!(contact.q(), Some(750));
        assert_eq!(contact.expires(), Some(60));
        assert_eq!(contact.instance(), Some("<urn:uuid:1>"));
        assert_eq!(contact.reg_id(), Some(2));
        assert!(matches!(Contact::parse(" * "), Ok(Contact::Star)));
    }

    #[test]
    fn preferences_stay_between_zero_and_one() {
        for (q, value) in [("1", Some(1000)), ("0.5", Some(500)), ("0.001", Some(1)), ("1.", Some(1000))] {
            assert_eq!(thousandths(q), value, "{q}");
        }
        for wrong in ["1.1", "2", "", "-1", "0.0001", "0.x"] {
            assert_eq!(thousandths(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn broken_addresses_are_refused() {
        for wrong in [
            "",
            r#""open <sip:x@h>"#,
            r#""closed" sip:x@h"#,
            "a, b <sip:x@h>",
            "<sip:x@h",
            "<sip:x@h> more",
            "<sip:x@h>;;",
            "sip:x@h?Route=%3Csip:y%3E",
            "no address",
        ] {
            assert_eq!(NameAddr::parse(wrong).map(|addr| addr.as_str()).map_err(Fault::status), Err(400), "{wrong}");
        }
    }

    #[test]
    fn media_types_are_compared_without_case_and_parameters() {
        let kind = MediaType::of("Application / SDP ; charset=utf-8");
        assert!(kind.is("application/sdp"));
        assert!(!kind.is("application/pidf+xml"));
        assert_eq!(kind.params.get("charset"), Some("utf-8"));
    }
}
