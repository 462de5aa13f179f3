//! Requests that never become a transaction.

use patchcord_sip::transaction::{Heard, Limits};
use patchcord_sip::{Draft, Transport};

use super::shard::{SECOND, Shard, request};

/// What a request is answered that nobody is told of.
fn refusal(text: &str) -> (u16, String) {
    let mut shard = Shard::over(Transport::Udp);
    let answer = shard.hear(text).only_response();
    assert!(shard.table.is_empty());
    assert_eq!(shard.hear(text).sent[0].bytes, *answer.bytes(), "the same request gets the same answer");
    (answer.status().code(), answer.reason().to_owned())
}

#[test]
fn a_malformed_request_is_answered_with_what_is_wrong_with_it() {
    let options = request("OPTIONS", "z9hG4bKa");
    let (status, reason) = refusal(&options.replace("CSeq: 8 OPTIONS", "CSeq: 8 INVITE"));
    assert_eq!((status, reason.as_str()), (400, "CSeq method does not match"));
    assert_eq!(refusal(&options.replace("Call-ID: theirs@example.net\r\n", "")).0, 400);
    assert_eq!(refusal(&options.replace("sip:bob@example.org SIP/2.0", "sip:bob@example.org SIP/7.0")).0, 505);
}

#[test]
fn a_malformed_ack_and_a_request_without_a_way_back_are_not_answered() {
    let mut shard = Shard::over(Transport::Udp);
    assert!(shard.hear(request("ACK", "z9hG4bKa").replace("1 ACK", "1 BYE")).is_silent());
    let no_via = request("OPTIONS", "z9hG4bKa").replace("Via: SIP/2.0/UDP phone.example.net;branch=z9hG4bKa\r\n", "");
    assert!(shard.hear(no_via).is_silent());
    assert_eq!((shard.tally().malformed_requests, shard.tally().malformed_unanswered), (2, 2));
}

#[test]
fn a_request_whose_via_cannot_be_read_is_answered_where_it_came_from() {
    let empty = request("OPTIONS", "z9hG4bKa").replace(";branch=z9hG4bKa", ";branch=");
    assert_eq!(refusal(&empty), (400, "Bad parameters in Via".to_owned()));
}

#[test]
fn an_invite_that_is_refused_and_forgotten_is_answered_once_each_time_it_comes_and_its_ack_is_swallowed() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut shard = Shard::over(transport);
        let mut tags = Vec::new();
        for _ in 0..2 {
            let (id, invite) = shard.hear_new(request("INVITE", "z9hG4bKa"));
            shard.table.refuse(id, Draft::reply(&invite, shard.hop().peer, 404));
            let answer = shard.news().only_response();
            assert_eq!(answer.status().code(), 404);
            tags.push(answer.to().unwrap().tag().unwrap().to_owned());
            assert!(shard.table.is_empty());
            assert_eq!(shard.table.deadline(), None, "nothing is ever repeated");
        }
        assert_eq!(tags[0], tags[1]);
        let ack = request("ACK", "z9hG4bKa")
            .replace("To: <sip:bob@example.org>", &format!("To: <sip:bob@example.org>;tag={}", tags[0]));
        assert!(shard.hear(ack).is_silent());
        assert_eq!((shard.tally().refused_unkept, shard.tally().acks_swallowed), (2, 1));
    }
}

#[test]
fn a_request_that_was_forked_and_arrives_twice_is_answered_482_the_second_time() {
    let mut shard = Shard::over(Transport::Udp);
    shard.hear_new(request("INVITE", "z9hG4bKa"));

    let other_way = request("INVITE", "z9hG4bKb");
    let answer = shard.hear(&other_way).only_response();
    assert_eq!(answer.status().code(), 482);
    let tag = answer.to().unwrap().tag().unwrap().to_owned();
    let ack = request("ACK", "z9hG4bKb")
        .replace("To: <sip:bob@example.org>", &format!("To: <sip:bob@example.org>;tag={tag}"));
    assert!(shard.hear(ack).is_silent());
    assert_eq!(shard.table.len(), 1);
    assert_eq!(shard.tally().merged, 1);
}

