//! Which port lives on which thread, and why.
//!
//! A new port goes to the thread that is expected to work least, unless it is to be bridged with another: then to that
//! one's. A port that must meet a port of another thread moves there; its orders wait here until it has arrived, so that
//! they keep their turn. Nothing here talks to a thread.

use std::collections::HashMap;

use super::order::{Order, PortId, RoomId};
use super::plane::OrderError;
use crate::mixer::Rules;

/// Orders that may wait for a port that moves; moving takes less than a frame.
const MOST_WAITING: usize = 32;

/// What a port is expected to cost, in millionths of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(pub u32);

impl Weight {
    /// Packets in and out as they are: fifty a second each way at 4.5 µs.
    pub const PASSING: Self = Self(225);
    /// A leg that is decoded and encoded by table.
    pub const SOUND: Self = Self(300);
    /// A leg that is encoded by Opus: fifty frames of 120 µs, and as many decoded in a quarter of that.
    pub const OPUS: Self = Self(7500);
}

/// The most that is expected of one thread. Beyond it the estimate says no before a burst of calls can be measured.
const FULL: u64 = 850_000;

/// A room does not draw more members to its thread than this; further ones stay where they are, and the room spreads.
const CROWDED: u64 = 600_000;

struct Resident {
    shard: usize,
    weight: Weight,
    /// The number of its socket of sound, to be given back.
    number: Option<u16>,
    /// Orders that wait while it moves to `shard`.
    moving: Option<Vec<Order>>,
}

/// Whom a port is to meet.
#[derive(Clone, Copy)]
pub(crate) enum Meeting {
    Nobody,
    Port(PortId),
    Room(RoomId),
}

/// Where an order goes.
pub(crate) enum Way {
    /// To that thread.
    Straight(usize, Order),
    /// Nowhere yet.
    Waits,
    /// Nowhere yet, and the port is to be handed on first.
    Moves { from: usize, to: usize },
    /// To that thread, after the room has got a part there beside those it has.
    Spreads { shard: usize, others: Vec<usize>, rules: Rules, order: Order },
}

/// Where a port will live.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Placing {
    Placed(PortId, usize),
    Full(usize),
    Loaded,
}

/// Where a room lives, and by which rules, so that a part made later has them too.
#[derive(Default)]
struct Lodging {
    parts: Vec<usize>,
    rules: Rules,
}

/// See the module.
pub(crate) struct Placement {
    residents: HashMap<PortId, Resident>,
    /// The threads that have a part of each room; the first has the room's announcements.
    rooms: HashMap<RoomId, Lodging>,
    expected: Vec<u64>,
    last: u64,
    most: usize,
}

impl Placement {
    pub fn new(threads: usize, most: usize) -> Self {
        Self { residents: HashMap::new(), rooms: HashMap::new(), expected: vec![0; threads], last: 0, most }
    }

    /// Finds a thread for a new port. `free` says which threads measure that they can take more.
    pub fn place(&mut self, weight: Weight, beside: Option<PortId>, free: &[bool]) -> Placing {
        if self.residents.len() >= self.most {
            return Placing::Full(self.residents.len());
        }
        let takes =
            |shard: &usize| free.get(*shard) == Some(&true) && self.expected[*shard] + u64::from(weight.0) <= FULL;
        let companion = beside.and_then(|port| self.residents.get(&port)).map(|resident| resident.shard);
        let lightest = || (0..self.expected.len()).filter(takes).min_by_key(|shard| self.expected[*shard]);
        let Some(shard) = companion.filter(takes).or_else(lightest) else { return Placing::Loaded };
        self.last += 1;
        let port = PortId(self.last);
        self.expected[shard] += u64::from(weight.0);
        self.residents.insert(port, Resident { shard, weight, number: None, moving: None });
        Placing::Placed(port, shard)
    }

    /// A port hears sound on this number, which is given back when it is gone.
    pub fn bound(&mut self, port: PortId, number: u16) {
        if let Some(resident) = self.residents.get_mut(&port) {
            resident.number = Some(number);
        }
    }

    /// A port is gone; the number it heard on.
    pub fn forget(&mut self, port: PortId) -> Option<u16> {
        let resident = self.residents.remove(&port)?;
        self.expected[resident.shard] -= u64::from(resident.weight.0);
        resident.number
    }

