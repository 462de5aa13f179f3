//! Which numbers a route takes.
//!
//! ```text
//! 1000        that number, or that name
//! +4930*      every number that begins so
//! /1[0-4]\d/  every number that the regular expression describes, from its first character to its last
//! *           whatever nobody else takes
//! ```
//!
//! The most specific wins, in this order: a number, the longer beginning, an expression, everything. How many numbers an
//! expression describes is not asked.

use std::{fmt, str::FromStr};

use regex_lite::{Regex, RegexBuilder};

use super::{check_user, is_dialable, number::MAX_NUMBER, plain};

/// Longest expression as it is written.
pub const MAX_EXPRESSION: usize = 256;

/// Most memory of an expression in bytes: `\d{1,15}` takes one, a repetition of repetitions a thousand times that. A
/// number is compared in time that grows with this, never faster.
const MAX_COMPILED: usize = 64 << 10;

/// Which numbers.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// This one.
    Exact(Box<str>),
    /// Those that begin so.
    Prefix(Box<str>),
    /// Those that are described.
    Expression(Expression),
    /// All of them.
    Any,
}

/// A regular expression for a whole number.
#[derive(Clone, Debug)]
pub struct Expression {
    text: Box<str>,
    compiled: Regex,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    /// It is neither a number nor a name nor the beginning of one.
    #[error("{0:?} is no number, no beginning of one and no expression in slashes")]
    Neither(String),
    /// The expression is not one.
    #[error("the expression cannot be read: {0}")]
    Unreadable(String),
    /// The expression would need too much memory or time.
    #[error("the expression is too large")]
    TooLarge,
}

impl Expression {
    /// Reads what stands between the slashes.
    pub fn new(text: &str) -> Result<Self, PatternFault> {
        if text.len() > MAX_EXPRESSION {
            return Err(PatternFault::TooLarge);
        }
        // By itself first: brackets that only close within our own would escape the anchors.
        let unreadable = |error: regex_lite::Error| match error.to_string() {
            told if told.contains("size") => PatternFault::TooLarge,
            told => PatternFault::Unreadable(told),
        };
        RegexBuilder::new(text).size_limit(MAX_COMPILED).build().map_err(unreadable)?;
        let compiled = RegexBuilder::new(&format!("^(?:{text})$")).size_limit(MAX_COMPILED).build();
        Ok(Self { text: text.into(), compiled: compiled.map_err(unreadable)? })
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Pattern {
    /// Whether it takes that number.
    pub fn takes(&self, number: &str) -> bool {
        match self {
            Self::Exact(exact) => **exact == *number,
            Self::Prefix(prefix) => number.starts_with(&**prefix),
            Self::Expression(expression) => expression.compiled.is_match(number),
            Self::Any => true,
        }
    }

    /// How specific it is: of two that take the same number, the higher wins.
    pub(super) fn rank(&self) -> usize {
        match self {
            Self::Exact(_) => usize::MAX,
            Self::Prefix(beginning) => 1 + beginning.len(),
            Self::Expression(_) => 1,
            Self::Any => 0,
        }
    }
}

impl FromStr for Pattern {
    type Err = PatternFault;

    fn from_str(text: &str) -> Result<Self, PatternFault> {
        if let Some(expression) = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            return Expression::new(expression).map(Self::Expression);
        }
        let neither = || PatternFault::Neither(text.into());
        match text.strip_suffix('*') {
            Some("") => Ok(Self::Any),
            Some("+") => Ok(Self::Prefix("+".into())),
            Some(beginning) => whole(beginning).map(Self::Prefix).ok_or_else(neither),
            None => whole(text).map(Self::Exact).ok_or_else(neither),
        }
    }
}

/// A number without what people write between its digits, or a name.
fn whole(text: &str) -> Option<Box<str>> {
    let text = plain(text);
    ((is_dialable(&text) || check_user(&text).is_ok()) && text.len() <= MAX_NUMBER).then(|| text.into())
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(number) => f.write_str(number),
            Self::Prefix(beginning) => write!(f, "{beginning}*"),
            Self::Expression(expression) => write!(f, "/{}/", expression.text),
            Self::Any => f.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap_or_else(|fault| panic!("{text}: {fault}"))
    }

    #[test]
    fn a_pattern_takes_what_it_says() {
        let cases: [(&str, &[&str], &[&str]); 8] = [
            ("1000", &["1000"], &["10000", "100", "+1000"]),
            ("*97", &["*97"], &["97", "*971"]),
            ("+49 (30) 12-3", &["+4930123"], &["+49301234"]),
            ("alice", &["alice"], &["alice2", "Alice"]),
            ("+4930*", &["+4930", "+4930123"], &["+4940123", "4930123"]),
            ("10**", &["10*", "10*1"], &["10", "101"]),
            ("/1[0-4]\\d/", &["100", "149"], &["150", "1000", "0100", "149\n"]),
            ("/100|200/", &["100", "200"], &["1001", "2200"]),
        ];
        for (text, taken, not_taken) in cases {
            for number in taken {
                assert!(pattern(text).takes(number), "{text} takes {number}");
            }
            for number in not_taken {
                assert!(!pattern(text).takes(number), "{text} does not take {number}");
            }
        }
        assert!(["1", "alice", "+4930123"].iter().all(|number| pattern("*").takes(number)));
    }

    #[test]
    fn a_pattern_is_written_as_it_was_read() {
        for text in ["1000", "+4930*", "+*", "*", "/1[0-4]\\d/", "*97"] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }

    #[test]
    fn what_no_number_can_be_is_refused() {
        let refused = |text: &str| text.parse::<Pattern>().expect_err("no pattern");
        for text in ["", "/", "a b", "+49/30", "sip:alice@example.org"] {
            assert_eq!(refused(text), PatternFault::Neither(text.into()));
        }
        assert!(matches!(refused("/(/"), PatternFault::Unreadable(_)));
        assert!(matches!(refused("/a)|(b/"), PatternFault::Unreadable(_)), "it would escape from its anchors");
        assert_eq!(refused(&format!("/{}/", "1".repeat(MAX_EXPRESSION + 1))), PatternFault::TooLarge);
        assert_eq!(refused("/((\\d{100}){100}){100}/"), PatternFault::TooLarge);
    }
}
