//! What receivers are told of, by name, and how they say what they want.

use std::{fmt, str::FromStr};

use crate::room_news::Kind as Room;

/// All that is told.
pub const EVENTS: [&str; 13] = [
    CALL_STARTED,
    CALL_ANSWERED,
    CALL_ENDED,
    RECORDING_READY,
    TRUNK_UP,
    TRUNK_DOWN,
    REGISTERED,
    UNREGISTERED,
    Room::Opened.word(),
    Room::Joined.word(),
    Room::Left.word(),
    Room::Over.word(),
    PING,
];

pub(super) const CALL_STARTED: &str = "call.started";
pub(super) const CALL_ANSWERED: &str = "call.answered";
pub(super) const CALL_ENDED: &str = "call.ended";
pub(super) const RECORDING_READY: &str = "recording.ready";
pub(super) const TRUNK_UP: &str = "trunk.up";
pub(super) const TRUNK_DOWN: &str = "trunk.down";
pub(super) const REGISTERED: &str = "registration.added";
pub(super) const UNREGISTERED: &str = "registration.removed";
/// Somebody tries whether receivers hear.
pub(super) const PING: &str = "ping";

/// That word names no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no event")]
pub struct UnknownEvent(pub String);

/// An event, all of a kind (`call.*`), or all (`*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Whether that event is meant. A ping is meant for everybody.
    pub fn takes(&self, event: &str) -> bool {
        event == PING || self.0.strip_suffix('*').map_or(event == self.0, |start| event.starts_with(start))
    }

    /// All events.
    pub fn all() -> Self {
        Self("*".into())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Pattern {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        let pattern = Self(text.to_owned());
        let is_kind = text == "*" || text.ends_with(".*") || !text.contains('*');
        let known = EVENTS.iter().any(|event| *event != PING && pattern.takes(event));
        if is_kind && known { Ok(pattern) } else { Err(UnknownEvent(text.into())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_an_event_a_kind_or_all() {
        let takes = |pattern: &str, event| pattern.parse::<Pattern>().map(|pattern| pattern.takes(event));
        assert_eq!(takes("call.ended", "call.ended"), Ok(true));
        assert_eq!(takes("call.ended", "call.started"), Ok(false));
        assert_eq!(takes("call.*", "call.started"), Ok(true));
        assert_eq!(takes("room.*", "room.joined"), Ok(true));
        assert_eq!(takes("*", "trunk.down"), Ok(true));
        assert_eq!(takes("trunk.down", "ping"), Ok(true), "somebody tries whether it hears");
        for wrong in ["call", "call.", "calls.*", "ca*", "", "ping"] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong}");
        }
    }
}
