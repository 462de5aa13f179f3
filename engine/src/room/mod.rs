//! Conference rooms: who is in which, what they may do, and who hears whom. A pure machine.
//!
//! A [`House`] owns all rooms. It is told what calls want ([`Asked`]), what those who run a room order ([`Order`]), who talks,
//! and the time; it says [`Effect`]s. It knows no sockets, no sound and no clock, so any order of events can be tried. Two laws
//! hold whatever happens: nobody is in two rooms, and a room is there exactly as long as somebody is in it or at its door.
//!
//! ```text
//! calls ──Asked──▶ ┌───────┐ ──Effect::Tell──▶ the call of each member
//! people ──Order─▶ │ House │ ──Effect::Sound─▶ the media plane
//! ports ──speaks─▶ └───────┘ ──Effect::Keep──▶ what a room leaves behind
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `rules` | what a room is like, and how somebody wants to come in |
//! | `told` | what rooms, calls and the sound say to each other |
//! | `meeting` | one life of a room |
//! | `entry` | the way in, and out |
//! | `order`, `keys` | what can be ordered, and what keys do |
//! | `by` | who orders something, and how people are called |
//! | `talk` | who talks, who has the floor |
//! | `guesses` | who guesses PINs |
//! | `past`, `view` | what is left of a room, and how it looks now |

mod by;
mod entry;
mod guesses;
#[cfg(test)]
mod heard;
pub mod keys;
#[cfg(test)]
mod laws;
mod loudness;
mod meeting;
mod order;
mod past;
mod rules;
mod talk;
#[cfg(test)]
mod tests;
mod told;
mod view;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

pub use by::{By, Orderer, called};
pub use keys::{Action, Menus};
pub use order::{LOUDEST, MAX_PAIRS, Order, Refused, Reply, SILENT, Whom};
pub use past::{DENIED, Kept, MAX_LEDGERS, Moment, Past, Stay, Visitor, WRONG_PIN, ledger_of_part};
pub use patchcord_media::clean::GATE_DB;
pub use rules::{
    Announce, Join, MAX_MEMBERS, MAX_NAME, MAX_PIN, MAX_ROOMS, MAX_VISITORS, Role, Rules, WaitFor, is_name, is_pin,
};
pub use told::{Asked, Denial, Effect, Happened, Kind, Leaving, MemberId, Person, Place, RoomKey, Sound, Told};
pub use view::{MemberView, RoomView};

use crate::journal::CallId;
use crate::redact::Redacted;
use entry::Judged;
use guesses::Guesses;
use meeting::{Meeting, Out};
use rules::OPENED_AHEAD;

/// Who comes to a door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrant {
    /// Where its leg is.
    pub place: Place,
    /// Its call, for the record.
    pub call: Option<CallId>,
    /// Its name and number, as others may see them.
    pub name: String,
    /// See `name`.
    pub number: String,
    /// Where it comes from, in a word that it cannot change from call to call.
    pub source: String,
    /// Since when nothing has come from it, where that is long.
    pub unheard: Option<Instant>,
}

impl Entrant {
    /// Where it comes from, as records say it: of an address its network, as that of any leg.
    fn shown_from(&self) -> String {
        match self.source.parse::<IpAddr>() {
            Ok(address) => Redacted(address).to_string(),
            Err(_) => self.source.clone(),
        }
    }

    fn visitor(&self) -> Visitor {
        let (name, number) = (self.name.clone(), self.number.clone());
        Visitor { name, number, from: self.shown_from(), call: self.call }
    }
}

/// See the module.
#[derive(Default)]
pub struct House {
    rooms: BTreeMap<Arc<str>, Meeting>,
    /// In which room whoever is at a leg is.
    places: HashMap<Place, (Arc<str>, MemberId)>,
    /// Where those came from who may still be wrong about a PIN.
    sources: HashMap<MemberId, String>,
    /// Rooms of the configuration, and rooms that were opened ahead, until then.
    fixed: BTreeMap<Arc<str>, Rules>,
    ahead: BTreeMap<Arc<str>, (Rules, Instant)>,
    guesses: Guesses,
    last: u64,
    out: Out,
    /// Wrong PINs so far, for those who watch.
    wrong_pins: u64,
    /// Whether calls tell each of their parties that it is recorded.
    calls_tell: bool,
}

impl House {
    /// The rooms of the configuration. Those that go on keep the rules by which they began.
    pub fn fix(&mut self, rooms: impl IntoIterator<Item = (String, Rules)>) {
        self.fixed = rooms.into_iter().map(|(name, rules)| (Arc::from(name), rules)).collect();
    }

