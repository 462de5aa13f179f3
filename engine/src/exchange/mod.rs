//! The exchange: the calls of one shard, and who of them hears what.
//!
//! It sits on its shard as the [`Desk`]. What belongs to no call goes to the front door; an INVITE that may come in becomes a
//! [`Talk`]: a call, the program that drives it, and an end for each leg (line and port). News find their talk by what they
//! name: a dialog's tag, a transaction, a port, a prompt that was waited for. Nothing waits, and nothing is shared with another
//! shard but the switchboard.
//!
//! ```text
//! INVITE ─▶ incoming: who, may they, where to ─▶ Talk ─▶ Call ⇄ Program
//! in-dialog, responses, notices ─▶ the end they name ─▶ LegEvent ─▶ Call ─▶ effects ─▶ ends, plane, routing, journal
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `incoming` | an INVITE outside any dialog: proof, route, limits |
//! | `proof` | whose call an INVITE is |
//! | `originate` | calls that the house begins |
//! | `occasions` | what services are asked outside of calls |
//! | `texts` | texts between phones outside of calls |
//! | `inviting` | somebody is called into a conference room |
//! | `outgoing` | targets, the ways to them, who is shown as the caller |
//! | `talk` | one call in its turn: effects out, acts out, until nobody wants anything |
//! | `passing` | legs that change their call |
//! | `ends` | the end of a leg: its line, its port, its requests |
//! | `errands` | what a program asks outside its call |
//! | `leash` | what a service may do whatever it says |
//! | `sounding` | ports, prompts, and what media threads tell |
//! | `pictures` | pictures that pass between two legs |
//! | `holding` | who is told that its partner holds it |
//! | `recording` | recordings of legs, and their files |
//! | `rooms` | conference rooms: what calls say to them, and what they write |
//! | `carriers` | whom we register with, and which trunk answers |
//! | `watchdog` | who is still there, and who should not be |
//! | `wishes` | what people want of calls from elsewhere |
//! | `chronicle`, `wording` | what the call writes into its journal, and in which words |
//! | `services` | echo, tone and ringing, in Rust |

mod carriers;
mod chronicle;
mod ends;
mod errands;
mod forwarding;
mod holding;
mod incoming;
mod introducing;
mod inviting;
mod leash;
mod meeting;
mod occasions;
mod originate;
mod outgoing;
mod passing;
mod pictures;
mod proof;
mod recording;
mod refusing;
mod ringing;
mod rooms;
mod services;
#[cfg(test)]
mod simulated;
mod sounding;
mod talk;
mod texts;
mod watchdog;
mod wishes;
mod wording;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use patchcord_media::prompt::Loaded;
use patchcord_media::recording::Outcome;
use patchcord_media::shard::Notice;
use patchcord_sip::dialog::DialogId;
use patchcord_sip::hop::{FlowId, Hop};
use patchcord_sip::message::{Method, Request, Response};
use patchcord_sip::transaction::{ClientId, Heard, ServerId};

use crate::bell::Bell;
use crate::call::effect::SoundTag;
use crate::call::{LegId, cause};
use crate::door::Door;
use crate::journal::Way as Sender;
use crate::line::Mark;
use crate::occasion::Asking;
use crate::originate::Origination;
use crate::program::{Program, VerbId};
use crate::runtime::{Desk, ErrandTicket, News, PromptTicket, RecordTicket, RequestId, SendFault, Wire};
use crate::switchboard::Switchboard;

use carriers::Carriers;
use ends::Names;
use passing::Post;
use refusing::Ration;
use rooms::RoomDesk;
use sounding::Prompts;
use talk::Talk;
use texts::Texts;
use watchdog::Watchdog;

pub use chronicle::{LAST_WORDS, broke};
pub use errands::led;
pub use inviting::{GUEST_RING, guest, may_call};
pub use leash::{Leash, LeashRules, fits};
pub use meeting::{meeting_of, rules_of};
pub use recording::{RecordingRules, Written};
pub use refusing::Unkept;
pub use services::{Connecting, Sorry, named as built_in};
pub use watchdog::CallTally;
pub use wishes::LOOK;
pub use wording::{asked as asked_of, heard as heard_of, of_room, result as came_of, secret_key, spoken, terms};

/// Calls of one shard, also those that are ringing or ending. Two thousand of them a second for half a minute.
pub const MAX_CALLS: usize = 60_000;

