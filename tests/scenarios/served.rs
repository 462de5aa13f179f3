//! Parties who are passed on to numbers of services, and services that go wrong while people call: each hears what it should, and so
//! does everybody else.

use std::time::Duration;

use patchcord_lab::{Carrier, Handset, Lab, Model, Server, Side, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::oneshot,
};

use crate::{
    calling::{at_home, house, house_with},
    records::records,
    setup,
};

/// A server with alice, bob and carol, and a service that 700 leads to.
async fn serving(text: &str) -> Server {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    house_with(setup().service("ivr", text).toml(route)).await
}

/// Waits until a tone of that frequency is heard.
pub async fn hears_tone(phone: &Handset, hz: f64) {
    eventually(&format!("{hz} Hz"), async || {
        let heard = phone.listens(Duration::from_millis(400)).await;
        (heard.tone(hz) > -30.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn whoever_is_transferred_to_a_number_of_a_service_talks_with_that() {
    for by_callee in [true, false] {
        let server = house().await;
        let lab = Lab::open();
        let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
        let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
        alice.dial("102");
        bob.answers().await;
        alice.is_answered().await;
        alice.comes_to_hear(&[&bob]).await;
        let (passes, passed) = if by_callee { (&bob, &alice) } else { (&alice, &bob) };
        assert_eq!(passes.transfers_to("9197").await, 200, "by the callee: {by_callee}");
        hears_tone(passed, 1004.0).await;
        passes.is_over().await;
        passed.hangs_up().await;
        let told = records(&server, 1).await;
        let sentence = told[0]["sentence"].as_str().unwrap_or_default();
        assert!(sentence.contains(" transferred ") && sentence.contains(" to service "), "{sentence}");
        let id = told[0]["record"]["call"].as_str().expect("its name").to_owned();
        let (shown, _) = server.run(&["calls", "show", &id], "").await;
        assert!(shown.contains("goes on as  service=tone"), "by the callee: {by_callee}\n{shown}");
    }
}

#[tokio::test]
async fn whoever_is_transferred_into_a_conference_meets_who_is_there() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    carol.dial("3007");
    carol.is_answered().await;
    alice.dial("102");
    bob.answers().await;
    alice.comes_to_hear(&[&bob]).await;
    assert_eq!(alice.transfers_to("3007").await, 200);
    bob.comes_to_hear(&[&carol]).await;
    carol.comes_to_hear(&[&bob]).await;
    bob.hangs_up().await;
    carol.hangs_up().await;
}

#[tokio::test]
async fn a_service_that_calls_its_own_number_apologises_in_the_end_and_others_feel_nothing() {
    let server = serving("fn on_invite(caller) {\n    caller.answer();\n    caller.dial(\"700\");\n}").await;
    let lab = Lab::open();
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    bob.dial("103");
    carol.answers().await;
    bob.comes_to_hear(&[&carol]).await;
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("700");
    alice.is_answered().await;
    alice.comes_to_hear_sound().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    assert_eq!(bob.hears().await, [&carol]);
    bob.hangs_up().await;
    let told = records(&server, 2).await;
    let told = told.iter().map(ToString::to_string).find(|told| told.contains("ivr")).expect("a record");
    assert!(told.contains("ivr.rhai:3: the call was handed from service to service"), "{told}");
}

#[tokio::test]
async fn a_service_that_is_deleted_goes_on_for_who_called_and_refuses_whoever_calls_next() {
    let server = serving("fn on_invite(caller) { caller.answer(); caller.play(\"tone::440\", #{ loops: 0 }); }").await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    alice.dial("700");
    alice.is_answered().await;
    hears_tone(&alice, 440.0).await;
    server.remove_service("ivr");
    let (said, _) = server.run(&["reload"], "").await;
    assert!(said.contains("ivr"), "whoever reloads is told of the route that leads nowhere: {said}");
    bob.dial("700");
    assert_eq!(bob.is_refused().await, 480);
    hears_tone(&alice, 440.0).await;
    alice.hangs_up().await;
}

/// A web server that answers when it is told to.
async fn slow() -> (u16, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (answers, waits) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("somebody asks");
        let mut asked = [0; 4096];
        let _asked = stream.read(&mut asked).await;
        let _told = waits.await;
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        let _told = stream.write_all(answer.as_bytes()).await;
    });
    (port, answers)
}

#[tokio::test]
async fn whoever_waits_for_a_web_server_hears_the_filler_until_it_has_answered() {
    let (port, answers) = slow().await;
    let text = format!(
        "fn on_invite(caller) {{\n    caller.answer();\n    http::get(\"http://127.0.0.1:{port}/\", #{{ filler: \"tone::440\" }});\n    \
         caller.play(\"tone::880\", #{{ loops: 0 }});\n}}"
    );
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    let manifest = format!("[http]\nhosts = [\"127.0.0.1:{port}\"]\n");
    let server = house_with(setup().service("ivr", &text).service("ivr.toml", &manifest).toml(route)).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("700");
    alice.is_answered().await;
    hears_tone(&alice, 440.0).await;
    answers.send(()).expect("the web server waits");
    hears_tone(&alice, 880.0).await;
    let heard = alice.listens(Duration::from_millis(400)).await;
    assert!(heard.tone(440.0) < -45.0, "the filler is over");
    alice.hangs_up().await;
}

#[tokio::test]
async fn a_story_that_outlives_its_caller_takes_no_room_of_it() {
    let text = "fn on_invite(caller) { caller.answer(); caller.outlive(); loop { caller.sleep(100.ms()); } }";
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    let setup =
        setup().endpoint_with("alice", "secret", "number = \"101\"\ncalls = 1").service("ivr", text).toml(route);
    let server = setup.start().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    for _ in 0..2 {
        alice.dial("700");
        alice.is_answered().await;
        alice.hangs_up().await;
    }
    alice.dial("9197");
    alice.is_answered().await;
    hears_tone(&alice, 1004.0).await;
    alice.hangs_up().await;
}

/// Whether a thread of that name runs in a process.
fn has_thread(process: u32, name: &str) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let names = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("comm")).ok());
    names.into_iter().any(|thread| thread.trim() == name)
}

#[tokio::test]
async fn a_server_stops_in_the_midst_of_a_test_that_has_no_end() {
    let mut server = serving("fn on_invite(caller) { caller.answer(); }").await;
    let endless = "fn test_it(t) { loop { try { t.phone(\"1\").dials(\"ivr\"); t.advance(9.h()); } catch { } } }";
    server.write_service("ivr_test", endless);
    server.write_service("ivr", "fn on_invite(caller) { caller.answer(); caller.sleep(1.h()); }");
    let process = server.process().id();
    eventually("its test runs", async || has_thread(process, "tests").then_some(())).await;
    let ended = server.stop().await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(!ended.said.iter().any(|line| line.contains("cut short")), "{:?}", ended.said);
}
