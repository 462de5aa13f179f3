//! Where a `sip:` address comes apart, found in one walk over it.

use super::escape::{PERCENT, UNFIT, is_escape, kind};

/// The marks between the parts of what stands behind `sip:`. Neither parameters nor headers may hold a bare `@`, but the
/// user may hold `;`, `?` and, before its password, one colon.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Joints {
    /// The `@` behind the user.
    pub at: Option<usize>,
    /// The first colon of all: before a password when it comes before the `@`.
    pub user_colon: Option<usize>,
    /// The first semicolon behind the host.
    pub semicolon: Option<usize>,
    /// The first question mark behind the host.
    pub question: Option<usize>,
}

impl Joints {
    /// `None` when a byte stands there that no address may hold, or a percent sign without its digits.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let mut joints = Self::default();
        for (place, &byte) in bytes.iter().enumerate() {
            // Most bytes are letters and digits.
            match kind(byte) {
                0 => {}
                UNFIT => return None,
                PERCENT if !is_escape(&bytes[place..]) => return None,
                PERCENT => {}
                _ => joints.note(byte, place),
            }
        }
        Some(joints)
    }

    fn note(&mut self, byte: u8, place: usize) {
        match byte {
            b'@' if self.at.is_none() => {
                self.at = Some(place);
                (self.semicolon, self.question) = (None, None);
            }
            b':' if self.user_colon.is_none() => self.user_colon = Some(place),
            // A semicolon among the headers separates nothing.
            b';' if self.semicolon.is_none() && self.question.is_none() => self.semicolon = Some(place),
            b'?' if self.question.is_none() => self.question = Some(place),
            _ => {}
        }
    }
}
