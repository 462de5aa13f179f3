//! What rooms have to say to the calls of a shard, until the shard looks: bounded, and told of by a bell.
//!
//! Who talks is chatter, which gives way when much waits. That somebody is out is never left out: nobody is told that more often
//! than it comes in, so these are bounded by the calls of the shard.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::bell::Bell;
use crate::room::{Join, MemberId, Place, RoomKey, Told};

/// Letters of one shard from which on chatter is left out: what a room of four thousand says in a second.
const MUCH: usize = 16_384;

/// Letters of one shard from which on nobody may order anything more.
const CROWDED: usize = 65_536;

/// What a shard has to do for rooms.
#[derive(Debug)]
pub enum Letter {
    /// A call is to hear this for one of its legs.
    Told(Place, Told),
    /// All in a room are to hear these prompts.
    Announce {
        /// Which.
        room: RoomKey,
        /// The name of the end.
        tag: u64,
        /// In their order.
        prompts: Vec<String>,
    },
    /// What all in a room hear is to be recorded, or no longer.
    Record {
        /// Which.
        room: RoomKey,
        /// Its name.
        name: String,
        /// Whether it begins.
        on: bool,
    },
    /// What a member says is to be recorded, or no longer.
    RecordMember {
        /// Where it is.
        place: Place,
        /// Who it is.
        member: MemberId,
        /// Whether it begins.
        on: bool,
    },
    /// Somebody is to be called and brought in.
    Invite {
        /// Whom.
        target: String,
        /// Where to, and how.
        join: Box<Join>,
    },
}

impl Letter {
    fn is_chatter(&self) -> bool {
        matches!(self, Self::Told(_, Told::Happened(happened)) if happened.kind.is_chatter())
    }
}

#[derive(Default)]
struct Letterbox {
    letters: VecDeque<Letter>,
    bell: Option<Arc<Bell>>,
    is_new: bool,
}

/// The letterboxes of all shards.
#[derive(Default)]
pub(super) struct Letterboxes {
    boxes: Vec<Letterbox>,
    left_out: AtomicU64,
}

impl Letterboxes {
    pub fn enter(&mut self, shard: usize, bell: Arc<Bell>) {
        self.of(shard).bell = Some(bell);
    }

    fn of(&mut self, shard: usize) -> &mut Letterbox {
        if self.boxes.len() <= shard {
            self.boxes.resize_with(shard + 1, Letterbox::default);
        }
        &mut self.boxes[shard]
    }

    pub fn post(&mut self, shard: usize, letter: Letter) {
        let there = self.of(shard);
        if there.letters.len() >= MUCH && letter.is_chatter() {
            self.left_out.fetch_add(1, Relaxed);
            return;
        }
        there.letters.push_back(letter);
        there.is_new = true;
    }

    /// Whether some shard has more to read than orders should add to.
    pub fn are_crowded(&self) -> bool {
        self.boxes.iter().any(|there| there.letters.len() >= CROWDED)
    }

    pub fn take(&mut self, shard: usize) -> VecDeque<Letter> {
        std::mem::take(&mut self.of(shard).letters)
    }

    /// Rings where something new lies.
    pub fn ring(&mut self) {
        for there in &mut self.boxes {
            if let (true, Some(bell)) = (std::mem::take(&mut there.is_new), &there.bell) {
                bell.ring();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::LegId;
    use crate::room::{Happened, Kind, Leaving};

    #[test]
    fn chatter_gives_way_and_that_somebody_is_out_never_does() {
        let mut boxes = Letterboxes::default();
        let place = Place { shard: 0, call: 1, leg: LegId::FIRST };
        let talks = |kind| {
            let happened = Happened { room: "weekly".into(), kind, who: None, on: true, me: false, members: 1 };
            Letter::Told(place, Told::Happened(Box::new(happened)))
        };
        (0..MUCH + 5).for_each(|_| boxes.post(0, talks(Kind::TalkStart)));
        boxes.post(0, talks(Kind::Join));
        boxes.post(0, Letter::Told(place, Told::Out(Leaving::Ended)));
        assert_eq!((boxes.take(0).len(), boxes.left_out.load(Relaxed)), (MUCH + 2, 5));
        assert!(!boxes.are_crowded() && boxes.take(7).is_empty());
    }
}
