//! What operators do while calls go on: they pass parties on, and shut addresses out, by API and by command.

use std::net::SocketAddr;

use patchcord_lab::{Carrier, Conduct, Handset, Lab, Model, Server, Side, eventually};
use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt,
    net::{TcpSocket, UdpSocket},
};

use crate::{
    alices_server,
    calling::{at_home, house},
    records::records,
};

/// Asks over the control socket, as the commands do.
pub async fn ask(server: &Server, method: &str, path: &str, body: &Value) -> (u16, Value) {
    use tokio::io::AsyncWriteExt;
    let token = std::fs::read_to_string(server.data().join("control.token")).expect("the token of this start");
    let mut stream = tokio::net::UnixStream::connect(server.data().join("control.sock")).await.expect("it answers");
    let body = body.to_string();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        token.trim(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// The call that goes on.
pub async fn live_call(server: &Server) -> String {
    let open = async || {
        let (_, calls) = ask(server, "GET", "/api/v1/calls", &Value::Null).await;
        calls["records"][0]["record"]["call"].as_str().map(str::to_owned)
    };
    eventually("a call goes on", open).await
}

/// Alice has called Bob, and Carol is at home; and their call.
async fn two_who_talk_and_a_third(lab: &Lab, server: &Server) -> ([Handset; 3], String) {
    let alice = at_home(lab, server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(lab, server, "bob", Carrier::Tcp, &Model::new()).await;
    let carol = at_home(lab, server, "carol", Carrier::Udp, &Model::new()).await;
    alice.dial("102");
    bob.answers().await;
    alice.is_answered().await;
    let call = live_call(server).await;
    ([alice, bob, carol], call)
}

#[tokio::test]
async fn an_operator_passes_a_caller_on_and_whoever_was_talked_with_is_let_go_when_the_other_answers() {
    let server = house().await;
    let lab = Lab::open();
    let ([alice, bob, carol], call) = two_who_talk_and_a_third(&lab, &server).await;
    let path = format!("/api/v1/calls/{call}/transfer");

    let (status, begun) = ask(&server, "POST", &path, &json!({ "to": "103" })).await;
    assert_eq!((status, &begun["to"]), (202, &"103".into()), "{begun}");
    carol.is_called().await;
    let (status, again) = ask(&server, "POST", &path, &json!({ "to": "103" })).await;
    assert!(status == 409 && again["detail"].as_str().is_some_and(|told| told.contains("already")), "{again}");
    carol.answers().await;
    assert_eq!(bob.is_over().await.by, Side::Them);
    alice.comes_to_hear(&[&carol]).await;
    carol.comes_to_hear(&[&alice]).await;
    alice.hangs_up().await;
    assert_eq!(carol.is_over().await.by, Side::Them);

    let told = records(&server, 1).await;
    assert_eq!(told[0]["record"]["legs"].as_array().map(Vec::len), Some(3), "{told:#?}");
    let (shown, good) = server.run(&["calls", "show", &call], "").await;
    assert!(good && shown.contains("operator_transfer"), "{shown}");
    let (_, audit) = ask(&server, "GET", "/api/v1/audit", &Value::Null).await;
    assert_eq!(audit["deeds"][0]["deed"], "transferred call", "{audit}");
}

#[tokio::test]
async fn whoever_reads_a_call_that_goes_on_reads_what_happened_just_now() {
    let server = house().await;
    let lab = Lab::open();
    let ([alice, bob, carol], call) = two_who_talk_and_a_third(&lab, &server).await;
    let path = format!("/api/v1/records/{call}");
    // Asked once each: nobody has to come again for what is there.
    bob.holds().await;
    let (_, told) = ask(&server, "GET", &path, &Value::Null).await;
    assert!(told["journal"].to_string().contains("\"held\""), "{told:#}");
    let transfer = format!("/api/v1/calls/{call}/transfer");
    bob.resumes().await;
    let (status, begun) = ask(&server, "POST", &transfer, &json!({ "to": "103" })).await;
    assert_eq!(status, 202, "{begun}");
    carol.is_called().await;
    let (_, told) = ask(&server, "GET", &path, &Value::Null).await;
    assert_eq!(told["record"]["legs"].as_array().map(Vec::len), Some(3), "{told:#}");
    alice.hangs_up().await;
    bob.is_over().await;
}

#[tokio::test]
async fn an_operator_passes_a_caller_on_to_whatever_the_caller_could_dial() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    alice.dial("102");
    bob.answers().await;
    alice.is_answered().await;
    let call = live_call(&server).await;
    let path = format!("/api/v1/calls/{call}/transfer");
    let (status, begun) = ask(&server, "POST", &path, &json!({ "to": "9196" })).await;
    assert_eq!((status, &begun["to"]), (202, &"9196".into()), "{begun}");
    assert_eq!(bob.is_over().await.by, Side::Them);
    // The echo says again what she says.
    alice.comes_to_hear(&[&alice]).await;
    alice.hangs_up().await;
    let told = records(&server, 1).await;
    let said = told[0]["sentence"].as_str().expect("a sentence");
    assert!(said.contains("an operator transferred Alice to service "), "{said}");
}

#[tokio::test]
async fn a_transfer_that_cannot_be_is_refused_with_its_reason_and_both_talk_on() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let busy = Model::new().when_called(Conduct::Refuse(486));
    let _carol = at_home(&lab, &server, "carol", Carrier::Udp, &busy).await;
    alice.dial("102");
    bob.is_called().await;
    let call = live_call(&server).await;
    let path = format!("/api/v1/calls/{call}/transfer");
    let wants = async |body: Value| ask(&server, "POST", &path, &body).await.0;
    assert_eq!(wants(json!({ "to": "103" })).await, 409, "nobody has answered yet");
    bob.answers().await;
    alice.is_answered().await;
    assert_eq!(wants(json!({ "to": "nobody-knows" })).await, 403);
    assert_eq!(wants(json!({ "to": "" })).await, 422);
    assert_eq!(wants(json!({ "to": "103", "leg": 9 })).await, 404);
    assert_eq!(wants(json!({ "whom": "103" })).await, 422);
    let elsewhere = call.replace(|letter: char| letter.is_ascii_digit(), "0");
    let (status, _) = ask(&server, "POST", &format!("/api/v1/calls/{elsewhere}/transfer"), &json!({ "to": "1" })).await;
    assert_eq!(status, 404);
    assert_eq!(wants(json!({ "to": "103" })).await, 202, "and Carol's phone is busy");
    alice.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&alice]).await;
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
}

