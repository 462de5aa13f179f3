//! How a media thread follows its orders.

use super::clock::SLOTS;
use super::notice::Notice;
use super::order::{Command, Opening, Order, Played, PortId, Record, Terms};
use super::poll::{Place, Token};
use super::porch::Wish;
use super::port::{Port, Recorder, Route};
use super::thread::Shard;
use super::waste::Thing;

impl Shard {
    /// Follows one order. One for a port that is gone comes too late and is no fault.
    pub(super) fn follow(&mut self, command: Command) {
        match command {
            Command::Open(opening) => self.open(*opening),
            Command::Gate(socket) => self.open_gate(socket),
            Command::Host(opening, guest) => self.host(*opening, *guest),
            Command::Wish(port, wish) => self.grant(port, wish),
            Command::Bring(port, brought) => self.brought(port, brought),
            Command::Shaken(port, shaken) => self.shaken(port, shaken),
            Command::Port(port, order) => {
                if let Some(place) = self.directory.find(port) {
                    self.direct(place, order);
                }
            }
            Command::Hand(port, to) => self.hand(port, to),
            Command::Adopt(port) => {
                let (id, listener) = (port.id(), port.listener());
                self.move_in(port);
                self.news.tell(listener, Notice::Moved(id));
            }
            Command::OpenRoom(room, listener, rules) => self.open_room(room, listener, rules),
            Command::Room(room, order) => self.direct_room(room, order),
            Command::Keep(room, scribe) => self.keep_room(room, scribe),
            Command::Peer(room, peer) => self.meet_peer(room, peer),
            Command::SingleOut(port, peer) => self.single_out(port, peer),
            Command::Partial(room, partial) => self.hear_peer(room, partial),
            Command::Finish => {}
        }
    }

    pub(super) fn open(&mut self, opening: Opening) {
        let port = Port::new(opening, self.moment.now);
        self.move_in(Box::new(port));
    }

    fn move_in(&mut self, port: Box<Port>) {
        let (id, listener) = (port.id(), port.listener());
        let place = self.ports.next();
        let (rtp, rtcp) = port.wires();
        let wires = [Some(rtp).filter(|rtp| !rtp.is_shared()), rtcp].into_iter();
        let tokens = [Token::Rtp(place), Token::Rtcp(place)];
        let watched = wires.zip(tokens).try_for_each(|(wire, token)| match wire {
            Some(wire) => self.poll.watch(wire, token),
            None => Ok(()),
        });
        if let Err(error) = watched {
            tracing::error!(%error, "a port cannot be watched and is closed");
            self.news.tell(listener, Notice::Died(id));
            self.wish(port.home(), id, Wish::Forget);
            self.waste.throw(Thing::Port(port, id));
            return;
        }
        self.ports.insert(port);
        self.directory.insert(id, place);
        let slot = self.emptiest_slot();
        self.slots[slot].push(place);
    }

    pub(super) fn emptiest_slot(&self) -> usize {
        (0..SLOTS).min_by_key(|slot| self.slots[*slot].len()).unwrap_or_default()
    }

    fn direct(&mut self, place: Place, order: Order) {
        match order {
            Order::Tune(terms) => self.tune(place, terms),
            Order::Bridge(other) => self.join(place, other, Route::Bridge),
            Order::Relay(other) => self.join(place, other, Route::Relay),
            Order::Echo => self.lead(place, Route::Echo),
            Order::Part => self.lead(place, Route::Nowhere),
            Order::Enter(room) => self.enter(place, room),
            Order::Stand(stand) => self.stand(place, stand),
            Order::Clean(cleaner) => self.clean(place, cleaner),
            Order::Restart(credentials) => {
                let Some((id, home)) = self.ports.get(place).map(|port| (port.id(), port.home())) else { return };
                self.wish(home, id, Wish::Restart(credentials));
            }
            Order::Learn(candidates) => {
                let Some((id, home)) = self.ports.get(place).map(|port| (port.id(), port.home())) else { return };
                self.wish(home, id, Wish::Learn(candidates));
            }
            Order::Close => self.close(place),
            Order::Press(..) | Order::Tones(_) | Order::Pressed(_) => self.direct_keys(place, order),
            Order::Record(record) => self.record(place, record),
            Order::Play(_) | Order::Stop | Order::StopAt(_) => self.direct_prompt(place, order),
        }
    }

    fn tune(&mut self, place: Place, mut terms: Box<Terms>) {
        let Some(port) = self.ports.get_mut(place) else { return };
        let (id, home, browser) = (port.id(), port.home(), terms.browser.take());
        let numbers = terms.pictures.map(|_| terms.hearing.iter().map(|hearing| hearing.payload_type).collect());
        let old = port.tune(terms, self.moment);
        if let Route::Room(membership) = port.route {
            let rate = port.widest();
            if let Some(room) = self.rooms.get_mut(&membership.room) {
                room.retune(membership.seat, rate);
            }
        }
        if let Some(old) = old {
            self.waste.throw(Thing::Anything(old));
        }
        if let Some(browser) = browser {
            self.wish(home, id, Wish::Meet(browser));
        }
        if let Some(numbers) = numbers {
            self.wish(home, id, Wish::Tell(numbers));
            self.want_pictures_for(place);
        }
    }

    /// The party at this port begins to look, or looks again: whoever it looks at is asked for a whole picture.
    pub(super) fn want_pictures_for(&mut self, place: Place) {
        let partner = self.ports.get(place).and_then(|port| port.route.partner());
        if let Some(port) = partner.and_then(|partner| self.ports.get_mut(partner)) {
            port.want_picture();
        }
    }

