//! What the RFCs show and what strangers try.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::dialog::{Opening, Outgoing};
use crate::hop::Transport;
use crate::message::{Draft, Message};

fn request(method: &str, headers: &str) -> Request {
    let text = format!("{method} sip:b@b SIP/2.0\r\n{headers}\r\n");
    let Message::Request(request) = Message::parse(text.into()).unwrap() else { panic!("a request") };
    request
}

fn replaces() -> Replaces {
    "425928@bobster.example.org;to-tag=7743;from-tag=6472".parse().unwrap()
}

#[test]
fn a_blind_transfer_names_an_address_and_perhaps_a_method() {
    let refer = request("REFER", "r: \"Carol\" <sip:carol@c;method=SUBSCRIBE;x=1>;p=q\r\n");
    let to = ReferTo::of(&refer).unwrap();
    assert_eq!((to.target().as_ref(), to.method()), ("sip:carol@c;x=1", Ok(Method::Subscribe)));
    assert_eq!((to.addr().display().as_ref(), to.replaces()), ("Carol", Ok(None)));
    let refer = request("REFER", "Refer-To: sip:carol@c\r\n");
    assert_eq!(ReferTo::of(&refer).unwrap().method(), Ok(Method::Invite));
    let refer = request("REFER", "Refer-To: tel:+49301\r\n");
    assert_eq!(ReferTo::of(&refer).unwrap().target(), "tel:+49301");
}

#[test]
fn refer_to_must_be_there_once_and_be_an_address() {
    for headers in
        ["", "Refer-To: <sip:a@a>\r\nr: <sip:b@b>\r\n", "Refer-To: <sip:a@a>, <sip:b@b>\r\n", "Refer-To: x\r\n"]
    {
        let refer = request("REFER", headers);
        assert_eq!(ReferTo::of(&refer).err().map(Fault::status), Some(400), "{headers}");
    }
}

#[test]
fn an_attended_transfer_as_in_rfc_5589_is_read() {
    let refer = request(
        "REFER",
        "Refer-To: <sips:482n4z24kdg@chicago.example.com;gr=8594958?Replaces=090459243588173445%3Bto-tag%3D9m2n3wq%3B\
         from-tag%3D763231&Require=replaces&Subject=hi%20there>\r\n",
    );
    let to = ReferTo::of(&refer).unwrap();
    assert_eq!(to.target(), "sips:482n4z24kdg@chicago.example.com;gr=8594958");
    let replaces = to.replaces().unwrap().unwrap();
    assert_eq!(replaces.to_string(), "090459243588173445;to-tag=9m2n3wq;from-tag=763231");
    assert_eq!(to.headers().collect::<Vec<_>>(), [("Subject".into(), "hi there".into())]);
}

#[test]
fn an_address_slips_no_dangerous_header_into_a_request() {
    let refer = request(
        "REFER",
        "Refer-To: <sip:c@c?From=%3Csip:boss%40c%3E&v=x&Route=%3Csip:evil%3E&body=x&X-Bad=a%0D%0AVia:%20y&X%20Y=1&\
         P-Asserted-Identity=%3Csip:boss%40c%3E&Authorization=Digest&X-Good=yes&Replaces=a&Replaces=b>\r\n",
    );
    let to = ReferTo::of(&refer).unwrap();
    assert_eq!(to.headers().collect::<Vec<_>>(), [("X-Good".into(), "yes".into())]);
    assert_eq!(to.replaces().map_err(Fault::phrase), Err("More than one Replaces"));
}

#[test]
fn replaces_is_read_as_in_rfc_3891_and_refused_when_it_contradicts_itself() {
    let line = "Replaces: 98732@sip.example.com\r\n ;from-tag=r33th4x0r\r\n ;to-tag=ff87ff ; early-only\r\n";
    let read = Replaces::of(&request("INVITE", line)).unwrap().unwrap();
    assert_eq!(read.dialog(), DialogId { call_id: "98732@sip.example.com", local: "ff87ff", remote: "r33th4x0r" });
    assert!(read.early_only);
    assert_eq!(Replaces::of(&request("INVITE", "")), Ok(None));
    for (method, headers) in [
        ("INVITE", "Replaces: c;to-tag=1\r\n"),
        ("INVITE", "Replaces: c\r\n"),
        ("INVITE", "Replaces: ;to-tag=1;from-tag=2\r\n"),
        ("INVITE", "Replaces: c;to-tag=1;from-tag=\"x\"\r\n"),
        ("INVITE", "Replaces: c;to-tag=1;from-tag=2\r\nReplaces: d;to-tag=1;from-tag=2\r\n"),
        ("INVITE", "Replaces: c;to-tag=1;from-tag=2, d;to-tag=1;from-tag=2\r\n"),
        ("INVITE", "Replaces: c;to-tag=1;from-tag=2\r\nJoin: d;to-tag=1;from-tag=2\r\n"),
        ("SUBSCRIBE", "Replaces: c;to-tag=1;from-tag=2\r\n"),
    ] {
        assert_eq!(Replaces::of(&request(method, headers)).err().map(Fault::status), Some(400), "{headers}");
    }
}

