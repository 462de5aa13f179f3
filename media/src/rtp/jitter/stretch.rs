//! Makes sound a little shorter or longer without anybody noticing: a stretch of it is laid over another that looks the
//! same one or several pitch periods away (waveform similarity overlap-add). Knows no packets and remembers nothing.

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch {
    /// Leave something out, where it is not heard.
    Shorten,
    /// Leave something out, heard or not.
    ShortenAnyway,
    /// Put something in, where it is not heard.
    Lengthen,
}

/// Sound that looks this much the same may be laid over one another; 1 is exactly.
const SAME: f32 = 0.7;
/// Sound whose square is below this on average is silence: any two stretches of it are the same.
const SILENCE: f32 = 400.0;

/// Samples that are needed at the end of the sound: 20 ms.
#[must_use]
pub const fn needed(hz: u32) -> usize {
    hz as usize / 50
}

/// Works on the last [`needed`] samples of `sound`; how many samples there are more now (or fewer, when negative). Nothing
/// happens where there are too few or where it would be heard.
pub fn stretch(sound: &mut Vec<i16>, hz: u32, how: Stretch) -> i32 {
    let Some(start) = sound.len().checked_sub(needed(hz)) else { return 0 };
    let fade = hz as usize / 160;
    let (lag, likeness) = most_alike(&sound[start..], fade, hz);
    if likeness < SAME && how != Stretch::ShortenAnyway {
        return 0;
    }
    match how {
        Stretch::Shorten | Stretch::ShortenAnyway => {
            let part = &mut sound[start..];
            for step in 0..fade {
                part[step] = between(part[step], part[step + lag], step, fade);
            }
            part.copy_within(fade + lag.., fade);
            sound.truncate(sound.len() - lag);
            -(lag as i32)
        }
        Stretch::Lengthen => {
            let length = sound.len();
            sound.resize(length + lag, 0);
            sound.copy_within(start + fade..length, start + fade + lag);
            let part = &mut sound[start..];
            // From the end, because what is written here is read for the steps before.
            for step in (0..fade).rev() {
                part[step + lag] = between(part[step + lag], part[step], step, fade);
            }
            lag as i32
        }
    }
}

/// A sample on the way from one sound to another.
fn between(from: i16, to: i16, step: usize, steps: usize) -> i16 {
    let (from, to, step, steps) = (i32::from(from), i32::from(to), step as i32, steps as i32);
    ((from * (steps - step) + to * step) / steps) as i16
}

/// The distance, 2.5 to 12.5 ms, at which sound looks most like its beginning, and how much it does.
fn most_alike(sound: &[i16], fade: usize, hz: u32) -> (usize, f32) {
    // Pitch is to be found below 4 kHz; looking at every sixth sample of 48 kHz is enough for it.
    let skip = (hz as usize / 8000).max(1);
    let (shortest, longest) = (hz as usize / 400, hz as usize / 80);
    let energy: f32 = (0..fade).step_by(skip).map(|at| f32::from(sound[at]).powi(2)).sum();
    let count = fade.div_ceil(skip) as f32;
    if energy < SILENCE * count {
        let far: f32 = (0..fade).step_by(skip).map(|at| f32::from(sound[at + longest]).powi(2)).sum();
        if far < SILENCE * count {
            return (longest, 1.0);
        }
    }
    let likeness = |lag: usize| {
        let (mut product, mut far) = (0.0, 0.0);
        for at in (0..fade).step_by(skip) {
            let (here, there) = (f32::from(sound[at]), f32::from(sound[at + lag]));
            product += here * there;
            far += there * there;
        }
        product / (energy * far).sqrt().max(1.0)
    };
    let best = |lags: &mut dyn Iterator<Item = usize>| {
        lags.map(|lag| (lag, likeness(lag))).max_by(|one, other| one.1.total_cmp(&other.1))
    };
    let Some(coarse) = best(&mut (shortest..=longest).step_by(skip)) else { return (shortest, 0.0) };
    let near = coarse.0.saturating_sub(skip - 1).max(shortest)..=(coarse.0 + skip - 1).min(longest);
    best(&mut near.into_iter()).unwrap_or(coarse)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tone(hz: u32, pitch: f32, length: usize) -> Vec<i16> {
        let angle = std::f32::consts::TAU * pitch / hz as f32;
        (0..length).map(|at| (8000.0 * (angle * at as f32).sin()) as i16).collect()
    }

    /// The largest step from one sample to the next.
    fn steepest(sound: &[i16]) -> i32 {
        sound.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn a_tone_becomes_shorter_and_longer_without_a_click() {
        for hz in [8000, 16_000, 48_000] {
            for pitch in [100.0, 155.0, 440.0, 1000.0] {
                for how in [Stretch::Shorten, Stretch::Lengthen] {
                    let mut sound = tone(hz, pitch, hz as usize / 25);
                    let (length, steep) = (sound.len(), steepest(&sound));
                    let more = stretch(&mut sound, hz, how);
                    assert_eq!(sound.len() as i32, length as i32 + more);
                    let lag = more.unsigned_abs() as usize;
                    assert!((hz as usize / 400..=hz as usize / 80).contains(&lag), "{hz} {pitch} {how:?}: {lag}");
                    assert!(steepest(&sound) <= steep * 5 / 4 + 2, "{hz} {pitch} {how:?}");
                }
            }
        }
    }

    #[test]
    fn noise_is_left_alone_unless_it_must_be() {
        let mut state = 1u32;
        let mut noise: Vec<i16> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 18) as i16
        })
        .take(160)
        .collect();
        noise.iter_mut().for_each(|sample| *sample -= 8192);
        let before = noise.clone();
        assert_eq!(stretch(&mut noise, 8000, Stretch::Shorten), 0);
        assert_eq!(stretch(&mut noise, 8000, Stretch::Lengthen), 0);
        assert_eq!(noise, before);
        assert!(stretch(&mut noise, 8000, Stretch::ShortenAnyway) < 0);
    }

    #[test]
    fn silence_gives_the_most() {
        let mut silence = vec![3; 160];
        assert_eq!(stretch(&mut silence, 8000, Stretch::Shorten), -100);
        assert_eq!(stretch(&mut silence, 8000, Stretch::Lengthen), 0, "too little is left");
        assert_eq!(stretch(&mut vec![0; 160], 8000, Stretch::Lengthen), 100);
    }

    proptest! {
        #[test]
        fn the_ends_stay_and_nothing_grows_louder(
            sound in proptest::collection::vec(any::<i16>(), 0..400), how in 0..3u8, rate in 0..3usize,
        ) {
            let how = [Stretch::Shorten, Stretch::ShortenAnyway, Stretch::Lengthen][usize::from(how)];
            let hz = [8000, 16_000, 48_000][rate];
            let mut changed = sound.clone();
            let more = stretch(&mut changed, hz, how);
            prop_assert_eq!(changed.len() as i32, sound.len() as i32 + more);
            prop_assert_eq!(changed.first(), sound.first());
            prop_assert_eq!(changed.last(), sound.last());
            let loudest = |sound: &[i16]| sound.iter().map(|sample| sample.unsigned_abs()).max();
            prop_assert!(loudest(&changed) <= loudest(&sound));
        }
    }
}
