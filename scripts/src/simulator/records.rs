//! The record of a simulated call: folded by the engine from what the call notes, as of any other call.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use patchcord_engine::call::effect::{Note, Through, Way};
use patchcord_engine::call::verb::{Outcome as VerbOutcome, Status};
use patchcord_engine::call::{Event, LegEvent, LegId, Verb as Order};
use patchcord_engine::exchange::{asked_of, broke, came_of, heard_of, of_room, secret_key, spoken, terms};
use patchcord_engine::journal::{
    Account, Began, CallId, Cause, Direction, Entry, Facts, GOES_ON, Journal, KEY_TAKEN, LegBegan, LegNumber, Outcome,
    Party, Record, Rules, STORY_ENDED, Transport, Verb, What,
};
use patchcord_engine::occasion::Kind;
use patchcord_engine::program::{End, VerbId};
use patchcord_engine::room::Told;

use super::house::House;
use super::talk::Talk;

/// A call that is over.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Its number in the house, from 1.
    pub number: u64,
    /// The service that answered it first.
    pub service: String,
    /// Its record.
    pub record: Record,
    /// The fault of its script, if it had one.
    pub fault: Option<String>,
    /// Those of its side handlers.
    pub side_faults: Vec<String>,
    /// Whether somebody left a message.
    pub message: bool,
    /// Its journal.
    pub entries: Vec<Entry>,
    /// What it answered, where it was asked something outside of any call.
    pub answer: Option<Result<String, String>>,
}

impl Closed {
    /// Words for how it came out: a tag of the script's, `voicemail` where somebody left a message and talked with nobody, and
    /// the record's own. Any of them is right.
    pub fn outcomes(&self) -> Vec<String> {
        let tag = self.tag("outcome").map(str::to_owned);
        let voicemail = (self.message && self.record.talk == Duration::ZERO).then(|| "voicemail".to_owned());
        let own = self.record.outcome.map(|outcome| outcome.word().to_owned());
        tag.into_iter().chain(voicemail).chain(own).collect()
    }

    /// What the script wrote under that name.
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.record.tags.iter().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }

    /// What broke in it: its story, and handlers beside it.
    pub fn faults(&self) -> impl Iterator<Item = &String> {
        self.fault.iter().chain(&self.side_faults)
    }

    /// Who ended it: `caller`, `callee`, `script` or `system`.
    pub fn ended_by(&self) -> &'static str {
        self.record.end.as_ref().map_or("nobody", |end| end.by.word())
    }
}

/// The journal of a call while it goes on.
pub(super) struct Chronicle {
    journal: Journal,
    began: Duration,
    /// Verbs that take a message down.
    takes: BTreeSet<VerbId>,
    message: bool,
    fault: Option<String>,
    side_faults: Vec<String>,
    /// Whether nobody called.
    ran: bool,
}

impl Chronicle {
    /// That of a call which begins now.
    pub fn begin(from: &str, to: &str, service: &str, house: &mut House) -> Self {
        let wall = UNIX_EPOCH + house.wall_now();
        let id = CallId::new(wall, house.chance.number());
        let began = Began { service: Some(service.into()), ..Began::new(wall, Party::new(from), Party::new(to)) };
        let journal = Journal::begin(id, began, Rules::default());
        Self::of(journal, house)
    }

    fn of(journal: Journal, house: &House) -> Self {
        Self {
            journal,
            began: house.elapsed(),
            takes: BTreeSet::new(),
            message: false,
            fault: None,
            side_faults: Vec::new(),
            ran: false,
        }
    }

    /// That of something that a service is asked outside of any call.
    pub fn of_occasion(from: &str, service: &str, kind: Kind, house: &mut House) -> Self {
        let wall = UNIX_EPOCH + house.wall_now();
        let id = CallId::new(wall, house.chance.number());
        let (service, route) = (Some(service.into()), Some(kind.handler().into()));
        let to = Party::new(service.clone().unwrap_or_default());
        let began = Began { service, route, ..Began::new(wall, Party::new(from), to) };
        let journal = Journal::begin(id, began, Rules::default());
        Self { ran: true, ..Self::of(journal, house) }
    }

    /// Its number among all calls, as recordings are named by it.
    pub fn call(&self) -> CallId {
        self.journal.call()
    }

    fn write(&mut self, now: Duration, what: What) {
        self.journal.note(now.saturating_sub(self.began), what);
    }

    /// The call is over.
    pub fn close(mut self, number: u64, service: String, now: Duration) -> Closed {
        let outcome = match self.fault {
            Some(_) => Outcome::Crashed,
            None if self.ran => Outcome::Ran,
            None => self.journal.outcome(),
        };
        let at = now.saturating_sub(self.began);
        let entries = self.journal.close(at, outcome).map(|batch| batch.entries).unwrap_or_default();
        let record = self.journal.record().clone();
        let Self { fault, side_faults, message, .. } = self;
        Closed { number, service, record, fault, side_faults, message, entries, answer: None }
    }
}

