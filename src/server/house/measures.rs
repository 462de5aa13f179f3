//! What is counted of calls and of what they leave, for `/metrics`.

use std::sync::atomic::Ordering::Relaxed;

use patchcord_engine::switchboard::Switchboard;
use patchcord_web::metrics::Exposition;

/// How writing calls goes.
pub(super) fn calls(board: &Switchboard, page: &mut Exposition) {
    let calls = &board.calls_tally;
    page.gauge("calls", "Calls there are", board.calls.count().into());
    page.gauge("legs", "Legs of calls that stand", calls.legs.load(Relaxed).try_into().unwrap_or_default());
    page.counter("calls_begun", "Calls that began", calls.begun.load(Relaxed));
    page.counter(
        "leaked_legs",
        "Legs that outlived their calls; more than 0 is a bug",
        calls.leaked_legs.load(Relaxed),
    );
    page.counter("calls_refused_unkept", "Refused calls that left no record of their own", calls.unkept.all());
    let clerk = &board.clerk;
    let tally = &clerk.tally;
    let waiting = clerk.waiting_bytes() as u64 + tally.held_bytes.load(Relaxed);
    page.gauge("journal_waiting_bytes", "Bytes of calls that are neither written nor spooled yet", waiting);
    page.gauge("journal_spool_bytes", "Bytes of calls that lie in the spool", tally.spool_bytes.load(Relaxed));
    page.gauge("journal_spool_aside", "Files of the spool that nobody can read", tally.spool_aside.load(Relaxed));
    for (name, help, counter) in [
        ("journal_batches", "Pieces of journals that calls left", &tally.taken),
        ("journal_batches_written", "Pieces of journals that reached the store", &tally.written),
        ("journal_batches_spooled", "Pieces of journals that were spooled", &tally.spooled),
        ("journal_batches_refused", "Pieces of journals left out for what they hold", &tally.refused),
        ("journal_messages_left_out", "SIP messages left out because too much waited", &tally.messages_left_out),
        ("journal_entries_left_out", "Entries left out because too much waited", &tally.entries_left_out),
        (
            "journal_spool_damaged",
            "Places of the spool where something else stood than what was written",
            &tally.spool_damaged,
        ),
        ("calls_interrupted", "Calls that an earlier process left open", &tally.interrupted),
    ] {
        page.counter(name, help, counter.load(Relaxed));
    }
}
