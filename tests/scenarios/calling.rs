//! Calls through the real server: who reaches whom, who hears whom, and how it ends.

use std::time::Duration;

use patchcord_lab::{
    Carrier, Conduct, Handset, Hold, Invitation, Keypad, Lab, Model, Reply, Server, Setup, Side, Transport, eventually,
};

use crate::setup;

/// A server with alice (101), bob (102) and carol (103), whose passwords are `secret`.
pub async fn house() -> Server {
    house_with(setup()).await
}

/// The same with more in its configuration.
pub async fn house_with(setup: Setup) -> Server {
    of_three(setup).start().await
}

/// That setup, with three who may register.
pub fn of_three(setup: Setup) -> Setup {
    let people = [("alice", "101"), ("bob", "102"), ("carol", "103")];
    people
        .iter()
        .fold(setup, |setup, (user, number)| setup.endpoint_with(user, "secret", &format!("number = \"{number}\"")))
}

/// A phone of somebody, registered.
pub async fn at_home(lab: &Lab, server: &Server, user: &str, carrier: Carrier, model: &Model) -> Handset {
    let model = model.clone().over(Transport::from(carrier)).at(server.address(carrier)).password("secret");
    let phone = lab.phone_like(user, &model);
    assert_eq!(phone.registers().await, 200, "{user} over {carrier:?}");
    phone
}

#[tokio::test]
async fn two_people_hear_each_other_over_every_pair_of_transports() {
    let server = house().await;
    for ours in Carrier::ALL {
        for theirs in Carrier::ALL {
            let lab = Lab::open();
            let alice = at_home(&lab, &server, "alice", ours, &Model::new()).await;
            let bob = at_home(&lab, &server, "bob", theirs, &Model::new()).await;
            alice.dial("102");
            bob.answers().await;
            alice.is_answered().await;
            assert_eq!(alice.hears().await, [&bob], "{ours:?} to {theirs:?}");
            assert_eq!(bob.hears().await, [&alice], "{ours:?} to {theirs:?}");
            alice.hangs_up().await;
            assert_eq!(bob.is_over().await.by, Side::Them, "{ours:?} to {theirs:?}");
            assert_eq!((alice.registers_for(0).await, bob.registers_for(0).await), (200, 200));
        }
    }
}

#[tokio::test]
async fn the_echo_gives_a_caller_its_own_voice_back() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("9196");
    alice.is_answered().await;
    assert_eq!(alice.hears().await, [&alice]);
    alice.hangs_up().await;
}

#[tokio::test]
async fn the_number_for_music_plays_what_is_shipped_until_the_caller_has_enough() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("9664");
    alice.is_answered().await;
    let heard = alice.comes_to_hear_sound().await;
    assert!((-35.0..-5.0).contains(&heard.level()), "{} dBm0", heard.level());
    alice.hangs_up().await;
}

#[tokio::test]
async fn who_calls_a_busy_phone_hears_so_and_who_hangs_up_while_it_rings_stops_it() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let busy = Model::new().when_called(Conduct::Refuse(486));
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &busy).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Tcp, &Model::new()).await;
    alice.dial("102");
    assert_eq!(alice.is_refused().await, 486);
    drop(bob);

    alice.dial("103");
    carol.is_called().await;
    assert_eq!(alice.hears_ringing().await, 180);
    alice.hangs_up().await;
    assert_eq!(carol.is_over().await.by, Side::Them);
    assert_eq!(alice.is_refused().await, 487);
}

#[tokio::test]
async fn nobody_calls_without_a_password_nor_where_no_route_leads() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("+4930123456");
    assert_eq!(alice.is_refused().await, 403);
    alice.dial("199");
    assert_eq!(alice.is_refused().await, 403);

    let mallory = Model::new().at(server.address(Carrier::Udp)).password("guess");
    let mallory = lab.phone_like("alice", &mallory);
    mallory.dial("101");
    assert_eq!(mallory.is_refused().await, 403);
}

/// The call that a phone has just made, as Replaces names it.
pub fn dialog_of(phone: &Handset) -> String {
    let is_answer = |reply: &Reply| {
        reply.text().starts_with("SIP/2.0 200") && reply.header("CSeq").is_some_and(|seq| seq.ends_with("INVITE"))
    };
    let ok = phone.heard().into_iter().rfind(is_answer).expect("it was answered");
    let tag = |name: &str| ok.header(name).and_then(|value| value.split("tag=").nth(1)).expect("a tag").to_owned();
    format!("{};to-tag={};from-tag={}", ok.header("Call-ID").expect("a Call-ID"), tag("To"), tag("From"))
}

