//! Comfort noise by RFC 3389: how loud and of what colour the quiet is, while nobody speaks.
//!
//! A payload says the level and, if it likes, the shape; a [`Noise`] goes on with both until it hears another. It is never
//! loud, whatever a payload says: this is for ears that would otherwise think the line is dead.

use super::table::{Halves, Row};
use super::{Decoder, Undecodable};
use crate::frame::Rate;

pub(super) const ROW: Row = Row {
    name: NAME,
    clock_hz: 8000,
    rate: Rate::Narrow,
    channels: 1,
    payload_type: Some(13),
    halves: Some(Halves { encoder: |_| Box::new(Mute), decoder: || Box::new(Quiet(Noise::new(Rate::Narrow))) }),
};

const NAME: &str = "CN";

/// No noise is louder than this, in decibels below full scale.
const LOUDEST: u8 = 36;
/// How loud it is before anybody said: barely heard.
const USUAL: u8 = 70;
/// How many reflection coefficients count; those of finer detail are not heard in noise.
const MOST_COEFFICIENTS: usize = 10;

/// Soft noise without end.
pub struct Noise {
    rate: Rate,
    seed: u32,
    /// Reflection coefficients and the memory of their lattice.
    shape: [f32; MOST_COEFFICIENTS],
    memory: [f32; MOST_COEFFICIENTS],
    /// The strength of what goes into the lattice, and where it is moving to.
    strength: f32,
    target: f32,
    /// The part of the way there that each sample takes: two thirds of all in 20 ms, so that no step is heard.
    approach: f32,
}

impl Noise {
    /// White noise, barely heard.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let mut noise = Self {
            rate,
            seed: 0x2545_F491,
            shape: [0.0; MOST_COEFFICIENTS],
            memory: [0.0; MOST_COEFFICIENTS],
            strength: 0.0,
            target: 0.0,
            approach: 50.0 / rate.hz() as f32,
        };
        noise.become_like(USUAL, &[]);
        noise
    }

    /// The rate of its sound.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes the level and the shape from a payload.
    ///
    /// # Errors
    /// When the payload is empty.
    pub fn hear(&mut self, payload: &[u8]) -> Result<(), Undecodable> {
        let (&level, shape) = payload.split_first().ok_or(Undecodable { codec: NAME, length: 0 })?;
        self.become_like(level & 0x7F, shape);
        Ok(())
    }

    /// Appends so much noise.
    pub fn fill(&mut self, missing: usize, samples: &mut Vec<i16>) {
        samples.extend(std::iter::repeat_with(|| self.next()).take(missing));
    }

    fn become_like(&mut self, level: u8, shape: &[u8]) {
        let mut left = 1.0;
        for (n, coefficient) in self.shape.iter_mut().enumerate() {
            // RFC 3389 §3.2, kept away from one, where the lattice would ring.
            let heard = shape.get(n).map_or(0.0, |&index| 258.0 * (f32::from(index) - 127.0) / 32_768.0);
            *coefficient = heard.clamp(-0.95, 0.95);
            left *= 1.0 - *coefficient * *coefficient;
        }
        let loudness = 32_768.0 * 10f32.powf(-f32::from(level.max(LOUDEST)) / 20.0);
        self.target = loudness * left.sqrt();
    }

    fn next(&mut self) -> i16 {
        self.strength += (self.target - self.strength) * self.approach;
        let mut forward = self.white() * self.strength;
        for n in (0..MOST_COEFFICIENTS).rev() {
            forward -= self.shape[n] * self.memory[n];
            let backward = self.memory[n] + self.shape[n] * forward;
            if n + 1 < MOST_COEFFICIENTS {
                self.memory[n + 1] = backward;
            }
        }
        self.memory[0] = forward;
        forward as i16
    }

    /// A random number of unit power, near enough to a bell for the ear: the sum of three even ones.
    fn white(&mut self) -> f32 {
        let mut sum = 0.0;
        for _ in 0..3 {
            self.seed ^= self.seed << 13;
            self.seed ^= self.seed >> 17;
            self.seed ^= self.seed << 5;
            sum += self.seed as f32 / u32::MAX as f32 - 0.5;
        }
        2.0 * sum
    }
}

/// We never say that it is quiet: an encoder that spares packets is silent by itself.
struct Mute;

impl super::Encoder for Mute {
    fn encode(&mut self, _samples: &[i16], _payload: &mut Vec<u8>) {}
}

struct Quiet(Noise);

impl Decoder for Quiet {
    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> Result<(), Undecodable> {
        self.0.hear(payload)?;
        self.0.fill(self.0.rate().samples(), samples);
        Ok(())
    }

    fn conceal(&mut self, missing: usize, _next: Option<&[u8]>, samples: &mut Vec<i16>) {
        self.0.fill(missing, samples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(samples: &[i16]) -> f64 {
        let power = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64;
        10.0 * (power / 32_768f64.powi(2)).log10()
    }

    fn after(payload: &[u8]) -> Vec<i16> {
        let mut noise = Noise::new(Rate::Narrow);
        noise.hear(payload).unwrap();
        let mut samples = Vec::new();
        noise.fill(40_000, &mut samples);
        samples.split_off(8000)
    }

    #[test]
    fn noise_is_as_loud_as_the_payload_says() {
        for wanted in [40, 50, 60] {
            let heard = -level(&after(&[wanted]));
            assert!((heard - f64::from(wanted)).abs() < 0.5, "{wanted} dB below full scale became {heard:.1}");
            let shaped = -level(&after(&[wanted, 60, 150, 127, 100]));
            assert!((shaped - f64::from(wanted)).abs() < 1.0, "{wanted} dB below full scale became {shaped:.1}");
        }
    }

    #[test]
    fn noise_is_never_loud() {
        for wild in [&[0][..], &[0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0], &[0; 300], &[0x80; 12]] {
            let heard = level(&after(wild));
            assert!(heard < -f64::from(LOUDEST) + 3.0, "{heard:.1}");
        }
    }

    #[test]
    fn a_falling_spectrum_is_heard_as_one() {
        // A first coefficient below zero means that neighbours are alike.
        let heard = after(&[40, 30]);
        let alike: f64 = heard.windows(2).map(|pair| f64::from(pair[0]) * f64::from(pair[1])).sum();
        assert!(alike > 0.0);
    }

    #[test]
    fn an_empty_payload_is_refused() {
        assert_eq!(Noise::new(Rate::Full).hear(&[]), Err(Undecodable { codec: "CN", length: 0 }));
    }
}