/// What answers calls by name, on one shard.
pub trait Services {
    /// A program for one call; `None` where there is no service of that name.
    fn find(&self, name: &str) -> Option<Served>;

    /// Whether the service of that name has a function of that name.
    fn hears(&self, service: &str, handler: &str) -> bool {
        let _none_does = (service, handler);
        false
    }
}

/// A program for one call, and which edition of its service it is.
pub struct Served {
    /// The program.
    pub program: Box<dyn Program>,
    /// Which version of the text, for the record; `None` where it is part of the house.
    pub edition: Option<Box<str>>,
    /// What it may do whatever it says; `None`: what routes allow.
    pub leash: Option<Arc<Leash>>,
}

impl From<Box<dyn Program>> for Served {
    fn from(program: Box<dyn Program>) -> Self {
        Self { program, edition: None, leash: None }
    }
}

impl<F: Fn(&str) -> Option<Box<dyn Program>>> Services for F {
    fn find(&self, name: &str) -> Option<Served> {
        self(name).map(Served::from)
    }
}

/// A call of this shard. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Number(u64);

/// Where news belong.
type Place = (Number, LegId);

/// See the module.
pub struct Exchange {
    door: Door,
    board: Arc<Switchboard>,
    talks: HashMap<Number, Box<Talk>>,
    next: u64,
    names: Names,
    prompts: Prompts,
    /// Whose the recordings are whose files are open, and by which name.
    recordings: HashMap<RecordTicket, (Place, SoundTag)>,
    /// Whose errands are on their way.
    errands: HashMap<ErrandTicket, (Number, VerbId)>,
    services: Box<dyn Services>,
    /// When each call wants to be woken.
    due: BTreeSet<(Instant, Number)>,
    /// What calls want of each other. Empty between two turns.
    posted: VecDeque<(Number, Post)>,
    watchdog: Watchdog,
    carriers: Carriers,
    rooms: RoomDesk,
    ration: Ration,
    texts: Texts,
    /// Whether letters of rooms wait that were not read for the sake of others.
    rooms_wait: bool,
    /// When somebody looks next for what people wish.
    look: Instant,
}

impl Exchange {
    /// An exchange without calls.
    #[must_use]
    pub fn new(board: Arc<Switchboard>, now: Instant) -> Self {
        Self::with_services(board, now, Box::new(services::named))
    }

    /// The same, with other services than those that are shipped.
    #[must_use]
    pub fn with_services(board: Arc<Switchboard>, now: Instant, services: Box<dyn Services>) -> Self {
        Self {
            door: Door::new(board.clone(), now),
            board,
            talks: HashMap::new(),
            next: 0,
            names: Names::default(),
            prompts: Prompts::default(),
            recordings: HashMap::new(),
            errands: HashMap::new(),
            services,
            due: BTreeSet::new(),
            posted: VecDeque::new(),
            watchdog: Watchdog::default(),
            carriers: Carriers::default(),
            rooms: RoomDesk::default(),
            ration: Ration::new(now),
            texts: Texts::default(),
            rooms_wait: false,
            look: now,
        }
    }

    /// Lets a call act, and then do all that follows from it, here and in other calls. Whoever is gone is not there.
    fn with(&mut self, number: Number, wire: &mut Wire<'_>, act: impl FnOnce(&mut Talk, &mut Turn<'_, '_>)) {
        self.turn_of(number, wire, act);
        self.deliver(wire);
        self.count_legs();
    }

    fn turn_of(&mut self, number: Number, wire: &mut Wire<'_>, act: impl FnOnce(&mut Talk, &mut Turn<'_, '_>)) {
        let Some(mut talk) = self.talks.remove(&number) else { return };
        if let Some(due) = talk.due.take() {
            self.due.remove(&(due, number));
        }
        let mut turn = Turn { exchange: self, wire };
        act(&mut talk, &mut turn);
        talk.settle(&mut turn);
        if talk.is_over() {
            return talk.leave(&mut Turn { exchange: self, wire });
        }
        talk.due = talk.deadline();
        self.due.extend(talk.due.map(|due| (due, number)));
        self.talks.insert(number, talk);
    }

