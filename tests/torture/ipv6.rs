//! RFC 5118: IPv6 in every place where an address may stand.
//!
//! The archive of that RFC has bare line feeds where SIP has CRLF, and two of its bodies are shorter than their
//! Content-Length says, whichever line end one counts. Those are refused as they lie there, for one rule says where
//! bodies end, and understood with the right length.

use std::net::IpAddr;

use patchcord_sip::{Contact, Message};

use crate::Outcome::{Refused, Understood};
use crate::{Row, nothing, request};

/// The rows of this file.
pub fn rows() -> Vec<Row> {
    vec![
        row("ipv6-good", "references in brackets may stand in the Request-URI, Via and Contact", |message| {
            let uri = request(message).uri().unwrap();
            assert_eq!((uri.host(), uri.address()), (Some("[2001:db8::10]"), Some(ip("2001:db8::10"))));
            assert_eq!(message.headers().top_via().unwrap().address(), Some(ip("2001:db8::9:1")));
            let Ok(Some(Contact::Addr(contact))) = message.headers().contact() else { panic!("a contact") };
            assert_eq!((contact.display().as_ref(), contact.uri.address()), ("Caller", Some(ip("2001:db8::1"))));
        }),
        Row {
            name: "ipv6-bad",
            outcome: Refused(400),
            reason: "without brackets nobody can tell the address from the port",
            look: nothing,
        },
        row("port-ambiguous", "a port inside the brackets is part of the address, wanted or not", |message| {
            let uri = request(message).uri().unwrap();
            assert_eq!((uri.address(), uri.port()), (Some(ip("2001:db8::10:5070")), None));
        }),
        row("port-unambiguous", "a port behind the brackets is a port", |message| {
            let uri = request(message).uri().unwrap();
            assert_eq!((uri.address(), uri.port()), (Some(ip("2001:db8::10")), Some(5070)));
        }),
        row("via-received-param-with-delim", "half the world writes received with brackets", |message| {
            assert_eq!(message.headers().top_via().unwrap().received(), Some(ip("2001:db8::9:255")));
        }),
        row("via-received-param-no-delim", "the grammar writes received without brackets", |message| {
            assert_eq!(message.headers().top_via().unwrap().received(), Some(ip("2001:db8::9:255")));
        }),
        miscounted("ipv6-in-sdp", |message| {
            assert_eq!(request(message).uri().unwrap().user(), Some("user"));
        }),
        row("mult-ip-in-header", "entries of both families may follow each other", |message| {
            let told: Vec<_> = message
                .headers()
                .vias()
                .map(|via| via.map(|via| (via.address(), via.port(), via.received())).unwrap())
                .collect();
            assert_eq!(
                told,
                [
                    (Some(ip("2001:db8::9:1")), Some(6050), None),
                    (Some(ip("192.0.2.1")), None, None),
                    (Some(ip("2001:db8::9:255")), None, Some(ip("192.0.2.200"))),
                ]
            );
        }),
        miscounted("mult-ip-in-sdp", nothing),
        row("ipv4-mapped-ipv6", "an IPv4 address in IPv6 dress is an address", |message| {
            let via = message.headers().top_via().unwrap();
            assert_eq!((via.address(), via.port()), (Some(ip("::ffff:192.0.2.10")), Some(19823)));
            let Ok(Some(Contact::Addr(contact))) = message.headers().contact() else { panic!("a contact") };
            assert_eq!(contact.display(), "T. desk phone");
        }),
        row("ipv6-bug-abnf-3-colons", "the old grammar put a colon too many before an IPv4 part", both_spellings),
        row("ipv6-correct-abnf-2-colons", "the right spelling means the same", both_spellings),
    ]
}

fn row(name: &'static str, reason: &'static str, look: fn(&Message)) -> Row {
    Row { name, outcome: Understood, reason, look }
}

/// A body that is shorter than declared.
fn miscounted(name: &'static str, look: fn(&Message)) -> Row {
    let reason = "the addresses are right, but the body is shorter than its Content-Length says";
    Row { name, outcome: Refused(400), reason, look }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn both_spellings(message: &Message) {
    let meant = ip("2001:db8::192.0.2.1");
    assert_eq!(request(message).uri().unwrap().address(), Some(meant));
    assert_eq!(message.headers().to().unwrap().uri.address(), Some(meant));
}
