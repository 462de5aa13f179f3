//! What a call writes into its journal: the call's notes, the messages of its lines, and what its sound tells.
//!
//! Each is written once, at the instant of its turn. What leaves the call goes to whoever keeps journals as it grows, and the
//! rest when the call is over.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_media::sdp::agreed::Sound;
use patchcord_media::shard;
use patchcord_sip::hop::Transport;
use patchcord_sip::uri::Uri;

use super::Turn;
use super::ends::{End, Way as Opening, Whose};
use super::forwarding::forwarded;
use super::outgoing::{Party as Caller, transport_of};
use super::talk::Talk;
use super::wording::{asked, heard, of_room, result, secret_key, spoken, terms};
use crate::call::effect::Note;
use crate::call::event::NotFound;
use crate::call::{Event, LegEvent, LegId, Verb};
use crate::journal::{
    Account, Began, CallId, Cause, Direction, Facts, GOES_ON, Hearing, Journal, KEY_TAKEN, LegBegan, LegNumber, Notice,
    Outcome, Party, QualitySample, Rules, STORY_ENDED, THROWN_AWAY, Verb as Ordered, Way, What,
};
use crate::occasion::Kind;
use crate::program::{self, VerbId};
use crate::redact::Redacted;
use crate::room::{Denial, Leaving, Told};
use crate::runtime::Wire;

/// How long a journal stays open behind its call, for the answer to the last BYE.
pub const LAST_WORDS: Duration = Duration::from_secs(1);

/// The journal of a talk until it is closed, and since when it runs.
pub(super) struct Chronicle {
    pub journal: Option<Journal>,
    pub began: Instant,
    /// Whether something is noted that those who look on do not know yet.
    news: bool,
    /// The word that wrote the last line of a log, of which the line itself is kept.
    logs: Option<VerbId>,
}

/// What hears a call, and why that.
#[derive(Default)]
pub(super) struct HeardBy {
    /// The service, by name.
    pub service: Option<Box<str>>,
    /// Which version of it.
    pub version: Option<Box<str>>,
    /// The rule of the plan that led there.
    pub route: Option<Box<str>>,
    /// Whether the house began it.
    pub by_house: bool,
}

impl Chronicle {
    /// The journal of a call that comes in now, and what hears it.
    pub fn begin(caller: &Caller, heard_by: HeardBy, wire: &mut Wire<'_>) -> Self {
        let (who, whom) = (caller.shown(), Party::new(caller.called.clone()));
        let HeardBy { service, version, route, by_house } = heard_by;
        let began = Began { service, version, route, by_house, ..Began::new(wire.wall(), who, whom) };
        let id = CallId::new(wire.wall(), wire.tokens().number());
        Self { journal: Some(Journal::begin(id, began, Rules::default())), began: wire.now(), news: true, logs: None }
    }

    /// The journal of what a service is asked outside of any call.
    pub fn of_occasion(
        asker: &Caller,
        service: &str,
        version: Option<Box<str>>,
        kind: Kind,
        wire: &mut Wire<'_>,
    ) -> Self {
        let (who, whom) = (asker.shown(), Party::new(service));
        let (service, route) = (Some(service.into()), Some(kind.handler().into()));
        let began = Began { service, version, route, ..Began::new(wire.wall(), who, whom) };
        let id = CallId::new(wire.wall(), wire.tokens().number());
        Self { journal: Some(Journal::begin(id, began, Rules::default())), began: wire.now(), news: false, logs: None }
    }

    pub fn at(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    /// The service that hears the call now.
    pub fn service(&self) -> Option<&str> {
        self.journal.as_ref()?.record().heard_by()
    }

    fn write(&mut self, now: Instant, what: What) {
        let at = self.at(now);
        self.news |= what.is_for_record();
        if let Some(journal) = &mut self.journal {
            journal.note(at, what);
        }
    }

    /// When the journal of a call that is over since then is closed.
    pub fn closes(&self, over_since: Option<Instant>) -> Option<Instant> {
        self.journal.as_ref().and(over_since).map(|since| since + LAST_WORDS)
    }
}

impl Talk {
    /// A message of a leg, as it was on the wire.
    pub fn log_message(&mut self, leg: LegId, way: Way, bytes: &Bytes, turn: &Turn<'_, '_>) {
        let at = self.chronicle.at(turn.now());
        if let Some(journal) = &mut self.chronicle.journal {
            journal.message(at, leg.into(), way, bytes);
        }
    }

