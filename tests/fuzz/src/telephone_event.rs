//! Packets of telephone events in any order, numbers and lengths, with any time between them.

use std::time::{Duration, Instant};

use patchcord_media::dtmf::event::{Event, LENGTH};
use patchcord_media::dtmf::receiver::{Packet, SETTLE};
use patchcord_media::dtmf::{Key, News, Once, Receiver};

/// Head of a record: milliseconds since the last, what happens, sequence, timestamp, bytes of payload.
const HEAD: usize = 6;

/// Reads the bytes as records of a stream and hears its keys.
pub fn telephone_event(data: &[u8]) {
    let Some((&clock, mut rest)) = data.split_first() else { return };
    let mut now = start();
    let mut receiver = Receiver::new([8000, 16_000, 48_000, 0][usize::from(clock & 3)]);
    let mut hand = Hand { down: None, once: Once::new() };
    while let Some((&[wait, deed, low, high, timestamp, length], behind)) = rest.split_first_chunk::<HEAD>() {
        let (payload, behind) = behind.split_at(behind.len().min(usize::from(length & 0x0F)));
        rest = behind;
        now += Duration::from_millis(u64::from(wait));
        let packet = Packet {
            sequence: u16::from_le_bytes([low, high]),
            // Few different ones, in steps that join segments or come round.
            timestamp: u32::from(timestamp & 7).wrapping_mul(0xFFFF).wrapping_sub(u32::from(timestamp >> 3)),
            marker: deed & 1 != 0,
            payload,
        };
        let event = Event::read(payload);
        assert_eq!(event.is_ok(), payload.len() >= LENGTH);
        assert!(event.is_ok_and(|event| Event::read(&event.write()) == Ok(event)) || payload.len() < LENGTH);
        match deed >> 6 {
            0 => receiver.restart(|news| hand.hear(news, now)),
            1 => receiver.expire(now, |news| hand.hear(news, now)),
            _ => assert_eq!(receiver.hear(packet, now, |news| hand.hear(news, now)).err(), event.err()),
        }
        assert_eq!(receiver.deadline().is_some(), hand.down.is_some());
        assert!(receiver.deadline().is_none_or(|deadline| deadline <= now + SETTLE));
    }
    receiver.expire(now + SETTLE, |news| hand.hear(news, now));
    assert_eq!(hand.down, None, "a key stays down for ever");
}

/// One key at a time is down.
struct Hand {
    down: Option<Key>,
    once: Once,
}

impl Hand {
    fn hear(&mut self, news: News, now: Instant) {
        match news {
            News::Down(key) => assert_eq!(self.down.replace(key), None, "two keys are down"),
            News::Up(press) => {
                assert_eq!(self.down.take(), Some(press.key), "another key is let go");
                assert!(self.once.is_new(&press, now), "one way alone is never silenced");
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "virtual time has to begin somewhere")]
fn start() -> Instant {
    Instant::now()
}
