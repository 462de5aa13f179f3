//! Conference rooms of a simulated house: the real machine, and who hears whom by what it says of the sound.
//!
//! A party begins to hear another one when it could not before; and again whenever that one speaks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use patchcord_engine::call::verb::Dial;
use patchcord_engine::call::{Bounds, Call, Caller, Event, LegId, Origin};
use patchcord_engine::errand::{Brought, RoomErrand};
use patchcord_engine::exchange::{GUEST_RING, guest, meeting_of, rules_of};
use patchcord_engine::room::{
    Asked, By, Effect, Entrant, House as Machine, Join, MemberId, Order, Orderer, Place, RoomKey, SILENT, Sound,
};

use super::house::{Due, House, Stream};
use super::lengths::Length;
use super::limits;
use super::party::{Heard, PartyId};
use super::records::Chronicle;
use super::talk::{Stage, Talk};

/// How loud a simulated voice is.
const LOUD: u8 = 20;

/// Everybody in a simulated house lives on one shard.
const SHARD: usize = 0;

/// See the module.
#[derive(Default)]
pub(super) struct Rooms {
    machine: Machine,
    /// Who is who.
    who: BTreeMap<MemberId, (Place, PartyId)>,
    /// Whose sound is in which room, and how it stands there.
    sound: BTreeMap<MemberId, Standing>,
    pairs: BTreeMap<(MemberId, MemberId), i8>,
    /// Who can hear whom: listener, speaker.
    heard: BTreeSet<(MemberId, MemberId)>,
    /// When the machine is to be woken.
    wakes: Option<std::time::Instant>,
}

#[derive(Clone, Copy)]
struct Standing {
    room: RoomKey,
    muted: bool,
    deaf: bool,
}

impl Rooms {
    fn can_hear(&self, listener: MemberId, speaker: MemberId) -> bool {
        let (Some(one), Some(other)) = (self.sound.get(&listener), self.sound.get(&speaker)) else { return false };
        let gain = self.pairs.get(&(listener, speaker)).copied().unwrap_or(0);
        listener != speaker && one.room == other.room && !one.deaf && !other.muted && gain > SILENT
    }

    fn do_sound(&mut self, sound: Sound) {
        match sound {
            Sound::Enter(member, room, _) => {
                self.sound.insert(member, Standing { room, muted: false, deaf: false });
                self.pairs.retain(|(one, other), _| ![one, other].contains(&&member));
            }
            Sound::Leave(member) => drop(self.sound.remove(&member)),
            Sound::Muted(member, on) => self.stand(member, |standing| standing.muted = on),
            Sound::Deaf(member, on) => self.stand(member, |standing| standing.deaf = on),
            Sound::Hears(listener, speaker, gain) => drop(self.pairs.insert((listener, speaker), gain)),
            Sound::Gain(..) | Sound::Clean(..) | Sound::Ruled(..) | Sound::Close(_) => {}
        }
    }

    fn stand(&mut self, member: MemberId, change: impl FnOnce(&mut Standing)) {
        if let Some(standing) = self.sound.get_mut(&member) {
            change(standing);
        }
    }
}

impl Talk {
    /// A leg says something to the rooms.
    pub fn room_asked(&mut self, leg: LegId, asked: Asked, house: &mut House) {
        let place = Place { shard: SHARD, call: self.number, leg };
        if let Asked::Join(join) = &asked
            && let Some(party) = self.party_of(leg)
        {
            let them = &house.parties[party];
            // As the house knows it: an endpoint by its account, whether it dialled or was called; anybody else by what it shows.
            let called_us = leg == LegId::FIRST && self.originated.is_none();
            let name = match them.is_endpoint {
                true => them.name.clone(),
                false if called_us => them.shown_as.clone(),
                false => String::new(),
            };
            let source = if them.is_endpoint { format!("endpoint:{}", them.name) } else { them.name.clone() };
            let number = them.numbered().to_owned();
            let entrant = Entrant { place, call: None, name, number, source, unheard: None };
            let wall = house.wall_clock();
            if let Some(rules) =
                rules_of(&join.room).filter(|_| house.rooms.machine.view(&join.room, house.now).is_none())
            {
                // Its name is one of the house's, and whoever comes first opens it.
                let _opened = house.rooms.machine.open(&join.room, rules, house.now);
            }
            house.rooms.machine.come(join, &entrant, house.now, wall);
            if let Some((_, member)) = house.rooms.machine.whereabouts(place) {
                house.rooms.who.insert(member, (place, party));
            }
        } else {
            house.rooms.machine.hear(place, asked, house.now);
        }
        house.settle_rooms();
    }

