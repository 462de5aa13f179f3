//! RFC 3261 §12 and its neighbours, clause by clause.

use super::*;
use crate::message::{Draft, Message, Method, Name};
use bytes::Bytes;

const PEER: &str = "192.0.2.1:5060";

fn request(text: &str) -> Request {
    match Message::parse(Bytes::from(text.replace('\n', "\r\n"))).unwrap() {
        Message::Request(request) => {
            request.check().unwrap();
            request
        }
        Message::Response(_) => panic!("a request"),
    }
}

fn sent(draft: Draft) -> Request {
    let bytes = draft.via(Transport::Udp, "pbx.example.org", "z9hG4bKx").finish();
    request(&String::from_utf8(bytes.to_vec()).unwrap().replace("\r\n", "\n"))
}

fn response(status: u16, tag: &str, more: &str) -> Response {
    let to_tag = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
    let text = format!(
        "SIP/2.0 {status} X\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\nFrom: <sip:alice@a>;tag=ours\nTo: <sip:bob@b>{to_tag}\n\
         Call-ID: call\nCSeq: 1 INVITE\n{more}Content-Length: 0\n\n"
    );
    let Message::Response(response) = Message::parse(Bytes::from(text.replace('\n', "\r\n"))).unwrap() else {
        panic!("a response")
    };
    response
}

fn incoming(method: &str, number: u32, more: &str) -> Request {
    let to = if more.contains("To:") { "" } else { "To: <sip:alice@a>;tag=ours\n" };
    request(&format!(
        "{method} sip:alice@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK{number}\nMax-Forwards: 70\n\
         From: \"Bob\" <sip:bob@b>;tag=theirs\n{to}Call-ID: call\nCSeq: {number} {method}\n{more}Content-Length: 0\n\n"
    ))
}

const INVITE: &str = "To: <sip:alice@a>\nContact: <sip:bob@10.0.0.2;x=1?Subject=y>;expires=60\n\
                      Record-Route: <sip:p2;lr>, <sip:p1;lr>\n";

fn contact() -> Arc<str> {
    "<sip:10.0.0.1:5060>".into()
}

fn called() -> Dialog {
    Dialog::answering(&incoming("INVITE", 5, INVITE), Transport::Udp, "ours", contact()).unwrap()
}

fn opening() -> Opening {
    Opening::new(Outgoing {
        method: Method::Invite,
        target: "sip:bob@b",
        from: "<sip:alice@a>",
        to: "<sip:bob@b>",
        contact: contact(),
        call_id: "call",
        tag: "ours",
        routes: &[],
    })
    .unwrap()
}

fn calling(more: &str) -> Dialog {
    let mut forks = Forks::new(opening());
    let more = format!("Contact: <sip:bob@10.0.0.2>\n{more}");
    assert!(matches!(forks.hear(&response(200, "theirs", &more)), Ok(Branch::Won(_))));
    forks.into_winner().unwrap()
}

#[test]
fn the_called_side_keeps_routes_in_order_and_the_contact_as_target() {
    let mut dialog = called();
    assert_eq!(dialog.id(), DialogId { call_id: "call", local: "ours", remote: "theirs" });
    assert_eq!((dialog.state(), dialog.remote_seq(), dialog.is_secure()), (State::Early, Some(5), false));

    let bye = sent(dialog.request(Method::Bye));
    assert_eq!(bye.uri_text(), "sip:bob@10.0.0.2;x=1");
    assert_eq!(bye.get(Name::Route), Some("<sip:p2;lr>, <sip:p1;lr>"));
    assert_eq!(bye.get(Name::From), Some("<sip:alice@a>;tag=ours"));
    assert_eq!(bye.get(Name::To), Some("\"Bob\" <sip:bob@b>;tag=theirs"));
    assert_eq!(bye.get(Name::CSeq), Some("1 BYE"));
    assert_eq!(bye.get(Name::Contact), None);
    assert_eq!(dialog.state(), State::Ended);
}

