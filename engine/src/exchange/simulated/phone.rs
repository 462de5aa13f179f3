//! A scripted phone: real transactions, a real line for each of its calls, and a list of what it does when.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_media::sdp::{Codec, Place, Policy};
use patchcord_sip::dialog::DialogId;
use patchcord_sip::digest::{Asked, Challenge, Credential};
use patchcord_sip::hop::{FlowId, Hop, Transport};
use patchcord_sip::message::{Draft, Message, Method, Name, Request};
use patchcord_sip::tokens::Tokens;
use patchcord_sip::transaction::{ClientId, Heard, Limits, Output, ServerId, TimerSet, Transactions};
use patchcord_sip::uri::Uri;

use super::town::{HOUSE, PASSWORD};
use crate::call::effect::{Invitation, Through, Way};
use crate::call::verb::Dial;
use crate::call::{LegEvent, LineOrder};
use crate::line::{Act, Cx, Lead, Line, LineTerms, Mark, Outward};

/// The most calls of one phone at once; a further one finds it busy.
const MOST_LINES: usize = 4;

/// What a phone does of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Registers, for an hour.
    Register,
    /// Calls a number.
    Call(&'static str),
    /// Hangs up its newest call, or gives it up.
    HangUp,
    /// Hangs up all of them.
    HangUpAll,
    /// The same, and takes no calls any more.
    Close,
    /// Holds its eldest call, or takes it back.
    Hold(bool),
    /// Transfers its eldest call to a number.
    Transfer(&'static str),
    /// Joins the parties of its two eldest calls.
    TransferAttended,
    /// Forgets everything, and hears nothing for a while.
    Crash(Duration),
    /// Forgets everything, and never comes back.
    Burn,
}

/// What a phone does when it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Rings, and answers later.
    Answers(Duration),
    /// Sends sound before it answers.
    Early(Duration),
    /// Rings, and nobody comes.
    Rings,
    /// Refuses at once.
    Refuses(u16),
    /// Says nothing at all.
    Silent,
}

/// One call of a phone.
struct Talk {
    line: Line,
    clients: Vec<(ClientId, Mark)>,
    answers: Option<Instant>,
}

pub struct Phone {
    pub name: &'static str,
    pub address: SocketAddr,
    pub manner: Manner,
    pub deeds: VecDeque<(Instant, Deed)>,
    table: Transactions,
    tokens: Tokens,
    terms: Arc<LineTerms>,
    talks: Vec<Talk>,
    /// How many calls it has had.
    count: u32,
    registering: Option<(ClientId, u32)>,
    /// Until when it hears nothing; for ever.
    deaf: Option<Option<Instant>>,
    /// How often it was told that a call was answered, and that one ended.
    pub answered: u32,
    pub ended: u32,
}

