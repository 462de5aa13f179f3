//! Parties, lines, ports and a program around one call, and which moves there are.
//!
//! The program tells its story verb by verb, and answers whatever else it is told by waiting. Lines and ports do what they are
//! told at once and tell what comes of it when their move comes, so that it crosses whatever else can happen.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use patchcord_media::dtmf::{Press, Via};
use patchcord_media::shard::Played;

use super::super::effect::{SoundTag, Way};
use super::super::event::{NotFound, ReferWish, Refused};
use super::super::tests::told::{clock, of, way};
use super::super::*;
use super::law::{self, Book};
use super::party::{Party, Stage};
use super::rooms::Rooms;
use crate::errand::Brought;
use crate::program::{End, Step, VerbId, Wake};
use crate::room::Told;

/// Which moves a story has beside the usual ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Allow {
    pub hold: bool,
    pub refer: bool,
    pub key: bool,
    pub early: bool,
    pub ringing: bool,
    /// Whether the program refuses transfers; else it leaves them to the house.
    pub refuses: bool,
    /// Whether it asks for a breath once.
    pub breath: bool,
    /// Whether a phone takes the place of a leg, another call takes a party, and parties want ones of another call.
    pub places: bool,
    /// Whether the program, the routing and the ends of lines answer at once, while more is being said, and not when their
    /// move comes.
    pub prompt: bool,
}

impl Default for Allow {
    fn default() -> Self {
        Self {
            hold: false,
            refer: false,
            key: false,
            early: false,
            ringing: true,
            refuses: false,
            breath: false,
            places: false,
            prompt: false,
        }
    }
}

/// Something that can happen next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Move {
    Program,
    Breath,
    Brought(VerbId),
    Located(VerbId, u32),
    NotLocated(VerbId, u32),
    Party(LegId, LegEvent),
    Closed(LegId, SoundTag),
    /// A phone takes the place of this leg.
    Replace(LegId),
    /// Another call takes who talks with this leg.
    Give(LegId),
    /// A leg that was asked for comes, or does not.
    Taken(LegId, bool),
    /// A room says something to a leg.
    Room(LegId, Told),
    Time,
    End,
}

#[derive(Clone)]
pub(super) struct World {
    call: Call,
    now: Instant,
    /// The instant to which all states are moved to be compared.
    origin: Instant,
    allow: Allow,
    parties: BTreeMap<LegId, Party>,
    /// Legs whose end was told while orders for them were on their way.
    gone: BTreeSet<LegId>,
    sought: BTreeMap<(VerbId, u32), String>,
    errands: BTreeSet<VerbId>,
    /// Recordings whose files are open, and whether they were told to end.
    recordings: BTreeMap<(LegId, SoundTag), bool>,
    /// What the program was resumed for and has not answered, or what it goes on with after a breath.
    asked: Option<Wake>,
    breathes: Option<Wake>,
    story: Vec<Verb>,
    told: usize,
    ended_by_operator: bool,
    breaths: u8,
    places: u8,
    takings: BTreeSet<LegId>,
    rooms: Rooms,
    book: Book,
}

impl World {
    pub fn new(caller: Caller, story: Vec<Verb>, allow: Allow) -> Self {
        let now = clock();
        let mut parties = BTreeMap::new();
        if caller.origin == Origin::Called {
            parties.insert(LegId::FIRST, Party::new(Stage::Calls { answered: false }));
        }
        let call = Call::begin(caller, now);
        let mut world = Self {
            call,
            now,
            origin: now + Duration::from_secs(30 * 24 * 3600),
            allow,
            parties,
            gone: BTreeSet::new(),
            sought: BTreeMap::new(),
            errands: BTreeSet::new(),
            recordings: BTreeMap::new(),
            asked: None,
            breathes: None,
            story,
            told: 0,
            ended_by_operator: false,
            breaths: u8::from(allow.breath),
            places: if allow.places { 2 } else { 0 },
            takings: BTreeSet::new(),
            rooms: Rooms::default(),
            book: Book::default(),
        };
        world.take().expect("a call begins by the laws");
        world
    }

    /// The state, without the time of day.
    pub fn state(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.call.moved(self.now, self.origin).hash(&mut hasher);
        self.parties.hash(&mut hasher);
        (&self.sought, &self.errands).hash(&mut hasher);
        self.recordings.hash(&mut hasher);
        (&self.asked, self.told, self.ended_by_operator, &self.book).hash(&mut hasher);
        (self.breaths, &self.breathes, self.places, &self.takings, &self.rooms).hash(&mut hasher);
        hasher.finish()
    }