#[test]
fn the_calling_side_reverses_the_routes_and_counts_on() {
    let mut dialog = calling("Record-Route: <sip:p2;lr>\nRecord-Route: <sip:p1;lr>\n");
    assert_eq!((dialog.state(), dialog.local_seq(), dialog.remote_seq()), (State::Confirmed, 1, None));

    let update = sent(dialog.request(Method::Update));
    assert_eq!(update.get(Name::Route), Some("<sip:p1;lr>, <sip:p2;lr>"));
    assert_eq!(update.get(Name::CSeq), Some("2 UPDATE"));
    assert_eq!(update.get(Name::Contact), Some("<sip:10.0.0.1:5060>"));
    assert_eq!(dialog.next_hop(), "sip:p1;lr");
}

#[test]
fn a_strict_first_proxy_gets_its_own_address_and_the_target_comes_last() {
    let mut dialog = calling("Record-Route: <sip:p2;lr>, <sip:p1;method=INVITE>\n");
    let info = sent(dialog.request(Method::Info));
    assert_eq!(info.uri_text(), "sip:p1");
    assert_eq!(info.get(Name::Route), Some("<sip:p2;lr>, <sip:bob@10.0.0.2>"));
    assert_eq!(dialog.next_hop(), "sip:p1;method=INVITE");
}

#[test]
fn the_ack_bears_the_number_of_its_invite_and_counts_for_nothing() {
    let mut dialog = calling("");
    dialog.request(Method::Info);
    let ack = sent(dialog.ack(1));
    assert_eq!((ack.get(Name::CSeq), ack.get(Name::Contact)), (Some("1 ACK"), None));
    assert_eq!(dialog.local_seq(), 2);

    let mut dialog = called();
    dialog.hear(&incoming("INFO", 9, "")).unwrap();
    assert_eq!(dialog.hear(&incoming("ACK", 5, "")), Ok(()));
}

#[test]
fn a_request_that_makes_a_dialog_must_have_a_contact_of_sip() {
    for (contact, phrase) in [
        ("", "Missing Contact"),
        ("Contact: <tel:+49301>\n", "Contact is no SIP address"),
        ("Contact: \"open <sip:x@h>\n", "Quote without an end"),
    ] {
        let text = format!("To: <sip:alice@a>\n{contact}");
        let text = format!(
            "INVITE sip:a@h SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nMax-Forwards: 1\nFrom: <sip:b@b>;tag=t\n{text}\
             Call-ID: c\nCSeq: 1 INVITE\n\n"
        );
        let Message::Request(invite) = Message::parse(text.into()).unwrap() else { panic!("a request") };
        let fault = Dialog::answering(&invite, Transport::Udp, "x", super::tests::contact()).unwrap_err();
        assert_eq!((fault.status(), fault.phrase()), (400, phrase));
    }
}

#[test]
fn gaps_in_the_numbers_are_accepted_and_steps_back_are_answered_500() {
    let mut dialog = called();
    assert_eq!(dialog.hear(&incoming("INFO", 6, "")), Ok(()));
    assert_eq!(dialog.hear(&incoming("INFO", 60, "")), Ok(()));
    for old in [59, 60] {
        assert_eq!(dialog.hear(&incoming("INFO", old, "")).map_err(Fault::status), Err(500));
    }
    assert_eq!(dialog.remote_seq(), Some(60));
    let mut fresh = calling("");
    assert_eq!(fresh.hear(&incoming("INFO", 4_000, "")), Ok(()), "the first number may be any");
}

#[test]
fn a_bye_ends_the_dialog_and_what_comes_after_gets_481() {
    let mut dialog = called();
    let bye = incoming("BYE", 6, "");
    dialog.hear(&bye).unwrap();
    assert_eq!(dialog.state(), State::Ended);
    let reply = dialog.reply(&bye, PEER.parse().unwrap(), 200).unwrap();
    assert_eq!(reply.get(Name::To), Some("<sip:alice@a>;tag=ours"));
    assert_eq!(dialog.hear(&incoming("INFO", 7, "")).map_err(Fault::status), Err(481));
    // The answer that crossed the BYE does not bring it back.
    dialog.reply(&incoming("INVITE", 5, INVITE), PEER.parse().unwrap(), 200).unwrap();
    assert_eq!(dialog.state(), State::Ended);
}

