//! One life of a room: its members, what they are told, what is announced to all, and its end.
//!
//! A [`Meeting`] begins with the first who comes to the door and ends when nobody is left. It decides nothing about other
//! rooms, and knows its members by number alone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::by::{By, called};
use super::keys::Command;
use super::past::{Kept, Moment, Past, Visitor, millis};
use super::rules::{ANNOUNCEMENT, Announce, MAX_ANNOUNCEMENTS, Role, Rules, WARNED, WARNING};
use super::told::{Effect, Happened, Kind, MemberId, Person, Place, RoomKey, Sound, Told};
use crate::journal::{CallId, moment};

/// What a room wants done, in its order.
pub(super) type Out = VecDeque<Effect>;

/// How far somebody has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Is asked for the PIN, and was wrong so often.
    Pin { wrong: u8 },
    /// Is asked for a name.
    Naming,
    /// Waits to be let in.
    Waiting,
    /// Hears what it is greeted with.
    Greeting,
    /// Is in.
    In,
}

/// Somebody in a room or at its door.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub id: MemberId,
    pub place: Place,
    pub call: Option<CallId>,
    pub name: String,
    pub number: String,
    /// Where it comes from, as the record may say it.
    pub from: String,
    pub role: Role,
    pub stage: Stage,
    /// Whether it, or a moderator, muted it; whether it hears nobody.
    pub muted: bool,
    pub deaf: bool,
    /// Whether its party holds us, and whether it is held out of the room.
    pub held: bool,
    pub aside: bool,
    pub hand: Option<Instant>,
    pub level: Option<u8>,
    /// Since when nothing at all has come from it.
    pub unheard: Option<Instant>,
    pub talks_since: Option<Instant>,
    pub came: Instant,
    pub announce: Announce,
    /// The file in which it says its name.
    pub says: Option<String>,
    pub watches: bool,
    /// What its keys do, as its call was told last.
    pub keys: Option<Arc<[Command]>>,
    pub gain_db: i8,
    /// What is quieter is not heard of it; and whether noise is taken out of what it says.
    pub gate: Option<i8>,
    pub denoise: bool,
    /// Whether its call records what it hears; and whether its call knows that what it says is recorded.
    pub tapes: bool,
    pub recorded: bool,
}

impl Member {
    /// Whether it or somebody else wants it not to be heard.
    pub fn is_muted(&self) -> bool {
        self.muted || self.role == Role::Listener
    }

    /// Whether nobody hears it, for whatever reason.
    pub fn is_silent(&self) -> bool {
        self.is_muted() || self.held || self.aside
    }

    /// Whether it hears nobody, for whatever reason.
    pub fn is_shut(&self) -> bool {
        self.deaf || self.held || self.aside
    }

    pub fn is_in(&self) -> bool {
        self.stage == Stage::In
    }

    /// Whether it takes one of the places of its room.
    pub fn takes_place(&self) -> bool {
        matches!(self.stage, Stage::In | Stage::Greeting)
    }

    pub fn waits(&self) -> bool {
        self.stage == Stage::Waiting
    }

    pub fn called(&self) -> String {
        called(&self.name, &self.number)
    }

