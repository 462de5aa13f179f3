//! How somebody comes into a room, and out of it.
//!
//! ```text
//! come ─▶ PIN ─▶ name ─▶ waiting ─▶ greeting ─▶ in ─▶ out
//!   └──────┴── each only where the room or the member wants it
//! ```

use std::time::Instant;

use super::Entrant;
use super::meeting::{Meeting, Member, Out, Stage};
use super::past::{DENIED, Stay, Visitor, WRONG_PIN};
use super::rules::{Announce, Join, MAX_VISITORS, PIN_TRIES, Role, WaitFor};
use super::told::{Denial, Effect, Kind, Leaving, MemberId, Place, Sound, Told};

/// The highest number that was recorded in one breath.
const MOST_COUNTED: usize = 99;

/// What all hear when somebody comes or goes: short, and higher for who comes.
const ENTER: &str = "tone::880@-20:140";
const EXIT: &str = "tone::440@-20:140";

/// What a PIN was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Right,
    Wrong,
}

impl Meeting {
    /// Somebody stands at the door. What is known ahead is judged at once.
    pub fn come(&mut self, id: MemberId, join: &Join, entrant: &Entrant, now: Instant, out: &mut Out) -> Judged {
        let member = Member {
            id,
            place: entrant.place,
            call: entrant.call,
            name: join.name.clone().unwrap_or_else(|| entrant.name.clone()),
            number: entrant.number.clone(),
            from: entrant.shown_from(),
            role: join.role,
            stage: Stage::Pin { wrong: 0 },
            muted: join.muted,
            deaf: join.deaf,
            held: false,
            aside: false,
            hand: None,
            level: None,
            unheard: entrant.unheard,
            talks_since: None,
            came: now,
            announce: join.announce.unwrap_or(self.rules.announce),
            says: None,
            watches: join.watches,
            keys: None,
            gain_db: 0,
            gate: self.rules.gate,
            denoise: self.rules.denoise,
            tapes: false,
            recorded: false,
        };
        self.members.insert(id, member);
        match &join.pin {
            _ if !self.rules.asks() => {
                self.pass(id, now, out);
                Judged::Right
            }
            // A moderator who is one by the word of a script needs no other.
            None if join.role == Role::Moderator => {
                self.pass(id, now, out);
                Judged::Right
            }
            None => {
                out.push_back(Effect::Tell(entrant.place, self.asks_pin(false)));
                Judged::Right
            }
            Some(pin) => self.pin(id, pin, now, out),
        }
    }

    /// A PIN was said.
    pub fn pin(&mut self, id: MemberId, pin: &str, now: Instant, out: &mut Out) -> Judged {
        let moderates = self.rules.moderator_pin.as_deref().is_some_and(|wanted| same(wanted, pin));
        let fits = match &self.rules.pin {
            Some(wanted) => same(wanted, pin),
            // Only moderators have one: who presses nothing is a guest.
            None => pin.is_empty(),
        };
        let Some(member) = self.members.get_mut(&id) else { return Judged::Right };
        if member.waits() && self.rules.moderator_pin.is_some() {
            return self.pin_of_one_who_waits(id, moderates, now, out);
        }
        let Stage::Pin { wrong } = &mut member.stage else { return Judged::Right };
        if moderates || fits {
            if moderates {
                member.role = Role::Moderator;
            }
            self.pass(id, now, out);
            return Judged::Right;
        }
        *wrong += 1;
        let (place, spent) = (member.place, *wrong >= PIN_TRIES);
        let visitor = visitor(member);
        self.noted_at_door(WRONG_PIN, "", visitor, now);
        if spent {
            self.deny(id, Denial::Pin, now, out);
        } else {
            out.push_back(Effect::Tell(place, self.asks_pin(true)));
        }
        Judged::Wrong
    }

    /// Whoever waits may be a moderator who was late with the PIN.
    fn pin_of_one_who_waits(&mut self, id: MemberId, moderates: bool, now: Instant, out: &mut Out) -> Judged {
        let Some(member) = self.members.get_mut(&id) else { return Judged::Right };
        if moderates {
            member.role = Role::Moderator;
            self.pass(id, now, out);
            return Judged::Right;
        }
        let visitor = visitor(member);
        self.noted_at_door(WRONG_PIN, "", visitor, now);
        Judged::Wrong
    }

    /// Where only moderators have a PIN, whoever has none says so by the hash key.
    fn asks_pin(&self, again: bool) -> Told {
        Told::AskPin { again, or_none: self.rules.pin.is_none() }
    }

    /// Somebody may come in, if the room takes more.
    fn pass(&mut self, id: MemberId, now: Instant, out: &mut Out) {
        let full = self.is_full();
        let Some(member) = self.members.get_mut(&id) else { return };
        if self.locked && member.role != Role::Moderator {
            return self.deny(id, Denial::Locked, now, out);
        }
        if full {
            return self.deny(id, Denial::Full, now, out);
        }
        if member.announce == Announce::Name && member.says.is_none() {
            member.stage = Stage::Naming;
            return out.push_back(Effect::Tell(member.place, Told::AskName));
        }
        self.wait_or_enter(id, now, out);
    }

