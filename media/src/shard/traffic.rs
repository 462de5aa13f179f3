//! Packets as they come: from one port's socket through two ports' heads and out of another's socket.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::poll::Place;
use super::port::{Got, Onward, Port, Route};
use super::thread::Shard;
use crate::rtp::packet::MAX_PACKET;

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
            let Some(port) = self.ports.passed(place) else { return };
            let (wire, _) = port.wires_mut();
            let (length, from) = match wire.receive(&mut self.packet[..=MAX_PACKET]) {
                Got::Datagram(length, from) => (length, from),
                Got::Nothing => return,
                Got::Unreachable => {
                    self.tally.unsent += 1;
                    return;
                }
            };
            if !self.took_sound(place, length, from) {
                return;
            }
        }
    }

    /// Lets a port take the datagram in the thread's buffer, and sends it on; whether its socket has to be looked at until
    /// nothing is left.
    pub(super) fn took_sound(&mut self, place: Place, length: usize, from: Option<SocketAddr>) -> bool {
        let Some(port) = self.ports.get(place) else { return false };
        let (before, partner) = (*port.counts(), port.route.partner());
        let wants = partner.and_then(|partner| self.ports.get(partner)).map(Port::wants).unwrap_or_default();
        let Some(port) = self.ports.passed(place) else { return false };
        let datagram = &mut self.packet[..length];
        let (onward, length) = port.take(datagram, from, wants, self.moment, &mut self.news);
        if onward == Onward::Report {
            let asks = port.take_report(&mut self.packet[..length], from, self.moment, &self.wall, &mut self.news);
            if asks {
                self.ask_partner(place);
            }
        }
        let Some(port) = self.ports.get(place) else { return false };
        let settling = port.wires().0.is_settling();
        let after = port.counts();
        self.tally.packets_in += after.packets_in - before.packets_in;
        self.tally.refused += after.refused - before.refused;
        self.tally.strangers += after.strangers - before.strangers;
        if !matches!(onward, Onward::Sound(..) | Onward::Bytes(_)) {
            self.ports.settle(place, false);
        }
        self.lead_on(place, onward, length);
        settling
    }

    fn lead_on(&mut self, place: Place, onward: Onward, length: usize) {
        let to = match onward {
            Onward::Nowhere | Onward::Report => return,
            Onward::Press(to, press) => return self.press_anew(to, press),
            Onward::Unsaid(to, head) => {
                if let Some(port) = self.ports.passed(to) {
                    port.leave_out(&head, self.moment);
                }
                return;
            }
            Onward::Sound(to, ..) | Onward::Cut(to, ..) | Onward::Event(to, _) | Onward::Bytes(to) => to,
            Onward::Back(..) => place,
        };
        // Who was heard is not to blame for who is spoken to.
        match catch_unwind(AssertUnwindSafe(|| self.pass(to, onward, length))) {
            Ok(sent) => {
                self.tally.packets_out += u64::from(sent);
                self.tally.dropped += u64::from(!sent);
            }
            Err(_) => self.bury(to),
        }
    }

    fn pass(&mut self, to: Place, onward: Onward, length: usize) -> bool {
        if !matches!(onward, Onward::Sound(..) | Onward::Bytes(_)) {
            self.ports.settle(to, false);
        }
        let Some(port) = self.ports.passed(to) else { return false };
        let (buffer, moment) = (&mut self.packet[..], self.moment);
        match onward {
            Onward::Sound(_, head, kind) | Onward::Back(head, kind) => {
                let passed = port.pass(buffer, length, &head, kind, moment);
                if port.holds_passed_sound() {
                    self.ports.settle(to, false);
                }
                passed
            }
            Onward::Cut(_, head, kind, sound) => port.pass_cut(&buffer[sound], &head, kind, moment),
            Onward::Event(_, head) => port.pass_event(buffer, length, &head, moment),
            Onward::Bytes(_) => port.send(&buffer[..length]),
            Onward::Nowhere | Onward::Report | Onward::Press(..) | Onward::Unsaid(..) => false,
        }
    }

    /// A socket of reports can be read.
    pub(super) fn report_came(&mut self, place: Place) {
        if catch_unwind(AssertUnwindSafe(|| self.read_report(place))).is_err() {
            self.bury(place);
        }
    }

    fn read_report(&mut self, place: Place) {
        let Some(port) = self.ports.get_mut(place) else { return };
        let (_, Some(wire)) = port.wires_mut() else { return };
        let Got::Datagram(length, from) = wire.receive(&mut self.packet[..=MAX_PACKET]) else { return };
        let datagram = &mut self.packet[..length];
        if let Route::Relay(partner) = port.route {
            // What stands beside unknown media is passed on beside it.
            if let Some(partner) = self.ports.get_mut(partner) {
                partner.send_beside(datagram);
            }
            return;
        }
        let Some(port) = self.ports.get_mut(place) else { return };
        if port.take_report(datagram, from, self.moment, &self.wall, &mut self.news) {
            self.ask_partner(place);
        }
    }

    /// A party has lost a picture: whoever sends it is asked for a whole one.
    fn ask_partner(&mut self, place: Place) {
        let partner = self.ports.get(place).and_then(|port| port.route.partner());
        if let Some(port) = partner.and_then(|partner| self.ports.get_mut(partner)) {
            port.want_lost_picture();
            port.ask_for_picture(self.moment, &mut self.scratch.packet);
        }
    }
}
