//! Datagrams.

use patchcord_engine::runtime::SendFault;
use patchcord_sip::hop::Transport;

use crate::flows::send_to;
use crate::net::Phone;
use crate::support::{House, header, options, request, status};

#[tokio::test]
async fn an_answer_comes_from_the_address_that_was_asked() {
    let house = House::open(&["udp:0.0.0.0:0"]);
    let port = house.at(Transport::Udp).port();
    // Each phone is connected to one address and hears no other.
    for address in ["127.0.0.1", "127.0.0.2", "127.7.7.7"] {
        let phone = Phone::to((address.parse::<std::net::IpAddr>().expect("an address"), port).into()).await;
        let answer = phone.ask(options(address)).await;
        assert_eq!(status(&answer), 200);
        assert_eq!(header(&answer, "Contact"), format!("<sip:{address}:{port}>"));
    }
}

#[tokio::test]
async fn both_families_are_served_on_one_port() {
    let house = House::open(&["udp:0.0.0.0:0"]);
    let port = house.at(Transport::Udp).port();
    let both = House::open(&["udp:[::]:0"]);
    let six = both.at(Transport::Udp).port();

    let phone = Phone::to(([127, 0, 0, 1], port).into()).await;
    assert_eq!(status(&phone.ask(options("four")).await), 200);
    let phone = Phone::to((std::net::Ipv6Addr::LOCALHOST, six).into()).await;
    let answer = phone.ask(options("six")).await;
    assert_eq!(header(&answer, "Contact"), format!("<sip:[::1]:{six}>"));
    // The socket of one family leaves the port of the other free.
    let beside = House::open(&[&format!("udp:0.0.0.0:{six}")]);
    assert_eq!(beside.at(Transport::Udp).port(), six);
}

#[tokio::test]
async fn an_answer_says_where_the_request_came_from() {
    let house = House::open(&["udp:127.0.0.1:0"]);
    let phone = Phone::to(house.at(Transport::Udp)).await;
    let answer = phone.ask(options("a")).await;
    let via = header(&answer, "Via");
    assert!(via.contains(&format!("rport={}", phone.addr().port())), "{via}");
    assert!(via.contains("received=127.0.0.1"), "{via}");
}

#[tokio::test]
async fn a_datagram_that_the_system_refuses_is_told_at_once() {
    let mut house = House::open(&["udp:127.0.0.1:0"]);
    let phone = Phone::to(house.at(Transport::Udp)).await;
    // To everybody on the network: no socket of ours is allowed that.
    phone.say(send_to("sip:127.255.255.255:5060", "")).await;
    assert_eq!(house.end().await, Err(SendFault::Unreachable));
    house.counted("unsent", |count| count == 1).await;
    assert_eq!(status(&phone.ask(options("after")).await), 200);
}

#[tokio::test]
async fn a_large_answer_arrives_whole() {
    let house = House::open(&["udp:127.0.0.1:0"]);
    let phone = Phone::to(house.at(Transport::Udp)).await;
    let answer = phone.ask(request("OPTIONS", "large", "UDP phone.invalid", "X-Size: 60000\r\n")).await;
    assert!(answer.len() > 60_000);
    assert_eq!(header(&answer, "Content-Length"), "60000");
}

#[tokio::test]
async fn a_burst_is_answered_to_the_last() {
    const BURST: usize = 500;
    let house = House::open(&["udp:127.0.0.1:0"]);
    let phone = Phone::to(house.at(Transport::Udp)).await;
    let mut waiting = std::collections::BTreeSet::new();
    for number in 0..BURST {
        phone.say(options(&format!("call{number}"))).await;
        waiting.insert(format!("call{number}"));
        // A phone's own socket holds only so much.
        if waiting.len() >= 64 {
            let answer = phone.hear().await;
            assert!(waiting.remove(header(&answer, "Call-ID")), "answered twice");
        }
    }
    while !waiting.is_empty() {
        let answer = phone.hear().await;
        assert!(waiting.remove(header(&answer, "Call-ID")), "answered twice");
    }
    assert_eq!(house.runtime.stats().received_by(Transport::Udp), BURST as u64);
}

#[tokio::test]
async fn keepalives_and_garbage_are_counted_and_disturb_nobody() {
    let house = House::open(&["udp:127.0.0.1:0"]);
    let phone = Phone::to(house.at(Transport::Udp)).await;
    for keepalive in ["", "\r\n\r\n", "\0"] {
        phone.say(keepalive).await;
    }
    for garbage in ["hello\r\n\r\n", "\u{1}\u{2}", "SIP/2.0 nothing"] {
        phone.say(garbage).await;
    }
    assert_eq!(status(&phone.ask(options("after")).await), 200);
    let stats = house.runtime.stats();
    assert_eq!((stats.keepalives, stats.malformed), (3, 3));
}

#[tokio::test]
async fn line_ends_before_a_request_are_passed_over() {
    let house = House::open(&["udp:127.0.0.1:0"]);
    let phone = Phone::to(house.at(Transport::Udp)).await;
    assert_eq!(status(&phone.ask(format!("\r\n\r\n{}", options("late"))).await), 200);
}

#[tokio::test]
async fn a_panic_over_one_message_is_answered_and_hurts_no_other() {
    let house = House::open(&["udp:127.0.0.1:0"]);
    let phone = Phone::to(house.at(Transport::Udp)).await;
    let broken = phone.ask(request("OPTIONS", "broken", "UDP phone.invalid", "X-Panic: yes\r\n")).await;
    assert_eq!(status(&broken), 500);
    assert_eq!(status(&phone.ask(options("after")).await), 200);
    assert_eq!(house.runtime.stats().panics, 1);
}
