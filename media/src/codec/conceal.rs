//! Sound in place of a lost packet, for codecs that have none of their own.
//!
//! A [`Concealer`] listens to what was heard last. When a packet is missing it goes on with the last pitch cycles of the
//! voice, fades them out within 60 ms, and leads over to the next packet that comes. It delays nothing: the first sample of
//! a gap starts where the last heard sample stood, and the difference dies away within two milliseconds.
//!
//! hearing ──fill──▶ repeating, ever softer ──60 ms──▶ silent
//!    ▲                        │                          │
//!    └── crossfade ◀─heard────┴──────────heard───────────┘

use crate::frame::Rate;

/// What is remembered of the past, in milliseconds: the window that is compared and the longest pitch before it.
const HISTORY: usize = WINDOW + LONGEST_PITCH;
/// How much of the last sound is compared with what came before it.
const WINDOW: usize = 20;
/// The pitch of voices: 66 to 200 Hz, and their multiples above.
const SHORTEST_PITCH: usize = 5;
const LONGEST_PITCH: usize = 15;
/// A repeated piece of less than this buzzes, so shorter cycles are taken in pairs.
const SHORTEST_PIECE: usize = 10;
/// How long a gap sounds as loud as before.
const STEADY: usize = 10;
/// When a gap has become silent.
const SILENT: usize = 60;
/// How long the way back into heard sound takes: at least, with a quarter of the gap on top, and at most.
const OVERLAP: usize = 4;
const MOST_OVERLAP: usize = 10;
/// How long the step from the last heard sample to the repeated piece is smoothed.
const SMOOTHED: usize = 2;

/// Remembers what was heard and goes on with it.
pub struct Concealer {
    /// Samples in a millisecond.
    per_ms: usize,
    /// What was heard last, oldest first.
    history: Box<[i16]>,
    /// The piece that is repeated; its first `length` samples count.
    piece: Box<[f32]>,
    length: usize,
    /// Where in the piece the next sample stands.
    at: usize,
    /// How far the piece's start is from the last heard sample.
    step: f32,
    /// How many samples of the present gap have been filled.
    filled: usize,
}

