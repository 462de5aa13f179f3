//! The rooms of a media thread: their orders, and the rounds in which they are mixed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::notice::Notice;
use super::order::{Command, Play, Played, PortId, RoomId, RoomOrder, Stand};
use super::poll::Place;
use super::port::{Effort, Playing, Port, Recorder, Route};
use super::room::{Membership, Partial, Room};
use super::thread::Shard;
use super::waste::Thing;
use crate::clean::Cleaner;
use crate::codec::Kind;
use crate::mixer::{Gain, Hears, Rules};
use crate::recording::Scribe;

/// From this load on coders spend less, and below the other again what they like.
const BUSY_PERMILLE: u64 = 550;
const CALM_PERMILLE: u64 = 350;

/// Rooms of one thread; a thread carries no more members than that.
const MAX_ROOMS: usize = 4096;

impl Shard {
    pub(super) fn open_room(&mut self, id: RoomId, listener: usize, rules: Rules) {
        if self.rooms.len() >= MAX_ROOMS || self.rooms.contains_key(&id) {
            return;
        }
        let slot = self.emptiest_slot();
        self.rooms.insert(id, Box::new(Room::new(id, listener, slot, rules)));
    }

    pub(super) fn direct_room(&mut self, id: RoomId, order: RoomOrder) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        match order {
            RoomOrder::Rules(rules) => room.mixer.set_rules(rules),
            RoomOrder::Announce(play) => {
                self.hush(id, Played::Replaced);
                self.announce(id, play);
            }
            RoomOrder::Record(record) => {
                let recorder = Box::new(Recorder::new(record.tap, record.rate));
                if let Some(before) = room.recorder.replace(recorder) {
                    self.waste.throw(Thing::Anything(before));
                }
            }
            RoomOrder::Hush => self.hush(id, Played::Stopped),
            RoomOrder::Close => self.close_room(id, Notice::RoomClosed(id)),
        }
    }

    /// Keeps a ledger of a room's part from now on; of one that is gone, or had members already, none is kept.
    pub(super) fn keep_room(&mut self, id: RoomId, scribe: Box<Scribe>) {
        let refused = match self.rooms.get_mut(&id) {
            Some(room) => room.keep_ledger(scribe),
            None => Some(scribe),
        };
        if let Some(refused) = refused {
            self.waste.throw(Thing::Anything(refused));
        }
    }

    fn announce(&mut self, id: RoomId, play: Play) {
        if let Some(room) = self.rooms.get_mut(&id) {
            room.announcing = Some(Playing::new(play));
        }
    }

    fn hush(&mut self, id: RoomId, why: Played) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        if let Some(over) = room.announcing.take() {
            self.news.tell(room.listener, Notice::Announced(id, over.tag(), why));
            self.waste.throw(Thing::Anything(Box::new(over)));
        }
    }

    pub(super) fn close_room(&mut self, id: RoomId, notice: Notice) {
        self.hush(id, Played::Stopped);
        let Some(mut room) = self.rooms.remove(&id) else { return };
        room.end_ledger();
        for chair in room.chairs.iter().flatten() {
            self.lead(chair.place, Route::Nowhere);
        }
        self.news.tell(room.listener, notice);
        self.waste.throw(Thing::Anything(room));
    }

    pub(super) fn meet_peer(&mut self, id: RoomId, peer: usize) {
        if let Some(room) = self.rooms.get_mut(&id)
            && peer != self.number
        {
            room.meet(peer);
        }
    }

    pub(super) fn hear_peer(&mut self, id: RoomId, partial: Box<Partial>) {
        match self.rooms.get_mut(&id) {
            Some(room) => room.hear_peer(partial),
            None => self.waste.throw(Thing::Anything(partial)),
        }
    }

    /// Brings a port into a room of this thread; it is served in the room's slot from then on.
    pub(super) fn enter(&mut self, place: Place, id: RoomId) {
        self.lead(place, Route::Nowhere);
        let Some(port) = self.ports.get_mut(place) else { return };
        let entered = match self.rooms.get_mut(&id) {
            Some(room) => room.enter(place, port.id(), port.widest()).ok().map(|membership| (membership, room.slot)),
            None => None,
        };
        let Some((membership, slot)) = entered else {
            port.tell(&mut self.news, Notice::NotEntered(port.id(), id));
            return;
        };
        port.lead(Route::Room(membership));
        if !self.slots[slot].contains(&place) {
            self.slots.iter_mut().for_each(|places| places.retain(|other| *other != place));
            self.slots[slot].push(place);
        }
    }

    /// Changes how a member stands in its room.
    pub(super) fn stand(&mut self, place: Place, stand: Stand) {
        let Some(Route::Room(Membership { room, seat })) = self.ports.get(place).map(|port| port.route) else { return };
        let other = match stand {
            Stand::Hears(other, _) => self.seat_of(other, room),
            _ => None,
        };
        let Some(room) = self.rooms.get_mut(&room) else { return };
        match stand {
            Stand::Muted(muted) => room.mixer.mute(seat, muted),
            Stand::Deaf(deaf) => room.mixer.deafen(seat, deaf),
            Stand::Gain(gain) => room.mixer.set_gain(seat, gain.min(Gain::MOST)),
            Stand::Hears(speaker, gain) => {
                let gain = gain.min(Gain::MOST);
                let paired = match other {
                    Some(other) => room.mixer.pair(other, seat, gain),
                    // It sits in the part of another thread, which was told to send it by itself.
                    None => room.mixer.pair_guest(speaker.0, seat, gain),
                };
                if let Err(full) = paired {
                    tracing::warn!(room = room.id.0, %full, "a member hears another as everybody does");
                }
            }
        }
    }

    /// Makes what a member says clean from now on, or leaves it as it is.
    pub(super) fn clean(&mut self, place: Place, cleaner: Option<Box<Cleaner>>) {
        let Some(Route::Room(Membership { room, seat })) = self.ports.get(place).map(|port| port.route) else { return };
        let before = self.rooms.get_mut(&room).and_then(|room| room.clean(seat, cleaner));
        if let Some(before) = before {
            self.waste.throw(Thing::Anything(before));
        }
    }

    /// What a member says is to come by itself to another thread.
    pub(super) fn single_out(&mut self, port: PortId, peer: usize) {
        let Some(place) = self.directory.find(port) else { return };
        let Some(Route::Room(Membership { room, seat })) = self.ports.get(place).map(|port| port.route) else { return };
        if let Some(room) = self.rooms.get_mut(&room)
            && let Err(full) = room.single_out(seat, port, peer)
        {
            tracing::warn!(room = room.id.0, %full, "a member is heard on another thread as everybody is");
        }
    }

    fn seat_of(&self, port: PortId, room: RoomId) -> Option<crate::mixer::Seat> {
        match self.ports.get(self.directory.find(port)?)?.route {
            Route::Room(membership) if membership.room == room => Some(membership.seat),
            _ => None,
        }
    }

    /// Mixes the rooms of one slot.
    pub(super) fn serve_rooms(&mut self, slot: usize) {
        if self.rooms.is_empty() {
            return;
        }
        // A room is taken out while it is served, because it and its ports are lent at once.
        let mut due = std::mem::take(&mut self.due);
        due.extend(self.rooms.values().filter(|room| room.slot == slot).map(|room| room.id));
        for id in due.drain(..) {
            let Some(mut room) = self.rooms.remove(&id) else { continue };
            let served = catch_unwind(AssertUnwindSafe(|| self.serve_room(&mut room)));
            self.rooms.insert(id, room);
            if served.is_err() {
                tracing::error!(room = id.0, "a fault of ours ended a room");
                self.close_room(id, Notice::RoomDied(id));
            }
        }
        self.due = due;
    }

    fn serve_room(&mut self, room: &mut Room) {
        let usual = self.scratch.effort;
        if room.is_large() {
            self.scratch.effort = Effort::Cheap;
        }
        self.serve_members(room);
        self.scratch.effort = usual;
    }

    fn serve_members(&mut self, room: &mut Room) {
        room.mixer.begin_round(self.moment.round);
        room.hear_peers();
        self.go_on_announcing(room);
        room.mix();
        self.tell_peers(room);
        for number in 0..room.chairs.len() {
            let Some(chair) = &room.chairs[number] else { continue };
            let (place, seat) = (chair.place, chair.seat);
            let said = catch_unwind(AssertUnwindSafe(|| self.serve_member(room, number)));
            if said.is_err() {
                room.leave(seat);
                self.bury(place);
            }
        }
        if let Some(over) = room.go_on_recording() {
            self.waste.throw(Thing::Anything(over));
        }
        room.mixer.clear();
        if let Some(given_up) = room.go_on_ledger() {
            self.waste.throw(Thing::Anything(given_up));
        }
    }

    fn serve_member(&mut self, room: &mut Room, number: usize) {
        let Some(chair) = &room.chairs[number] else { return };
        let (place, seat) = (chair.place, chair.seat);
        let voice = room.voice_of(number, self.moment.round);
        let Some(port) = self.ports.get_mut(place) else { return };
        room.guard(port.loses_percent());
        if let Some(level) = voice {
            port.tell(&mut self.news, Notice::Voice(port.id(), level));
        }
        if port.is_busy() {
            return;
        }
        let Some(kind) = port.speaks().filter(|kind| kind.is_spoken()) else { return };
        let (hears, rate) = (room.mixer.hears(seat), room.mixer.rate());
        let (said, own) = match hears {
            Hears::Own => {
                port.prime(room.begin_own(number, kind), rate, &mut self.scratch);
                // The coder is told of music only now: it leads a listener over from voice, and back in the rounds that it goes on.
                let usual = self.scratch.effort;
                self.scratch.effort = usual.for_one();
                let said = port.say(room.own(seat), rate, self.moment, &mut self.scratch);
                self.scratch.effort = usual;
                (said, true)
            }
            Hears::Nothing if room.is_deaf(seat) => {
                port.prime(room.begin_own(number, kind), rate, &mut self.scratch);
                (port.say(room.silence(), rate, self.moment, &mut self.scratch), true)
            }
            Hears::Nothing | Hears::Shared if room.goes_on_own(number, kind) => {
                (port.say(&room.shared, rate, self.moment, &mut self.scratch), true)
            }
            Hears::Nothing | Hears::Shared => (self.say_shared(room, place, kind), false),
        };
        self.tally.packets_out += u64::from(said);
        self.tally.own_encodes += u64::from(own);
    }

    fn say_shared(&mut self, room: &mut Room, place: Place, kind: Kind) -> bool {
        let effort = self.scratch.effort;
        // No member is to blame for the coder that all share: it is made anew in the next round.
        let Ok(encoded) = catch_unwind(AssertUnwindSafe(|| room.encode_shared(kind, effort))) else {
            room.forget_voice(kind);
            return false;
        };
        self.tally.shared_encodes += u64::from(encoded);
        let Some(payload) = room.voice(kind) else { return false };
        let port: Option<&mut Port> = self.ports.get_mut(place);
        port.is_some_and(|port| port.say_payload(payload, self.moment, &mut self.scratch.packet))
    }

    /// Coders spend less while the thread is busy, and what they like again when it has calmed.
    pub(super) fn spare_effort(&mut self, load_permille: u64) {
        let is_sparing = self.scratch.effort == Effort::Cheap;
        let sparing = load_permille > if is_sparing { CALM_PERMILLE } else { BUSY_PERMILLE };
        self.scratch.effort = if sparing { Effort::Cheap } else { Effort::Usual };
    }

    fn go_on_announcing(&mut self, room: &mut Room) {
        let Some(playing) = &mut room.announcing else { return };
        let mut sound = std::mem::take(&mut self.scratch.heard);
        let over = match playing.next_samples(self.moment.round, &mut sound) {
            Ok(rate) => {
                room.announce(&sound, rate);
                None
            }
            Err(why) => Some(why),
        };
        self.scratch.heard = sound;
        if let Some(why) = over
            && let Some(over) = room.announcing.take()
        {
            self.news.tell(room.listener, Notice::Announced(room.id, over.tag(), why));
            self.waste.throw(Thing::Anything(Box::new(over)));
        }
    }

    /// Tells the other parts of the room what ours say. A thread that takes no orders misses a round.
    fn tell_peers(&mut self, room: &mut Room) {
        for number in 0..room.peers.len() {
            let peer = room.peers[number].thread;
            let Some(partial) = room.partial(self.number, peer) else { continue };
            let Some(door) = self.doors.get(peer) else { continue };
            if let Err(Command::Partial(_, partial)) = door.commands.push(Command::Partial(room.id, partial)) {
                room.spare.push(partial);
            }
        }
    }
}
