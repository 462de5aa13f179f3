//! What the house asks of whoever keeps journals and records over a restart.
//!
//! The trait speaks in batches and records; the store knows no calls and this crate knows no SQL. A shelf may be slow or
//! away: nobody who waits for it is on the path of a call.

use super::{batch::Batch, entry::Entry, id::CallId, record::Record};
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

/// Keeps journals and records.
pub trait RecordShelf: Send + Sync {
    /// Writes all of them, but for batches that the database refuses for what they hold. After an error all of it is to be
    /// tried again; writing what is written already changes nothing, and an open row never replaces a closed one.
    fn write_batches<'a>(&'a self, batches: &'a [Batch]) -> Shelved<'a, Written>;
    /// Calls whose row stands open, the eldest first.
    fn open_calls(&self, most: usize) -> Shelved<'_, Vec<CallId>>;
    /// One call; none when it is not known.
    fn story(&self, call: CallId) -> Shelved<'_, Option<Story>>;
    /// Records without their journals, the newest first.
    fn records(&self, page: Page) -> Shelved<'_, Vec<Record>>;
}