impl Concealer {
    /// One that has heard nothing yet.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let per_ms = rate.hz() as usize / 1000;
        Self {
            per_ms,
            history: vec![0; HISTORY * per_ms].into_boxed_slice(),
            piece: vec![0.0; 2 * SHORTEST_PIECE.max(LONGEST_PITCH) * per_ms].into_boxed_slice(),
            length: 0,
            at: 0,
            step: 0.0,
            filled: 0,
        }
    }

    /// Listens to sound that came. After a gap its beginning is changed, to lead over from what stood in the gap.
    pub fn heard(&mut self, samples: &mut [i16]) {
        if self.filled > 0 {
            self.lead_over(samples);
            self.filled = 0;
        }
        let kept = self.history.len();
        if samples.len() >= kept {
            self.history.copy_from_slice(&samples[samples.len() - kept..]);
        } else {
            self.history.copy_within(samples.len().., 0);
            self.history[kept - samples.len()..].copy_from_slice(samples);
        }
    }

    /// Appends `missing` samples of what might have been there.
    pub fn fill(&mut self, missing: usize, samples: &mut Vec<i16>) {
        if missing > 0 && self.filled == 0 {
            self.choose_piece();
        }
        // Behind the end of the fade there is nothing to work out.
        let sounding = missing.min((SILENT * self.per_ms).saturating_sub(self.filled));
        for _ in 0..sounding {
            let sample = self.next();
            samples.push(sample as i16);
        }
        samples.extend(std::iter::repeat_n(0, missing - sounding));
        self.filled = self.filled.saturating_add(missing - sounding);
    }

    /// The next sample of the gap.
    fn next(&mut self) -> f32 {
        let smoothed = (SMOOTHED * self.per_ms) as f32;
        let ahead = self.filled as f32;
        let step = self.step * (1.0 - ahead / smoothed).max(0.0);
        let sample = (self.piece[self.at] + step) * self.gain();
        self.at = if self.at + 1 == self.length { 0 } else { self.at + 1 };
        self.filled += 1;
        sample.clamp(f32::from(i16::MIN), f32::from(i16::MAX))
    }

    fn gain(&self) -> f32 {
        let steady = (STEADY * self.per_ms) as f32;
        let silent = (SILENT * self.per_ms) as f32;
        ((silent - self.filled as f32) / (silent - steady)).clamp(0.0, 1.0)
    }

    fn lead_over(&mut self, samples: &mut [i16]) {
        let lost_ms = self.filled / self.per_ms;
        let overlap = (OVERLAP + lost_ms / 4).min(MOST_OVERLAP) * self.per_ms;
        let overlap = overlap.min(samples.len());
        for (n, sample) in samples[..overlap].iter_mut().enumerate() {
            let share = (n + 1) as f32 / (overlap + 1) as f32;
            let before = if self.gain() > 0.0 { self.next() } else { 0.0 };
            *sample = (before * (1.0 - share) + f32::from(*sample) * share) as i16;
        }
    }

    /// Takes the last cycles of what was heard as the piece to repeat, and joins its end to its start.
    fn choose_piece(&mut self) {
        let pitch = self.pitch();
        let length = if pitch < SHORTEST_PIECE * self.per_ms { 2 * pitch } else { pitch };
        let start = self.history.len() - length;
        let join = pitch / 4;
        for n in 0..length {
            let mut value = f32::from(self.history[start + n]);
            if let Some(joined) = (n + join + 1).checked_sub(length) {
                // The end of the piece turns into what stood before its start.
                let share = joined as f32 / join as f32;
                let before = f32::from(self.history[start + n - length]);
                value = value * (1.0 - share) + before * share;
            }
            self.piece[n] = value;
        }
        self.length = length;
        self.at = 0;
        let last = f32::from(self.history[self.history.len() - 1]);
        self.step = last - self.piece[0];
    }

    /// The lag at which the last sound is most like what came before it: a coarse search at 4 kHz, then around its best.
    fn pitch(&self) -> usize {
        let shortest = SHORTEST_PITCH * self.per_ms;
        let longest = LONGEST_PITCH * self.per_ms;
        let stride = self.per_ms / 4;
        let coarse = self.likest((shortest..=longest).step_by(stride), stride);
        let near = coarse.saturating_sub(stride).max(shortest)..=(coarse + stride).min(longest);
        self.likest(near, stride)
    }

    fn likest(&self, lags: impl Iterator<Item = usize>, stride: usize) -> usize {
        let window = &self.history[self.history.len() - WINDOW * self.per_ms..];
        let begin = self.history.len() - window.len();
        let mut best = (f32::MIN, SHORTEST_PITCH * self.per_ms);
        for lag in lags {
            let (mut product, mut energy) = (0.0, 1.0);
            for n in (0..window.len()).step_by(stride) {
                let past = f32::from(self.history[begin + n - lag]);
                product += past * f32::from(window[n]);
                energy += past * past;
            }
            let likeness = product / energy.sqrt();
            if likeness > best.0 {
                best = (likeness, lag);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voice of 140 Hz with overtones, at a third of full scale.
    fn voice(rate: Rate, samples: usize) -> Vec<i16> {
        let step = 140.0 * std::f64::consts::TAU / f64::from(rate.hz());
        let at = |n: usize| {
            let phase = n as f64 * step;
            phase.sin() + 0.5 * (3.0 * phase).sin() + 0.3 * (7.0 * phase).sin()
        };
        (0..samples).map(|n| (6000.0 * at(n)) as i16).collect()
    }

    fn widest_step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }

    fn power(samples: &[i16]) -> f64 {
        samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64
    }

    /// A gap of `lost` frames in the middle of a voice: what is heard, and where the gap stands.
    fn with_gap(rate: Rate, lost: usize) -> (Vec<i16>, std::ops::Range<usize>) {
        let frame = rate.samples();
        let whole = voice(rate, frame * (10 + lost));
        let mut concealer = Concealer::new(rate);
        let mut heard = Vec::new();
        let gap = 5 * frame..(5 + lost) * frame;
        for (n, packet) in whole.chunks(frame).enumerate() {
            if gap.contains(&(n * frame)) {
                concealer.fill(frame, &mut heard);
            } else {
                let from = heard.len();
                heard.extend_from_slice(packet);
                concealer.heard(&mut heard[from..]);
            }
        }
        (heard, gap)
    }

    const RATES: [Rate; 3] = [Rate::Narrow, Rate::Wide, Rate::Full];

    #[test]
    fn a_gap_clicks_no_more_than_the_voice_around_it() {
        for rate in RATES {
            for lost in 1..=6 {
                let (heard, _) = with_gap(rate, lost);
                let usual = widest_step(&voice(rate, 5 * rate.samples()));
                assert!(widest_step(&heard) <= usual * 13 / 10, "{rate:?} {lost}: {} > {usual}", widest_step(&heard));
            }
        }
    }

    #[test]
    fn one_lost_frame_sounds_like_the_voice_it_replaces() {
        for rate in RATES {
            let (heard, gap) = with_gap(rate, 1);
            let whole = voice(rate, heard.len());
            let error: Vec<i16> = gap.clone().map(|n| heard[n].wrapping_sub(whole[n]) / 2).collect();
            let ratio = power(&whole[gap]) / (4.0 * power(&error));
            assert!(ratio > 4.0, "{rate:?}: the gap is only {ratio:.1} times above its error");
        }
    }

    #[test]
    fn a_long_gap_becomes_silent_and_the_voice_comes_back() {
        let (heard, gap) = with_gap(Rate::Narrow, 6);
        let silent = gap.start + SILENT * 8;
        assert!(heard[silent..gap.end].iter().all(|&sample| sample == 0));
        let whole = voice(Rate::Narrow, heard.len());
        let back = gap.end + MOST_OVERLAP * 8;
        assert_eq!(heard[back..], whole[back..]);
    }

    #[test]
    fn a_gap_before_any_sound_is_silence() {
        let mut samples = Vec::new();
        Concealer::new(Rate::Full).fill(1920, &mut samples);
        assert_eq!(samples, [0; 1920]);
    }

    #[test]
    fn no_sound_at_all_overflows() {
        for rate in RATES {
            let mut concealer = Concealer::new(rate);
            for missing in [1, 7, 160, 961, 20_000] {
                for level in [i16::MIN, i16::MAX, 0] {
                    let mut sound = vec![level; missing];
                    concealer.heard(&mut sound);
                    sound.clear();
                    concealer.fill(missing, &mut sound);
                    assert_eq!(sound.len(), missing);
                }
            }
        }
    }
}
