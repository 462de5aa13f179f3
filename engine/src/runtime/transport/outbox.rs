//! The outbox: datagrams that wait until what came with them has been worked off.
//!
//! Datagrams arrive in batches. Sending each answer at once would run the kernel's code and ours in turn, each pushing the
//! other out of the processor's cache; so a shard works off a batch first and then says all of it. Nothing waits for
//! longer than that: a shard empties its outbox before it rests, and whenever it is full.

use bytes::Bytes;
use patchcord_sip::hop::Hop;
use patchcord_sip::transaction::Sender;

/// Datagrams that wait at most: what a batch brings about in plenty.
pub(crate) const LETTERS: usize = 64;

/// A datagram that has not been said yet.
pub(crate) struct Letter {
    pub hop: Hop,
    pub bytes: Bytes,
    /// Who has to hear when it cannot be said.
    pub sender: Sender,
}

/// See the module.
pub(crate) struct Outbox {
    letters: Vec<Letter>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { letters: Vec::with_capacity(LETTERS) }
    }
}

impl Outbox {
    /// Adds a letter. Tells whether the outbox is full now.
    pub fn put(&mut self, letter: Letter) -> bool {
        self.letters.push(letter);
        self.letters.len() >= LETTERS
    }

    /// Takes out all letters; [`Outbox::give_back`] takes the empty space again.
    pub fn take(&mut self) -> Vec<Letter> {
        std::mem::take(&mut self.letters)
    }

    /// Keeps the space of letters that have been sent.
    pub fn give_back(&mut self, mut space: Vec<Letter>) {
        space.clear();
        if self.letters.is_empty() {
            self.letters = space;
        }
    }
}