    /// Somebody has said its name.
    pub fn named(&mut self, id: MemberId, file: Option<String>, now: Instant, out: &mut Out) {
        let Some(member) = self.members.get_mut(&id).filter(|member| member.stage == Stage::Naming) else { return };
        member.says = file;
        if self.is_full() {
            return self.deny(id, Denial::Full, now, out);
        }
        self.wait_or_enter(id, now, out);
    }

    fn wait_or_enter(&mut self, id: MemberId, now: Instant, out: &mut Out) {
        let waits = match self.rules.wait_for {
            WaitFor::Nobody => false,
            WaitFor::Moderator => !self.has_moderator(),
            WaitFor::Admission => true,
        };
        let music = self.rules.music.clone();
        // As many may wait as may be in, and a few in front of a small room.
        let crowded =
            self.members.values().filter(|member| member.waits()).count() >= self.rules.most.max(MAX_VISITORS);
        let Some(member) = self.members.get_mut(&id) else { return };
        if waits && member.role != Role::Moderator {
            if crowded {
                return self.deny(id, Denial::Full, now, out);
            }
            member.stage = Stage::Waiting;
            out.push_back(Effect::Tell(member.place, Told::Wait(music)));
            return self.happened(Kind::Wait, Some(id), true, now, out);
        }
        self.greet(id, now, out);
    }

    /// Tells a newcomer what there is to know, and lets it in behind that.
    fn greet(&mut self, id: MemberId, now: Instant, out: &mut Out) {
        let (others, sounds) = (self.count_in(), self.rules.sounds);
        let alone = others == 0;
        let count = if self.rules.count { others } else { 0 };
        let Some(member) = self.members.get_mut(&id) else { return };
        let mut prompts = Vec::new();
        if sounds && alone && member.stage != Stage::Waiting {
            prompts.push("room-only-one".to_owned());
        }
        prompts.extend(counted(count));
        if sounds && member.is_muted() && member.role != Role::Listener {
            prompts.push("room-muted".to_owned());
        }
        if prompts.is_empty() {
            return self.enter(id, now, out);
        }
        member.stage = Stage::Greeting;
        out.push_back(Effect::Tell(member.place, Told::Greet(prompts)));
    }

    /// A newcomer has heard it.
    pub fn ready(&mut self, id: MemberId, now: Instant, out: &mut Out) {
        if self.members.get(&id).is_some_and(|member| member.stage == Stage::Greeting) {
            self.enter(id, now, out);
        }
    }

    fn enter(&mut self, id: MemberId, now: Instant, out: &mut Out) {
        let at = self.at(now);
        // Whoever is greeted is counted, and is not in.
        let (hushed, first) = (self.hushed, !self.members.values().any(Member::is_in));
        let Some(member) = self.members.get_mut(&id) else { return };
        member.stage = Stage::In;
        member.came = now;
        if hushed && member.role == Role::Speaker {
            member.muted = true;
        }
        let place = member.place;
        let stay = Stay::of(&member.name, &member.number, member.call, member.place.leg.0, member.role);
        self.past.came(at, id, stay);
        self.past.most = self.past.most.max(self.count_in());
        self.keep_ledger(at, out);
        self.sound_in(id, out);
        out.push_back(Effect::Tell(place, Told::In(id)));
        self.tell_keys(id, out);
        self.happened(Kind::Join, Some(id), true, now, out);
        if self.count_in() > 1 {
            self.announce_one(id, true, now, out);
        }
        if self.rules.record_members {
            out.push_back(Effect::RecordMember(place, id, true));
        }
        if first && self.rules.record {
            self.record(true, now, out);
        }
        self.tell_recorded(out);
    }

    /// Lets in who waits, as many as there are places; the others go on waiting.
    fn admit_all(&mut self, now: Instant, out: &mut Out) {
        let waits = self.members.values().filter(|member| member.waits()).map(|member| member.id);
        for id in waits.collect::<Vec<_>>() {
            self.admit(id, now, out);
        }
    }

    /// Lets in one who waits, if there is a place; whether it did.
    pub fn admit(&mut self, id: MemberId, now: Instant, out: &mut Out) -> bool {
        let goes = self.members.get(&id).is_some_and(Member::waits) && !self.is_full();
        if goes {
            self.greet(id, now, out);
        }
        goes
    }

    /// Who waits for a moderator comes in when one is there; and who found no place, when somebody has left.
    pub fn fill(&mut self, now: Instant, out: &mut Out) {
        let moderates = |member: &Member| member.role == Role::Moderator && member.is_in();
        if self.rules.wait_for == WaitFor::Moderator && self.members.values().any(moderates) && !self.is_full() {
            self.admit_all(now, out);
        }
    }

    /// All hear that somebody has come or gone.
    fn announce_one(&mut self, id: MemberId, comes: bool, now: Instant, out: &mut Out) {
        let Some(member) = self.members.get(&id).filter(|_| self.is_calm()) else { return };
        let prompts = match (&member.announce, &member.says) {
            (Announce::Nothing, _) => return,
            (Announce::Name, Some(file)) => {
                vec![file.clone(), if comes { "room-joined" } else { "room-left" }.to_owned()]
            }
            (Announce::Name | Announce::Sound, _) => vec![if comes { ENTER } else { EXIT }.to_owned()],
        };
        self.announce(prompts, now, out);
    }

