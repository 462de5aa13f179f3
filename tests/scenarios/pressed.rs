//! Each shipped service that listens to keys, by each way in which phones send them: beside the sound (RFC 4733), in the sound, and as INFO of
//! both kinds, from the phone of the lab; and from baresip and linphone as they can.
//!
//! The journal of a call that goes on waits in memory: what a story has come to is asked of calls that are over. Nobody has to wait
//! for a question, either: keys that are pressed before it are its answer.

use std::time::Duration;

use patchcord_lab::{Account, Baresip, Carrier, Handset, Keypad, Lab, Linphone, Model, Server, Verdict, eventually};

use crate::{
    calling::{at_home, house},
    records::records,
    setup,
};

/// All ways of a key, and what scripts call each.
const WAYS: [(Keypad, &str); 4] =
    [(Keypad::Events, "rtp"), (Keypad::Tones, "inband"), (Keypad::InfoRelay, "info"), (Keypad::InfoPlain, "info")];

/// A phone whose sound is left to its keys: a voice of its own would lie over tones in it.
async fn quiet(lab: &Lab, server: &Server, user: &str, way: Keypad) -> Handset {
    let phone = at_home(lab, server, user, Carrier::Udp, &Model::new().keypad(way)).await;
    phone.falls_silent();
    phone
}

/// Waits until the story of the last call, which is over, has come to a verb, and tells what it said until then.
pub async fn comes_to(server: &Server, what: &str) -> String {
    eventually(&format!("the story comes to {what}"), async || {
        let listed = server.json(&["calls", "--json"]).await;
        let id = listed["records"][0]["record"]["call"].as_str()?.to_owned();
        let (shown, _) = server.run(&["calls", "show", &id], "").await;
        shown.contains(what).then_some(shown)
    })
    .await
}

#[tokio::test]
async fn readback_says_each_key_and_how_it_came() {
    for (way, named) in WAYS {
        let server = house().await;
        let lab = Lab::open();
        let alice = quiet(&lab, &server, "alice", way).await;
        alice.dial("9198");
        alice.is_answered().await;
        alice.comes_to_hear_sound().await;
        alice.press_by(way, "5").await;
        alice.comes_to_hear_sound().await;
        alice.hangs_up().await;
        records(&server, 1).await;
        let told = comes_to(&server, &format!("readback-{named}")).await;
        assert!(told.contains("5 by "), "{way:?}: {told}");
    }
}

#[tokio::test]
async fn reception_puts_through_by_keys_in_the_sound_and_by_plain_info() {
    for way in [Keypad::Tones, Keypad::InfoPlain] {
        let server = house().await;
        let lab = Lab::open();
        let alice = quiet(&lab, &server, "alice", way).await;
        let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
        alice.dial("1000");
        alice.is_answered().await;
        alice.comes_to_hear_sound().await;
        alice.press_by(way, "102").await;
        bob.answers().await;
        alice.comes_to_hear(&[&bob]).await;
        alice.speaks();
        bob.comes_to_hear(&[&alice]).await;
        alice.hangs_up().await;
    }
}

#[tokio::test]
async fn the_mailbox_opens_by_its_pin_however_the_keys_come() {
    for (way, _) in WAYS {
        let server =
            setup().endpoint_with("alice", "secret", "number = \"101\"\nmailbox = { pin = \"2468\" }").start().await;
        let lab = Lab::open();
        let alice = quiet(&lab, &server, "alice", way).await;
        alice.dial("*97");
        alice.is_answered().await;
        alice.comes_to_hear_sound().await;
        alice.press_by(way, "2468#").await;
        alice.is_over().await;
        let told = comes_to(&server, "mailbox-empty").await;
        assert!(!told.contains("wrong-pin"), "{way:?}: {told}");
    }
}

#[tokio::test]
async fn calls_are_sent_elsewhere_by_keys_however_they_come() {
    for (way, _) in WAYS {
        let route = "[[route]]\nnumber = \"101\"\nfrom = \"endpoints\"\nservice = \"forward\"\n";
        let server = crate::calling::house_with(setup().toml(route)).await;
        let lab = Lab::open();
        let alice = quiet(&lab, &server, "alice", way).await;
        let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
        let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
        alice.dial("*72");
        alice.is_answered().await;
        alice.comes_to_hear_sound().await;
        alice.press_by(way, "103#").await;
        comes_to(&server, "forward-to").await;
        alice.is_over().await;
        bob.dial("101");
        carol.answers().await;
        bob.comes_to_hear(&[&carol]).await;
        bob.hangs_up().await;
    }
}

