//! Where a test failed, and why.

use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position};

use super::sayings;
use super::words::{LEVELS, OPERATIONS};
use crate::fault::Fault;
use crate::limits::Limits;
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
    /// An error of a test that ran, which begins on that line and was last there.
    pub(super) fn of(file: &str, begins: usize, last: Position, error: &EvalAltResult, ladder: String) -> Self {
        let (at, failure) = failure_in(error);
        if let Some(failure) = failure {
            let place = match (at.line(), at.position()) {
                (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
                _ => format!("{file}:{begins}"),
            };
            return Self { place, why: failure.to_string(), ladder: failure.ladder, variation: None };
        }
        let Fault { file, line, column, what, .. } = match endless(error) {
            Some(what) => Fault::at(file, last, what),
            None => Fault::of_running(&Limits::default(), file, &|_| None, error),
        };
        let place = [Some(file), Some(line.unwrap_or(begins).to_string()), column.map(|column| column.to_string())];
        let place = place.into_iter().flatten().collect::<Vec<_>>().join(":");
        let why = not_found(error).and_then(unknown_word).unwrap_or(what);
        Self { place, why, ladder, variation: None }
    }
}

/// What is said of a test that goes on without end.
fn endless(error: &EvalAltResult) -> Option<String> {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => endless(inner),
        EvalAltResult::ErrorTooManyOperations(_) => {
            Some(format!("the test goes on without end: it computed {OPERATIONS} operations, which is the limit"))
        }
        EvalAltResult::ErrorTerminated(why, _) => Some(format!("the test was ended: {why}")),
        EvalAltResult::ErrorStackOverflow(_) => {
            Some(format!("the test calls itself without end: functions may call each other {LEVELS} deep"))
        }
        _ => None,
    }
}

/// The function that there is not, with what it was given.
fn not_found(error: &EvalAltResult) -> Option<&str> {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => not_found(inner),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => Some(signature),
        _ => None,
    }
}

/// A word that no test knows, or that was given something else than it takes.
fn unknown_word(signature: &str) -> Option<String> {
    let (name, given) = signature.split_once(" (")?;
    Some(sayings::unknown(name, given.strip_suffix(')').unwrap_or(given)))
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
