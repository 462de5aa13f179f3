//! What is told beside an event or a result: a few named texts, each bounded.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Bytes of one text in a journal. Enough for an address, a reason or a line of options; a message has its own bound.
pub const MAX_TEXT: usize = 512;

/// Facts beside one entry. An event has a handful.
pub const MAX_FACTS: usize = 16;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(Vec<(Cow<'static, str>, Box<str>)>);

impl Facts {
    /// Nothing to tell.
    pub const NONE: Self = Self(Vec::new());

    /// The same with one more; cut to [`MAX_TEXT`], and left out behind [`MAX_FACTS`].
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, said: impl AsRef<str>) -> Self {
        if self.0.len() < MAX_FACTS {
            self.0.push((name.into(), cut(said.as_ref(), MAX_TEXT).into()));
        }
        self
    }

    /// What is told by that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(known, said)| (known == name).then_some(said))
    }

    /// All of them, as they were told.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, said)| (&**name, &**said))
    }

    /// Bytes that they take beside themselves.
    pub(super) fn weight(&self) -> usize {
        self.0.iter().map(|fact| size_of_val(fact) + fact.0.len() + fact.1.len()).sum()
    }
}

/// As much of `text` as fits in `most` bytes, in whole letters.
pub(super) fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// Cuts a text that is kept.
pub(super) fn shorten(text: &mut Box<str>) {
    if text.len() > MAX_TEXT {
        *text = cut(text, MAX_TEXT).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_few_and_short_whatever_is_told() {
        let long = "☎".repeat(MAX_TEXT);
        let facts = (0..40).fold(Facts::NONE, |facts, n| facts.with(format!("fact {n}"), &long));
        assert_eq!(facts.iter().count(), MAX_FACTS);
        assert_eq!(facts.get("fact 0").map(str::len), Some(510), "whole letters, at most {MAX_TEXT} bytes");
        assert_eq!(facts.get("fact 16"), None);
    }
}
