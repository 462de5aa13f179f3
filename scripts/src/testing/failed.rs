//! Where a test failed, and why.

use rhai::{Dynamic, EvalAltResult, NativeCallContext};

use crate::fault::Fault;
use crate::simulator::Failure;

/// A test that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Where, as `ivr_test.rhai:12:5`.
    pub place: String,
    /// Why, in a line.
    pub why: String,
    /// What happened until then; empty where nothing did.
    pub ladder: String,
    /// In which variation, where it was not the test as it stands.
    pub variation: Option<String>,
}

impl Failed {
    /// An error of a test that ran.
    pub(super) fn of(file: &str, error: &EvalAltResult, ladder: String) -> Self {
        let (at, failure) = failure_in(error);
        if let Some(failure) = failure {
            let place = match (at.line(), at.position()) {
                (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
                _ => file.to_owned(),
            };
            return Self { place, why: failure.to_string(), ladder: failure.ladder, variation: None };
        }
        let Fault { file, line, column, what } = Fault::of_running(file, error);
        let place = [Some(file), line.map(|line| line.to_string()), column.map(|column| column.to_string())];
        Self { place: place.into_iter().flatten().collect::<Vec<_>>().join(":"), why: what, ladder, variation: None }
    }
}

/// The expectation that was not met, and where it stands.
fn failure_in(error: &EvalAltResult) -> (rhai::Position, Option<Failure>) {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => failure_in(inner),
        EvalAltResult::ErrorRuntime(value, at) => (*at, value.clone().try_cast::<Failure>()),
        _ => (rhai::Position::NONE, None),
    }
}

/// What a word of a test answers: a failure stops the test at the place of the word.
pub(super) fn met<T>(context: &NativeCallContext<'_>, result: Result<T, Failure>) -> Result<T, Box<EvalAltResult>> {
    let at = context.call_position();
    result.map_err(|failure| Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(failure), at)))
}

/// A word that was given something which it does not take.
pub(super) fn wrong<T>(context: &NativeCallContext<'_>, why: impl Into<String>) -> Result<T, Box<EvalAltResult>> {
    let why: String = why.into();
    Err(Box::new(EvalAltResult::ErrorRuntime(why.into(), context.call_position())))
}
