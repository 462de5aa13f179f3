//! What a room leaves behind: who was in and when, who talked, what was done, which recordings there are.
//!
//! It is written while the room goes on and handed out once, when it is over. Times are milliseconds since it was opened.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::by::{By, called};
use super::rules::Role;
use super::told::MemberId;
use crate::journal::CallId;

/// Stays in one record: a big room whose members come and go all day. Of further ones only their number is known.
const MAX_STAYS: usize = 10_000;

/// Times of talk of one stay; of further ones only their sum is known.
const MAX_TALKS: usize = 400;

/// Other things that happened.
const MAX_MOMENTS: usize = 4000;

/// Recordings.
const MAX_RECORDINGS: usize = 1000;

/// What happens at a door: a PIN was wrong, or somebody did not come in.
pub const WRONG_PIN: &str = "wrong_pin";
/// See [`WRONG_PIN`].
pub const DENIED: &str = "denied";

/// That somebody ended the room.
pub(super) const ENDED: &str = "ended";

/// Talks that are nearer to each other than this are one: a breath.
const BREATH_MS: u64 = 1500;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Its name in the store; none is given twice.
    pub id: String,
    /// The name of the room.
    pub room: String,
    /// When it was opened, in milliseconds since 1970.
    pub opened_ms: u64,
    /// How long it lasted.
    pub lasted_ms: u64,
    /// Why it ended, in words.
    pub why: String,
    /// The most members that were in at once.
    pub most: usize,
    /// Who was in, in the order in which they came.
    pub stays: Vec<Stay>,
    /// What else happened, in its order.
    pub moments: Vec<Moment>,
    /// Recordings of what all heard.
    pub recordings: Vec<String>,
    /// What each heard can be made again from this file, where members were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Kept>,
    /// Stays and moments that found no room here.
    pub left_out: u64,
}

/// A ledger of sound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The file, within the folder of recordings.
    pub file: String,
    /// Its first round is then.
    pub from_ms: u64,
}

/// Parts of a room that may have a ledger: more than a machine has media threads.
pub const MAX_LEDGERS: usize = 64;

/// The ledger of the part of a room that it got on a further media thread; the first one has part 0.
#[must_use]
pub fn ledger_of_part(file: &str, part: usize) -> String {
    match file.strip_suffix(".ledger") {
        Some(name) if part > 0 => format!("{name}.part{part}.ledger"),
        _ => file.to_owned(),
    }
}

/// One member, from coming in to going out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// Its number in the house.
    pub member: u64,
    /// Its name and number.
    pub name: String,
    /// See `name`.
    pub number: String,
    /// Its call, and its leg there.
    pub call: Option<CallId>,
    /// See `call`.
    pub leg: u32,
    /// What it might do.
    pub role: String,
    /// When it came in.
    pub came_ms: u64,
    /// When it was out; none while it is in.
    pub left_ms: Option<u64>,
    /// How long it talked in all.
    pub talked_ms: u64,
    /// When it talked: from, until.
    pub talks: Vec<(u64, u64)>,
    /// Recordings of what it said.
    pub recordings: Vec<String>,
    /// By what number the ledger of its room knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_as: Option<u64>,
}

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at_ms: u64,
    /// What, as scripts write it.
    pub what: String,
    /// To whom.
    pub member: Option<u64>,
    /// Whether it began or ended; or more in words.
    pub on: bool,
    /// See `on`.
    pub note: String,
    /// Who ordered it, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// Who stood at the door and did not come in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitor: Option<Visitor>,
}

impl Moment {
    /// What happened, in words.
    #[must_use]
    pub fn said(&self) -> String {
        let (what, on) = (self.what.as_str(), self.on);
        let said = match (what, on) {
            ("mute", true) => "muted",
            ("mute", false) => "unmuted",
            ("deaf", true) => "deafened",
            ("deaf", false) => "hears again",
            ("aside", true) => "held out of the room",
            ("aside", false) => "taken back in",
            ("hand", true) => "hand up",
            ("hand", false) => "hand down",
            ("lock", true) => "locked",
            ("lock", false) => "unlocked",
            ("record", true) => "recording began",
            ("record", false) => "recording ended",
            ("role", _) => "made",
            ("hears", _) => "hears another",
            ("wait", _) => "waits",
            ("let_in", _) => "let in",
            ("wrong_pin", _) => "wrong PIN",
            ("denied", _) => "not let in",
            ("unheard", true) => "nothing heard any more",
            ("unheard", false) => "heard again",
            (_, true) => return what.replace('_', " "),
            (_, false) => return format!("{} ended", what.replace('_', " ")),
        };
        said.to_owned()
    }
}

