//! Bytes that claim to be a check: nothing is believed without the key, and nothing that is answered is more than its sender paid
//! for.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use patchcord_media::browser::agent::Checked;
use patchcord_media::browser::stun::{Class, Draft, Message, key};
use patchcord_media::browser::{Agent, Credentials};
use patchcord_media::shard::clock;

/// The first byte chooses where it comes from; the rest is a datagram, and then also the inside of a message that is proven.
pub fn stun(data: &[u8]) {
    let Some((&choice, datagram)) = data.split_first() else { return };
    let from: SocketAddr = ([192, 0, 2, choice], 4000).into();
    let ours = Credentials { ufrag: "ours".into(), pwd: "a password that nobody here guesses".into() };
    let mut agent = Agent::new(&ours);
    let (start, mut answer) = (clock::now(), Vec::new());
    if let Some(message) = Message::read(datagram) {
        assert!(!message.is_proven_by(&ours.key()), "nobody here knows the key");
        assert_eq!(agent.hear(&message, from, start, &mut answer), Checked::Ignored);
        assert!(answer.is_empty() && !agent.knows(from));
    }
    proven(&mut agent, &ours, datagram, from, start);
}

/// The same bytes as a name under the right key: whoever knows it is answered, with less than three times what it sent.
fn proven(agent: &mut Agent, ours: &Credentials, name: &[u8], from: SocketAddr, start: Instant) {
    let theirs: String = name.iter().take(200).map(|byte| char::from(byte % 26 + b'a')).collect();
    let (mut bytes, mut answer) = (Vec::new(), Vec::new());
    for round in 0..3 {
        Draft::new(Class::Request, [round; 12], &mut bytes)
            .name(&ours.ufrag, &theirs)
            .use_candidate()
            .finish(&ours.key());
        let message = Message::read(&bytes).expect("a message of ours");
        assert!(!message.is_proven_by(&key("another")));
        let when = start + Duration::from_secs(round.into());
        assert!(matches!(agent.hear(&message, from, when, &mut answer), Checked::Answered(_)));
        assert!(answer.len() < 3 * bytes.len());
        assert_eq!(Message::read(&answer).and_then(|answer| answer.mapped), Some(from));
    }
    assert_eq!((agent.chosen(), agent.addresses().count()), (Some(from), 1));
}
