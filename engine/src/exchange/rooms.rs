//! Conference rooms at a shard: what its calls say to them, the letters that they write, their announcements and recordings.
//!
//! A leg goes into a room with the port that it has. Everything that rooms say lies in the letterbox of this shard; its bell
//! wakes the desk, which reads. Prompts for all are loaded here, by the shard of the room's first member.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use patchcord_media::frame::Rate;
use patchcord_media::prompt::{Cursor, Form, Item, Loaded, Loops, Loudness, Named, Wish, named};
use patchcord_media::recording::{Control, Layout, Plan};
use patchcord_media::shard::{Notice, Order, Play, Record, RoomId, RoomOrder};

use super::ends::Whose;
use super::meeting::rules_of;
use super::recording::Written;
use super::sounding::HOME;
use super::talk::Talk;
use super::{Exchange, Number, Turn};
use crate::call::{Event, LegId};
use crate::errand::{Brought, RoomErrand};
use crate::journal::Journal;
use crate::room::{Asked, By, Denial, Entrant, Leaving, MemberId, Orderer, Place, RoomKey, Told};
use crate::rooms::Letter;
use crate::runtime::{PromptTicket, Wire};

/// The rate at which prompts for rooms are kept and rooms are recorded: wide enough for every voice.
const RATE: Rate = Rate::Wide;

/// Letters read before sockets and timers of the shard have their turn.
const BATCH: usize = 256;

/// What this shard does for rooms.
#[derive(Default)]
pub(super) struct RoomDesk {
    /// Letters that were taken and not read.
    letters: VecDeque<Letter>,
    /// Prompts that are being loaded: for which announcement, and as which of its pieces.
    loading: HashMap<PromptTicket, (RoomKey, usize)>,
    /// Announcements whose pieces are being loaded.
    pieces: HashMap<RoomKey, Announcement>,
    /// What is heard in a room of the media plane.
    heard: HashMap<RoomId, (RoomKey, u64)>,
    tapes: HashMap<RoomKey, Control>,
    member_tapes: HashMap<MemberId, Control>,
}

struct Announcement {
    tag: u64,
    items: Vec<Piece>,
}

enum Piece {
    Ready(Item),
    Waited,
    Missing,
}

impl Exchange {
    /// What rooms have written is read.
    pub(super) fn read_letters(&mut self, wire: &mut Wire<'_>) {
        if self.rooms.letters.is_empty() {
            self.rooms.letters = self.board.rooms.letters(wire.shard());
        }
        for _ in 0..BATCH {
            let Some(letter) = self.rooms.letters.pop_front() else { return };
            self.read_letter(letter, wire);
        }
        self.rooms_wait = true;
    }

    fn read_letter(&mut self, letter: Letter, wire: &mut Wire<'_>) {
        match letter {
            Letter::Told(place, told) => self.with(Number(place.call), wire, |talk, turn| {
                talk.call.hear(Event::Room(place.leg, told), turn.now());
            }),
            Letter::Announce { room, tag, prompts } => self.announce(room, tag, prompts, wire),
            Letter::Record { room, name, on: true } => self.record_room(room, &name, wire),
            Letter::Record { room, on: false, .. } => {
                self.rooms.tapes.remove(&room).iter().for_each(Control::end);
            }
            Letter::RecordMember { place, member, on: true } => {
                self.with(Number(place.call), wire, |talk, turn| talk.record_member(place, member, turn));
            }
            Letter::RecordMember { member, on: false, .. } => {
                self.rooms.member_tapes.remove(&member).iter().for_each(Control::end);
            }
            Letter::Invite { target, join } => self.call_into(&target, join, wire),
        }
    }

    /// Loads what all in a room are to hear.
    fn announce(&mut self, room: RoomKey, tag: u64, prompts: Vec<String>, wire: &mut Wire<'_>) {
        let mut items = Vec::with_capacity(prompts.len());
        for prompt in prompts {
            let piece = match named(&prompt, HOME) {
                Ok(Named::Tone(rhythm)) => Piece::Ready(Item::Tone(rhythm)),
                Ok(Named::File(name)) => {
                    let wish = Wish { name: name.into(), loudness: Loudness::default(), form: Form::Samples(RATE) };
                    match wire.load(wish) {
                        Ok(ticket) => {
                            self.rooms.loading.insert(ticket, (room, items.len()));
                            Piece::Waited
                        }
                        Err(_) => Piece::Missing,
                    }
                }
                Err(_) => Piece::Missing,
            };
            items.push(piece);
        }
        self.rooms.pieces.insert(room, Announcement { tag, items });
        self.say_to_room(room, wire);
    }