    /// Writes down what the call says of itself.
    pub fn note(&mut self, note: Note, turn: &mut Turn<'_, '_>) {
        let now = turn.now();
        match note {
            Note::SecretKey(..) | Note::EarlyKey(..) | Note::KeyTaken(..) => self.note_key(note, now),
            Note::Heard(event) => self.note_event(*event, now),
            Note::Verb(id, verb) => self.note_verb(id, &verb, now),
            Note::Result(id, _) if self.chronicle.logs == Some(id) => {}
            Note::Result(id, outcome) => {
                let (status, facts) = result(&outcome);
                self.chronicle.write(now, What::Result { verb: id.into(), status: status.into(), facts });
            }
            Note::LegBegan(leg, parent, way) => {
                let parent = parent.map(LegNumber::from);
                let began = self.leg_began(leg, parent, way.as_ref(), turn);
                self.chronicle.write(now, What::LegBegan(Box::new(began)));
            }
            Note::Joined(a, b) => self.chronicle.write(now, What::Bridged(a.into(), b.into())),
            Note::Parted(leg) => self.chronicle.write(now, What::Unbridged(leg.into())),
            Note::InRoom(leg, room) => {
                let room = room.into();
                self.chronicle.write(now, What::EnteredRoom { leg: leg.into(), room });
            }
            Note::OutOfRoom(leg, _) => self.chronicle.write(now, What::LeftRoom(leg.into())),
            Note::Passed(passed) => self.chronicle.write(now, What::Passed(Box::new(passed.into()))),
            Note::SentOn(leg, by, address) => {
                let forwarded = Box::new(forwarded(by, &address));
                self.chronicle.write(now, What::Forwarded { leg: leg.into(), forwarded });
            }
            Note::ToldRecorded(leg) => self.chronicle.write(now, What::ToldRecorded(leg.into())),
            Note::Unannounced(leg) => {
                tracing::warn!("a party cannot be told that it is recorded, and is not");
                self.say(Some(leg.into()), "no announcement of the recording: it ends", now);
            }
            Note::LegEnded(leg, ending) => {
                let cause = Box::new(Cause::of(leg, &ending));
                self.chronicle.write(now, What::LegEnded { leg: leg.into(), cause });
            }
            Note::NotTold(_) => self.say(None, "the service was not told of an event: too many wait", now),
            Note::Tag(key, value) => self.chronicle.write(now, What::Tag { key: key.into(), value: value.into() }),
            Note::Log(kind, text) => {
                let facts = Facts::NONE.with("kind", &kind).with("text", &text);
                // A fault names its own place.
                let place = self.program.place().filter(|_| kind != "fault");
                let facts = place.into_iter().fold(facts, |facts, place| facts.with("place", place));
                self.chronicle.write(now, What::Heard { leg: None, event: "log".into(), facts });
            }
            Note::Occasion(occasion) => {
                let facts = asked(&occasion);
                self.chronicle.write(now, What::Heard { leg: None, event: "occasion".into(), facts });
            }
            Note::StoryEnded(end) => self.note_story_ended(&end, turn),
        }
        self.hand_out(turn);
    }

    /// A key of a secret is written down without its digit, also one that came before anybody knew that it was meant for one.
    fn note_key(&mut self, note: Note, now: Instant) {
        let (leg, event, facts) = match note {
            Note::SecretKey(leg, press) => (leg, "key", secret_key(&press)),
            Note::EarlyKey(leg, press) if self.program.asks_secrets() => (leg, "key", secret_key(&press)),
            Note::EarlyKey(leg, press) => return self.note_event(Event::Leg(leg, LegEvent::Key(press)), now),
            Note::KeyTaken(leg, key) if self.program.asks_secrets() => {
                (leg, KEY_TAKEN, Facts::NONE.with("digit", key.as_char().to_string()))
            }
            // What stands there already is not said again.
            _ => return,
        };
        self.chronicle.write(now, What::Heard { leg: Some(leg.into()), event: event.into(), facts });
    }

