//! Every codec by name.
//!
//! A codec's file holds its [`Row`]; this file joins them. What is asked here is what SDP and the media thread have to know
//! of a codec before it runs: how it is written, how its clock counts, and who makes its two halves. A codec without halves
//! is only passed between two legs that both have it.

use super::{Decoder, Encoder, comfort, g722, l16, opus, passing, pcma, pcmu};
use crate::frame::Rate;

/// A codec, or another kind of payload that SDP lists among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus, in mono.
    Opus,
    /// Samples as they are.
    L16(Rate),
    /// Comfort noise by RFC 3389.
    ComfortNoise,
    /// G.729, passed through only.
    G729,
    /// AMR, passed through only.
    Amr,
    /// AMR wideband, passed through only.
    AmrWb,
    /// Pictures by RFC 7741, passed through only.
    Vp8,
    /// Pictures by RFC 6184, passed through only.
    H264,
    /// Keys by RFC 4733, with the clock of the codec beside it.
    TelephoneEvent(Rate),
}

/// What is said about a codec in its own file.
pub(super) struct Row {
    /// As SDP writes it.
    pub name: &'static str,
    /// Ticks of the RTP timestamp a second.
    pub clock_hz: u32,
    /// The rate of the sound inside.
    pub rate: Rate,
    /// As SDP writes them; the sound inside is mono all the same.
    pub channels: u8,
    /// Where RFC 3551 gave it one.
    pub payload_type: Option<u8>,
    /// Who makes its two halves; `None` for what is only passed on.
    pub halves: Option<Halves>,
}

/// Who makes a codec's encoder and decoder.
pub(super) struct Halves {
    pub encoder: fn(&Settings) -> Box<dyn Encoder>,
    pub decoder: fn() -> Box<dyn Decoder>,
}

/// How an encoder may spend bits and time. A codec without such a choice ignores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bits a second on the wire, without headers.
    pub bitrate: u32,
    /// The most that the far end takes.
    pub most_bitrate: u32,
    /// Whether sound is taken apart as that of music is: half the time for twice the bits, and no coarse copies.
    pub as_music: bool,
    /// From 0, cheapest, to 10.
    pub complexity: u8,
    /// Whether each packet also carries a coarse copy of the one before it.
    pub forward_error_correction: bool,
    /// How many packets in a hundred the far end says it loses; more makes the coarse copies better.
    pub expected_loss_percent: u8,
    /// Whether nothing is sent while nobody speaks.
    pub discontinuous: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Wideband speech through Opus is transparent to most ears from 24 kbit/s on, with room for the coarse copies.
            bitrate: 32_000,
            most_bitrate: 510_000,
            as_music: false,
            // 160 µs a frame where 10 costs twice as much for a difference that speech does not show.
            complexity: 5,
            forward_error_correction: true,
            // A packet that gets lost now and then must not spoil those behind it; libopus makes no coarse copies yet.
            expected_loss_percent: 5,
            discontinuous: false,
        }
    }
}

impl Kind {
    /// Everything that has a name here.
    pub const ALL: [Self; 16] = [
        Self::Opus,
        Self::G722,
        Self::Pcma,
        Self::Pcmu,
        Self::L16(Rate::Narrow),
        Self::L16(Rate::Wide),
        Self::L16(Rate::Full),
        Self::ComfortNoise,
        Self::G729,
        Self::Amr,
        Self::AmrWb,
        Self::Vp8,
        Self::H264,
        Self::TelephoneEvent(Rate::Narrow),
        Self::TelephoneEvent(Rate::Wide),
        Self::TelephoneEvent(Rate::Full),
    ];

