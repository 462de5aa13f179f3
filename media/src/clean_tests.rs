//! What a cleaner does to speech over a hiss, heard word by word.

use super::*;
use crate::prompt::{Limits, Loudness, decode};

/// A sentence of the house's own voice, with pauses in it.
fn speech(rate: Rate) -> Vec<i16> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/sounds/en/main-menu.opus");
    let bytes = std::fs::read(file).expect("the sounds that are shipped");
    let mut speech = vec![0; rate.hz() as usize];
    speech.extend(decode("main-menu", bytes, rate, Loudness::AsRecorded, &Limits::default()).expect("a prompt"));
    speech.truncate(6 * rate.hz() as usize);
    speech.resize(speech.len() + rate.hz() as usize, 0);
    speech.truncate(speech.len() / rate.samples() * rate.samples());
    speech
}

/// White noise with that peak, the same each time.
fn hiss(samples: usize, peak: i16) -> Vec<i16> {
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((i32::from((seed >> 16) as u16) - 32_768) * i32::from(peak) / 32_768) as i16
    };
    (0..samples).map(|_| next()).collect()
}

fn mixed(one: &[i16], other: &[i16]) -> Vec<i16> {
    one.iter().zip(other).map(|(one, other)| one.saturating_add(*other)).collect()
}

fn through(cleaner: &mut Cleaner, sound: &[i16], rate: Rate) -> Vec<i16> {
    sound.chunks_exact(rate.samples()).flat_map(|frame| cleaner.clean(frame, rate).to_vec()).collect()
}

/// Decibels below the loudest.
fn db(samples: impl Iterator<Item = i16>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0_f64);
    samples.for_each(|sample| {
        sum += f64::from(sample).powi(2);
        count += 1.0;
    });
    10.0 * (sum / count.max(1.0) / f64::from(i16::MAX).powi(2)).max(1e-12).log10()
}

/// How loud the words are, and how loud it is between them, by where the words of the clean sentence stand. The frames beside a
/// word belong to neither.
fn loudness(heard: &[i16], speech: &[i16], rate: Rate, late: usize) -> (f64, f64) {
    let frame = rate.samples();
    let heard = &heard[late..];
    let level: Vec<f64> = speech.chunks_exact(frame).map(|frame| db(frame.iter().copied())).collect();
    let pick = |wanted: &dyn Fn(usize) -> bool| {
        let frames = (0..heard.len() / frame).filter(|at| wanted(*at));
        db(frames.flat_map(|at| heard[at * frame..(at + 1) * frame].to_vec()))
    };
    let is_word = |at: usize| level[at] > -32.0;
    let is_pause =
        |at: usize| level[at.saturating_sub(25)..(at + 3).min(level.len())].iter().all(|db| *db < -65.0) && at > 40;
    (pick(&is_word), pick(&is_pause))
}

#[test]
fn hiss_is_gone_between_the_words_and_the_words_are_as_loud_as_they_were() {
    for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
        let speech = speech(rate);
        let noisy = mixed(&speech, &hiss(speech.len(), 400));
        let mut cleaner = Cleaner::new(None, true).expect("something to do");
        let clean = through(&mut cleaner, &noisy, rate);
        assert_eq!(clean.len(), noisy.len(), "a frame makes a frame");
        // One piece of the net, and what the resamplers hold back.
        let ways = if rate == Rate::Full { 0.0 } else { 2.0 * Resampler::new(rate, Rate::Full).delay().as_secs_f64() };
        let late = ((0.010 + ways) * f64::from(rate.hz())).round() as usize;
        let (words, pauses) = loudness(&noisy, &speech, rate, 0);
        let (clean_words, clean_pauses) = loudness(&clean, &speech, rate, late);
        assert!((clean_words - words).abs() < 1.0, "{rate:?}: words at {clean_words:.1} and were at {words:.1} dB");
        assert!((-50.0..-40.0).contains(&pauses), "{rate:?}: there was a hiss at {pauses:.1} dB");
        assert!(clean_pauses < pauses - 20.0, "{rate:?}: a hiss is left at {clean_pauses:.1} dB, of {pauses:.1} dB");
    }
}

#[test]
fn a_gate_shuts_out_what_is_quiet_and_lets_every_word_through() {
    let rate = Rate::Wide;
    let speech = speech(rate);
    let noisy = mixed(&speech, &hiss(speech.len(), 400));
    let mut cleaner = Cleaner::new(Some(-38), false).expect("something to do");
    let gated = through(&mut cleaner, &noisy, rate);
    let ((words, _), (gated_words, gated_pauses)) =
        (loudness(&noisy, &speech, rate, 0), loudness(&gated, &speech, rate, 0));
    assert!((gated_words - words).abs() < 0.2, "words at {gated_words:.1} and were at {words:.1} dB");
    assert!(gated_pauses < -100.0, "nothing at all between them: {gated_pauses:.1} dB");
}

#[test]
fn a_gate_opens_with_the_first_loud_frame_and_closes_behind_a_stop_within_a_word() {
    let (mut gate, least) = (Gate::default(), power_of(-40));
    let mut opens = |level: i16| {
        let mut frame = [level; 160];
        let is_loud = power(&frame) >= least;
        gate.pass(&mut frame, is_loud, HOLD);
        [frame[0], frame[80], frame[159]].map(|sample| sample > level / 2)
    };
    assert_eq!(opens(100), [false, false, false], "quiet");
    assert_eq!(opens(2000), [false, true, true], "opened within the frame");
    for _ in 1..HOLD {
        assert_eq!(opens(100), [true, true, true], "a stop within a word");
    }
    assert_eq!(opens(100), [true, false, false], "closed over a frame");
    assert_eq!(opens(100), [false, false, false]);
}

#[test]
fn nothing_to_do_is_no_cleaner_and_what_is_no_frame_stays() {
    assert!(Cleaner::new(None, false).is_none());
    let mut cleaner = Cleaner::new(Some(-20), true).expect("something to do");
    assert_eq!(cleaner.clean(&[5; 33], Rate::Narrow), [5; 33]);
    assert_eq!(cleaner.clean(&[], Rate::Full), [0_i16; 0]);
}