    /// A word of the program.
    fn note_verb(&mut self, id: VerbId, verb: &Verb, now: Instant) {
        self.note_said(verb);
        if matches!(verb, Verb::Log(..)) {
            // The line itself is written down: once is enough.
            self.chronicle.logs = Some(id);
            return;
        }
        let (name, leg, arguments) = spoken(verb);
        let leg = leg.map(LegNumber::from);
        let ordered = Ordered {
            id: id.into(),
            leg,
            name: name.into(),
            arguments: arguments.into(),
            terms: terms(verb).map(Into::into),
            place: self.program.place().map(Into::into),
        };
        self.chronicle.write(now, What::Verb(Box::new(ordered)));
    }

    fn note_story_ended(&mut self, end: &program::End, turn: &mut Turn<'_, '_>) {
        self.story_told(end, turn);
        let facts = match end {
            program::End::Told => Facts::NONE,
            program::End::Fault(why) => broke(why, self.program.place()),
            program::End::ContinueAs(service) => Facts::NONE.with("continues_as", service),
        };
        self.broke |= matches!(end, program::End::Fault(_)) && !self.stopped;
        self.chronicle.write(turn.now(), What::Heard { leg: None, event: STORY_ENDED.into(), facts });
    }

    /// Another service goes on with the call.
    pub fn note_served(&mut self, service: &str, edition: Option<&str>, turn: &mut Turn<'_, '_>) {
        let facts = Facts::NONE.with("service", service);
        let facts = edition.into_iter().fold(facts, |facts, edition| facts.with("version", edition));
        self.chronicle.write(turn.now(), What::Heard { leg: None, event: GOES_ON.into(), facts });
        self.hand_out(turn);
    }

    fn say(&mut self, leg: Option<LegNumber>, event: &'static str, now: Instant) {
        self.chronicle.write(now, What::Heard { leg, event: event.into(), facts: Facts::NONE });
    }

    fn note_event(&mut self, event: Event, now: Instant) {
        let (leg, event) = match event {
            Event::Leg(leg, event) => (leg, event),
            Event::Room(leg, Told::Happened(happened)) => {
                let (leg, facts) = (Some(LegNumber::from(leg)), of_room(&happened));
                return self.chronicle.write(now, What::Heard { leg, event: "room".into(), facts });
            }
            Event::Room(leg, Told::AskPin { again: true, .. } | Told::Out(Leaving::Denied(Denial::Pin))) => {
                return self.say(Some(leg.into()), "wrong_pin", now);
            }
            Event::Located(_, _, Err(NotFound::Forbidden(why))) => {
                let facts = Facts::NONE.with("why", &why);
                return self.chronicle.write(now, What::Heard { leg: None, event: "forbidden".into(), facts });
            }
            Event::PassOn(leg, to) => {
                let (leg, facts) = (Some(leg.into()), Facts::NONE.with("to", &to));
                return self.chronicle.write(now, What::Heard { leg, event: "operator_transfer".into(), facts });
            }
            _ => return,
        };
        let number = LegNumber::from(leg);
        let what = match event {
            LegEvent::Ringing => What::Rang(number),
            LegEvent::EarlyMedia => What::EarlyMedia(number),
            LegEvent::Answered => What::Answered(number),
            LegEvent::Held(true) => What::Held(number),
            LegEvent::Held(false) => What::Resumed(number),
            LegEvent::MediaLost(quiet) => What::Media { leg: number, notice: Notice::Silent(quiet) },
            LegEvent::MediaBack => What::Media { leg: number, notice: Notice::Resumed },
            // The ends are written where the call ends the leg.
            LegEvent::Ended(_) | LegEvent::Refused(_) | LegEvent::KeyDown(_) => return,
            other => {
                let (event, facts) = heard(&other);
                What::Heard { leg: Some(number), event: event.into(), facts }
            }
        };
        self.chronicle.write(now, what);
    }