    /// Opens a room on the thread of that port, else on the one that is expected to work least.
    pub fn open_room(&mut self, beside: Option<PortId>, rules: Rules) -> (RoomId, usize) {
        let companion = beside.and_then(|port| self.residents.get(&port)).map(|resident| resident.shard);
        let lightest = (0..self.expected.len()).min_by_key(|shard| self.expected[*shard]).unwrap_or_default();
        let shard = companion.unwrap_or(lightest);
        self.last += 1;
        let room = RoomId(self.last);
        self.rooms.insert(room, Lodging { parts: vec![shard], rules });
        (room, shard)
    }

    /// The threads that have a part of a room.
    pub fn parts(&self, room: RoomId) -> &[usize] {
        self.rooms.get(&room).map_or(&[], |lodging| &lodging.parts)
    }

    /// A room is closed.
    pub fn close_room(&mut self, room: RoomId) -> Vec<usize> {
        self.rooms.remove(&room).unwrap_or_default().parts
    }

    /// A room is mixed by other rules from now on, also where it gets a part later.
    pub fn rule(&mut self, room: RoomId, rules: Rules) {
        if let Some(lodging) = self.rooms.get_mut(&room) {
            lodging.rules = rules;
        }
    }

    /// The threads of a listener and a speaker, where these are two.
    ///
    /// # Errors
    /// When either is gone, or the speaker is not at rest.
    pub fn apart(&self, listener: PortId, speaker: PortId) -> Result<Option<(usize, usize)>, OrderError> {
        let [listener, speaker] = [listener, speaker].map(|port| self.residents.get(&port).ok_or(OrderError::NoPort));
        let (listener, speaker) = (listener?, speaker?);
        match speaker.moving {
            Some(_) => Err(OrderError::Moving),
            None => Ok((listener.shard != speaker.shard).then_some((listener.shard, speaker.shard))),
        }
    }

    /// The way of an order to `port` that concerns somebody else as well.
    ///
    /// # Errors
    /// When either is gone, or the other is not at rest, or too many orders wait already.
    pub fn way(&mut self, port: PortId, meeting: Meeting, order: Order) -> Result<Way, OrderError> {
        let resident = self.residents.get(&port).ok_or(OrderError::NoPort)?;
        let (here, weight, moves) = (resident.shard, u64::from(resident.weight.0), resident.moving.is_some());
        let to = match meeting {
            Meeting::Nobody => here,
            Meeting::Port(other) => {
                let other = self.residents.get(&other).ok_or(OrderError::NoPort)?;
                if other.moving.is_some() {
                    return Err(OrderError::Moving);
                }
                other.shard
            }
            Meeting::Room(room) => {
                let parts = &self.rooms.get(&room).ok_or(OrderError::NoRoom)?.parts;
                let takes = |shard: &usize| self.expected[*shard] + weight <= CROWDED;
                match parts.iter().copied().find(|shard| *shard == here).or_else(|| parts.iter().copied().find(takes)) {
                    Some(shard) => shard,
                    None if moves => return Err(OrderError::Moving),
                    None => return Ok(self.spread(room, here, order)),
                }
            }
        };
        self.lead(port, to, order)
    }

    fn spread(&mut self, room: RoomId, shard: usize, order: Order) -> Way {
        let lodging = self.rooms.entry(room).or_default();
        let others = lodging.parts.clone();
        lodging.parts.push(shard);
        Way::Spreads { shard, others, rules: lodging.rules, order }
    }

    fn lead(&mut self, port: PortId, to: usize, order: Order) -> Result<Way, OrderError> {
        let resident = self.residents.get_mut(&port).ok_or(OrderError::NoPort)?;
        if let Some(waiting) = &mut resident.moving {
            if to != resident.shard {
                return Err(OrderError::Moving);
            }
            if waiting.len() >= MOST_WAITING {
                return Err(OrderError::Busy);
            }
            waiting.push(order);
            return Ok(Way::Waits);
        }
        if to == resident.shard {
            return Ok(Way::Straight(to, order));
        }
        let from = std::mem::replace(&mut resident.shard, to);
        resident.moving = Some(vec![order]);
        let weight = u64::from(resident.weight.0);
        self.expected[from] -= weight;
        self.expected[to] += weight;
        Ok(Way::Moves { from, to })
    }

