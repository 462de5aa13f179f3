//! Causes of Q.850 and statuses of SIP, and the Reason header that carries either (RFC 3326, RFC 3398, RFC 4497).
//!
//! A call is told causes, a party is told statuses, and neither table is the other one turned round: what has no word on the
//! other side gets the nearest one that makes it do the same.

use patchcord_sip::message::{Headers, Name, Params};

use crate::call::{Ending, Who};

/// Normal clearing.
pub const CLEARED: u8 = 16;
/// Recovery on timer expiry.
pub const TIMED_OUT: u8 = 102;
/// Bearer capability not implemented: no codec in common.
pub const NO_BEARER: u8 = 65;
/// Protocol error, unspecified.
pub const PROTOCOL: u8 = 111;
/// Temporary failure.
pub const FAILURE: u8 = 41;

/// Longest words of a Reason header that are kept: a sentence, not a page.
const MAX_WORDS: usize = 200;

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

/// What a Reason header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    /// The cause of Q.850, said or derived from the status.
    pub cause: Option<u8>,
    /// The status of SIP.
    pub sip: Option<u16>,
    /// In words.
    pub text: String,
}

impl Reason {
    /// What a message says. Values of other protocols, and what cannot be read, are passed over: nothing hangs on it.
    #[must_use]
    pub fn of(headers: &Headers) -> Self {
        let mut said = Self::default();
        for value in headers.list(Name::Reason) {
            let (protocol, params) = value.split_once(';').unwrap_or((value, ""));
            let params = Params::new(params);
            let number = params.get("cause").and_then(|cause| cause.trim().parse::<u16>().ok());
            match protocol.trim() {
                name if name.eq_ignore_ascii_case("Q.850") => {
                    said.cause = said.cause.or(number.and_then(|cause| u8::try_from(cause).ok()).filter(|&c| c < 128));
                }
                name if name.eq_ignore_ascii_case("SIP") => {
                    said.sip = said.sip.or(number.filter(|status| matches!(status, 100..=699)));
                }
                _ => continue,
            }
            if let Some(text) = params.text("text").filter(|_| said.text.is_empty()) {
                said.text = text.chars().filter(|char| !char.is_control()).take(MAX_WORDS).collect();
            }
        }
        said.cause = said.cause.or(said.sip.map(cause_of));
        said
    }

    /// The party has ended the leg with a message that says this.
    #[must_use]
    pub fn ending(self, sip: Option<u16>) -> Ending {
        let cause = self.cause.or(sip.map(cause_of)).unwrap_or(CLEARED);
        Ending { by: Who::Party, cause, sip: self.sip.or(sip), reason: self.text }
    }
}

/// The value of a Reason header: a status where one is told, and the cause beside it.
#[must_use]
pub fn reason(cause: u8, sip: Option<u16>) -> String {
    match sip {
        // RFC 3326 §2: who has lost the race shall not count the call as missed.
        Some(200) => "SIP;cause=200;text=\"Call completed elsewhere\"".to_owned(),
        Some(status) => format!("SIP;cause={status}, Q.850;cause={cause}"),
        None => format!("Q.850;cause={cause}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchcord_sip::message::Message;

    fn read(lines: &str) -> Reason {
        let text = format!("BYE sip:a@b SIP/2.0\r\n{lines}\r\n");
        let message = Message::parse(text.into()).expect("a request");
        Reason::of(message.headers())
    }

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

    #[test]
    fn a_reason_is_read_from_one_line_or_several() {
        let said = read("Reason: SIP;cause=486;text=\"Busy here\", Q.850 ;cause=17\r\n");
        assert_eq!(said, Reason { cause: Some(17), sip: Some(486), text: "Busy here".into() });
        let said = read("Reason: X.2;cause=1;text=\"no\"\r\nReason: q.850;text=\"Gone \\\"out\";cause=31\r\n");
        assert_eq!((said.cause, said.sip), (Some(31), None));
        assert_eq!(read("Reason: SIP;cause=200\r\n").cause, Some(16));
    }

    #[test]
    fn nonsense_in_a_reason_is_no_reason() {
        for line in
            ["", "Reason: Q.850\r\n", "Reason: Q.850;cause=900\r\n", "Reason: SIP;cause=x\r\n", "Reason: ;;;\r\n"]
        {
            let said = read(line);
            assert_eq!((said.cause, said.sip, said.text.as_str()), (None, None, ""), "{line}");
            assert_eq!(said.ending(None).cause, CLEARED);
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let said = read(&format!("Reason: {}\r\n", reason(16, Some(200))));
        assert_eq!((said.cause, said.sip), (Some(16), Some(200)));
        let said = read(&format!("Reason: {}\r\n", reason(17, None)));
        assert_eq!((said.cause, said.sip), (Some(17), None));
    }
}
