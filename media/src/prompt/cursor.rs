//! What a media thread asks each 20 ms while a prompt plays.
//!
//! A [`Cursor`] stands somewhere in a list of finished items and gives the next frame by copying it: packets where the sound
//! is kept in the leg's codec at its own volume, samples otherwise. It allocates nothing after it was made, reads no file and
//! knows no clock: who asks once every 20 ms hears it at the right speed.
//!
//! playing ──end of the last item, after the last loop──▶ ended
//!    └──────the frame it was told to stop at──────────▶ ended

use std::sync::Arc;
use std::time::Duration;

use super::sound::{Form, Sound};
use super::tone::Rhythm;
use crate::codec::level::factor;
use crate::frame::{FRAME, Rate};
use crate::tone::Tone;

/// The most items of one list.
pub const MAX_ITEMS: usize = 256;
/// How much louder or softer a prompt may be played.
pub const VOLUMES_DB: std::ops::RangeInclusive<f32> = -60.0..=20.0;

/// How often something is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loops {
    /// So many times; 0 is not at all.
    Times(u32),
    /// Until somebody stops it.
    Forever,
}

/// A finished item of a list.
#[derive(Debug, Clone)]
pub enum Item {
    /// A file.
    Sound(Arc<Sound>),
    /// A tone or silence. One that never ends is the last that is heard.
    Tone(Rhythm),
    /// Music that goes on whether somebody listens or not: where it stands is told by the number of the slot.
    Music(Arc<Sound>),
}

/// Where a cursor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The item, from 0.
    pub item: usize,
    /// The frame within it.
    pub frame: u64,
    /// Frames that were played in all.
    pub played: u64,
}

impl Position {
    /// How far into the item that is: a prompt that is begun again there goes on where it was.
    #[must_use]
    pub fn offset(self) -> Duration {
        FRAME * u32::try_from(self.frame).unwrap_or(u32::MAX)
    }
}

/// What came of asking for a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A packet was appended to the payload.
    Payload,
    /// A frame was appended to the samples, at this rate.
    Samples(Rate),
    /// Nothing is left.
    Ended,
}

/// What cannot be played together.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Unplaylisted {
    /// Too many items.
    #[error("{0} prompts in one list and {MAX_ITEMS} are allowed: play them in parts")]
    TooMany(usize),
    /// A volume that nobody can hear, or that hurts.
    #[error("a volume of {0} dB: it lies between -60 and 20")]
    Volume(f32),
    /// Finished packets cannot be made louder.
    #[error("a sound of packets has one volume only: load it as samples")]
    PacketsAsTheyAre,
}

/// A place in a list of items, from which frames are taken.
#[derive(Debug, Clone)]
pub struct Cursor {
    items: Box<[Entry]>,
    loops: Loops,
    /// How often the list was played to its end.
    turns: u32,
    at: Position,
    /// What every sample is multiplied with; 1 leaves it alone.
    gain: f32,
    /// After how many frames it ends.
    stop_at: Option<u64>,
    ended: bool,
}

#[derive(Debug, Clone)]
enum Entry {
    Sound(Arc<Sound>),
    Music(Arc<Sound>),
    /// Its player, and how long it plays.
    Tone(Box<Tone>, Option<u32>),
}

impl Cursor {
    /// At the start of a list. Tones are made at `rate`; every sound brings its own.
    ///
    /// # Errors
    /// When there are too many items.
    pub fn new(items: Vec<Item>, rate: Rate, loops: Loops) -> Result<Self, Unplaylisted> {
        if items.len() > MAX_ITEMS {
            return Err(Unplaylisted::TooMany(items.len()));
        }
        let entry = |item| match item {
            Item::Sound(sound) => Entry::Sound(sound),
            Item::Music(sound) => Entry::Music(sound),
            Item::Tone(rhythm) => Entry::Tone(Box::new(rhythm.player(rate)), rhythm.ms()),
        };
        let items = items.into_iter().map(entry).collect();
        let ended = loops == Loops::Times(0);
        Ok(Self { items, loops, turns: 0, at: Position::default(), gain: 1.0, stop_at: None, ended })
    }

    /// Begins so far into the list. What lies behind its end is not heard; tones are counted by their length.
    #[must_use]
    pub fn starting_at(mut self, offset: Duration) -> Self {
        let mut frames = (offset.as_millis() / FRAME.as_millis()) as u64;
        while self.at.item < self.items.len() {
            let length = self.items[self.at.item].frames();
            match length {
                Some(length) if length <= frames => {
                    frames -= length;
                    self.at.item += 1;
                }
                _ => break,
            }
        }
        match self.items.get_mut(self.at.item) {
            None => self.ended = true,
            Some(Entry::Tone(..) | Entry::Music(_)) => {}
            Some(Entry::Sound(_)) => self.at.frame = frames,
        }
        self
    }

