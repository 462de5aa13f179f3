//! The journal of a usual call: Alice, a phone of ours, calls a number; Bob's phone rings, answers and is hung up on.
//!
//! Fourteen messages of SIP with the headers that phones write, two descriptions each way, what the call heard and ordered, and
//! a sample of the sound of each leg. It is noted in two parts, as a call leaves it: up to the answer, and to the end.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use patchcord_engine::journal::{
    Account, Batch, Began, By, CallId, Cause, Direction, Facts, Hearing, Journal, LegBegan, LegNumber, Notice, Outcome,
    Party, QualitySample, Rules, Verb, VerbNumber, Way, What,
};
use patchcord_sip::hop::Transport;

const ALICE: LegNumber = LegNumber(0);
const BOB: LegNumber = LegNumber(1);

/// Entries of a whole call.
pub const ENTRIES: usize = 36;

/// How long such a call lasted, as its record says.
const LASTED: Duration = Duration::from_secs(63);

/// A call that has been answered, and what it leaves of itself by then.
pub fn begin(wall: SystemTime, number: u64) -> (Journal, Option<Batch>) {
    let (from, to) = (Party::named(format!("{}", 100 + number % 900), "Alice Example"), Party::new("+4930123101"));
    let began = Began {
        service: Some("ring".into()),
        version: Some("3f2a91c07d15".into()),
        route: Some("+4930123101".into()),
        ..Began::new(wall, from.clone(), to.clone())
    };
    let mut tale = Tale { journal: Journal::begin(CallId::new(wall, number), began, Rules::default()), at: 0, number };
    tale.leg(ALICE, &from, &to);
    tale.request(ALICE, Way::Theirs, "INVITE", true);
    tale.reply(ALICE, Way::Ours, "100 Trying", "INVITE", false);
    let (id, arguments) = (VerbNumber(1), "endpoint:bob".into());
    let terms = Some("timeout: 30 s, ringback: own".into());
    let verb = Verb {
        id,
        leg: Some(ALICE),
        name: "dial".into(),
        arguments,
        terms,
        place: Some("scripts/ring.rhai:12".into()),
    };
    tale.note(What::Verb(Box::new(verb)));
    tale.leg(BOB, &from, &to);
    tale.request(BOB, Way::Ours, "INVITE", true);
    tale.reply(BOB, Way::Theirs, "100 Trying", "INVITE", false);
    tale.reply(BOB, Way::Theirs, "180 Ringing", "INVITE", false);
    tale.note(What::Rang(BOB));
    tale.reply(ALICE, Way::Ours, "180 Ringing", "INVITE", false);
    tale.note(What::Rang(ALICE));
    tale.reply(BOB, Way::Theirs, "200 OK", "INVITE", true);
    tale.request(BOB, Way::Ours, "ACK", false);
    tale.note(What::Answered(BOB));
    let facts = Facts::NONE.with("leg", "1").with("target", "endpoint:bob");
    tale.note(What::Result { verb: id, status: "answered".into(), facts });
    tale.reply(ALICE, Way::Ours, "200 OK", "INVITE", true);
    tale.note(What::Answered(ALICE));
    let batch = tale.journal.drain();
    (tale.journal, batch)
}

