//! Requests of ours.

use patchcord_sip::transaction::{Full, Heard, Limits, Sender};
use patchcord_sip::{FlowId, Method, Name, Transport};

use super::shard::{SECOND, Shard, draft, response};

#[test]
fn a_request_goes_out_under_a_via_of_ours_and_its_answer_is_told_once() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, sent) = shard.ask(Method::Options);
    let via = sent.top_via().unwrap();
    assert_eq!((via.host(), via.port(), via.transport()), ("192.0.2.1", Some(5060), Some(Transport::Udp)));
    assert!(via.has_magic_branch() && via.rport().is_some());

    let told = shard.hear(response(&sent, 200, "theirs"));
    assert!(matches!(&told.heard[..], [Heard::Response { id: found, .. }] if *found == id));
    assert!(shard.hear(response(&sent, 200, "theirs")).is_silent());
    shard.pass(6 * SECOND);
    assert!(shard.table.is_empty());
    assert_eq!(shard.tally().responses_repeated, 1);
}

#[test]
fn no_two_requests_share_a_branch() {
    let mut shard = Shard::over(Transport::Tcp);
    let mut branches = std::collections::HashSet::new();
    for _ in 0..100 {
        let (_, sent) = shard.ask(Method::Options);
        assert!(branches.insert(sent.top_via().unwrap().branch().unwrap().to_owned()));
        shard.hear(response(&sent, 200, "theirs"));
    }
    assert!(shard.table.is_empty());
}

#[test]
fn an_unanswered_request_is_sent_eleven_times_and_times_out() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, sent) = shard.ask(Method::Register);
    let news = shard.pass(32 * SECOND);
    assert_eq!(news.sent.len(), 10);
    assert!(news.sent.iter().all(|again| again.bytes == *sent.bytes()));
    assert!(matches!(news.heard[..], [Heard::TimedOut { id: found }] if found == id));
    assert!(shard.table.is_empty());
    assert!(shard.hear(response(&sent, 200, "late")).is_silent());
    assert_eq!(shard.tally().responses_stray, 1);
}

#[test]
fn a_refused_invite_is_acknowledged_along_its_own_way_each_time() {
    let mut shard = Shard::over(Transport::Udp);
    let (_, invite) = shard.ask(Method::Invite);
    let news = shard.hear(response(&invite, 486, "theirs"));
    let ack = news.sent[0].request();
    assert_eq!(news.methods(), ["ACK"]);
    assert_eq!(ack.top_via().unwrap().as_str(), invite.top_via().unwrap().as_str());
    assert_eq!((ack.uri_text(), ack.get(Name::Route)), (invite.uri_text(), invite.get(Name::Route)));
    assert_eq!((ack.get(Name::From), ack.get(Name::CallId)), (invite.get(Name::From), invite.get(Name::CallId)));
    assert_eq!(ack.to().unwrap().tag(), Some("theirs"));
    assert_eq!((ack.get(Name::CSeq), ack.get(Name::MaxForwards)), (Some("314 ACK"), Some("70")));
    ack.check().expect("the ACK is well-formed");

    let again = shard.hear(response(&invite, 486, "theirs"));
    assert_eq!(again.sent[0].bytes, *ack.bytes());
    assert!(again.heard.is_empty());
    shard.pass(33 * SECOND);
    assert!(shard.table.is_empty());
}

#[test]
fn a_2xx_is_left_to_the_owner_to_acknowledge_as_often_as_it_comes() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, invite) = shard.ask(Method::Invite);
    assert!(matches!(shard.hear(response(&invite, 200, "one")).heard[..], [Heard::Response { .. }]));
    let ack = shard.table.send_ack(draft(Method::Ack), shard.hop(), "192.0.2.1:5060");
    let sent = shard.news().sent.remove(0);
    assert_ne!(sent.request().top_via().unwrap().branch(), invite.top_via().unwrap().branch());

    for tag in ["one", "two"] {
        let told = shard.hear(response(&invite, 200, tag));
        assert!(matches!(told.heard[..], [Heard::StrayResponse { id: found, .. }] if found == id));
    }
    let hop = shard.hop();
    shard.table.send_again(ack.clone(), hop);
    assert_eq!(shard.news().sent[0].bytes, ack);
    assert!(matches!(shard.pass(33 * SECOND).heard[..], [Heard::Ended { id: found }] if found == id));
    assert!(shard.table.is_empty());
}