#[test]
fn whoever_errs_in_join_reads_of_join() {
    for headers in ["Join: c;to-tag=1\r\n", "Join: ;to-tag=1;from-tag=2\r\n"] {
        assert_eq!(joined(&request("INVITE", headers)), Err(Fault::bad("Bad Join")), "{headers}");
    }
}

fn contact() -> Arc<str> {
    "<sip:us>".into()
}

/// The dialog of a call that came to us.
fn called() -> (Dialog, Request) {
    let invite = request(
        "INVITE",
        "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@a>;tag=6472\r\nTo: <sip:b@b>\r\nContact: <sip:a@h>\r\n\
         Call-ID: 425928@bobster.example.org\r\nCSeq: 1 INVITE\r\n",
    );
    (Dialog::answering(&invite, Transport::Udp, "7743", contact()).unwrap(), invite)
}

/// The early dialog of a call that we make.
fn calling() -> Dialog {
    let opening = Opening::new(Outgoing {
        method: Method::Invite,
        target: "sip:a@a",
        from: "<sip:b@b>",
        to: "<sip:a@a>",
        contact: contact(),
        call_id: "425928@bobster.example.org",
        tag: "7743",
        routes: &[],
    });
    let text = "SIP/2.0 180 X\r\nFrom: <sip:b@b>;tag=7743\r\nTo: <sip:a@a>;tag=6472\r\nContact: <sip:a@h>\r\n\
                Call-ID: 425928@bobster.example.org\r\nCSeq: 1 INVITE\r\n\r\n";
    let Message::Response(ringing) = Message::parse(text.into()).unwrap() else { panic!("a response") };
    let mut forks = crate::dialog::Forks::new(opening.unwrap());
    forks.hear(&ringing).unwrap();
    forks.dialogs()[0].clone()
}

#[test]
fn a_dialog_is_replaced_or_not_as_rfc_3891_section_3_says() {
    let status = |replaces: &Replaces, dialog: Option<&Dialog>| replaces.judge(dialog).map_err(Fault::status);
    let early_only = Replaces { early_only: true, ..replaces() };
    let peer = ([192, 0, 2, 1], 5060).into();

    assert_eq!(status(&replaces(), None), Err(481));
    let (mut dialog, invite) = called();
    assert_eq!(status(&replaces(), Some(&dialog)), Err(481), "a call that rings here is not given away");
    assert_eq!(status(&replaces(), Some(&calling())), Ok(()), "one that we make may be given up");
    assert_eq!(status(&early_only, Some(&calling())), Ok(()));
    dialog.reply(&invite, peer, 200).unwrap();
    assert_eq!(status(&replaces(), Some(&dialog)), Ok(()));
    assert_eq!(status(&early_only, Some(&dialog)), Err(486));
    let other = Replaces { from_tag: "other".into(), ..replaces() };
    assert_eq!(status(&other, Some(&dialog)), Err(481));
    dialog.end();
    assert_eq!(status(&replaces(), Some(&dialog)), Err(603));
}

#[test]
fn a_tag_of_zero_may_be_none() {
    let zero = Replaces { from_tag: "0".into(), ..replaces() };
    let id = |remote| DialogId { call_id: "425928@bobster.example.org", local: "7743", remote };
    assert!(zero.is(id("")) && zero.is(id("0")) && !zero.is(id("1")));
}

#[test]
fn what_a_transferor_writes_is_what_the_target_knows() {
    let (dialog, _) = called();
    let value = ReferTo::write(&Uri::parse("sip:a@h?X=y").unwrap(), Some(&Replaces::mirrored(&dialog)));
    let refer = request("REFER", &format!("Refer-To: {value}\r\n"));
    let read = ReferTo::of(&refer).unwrap();
    // The other side of the dialog has the tags the other way round.
    assert!(read.replaces().unwrap().unwrap().is(dialog.id().mirrored()));
    assert_eq!(read.target(), "sip:a@h");
    assert_eq!(read.headers().count(), 1, "X, and no Require of a stranger");
    assert_eq!(ReferTo::write(&Uri::parse("sip:a@h").unwrap(), None), "<sip:a@h>");
}

