//! A house with people, and calls as shards write them: a good one with keys and a recording, failed ones, hostile ones.

use std::time::{Duration, SystemTime};

use patchcord_engine::{
    call::LegId,
    journal::{
        Account, Batch, Began, By, CallId, Cause, Direction, Facts, Hearing, Journal, LegBegan, LegNumber, Notice,
        Outcome, Party, QualitySample, RecordShelf, Rules, Verb, VerbNumber, Way, What,
    },
    room::{Asked, Entrant, Join, Place},
    runtime::clock,
};
use patchcord_sip::hop::Transport;
use patchcord_web::people::{Asker, Role};

use crate::lab::Lab;

pub const PASSWORD: &str = "correct horse";

/// What a caller calls himself who would like to run something in our pages.
pub const HOSTILE: &str = "<img src=x onerror=\"window.owned=1\"><script>window.owned=1</script>";

const ALICE: LegNumber = LegNumber(0);
const BOB: LegNumber = LegNumber(1);
const DOOR: LegNumber = LegNumber(2);

/// A house with a person of each role.
pub async fn house() -> Lab {
    let lab = Lab::new().await;
    people(&lab).await;
    lab
}

/// A person of each role comes into that house.
pub async fn people(lab: &Lab) {
    for role in Role::ALL {
        let added = lab.people.add(&Asker::server(), role.word(), PASSWORD.into(), role, clock::wall()).await;
        added.expect("added");
    }
}

/// Keeps these pieces.
pub async fn keep(lab: &Lab, pieces: &[Batch]) {
    lab.store.write_batches(pieces).await.expect("written");
}

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn ago(minutes: u64) -> SystemTime {
    clock::wall() - Duration::from_secs(60 * minutes)
}

fn leg(leg: LegNumber, account: Account, from: &Party, to: &str) -> What {
    let inbound = leg == ALICE;
    What::LegBegan(Box::new(LegBegan {
        leg,
        parent: (!inbound).then_some(ALICE),
        direction: if inbound { Direction::Inbound } else { Direction::Outbound },
        account,
        from: from.clone(),
        to: Party::new(to),
        transport: if inbound { Transport::Tls } else { Transport::Udp },
        peer: "198.51.…#1a2b".into(),
    }))
}