    /// Whether calls tell each of their parties that it is recorded. Rooms that go on keep to what was so when they began.
    pub fn let_calls_tell(&mut self, tell: bool) {
        self.calls_tell = tell;
    }

    /// Opens a room ahead: its first member finds these rules. A room that goes on, or that the configuration names, keeps its own.
    ///
    /// # Errors
    /// When there can be no such room.
    pub fn open(&mut self, name: &str, rules: Rules, now: Instant) -> Result<(), Refused> {
        if !is_name(name) {
            return Err(Refused::Name(name.to_owned()));
        }
        if [&rules.pin, &rules.moderator_pin].into_iter().flatten().any(|pin| !is_pin(pin)) {
            return Err(Refused::Pin);
        }
        if self.ahead.len() >= MAX_ROOMS && !self.ahead.contains_key(name) {
            self.ahead.retain(|_, (_, until)| *until > now);
            if self.ahead.len() >= MAX_ROOMS {
                return Err(Refused::Rooms);
            }
        }
        self.ahead.insert(name.into(), (rules, now + OPENED_AHEAD));
        Ok(())
    }

    /// A call wants to bring somebody in.
    pub fn come(&mut self, join: &Join, entrant: &Entrant, now: Instant, wall: SystemTime) {
        let denied = |why| Effect::Tell(entrant.place, Told::Out(Leaving::Denied(why)));
        if self.places.contains_key(&entrant.place) {
            return self.out.push_back(denied(Denial::Busy));
        }
        if !is_name(&join.room) {
            return self.out.push_back(denied(Denial::Name));
        }
        let name: Arc<str> = join.room.as_str().into();
        let there = self.rooms.contains_key(&name);
        if !there && self.rooms.len() >= MAX_ROOMS {
            return self.out.push_back(denied(Denial::Full));
        }
        let mut room = match self.rooms.remove(&name) {
            Some(room) => room,
            None => self.begin(name.clone(), entrant.place.shard, now, wall),
        };
        if room.rules.asks() && self.guesses.is_away(&entrant.source, now) {
            tracing::warn!(room = &*name, "somebody who guesses PINs was sent away");
            self.out.push_back(denied(Denial::Throttled));
            room.note_denied(Denial::Throttled, entrant.visitor(), now);
            return self.put_back(room, now);
        }
        if room.members.values().filter(|member| !member.is_member()).count() >= MAX_VISITORS {
            self.out.push_back(denied(Denial::Full));
            room.note_denied(Denial::Full, entrant.visitor(), now);
            return self.put_back(room, now);
        }
        self.last += 1;
        let id = MemberId(self.last);
        self.places.insert(entrant.place, (name, id));
        if room.rules.asks() {
            self.sources.insert(id, entrant.source.clone());
        }
        let judged = room.come(id, join, entrant, now, &mut self.out);
        self.judge(judged, id, now);
        self.put_back(room, now);
    }

    fn begin(&mut self, name: Arc<str>, home: usize, now: Instant, wall: SystemTime) -> Meeting {
        let ahead = self.ahead.remove(&name).filter(|(_, until)| *until > now).map(|(rules, _)| rules);
        let rules = self.fixed.get(&name).cloned().or(ahead).unwrap_or_default();
        self.last += 1;
        let mut room = Meeting::new((name, RoomKey(self.last)), rules, home, (now, wall));
        room.calls_tell = self.calls_tell;
        room
    }

    fn judge(&mut self, judged: Judged, id: MemberId, now: Instant) {
        if judged == Judged::Wrong
            && let Some(source) = self.sources.get(&id)
        {
            self.wrong_pins += 1;
            self.guesses.wrong(source, now);
        }
    }

    /// What a call says for one that is in a room or at its door.
    pub fn hear(&mut self, place: Place, asked: Asked, now: Instant) {
        let Some((name, id)) = self.places.get(&place).cloned() else {
            // Its room ended while the word was on its way; the call hears of that.
            return;
        };
        let Some(mut room) = self.rooms.remove(&name) else { return };
        let out = &mut self.out;
        match asked {
            // Who comes is heard by `come`.
            Asked::Join(_) => {}
            Asked::Pin(pin) => {
                // Many calls at once may have come in before the first of them was wrong.
                if self.sources.get(&id).is_some_and(|source| self.guesses.is_away(source, now)) {
                    tracing::warn!(room = &*name, "somebody who guesses PINs was sent away");
                    room.deny(id, Denial::Throttled, now, out);
                } else {
                    let judged = room.pin(id, &pin, now, out);
                    self.judge(judged, id, now);
                }
            }
            Asked::Name(file) => room.named(id, file, now, out),
            Asked::Ready => room.ready(id, now, out),
            Asked::Act(action) => room.act(id, action, now, out),
            Asked::Held(held) => {
                if let Some(member) = room.members.get_mut(&id) {
                    member.held = held;
                    room.stand(id, out);
                    if held {
                        room.falls_silent(id, now, out);
                    }
                }
            }
            Asked::Recorded(on) => room.is_taped(id, on, out),
            Asked::Leave => room.leave(id, now, out),
        }
        self.put_back(room, now);
    }

