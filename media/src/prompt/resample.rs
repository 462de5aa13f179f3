//! Any rate of a file into one of ours, all at once.
//!
//! A [`Resampler`] is pushed the sound of a file piece by piece and gives the whole of it at the end, as long as the file
//! played and without the delay of its filter. It is for files: the live path has a filter of half a millisecond.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

use crate::frame::Rate;

/// Samples that are worked on at once. The filter is cut off at a share of it: longer pieces are steeper and cost memory.
const PIECE: usize = 2048;

/// Sound of one rate on its way to another.
pub(super) struct Resampler {
    from_hz: u32,
    to_hz: u32,
    /// None where both rates are the same.
    filter: Option<Filter>,
    /// How many samples were pushed.
    pushed: u64,
    done: Vec<f32>,
}

struct Filter {
    fft: Fft<f32>,
    /// What has not filled a piece yet.
    waiting: Vec<f32>,
    piece: Vec<f32>,
    /// How many samples of the filter's own silence are still to be dropped.
    delay: usize,
}

impl Resampler {
    /// From the rate of a file, which is within reason, to one of ours.
    pub(super) fn new(from_hz: u32, rate: Rate) -> Self {
        let to_hz = rate.hz();
        let filter = (from_hz != to_hz).then(|| {
            let fft = Fft::new(from_hz as usize, to_hz as usize, PIECE, 1, FixedSync::Both)
                .expect("both rates are above zero and the piece is not empty");
            let piece = vec![0.0; fft.output_frames_max()];
            Filter { delay: fft.output_delay(), waiting: Vec::new(), piece, fft }
        });
        Self { from_hz, to_hz, filter, pushed: 0, done: Vec::new() }
    }

    /// The rate of the file.
    pub(super) fn source_hz(&self) -> u32 {
        self.from_hz
    }

    /// Takes the next samples of the file.
    pub(super) fn push(&mut self, samples: &[f32]) {
        self.pushed += samples.len() as u64;
        match &mut self.filter {
            None => self.done.extend_from_slice(samples),
            Some(filter) => {
                filter.waiting.extend_from_slice(samples);
                filter.work(&mut self.done);
            }
        }
    }

    /// The whole sound at the rate asked for.
    pub(super) fn finish(mut self) -> Vec<f32> {
        let length = self.pushed * u64::from(self.to_hz);
        let length = length.div_ceil(u64::from(self.from_hz)) as usize;
        if let Some(filter) = &mut self.filter {
            // The filter still holds the end; silence pushes it out.
            while self.done.len() < length {
                let piece = filter.fft.input_frames_next();
                let filled = filter.waiting.len().next_multiple_of(piece).max(piece);
                filter.waiting.resize(filled, 0.0);
                filter.work(&mut self.done);
            }
        }
        self.done.truncate(length);
        self.done
    }
}

impl Filter {
    fn work(&mut self, done: &mut Vec<f32>) {
        let mut taken = 0;
        while self.waiting.len() - taken >= self.fft.input_frames_next() {
            let input =
                InterleavedSlice::new(&self.waiting, 1, self.waiting.len()).expect("one channel of that length");
            let room = self.piece.len();
            let mut output = InterleavedSlice::new_mut(&mut self.piece, 1, room).expect("one channel of that length");
            let place = Indexing::new().input_offset(taken);
            let (read, made) = self
                .fft
                .process_into_buffer(&input, &mut output, Some(&place))
                .expect("both buffers are as large as the filter asked");
            taken += read;
            let dropped = self.delay.min(made);
            self.delay -= dropped;
            done.extend_from_slice(&self.piece[dropped..made]);
        }
        self.waiting.drain(..taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f32, rate_hz: u32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| (n as f32 * hz * std::f32::consts::TAU / rate_hz as f32).sin() * 0.5).collect()
    }

    #[test]
    fn a_tone_keeps_its_pitch_its_place_and_its_length_from_every_rate_to_every_rate() {
        for from_hz in [4000, 8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 12_345] {
            for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
                let mut resampler = Resampler::new(from_hz, rate);
                for piece in sine(440.0, from_hz, from_hz as usize).chunks(777) {
                    resampler.push(piece);
                }
                let done = resampler.finish();
                assert_eq!(done.len(), rate.hz() as usize, "{from_hz} to {rate:?}");
                // The edges ring; in between it is the same tone, at the same instants to half a sample.
                let wanted = sine(440.0, rate.hz(), done.len());
                let middle = done.len() / 4..done.len() * 3 / 4;
                let worst = middle.map(|n| (done[n] - wanted[n]).abs()).fold(0.0, f32::max);
                let half_a_sample = 0.5 * 440.0 * std::f32::consts::TAU / rate.hz().min(from_hz) as f32 * 0.5;
                assert!(worst < half_a_sample + 0.005, "{from_hz} to {rate:?}: off by {worst}");
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_gone_and_does_not_fold_back() {
        let mut resampler = Resampler::new(48_000, Rate::Narrow);
        resampler.push(&sine(5000.0, 48_000, 48_000));
        let loudest = resampler.finish()[2000..6000].iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
        assert!(loudest < 0.001, "{loudest} of a tone above the band is left");
    }

    #[test]
    fn a_sound_shorter_than_the_filter_keeps_its_length() {
        for samples in [1, 2, 100] {
            let mut resampler = Resampler::new(44_100, Rate::Narrow);
            resampler.push(&vec![0.25; samples]);
            assert_eq!(resampler.finish().len(), (samples * 8000).div_ceil(44_100));
        }
        assert!(Resampler::new(44_100, Rate::Narrow).finish().is_empty());
    }
}
