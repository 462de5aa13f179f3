//! Streams: however they are chopped, whatever they hold back.

use std::time::Duration;

use patchcord_engine::runtime::Limits;
use patchcord_sip::hop::Transport;
use patchcord_sip::stream::{Frame, MAX_MESSAGE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::net::Caller;
use crate::support::{House, Note, header, request, status, within};

fn options(call_id: &str) -> String {
    request("OPTIONS", call_id, "TCP phone.invalid", "")
}

/// A moment for limits: nothing else in these tests depends on it.
const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_answered() {
    let house = House::open(&["tcp:127.0.0.1:0"]);
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    caller.stream.set_nodelay(true).expect("it is a socket");
    for byte in options("slow").bytes() {
        caller.say([byte]).await;
    }
    assert_eq!(status(&caller.hear().await), 200);
}

#[tokio::test]
async fn many_requests_in_one_segment_are_answered_in_order() {
    let house = House::open(&["tcp:127.0.0.1:0"]);
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    let calls: Vec<String> = (0..50).map(|number| format!("call{number}")).collect();
    caller.say(calls.iter().map(|call_id| options(call_id)).collect::<String>()).await;
    for call_id in &calls {
        assert_eq!(header(&caller.hear().await, "Call-ID"), call_id);
    }
}

#[tokio::test]
async fn a_keepalive_is_answered() {
    let house = House::open(&["tcp:127.0.0.1:0"]);
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    caller.say("\r\n\r\n").await;
    assert_eq!(caller.frame().await, Some(Frame::Pong));
    assert_eq!(status(&caller.ask(options("after")).await), 200);
}

#[tokio::test]
async fn half_a_message_and_silence_close_the_connection() {
    let house = House::with_limits(&["tcp:127.0.0.1:0"], Limits { half_message: SHORT, ..Limits::default() });
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    assert_eq!(status(&caller.ask(options("whole")).await), 200);
    let half = options("half");
    caller.say(&half[..half.len() / 2]).await;
    caller.closed().await;
    house.counted("half_messages", |count| count == 1).await;
}

#[tokio::test]
async fn a_message_that_trickles_in_for_too_long_closes_the_connection() {
    let house = House::with_limits(&["tcp:127.0.0.1:0"], Limits { half_message: SHORT, ..Limits::default() });
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    caller.say("OPTIONS sip:house SIP/2.0\r\n").await;
    let mut other = Caller::to(house.at(Transport::Tcp)).await;
    // A line between any two answers that somebody else gets: it never pauses for long, and never ends either.
    let trickle = async {
        for number in 0.. {
            if caller.stream.write_all(b"X-Y: z\r\n").await.is_err() {
                return;
            }
            assert_eq!(status(&other.ask(options(&format!("other{number}"))).await), 200);
        }
    };
    within(trickle).await;
    house.counted("half_messages", |count| count == 1).await;
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_said_is_closed() {
    let house = House::with_limits(&["tcp:127.0.0.1:0"], Limits { idle: SHORT, ..Limits::default() });
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    caller.closed().await;
    house.counted("idle_closed", |count| count == 1).await;
    house.counted("flows", |count| count == 0).await;
}

#[tokio::test]
async fn a_message_one_byte_too_large_is_answered_513_and_the_connection_ends() {
    let house = House::open(&["tcp:127.0.0.1:0"]);
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    let head = options("large").replace("Content-Length: 0", "Content-Length: 00000");
    let body = MAX_MESSAGE + 1 - head.len();
    let message = head.replace("00000", &body.to_string());
    assert_eq!(message.len() + body, MAX_MESSAGE + 1);

    caller.say(message + &"x".repeat(body)).await;

    assert_eq!(status(&caller.hear().await), 513);
    caller.closed().await;
    house.counted("unframeable", |count| count == 1).await;
}

#[tokio::test]
async fn the_largest_message_is_taken() {
    let house = House::open(&["tcp:127.0.0.1:0"]);
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    let head = options("large").replace("Content-Length: 0", "Content-Length: 00000");
    let body = MAX_MESSAGE - head.len();
    let answer = caller.ask(head.replace("00000", &body.to_string()) + &"x".repeat(body)).await;
    assert_eq!(status(&answer), 200);
}

#[tokio::test]
async fn a_flood_without_end_is_cut_off_and_takes_no_memory() {
    const FLOOD: usize = 64 << 20;
    let house = House::open(&["tcp:127.0.0.1:0"]);
    let (mut reader, mut writer) = Caller::to(house.at(Transport::Tcp)).await.stream.into_split();
    let before = resident();
    let flood = async {
        let head = options("flood").replace("Content-Length: 0", "Content-Length: 999999999");
        let mut sent = writer.write(head.as_bytes()).await.unwrap_or(0);
        let chunk = vec![b'x'; 1 << 20];
        while sent < FLOOD {
            match writer.write(&chunk).await {
                Ok(written) => sent += written,
                Err(_) => break,
            }
        }
    };
    let hear = async {
        let mut heard = Vec::new();
        let _how_it_ended = reader.read_to_end(&mut heard).await;
        heard
    };
    let ((), heard) = within(async { tokio::join!(flood, hear) }).await;

    assert_eq!(status(&String::from_utf8_lossy(&heard)), 513);
    house.counted("flows", |count| count == 0).await;
    let grown = resident().saturating_sub(before);
    // The chunk of the test itself is one of these.
    assert!(grown < 8 << 20, "{grown} bytes");
}

/// What this process holds in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("it can be read");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
}

#[tokio::test]
async fn a_length_that_is_none_is_answered_400_and_the_connection_ends() {
    let house = House::open(&["tcp:127.0.0.1:0"]);
    for wrong in ["Content-Length: five", "X-Length: 0", "Content-Length: 1\r\nContent-Length: 2"] {
        let mut caller = Caller::to(house.at(Transport::Tcp)).await;
        let answer = caller.ask(options("wrong").replace("Content-Length: 0", wrong)).await;
        assert_eq!(status(&answer), 400, "{wrong}");
        caller.closed().await;
    }
}

#[tokio::test]
async fn a_connection_that_brings_a_request_without_a_usable_via_ends() {
    let house = House::open(&["tcp:127.0.0.1:0"]);
    let good = options("lost");
    let via = good.lines().find(|line| line.starts_with("Via")).expect("it has one");

    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    let answer = caller.ask(good.replace(via, "Via: SIP/2.0/TCP phone.invalid;branch=")).await;
    assert_eq!(status(&answer), 400);
    caller.closed().await;

    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    caller.say(good.replace(via, "X-Via: none")).await;
    caller.closed().await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_closed() {
    let limits = Limits { queued_bytes: 256 << 10, ..Limits::default() };
    let mut house = House::with_limits(&["tcp:127.0.0.1:0"], limits);
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    caller.say(request("OPTIONS", "first", "TCP phone.invalid", "")).await;
    let flow = house.note(|note| match note {
        Note::Request { flow, .. } => Some(*flow),
        _ => None,
    });
    let flow = flow.await;
    // Until the kernel has no room for the answers any more, and then the queue has none either.
    let asking = async {
        for number in 0.. {
            let more = request("OPTIONS", &format!("more{number}"), "TCP phone.invalid", "X-Size: 60000\r\n");
            if caller.stream.write_all(more.as_bytes()).await.is_err() {
                return;
            }
        }
    };
    within(asking).await;
    let closed = house.note(|note| matches!(note, Note::Closed(closed) if *closed == flow).then_some(()));
    closed.await;
    house.counted("slow_peers", |count| count >= 1).await;
    house.counted("flows", |count| count == 0).await;
}

#[tokio::test]
async fn a_peer_that_takes_nothing_of_one_answer_is_closed_after_a_while() {
    let mut house = House::with_limits(&["tcp:127.0.0.1:0"], Limits { half_message: SHORT, ..Limits::default() });
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    // Fewer than the queue holds, more than the kernel does.
    for number in 0..200 {
        let more = request("OPTIONS", &format!("more{number}"), "TCP phone.invalid", "X-Size: 60000\r\n");
        if caller.stream.write_all(more.as_bytes()).await.is_err() {
            break;
        }
    }
    house.note(|note| matches!(note, Note::Closed(_)).then_some(())).await;
    house.counted("slow_peers", |count| count >= 1).await;
}
