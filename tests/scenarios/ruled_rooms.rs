//! Rooms as those see and rule them who are not in them: by command, and afterwards in the store.

use patchcord_lab::{Carrier, Lab, Model, Side, eventually};

use crate::{
    calling::{at_home, house_with},
    setup,
};

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
