//! The Reason header that carries a cause of Q.850 or a status of SIP (RFC 3326). Which of them mean the same is the call's to
//! know.

use patchcord_sip::message::{Headers, Name, Params};

pub use crate::call::cause::{
    CLEARED, FAILURE, NO_ANSWER, NO_BEARER, NO_ROOM, PROTOCOL, TIMED_OUT, cause_of, status_of,
};
use crate::call::{Ending, Who};

/// Longest words of a Reason header that are kept: a sentence, not a page.
const MAX_WORDS: usize = 200;

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

/// The value of a Reason header: a status where one is told, and the cause beside it; in words, where there are some.
#[must_use]
pub fn reason(cause: u8, sip: Option<u16>, words: &str) -> String {
    let words = match words {
        "" => String::new(),
        words => format!(";text=\"{}\"", quotable(words)),
    };
    match sip {
        // RFC 3326 §2: who has lost the race shall not count the call as missed.
        Some(200) => "SIP;cause=200;text=\"Call completed elsewhere\"".to_owned(),
        Some(status) => format!("SIP;cause={status}{words}, Q.850;cause={cause}"),
        None => format!("Q.850;cause={cause}{words}"),
    }
}

/// As it may stand between quotes (RFC 3261 §25.1), without a mark that some would read and others take off.
fn quotable(words: &str) -> String {
    let kept = words.chars().filter(|char| !char.is_control() && *char != '\\').take(MAX_WORDS);
    kept.map(|char| if char == '"' { '\'' } else { char }).collect()
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
        let said = read(&format!("Reason: {}\r\n", reason(16, Some(200), "")));
        assert_eq!((said.cause, said.sip), (Some(16), Some(200)));
        let said = read(&format!("Reason: {}\r\n", reason(17, None, "")));
        assert_eq!((said.cause, said.sip), (Some(17), None));
        for (words, told) in [
            ("the server stops", "the server stops"),
            ("it said \"no\", and\\ more; so", "it said 'no', and more; so"),
            ("Grüße\r\nVia: x", "GrüßeVia: x"),
        ] {
            let said = read(&format!("Reason: {}\r\n", reason(41, Some(408), words)));
            assert_eq!(said, Reason { cause: Some(41), sip: Some(408), text: told.into() });
            assert_eq!(read(&format!("Reason: {}\r\n", reason(16, None, words))).text, told);
        }
        let long = "x".repeat(10 * MAX_WORDS);
        assert_eq!(read(&format!("Reason: {}\r\n", reason(16, None, &long))).text.len(), MAX_WORDS);
    }
}
