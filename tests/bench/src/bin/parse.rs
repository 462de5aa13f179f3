//! What reading and writing a message costs: nanoseconds, allocations, and how both grow with the message.
//!
//! `cargo run --release -p patchcord-bench --bin parse`. Figures are the best of many rounds, because everything that
//! disturbs a round makes it slower.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_bench::counting::{Counting, allocations};
use patchcord_sip::{Deframer, Draft, Frame, MAX_MESSAGE, Message, Name, Request};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const INVITE: &str = "INVITE sip:+4930123101@pbx.example.org;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.15:5060;branch=z9hG4bK-524287-1---a5ae6a4b0f0b4c6d;rport\r\n\
    Max-Forwards: 70\r\n\
    Contact: <sip:alice@192.0.2.15:5060;transport=UDP>\r\n\
    To: <sip:+4930123101@pbx.example.org;user=phone>\r\n\
    From: \"Alice Example\" <sip:alice@pbx.example.org>;tag=6b3d9f0e\r\n\
    Call-ID: 1-cGh1bWFuLXJlYWRhYmxlLWlk@192.0.2.15\r\n\
    CSeq: 1 INVITE\r\n\
    Session-Expires: 1800\r\n\
    Allow: INVITE, ACK, CANCEL, BYE, REFER, INFO, OPTIONS, UPDATE, NOTIFY, MESSAGE, SUBSCRIBE\r\n\
    Content-Type: application/sdp\r\n\
    Supported: replaces, timer, 100rel, outbound, path\r\n\
    User-Agent: Example Phone 5.6.12 (build 20871)\r\n\
    Allow-Events: presence, message-summary, dialog\r\n\
    Content-Length: 274\r\n\r\n";

const ROUNDS: usize = 200;
const PER_ROUND: usize = 500;

fn main() {
    let invite = usual_invite();
    println!("usual INVITE: {} bytes, {} header lines", invite.len(), request(&invite).fields().len());
    report("parse", || Message::parse(invite.clone()).is_ok());
    report("parse + 8 typed headers", || read(&request(&invite)));
    report("parse + check", || request(&invite).check().is_ok());
    let parsed = request(&invite);
    report("8 typed headers", || read(&parsed));
    report("top Via", || parsed.top_via().is_ok());
    report("From", || parsed.from().is_ok());
    report("Call-ID", || parsed.call_id().is_ok());
    report("CSeq", || parsed.cseq().is_ok());
    report("Contact", || parsed.contact().is_ok());
    report("Request-URI", || parsed.uri().is_ok());
    report("check", || parsed.check().is_ok());
    report("clone", || black_box(parsed.clone()).fields().len());
    let from = "192.0.2.15:5060".parse().expect("an address");
    report("200 with tag and contact", || {
        let draft = Draft::reply(&parsed, from, 200).to_tag("f00dcafe").header(Name::Contact, "<sip:192.0.2.1:5060>");
        draft.finish().len()
    });
    vias();
    framing(&invite);
}

fn usual_invite() -> Bytes {
    format!("{INVITE}{}", "a=sendrecv\r\n".repeat(23).get(..274).expect("a body")).into()
}

fn request(bytes: &Bytes) -> Request {
    match Message::parse(bytes.clone()) {
        Ok(Message::Request(request)) => request,
        other => panic!("the message is a request, not {other:?}"),
    }
}

/// What every part of a server asks of an INVITE.
fn read(request: &Request) -> usize {
    let via = request.top_via().expect("a via");
    let from = request.from().expect("a from");
    let to = request.to().expect("a to");
    let cseq = request.cseq().expect("a cseq");
    let contact = request.contact().expect("contacts").expect("a contact").addr().expect("an address");
    let hops = request.max_forwards().expect("a max-forwards").expect("a number");
    let kind = request.content_type().expect("a content type");
    via.branch().map_or(0, str::len)
        + from.tag().map_or(0, str::len)
        + to.uri.user().map_or(0, str::len)
        + request.call_id().expect("a call-id").len()
        + cseq.number as usize
        + contact.uri.host().map_or(0, str::len)
        + usize::from(hops)
        + usize::from(kind.is("application/sdp"))
}

/// The best time of one run of `work`.
#[allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn best<T>(per_round: usize, mut work: impl FnMut() -> T) -> Duration {
    (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..per_round {
                black_box(work());
            }
            start.elapsed() / u32::try_from(per_round).expect("a small number")
        })
        .min()
        .expect("some rounds")
}

fn report<T>(what: &str, mut work: impl FnMut() -> T) {
    let (count, bytes, _) = allocations(&mut work);
    let time = best(PER_ROUND, work);
    println!("  {what:<28} {:>6} ns  {count:>2} allocations, {bytes} bytes", time.as_nanos());
}

/// Cost over the number of Via lines: linear means that the last column stays.
fn vias() {
    println!("with Via lines: parse, check, read every Via");
    for count in [1, 10, 100, 1000] {
        let mut text = String::from("OPTIONS sip:pbx.example.org SIP/2.0\r\n");
        for via in 0..count {
            let _ = write!(text, "Via: SIP/2.0/TCP h{via}.net;branch=z9hG4bK{via};received=192.0.2.5\r\n");
        }
        text.push_str("From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n");
        let bytes = Bytes::from(text);
        let work = || {
            let request = request(&bytes);
            assert!(request.check().is_ok());
            assert!(request.top_via().is_ok());
            request.vias().filter(|via| via.as_ref().is_ok_and(|via| via.received().is_some())).count()
        };
        let (allocated, _, seen) = allocations(work);
        assert_eq!(seen, count);
        let time = best(1 + 2000 / count, work).as_nanos() as f64;
        println!(
            "  {count:>5} lines {:>6} bytes {time:>9.0} ns  {allocated} allocations  {:>6.2} ns a byte",
            bytes.len(),
            time / bytes.len() as f64
        );
    }
}

/// Cost of cutting a stream, by the size of the pieces it comes in.
fn framing(invite: &Bytes) {
    println!("framing, per message");
    let stream = invite.repeat(64);
    for piece in [1, 64, 1460, stream.len()] {
        let mut deframer = Deframer::new(MAX_MESSAGE);
        let time = best(2, || {
            let mut messages = 0;
            for bytes in stream.chunks(piece) {
                deframer.push(bytes);
                while let Ok(Some(frame)) = deframer.take() {
                    messages += usize::from(matches!(frame, Frame::Message(_)));
                }
            }
            assert_eq!(messages, 64);
        });
        println!("  in pieces of {piece:>6} {:>7} ns", time.as_nanos() / 64);
    }
}
