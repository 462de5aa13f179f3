//! Which port lives at which place of this thread.

use std::collections::HashMap;

use super::order::PortId;
use super::poll::Place;

/// Names and places.
#[derive(Default)]
pub(crate) struct Directory(HashMap<PortId, Place>);

impl Directory {
    /// A port moved in.
    pub fn insert(&mut self, port: PortId, place: Place) {
        self.0.insert(port, place);
    }

    /// A port moved out.
    pub fn remove(&mut self, port: PortId) -> Option<Place> {
        self.0.remove(&port)
    }

    /// Where it lives.
    pub fn find(&self, port: PortId) -> Option<Place> {
        self.0.get(&port).copied()
    }

    /// Everybody.
    pub fn everybody(&self) -> Vec<PortId> {
        self.0.keys().copied().collect()
    }
}
