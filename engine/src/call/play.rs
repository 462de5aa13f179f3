//! What is said to a party: lists of prompts, rounds of them, and which of several sounds is the one that is heard.
//!
//! A [`Playing`] knows only which prompt comes next. Several of them may be wished on one leg at once, as a prompt of a verb
//! while music plays in the background: the foremost is heard, and the next one goes on when it is over.

use std::time::{Duration, Instant};

use patchcord_media::shard::Played;

use super::effect::{SoundOrder, SoundTag};
use super::event::Happening;
use super::verb::{Handle, Play, Status};
use super::{Call, LegId};
use crate::program::{VerbId, Wake};

/// A list of prompts on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Playing {
    play: Play,
    /// Which prompt is heard or comes next, and in which round.
    index: usize,
    round: u32,
    /// Where it begins.
    from: Duration,
    missing: bool,
    /// Whether anything was heard in this round.
    heard: bool,
}

impl Playing {
    pub fn new(play: Play) -> Self {
        let from = play.from;
        Self { play, index: 0, round: 0, from, missing: false, heard: false }
    }

    /// One prompt, over and over.
    pub fn endless(prompt: &str) -> Self {
        Self::new(Play { prompts: vec![prompt.to_owned()], ..Play::default() })
    }

    /// One prompt, once.
    pub fn once(prompt: &str) -> Self {
        Self::new(Play { prompts: vec![prompt.to_owned()], loops: 1, ..Play::default() })
    }

    /// The prompt that is to be heard; `None` when all is over.
    fn prompt(&self) -> Option<&str> {
        self.play.prompts.get(self.index).map(String::as_str)
    }

    /// What comes behind it in this round.
    fn next(&self) -> Option<&str> {
        self.play.prompts.get(self.index + 1).map(String::as_str)
    }

    /// Whether that prompt can be left to repeat itself.
    fn repeats_itself(&self) -> bool {
        self.play.loops == 0 && self.play.prompts.len() == 1
    }

    /// That prompt has been heard, or is missing.
    fn advance(&mut self, heard: bool) {
        self.heard |= heard;
        self.missing |= !heard;
        self.from = Duration::ZERO;
        self.index += 1;
        // A round in which nothing was heard is not begun again: it would never end.
        let again = self.play.loops == 0 || self.round + 1 < self.play.loops;
        if self.index == self.play.prompts.len() && again && self.heard {
            self.index = 0;
            self.round += 1;
            self.heard = false;
        }
    }

    fn status(&self) -> Status {
        if self.missing { Status::Missing } else { Status::Done }
    }
}

/// For whom something is played: the later ones in this list are heard before the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Owner {
    /// A play in the background.
    Back(Handle),
    /// A dial whose callees ring.
    Ringback(VerbId),
    /// Music for a party that is held.
    Music,
    /// The word that a talk ends soon.
    Warning,
    /// A verb in the foreground.
    Verb(VerbId),
    /// The word that the party is recorded: whatever else it is to hear waits for that.
    Notice,
}

/// Something that is to be heard on a leg.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sounding {
    pub owner: Owner,
    playing: Playing,
    /// Under which name it is heard now, and since when.
    heard_as: Option<(SoundTag, Instant)>,
}

impl Sounding {
    #[cfg(test)]
    pub fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        self.heard_as.iter_mut().map(|(_, since)| since)
    }
}

impl Call {
    /// Lets something be heard on a leg, in place of what the same owner let be heard there before.
    pub(super) fn voice(&mut self, id: LegId, owner: Owner, playing: Playing, now: Instant) {
        let Some(leg) = self.here_mut(id) else { return };
        leg.sounds.retain(|sounding| sounding.owner != owner);
        let place = leg.sounds.partition_point(|sounding| sounding.owner < owner);
        leg.sounds.insert(place, Sounding { owner, playing, heard_as: None });
        self.sound_foremost(id, now);
    }

    /// Lets it be heard no more.
    pub(super) fn hush(&mut self, id: LegId, owner: Owner, now: Instant) {
        let Some(leg) = self.here_mut(id) else { return };
        let Some(place) = leg.sounds.iter().position(|sounding| sounding.owner == owner) else { return };
        let gone = leg.sounds.remove(place);
        if gone.heard_as.is_none() {
            return;
        }
        if leg.sounds.is_empty() {
            self.sound(id, SoundOrder::Stop);
        } else {
            self.sound_foremost(id, now);
        }
    }

