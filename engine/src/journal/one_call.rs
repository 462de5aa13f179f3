//! The journal of one call while it goes on.
//!
//! Whoever owns the call notes what happens and takes batches out when they are due. What was taken out is forgotten here,
//! but for the record, which is folded as entries come. Past its bounds a journal keeps what the record needs, and then
//! only how legs and the call end; numbers go on all the same, so the gaps tell how much is missing.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    batch::Batch,
    entry::{Entry, LegNumber, Way, What},
    id::CallId,
    outcome::Outcome,
    party::Began,
    record::{Fold, Record},
    sip_text::SipText,
    stamps,
};

/// Entries of a call that are kept, whatever they are. An hour of a busy menu has some two thousand.
pub const MAX_ENTRIES: u32 = 20_000;

/// Bytes of a call that are kept. Two thousand SIP messages of the usual size, and all the rest.
pub const MAX_BYTES: usize = 4 << 20;

/// Entries that are kept because the record is made of them: quality told each five seconds on two legs for three days.
pub const MAX_NEEDED: u32 = 100_000;

/// Entries that wait before a batch is due: beyond, the call would keep what could lie on a disk.
const DUE_ENTRIES: usize = 64;

/// Time that entries wait before a batch is due by itself, whatever else is to be written.
const DUE_AGE: Duration = Duration::from_secs(30);

/// Bytes that wait before a batch is due.
const DUE_BYTES: usize = 32 << 10;

/// What a journal keeps beside what it always keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether the text of SIP messages is kept.
    pub messages: bool,
    /// Whether a MESSAGE keeps what it says.
    pub message_bodies: bool,
}

impl Default for Rules {
    /// Messages, and nothing of what people write to each other.
    fn default() -> Self {
        Self { messages: true, message_bodies: false }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Journal {
    /// Shared with whoever looks on, until it changes.
    fold: Arc<Fold>,
    /// How many entries there were when the last was kept.
    noted: u32,
    rules: Rules,
    waiting: Vec<Entry>,
    waiting_bytes: usize,
    /// The first number that no batch has been given.
    first: u32,
    next: u32,
    kept: u32,
    kept_bytes: usize,
    row: Row,
    /// Recordings that the call's row names.
    named: usize,
}

/// How a call stands, as whoever looks on keeps it.
#[derive(Debug)]
pub(crate) struct Standing {
    fold: Arc<Fold>,
    /// How many entries there were.
    pub noted: u32,
}

impl Standing {
    /// Its record, as far as it had come.
    pub fn record(&self) -> &Record {
        self.fold.record()
    }

    /// Its record so long after the call began, with the talk of those who talk.
    pub fn so_far(&self, at: Duration) -> Record {
        Record { entries: self.noted, ..Fold::clone(&self.fold).so_far(at) }
    }
}

/// What the store has been told of the call's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Unsaid,
    Opened,
    Answered,
}

impl Journal {
    /// That of a call which begins now: at offset zero of everything that is noted in it.
    pub fn begin(call: CallId, mut began: Began, rules: Rules) -> Self {
        let mut what = What::Began(Box::new(began.clone()));
        what.shorten();
        if let What::Began(short) = &what {
            began.clone_from(short);
        }
        let mut journal = Self {
            fold: Arc::new(Fold::begin(call, began)),
            noted: 0,
            rules,
            waiting: Vec::new(),
            waiting_bytes: 0,
            first: 0,
            next: 0,
            kept: 0,
            kept_bytes: 0,
            row: Row::Unsaid,
            named: 0,
        };
        journal.note(Duration::ZERO, what);
        journal
    }

    /// The call that it is of.
    pub fn call(&self) -> CallId {
        self.record().call
    }

    /// The record as it is by now; of the entries it counts those up to the last that changed it.
    pub fn record(&self) -> &Record {
        self.fold.record()
    }

    /// How the call came out, by what its legs say; whoever knows better ends it with another word.
    pub fn outcome(&self) -> Outcome {
        self.fold.outcome()
    }

