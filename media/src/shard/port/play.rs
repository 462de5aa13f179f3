//! A prompt being played: a frame is taken from its cursor each round.

use super::{Moment, Port, Scratch};
use crate::codec::Kind;
use crate::frame::Rate;
use crate::prompt::{Cursor, Step};
use crate::shard::notice::{News, Notice};
use crate::shard::order::{Play, Played};

/// See the file.
pub(crate) struct Playing {
    cursor: Box<Cursor>,
    /// The codec of its packets, where it has any.
    kind: Option<Kind>,
    tag: u64,
}

impl Playing {
    pub fn new(play: Play) -> Self {
        let Play { cursor, kind, tag } = play;
        Self { cursor, kind, tag }
    }

    /// The name under which its end is told.
    pub fn tag(&self) -> u64 {
        self.tag
    }

    /// The next frame as samples, and their rate.
    pub fn next_samples(&mut self, round: u64, samples: &mut Vec<i16>) -> Result<Rate, Played> {
        samples.clear();
        match self.cursor.next_frame(round, &mut Vec::new(), samples) {
            Step::Samples(rate) => Ok(rate),
            Step::Payload => Err(Played::Unfit),
            Step::Ended => Err(Played::Ended),
        }
    }
}

impl Port {
    /// Begins a prompt and gives back the one before it.
    pub fn play(&mut self, play: Play, news: &mut News) -> Option<Box<Playing>> {
        let before = self.stop(Played::Replaced, news);
        self.playing = Some(Box::new(Playing::new(play)));
        before
    }

    /// Ends the prompt and gives it back.
    pub fn stop(&mut self, why: Played, news: &mut News) -> Option<Box<Playing>> {
        let playing = self.playing.take()?;
        let position = playing.cursor.position();
        self.tell(news, Notice::Played(self.id, playing.tag, why, position));
        Some(playing)
    }

    /// Ends the prompt after so many frames in all.
    pub fn stop_at(&mut self, frame: u64) {
        if let Some(playing) = &mut self.playing {
            playing.cursor.stop_at(frame);
        }
    }

    /// Says the prompt's next frame. What was over is given back.
    pub fn go_on_playing(
        &mut self,
        moment: Moment,
        scratch: &mut Scratch,
        news: &mut News,
    ) -> (bool, Option<Box<Playing>>) {
        let Some(playing) = &mut self.playing else { return (false, None) };
        let (kind, wanted) = (playing.kind, self.terms.as_ref().and_then(|terms| terms.speaking.as_ref()));
        let Some(wanted) = wanted.map(|speaking| speaking.kind) else {
            // The party holds the call: the prompt waits for it.
            return (false, None);
        };
        let (mut payload, mut samples) = (std::mem::take(&mut scratch.payload), std::mem::take(&mut scratch.heard));
        payload.clear();
        samples.clear();
        let step = playing.cursor.next_frame(moment.round, &mut payload, &mut samples);
        let (said, over) = match step {
            Step::Payload if kind == Some(wanted) => (self.say_payload(&payload, moment, &mut scratch.packet), None),
            Step::Payload => (false, Some(Played::Unfit)),
            Step::Samples(rate) => {
                // Whoever encodes wants the same room for a payload.
                scratch.payload = std::mem::take(&mut payload);
                (self.say(&samples, rate, moment, scratch), None)
            }
            Step::Ended => (false, Some(Played::Ended)),
        };
        if !matches!(step, Step::Samples(_)) {
            scratch.payload = payload;
        }
        scratch.heard = samples;
        (said, over.and_then(|why| self.stop(why, news)))
    }
}
