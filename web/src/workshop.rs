//! What is asked of the scripts themselves: past calls against them, calls made into tests of them, and how sound they are. `main` answers.

use std::time::Duration;

use patchcord_engine::journal::Story;
use serde::Serialize;

use crate::{house::Answer, problem::Problem};

/// Whoever can read, run and try scripts.
pub trait Workshop: Send + Sync {
    /// A past call against the script as it is served now.
    fn replay(&self, story: Story) -> Answer<'_, Result<Replay, Problem>>;
    /// A past call as a test of its service, run once.
    fn test_of(&self, story: Story) -> Answer<'_, Result<MadeTest, Problem>>;
    /// What a service would do if somebody called then and said nothing.
    fn imagine(&self, wanted: Imagined) -> Answer<'_, Result<String, Problem>>;
    /// What is wrong with a service, and what its tests say.
    fn examine(&self, service: String) -> Answer<'_, Result<Examined, Problem>>;
}

/// A call that nobody makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imagined {
    /// The service that would answer.
    pub service: String,
    /// Who would call.
    pub caller: String,
    /// Which number.
    pub called: String,
    /// When, as the time since 1970.
    pub wall: Duration,
}

/// A replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// The orders that were given as then.
    pub same: Vec<SaidThen>,
    /// What it came to.
    pub end: ReplayEnd,
}

/// What a replay came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayEnd {
    /// All went as it did then.
    Through,
    /// From here on it would go otherwise.
    Otherwise {
        /// How long after the beginning of the call.
        at: Duration,
        /// What happened then.
        then: SaidThen,
        /// What happens today.
        today: SaidThen,
    },
    /// The journal does not hold what would have to be known.
    Unknown(String),
}

/// An order of a script, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SaidThen {
    /// In words.
    pub what: String,
    /// As `ivr.rhai:12`.
    pub place: Option<String>,
}

/// A call that was made into a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MadeTest {
    /// The service that it tests.
    pub service: String,
    /// The text of the file.
    pub text: String,
    /// Whether it holds today; why not, otherwise.
    pub ran: Result<(), String>,
}

/// A service, looked at closely.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// What is wrong with its text, with line, column and remedy.
    pub faults: Vec<String>,
    /// Its tests, in the order of their file; none where it has no file of tests.
    pub tests: Vec<Tried>,
    /// Files of tests that could not be read, and why.
    pub broken: Vec<String>,
    /// Lines that can run, by number, and whether a test reached them.
    pub lines: Vec<(usize, bool)>,
}

/// A test that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Its name, in words.
    pub name: String,
    /// Where it begins, as `ivr_test.rhai:12`.
    pub place: String,
    /// How it failed.
    pub failed: Option<String>,
    /// How long it took, in virtual time.
    pub lasted: Duration,
}