/// A datagram from that address, and whether it was answered before the second one, which comes from here.
async fn options(server: &Server, from: &str) -> bool {
    let to = server.address(Carrier::Udp);
    let knock = async |from: &str| {
        let socket = UdpSocket::bind(SocketAddr::new(from.parse().expect("an address"), 0)).await.expect("it is ours");
        let local = socket.local_addr().expect("bound");
        let text = format!(
            "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{}\r\nMax-Forwards: 70\r\n\
             From: <sip:a@{local}>;tag=1\r\nTo: <sip:{to}>\r\nCall-ID: {local}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
            local.port()
        );
        socket.send_to(text.as_bytes(), to).await.expect("sent");
        socket
    };
    let asked = knock(from).await;
    // One shard takes datagrams in their order, so an answer to the second one says that the first was looked at.
    let here = knock("127.0.0.1").await;
    here.readable().await.expect("the server answers this machine");
    asked.try_recv(&mut [0; 2048]).is_ok()
}

#[tokio::test]
async fn whoever_is_banned_is_not_heard_at_any_transport_until_the_ban_is_lifted() {
    let server = alices_server().await;
    assert!(options(&server, "127.0.0.7").await);
    let from = SocketAddr::new("127.0.0.7".parse().expect("an address"), 0);
    let connect = async |carrier| {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(from).expect("it is ours");
        socket.connect(server.address(carrier)).await.expect("the kernel takes it")
    };
    let (said, good) = server.run(&["bans", "add", "127.0.0.7", "--reason", "scans", "--for", "1h"], "").await;
    assert!(good && said.starts_with("127.0.0.7 is banned until "), "{said}");

    assert!(!options(&server, "127.0.0.7").await);
    for carrier in [Carrier::Tcp, Carrier::Tls] {
        let ended = connect(carrier).await.read(&mut [0; 16]).await;
        assert!(matches!(ended, Ok(0) | Err(_)), "{carrier:?}: {ended:?}");
    }
    let (_, metrics) = server.get("/metrics").await;
    for counted in ["udp", "tcp", "tls"] {
        let line = format!("patchcord_banned_refused_total{{transport=\"{counted}\"}} 1");
        assert!(metrics.contains(&line), "{counted}\n{metrics}");
    }
    let (said, good) = server.run(&["bans", "add", "127.0.0.0/8", "--reason", "slip"], "").await;
    assert!(!good && said.contains("this machine itself"), "{said}");

    let (said, good) = server.run(&["bans", "remove", "127.0.0.7"], "").await;
    assert!(good, "{said}");
    assert!(options(&server, "127.0.0.7").await);
    let (said, _) = server.run(&["bans"], "").await;
    assert_eq!(said, "Nobody is banned.\n");
}