#[test]
fn replies_to_the_invite_carry_tag_contact_and_record_route_and_move_the_state() {
    let invite = incoming("INVITE", 5, INVITE);
    let peer = PEER.parse().unwrap();
    let mut dialog = called();

    let trying = dialog.reply(&invite, peer, 100).unwrap();
    assert_eq!((trying.get(Name::To), trying.get(Name::Contact)), (Some("<sip:alice@a>"), None));
    let ringing = dialog.reply(&invite, peer, 180).unwrap();
    assert_eq!(ringing.get(Name::To), Some("<sip:alice@a>;tag=ours"));
    assert_eq!(ringing.get(Name::Contact), Some("<sip:10.0.0.1:5060>"));
    assert_eq!(ringing.get(Name::RecordRoute), Some("<sip:p2;lr>, <sip:p1;lr>"));
    assert_eq!(dialog.state(), State::Early);
    dialog.reply(&invite, peer, 200).unwrap();
    assert_eq!(dialog.state(), State::Confirmed);

    let mut refused = called();
    let busy = refused.reply(&invite, peer, 486).unwrap();
    assert_eq!((busy.get(Name::Contact), busy.get(Name::RecordRoute)), (None, None));
    assert_eq!(refused.state(), State::Ended);
}

#[test]
fn a_reinvite_moves_the_target_when_it_is_accepted_and_not_when_it_is_refused() {
    let peer = PEER.parse().unwrap();
    let mut dialog = called();
    let moved = "Contact: <sip:bob@10.9.9.9>\nRecord-Route: <sip:intruder;lr>\n";
    let reinvite = incoming("INVITE", 6, moved);
    dialog.hear(&reinvite).unwrap();

    for status in [183, 488] {
        dialog.reply(&reinvite, peer, status).unwrap();
    }
    assert_eq!((dialog.target(), dialog.state()), ("sip:bob@10.0.0.2;x=1", State::Early));
    let reply = dialog.reply(&reinvite, peer, 200).unwrap();
    assert_eq!(dialog.target(), "sip:bob@10.9.9.9");
    assert_eq!(dialog.next_hop(), "sip:p2;lr", "the route set stays what it was");
    assert_eq!(reply.get(Name::Contact), Some("<sip:10.0.0.1:5060>"));
}

#[test]
fn only_methods_that_refresh_the_target_move_it() {
    let peer = PEER.parse().unwrap();
    for (method, moves) in
        [("UPDATE", true), ("NOTIFY", true), ("SUBSCRIBE", true), ("INFO", false), ("MESSAGE", false), ("PRACK", false)]
    {
        let mut dialog = called();
        let request = incoming(method, 6, "Contact: <sip:bob@10.9.9.9>\n");
        dialog.reply(&request, peer, 200).unwrap();
        assert_eq!(dialog.target() == "sip:bob@10.9.9.9", moves, "{method}");
    }
}

#[test]
fn responses_move_the_target_and_481_and_408_end_the_dialog() {
    let in_dialog = |status, number, method: &str| {
        let text = format!(
            "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:alice@a>;tag=ours\r\n\
             To: <sip:bob@b>;tag=theirs\r\nCall-ID: call\r\nCSeq: {number} {method}\r\nContact: <sip:bob@10.9.9.9>\r\n\r\n"
        );
        let Message::Response(response) = Message::parse(text.into()).unwrap() else { panic!("a response") };
        response
    };
    let mut dialog = calling("");
    dialog.hear_response(&in_dialog(200, 2, "INFO")).unwrap();
    assert_eq!(dialog.target(), "sip:bob@10.0.0.2");
    dialog.hear_response(&in_dialog(200, 3, "UPDATE")).unwrap();
    assert_eq!(dialog.target(), "sip:bob@10.9.9.9");
    dialog.hear_response(&in_dialog(500, 4, "INFO")).unwrap();
    assert_eq!(dialog.state(), State::Confirmed);
    for status in [481, 408] {
        let mut dialog = calling("");
        dialog.hear_response(&in_dialog(status, 2, "INFO")).unwrap();
        assert_eq!(dialog.state(), State::Ended, "{status}");
    }
}

