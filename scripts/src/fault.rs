//! What went wrong in a script, and where: `ivr.rhai:12:5: …`.

use rhai::{EvalAltResult, LexError, ParseError, ParseErrorType, Position};

use crate::fell;
use crate::limits::{Limits, by};
use crate::meant::meant;
use crate::scene::Unwound;
use crate::told;

/// What is said where a function holds what its own word was said to.
const RACE: &str =
    "a function that is given to a word of a leg uses that leg itself; let it take the leg, as |leg| leg.tag(…)";

/// A fault of a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{what}", place(.file, .line, .column), if *.is_doubtful { "a warning: " } else { "" })]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line, from 1; `None` where it is about the whole file.
    pub line: Option<usize>,
    /// The column, from 1.
    pub column: Option<usize>,
    /// What was wrong.
    pub what: String,
    /// Whether it may be meant so: whoever wrote it is told, and the script is served all the same.
    pub is_doubtful: bool,
}

fn place(file: &str, line: &Option<usize>, column: &Option<usize>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!("{file}:{line}:{column}: "),
        (Some(line), None) => format!("{file}:{line}: "),
        (None, _) => format!("{file}: "),
    }
}

impl Fault {
    /// About a whole file.
    pub fn of_file(file: &str, what: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, column: None, what: what.into(), is_doubtful: false }
    }

    /// At a place.
    pub fn at(file: &str, at: Position, what: impl Into<String>) -> Self {
        Self { line: at.line(), column: at.position(), ..Self::of_file(file, what) }
    }

    /// The same, where it may be meant so.
    #[must_use]
    pub fn doubtful(self) -> Self {
        Self { is_doubtful: true, ..self }
    }

    /// A text that is no script.
    pub fn of_parsing(file: &str, text: &str, error: &ParseError) -> Self {
        let what = match error.err_type() {
            // Only tests are without it.
            ParseErrorType::Reserved(word) if word == "import" => {
                "a test imports nothing: it meets services as callers do, as in t.phone(\"+33612345678\").dials(\"100\"), and what it needs \
                 besides is written into its file"
                    .into()
            }
            ParseErrorType::Reserved(word) => format!("`{word}` is a word of the language; name it otherwise"),
            ParseErrorType::BadInput(LexError::MalformedChar(text)) => {
                format!("'{text}' is no single letter; a text has double quotes")
            }
            ParseErrorType::ExprTooDeep => {
                format!("an expression is put too deep into others{}; give a part of it a name", by(Limits::DEPTH))
            }
            ParseErrorType::MismatchedType(wanted, given) if wanted.contains("iterable") => {
                format!("a for goes over a list, over numbers as in 1..=3, or over a text, and this is {given}")
            }
            ParseErrorType::MismatchedType(wanted, given) if wanted.contains("boolean") => {
                format!("this decides, and is {given}, not true or false; compare it with something")
            }
            ParseErrorType::DuplicatedProperty(name) => format!("`{name}` is there twice"),
            ParseErrorType::TooManyFunctions => format!("it has too many functions{}", by(Limits::FUNCTIONS)),
            other => other.to_string(),
        };
        let what = meant(text, error).unwrap_or(what);
        Self::at(file, error.position(), what)
    }

    /// An error of a script that ran within these limits; `texts` are those of the files in which it may have arisen.
    pub fn of_running(limits: &Limits, file: &str, texts: Texts<'_>, error: &EvalAltResult) -> Self {
        let (file, innermost, called) = innermost(file, error, Position::NONE);
        // A limit that is met within something of Rhai's own is told by the line that called it.
        let at = if innermost.position().is_none() { called } else { innermost.position() };
        let at = match innermost {
            EvalAltResult::ErrorTerminated(token, _) => match token.read_lock::<Unwound>().as_deref() {
                Some(Unwound::TooFast(_, place)) => place.or_else(at),
                _ => at,
            },
            _ => at,
        };
        let fell = if innermost.is_system_exception() { fell::take() } else { None };
        let what = match innermost {
            EvalAltResult::ErrorTerminated(token, _) => match token.read_lock::<Unwound>().as_deref() {
                Some(Unwound::Budget(used)) => {
                    let limit = by(Limits::OPERATIONS);
                    format!(
                        "it computed {used} operations without saying anything to the call, which is the limit{limit}"
                    )
                }
                Some(Unwound::Memory) => {
                    format!("it holds more than {} MB, which is the limit{}", limits.memory >> 20, by(Limits::MEMORY))
                }
                Some(Unwound::TooFast(what, _)) => what.clone(),
                _ => "it was ended".into(),
            },
            EvalAltResult::ErrorDataRace(..) => RACE.into(),
            EvalAltResult::ErrorDataTooLarge(what, _) => too_large(limits, what),
            EvalAltResult::ErrorStackOverflow(_) => {
                format!("functions call each other more than {} deep{}", limits.levels, by(Limits::LEVELS))
            }
            EvalAltResult::ErrorTooManyVariables(_) => {
                format!("there are more than {} variables at once{}", limits.variables, by(Limits::VARIABLES))
            }
            other => {
                let row = other.position().line().and_then(|line| texts(&file)?.lines().nth(line.checked_sub(1)?));
                told::in_words(other, row).unwrap_or_else(|| bare(other))
            }
        };
        match fell {
            Some(fell) if fell.is_exact => Self::at(&fell.file, fell.at, what),
            Some(fell) => Self::at(&fell.file, fell.at, what + "; it was met in the function that begins here"),
            None => Self::at(&file, at, what),
        }
    }
}

