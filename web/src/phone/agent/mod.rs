//! The user agent of a page: SIP towards the engine, JSON towards the browser. A pure machine.
//!
//! Bytes and instants go in, bytes and words come out by [`Agent::poll`]; it opens nothing and reads no clock. Who the page speaks for
//! is known before and vouched for at the engine, so nothing here proves anything. Transactions and dialogs are those of
//! `patchcord-sip`; sound is described by the page and by the engine, and only carried here.
//!
//! ```text
//! calling   a call that the page makes
//! called    a call that rings the page
//! inside    what either side asks within a talk
//! other     whom a talk is with
//! trickling candidates that come later than the page's description
//! end       why a talk is over, in a word
//! ```

mod called;
mod calling;
mod end;
mod inside;
mod other;
#[cfg(test)]
mod tests;
mod trickling;

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use patchcord_sip::{
    FlowId, Hop, Method, Name, Request, Response, Transport,
    dialog::{Dialog, DialogId, Forks},
    message::{Draft, Message},
    tokens::Tokens,
    transaction::{ClientId, Heard, Limits, Output, ServerId, TimerSet, Transactions},
};

use super::words::{Refusal, Said, Told, Why};

/// Talks of one page at once: one that speaks, some on hold, some that ring.
pub const MAX_TALKS: usize = 8;

/// Requests under way of one page, each way: every talk may want something and ring out.
const TRANSACTIONS: usize = 64;

/// Bytes that they may hold.
const TRANSACTION_BYTES: usize = 1 << 20;

/// How long a registration is taken to last where the answer does not say.
const USUAL_LEASE: Duration = Duration::from_secs(300);

/// How long to wait before a registration that failed is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// A page that another one has displaced, because an endpoint holds only so many contacts, is back as soon as there is room again.
const LOOKS_EVERY: Duration = Duration::from_secs(30);

/// What this phone can be asked for.
const ALLOWED: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY, MESSAGE";

const SDP: &str = "application/sdp";

/// Whom an agent speaks for, and where.
#[derive(Clone, Debug)]
pub struct Who {
    /// The endpoint's name; what a guest is called on the wire.
    pub user: String,
    /// Whether calls for it shall come here.
    pub registers: bool,
    /// How the page reaches us.
    pub transport: Transport,
    /// Both ends of that, ours first.
    pub ends: (SocketAddr, SocketAddr),
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
    /// For the engine.
    Sip(Bytes),
    /// For the page.
    Page(Told),
}

/// What a request of ours is for.
#[derive(Clone, Debug)]
enum Errand {
    Register,
    /// The first INVITE of a talk.
    Invite(Box<str>),
    /// Anything inside a talk.
    Inside(Box<str>, Method),
    /// A text to somebody.
    Message,
}

