//! Causes of Q.850 and statuses of SIP (RFC 3398, RFC 4497).
//!
//! A call is told causes, a party is told statuses, and neither table is the other one turned round: what has no word on the
//! other side gets the nearest one that makes it do the same.

/// Normal clearing.
pub const CLEARED: u8 = 16;
/// The user was alerted and did not answer.
pub const NO_ANSWER: u8 = 19;
/// Recovery on timer expiry.
pub const TIMED_OUT: u8 = 102;
/// Bearer capability not implemented: no codec in common.
pub const NO_BEARER: u8 = 65;
/// Protocol error, unspecified.
pub const PROTOCOL: u8 = 111;
/// Exchange routing error: a call that goes in a circle.
pub const ROUTING_ERROR: u8 = 25;
/// No circuit or channel available: we have no room, or no port for its sound.
pub const NO_ROOM: u8 = 34;
/// Switching equipment congestion: we take no more, or none at all.
pub const CONGESTED: u8 = 42;
/// Temporary failure.
pub const FAILURE: u8 = 41;
/// Resource unavailable: we serve nobody any more.
pub const UNAVAILABLE: u8 = 47;

/// The reason of a leg whose story was told to its end.
pub const TOLD: &str = "the story ended";
/// The reasons of one whose story ended behind a conference room: who was there did this, or the room was closed.
pub const ROOM_CLOSED: &str = "the conference room was closed";
/// Somebody moved it out.
pub const REMOVED: &str = "was removed from the conference room";
/// It had no right to be in.
pub const NOT_LET_IN: &str = "was not let into the conference room";
/// It went by itself.
pub const LEFT_ROOM: &str = "left the conference room";

/// What is said of a leg that an operator ended, or of one that was let go because an operator passed the other party on.
pub const HUNG_UP_OUTSIDE: &str = "hung up by an operator";
/// See [`HUNG_UP_OUTSIDE`].
pub const PASSED_ON_OUTSIDE: &str = "transferred by an operator";
/// What is said of a leg that is let go because the other party was passed on, and what its party reads.
pub const TRANSFERRED: &str = "transferred";
/// What a party reads whose other side was given up because nothing was heard of it any more.
pub const UNHEARD: &str = "the other side was not heard any more";
/// The reason of one that came while the server took no new calls.
pub const DRAINING: &str = "the server is draining and takes no new calls";

/// The reason of one that an orderly stop of the server ended.
pub const STOPPING: &str = "the server stops";

/// That nobody answered as long as it was called.
pub const IN_VAIN: &str = "no answer";

/// The status that refuses a call for this cause (RFC 3398 §7.2.4.1).
#[must_use]
pub const fn status_of(cause: u8) -> u16 {
    match cause {
        1..=3 | 26 => 404,
        17 => 486,
        18 => 408,
        21 | 55 | 57 | 87 => 403,
        22 | 23 => 410,
        25 => 483,
        27 => 502,
        28 => 484,
        29 | 63 | 69 | 79 => 501,
        34 | 38 | 41 | 42 | 47 | 58 | 88 => 503,
        65 | 66 | 70 => 488,
        102 => 504,
        81 | 95..=101 | 103..=127 => 500,
        // Normal clearing of a call that nobody answered is no fault of anybody: later it may be answered.
        _ => 480,
    }
}

/// The cause that a status means (RFC 3398 §8.2.6.1).
#[must_use]
pub const fn cause_of(status: u16) -> u8 {
    match status {
        486 | 600 => 17,
        408 | 504 => TIMED_OUT,
        480 => 18,
        401..=403 | 407 | 433 | 603 | 607 | 608 => 21,
        404 | 485 | 604 => 1,
        405 => 63,
        406 | 415 | 501 => 79,
        410 => 22,
        482 | 483 => 25,
        484 => 28,
        488 | 493 | 606 => NO_BEARER,
        502 => 38,
        400 | 481 | 500 | 503 => FAILURE,
        413 | 414 | 416 | 420..=423 | 505 | 513 | 580 => 127,
        300..=399 => 23,
        100..=299 | 487 => CLEARED,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_ends_mean_the_same_on_both_sides() {
        for (status, cause) in [(486, 17), (404, 1), (403, 21), (484, 28), (410, 22), (502, 27), (488, 65), (504, 102)]
        {
            assert_eq!(status_of(cause), status, "cause {cause}");
        }
        for (status, cause) in
            [(486, 17), (600, 17), (480, 18), (408, 102), (603, 21), (604, 1), (503, 41), (487, 16), (302, 23)]
        {
            assert_eq!(cause_of(status), cause, "status {status}");
        }
    }

    #[test]
    fn every_cause_refuses_with_a_final_status_and_every_status_has_a_cause() {
        for cause in 0..=127 {
            assert!((400..700).contains(&status_of(cause)), "cause {cause}");
        }
        for status in 100..700 {
            assert!((1..128).contains(&cause_of(status)), "status {status}");
        }
    }
}
