//! Keys out of the sound: for lines that carry them in no other way. Off unless wanted.
//!
//! A [`Detector`] looks at 12.75 ms of sound every 6.4 ms. A block is a key when one row and one column stand far above
//! their neighbours, at levels that belong together, hold nearly all of the power there is, and have no overtones as voices
//! have. Four such blocks in a row, 32 ms, are a key that is down; after four that are not it has been let go. That is short
//! enough for every press of 40 ms and every pause of 40 ms (ITU-T Q.24), and too long for nearly all speech.
//!
//! It counts samples instead of asking for the time. Wider sound is brought down to 8 kHz first.

use std::time::Duration;

use super::key::{Key, News, Press, Via};
use super::tones::{COLUMNS, ROWS, key_at};
use crate::codec::level;
use crate::codec::resample::Resampler;
use crate::frame::{MAX_SAMPLES, Rate};

/// Samples of a block at 8 kHz: the rows, 73 Hz apart, are told from each other by no less.
const BLOCK: usize = 102;
/// Samples from one block to the next.
const HOP: usize = BLOCK / 2;
/// Blocks that make a key, and blocks without it that end it.
const ENOUGH: u32 = 4;
const GONE: u32 = 4;

/// The weaker sine of a key is no weaker than this (Q.24 asks for -25 dBm0 and better).
const WEAKEST_DBM0: f32 = -30.0;
/// Either sine may be so much louder than the other: 11 dB, as a ratio of powers. Q.24 asks for up to 8, and within a block
/// the louder one bends the weaker by up to 2.
const MOST_TWIST: f32 = 12.6;
/// How far the row and the column stand above the other rows and columns: 8 dB.
const ABOVE_OTHERS: f32 = 6.3;
/// The part of all power that the two sines hold, also when they are 1.5 % beside their frequencies.
const OF_ALL: f32 = 0.70;
/// How far the second harmonic of either sine lies below it: 11 dB.
const ABOVE_OVERTONE: f32 = 12.6;

/// What a loud column spills over the row's second harmonic, as a part of its power and in units of that limit.
const SPILT: f32 = 0.25;

/// How a filter for one frequency turns.
#[derive(Debug, Clone, Copy)]
struct Filter(f32);

impl Filter {
    fn new(hz: f32) -> Self {
        Self(2.0 * (std::f32::consts::TAU * hz / Rate::Narrow.hz() as f32).cos())
    }

    /// The power of its frequency within the block: that of a sine of this frequency with nothing beside it.
    fn power(self, block: &[f32; BLOCK]) -> f32 {
        let (mut last, mut before) = (0.0f32, 0.0f32);
        for &sample in block {
            (last, before) = (sample + self.0 * last - before, last);
        }
        let magnitude = last * last + before * before - self.0 * last * before;
        2.0 * magnitude / (BLOCK * BLOCK) as f32
    }
}

/// A key that is down, or about to be.
struct Held {
    key: Key,
    /// Blocks that had it.
    hits: u32,
    /// Blocks since the last that had it.
    misses: u32,
    /// Blocks since the first that had it.
    blocks: u32,
}

/// Listens for keys in one line.
pub struct Detector {
    resampler: Resampler,
    narrow: Vec<i16>,
    rows: [Filter; 4],
    columns: [Filter; 4],
    overtones: ([Filter; 4], [Filter; 4]),
    block: [f32; BLOCK],
    filled: usize,
    held: Option<Held>,
}

impl Detector {
    /// For sound of this rate.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let doubled = |hz: f32| Filter::new(2.0 * hz);
        Self {
            resampler: Resampler::new(rate, Rate::Narrow),
            narrow: Vec::with_capacity(MAX_SAMPLES),
            rows: ROWS.map(Filter::new),
            columns: COLUMNS.map(Filter::new),
            overtones: (ROWS.map(doubled), COLUMNS.map(doubled)),
            block: [0.0; BLOCK],
            filled: 0,
            held: None,
        }
    }

    /// Listens to the next piece of sound.
    pub fn hear(&mut self, samples: &[i16], mut tell: impl FnMut(News)) {
        for piece in samples.chunks(MAX_SAMPLES) {
            let mut narrow = std::mem::take(&mut self.narrow);
            narrow.clear();
            self.resampler.resample(piece, &mut narrow);
            for &sample in &narrow {
                self.block[self.filled] = f32::from(sample);
                self.filled += 1;
                if self.filled == BLOCK {
                    let key = self.key_of_block();
                    self.count(key, &mut tell);
                    self.block.copy_within(HOP.., 0);
                    self.filled = BLOCK - HOP;
                }
            }
            self.narrow = narrow;
        }
    }

    /// The key whose tones the block is made of.
    fn key_of_block(&self) -> Option<Key> {
        let all = self.block.iter().map(|sample| sample * sample).sum::<f32>() / BLOCK as f32;
        if level::of_power(all) < WEAKEST_DBM0 {
            return None;
        }
        let (row, low) = loudest(&self.rows.map(|filter| filter.power(&self.block)))?;
        let (column, high) = loudest(&self.columns.map(|filter| filter.power(&self.block)))?;
        let fits = level::of_power(low.min(high)) > WEAKEST_DBM0
            && high < low * MOST_TWIST
            && low < high * MOST_TWIST
            && low + high > all * OF_ALL
            && (is_masked(row, column)
                || self.overtones.0[row].power(&self.block) * ABOVE_OVERTONE < low + high * SPILT)
            && self.overtones.1[column].power(&self.block) * ABOVE_OVERTONE < high;
        if fits { key_at(row, column) } else { None }
    }

    fn count(&mut self, key: Option<Key>, tell: &mut impl FnMut(News)) {
        let Some(held) = &mut self.held else {
            self.held = key.map(Held::first);
            return;
        };
        held.blocks += 1;
        if key == Some(held.key) {
            held.hits += 1;
            held.misses = 0;
            if held.hits == ENOUGH {
                tell(News::Down(held.key));
            }
            return;
        }
        held.misses += 1;
        let is_down = held.hits >= ENOUGH;
        if !is_down || held.misses == GONE {
            if is_down {
                tell(News::Up(held.press()));
            }
            self.held = key.map(Held::first);
        }
    }
}

impl Held {
    const fn first(key: Key) -> Self {
        Self { key, hits: 1, misses: 0, blocks: 1 }
    }

    fn press(&self) -> Press {
        // From the middle of the first block's beginning to that of its last: a block sees a key that fills most of it.
        let samples = (self.blocks - self.misses - 1) as usize * HOP + BLOCK;
        let duration = Duration::from_micros(samples as u64 * 1_000_000 / u64::from(Rate::Narrow.hz()));
        Press { key: self.key, duration, via: Via::Inband }
    }
}

/// Whether the second harmonic of the row lies so near the column that a block cannot tell them apart.
fn is_masked(row: usize, column: usize) -> bool {
    (2.0 * ROWS[row] - COLUMNS[column]).abs() < 1.6 * Rate::Narrow.hz() as f32 / BLOCK as f32
}

/// The one of four that stands far above the others.
fn loudest(powers: &[f32; 4]) -> Option<(usize, f32)> {
    let (place, &loudest) = powers.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let alone = powers.iter().enumerate().all(|(other, &power)| other == place || power * ABOVE_OTHERS < loudest);
    alone.then_some((place, loudest))
}

#[cfg(test)]
mod tests;
