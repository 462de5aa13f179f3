//! What a line costs: bytes while it stands, allocations and time from its INVITE to its BYE.
//!
//! `lines [--count 20000]`. Two lines each call, one that calls and one that is called, through transactions of their own
//! and over bytes, in virtual time; no sockets, no ports. What stands when every transaction has ended is divided by the
//! lines; then calls are set up and taken down one by one and timed.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Parser;
use patchcord_bench::counting::{Counting, allocations, live};
use patchcord_engine::call::LineOrder;
use patchcord_engine::call::effect::{Invitation, Through, Way};
use patchcord_engine::call::verb::Dial;
use patchcord_engine::line::{Act, Cx, Line, LineTerms, Mark, Outward};
use patchcord_engine::runtime::clock;
use patchcord_media::sdp::{Codec, Place, Policy};
use patchcord_sip::hop::{FlowId, Hop, Transport};
use patchcord_sip::message::Message;
use patchcord_sip::tokens::Tokens;
use patchcord_sip::transaction::{ClientId, Heard, Limits, Output, TimerSet, Transactions};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls before anything is measured, so that code, tables and buffers are there.
const FIRST: usize = 100;

/// Longer than any transaction lives.
const ALL_OVER: Duration = Duration::from_secs(70);

/// What a line costs.
#[derive(Parser)]
struct Options {
    /// How many calls.
    #[arg(long, default_value_t = 20_000)]
    count: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let count = Options::parse().count;
    let mut pair = Pair::new();
    let mut standing = Vec::with_capacity(FIRST + count);
    for number in 0..FIRST {
        standing.push(pair.set_up(number)?);
    }
    pair.wait();
    let before = live();
    for number in FIRST..FIRST + count {
        standing.push(pair.set_up(number)?);
    }
    pair.wait();
    let standing_bytes = live() - before;
    let with_both = live();
    standing[FIRST..].iter_mut().for_each(|call| call[0] = None);
    let calling = (with_both - live()) / count as u64;
    let called = standing_bytes / count as u64 - calling;
    println!(
        "line, idle, beside its own value of {} bytes: {calling} bytes calling, {called} called",
        size_of::<Line>()
    );

    let (from, to) = (FIRST + count, FIRST + 2 * count);
    let begun = clock::now();
    let (news, size, outcome) = allocations(|| (from..to).try_for_each(|number| pair.whole_call(number)));
    outcome?;
    let each = |sum: u64| sum / count as u64;
    let time = (clock::now() - begun).as_secs_f64() * 1e6 / count as f64;
    println!("call, both ends with their transactions: {time:.1} µs, {} allocations, {} bytes", each(news), each(size));
    Ok(())
}

/// Two servers that call each other.
struct Pair {
    ends: [End; 2],
    terms: Arc<LineTerms>,
    now: Instant,
}

struct End {
    table: Transactions,
    tokens: Tokens,
    acts: Vec<Act>,
    clients: Vec<(ClientId, Mark)>,
    answered: bool,
}

/// The line that calls, and the line that is called.
type Call = [Option<Line>; 2];

impl Pair {
    fn new() -> Self {
        let now = clock::now();
        let end = |seed: u8| End {
            table: Transactions::new(TimerSet::default(), Limits::default(), [seed; 32], now),
            tokens: Tokens::seeded([10 + seed; 32]),
            acts: Vec::new(),
            clients: Vec::new(),
            answered: false,
        };
        let terms = LineTerms::new(Policy::new([Codec::PCMA, Codec::PCMU, Codec::G722, Codec::OPUS]));
        Self { ends: [end(1), end(2)], terms: Arc::new(terms), now }
    }

    /// From the INVITE to the ACK, with a 180 between.
    fn set_up(&mut self, number: usize) -> Result<Call, Box<dyn Error>> {
        let call_id = format!("0-{number}-abcdefghijklmnopqrst@{}", address(0));
        let outward = Outward {
            target: &format!("sip:bob@{}", address(1)),
            from: "\"Alice Liddell\" <sip:alice@example.org>",
            to: "<sip:bob@example.org>",
            call_id: &call_id,
            tag: &self.ends[0].tokens.tag(),
            contact: contact(0),
            routes: &[],
            hops: 70,
            headers: Vec::new(),
        };
        let mut call = [Some(Line::calling(outward, self.terms.clone())?), None];
        self.ends.iter_mut().for_each(|end| end.answered = false);
        self.order(&mut call, 0, LineOrder::Invite(Box::new(invitation())))?;
        self.order(&mut call, 1, LineOrder::Ring)?;
        self.order(&mut call, 1, LineOrder::Answer)?;
        if self.ends.iter().all(|end| end.answered) { Ok(call) } else { Err("the call does not stand".into()) }
    }

