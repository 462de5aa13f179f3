//! A world for two lines: real transactions on both sides, a wire that delays, loses and doubles, and a clock that is turned.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_media::browser::Credentials;
use patchcord_media::sdp::agreed::Sound;
use patchcord_media::sdp::dtls::Fingerprint;
use patchcord_media::sdp::ice::Ice;
use patchcord_media::sdp::{Codec, Place, Policy};
use patchcord_sip::digest::Credential;
use patchcord_sip::hop::{FlowId, Hop, Transport};
use patchcord_sip::message::{Draft, Message, Method, Request};
use patchcord_sip::tokens::Tokens;
use patchcord_sip::transaction::{ClientId, Heard, Limits, Output, ServerId, TimerSet, Transactions};
use patchcord_sip::uri::Uri;

use super::super::*;
use crate::call::effect::{Invitation, Through, Way};
use crate::call::verb::Dial;

pub const ALICE: usize = 0;
pub const BOB: usize = 1;
/// Whoever is no line: what is sent there is only kept.
pub const STRANGER: usize = 2;

/// How long a message is on its way.
pub const FLIGHT: Duration = Duration::from_millis(10);

/// What happens to a message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Arrives,
    Lost,
    Twice,
    /// Later by so many flights.
    Late(u32),
}

/// One side: what a desk does for a line, and no more.
pub struct Side {
    pub terms: LineTerms,
    pub line: Option<Line>,
    table: Transactions,
    tokens: Tokens,
    clients: HashMap<ClientId, Mark>,
    pub told: Vec<LegEvent>,
    pub tuned: Vec<Sound>,
    /// By what its port is found after ICE began anew.
    pub restarted: Vec<Credentials>,
    /// Where the party may be as well.
    pub learned: Vec<(SocketAddr, u32)>,
    /// Requests that no line took, with the fault.
    pub unfit: Vec<Unfit>,
    pub port: u16,
    open: Vec<ServerId>,
}

/// Tells what happens to a message by its sender and its first line.
type Weather = Box<dyn FnMut(usize, &str) -> Fate>;

/// Both sides, and what is between them.
pub struct World {
    pub now: Instant,
    pub sides: Vec<Side>,
    air: Vec<(Instant, usize, usize, Bytes)>,
    /// What was sent, by whom, the first line and how it fared.
    pub log: Vec<(usize, String)>,
    /// What the stranger has got.
    pub heard: Vec<Message>,
    weather: Weather,
}

pub fn address(side: usize) -> SocketAddr {
    ([198, 51, 100, 1 + side as u8], 5060).into()
}

fn side_at(address: SocketAddr) -> usize {
    match address.ip() {
        std::net::IpAddr::V4(ip) => usize::from(ip.octets()[3] - 1),
        std::net::IpAddr::V6(_) => STRANGER,
    }
}

impl Side {
    fn new(number: u8, now: Instant) -> Self {
        let codecs = if number == 0 { [Codec::PCMA, Codec::PCMU] } else { [Codec::PCMU, Codec::PCMA] };
        Self {
            terms: LineTerms::new(Policy::new(codecs)),
            line: None,
            table: Transactions::new(TimerSet::default(), Limits::default(), [number; 32], now),
            tokens: Tokens::seeded([100 + number; 32]),
            clients: HashMap::new(),
            told: Vec::new(),
            tuned: Vec::new(),
            restarted: Vec::new(),
            learned: Vec::new(),
            unfit: Vec::new(),
            port: 20_000 + 1000 * u16::from(number),
            open: Vec::new(),
        }
    }
}

impl World {
    pub fn new() -> Self {
        let now = Instant::now();
        Self {
            now,
            sides: vec![Side::new(0, now), Side::new(1, now)],
            air: Vec::new(),
            log: Vec::new(),
            heard: Vec::new(),
            weather: Box::new(|_, _| Fate::Arrives),
        }
    }

    /// Decides the fate of each message by its sender and first line.
    pub fn weather(&mut self, weather: impl FnMut(usize, &str) -> Fate + 'static) {
        self.weather = Box::new(weather);
    }

