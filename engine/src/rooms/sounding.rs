//! How rooms sound: orders for the media plane, in the order in which rooms say them.
//!
//! A port on its way between two media threads takes no order that concerns a third; what it is to do waits here until it has
//! arrived. Where there is no plane, as in simulated houses, nothing sounds.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use patchcord_media::clean::Cleaner;
use patchcord_media::mixer::{Gain, Rules};
use patchcord_media::recording::{Ledgered, Scribe};
use patchcord_media::shard::{Keeper, Order, OrderError, Plane, PortId, RoomId, RoomOrder, Stand};

use crate::room::{MAX_LEDGERS, MemberId, Place, RoomKey, SILENT, Sound, ledger_of_part};

/// Orders that wait for ports to arrive: moving takes less than a frame, and thousands may come at once.
const LATE: usize = 16_384;

/// Ledgers that are written at once: each has a thread, and writes 16 kB a second for each member of a phone.
const LEDGERS: usize = 64;

/// Bytes of one ledger: ten people at a telephone's rate for seven hours, or with wide sound for three and a half.
const LEDGER_BYTES: u64 = 4 << 30;

/// See the module.
#[derive(Default)]
pub(super) struct Sounding {
    plane: Option<Plane>,
    ports: HashMap<MemberId, (PortId, Place)>,
    members: HashMap<Place, MemberId>,
    rooms: HashMap<RoomKey, RoomId>,
    late: VecDeque<Sound>,
    /// The folder of recordings.
    folder: Option<PathBuf>,
    /// Rooms that are not open yet and are to have a ledger, and the file that it is in.
    kept: HashMap<RoomKey, (Scribe, String)>,
    /// One reference beyond ours for each ledger that is being written.
    writing: Arc<()>,
}

/// What became of an order.
enum Done {
    Yes,
    Later,
    Never,
}

impl Sounding {
    /// The sound of a member is at that port.
    pub fn known(&mut self, plane: &Plane, place: Place, member: MemberId, port: PortId) {
        if self.plane.is_none() {
            self.plane = Some(plane.clone());
        }
        self.members.insert(place, member);
        self.ports.insert(member, (port, place));
    }

    /// Where ledgers lie.
    pub fn keep_in(&mut self, folder: PathBuf) {
        self.folder = Some(folder);
    }

    /// Keeps a ledger of a room that is to be opened; or why it cannot be kept.
    pub fn keep(&mut self, room: RoomKey, file: String) -> Result<(), String> {
        let folder = self.folder.as_ref().ok_or("the server keeps no recordings")?;
        let scribe = scribe(folder, file.clone(), &self.writing)?;
        self.kept.insert(room, (scribe, file));
        Ok(())
    }

    /// The number by which a ledger knows a member.
    pub fn number(&self, member: MemberId) -> Option<u64> {
        self.ports.get(&member).map(|(port, _)| port.number())
    }

    /// Whoever was there is in no room any more.
    pub fn forget(&mut self, place: Place) {
        if let Some(member) = self.members.remove(&place) {
            self.ports.remove(&member);
        }
    }

    /// The room of the plane that carries this one.
    pub fn mixed(&self, room: RoomKey) -> Option<RoomId> {
        self.rooms.get(&room).copied()
    }

    /// The room that this one of the plane carries.
    pub fn carried_by(&self, mixed: RoomId) -> Option<RoomKey> {
        self.rooms.iter().find(|(_, room)| **room == mixed).map(|(key, _)| *key)
    }

    /// Does this, or later. Whoever cannot be brought into a room is given back.
    pub fn order(&mut self, sound: Sound) -> Result<(), Place> {
        if let Sound::Ruled(room, automatic_gain) = sound {
            self.overrule(room, automatic_gain);
        }
        let waits = |late: &Sound| about(late).iter().flatten().any(|one| about(&sound).contains(&Some(*one)));
        if self.late.iter().any(waits) {
            return self.postpone(sound);
        }
        match self.try_order(sound) {
            Done::Yes => Ok(()),
            Done::Later => self.postpone(sound),
            Done::Never => self.lost(sound),
        }
    }

    /// What waits to be done in a room is done by its new rules.
    fn overrule(&mut self, room: RoomKey, by: bool) {
        self.late.retain(|late| !matches!(late, Sound::Ruled(other, _) if *other == room));
        for late in &mut self.late {
            if let Sound::Enter(_, other, automatic_gain) = late
                && *other == room
            {
                *automatic_gain = by;
            }
        }
    }

    fn postpone(&mut self, sound: Sound) -> Result<(), Place> {
        if self.late.len() >= LATE {
            return self.lost(sound);
        }
        self.late.push_back(sound);
        Ok(())
    }

    fn lost(&self, sound: Sound) -> Result<(), Place> {
        match sound {
            Sound::Enter(member, ..) => self.ports.get(&member).map_or(Ok(()), |(_, place)| Err(*place)),
            _ => Ok(()),
        }
    }

    /// Does what had to wait; gives back who could not be brought in.
    pub fn again(&mut self) -> Vec<Place> {
        let late = std::mem::take(&mut self.late);
        late.into_iter().filter_map(|sound| self.order(sound).err()).collect()
    }

