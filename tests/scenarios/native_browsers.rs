//! A browser that is none of ours and no Chromium: the `webrtc` crate under the JSON of a page. Who hears whom in which codec
//! and how it ends; where the server offers, its side of ICE is full and decides.

use crate::browsers::{LIBRARIES, Page};
use crate::calling::at_home;
use crate::pages::{Door, house_of};
use crate::pressed::comes_to;
use crate::records::records;
use crate::setup;
use patchcord_lab::{Carrier, Handset, Kind, Lab, Model, Native, Server, Setup, Side, Voice, eventually};

/// A server with alice (150), and the admin (100) whose phone is a page.
async fn house() -> (Server, Door) {
    house_with(setup()).await
}

/// The same with more in its configuration.
async fn house_with(setup: Setup) -> (Server, Door) {
    let told = setup.with_ws().endpoint_with("alice", "secret", "number = \"150\"");
    let (server, door) = house_of(told).await;
    door.has_phone().await;
    (server, door)
}

async fn browser(door: &Door, lab: &Lab, codec: Kind) -> Native {
    Native::connect(door.web, &door.cookie, lab.voice("native"), codec).await
}

async fn comes_to_hear(phone: &Handset, voice: &Voice) {
    let piece = std::time::Duration::from_millis(200);
    let heard = async || (phone.listens(piece).await.tone(voice.hz().into()) > -30.0).then_some(());
    eventually("the phone hears the native browser", heard).await;
}

#[tokio::test]
async fn it_hears_itself_from_the_echo_in_either_codec_and_after_a_change_of_its_network() {
    let (server, door) = house().await;
    let lab = Lab::open();
    for (calls, codec) in [Kind::Opus, Kind::Pcmu].into_iter().enumerate() {
        let mut native = browser(&door, &lab, codec).await;
        let hz = native.voice().hz();
        native.dial("9196").await;
        native.is_connected().await;
        native.comes_to_hear(hz).await;
        native.restarts().await;
        native.comes_to_hear(hz).await;
        native.hangs_up().await;
        let told = records(&server, calls + 1).await;
        let legs = told[0]["record"]["legs"].as_array().expect("legs");
        assert!(!legs[0]["answered_us"].is_null(), "{told:#?}");
    }
}

#[tokio::test]
async fn it_and_chromium_hear_each_other_whoever_calls() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let mut native = browser(&door, &lab, Kind::Opus).await;
    let mut page = Page::open_by(&format!("ws://{}", server.ws()), "jssip", ("alice", 1870)).await;
    native.dial("150").await;
    page.is("talking").await;
    page.hears(native.voice().hz()).await;
    native.comes_to_hear(1870).await;
    native.hangs_up().await;
    page.is("over").await;

    page.dial("100").await;
    native.answers().await;
    page.is("talking").await;
    page.hears(native.voice().hz()).await;
    native.comes_to_hear(1870).await;
    page.does("hangUp()").await;
    assert_eq!(native.is_over().await, "hung_up");
}

#[tokio::test]
async fn one_click_calls_the_browser_first_and_then_the_phone() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let mut native = browser(&door, &lab, Kind::Opus).await;
    server.json(&["originate", "browser:admin", "--dial", "150", "--json"]).await;
    native.answers().await;
    alice.answers().await;
    native.is_connected().await;
    native.comes_to_hear(alice.voice().hz()).await;
    comes_to_hear(&alice, native.voice()).await;
    alice.hangs_up().await;
    assert_eq!(native.is_over().await, "hung_up");
}