#[test]
fn peers_of_rfc_2543_have_no_tag() {
    let old = INVITE.to_owned();
    let text = format!(
        "INVITE sip:alice@a SIP/2.0\nVia: SIP/2.0/UDP h\nMax-Forwards: 70\nFrom: sip:bob@b\n{old}Call-ID: call\n\
         CSeq: 1 INVITE\nContent-Length: 0\n\n"
    );
    let mut dialog = Dialog::answering(&request(&text), Transport::Udp, "ours", contact()).unwrap();
    assert_eq!(dialog.id().remote, "");
    let bye = sent(dialog.request(Method::Bye));
    assert_eq!(bye.get(Name::To), Some("sip:bob@b"));
}

#[test]
fn a_dialog_is_secure_when_sips_came_over_tls() {
    let text = "INVITE sips:alice@a SIP/2.0\nVia: SIP/2.0/TLS h;branch=z9hG4bK1\nMax-Forwards: 70\n\
                From: <sips:bob@b>;tag=1\nTo: <sips:alice@a>\nContact: <sips:bob@h>\nCall-ID: c\nCSeq: 1 INVITE\n\n";
    let secure = |over| Dialog::answering(&request(text), over, "x", contact()).unwrap().is_secure();
    assert!(secure(Transport::Tls) && secure(Transport::Wss) && !secure(Transport::Tcp));
}

#[test]
fn no_stranger_parks_a_large_message_in_a_dialog() {
    let long = format!("To: <sip:alice@a>;x={}\nContact: <sip:bob@10.0.0.2>\n", "y".repeat(MAX_DIALOG_TEXT));
    let made = Dialog::answering(&incoming("INVITE", 5, &long), Transport::Udp, "ours", contact());
    assert_eq!(made.err().map(Fault::status), Some(513));

    let routes = "Record-Route: <sip:p;lr>\n".repeat(MAX_ROUTES + 1);
    let many =
        Dialog::answering(&incoming("INVITE", 5, &(INVITE.to_owned() + &routes)), Transport::Udp, "x", contact());
    assert_eq!(many.err().map(Fault::status), Some(400));
    let wordy = format!("To: <sip:alice@a>;x={}\nContact: <sip:bob@10.0.0.2>\n", "y".repeat(5000));
    let mut dialog = Dialog::answering(&incoming("INVITE", 5, &wordy), Transport::Udp, "ours", contact()).unwrap();
    let moved = incoming("UPDATE", 6, &format!("Contact: <sip:{}@h>\n", "u".repeat(4000)));
    let reply = dialog.reply(&moved, PEER.parse().unwrap(), 200);
    assert_eq!(reply.err().map(Fault::status), Some(513));
    assert_eq!(dialog.target(), "sip:bob@10.0.0.2");
}

#[test]
fn an_idle_dialog_stays_below_a_kilobyte() {
    let dialog = called();
    assert!(size_of::<Dialog>() + dialog.text_len() < 512, "{} + {}", size_of::<Dialog>(), dialog.text_len());
}

