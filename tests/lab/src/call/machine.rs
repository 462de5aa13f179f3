//! One phone's signalling: messages and instants in, bytes out, calls between.
//!
//! The transactions, dialogs and timers are `patchcord-sip`'s; what is said in them is the phone's own. Who owns a machine
//! sends what [`Machine::poll`] gives and calls [`Machine::wake`] at [`Machine::deadline`].

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use patchcord_sip::message::{Draft, Message, Request, Response};
use patchcord_sip::tokens::Tokens;
use patchcord_sip::transaction::{ClientId, Heard, Limits, Output, Sender, ServerId, TimerSet, Transactions};
use patchcord_sip::{FlowId, Hop, Method, Name, Transport, Uri};
use tokio::runtime::Handle;

use super::lab::Choirs;
use super::leg::{Leg, Role};
use super::model::{Keypad, Model, Reports};
use super::talk::{Edit, Talk};
use super::wire::Wire;
use crate::clock;
use crate::digest::{Challenge, Proof};
use crate::reply::Reply;
use crate::sound::ear::Ear;
use crate::sound::mouth::Mouth;
use crate::sound::port::Port;
use crate::sound::speech::Speech;
use crate::sound::voice::Voice;

/// Calls that one phone makes or takes in its life, ended ones included; a phone of a bench makes a new one after that.
const MAX_CALLS: usize = 100_000;
/// Calls whose sound is remembered when they are over.
const REMEMBERED_CALLS: usize = 4;
/// Messages that are remembered, to be asked about.
const MAX_REMEMBERED: usize = 2000;

/// Changes or swallows what the phone sends.
pub(crate) type Twist = Box<dyn FnMut(&str) -> Option<String> + Send>;

/// What a request of ours is for.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    Register {
        proved: bool,
        seconds: u32,
    },
    /// The first INVITE of a call.
    Invite(usize),
    /// Anything inside a call.
    Inside {
        leg: usize,
        say: Say,
        proved: bool,
    },
}

/// A request inside a call, but for what its dialog says.
#[derive(Clone, Debug)]
pub(crate) struct Say {
    pub method: Method,
    pub headers: Vec<(String, String)>,
    pub body: Option<(&'static str, Bytes)>,
}

impl Say {
    pub fn new(method: Method) -> Self {
        Self { method, headers: Vec::new(), body: None }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn body(mut self, kind: &'static str, body: impl Into<Bytes>) -> Self {
        self.body = Some((kind, body.into()));
        self
    }
}

/// See the module.
pub(crate) struct Machine {
    pub name: String,
    pub model: Model,
    pub speech: Speech,
    pub wire: Option<Wire>,
    pub transactions: Transactions,
    pub tokens: Tokens,
    pub legs: Vec<Leg>,
    pub errands: HashMap<ClientId, Errand>,
    pub acks: HashMap<ClientId, (Bytes, Hop)>,
    /// What came, in order.
    pub journal: Vec<Reply>,
    pub twist: Option<Twist>,
    pub edit: Option<Edit>,
    /// How the last REGISTER was answered, and its name.
    pub registered: Option<u16>,
    pub registration: (String, u32),
    pub choirs: Choirs,
    pub lab: Handle,
}

impl Machine {
    pub fn new(name: &str, model: Model, voice: Voice, choirs: Choirs, lab: &Handle) -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the system has randomness");
        let mut tokens = Tokens::seeded(seed);
        let limits = Limits::default();
        let transactions = Transactions::new(TimerSet::default(), limits, tokens.bytes(), clock::now());
        let registration = (tokens.call_id("lab.invalid"), 0);
        Self {
            name: name.to_owned(),
            speech: Speech::Tone(voice),
            model,
            wire: None,
            transactions,
            tokens,
            legs: Vec::new(),
            errands: HashMap::new(),
            acks: HashMap::new(),
            journal: Vec::new(),
            twist: None,
            edit: None,
            registered: None,
            registration,
            choirs,
            lab: lab.clone(),
        }
    }

    /// A message came.
    pub fn receive(&mut self, bytes: Bytes, hop: Hop, now: Instant) {
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            return;
        }
        if self.journal.len() < MAX_REMEMBERED {
            self.journal.push(Reply::new(String::from_utf8_lossy(&bytes).into_owned()));
        }
        match Message::parse(bytes) {
            Ok(message) => self.transactions.receive(message, hop, now),
            Err(_) => self.transactions.not_sip(),
        }
    }

    /// A connection closed.
    pub fn closed(&mut self, flow: FlowId) {
        self.transactions.flow_closed(flow);
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Instant) {
        self.transactions.wake(now);
        for leg in 0..self.legs.len() {
            self.wake_leg(leg, now);
        }
    }

    /// When to wake it.
    pub fn deadline(&self) -> Option<Instant> {
        let legs = self.legs.iter().filter(|leg| !leg.is_over());
        let times = legs.flat_map(|leg| {
            let promised = leg.promise.as_ref().and_then(|promise| promise.reliable.deadline());
            [promised, leg.timer.as_ref().map(|timer| timer.deadline()), leg.postponed]
        });
        times.flatten().chain(self.transactions.deadline()).min()
    }

    /// Sends everything that is to be sent, and acts on everything that was heard.
    pub fn flush(&mut self, now: Instant) {
        while let Some(output) = self.transactions.poll() {
            match output {
                Output::Send { hop, bytes, sender, .. } => self.send(hop, bytes, sender),
                Output::Heard(heard) => self.hear(heard, now),
            }
        }
    }

    fn send(&mut self, hop: Hop, bytes: Bytes, sender: Sender) {
        let bytes = match &mut self.twist {
            None => bytes,
            Some(twist) => match twist(&String::from_utf8_lossy(&bytes)) {
                Some(text) => text.into(),
                None => return,
            },
        };
        if !self.wire().send(hop, bytes) {
            self.transactions.transport_failed(sender);
        }
    }

