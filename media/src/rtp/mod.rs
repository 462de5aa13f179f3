//! RTP and RTCP: packets, reports, sequence, jitter, quality, SRTP, latching, and the range of ports.
//!
//! Everything here is a value that is handed bytes and instants. Nothing opens a socket, reads a clock or draws a random
//! number; what the network sent is copied at most once, into room that is kept from packet to packet.
//!
//! | file | what it knows |
//! |---|---|
//! | [`packet`] | an RTP packet in somebody's buffer: reading it in place, writing its head, rewriting it |
//! | [`rtcp`] | what the two ends tell each other about a stream, and when |
//! | [`source`] | who speaks: sequence, loss, jitter, restarts |
//! | [`forward`] | one continuous stream out of several |
//! | [`cut`] | packets made shorter or longer on their way |
//! | [`jitter`] | packets in order and in time, and frames of sound out of them |
//! | [`latch`] | whom a leg hears and where it sends to |
//! | [`ports`] | the range of ports and what it has room for |
//! | [`quality`] | how well the party is heard |
//! | [`srtp`] | sound and reports that nobody else reads or changes |

pub mod cut;
pub mod forward;
pub mod jitter;
pub mod latch;
pub mod packet;
pub mod ports;
pub mod quality;
pub mod rtcp;
pub mod source;
pub mod srtp;

/// A starting point for virtual time.
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
pub(crate) fn start() -> std::time::Instant {
    std::time::Instant::now()
}
