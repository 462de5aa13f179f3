//! What goes on over a trunk now: its calls, whether it answers, whether we are registered there, and what went wrong last.
//!
//! One shard writes it and everybody reads it. It outlives a reload and is forgotten with the process.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering::Relaxed},
    },
    time::SystemTime,
};

use super::{
    admission::{Gauge, Pace},
    health::Standing,
};

/// What goes on over a trunk. The trunk of the same name goes on counting when the plan is replaced.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Calls now.
    pub calls: Gauge,
    /// New calls a second.
    pub pace: Arc<Pace>,
    standing: Arc<AtomicU8>,
    registered: Arc<AtomicBool>,
    mishap: Arc<Mutex<Option<Mishap>>>,
}

/// Something that a carrier did not do as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mishap {
    /// When.
    pub at: SystemTime,
    /// What it was asked: `OPTIONS` or `REGISTER`.
    pub asked: &'static str,
    /// With which status it answered; `None`: not at all.
    pub status: Option<u16>,
}

impl std::fmt::Display for Mishap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status {
            Some(status) => write!(f, "{} was answered {status}", self.asked),
            None => write!(f, "{} was not answered", self.asked),
        }
    }
}

impl Traffic {
    /// Whether it answers, as far as is known.
    pub fn standing(&self) -> Standing {
        match self.standing.load(Relaxed) {
            1 => Standing::Up,
            2 => Standing::Down,
            _ => Standing::Unknown,
        }
    }

    /// It answers, or no longer.
    pub fn stand(&self, standing: Standing) {
        self.standing.store(standing as u8, Relaxed);
    }

    /// Whether we are registered there.
    pub fn is_registered(&self) -> bool {
        self.registered.load(Relaxed)
    }

    /// We are registered there, or no longer.
    pub fn enrol(&self, registered: bool) {
        self.registered.store(registered, Relaxed);
    }

    /// What went wrong last.
    pub fn mishap(&self) -> Option<Mishap> {
        *self.mishap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something went wrong.
    pub fn mishappen(&self, mishap: Mishap) {
        *self.mishap.lock().unwrap_or_else(PoisonError::into_inner) = Some(mishap);
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn what_went_wrong_last_is_known_by_all_who_share_it() {
        let traffic = Traffic::default();
        let reader = traffic.clone();
        assert_eq!((reader.mishap(), reader.is_registered()), (None, false));
        traffic.mishappen(Mishap { at: UNIX_EPOCH, asked: "OPTIONS", status: None });
        traffic.mishappen(Mishap { at: UNIX_EPOCH, asked: "REGISTER", status: Some(403) });
        traffic.enrol(true);
        let last = reader.mishap().map(|mishap| mishap.to_string());
        assert_eq!((last.as_deref(), reader.is_registered()), (Some("REGISTER was answered 403"), true));
    }
}
