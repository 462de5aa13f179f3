//! Three-way calls: phones that join others, merge two calls of theirs, and bring people into a room. Who hears whom is proved by
//! their voices.

use patchcord_lab::{Carrier, Handset, Invitation, Lab, Model, Reply, Server};

use crate::calling::{at_home, dialog_of, house, house_with};
use crate::records::records;
use crate::setup;

/// Alice talks with bob.
async fn talking(lab: &Lab, server: &Server) -> (Handset, Handset) {
    let alice = at_home(lab, server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(lab, server, "bob", Carrier::Tcp, &Model::new()).await;
    alice.dial("102");
    bob.answers().await;
    alice.is_answered().await;
    (alice, bob)
}

async fn all_hear_both_others([one, two, three]: [&Handset; 3]) {
    one.comes_to_hear(&[two, three]).await;
    two.comes_to_hear(&[one, three]).await;
    three.comes_to_hear(&[one, two]).await;
}

/// A dialog as the header of an address names it.
pub fn escaped(dialog: &str) -> String {
    dialog.replace('%', "%25").replace(';', "%3B").replace('=', "%3D").replace('@', "%40")
}

#[tokio::test]
async fn another_phone_of_hers_joins_a_call_and_all_three_hear_each_other() {
    let server = house().await;
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    let desk = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    desk.invites(&Invitation::to("101").header("Join", &dialog_of(&alice)));
    desk.is_answered().await;
    all_hear_both_others([&alice, &bob, &desk]).await;

    let is_answer = |reply: &Reply| {
        reply.text().starts_with("SIP/2.0 200") && reply.header("CSeq").is_some_and(|seq| seq.ends_with("INVITE"))
    };
    let answer = desk.heard().into_iter().rfind(is_answer).expect("it was answered");
    let contact = answer.header("Contact").expect("a Contact").to_owned();
    assert!(contact.contains("meeting-") && contact.ends_with(";isfocus"), "{contact}");

    desk.hangs_up().await;
    alice.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&alice]).await;
}

#[tokio::test]
async fn nobody_joins_a_call_of_others() {
    let server = house().await;
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    carol.invites(&Invitation::to("101").header("Join", &dialog_of(&alice)));
    assert_eq!(carol.is_refused().await, 403);
    assert_eq!(alice.hears().await, [&bob]);
}

#[tokio::test]
async fn a_phone_merges_its_two_calls_and_stays_in_by_one_of_them() {
    let server = house().await;
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    let with_bob = dialog_of(&alice);
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    alice.dial("103");
    carol.answers().await;
    carol.comes_to_hear(&[&alice]).await;

    let there = format!("sip:102@127.0.0.1?Join={}", escaped(&with_bob));
    assert_eq!(alice.transfers_to(&there).await, 200);
    bob.comes_to_hear(&[&alice, &carol]).await;
    carol.comes_to_hear(&[&alice, &bob]).await;
}

#[tokio::test]
async fn a_phone_in_a_room_brings_those_in_with_whom_it_talks() {
    let server = house().await;
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    let desk = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    for phone in [&desk, &carol] {
        phone.dial("3000");
        phone.is_answered().await;
    }
    desk.comes_to_hear(&[&carol]).await;
    assert_eq!(alice.transfers_to("sip:3000@127.0.0.1").await, 200);
    all_hear_both_others([&bob, &desk, &carol]).await;
}

#[tokio::test]
async fn a_phone_brings_in_from_its_call_with_the_room_whom_it_talks_with_in_another() {
    let server = house().await;
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    let with_bob = dialog_of(&alice);
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    carol.dial("3000");
    carol.is_answered().await;
    alice.dial("3000");
    carol.comes_to_hear(&[&alice]).await;
    let there = format!("sip:102@127.0.0.1?Replaces={}", escaped(&with_bob));
    assert_eq!(alice.transfers_to(&there).await, 200);
    // Whose transfer is done hangs up, as most phones do.
    bob.comes_to_hear(&[&carol]).await;
    carol.comes_to_hear(&[&bob]).await;
}

/// As a desk phone does it: the room is called in a second call, and its transfer key joins the two.
#[tokio::test]
async fn a_phone_gives_its_place_in_a_room_to_whom_it_talks_with() {
    let server = house().await;
    let lab = Lab::open();
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    carol.dial("3000");
    carol.is_answered().await;
    alice.dial("3000");
    carol.comes_to_hear(&[&alice]).await;
    let in_room = dialog_of(&alice);
    alice.dial("102");
    bob.answers().await;
    bob.comes_to_hear(&[&alice]).await;
    let there = format!("sip:3000@127.0.0.1?Replaces={}", escaped(&in_room));
    assert_eq!(alice.transfers_to(&there).await, 200);
    carol.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&carol]).await;
}

/// Calls somebody, and a star merges that call with the other one of whoever presses it.
const MERGES: &str =
    "fn on_invite(caller) { caller.dial(`user:${if caller.to == \"82\" { \"bob\" } else { \"carol\" }}`); }
fn on_dtmf(leg, key) { if key.digit == \"*\" { log::info(`merged: ${leg.merge().status}`); } }";

#[tokio::test]
async fn a_key_merges_two_calls_of_a_phone_whichever_shard_has_them() {
    let routes = "[[route]]\nnumber = \"82\"\nservice = \"merges\"\n[[route]]\nnumber = \"83\"\nservice = \"merges\"\n";
    let server = house_with(setup().shards(2).service("merges", MERGES).toml(routes)).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    alice.dial("82");
    bob.answers().await;
    bob.comes_to_hear(&[&alice]).await;
    // One call alone is merged with none, and goes on as it was.
    alice.press("*").await;
    alice.comes_to_hear(&[&bob]).await;

    alice.holds().await;
    alice.dial("83");
    carol.answers().await;
    carol.comes_to_hear(&[&alice]).await;
    alice.press("*").await;
    all_hear_both_others([&alice, &bob, &carol]).await;

    alice.hangs_up().await;
    bob.comes_to_hear(&[&carol]).await;
    bob.hangs_up().await;
    carol.hangs_up().await;
    let told = records(&server, 2).await;
    let merged: Vec<_> =
        told.iter().flat_map(|told| told["record"]["legs"].as_array().expect("legs").clone()).collect();
    let rooms = merged.iter().filter(|leg| leg["rooms"].as_array().is_some_and(|rooms| !rooms.is_empty())).count();
    assert_eq!(rooms, 3, "all three were in it, each once: {told:#?}");
}
