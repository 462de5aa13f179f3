//! One side of a dialog: From or To as it was written, and where its tag is.

use crate::message::NameAddr;

/// The text goes back verbatim in every request, as peers older than RFC 3261 compare all of it.
#[derive(Clone, Debug)]
pub(super) struct Party {
    text: Box<str>,
    tag_at: u16,
    tag_len: u16,
}

impl Party {
    /// As it is written; without a tag the tag is empty (§12.1.1, for RFC 2543).
    pub(super) fn of(addr: NameAddr<'_>) -> Self {
        let text = addr.as_str();
        let (tag_at, tag_len) = match addr.tag() {
            // The tag is a slice of the text.
            Some(tag) => (tag.as_ptr() as usize - text.as_ptr() as usize, tag.len()),
            None => (0, 0),
        };
        Self { text: text.into(), tag_at: tag_at as u16, tag_len: tag_len as u16 }
    }

    /// As it is written, with our tag behind it unless it has one.
    pub(super) fn tagged(addr: NameAddr<'_>, tag: &str) -> Self {
        if addr.tag().is_some() {
            return Self::of(addr);
        }
        let text = [addr.as_str(), ";tag=", tag].concat();
        Self { tag_at: (text.len() - tag.len()) as u16, tag_len: tag.len() as u16, text: text.into() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn tag(&self) -> &str {
        // A message has at most 64 KiB, so the positions fit; a text that long is refused by MAX_DIALOG_TEXT anyway.
        self.text.get(usize::from(self.tag_at)..usize::from(self.tag_at) + usize::from(self.tag_len)).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_found_where_it_stands() {
        for (text, tag) in [
            (r#""tag=x" <sip:tag=y@h;tag=z>;a=b;tag=real;c"#, "real"),
            ("sip:x@h;tag=1", "1"),
            ("<sip:x@h>", ""),
            ("<sip:x@h>;tag", ""),
        ] {
            assert_eq!(Party::of(NameAddr::parse(text).unwrap()).tag(), tag, "{text}");
        }
    }

    #[test]
    fn our_tag_goes_behind_everything_and_never_beside_another() {
        let party = Party::tagged(NameAddr::parse("\"B\" <sip:x@h>;a=b").unwrap(), "ours");
        assert_eq!((party.text(), party.tag()), ("\"B\" <sip:x@h>;a=b;tag=ours", "ours"));
        let party = Party::tagged(NameAddr::parse("<sip:x@h>;tag=there").unwrap(), "ours");
        assert_eq!((party.text(), party.tag()), ("<sip:x@h>;tag=there", "there"));
    }
}
