//! What a call writes into its journal: the call's notes, the messages of its lines, and what its sound tells.
//!
//! Each is written once, at the instant of its turn. What leaves the call goes to whoever keeps journals as it grows, and the
//! rest when the call is over.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_media::dtmf::Via;
use patchcord_media::shard;
use patchcord_sip::hop::Transport;
use patchcord_sip::uri::Uri;

use super::Turn;
use super::ends::{End, Way as Opening, Whose};
use super::outgoing::{Party as Caller, transport_of};
use super::talk::Talk;
use crate::call::effect::Note;
use crate::call::event::NotFound;
use crate::call::verb::{Outcome as VerbOutcome, Verb};
use crate::call::{Event, LegEvent, LegId};
use crate::errand::{Brought, Errand};
use crate::journal::{
    Account, Began, CallId, Cause, Direction, Facts, Hearing, Journal, LegBegan, LegNumber, MAX_TEXT, Notice, Outcome,
    Party, QualitySample, Rules, Verb as Ordered, Way, What,
};
use crate::originate::{Then, Wanted};
use crate::program;
use crate::redact::Redacted;
use crate::runtime::Wire;

/// How long a journal stays open behind its call, for the answer to the last BYE.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The longest answer of the world that is kept, in bytes: what scripts decide by is short.
const LONGEST_ANSWER: usize = 4096;

/// The journal of a talk until it is closed, and since when it runs.
pub(super) struct Chronicle {
    pub journal: Option<Journal>,
    pub began: Instant,
    /// Whether something is noted that those who look on do not know yet.
    news: bool,
}

impl Chronicle {
    /// The journal of a call that comes in now.
    pub fn begin(caller: &Caller, service: Option<Box<str>>, version: Option<Box<str>>, wire: &mut Wire<'_>) -> Self {
        let (who, whom) = (caller.shown(), Party::new(caller.called.clone()));
        let began = Began { service, version, route: None, ..Began::new(wire.wall(), who, whom) };
        let id = CallId::new(wire.wall(), wire.tokens().number());
        Self { journal: Some(Journal::begin(id, began, Rules::default())), began: wire.now(), news: true }
    }

