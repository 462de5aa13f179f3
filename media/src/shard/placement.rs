//! Which port lives on which thread, and why.
//!
//! A new port goes to the thread that is expected to work least, unless it is to be bridged with another: then to that
//! one's. A port that must meet a port of another thread moves there; its orders wait here until it has arrived, so that
//! they keep their turn. Nothing here talks to a thread.
//!
//! What a thread is expected to work is what it was measured to work, the price of each port that is too young to have been
//! measured, and of every older one a small part: who is silent costs nothing, but may begin to speak.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::order::{Keeper, Order, PortId, RoomId};
use super::plane::OrderError;
use crate::mixer::Rules;
use crate::recording::Scribe;

/// Orders that may wait for a port that moves; moving takes less than a frame.
const MOST_WAITING: usize = 32;

/// What a port is expected to cost, in millionths of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(pub u32);

impl Weight {
    /// Packets in and out as they are: fifty a second each way at 4.5 µs.
    pub const PASSING: Self = Self(225);
    /// Pictures: two or three hundred large packets a second each way.
    pub const PICTURES: Self = Self(3000);
    /// A leg that is decoded and encoded by table.
    pub const SOUND: Self = Self(300);
    /// A leg that is encoded by Opus: fifty frames of 120 µs, and as many decoded in a quarter of that.
    pub const OPUS: Self = Self(7500);
}

/// The most that is expected of one thread. Beyond it the estimate says no before a burst of calls can be measured.
const FULL: u64 = 850_000;

/// How long a port counts at its price: the load is measured each second over the last one, so that whoever speaks was
/// measured for a whole second by then.
const YOUNG: Duration = Duration::from_secs(3);

/// What is kept free for a port that was measured: this part of its price, one in sixteen. That many silent parties at once
/// begin to speak before the next measurement; of those who speak it is kept besides what they cost.
const KEPT_FREE: u64 = 16;

/// A room does not draw more members to its thread than this; further ones stay where they are, and the room spreads.
const CROWDED: u64 = 600_000;

struct Resident {
    shard: usize,
    weight: Weight,
    /// The number of its socket of sound, to be given back.
    number: Option<u16>,
    /// Orders that wait while it moves to `shard`.
    moving: Option<Vec<Order>>,
    /// Whether its cost is not among what was measured yet.
    is_young: bool,
}

/// What is known of the work of one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// The share of its time that it was measured to work, in thousandths.
    pub permille: u64,
    /// Whether it measures that it can take more.
    pub has_room: bool,
}

/// The prices of the ports of one thread, in millionths of a core.
#[derive(Clone, Copy, Default)]
struct Prices {
    /// Of all.
    all: u64,
    /// Of those that were not measured yet.
    young: u64,
}

impl Prices {
    /// How much the thread is expected to work that was measured to work so.
    fn beside(self, work: Work) -> u64 {
        work.permille * 1000 + self.young + (self.all - self.young) / KEPT_FREE
    }

    fn take(&mut self, resident: &Resident) {
        self.all += u64::from(resident.weight.0);
        self.young += if resident.is_young { u64::from(resident.weight.0) } else { 0 };
    }

    fn give(&mut self, resident: &Resident) {
        self.all -= u64::from(resident.weight.0);
        self.young -= if resident.is_young { u64::from(resident.weight.0) } else { 0 };
    }
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
    /// Who makes the ledgers of its further parts.
    keeper: Option<Keeper>,
}

/// See the module.
pub(crate) struct Placement {
    residents: HashMap<PortId, Resident>,
    /// The threads that have a part of each room; the first has the room's announcements.
    rooms: HashMap<RoomId, Lodging>,
    prices: Vec<Prices>,
    /// Who came lately, and until when it counts at its price. As many as were opened within [`YOUNG`], closed or not.
    young: VecDeque<(Instant, PortId)>,
    last: u64,
    most: usize,
}

impl Placement {
    pub fn new(threads: usize, most: usize) -> Self {
        Self {
            residents: HashMap::new(),
            rooms: HashMap::new(),
            prices: vec![Prices::default(); threads],
            young: VecDeque::new(),
            last: 0,
            most,
        }
    }

    /// Finds a thread for a new port, by what each was measured to work.
    pub fn place(&mut self, weight: Weight, beside: Option<PortId>, works: &[Work], now: Instant) -> Placing {
        self.grow_up(now);
        if self.residents.len() >= self.most {
            return Placing::Full(self.residents.len());
        }
        let work = |shard: usize| works.get(shard).copied().unwrap_or_default();
        let expected = |shard: &usize| self.prices[*shard].beside(work(*shard));
        let takes = |shard: &usize| work(*shard).has_room && expected(shard) + u64::from(weight.0) <= FULL;
        let companion = beside.and_then(|port| self.residents.get(&port)).map(|resident| resident.shard);
        let lightest = || (0..self.prices.len()).filter(takes).min_by_key(expected);
        let Some(shard) = companion.filter(takes).or_else(lightest) else { return Placing::Loaded };
        self.last += 1;
        let port = PortId(self.last);
        let resident = Resident { shard, weight, number: None, moving: None, is_young: true };
        self.prices[shard].take(&resident);
        self.residents.insert(port, resident);
        self.young.push_back((now + YOUNG, port));
        Placing::Placed(port, shard)
    }

    /// Whoever is old enough has been measured.
    fn grow_up(&mut self, now: Instant) {
        while let Some((_, port)) = self.young.pop_front_if(|(until, _)| *until <= now) {
            if let Some(resident) = self.residents.get_mut(&port) {
                let prices = &mut self.prices[resident.shard];
                prices.give(resident);
                resident.is_young = false;
                prices.take(resident);
            }
        }
    }

    /// Whether there is such a port.
    pub fn knows(&self, port: PortId) -> bool {
        self.residents.contains_key(&port)
    }

    /// How many there are.
    pub fn ports(&self) -> usize {
        self.residents.len()
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
        self.prices[resident.shard].give(&resident);
        resident.number
    }

    /// Opens a room on the thread of that port, else on the one that is expected to work least.
    pub fn open_room(&mut self, beside: Option<PortId>, rules: Rules) -> (RoomId, usize) {
        let companion = beside.and_then(|port| self.residents.get(&port)).map(|resident| resident.shard);
        let lightest = (0..self.prices.len()).min_by_key(|shard| self.prices[*shard].all).unwrap_or_default();
        let shard = companion.unwrap_or(lightest);
        self.last += 1;
        let room = RoomId(self.last);
        self.rooms.insert(room, Lodging { parts: vec![shard], rules, keeper: None });
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

    /// Each part that a room gets later has a ledger by that one.
    pub fn keep(&mut self, room: RoomId, keeper: Keeper) {
        if let Some(lodging) = self.rooms.get_mut(&room) {
            lodging.keeper = Some(keeper);
        }
    }

    /// The ledger of the part that a room has got last.
    pub fn scribe(&mut self, room: RoomId) -> Option<Box<Scribe>> {
        let Lodging { parts, keeper, .. } = self.rooms.get_mut(&room)?;
        keeper.as_mut()?(parts.len() - 1)
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
                // Whoever listens in a room costs its price, however silent all are.
                let takes = |shard: &usize| self.prices[*shard].all + weight <= CROWDED;
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
        self.prices[from].give(resident);
        self.prices[to].take(resident);
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
            self.prices[to].give(resident);
            self.prices[from].take(resident);
        }
    }
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
