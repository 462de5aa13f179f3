//! What a script may use, each bound with its reason, and the key of `[limits]` in the configuration that says otherwise.

use std::time::Duration;

use crate::say::Language;

/// What a script may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations after which others have their turn: at 33 ns each, a tenth of a millisecond; some milliseconds where each second
    /// one hands on the largest list that there may be, which is copied. Where nobody else waits, the next turn is its own at once.
    pub slice: u64,
    /// Operations between two verbs after which a script is ended: a third of a second of one core where each is as cheap as can be,
    /// and a second and more where it handles texts and lists. No menu needs it.
    pub operations: u64,
    /// Calls of functions inside functions.
    pub levels: usize,
    /// How deep an expression may be put into others.
    pub depth: usize,
    /// The longest text, in bytes: an answer of a web server that is read.
    pub text: usize,
    /// The longest list, with the values of the lists inside it.
    pub list: usize,
    /// The largest map.
    pub map: usize,
    /// Bytes that one run of a function holds at once, whatever they are: answers of web servers and their pieces, read by a call
    /// in a hundred. A thousand calls that do their worst are eight gigabytes.
    pub memory: usize,
    /// Variables at once.
    pub variables: usize,
    /// Functions in a file.
    pub functions: usize,
    /// Modules that a service imports, with those that they import: a library of a house has a handful.
    pub modules: usize,
    /// The largest file, in bytes.
    pub file: usize,
    /// What waits for a side handler that is busy: what somebody presses in half a minute.
    pub waiting: usize,
    /// The longest that a script lets time pass in one word: a talk is over by then.
    pub sleep: Duration,
    /// What numbers and dates are spoken in where a script does not say.
    pub language: Language,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            slice: 3_000,
            operations: 10_000_000,
            levels: 32,
            depth: 64,
            text: 256 << 10,
            list: 2_000,
            map: 1_000,
            memory: 8 << 20,
            variables: 256,
            functions: 256,
            modules: 32,
            file: 256 << 10,
            waiting: 64,
            sleep: Duration::from_secs(4 * 3600),
            language: Language::English,
        }
    }
}

impl Limits {
    /// Operations that a function computes on when everybody has gone, before it is ended as by a word to one of them: what is made of a
    /// message that was left takes less, and nobody waits for more. Who outlives a leg has all of [`Limits::operations`].
    pub(crate) const IN_VAIN: u64 = 1_000_000;
    /// The key of [`Limits::operations`].
    pub const OPERATIONS: &str = "script_operations";
    /// The key of [`Limits::levels`].
    pub const LEVELS: &str = "script_levels";
    /// The key of [`Limits::depth`].
    pub const DEPTH: &str = "script_depth";
    /// The key of [`Limits::text`].
    pub const TEXT: &str = "script_text";
    /// The key of [`Limits::list`].
    pub const LIST: &str = "script_list";
    /// The key of [`Limits::map`].
    pub const MAP: &str = "script_map";
    /// The key of [`Limits::memory`].
    pub const MEMORY: &str = "script_memory";
    /// The key of [`Limits::variables`].
    pub const VARIABLES: &str = "script_variables";
    /// The key of [`Limits::functions`].
    pub const FUNCTIONS: &str = "script_functions";
    /// The key of [`Limits::modules`].
    pub const MODULES: &str = "script_modules";
    /// The key of [`Limits::file`].
    pub const FILE: &str = "script_file";
    /// The key of [`Limits::waiting`].
    pub const WAITING: &str = "script_waiting";
    /// The key of [`Limits::sleep`].
    pub const SLEEP: &str = "script_sleep";
}

/// Where a limit can be changed, in words behind it.
pub(crate) fn by(key: &str) -> String {
    format!(" ({key} in [limits])")
}
