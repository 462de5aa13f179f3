//! What a call hands out of its journal at a time.

use serde::{Deserialize, Serialize};

use super::{entry::Entry, entry::What, id::CallId, record::Record};

/// Entries of one call in their order, and its record where a row of the call is to be opened or closed.
///
/// Writing one twice is writing it once: the call and the number of the first entry say which it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Whose.
    pub call: CallId,
    /// The number of the first entry that was noted for this batch, whether it is still in it or not.
    pub first: u32,
    /// The entries.
    pub entries: Vec<Entry>,
    /// The call's row as it is now: still open while the record has no outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<Record>>,
}

impl Batch {
    /// Bytes that it takes in memory, nearly.
    pub fn weight(&self) -> usize {
        let entries: usize = self.entries.iter().map(|entry| entry.what.weight()).sum();
        size_of::<Self>() + entries + self.record.as_ref().map_or(0, |record| record.weight())
    }

    /// Leaves the SIP messages out; gives back how many those were.
    pub fn leave_out_messages(&mut self) -> usize {
        self.leave_out(|what| matches!(what, What::Message { .. }))
    }

    /// Leaves out all that the call's row does not say already; gives back how many entries that were.
    pub fn leave_out_entries(&mut self) -> usize {
        self.leave_out(|_| true)
    }

    fn leave_out(&mut self, unwanted: impl Fn(&What) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|entry| !unwanted(&entry.what));
        self.entries.shrink_to_fit();
        before - self.entries.len()
    }
}
