//! The statuses with which requests are turned away, each provoked by one message, with the headers that it demands.

use patchcord_lab::{Ask, Carrier, Heard, Line, Phone, Server, Wish};

use crate::{alices_server, setup};

async fn udp(server: &Server) -> Line {
    Line::open(Carrier::Udp, server.address(Carrier::Udp)).await
}

async fn tcp(server: &Server) -> Line {
    Line::open(Carrier::Tcp, server.address(Carrier::Tcp)).await
}

/// Sends what `build` makes of a line, over UDP and over TCP, and expects that status and that header with that in it.
async fn refused(status: u16, header: Option<(&str, &str)>, build: impl Fn(&Line) -> Ask) {
    let server = alices_server().await;
    for mut line in [udp(&server).await, tcp(&server).await] {
        let ask = build(&line);
        let reply = line.exchange(&ask).await;
        let case = format!("{:?}\n{}\n{}", line.carrier(), ask.text(), reply.text());
        assert_eq!(reply.status(), status, "{case}");
        if let Some((name, part)) = header {
            let value = reply.header(name).unwrap_or_else(|| panic!("{name} is missing: {case}"));
            assert!(value.contains(part), "{name} lacks {part}: {case}");
        }
        assert!(reply.header("To").is_some_and(|to| to.contains(";tag=")), "no tag on To: {case}");
        assert!(line.is_answered().await, "after {case}");
    }
}

fn nobody(line: &Line) -> String {
    line.uri("nobody")
}

#[tokio::test]
async fn a_request_that_contradicts_itself_is_answered_400() {
    refused(400, None, |line| line.ask("OPTIONS", &line.uri("")).set("CSeq", "1 INVITE")).await;
    refused(400, None, |line| line.ask("OPTIONS", &line.uri("")).set("Max-Forwards", "many")).await;
}

#[tokio::test]
async fn a_wrong_password_is_answered_403() {
    let server = alices_server().await;
    let mut phone = Phone::connect(Carrier::Tls, server.address(Carrier::Tls), "alice", "wrong").await;
    assert_eq!(phone.register(600).await.status(), 403);
}

#[tokio::test]
async fn an_invite_of_a_stranger_is_asked_for_a_password_and_told_nothing_of_who_there_is() {
    let asked = Some(("WWW-Authenticate", "Digest"));
    refused(401, asked, |line| line.ask("INVITE", &nobody(line))).await;
    refused(401, asked, |line| line.ask("INVITE", &line.uri("alice"))).await;
}

#[tokio::test]
async fn a_method_that_is_known_but_not_served_is_answered_405_with_allow() {
    refused(405, Some(("Allow", "REGISTER")), |line| line.ask("REFER", &line.uri("alice"))).await;
}

#[tokio::test]
async fn too_large_a_body_is_answered_413() {
    refused(413, None, |line| {
        line.ask("INVITE", &line.uri("alice")).body("application/sdp", format!("v=0\r\n{}", "a=x\r\n".repeat(8000)))
    })
    .await;
}

#[tokio::test]
async fn too_long_a_request_uri_is_answered_414() {
    refused(414, None, |line| line.ask("OPTIONS", &line.uri(&"a".repeat(5000))).set("To", "<sip:alice@lab.invalid>"))
        .await;
}

#[tokio::test]
async fn a_body_of_unknown_kind_is_answered_415_with_accept() {
    refused(415, Some(("Accept", "application/sdp")), |line| {
        line.ask("INVITE", &line.uri("alice")).body("text/plain", "hello")
    })
    .await;
    refused(415, Some(("Accept-Encoding", "identity")), |line| {
        line.ask("INVITE", &line.uri("alice")).with("Content-Encoding", "gzip").body("application/sdp", "v=0\r\n")
    })
    .await;
}

#[tokio::test]
async fn an_unknown_scheme_is_answered_416() {
    refused(416, None, |line| line.ask("OPTIONS", "nobodyKnowsThisScheme:totallyopaquecontent")).await;
}

#[tokio::test]
async fn a_required_extension_that_is_missing_is_answered_420_with_unsupported() {
    refused(420, Some(("Unsupported", "teleport")), |line| {
        line.ask("OPTIONS", &line.uri("")).with("Require", "path, teleport")
    })
    .await;
}

#[tokio::test]
async fn too_brief_a_registration_is_answered_423_with_min_expires() {
    let server = alices_server().await;
    let mut phone = Phone::connect(Carrier::Tcp, server.address(Carrier::Tcp), "alice", "secret").await;
    let reply = phone.wish(&Wish::expires(5)).await;
    assert_eq!(reply.status(), 423, "{}", reply.text());
    assert!(reply.header("Min-Expires").is_some_and(|least| least.parse::<u32>().is_ok_and(|least| least > 5)));
}

