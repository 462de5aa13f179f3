//! Bytes a dialog and a registration: resident, as the kernel counts them, and allocated, as the allocator does.
//!
//! `memory [dialogs|registrations] [--count 100000]`. Messages of usual size are read from bytes of their own, as from a
//! socket, and go the way that they go in the server, in virtual time: dialogs through the transactions to their owner
//! until every transaction has ended; registrations through the door, with digest, each user another one, and their
//! changes taken as the store takes them. What is left then is divided by the count.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use clap::{Parser, ValueEnum};
use patchcord_bench::answering::Answering;
use patchcord_bench::counting::{Counting, live};
use patchcord_bench::people;
use patchcord_engine::door::{Door, Moment};
use patchcord_engine::runtime::clock;
use patchcord_sip::digest::{Asked, Challenge, Credential};
use patchcord_sip::hop::{FlowId, Hop, Transport};
use patchcord_sip::message::{Message, Name, Response};
use patchcord_sip::tokens::Tokens;
use patchcord_sip::transaction::{Heard, Limits, Output, TimerSet, Transactions};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A server starts with this much of each before anything is measured, so that code, tables and buffers are there.
const FIRST: usize = 100;

/// Calls and registrations follow each other by this much: a thousand a second.
const PACE: Duration = Duration::from_millis(1);

/// Longer than any transaction lives.
const ALL_OVER: Duration = Duration::from_secs(70);

/// Registrations between two visits of the store, ten of them a second, and how many it takes at once.
const STORE_EVERY: usize = 100;
const STORE_BATCH: usize = 500;

/// Bytes a dialog and a registration.
#[derive(Parser)]
struct Options {
    /// What is kept.
    #[arg(value_enum)]
    what: What,
    /// How many.
    #[arg(long, default_value_t = 100_000)]
    count: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Dialogs,
    Registrations,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    match options.what {
        What::Dialogs => dialogs(options.count),
        What::Registrations => registrations(options.count),
    }
}

/// What is held at one moment.
#[derive(Clone, Copy)]
struct Held {
    resident: u64,
    allocated: u64,
}

impl Held {
    fn now() -> Result<Self, Box<dyn Error>> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("the kernel tells no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(Self { resident: kilobytes * 1024, allocated: live() })
    }

    fn report(what: &str, before: Self, count: usize) -> Result<(), Box<dyn Error>> {
        let after = Self::now()?;
        let each = |after: u64, before: u64| (after as f64 - before as f64) / count as f64;
        let (resident, allocated) = (each(after.resident, before.resident), each(after.allocated, before.allocated));
        println!("{what:<42} {resident:>6.0} bytes resident, {allocated:>6.0} allocated, each of {count}");
        Ok(())
    }
}

fn dialogs(count: usize) -> Result<(), Box<dyn Error>> {
    let mut server = Callee::new();
    (0..FIRST).try_for_each(|number| server.call(number))?;
    let before = Held::now()?;
    (FIRST..FIRST + count).try_for_each(|number| server.call(number))?;
    server.wait(ALL_OVER);
    if !server.transactions.is_empty() || server.calls.len() != FIRST + count {
        return Err("not every call is up and idle".into());
    }
    Held::report("confirmed dialog, idle", before, count)
}

/// A shard without its sockets.
struct Callee {
    transactions: Transactions,
    calls: Answering,
    tokens: Tokens,
    now: Instant,
    last_reply: Option<Bytes>,
}

impl Callee {
    fn new() -> Self {
        let now = clock::now();
        let transactions = Transactions::new(TimerSet::default(), Limits::default(), [3; 32], now);
        Self { transactions, calls: Answering::default(), tokens: Tokens::seeded([5; 32]), now, last_reply: None }
    }

