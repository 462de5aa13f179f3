//! What a recording is given of a port: each round what was heard of the party, and what the party was told.
//!
//! What was told is taken from the packets as they leave, whoever made them, through a jitter buffer like that of what comes:
//! so a bridge that only passes packets is recorded as it was heard, and both channels stand in time.
//!
//! A recording of the party alone in Opus takes its packets as they are while it speaks Opus, and nobody decodes them here.

use super::{Ear, Moment, Port};
use crate::codec::resample::Resampler;
use crate::codec::{Decoder, Kind};
use crate::frame::{MAX_SAMPLES, Rate};
use crate::recording::{Copied, Tap};
use crate::rtp::jitter::Attention;
use crate::rtp::packet::View;

/// See the file.
pub(crate) struct Recorder {
    tap: Box<Tap>,
    rate: Rate,
    heard: Channel,
    said: Channel,
    told: Option<Told>,
    /// There while packets are copied.
    copied: Option<Box<Copied>>,
    /// Room for a frame as it was told.
    frame: Vec<i16>,
}

/// What the party is told: the packets, and who understands them.
struct Told {
    ear: Ear,
    decoder: Box<dyn Decoder>,
}

/// One channel of this round, at the rate of the recording.
struct Channel {
    resampler: Option<Resampler>,
    frame: Vec<i16>,
}

impl Channel {
    fn new() -> Self {
        Self { resampler: None, frame: Vec::with_capacity(MAX_SAMPLES) }
    }

    fn take(&mut self, sound: &[i16], from: Rate, to: Rate) {
        self.frame.clear();
        if from == to {
            self.frame.extend_from_slice(sound);
            return;
        }
        if self.resampler.as_ref().map(Resampler::rates) != Some((from, to)) {
            self.resampler = Some(Resampler::new(from, to));
        }
        if let Some(resampler) = &mut self.resampler {
            resampler.resample(sound, &mut self.frame);
        }
    }
}

impl Recorder {
    /// A recorder at the rate of the recording's plan.
    pub fn new(tap: Box<Tap>, rate: Rate) -> Self {
        let frame = Vec::with_capacity(MAX_SAMPLES);
        Self { tap, rate, heard: Channel::new(), said: Channel::new(), told: None, copied: None, frame }
    }

    /// A packet leaves for the party.
    fn say(&mut self, packet: &[u8], kind: Kind, moment: Moment) {
        if !self.tap.takes_said() {
            return;
        }
        let Ok(view) = View::parse(packet) else { return };
        if self.told.as_ref().is_none_or(|told| !told.ear.hears(kind)) {
            self.told = kind.decoder().map(|decoder| Told { ear: Ear::new(kind, moment.now), decoder });
        }
        if let Some(told) = &mut self.told {
            told.ear.push(&view, Some(0), moment.now);
        }
    }

    /// A packet of sound came from the party.
    fn hear(&mut self, packet: &View<'_>, kind: Kind, moment: Moment) {
        if kind != Kind::Opus || !self.tap.takes_packets() {
            self.copied = None;
            return;
        }
        self.copied.get_or_insert_default().hear(packet, moment.now, &mut self.tap);
    }

    /// Whether it wants to be handed frames of the party.
    fn wants_frames(&self) -> bool {
        self.copied.is_none()
    }

    /// Ends this round. `heard` is the party's frame and its rate.
    fn round(&mut self, heard: Option<(&[i16], Rate)>, moment: Moment) {
        if let Some(copied) = &mut self.copied {
            return copied.round(moment.now, &mut self.tap);
        }
        self.heard.frame.clear();
        self.said.frame.clear();
        if let Some((sound, rate)) = heard {
            self.heard.take(sound, rate, self.rate);
        }
        if let Some(told) = &mut self.told
            && let Some(rate) = told.ear.frame(told.decoder.as_mut(), moment.now, &mut self.frame, Attention::All)
        {
            self.said.take(&self.frame, rate, self.rate);
        }
        self.tap.frame(&self.heard.frame, &self.said.frame);
    }

    /// A round of a room: one frame, at the room's rate.
    pub fn room_round(&mut self, sound: &[i16], rate: Rate) {
        self.heard.take(sound, rate, self.rate);
        self.tap.frame(&self.heard.frame, &[]);
    }

    /// Whether the recording has ended.
    pub fn is_over(&self) -> bool {
        self.tap.is_over()
    }
}

/// Recordings of a port at a time: one of the whole call, and a message within it.
pub(super) const RECORDERS: usize = 2;

impl Port {
    /// Records from now on, beside what is recorded already; gives back a recorder that has ended, or has to give way.
    pub fn record(&mut self, recorder: Box<Recorder>) -> Option<Box<Recorder>> {
        let is_free = |slot: &Option<Box<Recorder>>| slot.as_ref().is_none_or(|recorder| recorder.is_over());
        let at = self.recorders.iter().position(is_free).unwrap_or(RECORDERS - 1);
        self.recorders[at].replace(recorder)
    }

    /// Whether something is recorded.
    pub fn is_recorded(&self) -> bool {
        self.recorders.iter().any(Option::is_some)
    }

    /// Whether a recording wants frames of the party, and not only its packets.
    pub(super) fn records_frames(&self) -> bool {
        self.recorders.iter().flatten().any(|recorder| recorder.wants_frames())
    }

    /// A packet of sound came from the party.
    pub(super) fn note_heard(&mut self, packet: &View<'_>, kind: Kind, moment: Moment) {
        for recorder in self.recorders.iter_mut().flatten() {
            recorder.hear(packet, kind, moment);
        }
    }

    /// A packet leaves for the party.
    pub(super) fn note_said(&mut self, packet: &[u8], kind: Kind, moment: Moment) {
        for recorder in self.recorders.iter_mut().flatten() {
            recorder.say(packet, kind, moment);
        }
    }

    /// Hands this round's frames to the recording; gives back a recorder whose recording is over.
    pub fn go_on_recording(&mut self, heard: Option<(&[i16], Rate)>, moment: Moment) -> Option<Box<Recorder>> {
        let mut over = None;
        for slot in &mut self.recorders {
            let Some(recorder) = slot else { continue };
            recorder.round(heard, moment);
            // One in each round; another one takes nothing until the next.
            if over.is_none() && recorder.is_over() {
                over = slot.take();
            }
        }
        over
    }
}