    fn hear(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Request { id, request, hop } => self.asked(id, request, hop, now),
            Heard::Ack { request, .. } => self.acknowledged(&request),
            Heard::Cancelled { id, cancel } => self.cancelled(id, &cancel, now),
            Heard::Response { id, response, .. } => self.answered(id, &response, now),
            Heard::StrayResponse { id, response, .. } => self.answered_again(id, &response),
            Heard::TimedOut { id } | Heard::Unreachable { id } => self.unanswered(id),
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
            Errand::Register { proved, seconds } => self.register_answered(response, proved, seconds, now),
            Errand::Invite(leg) => self.invite_answered(id, leg, response, now),
            Errand::Inside { leg, say, proved } => self.inside_answered(id, leg, say, proved, response, now),
        }
    }

    fn unanswered(&mut self, id: ClientId) {
        match self.errands.remove(&id) {
            None => {}
            Some(Errand::Register { .. }) => self.registered = Some(408),
            Some(Errand::Invite(leg)) => self.legs[leg].end(super::Side::Them, Some(408), None),
            Some(Errand::Inside { leg, say, .. }) => self.settled(leg, say.method, 408),
        }
    }

    /// Answers a request.
    pub fn reply(&mut self, id: ServerId, draft: &Draft, now: Instant) {
        let status = draft.status().expect("a reply has a status");
        self.transactions.respond(id, status, draft.finish(), now);
    }

    /// The value of the header in which we prove ourselves to whoever asked for it, and the header's name.
    pub fn proof(&self, response: &Response, method: &str, uri: &str) -> Option<(String, String)> {
        let (asks, proves) = if response.status() == 407 {
            (Name::ProxyAuthenticate, "Proxy-Authorization")
        } else {
            (Name::WwwAuthenticate, "Authorization")
        };
        let challenge = Challenge::find(response.all(asks), self.model.algorithm)?;
        let proof = Proof { user: &self.name, password: &self.model.password, method, uri, count: 1 };
        Some((proves.to_owned(), challenge.answer(&proof)))
    }

    pub fn wire(&self) -> &Wire {
        self.wire.as_ref().expect("a phone has its wire before it speaks")
    }

    pub fn transport(&self) -> Transport {
        self.model.transport
    }

    /// What stands in Via. A browser listens nowhere.
    pub fn sent_by(&self) -> String {
        if self.is_browser() { format!("{}.invalid", self.name) } else { self.wire().local().to_string() }
    }

    fn is_browser(&self) -> bool {
        matches!(self.transport(), Transport::Ws | Transport::Wss) && self.model.server.is_some()
    }

    /// The address at which this phone can be called directly.
    pub fn uri(&self) -> String {
        format!("sip:{}@{};transport={}", self.name, self.sent_by(), self.transport().uri_name())
    }

    pub fn contact(&self) -> Arc<str> {
        format!("<{}>", self.uri()).into()
    }

    /// Who this phone says it is.
    pub fn identity(&self) -> String {
        match self.model.server {
            Some(server) => format!("<sip:{}@{server}>", self.name),
            None => format!("<sip:{}@{}>", self.name, self.sent_by()),
        }
    }

    /// What a number means, dialled here.
    pub fn target(&self, number: &str) -> String {
        if number.contains(':') {
            return number.to_owned();
        }
        let server = self.model.server.expect("a number is dialled at a server; a phone without one dials addresses");
        format!("sip:{number}@{server}")
    }

    /// The way to an address: an IP address, or whoever is at the other end of our only connection.
    pub fn way(&self, uri: &str) -> Option<Hop> {
        let home = self.model.server.map(|server| self.wire().way(server));
        let Ok(uri) = Uri::parse(uri) else { return home };
        let ip: Option<IpAddr> = uri.address();
        let port = uri.port().unwrap_or(self.transport().default_port());
        ip.map(|ip| self.wire().way(SocketAddr::new(ip, port))).or(home)
    }

    /// A new call, with a port of its own.
    pub fn new_leg(&mut self, role: Role) -> usize {
        assert!(self.legs.len() < MAX_CALLS, "a phone of the lab makes {MAX_CALLS} calls at most");
        let mouth = Mouth::new(self.speech.clone(), self.tokens.number());
        let mut ear = Ear::new(self.model.rate(), clock::now());
        ear.deaf = self.model.deaf;
        let ip = self.wire().local().ip();
        let sloth = self.choirs.lock().expect("nobody panics with the choir in hand").sloth();
        let port = Port::open(ip, mouth, ear, self.model.reports != Reports::None, sloth, &self.lab);
        self.choirs.lock().expect("nobody panics with the choir in hand").join(port.clone());
        let mut talk = Talk::new(port.local(), &self.model.codecs, self.model.suite, self.tokens.bytes());
        talk.events = self.model.keypad != Keypad::Tones;
        (talk.mux, talk.edit) = (self.model.reports == Reports::Muxed, self.edit.clone());
        // Sound takes room: of the calls that are over, the last few may still be asked about.
        self.legs.iter().rev().skip(REMEMBERED_CALLS).take_while(|leg| leg.is_over()).for_each(|leg| leg.port.forget());
        self.legs.push(Leg::new(role, talk, port));
        self.legs.len() - 1
    }

    /// The call a request belongs to.
    pub fn leg_of(&mut self, request: &Request) -> Option<usize> {
        let id = patchcord_sip::dialog::DialogId::of_request(request).ok()??;
        self.legs.iter_mut().position(|leg| leg.dialog().is_some_and(|dialog| dialog.is(id)))
    }
}
