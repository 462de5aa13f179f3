//! A slot of the clock: each of its ports makes and takes one frame.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::poll::Place;
use super::port::Route;
use super::thread::Shard;
use super::waste::Thing;
use crate::dtmf::Press;
use crate::frame::Rate;

/// Rounds between two looks at silence and reports.
const LOOK_EVERY: u64 = 8;

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
        self.serve_rooms(slot);
    }

    fn serve_port(&mut self, place: Place) {
        // What is due in seconds need not be looked at fifty times in each; and not for all ports in the same round.
        let looks = (self.moment.round + u64::from(place.index)).is_multiple_of(LOOK_EVERY);
        if !looks && self.ports.is_still(place) {
            return;
        }
        let Some(port) = self.ports.get_mut(place) else { return };
        if !looks && port.is_idle() {
            return self.ports.settle(place, true);
        }
        port.watch_silence(self.moment, &mut self.news);
        port.report(self.moment, &self.wall, &mut self.scratch.packet, &mut self.news);
        port.ask_for_picture(self.moment, &mut self.scratch.packet);
        let room_dozes = match port.route {
            Route::Room(membership) => {
                self.rooms.get(&membership.room).is_some_and(|room| room.dozes_for(membership.seat))
            }
            _ => false,
        };
        let heard = port.listen(self.moment, room_dozes, &mut self.scratch);
        let (route, carries) = (port.route, port.carries_frames());
        let sound = heard.map(|rate| (&self.scratch.heard[..], rate));
        if let Some((sound, rate)) = sound {
            port.hear_tones(sound, rate, self.moment, &mut self.news);
        }
        if let Some(over) = port.go_on_recording(sound, self.moment) {
            self.waste.throw(Thing::Anything(over));
        }
        let press = port.expire_keys(self.moment, &mut self.news);
        if let (Some(press), Route::Bridge(partner)) = (press, route) {
            self.press_anew(partner, press);
        }
        if let Some(rate) = heard.filter(|_| carries) {
            self.carry(route, rate);
        }
        self.speak(place);
    }

    fn say_to(&mut self, partner: Place, rate: Rate) {
        let Some(partner) = self.ports.get_mut(partner).filter(|partner| !partner.is_busy()) else { return };
        let sound = std::mem::take(&mut self.scratch.heard);
        let said = partner.say(&sound, rate, self.moment, &mut self.scratch);
        self.scratch.heard = sound;
        self.tally.packets_out += u64::from(said);
        self.tally.own_encodes += u64::from(said);
    }

    /// What the port says by itself in this round: keys before all else, then a prompt.
    fn speak(&mut self, place: Place) {
        let Some(port) = self.ports.get_mut(place) else { return };
        port.say_rest(self.moment, &mut self.scratch);
        port.pass_rest(self.moment);
        if port.is_pressing() {
            let said = port.go_on_pressing(self.moment, &mut self.scratch, &mut self.news);
            self.tally.packets_out += u64::from(said);
            return;
        }
        let (said, over) = port.go_on_playing(self.moment, &mut self.scratch, &mut self.news);
        self.tally.packets_out += u64::from(said);
        if let Some(over) = over {
            self.waste.throw(Thing::Anything(over));
        }
    }

    /// A press whose events cannot be passed on is made anew for the partner, where that one takes keys.
    pub(super) fn press_anew(&mut self, partner: Place, press: Press) {
        if let Some(partner) = self.ports.get_mut(partner) {
            partner.press(press.key, press.duration);
        }
    }

    /// Carries a frame, which lies in the scratch, to where the port leads.
    fn carry(&mut self, route: Route, rate: Rate) {
        match route {
            Route::Room(membership) => {
                if let Some(room) = self.rooms.get_mut(&membership.room) {
                    room.hear(membership.seat, &self.scratch.heard, rate);
                }
            }
            Route::Bridge(partner) => {
                // Who speaks is not to blame for who is spoken to.
                if catch_unwind(AssertUnwindSafe(|| self.say_to(partner, rate))).is_err() {
                    self.bury(partner);
                }
            }
            Route::Nowhere | Route::Echo | Route::Relay(_) => {}
        }
    }
}