    /// A party brings those with whom it talks in two calls into one room, and is in it by this leg; the other one is hung up.
    pub fn merge(&mut self, leg: LegId, house: &mut House) -> Result<String, String> {
        let party = self.party_of(leg).filter(|party| house.parties[*party].is_endpoint);
        let party = party.ok_or("only an endpoint of this house has two calls")?;
        if self.call.may_pass_on(leg).is_err() {
            return Err("it talks with nobody here".into());
        }
        let room = meeting_of(self.chronicle.call(), leg);
        let (other, its) = house.other_talk(self.number, party).ok_or("it talks with nobody in another call")?;
        house.tell_of(party, "merges its two calls");
        house.post(other, Event::Meet { leg: its, room: room.clone(), comes: false });
        self.call.hear(Event::Meet { leg, room, comes: true }, house.now);
        Ok("null".to_owned())
    }
}

impl House {
    /// The latest of the other calls of a party in which somebody talks with it, and its leg there.
    fn other_talk(&self, ours: u64, party: PartyId) -> Option<(u64, LegId)> {
        self.calls.iter().rev().filter(|(number, _)| **number != ours).find_map(|(number, talk)| {
            let up = || talk.ends.iter().filter(|(_, end)| end.stage == Stage::Up);
            let (leg, _) = up().find(|(_, end)| end.party == party)?;
            (up().count() > 1).then_some((*number, *leg))
        })
    }

    fn wall_clock(&self) -> SystemTime {
        UNIX_EPOCH + self.wall_now()
    }

    /// Does what a script wants of a room.
    pub fn room_errand(&mut self, name: &str, errand: RoomErrand, (call, service): (u64, &str)) -> Brought {
        let (now, wall) = (self.now, self.wall_clock());
        let done = match errand {
            RoomErrand::Open(rules) => self.rooms.machine.open(name, *rules, now).map(|()| "null".to_owned()),
            RoomErrand::Order(order) => {
                let order = of_call(*order, call);
                let by = By::named(Orderer::Script, service);
                let done = self.rooms.machine.order(name, order, by, (now, wall));
                done.map(|reply| serde_json::to_string(&reply).unwrap_or_else(|_| "null".into()))
            }
        };
        self.settle_rooms();
        Brought::Answer(done.map_err(|refused| refused.to_string()))
    }

    /// An announcement in a room is over.
    pub fn room_announced(&mut self, room: RoomKey, tag: u64) {
        self.rooms.machine.announced(room, tag, self.now);
        self.settle_rooms();
        self.deliver();
    }

    /// A room wanted to be woken.
    pub fn wake_rooms(&mut self) {
        self.rooms.wakes = None;
        self.rooms.machine.wake(self.now);
        self.settle_rooms();
        self.deliver();
    }

    /// Does what the rooms want.
    fn settle_rooms(&mut self) {
        while let Some(effect) = self.rooms.machine.poll() {
            match effect {
                Effect::Sound(sound) => self.rooms.do_sound(sound),
                Effect::Tell(place, told) => self.post(place.call, Event::Room(place.leg, told)),
                Effect::Announce { room, tag, prompts, .. } => self.announce(room, tag, &prompts),
                Effect::Record { name, on, .. } => {
                    self.tell("room", format!("{} {name}", if on { "records" } else { "records no longer" }), None);
                }
                Effect::Invite { target, join, .. } => self.call_into(&target, join),
                Effect::RecordMember(..) | Effect::KeepLedger { .. } | Effect::Keep(_) => {}
            }
        }
        self.attend_rooms();
        let wakes = self.rooms.machine.deadline();
        if let Some(at) = wakes.filter(|at| self.rooms.wakes.is_none_or(|known| *at < known)) {
            self.rooms.wakes = Some(at);
            self.put(at, Stream::Rooms, Due::WakeRooms);
        }
    }

