//! A jitter buffer, a decoder, and what is left over between them: packets in, frames of sound out.
//!
//! A [`Playout`] owns no decoder; whoever owns the leg lends it, so that a codec can change in the middle of a call. Every
//! frame is full: what is missing is made up by the decoder, which also leads over to what follows and fades out into
//! silence. It plays nothing anywhere.

use std::time::{Duration, Instant};

use super::{Buffer, Pace, Pulled, Stretch, stretch};
use crate::codec::Decoder;
use crate::frame::Rate;
use crate::rtp::packet::View;

/// Room for payloads: 20 ms of G.711. Codecs that need more make it with their first packets.
const PAYLOAD: usize = 160;

/// The sound of one packet at most, in milliseconds: what Opus may put into one.
const LONGEST_PACKET: u32 = 120;

/// How long the decoder makes up sound after the last packet; it has faded out before.
const FADING: Duration = Duration::from_millis(100);

/// A payload this short says that nobody speaks: an Opus packet that was not sent, or a level of comfort noise.
const UNSPOKEN: usize = 2;

/// What whoever listens wants to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// Everything.
    All,
    /// Nothing before somebody speaks: packets that say of themselves that nobody does are not decoded.
    Speech,
}

/// What a frame is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Played {
    /// Sound that came.
    Sound,
    /// Some of it is made up.
    Concealed,
    /// Zeroes: nobody speaks. Comfort noise may go here.
    Silence,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Playout {
    buffer: Buffer,
    rate: Rate,
    clock_hz: u32,
    /// Decoded and not yet heard; what stands before `heard` has been.
    sound: Vec<i16>,
    heard: usize,
    /// Where the last of it ends that is more than the silence of a packet left undecoded.
    spoken: usize,
    /// Made up since the last packet, in samples.
    faded: usize,
    undecodable: u64,
}

impl Playout {
    /// Nothing has come yet. The codec's clock runs at `clock_hz`, its sound has `rate`.
    #[must_use]
    pub fn new(clock_hz: u32, rate: Rate, now: Instant) -> Self {
        Self {
            buffer: Buffer::new(clock_hz, PAYLOAD, now),
            rate,
            clock_hz,
            sound: Vec::with_capacity((rate.hz() * (LONGEST_PACKET + 40) / 1000) as usize),
            heard: 0,
            spoken: 0,
            faded: usize::MAX,
            undecodable: 0,
        }
    }

    /// The buffer: what it counted, and how deep it is.
    #[must_use]
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Packets that the decoder refused.
    #[must_use]
    pub fn undecodable(&self) -> u64 {
        self.undecodable
    }

    /// How long sound waits here at the moment.
    #[must_use]
    pub fn added(&self, now: Instant) -> Duration {
        self.buffer.added(now, self.queued())
    }

    /// A packet came; see [`Buffer::push`].
    pub fn push(&mut self, packet: &View<'_>, is_sound: bool, arrival: Instant) {
        self.buffer.push(packet, is_sound, arrival);
    }

    /// Another stream starts, or another party.
    pub fn restart(&mut self) {
        self.buffer.restart();
    }

    /// Fills `frame`.
    pub fn frame(
        &mut self,
        decoder: &mut dyn Decoder,
        now: Instant,
        frame: &mut [i16],
        attention: Attention,
    ) -> Played {
        let dozes = attention == Attention::Speech;
        self.spoken = self.spoken.saturating_sub(self.heard);
        self.sound.drain(..std::mem::take(&mut self.heard));
        let mut played = Played::Sound;
        while self.sound.len() < frame.len() {
            let queued = self.queued();
            let before = self.sound.len();
            match self.buffer.pull(now, queued) {
                Pulled::Sound { payload, pace, .. } => {
                    let quiet = payload.len() <= UNSPOKEN;
                    let unheard = dozes && decoder.doze(payload, &mut self.sound);
                    if !unheard && decoder.decode(payload, &mut self.sound).is_err() {
                        self.undecodable += 1;
                        played = Played::Concealed;
                        decoder.conceal(self.rate.samples(), None, &mut self.sound);
                    }
                    self.faded = if unheard { usize::MAX } else { 0 };
                    self.came(before, pace);
                    self.spoken = if unheard { self.spoken.min(self.sound.len()) } else { self.sound.len() };
                    if quiet {
                        self.buffer.rest();
                    }
                }
                Pulled::Lost { missing, next } => {
                    let missing = samples(missing, self.clock_hz, self.rate);
                    if dozes && self.faded == usize::MAX {
                        // What is lost of a silence is silence.
                        self.sound.resize(before + missing, 0);
                        continue;
                    }
                    played = Played::Concealed;
                    self.spoken = before + missing;
                    decoder.conceal(missing, next, &mut self.sound);
                    self.faded = self.faded.saturating_add(missing);
                }
                Pulled::Nothing => {
                    let missing = frame.len() - before;
                    let fading = self.faded < samples(self.fading(), self.clock_hz, self.rate);
                    self.faded = self.faded.saturating_add(missing);
                    if fading {
                        played = Played::Concealed;
                        decoder.conceal(missing, None, &mut self.sound);
                        self.spoken = self.sound.len();
                        continue;
                    }
                    played = if before == 0 { Played::Silence } else { Played::Concealed };
                    self.sound.resize(frame.len(), 0);
                }
            }
        }
        frame.copy_from_slice(&self.sound[..frame.len()]);
        self.heard = frame.len();
        if self.spoken == 0 { Played::Silence } else { played }
    }

    /// A packet was decoded: the buffer learns how long it was, and gets its depth.
    fn came(&mut self, before: usize, pace: Pace) {
        let ticks = (self.sound.len() - before) as u64 * u64::from(self.clock_hz) / u64::from(self.rate.hz());
        self.buffer.lasted(ticks as u32);
        let how = match pace {
            Pace::Even => return,
            Pace::Faster => Stretch::Shorten,
            Pace::MuchFaster => Stretch::ShortenAnyway,
            Pace::Slower => Stretch::Lengthen,
        };
        let more = i64::from(stretch(&mut self.sound, self.rate.hz(), how));
        self.buffer.stretched((more * i64::from(self.clock_hz) / i64::from(self.rate.hz())) as i32);
    }

    /// What is decoded and not heard, on the clock of the codec.
    fn queued(&self) -> u32 {
        ((self.sound.len() - self.heard) as u64 * u64::from(self.clock_hz) / u64::from(self.rate.hz())) as u32
    }

    fn fading(&self) -> u32 {
        (FADING.as_millis() * u128::from(self.clock_hz) / 1000) as u32
    }
}

/// `ticks` of a codec's clock in samples of its sound; at least one, so that whoever waits for it gets on.
fn samples(ticks: u32, clock_hz: u32, rate: Rate) -> usize {
    (u64::from(ticks) * u64::from(rate.hz()) / u64::from(clock_hz.max(1))).max(1) as usize
}
