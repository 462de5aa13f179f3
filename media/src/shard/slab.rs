//! The ports of one thread, each at a place that outlives it as a number only.
//!
//! A place carries the generation of its tenant, so an event of a socket that was closed a moment ago finds nobody, and not
//! whoever moved in since. Ports lie in boxes: one that leaves is handed on whole, to another thread or to be taken apart.
//!
//! A port in which a round found nothing to do is *still*: rounds pass it by without looking into it, until anybody but a
//! packet that only passes has come to it.

use super::poll::Place;
use super::port::Port;

/// Bits of the generation that an event can carry.
const GENERATIONS: u32 = 1 << 24;

#[derive(Default)]
struct Room {
    generation: u32,
    is_still: bool,
    tenant: Option<Box<Port>>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Slab {
    rooms: Vec<Room>,
    vacant: Vec<u32>,
}

impl Slab {
    /// Where the next port will live.
    pub fn next(&mut self) -> Place {
        if self.vacant.is_empty() {
            self.vacant.push(u32::try_from(self.rooms.len()).expect("fewer ports than 32 bits count"));
            self.rooms.push(Room::default());
        }
        let index = self.vacant[self.vacant.len() - 1];
        Place { index, generation: self.rooms[index as usize].generation }
    }

    /// Lets a port move in at [`Slab::next`].
    pub fn insert(&mut self, port: Box<Port>) -> Place {
        let place = self.next();
        self.vacant.pop();
        let room = &mut self.rooms[place.index as usize];
        (room.tenant, room.is_still) = (Some(port), false);
        place
    }

    /// Whether rounds may pass it by.
    pub fn is_still(&self, at: Place) -> bool {
        self.rooms.get(at.index as usize).is_some_and(|room| room.is_still)
    }

    /// A round found something to do there, or nothing.
    pub fn settle(&mut self, at: Place, is_still: bool) {
        if let Some(room) = self.rooms.get_mut(at.index as usize) {
            room.is_still = is_still;
        }
    }

    /// Lets it move out.
    pub fn remove(&mut self, at: Place) -> Option<Box<Port>> {
        let room = self.rooms.get_mut(at.index as usize).filter(|room| room.generation == at.generation)?;
        let port = room.tenant.take()?;
        room.generation = (room.generation + 1) % GENERATIONS;
        self.vacant.push(at.index);
        Some(port)
    }

    /// Who lives there.
    pub fn get(&self, at: Place) -> Option<&Port> {
        let room = self.rooms.get(at.index as usize).filter(|room| room.generation == at.generation)?;
        room.tenant.as_deref()
    }

    /// Who lives there, for whatever may have to be looked after in the next round.
    pub fn get_mut(&mut self, at: Place) -> Option<&mut Port> {
        let room = self.rooms.get_mut(at.index as usize).filter(|room| room.generation == at.generation)?;
        room.is_still = false;
        room.tenant.as_deref_mut()
    }

    /// Who lives there, for a packet: whoever lets it do more than pass says so by [`Slab::settle`].
    pub fn passed(&mut self, at: Place) -> Option<&mut Port> {
        let room = self.rooms.get_mut(at.index as usize).filter(|room| room.generation == at.generation)?;
        room.tenant.as_deref_mut()
    }

    /// How many live here.
    pub fn len(&self) -> usize {
        self.rooms.len() - self.vacant.len()
    }
}