    /// The codec of an `rtpmap`: its name in any case, its clock and its channels. A list without channels means one.
    #[must_use]
    pub fn named(name: &str, clock_hz: u32, channels: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| {
            let row = kind.row();
            row.clock_hz == clock_hz && row.channels == channels && row.name.eq_ignore_ascii_case(name)
        })
    }

    /// The codec of a payload type that needs no `rtpmap`.
    #[must_use]
    pub fn of_payload_type(payload_type: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.row().payload_type == Some(payload_type))
    }

    /// As SDP writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Ticks of the RTP timestamp a second.
    #[must_use]
    pub const fn clock_hz(self) -> u32 {
        self.row().clock_hz
    }

    /// Ticks of the RTP timestamp in one frame.
    #[must_use]
    pub const fn ticks(self) -> u32 {
        self.clock_hz() / 50
    }

    /// The rate of the sound that goes in and comes out; of pictures it says nothing.
    #[must_use]
    pub const fn rate(self) -> Rate {
        self.row().rate
    }

    /// How many channels SDP writes. The sound inside is mono whatever this says.
    #[must_use]
    pub const fn channels(self) -> u8 {
        self.row().channels
    }

    /// The payload type that RFC 3551 gave it; the others take theirs from the description.
    #[must_use]
    pub const fn payload_type(self) -> Option<u8> {
        self.row().payload_type
    }

    /// Bytes of a millisecond, where packets are samples one after the other and may be cut anywhere.
    #[must_use]
    pub const fn bytes_per_ms(self) -> Option<usize> {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => Some(8),
            Self::L16(rate) => Some(rate.hz() as usize / 1000 * 2),
            _ => None,
        }
    }

    /// Whether a packet is understood by those before it, so that the packets of two coders cannot take turns.
    #[must_use]
    pub const fn remembers(self) -> bool {
        matches!(self, Self::G722 | Self::Opus)
    }

    /// Whether these are pictures.
    #[must_use]
    pub const fn is_picture(self) -> bool {
        matches!(self, Self::Vp8 | Self::H264)
    }

    /// Whether we can make it and hear it, and not only pass it on.
    #[must_use]
    pub const fn is_spoken(self) -> bool {
        self.row().halves.is_some()
    }

    /// A fresh encoder; `None` when the codec is only passed on.
    #[must_use]
    pub fn encoder(self, settings: &Settings) -> Option<Box<dyn Encoder>> {
        self.row().halves.as_ref().map(|halves| (halves.encoder)(settings))
    }

    /// A fresh decoder; `None` when the codec is only passed on.
    #[must_use]
    pub fn decoder(self) -> Option<Box<dyn Decoder>> {
        self.row().halves.as_ref().map(|halves| (halves.decoder)())
    }

    const fn row(self) -> &'static Row {
        match self {
            Self::Pcmu => &pcmu::ROW,
            Self::Pcma => &pcma::ROW,
            Self::G722 => &g722::ROW,
            Self::Opus => &opus::ROW,
            Self::L16(Rate::Narrow) => &l16::NARROW,
            Self::L16(Rate::Wide) => &l16::WIDE,
            Self::L16(Rate::Full) => &l16::FULL,
            Self::ComfortNoise => &comfort::ROW,
            Self::G729 => &passing::G729,
            Self::Amr => &passing::AMR,
            Self::AmrWb => &passing::AMR_WB,
            Self::Vp8 => &passing::VP8,
            Self::H264 => &passing::H264,
            Self::TelephoneEvent(Rate::Narrow) => &passing::KEYS_8,
            Self::TelephoneEvent(Rate::Wide) => &passing::KEYS_16,
            Self::TelephoneEvent(Rate::Full) => &passing::KEYS_48,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_any_case_and_only_with_its_own_clock() {
        for kind in Kind::ALL {
            let name = kind.name().to_ascii_lowercase();
            assert_eq!(Kind::named(&name, kind.clock_hz(), kind.channels()), Some(kind));
            assert_eq!(Kind::named(&name, 11_025, kind.channels()), None);
        }
        assert_eq!(Kind::named("speex", 8000, 1), None);
    }

    #[test]
    fn payload_types_of_rfc_3551_need_no_map() {
        assert_eq!(Kind::of_payload_type(0), Some(Kind::Pcmu));
        assert_eq!(Kind::of_payload_type(8), Some(Kind::Pcma));
        assert_eq!(Kind::of_payload_type(9), Some(Kind::G722));
        assert_eq!(Kind::of_payload_type(18), Some(Kind::G729));
        assert_eq!(Kind::of_payload_type(101), None);
    }

    #[test]
    fn what_is_only_passed_on_has_no_halves() {
        for kind in Kind::ALL {
            assert_eq!(kind.encoder(&Settings::default()).is_some(), kind.is_spoken());
            assert_eq!(kind.decoder().is_some(), kind.is_spoken());
        }
        assert!(!Kind::G729.is_spoken());
        assert!(Kind::Pcmu.is_spoken());
    }
}
