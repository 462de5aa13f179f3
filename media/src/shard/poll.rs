//! Waits for sockets, the slot clock and the bell of a media thread.
//!
//! A thin face over epoll: it says who may read, and reads nothing itself.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// Events taken at once; more wait in the kernel and cost one more call.
const BATCH: usize = 256;

/// Who a descriptor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// The slot clock.
    Clock,
    /// The ring of commands.
    Commands,
    /// The RTP socket of the port at this place of the slab, in its generation.
    Rtp(Place),
    /// Its RTCP socket.
    Rtcp(Place),
    /// The socket of this number that browsers share.
    Gate(u32),
}

/// A place in the slab, and which of its tenants is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where.
    pub index: u32,
    /// The how-manieth tenant; 24 bits of it.
    pub generation: u32,
}

const KIND_BITS: u64 = 8;
const INDEX_BITS: u64 = 32;

impl Token {
    fn pack(self) -> u64 {
        let place = |kind: u64, place: Place| {
            (u64::from(place.generation) << (INDEX_BITS + KIND_BITS)) | (u64::from(place.index) << KIND_BITS) | kind
        };
        match self {
            Self::Clock => 0,
            Self::Commands => 1,
            Self::Rtp(at) => place(2, at),
            Self::Rtcp(at) => place(3, at),
            Self::Gate(number) => place(4, Place { index: number, generation: 0 }),
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "the bits are taken apart as they were put together")]
    fn unpack(bits: u64) -> Self {
        let place = Place { index: (bits >> KIND_BITS) as u32, generation: (bits >> (INDEX_BITS + KIND_BITS)) as u32 };
        match bits & 0xff {
            0 => Self::Clock,
            1 => Self::Commands,
            2 => Self::Rtp(place),
            3 => Self::Rtcp(place),
            _ => Self::Gate(place.index),
        }
    }
}

/// The descriptors of one thread.
pub struct Poll(OwnedFd);

/// What one wait brought. Stays on its thread.
pub struct Events(Vec<Event>);

impl Events {
    /// Room for what one wait can bring.
    #[must_use]
    pub fn new() -> Self {
        Self(Vec::with_capacity(BATCH))
    }

    /// Who may read, by number below what [`Poll::wait`] said.
    #[must_use]
    pub fn who(&self, number: usize) -> Token {
        Token::unpack(self.0[number].data.u64())
    }
}

impl Poll {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// When the system gives no descriptor.
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Tells when the descriptor may be read, again and again until it was.
    ///
    /// # Errors
    /// When the system refuses; it runs out of watches.
    pub fn watch(&self, descriptor: impl AsFd, token: Token) -> io::Result<()> {
        Ok(epoll::add(&self.0, descriptor, EventData::new_u64(token.pack()), EventFlags::IN)?)
    }

    /// Tells no more of it. A descriptor that is closed is forgotten by itself, unless it was duplicated.
    pub fn forget(&self, descriptor: impl AsFd) {
        // It was watched; if it was not, the wish is fulfilled already.
        let _ = epoll::delete(&self.0, descriptor);
    }

    /// Waits until somebody may read, and says how many.
    ///
    /// # Errors
    /// When the system cannot wait.
    pub fn wait(&self, events: &mut Events) -> io::Result<usize> {
        events.0.clear();
        match epoll::wait(&self.0, spare_capacity(&mut events.0), None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(events.0.len()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::ring::Bell;

    #[test]
    fn a_token_comes_back_as_it_was_given() {
        let place = Place { index: u32::MAX, generation: 0x00ff_ffff };
        let rtcp = Token::Rtcp(Place { index: 7, generation: 1 });
        for token in [Token::Clock, Token::Commands, Token::Rtp(place), rtcp, Token::Gate(3)] {
            assert_eq!(Token::unpack(token.pack()), token);
        }
    }

    #[test]
    fn who_may_read_is_told_and_who_was_forgotten_is_not() {
        let (quiet, loud) = (Bell::new().expect("a bell"), Bell::new().expect("a bell"));
        let (poll, mut events) = (Poll::new().expect("an epoll"), Events::new());
        poll.watch(&quiet, Token::Clock).expect("a watch");
        poll.watch(&loud, Token::Commands).expect("a watch");
        loud.ring();
        assert_eq!(poll.wait(&mut events).expect("an event"), 1);
        assert_eq!(events.who(0), Token::Commands);
        poll.forget(&loud);
        quiet.ring();
        assert_eq!(poll.wait(&mut events).expect("an event"), 1);
        assert_eq!(events.who(0), Token::Clock);
    }
}
