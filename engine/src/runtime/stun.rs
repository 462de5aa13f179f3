//! The little of STUN (RFC 5389) that SIP needs: asking how we are seen, and telling others how we see them.
//!
//! Requests, answers and nothing else; no credentials. Sockets, timers and repetition are other people's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The four bytes that mark a message of RFC 5389.
const COOKIE: u32 = 0x2112_A442;

const HEADER: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_ANSWER: u16 = 0x0101;
const MAPPED_ADDRESS: u16 = 0x0001;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// What tells an answer from everybody else's.
pub(crate) type Transaction = [u8; 12];

/// What a datagram that is STUN says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stun {
    /// Somebody asks how we see them (RFC 5626 §4.4.2: a keepalive).
    Request(Transaction),
    /// Somebody tells how they see us.
    Answer(Transaction, SocketAddr),
    /// Anything else of STUN; nothing that we asked for.
    Other,
}

/// Whether a datagram is STUN and not SIP: the first two bits are zero and the cookie stands in its place. No SIP
/// message begins with such a byte.
pub(crate) fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER && datagram[0] < 0x40 && datagram[4..8] == COOKIE.to_be_bytes()
}

/// A request to be told how we are seen.
pub(crate) fn request(transaction: Transaction) -> [u8; HEADER] {
    let mut message = [0; HEADER];
    message[..2].copy_from_slice(&BINDING_REQUEST.to_be_bytes());
    message[4..8].copy_from_slice(&COOKIE.to_be_bytes());
    message[8..].copy_from_slice(&transaction);
    message
}

/// The answer to a request that came from `peer`.
pub(crate) fn answer(transaction: Transaction, peer: SocketAddr) -> Vec<u8> {
    let mut value = vec![0, if peer.is_ipv4() { 1 } else { 2 }];
    value.extend((peer.port() ^ (COOKIE >> 16) as u16).to_be_bytes());
    match masked(peer.ip(), transaction) {
        IpAddr::V4(addr) => value.extend(addr.octets()),
        IpAddr::V6(addr) => value.extend(addr.octets()),
    }
    let mut message = Vec::with_capacity(HEADER + 4 + value.len());
    message.extend(BINDING_ANSWER.to_be_bytes());
    message.extend((4 + value.len() as u16).to_be_bytes());
    message.extend(COOKIE.to_be_bytes());
    message.extend(transaction);
    message.extend(XOR_MAPPED_ADDRESS.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message
}

/// Reads a datagram for which [`is_stun`] holds.
pub(crate) fn read(datagram: &[u8]) -> Stun {
    let (Some(kind), Some(length), Some(transaction)) =
        (number(datagram, 0), number(datagram, 2), datagram.get(8..HEADER))
    else {
        return Stun::Other;
    };
    let Ok(transaction) = Transaction::try_from(transaction) else { return Stun::Other };
    let Some(attributes) = datagram[HEADER..].get(..usize::from(length)) else { return Stun::Other };
    match kind {
        BINDING_REQUEST => Stun::Request(transaction),
        BINDING_ANSWER => mapped(attributes, transaction).map_or(Stun::Other, |seen| Stun::Answer(transaction, seen)),
        _ => Stun::Other,
    }
}

/// The address among the attributes: the masked one, or the plain one of servers older than RFC 5389.
fn mapped(mut attributes: &[u8], transaction: Transaction) -> Option<SocketAddr> {
    let mut plain = None;
    while let (Some(kind), Some(length)) = (number(attributes, 0), number(attributes, 2)) {
        let length = usize::from(length);
        let value = attributes.get(4..4 + length)?;
        match kind {
            XOR_MAPPED_ADDRESS => {
                let seen = address(value)?;
                let port = seen.port() ^ (COOKIE >> 16) as u16;
                return Some(SocketAddr::new(masked(seen.ip(), transaction), port));
            }
            MAPPED_ADDRESS => plain = address(value),
            _ => {}
        }
        // Values are padded to words of four bytes; the last padding may be missing.
        attributes = attributes.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
    }
    plain
}

fn address(value: &[u8]) -> Option<SocketAddr> {
    let port = number(value, 2)?;
    let ip = match (value.get(1)?, value.len()) {
        (1, 8) => IpAddr::from(<[u8; 4]>::try_from(&value[4..]).ok()?),
        (2, 20) => IpAddr::from(<[u8; 16]>::try_from(&value[4..]).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Masks an address, or takes the mask off: it keeps helpful routers from rewriting what they find.
fn masked(ip: IpAddr, transaction: Transaction) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() ^ COOKIE).into(),
        IpAddr::V6(ip) => {
            let mut mask = [0; 16];
            mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
            mask[4..].copy_from_slice(&transaction);
            Ipv6Addr::from_bits(ip.to_bits() ^ u128::from_be_bytes(mask)).into()
        }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSACTION: Transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    #[test]
    fn an_answer_tells_the_address_that_was_seen() {
        for peer in ["192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"] {
            let peer: SocketAddr = peer.parse().expect("an address");
            let answer = answer(TRANSACTION, peer);
            assert!(is_stun(&answer));
            assert_eq!(read(&answer), Stun::Answer(TRANSACTION, peer));
        }
    }

    #[test]
    fn the_address_is_masked_as_in_the_test_vectors_of_rfc_5769() {
        let answer = answer(TRANSACTION, "192.0.2.1:32853".parse().expect("an address"));
        assert_eq!(answer[HEADER..], [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
    }

    #[test]
    fn a_plain_address_of_an_old_server_is_read_as_well() {
        let mut answer = answer(TRANSACTION, "192.0.2.1:5060".parse().expect("an address"));
        answer[HEADER..].copy_from_slice(&[0, 1, 0, 8, 0, 1, 0x13, 0xc4, 192, 0, 2, 1]);
        assert_eq!(read(&answer), Stun::Answer(TRANSACTION, "192.0.2.1:5060".parse().expect("an address")));
    }

    #[test]
    fn a_request_is_recognised_and_sip_is_not_stun() {
        assert_eq!(read(&request(TRANSACTION)), Stun::Request(TRANSACTION));
        assert!(!is_stun(b"OPTIONS sip:a SIP/2.0\r\n\r\n"));
        assert!(!is_stun(b""));
    }

    #[test]
    fn answers_cut_anywhere_are_no_answers() {
        let whole = answer(TRANSACTION, "192.0.2.1:5060".parse().expect("an address"));
        for length in HEADER..whole.len() {
            assert_eq!(read(&whole[..length]), Stun::Other);
        }
    }
}