impl Phone {
    pub fn new(name: &'static str, number: u8, seed: u64, now: Instant) -> Self {
        let mut bytes = [number; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut terms = LineTerms::new(Policy::new([Codec::PCMA, Codec::PCMU]));
        terms.credentials = Some((name.to_owned(), Credential::Password(PASSWORD.into())));
        Self {
            name,
            address: ([198, 51, 100, 10 + number], 5060).into(),
            manner: Manner::Answers(Duration::from_secs(1)),
            deeds: VecDeque::new(),
            table: Transactions::new(TimerSet::default(), Limits::default(), bytes, now),
            tokens: Tokens::seeded(bytes),
            terms: Arc::new(terms),
            talks: Vec::new(),
            count: 0,
            registering: None,
            deaf: None,
            answered: 0,
            ended: 0,
        }
    }

    pub fn will(&mut self, at: Instant, deed: Deed) {
        let place = self.deeds.partition_point(|(when, _)| *when <= at);
        self.deeds.insert(place, (at, deed));
    }

    /// Whether it hears nothing.
    pub fn is_deaf(&self) -> bool {
        self.deaf.is_some()
    }

    /// Whether it has a call.
    pub fn talks(&self) -> bool {
        !self.talks.is_empty()
    }

    /// Its calls, in a word each.
    pub fn stages(&self) -> Vec<String> {
        self.talks.iter().map(|talk| format!("{} {:?}", self.name, talk.line.stage())).collect()
    }

    pub fn deadline(&self) -> Option<Instant> {
        if let Some(until) = self.deaf {
            return until;
        }
        let deeds = self.deeds.front().map(|(at, _)| *at);
        let lines = self.talks.iter().filter_map(|talk| talk.line.deadline()).min();
        let answers = self.talks.iter().filter_map(|talk| talk.answers).min();
        [deeds, lines, answers, self.table.deadline()].into_iter().flatten().min()
    }

    pub fn receive(&mut self, bytes: Bytes, now: Instant) {
        if self.is_deaf() {
            return;
        }
        let message = Message::parse(bytes).expect("the house says what can be read");
        self.table.receive(message, self.hop(HOUSE), now);
    }

    pub fn wake(&mut self, now: Instant) {
        if let Some(until) = self.deaf {
            self.deaf =
                until.filter(|until| *until > now).map(Some).or(if until.is_none() { Some(None) } else { None });
            if self.is_deaf() {
                return;
            }
        }
        if self.table.deadline().is_some_and(|due| due <= now) {
            self.table.wake(now);
        }
        for at in 0..self.talks.len() {
            if self.talks[at].line.deadline().is_some_and(|due| due <= now) {
                self.with(at, now, |line, cx| line.wake(cx));
            }
            if self.talks[at].answers.take_if(|due| *due <= now).is_some() {
                self.order(at, LineOrder::Answer, now);
            }
        }
        if let Some((_, deed)) = self.deeds.pop_front_if(|(at, _)| *at <= now) {
            self.perform(deed, now);
        }
        self.talks.retain(|talk| !talk.line.is_over());
    }

    fn perform(&mut self, deed: Deed, now: Instant) {
        match deed {
            Deed::Register => self.register(None, now),
            Deed::Call(number) => self.call(number, now),
            Deed::HangUp => {
                if let Some(last) = self.talks.len().checked_sub(1) {
                    self.order(last, LineOrder::HangUp { cause: 16, sip: None, words: None }, now);
                }
            }
            Deed::HangUpAll | Deed::Close => {
                if deed == Deed::Close {
                    self.manner = Manner::Refuses(480);
                }
                for at in 0..self.talks.len() {
                    self.order(at, LineOrder::HangUp { cause: 16, sip: None, words: None }, now);
                }
            }
            Deed::Hold(hold) => self.of_eldest(LineOrder::Hold(hold), now),
            Deed::Transfer(number) => self.of_eldest(LineOrder::Refer(format!("sip:{number}@{HOUSE}")), now),
            Deed::TransferAttended => {
                let Some(to) = self.talks.get(1).and_then(|talk| talk.line.dialog()).map(replacing) else { return };
                self.of_eldest(LineOrder::Refer(to), now);
            }
            Deed::Crash(_) | Deed::Burn => {
                self.deaf = Some(if let Deed::Crash(time) = deed { Some(now + time) } else { None });
                self.talks.clear();
                self.registering = None;
                self.table = Transactions::new(TimerSet::default(), Limits::default(), self.tokens.bytes(), now);
                if deed == Deed::Burn {
                    self.deeds.clear();
                }
            }
        }
    }

    fn of_eldest(&mut self, order: LineOrder, now: Instant) {
        if self.talks.first().is_some_and(|talk| talk.line.is_up()) {
            self.order(0, order, now);
        }
    }

    fn register(&mut self, answer: Option<String>, now: Instant) {
        let number = self.registering.map_or(1, |(_, number)| number + 1);
        let mut draft = Draft::request(Method::Register, &format!("sip:{HOUSE}"))
            .header(Name::MaxForwards, 70)
            .header(Name::From, format_args!("<sip:{}@{HOUSE}>;tag=r{}", self.name, self.count))
            .header(Name::To, format_args!("<sip:{}@{HOUSE}>", self.name))
            .header(Name::CallId, format_args!("register-{}", self.name))
            .header(Name::CSeq, format_args!("{number} REGISTER"))
            .header(Name::Contact, format_args!("{};expires=3600", self.contact()));
        if let Some(answer) = answer {
            draft = draft.header(Name::Authorization, answer);
        }
        let sent_by = self.address.to_string();
        let id = self.table.request(draft, self.hop(HOUSE), &sent_by, now).expect("there is room");
        self.registering = Some((id, number));
    }

    fn call(&mut self, number: &str, now: Instant) {
        if self.talks.len() >= MOST_LINES {
            return;
        }
        self.count += 1;
        let (target, tag) = (format!("sip:{number}@{HOUSE}"), format!("{}-{}", self.name, self.count));
        let line = Line::calling(
            Outward {
                target: &target,
                from: &format!("<sip:{}@{HOUSE}>", self.name),
                to: &format!("<{target}>"),
                call_id: &format!("call-{tag}"),
                tag: &tag,
                contact: self.contact().into(),
                routes: &[],
                hops: 70,
                headers: Vec::new(),
            },
            self.terms.clone(),
        );
        let line = line.expect("addresses that can be read");
        self.talks.push(Talk { line, clients: Vec::new(), answers: None });
        let dial = Dial::new(Vec::new(), Duration::from_secs(30));
        let way = Way { uri: String::new(), through: Through::Straight };
        let invitation = Invitation { way, caller: None, referrer: None, dial };
        self.order(self.talks.len() - 1, LineOrder::Invite(Box::new(invitation)), now);
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.name, self.address)
    }