    fn at(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
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
            Note::Heard(event) => self.note_event(*event, now),
            Note::Verb(id, verb) => {
                let (name, leg, arguments) = spoken(&verb);
                let leg = leg.map(LegNumber::from);
                let ordered = Ordered {
                    id: id.into(),
                    leg,
                    name: name.into(),
                    arguments: arguments.into(),
                    place: self.program.place().map(Into::into),
                };
                self.chronicle.write(now, What::Verb(Box::new(ordered)));
            }
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
            Note::LegEnded(leg, ending) => {
                let cause = Box::new(Cause::of(leg, &ending));
                self.chronicle.write(now, What::LegEnded { leg: leg.into(), cause });
            }
            Note::NotTold(_) => self.say(None, "the service was not told of an event: too many wait", now),
            Note::Tag(key, value) => self.chronicle.write(now, What::Tag { key: key.into(), value: value.into() }),
            Note::Log(kind, text) => {
                let facts = Facts::NONE.with("kind", &kind).with("text", &text);
                self.chronicle.write(now, What::Heard { leg: None, event: "log".into(), facts });
            }
            Note::StoryEnded(end) => {
                let facts = match &end {
                    program::End::Told => Facts::NONE,
                    program::End::Fault(why) => Facts::NONE.with("fault", why),
                    program::End::ContinueAs(service) => Facts::NONE.with("continues_as", service),
                };
                self.broke |= matches!(end, program::End::Fault(_)) && !self.stopped;
                self.chronicle.write(now, What::Heard { leg: None, event: "story ended".into(), facts });
            }
        }
        self.hand_out(turn);
    }

    /// Another service goes on with the call.
    pub fn note_served(&mut self, service: &str, edition: Option<&str>, turn: &mut Turn<'_, '_>) {
        let facts = Facts::NONE.with("service", service);
        let facts = edition.into_iter().fold(facts, |facts, edition| facts.with("version", edition));
        self.chronicle.write(turn.now(), What::Heard { leg: None, event: "goes on as".into(), facts });
        self.hand_out(turn);
    }

    fn say(&mut self, leg: Option<LegNumber>, event: &'static str, now: Instant) {
        self.chronicle.write(now, What::Heard { leg, event: event.into(), facts: Facts::NONE });
    }

    fn note_event(&mut self, event: Event, now: Instant) {
        let (leg, event) = match event {
            Event::Leg(leg, event) => (leg, event),
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
            None => (account, self.party.called.clone()),
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
        let (from, to) = (caller, Party::new(called));
        LegBegan { leg: leg.into(), parent, direction, account, from, to, transport, peer: peer.into() }
    }

    /// What a port tells that is no event of the call.
    pub fn note_sound(&mut self, leg: LegId, notice: &shard::Notice, turn: &mut Turn<'_, '_>) {
        if let (shard::Notice::Quality(_, quality), Some(end)) = (notice, self.end(leg)) {
            end.quality = Some(quality.into());
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

    /// A leg is being recorded into that file, within the folder of recordings.
    pub fn note_recording(&mut self, leg: LegId, path: &str, turn: &mut Turn<'_, '_>) {
        let leg = Some(LegNumber::from(leg));
        self.chronicle.write(turn.now(), What::Recording { leg, path: path.into() });
        self.hand_out(turn);
    }

    /// A recording was thrown away.
    pub fn note_discarded(&mut self, path: &str, turn: &mut Turn<'_, '_>) {
        let facts = Facts::NONE.with("file", path);
        self.chronicle.write(turn.now(), What::Heard { leg: None, event: "recording thrown away".into(), facts });
        self.hand_out(turn);
    }

    fn hand_out(&mut self, turn: &mut Turn<'_, '_>) {
        let news = std::mem::take(&mut self.chronicle.news);
        if let Some(journal) = self.chronicle.journal.as_ref().filter(|_| news) {
            turn.exchange.board.live.tell(journal.record());
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
        let outcome = if self.broke { Outcome::Crashed } else { journal.outcome() };
        let at = self.over_since.map_or_else(|| self.chronicle.at(turn.now()), |since| self.chronicle.at(since));
        turn.exchange.board.clerk.take(journal.end(at, outcome));
    }
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

/// An event in a word or two, and what goes with it.
pub fn heard(event: &LegEvent) -> (&'static str, Facts) {
    match event {
        LegEvent::Key(press) => {
            let way = match press.via {
                Via::Rtp => "rtp",
                Via::Info => "info",
                Via::Inband => "inband",
            };
            let facts = Facts::NONE.with("digit", press.key.to_string()).with("via", way);
            ("key", facts.with("ms", press.duration.as_millis().to_string()))
        }
        LegEvent::Played(_, how) => ("played", Facts::NONE.with("how", format!("{how:?}").to_lowercase())),
        LegEvent::NotPlayed(_, why) => ("not played", Facts::NONE.with("why", why)),
        LegEvent::KeysSent => ("keys sent", Facts::NONE),
        LegEvent::Recorded(_, Ok((file, _))) => ("recorded", Facts::NONE.with("file", file)),
        LegEvent::Recorded(_, Err(why)) => ("not recorded", Facts::NONE.with("why", why)),
        LegEvent::Quiet(_) => ("silence", Facts::NONE),
        LegEvent::Unusable(ending) => ("unusable sound", Facts::NONE.with("why", &ending.reason)),
        LegEvent::Info(kind, _) => ("info", Facts::NONE.with("type", kind)),
        LegEvent::Message(kind, _) => ("message", Facts::NONE.with("type", kind)),
        LegEvent::Refer(wish) => ("refer", Facts::NONE.with("to", &wish.to)),
        LegEvent::ReferProgress(status) => ("refer progress", Facts::NONE.with("status", status.to_string())),
        LegEvent::LineRefused(status) => ("refused in the call", Facts::NONE.with("status", status.to_string())),
        _ => ("event", Facts::NONE),
    }
}

/// A verb's name, its leg, and what it was told.
pub fn spoken(verb: &Verb) -> (&'static str, Option<LegId>, String) {
    let none = String::new;
    match verb {
        Verb::Ring(leg) => ("ring", Some(*leg), none()),
        Verb::Progress(leg) => ("progress", Some(*leg), none()),
        Verb::Answer(leg) => ("answer", Some(*leg), none()),
        Verb::Reject(leg, status, reason) => {
            ("reject", Some(*leg), format!("{status} {}", reason.as_deref().unwrap_or_default()))
        }
        Verb::Redirect(leg, to) => ("redirect", Some(*leg), to.clone()),
        Verb::HangUp(leg, cause) => ("hangup", Some(*leg), cause.to_string()),
        Verb::Play(leg, play) => ("play", Some(*leg), play.prompts.join(", ")),
        Verb::StartPlay(leg, play) => ("start_play", Some(*leg), play.prompts.join(", ")),
        Verb::Stop(handle) => ("stop", None, handle.0.to_string()),
        Verb::Gather(leg, gather) => {
            let prompts = gather.prompt.as_ref().map_or_else(String::new, |prompt| prompt.prompts.join(", ") + ": ");
            ("gather", Some(*leg), format!("{prompts}{} to {} digits", gather.min, gather.max))
        }
        Verb::Record(leg, record) => ("record", Some(*leg), format!("at most {} s", record.max.as_secs())),
        Verb::StartRecord(leg, _) => ("start_record", Some(*leg), none()),
        Verb::PauseRecord(handle, paused) => (if *paused { "pause" } else { "resume" }, None, handle.0.to_string()),
        Verb::Dial(leg, dial) => ("dial", Some(*leg), dial.targets.join(", ")),
        Verb::CallOut(dial) => ("call_out", None, dial.targets.join(", ")),
        Verb::Bridge(a, b) => ("bridge", Some(*a), b.0.to_string()),
        Verb::Unbridge(leg) => ("unbridge", Some(*leg), none()),
        Verb::Echo(leg) => ("echo", Some(*leg), none()),
        Verb::Join(leg, join) => ("join", Some(*leg), join.room.clone()),
        Verb::Hold(leg, music) => ("hold", Some(*leg), music.clone().unwrap_or_default()),
        Verb::Unhold(leg) => ("unhold", Some(*leg), none()),
        Verb::Transfer(leg, transfer) => ("transfer", Some(*leg), transfer.to.clone()),
        Verb::Refer(leg, to) => ("refer", Some(*leg), to.clone()),
        Verb::AcceptRefer(leg) => ("accept", Some(*leg), none()),
        Verb::RejectRefer(leg, status) => ("reject", Some(*leg), status.to_string()),
        // Keys may be secrets: how many there were is enough.
        Verb::SendKeys(leg, keys) => ("send_keys", Some(*leg), format!("{} keys", keys.keys.len())),
        Verb::SendInfo(leg, kind, _) => ("send_info", Some(*leg), kind.clone()),
        Verb::SendMessage(leg, _) => ("send_message", Some(*leg), none()),
        Verb::Sleep(time) => ("sleep", None, format!("{} ms", time.as_millis())),
        Verb::After(time) => ("after", None, format!("{} ms", time.as_millis())),
        Verb::Log(kind, _) => ("log", None, kind.clone()),
        Verb::Tag(key, value) => ("tag", None, format!("{key}={value}")),
        Verb::Detach(leg) => ("detach", Some(*leg), none()),
        Verb::Errand(errand) => match &**errand {
            Errand::Facts(leg) => ("facts", Some(*leg), none()),
            Errand::Moment => ("moment", None, none()),
            Errand::Originate(wanted) => ("originate", None, goes_on(wanted)),
            Errand::Room(room, _) => ("room", None, room.clone()),
            // What is asked may be a secret: which part of the world it was is enough.
            Errand::Outside(outside) => ("errand", None, outside.noun.clone()),
        },
    }
}

/// Who is rung, and what goes on then.
fn goes_on(wanted: &Wanted) -> String {
    match &wanted.then {
        Then::Service(service) => format!("{}, then service {service}", wanted.target),
        Then::Dial(other) => format!("{}, then {other}", wanted.target),
    }
}

/// How a verb ended, and what was told with it.
pub fn result(outcome: &VerbOutcome) -> (&'static str, Facts) {
    let none = Facts::NONE;
    match outcome {
        VerbOutcome::Plain(status) => (status.word(), none),
        VerbOutcome::Handle(handle) => ("started", none.with("handle", handle.0.to_string())),
        VerbOutcome::Gathered { status, digits } => (status.word(), none.with("keys", digits.len().to_string())),
        VerbOutcome::Recorded { status, file, length } => {
            let facts = none.with("ms", length.as_millis().to_string());
            (status.word(), file.iter().fold(facts, |facts, file| facts.with("file", file)))
        }
        VerbOutcome::Dialled { status, leg, sip, talk } => {
            let facts = none.with("sip", sip.to_string()).with("talk_ms", talk.as_millis().to_string());
            (status.word(), leg.iter().fold(facts, |facts, leg| facts.with("leg", leg.0.to_string())))
        }
        VerbOutcome::Transferred { status, sip } => (status.word(), none.with("sip", sip.to_string())),
        VerbOutcome::Joined { status, why, stayed } => {
            let facts = none.with("ms", stayed.as_millis().to_string());
            (status.word(), why.iter().fold(facts, |facts, why| facts.with("why", why.word())))
        }
        VerbOutcome::Brought(brought) => fetched(brought),
        VerbOutcome::Misuse(misuse) => ("misuse", none.with("why", misuse.to_string())),
    }
}

/// What an errand has brought: all that a program was told by it, so that the call can be played again.
fn fetched(brought: &Brought) -> (&'static str, Facts) {
    match brought {
        Brought::Facts(None) => ("gone", Facts::NONE),
        Brought::Facts(Some(known)) => {
            let told = [("from", &known.from), ("to", &known.to), ("number", &known.number), ("name", &known.name)];
            let how = [
                ("transport", &known.transport),
                ("codec", &known.codec),
                ("state", &known.state),
                ("vars", &known.vars),
            ];
            let facts = told.into_iter().chain(how).filter(|(_, said)| !said.is_empty());
            let facts = facts.fold(Facts::NONE, |facts, (name, said)| facts.with(name, said));
            let whose = [("endpoint", &known.endpoint), ("trunk", &known.trunk)];
            let facts = whose.into_iter().fold(facts, |facts, (name, said)| match said {
                Some(said) => facts.with(name, said),
                None => facts,
            });
            ("ok", if known.secure { facts.with("secure", "yes") } else { facts })
        }
        Brought::Moment { wall, seed } => {
            ("ok", Facts::NONE.with("wall_ms", wall.as_millis().to_string()).with("seed", seed.to_string()))
        }
        Brought::Begun(Ok(call)) => ("begun", Facts::NONE.with("call", call.to_string())),
        Brought::Begun(Err(why)) => (why.word(), Facts::NONE.with("why", why.to_string())),
        Brought::Answer(Err(why)) => ("failed", Facts::NONE.with("why", why)),
        Brought::Answer(Ok(answer)) => ("ok", answered(answer)),
    }
}

/// An answer of the world, in as many pieces as it needs; of a web server without its headers, which may be secrets. One that is
/// too long is left out.
fn answered(answer: &str) -> Facts {
    let mut json: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
    let of_web = json.get("status").is_some() && json.get("body").is_some();
    let kept = match json.as_object_mut().filter(|_| of_web) {
        Some(reply) => {
            reply.remove("headers");
            json.to_string()
        }
        None => answer.to_owned(),
    };
    let mut facts = Facts::NONE;
    let mut rest = kept.as_str();
    if rest.len() > LONGEST_ANSWER {
        return facts.with("answer_bytes", rest.len().to_string());
    }
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(MAX_TEXT));
        facts = facts.with("answer", piece);
        rest = behind;
    }
    facts
}
