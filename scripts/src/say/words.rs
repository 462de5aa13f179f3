//! What is said, growing word by word: names of prompts in the folder of a language.

use super::Language;

/// What is said so far.
pub(super) struct Words {
    language: Language,
    names: Vec<String>,
}

impl Words {
    pub(super) fn new(language: Language) -> Self {
        Self { language, names: Vec::new() }
    }

    /// A word that was recorded.
    pub(super) fn word(&mut self, name: &str) {
        self.names.push(format!("{}/{name}", self.language.tag()));
    }

    /// A number that was recorded as one word: below a hundred, or full hundreds.
    pub(super) fn count(&mut self, number: u64) {
        self.word(&format!("number/{number}"));
    }

    /// A number below a thousand, in the words that both languages have for it. Zero says nothing.
    pub(super) fn below_thousand(&mut self, number: u64) {
        if number >= 100 {
            self.count(number / 100 * 100);
        }
        if !number.is_multiple_of(100) {
            self.count(number % 100);
        }
    }

    /// Nothing, for a while.
    pub(super) fn pause(&mut self, silence: &str) {
        self.names.push(silence.to_owned());
    }

    pub(super) fn said(self) -> Vec<String> {
        self.names
    }
}
