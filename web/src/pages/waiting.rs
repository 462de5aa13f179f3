//! What a list of the database does not have yet, because the database takes nothing now: told in one line above the list.

use std::sync::atomic::Ordering::Relaxed;

use maud::{Markup, html};
use patchcord_engine::journal::{Entry, Record};

use super::Rooms;

/// That newer calls wait, where they do.
pub fn calls(rooms: &Rooms) -> Markup {
    let tally = &rooms.accounts.board().clerk.tally;
    // What was taken a moment ago and is being written waits for nothing.
    let in_memory = tally.held_bytes.load(Relaxed) > 0 && tally.unspooled.load(Relaxed);
    let waits = tally.spool_bytes.load(Relaxed) > 0 || in_memory;
    line(waits, "Newer calls are missing here: the database takes nothing now. They wait, and stand here once it does.")
}

/// That nothing stands there yet of what a call noted which goes on.
pub fn journal(record: &Record, entries: &[Entry]) -> Markup {
    let waits = record.outcome.is_none() && entries.is_empty();
    line(
        waits,
        "What this call noted is missing here: the database has not taken it yet. It waits, and stands here once it does.",
    )
}

/// The same of what was done.
pub fn deeds(rooms: &Rooms) -> Markup {
    let waits = rooms.people.deeds_waiting() > 0;
    line(
        waits,
        "What was done last is missing here: the database takes nothing now. It waits, and stands here once it does.",
    )
}

fn line(waits: bool, words: &str) -> Markup {
    html! { @if waits { p.flash.warn role="status" { (words) } } }
}