fn message(first: &str, body: bool) -> bytes::Bytes {
    let sdp =
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 10000 RTP/AVP 9 8 101\r\n";
    let body = if body { sdp } else { "" };
    format!(
        "{first}\r\nVia: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK7\r\nFrom: {HOSTILE} <sip:alice@example.org>;tag=1\r\n\
         To: <sip:1000@example.org>\r\nCall-ID: 7@192.0.2.1\r\nCSeq: 1 INVITE\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into()
}

fn verb(id: u64, leg: LegNumber, name: &'static str, arguments: &str, place: &str) -> What {
    let (arguments, place) = (arguments.into(), Some(place.into()));
    What::Verb(Box::new(Verb { id: VerbNumber(id), leg: Some(leg), name: name.into(), arguments, terms: None, place }))
}

fn over(leg: LegNumber, cause: Cause) -> What {
    What::LegEnded { leg, cause: Box::new(cause) }
}

/// A call that has begun and been answered, and goes on.
pub fn going_on() -> (Journal, Batch) {
    let began = ago(0);
    let caller = Party::named("+4930123101", "Dr. Eva Müller");
    let told = Began { service: Some("reception".into()), ..Began::new(began, caller.clone(), Party::new("1000")) };
    let mut journal = Journal::begin(CallId::new(began, 99), told, Rules::default());
    journal.note(s(0.0), leg(ALICE, Account::Trunk("north".into()), &caller, "1000"));
    journal.note(s(0.1), What::Answered(ALICE));
    let piece = journal.drain().expect("an open row");
    (journal, piece)
}

/// A caller presses a key, two phones ring, one answers; it is recorded, and the callee hangs up.
pub fn good(lab: &Lab) -> (CallId, Vec<Batch>) {
    let began = ago(7);
    let caller = Party::named("+4930123101", "Dr. Eva Müller");
    let told = Began {
        service: Some("reception".into()),
        version: Some("12".into()),
        route: Some("route 3 (1000)".into()),
        ..Began::new(began, caller.clone(), Party::new("1000"))
    };
    let id = CallId::new(began, 1);
    let mut journal = Journal::begin(id, told, Rules::default());
    let mut note = |at: f64, what: What| journal.note(s(at), what);
    note(0.0, leg(ALICE, Account::Trunk("north".into()), &caller, "1000"));
    note(0.01, verb(1, ALICE, "answer", "", "reception.rhai:4"));
    note(0.02, What::Answered(ALICE));
    note(0.05, verb(2, ALICE, "gather", "prompt \"welcome\", 1 key", "reception.rhai:6"));
    note(
        3.1,
        What::Heard { leg: Some(ALICE), event: "key".into(), facts: Facts::NONE.with("key", "1").with("via", "rtp") },
    );
    note(3.1, What::Result { verb: VerbNumber(2), status: "digits".into(), facts: Facts::NONE.with("keys", "1") });
    note(3.2, verb(3, ALICE, "dial", "user:bob, user:door, 20 s", "reception.rhai:9"));
    note(3.2, leg(BOB, Account::Endpoint("bob".into()), &caller, "102"));
    note(3.2, leg(DOOR, Account::Endpoint("door".into()), &caller, "103"));
    note(3.9, What::Rang(BOB));
    note(4.2, What::Rang(DOOR));
    note(9.8, What::Answered(BOB));
    note(9.9, over(DOOR, Cause { reason: "answered elsewhere".into(), ..Cause::normal(By::Script) }));
    note(9.9, What::Bridged(ALICE, BOB));
    note(10.0, What::Recording { leg: Some(ALICE), path: format!("day/{id}-0-1.wav").into() });
    let heard = Hearing { lost_permille: 3, jitter: Duration::from_micros(2200), mos_hundredths: Some(431) };
    let sample = QualitySample { here: Some(heard), there: Some(heard), round_trip: Some(s(0.021)) };
    note(20.0, What::Media { leg: BOB, notice: Notice::Sampled(Box::new(sample)) });
    note(21.0, What::Tag { key: "customer".into(), value: "42".into() });
    journal.message(s(0.0), ALICE, Way::Theirs, &message("INVITE sip:1000@example.org SIP/2.0", true));
    journal.message(s(0.02), ALICE, Way::Ours, &message("SIP/2.0 200 OK", true));
    journal.message(s(3.2), BOB, Way::Ours, &message("INVITE sip:bob@192.0.2.7 SIP/2.0", true));
    journal.message(s(3.9), BOB, Way::Theirs, &message("SIP/2.0 180 Ringing", false));
    journal.message(s(9.8), BOB, Way::Theirs, &message("SIP/2.0 200 OK", true));
    journal.message(s(9.9), DOOR, Way::Ours, &message("CANCEL sip:door@192.0.2.8 SIP/2.0", false));
    journal.message(s(133.4), BOB, Way::Theirs, &message("BYE sip:patchcord@192.0.2.1 SIP/2.0", false));
    journal.note(s(133.4), over(BOB, Cause::normal(By::Callee)));
    journal.note(s(133.4), over(ALICE, Cause::normal(By::Script)));
    record_sound(lab, &format!("day/{id}-0-1.wav"));
    (id, vec![journal.end(s(133.5), Outcome::Answered)])
}

/// Two seconds of a tone that swells and fades, on two channels, and how loud it is.
fn record_sound(lab: &Lab, path: &str) {
    const RATE: u32 = 8000;
    let folder = lab.folder().join("recordings");
    let file = folder.join(path);
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    let samples = 2 * RATE;
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + samples * 4).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    wav.extend(RATE.to_le_bytes());
    wav.extend((RATE * 4).to_le_bytes());
    wav.extend(b"\x04\0\x10\0data");
    wav.extend((samples * 4).to_le_bytes());
    for n in 0..samples {
        let swell = (f64::from(n) * std::f64::consts::PI / f64::from(samples)).sin();
        let sample = ((f64::from(n) * 0.35).sin() * swell * 12_000.0) as i16;
        wav.extend(sample.to_le_bytes());
        wav.extend((sample / 3).to_le_bytes());
    }
    std::fs::write(&file, wav).expect("written");
    let mut peaks = b"PKS1\x02\x0a\0\0".to_vec();
    for n in 0..120_u32 {
        let swell = (f64::from(n) * 0.21).sin().abs() * 200.0;
        peaks.extend([swell as u8, (f64::from(n) * 0.13).cos().abs().mul_add(90.0, 4.0) as u8]);
    }
    std::fs::write(folder.join(format!("{path}.peaks")), peaks).expect("written");
}

