//! The shipped services dialled by other people's phones, baresip and linphone, each as it can: what they say is heard by a phone of
//! the lab. linphone has no ears of its own here: it passes on what it hears, or counts the packets.

use std::time::Duration;

use patchcord_lab::{
    Account, Baresip, Carrier, Conduct, Handset, Keypad, Lab, Linphone, Model, Server, Verdict, eventually,
};

use crate::{
    calling::{at_home, house, house_with},
    records::records,
    setup,
};

/// What they say.
const HZ: u32 = 700;

/// What the service `tone` says.
const TONE: f64 = 1004.0;

/// Somebody else's phone.
enum Phone {
    Baresip(Baresip),
    Linphone(Linphone),
}

impl Phone {
    /// Each of them in turn, registered as alice.
    async fn registered(server: &Server, which: usize) -> Self {
        let address = server.address(Carrier::Udp);
        let alice = Account { carrier: Carrier::Udp, server: address, user: "alice", password: "secret" };
        let mut phone = match which {
            0 => Self::Baresip(Baresip::calling(&alice, HZ, Keypad::Events)),
            _ => Self::Linphone(Linphone::start(&alice).await),
        };
        let verdict = match &mut phone {
            Self::Baresip(baresip) => baresip.verdict().await,
            Self::Linphone(linphone) => linphone.verdict().await,
        };
        assert_eq!(verdict, Verdict::Registered);
        phone
    }

    async fn dial(&mut self, number: &str) {
        match self {
            Self::Baresip(baresip) => baresip.dial(number).await,
            Self::Linphone(linphone) => linphone.dial(number).await,
        }
    }

    async fn press(&mut self, keys: &str) {
        match self {
            Self::Baresip(baresip) => baresip.press(keys).await,
            Self::Linphone(linphone) => linphone.press(keys).await,
        }
    }

    /// baresip speaks all the time.
    async fn says_its_tone(&mut self) {
        if let Self::Linphone(linphone) = self {
            linphone.says(HZ).await;
        }
    }

    async fn hangs_up(&mut self) {
        match self {
            Self::Baresip(baresip) => {
                baresip.hangs_up().await;
            }
            Self::Linphone(linphone) => linphone.hangs_up().await,
        }
    }

    async fn quit(self) {
        match self {
            Self::Baresip(baresip) => baresip.quit().await,
            Self::Linphone(linphone) => linphone.quit().await,
        };
    }
}

async fn comes_to_hear_tone(phone: &Handset, hz: f64) {
    eventually("the tone is heard", async || {
        let heard = phone.listens(Duration::from_millis(500)).await;
        (heard.tone(hz) > -30.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_team_is_rung_for_them_and_whoever_answers_hears_them() {
    for which in 0..2 {
        let server = house().await;
        let lab = Lab::open();
        let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new().when_called(Conduct::Answer)).await;
        let mut phone = Phone::registered(&server, which).await;
        phone.dial("2000").await;
        phone.says_its_tone().await;
        comes_to_hear_tone(&bob, f64::from(HZ)).await;
        bob.hangs_up().await;
        phone.quit().await;
    }
}

#[tokio::test]
async fn they_are_heard_in_a_room() {
    for which in 0..2 {
        let server = house().await;
        let lab = Lab::open();
        let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
        bob.dial("3000");
        bob.is_answered().await;
        let mut phone = Phone::registered(&server, which).await;
        phone.dial("3000").await;
        phone.says_its_tone().await;
        comes_to_hear_tone(&bob, f64::from(HZ)).await;
        bob.hangs_up().await;
        phone.quit().await;
    }
}

#[tokio::test]
async fn they_leave_a_message_that_is_heard_at_the_number_for_messages() {
    for which in 0..2 {
        let bob = "number = \"102\"\nforward = { unreachable = \"voicemail\" }\nmailbox = { pin = \"2468\" }";
        let setup = setup().endpoint_with("alice", "secret", "number = \"101\"").endpoint_with("bob", "secret", bob);
        let server = setup.start().await;
        let mut phone = Phone::registered(&server, which).await;
        phone.dial("102").await;
        let lab = Lab::open();
        let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
        // The greeting, the beep, and something to be said: as long as bob listens to himself.
        bob.dial("9196");
        bob.is_answered().await;
        bob.listens(Duration::from_secs(10)).await;
        phone.says_its_tone().await;
        bob.listens(Duration::from_secs(4)).await;
        phone.hangs_up().await;
        bob.hangs_up().await;
        bob.falls_silent();
        bob.dial("*97");
        bob.is_answered().await;
        bob.press("2468#").await;
        comes_to_hear_tone(&bob, f64::from(HZ)).await;
        bob.hangs_up().await;
        phone.quit().await;
    }
}

#[tokio::test]
async fn they_send_their_calls_elsewhere_by_keys() {
    for which in 0..2 {
        let route = "[[route]]\nnumber = \"101\"\nfrom = \"endpoints\"\nservice = \"forward\"\n";
        let server = house_with(setup().toml(route)).await;
        let lab = Lab::open();
        let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
        let answers = Model::new().when_called(Conduct::Answer);
        let carol = at_home(&lab, &server, "carol", Carrier::Udp, &answers).await;
        let mut phone = Phone::registered(&server, which).await;
        phone.dial("*72").await;
        phone.press("103#").await;
        crate::pressed::comes_to(&server, "forward-to").await;
        bob.dial("101");
        bob.comes_to_hear(&[&carol]).await;
        bob.hangs_up().await;
        phone.quit().await;
    }
}

/// linphone calls a number, then bob, and lets both hear each other through it.
async fn passed_on(number: &str) -> (Server, Lab, Handset, Linphone) {
    let server = house().await;
    let lab = Lab::open();
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new().when_called(Conduct::Answer)).await;
    let Phone::Linphone(mut linphone) = Phone::registered(&server, 1).await else { unreachable!("it was asked for") };
    linphone.dial(number).await;
    linphone.dial("102").await;
    linphone.joins_its_calls().await;
    (server, lab, bob, linphone)
}

#[tokio::test]
async fn linphone_hears_the_tone_and_the_music() {
    let (_server, _lab, bob, linphone) = passed_on("9197").await;
    comes_to_hear_tone(&bob, TONE).await;
    linphone.quit().await;
    let (_server, _lab, bob, linphone) = passed_on("9664").await;
    bob.comes_to_hear_sound().await;
    linphone.quit().await;
}

#[tokio::test]
async fn linphone_is_answered_by_the_echo_and_by_the_readback() {
    for number in ["9196", "9198"] {
        let server = house().await;
        let Phone::Linphone(mut linphone) = Phone::registered(&server, 1).await else {
            unreachable!("it was asked for")
        };
        let lab = Lab::open();
        let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
        bob.dial("9197");
        bob.is_answered().await;
        linphone.dial(number).await;
        linphone.says(HZ).await;
        linphone.press("5").await;
        bob.listens(Duration::from_secs(3)).await;
        let came = linphone.counts().await;
        assert!(came > 100, "{number}: {came} packets");
        bob.hangs_up().await;
        records(&server, 2).await;
        if number == "9198" {
            let told = crate::pressed::comes_to(&server, "readback-rtp").await;
            assert!(told.contains("5 by "), "{told}");
        }
        linphone.quit().await;
    }
}