    fn whole_call(&mut self, number: usize) -> Result<(), Box<dyn Error>> {
        let mut call = self.set_up(number)?;
        self.order(&mut call, 0, LineOrder::HangUp { cause: 16, sip: None, words: None })?;
        self.now += Duration::from_millis(1);
        self.ends.iter_mut().for_each(|end| end.table.wake(self.now));
        self.settle(&mut call)
    }

    /// Until every transaction has ended.
    fn wait(&mut self) {
        self.now += ALL_OVER;
        for end in &mut self.ends {
            end.table.wake(self.now);
            while end.table.poll().is_some() {}
            end.clients.clear();
        }
    }

    fn order(&mut self, call: &mut Call, at: usize, order: LineOrder) -> Result<(), Box<dyn Error>> {
        self.with(call, at, |line, cx| {
            if line.needs_place() && !matches!(order, LineOrder::Ring) {
                line.place(Place::new(SocketAddr::new(address(at).ip(), 20_000), None), cx);
            }
            line.obey(order, cx);
        });
        self.settle(call)
    }

    fn with(&mut self, call: &mut Call, at: usize, deed: impl FnOnce(&mut Line, &mut Cx<'_>)) {
        let end = &mut self.ends[at];
        if let Some(line) = &mut call[at] {
            deed(line, &mut Cx { now: self.now, tokens: &mut end.tokens, acts: &mut end.acts });
        }
    }

    /// Carries messages until nobody has one to send.
    fn settle(&mut self, call: &mut Call) -> Result<(), Box<dyn Error>> {
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for at in [0, 1] {
                for act in std::mem::take(&mut self.ends[at].acts) {
                    moved = true;
                    self.act(call, at, act)?;
                }
                while let Some(output) = self.ends[at].table.poll() {
                    moved = true;
                    match output {
                        Output::Send { bytes, .. } => {
                            let message = Message::parse(Bytes::copy_from_slice(&bytes))?;
                            self.ends[1 - at].table.receive(message, hop(1 - at), self.now);
                        }
                        Output::Heard(heard) => self.hear(call, at, heard)?,
                    }
                }
            }
        }
        Ok(())
    }

    fn act(&mut self, call: &mut Call, at: usize, act: Act) -> Result<(), Box<dyn Error>> {
        let end = &mut self.ends[at];
        let sent_by = "198.51.100.1:5060";
        match act {
            Act::Respond(id, status, bytes) => end.table.respond(id, status, bytes, self.now),
            Act::Request(mark, draft, _) => {
                let id = end.table.request(draft, hop(at), sent_by, self.now)?;
                end.clients.push((id, mark));
            }
            Act::Ack(mark, draft, _) => {
                let bytes = end.table.send_ack(draft, hop(at), sent_by);
                self.with(call, at, |line, _| line.acknowledged(mark, bytes));
            }
            Act::Tell(patchcord_engine::call::LegEvent::Answered) => end.answered = true,
            _ => {}
        }
        Ok(())
    }

    fn hear(&mut self, call: &mut Call, at: usize, heard: Heard) -> Result<(), Box<dyn Error>> {
        let mark =
            |end: &End, id: ClientId| end.clients.iter().rev().find(|(known, _)| *known == id).map(|(_, mark)| *mark);
        match heard {
            Heard::Request { id, request, hop } if request.to_tag()?.is_none() => {
                let tag = self.ends[at].tokens.tag();
                call[at] = Some(Line::called(&request, id, &hop, &tag, contact(at), self.terms.clone())?);
            }
            Heard::Request { id, request, hop } => self.with(call, at, |line, cx| line.request(id, &request, &hop, cx)),
            Heard::Ack { request, .. } => self.with(call, at, |line, cx| line.ack(&request, cx)),
            Heard::Response { id, response, hop } => {
                if let Some(mark) = mark(&self.ends[at], id) {
                    self.with(call, at, |line, cx| line.response(mark, &response, &hop, cx));
                    // The desk hears later that no further answer comes; here nothing is to be waited for.
                    if response.status().is_success() {
                        self.with(call, at, |line, _| line.forks_over(mark));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn address(at: usize) -> SocketAddr {
    ([198, 51, 100, 1 + at as u8], 5060).into()
}

fn contact(at: usize) -> Arc<str> {
    format!("<sip:{}>", address(at)).into()
}

fn hop(at: usize) -> Hop {
    Hop { transport: Transport::Udp, flow: FlowId(0), local: address(at), peer: address(1 - at) }
}

fn invitation() -> Invitation {
    let dial = Dial::new(Vec::new(), Duration::from_secs(30));
    Invitation { way: Way { uri: String::new(), through: Through::Straight }, caller: None, referrer: None, dial }
}
