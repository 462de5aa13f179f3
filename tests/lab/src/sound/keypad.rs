//! Keys as sound (ITU-T Q.23), made and heard by other code than the server's: a table and sixteen correlations.

use std::f64::consts::TAU;
use std::time::Duration;

use patchcord_media::dtmf::Key;
use patchcord_media::frame::Rate;
use patchcord_media::tone::{Partial, Step};

use super::fft::peak_at;

const KEYPAD: [&str; 4] = ["123A", "456B", "789C", "*0#D"];
const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// How loud each of the two sines is, and how long the pause behind a key.
const KEY_DBM0: f32 = -10.0;
const PAUSE: Duration = Duration::from_millis(80);

/// What is listened to at once, and how far apart such pieces begin.
const PIECE_MS: usize = 40;
const STRIDE_MS: usize = 20;
/// The weakest sine that counts, as its peak: about -36 dBm0.
const WEAKEST: f64 = 350.0;
/// How much stronger than its neighbours each of the two is.
const CLEARER: f64 = 3.0;

/// A key as it sounds, and the pause behind it.
pub(crate) fn sines(key: Key, each: Duration) -> [Step; 2] {
    let place = KEYPAD.iter().enumerate().find_map(|(row, keys)| Some((row, keys.find(key.as_char())?)));
    let (row, column) = place.expect("every key stands on the keypad");
    let partials = [ROWS[row], COLUMNS[column]].map(|hz| Partial { hz, dbm0: KEY_DBM0 });
    [Step::sound(&partials, Some(each)), Step::silence(PAUSE)]
}

/// The keys in a stretch of sound.
pub(crate) fn keys(samples: &[f32], rate: Rate) -> String {
    let (piece, stride) = (rate.hz() as usize * PIECE_MS / 1000, rate.hz() as usize * STRIDE_MS / 1000);
    let (mut keys, mut down, mut before) = (String::new(), None, None);
    for start in (0..samples.len().saturating_sub(piece)).step_by(stride) {
        let heard = key(&samples[start..start + piece], rate);
        // Twice in a row is a key: a piece that is half in it may sound like anything.
        if heard == before && heard != down {
            down = heard;
            keys.extend(heard);
        }
        before = heard;
    }
    keys
}

fn key(piece: &[f32], rate: Rate) -> Option<char> {
    let strongest = |tones: &[f32; 4]| {
        let peaks = tones.map(|hz| peak_at(piece, TAU * f64::from(hz) / f64::from(rate.hz())));
        let best = (0..4).max_by(|a, b| peaks[*a].total_cmp(&peaks[*b]))?;
        let rest = (0..4).filter(|n| *n != best).map(|n| peaks[n]).fold(0.0, f64::max);
        (peaks[best] > WEAKEST && peaks[best] > rest * CLEARER).then_some(best)
    };
    let (row, column) = (strongest(&ROWS)?, strongest(&COLUMNS)?);
    KEYPAD[row].chars().nth(column)
}

#[cfg(test)]
mod tests {
    use patchcord_media::tone::Tone;

    use super::*;

    #[test]
    fn every_key_is_heard_as_it_is_pressed_also_twice() {
        let pressed = "1234567890*#ABCD55";
        let parsed = pressed.chars().filter_map(Key::of_char);
        let steps = parsed.flat_map(|key| sines(key, Duration::from_millis(100))).collect();
        let mut sound = Vec::new();
        Tone::new(Rate::Narrow, steps, false).fill(8000 * 4, &mut sound);
        let floats: Vec<f32> = sound.iter().map(|&sample| f32::from(sample)).collect();
        assert_eq!(keys(&floats, Rate::Narrow), pressed);
    }
}
