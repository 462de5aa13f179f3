//! The vectors of RFC 3711 and RFC 7714 and of the first implementation, both directions through one another, and what
//! strangers and repeaters try.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::cipher::Cipher;
use super::*;
use crate::rtp::packet::Head;

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.replace([' ', '\n'], "").as_bytes()).expect("hex")
}

fn master(suite: Suite) -> Master {
    let bytes: Vec<u8> = (1..).take(suite.key_length() + suite.salt_length()).collect();
    Master::new(suite, &bytes).expect("as long as wanted")
}

fn packet(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Head { payload_type: 0, marker: false, sequence, timestamp: 7, ssrc: 9 }.packet(payload, &mut bytes);
    bytes
}

/// A packet, protected.
fn sealed(sender: &mut Sender, packet: &[u8]) -> Vec<u8> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + GROWTH, 0);
    let length = sender.protect(&mut buffer, packet.len()).expect("protected");
    buffer.truncate(length);
    buffer
}

fn sealed_report(sender: &mut Sender, report: &[u8]) -> Vec<u8> {
    let mut buffer = report.to_vec();
    buffer.resize(report.len() + GROWTH, 0);
    let length = sender.protect_report(&mut buffer, report.len()).expect("protected");
    buffer.truncate(length);
    buffer
}

fn opened(receiver: &mut Receiver, packet: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut bytes = packet.to_vec();
    let length = receiver.unprotect(&mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

#[test]
fn the_key_stream_is_that_of_rfc_3711() {
    // Appendix B.2: a count of zero for SSRC zero gives the stream itself.
    let salt = *hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd").first_chunk().expect("14 bytes");
    let cipher = Cipher::counter(&hex("2b7e151628aed2a6abf7158809cf4f3c"), salt, &[0; 20]);
    let Cipher::Counter { aes, salt, .. } = &cipher else { panic!("counter mode") };
    let mut stream = [0; 48];
    Cipher::count(aes, salt, 0, 0, &mut stream);
    let wanted = "e03ead0935c95e80e166b16dd92b4eb4 d23513162b02d0f72a43a2fe4a5f97ab 41e95b3bb0a2e8dd477901e4fca894c0";
    assert_eq!(stream[..], hex(wanted)[..]);
}

/// Key and salt of RFC 3711, appendix B.3.
fn of_the_rfc() -> Master {
    let bytes = hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6");
    Master::new(Suite::AesCm128Sha1Tag80, &bytes).expect("30 bytes")
}

#[test]
fn session_keys_are_those_of_rfc_3711() {
    let Cipher::Counter { salt, .. } = Cipher::new(&of_the_rfc(), cipher::Purpose::Sound) else {
        panic!("counter mode")
    };
    assert_eq!(salt[..], hex("30cbbc08863d8c85d49db34a9ae1")[..]);
    // The other two keys show in what is made with them.
    let same = Cipher::counter(
        &hex("c61e7a93744f39ee10734afe3ff7a087"),
        salt,
        &hex("cebe321f6ff7716b6fd4ab49af256a156d38baa4"),
    );
    let mut one = Sender::new(&of_the_rfc());
    let reports = Cipher::counter(&[0; 16], [0; 14], &[0; 20]);
    let mut other = Sender::with(Suite::AesCm128Sha1Tag80, same, reports);
    assert_eq!(sealed(&mut one, &packet(5, b"sound")), sealed(&mut other, &packet(5, b"sound")));
}

#[test]
fn packets_are_those_of_the_first_implementation() {
    let plain = hex("800f1234decafbadcafebabeabababababababababababababababab");
    let wanted = "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb";
    assert_eq!(sealed(&mut Sender::new(&of_the_rfc()), &plain), hex(wanted));
    let wanted = hex(wanted);
    assert_eq!(opened(&mut Receiver::new(&of_the_rfc()), &wanted), Ok(plain));
}

#[test]
fn reports_of_the_first_implementation_are_opened() {
    let sealed = hex("81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798");
    let mut bytes = sealed.clone();
    let length = Receiver::new(&of_the_rfc()).unprotect_report(&mut bytes).expect("proven");
    assert_eq!(bytes[..length], hex("81c8000bcafebabeabababababababababababababababab")[..]);
}

#[test]
fn gcm_is_that_of_rfc_7714() {
    let plain =
        hex("8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
    let salt = *hex("517569642070726f2071756f").first_chunk().expect("12 bytes");
    let keys: Vec<u8> = (0..32).collect();
    for (suite, key, wanted) in [
        (
            Suite::Gcm128,
            &keys[..16],
            "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce",
        ),
        (
            Suite::Gcm256,
            &keys[..],
            "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13",
        ),
    ] {
        let mut sender = Sender::with(suite, Cipher::gcm(key, salt), Cipher::gcm(key, salt));
        let sealed = sealed(&mut sender, &plain);
        assert_eq!(sealed[12..], hex(wanted)[..], "{}", suite.name());
        let mut receiver = Receiver::with(suite, Cipher::gcm(key, salt), Cipher::gcm(key, salt));
        assert_eq!(opened(&mut receiver, &sealed), Ok(plain.clone()));
    }
}

#[test]
fn what_one_end_protects_the_other_opens_over_many_cycles() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (Sender::new(&master(suite)), Receiver::new(&master(suite)));
        // Every thousandth number of three cycles, so that 16 bits are exceeded twice.
        for step in 0..200u32 {
            let plain = packet((step * 1000) as u16, &[step as u8; 160]);
            let sealed = sealed(&mut sender, &plain);
            assert_ne!(sealed[12..172], plain[12..], "hidden");
            assert_eq!(opened(&mut receiver, &sealed), Ok(plain), "{} {step}", suite.name());
        }
        for step in 0..5u8 {
            let report = [0x80, 201, 0, 2, 0, 0, 0, 9, step, 2, 3, 4];
            let mut sealed = sealed_report(&mut sender, &report);
            let length = receiver.unprotect_report(&mut sealed).expect("proven");
            assert_eq!(sealed[..length], report);
        }
    }
}

#[test]
fn a_packet_is_opened_once_and_out_of_order() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (Sender::new(&master(suite)), Receiver::new(&master(suite)));
        let plain: Vec<_> = (0..300u16).map(|step| packet(65_400u16.wrapping_add(step), b"so")).collect();
        let packets: Vec<_> = plain.iter().map(|plain| sealed(&mut sender, plain)).collect();
        for place in [1usize, 0, 5, 3, 140, 139] {
            assert_eq!(opened(&mut receiver, &packets[place]), Ok(plain[place].clone()), "{place}");
            assert_eq!(opened(&mut receiver, &packets[place]), Err(Refused::Replayed), "{place}");
        }
        assert_eq!(opened(&mut receiver, &packets[299]), Ok(plain[299].clone()));
        assert_eq!(opened(&mut receiver, &packets[2]), Err(Refused::Replayed), "too old");
        let said = [0x80, 201, 0, 1, 0, 0, 0, 9];
        let mut report = sealed_report(&mut sender, &said);
        let mut first = report.clone();
        assert_eq!(receiver.unprotect_report(&mut first), Ok(said.len()));
        assert_eq!(first[..said.len()], said);
        assert_eq!(receiver.unprotect_report(&mut report), Err(Refused::Replayed));
    }
}