    /// The sound of a member could not be brought into its room.
    pub fn not_entered(&mut self, place: Place, now: Instant) {
        let Some((name, id)) = self.places.get(&place).cloned() else { return };
        let Some(mut room) = self.rooms.remove(&name) else { return };
        room.deny(id, Denial::NoSound, now, &mut self.out);
        self.put_back(room, now);
    }

    /// A member talks, so loud (0 is the loudest, 127 silence); or no longer.
    pub fn speaks(&mut self, place: Place, level: Option<u8>, now: Instant) {
        let Some((name, id)) = self.places.get(&place) else { return };
        if let Some(room) = self.rooms.get_mut(name) {
            room.speaks(*id, level, now, &mut self.out);
        }
    }

    /// Nothing has come from a member since then; or again something.
    pub fn unheard(&mut self, place: Place, since: Option<Instant>, now: Instant) {
        let Some((name, id)) = self.places.get(&place) else { return };
        if let Some(room) = self.rooms.get_mut(name) {
            room.unheard(*id, since, now);
        }
    }

    /// An announcement is over, or could not be made.
    pub fn announced(&mut self, key: RoomKey, tag: u64, now: Instant) {
        if let Some(room) = self.rooms.values_mut().find(|room| room.key == key) {
            room.announced(tag, now, &mut self.out);
        }
    }

    /// Ends a room.
    pub fn end(&mut self, key: RoomKey, now: Instant) {
        let name = self.rooms.values().find(|room| room.key == key).map(|room| room.name.clone());
        let Some(mut room) = name.and_then(|name| self.rooms.remove(&name)) else { return };
        room.end("a fault of ours ended its sound", now, &mut self.out);
        self.put_back(room, now);
    }

    /// Writes something into the record of a room.
    pub fn note(&mut self, name: &str, what: &str, words: &str, now: Instant) {
        if let Some(room) = self.rooms.get_mut(name) {
            room.noted(what, None, true, words, now);
        }
    }

    /// A recording of a room, or of a member of it, lies there.
    pub fn recorded(&mut self, name: &str, member: Option<MemberId>, file: String) {
        if let Some(room) = self.rooms.get_mut(name) {
            room.past.recorded(member, file);
        }
    }

    /// By what number the sound of a member is known in its room.
    pub fn heard_as(&mut self, key: RoomKey, member: MemberId, number: u64) {
        if let Some(room) = self.rooms.values_mut().find(|room| room.key == key) {
            room.past.heard_as(member, number);
        }
    }

    /// No ledger of a room can be kept: its record says why.
    pub fn no_ledger(&mut self, key: RoomKey, why: &str, now: Instant) {
        if let Some(room) = self.rooms.values_mut().find(|room| room.key == key) {
            room.past.ledger = None;
            room.noted("no_ledger", None, true, why, now);
        }
    }

    /// Does an order of somebody, whom the record names.
    ///
    /// # Errors
    /// When it cannot be done; nothing has changed then.
    pub fn order(&mut self, name: &str, order: Order, by: By, when: (Instant, SystemTime)) -> Result<Reply, Refused> {
        let no_room = || Refused::NoRoom(name.to_owned());
        match order {
            Order::Move(whom, to) => self.transfer((name, whom), &to, by, when),
            Order::Merge(from) => {
                if from == name {
                    return Err(Refused::Itself);
                }
                if !self.rooms.contains_key(name) {
                    return Err(no_room());
                }
                self.transfer((&from, Whom::All), name, by, when)
            }
            order => {
                let waits = !self.rooms.contains_key(name) && !self.fixed.contains_key(name);
                if let Some((rules, until)) = self.ahead.get_mut(name).filter(|_| waits)
                    && *until > when.0
                {
                    return rules.obey_ahead(&order).unwrap_or_else(|| Err(no_room()));
                }
                let mut room = self.rooms.remove(name).ok_or_else(no_room)?;
                room.by = Some(by);
                let done = room.obey(order, when.0, &mut self.out);
                self.put_back(room, when.0);
                done
            }
        }
    }

