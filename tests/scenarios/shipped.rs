//! The services that are shipped, called on their numbers by real phones.

use std::time::Duration;

use patchcord_lab::{Carrier, Keypad, Lab, Model, Side};

use crate::{
    calling::{at_home, house},
    records::records,
    setup,
};

#[tokio::test]
async fn reception_puts_a_caller_through_to_the_extension_that_it_presses() {
    for way in [Keypad::Events, Keypad::InfoRelay] {
        let server = house().await;
        let lab = Lab::open();
        let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
        let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
        alice.dial("1000");
        alice.is_answered().await;
        alice.comes_to_hear_sound().await;
        alice.press_by(way, "102").await;
        bob.answers().await;
        alice.comes_to_hear(&[&bob]).await;
        bob.comes_to_hear(&[&alice]).await;
        bob.hangs_up().await;
        assert_eq!(alice.is_over().await.by, Side::Them, "{way:?}");
        let record = records(&server, 1).await[0]["record"].clone();
        assert_eq!(record["service"], "reception", "{way:?}");
    }
}

#[tokio::test]
async fn the_team_is_rung_at_once_and_who_answers_first_has_the_call() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Tcp, &Model::new()).await;
    alice.dial("2000");
    bob.is_called().await;
    carol.answers().await;
    alice.is_answered().await;
    alice.comes_to_hear(&[&carol]).await;
    assert_eq!(bob.is_over().await.by, Side::Them, "bob's phone stops ringing");
    alice.hangs_up().await;
    assert_eq!(carol.is_over().await.by, Side::Them);
}

#[tokio::test]
async fn readback_says_each_key() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("9198");
    alice.is_answered().await;
    // What is said by itself ends; after that only keys make it speak.
    alice.comes_to_hear_sound().await;
    alice.comes_to_hear(&[]).await;
    alice.press_by(Keypad::Events, "5").await;
    alice.comes_to_hear_sound().await;
    alice.hangs_up().await;
}

#[tokio::test]
async fn who_does_not_answer_finds_the_message_at_the_number_for_messages() {
    let forward = "number = \"102\"\nforward = { unreachable = \"voicemail\" }\nmailbox = { pin = \"2468\" }";
    let setup = setup().endpoint_with("alice", "secret", "number = \"101\"").endpoint_with("bob", "secret", forward);
    let server = setup.start().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("102");
    alice.is_answered().await;
    alice.comes_to_hear_sound().await;
    // The phone of the lab speaks all the time; here behind the beep.
    alice.listens(Duration::from_secs(13)).await;
    alice.hangs_up().await;
    let record = records(&server, 1).await[0]["record"].clone();
    let id = record["call"].as_str().expect("its name").to_owned();
    let (shown, _) = server.run(&["calls", "show", &id], "").await;
    assert!(record["tags"].to_string().contains("voicemail"), "{shown}");

    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    bob.dial("*97");
    bob.is_answered().await;
    bob.comes_to_hear_sound().await;
    bob.press("2468#").await;
    bob.comes_to_hear(&[&alice]).await;
    bob.press("3").await;
    bob.comes_to_hear_sound().await;
    bob.hangs_up().await;
}
