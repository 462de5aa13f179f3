//! RTCP (RFC 3550 §6): what the two ends of a stream tell each other about it.
//!
//! [`Compound`] reads what came, piece by piece and in place; [`Report`] writes ours; [`Timing`] says when; [`Sending`]
//! counts what a sender report tells; [`Ntp`] and [`Wall`] are the clock of the reports. Extended reports (RFC 3611) and
//! feedback that is not known are stepped over. Pictures are not our trade: what is fed back about them is recognised, and said
//! anew to whoever sends them.
//!
//! Written here and not taken from `rtc-rtcp`: that reader throws the whole datagram away when one piece in it is odd, and
//! makes a box and a vector for each piece somebody cares to send. It is the second reader in the tests.

mod ntp;
mod read;
mod timing;
mod write;

pub(in crate::rtp) use ntp::ticks;
pub use ntp::{Ntp, Wall};
pub use read::{Blocks, Compound, NotRtcp, Piece, Words};
pub use timing::Timing;
pub use write::{MAX_BLOCKS, MAX_NAME, Report, Sending, ask_for_picture, ask_for_whole_picture};

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
/// Feedback about packets (RFC 4585): NACK.
const TRANSPORT_FEEDBACK: u8 = 205;
/// Feedback about pictures (RFC 4585, RFC 5104): PLI, FIR.
const PAYLOAD_FEEDBACK: u8 = 206;

/// The name of a source, among the items of a description.
const CNAME: u8 = 1;

/// What a datagram on a media port carries, told by its first two bytes (RFC 5761 §4, RFC 7983).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// Sound.
    Rtp,
    /// Reports; on a port of their own, or on that of the sound where `rtcp-mux` was agreed.
    Rtcp,
    /// Connectivity checks.
    Stun,
    /// Handshake of a browser.
    Dtls,
    /// Noise.
    Unknown,
}

impl Carried {
    /// Looks at the first two bytes and believes them.
    #[must_use]
    pub fn by(datagram: &[u8]) -> Self {
        match datagram {
            [128..=191, 192..=223, ..] => Self::Rtcp,
            [128..=191, _, ..] => Self::Rtp,
            [0..=3, _, ..] => Self::Stun,
            [20..=63, _, ..] => Self::Dtls,
            _ => Self::Unknown,
        }
    }
}

/// What one end says about a source that it hears (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Block {
    /// The source that is heard.
    pub ssrc: u32,
    /// Lost since the report before, in 256ths.
    pub fraction_lost: u8,
    /// Lost since the start; negative when duplicates came. 24 bits.
    pub lost: i32,
    /// The highest number received, with its cycles in the upper half.
    pub highest: u32,
    /// Interarrival jitter on the clock of the codec.
    pub jitter: u32,
    /// The middle of the time in the last sender report; 0 when there was none.
    pub last_report: u32,
    /// How long ago that was, in 65536ths of a second.
    pub delay: u32,
}

/// What a sender says about its stream (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// When this was written.
    pub at: Ntp,
    /// The same instant on the clock of the codec.
    pub timestamp: u32,
    /// Packets since the start.
    pub packets: u32,
    /// Bytes of payload since the start.
    pub octets: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_and_sound_are_told_apart_on_one_port() {
        assert_eq!(Carried::by(&[0x80, 200]), Carried::Rtcp);
        assert_eq!(Carried::by(&[0x81, 206, 0, 2]), Carried::Rtcp);
        // Payload type 72 with a marker would look like a report; RFC 5761 forbids 64 to 95 for that reason.
        assert_eq!(Carried::by(&[0x80, 0x80 | 63]), Carried::Rtp);
        assert_eq!(Carried::by(&[0x80, 0x80 | 96]), Carried::Rtp);
        assert_eq!(Carried::by(&[0x90, 0]), Carried::Rtp);
        assert_eq!(Carried::by(&[0, 1, 0, 0]), Carried::Stun);
        assert_eq!(Carried::by(&[22, 254, 253]), Carried::Dtls);
        assert_eq!(Carried::by(&[0xff, 200]), Carried::Unknown);
        assert_eq!(Carried::by(&[0x80]), Carried::Unknown);
        assert_eq!(Carried::by(&[]), Carried::Unknown);
    }
}