    /// Loses the first so many messages that begin so.
    pub fn lose(&mut self, count: u32, beginning: &'static str) {
        let mut left = count;
        self.weather(move |_, first| {
            if left > 0 && first.starts_with(beginning) {
                left -= 1;
                return Fate::Lost;
            }
            Fate::Arrives
        });
    }

    pub fn with_password(&mut self, side: usize) {
        self.sides[side].terms.credentials = Some(("alice".into(), Credential::Password("secret".into())));
    }

    /// Alice calls somebody.
    pub fn call(&mut self, whom: usize) {
        let target = format!("sip:bob@{}", address(whom));
        let outward = Outward {
            target: &target,
            from: "\"Alice\" <sip:alice@example.org>",
            to: "<sip:bob@example.org>",
            call_id: "the-call",
            tag: "tag-of-alice",
            contact: contact(ALICE),
            routes: &[],
            hops: 70,
            headers: vec![("P-Asserted-Identity".into(), "<sip:alice@example.org>".into())],
        };
        let terms = Arc::new(self.sides[ALICE].terms.clone());
        self.sides[ALICE].line = Some(Line::calling(outward, terms).expect("addresses that can be read"));
        self.order(ALICE, LineOrder::Invite(Box::new(invitation())));
    }

    /// Both talk.
    pub fn talk() -> Self {
        let mut world = Self::new();
        world.talking();
        world
    }

    pub fn talking(&mut self) {
        self.call(BOB);
        self.pass(FLIGHT * 3);
        self.order(BOB, LineOrder::Answer);
        self.pass(FLIGHT * 4);
        assert_eq!(self.sides[ALICE].told.last(), Some(&LegEvent::Answered));
        assert_eq!(self.sides[BOB].told.last(), Some(&LegEvent::Answered));
        self.forget();
    }

    /// What was told and sent so far does not count.
    pub fn forget(&mut self) {
        self.log.clear();
        self.heard.clear();
        for side in &mut self.sides {
            side.told.clear();
            side.tuned.clear();
        }
    }

    pub fn order(&mut self, side: usize, order: LineOrder) {
        let needs = matches!(order, LineOrder::Ring | LineOrder::Progress | LineOrder::Answer | LineOrder::Invite(_));
        let port = self.sides[side].port;
        self.with(side, |line, cx| {
            if needs && line.needs_place() {
                let at = SocketAddr::new(address(side).ip(), port);
                let place = if line.is_browser() { browser_place(at) } else { Place::new(at, None) };
                line.place(place, cx);
            }
            line.obey(order, cx);
        });
    }

