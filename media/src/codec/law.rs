//! What the two laws of G.711 share: a byte a sample, looked up in tables.
//!
//! The tables are worked out by the compiler from the formulas in `pcmu` and `pcma`, which follow the reference of
//! ITU-T G.191, so the codes agree bit by bit with every other implementation that does.

use super::conceal::Concealer;
use super::{Decoder, Encoder, MAX_PACKET, Undecodable};
use crate::frame::Rate;

/// The most bytes, which are samples, of a packet.
const MAX_BYTES: usize = MAX_PACKET.as_millis() as usize * 8;

/// One of the two laws.
pub(super) trait Law: Send + 'static {
    /// As SDP writes it.
    const NAME: &'static str;

    /// The code of a sample.
    fn compress(sample: i16) -> u8;

    /// The samples of all codes.
    fn expanded() -> &'static [i16; 256];
}

/// Makes bytes of samples.
pub(super) struct Compressor<L>(std::marker::PhantomData<L>);

impl<L: Law> Compressor<L> {
    pub(super) fn boxed() -> Box<dyn Encoder> {
        Box::new(Self(std::marker::PhantomData))
    }
}

impl<L: Law> Encoder for Compressor<L> {
    fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        payload.extend(samples.iter().map(|&sample| L::compress(sample)));
    }
}

/// Makes samples of bytes.
pub(super) struct Expander<L> {
    concealer: Concealer,
    law: std::marker::PhantomData<L>,
}

impl<L: Law> Expander<L> {
    pub(super) fn boxed() -> Box<dyn Decoder> {
        Box::new(Self { concealer: Concealer::new(Rate::Narrow), law: std::marker::PhantomData })
    }
}

impl<L: Law> Decoder for Expander<L> {
    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> Result<(), Undecodable> {
        if payload.is_empty() || payload.len() > MAX_BYTES {
            return Err(Undecodable { codec: L::NAME, length: payload.len() });
        }
        let from = samples.len();
        let table = L::expanded();
        samples.extend(payload.iter().map(|&code| table[usize::from(code)]));
        self.concealer.heard(&mut samples[from..]);
        Ok(())
    }

    fn conceal(&mut self, missing: usize, _next: Option<&[u8]>, samples: &mut Vec<i16>) {
        self.concealer.fill(missing, samples);
    }
}

/// The laws that hold for both.
#[cfg(test)]
pub(super) mod laws {
    use super::*;

    /// Each code stands for a sample that is written as a code of the same sample again.
    pub(in crate::codec) fn codes_come_back<L: Law>() {
        for code in 0..=255u8 {
            let sample = L::expanded()[usize::from(code)];
            assert_eq!(L::expanded()[usize::from(L::compress(sample))], sample, "code {code:#04x}");
        }
    }

    /// No sample is further from its code than half the widest step around it.
    pub(in crate::codec) fn samples_keep_their_place<L: Law>() {
        let mut last = i16::MIN;
        for sample in i16::MIN..=i16::MAX {
            let back = L::expanded()[usize::from(L::compress(sample))];
            assert!(back >= last, "{sample} falls behind its neighbour");
            last = back;
            let error = (i32::from(back) - i32::from(sample)).abs();
            // A sixteenth of a segment is its step; the segment is at most as wide as the value is large.
            assert!(error <= 16 + i32::from(sample).abs() / 32, "{sample} became {back}");
        }
    }

    /// Signal to noise of a tone at `-10` dBm0, in decibels.
    pub(in crate::codec) fn tone_ratio<L: Law>() -> f64 {
        let (mut signal, mut noise) = (0.0, 0.0);
        for n in 0..8000 {
            let sample = (7200.0 * (f64::from(n) * 1020.0 * std::f64::consts::TAU / 8000.0).sin()).round() as i16;
            let back = L::expanded()[usize::from(L::compress(sample))];
            signal += f64::from(sample).powi(2);
            noise += (f64::from(back) - f64::from(sample)).powi(2);
        }
        10.0 * (signal / noise).log10()
    }

    /// A packet that is empty or longer than any is refused and leaves the buffer alone.
    pub(in crate::codec) fn wild_lengths_are_refused<L: Law>() {
        let mut decoder = Expander::<L>::boxed();
        let mut samples = vec![1, 2, 3];
        for length in [0, MAX_BYTES + 1, 65_000] {
            let refused = decoder.decode(&vec![0; length], &mut samples);
            assert_eq!(refused, Err(Undecodable { codec: L::NAME, length }));
            assert_eq!(samples, [1, 2, 3]);
        }
        assert_eq!(decoder.decode(&[0; 160], &mut samples), Ok(()));
        assert_eq!(samples.len(), 163);
    }
}
