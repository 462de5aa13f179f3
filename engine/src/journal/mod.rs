//! What a call leaves behind: its journal while it goes on, its record when it is over.
//!
//! ```text
//! Entry        one line: a message, an event, a verb and its result, a notice of the sound; on one clock
//! SipText      the text of a SIP message, which nobody gets with its secrets in it
//! Journal      one call's entries, bounded, handed out in batches as they grow
//! Record       the fold over the entries: legs, times, outcome, who ended it and whose fault
//! Batch        what is handed out: entries, and the record where a row of the call is to be opened or closed
//! sentence     what happened, as a person would tell it
//! wording      its lines in words
//! ladder       who sent which SIP message to whom, drawn for a terminal
//! Clerk        where all calls leave their batches, for whoever writes them
//! RecordShelf  what the store must be able to keep and to find again
//! ```
//!
//! Nothing here waits, reads a clock, opens a file or knows what a script is. Whoever owns a call notes what happens and
//! passes the batches on; who writes them, and when, is not this room's business.

mod batch;
mod clerk;
mod entry;
mod facts;
mod id;
mod ladder;
mod leg;
mod masking;
mod one_call;
mod outcome;
mod party;
mod passing;
mod quality;
mod record;
mod sentence;
mod shelf;
mod sip_text;
mod stamps;
#[cfg(test)]
pub(crate) mod testing;
mod wording;

pub use batch::Batch;
pub use clerk::{Clerk, ClerkTally, ENTRIES_UNTIL, FULL, MESSAGES_UNTIL};
pub use entry::{By, Cause, Direction, Entry, LegBegan, LegNumber, Notice, Verb, VerbNumber, Way, What};
pub use facts::{Facts, MAX_FACTS, MAX_TEXT};
pub use id::{CallId, NoCallId};
pub use ladder::{MAX_STEPS, label, ladder};
pub use leg::{LegRecord, RoomStay};
pub use masking::SECRET_KEY;
pub(crate) use one_call::Standing;
pub use one_call::{Journal, MAX_BYTES, MAX_ENTRIES, MAX_NEEDED, Rules};
pub use outcome::{Fault, Outcome};
pub use party::{Account, Began, Party};
pub use passing::{Forwarded, PassedBy, PassedOn};
pub use quality::{Hearing, Quality, QualitySample, Track};
pub use record::{
    GOES_ON, KEY_TAKEN, MAX_LEGS, MAX_PASSED, MAX_RECORDINGS, MAX_TAGS, Record, STORY_ENDED, THROWN_AWAY,
};
pub use sentence::{claimed, clean, long, lowered, sentence, shown, turns};
pub use shelf::{MAX_PAGE, Page, RecordShelf, Story};
pub use sip_text::{MAX_SIP_TEXT, SipText};
pub use wording::{ended, line, moment, words};

/// What messages travel by: a word of every leg's record.
pub use patchcord_sip::hop::Transport;
