//! Requests of others.

use patchcord_sip::transaction::{Heard, Sender};
use patchcord_sip::{Message, Name, Transport};

use super::shard::{SECOND, Shard, request};

#[test]
fn a_request_is_told_once_and_its_answer_given_again_each_time_it_comes_again() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, options) = shard.hear_new(request("OPTIONS", "z9hG4bKa"));
    assert!(shard.hear(request("OPTIONS", "z9hG4bKa")).is_silent(), "there is no answer yet");

    let answer = shard.answer(id, &options, 200).sent.remove(0);
    let again = shard.hear(request("OPTIONS", "z9hG4bKa"));
    assert_eq!(again.sent[0].bytes, answer.bytes);
    assert!(again.heard.is_empty());
    assert_eq!((shard.tally().requests, shard.tally().requests_repeated, shard.tally().answers_repeated), (1, 2, 1));

    assert!(shard.pass(33 * SECOND).is_silent());
    assert!(shard.table.is_empty());
    assert_eq!(shard.table.deadline(), None);
}

#[test]
fn two_requests_under_one_branch_are_two_when_method_or_sender_differs() {
    let mut shard = Shard::over(Transport::Udp);
    shard.hear_new(request("OPTIONS", "z9hG4bKa"));
    shard.hear_new(request("MESSAGE", "z9hG4bKa"));
    let elsewhere = request("INFO", "z9hG4bKa").replace("phone.example.net;", "other.example.net;");
    shard.hear_new(&elsewhere);
    let shouted = elsewhere.replace("other.example.net;", "OTHER.example.net;");
    assert!(shard.hear(shouted).is_silent(), "a host is the same in any case");
    assert_eq!(shard.table.len(), 3);
}

#[test]
fn a_reliable_transport_forgets_a_request_with_its_answer() {
    let mut shard = Shard::over(Transport::Tcp);
    let (id, options) = shard.hear_new(request("OPTIONS", "z9hG4bKa"));
    assert_eq!(shard.answer(id, &options, 200).statuses(), [200]);
    assert!(shard.table.is_empty());
    assert_eq!(shard.table.deadline(), None);
}

#[test]
fn an_owner_that_takes_its_time_over_an_invite_makes_the_caller_hear_trying() {
    let mut shard = Shard::over(Transport::Udp);
    shard.hear_new(request("INVITE", "z9hG4bKa"));

    let news = shard.pass(SECOND / 4);
    let trying = news.only_response();
    assert_eq!(trying.status().code(), 100);
    assert_eq!(trying.call_id().unwrap(), "theirs@example.net");
    assert_eq!(trying.to().unwrap().tag(), None);
    assert_eq!(shard.hear(request("INVITE", "z9hG4bKa")).statuses(), [100]);
}

#[test]
fn a_2xx_is_repeated_until_its_ack_which_is_told_with_the_invite_it_belongs_to() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut shard = Shard::over(transport);
        let (id, invite) = shard.hear_new(request("INVITE", "z9hG4bKa"));
        let answer = shard.answer(id, &invite, 200).sent.remove(0);

        let repeated = shard.pass(2 * SECOND);
        assert_eq!(repeated.sent.iter().map(|sent| &sent.bytes).collect::<Vec<_>>(), [&answer.bytes; 2]);

        let told = shard.hear(request("ACK", "z9hG4bKb"));
        assert!(matches!(told.heard[..], [Heard::Ack { id: Some(found), .. }] if found == id));
        assert!(shard.pass(20 * SECOND).is_silent());
        assert!(shard.hear(request("INVITE", "z9hG4bKa")).is_silent(), "a wanderer is swallowed");
        assert!(shard.pass(20 * SECOND).is_silent());
        assert!(shard.table.is_empty());
    }
}

#[test]
fn a_2xx_without_ack_tells_its_owner() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, invite) = shard.hear_new(request("INVITE", "z9hG4bKa"));
    shard.answer(id, &invite, 200);

    let news = shard.pass(32 * SECOND);
    assert_eq!(news.sent.len(), 10);
    assert!(matches!(news.heard[..], [Heard::AckMissing { id: found }] if found == id));
    assert!(shard.table.is_empty());
}

#[test]
fn a_2xx_whose_dialog_has_ended_is_repeated_no_more() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, invite) = shard.hear_new(request("INVITE", "z9hG4bKa"));
    shard.answer(id, &invite, 200);
    shard.table.stop_repeating(id, shard.now);

    assert!(shard.pass(33 * SECOND).is_silent());
    assert!(shard.table.is_empty());
}

#[test]
fn a_refusal_of_an_invite_is_repeated_until_its_ack_which_nobody_hears() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, invite) = shard.hear_new(request("INVITE", "z9hG4bKa"));
    shard.answer(id, &invite, 486);

    assert_eq!(shard.pass(SECOND).statuses(), [486]);
    assert!(shard.hear(request("ACK", "z9hG4bKa")).is_silent());
    assert!(shard.pass(10 * SECOND).is_silent());
    assert!(shard.table.is_empty());
}

#[test]
fn an_ack_of_nothing_we_know_is_told_without_a_name() {
    let mut shard = Shard::over(Transport::Udp);
    let told = shard.hear(request("ACK", "z9hG4bKa"));
    assert!(matches!(told.heard[..], [Heard::Ack { id: None, .. }]));
    assert!(shard.table.is_empty());
}