/// Alice and bob talk.
async fn talking(lab: &Lab, server: &Server) -> (Handset, Handset) {
    let alice = at_home(lab, server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(lab, server, "bob", Carrier::Tcp, &Model::new()).await;
    alice.dial("102");
    bob.answers().await;
    alice.is_answered().await;
    (alice, bob)
}

#[tokio::test]
async fn who_holds_a_call_hears_nobody_until_it_resumes_and_the_other_hears_music() {
    let server = house().await;
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    for hold in [Hold::SendOnly, Hold::Inactive, Hold::Nowhere] {
        alice.holds_by(hold).await;
        alice.comes_to_hear(&[]).await;
        let music = bob.comes_to_hear_sound().await;
        assert!(music.longest_gap() < Duration::from_millis(500), "{hold:?}: {:?} of silence", music.longest_gap());
        alice.resumes().await;
        alice.comes_to_hear(&[&bob]).await;
        bob.comes_to_hear(&[&alice]).await;
    }
    assert_eq!(server.json(&["status", "--json"]).await["calls"], 1);
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    eventually("no call is left", async || {
        let (_, metrics) = server.get("/metrics").await;
        let reads = |line: &str| metrics.lines().any(|there| there == line);
        (reads("patchcord_calls 0") && reads("patchcord_leaked_legs_total 0")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_blind_transfer_connects_the_two_others() {
    let server = house().await;
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    let (status, ()) = tokio::join!(alice.transfers_to("103"), carol.answers());
    assert_eq!(status, 200);
    bob.comes_to_hear(&[&carol]).await;
    carol.comes_to_hear(&[&bob]).await;
    alice.is_over().await;
    carol.hangs_up().await;
    assert_eq!(bob.is_over().await.by, Side::Them);
}

#[tokio::test]
async fn a_transfer_to_somebody_who_is_busy_leaves_the_call_as_it_is() {
    let server = house().await;
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    let busy = Model::new().when_called(Conduct::Refuse(486));
    let _carol = at_home(&lab, &server, "carol", Carrier::Udp, &busy).await;
    assert_eq!(alice.transfers_to("103").await, 486);
    assert_eq!(alice.hears().await, [&bob]);
    assert_eq!(bob.hears().await, [&alice]);
}

#[tokio::test]
async fn an_attended_transfer_joins_two_calls() {
    let server = house().await;
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    alice.holds().await;
    alice.dial("103");
    carol.answers().await;
    carol.comes_to_hear(&[&alice]).await;

    assert_eq!(alice.joins_its_calls().await, 200);
    carol.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&carol]).await;
}

#[tokio::test]
async fn a_call_goes_on_to_whom_its_owner_forwards_it() {
    let forward =
        "number = \"102\"\nforward = { busy = \"103\", no_answer = \"103\", unreachable = \"103\", after = \"1s\" }";
    let setup = setup().endpoint_with("alice", "secret", "number = \"101\"").endpoint_with("bob", "secret", forward);
    let server = setup.endpoint_with("carol", "secret", "number = \"103\"").start().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new().when_called(Conduct::Answer)).await;
    let reached = async |why: &str| {
        alice.dial("102");
        alice.is_answered().await;
        assert_eq!(alice.hears().await, [&carol], "{why}");
        alice.hangs_up().await;
        carol.is_over().await;
    };
    reached("registered nowhere").await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new().when_called(Conduct::Refuse(486))).await;
    reached("busy").await;
    assert_eq!(bob.registers_for(0).await, 200);
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    reached("no answer").await;
    assert_eq!(bob.is_over().await.by, Side::Them, "its phone stops ringing");
}

#[tokio::test]
async fn all_phones_of_somebody_ring_and_the_others_stop_when_one_answers() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let desk = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    let mobile = at_home(&lab, &server, "bob", Carrier::Tls, &Model::new()).await;
    alice.dial("102");
    desk.is_called().await;
    mobile.answers().await;
    alice.is_answered().await;
    let ending = desk.is_over().await;
    let reason = ending.message.and_then(|cancel| cancel.header("Reason").map(str::to_owned));
    assert!(reason.is_some_and(|reason| reason.contains("200")), "answered elsewhere");
    alice.comes_to_hear(&[&mobile]).await;
    mobile.hangs_up().await;
    alice.is_over().await;
}

