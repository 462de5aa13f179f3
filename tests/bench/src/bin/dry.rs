//! What a call costs without sockets: reading its messages, the transactions, the dialog, and the memory they live in.
//!
//! `dry [--rate …] [--seconds …] [--rounds …]`. Calls are heard in virtual time, so that half a minute of them passes in a
//! second or two and the timers of those before come up in between. Two figures: the first calls that a table sees, and
//! calls beside everything that is remembered for 32 s.

#![allow(clippy::disallowed_methods, reason = "a starting point for virtual time, and a stop watch")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Parser;
use patchcord_bench::answering::Answering;
use patchcord_bench::spread::Spread;
use patchcord_sip::hop::{FlowId, Hop, Transport};
use patchcord_sip::message::{Message, Method};
use patchcord_sip::transaction::{Heard, Limits, Output, TimerSet, Transactions};

/// The product's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Messages that one wake-up finds.
const BATCH: u32 = 16;

/// Bytes that the rest of a machine touches between two wake-ups.
const ELSEWHERE: usize = 256 << 10;

/// Seconds of calls before the tables are full: longer than a transaction lives.
const WARM_SECONDS: u32 = 36;

#[derive(Parser)]
struct Options {
    /// Calls begun each second of virtual time.
    #[arg(long, default_value_t = 5000)]
    rate: u32,
    /// Seconds of virtual time in each round.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// How often calls beside full tables are measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

fn main() {
    let Options { rate, seconds, rounds } = Options::parse();
    let mut host = Host::new();
    println!("first calls    µs each: {:.2}", host.play(rate, 1));
    host.play(rate, WARM_SECONDS);
    let mut spread = Spread::default();
    (0..rounds).for_each(|_| spread.add(host.play(rate, seconds)));
    println!("full tables    µs each: {spread}");
}

struct Host {
    transactions: Transactions,
    calls: Answering,
    now: Instant,
    number: u32,
    hop: Hop,
    elsewhere: Vec<u8>,
}

impl Host {
    fn new() -> Self {
        let now = Instant::now();
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            transactions: Transactions::new(TimerSet::default(), Limits::default(), [1; 32], now),
            calls: Answering::default(),
            now,
            number: 0,
            hop: Hop { transport: Transport::Udp, flow: FlowId(0), local: at(5060), peer: at(5061) },
            elsewhere: vec![0; ELSEWHERE],
        }
    }

    /// So many seconds of calls at that rate. Answers with the microseconds that each took.
    fn play(&mut self, rate: u32, seconds: u32) -> f64 {
        let mut time = Duration::ZERO;
        let batches = rate * seconds / BATCH;
        for _ in 0..batches {
            for method in ["INVITE", "ACK", "BYE"] {
                let texts: Vec<_> = (self.number..).take(BATCH as usize).map(|number| text(method, number)).collect();
                self.elsewhere.iter_mut().step_by(64).for_each(|byte| *byte = byte.wrapping_add(1));
                let start = Instant::now();
                texts.iter().for_each(|text| self.hear(text.as_bytes()));
                time += start.elapsed();
            }
            self.number += BATCH;
            self.now += Duration::from_secs(1) * BATCH / rate;
            let start = Instant::now();
            if self.transactions.deadline().is_some_and(|due| due <= self.now) {
                self.transactions.wake(self.now);
                self.settle();
            }
            time += start.elapsed();
        }
        time.as_secs_f64() * 1e6 / f64::from(batches * BATCH)
    }

    fn hear(&mut self, text: &[u8]) {
        let message = Message::parse(Bytes::copy_from_slice(text)).expect("it is SIP");
        self.transactions.receive(message, self.hop, self.now);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(output) = self.transactions.poll() {
            match output {
                Output::Send { bytes, .. } => assert!(bytes.starts_with(b"SIP/2.0 200"), "{bytes:?}"),
                Output::Heard(Heard::Request { id, request, hop }) => {
                    // Our tag is the Call-ID here, so that the caller knows it without reading the answer.
                    let answer = match request.method() {
                        Method::Invite => {
                            let tag = request.call_id().expect("a Call-ID");
                            self.calls.invited(id, &request, &hop, hop.local, tag)
                        }
                        _ => self.calls.asked(id, &request, &hop),
                    };
                    let answer = answer.expect("the call goes well");
                    self.transactions.respond(id, answer.status, answer.bytes, self.now);
                    if let Some(invite) = answer.silence {
                        self.transactions.stop_repeating(invite, self.now);
                    }
                }
                Output::Heard(Heard::Ack { request, .. }) => self.calls.acknowledged(&request).expect("a good ACK"),
                Output::Heard(other) => panic!("nothing else happens in these calls: {other:?}"),
            }
        }
    }
}

/// The messages of `scenarios/call.xml`.
fn text(method: &str, number: u32) -> String {
    let (uri, contact, to_tag) = match method {
        "INVITE" => (
            "sip:+4930123101@127.0.0.1:5060;user=phone",
            "Contact: <sip:alice@127.0.0.1:5061;transport=UDP>\r\n",
            String::new(),
        ),
        _ => ("sip:127.0.0.1:5060", "", format!(";tag={number}-17690")),
    };
    let (step, cseq) = match method {
        "INVITE" => (0, 1),
        "ACK" => (5, 1),
        _ => (6, 2),
    };
    let (more, body) = if method == "INVITE" { (MORE, SDP) } else { ("", "") };
    format!(
        "{method} {uri} SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-17690-{number}-{step};rport\r\n\
         Max-Forwards: 70\r\n\
         {contact}\
         To: <sip:+4930123101@127.0.0.1:5060;user=phone>{to_tag}\r\n\
         From: \"Alice Example\" <sip:alice@127.0.0.1:5060>;tag=17690SIPpTag{number}\r\n\
         Call-ID: {number}-17690\r\n\
         CSeq: {cseq} {method}\r\n\
         {more}\
         User-Agent: Example Phone 5.6.12 (build 20871)\r\n\
         Content-Length: {length}\r\n\r\n{body}",
        length = body.len()
    )
}

const MORE: &str = "Session-Expires: 1800\r\n\
    Allow: INVITE, ACK, CANCEL, BYE, REFER, INFO, OPTIONS, UPDATE, NOTIFY, MESSAGE, SUBSCRIBE\r\n\
    Content-Type: application/sdp\r\n\
    Supported: replaces, timer, 100rel, outbound, path\r\n\
    Allow-Events: presence, message-summary, dialog\r\n";

const SDP: &str = "v=0\r\no=alice 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 6000 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";