    /// Brings members of one room into another one, which is opened if need be.
    fn transfer(
        &mut self,
        (from, whom): (&str, Whom),
        to: &str,
        by: By,
        (now, wall): (Instant, SystemTime),
    ) -> Result<Reply, Refused> {
        if !is_name(to) {
            return Err(Refused::Name(to.to_owned()));
        }
        let source = self.rooms.get(from).ok_or_else(|| Refused::NoRoom(from.to_owned()))?;
        let mut who = source.whom(whom)?;
        who.retain(|id| source.members.get(id).is_some_and(meeting::Member::is_member));
        if from == to {
            return Ok(Reply::Done { done: 0 });
        }
        let home = source.home;
        match self.rooms.get(to) {
            Some(target) if target.count_in() + who.len() > target.rules.most => return Err(Refused::Full),
            None if self.rooms.len() >= MAX_ROOMS => return Err(Refused::Rooms),
            _ => {}
        }
        let target = self.rooms.remove(to);
        let mut target = target.unwrap_or_else(|| self.begin(to.into(), home, now, wall));
        let mut source = self.rooms.remove(from).ok_or_else(|| Refused::NoRoom(from.to_owned()))?;
        let done = who.len();
        (source.by, target.by) = (Some(by.clone()), Some(by));
        source.ends_because = Some(format!("its members were brought into {to}"));
        for id in who {
            source.noted("moved", Some(id), true, &format!("to {to}"), now);
            target.noted("moved", Some(id), true, &format!("from {from}"), now);
            if let Some(member) = source.take_out(id, now, &mut self.out) {
                self.places.insert(member.place, (target.name.clone(), id));
                target.adopt(member, now, &mut self.out);
            }
        }
        if !source.members.is_empty() {
            source.ends_because = None;
        }
        self.put_back(target, now);
        self.put_back(source, now);
        Ok(Reply::Done { done })
    }

    /// A room that was taken out to be changed is put back, unless nobody is left in it.
    fn put_back(&mut self, mut room: Meeting, now: Instant) {
        for (place, id) in std::mem::take(&mut room.gone) {
            // Who was brought into another room is there.
            if self.places.get(&place).is_some_and(|(name, _)| *name == room.name) {
                self.places.remove(&place);
                self.sources.remove(&id);
            }
        }
        if room.members.is_empty() {
            return room.close(now, &mut self.out);
        }
        room.by = None;
        room.fill(now, &mut self.out);
        self.rooms.insert(room.name.clone(), room);
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<Instant> {
        self.rooms.values().filter_map(Meeting::deadline).min()
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Instant) {
        let due = |room: &&Meeting| room.deadline().is_some_and(|due| due <= now);
        let due: Vec<Arc<str>> = self.rooms.values().filter(due).map(|room| room.name.clone()).collect();
        for name in due {
            let Some(mut room) = self.rooms.remove(&name) else { continue };
            if room.wake(now, &mut self.out) {
                room.end("its longest time was over", now, &mut self.out);
            }
            self.put_back(room, now);
        }
    }

    /// What it wants done next. What waits here follows from one event, and so is bounded by the members of a room.
    pub fn poll(&mut self) -> Option<Effect> {
        self.out.pop_front()
    }

    /// The rooms there are.
    pub fn views(&self, now: Instant) -> Vec<RoomView> {
        self.rooms.values().map(|room| room.view(now)).collect()
    }

    /// One of them.
    pub fn view(&self, name: &str, now: Instant) -> Option<RoomView> {
        self.rooms.get(name).map(|room| room.view(now))
    }

    /// What its record says so far.
    pub fn story(&self, name: &str, now: Instant) -> Option<Past> {
        let room = self.rooms.get(name)?;
        let at = room.at(now);
        let mut story = room.past.clone();
        story.lasted_ms = past::millis(at);
        // Whoever talks now has talked until now.
        for member in room.members.values() {
            if let Some(since) = member.talks_since {
                story.talked(since.saturating_duration_since(room.opened), at, member.id);
            }
        }
        Some(story)
    }

    /// In which room whoever is at a leg is, and as whom.
    pub fn whereabouts(&self, place: Place) -> Option<(&str, MemberId)> {
        self.places.get(&place).map(|(name, id)| (&**name, *id))
    }

    /// How many rooms and members there are, and how many PINs were wrong.
    pub fn counts(&self) -> (usize, usize, u64) {
        (self.rooms.len(), self.places.len(), self.wrong_pins)
    }

    /// How long rules that were opened ahead are kept.
    pub const AHEAD: Duration = OPENED_AHEAD;
}