    /// A prompt is over (`Ok`), or cannot be played.
    pub(super) fn played(&mut self, id: LegId, tag: SoundTag, how: Option<Played>, now: Instant) {
        let announce = self.caller.announce.clone();
        let Some(leg) = self.here_mut(id) else { return };
        let Some(sounding) = leg.sounds.last_mut() else { return };
        let Some((_, since)) = sounding.heard_as.filter(|(name, _)| *name == tag) else { return };
        sounding.heard_as = None;
        let ended = how == Some(Played::Ended) && sounding.owner != Owner::Notice;
        let forewarns = ended && announce.is_some() && sounding.playing.prompt() == announce.as_deref();
        match how {
            Some(Played::Unfit) => sounding.playing.from += now.saturating_duration_since(since),
            how => sounding.playing.advance(how.is_some()),
        }
        if forewarns {
            self.forewarned(id);
        }
        self.sound_foremost(id, now);
    }

    /// Orders what is to be heard, unless it is heard already.
    fn sound_foremost(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.here_mut(id) else { return };
        let Some((foremost, others)) = leg.sounds.split_last_mut() else { return };
        others.iter_mut().for_each(|other| other.heard_as = None);
        if foremost.heard_as.is_some() {
            return;
        }
        let playing = &foremost.playing;
        let Some(prompt) = playing.prompt().map(str::to_owned) else {
            let (owner, status) = (foremost.owner, playing.status());
            return self.sound_over(id, owner, status, now);
        };
        let (from, volume_db, endless) = (playing.from, playing.play.volume_db, playing.repeats_itself());
        let next = playing.next().map(str::to_owned);
        leg.next_tag += 1;
        let tag = SoundTag(leg.next_tag);
        foremost.heard_as = Some((tag, now));
        self.sound(id, SoundOrder::Play { tag, prompt, from, volume_db, endless, next });
    }

    fn sound_over(&mut self, id: LegId, owner: Owner, status: Status, now: Instant) {
        if let Some(leg) = self.here_mut(id) {
            leg.sounds.pop();
        }
        self.sound_foremost(id, now);
        match owner {
            Owner::Verb(verb) => self.work_said(verb, id, status, now),
            Owner::Back(handle) => {
                self.backs.remove(&handle);
                self.tell(Wake::Heard(Happening::Ended(handle)));
            }
            Owner::Notice => self.notice_over(id, status, now),
            Owner::Ringback(_) | Owner::Music | Owner::Warning => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(playing: &mut Playing, most: usize) -> Vec<String> {
        let mut heard = Vec::new();
        while let Some(prompt) = playing.prompt().map(str::to_owned) {
            heard.push(prompt);
            playing.advance(true);
            if heard.len() == most {
                break;
            }
        }
        heard
    }

    fn list(prompts: &[&str], loops: u32) -> Playing {
        Playing::new(Play { prompts: prompts.iter().map(|&name| name.to_owned()).collect(), loops, ..Play::default() })
    }

    #[test]
    fn a_list_is_heard_as_often_as_asked() {
        assert_eq!(heard(&mut list(&["a", "b"], 2), 99), ["a", "b", "a", "b"]);
    }

    #[test]
    fn what_comes_behind_a_prompt_is_known_while_it_is_heard() {
        let mut playing = list(&["a", "b"], 2);
        assert_eq!((playing.prompt(), playing.next()), (Some("a"), Some("b")));
        playing.advance(true);
        assert_eq!((playing.prompt(), playing.next()), (Some("b"), None), "the next round has been heard before");
    }

    #[test]
    fn a_list_without_a_count_goes_on_until_somebody_ends_it() {
        assert_eq!(heard(&mut list(&["a", "b"], 0), 5), ["a", "b", "a", "b", "a"]);
    }

    #[test]
    fn an_endless_list_of_missing_prompts_ends_after_one_round_and_says_so() {
        let mut playing = list(&["a", "b"], 0);
        playing.advance(false);
        assert_eq!(playing.prompt(), Some("b"));
        playing.advance(false);
        assert_eq!((playing.prompt(), playing.status()), (None, Status::Missing));
    }

    #[test]
    fn one_missing_prompt_of_a_list_does_not_silence_the_others() {
        let mut playing = list(&["a", "b"], 1);
        playing.advance(false);
        assert_eq!(heard(&mut playing, 9), ["b"]);
        assert_eq!(playing.status(), Status::Missing);
    }
}
