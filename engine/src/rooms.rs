//! The rooms of the house, as everybody may see and order them: the shards whose calls are in them, scripts, pages, programs.
//!
//! Calls of one room live on several shards. So the rooms ([`House`], a pure machine) have one owner for the whole process: this,
//! with a lock that is held for microseconds. What is heard is ordered while it is held, straight at the media plane, so that
//! two orders never overtake each other. What a call has to hear lies in the letterbox of its shard, whose bell is rung.
//!
//! ```text
//! shard ──come, hear──▶ ┌──────────────┐ ──▶ media plane: enter, mute, gain, close
//! pages ──order, list─▶ │ RoomHouse    │ ──▶ letterbox of each shard, and its bell
//! keeper ◀──take_past── └──────────────┘
//! ```
//!
//! For pages and programs there are [`RoomHouse::list`], [`RoomHouse::find`], [`RoomHouse::order`] with everything that an [`Order`]
//! can say, and [`RoomHouse::changes`], a number that grows whenever something has changed.

mod letters;
mod sounding;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use patchcord_media::shard::{Plane, PortId, RoomId};

use crate::bell::Bell;
use crate::room::{
    Asked, By, Effect, Entrant, House, Join, MemberId, Order, Past, Place, Refused, Reply, RoomKey, RoomView, Rules,
    Sound, Told,
};
pub use letters::Letter;
use letters::Letterboxes;
use sounding::Sounding;
#[cfg(test)]
pub(crate) use sounding::factor;

/// Rooms that are over and wait to be written: an hour of a busy house. The eldest gives way, and is counted.
const PAST: usize = 10_000;

/// See the module.
#[derive(Default)]
pub struct RoomHouse {
    inside: Mutex<Inside>,
    changes: AtomicU64,
    lost: AtomicU64,
}

#[derive(Default)]
struct Inside {
    house: House,
    sounding: Sounding,
    boxes: Letterboxes,
    past: VecDeque<Past>,
}

impl RoomHouse {
    /// The rooms there are now, with whoever is in them, in the order of their names.
    pub fn list(&self, now: Instant) -> Vec<RoomView> {
        self.hold().house.views(now)
    }

    /// One of them.
    pub fn find(&self, name: &str, now: Instant) -> Option<RoomView> {
        self.hold().house.view(name, now)
    }

    /// What the record of a room says so far: who was in, who talked, who had the floor.
    pub fn story(&self, name: &str, now: Instant) -> Option<Past> {
        self.hold().house.story(name, now)
    }

    /// Does an order of somebody: mute, kick, move, merge, announce, record, invite, end and whatever else an [`Order`] says.
    ///
    /// # Errors
    /// When it cannot be done; nothing has changed then.
    pub fn order(&self, room: &str, order: Order, by: By, when: (Instant, SystemTime)) -> Result<Reply, Refused> {
        let mut inside = self.hold();
        if inside.boxes.are_crowded() {
            return Err(Refused::Busy);
        }
        let done = inside.house.order(room, order, by, when);
        self.settle(&mut inside, when.0);
        done
    }

    /// Opens a room ahead: its first member finds these rules. One that goes on keeps its own.
    ///
    /// # Errors
    /// When there can be no such room.
    pub fn open(&self, name: &str, rules: Rules, now: Instant) -> Result<(), Refused> {
        self.hold().house.open(name, rules, now)
    }

    /// The rooms of the configuration, in place of those that it named before.
    pub fn fix(&self, rooms: impl IntoIterator<Item = (String, Rules)>) {
        self.hold().house.fix(rooms);
    }

    /// Whether calls tell each of their parties that it is recorded; rooms say it to all otherwise.
    pub(crate) fn let_calls_tell(&self, tell: bool) {
        self.hold().house.let_calls_tell(tell);
    }

    /// Ledgers of rooms lie in that folder, among the recordings.
    pub fn keep_in(&self, folder: PathBuf) {
        self.hold().sounding.keep_in(folder);
    }

    /// A number that grows whenever something in the rooms changes: who has seen it has seen all until then. Levels of those who
    /// talk change it, too.
    pub fn changes(&self) -> u64 {
        self.changes.load(Relaxed)
    }

    /// How many rooms there are, how many members, and how many PINs were wrong so far.
    pub fn counts(&self) -> (usize, usize, u64) {
        self.hold().house.counts()
    }

