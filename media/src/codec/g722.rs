//! G.722 at 64 kbit/s. Its clock on the wire says 8000 and its sound is 16 000 samples a second: RFC 3551 keeps that error
//! for the sake of those who made it first.

use audio_codec::g722::{G722Decoder, G722Encoder};
use audio_codec::{Decoder as _, Encoder as _};

use super::conceal::Concealer;
use super::table::{Halves, Row};
use super::{Decoder, Encoder, MAX_PACKET, Undecodable};
use crate::frame::Rate;

pub(super) const ROW: Row = Row {
    name: NAME,
    clock_hz: 8000,
    rate: Rate::Wide,
    channels: 1,
    payload_type: Some(9),
    halves: Some(Halves {
        encoder: |_| Box::new(Subbands(G722Encoder::new())),
        decoder: || Box::new(Joiner { subbands: G722Decoder::new(), concealer: Concealer::new(Rate::Wide) }),
    }),
};

const NAME: &str = "G722";

/// The most bytes of a packet; each holds two samples.
const MAX_BYTES: usize = MAX_PACKET.as_millis() as usize * 8;

struct Subbands(G722Encoder);

impl Encoder for Subbands {
    fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        let from = payload.len();
        payload.resize(from + samples.len().div_ceil(2), 0);
        let written = self.0.encode_into(samples, &mut payload[from..]).expect("two samples make a byte");
        payload.truncate(from + written);
    }
}

struct Joiner {
    subbands: G722Decoder,
    concealer: Concealer,
}

impl Decoder for Joiner {
    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> Result<(), Undecodable> {
        if payload.is_empty() || payload.len() > MAX_BYTES {
            return Err(Undecodable { codec: NAME, length: payload.len() });
        }
        let from = samples.len();
        samples.resize(from + 2 * payload.len(), 0);
        let written = self.subbands.decode_into(payload, &mut samples[from..]).expect("a byte makes two samples");
        samples.truncate(from + written);
        self.concealer.heard(&mut samples[from..]);
        Ok(())
    }

    fn conceal(&mut self, missing: usize, _next: Option<&[u8]>, samples: &mut Vec<i16>) {
        self.concealer.fill(missing, samples);
    }
}

#[cfg(test)]
mod tests {
    use super::super::hearing::{loss_of_tone, through};
    use super::super::{Kind, Settings};
    use super::*;

    #[test]
    fn tones_of_its_whole_band_come_through_clean_and_as_loud() {
        // (Hz, decibels between the tone and everything else): four bits below 4 kHz, two above.
        for (hz, clean) in [(300.0, 40.0), (1000.0, 40.0), (3400.0, 30.0), (5000.0, 18.0), (6500.0, 18.0)] {
            let heard = through(Kind::G722, hz, 7000.0, 60);
            let tone = loss_of_tone(&heard[3200..], hz, Rate::Wide, 7000.0);
            assert!(tone.ratio > clean, "{hz} Hz stands only {:.1} dB above the rest", tone.ratio);
            assert!(tone.loss.abs() < 0.5, "{hz} Hz lost {:.2} dB", tone.loss);
        }
    }

    #[test]
    fn a_frame_is_as_long_on_the_wire_as_one_of_g711() {
        let mut payload = Vec::new();
        Kind::G722.encoder(&Settings::default()).unwrap().encode(&[0; 320], &mut payload);
        assert_eq!(payload.len(), 160);
        assert_eq!(Kind::G722.ticks(), 160);
    }

    #[test]
    fn any_bytes_are_sound_and_only_wild_lengths_are_refused() {
        let mut decoder = Kind::G722.decoder().unwrap();
        let mut samples = Vec::new();
        let mut byte = 1u8;
        for _ in 0..200 {
            let wild = std::iter::repeat_with(|| {
                byte = byte.wrapping_mul(77).wrapping_add(13);
                byte ^ (byte >> 3)
            });
            let payload: Vec<u8> = wild.take(160).collect();
            samples.clear();
            decoder.decode(&payload, &mut samples).unwrap();
            assert_eq!(samples.len(), 320);
        }
        samples.clear();
        for length in [0, MAX_BYTES + 1] {
            let refused = decoder.decode(&vec![0; length], &mut samples);
            assert_eq!(refused, Err(Undecodable { codec: "G722", length }));
        }
        assert!(samples.is_empty());
    }
}