    fn hop(&self, peer: SocketAddr) -> Hop {
        Hop { transport: Transport::Udp, flow: FlowId(0), local: self.address, peer }
    }

    fn order(&mut self, at: usize, order: LineOrder, now: Instant) {
        let number = 20_000 + 2 * (self.count as u16 % 1000);
        let place = Place::new((self.address.ip(), number).into(), None);
        self.with(at, now, |line, cx| {
            if line.needs_place() {
                line.place(place, cx);
            }
            line.obey(order, cx);
        });
    }

    fn with(&mut self, at: usize, now: Instant, deed: impl FnOnce(&mut Line, &mut Cx<'_>)) {
        let mut acts = Vec::new();
        let talk = &mut self.talks[at];
        deed(&mut talk.line, &mut Cx { now, tokens: &mut self.tokens, acts: &mut acts });
        for act in acts {
            self.act(at, act, now);
        }
    }

    fn act(&mut self, at: usize, act: Act, now: Instant) {
        let (sent_by, table) = (self.address.to_string(), &mut self.table);
        let hop = |peer| Hop { transport: Transport::Udp, flow: FlowId(0), local: self.address, peer };
        let talk = &mut self.talks[at];
        match act {
            Act::Respond(id, status, bytes) => table.respond(id, status, bytes, now),
            Act::StopRepeating(id) => table.stop_repeating(id, now),
            Act::Request(mark, draft, lead) => {
                let peer = peer_of(&lead, &draft);
                let id = table.request(draft, hop(peer), &sent_by, now).expect("there is room");
                talk.clients.push((id, mark));
            }
            Act::Cancel(mark, reason) => {
                for (id, _) in talk.clients.iter().filter(|(_, of)| *of == mark) {
                    table.cancel(*id, reason.as_deref(), now);
                }
            }
            Act::Ack(mark, draft, lead) => {
                let peer = peer_of(&lead, &draft);
                let bytes = table.send_ack(draft, hop(peer), &sent_by);
                talk.line.acknowledged(mark, bytes);
            }
            Act::AckAgain(bytes, Lead::Hop(hop)) => table.send_again(bytes, hop),
            Act::AckAgain(bytes, _) => table.send_again(bytes, hop(HOUSE)),
            Act::Tell(LegEvent::Answered) => self.answered += 1,
            Act::Tell(LegEvent::Ended(_) | LegEvent::Refused(_)) => self.ended += 1,
            Act::Tell(_) | Act::Tune(..) | Act::Restart(_) | Act::Learn(_) => {}
        }
    }

    /// What it has sent since the last time.
    pub fn sent(&mut self, now: Instant) -> Vec<(SocketAddr, Bytes)> {
        let mut sent = Vec::new();
        while let Some(output) = self.table.poll() {
            match output {
                Output::Send { hop, bytes, .. } => sent.push((hop.peer, bytes)),
                Output::Heard(heard) => self.hear(heard, now),
            }
        }
        self.talks.retain(|talk| !talk.line.is_over());
        if self.is_deaf() { Vec::new() } else { sent }
    }

    fn owner(&self, id: ClientId) -> Option<(usize, Mark)> {
        self.talks.iter().enumerate().find_map(|(at, talk)| {
            let mark = talk.clients.iter().find(|(of, _)| *of == id).map(|(_, mark)| *mark)?;
            Some((at, mark))
        })
    }

    fn addressed(&self, request: &Request) -> Option<usize> {
        let id = DialogId::of_request(request).ok().flatten()?;
        self.talks.iter().position(|talk| talk.line.tag() == id.local)
    }

    fn hear(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Request { id, request, hop } => self.asked(id, &request, &hop, now),
            Heard::Ack { request, .. } => {
                if let Some(at) = self.addressed(&request) {
                    self.with(at, now, |line, cx| line.ack(&request, cx));
                }
            }
            Heard::Cancelled { id, cancel } => self.each(now, |line, cx| line.cancelled(id, &cancel, cx)),
            Heard::AckMissing { id } => self.each(now, |line, cx| line.ack_missing(id, cx)),
            Heard::Response { id, response, .. } if self.registering.is_some_and(|(of, _)| of == id) => {
                let credential = Credential::Password(PASSWORD.into());
                let challenges = || response.all(Name::WwwAuthenticate);
                if response.status().code() == 401
                    && let Ok(challenge) = Challenge::strongest(challenges(), &credential)
                {
                    let uri = format!("sip:{HOUSE}");
                    let asked = Asked { method: "REGISTER", uri: &uri, body: b"" };
                    let answer = challenge.answer(self.name, &credential, asked, 1, "cnonce").expect("it can");
                    self.register(Some(answer), now);
                }
            }
            Heard::Response { id, response, hop } => {
                if let Some((at, mark)) = self.owner(id) {
                    self.with(at, now, |line, cx| line.response(mark, &response, &hop, cx));
                }
            }
            Heard::StrayResponse { id, response, hop } => {
                if let Some((at, mark)) = self.owner(id) {
                    self.with(at, now, |line, cx| line.stray(mark, &response, &hop, cx));
                }
            }
            Heard::TimedOut { id } | Heard::Unreachable { id } => {
                if let Some((at, mark)) = self.owner(id) {
                    self.with(at, now, |line, cx| line.failed(mark, 408, cx));
                }
            }
            Heard::Ended { id } => {
                if let Some((at, mark)) = self.owner(id) {
                    self.with(at, now, |line, _| line.forks_over(mark));
                }
            }
            Heard::ReplyLost { .. } | Heard::CancelSent { .. } => {}
        }
    }