    /// How the call stands, for whoever looks on.
    pub(crate) fn standing(&self) -> Standing {
        Standing { fold: self.fold.clone(), noted: self.noted }
    }

    /// Whether a batch should be taken out now: much waits, or the call's row is to be opened.
    pub fn is_due(&self) -> bool {
        let old = || match &self.waiting[..] {
            [first, .., last] => last.at.saturating_sub(first.at) >= DUE_AGE,
            _ => false,
        };
        self.waiting.len() >= DUE_ENTRIES
            || self.waiting_bytes >= DUE_BYTES
            || self.row_to_say() == Some(Row::Answered)
            || old()
    }

    /// Since when the eldest entry waits that was not taken out.
    pub fn waits_since(&self) -> Option<Duration> {
        self.waiting.first().map(|entry| entry.at)
    }

    /// Whether anything waits to be taken out.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Notes what happened, so long after the call began.
    pub fn note(&mut self, at: Duration, mut what: What) {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        what.shorten();
        let weight = what.weight();
        if !self.has_room_for(&what) {
            return;
        }
        let entry = Entry { number, at: stamps::whole_micros(at), what };
        self.noted = self.next;
        if entry.what.changes_the_fold() {
            Arc::make_mut(&mut self.fold).hear(&entry);
        }
        self.kept = self.kept.saturating_add(1);
        self.kept_bytes = self.kept_bytes.saturating_add(weight);
        self.waiting_bytes += weight;
        self.waiting.push(entry);
    }

    /// Notes a SIP message as it was on the wire.
    pub fn message(&mut self, at: Duration, leg: LegNumber, way: Way, bytes: &Bytes) {
        if self.rules.messages {
            let text = SipText::new(bytes, self.rules.message_bodies);
            self.note(at, What::Message { leg, way, text });
        }
    }

    /// What has been noted since the last time.
    pub fn drain(&mut self) -> Option<Batch> {
        let row = self.row_to_say();
        if self.waiting.is_empty() && row.is_none() {
            return None;
        }
        self.row = row.unwrap_or(self.row);
        self.named = self.record().recordings.len();
        let record = row.map(|_| Box::new(Record { entries: self.noted, ..self.record().clone() }));
        Some(self.batch(record))
    }

    /// The call is over: gives out all that is left, with the record. Legs that stand end with it. What is noted later, as
    /// when a phone repeats itself, is kept and changes the record no more; said again, this gives out only that.
    pub fn close(&mut self, at: Duration, outcome: Outcome) -> Option<Batch> {
        if self.record().outcome.is_some() {
            return self.drain();
        }
        self.note(at, What::Ended(outcome));
        self.row = Row::Answered;
        let record = Some(Box::new(self.record().clone()));
        Some(self.batch(record))
    }

    /// The same for a call that nothing can be noted of later.
    pub fn end(mut self, at: Duration, outcome: Outcome) -> Batch {
        self.close(at, outcome).expect("a call is ended once")
    }

    fn batch(&mut self, record: Option<Box<Record>>) -> Batch {
        let first = std::mem::replace(&mut self.first, self.next);
        self.waiting_bytes = 0;
        // Its memory goes with it: a call that only talks needs none.
        Batch { call: self.call(), first, entries: std::mem::take(&mut self.waiting), record }
    }

    fn row_to_say(&self) -> Option<Row> {
        match (self.row, self.record().answered) {
            (Row::Unsaid | Row::Opened, Some(_)) => Some(Row::Answered),
            (Row::Unsaid, None) => Some(Row::Opened),
            // A file that no row names is found by nobody when the process is killed.
            (Row::Answered, Some(_)) if self.record().recordings.len() > self.named => Some(Row::Answered),
            (Row::Opened | Row::Answered, _) => None,
        }
    }

    fn has_room_for(&self, what: &What) -> bool {
        let room = self.kept < MAX_ENTRIES && self.kept_bytes < MAX_BYTES;
        let needed = || what.is_for_record() && self.kept < MAX_NEEDED;
        // Each leg of the record ends once, so these are few.
        room || needed() || (what.is_an_end() && self.fold.awaits(what))
    }
}

#[cfg(test)]
mod tests;
