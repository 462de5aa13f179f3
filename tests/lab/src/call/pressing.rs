//! Keys, pressed and heard, by every way there is.

use std::time::Duration;

use patchcord_media::dtmf::{Key, Press};
use tokio::time::{interval, timeout};

use super::handset::{BETWEEN_QUESTIONS, Handset};
use super::model::Keypad;
use crate::wait::PATIENCE;

/// How long each key is pressed.
const PRESS: Duration = Duration::from_millis(100);

impl Handset {
    /// Presses keys, the way its model does it, and waits until all are sent.
    pub async fn press(&self, keys: &str) {
        let keypad = self.set.machine().model.keypad;
        self.press_by(keypad, keys).await;
    }

    /// The same another way.
    pub async fn press_by(&self, keypad: Keypad, keys: &str) {
        self.has_sound().await;
        let parsed: Vec<Key> = keys.chars().map(|key| Key::of_char(key).expect("a key of a telephone")).collect();
        let leg = self.leg();
        let port = self.set.machine().legs[leg].port.clone();
        match keypad {
            Keypad::Events => port.ends().mouth.press_events(&parsed, PRESS),
            Keypad::Tones => port.ends().mouth.press_tones(&parsed, PRESS),
            Keypad::InfoRelay => {
                for key in parsed {
                    let body = format!("Signal={key}\r\nDuration={}\r\n", PRESS.as_millis());
                    self.asks("INFO", &[], Some(("application/dtmf-relay", &body))).await;
                }
            }
            Keypad::InfoPlain => {
                for key in parsed {
                    self.asks("INFO", &[], Some(("application/dtmf", &key.to_string()))).await;
                }
            }
        }
        self.until("has sent its keys", |_| port.ends().mouth.is_idle().then_some(())).await;
    }

    /// The keys that came as events or as INFO in its call, in the order of each way.
    pub fn keys(&self) -> Vec<Press> {
        let machine = self.set.machine();
        let Some(leg) = machine.legs.last() else { return Vec::new() };
        let mut pressed = leg.port.ends().ear.pressed.clone();
        pressed.extend(&leg.informed);
        pressed
    }

    /// Waits until these keys have come, as events or as INFO.
    pub async fn is_pressed(&self, keys: &str) {
        let fact = format!("is pressed {keys}");
        let written = || self.keys().iter().map(|press| press.key.as_char()).collect::<String>();
        let waiting = async {
            let mut rhythm = interval(BETWEEN_QUESTIONS);
            while written() != keys {
                rhythm.tick().await;
            }
        };
        let came = timeout(PATIENCE, waiting).await;
        came.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain: {} {fact}, but {:?}", self.name(), self.keys()));
    }
}
