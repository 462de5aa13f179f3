//! The course of a past call: its journal, read entry by entry, as what a script was told and what it said.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, UNIX_EPOCH};

use patchcord_engine::call::event::{ReferWish, Who};
use patchcord_engine::call::verb::{Gather, Handle};
use patchcord_engine::call::{Bounds, Ending, Happening, LegId, Outcome, Status, Verb};
use patchcord_engine::errand::{Brought, Errand, Facts as LegFacts};
use patchcord_engine::journal::{
    self, Entry, Facts, GOES_ON, KEY_TAKEN, Record, SECRET_KEY, STORY_ENDED, VerbNumber, What,
};
use patchcord_engine::occasion::{Kind, Occasion};
use patchcord_engine::program::{VerbId, Wake};
use patchcord_engine::room::{Happened, Kind as RoomKind, MemberId, Person, Place, Role};
use patchcord_media::dtmf::{Key, Press, Via};

use super::outcome::{Unread, outcome};
use super::{Said, leg, place};

/// How long a key was held, where a journal does not say.
const HELD: Duration = Duration::from_millis(100);

/// What comes next in a journal.
pub(super) enum Next<'a> {
    /// The script said this.
    Verb(&'a journal::Verb),
    /// It was told this.
    Told(Wake),
    /// Its story ended, so; and the service that went on with the call.
    StoryEnded { what: String, serves: Option<&'a str> },
    /// What came of a verb then cannot come of it today.
    Unlike { then: String, today: String },
    /// What was told is not in the journal.
    Unknown(String),
    /// The call was over.
    Over,
}

impl Next<'_> {
    /// Whether a call was ended from outside, as by the longest call that its service may have: that broke no script, and whatever a
    /// script does when all that it wanted has come to nothing is no other course.
    pub fn is_from_outside(&self) -> bool {
        matches!(self, Self::StoryEnded { what, .. } if what.starts_with("breaks: ") && !what.contains(".rhai:"))
    }

    /// As somebody is told what happened then.
    pub fn said(&self) -> Said {
        match self {
            Self::Verb(verb) => Said::verb(&verb.name, verb.leg.map(|leg| leg.0), &verb.arguments, place(verb)),
            Self::Told(_) => Said::of("waited, and something happened", None),
            Self::StoryEnded { what, .. } => Said::of(what, None),
            Self::Unlike { then, .. } => Said::of(then, None),
            Self::Unknown(why) => Said::of(why, None),
            Self::Over => Said::of("the call was over", None),
        }
    }
}

/// See the module.
pub(super) struct Course<'a> {
    record: &'a Record,
    entries: &'a [Entry],
    place: usize,
    /// Verbs under way: as then, as today, and what today's says.
    under_way: BTreeMap<VerbNumber, (VerbId, Verb)>,
    /// Keys that were pressed on each leg and that no answer has taken.
    keys: BTreeMap<LegId, VecDeque<Key>>,
    /// Keys that would have ended an answer which was complete without them, and until when one of them belongs to it.
    late_ends: BTreeMap<LegId, (Vec<Key>, Duration)>,
    /// Whether everybody went while it computed: of that it is told later.
    left_alone: bool,
    /// Legs of whose end a script is told, and those that were answered.
    known: BTreeSet<LegId>,
    answered: BTreeSet<LegId>,
    /// What a script is told when it has said what it has to say now.
    waiting: VecDeque<Wake>,
    /// Timers that a script has set: when they end, and their handle.
    timers: Vec<(Duration, Handle)>,
    /// Whether keys were pressed that nobody may read, and on which legs since the last answer.
    pub is_masked: bool,
    masked: BTreeSet<LegId>,
}

impl<'a> Course<'a> {
    pub fn new(record: &'a Record, entries: &'a [Entry]) -> Self {
        Self {
            record,
            entries,
            place: 0,
            under_way: BTreeMap::new(),
            keys: BTreeMap::new(),
            late_ends: BTreeMap::new(),
            left_alone: false,
            known: BTreeSet::from([LegId::FIRST]),
            answered: BTreeSet::new(),
            waiting: VecDeque::new(),
            timers: Vec::new(),
            is_masked: false,
            masked: BTreeSet::new(),
        }
    }

