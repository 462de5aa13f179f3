//! Bytes that claim to be protected, and bytes that are: the first are refused, the second come back as they were.

use patchcord_media::rtp::packet::head_length;
use patchcord_media::rtp::srtp::{GROWTH, Master, Receiver, Sender, Suite};

/// The first byte chooses the suite and what is changed on the way; the rest is a packet.
pub fn srtp(data: &[u8]) {
    let Some((&choice, packet)) = data.split_first() else { return };
    let suite = Suite::ALL[usize::from(choice & 3)];
    let key: Vec<u8> = (0..suite.key_length() + suite.salt_length()).map(|byte| byte as u8).collect();
    let master = Master::new(suite, &key).expect("as long as wanted");
    let mut receiver = Receiver::new(&master);
    assert!(receiver.unprotect(&mut packet.to_vec()).is_err(), "nobody here knows the key");
    assert!(receiver.unprotect_report(&mut packet.to_vec()).is_err(), "nobody here knows the key");

    let mut sender = Sender::new(&master);
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + GROWTH, 0);
    let sealed = sender.protect(&mut buffer, packet.len());
    assert_eq!(sealed.is_ok(), head_length(packet).is_ok());
    if let Ok(length) = sealed {
        let changed = usize::from(choice >> 2);
        let mut wrong = buffer[..length].to_vec();
        if let Some(byte) = wrong.get_mut(changed) {
            *byte ^= 1;
            assert!(receiver.unprotect(&mut wrong).is_err(), "byte {changed} was changed");
        }
        let mut copy = buffer[..length].to_vec();
        assert_eq!(receiver.unprotect(&mut buffer[..length]), Ok(packet.len()));
        assert_eq!(&buffer[..packet.len()], packet);
        assert!(receiver.unprotect(&mut copy).is_err(), "it came before");
    }
    report(&mut sender, &mut receiver, packet);
}

fn report(sender: &mut Sender, receiver: &mut Receiver, packet: &[u8]) {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + GROWTH, 0);
    let sealed = sender.protect_report(&mut buffer, packet.len());
    assert_eq!(sealed.is_ok(), (8..=2048).contains(&packet.len()));
    if let Ok(length) = sealed {
        assert_eq!(receiver.unprotect_report(&mut buffer[..length]), Ok(packet.len()));
        assert_eq!(&buffer[..packet.len()], packet);
    }
}
