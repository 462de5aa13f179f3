//! Whom a connection speaks for, where that was proved before SIP was spoken: by a cookie or a token of the web server.
//!
//! A connection that is vouched for needs no password, and can say nothing in anybody else's name: what it claims is not believed,
//! and what it proves otherwise is not asked for. A guest is nobody's endpoint: it cannot register, and calls only the numbers that
//! it was given, as often at once as it was given, until it lapses.

use std::{sync::Arc, time::SystemTime};

use super::{Gauge, Person, Ticket, plain};

/// Most numbers that a guest is given: a page has a few buttons.
pub const MAX_GUEST_NUMBERS: usize = 32;

/// Whom a connection speaks for.
#[derive(Clone, Debug)]
pub enum Voucher {
    /// For the endpoint of that name, as long as there is one.
    Endpoint(Arc<str>),
    /// For a guest.
    Guest(Arc<Guest>),
}

/// What stands in place of a guest's number.
pub const GUEST: &str = "guest";

/// Somebody who was let in to call a few numbers.
#[derive(Debug)]
pub struct Guest {
    /// What others are shown as who calls.
    pub name: Box<str>,
    /// Whom it may call.
    pub numbers: Box<[Box<str>]>,
    /// How many calls at once, on all its connections together.
    pub calls: u32,
    /// Until when; `None`: until somebody takes it back.
    pub expires: Option<SystemTime>,
    /// Its calls now.
    pub busy: Gauge,
}

/// Why a guest may not call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// Its time is over.
    #[error("The Token Has Lapsed")]
    Lapsed,
    /// It was given other numbers.
    #[error("The Token Is For Other Numbers")]
    OtherNumber,
}

impl Guest {
    /// Whether it may call that number now.
    pub fn may_call(&self, number: &str, wall: SystemTime) -> Result<(), NotAllowed> {
        if self.expires.is_some_and(|expires| wall >= expires) {
            return Err(NotAllowed::Lapsed);
        }
        if self.names(number) { Ok(()) } else { Err(NotAllowed::OtherNumber) }
    }

    /// Whether it was given that number.
    pub fn names(&self, number: &str) -> bool {
        self.numbers.iter().any(|known| plain(known) == plain(number))
    }

    /// Room for one more call of it.
    pub fn enter(&self) -> Option<Ticket> {
        self.busy.enter(Some(self.calls), false)
    }

    /// Who it is to those whom it calls: whatever it says of itself is not believed.
    pub fn person(&self) -> Person {
        Person { number: GUEST.into(), name: Some(self.name.clone()), hidden: false, replaced: false }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn guest() -> Guest {
        let expires = Some(UNIX_EPOCH + Duration::from_secs(100));
        let numbers = ["1000".into(), "+49 30 1234".into()].into();
        Guest { name: "Shop".into(), numbers, calls: 1, expires, busy: Gauge::default() }
    }

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn a_guest_calls_the_numbers_that_it_was_given_and_no_others() {
        assert_eq!(guest().may_call("1000", at(99)), Ok(()));
        assert_eq!(guest().may_call("+49301234", at(99)), Ok(()));
        for other in ["100", "10000", "9196", "", "guest"] {
            assert_eq!(guest().may_call(other, at(99)), Err(NotAllowed::OtherNumber), "{other}");
        }
    }

    #[test]
    fn a_guest_whose_time_is_over_calls_nobody() {
        assert_eq!(guest().may_call("1000", at(100)), Err(NotAllowed::Lapsed));
    }

    #[test]
    fn a_guest_has_as_many_calls_at_once_as_it_was_given() {
        let guest = guest();
        let held = guest.enter().expect("one");
        assert!(guest.enter().is_none());
        drop(held);
        assert!(guest.enter().is_some());
    }
}