#[tokio::test]
async fn a_ban_outlives_the_server() {
    let mut server = alices_server().await;
    let (said, good) = server.run(&["bans", "add", "127.0.0.7", "--reason", "scans"], "").await;
    assert!(good && said.ends_with("banned for good.\n"), "{said}");
    server.kill().await;
    server.start().await;
    assert!(!options(&server, "127.0.0.7").await);
    let bans = server.json(&["bans", "--json"]).await;
    assert_eq!(
        (&bans["bans"][0]["network"], &bans["bans"][0]["made_by"]),
        (&"127.0.0.7".into(), &"command line".into())
    );
}

/// What a command that fails tells a person.
async fn refused(server: &Server, arguments: &[&str]) -> String {
    let (said, fine) = server.run(arguments, "").await;
    assert!(!fine, "{arguments:?} was done: {said}");
    assert!(!said.contains("/api/"), "a person types commands: {said}");
    said
}

/// The first one has heard what there is to know of the room, and is in.
pub async fn is_greeted(server: &Server, room: &str) {
    let is_in = async || {
        let (_, story) = ask(server, "GET", &format!("/api/v1/rooms/{room}/story"), &Value::Null).await;
        story["stays"].as_array().is_some_and(|stays| !stays.is_empty()).then_some(())
    };
    eventually("somebody is in the room, and no longer greeted", is_in).await;
}

#[tokio::test]
async fn commands_pass_a_party_on_look_at_rooms_and_say_what_cannot_be_done() {
    let server = house().await;
    let lab = Lab::open();
    let ([alice, bob, carol], call) = two_who_talk_and_a_third(&lab, &server).await;
    let said = refused(&server, &["calls", "transfer", &call, "user:nobody"]).await;
    assert!(said.contains("nobody is called user:nobody") && said.contains("patchcord endpoint list"), "{said}");
    let (said, fine) = server.run(&["calls", "transfer", &call, "103"], "").await;
    assert!(fine && said.contains("is being passed on to 103"), "{said}");
    carol.answers().await;
    carol.comes_to_hear(&[&alice]).await;
    assert_eq!(bob.is_over().await.by, Side::Them);

    bob.dial("3000");
    bob.is_answered().await;
    is_greeted(&server, "3000").await;
    let (shown, _) = server.run(&["rooms", "show", "3000"], "").await;
    assert!(
        shown.contains("102") || shown.to_lowercase().contains("bob"),
        "a phone without a name has one here: {shown}"
    );
    let order = |deed: &'static [&'static str]| [&["rooms", "order", "3000"][..], deed].concat();
    let said = refused(&server, &order(&["announce", "--prompt", "never-recorded"])).await;
    assert!(said.contains("never-recorded is not there"), "{said}");
    let said = refused(&server, &order(&["invite", "--target", "+999"])).await;
    assert!(said.contains("+999 may not be called"), "{said}");
    let (said, fine) = server.run(&order(&["announce", "--prompt", "tone::beep"]), "").await;
    assert!(fine && said.contains("Done"), "{said}");
    let (help, _) = server.run(&["rooms", "order", "--help"], "").await;
    assert!(help.contains("nobody hears the member"), "each order says what it does: {help}");

    bob.hangs_up().await;
    let past = eventually("the room is kept", async || {
        let past = server.json(&["rooms", "past", "--room", "3000", "--json"]).await;
        past["rooms"][0]["id"].as_str().map(str::to_owned)
    });
    let past = past.await;
    let (list, _) = server.run(&["rooms", "past"], "").await;
    assert!(list.contains(&past) && list.contains("3000"), "{list}");
    let (story, fine) = server.run(&["rooms", "past", &past], "").await;
    assert!(fine && story.contains("Room 3000 was open for") && story.contains("Members"), "{story}");
    refused(&server, &["rooms", "past", "nothing-of-that-name"]).await;
}