    pub fn moves(&self) -> Vec<Move> {
        if self.book.over {
            return Vec::new();
        }
        let mut moves = Vec::new();
        if self.asked.is_some() {
            moves.push(Move::Program);
            moves.extend((self.breaths > 0).then_some(Move::Breath));
        }
        moves.extend(self.errands.iter().map(|verb| Move::Brought(*verb)));
        for &(verb, target) in self.sought.keys() {
            moves.push(Move::Located(verb, target));
            moves.push(Move::NotLocated(verb, target));
        }
        for (&leg, party) in &self.parties {
            moves.extend(self.deeds(party).into_iter().map(|event| Move::Party(leg, event)));
        }
        for (&(leg, tag), &stopped) in &self.recordings {
            if stopped || !self.parties.contains_key(&leg) {
                moves.push(Move::Closed(leg, tag));
            }
        }
        for &leg in self.parties.keys().filter(|_| self.places > 0) {
            moves.extend([Move::Replace(leg), Move::Give(leg)]);
        }
        for &leg in &self.takings {
            moves.extend([Move::Taken(leg, true), Move::Taken(leg, false)]);
        }
        moves.extend(self.rooms.words().map(|(leg, told)| Move::Room(leg, told)));
        if self.call.deadline().is_some() {
            moves.push(Move::Time);
        }
        if !self.ended_by_operator {
            moves.push(Move::End);
        }
        moves
    }

    /// What a party can do.
    fn deeds(&self, party: &Party) -> Vec<LegEvent> {
        let Allow { hold, refer, key, early, ringing, .. } = self.allow;
        let mut deeds = Vec::new();
        match party.stage {
            Stage::Calls { answered: true } => deeds.push(LegEvent::Answered),
            Stage::Asked | Stage::Rings | Stage::Early => {
                if ringing && party.stage == Stage::Asked {
                    deeds.push(LegEvent::Ringing);
                }
                if early && party.stage != Stage::Early {
                    deeds.push(LegEvent::EarlyMedia);
                }
                deeds.push(LegEvent::Answered);
                deeds.extend([486, 503].map(refused));
            }
            Stage::Ending { answer_due: true } => deeds.push(LegEvent::Answered),
            Stage::Calls { .. } | Stage::Up | Stage::Ending { .. } => {}
        }
        if party.stage == Stage::Up {
            if hold && party.holds_left > 0 {
                deeds.push(LegEvent::Held(!party.holds));
            }
            if refer && party.wishes_left > 0 {
                let replaces = self.allow.places.then_some((8, LegId(3)));
                deeds.push(LegEvent::Refer(ReferWish {
                    to: "carol".into(),
                    replaces,
                    replaces_elsewhere: None,
                    meets: None,
                }));
            }
            if key && party.keys_left > 0 {
                deeds.push(LegEvent::Key(Press { key: of('1'), duration: Duration::from_millis(80), via: Via::Rtp }));
            }
        }
        if let Some(tag) = party.hears {
            deeds.push(LegEvent::Played(tag, Played::Ended));
        }
        if party.key_due {
            deeds.push(LegEvent::KeysSent);
        }
        deeds.push(LegEvent::Ended(Ending::by(Who::Party, 16, None, "bye")));
        deeds
    }