/// On which side of a talk the page is.
enum Role {
    /// The tag is the other side's on the branch that counts.
    Calling {
        forks: Box<Forks>,
        tag: String,
    },
    Called {
        dialog: Box<Dialog>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is being called, or it rings.
    Begun,
    Up,
    /// The page has ended it, and the answer to its INVITE may still come.
    GivenUp,
}

/// One talk of the page.
struct Talk {
    name: Box<str>,
    role: Role,
    stage: Stage,
    /// A request of the other side that waits for the page.
    asked: Option<(ServerId, Request)>,
    /// Our INVITE that is under way.
    inviting: Option<ClientId>,
    /// The INVITE whose 2xx was not acknowledged yet.
    unconfirmed: Option<ServerId>,
    /// The page made the offer in our answer: the ACK brings the other side's.
    owed: bool,
    /// The page's last description, as candidates name it that come later.
    followed: Option<trickling::Followed>,
    /// Whether the other side holds the page: by its description, and as the engine tells of whom the page talks with.
    held: (bool, bool),
    /// Whom it is with now, where the house has said so since it began: number and name.
    other: Option<(String, String)>,
}

impl Talk {
    /// The dialog of the branch that counts.
    fn dialog(&mut self) -> Option<&mut Dialog> {
        match &mut self.role {
            Role::Called { dialog } => Some(dialog),
            Role::Calling { forks, tag } => forks.dialogs().iter_mut().find(|dialog| dialog.id().remote == tag),
        }
    }
}

/// See the module.
pub struct Agent {
    who: Who,
    host: String,
    contact: Arc<str>,
    sent_by: String,
    hop: Hop,
    transactions: Transactions,
    tokens: Tokens,
    talks: Vec<Talk>,
    errands: HashMap<ClientId, Errand>,
    acks: HashMap<ClientId, Bytes>,
    /// Call-ID and CSeq of the registration, and when it is due again.
    registration: (String, u32),
    due: Option<Instant>,
    /// The first registration was not answered yet.
    entering: bool,
    told: VecDeque<Told>,
}

impl Agent {
    /// An agent that has said nothing yet. The same seed makes the same names.
    pub fn new(who: Who, seed: [u8; 32], now: Instant) -> Self {
        let mut tokens = Tokens::seeded(seed);
        let limits = Limits { server: TRANSACTIONS, server_bytes: TRANSACTION_BYTES, client: TRANSACTIONS };
        let transactions = Transactions::new(TimerSet::default(), limits, tokens.bytes(), now);
        let (local, peer) = who.ends;
        let host = match local {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        let sent_by = format!("{}.invalid", tokens.tag());
        let contact = format!("<sip:{}@{sent_by};transport=ws>", tokens.tag()).into();
        let registration = (tokens.call_id(&sent_by), 0);
        // To it, the engine is the peer.
        let hop = Hop { transport: who.transport, flow: FlowId(1), local: peer, peer: local };
        let due = who.registers.then_some(now);
        let entering = who.registers;
        let (talks, errands, acks, told) = (Vec::new(), HashMap::new(), HashMap::new(), VecDeque::new());
        Self {
            who,
            host,
            contact,
            sent_by,
            hop,
            transactions,
            tokens,
            talks,
            errands,
            acks,
            registration,
            due,
            entering,
            told,
        }
    }

    /// The engine has said something.
    pub fn hear(&mut self, bytes: Bytes, now: Instant) {
        match Message::parse(bytes) {
            Ok(message) => self.transactions.receive(message, self.hop, now),
            Err(_) => self.transactions.not_sip(),
        }
    }

    /// The page has said something.
    pub fn say(&mut self, said: Said, now: Instant) {
        let talk = match &said {
            Said::Dial { talk, .. }
            | Said::Answer { talk, .. }
            | Said::Hangup { talk, .. }
            | Said::Offer { talk, .. }
            | Said::Accept { talk, .. }
            | Said::Refuse { talk }
            | Said::Press { talk, .. }
            | Said::Candidate { talk, .. }
            | Said::Transfer { talk, .. } => Some(talk.clone()),
            Said::Message { talk, .. } => talk.clone(),
            Said::Hello { .. } | Said::Ping {} => None,
        };
        let followed = trickling::Followed::by(&said);
        match self.obey(said, now) {
            Err(refusal) => self.told.push_back(refusal.told(talk.as_deref())),
            Ok(()) => {
                if let Some((talk, followed)) = followed
                    && let Ok(talk) = self.find(&talk)
                {
                    talk.followed = Some(followed);
                }
            }
        }
    }

    fn obey(&mut self, said: Said, now: Instant) -> Result<(), Refusal> {
        match said {
            Said::Dial { talk, to, sdp } => self.dial(&talk, &to, sdp, now),
            Said::Answer { talk, sdp } => self.answer(&talk, sdp, now),
            Said::Hangup { talk, busy } => self.hang_up(&talk, busy, now),
            Said::Offer { talk, sdp } => self.offer(&talk, sdp, now),
            Said::Accept { talk, sdp } => self.accept(&talk, sdp, now),
            Said::Refuse { talk } => self.refuse_offer(&talk, now),
            Said::Press { talk, key, ms } => self.press(&talk, key, ms, now),
            Said::Transfer { talk, to, with } => self.transfer(&talk, to.as_deref(), with.as_deref(), now),
            Said::Message { talk, to, text } => self.message(talk.as_deref(), to.as_deref(), text, now),
            Said::Candidate { talk, candidate } => self.learn(&talk, candidate.as_deref(), now),
            Said::Hello { .. } => Err(Refusal::new("wrong_state", "hello is said once, first of all")),
            Said::Ping {} => {
                self.told.push_back(Told::Pong {});
                Ok(())
            }
        }
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Instant) {
        self.transactions.wake(now);
        if self.due.is_some_and(|due| due <= now) {
            self.register(now);
        }
    }

    /// When to wake it.
    pub fn deadline(&self) -> Option<Instant> {
        [self.transactions.deadline(), self.due].into_iter().flatten().min()
    }

    /// Whether calls do not ring here yet, and soon will.
    pub fn is_entering(&self) -> bool {
        self.entering
    }

    /// How many talks there are, those that the page has given up left out.
    pub fn talks(&self) -> usize {
        self.talks.iter().filter(|talk| talk.stage != Stage::GivenUp).count()
    }

    /// The page has gone: every talk ends, and nothing rings here any more.
    pub fn leave(&mut self, now: Instant) {
        let names: Vec<Box<str>> = self.talks.iter().map(|talk| talk.name.clone()).collect();
        for name in names {
            // One that is over already is over.
            let _over = self.hang_up(&name, false, now);
        }
    }

    /// What is to be said next, and to whom; `None` when nothing is.
    pub fn poll(&mut self, now: Instant) -> Option<Out> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Some(Out::Page(told));
            }
            match self.transactions.poll()? {
                Output::Send { bytes, .. } => return Some(Out::Sip(bytes)),
                Output::Heard(heard) => self.heard(heard, now),
            }
        }
    }

    fn heard(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Request { id, request, .. } => self.asked(id, request, now),
            Heard::Ack { request, .. } => self.acknowledged(&request),
            Heard::Cancelled { id, cancel } => self.cancelled(id, &cancel, now),
            Heard::Response { id, response, .. } => self.answered(id, &response, now),
            Heard::StrayResponse { id, .. } => {
                if let Some(ack) = self.acks.get(&id).cloned() {
                    self.transactions.send_again(ack, self.hop);
                }
            }
            Heard::TimedOut { id } | Heard::Unreachable { id } => self.unanswered(id, now),
            Heard::Ended { id } => drop(self.acks.remove(&id)),
            Heard::AckMissing { id } => self.ack_missing(id, now),
            Heard::ReplyLost { .. } | Heard::CancelSent { .. } => {}
        }
    }

    fn answered(&mut self, id: ClientId, response: &Response, now: Instant) {
        let Some(errand) = self.errands.get(&id).cloned() else { return };
        if response.status().is_final() {
            self.errands.remove(&id);
        }
        match errand {
            Errand::Register => self.registered(response, now),
            Errand::Invite(talk) => self.invite_answered(id, &talk, response, now),
            Errand::Inside(talk, method) => self.inside_answered(id, &talk, &method, response),
            Errand::Message => self.message_answered(response),
        }
    }

    fn unanswered(&mut self, id: ClientId, now: Instant) {
        let silent = || Why::of_status(408, "no answer came in time");
        match self.errands.remove(&id) {
            None => {}
            Some(Errand::Register) => (self.due, self.entering) = (Some(now + TRY_AGAIN), false),
            Some(Errand::Invite(talk)) => self.over(&talk, silent()),
            Some(Errand::Inside(talk, Method::Invite | Method::Bye)) => self.over(&talk, silent()),
            Some(Errand::Inside(talk, _)) => self.complain(&talk, "no_answer", "no answer came in time"),
            Some(Errand::Message) => {
                self.told.push_back(Refusal::new("no_answer", "the text was not answered").told(None));
            }
        }
    }

    fn register(&mut self, now: Instant) {
        self.due = None;
        let tag = self.tokens.tag();
        self.registration.1 += 1;
        let identity = self.identity();
        let draft = Draft::request(Method::Register, &format!("sip:{}", self.host))
            .header(Name::MaxForwards, 70)
            .text(Name::From, &format!("{identity};tag={tag}"))
            .text(Name::To, &identity)
            .text(Name::CallId, &self.registration.0.clone())
            .header(Name::CSeq, format_args!("{} REGISTER", self.registration.1))
            .text(Name::Contact, &self.contact.clone())
            .text(Name::UserAgent, "Patchcord browser");
        match self.transactions.request(draft, self.hop, &self.sent_by, now) {
            Ok(id) => drop(self.errands.insert(id, Errand::Register)),
            Err(_full) => self.due = Some(now + TRY_AGAIN),
        }
    }

    fn registered(&mut self, response: &Response, now: Instant) {
        let status = response.status();
        if status.is_provisional() {
            return;
        }
        self.entering = false;
        if !status.is_success() {
            self.due = Some(now + TRY_AGAIN);
            let reason = format!("calls do not ring here: {} {}", status.code(), response.reason());
            return self.told.push_back(Refusal::new("not_registered", reason).told(None));
        }
        let ours = response.contacts().flatten().filter_map(|contact| contact.addr());
        let own = self.contact.trim_matches(['<', '>']).split(';').next().unwrap_or_default().to_owned();
        let lease = ours.filter(|contact| contact.uri.as_str().starts_with(&own)).find_map(|contact| contact.expires());
        let lease = lease.map_or(USUAL_LEASE, |seconds| Duration::from_secs(seconds.into()));
        self.due = Some(now + (lease / 2).clamp(Duration::from_secs(1), LOOKS_EVERY));
    }

    /// A request of the engine: for a talk, for a new one, or answered here.
    fn asked(&mut self, id: ServerId, request: Request, now: Instant) {
        if request.to_tag().is_ok_and(|tag| tag.is_some()) {
            return match self.talk_of(&request) {
                Some(at) => self.asked_inside(at, id, request, now),
                None => self.reply(id, &request, 481, now),
            };
        }
        match request.method() {
            Method::Invite => self.rung(id, request, now),
            Method::Options => {
                let tag = self.tokens.tag();
                let draft = Draft::reply(&request, self.hop.peer, 200).to_tag(&tag).text(Name::Allow, ALLOWED);
                self.respond(id, &draft, now);
            }
            Method::Message => {
                self.texted(None, &request);
                self.reply(id, &request, 200, now);
            }
            Method::Notify => self.reply(id, &request, 481, now),
            _ => self.reply(id, &request, 405, now),
        }
    }

    fn reply(&mut self, id: ServerId, request: &Request, status: u16, now: Instant) {
        let tag = self.tokens.tag();
        let draft = Draft::reply(request, self.hop.peer, status).to_tag(&tag);
        self.respond(id, &draft, now);
    }

    fn respond(&mut self, id: ServerId, draft: &Draft, now: Instant) {
        let status = draft.status().expect("a reply has a status");
        self.transactions.respond(id, status, draft.finish(), now);
    }

    fn talk_of(&mut self, request: &Request) -> Option<usize> {
        let id = DialogId::of_request(request).ok()??;
        self.talks.iter_mut().position(|talk| talk.dialog().is_some_and(|dialog| dialog.is(id)))
    }

    fn find(&mut self, name: &str) -> Result<&mut Talk, Refusal> {
        let talk = self.talks.iter_mut().find(|talk| *talk.name == *name && talk.stage != Stage::GivenUp);
        talk.ok_or_else(|| Refusal::new("unknown_talk", "there is no such talk, or it is over"))
    }

    fn at(&self, name: &str) -> Option<usize> {
        self.talks.iter().position(|talk| *talk.name == *name)
    }

    /// A talk is over: the page is told, unless it has ended it itself.
    fn over(&mut self, name: &str, why: Why) {
        let Some(at) = self.at(name) else { return };
        let talk = self.talks.remove(at);
        if talk.stage != Stage::GivenUp {
            self.told.push_back(Told::Ended { talk: name.into(), why });
        }
    }

    fn complain(&mut self, talk: &str, code: &'static str, reason: impl Into<String>) {
        if self.at(talk).is_some() {
            self.told.push_back(Refusal::new(code, reason).told(Some(talk)));
        }
    }

    /// Who the page speaks for, as From has it.
    fn identity(&self) -> String {
        format!("<sip:{}@{}>", self.who.user, self.host)
    }

    /// What a number means.
    fn target(&self, number: &str) -> Result<String, Refusal> {
        let number = number.trim();
        let number = number.strip_prefix("tel:").or(number.strip_prefix("sip:")).unwrap_or(number);
        let number = number.split('@').next().unwrap_or(number);
        let plain: String = number.chars().filter(|c| !c.is_whitespace() && !"()/".contains(*c)).collect();
        if plain.is_empty() {
            return Err(Refusal::new("malformed", "that is no number and no name"));
        }
        Ok(format!("sip:{}@{}", patchcord_sip::uri::escape_user(&plain), self.host))
    }
}

/// The session description in a message.
fn description(headers: &patchcord_sip::Headers) -> Option<String> {
    let described = headers.content_type().is_some_and(|kind| kind.is(SDP)) && !headers.body_bytes().is_empty();
    described.then(|| String::from_utf8_lossy(headers.body_bytes()).into_owned())
}
