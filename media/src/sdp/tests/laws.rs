//! Laws of the text: what is written reads the same, and nothing makes the reader panic.

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::offers;
use crate::sdp::description::{Attribute, Attributes, Bandwidth, Description, Host, Media, Origin, Protocol};

fn token() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9.!_+-]{0,12}"
}

/// Text without spaces at its ends, as the reader leaves it.
fn text() -> impl Strategy<Value = String> {
    "[!-~äß€]([ -~äß€]{0,30}[!-~ä€])?"
}

fn host() -> impl Strategy<Value = Host> {
    prop_oneof![
        any::<IpAddr>().prop_map(Host::Ip),
        "[a-z][a-z0-9-]{0,10}\\.example".prop_map(Host::Name),
        Just(Host::Ip([0, 0, 0, 0].into())),
    ]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let value = option::of(prop_oneof![text(), Just(String::new())]);
    let free = (token(), value).prop_filter("rtpmap has a grammar", |(name, _)| !name.eq_ignore_ascii_case("rtpmap"));
    vec(free, 0..6).prop_map(|list| {
        let mut attributes = Attributes::default();
        list.into_iter().for_each(|(name, value)| attributes.push(Attribute { name, value }));
        attributes
    })
}

fn bandwidth() -> impl Strategy<Value = Vec<Bandwidth>> {
    vec((token(), any::<u64>()).prop_map(|(kind, amount)| Bandwidth { kind, amount }), 0..3)
}

fn protocol() -> impl Strategy<Value = (Protocol, Vec<String>)> {
    let known = prop::sample::select(vec!["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF"]);
    let rtp = (known, vec((0..128u8).prop_map(|number| number.to_string()), 1..6));
    let unknown = (token(), vec(token(), 1..4));
    prop_oneof![
        rtp.prop_map(|(text, formats)| (Protocol::of(text), formats)),
        unknown.prop_map(|(text, formats)| (Protocol::of(&text), formats)),
    ]
}

fn media() -> impl Strategy<Value = Media> {
    let place = (any::<u16>(), option::of(any::<u16>()), option::of(host()));
    (token(), protocol(), place, bandwidth(), attributes()).prop_map(
        |(kind, (protocol, formats), (port, ports, connection), bandwidth, attributes)| {
            let mut media = Media::new(&kind, port, protocol, formats);
            (media.ports, media.connection, media.bandwidth, media.attributes) =
                (ports, connection, bandwidth, attributes);
            media
        },
    )
}

prop_compose! {
    fn description()(
        ids in ("[!-~]{1,10}", "[0-9]{1,25}", "[0-9]{1,25}", host()),
        name in text(),
        connection in host(),
        bandwidth in bandwidth(),
        attributes in attributes(),
        media in vec(media(), 0..4),
    ) -> Description {
        let (user, session, version, host) = ids;
        let origin = Origin { user, session, version, host };
        Description { origin, name, connection: Some(connection), bandwidth, attributes, media }
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(description in description()) {
        let text = description.to_string();
        prop_assert_eq!(Description::parse(text.as_bytes()), Ok(description), "{}", text);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in vec(any::<u8>(), 0..400)) {
        let _ = Description::parse(&bytes);
    }

    #[test]
    fn a_damaged_offer_is_read_or_refused_but_never_kills(
        which in 0..offers::ALL.len(),
        cuts in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = offers::wire(offers::ALL[which].1);
        for (index, byte) in cuts {
            let at = index.index(bytes.len());
            match byte % 4 {
                0 if bytes.len() > 1 => { bytes.remove(at); }
                1 => bytes.insert(at, byte),
                2 => bytes[at] = byte,
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Ok(description) = Description::parse(&bytes) {
            prop_assert_eq!(Description::parse(description.to_string().as_bytes()), Ok(description));
        }
    }
}
