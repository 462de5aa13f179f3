//! Pictures of a browser: they come by the way of its sound, and have a port of their own.

use std::net::SocketAddr;

use super::Brought;
use super::guest::Seat;
use crate::shard::order::PortId;
use crate::shard::port::Guard;
use crate::shard::thread::Shard;

impl Shard {
    /// The pictures of a browser are to go to a port of their own.
    pub(super) fn share(&mut self, port: PortId, sound: PortId, shard: usize) {
        let Some(guest) = self.porch.guests.get_mut(&sound) else { return };
        let elsewhere = Some(shard).filter(|shard| *shard != self.number);
        let before = guest.pictures.replace((Seat { elsewhere, ..Seat::of(port) }, Vec::new()));
        self.porch.shown.insert(port, sound);
        if let Some((before, _)) = before {
            self.porch.shown.remove(&before.port);
        }
    }

    /// The pictures of a browser come under these numbers. The first time its port is told where to send them, and by which
    /// keys.
    pub(super) fn tell_apart(&mut self, port: PortId, numbers: Vec<u8>) {
        let Some(sound) = self.porch.shown.get(&port).copied() else { return };
        let Some(guest) = self.porch.guests.get_mut(&sound) else { return };
        let way = guest.agent.chosen().or_else(|| guest.agent.addresses().next());
        let Some((seat, known)) = &mut guest.pictures else { return };
        let is_told = std::mem::replace(&mut seat.is_told, true);
        *known = numbers;
        if !is_told {
            self.secure_pictures(sound);
            if let Some(way) = way {
                self.bring(port, Brought::Way(way));
            }
        }
    }

    /// Brings the port of a browser's pictures their keys, when both are there.
    pub(super) fn secure_pictures(&mut self, sound: PortId) {
        let Some(guest) = self.porch.guests.get(&sound) else { return };
        let pictures = guest.pictures.as_ref().map(|(seat, _)| seat).filter(|seat| seat.is_told);
        if let (Some(keys), Some(seat)) = (&guest.keys, pictures) {
            let (port, guard) = (seat.port, Box::new(Guard::of(keys)));
            self.bring(port, Brought::Keys(guard));
        }
    }

    /// Brings all ports of a browser the way to it.
    pub(super) fn bring_way(&mut self, sound: PortId, way: SocketAddr) {
        let pictures = self.porch.guests.get(&sound).and_then(|guest| guest.pictures.as_ref());
        let pictures = pictures.map(|(seat, _)| seat.port);
        for port in [Some(sound), pictures].into_iter().flatten() {
            self.bring(port, Brought::Way(way));
        }
    }
}
