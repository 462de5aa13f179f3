//! Where calls leave their batches, and whoever writes them picks them up.
//!
//! One for all shards, without a lock: leaving a batch never waits. What waits here is bounded in bytes, and gives way in
//! steps: first SIP messages are left out, then whatever is not in the record. Records are never left out; when even they
//! are too many, [`Clerk::is_full`] says so, and the door takes no new calls until it is over. So the most that waits is what
//! the calls under way can still leave.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

use crossbeam_queue::SegQueue;

use super::batch::Batch;

/// Bytes that may wait with everything in them: some five thousand calls, more than a busy server ends in two seconds.
pub const MESSAGES_UNTIL: usize = 64 << 20;

/// Bytes that may wait without SIP messages.
pub const ENTRIES_UNTIL: usize = 96 << 20;

/// Bytes at which no new call is taken: beyond, only records wait, two kilobytes a call.
pub const FULL: usize = 128 << 20;

/// See the module.
#[derive(Debug, Default)]
pub struct Clerk {
    waiting: SegQueue<Batch>,
    bytes: AtomicUsize,
    /// What was left, and what was left out.
    pub tally: ClerkTally,
}

/// What became of what calls left, for those who watch.
#[derive(Debug, Default)]
pub struct ClerkTally {
    /// Batches that calls left.
    pub taken: AtomicU64,
    /// SIP messages that were left out because too much waited.
    pub messages_left_out: AtomicU64,
    /// Other entries that were left out because too much waited.
    pub entries_left_out: AtomicU64,
    /// Batches that reached the store.
    pub written: AtomicU64,
    /// Batches that were spooled because the store was away.
    pub spooled: AtomicU64,
    /// Batches that the store would not take for what they hold, or that could not be read from the spool.
    pub refused: AtomicU64,
    /// Bytes that were taken to be written, and lie nowhere yet.
    pub held_bytes: AtomicU64,
    /// Whether the spool took nothing when it was asked last, so that what is held lies in memory alone.
    pub unspooled: AtomicBool,
    /// Bytes that lie in the spool now.
    pub spool_bytes: AtomicU64,
    /// Places of the spool where something else stood than what was written there.
    pub spool_damaged: AtomicU64,
    /// Files of the spool that were put aside: none of ours, or damaged.
    pub spool_aside: AtomicU64,
    /// Calls that an earlier process left open, and that were closed as interrupted.
    pub interrupted: AtomicU64,
}

impl Clerk {
    /// Takes a batch to be written; at once, whatever the store does.
    pub fn take(&self, mut batch: Batch) {
        let waiting = self.bytes.load(Relaxed);
        if waiting >= MESSAGES_UNTIL {
            count(&self.tally.messages_left_out, batch.leave_out_messages());
        }
        if waiting >= ENTRIES_UNTIL {
            count(&self.tally.entries_left_out, batch.leave_out_entries());
        }
        if batch.entries.is_empty() && batch.record.is_none() {
            return;
        }
        count(&self.tally.taken, 1);
        self.bytes.fetch_add(batch.weight(), Relaxed);
        self.waiting.push(batch);
    }

    /// Whether so much waits that no new call should be taken.
    pub fn is_full(&self) -> bool {
        self.bytes.load(Relaxed) >= FULL
    }

    /// Bytes that wait, nearly.
    pub fn waiting_bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// Batches that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The eldest batches, for whoever writes them.
    pub fn hand_out(&self, most: usize) -> Vec<Batch> {
        let batches: Vec<Batch> = std::iter::from_fn(|| self.waiting.pop()).take(most).collect();
        self.bytes.fetch_sub(batches.iter().map(Batch::weight).sum(), Relaxed);
        batches
    }
}

fn count(counter: &AtomicU64, more: usize) {
    if more > 0 {
        counter.fetch_add(more as u64, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::journal::{Journal, Outcome, Rules, Way, What, testing::*};

    /// A call with a good deal of messages.
    fn long_call() -> Journal {
        let mut journal = Journal::begin(call(1), began(), Rules::default());
        journal.note(s(0), leg(ALICE));
        for _ in 0..60 {
            journal.message(s(0), ALICE, Way::Theirs, &Bytes::from_static(&[b'x'; 8000]));
        }
        journal
    }

    #[test]
    fn what_waits_gives_way_step_by_step_and_records_never_do() {
        let clerk = Clerk::default();
        let mut left = 0;
        while !clerk.is_full() {
            let mut journal = long_call();
            clerk.take(journal.drain().expect("a batch"));
            (0..200).for_each(|_| journal.note(s(1), What::Held(ALICE)));
            clerk.take(journal.end(s(1), Outcome::Answered));
            left += 1;
        }
        assert!(clerk.waiting_bytes() < FULL + (1 << 20), "{}", clerk.waiting_bytes());
        let mut records = 0;
        let mut shapes = Vec::new();
        while let [batch] = &clerk.hand_out(1)[..] {
            records += usize::from(batch.record.as_ref().is_some_and(|record| record.outcome.is_some()));
            let messages = batch.entries.iter().any(|entry| matches!(entry.what, What::Message { .. }));
            let shape = (messages, !batch.entries.is_empty());
            if batch.first == 0 && shapes.last() != Some(&shape) {
                shapes.push(shape);
            }
        }
        assert_eq!(shapes, [(true, true), (false, true), (false, false)]);
        assert_eq!((records, clerk.waiting_bytes()), (left, 0));
        assert!(clerk.tally.messages_left_out.load(Relaxed) > 0 && clerk.tally.entries_left_out.load(Relaxed) > 0);
    }
}
