//! Packets made into frames, when somebody wants frames: a room, a recording, a partner of another codec.
//!
//! Made when the first such packet comes, on the media thread: eight kilobytes that most legs never need.

use std::time::Instant;

use super::{Moment, Port, Scratch};
use crate::codec::{Decoder, Kind};
use crate::frame::Rate;
use crate::rtp::jitter::{Attention, Played, Playout};
use crate::rtp::packet::View;

/// See the file.
pub(crate) struct Ear {
    kind: Kind,
    /// Which of the terms' decoders understands what comes.
    place: usize,
    playout: Playout,
}

impl Ear {
    /// An ear for one codec that has heard nothing yet.
    pub fn new(kind: Kind, now: Instant) -> Self {
        Self { kind, place: 0, playout: Playout::new(kind.clock_hz(), kind.rate(), now) }
    }

    /// Whether it is made for this codec.
    pub fn hears(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    /// A packet of the decoder at that place; without one, something else that shares the count.
    pub fn push(&mut self, packet: &View<'_>, place: Option<usize>, now: Instant) {
        self.place = place.unwrap_or(self.place);
        self.playout.push(packet, place.is_some(), now);
    }

    /// The next frame and its rate; `None` while nothing comes, or nothing that is to be heard.
    pub fn frame(
        &mut self,
        decoder: &mut dyn Decoder,
        now: Instant,
        frame: &mut Vec<i16>,
        attention: Attention,
    ) -> Option<Rate> {
        let rate = self.kind.rate();
        frame.resize(rate.samples(), 0);
        match self.playout.frame(decoder, now, frame, attention) {
            Played::Sound | Played::Concealed => Some(rate),
            Played::Silence => None,
        }
    }

    /// Another stream starts.
    pub fn restart(&mut self) {
        self.playout.restart();
    }
}

impl Port {
    /// The party's next frame, in `scratch.heard`, and its rate; `None` when nobody wants it, or the party is silent. Its room may
    /// doze until it speaks; a recording and the ear for keys hear all.
    pub fn listen(&mut self, moment: Moment, room_dozes: bool, scratch: &mut Scratch) -> Option<Rate> {
        if !self.wants_frames() {
            return None;
        }
        let dozes = room_dozes && !self.records_frames() && !self.wants_tones();
        let attention = if dozes { Attention::Speech } else { Attention::All };
        let ear = self.ear.as_mut()?;
        let hearing = self.terms.as_mut()?.hearing.get_mut(ear.place).filter(|hearing| hearing.kind == ear.kind)?;
        let decoder = hearing.decoder.as_mut()?;
        ear.frame(decoder.as_mut(), moment.now, &mut scratch.heard, attention)
    }

    /// The ear, when nobody wants frames any more: to be thrown away.
    pub fn shut_ear(&mut self) -> Option<Box<Ear>> {
        if self.wants_frames() { None } else { self.ear.take() }
    }
}
