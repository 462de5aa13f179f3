//! A slot of the clock: each of its ports makes and takes one frame.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::poll::Place;
use super::thread::Shard;

impl Shard {
    /// Serves the ports of one slot.
    pub(super) fn serve(&mut self, slot: usize) {
        // The list is taken out while its ports are served, because a fault may end one of them.
        let mut places = std::mem::take(&mut self.slots[slot]);
        for place in places.iter().copied() {
            if catch_unwind(AssertUnwindSafe(|| self.serve_port(place))).is_err() {
                self.bury(place);
            }
        }
        places.retain(|place| self.ports.get(*place).is_some());
        places.append(&mut self.slots[slot]);
        self.slots[slot] = places;
    }

    fn serve_port(&mut self, place: Place) {
        let Some(port) = self.ports.get_mut(place) else { return };
        port.watch_silence(self.moment, &mut self.news);
    }
}
