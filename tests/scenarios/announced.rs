//! Recordings that are announced, with the real binary: who hears it, when, and what the record says of it.

use patchcord_lab::{Carrier, Handset, Lab, Model, Server, eventually};

use crate::{
    calling::{at_home, house_with},
    records::records,
    setup,
};

/// A server that says a tone of its own wherever somebody is recorded, and a service that 700 leads to.
async fn announcing(text: &str) -> Server {
    let more = "[recordings]\nannounce = \"tone::880@-12:1500\"\nformat = \"wav\"\n\
                [[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    house_with(setup().service("ivr", text).toml(more)).await
}

async fn hears_that_it_is_recorded(phone: &Handset) {
    let heard = phone.comes_to_hear_sound().await;
    assert!(heard.tone(880.0) > -20.0, "{} is told: {}", phone.name(), heard.tone(880.0));
}

#[tokio::test]
async fn both_parties_of_a_recorded_talk_are_told_and_the_record_says_when() {
    let server = announcing("fn on_invite(caller) { caller.dial(\"user:bob\", #{ record: true }); }").await;
    let lab = Lab::open();
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("700");
    bob.answers().await;
    alice.is_answered().await;
    tokio::join!(hears_that_it_is_recorded(&alice), hears_that_it_is_recorded(&bob));
    alice.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&alice]).await;
    alice.hangs_up().await;

    let record = &records(&server, 1).await[0]["record"];
    let told = |leg: usize| record["legs"][leg]["told_recorded_us"].as_u64().expect("it was told");
    let answered = |leg: usize| record["legs"][leg]["answered_us"].as_u64().expect("it was answered");
    assert!((0..2).all(|leg| told(leg) >= answered(leg) + 1_400_000), "{record:#}");
    let file = record["recordings"][0].as_str().expect("a recording");
    let path = server.data().join("recordings").join(file);
    eventually("the file is closed", async || path.is_file().then_some(())).await;
    assert!(lab.hears_file(&path, 1).tone(880.0) > -40.0, "the file holds the announcement");
    let id = record["call"].as_str().expect("an id");
    let (shown, good) = server.run(&["calls", "show", id], "").await;
    assert!(good && shown.matches("has heard that it is recorded").count() == 2, "{shown}");
}

#[tokio::test]
async fn who_comes_later_into_a_recorded_room_is_told_for_himself() {
    let server = announcing(
        r#"
fn on_invite(caller) {
    caller.answer();
    caller.join(room::open("weekly", #{ sounds: false, announce: "nothing", record: true }));
}"#,
    )
    .await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    alice.dial("700");
    alice.is_answered().await;
    hears_that_it_is_recorded(&alice).await;
    bob.dial("700");
    bob.is_answered().await;
    hears_that_it_is_recorded(&bob).await;
    alice.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&alice]).await;
    alice.hangs_up().await;
    bob.hangs_up().await;
    let told = records(&server, 2).await;
    assert!(told.iter().all(|told| told["record"]["legs"][0]["told_recorded_us"].is_u64()), "{told:#?}");
    let days = std::fs::read_dir(server.data().join("recordings")).expect("a folder of recordings");
    let files = days.flat_map(|day| std::fs::read_dir(day.expect("a day").path()).expect("its files"));
    let names: Vec<_> = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    let of_room = |name: &&String| name.starts_with("room-weekly") && name.ends_with(".wav");
    assert_eq!(names.iter().filter(of_room).count(), 1, "the room is written as the house writes: {names:?}");
}
