//! An expectation that was not met: what was expected, what was there, and all that happened until then.

use std::fmt;
use std::time::Duration;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When, after the beginning of the test.
    pub at: Duration,
    /// What was expected.
    pub expected: String,
    /// What was there.
    pub was: String,
    /// What happened until then, a line each.
    pub ladder: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {:.3} s: expected {}, but {}", self.at.as_secs_f64(), self.expected, self.was)
    }
}

impl std::error::Error for Failure {}