    /// What a script was first told: that somebody called, or what it was asked outside of any call.
    pub fn beginning(&self) -> Result<Wake, String> {
        let asked = self.entries.iter().find_map(|entry| match &entry.what {
            What::Heard { leg: None, event, facts } if event == "occasion" => Some(facts),
            _ => None,
        });
        let Some(facts) = asked else { return Ok(Wake::Begin(LegId::FIRST)) };
        let kind = Kind::ALL.into_iter().find(|kind| facts.get("kind") == Some(kind.word()));
        let kind = kind.ok_or("what was asked is no word of today's")?;
        if let Some(bytes) = facts.get("about_bytes") {
            return Err(format!("what was asked has {bytes} bytes, which was too long to be kept"));
        }
        if kind == Kind::Message {
            return Err("what people write is not kept".into());
        }
        let about = facts.iter().filter(|(name, _)| *name == "about").map(|(_, piece)| piece).collect();
        let from = facts.get("from").unwrap_or_default().to_owned();
        Ok(Wake::Occasion(Box::new(Occasion { kind, about, from })))
    }

    /// Whether the house let nobody go on with the call any more, because too many services had.
    pub fn was_handed_on_too_often(&self) -> bool {
        let (key, _) = Bounds::SERVICES;
        let ended = self.entries[self.place..].iter().find_map(|entry| match &entry.what {
            What::Heard { event, facts, .. } if &**event == STORY_ENDED => facts.get("fault"),
            _ => None,
        });
        ended.is_some_and(|fault| fault.contains(key))
    }

    /// How long after the beginning of the call what was read last happened.
    pub fn at(&self) -> Duration {
        self.entries.get(self.place.saturating_sub(1)).map_or(Duration::ZERO, |entry| entry.at)
    }

    /// A verb was said then and is said today.
    pub fn begins(&mut self, then: VerbNumber, today: VerbId, verb: Verb) {
        if let Verb::Gather(leg, gather) = &verb
            && gather.clear_first
        {
            self.keys.remove(leg);
            self.masked.remove(leg);
        }
        self.under_way.insert(then, (today, verb));
    }

