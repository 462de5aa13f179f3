//! What went wrong last when each endpoint wanted to register: for whoever asks why a phone cannot be reached.
//!
//! Only endpoints that there are have a place here, one each, so that strangers fill nothing. It decides nothing and is forgotten with
//! the process.

use std::{
    borrow::Cow,
    collections::HashMap,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

/// Endpoints whose last failure is known. Beyond it the eldest failure is forgotten: nobody reads on so far.
pub const MOST: usize = 4_096;

/// A REGISTER that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: SystemTime,
    /// From where.
    pub peer: SocketAddr,
    /// With which status.
    pub status: u16,
    /// And which words.
    pub why: Cow<'static, str>,
    /// How often it was refused since it last came in.
    pub times: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Failures(Mutex<HashMap<Box<str>, Failure>>);

impl Failures {
    /// That endpoint was refused.
    pub fn note(&self, user: &str, status: u16, why: Cow<'static, str>, peer: SocketAddr, at: SystemTime) {
        let mut all = self.hold();
        let times = all.get(user).map_or(0, |last| last.times).saturating_add(1);
        if times == 1 && all.len() >= MOST {
            let eldest = all.iter().min_by_key(|(_, failure)| failure.at).map(|(user, _)| user.clone());
            if let Some(eldest) = eldest {
                all.remove(&eldest);
            }
        }
        all.insert(user.into(), Failure { at, peer, status, why, times });
    }

    /// That endpoint came in: what is noted stays, and a further failure is the first again.
    pub fn is_in(&self, user: &str) {
        if let Some(last) = self.hold().get_mut(user) {
            last.times = 0;
        }
    }

    /// What went wrong last, and whether it came in since.
    pub fn last(&self, user: &str) -> Option<Failure> {
        self.hold().get(user).cloned()
    }

    fn hold(&self) -> std::sync::MutexGuard<'_, HashMap<Box<str>, Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn fails(failures: &Failures, user: &str, second: u64) {
        let peer = "192.0.2.9:5060".parse().expect("an address");
        failures.note(user, 403, "Wrong User Name Or Password".into(), peer, UNIX_EPOCH + Duration::from_secs(second));
    }

    #[test]
    fn failures_are_counted_until_the_phone_comes_in_and_the_last_stays_known() {
        let failures = Failures::default();
        fails(&failures, "alice", 1);
        fails(&failures, "alice", 2);
        assert_eq!(failures.last("alice").expect("noted").times, 2);
        failures.is_in("alice");
        let last = failures.last("alice").expect("still known");
        assert_eq!((last.times, last.at), (0, UNIX_EPOCH + Duration::from_secs(2)));
        fails(&failures, "alice", 3);
        assert_eq!(failures.last("alice").expect("noted").times, 1);
        assert_eq!(failures.last("bob"), None);
    }

    #[test]
    fn the_eldest_makes_place_for_one_too_many() {
        let failures = Failures::default();
        for number in 0..=MOST as u64 {
            fails(&failures, &format!("u{number}"), number);
        }
        assert_eq!(failures.last("u0"), None);
        assert!(failures.last("u1").is_some() && failures.last(&format!("u{MOST}")).is_some());
    }
}
