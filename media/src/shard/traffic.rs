//! Packets as they come: from one port's socket through two ports' heads and out of another's socket.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::poll::Place;
use super::port::{Got, Onward};
use super::thread::Shard;

/// Looks at one socket before the others have their turn again.
const MOST_LOOKS: usize = 64;

impl Shard {
    /// A socket of sound can be read.
    pub(super) fn sound_came(&mut self, place: Place) {
        if catch_unwind(AssertUnwindSafe(|| self.read_sound(place))).is_err() {
            self.bury(place);
        }
    }

    fn read_sound(&mut self, place: Place) {
        for _ in 0..MOST_LOOKS {
            let Some(port) = self.ports.get_mut(place) else { return };
            let (wire, _) = port.wires_mut();
            let (length, from) = match wire.receive(&mut self.packet) {
                Got::Datagram(length, from) => (length, from),
                Got::Nothing => return,
                Got::Unreachable => {
                    self.tally.unsent += 1;
                    return;
                }
            };
            let before = port.totals();
            let onward = port.take(&self.packet[..length], from, self.moment, &mut self.news);
            let settling = port.wires().0.is_settling();
            let after = port.totals();
            self.tally.packets_in += after.packets_in - before.packets_in;
            self.tally.strangers += after.strangers - before.strangers;
            self.tally.refused += after.refused - before.refused;
            self.lead_on(place, onward, length);
            if !settling {
                return;
            }
        }
    }

    fn lead_on(&mut self, place: Place, onward: Onward, length: usize) {
        let packet = &mut self.packet[..length];
        let sent = match onward {
            Onward::Nowhere => return,
            Onward::Sound(to, head, kind) => {
                self.ports.get_mut(to).is_some_and(|port| port.pass(packet, &head, kind, self.moment))
            }
            Onward::Back(head, kind) => {
                self.ports.get_mut(place).is_some_and(|port| port.pass(packet, &head, kind, self.moment))
            }
            Onward::Bytes(to) => self.ports.get_mut(to).is_some_and(|port| port.send(packet)),
        };
        self.tally.packets_out += u64::from(sent);
        self.tally.dropped += u64::from(!sent);
    }

    /// A socket of reports can be read.
    pub(super) fn report_came(&mut self, place: Place) {
        let Some(port) = self.ports.get_mut(place) else { return };
        if let (_, Some(wire)) = port.wires_mut() {
            let _ = wire.receive(&mut self.packet);
        }
    }
}