    fn request(&mut self, id: ServerId, request: Request, hop: Hop, wire: &mut Wire<'_>) {
        match self.owner(&request) {
            Some((number, leg)) => self.with(number, wire, |talk, turn| talk.asked(leg, id, &request, &hop, turn)),
            None if *request.method() == Method::Invite && request.to_tag().is_ok_and(|tag| tag.is_none()) => {
                self.invited(id, &request, &hop, wire);
            }
            None if *request.method() == Method::Register => self.registers(id, request, hop, wire),
            None if *request.method() == Method::Message => self.written(id, request, hop, wire),
            None => self.door.hear(Heard::Request { id, request, hop }, wire),
        }
    }

    /// The leg whose dialog a request is for.
    fn owner(&self, request: &Request) -> Option<Place> {
        let id = DialogId::of_request(request).ok().flatten()?;
        self.names.dialog(id.local)
    }

    fn acknowledged(&mut self, request: &Request, wire: &mut Wire<'_>) {
        if let Some((number, leg)) = self.owner(request) {
            self.with(number, wire, |talk, turn| talk.acknowledged(leg, request, turn));
        }
    }

    /// A request of ours has gone out like this, or the CANCEL that ends it.
    fn sent(&mut self, sent: Sent, bytes: &Bytes, wire: &mut Wire<'_>) {
        let Some((number, leg, _)) = self.names.sent(sent) else { return };
        self.with(number, wire, |talk, turn| talk.log_message(leg, Sender::Ours, bytes, turn));
    }

    fn responded(&mut self, sent: Sent, response: &Response, hop: &Hop, stray: bool, wire: &mut Wire<'_>) {
        if self.text_answered(sent, response, wire) {
            return;
        }
        let Some((number, leg, mark)) = self.names.sent(sent) else { return };
        self.with(number, wire, |talk, turn| talk.responded(leg, mark, response, hop, stray, turn));
    }

    fn failed(&mut self, sent: Sent, fault: SendFault, wire: &mut Wire<'_>) {
        if self.text_failed(sent, fault, wire) {
            return;
        }
        let Some((number, leg, mark)) = self.names.forget_sent(sent) else { return };
        self.with(number, wire, |talk, turn| talk.failed(leg, mark, fault, turn));
    }

    fn settled(&mut self, sent: Sent, wire: &mut Wire<'_>) {
        let Some((number, leg, mark)) = self.names.forget_sent(sent) else { return };
        self.with(number, wire, |talk, turn| talk.forks_over(leg, mark, turn));
    }

    fn about_invite(
        &mut self,
        id: ServerId,
        wire: &mut Wire<'_>,
        tell: impl FnOnce(&mut Talk, LegId, &mut Turn<'_, '_>),
    ) {
        if let Some((number, leg)) = self.names.invite(id) {
            self.with(number, wire, |talk, turn| tell(talk, leg, turn));
        }
    }
}

/// What a call needs while it acts: the rest of the exchange, and the wire.
struct Turn<'a, 'w> {
    exchange: &'a mut Exchange,
    wire: &'a mut Wire<'w>,
}

impl Turn<'_, '_> {
    fn now(&self) -> Instant {
        self.wire.now()
    }
}

/// A request of ours on its way: along a known hop, or wherever its address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sent {
    Along(ClientId),
    To(RequestId),
}

/// Where an end's request belongs.
type Asked = (Number, LegId, Mark);

impl Desk for Exchange {
    fn hear(&mut self, heard: Heard, wire: &mut Wire<'_>) {
        match heard {
            Heard::Request { id, request, hop } => self.request(id, request, hop, wire),
            Heard::Ack { request, .. } => self.acknowledged(&request, wire),
            Heard::Cancelled { id, cancel } => {
                self.about_invite(id, wire, |talk, leg, turn| talk.cancelled(leg, id, &cancel, turn));
            }
            Heard::AckMissing { id } => self.about_invite(id, wire, |talk, leg, turn| talk.ack_missing(leg, id, turn)),
            // Whoever does not hear our answer asks again, or its transaction ends: the line is told of that.
            Heard::ReplyLost { .. } => {}
            Heard::Response { id, response, hop } => self.responded(Sent::Along(id), &response, &hop, false, wire),
            Heard::StrayResponse { id, response, hop } => self.responded(Sent::Along(id), &response, &hop, true, wire),
            Heard::CancelSent { id, cancel } => self.sent(Sent::Along(id), &cancel, wire),
            Heard::TimedOut { id } => self.failed(Sent::Along(id), SendFault::TimedOut, wire),
            Heard::Unreachable { id } => self.failed(Sent::Along(id), SendFault::Unreachable, wire),
            Heard::Ended { id } => self.settled(Sent::Along(id), wire),
        }
    }

