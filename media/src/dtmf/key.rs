//! A key of a telephone, and a press of it.

use std::fmt;
use std::time::Duration;

/// One of the sixteen keys, numbered as RFC 4733 numbers its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(u8);

/// All keys as they are written, each in its number's place.
const WRITTEN: &[u8; Key::COUNT] = b"0123456789*#ABCD";

impl Key {
    /// How many there are.
    pub const COUNT: usize = 16;

    /// The key of an event; `None` for the events that are no key, as a hook flash.
    #[must_use]
    pub const fn of_event(event: u8) -> Option<Self> {
        if (event as usize) < Self::COUNT { Some(Self(event)) } else { None }
    }

    /// The key that is written so; letters in either case.
    #[must_use]
    pub fn of_char(written: char) -> Option<Self> {
        let written = u8::try_from(written.to_ascii_uppercase()).ok()?;
        WRITTEN.iter().position(|&key| key == written).map(|number| Self(number as u8))
    }

    /// The number of its event.
    #[must_use]
    pub const fn event(self) -> u8 {
        self.0
    }

    /// As it is written: `0` to `9`, `*`, `#`, `A` to `D`.
    #[must_use]
    pub const fn as_char(self) -> char {
        WRITTEN[self.0 as usize] as char
    }

    /// Every key, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT as u8).map(Self)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_char())
    }
}

/// The way a press took to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    /// As events beside the sound (RFC 4733).
    Rtp,
    /// As a SIP INFO.
    Info,
    /// As tones in the sound.
    Inband,
}

/// A key that was pressed and has been let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Press {
    /// Which one.
    pub key: Key,
    /// How long it was held.
    pub duration: Duration,
    /// How it came.
    pub via: Via,
}

/// What is heard of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It has gone down. A caller who presses wants to be heard at once.
    Down(Key),
    /// It has been let go. Follows each [`News::Down`] of the same way, before the next one.
    Up(Press),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_and_read_and_numbered_as_one() {
        for key in Key::all() {
            assert_eq!(Key::of_char(key.as_char()), Some(key));
            assert_eq!(Key::of_event(key.event()), Some(key));
        }
        assert_eq!(Key::of_char('#').map(Key::event), Some(11));
        assert_eq!(Key::of_char('d').map(Key::event), Some(15));
    }

    #[test]
    fn what_is_no_key_is_none() {
        assert_eq!(Key::of_event(16), None);
        for other in ['E', ' ', '\0', 'é', '１'] {
            assert_eq!(Key::of_char(other), None);
        }
    }
}