    /// One call: INVITE, 200, ACK.
    fn call(&mut self, number: usize) -> Result<(), Box<dyn Error>> {
        self.hear(invite(number), number)?;
        let reply = self.last_reply.take().ok_or("the INVITE was not answered")?;
        let reply = response(reply)?;
        let tag = reply.to()?.tag().ok_or("the answer has no tag")?.to_owned();
        self.hear(ack(number, &tag), number)?;
        self.wait(PACE);
        Ok(())
    }

    fn hear(&mut self, message: Bytes, number: usize) -> Result<(), Box<dyn Error>> {
        self.transactions.receive(Message::parse(message)?, hop(number), self.now);
        self.settle();
        Ok(())
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.transactions.deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.transactions.wake(self.now);
            self.settle();
        }
        self.now = until;
    }

    fn settle(&mut self) {
        while let Some(output) = self.transactions.poll() {
            match output {
                Output::Send { bytes, .. } => self.last_reply = Some(bytes),
                Output::Heard(Heard::Request { id, request, hop }) => {
                    let tag = self.tokens.tag();
                    let answer = self.calls.invited(id, &request, &hop, hop.local, &tag);
                    let answer = answer.expect("our INVITE can be answered");
                    self.transactions.respond(id, answer.status, answer.bytes, self.now);
                }
                Output::Heard(Heard::Ack { request, .. }) => {
                    self.calls.acknowledged(&request).expect("our ACK can be read");
                }
                Output::Heard(other) => unreachable!("nothing else was done: {other:?}"),
            }
        }
    }
}

fn registrations(count: usize) -> Result<(), Box<dyn Error>> {
    let mut registrar = Registrar::new();
    people::invite(registrar.door.board(), FIRST)?;
    (0..FIRST).try_for_each(|number| registrar.register(number))?;
    let before = Held::now()?;
    people::invite(registrar.door.board(), FIRST + count)?;
    Held::report("endpoint in the directory", before, count)?;
    (FIRST..FIRST + count).try_for_each(|number| registrar.register(number))?;
    let board = registrar.door.board();
    if board.location.count() != FIRST + count {
        return Err(format!("{} of {} are registered", board.location.count(), FIRST + count).into());
    }
    Held::report("endpoint, its binding and its nonce", before, count)
}

/// A door without a shard around it.
struct Registrar {
    door: Door,
    tokens: Tokens,
    now: Instant,
    wall: SystemTime,
}

impl Registrar {
    fn new() -> Self {
        let now = clock::now();
        let board = Arc::new(people::switchboard(now));
        Self { door: Door::new(board, now), tokens: Tokens::seeded([5; 32]), now, wall: clock::wall() }
    }

    /// REGISTER, 401, REGISTER with digest, 200.
    fn register(&mut self, number: usize) -> Result<(), Box<dyn Error>> {
        let challenge = self.say(number, 1, "")?;
        let credential = Credential::Password(people::password(number).into());
        let asked = Asked { method: "REGISTER", uri: "sip:pbx.example.org", body: b"" };
        let offer = Challenge::strongest(challenge.all(Name::WwwAuthenticate), &credential)?;
        let answer = offer.answer(&people::user(number), &credential, asked, 1, &self.tokens.tag())?;
        let reply = self.say(number, 2, &format!("Authorization: {answer}\r\n"))?;
        if reply.status() != 200 {
            return Err(format!("user {number} was answered {}", reply.status()).into());
        }
        self.now += PACE;
        self.wall += PACE;
        if number.is_multiple_of(STORE_EVERY) {
            let written = self.door.board().location.take_changes(STORE_BATCH, self.now, self.wall);
            drop(written);
        }
        Ok(())
    }

    fn say(&mut self, number: usize, cseq: u32, more: &str) -> Result<Response, Box<dyn Error>> {
        let Message::Request(request) = Message::parse(register(number, cseq, more))? else {
            return Err("a REGISTER is a request".into());
        };
        request.check()?;
        let moment =
            Moment { hop: hop(number), now: self.now, wall: self.wall, random: self.tokens.bytes(), vouched: None };
        response(self.door.answer(&request, &moment).to_tag(&self.tokens.tag()).finish())
    }
}