impl Talk {
    /// Writes down what the call says of itself, and tells it.
    pub fn note(&mut self, note: Note, house: &mut House) {
        let now = house.elapsed();
        match note {
            Note::Verb(id, verb) => {
                if let Order::Record(..) = verb {
                    self.chronicle.takes.insert(id);
                }
                let (name, leg, arguments) = spoken(&verb);
                let place = self.program.place();
                // Facts and the time of day are asked for all the while, and by nobody who wrote a script.
                if !matches!(verb, Order::Errand(_) | Order::Log(..)) {
                    let on = leg.filter(|leg| *leg != LegId::FIRST).map(|leg| format!(" leg {}", leg.0));
                    let what = format!("{name}{} {arguments}", on.unwrap_or_default());
                    house.tell(&self.service, what.trim_end(), place.clone());
                }
                let (leg, place) = (leg.map(LegNumber::from), place.map(Into::into));
                let (arguments, terms) = (arguments.into(), terms(&verb).map(Into::into));
                let ordered = Verb { id: id.into(), leg, name: name.into(), arguments, terms, place };
                self.chronicle.write(now, What::Verb(Box::new(ordered)));
            }
            Note::Result(id, outcome) => {
                let (status, facts) = came_of(&outcome);
                if let Some(what) = told(&outcome, status, &facts) {
                    house.tell(&self.service, what, None);
                }
                let is_message = self.chronicle.takes.remove(&id);
                self.chronicle.message |=
                    is_message && matches!(outcome, VerbOutcome::Recorded { status: Status::Kept, .. });
                self.chronicle.write(now, What::Result { verb: id.into(), status: status.into(), facts });
            }
            Note::LegBegan(leg, parent, way) => {
                let began = self.leg_began(leg, parent, way.as_ref(), house);
                self.chronicle.write(now, What::LegBegan(Box::new(began)));
            }
            Note::Joined(a, b) => self.chronicle.write(now, What::Bridged(a.into(), b.into())),
            Note::Parted(leg) => self.chronicle.write(now, What::Unbridged(leg.into())),
            Note::InRoom(leg, room) => {
                self.chronicle.write(now, What::EnteredRoom { leg: leg.into(), room: room.into() });
            }
            Note::OutOfRoom(leg, _) => self.chronicle.write(now, What::LeftRoom(leg.into())),
            Note::Passed(passed) => self.chronicle.write(now, What::Passed(Box::new(passed.into()))),
            Note::ToldRecorded(leg) => self.chronicle.write(now, What::ToldRecorded(leg.into())),
            // Who forwards is the house's to know, not the simulator's.
            Note::SentOn(..) | Note::Unannounced(_) => {}
            Note::LegEnded(leg, ending) => {
                let cause = Box::new(Cause::of(leg, &ending));
                self.chronicle.write(now, What::LegEnded { leg: leg.into(), cause });
            }
            Note::Tag(key, value) => {
                self.chronicle.write(now, What::Tag { key: key.into(), value: value.into() });
            }
            Note::Occasion(occasion) => {
                let what = What::Heard { leg: None, event: "occasion".into(), facts: asked_of(&occasion) };
                self.chronicle.write(now, what);
            }
            Note::StoryEnded(end) => self.note_end(end, house),
            Note::SecretKey(..) | Note::EarlyKey(..) | Note::KeyTaken(..) => self.note_key(note, now),
            Note::Heard(event) => self.note_event(&event, now),
            Note::Log(kind, text) if kind == "fault" => {
                house.tell(&self.service, format!("breaks beside its story: {text}"), None);
                self.chronicle.side_faults.push(text);
            }
            Note::Log(kind, text) => house.tell(&self.service, format!("notes ({kind}): {text}"), self.program.place()),
            Note::NotTold(_) => house.tell(&self.service, "is not told of an event: too many wait", None),
        }
    }

    /// As the server writes keys down: those of a secret without their digits.
    fn note_key(&mut self, note: Note, now: Duration) {
        let (leg, event, facts) = match note {
            Note::SecretKey(leg, press) => (leg, "key", secret_key(&press)),
            Note::EarlyKey(leg, press) if self.program.asks_secrets() => (leg, "key", secret_key(&press)),
            Note::EarlyKey(leg, press) => return self.note_event(&Event::Leg(leg, LegEvent::Key(press)), now),
            Note::KeyTaken(leg, key) if self.program.asks_secrets() => {
                (leg, KEY_TAKEN, Facts::NONE.with("digit", key.as_char().to_string()))
            }
            _ => return,
        };
        self.chronicle.write(now, What::Heard { leg: Some(leg.into()), event: event.into(), facts });
    }