    /// Plays it louder or softer from the next frame on.
    ///
    /// # Errors
    /// When the volume is none, or an item is a sound of packets and the volume is not 0.
    pub fn set_volume(&mut self, db: f32) -> Result<(), Unplaylisted> {
        if !VOLUMES_DB.contains(&db) {
            return Err(Unplaylisted::Volume(db));
        }
        if db != 0.0 && self.items.iter().any(Entry::is_packets) {
            return Err(Unplaylisted::PacketsAsTheyAre);
        }
        self.gain = factor(db);
        Ok(())
    }

    /// Ends after so many frames in all; at once when they were played already.
    pub fn stop_at(&mut self, frame: u64) {
        self.stop_at = Some(frame);
    }

    /// Where it stands: the next frame it gives.
    #[must_use]
    pub fn position(&self) -> Position {
        self.at
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Appends the next frame, either to `payload` or to `samples`. `slot` counts the 20 ms of the media thread and tells where
    /// music stands.
    pub fn next_frame(&mut self, slot: u64, payload: &mut Vec<u8>, samples: &mut Vec<i16>) -> Step {
        if self.stop_at.is_some_and(|stop| self.at.played >= stop) {
            self.ended = true;
        }
        // Each item is left at most once before a frame is found; a list without any is over.
        for _ in 0..=self.items.len() {
            if self.ended {
                return Step::Ended;
            }
            if let Some(step) = self.frame_here(slot, payload, samples) {
                self.at.frame += 1;
                self.at.played += 1;
                return step;
            }
            self.advance();
        }
        self.ended = true;
        Step::Ended
    }

    fn frame_here(&mut self, slot: u64, payload: &mut Vec<u8>, samples: &mut Vec<i16>) -> Option<Step> {
        let gain = self.gain;
        match self.items.get_mut(self.at.item)? {
            Entry::Tone(player, _) => {
                let (from, rate) = (samples.len(), player.rate());
                if player.fill(rate.samples(), samples) == 0 {
                    return None;
                }
                samples.resize(from + rate.samples(), 0);
                amplify(&mut samples[from..], gain);
                Some(Step::Samples(rate))
            }
            Entry::Sound(sound) => copy(sound, self.at.frame, gain, payload, samples),
            Entry::Music(sound) => {
                let frame = slot.checked_rem(sound.frames() as u64)?;
                copy(sound, frame, gain, payload, samples)
            }
        }
    }

    /// To the next item, or around to the first.
    fn advance(&mut self) {
        self.at.item += 1;
        self.at.frame = 0;
        if self.at.item >= self.items.len() {
            self.turns = self.turns.saturating_add(1);
            match self.loops {
                Loops::Times(times) if self.turns >= times => {
                    self.ended = true;
                    return;
                }
                _ => self.at.item = 0,
            }
        }
        if let Some(Entry::Tone(player, _)) = self.items.get_mut(self.at.item) {
            player.rewind();
        }
    }
}

impl Entry {
    fn is_packets(&self) -> bool {
        match self {
            Self::Sound(sound) | Self::Music(sound) => matches!(sound.form(), Form::Payload(_)),
            Self::Tone(..) => false,
        }
    }

    /// How many frames it has; `None` when it does not end.
    fn frames(&self) -> Option<u64> {
        match self {
            Self::Sound(sound) => Some(sound.frames() as u64),
            Self::Tone(_, ms) => ms.map(|ms| u64::from(ms.div_ceil(FRAME.as_millis() as u32))),
            Self::Music(_) => None,
        }
    }
}

fn copy(sound: &Sound, frame: u64, gain: f32, payload: &mut Vec<u8>, samples: &mut Vec<i16>) -> Option<Step> {
    let frame = usize::try_from(frame).ok()?;
    if let Some(packet) = sound.payload(frame) {
        payload.extend_from_slice(packet);
        return Some(Step::Payload);
    }
    let from = samples.len();
    samples.extend_from_slice(sound.samples(frame)?);
    amplify(&mut samples[from..], gain);
    Some(Step::Samples(sound.form().rate()))
}

fn amplify(samples: &mut [i16], gain: f32) {
    if gain != 1.0 {
        // The cast stops at full scale.
        samples.iter_mut().for_each(|sample| *sample = (f32::from(*sample) * gain) as i16);
    }
}

#[cfg(test)]
#[path = "cursor_tests.rs"]
mod tests;
