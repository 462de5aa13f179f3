//! The vectors of RFC 5769, and what no browser sends.

use proptest::prelude::*;

use super::*;

const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const TRANSACTION: Transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

/// RFC 5769 §2.1.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74\
    002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2\
    80280004e57a3bcf";
/// RFC 5769 §2.2.
const ANSWER: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f722000200008\
    0001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
/// RFC 5769 §2.3.
const ANSWER_V6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f722000200014\
    0002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";

fn bytes(hex: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal digits")
}

#[test]
fn the_request_of_rfc_5769_is_read_and_proven() {
    let bytes = bytes(REQUEST);
    let message = Message::read(&bytes).expect("a message");
    assert_eq!((message.class, message.transaction), (Class::Request, TRANSACTION));
    assert_eq!(message.names(), Some(("evtj", "h6vY")));
    assert_eq!(message.priority, Some(0x6e00_01ff));
    assert_eq!(message.role, Some(Role::Controlled(0x932f_f9b1_5126_3b36)));
    assert_eq!((message.use_candidate, message.unknown), (false, None));
    assert!(message.is_proven_by(&key(PASSWORD)));
    assert!(!message.is_proven_by(&key("another password than that")));
}

#[test]
fn the_answers_of_rfc_5769_tell_their_addresses() {
    for (answer, address) in [(ANSWER, "192.0.2.1:32853"), (ANSWER_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    {
        let bytes = bytes(answer);
        let message = Message::read(&bytes).expect("a message");
        assert_eq!((message.class, message.mapped), (Class::Success, address.parse().ok()));
        assert!(message.is_proven_by(&key(PASSWORD)));
    }
}

#[test]
fn what_is_written_is_read() {
    let mut bytes = Vec::new();
    for peer in ["192.0.2.1:1", "[2001:db8::7]:65535"] {
        let peer: SocketAddr = peer.parse().expect("an address");
        Draft::new(Class::Success, TRANSACTION, &mut bytes).mapped(peer).finish(&key(PASSWORD));
        let message = Message::read(&bytes).expect("a message of ours");
        assert_eq!((message.class, message.transaction, message.mapped), (Class::Success, TRANSACTION, Some(peer)));
        assert!(message.is_proven_by(&key(PASSWORD)));
    }
    let draft = Draft::new(Class::Request, TRANSACTION, &mut bytes).name("them", "us").role(Role::Controlling(7));
    draft.priority(9).use_candidate().finish(&key(PASSWORD));
    let message = Message::read(&bytes).expect("a message of ours");
    assert_eq!((message.names(), message.role), (Some(("them", "us")), Some(Role::Controlling(7))));
    assert!(message.use_candidate && message.priority == Some(9));
    let draft = Draft::new(Class::Failure, TRANSACTION, &mut bytes).error(420, "Unknown Attribute").unknown(7);
    draft.finish(&key(PASSWORD));
    assert_eq!(Message::read(&bytes).and_then(|message| message.error), Some(420));
}

#[test]
fn a_changed_message_is_none() {
    let whole = bytes(REQUEST);
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        let is_believed = Message::read(&changed).is_some_and(|message| message.is_proven_by(&key(PASSWORD)));
        assert!(!is_believed, "byte {at} was changed and nobody saw it");
    }
    for length in 0..whole.len() {
        assert!(Message::read(&whole[..length]).is_none(), "{length} bytes are no message");
    }
}

#[test]
fn what_stands_behind_the_proof_does_not_count() {
    let mut bytes = Vec::new();
    Draft::new(Class::Request, TRANSACTION, &mut bytes).name("them", "us").finish(&key(PASSWORD));
    // Somebody on the way decides for the sender: behind the proof, with a fingerprint of its own.
    bytes.truncate(bytes.len() - 8);
    let draft = Draft { bytes: &mut bytes, transaction: TRANSACTION }.use_candidate();
    let length = (draft.bytes.len() + 8 - HEADER) as u16;
    draft.bytes[2..4].copy_from_slice(&length.to_be_bytes());
    let print = fingerprint(draft.bytes);
    draft.attribute(FINGERPRINT, &print.to_be_bytes());
    let message = Message::read(&bytes).expect("a message");
    assert!(message.is_proven_by(&key(PASSWORD)) && !message.use_candidate);
}

#[test]
fn an_attribute_that_has_to_be_understood_is_named_and_others_are_left_aside() {
    let mut bytes = Vec::new();
    let draft = Draft::new(Class::Request, TRANSACTION, &mut bytes).attribute(0xC057, &[1, 2, 3]);
    draft.attribute(0x7777, &[]).attribute(0x7778, &[]).finish(&key(PASSWORD));
    assert_eq!(Message::read(&bytes).and_then(|message| message.unknown), Some(0x7777));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), marked in any::<bool>()) {
        if marked && bytes.len() >= HEADER {
            let length = (bytes.len() - HEADER) as u16;
            bytes[..2].copy_from_slice(&[0, 1]);
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            bytes[4..8].copy_from_slice(&COOKIE.to_be_bytes());
        }
        if let Some(message) = Message::read(&bytes) {
            prop_assert!(!message.is_proven_by(&key(PASSWORD)));
        }
    }
}