#[tokio::test]
async fn a_member_mutes_itself_by_keys_however_they_come() {
    for (way, _) in WAYS {
        let server = house().await;
        let lab = Lab::open();
        let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new().keypad(way)).await;
        let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
        for phone in [&alice, &bob] {
            phone.dial("3000");
            phone.is_answered().await;
        }
        bob.comes_to_hear(&[&alice]).await;
        alice.falls_silent();
        alice.press_by(way, "*6").await;
        // It is told so.
        alice.comes_to_hear_sound().await;
        alice.speaks();
        assert_eq!(bob.hears().await, [&alice; 0], "{way:?}");
        alice.hangs_up().await;
        bob.hangs_up().await;
    }
}

fn account<'a>(server: &Server) -> Account<'a> {
    Account { carrier: Carrier::Udp, server: server.address(Carrier::Udp), user: "alice", password: "secret" }
}

/// Waits until a tone is heard, and says how loud another one is.
async fn hears_700(phone: &Handset) -> f32 {
    eventually("the tone is heard", async || {
        let heard = phone.listens(Duration::from_millis(500)).await;
        (heard.tone(700.0) > -30.0).then(|| heard.tone(1100.0))
    })
    .await
}

/// A server with a mailbox for alice, and bob at 102.
async fn with_mailbox() -> Server {
    let alice = "number = \"101\"\nmailbox = { pin = \"2468\" }";
    let setup = setup().endpoint_with("alice", "secret", alice);
    setup.endpoint_with("bob", "secret", "number = \"102\"").start().await
}

#[tokio::test]
async fn baresip_is_put_through_by_its_keys_and_heard_and_its_mailbox_opens() {
    for way in [Keypad::Events, Keypad::InfoRelay] {
        let server = with_mailbox().await;
        let lab = Lab::open();
        let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
        let mut baresip = Baresip::calling(&account(&server), 700, way);
        assert_eq!(baresip.verdict().await, Verdict::Registered);
        baresip.dial("1000").await;
        baresip.press("102").await;
        bob.answers().await;
        assert!(hears_700(&bob).await < -40.0, "{way:?}");
        bob.hangs_up().await;
        records(&server, 1).await;
        baresip.dial("*97").await;
        baresip.press("2468#").await;
        records(&server, 2).await;
        comes_to(&server, "mailbox-empty").await;
        baresip.quit().await;
    }
}

#[tokio::test]
async fn baresip_hears_itself_in_echo_the_tone_of_the_tone_and_others_in_the_rest() {
    let server = house().await;
    let mut baresip = Baresip::calling(&account(&server), 700, Keypad::Events);
    assert_eq!(baresip.verdict().await, Verdict::Registered);
    for number in ["9196", "9197", "9198", "9664", "3000"] {
        baresip.dial(number).await;
        baresip.listens().await;
        let heard = baresip.hangs_up().await;
        let (own, tone, level) = (heard.tone(700.0), heard.tone(1004.0), heard.level());
        let is_right = match number {
            "9196" => own > -20.0 && tone < -45.0,
            "9197" => tone > -15.0 && own < -45.0,
            _ => level > -45.0 && own < level - 6.0,
        };
        assert!(is_right, "{number}: itself {own}, the tone {tone}, all {level} dBm0");
    }
    let all = records(&server, 5).await;
    assert!(all.iter().all(|told| told["record"]["outcome"] == "answered"), "{all:#?}");
}

#[tokio::test]
async fn linphone_is_put_through_by_its_keys_and_heard_and_its_mailbox_opens() {
    for way in [Keypad::Events, Keypad::InfoRelay] {
        let server = with_mailbox().await;
        let lab = Lab::open();
        let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
        let mut linphone = Linphone::start_with_keys(&account(&server), way).await;
        assert_eq!(linphone.verdict().await, Verdict::Registered);
        linphone.dial("1000").await;
        linphone.press("102").await;
        bob.answers().await;
        linphone.says(700).await;
        assert!(hears_700(&bob).await < -40.0, "{way:?}");
        bob.hangs_up().await;
        records(&server, 1).await;
        linphone.dial("*97").await;
        linphone.press("2468#").await;
        records(&server, 2).await;
        comes_to(&server, "mailbox-empty").await;
        linphone.quit().await;
    }
}