#[test]
fn each_phone_behind_a_fork_makes_a_dialog_of_its_own_and_the_first_answer_wins() {
    let mut forks = Forks::new(opening());
    let contact = |host: &str| format!("Contact: <sip:bob@{host}>\n");
    assert!(matches!(forks.hear(&response(100, "", "")), Ok(Branch::None)));
    assert!(matches!(forks.hear(&response(180, "", "")), Ok(Branch::None)));
    for tag in ["desk", "mobile", "desk"] {
        let Ok(Branch::Early(dialog)) = forks.hear(&response(180, tag, &contact(tag))) else { panic!("early") };
        assert_eq!((dialog.id().remote, dialog.state()), (tag, State::Early));
    }
    assert_eq!(forks.dialogs().len(), 2);

    let Ok(Branch::Won(winner)) = forks.hear(&response(200, "mobile", &contact("moved"))) else { panic!("won") };
    assert_eq!((winner.state(), winner.target()), (State::Confirmed, "sip:bob@moved"));
    let Ok(Branch::Lost(loser)) = forks.hear(&response(200, "desk", &contact("desk"))) else { panic!("lost") };
    assert_eq!(sent(loser.request(Method::Bye)).get(Name::CSeq), Some("2 BYE"));
    let Ok(Branch::Lost(_)) = forks.hear(&response(200, "third", &contact("third"))) else { panic!("lost") };
    for tag in ["desk", "mobile"] {
        assert!(matches!(forks.hear(&response(200, tag, &contact(tag))), Ok(Branch::Repeated(_))), "{tag}");
    }
    assert!(matches!(forks.hear(&response(180, "mobile", &contact("x"))), Ok(Branch::None)), "overtaken");
    assert_eq!(forks.into_winner().unwrap().id().remote, "mobile");
}

#[test]
fn the_2xx_decides_the_route_set_of_an_early_dialog() {
    let mut forks = Forks::new(opening());
    let early = "Contact: <sip:bob@h>\nRecord-Route: <sip:p1;lr>\n";
    assert!(matches!(forks.hear(&response(180, "t", early)), Ok(Branch::Early(_))));
    let late = "Contact: <sip:bob@h>\nRecord-Route: <sip:p2;lr>, <sip:p1;lr>\n";
    let Ok(Branch::Won(dialog)) = forks.hear(&response(200, "t", late)) else { panic!("won") };
    assert_eq!(dialog.routes.text(), "<sip:p1;lr>, <sip:p2;lr>");
}

#[test]
fn a_failure_ends_every_early_dialog_and_199_ends_one() {
    let mut forks = Forks::new(opening());
    for tag in ["a", "b", "c"] {
        forks.hear(&response(183, tag, "Contact: <sip:bob@h>\n")).unwrap();
    }
    let Ok(Branch::Gone(gone)) = forks.hear(&response(199, "a", "")) else { panic!("gone") };
    assert_eq!(gone.state(), State::Ended);
    assert_eq!(forks.dialogs().len(), 2);
    assert!(matches!(forks.hear(&response(486, "b", "")), Ok(Branch::Failed)));
    assert!(forks.dialogs().iter().all(|dialog| dialog.state() == State::Ended));
    forks.again();
    assert_eq!((forks.opening().seq(), forks.dialogs().len()), (2, 0));
    assert!(forks.into_winner().is_none());
}

#[test]
fn once_answered_neither_a_failure_nor_the_end_of_another_branch_takes_the_winner_away() {
    let mut forks = Forks::new(opening());
    for tag in ["a", "b"] {
        forks.hear(&response(180, tag, "Contact: <sip:bob@h>\n")).unwrap();
    }
    assert!(matches!(forks.hear(&response(200, "b", "")), Ok(Branch::Won(_))));
    assert!(matches!(forks.hear(&response(199, "b", "")), Ok(Branch::None)));
    assert!(matches!(forks.hear(&response(199, "a", "")), Ok(Branch::Gone(_))));
    assert!(matches!(forks.hear(&response(486, "a", "")), Ok(Branch::Failed)));
    let winner = forks.into_winner().unwrap();
    assert_eq!((winner.id().remote, winner.state()), ("b", State::Confirmed));
}

#[test]
fn who_makes_up_tags_for_sport_gets_no_more_dialogs() {
    let mut forks = Forks::new(opening());
    for tag in 0..MAX_FORKS {
        forks.hear(&response(180, &tag.to_string(), "Contact: <sip:bob@h>\n")).unwrap();
    }
    let more = forks.hear(&response(180, "more", "Contact: <sip:bob@h>\n"));
    assert!(matches!(more, Err(ForkFault::TooMany)));
}

