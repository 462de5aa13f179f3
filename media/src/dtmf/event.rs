//! The four bytes of an RFC 4733 event.

/// Octets of an event.
pub const LENGTH: usize = 4;

/// Not four octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes are too few for a telephone event")]
pub struct TooShort(pub usize);

/// An event as it stands in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Its number; [`super::Key::of_event`] knows the keys among them.
    pub number: u8,
    /// Whether this is one of its last packets.
    pub end: bool,
    /// How loud the tone is that it stands for, in decibels below 0 dBm0; 0 to 63.
    pub volume: u8,
    /// How long it has lasted, on the clock of the stream.
    pub duration: u16,
}

impl Event {
    /// Reads an event. Bytes behind it are not looked at: some senders pad.
    ///
    /// # Errors
    /// When there are fewer than four bytes.
    pub fn read(payload: &[u8]) -> Result<Self, TooShort> {
        let &[number, flags, high, low] = payload.first_chunk().ok_or(TooShort(payload.len()))?;
        Ok(Self { number, end: flags & 0x80 != 0, volume: flags & 0x3F, duration: u16::from_be_bytes([high, low]) })
    }

    /// Writes an event.
    #[must_use]
    pub const fn write(self) -> [u8; LENGTH] {
        let [high, low] = self.duration.to_be_bytes();
        [self.number, (self.end as u8) << 7 | (self.volume & 0x3F), high, low]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_event_stands_as_rfc_4733_draws_it() {
        let nine = Event { number: 9, end: true, volume: 10, duration: 0x0320 };
        assert_eq!(nine.write(), [9, 0x8A, 3, 0x20]);
        assert_eq!(Event::read(&[9, 0x8A, 3, 0x20]), Ok(nine));
    }

    #[test]
    fn fewer_than_four_bytes_are_refused_and_more_are_not() {
        for length in 0..LENGTH {
            assert_eq!(Event::read(&vec![0; length]), Err(TooShort(length)));
        }
        assert!(Event::read(&[1, 0x4A, 0, 0, 7, 7]).is_ok_and(|event| event.number == 1 && event.volume == 10));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number: u8, end: bool, volume in 0..64u8, duration: u16) {
            let event = Event { number, end, volume, duration };
            prop_assert_eq!(Event::read(&event.write()), Ok(event));
        }
    }
}