#[test]
fn a_request_inside_a_dialog_is_never_merged() {
    let mut shard = Shard::over(Transport::Udp);
    let inside =
        |branch| request("INFO", branch).replace("To: <sip:bob@example.org>", "To: <sip:bob@example.org>;tag=ours");
    shard.hear_new(inside("z9hG4bKa"));
    shard.hear_new(inside("z9hG4bKb"));
}

#[test]
fn the_same_request_may_come_another_way_when_the_first_is_forgotten() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, options) = shard.hear_new(request("OPTIONS", "z9hG4bKa"));
    shard.answer(id, &options, 200);
    assert_eq!(shard.hear(request("OPTIONS", "z9hG4bKb")).statuses(), [482]);
    shard.pass(33 * SECOND);
    shard.hear_new(request("OPTIONS", "z9hG4bKb"));
}

#[test]
fn a_full_table_refuses_until_there_is_room() {
    let mut shard = Shard::with_limits(Transport::Udp, Limits { server: 1, client: 1, ..Limits::default() });
    let (id, options) = shard.hear_new(request("OPTIONS", "z9hG4bKa"));

    let answer = shard.hear(request("MESSAGE", "z9hG4bKb")).only_response();
    assert_eq!(answer.status().code(), 503);
    assert_eq!(answer.retry_after(), Some(10));
    assert!(shard.hear(request("OPTIONS", "z9hG4bKa")).is_silent(), "what is under way goes on");
    shard.answer(id, &options, 200);
    shard.pass(33 * SECOND);
    shard.hear_new(request("MESSAGE", "z9hG4bKb"));
    assert_eq!(shard.tally().refused_full, 1);
}

#[test]
fn a_few_of_the_largest_requests_do_not_hold_more_than_many_usual_ones() {
    let limits = Limits { server_bytes: 100_000, ..Limits::default() };
    let mut shard = Shard::with_limits(Transport::Udp, limits);
    let large = |branch: &str| {
        request("OPTIONS", branch)
            .replace("Max-Forwards: 70", &format!("Max-Forwards: 70\r\nX: {}", "x".repeat(40_000)))
    };
    let (first, options) = shard.hear_new(large("z9hG4bKa").replace("Call-ID: ", "Call-ID: a"));
    shard.hear_new(large("z9hG4bKb").replace("Call-ID: ", "Call-ID: b"));

    let third = large("z9hG4bKc").replace("Call-ID: ", "Call-ID: c");
    assert_eq!(shard.hear(third.clone()).only_response().status().code(), 503);
    shard.answer(first, &options, 200);
    assert_eq!(shard.hear(third.clone()).heard.len(), 1, "a short answer stands where a long request stood");
    shard.pass(65 * SECOND);
    for branch in ["z9hG4bKd", "z9hG4bKe"] {
        shard.hear_new(large(branch).replace("Call-ID: ", &format!("Call-ID: {branch}")));
    }
}

#[test]
fn the_ack_of_a_refusal_without_a_transaction_is_nobodys_business() {
    let mut shard = Shard::with_limits(Transport::Udp, Limits { server: 0, client: 1, ..Limits::default() });
    let answer = shard.hear(request("INVITE", "z9hG4bKa")).only_response();
    let tag = answer.to().unwrap().tag().unwrap().to_owned();
    let ack = |tag: &str| {
        request("ACK", "z9hG4bKa").replace("To: <sip:bob@example.org>", &format!("To: <sip:bob@example.org>;tag={tag}"))
    };
    assert!(shard.hear(ack(&tag)).is_silent());
    assert!(matches!(shard.hear(ack("another")).heard[..], [Heard::Ack { id: None, .. }]));
}