#[test]
fn news_of_a_transfer_may_be_declined() {
    for (headers, wants) in [
        ("", Ok(true)),
        ("Refer-Sub: true\r\n", Ok(true)),
        ("Refer-Sub: FALSE ;x\r\n", Ok(false)),
        ("Refer-Sub: no\r\n", Err(400)),
    ] {
        assert_eq!(wants_news(&request("REFER", headers)).map_err(Fault::status), wants, "{headers}");
    }
}

#[test]
fn who_asked_is_read_with_its_proof() {
    let refer = request("REFER", "b: <sip:alice@a>;cid=\"20398823.2UWQFN309shb3@a\"\r\n");
    let by = ReferredBy::of(&refer).unwrap().unwrap();
    assert_eq!((by.addr.uri.as_str(), by.cid()), ("sip:alice@a", Some("20398823.2UWQFN309shb3@a")));
    assert!(ReferredBy::of(&request("REFER", "")).unwrap().is_none());
    assert!(ReferredBy::of(&request("REFER", "Referred-By: nobody\r\n")).is_err());
}

#[test]
fn a_target_dialog_is_named_by_its_sender_and_found_from_the_other_end() {
    let (dialog, _) = called();
    let line = format!("Target-Dialog: {}\r\n", TargetDialog::about(dialog.id()));
    let refer = request("REFER", &line);
    assert_eq!(TargetDialog::of(&refer).unwrap().unwrap().dialog(), dialog.id().mirrored());
    assert_eq!(TargetDialog::of(&request("REFER", "")), Ok(None));
    let wrong = request("REFER", "Target-Dialog: c;local-tag=1\r\n");
    assert_eq!(TargetDialog::of(&wrong).map_err(Fault::status), Err(400));
}

#[test]
fn progress_is_told_as_a_status_line_and_read_back() {
    let progress = Progress::of_status(180);
    assert_eq!(&progress.body()[..], b"SIP/2.0 180 Ringing\r\n");
    assert!(!progress.is_final() && Progress::of_status(200).is_final());
    let notify = |kind: &str, body: &[u8]| {
        let draft = Draft::request(Method::Notify, "sip:x").body(kind, Bytes::copy_from_slice(body));
        let Ok(Message::Request(notify)) = Message::parse(draft.finish()) else { panic!("a request") };
        Progress::of(&notify).map_err(Fault::status)
    };
    assert_eq!(notify(SIPFRAG, &progress.body()), Ok(progress));
    let whole = notify("message/sipfrag", b"SIP/2.0 503 Service Unavailable\r\nRetry-After: 5\r\n");
    assert_eq!(whole.map(|progress| progress.status), Ok(503));
    assert_eq!(notify("message/sipfrag", b"SIP/2.0 200").map(|progress| progress.phrase), Ok(String::new()));
    assert_eq!(notify("application/sdp", b"SIP/2.0 200 OK"), Err(415));
    for wrong in
        [&b""[..], b"SIP/2.0 99 X", b"SIP/2.0 +20 X", b"SIP/2.0 700 X", b"INVITE sip:x SIP/2.0", b"SIP/2.0 \xff00 X"]
    {
        assert_eq!(notify("message/sipfrag", wrong), Err(400));
    }
}

#[test]
fn words_beside_a_status_cannot_add_a_line() {
    let progress = Progress { status: 200, phrase: "OK\r\nContact: <sip:evil>".into() };
    assert_eq!(progress.body().iter().filter(|byte| **byte == b'\n').count(), 1);
}

proptest! {
    #[test]
    fn replaces_survives_being_escaped_into_an_address(
        call_id in "[!-+.-:<-~]{1,30}",
        to_tag in "[a-zA-Z0-9.!%*_+`'~-]{1,20}",
        from_tag in "[a-zA-Z0-9.!%*_+`'~-]{1,20}",
        early_only: bool,
    ) {
        prop_assume!(!call_id.contains('"'));
        let replaces = Replaces { call_id: call_id.into(), to_tag: to_tag.into(), from_tag: from_tag.into(), early_only };
        let value = ReferTo::write(&Uri::parse("sip:a@h;x=1").unwrap(), Some(&replaces));
        let refer = request("REFER", &format!("Refer-To: {value}\r\n"));
        prop_assert_eq!(ReferTo::of(&refer).unwrap().replaces(), Ok(Some(replaces)));
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,120}") {
        let refer = request("REFER", &format!("Refer-To: {text}\r\nTarget-Dialog: {text}\r\nReferred-By: {text}\r\n"));
        if let Ok(to) = ReferTo::of(&refer) {
            let _ = (to.target(), to.method(), to.replaces(), to.headers().count());
        }
        let _ = (TargetDialog::of(&refer), ReferredBy::of(&refer), text.parse::<Replaces>());
    }
}
