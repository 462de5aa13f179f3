//! Words that nobody can guess: branches, tags, Call-IDs, nonces.
//!
//! [`Tokens`] turns one seed into as many as are asked for. It never asks the system for randomness; whoever starts it
//! brings a good seed, and a test that brings the same seed gets the same words.

use std::fmt;
use std::ops::Deref;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::message::BRANCH_COOKIE;

/// Five bits a letter, all of them lower case: whoever compares words without regard to case tells ours apart, too.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The longest word: a cookie and 16 letters fit with room to spare.
const LONGEST: usize = 31;

/// A word of at most 31 letters, kept in place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token {
    length: u8,
    letters: [u8; LONGEST],
}

impl Token {
    fn new(prefix: &str) -> Self {
        let mut token = Self { length: 0, letters: [0; LONGEST] };
        prefix.bytes().for_each(|letter| token.push(letter));
        token
    }

    fn push(&mut self, letter: u8) {
        self.letters[self.length as usize] = letter;
        self.length += 1;
    }

    /// The word itself.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.letters[..self.length as usize]).expect("tokens are made of ASCII letters")
    }
}

impl Deref for Token {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Token {
    fn as_ref(&self) -> &str {
        self
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A source of words. ChaCha with twelve rounds: as far from being guessed as with twenty, and faster.
pub struct Tokens {
    source: ChaCha12Rng,
}

impl Tokens {
    /// A source that gives the same words for the same seed.
    pub fn seeded(seed: [u8; 32]) -> Self {
        Self { source: ChaCha12Rng::from_seed(seed) }
    }

    /// A source of its own for a part of the house, so that what one part draws never shifts what another gets.
    pub fn fork(&mut self) -> Self {
        Self::seeded(self.bytes())
    }

    /// A Via branch: the cookie and 80 random bits.
    pub fn branch(&mut self) -> Token {
        self.word(BRANCH_COOKIE, 16)
    }

    /// A From or To tag of 80 bits; RFC 3261 §19.3 asks for 32 at least.
    pub fn tag(&mut self) -> Token {
        self.word("", 16)
    }

    /// A Call-ID of 120 random bits `@` the host.
    pub fn call_id(&mut self, host: &str) -> String {
        let word = self.word("", 24);
        format!("{word}@{host}")
    }

    /// Random bytes: nonces, keys.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.source.fill_bytes(&mut bytes);
        bytes
    }

    /// A random number: where among equals to begin, how long to wait.
    pub fn number(&mut self) -> u64 {
        self.source.next_u64()
    }

    fn word(&mut self, prefix: &str, letters: usize) -> Token {
        let mut token = Token::new(prefix);
        let mut bits = 0;
        for position in 0..letters {
            // A number holds twelve letters of five bits.
            if position % 12 == 0 {
                bits = self.number();
            }
            token.push(LETTERS[(bits % 32) as usize]);
            bits >>= 5;
        }
        token
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_same_seed_gives_the_same_words() {
        let (mut one, mut other) = (Tokens::seeded([7; 32]), Tokens::seeded([7; 32]));

        assert_eq!(one.branch(), other.branch());
        assert_eq!(one.tag(), other.tag());
        assert_eq!(one.call_id("a"), other.call_id("a"));
        assert_ne!(Tokens::seeded([8; 32]).tag(), Tokens::seeded([7; 32]).tag());
    }

    #[test]
    fn ten_thousand_words_are_all_different() {
        let mut tokens = Tokens::seeded([1; 32]);
        let words: HashSet<String> = (0..10_000).map(|_| tokens.tag().to_string()).collect();
        assert_eq!(words.len(), 10_000);
    }

    #[test]
    fn a_branch_begins_with_the_cookie_and_all_words_are_sip_tokens() {
        let mut tokens = Tokens::seeded([2; 32]);
        let branch = tokens.branch();

        assert!(branch.starts_with(BRANCH_COOKIE));
        assert_eq!(branch.len(), BRANCH_COOKIE.len() + 16);
        assert!(tokens.tag().bytes().all(|letter| letter.is_ascii_alphanumeric()));
        assert!(tokens.call_id("pbx.example.org").ends_with("@pbx.example.org"));
    }

    #[test]
    fn a_fork_draws_without_shifting_its_parent() {
        let (mut one, mut other) = (Tokens::seeded([3; 32]), Tokens::seeded([3; 32]));
        let mut fork = one.fork();
        let _unused = other.fork();
        fork.tag();

        assert_eq!(one.tag(), other.tag());
    }

    #[test]
    fn the_source_does_not_show_its_state() {
        assert_eq!(format!("{:?}", Tokens::seeded([9; 32])), "Tokens(secret)");
    }
}