const KEYS_BOTH_WAYS: &str = r#"
fn on_invite(caller) {
    caller.answer();
    let answer = caller.gather(#{ prompt: "tone::440", digits: 4, timeout: 30.s() });
    caller.tag("pressed", answer.digits);
    caller.send_keys("158#");
    caller.gather(#{ digits: 1, timeout: 30.s() });
}"#;

#[tokio::test]
async fn its_keys_reach_a_script_and_those_of_the_script_reach_it_in_either_codec() {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    let (server, door) = house_with(setup().service("ivr", KEYS_BOTH_WAYS).toml(route)).await;
    let lab = Lab::open();
    for (calls, codec) in [Kind::Opus, Kind::Pcmu].into_iter().enumerate() {
        let mut native = browser(&door, &lab, codec).await;
        native.dial("700").await;
        native.is_connected().await;
        native.comes_to_hear(440).await;
        native.presses("42*7").await;
        native.is_pressed("158#").await;
        native.presses("1").await;
        assert_eq!(native.is_over().await, "hung_up", "{codec:?}");
        let told = records(&server, calls + 1).await;
        let tags = told[0]["record"]["tags"].to_string();
        assert!(tags.contains(r#"["pressed","42*7"]"#), "{codec:?}: {tags}");
    }
}

/// They hear each other and press keys at each other.
async fn talk(native: &mut Native, alice: &Handset, keys: &str) {
    native.is_connected().await;
    native.comes_to_hear(alice.voice().hz()).await;
    comes_to_hear(alice, native.voice()).await;
    native.presses(keys).await;
    alice.is_pressed(keys).await;
    alice.press("9#0").await;
    native.is_pressed("9#0").await;
    // The sound goes on behind the keys.
    native.comes_to_hear(alice.voice().hz()).await;
    comes_to_hear(alice, native.voice()).await;
}

#[tokio::test]
async fn it_and_a_phone_hear_each_other_and_press_keys_whoever_calls() {
    let (server, door) = house().await;
    for (calls, codec) in [Kind::Opus, Kind::Pcmu].into_iter().enumerate() {
        let lab = Lab::open();
        let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
        let mut native = browser(&door, &lab, codec).await;
        let rings = async {
            alice.answers().await;
        };
        tokio::join!(native.dial("150"), rings);
        talk(&mut native, &alice, "12*").await;
        native.hangs_up().await;
        assert_eq!(alice.is_over().await.by, Side::Them, "{codec:?}");

        alice.dial("100");
        assert_eq!(native.answers().await, "alice", "it is told who calls");
        alice.is_answered().await;
        talk(&mut native, &alice, "834D").await;
        alice.hangs_up().await;
        assert_eq!(native.is_over().await, "hung_up", "{codec:?}");
        assert_eq!(alice.registers_for(0).await, 200);
        let told = records(&server, 2 * (calls + 1)).await;
        for record in &told[..2] {
            let legs = record["record"]["legs"].as_array().expect("legs");
            let answered = legs.iter().filter(|leg| !leg["answered_us"].is_null()).count();
            assert_eq!(answered, 2, "{codec:?}: {record}");
        }
    }
}

#[tokio::test]
async fn keys_of_chromium_reach_it_and_a_phone_and_those_of_a_phone_reach_it() {
    let (server, door) = house_with(setup().endpoint_with("bob", "secret", "number = \"152\"")).await;
    let lab = Lab::open();
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let mut native = browser(&door, &lab, Kind::Opus).await;
    for library in LIBRARIES {
        let mut page = Page::open_by(&format!("ws://{}", server.ws()), library, ("alice", 1870)).await;
        page.dial("152").await;
        bob.answers().await;
        page.is("talking").await;
        page.hears(bob.voice().hz()).await;
        page.does("press('42*7')").await;
        bob.is_pressed("42*7").await;
        bob.hangs_up().await;
        page.is("over").await;

        page.dial("100").await;
        native.answers().await;
        page.is("talking").await;
        native.comes_to_hear(1870).await;
        page.does("press('#360')").await;
        native.is_pressed("#360").await;
        page.does("hangUp()").await;
        assert_eq!(native.is_over().await, "hung_up", "{library}");
    }
}

#[tokio::test]
async fn its_addresses_may_come_after_its_answer_and_the_server_tries_them() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let mut native = browser(&door, &lab, Kind::Opus).await;
    alice.dial("100");
    native.answers_and_trickles().await;
    alice.is_answered().await;
    native.is_connected().await;
    native.comes_to_hear(alice.voice().hz()).await;
    comes_to_hear(&alice, native.voice()).await;
    // What followed went to the server and no further.
    assert!(!alice.heard().iter().any(|heard| heard.text().contains("a=candidate")), "the phone is told nothing of it");
    native.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    // The story of a call that goes on waits in memory.
    records(&server, 1).await;
    let story = comes_to(&server, "INFO").await;
    assert!(story.contains("200 (INFO)"), "the server took them: {story}");
}

/// Calls alice's pages only, and tells of both legs.
const TO_HER_PAGES: &str = r#"
fn on_invite(caller) {
    caller.tag("caller", `${caller.browser} ${caller.transport}`);
    let out = caller.call_out("browser:150", #{ ring: 30.s() });
    caller.tag("came", out.status);
    if out.status != "answered" { return caller.reject(480); }
    caller.tag("callee", `${out.leg.browser} ${out.leg.transport} ${out.leg.secure}`);
    caller.answer();
    caller.bridge(out.leg);
}"#;

#[tokio::test]
async fn a_script_and_a_click_ring_the_pages_of_somebody_and_not_the_phone_beside_them() {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    let told = setup().service("ivr", TO_HER_PAGES).toml(route);
    let (server, door) = house_with(told.endpoint_with("bob", "secret", "number = \"152\"")).await;
    let lab = Lab::open();
    let phone = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let mut native = browser(&door, &lab, Kind::Opus).await;
    assert_eq!(native.refused("700").await, "no_answer", "she has a phone and no page");
    let mut page = Page::open_by(&format!("ws://{}", server.ws()), "jssip", ("alice", 1870)).await;
    native.dial("700").await;
    page.is("talking").await;
    native.comes_to_hear(1870).await;
    page.hears(native.voice().hz()).await;
    native.hangs_up().await;
    page.is("over").await;
    server.json(&["originate", "browser:150", "--dial", "152", "--json"]).await;
    page.is("talking").await;
    bob.answers().await;
    page.hears(bob.voice().hz()).await;
    bob.hangs_up().await;
    page.is("over").await;

    let told = records(&server, 3).await;
    let tags = |call: usize| told[call]["record"]["tags"].to_string();
    for (call, tag) in [
        (2, r#"["caller","true ws"]"#),
        (2, r#"["came","unreachable"]"#),
        (1, r#"["came","answered"]"#),
        (1, r#"["callee","true ws true"]"#),
    ] {
        assert!(tags(call).contains(tag), "{tag} is not in {}", tags(call));
    }
    for (call, legs) in [(0, 2), (1, 2), (2, 1)] {
        assert_eq!(told[call]["record"]["legs"].as_array().map(Vec::len), Some(legs), "{}", told[call]);
    }
    assert!(phone.was_called_with("From").is_none(), "her phone never rang");

    // Whoever was called first stands there under her own name, not under that of whom she was joined with.
    let (sentence, call) = (told[0]["sentence"].as_str().unwrap_or_default(), &told[0]["record"]["call"]);
    assert!(sentence.starts_with("the server called 150; Alice's phone "), "{sentence}");
    assert!(sentence.contains("; Bob's phone ") && sentence.ends_with("; Bob hung up."), "{sentence}");
    let (shown, _) = server.run(&["calls", "show", call.as_str().expect("a call")], "").await;
    assert!(shown.contains("0  Alice: endpoint alice") && shown.contains("1  Bob: endpoint bob"), "{shown}");
    let head = shown.lines().find(|line| line.contains("Patchcord")).unwrap_or_default();
    assert!(head.trim_start().starts_with("alice "), "{shown}");
}

#[tokio::test]
async fn one_that_vanishes_is_missed_after_half_a_minute_and_both_sides_and_the_record_are_told() {
    let (server, door) = house_with(setup().endpoint_with("bob", "secret", "number = \"152\"")).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    // To one that calls we only answer checks; one that is called is checked by us, too.
    let mut calls = browser(&door, &lab, Kind::Opus).await;
    tokio::join!(calls.dial("150"), alice.answers());
    comes_to_hear(&alice, calls.voice()).await;
    let mut called = browser(&door, &lab, Kind::Opus).await;
    bob.dial("100");
    called.answers().await;
    bob.is_answered().await;
    comes_to_hear(&bob, called.voice()).await;
    calls.vanishes();
    called.vanishes();
    // The phones go on speaking meanwhile, and nobody is thrown out before it is time.
    let most_of_it = std::time::Duration::from_secs(20);
    tokio::join!(alice.listens(most_of_it), bob.listens(most_of_it));
    assert_eq!(alice.is_over().await.by, Side::Them);
    assert_eq!(bob.is_over().await.by, Side::Them);
    // Pages that have lost nothing but their sound are told what the server has not heard. Both are the admin's, and rang.
    assert_eq!(calls.is_over().await, "answered_elsewhere");
    assert_eq!((&*calls.is_over().await, &*called.is_over().await), ("lost", "lost"));
    for told in records(&server, 2).await {
        let legs = told["record"]["legs"].as_array().expect("legs");
        let lost = legs.iter().find(|leg| leg["cause"]["sip"] == 408).unwrap_or_else(|| panic!("408: {told:#}"));
        let reason = lost["cause"]["reason"].as_str().unwrap_or_default();
        assert!(reason.starts_with("the browser ") && reason.ends_with("for 30 s"), "{reason}");
        let sentence = told["sentence"].as_str().unwrap_or_default();
        assert!(sentence.contains(&format!("it broke off: {reason}")), "{sentence}");
        assert_eq!(told["record"]["fault"], "network", "{told:#}");
    }
}