    /// Does something with a line, and what it wants done then.
    pub fn with(&mut self, side: usize, deed: impl FnOnce(&mut Line, &mut Cx<'_>)) {
        let mut acts = Vec::new();
        let here = &mut self.sides[side];
        let Some(line) = &mut here.line else { return };
        deed(line, &mut Cx { now: self.now, tokens: &mut here.tokens, acts: &mut acts });
        for act in acts {
            self.act(side, act);
        }
        self.drain(side);
    }

    fn act(&mut self, side: usize, act: Act) {
        let now = self.now;
        let here = &mut self.sides[side];
        match act {
            Act::Respond(id, status, bytes) => {
                if status >= 200 {
                    here.open.retain(|open| *open != id);
                }
                here.table.respond(id, status, bytes, now);
            }
            Act::StopRepeating(id) => here.table.stop_repeating(id, now),
            Act::Request(mark, draft, lead) => {
                let hop = hop(side, peer_of(&lead, &draft));
                let id = here.table.request(draft, hop, &address(side).to_string(), now).expect("room");
                here.clients.insert(id, mark);
            }
            Act::Cancel(mark, reason) => {
                let ids: Vec<_> = here.clients.iter().filter(|(_, known)| **known == mark).map(|(id, _)| *id).collect();
                ids.into_iter().for_each(|id| here.table.cancel(id, reason.as_deref(), now));
            }
            Act::Ack(mark, draft, lead) => {
                let hop = hop(side, peer_of(&lead, &draft));
                let bytes = here.table.send_ack(draft, hop, &address(side).to_string());
                if let Some(line) = &mut here.line {
                    line.acknowledged(mark, bytes);
                }
            }
            Act::AckAgain(bytes, Lead::Hop(hop)) => here.table.send_again(bytes, hop),
            Act::AckAgain(bytes, _) => here.table.send_again(bytes, hop(side, address(1 - side))),
            Act::Tune(sound, _) => here.tuned.push(Sound::clone(&sound)),
            Act::Restart(ours) => here.restarted.push(ours),
            Act::Learn(there) => here.learned.extend(there),
            Act::Tell(event) => here.told.push(event),
        }
    }

    /// Takes what the transactions say.
    fn drain(&mut self, side: usize) {
        while let Some(output) = self.sides[side].table.poll() {
            match output {
                Output::Send { hop, bytes, .. } => self.send(side, side_at(hop.peer), bytes),
                Output::Heard(heard) => self.hear(side, heard),
            }
        }
    }

    fn send(&mut self, from: usize, to: usize, bytes: Bytes) {
        let text = String::from_utf8_lossy(&bytes);
        let first = text.lines().next().unwrap_or_default().to_owned();
        let cseq = text.lines().find_map(|line| line.strip_prefix("CSeq: ")).unwrap_or_default().to_owned();
        let first = match first.strip_prefix("SIP/2.0 ") {
            Some(status) => format!("{} {}", &status[..3], cseq.split(' ').nth(1).unwrap_or_default()),
            None => first.split(' ').next().unwrap_or_default().to_owned(),
        };
        let fate = (self.weather)(from, &first);
        let times = match fate {
            Fate::Lost => 0,
            Fate::Twice => 2,
            _ => 1,
        };
        self.log.push((from, if fate == Fate::Lost { format!("{first} lost") } else { first }));
        let late = if let Fate::Late(flights) = fate { FLIGHT * flights } else { Duration::ZERO };
        for time in 1..=times {
            self.air.push((self.now + FLIGHT * time + late, from, to, bytes.clone()));
        }
    }

    /// A stranger says something to a side.
    pub fn say(&mut self, to: usize, text: &str) {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.air.push((self.now + FLIGHT, STRANGER, to, bytes));
        self.pass(FLIGHT);
    }

    fn hear(&mut self, side: usize, heard: Heard) {
        match heard {
            Heard::Request { id, request, hop } => self.asked(side, id, &request, &hop),
            Heard::Ack { request, .. } => self.with(side, |line, cx| line.ack(&request, cx)),
            Heard::Cancelled { id, cancel } => self.with(side, |line, cx| line.cancelled(id, &cancel, cx)),
            Heard::Response { id, response, hop } => {
                if let Some(mark) = self.sides[side].clients.get(&id).copied() {
                    self.with(side, |line, cx| line.response(mark, &response, &hop, cx));
                }
            }
            Heard::StrayResponse { id, response, hop } => {
                if let Some(mark) = self.sides[side].clients.get(&id).copied() {
                    self.with(side, |line, cx| line.stray(mark, &response, &hop, cx));
                }
            }
            Heard::TimedOut { id } | Heard::Unreachable { id } => {
                if let Some(mark) = self.sides[side].clients.remove(&id) {
                    self.with(side, |line, cx| line.failed(mark, 408, cx));
                }
            }
            Heard::Ended { id } => {
                if let Some(mark) = self.sides[side].clients.remove(&id) {
                    self.with(side, |line, _| line.forks_over(mark));
                }
            }
            Heard::AckMissing { id } => self.with(side, |line, cx| line.ack_missing(id, cx)),
            Heard::ReplyLost { .. } | Heard::CancelSent { .. } => {}
        }
    }

    fn asked(&mut self, side: usize, id: ServerId, request: &Request, hop: &Hop) {
        self.sides[side].open.push(id);
        let opens = request.to_tag().is_ok_and(|tag| tag.is_none());
        if !(opens && *request.method() == Method::Invite) {
            return self.with(side, |line, cx| line.request(id, request, hop, cx));
        }
        let terms = Arc::new(self.sides[side].terms.clone());
        match Line::called(request, id, hop, "tag-of-bob", contact(side), terms) {
            Ok(line) => self.sides[side].line = Some(line),
            Err(unfit) => {
                let reply = unfit.write(Draft::reply(request, hop.peer, unfit.status())).to_tag("tag-of-bob");
                self.sides[side].unfit.push(unfit);
                self.act(side, Act::Respond(id, reply.status().expect("a reply"), reply.finish()));
                self.drain(side);
            }
        }
    }

    /// Lets time pass, with everything that happens in it.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let air = self.air.iter().map(|(at, ..)| *at).min();
            let tables = self.sides.iter().filter_map(|side| side.table.deadline()).min();
            let lines = self.sides.iter().filter_map(|side| side.line.as_ref()?.deadline()).min();
            let Some(next) = [air, tables, lines].into_iter().flatten().min().filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    fn step(&mut self) {
        let now = self.now;
        let mut arrived: Vec<_> = self.air.extract_if(.., |(at, ..)| *at <= now).collect();
        arrived.sort_by_key(|(at, ..)| *at);
        for (_, from, to, bytes) in arrived {
            let message = Message::parse(bytes).expect("what is sent can be read");
            if to == STRANGER {
                self.heard.push(message);
                continue;
            }
            self.sides[to].table.receive(message, hop(to, address(from)), now);
            self.drain(to);
        }
        for side in 0..self.sides.len() {
            self.sides[side].table.wake(now);
            self.drain(side);
            if self.sides[side].line.as_ref().and_then(Line::deadline).is_some_and(|at| at <= now) {
                self.with(side, |line, cx| line.wake(cx));
            }
        }
    }

    /// After all timers: both lines can be forgotten, and no request is unanswered.
    pub fn assert_nothing_left(&mut self) {
        self.pass(Duration::from_secs(70));
        for (number, side) in self.sides.iter().enumerate() {
            let line = side.line.as_ref();
            assert!(line.is_none_or(Line::is_over), "side {number}: {line:?}");
            assert_eq!(line.and_then(Line::deadline), None, "side {number} waits for nothing");
            assert!(side.open.is_empty(), "side {number} owes answers");
            assert!(side.table.is_empty(), "side {number} has transactions left");
        }
    }

    /// What a side has sent, in order.
    pub fn sent(&self, by: usize) -> Vec<&str> {
        self.log.iter().filter(|(from, _)| *from == by).map(|(_, first)| first.as_str()).collect()
    }

    /// The last message to the stranger as text.
    pub fn last_heard(&self) -> String {
        self.heard.last().map(text).unwrap_or_default()
    }
}

pub fn text(message: &Message) -> String {
    String::from_utf8_lossy(message.headers().bytes()).into_owned()
}

fn contact(side: usize) -> Arc<str> {
    format!("<sip:{}>", address(side)).into()
}

/// A port for a browser.
fn browser_place(at: SocketAddr) -> Place {
    let ice = Ice { ufrag: "ours".into(), pwd: "a-password-of-enough-letters".into(), lite: true, ..Ice::default() };
    let fingerprint = Fingerprint { hash: "sha-256".into(), bytes: vec![0xab; 32] };
    Place { fingerprint: Some(fingerprint), ice: Some(ice), ..Place::new(at, None) }
}

fn hop(side: usize, peer: SocketAddr) -> Hop {
    Hop { transport: Transport::Udp, flow: FlowId(0), local: address(side), peer }
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

fn invitation() -> Invitation {
    let dial = Dial::new(Vec::new(), Duration::from_secs(30));
    Invitation { way: Way { uri: String::new(), through: Through::Straight }, caller: None, referrer: None, dial }
}
