//! Speakers of the same room elsewhere, whom some of our members hear louder or softer than others do.
//!
//! What they say is in the sum that came from elsewhere; to weigh it anew for one listener it has to come by itself as well.

use super::{Full, Gain, MAX_PAIRS, Seat, weigh};

/// How loud one of our members hears a guest.
struct Pair {
    guest: u64,
    listener: Seat,
    gain: Gain,
    /// What it was at the end of the last frame.
    reached: Gain,
}

/// See the file.
#[derive(Default)]
pub(super) struct Guests {
    pairs: Vec<Pair>,
    /// What each said in this round, as it stands in the sum; empty for who was not heard.
    sounds: Vec<(u64, Vec<i16>)>,
}

impl Guests {
    pub fn pair(&mut self, guest: u64, listener: Seat, gain: Gain) -> Result<(), Full> {
        let known = self.pairs.iter().position(|pair| (pair.guest, pair.listener) == (guest, listener));
        match known {
            Some(pair) => self.pairs[pair].gain = gain,
            None if self.pairs.len() >= MAX_PAIRS => return Err(Full::Pairs),
            None => self.pairs.push(Pair { guest, listener, gain, reached: Gain::UNITY }),
        }
        Ok(())
    }

    /// A guest's frame. One whom nobody listens to apart is not kept.
    pub fn hear(&mut self, guest: u64, sound: &[i16]) {
        if !self.pairs.iter().any(|pair| pair.guest == guest) {
            return;
        }
        let known = self.sounds.iter().position(|(known, _)| *known == guest);
        let place = known.unwrap_or_else(|| {
            self.sounds.push((guest, Vec::new()));
            self.sounds.len() - 1
        });
        let kept = &mut self.sounds[place].1;
        kept.clear();
        kept.extend_from_slice(sound);
    }

    /// Whether somebody of them speaks whom this member hears otherwise than all do.
    pub fn are_heard_by(&self, listener: Seat) -> bool {
        self.pairs.iter().any(|pair| pair.listener == listener && self.sound(pair.guest).is_some())
    }

    /// Changes how loud they stand in the sum for one member.
    pub fn weigh(&self, listener: Seat, sums: &mut [i32]) {
        for pair in self.pairs.iter().filter(|pair| pair.listener == listener) {
            if let Some(sound) = self.sound(pair.guest) {
                weigh(sound, pair.reached, pair.gain, sums);
            }
        }
    }

    /// A member goes.
    pub fn leave(&mut self, listener: Seat) {
        self.pairs.retain(|pair| pair.listener != listener);
        let pairs = &self.pairs;
        self.sounds.retain(|(guest, _)| pairs.iter().any(|pair| pair.guest == *guest));
    }

    /// The round is over.
    pub fn forget(&mut self) {
        self.pairs.iter_mut().for_each(|pair| pair.reached = pair.gain);
        self.sounds.iter_mut().for_each(|(_, sound)| sound.clear());
    }

    fn sound(&self, guest: u64) -> Option<&[i16]> {
        self.sounds.iter().find(|(known, sound)| *known == guest && !sound.is_empty()).map(|(_, sound)| &sound[..])
    }
}
