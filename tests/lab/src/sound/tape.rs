//! What a phone has heard, sample by sample, each where it belongs in time.
//!
//! A place on the tape is a moment since the tape began. Where nothing came, there is silence. The tape is as long as
//! [`KEPT`]; what is older is forgotten.

use std::time::{Duration, Instant};

use patchcord_media::frame::Rate;

/// How much a phone remembers. A test listens to seconds; a hundred phones that remember a minute take 100 MB at 8 kHz.
pub(crate) const KEPT: Duration = Duration::from_secs(60);

/// See the module.
pub(crate) struct Tape {
    rate: Rate,
    began: Instant,
    /// The place of the first sample that is kept.
    first: u64,
    samples: Vec<i16>,
}

impl Tape {
    pub fn new(rate: Rate, began: Instant) -> Self {
        Self { rate, began, first: 0, samples: Vec::new() }
    }

    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Where that moment lies.
    pub fn place(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.began);
        (since.as_nanos() * u128::from(self.rate.hz()) / 1_000_000_000) as u64
    }

    /// When that place is.
    pub fn moment(&self, place: u64) -> Instant {
        self.began + Duration::from_nanos(place * 1_000_000_000 / u64::from(self.rate.hz()))
    }

    /// Puts sound there, over what was there.
    pub fn put(&mut self, place: u64, sound: &[i16]) {
        let Some(start) = place.checked_sub(self.first) else { return };
        let (start, end) = (start as usize, start as usize + sound.len());
        if self.samples.len() < end {
            self.samples.resize(end, 0);
        }
        self.samples[start..end].copy_from_slice(sound);
        // Forgets in large pieces, so that little is moved.
        let most = self.rate.hz() as usize * KEPT.as_secs() as usize;
        if self.samples.len() > most + most / 4 {
            let over = self.samples.len() - most;
            self.samples.drain(..over);
            self.first += over as u64;
        }
    }

    /// A stretch, silent where nothing came.
    pub fn stretch(&self, from: u64, to: u64) -> Vec<i16> {
        let at = |place: u64| place.saturating_sub(self.first).min(self.samples.len() as u64) as usize;
        let before = self.first.clamp(from, to.max(from)) - from;
        let mut stretch = vec![0; before as usize];
        stretch.extend_from_slice(&self.samples[at(from)..at(to).max(at(from))]);
        stretch.resize(to.saturating_sub(from) as usize, 0);
        stretch
    }

    /// All that is kept.
    pub fn all(&self) -> &[i16] {
        &self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn what_was_not_heard_is_silent() {
        let began = clock::now();
        let mut tape = Tape::new(Rate::Narrow, began);
        tape.put(10, &[1, 2, 3]);
        tape.put(15, &[4]);
        assert_eq!(tape.stretch(9, 18), [0, 1, 2, 3, 0, 0, 4, 0, 0]);
        assert_eq!(tape.place(began + Duration::from_millis(20)), 160);
        assert_eq!(tape.moment(160), began + Duration::from_millis(20));
    }

    #[test]
    fn what_is_too_old_is_forgotten() {
        let mut tape = Tape::new(Rate::Narrow, clock::now());
        for second in 0..200 {
            tape.put(second * 8000, &[second as i16; 8000]);
        }
        assert!(tape.all().len() <= 75 * 8000);
        assert_eq!(tape.stretch(0, 2), [0, 0]);
        assert_eq!(tape.stretch(199 * 8000, 199 * 8000 + 2), [199, 199]);
    }
}
