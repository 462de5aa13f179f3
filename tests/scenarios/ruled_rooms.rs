//! Rooms as those see and rule them who are not in them: by command, and afterwards in the store.

use patchcord_lab::{Carrier, Handset, Lab, Model, Reply, Server, Side, eventually};
use serde_json::Value;

use crate::{
    calling::{at_home, house, house_with},
    operators::is_greeted,
    setup,
};

/// A room that opens for whoever knows the PIN.
const PIN: &str = "[[room]]\nname = \"3001\"\npin = \"4711\"\nsounds = false\nannounce = \"nothing\"\n";

/// Writes down who comes, as a script reads it.
const WATCHED: &str = r#"
fn on_invite(caller) {
    caller.answer();
    caller.join(room::open("watched", #{ sounds: false, announce: "nothing" }));
}

fn on_room(leg, ev) {
    if ev.kind == "join" && !ev.me { leg.tag("came", `${ev.name}/${ev.number}`); }
}"#;

/// The members of a room, once so many are in.
async fn members(server: &Server, room: &str, count: usize) -> Vec<Value> {
    eventually("all are in", async || {
        let shown = server.json(&["rooms", "--json"]).await;
        let rooms = shown["rooms"].as_array()?;
        let members = rooms.iter().find(|one| one["name"] == room)?["members"].as_array()?.clone();
        (members.len() == count && members.iter().all(|member| member["state"] == "in")).then_some(members)
    })
    .await
}

fn named<'a>(members: &'a [Value], name: &str) -> &'a Value {
    members.iter().find(|member| member["name"] == name).expect("somebody of that name")
}

/// The latest record of a room that is over.
async fn past(server: &Server, room: &str) -> Value {
    let id = eventually("the room is in the records", async || {
        let all = server.json(&["rooms", "past", "--room", room, "--json"]).await;
        all["rooms"][0]["id"].as_str().map(str::to_owned)
    });
    server.json(&["rooms", "past", &id.await, "--json"]).await
}

async fn dials(phone: &Handset, number: &str) {
    phone.dial(number);
    phone.is_answered().await;
}

#[tokio::test]
async fn who_runs_the_house_sees_who_is_in_a_room_and_sends_somebody_out() {
    let server = house_with(setup()).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    assert!(server.run(&["rooms"], "").await.0.contains("No room is open."));
    for phone in [&alice, &bob] {
        phone.dial("3000");
        phone.is_answered().await;
    }
    let room = eventually("both are in", async || {
        let rooms = server.json(&["rooms", "--json"]).await;
        let room = rooms["rooms"][0].clone();
        let members = room["members"].as_array().map(Vec::as_slice).unwrap_or_default();
        (members.len() == 2 && members.iter().all(|member| member["state"] == "in")).then_some(room)
    })
    .await;
    let name = room["name"].as_str().expect("a name").to_owned();
    let is_bob = |member: &&serde_json::Value| member.to_string().contains("102") || member["name"] == "bob";
    let members = room["members"].as_array().expect("members");
    let bobs = members.iter().find(is_bob).expect("bob is in")["member"].to_string();
    let (said, done) = server.run(&["rooms", "order", &name, "mute", "--member", &bobs], "").await;
    assert!(done && said.contains("Done for 1."), "{said}");
    let (shown, _) = server.run(&["rooms", "show", &name], "").await;
    assert!(shown.contains("muted"), "{shown}");
    let (said, done) = server.run(&["rooms", "order", &name, "kick", "--member", &bobs], "").await;
    assert!(done, "{said}");
    assert_eq!(bob.is_over().await.by, Side::Them);
    let (said, done) = server.run(&["rooms", "order", &name, "kick", "--member", "9999"], "").await;
    assert!(!done && said.contains("nobody of that number is in the room"), "{said}");
    alice.hangs_up().await;
    eventually("the room is over", async || {
        let rooms = server.json(&["rooms", "--json"]).await;
        rooms["rooms"].as_array().is_some_and(Vec::is_empty).then_some(())
    })
    .await;
}