    /// A port has arrived: where, and the orders that waited for it.
    pub fn moved(&mut self, port: PortId) -> Option<(usize, Vec<Order>)> {
        let resident = self.residents.get_mut(&port)?;
        Some((resident.shard, resident.moving.take().unwrap_or_default()))
    }

    /// A port could not be sent on its way: the thread where it lives takes no orders.
    pub fn stays(&mut self, port: PortId, from: usize) {
        if let Some(resident) = self.residents.get_mut(&port) {
            let to = std::mem::replace(&mut resident.shard, from);
            resident.moving = None;
            self.expected[to] -= u64::from(resident.weight.0);
            self.expected[from] += u64::from(resident.weight.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(placement: &mut Placement, beside: Option<PortId>) -> (PortId, usize) {
        match placement.place(Weight::PASSING, beside, &[true, true]) {
            Placing::Placed(port, shard) => (port, shard),
            other => panic!("{other:?} where there is room"),
        }
    }

    #[test]
    fn ports_spread_over_threads_and_partners_stay_together() {
        let mut placement = Placement::new(2, 10);
        let (first, shard) = placed(&mut placement, None);
        assert_ne!(placed(&mut placement, None).1, shard);
        assert_eq!(placed(&mut placement, Some(first)).1, shard);
    }

    #[test]
    fn nobody_is_placed_beyond_the_limits() {
        let mut placement = Placement::new(1, 2);
        assert_eq!(placement.place(Weight::PASSING, None, &[false]), Placing::Loaded);
        assert_eq!(placement.place(Weight(900_000), None, &[true]), Placing::Loaded);
        let first = placement.place(Weight(800_000), None, &[true]);
        assert_eq!(placement.place(Weight(800_000), None, &[true]), Placing::Loaded);
        assert_eq!(first, Placing::Placed(PortId(1), 0));
        assert_eq!(placement.place(Weight(1), None, &[true]), Placing::Placed(PortId(2), 0));
        assert_eq!(placement.place(Weight(1), None, &[true]), Placing::Full(2));
        placement.forget(PortId(1));
        assert_eq!(placement.place(Weight(800_000), None, &[true]), Placing::Placed(PortId(3), 0));
    }

    #[test]
    fn orders_wait_in_their_turn_for_a_port_that_moves() {
        let mut placement = Placement::new(2, 10);
        let ((here, from), (there, to)) = (placed(&mut placement, None), placed(&mut placement, None));
        let way = placement.way(here, Meeting::Port(there), Order::Bridge(there)).expect("both are there");
        assert!(matches!(way, Way::Moves { from: a, to: b } if (a, b) == (from, to)));
        assert!(matches!(placement.way(here, Meeting::Nobody, Order::Close), Ok(Way::Waits)));
        assert!(matches!(placement.way(there, Meeting::Port(here), Order::Bridge(here)), Err(OrderError::Moving)));
        let (shard, waiting) = placement.moved(here).expect("it is there");
        assert_eq!(shard, to);
        assert!(matches!(waiting[..], [Order::Bridge(_), Order::Close]));
        assert!(
            matches!(placement.way(here, Meeting::Port(there), Order::Part), Ok(Way::Straight(shard, _)) if shard == to)
        );
    }

    #[test]
    fn a_room_draws_its_members_until_its_thread_is_crowded_and_spreads_then() {
        let mut placement = Placement::new(2, 10);
        let (here, shard) = placed(&mut placement, None);
        let (room, home) = placement.open_room(Some(here), Rules::default());
        assert_eq!(home, shard);
        let (there, away) = placed(&mut placement, None);
        let way = placement.way(there, Meeting::Room(room), Order::Enter(room)).expect("both are there");
        assert!(matches!(way, Way::Moves { from, to } if (from, to) == (away, home)));
        let heavy = placement.place(Weight(700_000), None, &[home == 0, home == 1]);
        assert!(matches!(heavy, Placing::Placed(_, shard) if shard == home));
        let (late, shard) = placed(&mut placement, None);
        assert_eq!(shard, away);
        let way = placement.way(late, Meeting::Room(room), Order::Enter(room)).expect("both are there");
        assert!(matches!(way, Way::Spreads { shard, others, .. } if shard == away && others == [home]));
        assert_eq!(placement.parts(room), [home, away]);
        assert_eq!(placement.close_room(room), [home, away]);
        assert!(matches!(placement.way(late, Meeting::Room(room), Order::Enter(room)), Err(OrderError::NoRoom)));
    }
}
