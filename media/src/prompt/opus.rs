//! The Opus packets of an Ogg file into samples: what its head says, and our own decoder.
//!
//! The pages are taken apart by the reader that Ogg Vorbis has too. A file in stereo is decoded to mono by libopus; more
//! channels than two are refused, because they are several streams in one packet.

use crate::codec::{Decoder, Kind, level};

/// The shortest head (RFC 7845 section 5.1).
const HEAD: usize = 19;

/// The voice of one file.
pub(super) struct Voice {
    decoder: Box<dyn Decoder>,
    gain: f32,
    /// How many samples at 48 kHz come before the sound.
    pub skip: u16,
    samples: Vec<i16>,
}

impl Voice {
    /// By the head of a file; `None` when it has more than two channels, or is none.
    pub(super) fn new(head: &[u8]) -> Option<Self> {
        let head = head.get(..HEAD)?;
        let one_stream = &head[..8] == b"OpusHead" && matches!(head[9], 1 | 2) && head[18] == 0;
        if !one_stream {
            return None;
        }
        let skip = u16::from_le_bytes([head[10], head[11]]);
        let decibels = f32::from(i16::from_le_bytes([head[16], head[17]])) / 256.0;
        Some(Self { decoder: Kind::Opus.decoder()?, gain: level::factor(decibels), skip, samples: Vec::new() })
    }

    /// The samples of a packet, without the last `trimmed` of them. False when it cannot be decoded.
    pub(super) fn decode(&mut self, packet: &[u8], trimmed: usize, mono: &mut Vec<f32>) -> bool {
        self.samples.clear();
        mono.clear();
        if self.decoder.decode(packet, &mut self.samples).is_err() {
            return false;
        }
        let kept = self.samples.len().saturating_sub(trimmed);
        mono.extend(self.samples[..kept].iter().map(|&sample| f32::from(sample) / 32_768.0 * self.gain));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(channels: u8, family: u8) -> Vec<u8> {
        [b"OpusHead\x01", &[channels][..], &312_u16.to_le_bytes(), &48_000_u32.to_le_bytes(), &[0, 0], &[family]]
            .concat()
    }

    #[test]
    fn one_stream_in_mono_or_stereo_is_taken_and_nothing_else() {
        assert_eq!(Voice::new(&head(1, 0)).unwrap().skip, 312);
        assert!(Voice::new(&head(2, 0)).is_some());
        assert!(Voice::new(&head(0, 0)).is_none());
        assert!(Voice::new(&head(2, 1)).is_none(), "a table of streams follows");
        assert!(Voice::new(&head(1, 0)[..18]).is_none());
    }

    #[test]
    fn a_packet_that_is_none_gives_no_sound() {
        let mut voice = Voice::new(&head(1, 0)).unwrap();
        let mut mono = vec![1.0];
        assert!(!voice.decode(&[], 0, &mut mono));
        assert!(!voice.decode(&[3], 0, &mut mono));
        assert!(mono.is_empty());
        assert!(voice.decode(&[0xf8, 0xff, 0xfe], 100, &mut mono));
        assert_eq!(mono.len(), 860);
    }
}
