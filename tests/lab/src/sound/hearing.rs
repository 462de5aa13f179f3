//! A stretch of what a phone heard, and what can be said of it: whom, how loud, with which gaps.

use std::f64::consts::TAU;
use std::time::Duration;

use patchcord_media::codec::level;
use patchcord_media::frame::Rate;

use super::fft::{peak_at, spectrum};
use super::keypad;
use super::voice::{SPOKEN_DBM0, Voice};

/// Who is weaker than he spoke by more than this is not heard: far below any volume that a server would choose, far above
/// what companding makes of the others.
const HEARD_DB: f32 = -25.0;
/// What is weaker than the loud parts by more than this is a gap.
const GAP_DB: f64 = -15.0;
/// Half of the distance between two voices.
const NEAR_HZ: f64 = 2.4;
/// Long enough for two waves of the lowest voice.
const BLOCK: Duration = Duration::from_millis(5);
/// How far a sample may lie from where the wave goes, as a part of its peak; µ-law strays a tenth of that.
const CLICK: f64 = 0.3;

/// What was heard in a stretch of time.
#[derive(Clone)]
pub struct Hearing {
    rate: Rate,
    samples: Vec<i16>,
    known: Vec<Voice>,
}

impl Hearing {
    pub(crate) fn new(rate: Rate, samples: Vec<i16>, known: Vec<Voice>) -> Self {
        Self { rate, samples, known }
    }

    /// Who is heard, in the order in which the phones were made.
    pub fn voices(&self) -> Vec<Voice> {
        let mut floats = self.floats();
        let long = floats.len();
        let floor = f64::from(level::peak_of_tone(SPOKEN_DBM0 + HEARD_DB));
        let exact = floats.clone();
        // Silence behind the sound shows a peak between two places more finely.
        floats.resize(2 * long.next_power_of_two(), 0.0);
        let heard = Peaks { heard: spectrum(&floats, long), hz: f64::from(self.rate.hz()) / floats.len() as f64 };
        // A tone fills as much of the spectrum as the stretch is short.
        let flank = 2.0 * f64::from(self.rate.hz()) / long as f64;
        let mut voices: Vec<Voice> = self
            .known
            .iter()
            .filter(|voice| heard.stands_out(f64::from(voice.hz()), flank, floor / 2.0))
            .filter(|voice| peak_at(&exact, voice.step(self.rate)) > floor)
            .cloned()
            .collect();
        voices.sort_by_key(Voice::number);
        voices
    }

    /// The same in pieces of that length, one after the other.
    pub fn pieces(&self, length: Duration) -> impl Iterator<Item = Self> {
        let samples = (length.as_secs_f64() * f64::from(self.rate.hz())) as usize;
        self.samples.chunks_exact(samples).map(|piece| Self::new(self.rate, piece.to_vec(), self.known.clone()))
    }

    /// How loud somebody is, in decibels beside what he spoke: 0 is unchanged.
    pub fn level_of(&self, voice: &Voice) -> f32 {
        let peak = peak_at(&self.floats(), voice.step(self.rate));
        let spoken = f64::from(level::peak_of_tone(SPOKEN_DBM0));
        (20.0 * (peak.max(1e-3) / spoken).log10()) as f32
    }

    /// How loud a tone of that frequency is, in dBm0; for what a server plays.
    pub fn tone(&self, hz: f64) -> f32 {
        let peak = peak_at(&self.floats(), TAU * hz / f64::from(self.rate.hz()));
        let full = f64::from(level::peak_of_tone(0.0));
        ((20.0 * (peak / full).max(1e-9).log10()) as f32).max(level::SILENCE)
    }

    /// How loud everything together is, in dBm0.
    pub fn level(&self) -> f32 {
        level::dbm0(&self.samples)
    }

    /// Whether nothing is to be heard, or no more than the noise of a codec.
    pub fn is_silent(&self) -> bool {
        self.level() < -55.0
    }