    /// Whether it has come past the door.
    pub fn is_member(&self) -> bool {
        !matches!(self.stage, Stage::Pin { .. } | Stage::Naming)
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Meeting {
    pub name: Arc<str>,
    pub key: RoomKey,
    pub rules: Rules,
    /// The shard that loads its prompts and keeps its recording.
    pub home: usize,
    pub opened: Instant,
    pub members: BTreeMap<MemberId, Member>,
    /// Why it ends, where that is not because everybody has left.
    pub ends_because: Option<String>,
    /// Who gave the order that is being done.
    pub by: Option<By>,
    /// Who has gone since the house looked.
    pub gone: Vec<(Place, MemberId)>,
    pub locked: bool,
    pub hushed: bool,
    pub recording: bool,
    /// Whether each member is told by its call that it is recorded.
    pub calls_tell: bool,
    pub floor: Option<MemberId>,
    /// Listener, speaker, decibels.
    pub pairs: Vec<(MemberId, MemberId, i8)>,
    announcing: Option<(u64, Instant)>,
    announcements: VecDeque<Vec<String>>,
    announced: u64,
    warned: bool,
    /// Whether a ledger of it was asked for.
    is_kept: bool,
    pub past: Past,
}

impl Meeting {
    pub fn new(
        (name, key): (Arc<str>, RoomKey),
        rules: Rules,
        home: usize,
        (now, wall): (Instant, SystemTime),
    ) -> Self {
        Self {
            past: Past::begin(&name, key.0, wall),
            name,
            key,
            locked: rules.locked,
            rules,
            home,
            opened: now,
            members: BTreeMap::new(),
            ends_because: None,
            by: None,
            gone: Vec::new(),
            hushed: false,
            recording: false,
            calls_tell: false,
            floor: None,
            pairs: Vec::new(),
            announcing: None,
            announcements: VecDeque::new(),
            announced: 0,
            warned: false,
            is_kept: false,
        }
    }

    /// How long after it was opened that is.
    pub fn at(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.opened)
    }

    /// How many are in. Who waits has no place yet.
    pub fn count_in(&self) -> usize {
        self.members.values().filter(|member| member.takes_place()).count()
    }

    pub fn is_full(&self) -> bool {
        self.count_in() >= self.rules.most
    }

    pub fn has_moderator(&self) -> bool {
        self.members.values().any(|member| member.role == Role::Moderator && member.takes_place())
    }

    pub fn at_place(&self, place: Place) -> Option<MemberId> {
        self.members.values().find(|member| member.place == place).map(|member| member.id)
    }

    /// What was done, and to whom, stands in its record.
    pub fn noted(&mut self, what: &str, who: Option<MemberId>, on: bool, words: &str, now: Instant) {
        let (at_ms, by) = (millis(self.at(now)), self.by.clone());
        let (what, note, member) = (what.to_owned(), words.to_owned(), who.map(|who| who.0));
        self.past.note(Moment { at_ms, what, member, on, note, by, visitor: None });
    }

    /// Who stood at its door, and what came of it, stands in its record.
    pub fn noted_at_door(&mut self, what: &str, words: &str, visitor: Visitor, now: Instant) {
        let (at_ms, what, note) = (millis(self.at(now)), what.to_owned(), words.to_owned());
        self.past.note(Moment { at_ms, what, on: true, note, visitor: Some(visitor), ..Moment::default() });
    }

    /// Tells everybody who looks on, and writes it down.
    pub fn happened(&mut self, kind: Kind, who: Option<MemberId>, on: bool, now: Instant, out: &mut Out) {
        match kind {
            // Who was denied stands there already, with why.
            Kind::Join | Kind::Leave | Kind::TalkStart | Kind::TalkStop | Kind::Denied => {}
            // That somebody has the floor nobody orders.
            Kind::Floor => {
                let by = self.by.take();
                self.noted(kind.word(), who, on, "", now);
                self.by = by;
            }
            _ => self.noted(kind.word(), who, on, "", now),
        }
        if kind.is_chatter() && !self.rules.talk_events {
            return;
        }
        let person = who.and_then(|who| self.members.get(&who)).map(|member| Person {
            member: member.id,
            place: member.place,
            name: member.name.clone(),
            number: member.number.clone(),
            role: member.role,
        });
        // Who leaves is told as well, and not counted.
        let members = self.count_in() - usize::from(kind == Kind::Leave);
        for watcher in self.members.values().filter(|member| member.watches && member.is_member()) {
            let me = who == Some(watcher.id);
            let happened = Happened { room: self.name.to_string(), kind, who: person.clone(), on, me, members };
            out.push_back(Effect::Tell(watcher.place, Told::Happened(Box::new(happened))));
        }
    }

    /// Lets everybody hear these, behind what they hear already.
    pub fn announce(&mut self, prompts: Vec<String>, now: Instant, out: &mut Out) {
        if prompts.is_empty() || self.count_in() == 0 || self.announcements.len() >= MAX_ANNOUNCEMENTS {
            return;
        }
        self.announcements.push_back(prompts);
        self.go_on_announcing(now, out);
    }

    fn go_on_announcing(&mut self, now: Instant, out: &mut Out) {
        if self.announcing.is_some() {
            return;
        }
        let Some(prompts) = self.announcements.pop_front() else { return };
        self.announced += 1;
        self.announcing = Some((self.announced, now + ANNOUNCEMENT));
        out.push_back(Effect::Announce { room: self.key, home: self.home, tag: self.announced, prompts });
    }

    /// An announcement is over.
    pub fn announced(&mut self, tag: u64, now: Instant, out: &mut Out) {
        if self.announcing.is_some_and(|(current, _)| current == tag) {
            self.announcing = None;
            self.go_on_announcing(now, out);
        }
    }

    /// Whether somebody who comes or goes is announced: not while several wait to be.
    pub fn is_calm(&self) -> bool {
        self.announcements.len() < MAX_ANNOUNCEMENTS / 4
    }

    /// The sound of a member is to be as the member stands.
    pub fn stand(&self, id: MemberId, out: &mut Out) {
        let Some(member) = self.members.get(&id).filter(|member| member.is_in()) else { return };
        out.push_back(Effect::Sound(Sound::Muted(id, member.is_silent())));
        out.push_back(Effect::Sound(Sound::Deaf(id, member.is_shut())));
    }

    /// The call of a member is to know what its keys do here.
    pub fn tell_keys(&mut self, id: MemberId, out: &mut Out) {
        let Some(member) = self.members.get_mut(&id).filter(|member| member.is_in()) else { return };
        let keys = self.rules.keys.for_role(member.role).cloned();
        if member.keys != keys {
            member.keys.clone_from(&keys);
            out.push_back(Effect::Tell(member.place, Told::Keys(keys)));
        }
    }

    /// The sound of a member comes into the room, with all that was said of it.
    pub fn sound_in(&self, id: MemberId, out: &mut Out) {
        let Some(member) = self.members.get(&id) else { return };
        out.push_back(Effect::Sound(Sound::Enter(id, self.key, self.rules.automatic_gain)));
        if member.is_silent() || member.is_shut() {
            self.stand(id, out);
        }
        if member.gain_db != 0 {
            out.push_back(Effect::Sound(Sound::Gain(id, member.gain_db)));
        }
        if member.gate.is_some() || member.denoise {
            out.push_back(Effect::Sound(Sound::Clean(id, member.gate, member.denoise)));
        }
        for (listener, speaker, gain) in &self.pairs {
            if *listener == id || *speaker == id {
                out.push_back(Effect::Sound(Sound::Hears(*listener, *speaker, *gain)));
            }
        }
    }

    /// Before the first member is in, where members are recorded: all that is heard is kept from then on.
    pub fn keep_ledger(&mut self, at: Duration, out: &mut Out) {
        if !self.rules.record_members || std::mem::replace(&mut self.is_kept, true) {
            return;
        }
        let opened = moment(UNIX_EPOCH + Duration::from_millis(self.past.opened_ms));
        let day = opened.split(' ').next().unwrap_or_default();
        let file = format!("{day}/room-{}-{}.ledger", self.name, self.past.id);
        self.past.ledger = Some(Kept { file: file.clone(), from_ms: millis(at) });
        out.push_back(Effect::KeepLedger { room: self.key, file });
    }

    /// Records what all hear, or no longer.
    pub fn record(&mut self, on: bool, now: Instant, out: &mut Out) {
        if self.recording == on {
            return;
        }
        self.recording = on;
        let (room, home, name) = (self.key, self.home, self.name.to_string());
        out.push_back(Effect::Record { room, home, name, on });
        self.happened(Kind::Record, None, on, now, out);
        self.tell_recorded(out);
        if on && self.rules.sounds && !self.calls_tell {
            self.announce(vec!["call-recorded".into()], now, out);
        }
    }

    /// The call of a member records what that hears, or no longer.
    pub fn is_taped(&mut self, id: MemberId, on: bool, out: &mut Out) {
        if let Some(member) = self.members.get_mut(&id) {
            member.tapes = on;
        }
        self.tell_recorded(out);
    }

    /// Each member's call is to know whether what the member says is recorded by anybody.
    pub fn tell_recorded(&mut self, out: &mut Out) {
        let taped = self.members.values().any(|member| member.is_in() && member.tapes);
        let on = self.recording || self.rules.record_members || taped;
        for member in self.members.values_mut().filter(|member| member.is_in() && member.recorded != on) {
            member.recorded = on;
            out.push_back(Effect::Tell(member.place, Told::Recorded(on)));
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        let announcing = self.announcing.map(|(_, until)| until);
        let ends = self.rules.longest.map(|longest| self.opened + longest);
        let warns = ends.filter(|_| !self.warned).and_then(|ends| ends.checked_sub(WARNED));
        [announcing, ends, warns].into_iter().flatten().min()
    }

    /// Does what is due; whether the room has lasted long enough.
    pub fn wake(&mut self, now: Instant, out: &mut Out) -> bool {
        if let Some((tag, until)) = self.announcing
            && until <= now
        {
            self.announced(tag, now, out);
        }
        let Some(ends) = self.rules.longest.map(|longest| self.opened + longest) else { return false };
        if !self.warned && ends.checked_sub(WARNED).is_some_and(|at| at <= now) {
            self.warned = true;
            if self.rules.longest > Some(WARNED) {
                self.announce(vec![WARNING.into()], now, out);
            }
        }
        ends <= now
    }

    /// Nobody is left.
    pub fn close(mut self, now: Instant, out: &mut Out) {
        let at = self.at(now);
        let why = match &self.ends_because {
            Some(why) => why.clone(),
            None if self.past.stays.is_empty() => "nobody came in".to_owned(),
            None => "everybody has left".to_owned(),
        };
        if self.recording {
            let (room, home, name) = (self.key, self.home, self.name.to_string());
            out.push_back(Effect::Record { room, home, name, on: false });
        }
        out.push_back(Effect::Sound(Sound::Close(self.key)));
        self.past.close(at, &why);
        out.push_back(Effect::Keep(Box::new(self.past)));
    }
}