    /// Records of rooms that are over, the eldest first, to be written: at most so many. What could not be written is given
    /// back by [`RoomHouse::keep_past`].
    pub fn take_past(&self, most: usize) -> Vec<Past> {
        let mut inside = self.hold();
        let most = most.min(inside.past.len());
        inside.past.drain(..most).collect()
    }

    /// Records that could not be written yet.
    pub fn keep_past(&self, past: Vec<Past>) {
        let mut inside = self.hold();
        for past in past.into_iter().rev() {
            inside.past.push_front(past);
        }
        self.forget_eldest(&mut inside);
    }

    /// Records of rooms that were lost because nobody wrote them.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// A shard takes part: the bell rings when it has letters.
    pub fn enter_shard(&self, shard: usize, bell: Arc<Bell>) {
        self.hold().boxes.enter(shard, bell);
    }

    /// The letters of a shard. Each is given once.
    pub fn letters(&self, shard: usize) -> VecDeque<Letter> {
        self.hold().boxes.take(shard)
    }

    /// A call wants to bring one of its legs in, whose sound is at that port.
    pub fn come(
        &self,
        join: &Join,
        entrant: &Entrant,
        sound: Option<(&Plane, PortId)>,
        (now, wall): (Instant, SystemTime),
    ) {
        let mut inside = self.hold();
        inside.house.come(join, entrant, now, wall);
        if let (Some((plane, port)), Some((_, member))) = (sound, inside.house.whereabouts(entrant.place)) {
            inside.sounding.known(plane, entrant.place, member, port);
        }
        self.settle(&mut inside, now);
    }

    /// A call says something for one of its legs.
    pub fn hear(&self, place: Place, asked: Asked, now: Instant) {
        let mut inside = self.hold();
        let leaves = asked == Asked::Leave;
        inside.house.hear(place, asked, now);
        self.settle(&mut inside, now);
        if leaves {
            inside.sounding.forget(place);
        }
    }

    /// The sound of a member could not be brought into its room.
    pub fn not_entered(&self, place: Place, now: Instant) {
        let mut inside = self.hold();
        inside.house.not_entered(place, now);
        self.settle(&mut inside, now);
    }

    /// A member talks, so loud, or no longer.
    pub fn speaks(&self, place: Place, level: Option<u8>, now: Instant) {
        let mut inside = self.hold();
        inside.house.speaks(place, level, now);
        self.settle(&mut inside, now);
    }

    /// Nothing has come from a member since then; or again something.
    pub fn unheard(&self, place: Place, since: Option<Instant>, now: Instant) {
        self.hold().house.unheard(place, since, now);
        self.changes.fetch_add(1, Relaxed);
    }

    /// An announcement is over, or could not be made.
    pub fn announced(&self, room: RoomKey, tag: u64, now: Instant) {
        let mut inside = self.hold();
        inside.house.announced(room, tag, now);
        self.settle(&mut inside, now);
    }

    /// A recording of a room, or of a member of it, lies there.
    pub fn recorded(&self, room: &str, member: Option<MemberId>, file: String) {
        self.hold().house.recorded(room, member, file);
    }

    /// Somebody who was to be brought into a room could not be called: its record says so.
    pub fn not_called(&self, room: &str, target: &str, why: &str, now: Instant) {
        self.hold().house.note(room, "not_called", &format!("{target}: {why}"), now);
    }

    /// A fault of ours ended the sound of a room: it ends for all, who are told.
    pub fn died(&self, mixed: RoomId, now: Instant) {
        let mut inside = self.hold();
        if let Some(room) = inside.sounding.carried_by(mixed) {
            inside.house.end(room, now);
        }
        self.settle(&mut inside, now);
    }

    /// In which room whoever is at a leg is, and as whom.
    pub fn whereabouts(&self, place: Place) -> Option<(String, MemberId)> {
        self.hold().house.whereabouts(place).map(|(name, member)| (name.to_owned(), member))
    }

    /// The room of the media plane that carries this one.
    pub fn mixed(&self, room: RoomKey) -> Option<RoomId> {
        self.hold().sounding.mixed(room)
    }

    /// A port has come to rest on its thread: what waited for that is ordered now.
    pub fn moved(&self, now: Instant) {
        let mut inside = self.hold();
        let lost = inside.sounding.again();
        lost.into_iter().for_each(|place| inside.house.not_entered(place, now));
        self.settle(&mut inside, now);
    }