    /// Somebody does not come in.
    pub fn deny(&mut self, id: MemberId, why: Denial, now: Instant, out: &mut Out) {
        let Some(member) = self.members.get(&id) else { return };
        let place = member.place;
        self.note_denied(why, visitor(member), now);
        self.happened(Kind::Denied, Some(id), true, now, out);
        self.remove(id, now, out);
        out.push_back(Effect::Tell(place, Told::Out(Leaving::Denied(why))));
    }

    /// Who did not come in stands in the record, and why.
    pub fn note_denied(&mut self, why: Denial, visitor: Visitor, now: Instant) {
        self.noted_at_door(DENIED, why.word(), visitor, now);
    }

    /// Somebody goes, or its leg has gone.
    pub fn leave(&mut self, id: MemberId, now: Instant, out: &mut Out) {
        let Some(member) = self.members.get(&id) else { return };
        let (was_in, moderated) = (member.is_in(), member.role == Role::Moderator && member.is_member());
        self.remove(id, now, out);
        if was_in {
            out.push_back(Effect::Sound(Sound::Leave(id)));
        }
        if moderated && self.rules.end_with_moderator && !self.has_moderator() {
            self.end("the last moderator has left", now, out);
        }
    }

    /// Somebody is sent out, or leaves by its own key.
    pub fn put_out(&mut self, id: MemberId, why: Leaving, now: Instant, out: &mut Out) {
        let Some(place) = self.members.get(&id).map(|member| member.place) else { return };
        self.leave(id, now, out);
        out.push_back(Effect::Tell(place, Told::Out(why)));
    }

    /// Everybody goes; why, in words that go on after `because`.
    pub fn end(&mut self, why: &str, now: Instant, out: &mut Out) {
        self.ends_because.get_or_insert_with(|| why.to_owned());
        for id in self.members.keys().copied().collect::<Vec<_>>() {
            let Some(member) = self.members.get(&id) else { continue };
            let (place, was_in) = (member.place, member.is_in());
            self.take_out(id, now, out);
            if was_in {
                out.push_back(Effect::Sound(Sound::Leave(id)));
            }
            out.push_back(Effect::Tell(place, Told::Out(Leaving::Ended)));
        }
    }

    /// Takes a member out of the lists, and says so to those who stay.
    fn remove(&mut self, id: MemberId, now: Instant, out: &mut Out) {
        let was_in = self.members.get(&id).is_some_and(Member::is_in);
        if was_in {
            self.announce_one(id, false, now, out);
        }
        self.take_out(id, now, out);
    }

    /// The same without a sound; gives back who it was.
    pub fn take_out(&mut self, id: MemberId, now: Instant, out: &mut Out) -> Option<Member> {
        if self.members.get(&id)?.is_in() {
            self.falls_silent(id, now, out);
            if self.rules.record_members {
                let place = self.members.get(&id)?.place;
                out.push_back(Effect::RecordMember(place, id, false));
            }
            let at = self.at(now);
            self.past.left(at, id);
            self.happened(Kind::Leave, Some(id), true, now, out);
        }
        self.pairs.retain(|(listener, speaker, _)| *listener != id && *speaker != id);
        let member = self.members.remove(&id);
        if member.as_ref().is_some_and(|member| member.tapes) {
            self.tell_recorded(out);
        }
        self.gone.extend(member.as_ref().map(|member| (member.place, id)));
        if self.floor == Some(id) {
            self.floor = None;
            self.pass_floor(now, out);
        }
        member
    }

    /// A member comes from another room.
    pub fn adopt(&mut self, member: Member, now: Instant, out: &mut Out) {
        let (id, place, was_in) = (member.id, member.place, member.is_member());
        self.members.insert(id, member);
        out.push_back(Effect::Tell(place, Told::Moved(self.name.to_string())));
        if was_in {
            self.enter(id, now, out);
        } else {
            self.pass(id, now, out);
        }
    }

    /// The place of a member.
    pub fn place(&self, id: MemberId) -> Option<Place> {
        self.members.get(&id).map(|member| member.place)
    }
}

fn visitor(member: &Member) -> Visitor {
    let Member { name, number, from, call, .. } = member;
    Visitor { name: name.clone(), number: number.clone(), from: from.clone(), call: *call }
}

/// So many others are in, aloud; nothing of none, and of more than anybody counts.
fn counted(others: usize) -> Vec<String> {
    match others {
        1 => vec!["room-one-other".to_owned()],
        2..=MOST_COUNTED => ["room-there-are", &format!("number/{others}"), "room-others"].map(str::to_owned).into(),
        _ => Vec::new(),
    }
}

/// Whether two PINs are the same, in a time that does not tell where they differ.
fn same(wanted: &str, said: &str) -> bool {
    let differs = wanted.bytes().zip(said.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    wanted.len() == said.len() && differs == 0
}
