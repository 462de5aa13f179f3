//! How times are written down: offsets in microseconds, moments in milliseconds since 1970.
//!
//! Whatever enters a journal is cut to these, so that what is read back is what was noted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `at` without what is finer than a microsecond.
pub(crate) fn whole_micros(at: Duration) -> Duration {
    Duration::from_micros(micros_of(at))
}

/// `moment` without what is finer than a millisecond; what lies before 1970 counts as 1970.
pub(crate) fn whole_millis(moment: SystemTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis_of(moment))
}

fn micros_of(at: Duration) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
}

fn millis_of(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A [`Duration`] as microseconds.
pub(crate) mod micros {
    use super::*;

    pub fn serialize<S: Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        micros_of(*at).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_micros)
    }
}

/// One that may be absent.
pub(crate) mod maybe_micros {
    use super::*;

    pub fn serialize<S: Serializer>(at: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(micros_of).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Option::<u64>::deserialize(deserializer).map(|at| at.map(Duration::from_micros))
    }
}

/// A [`SystemTime`] as milliseconds since 1970.
pub(crate) mod millis {
    use super::*;

    pub fn serialize<S: Serializer>(moment: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        millis_of(*moment).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        // A moment that no clock can show is a damaged one, and must not end the reader.
        let millis = u64::deserialize(deserializer)?;
        UNIX_EPOCH
            .checked_add(Duration::from_millis(millis))
            .ok_or_else(|| serde::de::Error::custom("a moment beyond all clocks"))
    }
}