    /// Somebody is called, and brought in when it answers.
    fn call_into(&mut self, target: &str, join: Box<Join>) {
        if self.calls.len() >= limits::CALLS {
            return self.tell("room", format!("does not call {target}: there are too many calls"), None);
        }
        self.begun += 1;
        let call = self.begun;
        self.tell("room", format!("{} calls {target}", join.room), None);
        let chronicle = Chronicle::begin(&join.room, target, "room", self);
        let origin = Origin::Originated(Box::new(Dial::new(vec![target.to_owned()], GUEST_RING)));
        let machine = Call::begin(
            Caller {
                call,
                origin,
                music: Some("music".into()),
                announce: None,
                transfers: false,
                bounds: Bounds::default(),
            },
            self.now,
        );
        let mut talk = Talk::new(call, "room".into(), target, machine, chronicle, self);
        talk.program = guest(join);
        self.calls.insert(call, Box::new(talk));
        // It begins when whoever acts now has done so.
        self.put(self.now, Stream::Call(call), Due::Wake(call));
    }

    fn announce(&mut self, room: RoomKey, tag: u64, prompts: &[String]) {
        let mut long = Duration::ZERO;
        for prompt in prompts {
            let Ok(Length::For(length)) = self.lengths.of_prompt(prompt) else { continue };
            long += length;
            let members = self.rooms.sound.iter().filter(|(_, standing)| standing.room == room && !standing.deaf);
            let parties = members.filter_map(|(member, _)| self.rooms.who.get(member)).map(|(_, party)| *party);
            for party in parties.collect::<Vec<_>>() {
                self.parties[party].hear(Heard::Prompt(prompt.clone()));
                self.tell_of(party, format!("hears {prompt}"));
            }
        }
        self.put(self.now + long, Stream::Rooms, Due::Announced(room, tag));
    }

    /// Who could not hear somebody until now does.
    fn attend_rooms(&mut self) {
        let members: Vec<MemberId> = self.rooms.sound.keys().copied().collect();
        let pairs = members.iter().flat_map(|one| members.iter().map(move |other| (*one, *other)));
        let heard: BTreeSet<_> = pairs.filter(|(one, other)| self.rooms.can_hear(*one, *other)).collect();
        let fresh: Vec<_> = heard.difference(&self.rooms.heard).copied().collect();
        self.rooms.heard = heard;
        for (listener, speaker) in fresh {
            self.voice_heard(listener, speaker);
        }
    }

    fn voice_heard(&mut self, listener: MemberId, speaker: MemberId) {
        let party = |member: MemberId| self.rooms.who.get(&member).map(|(_, party)| *party);
        if let (Some(listener), Some(speaker)) = (party(listener), party(speaker)) {
            let name = self.parties[speaker].name.clone();
            self.tell_of(listener, format!("hears {name}"));
            self.parties[listener].hear(Heard::Voice(speaker));
        }
    }

    /// Whom a party can hear in its room.
    pub fn heard_in_room(&self, party: PartyId) -> Vec<PartyId> {
        let of = |member: &MemberId| self.rooms.who.get(member).map(|(_, party)| *party);
        let heard = self.rooms.heard.iter().filter(|(listener, _)| of(listener) == Some(party));
        heard.filter_map(|(_, speaker)| of(speaker)).collect()
    }

    /// A party speaks, or falls silent: its room hears that.
    pub fn room_speaks(&mut self, party: PartyId, speaks: bool) {
        let now = self.now;
        let members =
            self.rooms.who.iter().filter(|(member, (_, of))| *of == party && self.rooms.sound.contains_key(member));
        for (member, place) in members.map(|(member, (place, _))| (*member, *place)).collect::<Vec<_>>() {
            self.rooms.machine.speaks(place, speaks.then_some(LOUD), now);
            if speaks {
                let ears =
                    self.rooms.heard.iter().filter(|(_, speaker)| *speaker == member).map(|(listener, _)| *listener);
                ears.collect::<Vec<_>>().into_iter().for_each(|listener| self.voice_heard(listener, member));
            }
        }
        self.settle_rooms();
        self.deliver();
    }
}

/// The same order, with legs of a script's own call where they are.
fn of_call(order: Order, call: u64) -> Order {
    order.of_call(|leg| Place { shard: SHARD, call, leg })
}