    fn leg_began(
        &self,
        leg: LegId,
        parent: Option<LegNumber>,
        way: Option<&crate::call::effect::Way>,
        turn: &Turn<'_, '_>,
    ) -> LegBegan {
        let end = self.ends.iter().find(|end| end.leg == leg);
        let caller = self.party.shown();
        let (account, transport, peer) = match (end, way) {
            (Some(end), _) => known_as(end),
            (None, Some(way)) => reached_by(way, turn),
            (None, None) => (Account::Stranger, Transport::Udp, String::new()),
        };
        let (account, called) = match way {
            // A leg that came from another call, or took a place in this one, is known by itself.
            None => match end.filter(|_| leg != self.call.first()) {
                Some(end) => (account, end.named()),
                None => (account, self.party.called.clone()),
            },
            Some(way) => match &way.through {
                crate::call::effect::Through::Binding(user, _) => {
                    (Account::Endpoint(user.as_str().into()), user.as_str().into())
                }
                crate::call::effect::Through::Trunk(by) => {
                    (Account::Trunk(by.name.as_str().into()), user_of(&way.uri).into())
                }
                crate::call::effect::Through::Within(_) | crate::call::effect::Through::Straight => {
                    (Account::Stranger, user_of(&way.uri).into())
                }
            },
        };
        let direction = if way.is_some() { Direction::Outbound } else { Direction::Inbound };
        // For whoever was called first the house calls the others.
        let of_first = self.originated.is_some() && parent.is_some();
        let from = if of_first { Party::new(self.party.called.clone()) } else { caller };
        let to = Party::new(called);
        LegBegan { leg: leg.into(), parent, direction, account, from, to, transport, peer: peer.into() }
    }

    /// What a port tells that is no event of the call.
    pub fn note_sound(&mut self, leg: LegId, notice: &shard::Notice, turn: &mut Turn<'_, '_>) {
        if let (shard::Notice::Quality(_, quality), Some(end)) = (notice, self.end(leg)) {
            end.quality = Some(Box::new(quality.into()));
        }
        let leg = LegNumber::from(leg);
        let notice = match notice {
            shard::Notice::Latched(_, from) | shard::Notice::Met(_, from) => {
                Notice::Latched(Redacted(from).to_string().into())
            }
            shard::Notice::Quality(_, quality) => Notice::Sampled(Box::new(sample(quality))),
            shard::Notice::Goodbye(_) => Notice::Said("the party says that its stream ends".into()),
            _ => return,
        };
        self.chronicle.write(turn.now(), What::Media { leg, notice });
        self.hand_out(turn);
    }

    /// A leg shows pictures of this codec, and is shown some.
    pub fn note_pictures(&mut self, leg: LegId, agreed: &Sound, turn: &mut Turn<'_, '_>) {
        let codec = agreed.send.first().map(|format| format.codec.name()).unwrap_or_default();
        let facts = Facts::NONE.with("codec", codec);
        self.chronicle.write(turn.now(), What::Heard { leg: Some(leg.into()), event: "video".into(), facts });
        self.hand_out(turn);
    }

    /// A leg is being recorded into that file, within the folder of recordings.
    pub fn note_recording(&mut self, leg: LegId, path: &str, turn: &mut Turn<'_, '_>) {
        let leg = Some(LegNumber::from(leg));
        self.chronicle.write(turn.now(), What::Recording { leg, path: path.into() });
        self.hand_out(turn);
    }

    /// A recording was thrown away.
    pub fn note_discarded(&mut self, path: &str, turn: &mut Turn<'_, '_>) {
        let facts = Facts::NONE.with("file", path);
        self.chronicle.write(turn.now(), What::Heard { leg: None, event: THROWN_AWAY.into(), facts });
        self.hand_out(turn);
    }

