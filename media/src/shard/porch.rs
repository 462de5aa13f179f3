//! Who comes by the sockets that browsers share: checks, handshakes and sound, told apart by their first byte (RFC 7983).
//!
//! A browser is found by the name in its first check, and from there on by the address that the check came from; never by what a
//! packet of sound says of itself. Checks are answered here. Handshakes are passed on to a thread of their own, but only of
//! those who passed a check. Sound goes to the port. Whatever names nobody is dropped and counted, without an answer.
//!
//! Pictures of a browser have a port of their own and share the way of its sound: they are told by the number of their payload,
//! and reports are brought to both. A port may move to another thread; its socket stays, and what comes by it is brought after the port.
//! Where our side of ICE is full, checks leave from here, too, when they are due.

mod guest;
mod pictures;

use std::collections::{BTreeSet, HashMap};
use std::net::{SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::handshakes::{Job, Meeting, Shaken};
use super::notice::Notice;
use super::order::{Browser, Command, Opening, PortId};
use super::poll::{Place, Token};
use super::port::{Guard, plain};
use super::thread::Shard;
use super::waste::Thing;
use crate::browser::agent::{Change, Checked};
use crate::browser::checks::{Checks, Due};
use crate::browser::stun::{Class, MAX_MESSAGE, Message};
use crate::browser::{Credentials, Failure};
use crate::rtp::packet::MAX_PACKET;
use crate::rtp::rtcp::Carried;

/// Looks at one gate before the others have their turn again: one packet of each of a few hundred browsers.
const MOST_LOOKS: usize = 256;

/// Checks of ours for one browser that leave at once: an answer that is due, a choice, and one way more.
const MOST_CHECKS: usize = 8;

/// Our checks are looked after no more often than this.
const SOONEST: Duration = Duration::from_millis(5);

pub(crate) use guest::Guest;

/// What the thread of a port wants of the one that reads its socket.
pub(crate) enum Wish {
    /// To meet this browser.
    Meet(Box<Browser>),
    /// To be found under other credentials.
    Restart(Credentials),
    /// To look for the browser there, too.
    Learn(Vec<(SocketAddr, u32)>),
    /// To be brought everything there from now on.
    Follow(usize),
    /// To be brought the pictures of the browser whose sound goes to that port, on the thread where it lives.
    Share(PortId, usize),
    /// To be brought what has one of these numbers.
    Tell(Vec<u8>),
    /// To forget the port, which is closed.
    Forget,
}

/// What is brought to a port on another thread.
pub(crate) enum Brought {
    /// A datagram of sound.
    Sound(Box<[u8]>),
    /// A check: the browser is there.
    Life,
    /// Where it wants to be reached.
    Way(SocketAddr),
    /// Its keys.
    Keys(Box<Guard>),
    /// Something that its listener is to be told.
    Told(Notice),
}

struct Gate {
    socket: Arc<UdpSocket>,
    by_address: HashMap<SocketAddr, PortId>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Porch {
    gates: Vec<Gate>,
    guests: HashMap<PortId, Guest>,
    by_name: HashMap<String, PortId>,
    /// Those whom we ask, by what leads our questions.
    by_tag: HashMap<u32, PortId>,
    /// Those whose checks want to be looked after, by when.
    waking: BTreeSet<(Instant, PortId)>,
    /// Whose pictures go to a port, by the port of the sound.
    shown: HashMap<PortId, PortId>,
    /// Room for an answer.
    answer: Vec<u8>,
}

impl Porch {
    fn forget_address(&mut self, gate: u32, address: SocketAddr, port: PortId) {
        if let Some(gate) = self.gates.get_mut(gate as usize)
            && gate.by_address.get(&address) == Some(&port)
        {
            gate.by_address.remove(&address);
        }
    }

    /// Whose a port is, be it for sound or for pictures.
    fn whose(&mut self, port: PortId) -> Option<&mut Guest> {
        let sound = self.shown.get(&port).copied().unwrap_or(port);
        self.guests.get_mut(&sound)
    }

    fn forget(&mut self, port: PortId) {
        if let Some(sound) = self.shown.remove(&port) {
            if let Some(guest) = self.guests.get_mut(&sound) {
                guest.pictures.take_if(|(seat, _)| seat.port == port);
            }
            return;
        }
        let Some(guest) = self.guests.remove(&port) else { return };
        for name in &guest.names {
            self.by_name.remove(name);
        }
        if let Some(tag) = guest.tag {
            self.by_tag.remove(&tag);
        }
        if let Some(wakes) = guest.wakes {
            self.waking.remove(&(wakes, port));
        }
        for address in guest.agent.addresses().collect::<Vec<_>>() {
            self.forget_address(guest.gate, address, port);
        }
    }

    fn restart(&mut self, port: PortId, credentials: &Credentials) {
        let Some(guest) = self.guests.get_mut(&port) else { return };
        if let Some(over) = guest.agent.restart(credentials) {
            guest.names.retain(|name| *name != over);
            self.by_name.remove(&over);
        }
        guest.names.push(credentials.ufrag.clone());
        self.by_name.insert(credentials.ufrag.clone(), port);
    }

    /// Who came from there by that gate.
    fn guest_at(&self, gate: u32, from: SocketAddr) -> Option<PortId> {
        self.gates.get(gate as usize)?.by_address.get(&from).copied()
    }
}

impl Shard {
    /// Reads a further socket that browsers share.
    pub(super) fn open_gate(&mut self, socket: Arc<UdpSocket>) {
        let number = u32::try_from(self.porch.gates.len()).expect("a few gates");
        if let Err(error) = self.poll.watch(&*socket, Token::Gate(number)) {
            tracing::error!(%error, "a socket for browsers cannot be watched, nobody comes by it");
        }
        self.porch.gates.push(Gate { socket, by_address: HashMap::new() });
    }

    /// Opens a port for a browser.
    pub(super) fn host(&mut self, opening: Opening, guest: Guest) {
        let port = opening.id;
        for name in &guest.names {
            self.porch.by_name.insert(name.clone(), port);
        }
        if let Some(tag) = guest.tag {
            self.porch.by_tag.insert(tag, port);
        }
        self.porch.guests.insert(port, guest);
        self.open(opening);
    }

    /// A gate can be read.
    pub(super) fn gate_came(&mut self, number: u32) {
        for _ in 0..MOST_LOOKS {
            let Some(gate) = self.porch.gates.get(number as usize) else { return };
            let Ok((length, from)) = gate.socket.recv_from(&mut self.packet[..=MAX_PACKET]) else { return };
            let from = plain(from);
            match Carried::by(&self.packet[..length]) {
                Carried::Rtp | Carried::Rtcp => self.sound_of_guest(number, length, from),
                Carried::Stun => self.check(number, length, from),
                Carried::Dtls => self.shake(number, length, from),
                Carried::Unknown => self.tally.refused += 1,
            }
        }
    }

    fn sound_of_guest(&mut self, gate: u32, length: usize, from: SocketAddr) {
        let Some(port) = self.porch.guest_at(gate, from) else {
            self.tally.strangers += 1;
            return;
        };
        let Some(guest) = self.porch.guests.get(&port) else { return };
        let Some((pictures, numbers)) = &guest.pictures else { return self.seat_came(port, length) };
        let pictures = pictures.port;
        if Carried::by(&self.packet[..length]) == Carried::Rtcp {
            // What it says of both stands in one report, or in one each. It is opened where it lies.
            self.porch.answer.clear();
            self.porch.answer.extend_from_slice(&self.packet[..length]);
            self.seat_came(port, length);
            self.packet[..length].copy_from_slice(&self.porch.answer[..length]);
            self.seat_came(pictures, length);
        } else if numbers.contains(&(self.packet[1] & 0x7f)) {
            self.seat_came(pictures, length);
        } else {
            self.seat_came(port, length);
        }
    }

    /// A datagram is brought to a port of a browser.
    fn seat_came(&mut self, port: PortId, length: usize) {
        let Some(seat) = self.porch.whose(port).and_then(|guest| guest.seat(port)) else { return };
        if let Some(shard) = seat.elsewhere {
            let datagram = self.packet[..length].into();
            self.tell_shard(shard, Command::Bring(port, Brought::Sound(datagram)));
            return;
        }
        let here = seat.place.filter(|place| self.ports.get(*place).is_some());
        seat.place = here.or_else(|| self.directory.find(port));
        if let Some(place) = seat.place {
            self.take_sound(place, length);
        }
    }

    /// Lets a port take the datagram in the thread's buffer.
    fn take_sound(&mut self, place: Place, length: usize) {
        if catch_unwind(AssertUnwindSafe(|| self.took_sound(place, length, None))).is_err() {
            self.bury(place);
        }
    }

    fn check(&mut self, gate: u32, length: usize, from: SocketAddr) {
        let message = Message::read(&self.packet[..length.min(MAX_MESSAGE)]);
        let port = message.as_ref().and_then(|message| match message.class {
            Class::Request | Class::Indication => self.porch.by_name.get(message.names()?.0).copied(),
            Class::Success | Class::Failure => self.porch.by_tag.get(&Checks::tag_of(message.transaction)).copied(),
        });
        let guest = port.and_then(|port| self.porch.guests.get_mut(&port)).filter(|guest| guest.gate == gate);
        let (Some(message), Some(port), Some(guest)) = (message, port, guest) else {
            self.tally.checks_refused += 1;
            return;
        };
        let checked = guest.agent.hear(&message, from, self.moment.now, &mut self.porch.answer);
        if checked == Checked::Ignored {
            self.tally.checks_refused += 1;
            return;
        }
        if !self.porch.answer.is_empty() {
            // An answer that does not leave is asked for again.
            let _ = guest.socket.send_to(&self.porch.answer, from);
        }
        self.tally.checks += 1;
        if let Checked::Answered(change) | Checked::Proved(change) = checked {
            self.learn(port, gate, from, &change);
        }
        self.attend(port);
    }

    /// Looks after those whose checks are due.
    pub(super) fn attend_due(&mut self) {
        let now = self.moment.now;
        while let Some((_, port)) = self.porch.waking.first().copied().filter(|(due, _)| *due <= now) {
            self.attend(port);
        }
    }

    /// Sends the checks of ours that are due at a browser.
    fn attend(&mut self, port: PortId) {
        let now = self.moment.now;
        let Some(guest) = self.porch.guests.get_mut(&port) else { return };
        let mut has_lapsed = false;
        for _ in 0..MOST_CHECKS {
            match guest.agent.wake(now, &mut self.porch.answer) {
                Due::Nothing => break,
                Due::Lapsed => has_lapsed = true,
                // What does not leave is said again.
                Due::Send(there) => {
                    let _ = guest.socket.send_to(&self.porch.answer, there);
                    self.tally.checks_made += 1;
                }
            }
        }
        let wakes = guest.agent.deadline().map(|deadline| deadline.max(now + SOONEST));
        let before = std::mem::replace(&mut guest.wakes, wakes);
        if before != wakes {
            before.map(|before| self.porch.waking.remove(&(before, port)));
            self.porch.waking.extend(wakes.map(|wakes| (wakes, port)));
        }
        if has_lapsed {
            self.bring(port, Brought::Told(Notice::Unmet(port, Failure::NoConsent)));
        }
    }

    fn learn(&mut self, port: PortId, gate: u32, from: SocketAddr, change: &Change) {
        if let Some(address) = change.forgotten {
            self.porch.forget_address(gate, address, port);
        }
        if let Some(gate) = self.porch.gates.get_mut(gate as usize) {
            // Whoever proves last that it is there has the address: routers give them to others.
            gate.by_address.insert(from, port);
        }
        self.bring(port, Brought::Life);
        if change.is_chosen {
            self.bring_way(port, from);
            self.begin_handshake(port, from);
        }
    }

    fn shake(&mut self, gate: u32, length: usize, from: SocketAddr) {
        let round = self.moment.round;
        let port = self.porch.guest_at(gate, from);
        let mut may_speak = |port: &PortId| {
            let guest = self.porch.guests.get_mut(port).filter(|guest| guest.browser.is_some());
            guest.is_some_and(|guest| guest.speaks_of_shaking(round))
        };
        let Some(port) = port.filter(&mut may_speak) else {
            self.tally.handshakes_refused += 1;
            return;
        };
        self.begin_handshake(port, from);
        if !self.handshakes.tell(Job::Heard(port, from, self.packet[..length].into())) {
            self.tally.handshakes_refused += 1;
        }
    }

    /// Begins the handshake with a browser that has passed a check, once it is known who that should be.
    fn begin_handshake(&mut self, port: PortId, at: SocketAddr) {
        let shard = self.number;
        let Some(guest) = self.porch.guests.get_mut(&port).filter(|guest| !guest.is_shaking) else { return };
        let Some(browser) = guest.browser.clone() else { return };
        let meeting = Meeting { port, shard, socket: Arc::clone(&guest.socket), browser, at };
        guest.is_shaking = self.handshakes.tell(Job::Begin(Box::new(meeting)));
    }

    /// What has come of a handshake.
    pub(super) fn shaken(&mut self, port: PortId, shaken: Shaken) {
        let Some(guest) = self.porch.guests.get_mut(&port) else { return };
        match shaken {
            Shaken::Secured(guard, keys) => {
                let way = guest.agent.chosen().or_else(|| guest.agent.addresses().next());
                guest.keys = Some(keys);
                self.bring(port, Brought::Keys(guard));
                self.secure_pictures(port);
                if let Some(way) = way {
                    self.bring_way(port, way);
                    self.bring(port, Brought::Told(Notice::Met(port, way)));
                }
            }
            Shaken::Failed(failure) => self.bring(port, Brought::Told(Notice::Unmet(port, failure))),
            Shaken::Left => self.bring(port, Brought::Told(Notice::Left(port))),
        }
    }

    /// Does what the thread of a port wants.
    pub(super) fn grant(&mut self, port: PortId, wish: Wish) {
        match wish {
            Wish::Meet(browser) => self.meet(port, *browser),
            Wish::Restart(credentials) => self.porch.restart(port, &credentials),
            Wish::Learn(candidates) => self.look_there_too(port, candidates),
            Wish::Follow(shard) => {
                let number = self.number;
                if let Some(seat) = self.porch.whose(port).and_then(|guest| guest.seat(port)) {
                    seat.elsewhere = Some(shard).filter(|shard| *shard != number);
                }
            }
            Wish::Share(sound, shard) => self.share(port, sound, shard),
            Wish::Tell(numbers) => self.tell_apart(port, numbers),
            Wish::Forget => {
                let is_met = self.porch.guests.contains_key(&port);
                self.porch.forget(port);
                if is_met {
                    let _ = self.handshakes.tell(Job::End(port));
                }
            }
        }
    }

    fn meet(&mut self, port: PortId, browser: Browser) {
        let Some(guest) = self.porch.guests.get_mut(&port) else { return };
        let mut theirs = browser.ice.clone();
        theirs.candidates.retain(|(there, _)| there.is_ipv4() == guest.is_v4);
        guest.agent.meet(&theirs, self.moment.now);
        let before = guest.browser.replace(browser);
        let now = guest.browser.as_ref();
        // Another certificate is another browser: its handshake begins anew.
        if before.as_ref().map(|before| &before.fingerprints) != now.map(|now| &now.fingerprints) {
            guest.is_shaking = false;
        }
        if let Some(way) = guest.agent.chosen() {
            self.begin_handshake(port, way);
        }
        self.attend(port);
    }

    fn look_there_too(&mut self, port: PortId, mut candidates: Vec<(SocketAddr, u32)>) {
        if let Some(guest) = self.porch.guests.get_mut(&port) {
            candidates.retain(|(there, _)| there.is_ipv4() == guest.is_v4);
            guest.agent.learn(&candidates);
            self.attend(port);
        }
    }

    /// Brings something to a port, wherever it lives.
    fn bring(&mut self, port: PortId, brought: Brought) {
        let seat = self.porch.whose(port).and_then(|guest| guest.seat(port));
        match seat.and_then(|seat| seat.elsewhere) {
            Some(shard) => self.tell_shard(shard, Command::Bring(port, brought)),
            None => self.brought(port, brought),
        }
    }

    /// Something was brought for a port of this thread.
    pub(super) fn brought(&mut self, id: PortId, brought: Brought) {
        let Some(place) = self.directory.find(id) else { return };
        if let Brought::Sound(datagram) = brought {
            let length = datagram.len().min(self.packet.len());
            self.packet[..length].copy_from_slice(&datagram[..length]);
            return self.take_sound(place, length);
        }
        let Some(port) = self.ports.get_mut(place) else { return };
        match brought {
            Brought::Sound(_) => {}
            Brought::Life => port.show_life(self.moment, &mut self.news),
            Brought::Way(browser) => port.point(browser),
            Brought::Keys(guard) => {
                if let Some(before) = port.secure(guard) {
                    self.waste.throw(Thing::Anything(Box::new(before)));
                }
                self.want_pictures_for(place);
            }
            Brought::Told(notice) => port.tell(&mut self.news, notice),
        }
    }

    /// Tells the thread that reads a port's socket, where it is a shared one.
    pub(super) fn wish(&mut self, home: Option<usize>, port: PortId, wish: Wish) {
        match home {
            Some(home) if home == self.number => self.grant(port, wish),
            Some(home) => self.tell_shard(home, Command::Wish(port, wish)),
            None => {}
        }
    }

    /// Gives another thread a command; one that finds no room waits for the next tick.
    fn tell_shard(&mut self, shard: usize, command: Command) {
        let Some(door) = self.doors.get(shard) else { return };
        match door.commands.push(command) {
            // Sound that is late is of no use.
            Ok(()) | Err(Command::Bring(_, Brought::Sound(_))) => {}
            Err(command) => self.unsaid.push((shard, command)),
        }
    }

    /// Offers again what other threads had no room for.
    pub(super) fn say_again(&mut self) {
        for (shard, command) in std::mem::take(&mut self.unsaid) {
            self.tell_shard(shard, command);
        }
    }
}