#[tokio::test]
async fn what_happened_stands_in_the_records() {
    let server = house().await;
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    alice.hangs_up().await;
    bob.is_over().await;
    let call = eventually("the call is in the records", async || {
        let calls = server.json(&["calls", "--json"]).await;
        calls["records"].as_array()?.first().cloned().filter(|call| !call["record"]["outcome"].is_null())
    });
    let call = call.await;
    assert_eq!(call["record"]["outcome"], "answered", "{call}");
    let sentence = call["sentence"].as_str().expect("a sentence");
    assert!(sentence.starts_with("Alice called 102; Bob's phone rang"), "{sentence}");
    assert!(sentence.ends_with("Alice hung up."), "{sentence}");
    let (told, fine) = server.run(&["calls", "show", call["record"]["call"].as_str().expect("an id")], "").await;
    assert!(fine && told.contains("INVITE") && told.contains("BYE"), "{told}");
    assert!(!told.contains("response=\""), "no proof of a password stays in a journal: {told}");
}

#[tokio::test]
async fn a_number_outside_is_reached_by_the_second_trunk_when_the_first_does_not_answer() {
    let lab = Lab::open();
    // The carrier's switch is a phone that answers whatever number it is called by.
    let carrier = lab.phone_like("carrier", &Model::new().when_called(Conduct::Answer));
    let full = lab.phone_like("full", &Model::new().when_called(Conduct::Refuse(503)));
    let at = |phone: &Handset| phone.uri().split('@').nth(1).expect("an address").to_owned();
    let trunk = |name: &str, phone: &Handset, more: &str| {
        format!("[[trunk]]\nname = \"{name}\"\nservers = [\"sip:{}\"]\n{more}\n", at(phone))
    };
    // Else the carriers' own address would be who calls from there, and here everybody does.
    let rewriting = "from = [\"192.0.2.1\"]\nout = { strip = \"+\", prepend = \"00\" }\nidentity = \"pai\"";
    let server = setup()
        .endpoint_with("alice", "secret", "number = \"101\"\ncaller_id = \"+4930123101\"")
        .endpoint_with("bob", "secret", "number = \"102\"")
        .toml(&trunk("south", &full, "from = [\"192.0.2.2\"]"))
        .toml(&trunk("north", &carrier, rewriting))
        .toml("[[route]]\nnumber = \"+49*\"\nfrom = \"endpoints\"\ntrunk = [\"south\", \"north\"]\n")
        .start()
        .await;
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("+4989998877");
    alice.is_answered().await;
    assert_eq!(alice.hears().await, [&carrier]);
    let asserted = carrier.was_called_with("P-Asserted-Identity").expect("who calls");
    assert!(asserted.contains("4930123101"), "{asserted}");
    assert!(carrier.was_called_with("To").is_some_and(|to| to.contains("004989998877")));
    carrier.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);

    alice.dial("+33123456");
    assert_eq!(alice.is_refused().await, 403, "no route leads to France");
}

#[tokio::test]
async fn finished_calls_give_their_room_back_at_once() {
    let limits = "number = \"102\"\ncalls = 2";
    let setup = setup().endpoint_with("alice", "secret", "number = \"101\"\ncalls = 2");
    let server = setup.endpoint_with("bob", "secret", limits).start().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new().when_called(Conduct::Answer)).await;
    for _ in 0..6 {
        alice.dial("102");
        alice.is_answered().await;
        alice.hangs_up().await;
        bob.is_over().await;
    }
}

#[tokio::test]
async fn keys_and_texts_written_beside_the_sound_reach_the_other_party() {
    let server = house().await;
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    alice.press_by(Keypad::InfoRelay, "7").await;
    bob.is_pressed("7").await;
    assert_eq!(alice.asks("MESSAGE", &[], Some(("text/plain", "see you"))).await, 200);
    eventually("bob reads it", async || {
        bob.heard()
            .iter()
            .any(|reply| reply.text().starts_with("MESSAGE ") && reply.text().ends_with("see you"))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_caller_hears_what_the_callees_phone_said() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    for (said, heard) in [(404, 404), (488, 488), (500, 503), (603, 603), (480, 480)] {
        let model = Model::new().when_called(Conduct::Refuse(said));
        let bob = at_home(&lab, &server, "bob", Carrier::Udp, &model).await;
        alice.dial("102");
        assert_eq!(alice.is_refused().await, heard, "the phone said {said}");
        assert_eq!(bob.registers_for(0).await, 200);
    }
}

#[tokio::test]
async fn a_caller_whose_connection_is_lost_is_not_waited_for() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Tcp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    alice.dial("102");
    bob.is_called().await;
    alice.loses_connections();
    assert_eq!(bob.is_over().await.by, Side::Them, "its phone stops ringing");
}

#[tokio::test]
async fn nobody_takes_over_a_call_of_others() {
    let server = house().await;
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    let replaces = dialog_of(&alice);
    carol.invites(&Invitation::to("101").header("Replaces", &replaces));
    assert_eq!(carol.is_refused().await, 403);
    assert_eq!(alice.hears().await, [&bob]);
}