    fn note_end(&mut self, end: End, house: &mut House) {
        let place = self.program.place();
        let facts = match end {
            End::Fault(why) => {
                house.tell(&self.service, format!("breaks: {why}"), place);
                let facts = broke(&why, self.program.place());
                self.chronicle.fault = Some(why);
                facts
            }
            End::ContinueAs(service) => {
                house.tell(&self.service, format!("goes on as {service}"), place);
                Facts::NONE.with("continues_as", service)
            }
            End::Told => {
                house.tell(&self.service, "ends", None);
                Facts::NONE
            }
        };
        let ended = What::Heard { leg: None, event: STORY_ENDED.into(), facts };
        self.chronicle.write(house.elapsed(), ended);
    }

    /// Another service goes on with the call.
    pub fn note_served(&mut self, now: Duration) {
        let facts = Facts::NONE.with("service", &self.service);
        self.chronicle.write(now, What::Heard { leg: None, event: GOES_ON.into(), facts });
    }

    fn note_event(&mut self, event: &Event, now: Duration) {
        if let Event::Room(leg, Told::Happened(happened)) = event {
            let (leg, facts) = (Some(LegNumber::from(*leg)), of_room(happened));
            return self.chronicle.write(now, What::Heard { leg, event: "room".into(), facts });
        }
        let Event::Leg(leg, event) = event else { return };
        let leg = LegNumber::from(*leg);
        let what = match event {
            LegEvent::Ringing => What::Rang(leg),
            LegEvent::EarlyMedia => What::EarlyMedia(leg),
            LegEvent::Answered => What::Answered(leg),
            LegEvent::Held(true) => What::Held(leg),
            LegEvent::Held(false) => What::Resumed(leg),
            LegEvent::Ended(_) | LegEvent::Refused(_) | LegEvent::KeyDown(_) => return,
            other => {
                let (event, facts) = heard_of(other);
                What::Heard { leg: Some(leg), event: event.into(), facts }
            }
        };
        self.chronicle.write(now, what);
    }

    fn leg_began(&self, leg: LegId, parent: Option<LegId>, way: Option<&Way>, house: &House) -> LegBegan {
        let named = |leg| self.party_of(leg).map(|party| house.parties[party].name.as_str()).unwrap_or_default();
        let (account, to) = match way.map(|way| &way.through) {
            Some(Through::Binding(user, _)) => (Account::Endpoint(user.as_str().into()), user.as_str()),
            Some(Through::Trunk(by)) => (Account::Trunk(by.name.as_str().into()), number_of(way)),
            Some(Through::Within(_) | Through::Straight) => (Account::Stranger, number_of(way)),
            None => (Account::Stranger, &*self.called),
        };
        // Whoever is only about to be called has no leg yet.
        let party = match way.map(|way| &way.through) {
            Some(Through::Binding(user, _)) => house.names.get(user).copied(),
            _ => self.party_of(leg),
        };
        LegBegan {
            leg: leg.into(),
            parent: parent.map(LegNumber::from),
            direction: if way.is_some() { Direction::Outbound } else { Direction::Inbound },
            account,
            from: Party::new(self.originated.as_deref().unwrap_or(named(LegId::FIRST))),
            to: Party::new(to),
            transport: party.map_or(Transport::Udp, |party| house.parties[party].transport()),
            peer: "".into(),
        }
    }
}

/// The number in the address of a way.
pub(super) fn number_of(way: Option<&Way>) -> &str {
    let uri = way.map_or("", |way| &way.uri);
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    rest.split('@').next().unwrap_or(rest)
}

/// What came of a verb, where it says more than that it was done.
fn told(outcome: &VerbOutcome, status: &str, facts: &Facts) -> Option<String> {
    match outcome {
        VerbOutcome::Gathered { digits, .. } => Some(format!("  ▸ {status} {digits}").trim_end().to_owned()),
        VerbOutcome::Recorded { length, .. } => Some(format!("  ▸ {status}, {:.1} s", length.as_secs_f64())),
        VerbOutcome::Dialled { .. } | VerbOutcome::Transferred { .. } => {
            Some(format!("  ▸ {status} ({})", facts.get("sip").unwrap_or_default()))
        }
        VerbOutcome::Joined { .. } => {
            let why = facts.get("why").map(|why| format!(" ({why})"));
            Some(format!("  ▸ {status}{}", why.unwrap_or_default()))
        }
        VerbOutcome::Misuse(misuse) => Some(format!("  ▸ misuse: {misuse}")),
        VerbOutcome::Plain(Status::Ok | Status::Done) | VerbOutcome::Handle(_) | VerbOutcome::Brought(_) => None,
        VerbOutcome::Plain(_) => Some(format!("  ▸ {status}")),
    }
}
