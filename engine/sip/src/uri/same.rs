//! When two addresses are the same (RFC 3261 §19.1.4, RFC 3966 §5).

use super::escape::Plain;
use super::{Scheme, Uri};
use crate::message::via::address;

impl Uri<'_> {
    /// Whether both name the same resource. Not transitive, so it is no `==`: a parameter that only one side has is no
    /// difference, but two values of it are.
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        if self.text == other.text {
            return true;
        }
        match (self.scheme(), other.scheme()) {
            (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) => same_sip(self, other),
            (Scheme::Tel, Scheme::Tel) => same_number(self, other),
            (Scheme::Other, Scheme::Other) => {
                let (mine, theirs) = (self.scheme_text(), other.scheme_text());
                mine.eq_ignore_ascii_case(theirs) && self.text[mine.len()..] == other.text[theirs.len()..]
            }
            _ => false,
        }
    }
}

fn same_sip(mine: &Uri<'_>, theirs: &Uri<'_>) -> bool {
    /// These make a difference also when only one side has them.
    const TELLING: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
    same_option(mine.user(), theirs.user())
        && same_option(mine.password(), theirs.password())
        && same_host(mine.host(), theirs.host())
        && mine.port() == theirs.port()
        && TELLING.iter().all(|name| mine.param(name).is_some() == theirs.param(name).is_some())
        && agree(mine, theirs)
        && agree(theirs, mine)
        && mine.headers().count() == theirs.headers().count()
        && headers_in(mine, theirs)
        && headers_in(theirs, mine)
}

/// Marks inside the number do not count, parameters do.
fn same_number(mine: &Uri<'_>, theirs: &Uri<'_>) -> bool {
    fn digits<'a>(uri: &Uri<'a>) -> impl Iterator<Item = u8> + use<'a> {
        let number = uri.user().unwrap_or("");
        number.bytes().filter(|byte| !matches!(byte, b'-' | b'.' | b'(' | b')')).map(|byte| byte.to_ascii_lowercase())
    }
    digits(mine).eq(digits(theirs))
        && agree(mine, theirs)
        && agree(theirs, mine)
        && mine.params().iter().all(|(name, _)| theirs.param(name).is_some())
        && theirs.params().iter().all(|(name, _)| mine.param(name).is_some())
}

/// Whether every parameter of one that the other has too has the same value there.
fn agree(these: &Uri<'_>, those: &Uri<'_>) -> bool {
    these
        .params()
        .iter()
        .all(|(name, value)| those.param(name).is_none_or(|theirs| same(value.unwrap_or(""), theirs, Case::Ignored)))
}

fn headers_in(these: &Uri<'_>, those: &Uri<'_>) -> bool {
    these.headers().all(|(name, value)| {
        those.headers().any(|(their_name, their_value)| {
            same(name, their_name, Case::Ignored) && same(value, their_value, Case::Matters)
        })
    })
}

#[derive(Clone, Copy)]
pub(super) enum Case {
    Matters,
    Ignored,
}

/// Whether both are the same text behind their escapes.
pub(super) fn same(mine: &str, theirs: &str, case: Case) -> bool {
    let fold = move |(byte, escaped): (u8, bool)| match case {
        Case::Matters => (byte, escaped),
        Case::Ignored => (byte.to_ascii_lowercase(), escaped),
    };
    Plain::new(mine).map(fold).eq(Plain::new(theirs).map(fold))
}

fn same_option(mine: Option<&str>, theirs: Option<&str>) -> bool {
    match (mine, theirs) {
        (Some(mine), Some(theirs)) => same(mine, theirs, Case::Matters),
        (None, None) => true,
        _ => false,
    }
}

/// Two spellings of one IPv6 address are one host (RFC 5952 §1 tells what goes wrong otherwise).
fn same_host(mine: Option<&str>, theirs: Option<&str>) -> bool {
    let (Some(mine), Some(theirs)) = (mine, theirs) else { return mine.is_none() && theirs.is_none() };
    mine.eq_ignore_ascii_case(theirs)
        || (mine.starts_with('[') && address(mine).is_some_and(|mine| address(theirs) == Some(mine)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equivalent(mine: &str, theirs: &str) -> bool {
        let (mine, theirs) = (Uri::parse(mine).unwrap(), Uri::parse(theirs).unwrap());
        let (there, back) = (mine.equivalent(&theirs), theirs.equivalent(&mine));
        assert_eq!(there, back, "{mine} and {theirs} must agree about each other");
        there
    }

    #[test]
    fn the_equal_pairs_of_the_rfc_are_equal() {
        for (mine, theirs) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
            ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]"),
            ("tel:+1-201-555-0123", "tel:+12015550123"),
            ("tel:7042;phone-context=example.com", "TEL:7042;Phone-Context=EXAMPLE.com"),
            ("isbn:1", "ISBN:1"),
        ] {
            assert!(equivalent(mine, theirs), "{mine} and {theirs}");
        }
    }

    #[test]
    fn the_unequal_pairs_of_the_rfc_are_unequal() {
        for (mine, theirs) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtlanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:carol@chicago.com", "sips:carol@chicago.com"),
            ("sip:chicago.com", "sip:carol@chicago.com"),
            // An escaped reserved mark is not the mark.
            ("sip:a%3bb@h", "sip:a;b@h"),
            // Escapes are taken off once.
            ("sip:h;name=value%2541", "sip:h;name=valueA"),
            ("tel:7042;phone-context=a.com", "tel:7042;phone-context=b.com"),
            ("tel:7042", "tel:7042;ext=1"),
            ("isbn:1", "isbn:2"),
        ] {
            assert!(!equivalent(mine, theirs), "{mine} and {theirs}");
        }
    }

    #[test]
    fn escaped_names_are_the_names() {
        assert!(!equivalent("sip:h;t%72ansport=udp", "sip:h;transport=tcp"));
        assert!(equivalent("sip:h;t%72ansport=udp", "sip:h;transport=%75dp"));
    }
}