    fn hand_out(&mut self, turn: &mut Turn<'_, '_>) {
        let news = std::mem::take(&mut self.chronicle.news);
        if let Some(journal) = self.chronicle.journal.as_ref().filter(|_| news) {
            turn.exchange.board.live.tell(journal);
        }
        if let Some(journal) = &mut self.chronicle.journal
            && journal.is_due()
            && let Some(batch) = journal.drain()
        {
            turn.exchange.board.clerk.take(batch);
        }
    }

    /// The call is over: its record is closed.
    pub fn close_journal(&mut self, turn: &Turn<'_, '_>) {
        let Some(journal) = self.chronicle.journal.take() else { return };
        turn.exchange.board.live.end(journal.call());
        let outcome = match &self.question {
            _ if self.broke => Outcome::Crashed,
            // What only said yes to a phone is worth no record: there are as many as phones that register.
            Some(question) if question.is_quiet => return,
            Some(_) => Outcome::Ran,
            None => journal.outcome(),
        };
        let at = self.over_since.map_or_else(|| self.chronicle.at(turn.now()), |since| self.chronicle.at(since));
        turn.exchange.board.clerk.take(journal.end(at, outcome));
    }
}

/// What a story failed by, and where it stood then, where that says nothing of it.
pub fn broke(why: &str, place: Option<String>) -> Facts {
    let facts = Facts::NONE.with("fault", why);
    let says = |place: &String| place.split(':').next().is_some_and(|file| why.contains(file));
    // Where the house apologises is no place of the story.
    let is_of_house = |place: &String| place.starts_with("the house:");
    place
        .filter(|place| !says(place) && !is_of_house(place))
        .into_iter()
        .fold(facts, |facts, place| facts.with("place", place))
}

/// As whom somebody stands in records.
pub(super) fn account_of(whose: &Whose) -> Account {
    match whose {
        Whose::Endpoint(endpoint) => Account::Endpoint(endpoint.user.as_ref().into()),
        Whose::Trunk(trunk) => Account::Trunk(trunk.name.as_ref().into()),
        Whose::Stranger(_) | Whose::Guest(..) => Account::Stranger,
    }
}

fn known_as(end: &End) -> (Account, Transport, String) {
    let account = account_of(&end.whose);
    let hop = match &end.opening {
        Opening::Along(hop) => Some(hop),
        Opening::To(_) => end.line.hop(),
    };
    hop.map_or((account.clone(), Transport::Udp, String::new()), |hop| {
        (account, hop.transport, Redacted(hop.peer).to_string())
    })
}

/// Whoever is about to be called by a way: over what, and where, as far as is known before names are looked up.
fn reached_by(way: &crate::call::effect::Way, turn: &Turn<'_, '_>) -> (Account, Transport, String) {
    if let crate::call::effect::Through::Binding(user, _) = &way.through {
        let bindings = turn.exchange.board.location.bindings(user, turn.now());
        if let Some(binding) = bindings.into_iter().find(|binding| *binding.contact == *way.uri) {
            return (Account::Stranger, binding.hop.transport, Redacted(binding.hop.peer).to_string());
        }
    }
    let uri = Uri::parse(&way.uri).ok();
    let transport = uri.as_ref().map_or(Transport::Udp, transport_of);
    let peer =
        uri.and_then(|uri| Some(SocketAddr::new(uri.address()?, uri.port().unwrap_or(transport.default_port()))));
    (Account::Stranger, transport, peer.map(|peer| Redacted(peer).to_string()).unwrap_or_default())
}

fn user_of(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    rest.split('@').next().unwrap_or(rest)
}

fn sample(quality: &shard::Quality) -> QualitySample {
    let hearing = |heard: Option<shard::Heard>, mos: Option<f32>| {
        heard.map(|heard| Hearing {
            lost_permille: u16::try_from(heard.lost_permille).unwrap_or(u16::MAX),
            jitter: heard.jitter,
            mos_hundredths: mos.map(|mos| (mos * 100.0) as u16),
        })
    };
    QualitySample {
        here: hearing(quality.heard_here, quality.mos_here),
        there: hearing(quality.heard_there, quality.mos_there),
        round_trip: quality.round_trip,
    }
}
