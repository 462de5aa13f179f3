//! The ports of one thread, each at a place that outlives it as a number only.
//!
//! A place carries the generation of its tenant, so an event of a socket that was closed a moment ago finds nobody, and not
//! whoever moved in since. Ports lie in boxes: one that leaves is handed on whole, to another thread or to be taken apart.

use super::poll::Place;
use super::port::Port;

/// Bits of the generation that an event can carry.
const GENERATIONS: u32 = 1 << 24;

#[derive(Default)]
struct Room {
    generation: u32,
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
        self.rooms[place.index as usize].tenant = Some(port);
        place
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

    /// Who lives there.
    pub fn get_mut(&mut self, at: Place) -> Option<&mut Port> {
        let room = self.rooms.get_mut(at.index as usize).filter(|room| room.generation == at.generation)?;
        room.tenant.as_deref_mut()
    }

    /// Lets everybody who lives here do something.
    pub fn each(&mut self, work: impl FnMut(&mut Port)) {
        self.rooms.iter_mut().filter_map(|room| room.tenant.as_deref_mut()).for_each(work);
    }

    /// How many live here.
    pub fn len(&self) -> usize {
        self.rooms.len() - self.vacant.len()
    }
}