fn response(bytes: Bytes) -> Result<Response, Box<dyn Error>> {
    match Message::parse(bytes)? {
        Message::Response(response) => Ok(response),
        Message::Request(_) => Err("a reply is a response".into()),
    }
}

/// Everybody sits at an address of his own.
fn hop(number: usize) -> Hop {
    Hop {
        transport: Transport::Udp,
        flow: FlowId(1),
        local: ([192, 0, 2, 1], 5060).into(),
        peer: (address(number), 5060).into(),
    }
}

fn address(number: usize) -> [u8; 4] {
    let [_, high, middle, low] = u32::try_from(number).expect("fewer than all addresses").to_be_bytes();
    [10, high, middle, low]
}

fn host(number: usize) -> String {
    std::net::Ipv4Addr::from(address(number)).to_string()
}

const ABOUT: &str = "Allow: INVITE, ACK, CANCEL, BYE, REFER, INFO, OPTIONS, UPDATE, NOTIFY, MESSAGE, SUBSCRIBE\r\n\
    User-Agent: Example Phone 5.6.12 (build 20871)\r\nAllow-Events: presence, message-summary, dialog\r\n";

fn invite(number: usize) -> Bytes {
    let (user, host) = (people::user(number), host(number));
    let body = format!(
        "v=0\r\no={user} 53655765 2353687637 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n\
         m=audio 16384 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
    Bytes::from(format!(
        "INVITE sip:+4930123101@pbx.example.org;user=phone SIP/2.0\r\n\
         Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK-524287-1---a5ae6a4b{number:08x};rport\r\n\
         Max-Forwards: 70\r\nContact: <sip:{user}@{host}:5060;transport=UDP>\r\n\
         To: <sip:+4930123101@pbx.example.org;user=phone>\r\n\
         From: \"Alice Example\" <sip:{user}@pbx.example.org>;tag=6b3d{number:08x}\r\n\
         Call-ID: 1-cGh1bWFuLXJlYWRhYmxl{number:08x}@{host}\r\nCSeq: 1 INVITE\r\nSession-Expires: 1800\r\n\
         Supported: replaces, timer, 100rel, outbound, path\r\n{ABOUT}Content-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

fn ack(number: usize, tag: &str) -> Bytes {
    let (user, host) = (people::user(number), host(number));
    Bytes::from(format!(
        "ACK sip:192.0.2.1:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK-524287-1---ac4e6a4b{number:08x};rport\r\n\
         Max-Forwards: 70\r\nTo: <sip:+4930123101@pbx.example.org;user=phone>;tag={tag}\r\n\
         From: \"Alice Example\" <sip:{user}@pbx.example.org>;tag=6b3d{number:08x}\r\n\
         Call-ID: 1-cGh1bWFuLXJlYWRhYmxl{number:08x}@{host}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
    ))
}

fn register(number: usize, cseq: u32, more: &str) -> Bytes {
    let (user, host) = (people::user(number), host(number));
    Bytes::from(format!(
        "REGISTER sip:pbx.example.org SIP/2.0\r\n\
         Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK-524287-{cseq}---a5ae6a4b{number:08x};rport\r\n\
         Max-Forwards: 70\r\n\
         Contact: \"Alice Example\" <sip:{user}@{host}:5060;transport=UDP>;\
         +sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-0000{number:08x}>\"\r\n\
         To: <sip:{user}@pbx.example.org>\r\nFrom: <sip:{user}@pbx.example.org>;tag=6b3d{number:08x}\r\n\
         Call-ID: 1-cGh1bWFuLXJlYWRhYmxl{number:08x}@{host}\r\nCSeq: {cseq} REGISTER\r\nExpires: 3600\r\n\
         Supported: replaces, timer, 100rel, outbound, path\r\n{more}{ABOUT}Content-Length: 0\r\n\r\n"
    ))
}