    /// A prompt for a room is ready, or will never be; whether it was one.
    pub(super) fn room_prompt(&mut self, ticket: PromptTicket, loaded: &Loaded, wire: &mut Wire<'_>) -> bool {
        let Some((room, at)) = self.rooms.loading.remove(&ticket) else { return false };
        if let Some(piece) = self.rooms.pieces.get_mut(&room).and_then(|announcement| announcement.items.get_mut(at)) {
            *piece = match loaded {
                Ok(sound) => Piece::Ready(Item::Sound(sound.clone())),
                Err(why) => {
                    tracing::warn!(%why, "a prompt for a room is missing");
                    Piece::Missing
                }
            };
        }
        self.say_to_room(room, wire);
        true
    }

    /// Says an announcement when all its pieces are there.
    fn say_to_room(&mut self, room: RoomKey, wire: &mut Wire<'_>) {
        let waits = |announcement: &Announcement| announcement.items.iter().any(|item| matches!(item, Piece::Waited));
        if self.rooms.pieces.get(&room).is_none_or(waits) {
            return;
        }
        let Some(Announcement { tag, items }) = self.rooms.pieces.remove(&room) else { return };
        let items: Vec<Item> = items
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Ready(item) => Some(item),
                Piece::Waited | Piece::Missing => None,
            })
            .collect();
        let cursor = Cursor::new(items, RATE, Loops::Times(1));
        let (Ok(cursor), Some(mixed), Some(plane)) = (cursor, self.board.rooms.mixed(room), wire.plane()) else {
            return self.board.rooms.announced(room, tag, wire.now());
        };
        let play = Play { cursor: Box::new(cursor), kind: None, tag };
        self.rooms.heard.insert(mixed, (room, tag));
        if plane.order_room(mixed, RoomOrder::Announce(play)).is_err() {
            self.rooms.heard.remove(&mixed);
            self.board.rooms.announced(room, tag, wire.now());
        }
    }

    /// A room of the media plane tells something.
    pub(super) fn room_noticed(&mut self, notice: &Notice, wire: &Wire<'_>) {
        match notice {
            Notice::Announced(mixed, tag, _) => {
                if let Some((room, _)) = self.rooms.heard.get(mixed).copied().filter(|(_, current)| current == tag) {
                    self.rooms.heard.remove(mixed);
                    self.board.rooms.announced(room, *tag, wire.now());
                }
            }
            Notice::RoomDied(mixed) => self.board.rooms.died(*mixed, wire.now()),
            Notice::RoomClosed(mixed) => drop(self.rooms.heard.remove(mixed)),
            _ => {}
        }
    }

    fn record_room(&mut self, room: RoomKey, name: &str, wire: &mut Wire<'_>) {
        let written = self.board.recording().format.unwrap_or(Written::Opus);
        let path = tape("room", name, room.0, written.word(), wire.wall());
        let plan = Plan { layout: Layout::Heard, ..Plan::new(path.clone(), written.format(), RATE) };
        let Some(mixed) = self.board.rooms.mixed(room) else { return };
        match wire.record(plan) {
            Ok((_, tap, control)) => {
                let record = Record { tap: Box::new(tap), rate: RATE };
                let ordered = wire.plane().map(|plane| plane.order_room(mixed, RoomOrder::Record(record)));
                if matches!(ordered, Some(Ok(()))) {
                    self.rooms.tapes.insert(room, control);
                    self.board.rooms.recorded(name, None, path.to_string_lossy().into_owned());
                }
            }
            Err(why) => tracing::warn!(room = name, %why, "a room is not recorded"),
        }
    }
}

impl Talk {
    /// A leg says something to the rooms.
    pub fn room_asked(&mut self, leg: LegId, asked: Asked, turn: &mut Turn<'_, '_>) {
        let place = self.place(leg, turn);
        let Asked::Join(join) = asked else { return turn.exchange.board.rooms.hear(place, asked, turn.now()) };
        let when = (turn.now(), turn.wire.wall());
        let (Some(port), Some(entrant)) = (self.port(leg), self.entrant(leg, place)) else {
            let denied = Told::Out(Leaving::Denied(Denial::NoSound));
            return self.call.hear(Event::Room(leg, denied), turn.now());
        };
        let rooms = &turn.exchange.board.rooms;
        if let Some(rules) = rules_of(&join.room).filter(|_| rooms.find(&join.room, turn.now()).is_none()) {
            // Its name is one of ours, and whoever comes first opens it.
            let _opened = rooms.open(&join.room, rules, turn.now());
        }
        let sound = turn.wire.plane().map(|plane| (plane, port));
        turn.exchange.board.rooms.come(&join, &entrant, sound, when);
    }

