//! What a call is called: twenty letters and digits that sort by when it began.
//!
//! Made of the moment and of chance, so that two calls of different servers, or of one before and after its restart, never
//! share one. Chance is handed in.

use std::{
    fmt,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Letters of an id: none that is mistaken for another (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Five bits a letter: fifty for milliseconds, which last for thirty thousand years, and fifty of chance.
const LENGTH: usize = 20;

const HALF: u32 = 50;

/// A call, among all calls that there ever were.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(u128);

/// That text names no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a call's id is {LENGTH} letters and digits, as `patchcord calls` shows it")]
pub struct NoCallId;

impl CallId {
    /// That of a call which began then; `chance` tells it from the others of its millisecond.
    pub fn new(began: SystemTime, chance: u64) -> Self {
        let millis = began.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let mask = (1 << HALF) - 1;
        Self((millis & mask) << HALF | (u128::from(chance) & mask))
    }
}

impl CallId {
    /// The same as a number, which has the order of calls.
    pub fn bits(self) -> u128 {
        self.0
    }

    /// The call of that number.
    pub fn of_bits(bits: u128) -> Self {
        Self(bits & ((1 << (2 * HALF)) - 1))
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |at: usize| LETTERS[(self.0 >> (5 * (LENGTH - 1 - at)) & 31) as usize];
        let text: [u8; LENGTH] = std::array::from_fn(letter);
        f.pad(std::str::from_utf8(&text).expect("the letters are ASCII"))
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CallId {
    type Err = NoCallId;

    fn from_str(text: &str) -> Result<Self, NoCallId> {
        if text.len() != LENGTH {
            return Err(NoCallId);
        }
        let mut number = 0;
        for byte in text.bytes() {
            let value = LETTERS.iter().position(|letter| *letter == byte.to_ascii_lowercase()).ok_or(NoCallId)?;
            number = number << 5 | value as u128;
        }
        Ok(Self(number))
    }
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_later_call_sorts_behind_an_earlier_one_whatever_chance_says() {
        let moment = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        let (early, late) =
            (CallId::new(moment(1_800_000_000_000), u64::MAX), CallId::new(moment(1_800_000_000_001), 0));
        assert!(early < late);
        assert!(early.to_string() < late.to_string(), "{early} {late}");
    }

    #[test]
    fn what_is_no_id_is_refused_with_what_one_looks_like() {
        for text in ["", "1", "01ksqz0000000000000", "01ksqz00000000000000x", "01ksqz0000000000000u", "☎☎☎☎☎☎☎ ☎"]
        {
            assert_eq!(text.parse::<CallId>(), Err(NoCallId), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_id_is_read_as_it_is_written_in_either_case(millis in 0..1u64 << 50, chance: u64) {
            let id = CallId::new(UNIX_EPOCH + Duration::from_millis(millis), chance);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        }
    }
}