    /// The longest time in which it was silent between what was said; all of it when nothing was said.
    pub fn longest_gap(&self) -> Duration {
        let (block, step) = (samples_of(BLOCK, self.rate), samples_of(Duration::from_millis(1), self.rate));
        let power = |at: usize| {
            let squares = self.samples[at..at + block].iter().map(|&sample| f64::from(sample).powi(2));
            squares.sum::<f64>() / block as f64
        };
        let powers: Vec<f64> = (0..self.samples.len().saturating_sub(block)).step_by(step.max(1)).map(power).collect();
        let mut sorted = powers.clone();
        sorted.sort_by(f64::total_cmp);
        let Some(loud) = sorted.get(sorted.len() * 9 / 10).copied().filter(|loud| *loud > 100.0) else {
            return self.duration();
        };
        let floor = loud * 10f64.powf(GAP_DB / 10.0);
        let (mut longest, mut run) = (0u64, 0u64);
        for power in powers {
            run = if power < floor { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        // A block that is silent all through says so from the block's length on.
        if longest == 0 { Duration::ZERO } else { Duration::from_millis(longest - 1) + BLOCK }
    }

    /// How often the wave of the one who is heard breaks: a frame too many or too few, or a seam that was not faded.
    /// Only for one voice at a time.
    pub fn clicks(&self, voice: &Voice) -> usize {
        let (floats, step) = (self.floats(), voice.step(self.rate));
        let peak = peak_at(&floats, step).max(1.0);
        let bend = 2.0 * step.cos();
        let quiet = samples_of(BLOCK, self.rate);
        let (mut clicks, mut since) = (0, quiet);
        for wave in floats.windows(3) {
            let [before, here, after] = [0, 1, 2].map(|n| f64::from(wave[n]));
            // Of a sine, any three samples in a row keep this law.
            let strays = (before - bend * here + after).abs() > CLICK * peak;
            if strays && since >= quiet {
                clicks += 1;
            }
            since = if strays { 0 } else { since + 1 };
        }
        clicks
    }

    /// The keys that were pressed as tones in the sound.
    pub fn keys(&self) -> String {
        keypad::keys(&self.floats(), self.rate)
    }

    /// How long this stretch is.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.samples.len() as u64 * 1_000_000 / u64::from(self.rate.hz()))
    }

    /// The samples.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// Their rate.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    fn floats(&self) -> Vec<f32> {
        if self.samples.is_empty() { vec![0.0] } else { self.samples.iter().map(|&sample| f32::from(sample)).collect() }
    }
}

/// A spectrum, and how many hertz lie between two places of it.
struct Peaks {
    heard: Vec<f64>,
    hz: f64,
}

impl Peaks {
    /// Whether there is a peak at this frequency, and not the flank of a stronger one nearby.
    fn stands_out(&self, hz: f64, flank: f64, floor: f64) -> bool {
        let here = self.strongest(hz, NEAR_HZ);
        here > floor && here >= self.strongest(hz, flank.max(NEAR_HZ))
    }

    fn strongest(&self, hz: f64, around: f64) -> f64 {
        let place = |hz: f64| (hz / self.hz).round().max(0.0) as usize;
        let places = place(hz - around)..(place(hz + around) + 1).min(self.heard.len());
        self.heard.get(places).unwrap_or_default().iter().copied().fold(0.0, f64::max)
    }
}