    /// Makes a move, and holds the laws against it.
    pub fn go(&mut self, step: &Move) -> Result<(), String> {
        match step {
            Move::Program => {
                let answer = self.answer();
                self.call.hear(Event::Program(answer), self.now);
            }
            Move::Brought(verb) => {
                self.errands.remove(verb);
                let answer = Box::new(Brought::Answer(Ok("1".into())));
                self.call.hear(Event::Brought(*verb, answer), self.now);
            }
            Move::Located(verb, target) => {
                let address = self.sought.remove(&(*verb, *target)).unwrap_or_default();
                self.call.hear(Event::Located(*verb, *target, Ok(branches(&address))), self.now);
            }
            Move::NotLocated(verb, target) => {
                self.sought.remove(&(*verb, *target));
                self.call.hear(Event::Located(*verb, *target, Err(NotFound::Unreachable)), self.now);
            }
            Move::Party(leg, event) => {
                self.does(*leg, event);
                self.call.hear(Event::Leg(*leg, event.clone()), self.now);
            }
            Move::Closed(leg, tag) => {
                self.recordings.remove(&(*leg, *tag));
                let file = Ok(("message.wav".to_owned(), Duration::from_secs(9)));
                self.call.hear(Event::Leg(*leg, LegEvent::Recorded(*tag, file)), self.now);
            }
            Move::Breath => {
                self.breaths -= 1;
                self.breathes = self.asked.take(); // It goes on with what it was told before.
                self.call.hear(Event::Program(Step::Breathe), self.now);
            }
            Move::Replace(of) => {
                self.places -= 1;
                let leg = self.call.next_leg();
                self.parties.insert(leg, Party::new(Stage::Calls { answered: false }));
                self.call.hear(Event::Replace { leg, of: *of }, self.now);
            }
            Move::Give(leg) => {
                self.places -= 1;
                self.call.hear(Event::Give { leg: *leg, call: 9, as_leg: LegId(40) }, self.now);
            }
            Move::Taken(leg, came) => {
                self.takings.remove(leg);
                if *came {
                    self.parties.insert(*leg, Party::new(Stage::Up));
                }
                self.call.hear(Event::Taken(*leg, *came), self.now);
            }
            Move::Room(leg, told) => self.room_says(*leg, told),
            Move::Time => {
                let due = self.call.deadline().unwrap_or(self.now);
                self.now = self.now.max(due);
                self.call.wake(self.now);
                if self.call.deadline().is_some_and(|next| next <= self.now) {
                    return Err("what was due is due again at once".into());
                }
            }
            Move::End => {
                self.ended_by_operator = true;
                self.call.hear(Event::End(Ending::by(Who::System, 31, None, "ended")), self.now);
            }
        }
        self.take()?;
        law::inside(&self.call)
    }

    fn room_says(&mut self, leg: LegId, told: &Told) {
        self.rooms.says(leg, told);
        self.call.hear(Event::Room(leg, told.clone()), self.now);
    }

    /// Everybody hangs up, and the program finishes: the call has to be over soon.
    pub fn everybody_leaves(&mut self) -> Result<(), String> {
        for _ in 0..400 {
            if self.book.over {
                return Ok(());
            }
            self.story.truncate(self.told);
            let ended = LegEvent::Ended(Ending::by(Who::Party, 16, None, "bye"));
            let step = match (&self.asked, self.parties.keys().next()) {
                (Some(_), _) => Move::Program,
                (None, Some(leg)) => Move::Party(*leg, ended),
                (None, None) => Move::Time,
            };
            if step == Move::Time && self.call.deadline().is_none() {
                break;
            }
            self.go(&step)?;
        }
        Err(format!("it is not over, and owns {:?}", self.call.owns()))
    }

    /// What the program says.
    fn answer(&mut self) -> Step {
        match self.asked.take() {
            Some(Wake::Begin(_) | Wake::Result(..)) if self.told < self.story.len() => self.next_verb(),
            // A result that comes while another verb is under way is not the story's.
            Some(Wake::Begin(_) | Wake::Result(..) | Wake::Gone) => Step::Finished(End::Told),
            Some(Wake::Heard(Happening::Refer(leg, _))) if self.allow.refuses => {
                let id = VerbId(1000 + u64::from(leg.0));
                self.book.wanted.insert(id);
                Step::Wants(id, Verb::RejectRefer(leg, 603))
            }
            _ => Step::Waits,
        }
    }

    fn next_verb(&mut self) -> Step {
        self.told += 1;
        let id = VerbId(self.told as u64);
        self.book.wanted.insert(id);
        Step::Wants(id, self.story[self.told - 1].clone())
    }

    /// A party has done something.
    fn does(&mut self, leg: LegId, event: &LegEvent) {
        let Some(party) = self.parties.get_mut(&leg) else { return };
        match event {
            LegEvent::Ringing => party.stage = Stage::Rings,
            LegEvent::EarlyMedia => party.stage = Stage::Early,
            LegEvent::Answered if matches!(party.stage, Stage::Ending { .. }) => {
                party.stage = Stage::Ending { answer_due: false };
            }
            LegEvent::Answered => party.stage = Stage::Up,
            LegEvent::Held(holds) => {
                party.holds = *holds;
                party.holds_left -= 1;
            }
            LegEvent::Refer(_) => {
                party.wishes = true;
                party.wishes_left -= 1;
            }
            LegEvent::Key(_) => party.keys_left -= 1,
            LegEvent::Played(..) => party.hears = None,
            LegEvent::KeysSent => party.key_due = false,
            LegEvent::Refused(_) | LegEvent::Ended(_) => {
                self.parties.remove(&leg);
            }
            _ => {}
        }
    }