#[test]
fn a_cancel_is_answered_and_told_once_and_the_invite_wants_its_own_answer() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, invite) = shard.hear_new(request("INVITE", "z9hG4bKa"));
    shard.answer(id, &invite, 180);

    let news = shard.hear(request("CANCEL", "z9hG4bKa"));
    let answer = news.sent[0].response();
    assert_eq!((answer.status().code(), answer.cseq().unwrap().method.as_str()), (200, "CANCEL"));
    assert_eq!(answer.to().unwrap().tag(), Some("ours"), "the tag is that of the ringing");
    assert!(matches!(news.heard[..], [Heard::Cancelled { id: found, .. }] if found == id));

    let again = shard.hear(request("CANCEL", "z9hG4bKa"));
    assert_eq!(again.only_response().bytes(), answer.bytes());
    assert_eq!(shard.answer(id, &invite, 487).statuses(), [487]);
    shard.hear(request("ACK", "z9hG4bKa"));
    shard.pass(10 * SECOND);
    assert!(shard.table.is_empty());
}

#[test]
fn a_cancel_after_the_answer_is_answered_and_changes_nothing() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, invite) = shard.hear_new(request("INVITE", "z9hG4bKa"));
    shard.answer(id, &invite, 200);
    assert_eq!(shard.hear(request("CANCEL", "z9hG4bKa")).only_response().status().code(), 200);
}

#[test]
fn a_cancel_of_nothing_is_answered_481_with_the_same_tag_each_time() {
    let mut shard = Shard::over(Transport::Udp);
    let news = shard.hear(request("CANCEL", "z9hG4bKa"));
    let answer = news.only_response();
    assert_eq!(answer.status().code(), 481);
    assert!(answer.to().unwrap().tag().is_some());
    assert_eq!(shard.hear(request("CANCEL", "z9hG4bKa")).sent[0].bytes, *answer.bytes());
    shard.hear_new(request("OPTIONS", "z9hG4bKb"));
    assert_eq!(shard.hear(request("CANCEL", "z9hG4bKb")).statuses(), [481], "only an INVITE can be cancelled");
}

#[test]
fn without_the_cookie_a_repetition_its_ack_and_its_cancel_are_known_by_everything_they_have_in_common() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, invite) = shard.hear_new(request("INVITE", "1"));
    assert!(shard.hear(request("INVITE", "1")).is_silent());
    let other_call = request("INVITE", "1").replace("theirs@", "another@");
    shard.hear_new(other_call);

    let news = shard.hear(request("CANCEL", "1"));
    assert!(matches!(news.heard[..], [Heard::Cancelled { id: found, .. }] if found == id));
    assert_eq!(shard.answer(id, &invite, 487).statuses(), [487]);
    let ack = request("ACK", "1").replace("To: <sip:bob@example.org>", "To: <sip:bob@example.org>;tag=ours");
    assert!(shard.hear(ack).is_silent());
    assert_eq!(shard.tally().acks_swallowed, 1);
}

#[test]
fn what_rfc_4320_forbids_is_withheld() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, options) = shard.hear_new(request("OPTIONS", "z9hG4bKa"));
    assert!(shard.answer(id, &options, 180).is_silent());
    assert_eq!(shard.pass(4 * SECOND).statuses(), [100], "by now the client repeats slowly");
    assert!(shard.answer(id, &options, 408).is_silent());
    assert!(shard.table.is_empty());
    assert!(shard.answer(id, &options, 200).is_silent());
    assert_eq!((shard.tally().answers_withheld, shard.tally().answers_late), (2, 1));
}

#[test]
fn an_owner_that_never_answers_loses_the_request() {
    let mut shard = Shard::over(Transport::Udp);
    shard.hear_new(request("OPTIONS", "z9hG4bKa"));
    assert_eq!(shard.pass(40 * SECOND).statuses(), [100]);
    assert!(shard.table.is_empty());
    assert_eq!(shard.tally().unanswered, 1);
}

#[test]
fn an_answer_that_cannot_be_sent_is_told() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, options) = shard.hear_new(request("OPTIONS", "z9hG4bKa"));
    let sender = shard.answer(id, &options, 200).sent[0].sender;
    assert_eq!(sender, Sender::Server(id));
    shard.table.transport_failed(sender);
    assert!(matches!(shard.news().heard[..], [Heard::ReplyLost { id: found }] if found == id));
    assert!(shard.table.is_empty());
}

#[test]
fn every_answer_carries_the_via_that_the_request_came_with_and_where_it_was_seen() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, options) = shard.hear_new(request("OPTIONS", "z9hG4bKa").replace(";branch", ";rport;branch"));
    let answer = shard.answer(id, &options, 200).sent.remove(0);
    let Ok(Message::Response(response)) = Message::parse(answer.bytes) else { panic!("a response is sent") };
    let via = response.top_via().unwrap();
    assert_eq!((via.branch(), via.rport()), (Some("z9hG4bKa"), Some(Some(5060))));
    assert_eq!(via.received(), Some("198.51.100.9".parse().unwrap()));
    assert_eq!(response.all(Name::Via).count(), 1);
}