fn samples_of(time: Duration, rate: Rate) -> usize {
    (time.as_micros() * u128::from(rate.hz()) / 1_000_000) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<Voice> {
        ["alice", "bob", "carol", "dave"].iter().enumerate().map(|(n, name)| Voice::numbered(n, name)).collect()
    }

    fn said(voices: &[&Voice], rounds: usize) -> Vec<i16> {
        let mut sum = vec![0i16; voices.first().map_or(1600, |voice| voice.round(Rate::Narrow).len())];
        for voice in voices {
            voice.round(Rate::Narrow).iter().zip(&mut sum).for_each(|(sample, sum)| *sum += sample);
        }
        sum.repeat(rounds)
    }

    fn hearing(samples: Vec<i16>) -> Hearing {
        Hearing::new(Rate::Narrow, samples, known())
    }

    #[test]
    fn voices_are_told_apart_with_their_levels() {
        let voices = known();
        let heard = hearing(said(&[&voices[1], &voices[3]], 3));
        assert_eq!(heard.voices(), [voices[1].clone(), voices[3].clone()]);
        assert!(heard.level_of(&voices[1]).abs() < 0.1, "{}", heard.level_of(&voices[1]));
        assert!(heard.level_of(&voices[0]) < -40.0, "{}", heard.level_of(&voices[0]));
    }

    #[test]
    fn three_in_one_mix_are_told_apart_behind_every_codec() {
        use patchcord_media::codec::{Kind, Settings};

        let voices = known();
        // Opus keeps what ears notice, and a mix of bare sines not to the decibel.
        for (codec, most) in [(Kind::Pcmu, 0.2), (Kind::Pcma, 0.2), (Kind::G722, 0.5), (Kind::Opus, 1.5)] {
            let rate = codec.rate();
            let mut mix = vec![0i16; voices[0].round(rate).len()];
            for voice in &voices[..3] {
                voice.round(rate).iter().zip(&mut mix).for_each(|(sample, sum)| *sum += sample);
            }
            let mut encoder = codec.encoder(&Settings::default()).expect("a codec that is spoken");
            let mut decoder = codec.decoder().expect("a codec that is spoken");
            let (mut payload, mut heard) = (Vec::new(), Vec::new());
            for frame in mix.repeat(4).chunks(rate.samples()) {
                payload.clear();
                encoder.encode(frame, &mut payload);
                decoder.decode(&payload, &mut heard).expect("what the encoder made");
            }
            let heard = Hearing::new(rate, heard.split_off(heard.len() / 2), voices.clone());
            assert_eq!(heard.voices(), voices[..3], "{codec:?}");
            for voice in &voices[..3] {
                assert!(heard.level_of(voice).abs() < most, "{codec:?}: {voice:?} {} dB", heard.level_of(voice));
            }
        }
    }

    #[test]
    fn the_nearest_voice_is_not_taken_for_the_one_that_speaks() {
        let voices: Vec<Voice> = (0..200).map(|number| Voice::numbered(number, &number.to_string())).collect();
        for voice in voices.iter().step_by(7) {
            let heard = Hearing::new(Rate::Narrow, voice.round(Rate::Narrow)[..1500].to_vec(), voices.clone());
            assert_eq!(heard.voices(), std::slice::from_ref(voice));
        }
    }

    #[test]
    fn half_as_loud_is_six_decibels_less() {
        let voices = known();
        let half = said(&[&voices[2]], 3).iter().map(|sample| sample / 2).collect();
        assert!((hearing(half).level_of(&voices[2]) + 6.02).abs() < 0.1);
    }

    #[test]
    fn silence_has_nobody_in_it_and_is_one_gap() {
        let heard = hearing(vec![0; 4000]);
        assert!(heard.voices().is_empty());
        assert!(heard.is_silent());
        assert_eq!(heard.longest_gap(), Duration::from_millis(500));
    }

    #[test]
    fn a_gap_is_as_long_as_it_is() {
        let voices = known();
        let mut sound = said(&[&voices[0]], 3);
        assert_eq!(hearing(sound.clone()).longest_gap(), Duration::ZERO);
        sound[1000..1160].fill(0);
        let gap = hearing(sound).longest_gap();
        assert!(gap.abs_diff(Duration::from_millis(20)) <= Duration::from_millis(2), "{gap:?}");
    }

    #[test]
    fn a_skipped_frame_is_a_click_where_it_is_no_gap() {
        for voice in known() {
            let mut sound = said(&[&voice], 4);
            assert_eq!(hearing(sound.clone()).clicks(&voice), 0, "{voice:?}");
            sound.drain(2000..2160);
            let heard = hearing(sound);
            assert_eq!(heard.clicks(&voice), 1, "{voice:?}");
            assert!(heard.longest_gap() < Duration::from_millis(5));
        }
    }
}