    /// Reads on to what a script said. More may have happened at the instant at which it was told something: that waits.
    pub fn said(&mut self) -> Next<'a> {
        let at = self.at();
        loop {
            let same = self.entries.get(self.place).is_some_and(|entry| entry.at == at);
            match self.read_on() {
                Next::Told(wake) if same || self.left_alone => self.waiting.push_back(wake),
                other => return other,
            }
        }
    }

    /// Whether it waits for a word that may have been answered by a service, which then told the story.
    pub fn calls_somebody(&self) -> bool {
        let calls =
            |verb: &Verb| matches!(verb, Verb::Dial(..) | Verb::CallOut(_) | Verb::Transfer(..) | Verb::Bridge(..));
        self.under_way.values().any(|(_, verb)| calls(verb))
    }

    /// Another script tells the story from here, of that leg: nothing that the first one wanted is told any more.
    pub fn changes_hands(&mut self) -> LegId {
        self.under_way.clear();
        self.waiting.clear();
        self.timers.clear();
        let first = self.known.contains(&LegId::FIRST).then_some(LegId::FIRST);
        first.or_else(|| self.known.first().copied()).unwrap_or(LegId::FIRST)
    }

    /// Whether everybody had gone before a script that computes said its next word, or ended.
    pub fn is_left_alone(&mut self) -> bool {
        let mut there = self.known.clone();
        for entry in &self.entries[self.place..] {
            match &entry.what {
                What::Verb(verb) if !is_of_house(verb) => break,
                What::Heard { event, .. } if event == STORY_ENDED => break,
                What::LegEnded { leg: number, .. } => drop(there.remove(&leg(*number))),
                _ => {}
            }
        }
        self.left_alone = there.is_empty();
        self.left_alone
    }

    /// Reads on to what a script said or was told.
    pub fn next(&mut self) -> Next<'a> {
        self.waiting.pop_front().map_or_else(|| self.read_on(), Next::Told)
    }

    fn read_on(&mut self) -> Next<'a> {
        loop {
            let Some(entry) = self.entries.get(self.place) else { return Next::Over };
            if let Some(timer) = self.timers.iter().position(|(until, _)| *until <= entry.at) {
                let (_, handle) = self.timers.remove(timer);
                return Next::Told(Wake::Heard(Happening::Ended(handle)));
            }
            let missing = self.place.checked_sub(1).map(|before| self.entries[before].number + 1);
            if missing.is_some_and(|next| entry.number > next) {
                return Next::Unknown("entries of the journal are missing here".into());
            }
            self.place += 1;
            if let Some(next) = self.read(entry) {
                return next;
            }
        }
    }

    fn read(&mut self, entry: &'a Entry) -> Option<Next<'a>> {
        let heard = |happening| Some(Next::Told(Wake::Heard(happening)));
        match &entry.what {
            What::Verb(verb) if is_of_house(verb) => None,
            What::Verb(verb) => Some(Next::Verb(verb)),
            What::Result { verb, status, facts } => self.result(*verb, status, facts, entry.at),
            What::Answered(number) => {
                self.known.insert(leg(*number));
                self.answered.insert(leg(*number));
                None
            }
            What::Held(number) => heard(Happening::Held(leg(*number), true)),
            What::Resumed(number) => heard(Happening::Held(leg(*number), false)),
            What::LegEnded { leg: number, cause } => {
                let leg = leg(*number);
                let by = match cause.by {
                    journal::By::Caller if leg == LegId::FIRST => Who::Party,
                    journal::By::Callee if leg != LegId::FIRST => Who::Party,
                    journal::By::Caller | journal::By::Callee => Who::Other,
                    journal::By::Script => Who::Program,
                    journal::By::System => Who::System,
                };
                let ending = Ending { by, cause: cause.q850, sip: cause.sip, reason: cause.reason.to_string() };
                self.known.remove(&leg).then_some(Next::Told(Wake::Heard(Happening::Left(leg, ending))))
            }
            What::Heard { leg: number, event, facts } => self.event(number.map(leg), event, facts),
            _ => None,
        }
    }

    fn result(&mut self, then: VerbNumber, status: &str, facts: &Facts, at: Duration) -> Option<Next<'a>> {
        let (id, verb) = self.under_way.remove(&then)?;
        let digits = match &verb {
            Verb::Gather(leg, gather) => {
                let wanted = facts.get("keys").and_then(|keys| keys.parse().ok()).unwrap_or(0);
                let keys = self.keys.entry(*leg).or_default();
                let digits = answered(keys, wanted, gather, status);
                if keys.is_empty() && digits.len() >= gather.max as usize {
                    self.late_ends.insert(*leg, (gather.end.clone(), at + gather.late_end()));
                }
                // Keys that nobody may read stand for those that are missing.
                if self.masked.remove(leg) { format!("{digits:0<wanted$}") } else { digits }
            }
            _ => String::new(),
        };
        if let Verb::Gather(_, gather) = &verb
            && !gather.secret
            && (status == Status::Digits.word() && !gather.takes(&digits)
                || status == Status::Invalid.word() && !digits.is_empty() && gather.takes(&digits))
        {
            let [then, today] = if gather.takes(&digits) { ["no answer", "an answer"] } else { ["an answer", "none"] };
            let then = format!("the keys {digits} were {then}");
            return Some(Next::Unlike { then, today: format!("they are {today}") });
        }
        match outcome(&verb, status, facts, digits) {
            Ok(outcome) => {
                if let (Verb::After(long), Outcome::Handle(handle)) = (&verb, &outcome) {
                    self.timers.push((at + *long, *handle));
                }
                Some(Next::Told(Wake::Result(id, outcome)))
            }
            Err(Unread(why)) => Some(Next::Unknown(why)),
        }
    }

    fn event(&mut self, leg: Option<LegId>, event: &str, facts: &'a Facts) -> Option<Next<'a>> {
        match (event, leg) {
            (STORY_ENDED, _) => {
                let what = match (facts.get("fault"), facts.get("continues_as")) {
                    (Some(fault), _) => format!("breaks: {fault}"),
                    (_, Some(service)) => format!("goes on as {service}"),
                    (None, None) => "ends".to_owned(),
                };
                // Where nobody was left who could be handed on, nothing went on.
                let goes_on = || self.entries[self.place..].iter().any(is_going_on);
                let serves = facts.get("continues_as").filter(|_| goes_on());
                Some(Next::StoryEnded { what, serves })
            }
            ("key", Some(leg)) => {
                let shown = facts.get("digit")?;
                let is_masked = shown == SECRET_KEY;
                if is_masked {
                    self.masked.insert(leg);
                    self.is_masked = true;
                }
                // What it was nobody knows: another key stands for it.
                let key = if is_masked { "0" } else { shown }.chars().next().and_then(Key::of_char)?;
                let duration = facts.get("ms").and_then(|ms| ms.parse().ok()).map_or(HELD, Duration::from_millis);
                let via = match facts.get("via") {
                    Some("info") => Via::Info,
                    Some("inband") => Via::Inband,
                    _ => Via::Rtp,
                };
                self.key(leg, Press { key, duration, via }, is_masked)
            }
            // It was pressed before anything was asked, and is told now.
            (KEY_TAKEN, Some(leg)) => {
                let key = facts.get("digit").and_then(|digit| digit.chars().next()).and_then(Key::of_char)?;
                self.masked.remove(&leg);
                self.keys.entry(leg).or_default().push_back(key);
                None
            }
            ("room", Some(leg)) => Some(Next::Told(Wake::Heard(Happening::Room(leg, Box::new(happened(facts)?))))),
            ("refer", Some(leg)) => {
                let to = facts.get("to").unwrap_or_default().to_owned();
                let wish = ReferWish { to, replaces: None, replaces_elsewhere: None, meets: None };
                Some(Next::Told(Wake::Heard(Happening::Refer(leg, wish))))
            }
            _ => None,
        }
    }

    /// A key: what a verb takes the script is not told.
    fn key(&mut self, leg: LegId, press: Press, is_masked: bool) -> Option<Next<'a>> {
        let key = press.key;
        let at = self.at();
        if self.late_ends.remove(&leg).is_some_and(|(ends, until)| at <= until && ends.contains(&key)) {
            return None;
        }
        let taken = self.under_way.values().any(|(_, verb)| match verb {
            Verb::Gather(at, _) => *at == leg,
            Verb::Play(at, play) => *at == leg && play.stop_keys.contains(&key),
            Verb::Record(at, record) => *at == leg && record.end.contains(&key),
            _ => false,
        });
        let ended = self.under_way.values().any(|(_, verb)| !matches!(verb, Verb::Gather(..)) && taken);
        if !ended && !is_masked {
            self.keys.entry(leg).or_default().push_back(key);
        }
        (!taken).then_some(Next::Told(Wake::Heard(Happening::Key(leg, press))))
    }

    /// What the house told: as it was told next, or as the record knows it.
    pub fn known(&self, errand: &Errand) -> Brought {
        let (name, of) = match errand {
            Errand::Facts(leg) => ("facts", Some(leg.0)),
            _ => ("moment", None),
        };
        let asked = |verb: &journal::Verb| verb.name == name && verb.leg.map(|leg| leg.0) == of;
        // The last one before here, or the first one behind: facts change little, and are told as late as they were known.
        let facts = |place: usize| match &self.entries[place].what {
            What::Verb(verb) if asked(verb) => self.entries[place..].iter().find_map(|entry| match &entry.what {
                What::Result { verb: of, facts, .. } if *of == verb.id => Some(facts),
                _ => None,
            }),
            _ => None,
        };
        let behind = (self.place..self.entries.len()).find_map(facts);
        let told = behind.or_else(|| (0..self.place).rev().find_map(facts));
        let number = |name: &str| told.and_then(|told| told.get(name)?.parse().ok());
        match errand {
            Errand::Facts(leg) => Brought::Facts(Some(Box::new(self.facts(*leg, told)))),
            _ => {
                let began = self.record.began.duration_since(UNIX_EPOCH).unwrap_or_default();
                let wall = number("wall_ms").map_or(began + self.at(), Duration::from_millis);
                Brought::Moment { wall, seed: number("seed").unwrap_or(0) }
            }
        }
    }

    fn facts(&self, leg: LegId, told: Option<&Facts>) -> LegFacts {
        let (from, to) = (self.record.from.number.to_string(), self.record.to.number.to_string());
        let said = |name: &str| told.and_then(|told| told.get(name)).map(str::to_owned);
        LegFacts {
            call: self.record.call.to_string(),
            number: said("number").unwrap_or_else(|| if leg == LegId::FIRST { from.clone() } else { String::new() }),
            from: said("from").unwrap_or(from),
            to: said("to").unwrap_or(to),
            name: said("name").unwrap_or_default(),
            headers: Vec::new(),
            endpoint: said("endpoint"),
            trunk: said("trunk"),
            transport: said("transport").unwrap_or_else(|| "udp".into()),
            secure: said("secure").is_some(),
            codec: said("codec").unwrap_or_default(),
            state: match said("state") {
                Some(state) if state == "ended" => state,
                _ if self.answered.contains(&leg) => "answered".into(),
                state => state.unwrap_or_default(),
            },
            quality: None,
            vars: said("vars").unwrap_or_default(),
        }
    }
}

