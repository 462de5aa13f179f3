//! Phones that are not where one would look for them: they send callers elsewhere, come by another port of a NAT than before, or
//! speak before they have answered.

use std::net::UdpSocket;

use patchcord_lab::{Carrier, Conduct, Handset, Lab, Model, Reply, Server, Side};
use serde_json::Value;

use crate::{
    bindings,
    calling::{at_home, house, house_with},
    records::records,
    setup,
};

/// Where a phone believes to be that is behind a NAT.
const INSIDE: &str = "10.0.0.9:5060";

/// Says what came of its dial.
const TELLS: &str = "fn on_invite(caller) {
    let talk = caller.dial(\"user:bob\", #{ ring: 10.s() });
    caller.tag(\"status\", talk.status);
    caller.tag(\"sip\", talk.sip);
    if talk.leg != () { caller.tag(\"leg\", talk.leg.id); }
}";

fn tag<'a>(record: &'a Value, key: &str) -> &'a str {
    let tags = record["tags"].as_array().expect("tags");
    let found = tags.iter().find(|tag| tag[0] == key).unwrap_or_else(|| panic!("no tag {key} in {record:#}"));
    found[1].as_str().expect("a text")
}

#[tokio::test]
async fn a_script_sees_what_came_of_a_call_that_its_target_has_sent_elsewhere() {
    let route = "[[route]]\nnumber = \"80\"\nservice = \"tells\"\n";
    let server = house_with(setup().service("tells", TELLS).toml(route)).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    let at = server.address(Carrier::Udp);

    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new().when_called(Conduct::Answer)).await;
    alice.dial("80");
    bob.redirects_to(&format!("sip:103@{at}")).await;
    alice.is_answered().await;
    alice.comes_to_hear(&[&carol]).await;
    carol.hangs_up().await;
    alice.is_over().await;
    assert_eq!(carol.registers_for(0).await, 200);

    let _carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new().when_called(Conduct::Refuse(486))).await;
    for target in [format!("sip:103@{at}"), format!("sip:+4930123456@{at}")] {
        alice.dial("80");
        bob.redirects_to(&target).await;
        alice.is_over().await;
    }
    alice.dial("80");
    bob.refuses(302).await;
    alice.is_over().await;

    let told = records(&server, 4).await;
    let came = |at: usize| (tag(&told[at]["record"], "status"), tag(&told[at]["record"], "sip"));
    assert_eq!(came(3), ("answered", "200"), "who was named has answered");
    assert_eq!(tag(&told[3]["record"], "leg"), "2", "and it is that one's leg, not bob's");
    assert_eq!(came(2), ("busy", "486"), "who was named is busy");
    assert_eq!(came(1), ("forbidden", "403"), "no route leads where it was sent");
    assert_eq!(came(0), ("unreachable", "302"), "elsewhere, and it has not said where");
    let sentence = told[3]["sentence"].as_str().expect("a sentence");
    assert!(sentence.contains("sent the call elsewhere") && sentence.contains("Carol's phone"), "{sentence}");
}

/// A phone that is behind a NAT and knows nothing of it: its Contact names no place that anybody reaches.
fn behind_a_nat(phone: &Handset) {
    let uri = phone.uri();
    let own = uri.split(['@', ';']).nth(1).expect("an address").to_owned();
    phone.twists(move |text| Some(text.replace(&format!("@{own}"), &format!("@{INSIDE}"))));
}

/// Alice's phone, as one mapping of the NAT shows it.
fn alice_by(lab: &Lab, server: &Server) -> Handset {
    let model = Model::new().at(server.address(Carrier::Udp)).password("secret").when_called(Conduct::Answer);
    let phone = lab.phone_like("alice", &model);
    behind_a_nat(&phone);
    phone
}

#[tokio::test]
async fn a_phone_whose_nat_has_changed_its_port_is_called_where_it_registered_last() {
    let server = house().await;
    let lab = Lab::open();
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    let before = alice_by(&lab, &server);
    assert_eq!(before.registers().await, 200);
    let after = alice_by(&lab, &server);
    assert_eq!(after.registers().await, 200);
    let known = bindings(&server, "alice").await;
    assert_eq!(known.len(), 1, "it is the same phone by its Contact: {known:?}");
    assert!(known[0].contains(INSIDE), "{known:?}");

    bob.dial("101");
    bob.is_answered().await;
    bob.comes_to_hear(&[&after]).await;
    assert!(before.was_called_with("Call-ID").is_none(), "nobody is looked for behind the port that it had");
    // What comes later in the call goes the same way: to the port, not to the Contact.
    bob.hangs_up().await;
    assert_eq!(after.is_over().await.by, Side::Them);
}

#[tokio::test]
async fn a_phone_that_calls_by_another_port_than_it_registered_from_is_answered_there() {
    let server = house().await;
    let lab = Lab::open();
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new().when_called(Conduct::Answer)).await;
    let registered = alice_by(&lab, &server);
    assert_eq!(registered.registers().await, 200);
    let calls = alice_by(&lab, &server);
    calls.dial("102");
    calls.is_answered().await;
    calls.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&calls]).await;
    bob.hangs_up().await;
    assert_eq!(calls.is_over().await.by, Side::Them, "the BYE finds it by the port that it called from");

    // Who wants her still finds her where she registered.
    bob.dial("101");
    bob.is_answered().await;
    bob.comes_to_hear(&[&registered]).await;
    assert!(calls.was_called_with("Call-ID").is_none());
    bob.hangs_up().await;
}

/// Where the sound of that call is to go, by the offer that the phone got.
fn offered(phone: &Handset) -> u16 {
    let invite = phone.heard().into_iter().rfind(|heard| heard.text().starts_with("INVITE ")).expect("it was called");
    let sound = invite.text().lines().find_map(|line| line.strip_prefix("m=audio ")).expect("an offer").to_owned();
    sound.split(' ').next().and_then(|port| port.parse().ok()).expect("a port")
}

#[tokio::test]
async fn sound_that_comes_before_the_answer_hurts_nobody_and_the_talk_is_heard() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    // He speaks at once when he answers, and his answer is lost and said again: his sound is half a second before it.
    let mut lost = false;
    bob.twists(move |text| {
        let is_answer = text.starts_with("SIP/2.0 200") && text.contains("INVITE\r\n");
        let first = is_answer && !std::mem::replace(&mut lost, is_answer);
        (!first).then(|| text.to_owned())
    });
    alice.dial("102");
    bob.is_called().await;
    let port = offered(&bob);
    // A stranger is before both: packets of sound, and such that are none.
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a port");
    for number in 0..100_u16 {
        let mut packet = vec![0x80, 8, 0, 0, 0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef];
        packet[2..4].copy_from_slice(&number.to_be_bytes());
        packet[6..8].copy_from_slice(&number.wrapping_mul(160).to_be_bytes());
        packet.resize(12 + 160, 0x55);
        for bytes in [&packet[..], &packet[..11], b"", b"hello", &[0xff; 400]] {
            stranger.send_to(bytes, ("127.0.0.1", port)).expect("sent");
        }
    }
    bob.answers().await;
    alice.is_answered().await;
    alice.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&alice]).await;
    let is_answer = |heard: &Reply| heard.text().starts_with("ACK ");
    assert!(bob.heard().iter().any(is_answer), "his answer has arrived in the end");
    alice.hangs_up().await;
    assert_eq!(bob.is_over().await.by, Side::Them);
}
