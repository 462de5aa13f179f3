//! The two sines of each key (ITU-T Q.23), and a voice for them.

use std::time::Duration;

use super::key::Key;
use crate::frame::Rate;
use crate::tone::{Partial, Step, Tone};

/// The frequencies of the rows and of the columns.
pub const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
/// The frequencies of the columns.
pub const COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];

/// Where each key stands: row by row.
const KEYPAD: &[u8; 16] = b"123A456B789C*0#D";

/// The level of the low sine; the high one is 2 dB louder, because lines lose more of it.
const LOW_DBM0: f32 = -9.0;
const HIGH_DBM0: f32 = -7.0;

/// The shortest press and the shortest pause that every receiver must hear (ITU-T Q.24).
pub const SHORTEST: Duration = Duration::from_millis(40);
/// The longest press.
pub const LONGEST: Duration = Duration::from_secs(30);
/// The pause behind a key.
pub const PAUSE: Duration = Duration::from_millis(80);

/// The key in this row and column.
pub(super) fn key_at(row: usize, column: usize) -> Option<Key> {
    KEYPAD.get(row * 4 + column).and_then(|&written| Key::of_char(char::from(written)))
}

/// The sound of a key, held for so long, and the pause behind it.
#[must_use]
pub fn steps(key: Key, duration: Duration) -> [Step; 2] {
    let place = KEYPAD.iter().position(|&written| char::from(written) == key.as_char());
    let (row, column) = place.map(|place| (place / 4, place % 4)).expect("every key stands on the keypad");
    let sines = [Partial { hz: ROWS[row], dbm0: LOW_DBM0 }, Partial { hz: COLUMNS[column], dbm0: HIGH_DBM0 }];
    [Step::sound(&sines, Some(duration.clamp(SHORTEST, LONGEST))), Step::silence(PAUSE)]
}

/// The sound of some keys, one after another.
#[must_use]
pub fn sound(rate: Rate, keys: &[Key], duration: Duration) -> Tone {
    Tone::new(rate, keys.iter().flat_map(|&key| steps(key, duration)).collect(), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::hearing::loss_of_tone;
    use crate::codec::level;

    #[test]
    fn a_key_sounds_as_its_two_sines_at_their_levels() {
        let mut samples = Vec::new();
        sound(Rate::Narrow, &[Key::of_char('6').unwrap()], Duration::from_millis(500)).fill(4000, &mut samples);
        for (hz, dbm0) in [(770.0, LOW_DBM0), (1477.0, HIGH_DBM0)] {
            let heard = loss_of_tone(&samples[80..3920], hz, Rate::Narrow, f64::from(level::peak_of_tone(dbm0)));
            assert!(heard.loss.abs() < 0.2, "{hz} Hz: {:.2} dB", heard.loss);
        }
    }

    #[test]
    fn every_key_has_its_place() {
        let keys: Vec<_> = (0..16).filter_map(|place| key_at(place / 4, place % 4)).collect();
        assert!(keys.len() == 16 && Key::all().all(|key| keys.contains(&key)));
        assert_eq!(key_at(4, 0), None);
    }

    #[test]
    fn keys_follow_each_other_with_a_pause_and_without_a_click() {
        let keys: Vec<_> = "12".chars().filter_map(Key::of_char).collect();
        let mut samples = Vec::new();
        let made = sound(Rate::Full, &keys, Duration::ZERO).fill(48_000, &mut samples);
        assert_eq!(made, 2 * 48 * (40 + 80));
        let widest = samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max();
        // Both sines together move by 2700 a sample at most.
        assert!(widest < Some(2800), "{widest:?}");
    }
}
