//! What a simulated house may have, and how long it waits: each bound with its reason. A test that reaches one is told which.

use std::time::Duration;

/// Calls at once: ten times those of a busy hour of the largest site that anybody tests a script for.
pub const CALLS: usize = 10_000;

/// Phones and endpoints of one test: two for each call at once.
pub const PARTIES: usize = 20_000;

/// Calls of one test, those that are over with the others: their records are kept until it ends.
pub const STORIES: u64 = 20_000;

/// How long a test may take, for whoever waits for it: a thousand times what a usual one does.
pub const LONGEST: Duration = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 10 });

/// Legs that have gone and of which a call knows still whose they were, the latest: as many as in the real house.
pub const PARTED: usize = 32;

/// Lines of the tale that are kept, the last ones: what fits into a log that somebody reads.
pub const LINES: usize = 5_000;

/// Sounds that a phone remembers: what is played in a day of waiting.
pub const SOUNDS: usize = 10_000;

/// Things that happen without the clock moving. Beyond it two scripts answer each other for ever.
pub const AT_ONCE: u32 = 100_000;

/// How long an expectation waits for what it expects. Who waits longer says `advance` first.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// How far the clock may be moved at once: a year, for tests of holidays.
pub const FARTHEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// How long calls may go on after everybody has hung up: longer than any patience of the engine.
pub const REST: Duration = Duration::from_secs(3600);

/// Letters, stored values and requests of one test.
pub const KEPT: usize = 10_000;

/// How long a key is held, and the rest between two: what fingers do.
pub const KEY: Duration = Duration::from_millis(100);

/// How long a prompt is whose file is not there, or does not say.
pub const PROMPT: Duration = Duration::from_secs(2);

/// How long an endpoint takes from its answer to the key that it presses then.
pub const THOUGHT: Duration = Duration::from_secs(1);
