//! Whatever a stranger says, in whatever order: nothing panics, each request is answered once, the end is told once, and
//! nothing is told behind it.

use std::time::Duration;

use patchcord_sip::message::Message;
use proptest::prelude::*;

use super::stranger::{SOUND, request};
use super::world::{FLIGHT, STRANGER, address, text};
use super::*;

/// Something that happens.
#[derive(Clone, Debug)]
enum News {
    /// The stranger asks for something: which method, which headers, which body, how far its number jumps.
    Asks(usize, usize, usize, u32),
    /// The stranger answers the last request but so many that it has got.
    Answers(usize, u16, usize, usize),
    /// The call wants something.
    Order(usize),
    Passes(u64),
}

const METHODS: [&str; 12] =
    ["INVITE", "UPDATE", "ACK", "BYE", "INFO", "PRACK", "REFER", "NOTIFY", "OPTIONS", "MESSAGE", "SUBSCRIBE", "X"];

const HEADERS: [&str; 12] = [
    "",
    "Supported: timer, 100rel\r\nAllow: UPDATE\r\n",
    "Require: 100rel\r\nRSeq: 1\r\n",
    "Require: nothing\r\n",
    "Session-Expires: 10\r\nSupported: timer\r\n",
    "Session-Expires: x\r\nMin-SE: 99999999\r\n",
    "RAck: 1 1 INVITE\r\n",
    "Refer-To: <sip:c@d>\r\n",
    "Refer-To: <sip:c@d?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\r\nRefer-Sub: false\r\n",
    "Event: refer\r\nSubscription-State: terminated\r\nContent-Type: message/sipfrag\r\n",
    "Contact: *\r\nReason: Q.850;cause=999, SIP;cause=200\r\n",
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\nRetry-After: 1\r\nMin-SE: 120\r\n",
];

fn body(number: usize) -> String {
    match number {
        0 => String::new(),
        1 => SOUND.to_owned(),
        2 => SOUND.replace("4000", "0"),
        3 => SOUND.replace("AVP 8", "AVP 18"),
        4 => format!("{SOUND}a=sendonly\r\n"),
        5 => format!("{SOUND}m=video 5000 RTP/AVP 96\r\n"),
        6 => "SIP/2.0 200 OK\r\n".to_owned(),
        _ => "v=0\r\nnonsense".to_owned(),
    }
}

fn order(number: usize) -> LineOrder {
    match number {
        0 => LineOrder::Ring,
        1 => LineOrder::Progress,
        2 | 3 => LineOrder::Answer,
        4 => LineOrder::Refuse(999, Some("x\r\ny".into()), Some("<sip:\r\nx>".into())),
        5 => HANG_UP,
        6 => LineOrder::Hold(true),
        7 => LineOrder::Hold(false),
        8 => LineOrder::Info("a/b\r\nc: d".into(), vec![0; 10]),
        9 => LineOrder::Refer("nonsense".into()),
        10 => LineOrder::Refer("sip:a@b?x=y".into()),
        11 => LineOrder::AcceptRefer,
        12 => LineOrder::RejectRefer(0),
        13 => LineOrder::ReferProgress(180),
        _ => LineOrder::ReferProgress(600),
    }
}

fn news() -> impl Strategy<Value = News> {
    prop_oneof![
        4 => (0..METHODS.len(), 0..HEADERS.len(), 0..8usize, 0..3u32).prop_map(|(m, h, b, n)| News::Asks(m, h, b, n)),
        3 => (0..3usize, 100..700u16, 0..HEADERS.len(), 0..8usize).prop_map(|(n, s, h, b)| News::Answers(n, s, h, b)),
        2 => (0..3usize, prop_oneof![Just(180u16), Just(183), Just(200), Just(401), Just(491)], 0..3usize, 0..5usize)
            .prop_map(|(n, s, h, b)| News::Answers(n, s, h, b)),
        4 => (0..15usize).prop_map(News::Order),
        1 => (0..100_000u64).prop_map(News::Passes),
    ]
}

/// The stranger's answer to something that it was asked.
fn answer(asked: &Message, status: u16, headers: &str, body: &str) -> Option<String> {
    let asked = text(asked);
    let line = |name: &str| asked.lines().find(|line| line.starts_with(name));
    let cseq = line("CSeq:")?;
    if asked.starts_with("SIP/2.0") || asked.starts_with("ACK") {
        return None;
    }
    let (via, from, to, call_id) = (line("Via:")?, line("From:")?, line("To:")?, line("Call-ID:")?);
    let tag = if to.contains("tag=") { "" } else { ";tag=theirs" };
    let contact = format!("Contact: <sip:x@{}>\r\n", address(STRANGER));
    let kind = if headers.contains("Content-Type") { "" } else { "Content-Type: application/sdp\r\n" };
    Some(format!(
        "SIP/2.0 {status} X\r\n{via}\r\n{from}\r\n{to}{tag}\r\n{call_id}\r\n{cseq}\r\n{contact}{kind}{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// Plays a story, and checks what holds in all of them.
fn play(side: usize, stands: bool, story: &[News]) {
    let mut world = World::new();
    world.with_password(side);
    let mut seq = 1;
    if side == BOB {
        world.say(BOB, &request("INVITE", 1, "", "Supported: 100rel\r\nAllow: UPDATE\r\n", SOUND));
    } else {
        world.call(STRANGER);
        world.pass(FLIGHT);
    }
    if stands && side == BOB {
        world.order(BOB, LineOrder::Answer);
        world.say(BOB, &request("ACK", 1, "tag-of-bob", "", ""));
    } else if stands {
        let said = answer(&world.heard[0], 200, "", SOUND).expect("an answer");
        world.say(ALICE, &said);
    }
    for news in story {
        match news {
            News::Asks(method, headers, number, jump) => {
                let mut said = request(METHODS[*method], seq, "", HEADERS[*headers], &body(*number));
                if side == BOB {
                    said = said.replace("To: <sip:bob@example.org>", "To: <sip:bob@example.org>;tag=tag-of-bob");
                } else {
                    said = said.replace("To: <sip:bob@example.org>", "To: <sip:alice@example.org>;tag=tag-of-alice");
                    said = said.replace("Call-ID: strange", "Call-ID: the-call");
                }
                seq += jump;
                world.say(side, &said);
            }
            News::Answers(back, status, headers, number) => {
                let asked = world.heard.len().checked_sub(back + 1).map(|at| world.heard[at].clone());
                if let Some(said) = asked.and_then(|asked| answer(&asked, *status, HEADERS[*headers], &body(*number))) {
                    world.say(side, &said);
                }
            }
            News::Order(number) => world.order(side, order(*number)),
            News::Passes(time) => world.pass(Duration::from_millis(*time)),
        }
    }
    world.order(side, HANG_UP);
    let is_end = |event: &LegEvent| matches!(event, LegEvent::Ended(_) | LegEvent::Refused(_));
    world.pass(Duration::from_secs(200));
    let told = &world.sides[side].told;
    assert_eq!(told.iter().filter(|event| is_end(event)).count(), 1, "{told:?}");
    assert!(told.last().is_some_and(is_end), "{told:?}");
    world.assert_nothing_left();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_called_line_survives_its_caller(stands: bool, story in proptest::collection::vec(news(), 0..25)) {
        play(BOB, stands, &story);
    }

    #[test]
    fn a_calling_line_survives_whom_it_calls(stands: bool, story in proptest::collection::vec(news(), 0..25)) {
        play(ALICE, stands, &story);
    }
}
