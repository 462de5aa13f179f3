//! L16: samples as they are, two bytes each, the high one first (RFC 3551).

use super::conceal::Concealer;
use super::table::{Halves, Row};
use super::{Decoder, Encoder, MAX_PACKET, Undecodable};
use crate::frame::Rate;

pub(super) const NARROW: Row = row(Rate::Narrow, || Unpacker::boxed(Rate::Narrow));
pub(super) const WIDE: Row = row(Rate::Wide, || Unpacker::boxed(Rate::Wide));
pub(super) const FULL: Row = row(Rate::Full, || Unpacker::boxed(Rate::Full));

const NAME: &str = "L16";

const fn row(rate: Rate, decoder: fn() -> Box<dyn Decoder>) -> Row {
    Row {
        name: NAME,
        clock_hz: rate.hz(),
        rate,
        channels: 1,
        payload_type: None,
        halves: Some(Halves { encoder: |_| Box::new(Packer), decoder }),
    }
}

struct Packer;

impl Encoder for Packer {
    fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        payload.extend(samples.iter().flat_map(|sample| sample.to_be_bytes()));
    }
}

struct Unpacker {
    concealer: Concealer,
    /// The most bytes of a packet.
    longest: usize,
}

impl Unpacker {
    fn boxed(rate: Rate) -> Box<dyn Decoder> {
        let longest = MAX_PACKET.as_millis() as usize * (rate.hz() as usize / 1000) * 2;
        Box::new(Self { concealer: Concealer::new(rate), longest })
    }
}

impl Decoder for Unpacker {
    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> Result<(), Undecodable> {
        let (pairs, odd) = payload.as_chunks::<2>();
        if pairs.is_empty() || !odd.is_empty() || payload.len() > self.longest {
            return Err(Undecodable { codec: NAME, length: payload.len() });
        }
        let from = samples.len();
        samples.extend(pairs.iter().map(|&pair| i16::from_be_bytes(pair)));
        self.concealer.heard(&mut samples[from..]);
        Ok(())
    }

    fn conceal(&mut self, missing: usize, _next: Option<&[u8]>, samples: &mut Vec<i16>) {
        self.concealer.fill(missing, samples);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Settings};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn samples_come_back_as_they_were(sound in prop::collection::vec(any::<i16>(), 1..=960)) {
            let kind = Kind::L16(Rate::Full);
            let (mut payload, mut back) = (Vec::new(), Vec::new());
            kind.encoder(&Settings::default()).unwrap().encode(&sound, &mut payload);
            kind.decoder().unwrap().decode(&payload, &mut back).unwrap();
            prop_assert_eq!(payload[..2].to_vec(), sound[0].to_be_bytes());
            prop_assert_eq!(back, sound);
        }
    }

    #[test]
    fn half_a_sample_none_and_too_many_are_refused() {
        let mut decoder = Kind::L16(Rate::Narrow).decoder().unwrap();
        let mut samples = Vec::new();
        for length in [0, 1, 321, 240 * 16 + 2] {
            let refused = decoder.decode(&vec![7; length], &mut samples);
            assert_eq!(refused, Err(Undecodable { codec: "L16", length }));
        }
        assert!(samples.is_empty());
    }
}