/// The rest of it.
pub fn end(journal: Journal, number: u64) -> Batch {
    let mut tale = Tale { journal, at: 7_000, number };
    tale.request(ALICE, Way::Theirs, "ACK", false);
    tale.note(What::Bridged(ALICE, BOB));
    for leg in [ALICE, BOB] {
        tale.note(What::Media { leg, notice: Notice::Latched("198.51.…#1a2b".into()) });
    }
    for _ in 0..2 {
        for leg in [ALICE, BOB] {
            let heard = Hearing { lost_permille: 2, jitter: Duration::from_micros(1_250), mos_hundredths: Some(431) };
            let round_trip = Some(Duration::from_micros(23_400));
            let sample = QualitySample { here: Some(heard), there: Some(heard), round_trip };
            tale.note(What::Media { leg, notice: Notice::Sampled(Box::new(sample)) });
        }
    }
    tale.request(ALICE, Way::Theirs, "BYE", false);
    tale.reply(ALICE, Way::Ours, "200 OK", "BYE", false);
    tale.note(What::LegEnded { leg: ALICE, cause: Box::new(Cause::normal(By::Caller)) });
    tale.note(What::Unbridged(BOB));
    tale.request(BOB, Way::Ours, "BYE", false);
    tale.note(What::LegEnded { leg: BOB, cause: Box::new(Cause::normal(By::Caller)) });
    let facts = Facts::NONE.with("file", "scripts/ring.rhai").with("line", "14");
    tale.note(What::Heard { leg: None, event: "story ended".into(), facts });
    tale.reply(BOB, Way::Theirs, "200 OK", "BYE", false);
    tale.note(What::Tag { key: "customer".into(), value: (number % 1000).to_string().into() });
    tale.journal.end(LASTED, Outcome::Answered)
}

struct Tale {
    journal: Journal,
    at: u64,
    number: u64,
}

impl Tale {
    fn note(&mut self, what: What) {
        self.at += 1;
        self.journal.note(Duration::from_millis(self.at), what);
    }

    fn leg(&mut self, leg: LegNumber, from: &Party, to: &Party) {
        let (direction, account, parent) = match leg {
            ALICE => (Direction::Inbound, Account::Endpoint("alice".into()), None),
            _ => (Direction::Outbound, Account::Endpoint("bob".into()), Some(ALICE)),
        };
        let (from, to, peer) = (from.clone(), to.clone(), "198.51.…#1a2b".into());
        self.note(What::LegBegan(Box::new(LegBegan {
            leg,
            parent,
            direction,
            account,
            from,
            to,
            transport: Transport::Udp,
            peer,
        })));
    }

    fn request(&mut self, leg: LegNumber, way: Way, method: &str, described: bool) {
        let first = format!("{method} sip:+4930123101@192.0.2.17:5060;user=phone SIP/2.0\r\n");
        self.message(leg, way, &first, method, described);
    }

    fn reply(&mut self, leg: LegNumber, way: Way, status: &str, method: &str, described: bool) {
        self.message(leg, way, &format!("SIP/2.0 {status}\r\n"), method, described);
    }

    fn message(&mut self, leg: LegNumber, way: Way, first: &str, method: &str, described: bool) {
        self.at += 1;
        let (at, number) = (Duration::from_millis(self.at), self.number);
        let description = if described { DESCRIPTION } else { "" };
        let kind = if described { "Content-Type: application/sdp\r\n" } else { "" };
        let text = format!(
            "{first}Via: SIP/2.0/UDP 192.0.2.33:5062;branch=z9hG4bK-{number:08x}-{leg}-{method};rport\r\nMax-Forwards: 70\r\n\
             Contact: <sip:alice@192.0.2.33:5062;transport=UDP>\r\nTo: <sip:+4930123101@192.0.2.17:5060;user=phone>\r\n\
             From: \"Alice Example\" <sip:alice@192.0.2.17:5060>;tag={number:08x}SIPpTag{leg}\r\n\
             Call-ID: {number:08x}-{leg}-4096@192.0.2.33\r\nCSeq: 1 {method}\r\nSession-Expires: 1800\r\n\
             Allow: INVITE, ACK, CANCEL, BYE, REFER, INFO, OPTIONS, UPDATE, NOTIFY, MESSAGE, SUBSCRIBE\r\n{kind}\
             Supported: replaces, timer, 100rel, outbound, path\r\nUser-Agent: Example Phone 5.6.12 (build 20871)\r\n\
             Content-Length: {}\r\n\r\n{description}",
            description.len()
        );
        self.journal.message(at, leg, way, &Bytes::from(text));
    }
}

const DESCRIPTION: &str = "v=0\r\no=alice 53655765 2353687637 IN IP4 192.0.2.33\r\ns=-\r\nc=IN IP4 192.0.2.33\r\nt=0 0\r\n\
    m=audio 20000 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";