/// Somebody at the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    /// Its name and number.
    pub name: String,
    /// See `name`.
    pub number: String,
    /// Where it came from: `endpoint:alice`, `trunk:north:+4930…`, or the network of an address.
    pub from: String,
    /// Its call.
    pub call: Option<CallId>,
}

impl Visitor {
    /// What it is called.
    #[must_use]
    pub fn called(&self) -> String {
        called(&self.name, &self.number)
    }
}

impl Past {
    pub(super) fn begin(room: &str, key: u64, wall: SystemTime) -> Self {
        let opened_ms = millis(wall.duration_since(UNIX_EPOCH).unwrap_or_default());
        Self {
            id: format!("{opened_ms:012x}{:04x}", key & 0xffff),
            room: room.to_owned(),
            opened_ms,
            lasted_ms: 0,
            why: String::new(),
            most: 0,
            stays: Vec::new(),
            moments: Vec::new(),
            recordings: Vec::new(),
            ledger: None,
            left_out: 0,
        }
    }

    pub(super) fn came(&mut self, at: Duration, member: MemberId, stay: Stay) {
        if self.stays.len() < MAX_STAYS {
            self.stays.push(Stay { member: member.0, came_ms: millis(at), ..stay });
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn left(&mut self, at: Duration, member: MemberId) {
        if let Some(stay) = self.stay(member) {
            stay.left_ms = Some(millis(at));
        }
    }

    pub(super) fn talked(&mut self, from: Duration, until: Duration, member: MemberId) {
        let (from, until) = (millis(from), millis(until));
        let Some(stay) = self.stay(member) else { return };
        stay.talked_ms += until.saturating_sub(from);
        let room = stay.talks.len() < MAX_TALKS;
        match stay.talks.last_mut() {
            Some((_, last)) if from.saturating_sub(*last) < BREATH_MS => *last = until,
            _ if room => stay.talks.push((from, until)),
            _ => {}
        }
    }

    pub(super) fn note(&mut self, moment: Moment) {
        if self.moments.len() < MAX_MOMENTS {
            self.moments.push(moment);
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn recorded(&mut self, member: Option<MemberId>, file: String) {
        let list = match member {
            None => Some(&mut self.recordings),
            Some(member) => self.stay(member).map(|stay| &mut stay.recordings),
        };
        if let Some(list) = list.filter(|list| list.len() < MAX_RECORDINGS) {
            list.push(file);
        }
    }

    pub(super) fn heard_as(&mut self, member: MemberId, number: u64) {
        if let Some(stay) = self.stay(member).filter(|stay| stay.left_ms.is_none()) {
            stay.heard_as = Some(number);
        }
    }

    pub(super) fn close(&mut self, at: Duration, why: &str) {
        self.lasted_ms = millis(at);
        self.why = why.to_owned();
        for stay in &mut self.stays {
            stay.left_ms.get_or_insert(self.lasted_ms);
        }
    }

    /// What its member of that number is called.
    #[must_use]
    pub fn called(&self, member: u64) -> Option<String> {
        self.stays.iter().find(|stay| stay.member == member).map(Stay::called)
    }

    /// Why it ended, and by whom where somebody ended it: words that go on after `because`.
    #[must_use]
    pub fn because(&self) -> String {
        let ended = self.moments.iter().rev().find(|moment| moment.what == ENDED);
        match ended.and_then(|moment| moment.by.as_ref()) {
            Some(by) => format!("{by} ended it"),
            None => self.why.clone(),
        }
    }

    /// How long a member has talked until now.
    pub(super) fn talked_ms(&self, member: MemberId) -> u64 {
        self.stays.iter().rev().find(|stay| stay.member == member.0).map_or(0, |stay| stay.talked_ms)
    }

    /// The stay of a member that has not ended, or its last one.
    fn stay(&mut self, member: MemberId) -> Option<&mut Stay> {
        self.stays.iter_mut().rev().find(|stay| stay.member == member.0)
    }
}

impl Stay {
    /// What the member is called.
    #[must_use]
    pub fn called(&self) -> String {
        called(&self.name, &self.number)
    }

    pub(super) fn of(name: &str, number: &str, call: Option<CallId>, leg: u32, role: Role) -> Self {
        Self {
            member: 0,
            name: name.to_owned(),
            number: number.to_owned(),
            call,
            leg,
            role: role.word().to_owned(),
            came_ms: 0,
            left_ms: None,
            talked_ms: 0,
            talks: Vec::new(),
            recordings: Vec::new(),
            heard_as: None,
        }
    }
}

pub(super) fn millis(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}
