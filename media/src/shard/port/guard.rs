//! Keys that protect a port's packets, both ways (SRTP).

use crate::browser::association::Keys;
use crate::rtp::srtp::{Receiver, Sender};

/// What protects packets, as it was agreed.
pub enum Protection {
    /// Nothing.
    Open,
    /// What protected them before: the keys of this offer and answer are those of the last.
    Kept,
    /// These keys.
    Keys(Box<Guard>),
    /// Keys that DTLS gives, or has given: nothing goes out and nothing is believed before that.
    Awaited,
}

/// The two directions.
pub struct Guard {
    /// Protects what we send.
    pub sender: Sender,
    /// Opens what comes.
    pub receiver: Receiver,
}

impl Guard {
    /// What a handshake's keys make. Streams of one key differ in their source.
    pub(crate) fn of(keys: &Keys) -> Self {
        Self { sender: Sender::new(&keys.ours), receiver: Receiver::new(&keys.theirs) }
    }
}

impl Protection {
    /// The guard, where there is one.
    pub(super) fn guard(&mut self) -> Option<&mut Guard> {
        match self {
            Self::Keys(guard) => Some(guard),
            Self::Open | Self::Kept | Self::Awaited => None,
        }
    }

    /// Whether packets are protected.
    pub(super) fn is_on(&self) -> bool {
        matches!(self, Self::Keys(_) | Self::Awaited)
    }

    /// Takes over the keys of older terms, where they stay.
    pub(crate) fn keep(&mut self, old: &mut Self) {
        if matches!(self, Self::Kept) || (matches!(self, Self::Awaited) && matches!(old, Self::Keys(_))) {
            *self = std::mem::replace(old, Self::Open);
        }
    }
}
