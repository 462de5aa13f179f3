//! One seat of a room: its sound, its loudness, what it hears.

use super::{Gain, Hand, Limiter, Voice, power, ramp};

/// What a member hears in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hears {
    /// Nobody speaks, or the member is to hear nobody.
    Nothing,
    /// What all hear who are silent.
    Shared,
    /// Something of its own: it speaks itself, or hears somebody louder or softer than others do.
    Own,
}

/// See the file.
pub(super) struct Member {
    pub gain: Gain,
    pub is_muted: bool,
    pub is_deaf: bool,
    pub voice: Voice,
    pub is_chosen: bool,
    hand: Hand,
    /// This round's frame; empty when none came. Once the member is heard, as loud as it stands in the sum.
    sound: Vec<i16>,
    power: u32,
    /// The gain at the end of the last frame; none when it was not heard.
    reached: Gain,
    contributes: bool,
    own: Limiter,
    had_own: bool,
}

impl Member {
    /// Somebody who comes into a room with this loudness.
    pub fn new(room: Limiter) -> Self {
        Self {
            gain: Gain::UNITY,
            is_muted: false,
            is_deaf: false,
            voice: Voice::default(),
            is_chosen: false,
            hand: Hand::default(),
            sound: Vec::new(),
            power: 0,
            reached: Gain::NONE,
            contributes: false,
            own: room,
            had_own: false,
        }
    }

    /// Takes a frame.
    pub fn hear(&mut self, sound: &[i16]) {
        self.sound.clear();
        self.sound.extend_from_slice(sound);
        self.power = power(sound);
    }

    /// Whether it speaks in this round.
    pub fn listen(&mut self, automatic_gain: bool) -> bool {
        self.is_chosen = false;
        if self.sound.is_empty() {
            self.voice.miss();
            return false;
        }
        let speaks = self.voice.hear(self.power);
        if speaks && automatic_gain {
            self.hand.hear(self.power);
        }
        speaks
    }

    /// It is as loud again as it comes.
    pub fn let_go(&mut self) {
        self.hand = Hand::default();
    }

    /// Whether it was heard in the last round.
    pub fn was_heard(&self) -> bool {
        self.reached > Gain::NONE
    }

    /// Makes its sound as loud as it stands in the sum; false when it is not heard at all.
    pub fn contribute(&mut self) -> bool {
        let wanted = if self.is_chosen { self.gain.and(self.hand.gain()) } else { Gain::NONE };
        let from = std::mem::replace(&mut self.reached, wanted);
        self.contributes = !self.sound.is_empty() && (from > Gain::NONE || wanted > Gain::NONE);
        if self.contributes {
            ramp(&mut self.sound, from, wanted);
        }
        self.contributes
    }

    /// Whether it is in this round's sum.
    pub fn is_heard(&self) -> bool {
        self.contributes
    }

    /// What it adds to the sum.
    pub fn contribution(&self) -> &[i16] {
        if self.contributes { &self.sound } else { &[] }
    }

    /// The limiter of its own mix. One that begins now goes on from where the room's is.
    pub fn limiter(&mut self, room: Limiter) -> &mut Limiter {
        if !std::mem::replace(&mut self.had_own, true) {
            self.own = room;
        }
        &mut self.own
    }

    /// The round is over.
    pub fn forget(&mut self) {
        self.sound.clear();
        if !std::mem::take(&mut self.contributes) {
            self.had_own = false;
        }
    }
}
