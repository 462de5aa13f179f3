//! Keys as tones in the sound, for a party that takes no events beside it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::dtmf::sender::MAX_WAITING;
use crate::dtmf::{Key, tones};
use crate::frame::Rate;
use crate::tone::Tone;

/// See the file. It knows no clock: who asks for a frame every 20 ms hears keys at their length.
#[derive(Default)]
pub(crate) struct Voiced {
    waiting: VecDeque<(Key, Duration)>,
    /// The key that sounds, and the pause behind it.
    sounding: Option<(Rate, Tone)>,
}

impl Voiced {
    /// Says a key behind those that wait; false when too many do.
    pub fn press(&mut self, key: Key, duration: Duration) -> bool {
        let has_room = self.waiting.len() < MAX_WAITING;
        if has_room {
            self.waiting.push_back((key, duration));
        }
        has_room
    }

    /// Whether nothing sounds and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.sounding.is_none() && self.waiting.is_empty()
    }

    /// The next frame, at this rate. A key that began at another is cut short: the party changed its codec.
    pub fn frame(&mut self, rate: Rate, sound: &mut Vec<i16>) {
        sound.clear();
        while sound.len() < rate.samples() {
            let Some((_, tone)) = self.sounding.as_mut().filter(|(begun, _)| *begun == rate) else {
                let Some((key, duration)) = self.waiting.pop_front() else { break };
                self.sounding = Some((rate, tones::sound(rate, &[key], duration)));
                continue;
            };
            let missing = rate.samples() - sound.len();
            if tone.fill(missing, sound) < missing {
                self.sounding = None;
            }
        }
        if sound.len() < rate.samples() {
            self.sounding = None;
            sound.resize(rate.samples(), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::{Detector, News};

    fn key(written: char) -> Key {
        Key::of_char(written).expect("a key")
    }

    #[test]
    fn keys_are_heard_in_their_order_and_then_nothing() {
        for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
            let (mut voiced, mut detector, mut heard) = (Voiced::default(), Detector::new(rate), String::new());
            "4711".chars().for_each(|written| assert!(voiced.press(key(written), Duration::from_millis(100))));
            let mut sound = Vec::new();
            let mut frames = 0;
            while !voiced.is_idle() {
                voiced.frame(rate, &mut sound);
                assert_eq!(sound.len(), rate.samples());
                detector.hear(&sound, |news| {
                    if let News::Up(press) = news {
                        heard.push(press.key.as_char());
                    }
                });
                frames += 1;
            }
            // 100 ms and a pause of 80 each; the frame that finds the end is one more.
            assert_eq!((heard.as_str(), frames), ("4711", 4 * 9 + 1));
            voiced.frame(rate, &mut sound);
            assert!(sound.iter().all(|sample| *sample == 0));
        }
    }

    #[test]
    fn more_keys_than_anybody_dials_at_once_are_refused() {
        let mut voiced = Voiced::default();
        let taken = (0..100).filter(|_| voiced.press(key('5'), Duration::ZERO)).count();
        assert_eq!(taken, MAX_WAITING);
    }

    #[test]
    fn another_codec_cuts_a_key_short_and_the_next_one_is_whole() {
        let mut voiced = Voiced::default();
        voiced.press(key('1'), Duration::from_secs(5));
        voiced.press(key('2'), Duration::from_millis(40));
        let mut sound = Vec::new();
        voiced.frame(Rate::Narrow, &mut sound);
        (0..6).for_each(|_| voiced.frame(Rate::Wide, &mut sound));
        voiced.frame(Rate::Wide, &mut sound);
        assert!(voiced.is_idle(), "only the second is left after the change");
    }
}