    /// When something is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.hold().house.deadline()
    }

    /// Does what is due, and what could not be done before.
    pub fn wake(&self, now: Instant) {
        let mut inside = self.hold();
        if inside.house.deadline().is_some_and(|due| due <= now) {
            inside.house.wake(now);
        }
        let lost = inside.sounding.again();
        lost.into_iter().for_each(|place| inside.house.not_entered(place, now));
        self.settle(&mut inside, now);
    }

    /// Does what the rooms want done.
    fn settle(&self, inside: &mut Inside, now: Instant) {
        let Inside { house, sounding, boxes, past } = inside;
        while let Some(effect) = house.poll() {
            self.changes.fetch_add(1, Relaxed);
            match effect {
                Effect::Sound(sound) => {
                    if let Err(place) = sounding.order(sound) {
                        house.not_entered(place, now);
                    } else if let Sound::Enter(member, room, _) = sound
                        && let Some(number) = sounding.number(member)
                    {
                        house.heard_as(room, member, number);
                    }
                }
                Effect::KeepLedger { room, file } => {
                    if let Err(why) = sounding.keep(room, file) {
                        tracing::warn!(why, "what is heard in a room is not kept");
                        house.no_ledger(room, &why, now);
                    }
                }
                Effect::Tell(place, told) => {
                    if matches!(told, Told::Out(_)) {
                        sounding.forget(place);
                    }
                    boxes.post(place.shard, Letter::Told(place, told));
                }
                Effect::Announce { room, home, tag, prompts } => {
                    boxes.post(home, Letter::Announce { room, tag, prompts });
                }
                Effect::Record { room, home, name, on } => boxes.post(home, Letter::Record { room, name, on }),
                Effect::RecordMember(place, member, on) => {
                    boxes.post(place.shard, Letter::RecordMember { place, member, on });
                }
                Effect::Invite { home, target, join } => boxes.post(home, Letter::Invite { target, join }),
                Effect::Keep(record) => past.push_back(*record),
            }
        }
        self.forget_eldest(inside);
        inside.boxes.ring();
    }

    fn forget_eldest(&self, inside: &mut Inside) {
        while inside.past.len() > PAST {
            inside.past.pop_front();
            if self.lost.fetch_add(1, Relaxed) == 0 {
                tracing::error!("records of rooms are lost: nobody has written {PAST} of them");
            }
        }
    }

    /// Whoever panics elsewhere leaves whole rooms behind: the machine changes one thing after the other.
    fn hold(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::call::LegId;
    use crate::room::{Leaving, Whom};

    #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
    fn now() -> Instant {
        Instant::now()
    }

    fn joins(rooms: &RoomHouse, shard: usize, now: Instant) -> Place {
        let place = Place { shard, call: 1, leg: LegId::FIRST };
        let (name, number, source) = (String::new(), shard.to_string(), shard.to_string());
        let entrant = Entrant { place, call: None, name, number, source, unheard: None };
        rooms.come(&Join::to("weekly"), &entrant, None, (now, UNIX_EPOCH));
        place
    }

    #[test]
    fn members_on_two_shards_are_told_each_in_the_letterbox_of_its_shard() {
        let (rooms, now) = (RoomHouse::default(), now());
        let bells = [Arc::new(Bell::default()), Arc::new(Bell::default())];
        bells.iter().enumerate().for_each(|(shard, bell)| rooms.enter_shard(shard, bell.clone()));
        let places = [joins(&rooms, 0, now), joins(&rooms, 1, now)];
        rooms.hear(places[0], Asked::Ready, now);
        let before = rooms.changes();
        rooms
            .order("weekly", Order::Kick(Whom::Leg(places[1])), By::command_line(), (now, UNIX_EPOCH))
            .expect("kicked");
        assert!(rooms.changes() > before);
        let told = |shard| {
            rooms
                .letters(shard)
                .into_iter()
                .any(|letter| matches!(letter, Letter::Told(place, Told::Out(Leaving::Kicked)) if place == places[1]))
        };
        assert!(!told(0) && told(1) && !told(1), "once, and on its own shard");
        assert_eq!(rooms.list(now).iter().map(|room| room.members.len()).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn records_that_could_not_be_written_are_given_again_in_their_order() {
        let (rooms, now) = (RoomHouse::default(), now());
        for _ in 0..2 {
            let place = joins(&rooms, 0, now);
            rooms.hear(place, Asked::Leave, now);
        }
        let first = rooms.take_past(1);
        let id = first[0].id.clone();
        rooms.keep_past(first);
        let all = rooms.take_past(9);
        assert_eq!((all.len(), &all[0].id), (2, &id));
        assert!(rooms.list(now).is_empty() && rooms.take_past(9).is_empty());
    }
}