#[tokio::test]
async fn what_belongs_to_no_call_is_answered_481() {
    refused(481, None, |line| line.ask("BYE", &line.uri("alice")).set("To", "<sip:alice@lab.invalid>;tag=gone")).await;
    refused(481, None, |line| line.ask("CANCEL", &line.uri("alice"))).await;
    refused(481, None, |line| line.ask("INVITE", &line.uri("alice")).set("To", "<sip:alice@lab.invalid>;tag=gone"))
        .await;
}

#[tokio::test]
async fn a_request_that_comes_twice_on_different_ways_is_answered_482() {
    let server = alices_server().await;
    let mut line = udp(&server).await;
    let first = line.ask("OPTIONS", &line.uri(""));
    let forked = first.clone().set("Via", line.ask("OPTIONS", "sip:x").header("Via"));
    assert_eq!(line.exchange(&first).await.status(), 200);
    assert_eq!(line.exchange(&forked).await.status(), 482);
}

#[tokio::test]
async fn a_request_without_hops_left_is_answered_483() {
    refused(483, None, |line| line.ask("INVITE", &line.uri("alice")).set("Max-Forwards", "0")).await;
}

#[tokio::test]
async fn an_offer_that_is_none_is_answered_488_with_warning() {
    refused(488, Some(("Warning", "399")), |line| {
        line.ask("INVITE", &line.uri("alice")).body("application/sdp", "let us talk\r\n")
    })
    .await;
}

#[tokio::test]
async fn an_unknown_event_is_answered_489() {
    refused(489, None, |line| line.ask("SUBSCRIBE", &line.uri("alice")).with("Event", "dreams")).await;
}

#[tokio::test]
async fn an_unknown_method_is_answered_501() {
    refused(501, Some(("Allow", "INVITE")), |line| line.ask("DANCE", &line.uri("alice"))).await;
}

#[tokio::test]
async fn another_version_of_sip_is_answered_505() {
    refused(505, None, |line| {
        let uri = line.uri("");
        line.ask("OPTIONS", &uri).start(&format!("OPTIONS {uri} SIP/7.0"))
    })
    .await;
}

#[tokio::test]
async fn a_message_beyond_all_limits_is_answered_513_and_the_flow_closed() {
    let server = alices_server().await;
    let mut line = tcp(&server).await;
    let ask = line.ask("OPTIONS", &line.uri("")).body("text/plain", "x".repeat(70_000));
    line.send(ask.text()).await;
    let replies = line.until_closed().await;
    assert_eq!(replies.iter().map(|reply| reply.status()).collect::<Vec<_>>(), [513]);
    assert!(tcp(&server).await.is_answered().await);
}

#[tokio::test]
async fn a_full_server_answers_503_and_says_when_to_come_back() {
    let server = setup().toml("[limits]\nserver_transactions = 8").start().await;
    let mut line = udp(&server).await;
    // Over UDP each answered request is remembered for half a minute, so that its repeats are answered alike.
    let mut statuses = Vec::new();
    for _ in 0..40 {
        let reply = line.exchange(&line.ask("OPTIONS", &line.uri(""))).await;
        if reply.status() == 503 {
            let retry_after = reply.header("Retry-After").and_then(|seconds| seconds.parse::<u32>().ok());
            assert!(retry_after.is_some_and(|seconds| seconds > 0), "{}", reply.text());
        }
        statuses.push(reply.status());
    }
    assert!(statuses.starts_with(&[200; 4]) && statuses.ends_with(&[503; 4]), "{statuses:?}");
}

#[tokio::test]
async fn options_tells_what_the_server_can_over_every_transport() {
    let server = alices_server().await;
    for carrier in Carrier::ALL {
        let mut line = Line::open(carrier, server.address(carrier)).await;
        let reply = line.exchange(&line.ask("OPTIONS", &line.uri(""))).await;
        assert_eq!(reply.status(), 200, "{carrier:?}");
        for name in ["Allow", "Accept", "Supported"] {
            assert!(reply.header(name).is_some_and(|value| !value.is_empty()), "{carrier:?} lacks {name}");
        }
        assert!(reply.header("Via").is_some_and(|via| via.contains("rport=")), "{carrier:?}: {}", reply.text());
    }
}

#[tokio::test]
async fn a_stray_ack_and_a_stray_response_are_answered_by_silence() {
    let server = alices_server().await;
    let mut line = tcp(&server).await;
    let ack = line.ask("ACK", &line.uri("alice"));
    let stray = format!(
        "SIP/2.0 200 OK\r\nVia: {}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: stray\r\nCSeq: 1 INVITE\r\n\
         Content-Length: 0\r\n\r\n",
        ack.header("Via")
    );
    line.send(ack.text() + &stray).await;

    // One connection keeps its order: the first thing heard answers what was asked last.
    let options = line.ask("OPTIONS", &line.uri(""));
    line.send(options.text()).await;
    let Heard::Message(reply) = line.hear().await else { panic!("no answer to OPTIONS") };
    assert_eq!(reply.header("Call-ID"), Some(options.header("Call-ID")));
}