#[test]
fn a_cancel_waits_for_a_sign_of_life_and_follows_the_invite() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, invite) = shard.ask(Method::Invite);
    shard.table.cancel(id, Some("SIP;cause=200;text=\"Call completed elsewhere\""), shard.now);
    assert!(shard.news().is_silent());

    let news = shard.hear(response(&invite, 180, "theirs"));
    let cancel = news.sent[0].request();
    assert_eq!(news.methods(), ["CANCEL"]);
    assert_eq!(cancel.top_via().unwrap().as_str(), invite.top_via().unwrap().as_str());
    assert_eq!((cancel.uri_text(), cancel.get(Name::Route)), (invite.uri_text(), invite.get(Name::Route)));
    assert_eq!((cancel.get(Name::To), cancel.get(Name::CSeq)), (invite.get(Name::To), Some("314 CANCEL")));
    assert_eq!(cancel.get(Name::Other("Reason")), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    cancel.check().expect("the CANCEL is well-formed");
    let told = matches!(&news.heard[..], [Heard::Response { .. }, Heard::CancelSent { id: of, cancel: sent }]
        if *of == id && sent == cancel.bytes());
    assert!(told, "who keeps a ladder is told when it went out: {:?}", news.heard);

    let again = shard.pass(SECOND);
    assert_eq!(again.methods(), ["CANCEL"], "it is repeated like any request");
    assert!(again.heard.is_empty(), "and told once: {:?}", again.heard);
    assert!(shard.hear(response(&cancel, 200, "theirs")).is_silent());
    assert!(shard.pass(5 * SECOND).is_silent());
    let end = shard.hear(response(&invite, 487, "theirs"));
    assert_eq!(end.methods(), ["ACK"]);
    assert!(matches!(end.heard[..], [Heard::Response { .. }]));
    shard.pass(33 * SECOND);
    assert!(shard.table.is_empty());
}

#[test]
fn a_cancel_that_nobody_heeds_ends_the_invite_all_the_same() {
    let mut shard = Shard::over(Transport::Tcp);
    let (id, invite) = shard.ask(Method::Invite);
    shard.hear(response(&invite, 180, "theirs"));
    shard.table.cancel(id, None, shard.now);
    assert_eq!(shard.news().methods(), ["CANCEL"]);
    assert!(matches!(shard.pass(33 * SECOND).heard[..], [Heard::TimedOut { id: found }] if found == id));
    assert!(shard.table.is_empty());
}

#[test]
fn a_connection_that_closes_ends_what_waits_over_it() {
    let mut shard = Shard::over(Transport::Tls);
    let (options, _) = shard.ask(Method::Options);
    let (ringing, invite) = shard.ask(Method::Invite);
    let (_, answered) = shard.ask(Method::Invite);
    shard.hear(response(&invite, 180, "theirs"));
    shard.hear(response(&answered, 200, "theirs"));

    shard.table.flow_closed(FlowId(8));
    assert!(shard.news().is_silent(), "another connection is none of theirs");
    shard.table.flow_closed(FlowId(7));
    let told = shard.news().heard;
    assert!(
        matches!(told[..], [Heard::Unreachable { id: one }, Heard::Unreachable { id: two }] if one == options && two == ringing)
    );
    assert_eq!(shard.table.len(), 1, "the answered one waits for further answers");
}

#[test]
fn a_request_that_cannot_be_sent_ends_at_once() {
    let mut shard = Shard::over(Transport::Udp);
    let (id, _) = shard.ask(Method::Options);
    shard.table.transport_failed(Sender::Client(id));
    assert!(matches!(shard.news().heard[..], [Heard::Unreachable { id: found }] if found == id));
    shard.table.transport_failed(Sender::Client(id));
    assert!(shard.news().is_silent());
    assert!(shard.table.is_empty());
}

#[test]
fn responses_that_are_malformed_or_belong_to_nobody_are_dropped_and_counted() {
    let mut shard = Shard::over(Transport::Udp);
    let (_, sent) = shard.ask(Method::Options);
    let good = response(&sent, 200, "theirs");

    assert!(shard.hear(good.replace("z9hG4bK00000000", "z9hG4bK00000001")).is_silent());
    assert!(shard.hear(good.replace("314 OPTIONS", "314 BYE")).is_silent());
    let secret_end = sent.top_via().unwrap().branch().unwrap().chars().last().unwrap();
    let other_end = if secret_end == '0' { "1;" } else { "0;" };
    assert!(shard.hear(good.replace(&format!("{secret_end};"), other_end)).is_silent());
    assert_eq!(shard.tally().responses_stray, 3);

    assert!(shard.hear(good.replace("Call-ID: ours@example.org\r\n", "")).is_silent());
    assert!(shard.hear(good.replace("Via: ", "Via: SIP/2.0/UDP behind;branch=z9hG4bKx\r\nVia: ")).is_silent());
    assert_eq!(shard.tally().malformed_responses, 2);
    assert_eq!(shard.hear(good).heard.len(), 1);
}

#[test]
fn a_full_table_refuses_its_owner() {
    let mut shard = Shard::with_limits(Transport::Udp, Limits { server: 1, client: 1, ..Limits::default() });
    shard.ask(Method::Options);
    assert_eq!(shard.table.request(draft(Method::Options), shard.hop(), "192.0.2.1", shard.now), Err(Full));
    assert_eq!(shard.tally().sent_full, 1);
    shard.pass(33 * SECOND);
    shard.ask(Method::Options);
}