/// Calls of every kind, and one by somebody who would like to run something.
pub fn others() -> Vec<Batch> {
    let busy = Cause::status(By::Callee, 486, 17, "Busy Here");
    let lost = Cause::status(By::System, 404, 1, "no such number");
    let slow = Cause::status(By::System, 408, 19, "no answer from user");
    let told = [
        (Party::named("alice", "Alice"), "102", busy, Outcome::Busy, 1.2, true),
        (Party::new("+491705550199"), "999", lost, Outcome::NotFound, 0.1, false),
        (Party::named("carol", "Carol"), "101", slow, Outcome::NoAnswer, 30.0, true),
        (Party::named("666", HOSTILE), "1000", Cause::normal(By::Caller), Outcome::Cancelled, 4.0, true),
    ];
    let calls = (2..).zip(told).map(|(n, (from, to, cause, outcome, lasted, rang))| {
        let began = ago(9 + 13 * n);
        let mut journal =
            Journal::begin(CallId::new(began, n), Began::new(began, from.clone(), Party::new(to)), Rules::default());
        journal.note(s(0.0), leg(ALICE, Account::Stranger, &from, to));
        if rang {
            journal.note(s(0.4), leg(BOB, Account::Endpoint("bob".into()), &from, to));
            journal.note(s(0.9), What::Rang(BOB));
            journal.note(s(lasted), over(BOB, cause.clone()));
        }
        journal.note(s(lasted), What::Tag { key: "note".into(), value: HOSTILE.into() });
        journal.note(s(lasted), over(ALICE, cause));
        journal.end(s(lasted), outcome)
    });
    calls.collect()
}

/// Somebody who comes into the room.
pub fn member(call: u64, name: &str, number: &str) -> Entrant {
    let place = Place { shard: 0, call, leg: LegId::FIRST };
    Entrant { place, call: None, name: name.into(), number: number.into(), source: number.into(), unheard: None }
}

/// It is in, and has heard what it was greeted with.
pub fn comes(lab: &Lab, who: &Entrant) {
    let now = (clock::now(), clock::wall());
    lab.board.rooms.come(&Join::to("weekly"), who, None, now);
    lab.board.rooms.hear(who.place, Asked::Ready, now.0);
}

/// It goes.
pub fn leaves(lab: &Lab, who: &Entrant) {
    lab.board.rooms.hear(who.place, Asked::Leave, clock::now());
}

/// A service that is served as before what was saved last, one of which nothing is served, and one that comes with the house.
pub fn serves(lab: &Lab) {
    use patchcord_web::{
        house::{Service, Spot, Trouble, TroubleKind},
        versions::Findings,
    };
    let service = |name: &str, findings, shipped| Service {
        name: name.into(),
        version: "2 0a0b0c0d".into(),
        file: format!("{name}.rhai"),
        text: "fn on_invite(caller) {\n    caller.answer();\n}".into(),
        findings,
        shipped,
    };
    let findings = Findings { faults: 1, held: 3, failed: 1, at_ms: 1_790_000_000_000 };
    let menu = service("menu", Some(findings), false);
    *lab.house.services.lock().expect("nobody panics") = vec![menu, service("voicemail", None, true)];
    let why = |file: &str| format!("{file}:3:14: expected ) to close the parentheses of this function call to `play`");
    let trouble = |service: &str, kind, served: Option<&str>| Trouble {
        service: service.into(),
        kind,
        served: served.map(str::to_owned),
        why: why(&format!("{service}.rhai")),
        place: Spot::of(&why(&format!("{service}.rhai"))),
        since_ms: 1_790_000_100_000,
    };
    *lab.house.troubles.lock().expect("nobody panics") =
        vec![trouble("menu", TroubleKind::Restored, Some("2 0a0b0c0d")), trouble("night", TroubleKind::Refused, None)];
}
