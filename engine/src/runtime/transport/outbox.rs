//! The outbox: datagrams that wait until what came with them has been worked off.
//!
//! Datagrams arrive in batches. Sending each answer at once would run the kernel's code and ours in turn, each pushing the
//! other out of the processor's cache; so a shard works off a batch first and then says all of it. Nothing waits for
//! longer than that: a shard empties its outbox before it rests, and whenever it is full.
//!
//! Datagrams of one size to one peer leave together where the system can cut them apart again ([`Outbox::run`]): a trunk
//! that carries hundreds of calls is such a peer, and most of a datagram's price is the way through the system.

use bytes::Bytes;
use patchcord_sip::hop::Hop;
use patchcord_sip::transaction::Sender;

/// Datagrams that wait at most: what a batch brings about in plenty.
pub(crate) const LETTERS: usize = 64;

/// The longest datagram that leaves together with others: it fits through every network, so that none of them would have
/// to be cut into fragments.
const JOINED: usize = 1200;

/// The bytes that leave together at most: the system takes them as if they were one datagram.
const JOINED_TOGETHER: usize = 60_000;

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

    /// Of the letters that wait, as bits: the first, and those to the same peer that may leave with it. Nothing overtakes
    /// another letter to the same peer.
    pub fn run(letters: &[Letter], waiting: u64) -> u64 {
        let first = waiting.trailing_zeros() as usize;
        let mut run = 1 << first;
        let Letter { hop, bytes, .. } = &letters[first];
        if bytes.len() > JOINED {
            return run;
        }
        let mut room = JOINED_TOGETHER - bytes.len();
        for (place, letter) in letters.iter().enumerate().skip(first + 1) {
            if waiting & 1 << place == 0 || letter.hop != *hop {
                continue;
            }
            if letter.bytes.len() != bytes.len() || room < bytes.len() {
                break;
            }
            room -= bytes.len();
            run |= 1 << place;
        }
        run
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

#[cfg(test)]
mod tests {
    use patchcord_sip::hop::{FlowId, Transport};

    use super::*;

    fn letter(peer: u16, size: usize) -> Letter {
        let at = |port| ([127, 0, 0, 1], port).into();
        let hop = Hop { transport: Transport::Udp, flow: FlowId(1), local: at(5060), peer: at(peer) };
        Letter { hop, bytes: vec![b'x'; size].into(), sender: Sender::Nobody }
    }

    fn runs(letters: &[Letter]) -> Vec<u64> {
        let mut waiting = u64::MAX >> (LETTERS - letters.len());
        std::iter::from_fn(|| {
            let run = (waiting != 0).then(|| Outbox::run(letters, waiting))?;
            waiting &= !run;
            Some(run)
        })
        .collect()
    }

    #[test]
    fn letters_of_one_size_to_one_peer_leave_together() {
        let letters = [letter(7, 300), letter(8, 300), letter(7, 300), letter(8, 400), letter(7, 300)];
        assert_eq!(runs(&letters), [0b10101, 0b00010, 0b01000]);
    }

    #[test]
    fn no_letter_overtakes_another_to_the_same_peer() {
        let letters = [letter(7, 300), letter(7, 500), letter(7, 300), letter(7, 300)];
        assert_eq!(runs(&letters), [0b0001, 0b0010, 0b1100]);
    }

    #[test]
    fn long_letters_go_alone_and_a_full_outbox_is_one_run() {
        assert_eq!(runs(&[letter(7, 1201), letter(7, 1201)]), [0b01, 0b10]);
        let full: Vec<_> = (0..LETTERS).map(|_| letter(7, 400)).collect();
        assert_eq!(runs(&full), [u64::MAX]);
        let heavy: Vec<_> = (0..LETTERS).map(|_| letter(7, 1200)).collect();
        assert_eq!(runs(&heavy), [u64::MAX >> 14, u64::MAX << 50]);
    }
}