/// Which text a file has, where that is known.
pub type Texts<'a> = &'a dyn Fn(&str) -> Option<&'a str>;

/// A value has outgrown its limit, which is named.
fn too_large(limits: &Limits, what: &str) -> String {
    let (most, key) = match what {
        _ if what.contains("string") => (format!("{} bytes of text", limits.text), Limits::TEXT),
        _ if what.contains("map") => {
            (format!("{} values in a map, with those of the maps inside it", limits.map), Limits::MAP)
        }
        _ => (format!("{} values in a list, with those of the lists inside it", limits.list), Limits::LIST),
    };
    format!("{what} too large: there may be {most}{}", by(key))
}

/// The error where it arose, in which file, and where the last function was called that is known.
fn innermost<'a>(file: &str, error: &'a EvalAltResult, called: Position) -> (String, &'a EvalAltResult, Position) {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, source, inner, at) => {
            innermost(if source.is_empty() { file } else { source }, inner, at.or_else(called))
        }
        other => (file.to_owned(), other, called),
    }
}

/// What Rhai says, without the place.
fn bare(error: &EvalAltResult) -> String {
    let text = error.to_string();
    text.strip_suffix(&format!(" ({})", error.position())).unwrap_or(&text).to_owned()
}

/// What is caught in a file of that text: a fault of the language as a text, as those of words are; what is no fault, or is never caught, as
/// it was.
pub(crate) fn caught((file, text): (&str, &str), error: Box<EvalAltResult>) -> Box<EvalAltResult> {
    if error.is_pseudo_error() || !error.is_catchable() {
        return error;
    }
    let (whose, inner, _) = innermost(file, &error, Position::NONE);
    let at = inner.position();
    let row = at.line().filter(|_| whose == file).and_then(|line| text.lines().nth(line.checked_sub(1)?));
    match inner {
        EvalAltResult::ErrorRuntime(..) => error,
        EvalAltResult::ErrorDataRace(..) => EvalAltResult::ErrorRuntime(RACE.into(), at).into(),
        inner => {
            let what = told::in_words(inner, row).unwrap_or_else(|| bare(inner));
            EvalAltResult::ErrorRuntime(what.into(), at).into()
        }
    }
}