    /// Whom it is about knows itself.
    fn each(&mut self, now: Instant, deed: impl Fn(&mut Line, &mut Cx<'_>)) {
        for at in 0..self.talks.len() {
            self.with(at, now, &deed);
        }
    }

    fn asked(&mut self, id: ServerId, request: &Request, hop: &Hop, now: Instant) {
        if let Some(at) = self.addressed(request) {
            return self.with(at, now, |line, cx| line.request(id, request, hop, cx));
        }
        let opens = request.to_tag().is_ok_and(|tag| tag.is_none()) && *request.method() == Method::Invite;
        let status = match self.manner {
            _ if !opens => 481,
            _ if self.talks.len() >= MOST_LINES => 486,
            Manner::Refuses(status) => status,
            _ => 0,
        };
        self.count += 1;
        let tag = format!("{}-{}", self.name, self.count);
        if status != 0 {
            let reply = Draft::reply(request, hop.peer, status).to_tag(&tag);
            return self.table.respond(id, status, reply.finish(), now);
        }
        match Line::called(request, id, hop, &tag, self.contact().into(), self.terms.clone()) {
            Ok(line) => self.called(line, now),
            Err(unfit) => {
                let reply = unfit.write(Draft::reply(request, hop.peer, unfit.status())).to_tag(&tag);
                self.table.respond(id, unfit.status(), reply.finish(), now);
            }
        }
    }

    fn called(&mut self, line: Line, now: Instant) {
        let answers = match self.manner {
            Manner::Answers(after) | Manner::Early(after) => Some(now + after),
            _ => None,
        };
        self.talks.push(Talk { line, clients: Vec::new(), answers });
        let at = self.talks.len() - 1;
        match self.manner {
            Manner::Answers(_) | Manner::Rings => self.order(at, LineOrder::Ring, now),
            Manner::Early(_) => self.order(at, LineOrder::Progress, now),
            Manner::Refuses(_) | Manner::Silent => {}
        }
    }
}

/// The Refer-To that takes the place of a dialog.
fn replacing(dialog: &patchcord_sip::dialog::Dialog) -> String {
    let id = dialog.id();
    let escaped = |text: &str| text.replace('@', "%40").replace(';', "%3B").replace('=', "%3D");
    format!(
        "{}?Replaces={}%3Bto-tag%3D{}%3Bfrom-tag%3D{}",
        dialog.target(),
        escaped(id.call_id),
        escaped(id.remote),
        escaped(id.local)
    )
}

fn peer_of(lead: &Lead, draft: &Draft) -> SocketAddr {
    let of = |uri: &str| {
        let uri = Uri::parse(uri).expect("an address");
        SocketAddr::new(uri.address().expect("a number"), uri.port().unwrap_or(5060))
    };
    match lead {
        Lead::Hop(hop) => hop.peer,
        Lead::Uri(uri) => of(uri),
        Lead::Opening => of(draft.uri().expect("a request")),
    }
}
