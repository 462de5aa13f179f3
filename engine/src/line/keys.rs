//! Keys as INFO: `application/dtmf-relay` and `application/dtmf`, read and written.
//!
//! The first is lines of `Signal=5` and `Duration=160`; the second is the key alone, or the number of its event. Neither has
//! an RFC, so the reader takes what phones send: blanks, either case, `Signal: 5`.

use std::time::Duration;

use patchcord_media::dtmf::{Key, Press, Via};
use patchcord_sip::message::Headers;

/// As keys are written by us.
pub const RELAY: &str = "application/dtmf-relay";

const PLAIN: &str = "application/dtmf";

/// How long a key counts as held when nobody says.
const HELD: Duration = Duration::from_millis(160);

/// The longest that is believed; a finger is not slower.
const LONGEST: Duration = Duration::from_secs(10);

/// What an INFO says of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// This key was pressed.
    Key(Press),
    /// It is about something else.
    NoKey,
    /// It should be a key and is none: 400.
    Unreadable,
}

/// Reads an INFO.
pub fn read(info: &Headers) -> Said {
    let Some(kind) = info.content_type() else { return Said::NoKey };
    let text = || std::str::from_utf8(info.body_bytes()).ok();
    let press = if kind.is(RELAY) {
        text().and_then(relay)
    } else if kind.is(PLAIN) {
        text().and_then(|text| signal(text.trim())).map(|key| (key, HELD))
    } else {
        return Said::NoKey;
    };
    match press {
        Some((key, duration)) => Said::Key(Press { key, duration, via: Via::Info }),
        None => Said::Unreadable,
    }
}

fn relay(text: &str) -> Option<(Key, Duration)> {
    let value = |wanted: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once(['=', ':'])?;
            name.trim().eq_ignore_ascii_case(wanted).then_some(value.trim())
        })
    };
    let held = value("Duration").and_then(|held| held.parse().ok()).map_or(HELD, Duration::from_millis);
    Some((signal(value("Signal")?)?, held.min(LONGEST)))
}

/// A key, or the number of its event from 10 on.
fn signal(text: &str) -> Option<Key> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(char), None) => Key::of_char(char),
        _ => text.parse().ok().and_then(Key::of_event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchcord_sip::message::Message;

    fn info(kind: &str, body: &str) -> Said {
        let text =
            format!("INFO sip:a@b SIP/2.0\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        read(Message::parse(text.into()).expect("a request").headers())
    }

    fn pressed(key: char, held_ms: u64) -> Said {
        let key = Key::of_char(key).expect("a key");
        Said::Key(Press { key, duration: Duration::from_millis(held_ms), via: Via::Info })
    }

    #[test]
    fn keys_are_read_as_phones_write_them() {
        assert_eq!(info(RELAY, "Signal=5\r\nDuration=200\r\n"), pressed('5', 200));
        assert_eq!(info("Application/DTMF-Relay", "signal= #\nduration = 100"), pressed('#', 100));
        assert_eq!(info(RELAY, "Signal: 11\r\n"), pressed('#', 160));
        assert_eq!(info(RELAY, "Signal=d"), pressed('D', 160));
        assert_eq!(info(PLAIN, " *\r\n"), pressed('*', 160));
        assert_eq!(info(PLAIN, "10"), pressed('*', 160));
        assert_eq!(info(RELAY, "Signal=1\nDuration=99999999"), pressed('1', 10_000));
    }

    #[test]
    fn what_is_no_key_is_told_apart_from_what_should_be_one() {
        assert_eq!(info("application/media_control+xml", "<x/>"), Said::NoKey);
        for body in ["", "Signal=", "Signal=flash", "Signal=16", "Duration=5", "Signal", "\u{e9}"] {
            assert_eq!(info(RELAY, body), Said::Unreadable, "{body}");
            assert_eq!(info(PLAIN, body), Said::Unreadable, "{body}");
        }
    }
}