    /// Takes what the call wants, and holds the laws against it.
    fn take(&mut self) -> Result<(), String> {
        while let Some(effect) = self.call.poll() {
            if self.book.over {
                return Err(format!("{effect:?} after the call was over"));
            }
            match effect {
                Effect::Note(note) => self.book.enter(&note)?,
                Effect::Room(leg, asked) => self.rooms.hears(leg, &asked)?,
                Effect::Over if !self.rooms.are_empty() => return Err("over, and still in a room".into()),
                Effect::Over => self.book.close(&self.call)?,
                Effect::Resume(wake) => {
                    self.resume(wake)?;
                    if self.allow.prompt {
                        let answer = self.answer();
                        self.call.hear(Event::Program(answer), self.now);
                    }
                }
                // What was ordered before somebody heard that the leg has gone is lost with it.
                Effect::Line(leg, _) | Effect::Sound(leg, _) if self.allow.prompt && self.gone.contains(&leg) => {}
                Effect::Line(leg, LineOrder::Invite(_)) => {
                    if !self.book.knows(leg) || self.parties.insert(leg, Party::new(Stage::Asked)).is_some() {
                        return Err(format!("leg {leg:?} is invited and had not begun, or is there"));
                    }
                }
                Effect::Line(leg, order) => {
                    self.party(leg, &order)?.obey(&order)?;
                    let ends = matches!(order, LineOrder::HangUp { .. } | LineOrder::Refuse(..));
                    if self.allow.prompt && ends {
                        self.parties.remove(&leg);
                        self.gone.insert(leg);
                        let ended = LegEvent::Ended(Ending::by(Who::Program, 16, None, ""));
                        self.call.hear(Event::Leg(leg, ended), self.now);
                    }
                }
                Effect::Sound(leg, order) => {
                    self.party(leg, &order)?.sound(&order)?;
                    match order {
                        SoundOrder::Record { tag, .. } => drop(self.recordings.insert((leg, tag), false)),
                        SoundOrder::StopRecord(tag) => drop(self.recordings.insert((leg, tag), true)),
                        SoundOrder::Bridge(other) if !self.gone.contains(&other) => drop(self.party(other, &order)?),
                        _ => {}
                    }
                }
                Effect::Locate { verb, target, address, .. } if self.allow.prompt => {
                    self.call.hear(Event::Located(verb, target, Ok(branches(&address))), self.now);
                }
                Effect::Locate { verb, target, address, .. } => {
                    self.sought.insert((verb, target), address);
                }
                Effect::Take { as_leg, .. } => drop(self.takings.insert(as_leg)),
                Effect::Give { leg, .. } => drop(leg.map(|leg| self.parties.remove(&leg))),
                Effect::Errand(verb, _) => drop(self.errands.insert(verb)),
                Effect::Serve(..) | Effect::Apologise(_) | Effect::Discard(_) | Effect::Meet { .. } => {}
            }
        }
        let unheard = self.parties.iter().find(|(_, party)| party.wishes && self.asked.is_none());
        match unheard {
            Some((leg, _)) if self.call.deadline() != Some(self.now) => {
                Err(format!("nobody answers the transfer that leg {leg:?} asks for"))
            }
            _ => Ok(()),
        }
    }

    fn resume(&mut self, wake: Wake) -> Result<(), String> {
        let wake = match (wake, self.breathes.take()) {
            (Wake::Breathed { .. }, Some(before)) => {
                self.asked = Some(before);
                return Ok(());
            }
            (Wake::Gone, _) => Wake::Gone,
            (wake, None) => wake,
            (wake, Some(before)) => return Err(format!("told {wake:?} while it breathes for {before:?}")),
        };
        if let Some(before) = &self.asked {
            return Err(format!("resumed for {wake:?} while it answers {before:?}"));
        }
        if let Wake::Result(verb, _) = &wake
            && !self.book.wanted.remove(verb)
        {
            return Err(format!("a result that nobody waits for: {wake:?}"));
        }
        self.asked = Some(wake);
        Ok(())
    }

    fn party(&mut self, leg: LegId, order: &impl std::fmt::Debug) -> Result<&mut Party, String> {
        self.parties.get_mut(&leg).ok_or_else(|| format!("{order:?} to leg {leg:?}, which has gone"))
    }
}

/// At which phones an address rings, and by which ways.
fn branches(address: &str) -> Vec<Vec<Way>> {
    address.split('|').map(|phone| phone.split('>').map(way).collect()).collect()
}

fn refused(sip: u16) -> LegEvent {
    LegEvent::Refused(Refused { sip, reason: String::new(), elsewhere: Vec::new(), by_house: false })
}
