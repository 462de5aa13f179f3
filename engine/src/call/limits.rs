//! What a call may have and how long it may wait: each bound with its reason. Those of [`Bounds`](super::Bounds) are what is so where a
//! configuration says nothing; all others are fixed.

use std::time::Duration;

/// Legs at once. A hunt group of all phones of an office floor; more is a room's or a queue's matter.
pub const LEGS: usize = 32;

/// Verbs under way at once. One on each leg and as many in side handlers.
pub const VERBS: usize = 64;

/// Targets of one dial, with those that others sent it on to: each leg of a call once, and once again for where it was sent.
pub const TARGETS: usize = 64;

/// Plays and recordings in the background at once: two on each leg.
pub const HANDLES: usize = 64;

/// Keys that wait on a leg for a gather: more than a card's number with its date, as script-api promises.
pub const KEYS: usize = 32;

/// Happenings that wait for a program that computes. What somebody presses in half a minute; what comes then is noted as
/// not told. Results and ends of legs always wait: they are bounded by verbs and legs.
pub const HAPPENINGS: usize = 64;

/// Calls that one call may begin: a round of a small team.
pub const BEGINS: u8 = 32;

/// How often a target may send us elsewhere (3xx): as many as any honest chain of forwards has.
pub const REDIRECTS: u8 = 5;

/// How many steps a program takes before others have their turn: a step costs microseconds, so this is below a millisecond.
pub const STEPS: u32 = 64;

/// What the program has left after its story and the last leg have ended, as script-api promises to `on_bye`.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long a story may go on without any leg: time to send what was recorded, and to try again.
pub const LEGLESS: Duration = Duration::from_secs(600);

/// How long a line may take to tell its end: a CANCEL that waits for a first response and then for the last one takes twice
/// the 32 s of a transaction.
pub const LAST_WORD: Duration = Duration::from_secs(70);

/// The longest recording of a talk that was dialled: a day, as of any other one in the background.
pub const TALK_RECORDED: Duration = Duration::from_secs(24 * 3600);

/// How long a recording may take to be closed after it was stopped or its leg has gone: a disk that is busy.
pub const CLOSING: Duration = Duration::from_secs(5);

/// How long a party's phone may take with a transfer that we asked it for: it rings elsewhere meanwhile.
pub const REFERRED: Duration = Duration::from_secs(180);

/// How long the target of a transfer that a party asked for rings: as long as a person waits for an answer.
pub const TRANSFER_RING: Duration = Duration::from_secs(60);

/// How long a leg may take to come from another call: that call is on the same machine.
pub const HANDOVER: Duration = Duration::from_secs(5);

/// How much longer than it is held a key may take to be sent.
pub const KEY_SENT: Duration = Duration::from_secs(5);

/// The longest that somebody leans on a key of a gather before it counts as nothing.
pub const KEY_HELD: Duration = Duration::from_secs(10);

/// How long the key that ends an answer is still a part of it after the last digit that there could be: as long as fingers take that
/// were told to press it. What asks with a shorter gap between two keys waits no longer than that.
pub const LATE_END: Duration = Duration::from_secs(3);

/// How long a program may wait for an errand: longer than any web server that still helps a caller.
pub const ERRAND: Duration = Duration::from_secs(120);

/// How often a call is handed from one service to the next: a menu, a queue, a mailbox and back, and as much again. Two services
/// that hand it to each other for ever are told apart by this.
pub const SERVICES: u32 = 32;

/// Words that a program may say within [`SPEECH`]: a prompt for each second of a day would take an hour of them. What says more is
/// a loop whose words all end at once, as a dial to somebody who is not registered.
pub const WORDS: u32 = 5_000;

/// Over how long words are counted.
pub const SPEECH: Duration = Duration::from_secs(10);

/// How often a program is told that it speaks too fast before nobody listens any more: its story, its own apology, and a handler beside it.
pub const WARNINGS: u32 = 3;
