//! How much a call may have of what a house may want more of, or less: the keys of `[limits]` that begin with `call_`.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::limits;

/// What a call may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Legs at once.
    pub legs: usize,
    /// Targets of one dial, with those that others sent it on to.
    pub targets: usize,
    /// Verbs under way at once.
    pub verbs: usize,
    /// Plays and recordings in the background at once.
    pub background: usize,
    /// Words that a program may say within [`limits::SPEECH`].
    pub words: u32,
    /// How often it is handed from one service to the next.
    pub services: u32,
    /// How many calls it may begin.
    pub begins: u8,
    /// How long its story may go on without any leg.
    pub alone: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            legs: limits::LEGS,
            targets: limits::TARGETS,
            verbs: limits::VERBS,
            background: limits::HANDLES,
            words: limits::WORDS,
            services: limits::SERVICES,
            begins: limits::BEGINS,
            alone: limits::LEGLESS,
        }
    }
}

impl Bounds {
    /// The key of [`Bounds::legs`], and what it may be: no more than a record has room for.
    pub const LEGS: (&str, RangeInclusive<usize>) = ("call_legs", 2..=crate::journal::MAX_LEGS);
    /// The same of [`Bounds::targets`].
    pub const TARGETS: (&str, RangeInclusive<usize>) = ("call_targets", 1..=1_000);
    /// The same of [`Bounds::verbs`].
    pub const VERBS: (&str, RangeInclusive<usize>) = ("call_verbs", 4..=1_000);
    /// The same of [`Bounds::background`].
    pub const BACKGROUND: (&str, RangeInclusive<usize>) = ("call_background", 1..=1_000);
    /// The same of [`Bounds::words`].
    pub const WORDS: (&str, RangeInclusive<usize>) = ("call_words", 100..=1_000_000);
    /// The same of [`Bounds::services`].
    pub const SERVICES: (&str, RangeInclusive<usize>) = ("call_services", 1..=1_000);
    /// The same of [`Bounds::begins`].
    pub const BEGINS: (&str, RangeInclusive<usize>) = ("call_begins", 1..=255);
    /// The same of [`Bounds::alone`].
    pub const ALONE: (&str, RangeInclusive<Duration>) =
        ("call_alone", Duration::from_secs(1)..=Duration::from_secs(24 * 3600));
}
