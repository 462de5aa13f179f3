//! What the house asks of whoever keeps journals and records over a restart.
//!
//! The trait speaks in batches and records; the store knows no calls and this crate knows no SQL. A shelf may be slow or
//! away: nobody who waits for it is on the path of a call.

use std::time::SystemTime;

use super::{
    batch::Batch,
    entry::{Entry, What},
    id::CallId,
    outcome::Outcome,
    record::Record,
    stamps,
};
use crate::routing::{Shelved, Written};

/// Records in one page, at most.
pub const MAX_PAGE: usize = 500;

/// Which records are asked for: the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Only calls that began before this one; the newest otherwise.
    pub before: Option<CallId>,
    /// How many, up to [`MAX_PAGE`].
    pub most: usize,
}

/// One call with everything that is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Its record.
    pub record: Record,
    /// Its journal, in order.
    pub entries: Vec<Entry>,
}

impl Story {
    /// What ends it when the process that it went on in is gone: at its last sign of life, or that of the process, where that is
    /// known and later.
    pub fn interrupted(&self, alive: Option<SystemTime>) -> Batch {
        let call = self.record.call;
        let seen = Record::fold(call, &self.entries);
        let seen = seen.as_ref().filter(|seen| seen.entries >= self.record.entries).unwrap_or(&self.record);
        let number = seen.entries;
        let noted = self.entries.last().map_or_else(|| self.record.last_known(), |last| last.at);
        let alive = alive.and_then(|alive| alive.duration_since(self.record.began).ok()).unwrap_or_default();
        let at = stamps::whole_micros(noted.max(alive));
        let end = Entry { number, at, what: What::Ended(Outcome::Interrupted) };
        let folded = Record::fold(call, self.entries.iter().chain([&end]));
        let record = match folded {
            Some(record) if record.entries > number => record,
            // Its beginning is not kept: the row that was opened is all there is.
            _ => self.record.clone().interrupted(at),
        };
        Batch { call, first: number, entries: vec![end], record: Some(Box::new(record)) }
    }
}

/// Keeps journals and records.
pub trait RecordShelf: Send + Sync {
    /// Writes all of them, but for batches that the database refuses for what they hold. After an error all of it is to be
    /// tried again; writing what is written already changes nothing, and an open row never replaces a closed one.
    fn write_batches<'a>(&'a self, batches: &'a [Batch]) -> Shelved<'a, Written>;
    /// Calls whose row stands open, the eldest first, with what is kept of them.
    fn left_open(&self, most: usize) -> Shelved<'_, Vec<Story>>;
    /// One call; none when it is not known.
    fn story(&self, call: CallId) -> Shelved<'_, Option<Story>>;
    /// Records without their journals, the newest first.
    fn records(&self, page: Page) -> Shelved<'_, Vec<Record>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Fault, Journal, Rules, testing::*};

    /// A call that was answered, as it lies on the shelf when its process is killed.
    fn left_open() -> Story {
        let mut journal = Journal::begin(call(1), began(), Rules::default());
        for (at, what) in good_call().into_iter().take(7) {
            journal.note(s(at), what);
        }
        journal.note(s(50), What::Held(BOB));
        let batch = journal.drain().expect("a batch");
        Story { record: *batch.record.expect("an open row"), entries: batch.entries }
    }

    #[test]
    fn a_call_whose_process_died_ends_at_its_last_sign_of_life() {
        let story = left_open();
        let batch = story.interrupted(None);
        let record = batch.record.as_ref().expect("a record");
        assert_eq!((record.outcome, record.fault), (Some(Outcome::Interrupted), Some(Fault::Server)));
        assert_eq!((record.ended, record.talk), (Some(s(50)), s(43)));
        let all: Vec<_> = story.entries.iter().chain(&batch.entries).cloned().collect();
        assert_eq!(Record::fold(call(1), &all).as_ref(), Some(&**record));
    }

    #[test]
    fn a_call_went_on_as_long_as_its_process_is_known_to_have_lived() {
        let story = left_open();
        let ended = |alive| story.interrupted(Some(alive)).record.and_then(|record| record.ended);
        let began = story.record.began;
        assert_eq!(ended(began + s(80)), Some(s(80)));
        assert_eq!(ended(began + s(20)), Some(s(50)), "it is known to have lived longer itself");
        assert_eq!(ended(began - s(20)), Some(s(50)), "a sign of another day says nothing of it");
        let talk = story.interrupted(Some(began + s(80))).record.map(|record| record.talk);
        assert_eq!(talk, Some(s(73)), "they talked as long as it is known to have gone on");
    }

    #[test]
    fn a_row_without_its_journal_is_closed_by_what_it_says_itself() {
        let story = Story { entries: Vec::new(), ..left_open() };
        let record = story.interrupted(None).record.expect("a record");
        assert_eq!(
            (record.outcome, record.answered, record.ended),
            (Some(Outcome::Interrupted), Some(s(7)), Some(s(7)))
        );
        assert!(record.legs.iter().all(|leg| leg.ended == Some(s(7))));
    }
}