    fn direct_keys(&mut self, place: Place, order: Order) {
        let Some(port) = self.ports.get_mut(place) else { return };
        match order {
            Order::Press(key, duration) => {
                let waits = port.press(key, duration);
                if !waits {
                    tracing::warn!(port = port.id().0, "a key cannot be sent: the party takes none, or too many wait");
                }
            }
            Order::Tones(wanted) => port.listen_for_tones(wanted),
            Order::Pressed(press) => port.show_press(press, self.moment, &mut self.news),
            _ => {}
        }
    }

    fn record(&mut self, place: Place, record: Record) {
        let Some(port) = self.ports.get_mut(place) else { return };
        let recorder = Box::new(Recorder::new(record.tap, record.rate));
        if let Some(before) = port.record(recorder) {
            self.waste.throw(Thing::Anything(before));
        }
    }

    fn direct_prompt(&mut self, place: Place, order: Order) {
        let Some(port) = self.ports.get_mut(place) else { return };
        let over = match order {
            Order::Play(play) => port.play(play, &mut self.news),
            Order::Stop => port.stop(Played::Stopped, &mut self.news),
            Order::StopAt(frame) => {
                port.stop_at(frame);
                None
            }
            _ => None,
        };
        if let Some(over) = over {
            self.waste.throw(Thing::Anything(over));
        }
    }

    /// Joins two ports, each of which leaves whatever it was joined to.
    fn join(&mut self, place: Place, other: PortId, route: fn(Place) -> Route) {
        let Some(other) = self.directory.find(other).filter(|other| *other != place) else {
            self.lead(place, Route::Nowhere);
            self.tell_parted(place);
            return;
        };
        self.lead(place, route(other));
        self.lead(other, route(place));
        self.want_pictures_for(place);
        self.want_pictures_for(other);
    }

    /// Leads a port's sound elsewhere. The port at the other side of a bridge that ends this way hears nobody; a room that
    /// is left has a free seat.
    pub(super) fn lead(&mut self, place: Place, route: Route) {
        let Some(port) = self.ports.get_mut(place) else { return };
        let before = port.lead(route);
        if let Some(ear) = port.shut_ear() {
            self.waste.throw(Thing::Anything(ear));
        }
        if let Route::Room(membership) = before
            && let Some(room) = self.rooms.get_mut(&membership.room)
        {
            room.leave(membership.seat);
        }
        if let Some(partner) = before.partner()
            && route.partner() != Some(partner)
            && let Some(partner) = self.ports.get_mut(partner)
            && partner.route.partner() == Some(place)
        {
            partner.lead(Route::Nowhere);
        }
    }

    fn tell_parted(&mut self, place: Place) {
        if let Some(port) = self.ports.get(place) {
            port.tell(&mut self.news, Notice::Parted(port.id()));
        }
    }

    /// Closes a port, and tells what it was.
    pub(super) fn close(&mut self, place: Place) {
        let Some(mut port) = self.move_out(place) else { return };
        let id = port.id();
        port.say_goodbye(self.moment, &self.wall, &mut self.scratch.packet);
        drop(port.stop(Played::Stopped, &mut self.news));
        port.tell(&mut self.news, Notice::Closed(id, port.totals()));
        self.wish(port.home(), id, Wish::Forget);
        self.waste.throw(Thing::Port(port, id));
    }

    /// Ends a port that a fault of ours has hurt. Nothing of it can be trusted any more.
    pub(super) fn bury(&mut self, place: Place) {
        self.tally.deaths += 1;
        let Some(port) = self.move_out(place) else { return };
        let id = port.id();
        tracing::error!(port = id.0, "a fault of ours ended a port");
        port.tell(&mut self.news, Notice::Died(id));
        self.wish(port.home(), id, Wish::Forget);
        self.waste.throw(Thing::Port(port, id));
    }

    fn move_out(&mut self, place: Place) -> Option<Box<Port>> {
        let partner = self.ports.get(place)?.route.partner();
        self.lead(place, Route::Nowhere);
        if let Some(partner) = partner {
            self.tell_parted(partner);
        }
        let port = self.ports.remove(place)?;
        let (rtp, rtcp) = port.wires();
        if !rtp.is_shared() {
            self.poll.forget(rtp);
        }
        if let Some(rtcp) = rtcp {
            self.poll.forget(rtcp);
        }
        self.directory.remove(port.id());
        for slot in &mut self.slots {
            slot.retain(|other| *other != place);
        }
        Some(port)
    }

    /// Hands a port to another thread.
    fn hand(&mut self, id: PortId, to: usize) {
        let Some(place) = self.directory.find(id) else { return };
        let Some(port) = self.move_out(place) else { return };
        self.wish(port.home(), id, Wish::Follow(to));
        self.leaving.push((to, port));
        self.see_off();
    }

    /// Sends on their way those who leave. Who finds no room tries again with the next tick.
    pub(super) fn see_off(&mut self) {
        let mut stay = std::mem::take(&mut self.leaving);
        for (to, port) in stay.drain(..) {
            let Some(door) = self.doors.get(to) else { continue };
            if let Err(Command::Adopt(port)) = door.commands.push(Command::Adopt(port)) {
                self.leaving.push((to, port));
            }
        }
    }

    /// Closes all ports at the end.
    pub(super) fn close_everything(&mut self) {
        for id in self.directory.everybody() {
            if let Some(place) = self.directory.find(id) {
                self.close(place);
            }
        }
        self.news.retry();
    }
}
