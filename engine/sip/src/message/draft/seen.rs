//! What a Via entry says after we have seen where the request came from (RFC 3261 §18.2.1, RFC 3581).

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::message::Via;
use crate::message::scan::{split_at_byte, trim};

/// A Via entry as whoever received it passes it on.
pub(super) struct Seen<'a> {
    pub(super) via: Via<'a>,
    pub(super) came_from: SocketAddr,
}

impl Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.via.as_str();
        f.write_str(trim(split_at_byte(text, b';').map_or(text, |(head, _)| head)))?;
        let wants_port = self.via.rport().is_some();
        for (name, value) in self.via.params.iter() {
            // What the sender says about itself here is not what we saw.
            if name.eq_ignore_ascii_case("received") {
                continue;
            }
            f.write_str(";")?;
            f.write_str(name)?;
            match value {
                _ if name.eq_ignore_ascii_case("rport") => write!(f, "={}", self.came_from.port())?,
                Some(value) => {
                    f.write_str("=")?;
                    f.write_str(value)?;
                }
                None => {}
            }
        }
        let seen = self.came_from.ip().to_canonical();
        // RFC 3581 §4 wants it beside every rport.
        if wants_port || self.via.address() != Some(seen) {
            f.write_str(";received=")?;
            match seen {
                IpAddr::V4(seen) => f.write_str(dotted(seen, &mut [0; 15]))?,
                IpAddr::V6(seen) => write!(f, "{seen}")?,
            }
        }
        Ok(())
    }
}

/// An address as it is written. By hand, because every answer has one, and `Display` of the standard library pads.
fn dotted(address: Ipv4Addr, room: &mut [u8; 15]) -> &str {
    let mut at = 0;
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            room[at] = b'.';
            at += 1;
        }
        for (least, unit) in [(100, 100), (10, 10), (0, 1)] {
            if octet >= least {
                room[at] = b'0' + octet / unit % 10;
                at += 1;
            }
        }
    }
    std::str::from_utf8(&room[..at]).expect("digits and dots are text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(via: &str, came_from: &str) -> String {
        Seen { via: Via::parse(via).unwrap(), came_from: came_from.parse().unwrap() }.to_string()
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_does() {
        for octets in [[0, 0, 0, 0], [9, 10, 99, 100], [255, 200, 101, 7], [192, 0, 2, 1]] {
            let address = Ipv4Addr::from(octets);
            assert_eq!(dotted(address, &mut [0; 15]), address.to_string());
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
