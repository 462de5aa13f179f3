//! What a binding keeps of a phone's own words, and how much of them.
//!
//! A phone may be anybody's who has a password. What it says is kept in memory, written to a database that takes no
//! NUL in a text, and shown to people, so nothing of it is kept unbounded or with control characters in it. What
//! leads to the phone is taken as it is or refused; its name is only for people, so that is cut and cleaned.

use patchcord_sip::message::Fault;

/// Bytes of a User-Agent that are kept. Real ones name product, version and hardware address in less than a hundred.
pub const MAX_USER_AGENT: usize = 256;

/// Bytes of a Call-ID. Real ones are a random text and a host name, seldom above a hundred.
pub const MAX_CALL_ID: usize = 512;

/// Bytes of a `+sip.instance`. It is a URN, and those of RFC 5626 have 45.
pub const MAX_INSTANCE: usize = 512;

/// Bytes of a whole Path: as many as one address may have, for some dozens of real proxies.
pub const MAX_PATH: usize = patchcord_sip::uri::MAX_URI;

/// The name that a phone gives itself, without control characters and cut to [`MAX_USER_AGENT`].
pub(super) fn user_agent(said: &str) -> Option<Box<str>> {
    let pieces: Vec<&str> = said.split(char::is_control).map(str::trim).filter(|piece| !piece.is_empty()).collect();
    let mut clean = pieces.join(" ");
    clean.truncate(clean.floor_char_boundary(MAX_USER_AGENT));
    (!clean.is_empty()).then(|| clean.into())
}

/// `said`, when it is fit to be kept: `wrong` says what is answered to control characters and to more than `most` bytes.
pub(super) fn fit(said: &str, most: usize, wrong: Wrong) -> Result<&str, Fault> {
    if said.len() > most {
        return Err(Fault::bad(wrong.long));
    }
    if said.contains(char::is_control) {
        return Err(Fault::bad(wrong.control));
    }
    Ok(said)
}

/// The phrases that answer a text which is not fit to be kept.
#[derive(Clone, Copy)]
pub(super) struct Wrong {
    long: &'static str,
    control: &'static str,
}

/// Of a Contact, whose length the address itself bounds.
pub(super) const CONTACT: Wrong = Wrong { long: "Contact Too Long", control: "Control Character In Contact" };
/// Of a Call-ID.
pub(super) const CALL_ID: Wrong = Wrong { long: "Call-ID Too Long", control: "Control Character In Call-ID" };
/// Of an instance.
pub(super) const INSTANCE: Wrong = Wrong { long: "Instance Too Long", control: "Control Character In Instance" };
/// Of a Path.
pub(super) const PATH: Wrong = Wrong { long: "Path Too Long", control: "Control Character In Path" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phones_name_is_kept_short_and_without_control_characters() {
        assert_eq!(user_agent("Phone/1.0").as_deref(), Some("Phone/1.0"));
        assert_eq!(user_agent("Phone\0/1.0\r\n folded").as_deref(), Some("Phone /1.0 folded"));
        assert_eq!(user_agent("\0\t"), None);
        let long = "☎".repeat(10_000);
        assert_eq!(
            user_agent(&long).map(|kept| kept.len()),
            Some(255),
            "whole letters, at most {MAX_USER_AGENT} bytes"
        );
    }

    #[test]
    fn what_leads_to_a_phone_is_taken_as_it_is_or_refused() {
        assert_eq!(fit("one@phone", 9, CALL_ID), Ok("one@phone"));
        assert_eq!(fit("one@phone", 8, CALL_ID), Err(Fault::bad("Call-ID Too Long")));
        assert_eq!(fit("one\0phone", 9, CALL_ID), Err(Fault::bad("Control Character In Call-ID")));
    }
}