    pub(super) fn place(&self, leg: LegId, turn: &Turn<'_, '_>) -> Place {
        Place { shard: turn.wire.shard(), call: self.number.0, leg }
    }

    /// Who a leg is to a room.
    fn entrant(&self, leg: LegId, place: Place) -> Option<Entrant> {
        let end = self.ends.iter().find(|end| end.leg == leg && !end.gone)?;
        let (number, name) = match (&end.whose, leg) {
            _ if self.called_us(leg) && self.party.person.hidden => (String::new(), String::new()),
            // One house, one list: an endpoint is the same whether it dialled, was called, or was brought in.
            (Whose::Endpoint(endpoint), _) => {
                (endpoint.number.as_deref().unwrap_or(&endpoint.user).to_owned(), endpoint.user.to_string())
            }
            (_, leg) if self.called_us(leg) => {
                (self.from().to_owned(), self.party.person.name.as_deref().unwrap_or_default().to_owned())
            }
            _ => (end.named().into(), String::new()),
        };
        let source = match &end.whose {
            Whose::Endpoint(endpoint) => format!("endpoint:{}", endpoint.user),
            Whose::Trunk(trunk) => format!("trunk:{}:{number}", trunk.name),
            Whose::Stranger(address) | Whose::Guest(_, address) => address.to_string(),
        };
        let call = self.chronicle.journal.as_ref().map(Journal::call);
        Some(Entrant { place, call, name, number, source, unheard: end.unheard })
    }

    /// Does what a program wants of a room.
    pub fn room_errand(&self, name: &str, errand: RoomErrand, turn: &Turn<'_, '_>) -> Brought {
        let (rooms, now, wall) = (&turn.exchange.board.rooms, turn.now(), turn.wire.wall());
        let done = match errand {
            RoomErrand::Open(rules) => rooms.open(name, *rules, now).map(|()| "null".to_owned()),
            RoomErrand::Order(order) => {
                let order = order.of_call(|leg| self.place(leg, turn));
                let service = self.chronicle.service().unwrap_or("of the house");
                rooms
                    .order(name, order, By::named(Orderer::Script, service), (now, wall))
                    .map(|reply| serde_json::to_string(&reply).unwrap_or_else(|_| "null".into()))
            }
        };
        Brought::Answer(done.map_err(|refused| refused.to_string()))
    }

    /// A member's port tells something that its room wants to know; whether it was that.
    pub fn member_noticed(&self, leg: LegId, notice: &Notice, turn: &Turn<'_, '_>) -> bool {
        let (rooms, now) = (&turn.exchange.board.rooms, turn.now());
        match notice {
            Notice::Voice(_, level) => rooms.speaks(self.place(leg, turn), *level, now),
            Notice::Unheard(..) | Notice::HeardAgain(_) => {
                let end = self.ends.iter().find(|end| end.leg == leg);
                rooms.unheard(self.place(leg, turn), end.and_then(|end| end.unheard), now);
            }
            Notice::NotEntered(..) => rooms.not_entered(self.place(leg, turn), now),
            Notice::Moved(_) => rooms.moved(now),
            _ => return false,
        }
        true
    }

    /// Records what a member says.
    fn record_member(&mut self, place: Place, member: MemberId, turn: &mut Turn<'_, '_>) {
        let Some(port) = self.port(place.leg) else { return };
        let Some((room, _)) = turn.exchange.board.rooms.whereabouts(place) else { return };
        let rate = self.rate(place.leg);
        let written = turn.exchange.board.recording().format.unwrap_or(Written::Wav);
        let path = tape("member", &room, member.0, written.word(), turn.wire.wall());
        let plan = Plan { layout: Layout::Heard, ..Plan::new(path.clone(), written.format(), rate) };
        match turn.wire.record(plan) {
            Ok((_, tap, control)) => {
                self.order(port, Order::Record(Record { tap: Box::new(tap), rate }), turn);
                turn.exchange.rooms.member_tapes.insert(member, control);
                let path = path.to_string_lossy().into_owned();
                self.note_recording(place.leg, &path, turn);
                turn.exchange.board.rooms.recorded(&room, Some(member), path);
            }
            Err(why) => tracing::warn!(room, %why, "a member is not recorded"),
        }
    }
}

/// Where the file of a recording lies, within the folder of recordings.
fn tape(what: &str, room: &str, number: u64, ending: &str, wall: SystemTime) -> PathBuf {
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    let day = super::recording::day(wall);
    format!("{day}/{what}-{room}-{}-{number}.{ending}", since.as_millis()).into()
}