#[test]
fn strangers_change_nothing() {
    let mut receiver = Receiver::new(&of_the_rfc());
    let mut sender = Sender::new(&of_the_rfc());
    let before = format!("{:?}", receiver.known());
    for ssrc in 0..100u32 {
        let mut stranger = packet(60_000, &[0; 40]);
        stranger[8..12].copy_from_slice(&ssrc.to_be_bytes());
        assert_eq!(receiver.unprotect(&mut stranger), Err(Refused::Unproven));
    }
    assert_eq!(format!("{:?}", receiver.known()), before);
    assert!(opened(&mut receiver, &sealed(&mut sender, &packet(1, b"so"))).is_ok());
}

#[test]
fn keys_are_never_shown() {
    let master = of_the_rfc();
    let shown = format!("{master:?} {:?} {:?}", Sender::new(&master), Receiver::new(&master));
    assert_eq!(
        shown,
        "Master { suite: AesCm128Sha1Tag80, .. } Sender { suite: AesCm128Sha1Tag80, .. } Receiver { suite: AesCm128Sha1Tag80, .. }"
    );
}

#[test]
fn a_key_of_a_wrong_length_is_refused() {
    let error = Master::new(Suite::Gcm256, &[0; 30]).expect_err("too short");
    assert_eq!(error, WrongLength { suite: Suite::Gcm256, wanted: 44, length: 30 });
    assert_eq!(Suite::named("aead_aes_128_gcm"), Some(Suite::Gcm128));
    assert_eq!(Suite::named("NULL"), None);
}

#[test]
fn what_cannot_be_protected_is_an_error() {
    let mut sender = Sender::new(&of_the_rfc());
    assert_eq!(sender.protect(&mut [0x80; 11], 11), Err(Unprotectable::NotAPacket));
    assert_eq!(sender.protect(&mut [0x80; 40], 50), Err(Unprotectable::NotAPacket));
    let mut tight = packet(1, b"sound");
    let length = tight.len();
    assert_eq!(sender.protect(&mut tight, length), Err(Unprotectable::NoRoom));
    assert_eq!(sender.protect_report(&mut [0x80; 7], 7), Err(Unprotectable::NotAPacket));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_none_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..120), suite in 0..4usize) {
        let mut receiver = Receiver::new(&master(Suite::ALL[suite]));
        prop_assert!(receiver.unprotect(&mut bytes.clone()).is_err());
        prop_assert!(receiver.unprotect_report(&mut bytes.clone()).is_err());
        let mut noisy = bytes;
        if let Some(first) = noisy.first_mut() {
            *first = *first & 0x3f | 0x80;
        }
        prop_assert!(receiver.unprotect(&mut noisy.clone()).is_err());
        prop_assert!(receiver.unprotect_report(&mut noisy).is_err());
    }

    #[test]
    fn a_single_changed_bit_is_noticed(suite in 0..4usize, place in 0..100usize, bit in 0..8u8) {
        let suite = Suite::ALL[suite];
        let (mut sender, mut receiver) = (Sender::new(&master(suite)), Receiver::new(&master(suite)));
        let mut sealed = sealed(&mut sender, &packet(77, &[5; 60]));
        let place = place % sealed.len();
        sealed[place] ^= 1 << bit;
        prop_assert!(receiver.unprotect(&mut sealed).is_err());
    }
}
