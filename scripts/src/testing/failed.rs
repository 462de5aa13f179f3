//! Where a test failed, and why.

use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position};

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
        let Fault { file, line, column, what } = match endless(error) {
            Some(what) => Fault::at(file, last, what),
            None => Fault::of_running(&Limits::default(), file, error),
        };
        let place = [Some(file), Some(line.unwrap_or(begins).to_string()), column.map(|column| column.to_string())];
        let place = place.into_iter().flatten().collect::<Vec<_>>().join(":");
        Self { place, why: unknown_word(&what).unwrap_or(what), ladder, variation: None }
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

/// How Rhai begins to say that there is no function of that name for what it was given.
const NOT_FOUND: &str = "Function not found: ";

/// What a test can say: for whoever has mistyped it.
pub(super) const WORDS: &str = "advance after answers answers_and_presses at busy db dials does_not_hear endpoint expect fails faults gives group \
     hangs_up has_number hears hears_keys hears_nothing holds http is_answered is_hung_up is_rejected is_ringing is_told_of_transfer keep \
     ladder letters mailbox message originate outside phone presses prompt reads record register rejects replies requests resumes rings route says sends_info \
     shows silent speaks store talks_to timer transfers_to unregistered web without_prompt writes";

/// Farther apart than this, two words have nothing to do with each other.
const NEAR: f64 = 0.75;

/// Words that people look for, and what does that.
const MEANT: [(&str, &str); 5] = [
    ("mail", "t.letters() are the letters that were sent, t.mailbox(\"bob\") the messages of a mailbox"),
    ("log", "t.ladder() is all that happened, what was logged with the rest"),
    ("wait", "t.advance(5.s()) lets time pass"),
    ("sleep", "t.advance(5.s()) lets time pass"),
    ("assert", "t.expect(x == 1, \"x is 1\") fails where it is not so"),
];

/// A word that no test knows, or that was given something else than it takes.
fn unknown_word(what: &str) -> Option<String> {
    let (name, given) = what.strip_prefix(NOT_FOUND)?.split_once(" (")?;
    let given =
        given.trim_end_matches(')').replace("&str | ImmutableString | String", "text").replace("i64", "a number");
    if WORDS.split_whitespace().any(|word| word == name) {
        let given = given.split_once(", ").map_or("nothing", |(_, given)| given);
        return Some(format!("{name} was given {given}, and takes something else: see docs/scripting.md"));
    }
    if let Some((_, meant)) = MEANT.iter().find(|(wrong, _)| *wrong == name) {
        return Some(format!("no test knows the word {name}; {meant}"));
    }
    let near = WORDS.split_whitespace().map(|word| (strsim::jaro_winkler(word, name), word));
    let nearest = near.filter(|(near, _)| *near > NEAR).max_by(|a, b| a.0.total_cmp(&b.0));
    let meant = nearest.map_or_else(String::new, |(_, word)| format!("; {word} was meant?"));
    Some(format!("no test knows the word {name}{meant}"))
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