    fn try_order(&mut self, sound: Sound) -> Done {
        let Some(plane) = self.plane.clone() else { return Done::Yes };
        let port = |member: &MemberId| self.ports.get(member).map(|(port, _)| *port);
        let stand = |member: MemberId, stand: Stand| match port(&member) {
            Some(port) => plane.order(port, Order::Stand(stand)),
            None => Ok(()),
        };
        let done = match sound {
            Sound::Enter(member, room, automatic_gain) => return self.enter(&plane, member, room, automatic_gain),
            Sound::Leave(member) => port(&member).map_or(Ok(()), |port| plane.order(port, Order::Part)),
            Sound::Muted(member, on) => stand(member, Stand::Muted(on)),
            Sound::Deaf(member, on) => stand(member, Stand::Deaf(on)),
            Sound::Gain(member, gain) => stand(member, Stand::Gain(factor(gain))),
            Sound::Clean(member, gate, denoise) => match port(&member) {
                Some(port) => plane.order(port, Order::Clean(Cleaner::new(gate, denoise))),
                None => Ok(()),
            },
            Sound::Hears(listener, speaker, gain) => match port(&speaker) {
                Some(speaker) => stand(listener, Stand::Hears(speaker, factor(gain))),
                None => Ok(()),
            },
            Sound::Ruled(room, automatic_gain) => match self.rooms.get(&room) {
                Some(room) => plane.order_room(*room, RoomOrder::Rules(Rules { automatic_gain, ..Rules::default() })),
                // Its first member opens it so.
                None => Ok(()),
            },
            Sound::Close(room) => {
                // One that was never opened has nothing to keep.
                self.kept.remove(&room);
                match self.rooms.remove(&room) {
                    Some(room) => plane.order_room(room, RoomOrder::Close),
                    None => Ok(()),
                }
            }
        };
        judged(done)
    }

    /// Who begins a further ledger of a room with each further media thread on which it gets members.
    fn keeper(&self, file: String) -> Keeper {
        let (folder, writing) = (self.folder.clone(), Arc::downgrade(&self.writing));
        Box::new(move |part| {
            let (folder, writing) = (folder.as_ref()?, writing.upgrade()?);
            if part >= MAX_LEDGERS {
                return None;
            }
            match scribe(folder, ledger_of_part(&file, part), &writing) {
                Ok(scribe) => Some(Box::new(scribe)),
                Err(why) => {
                    tracing::warn!(file, why, "what members of a room hear on a further media thread is not kept");
                    None
                }
            }
        })
    }

    fn enter(&mut self, plane: &Plane, member: MemberId, room: RoomKey, automatic_gain: bool) -> Done {
        let Some((port, place)) = self.ports.get(&member).copied() else { return Done::Never };
        let known = self.rooms.get(&room).copied();
        let rules = Rules { automatic_gain, ..Rules::default() };
        let opened = known.map_or_else(|| plane.open_room(place.shard, rules, Some(port)), Ok);
        match opened {
            Ok(mixed) => {
                self.rooms.insert(room, mixed);
                if let Some((scribe, file)) = self.kept.remove(&room)
                    && let Err(error) = plane.keep_room(mixed, Box::new(scribe), self.keeper(file))
                {
                    tracing::warn!(%error, "a room is not kept");
                }
                judged(plane.order(port, Order::Enter(mixed)))
            }
            Err(error) => {
                tracing::warn!(%error, "a room has no sound");
                Done::Never
            }
        }
    }
}

/// Begins a ledger; or why there is none.
fn scribe(folder: &Path, file: String, writing: &Arc<()>) -> Result<Scribe, String> {
    if Arc::strong_count(writing) > LEDGERS {
        return Err(format!("{LEDGERS} ledgers of rooms are kept at the moment, which is the limit"));
    }
    let (path, writing) = (folder.join(&file), writing.clone());
    let told = move |ledgered| {
        match ledgered {
            Ledgered::Whole(bytes) => tracing::debug!(file, bytes, "the ledger of a room is whole"),
            Ledgered::Short(bytes) => {
                tracing::warn!(file, bytes, "the ledger of a room ends before it: the disk was too slow");
            }
            Ledgered::Full(bytes) => tracing::warn!(file, bytes, "the ledger of a room ends before it: it is full"),
            Ledgered::Unwritable(bytes, error) => {
                tracing::warn!(file, bytes, %error, "the ledger of a room ends before it: the disk refused it");
            }
        }
        drop(writing);
    };
    Scribe::keep(path, LEDGER_BYTES, Box::new(told)).map_err(|error| error.to_string())
}

fn judged(done: Result<(), OrderError>) -> Done {
    match done {
        Ok(()) => Done::Yes,
        Err(OrderError::Moving | OrderError::Busy) => Done::Later,
        Err(error @ (OrderError::NoPort | OrderError::NoRoom)) => {
            tracing::debug!(%error, "an order for a member's sound was not taken");
            Done::Never
        }
    }
}

/// Whom an order is about: what is said of one of them keeps its turn.
fn about(sound: &Sound) -> [Option<MemberId>; 2] {
    match sound {
        Sound::Enter(one, ..)
        | Sound::Leave(one)
        | Sound::Muted(one, _)
        | Sound::Deaf(one, _)
        | Sound::Clean(one, ..)
        | Sound::Gain(one, _) => [Some(*one), None],
        Sound::Hears(one, other, _) => [Some(*one), Some(*other)],
        Sound::Close(_) | Sound::Ruled(..) => [None, None],
    }
}

/// Decibels as a factor.
pub(crate) fn factor(gain: i8) -> Gain {
    if gain <= SILENT {
        return Gain::NONE;
    }
    let factor = 10_f64.powf(f64::from(gain) / 20.0) * f64::from(Gain::UNITY.0);
    Gain(factor.round() as u16).min(Gain::MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decibels_become_factors_within_bounds() {
        assert_eq!([SILENT, 0, 6, -6, 12, 127].map(|gain| factor(gain).0), [0, 4096, 8173, 2053, 16306, 16384]);
    }

    #[test]
    fn orders_of_others_do_not_wait_for_one_who_moves() {
        let hears = Sound::Hears(MemberId(1), MemberId(2), 0);
        assert!(about(&hears).contains(&Some(MemberId(2))));
        assert_eq!(about(&Sound::Close(RoomKey(1))), [None, None]);
    }
}