/// What a room told then.
fn happened(facts: &Facts) -> Option<Happened> {
    let number = |name: &str| facts.get(name).and_then(|said| said.parse::<u64>().ok());
    let said = |name: &str| facts.get(name).unwrap_or_default().to_owned();
    let who = number("member").map(|member| Person {
        member: MemberId(member),
        place: Place { shard: 0, call: 0, leg: LegId(u32::MAX) },
        name: said("name"),
        number: said("number"),
        role: Role::of(&said("role")).unwrap_or_default(),
    });
    Some(Happened {
        room: said("room"),
        kind: RoomKind::of(facts.get("kind")?)?,
        who,
        on: facts.get("on").is_some(),
        me: facts.get("me").is_some(),
        members: number("members").and_then(|members| usize::try_from(members).ok()).unwrap_or(0),
    })
}

/// The keys that a gather came back with, out of those that were pressed: what was pressed at earlier tries is no part of them, and
/// what was typed ahead waits for the next one.
fn answered(keys: &mut VecDeque<Key>, wanted: usize, gather: &Gather, status: &str) -> String {
    let has_answer = status == Status::Digits.word();
    if wanted == 0 && !has_answer {
        // Whoever waited in vain had nothing left to take.
        keys.clear();
    }
    let tries = if gather.tries > 1 && !gather.secret { keys.len().saturating_sub(wanted) } else { 0 };
    let fits = |from: &usize| {
        let mut rest: VecDeque<Key> = keys.iter().skip(*from).copied().collect();
        gather.takes(&taken(&mut rest, wanted, &gather.end))
    };
    let from = if has_answer { (0..=tries).find(fits) } else { None };
    keys.drain(..from.unwrap_or(tries));
    taken(keys, wanted, &gather.end)
}

/// Keys of an answer, out of those that were pressed.
fn taken(keys: &mut VecDeque<Key>, wanted: usize, end: &[Key]) -> String {
    let mut digits = String::new();
    while digits.len() < wanted {
        match keys.pop_front() {
            Some(key) if end.contains(&key) => {}
            Some(key) => digits.push(key.as_char()),
            None => break,
        }
    }
    keys.pop_front_if(|key| end.contains(key));
    digits
}

/// Whether another service went on with the call there.
fn is_going_on(entry: &Entry) -> bool {
    matches!(&entry.what, What::Heard { event, .. } if event == GOES_ON)
}

/// What the house does of itself, or is asked all the while.
fn is_of_house(verb: &journal::Verb) -> bool {
    VerbId(verb.id.0).is_house() || matches!(&*verb.name, "facts" | "moment" | "log")
}