#[test]
fn a_2xx_without_contact_leaves_the_place_that_was_asked() {
    let mut forks = Forks::new(opening());
    let Ok(Branch::Won(dialog)) = forks.hear(&response(200, "t", "")) else { panic!("won") };
    assert_eq!(dialog.target(), "sip:bob@b");
}

#[test]
fn the_opening_says_who_where_and_by_which_way_and_counts_its_tries() {
    let mut opening = Opening::new(Outgoing {
        method: Method::Invite,
        target: "sip:bob@b?Subject=hello",
        from: "\"Alice\" <sip:alice@a>",
        to: "<sip:bob@b>",
        contact: contact(),
        call_id: "call",
        tag: "ours",
        routes: &["<sip:edge;lr>", "<sip:core;lr>"],
    })
    .unwrap();
    let invite = sent(opening.draft());
    assert_eq!((invite.uri_text(), invite.get(Name::Route)), ("sip:bob@b", Some("<sip:edge;lr>, <sip:core;lr>")));
    assert_eq!(invite.get(Name::From), Some("\"Alice\" <sip:alice@a>;tag=ours"));
    assert_eq!((invite.get(Name::To), invite.get(Name::CSeq)), (Some("<sip:bob@b>"), Some("1 INVITE")));
    assert_eq!(opening.next_hop(), "sip:edge;lr");

    opening.redirect("sip:bob@elsewhere").unwrap();
    let again = sent(opening.draft());
    assert_eq!((again.uri_text(), again.get(Name::CSeq)), ("sip:bob@elsewhere", Some("2 INVITE")));
    assert!(opening.redirect("no address").is_err());
}

#[test]
fn an_opening_refuses_what_cannot_be_sent() {
    let say = |target, from, to| {
        let (method, contact) = (Method::Invite, contact());
        Opening::new(Outgoing { method, target, from, to, contact, call_id: "c", tag: "t", routes: &[] })
    };
    assert!(say("not an address", "<sip:a@a>", "<sip:b@b>").is_err());
    assert!(say("sip:b@b", "a b", "<sip:b@b>").is_err());
    assert!(say("sip:b@b", "<sip:a@a>", "<sip:b@b>;tag=there").is_err());
}

#[test]
fn a_notify_may_make_the_dialog_of_its_subscriber_before_the_2xx() {
    let mut subscribe = opening();
    subscribe.method = Method::Subscribe;
    let notify = incoming("NOTIFY", 77, "Contact: <sip:bob@10.0.0.2>\nRecord-Route: <sip:p2;lr>, <sip:p1;lr>\n");
    let mut dialog = Dialog::notified(&subscribe, &notify).unwrap();
    assert_eq!(dialog.id(), DialogId { call_id: "call", local: "ours", remote: "theirs" });
    let refresh = sent(dialog.request(Method::Subscribe));
    assert_eq!(refresh.get(Name::Route), Some("<sip:p2;lr>, <sip:p1;lr>"));
    assert_eq!(refresh.get(Name::CSeq), Some("2 SUBSCRIBE"));

    let stray = incoming("NOTIFY", 77, "To: <sip:alice@a>;tag=another\nContact: <sip:bob@10.0.0.2>\n");
    assert_eq!(Dialog::notified(&subscribe, &stray).err().map(Fault::status), Some(481));
}

#[test]
fn requests_and_responses_name_the_dialog_from_both_ends() {
    let info = incoming("INFO", 6, "");
    let id = DialogId::of_request(&info).unwrap().unwrap();
    assert!(called().is(id));
    assert!(!called().is(id.mirrored()));
    assert_eq!(DialogId::of_request(&incoming("INVITE", 5, INVITE)), Ok(None));
    assert_eq!(DialogId::of_response(&response(180, "", "")), Ok(None));
    assert!(calling("").is(DialogId::of_response(&response(180, "theirs", "")).unwrap().unwrap()));
}
