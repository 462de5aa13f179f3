//! What is wrong with a text about time.

/// Why a text about time is not understood: where, what, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {reason}; {remedy}")]
pub struct Wrong {
    /// Of the text, in characters from one.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
    /// What to write instead.
    pub remedy: String,
}

impl Wrong {
    pub(super) fn new(column: usize, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { column, reason: reason.into(), remedy: remedy.into() }
    }

    /// The same of a text that is one thing as a whole.
    pub fn bare(&self) -> String {
        format!("{}; {}", self.reason, self.remedy)
    }
}
