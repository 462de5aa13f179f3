//! What a party is told of a partner that holds it, where it has asked to be told: INFO with a package of our own (RFC 6086). A phone
//! that has not asked hears the music of the house and nothing else.

use bytes::Bytes;
use patchcord_sip::message::{Headers, Method, Name};

use super::asking::What;
use super::{Cx, Line, Stage};

/// The package. Its body is one word: [`HELD`] or [`RESUMED`].
pub const PACKAGE: &str = "patchcord-hold";
/// The other side holds the party.
pub const HELD: &str = "held";
/// It does so no longer.
pub const RESUMED: &str = "resumed";

/// Whether whoever sent this wants to be told (RFC 6086 §5.2.2).
pub(super) fn wants(message: &Headers) -> bool {
    message.list(Name::RecvInfo).any(|package| package.trim().eq_ignore_ascii_case(PACKAGE))
}

impl Line {
    /// Whether the party holds us.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.told_held
    }

    /// Whether the party is to be told that: it wants to know, and does not know it yet.
    #[must_use]
    pub fn lacks_word_of(&self, held: bool) -> bool {
        self.wants_holds && self.stage == Stage::Up && self.knows_held != held
    }

    /// Tells it.
    pub fn tell_other_holds(&mut self, held: bool, cx: &mut Cx<'_>) {
        let Some(dialog) = self.dialog.as_deref_mut() else { return };
        self.knows_held = held;
        let word = Bytes::from_static(if held { HELD } else { RESUMED }.as_bytes());
        let draft = dialog.request(Method::Info).text(Name::InfoPackage, PACKAGE).body("text/plain", word.clone());
        self.ask(What::Tell, draft, word, cx);
    }
}