    fn hear_sent(&mut self, id: RequestId, news: News, wire: &mut Wire<'_>) {
        if self.carriers.hear(id, &news, wire) {
            return;
        }
        let sent = Sent::To(id);
        match news {
            News::Sent(bytes) => self.sent(sent, &bytes, wire),
            News::Response { response, hop } => self.responded(sent, &response, &hop, false, wire),
            News::StrayResponse { response, hop } => self.responded(sent, &response, &hop, true, wire),
            News::Failed(fault) => self.failed(sent, fault, wire),
            News::Ended => self.settled(sent, wire),
        }
    }

    fn hear_sound(&mut self, notice: Notice, wire: &mut Wire<'_>) {
        let Some((number, leg)) = notice.port().and_then(|port| self.names.port(port)) else {
            return self.room_noticed(&notice, wire);
        };
        self.with(number, wire, |talk, turn| talk.noticed(leg, notice, turn));
    }

    fn hear_prompt(&mut self, ticket: PromptTicket, loaded: Loaded, wire: &mut Wire<'_>) {
        if self.room_prompt(ticket, &loaded, wire) {
            return;
        }
        let Some((number, leg)) = self.prompts.owner(ticket) else { return };
        self.with(number, wire, |talk, turn| talk.loaded(leg, ticket, loaded, turn));
    }

    fn hear_recording(&mut self, ticket: RecordTicket, outcome: Outcome, wire: &mut Wire<'_>) {
        self.recorded(ticket, outcome, wire);
    }

    fn hear_errand(&mut self, ticket: ErrandTicket, answer: Result<String, String>, wire: &mut Wire<'_>) {
        self.answered(ticket, answer, wire);
    }

    fn originate(&mut self, origination: Origination, wire: &mut Wire<'_>) {
        self.wanted(origination, wire);
    }

    fn ask(&mut self, asking: Asking, wire: &mut Wire<'_>) {
        self.asked(asking, wire);
    }

    fn seated(&mut self, bell: &Arc<Bell>, wire: &mut Wire<'_>) {
        self.board.rooms.enter_shard(wire.shard(), bell.clone());
    }

    fn rung(&mut self, wire: &mut Wire<'_>) {
        self.read_letters(wire);
    }

    fn flow_closed(&mut self, flow: FlowId, wire: &mut Wire<'_>) {
        self.door.flow_closed(flow, wire);
        for (number, leg) in self.names.legs_over(flow) {
            self.with(number, wire, |talk, turn| talk.flow_lost(leg, turn));
        }
    }

    fn needs(&self, flow: FlowId) -> bool {
        self.door.needs(flow) || self.names.talks_over(flow)
    }

    fn stop(&mut self, wire: &mut Wire<'_>) {
        for number in self.talks.keys().copied().collect::<Vec<_>>() {
            self.with(number, wire, |talk, turn| talk.stop(cause::STOPPING, cause::UNAVAILABLE, turn));
        }
    }

    fn is_quiet(&self) -> bool {
        self.talks.values().all(|talk| talk.over_since.is_some())
    }

    /// Records wait a moment for late messages, and are closed at once now.
    fn close(&mut self, wire: &mut Wire<'_>) {
        for (_, mut talk) in std::mem::take(&mut self.talks) {
            talk.close_journal(&Turn { exchange: self, wire });
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let first = self.due.first().map(|(due, _)| *due);
        let letters = self.rooms_wait.then_some(self.look);
        let first = [first, letters].into_iter().flatten().min();
        [first, self.door.deadline(), self.carriers.deadline(), self.next_look()].into_iter().flatten().min()
    }

    fn wake(&mut self, wire: &mut Wire<'_>) {
        let now = wire.now();
        if self.door.deadline().is_some_and(|due| due <= now) {
            self.door.wake(wire);
            self.watch(wire);
        }
        self.look_for_wishes(wire);
        if std::mem::take(&mut self.rooms_wait) {
            self.read_letters(wire);
        }
        if self.carriers.deadline().is_none_or(|due| due <= now) {
            self.carriers.wake(&self.board, wire);
        }
        // Each once: a call that wants to go on at once lets everybody else go first.
        let due: Vec<Number> = self.due.iter().take_while(|(due, _)| *due <= now).map(|(_, number)| *number).collect();
        for number in due {
            self.with(number, wire, |talk, turn| talk.wake(turn));
        }
    }
}