#[tokio::test]
async fn whoever_is_called_in_is_told_that_it_is_a_conference_and_stands_in_the_list_as_if_it_had_dialled() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    dials(&alice, "3000").await;
    is_greeted(&server, "3000").await;
    alice.press("*9").await;
    eventually("her hand is up", async || members(&server, "3000", 1).await[0]["hand_ms"].is_u64().then_some(())).await;
    let (said, done) = server.run(&["rooms", "order", "3000", "invite", "--target", "user:bob"], "").await;
    assert!(done, "{said}");
    bob.answers().await;
    let is_invite = |heard: &Reply| heard.text().starts_with("INVITE ");
    let invite = bob.heard().into_iter().find(is_invite).expect("an INVITE");
    let contact = invite.header("Contact").expect("a Contact").to_owned();
    assert!(contact.contains("sip:3000@") && contact.ends_with(";isfocus"), "{contact}");
    let told = members(&server, "3000", 2).await;
    for (name, number) in [("alice", "101"), ("bob", "102")] {
        assert_eq!(named(&told, name)["number"], number, "{told:#?}");
    }
    let (shown, _) = server.run(&["rooms", "show", "3000"], "").await;
    assert!(shown.contains("alice (101)") && shown.contains("bob (102)"), "{shown}");

    // What was ordered, and by whom, stands in what is left of the room.
    let bobs = named(&told, "bob")["member"].to_string();
    let (said, done) = server.run(&["rooms", "order", "3000", "kick", "--member", &bobs], "").await;
    assert!(done, "{said}");
    assert_eq!(bob.is_over().await.by, Side::Them);
    let (said, done) = server.run(&["rooms", "order", "3000", "end"], "").await;
    assert!(done, "{said}");
    let told = past(&server, "3000").await;
    let by = |what: &str| {
        let moments = told["moments"].as_array().expect("moments");
        moments.iter().find(|moment| moment["what"] == what).map_or(Value::Null, |moment| moment["by"].clone())
    };
    for what in ["invited", "kicked", "ended"] {
        assert_eq!(by(what)["who"], "command_line", "{what} in {told:#?}");
    }
    assert_eq!((by("hand")["who"].as_str(), by("hand")["name"].as_str()), (Some("member"), Some("alice (101)")));
    let (shown, _) = server.run(&["rooms", "past", told["id"].as_str().expect("an id")], "").await;
    assert!(shown.contains("it ended because the command line ended it."), "{shown}");
    assert!(shown.contains("kicked") && shown.contains("bob (102)"), "{shown}");
}

#[tokio::test]
async fn a_script_reads_the_number_of_whoever_comes_as_a_test_of_it_does() {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"watched\"\n";
    let server = house_with(setup().service("watched", WATCHED).toml(route)).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    dials(&alice, "700").await;
    members(&server, "watched", 1).await;
    dials(&bob, "700").await;
    members(&server, "watched", 2).await;
    bob.hangs_up().await;
    alice.hangs_up().await;
    let told = crate::records::records(&server, 2).await;
    let came = told.iter().any(|told| told["record"]["tags"].to_string().contains(r#"["came","bob/102"]"#));
    assert!(came, "{told:#?}");
}

#[tokio::test]
async fn who_tried_the_pin_of_a_closed_room_is_told_by_one_command_and_no_list_is_filled_with_it() {
    let server = house_with(setup().toml(PIN)).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    dials(&alice, "3001").await;
    for guess in ["1#", "2#", "3#"] {
        alice.comes_to_hear_sound().await;
        alice.press(guess).await;
    }
    assert_eq!(alice.is_over().await.by, Side::Them);
    let tries = eventually("the tries are kept", async || {
        let told = server.json(&["rooms", "tries", "3001", "--json"]).await;
        let tries = told["tries"].as_array()?.clone();
        (tries.len() == 4).then_some(tries)
    })
    .await;
    let whats: Vec<_> = tries.iter().filter_map(|one| one["what"].as_str()).collect();
    assert_eq!(whats, ["pin", "wrong_pin", "wrong_pin", "wrong_pin"]);
    assert!(tries.iter().all(|one| one["name"] == "alice" && one["number"] == "101"), "{tries:#?}");
    assert_eq!(tries[0]["from"], "endpoint:alice");
    let call = tries[0]["call"].as_str().expect("its call").to_owned();
    let (shown, _) = server.run(&["calls", "show", &call], "").await;
    assert_eq!(shown.matches("wrong_pin").count(), 3, "{shown}");
    let count = async |more: &[&str]| {
        let all = server.json(&[&["rooms", "past", "--json"], more].concat()).await;
        all["rooms"].as_array().map(Vec::len)
    };
    assert_eq!((count(&[]).await, count(&["--empty"]).await), (Some(0), Some(1)));
}

#[tokio::test]
async fn a_member_whose_phone_sends_nothing_at_all_is_marked_until_it_is_heard_again() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    dials(&alice, "3000").await;
    dials(&bob, "3000").await;
    bob.misbehaves(|_| Vec::new());
    alice.falls_silent();
    let unheard = async |name: &str| named(&members(&server, "3000", 2).await, name)["unheard_ms"].is_u64();
    eventually("bob is marked", async || unheard("bob").await.then_some(())).await;
    assert!(!unheard("alice").await, "who only keeps silent is not");
    let (shown, _) = server.run(&["rooms", "show", "3000"], "").await;
    assert!(shown.contains("nothing heard for "), "{shown}");
    bob.misbehaves(|packet| vec![packet]);
    eventually("bob is heard again", async || (!unheard("bob").await).then_some(())).await;
}
