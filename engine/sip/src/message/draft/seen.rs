//! What a Via entry says after we have seen where the request came from (RFC 3261 §18.2.1, RFC 3581).

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Text;
use crate::message::Via;

/// A Via entry as whoever received it passes it on.
pub(super) struct Seen<'a> {
    pub(super) via: Via<'a>,
    pub(super) came_from: SocketAddr,
}

impl Seen<'_> {
    /// Writes the entry as it came, but for what it says about itself where we have seen better.
    pub(super) fn write(&self, text: &mut Text) {
        let whole = self.via.as_str();
        let seen = self.came_from.ip().to_canonical();
        if let Some((before, behind)) = self.via.room().and_then(|room| whole.split_at_checked(room)) {
            text.bytes(before.as_bytes());
            text.0.push(b'=');
            text.number(self.came_from.port().into());
            text.bytes(behind.as_bytes());
            return received(seen, text);
        }
        let place = |piece: &str| piece.as_ptr() as usize - whole.as_ptr() as usize;
        let mut copied = 0;
        for (name, value) in self.via.params().iter() {
            let end = value.map_or(place(name) + name.len(), |value| place(value) + value.len());
            match name.len() {
                5 if name.eq_ignore_ascii_case("rport") => {
                    text.bytes(&whole.as_bytes()[copied..place(name) + name.len()]);
                    text.bytes(b"=");
                    text.number(self.came_from.port().into());
                    copied = end;
                }
                8 if name.eq_ignore_ascii_case("received") => {
                    let before = &whole[copied..place(name)];
                    text.bytes(before_semicolon(before).as_bytes());
                    copied = end;
                }
                _ => {}
            }
        }
        text.bytes(&whole.as_bytes()[copied..]);
        // RFC 3581 §4 wants it beside every rport.
        if self.via.rport().is_some() || self.via.address() != Some(seen) {
            received(seen, text);
        }
    }
}

fn received(seen: IpAddr, text: &mut Text) {
    text.0.extend_from_slice(b";received=");
    match seen {
        IpAddr::V4(seen) => dotted(seen, text),
        IpAddr::V6(seen) => {
            let _ = write!(text, "{seen}");
        }
    }
}

/// What stands before the last semicolon: the parameter behind it is left out.
fn before_semicolon(text: &str) -> &str {
    text.rfind(';').map_or(text, |semicolon| &text[..semicolon])
}

/// An address as it is written. By hand, because every answer has one, and `Display` of the standard library pads.
fn dotted(address: Ipv4Addr, text: &mut Text) {
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            text.0.push(b'.');
        }
        text.number(octet.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(via: &str, came_from: &str) -> String {
        let mut text = Text(Vec::new());
        Seen { via: Via::parse(via).unwrap(), came_from: came_from.parse().unwrap() }.write(&mut text);
        String::from_utf8(text.0).unwrap()
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_does() {
        for octets in [[0, 0, 0, 0], [9, 10, 99, 100], [255, 200, 101, 7], [192, 0, 2, 1]] {
            let (address, mut text) = (Ipv4Addr::from(octets), Text(Vec::new()));
            dotted(address, &mut text);
            assert_eq!(String::from_utf8(text.0).unwrap(), address.to_string());
        }
    }

    #[test]
    fn an_honest_entry_stays_as_it_is() {
        let via = "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1";
        assert_eq!(seen(via, "192.0.2.1:9"), via);
    }

    #[test]
    fn names_and_other_addresses_get_received() {
        assert_eq!(
            seen("SIP/2.0/TCP host.example.com;branch=b", "[2001:db8::1]:9"),
            "SIP/2.0/TCP host.example.com;branch=b;received=2001:db8::1"
        );
        assert_eq!(
            seen("SIP/2.0/UDP 10.0.0.1;branch=b", "192.0.2.1:9"),
            "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.1"
        );
    }

    #[test]
    fn rport_is_filled_and_received_goes_with_it() {
        assert_eq!(
            seen("SIP/2.0/UDP 192.0.2.1;rport;branch=b;x=\"1;2\"", "192.0.2.1:9988"),
            "SIP/2.0/UDP 192.0.2.1;rport=9988;branch=b;x=\"1;2\";received=192.0.2.1"
        );
    }

    #[test]
    fn what_the_sender_claims_about_itself_is_replaced() {
        assert_eq!(
            seen("SIP/2.0/UDP 192.0.2.1;received=198.51.100.7;rport=1;branch=b", "192.0.2.1:2"),
            "SIP/2.0/UDP 192.0.2.1;rport=2;branch=b;received=192.0.2.1"
        );
    }

    #[test]
    fn an_ipv4_peer_on_an_ipv6_socket_is_an_ipv4_peer() {
        let via = "SIP/2.0/UDP 192.0.2.1;branch=b";
        assert_eq!(seen(via, "[::ffff:192.0.2.1]:5060"), via);
    }
}
