//! JsSIP and SIP.js beyond a call: they hand parties on, write and read, lose their socket and come back, and are muted.

use patchcord_lab::{Baresip, Carrier, Keypad, Lab, Model, Server, Side, Verdict, eventually};
use serde_json::{Value, json};

use crate::browsers::{LIBRARIES, Page, comes_to_hear_page, house};
use crate::calling::at_home;
use crate::other_phones::account;
use crate::records::records;

#[tokio::test]
async fn a_page_hands_a_party_on_blind() {
    let server = house().await;
    for library in LIBRARIES {
        let lab = Lab::open();
        let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
        let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
        let mut page = Page::open(&server, library).await;
        page.dial("101").await;
        alice.answers().await;
        page.is("talking").await;
        page.hears(alice.voice().hz()).await;
        page.chromium.run("window.moved = phone.transfer('102'); true").await;
        bob.answers().await;
        alice.comes_to_hear(&[&bob]).await;
        bob.comes_to_hear(&[&alice]).await;
        assert_eq!(page.chromium.run("moved").await, 200, "{library}: it is told how that came out");
        alice.hangs_up().await;
        assert_eq!(bob.is_over().await.by, Side::Them, "{library}");
    }
}

#[tokio::test]
async fn a_page_asks_first_and_hands_the_party_on_then() {
    let server = house().await;
    for library in LIBRARIES {
        let lab = Lab::open();
        let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
        let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
        let mut page = Page::open(&server, library).await;
        page.dial("101").await;
        alice.answers().await;
        page.is("talking").await;
        page.does("hold()").await;
        page.chromium.run("phone.aside(); true").await;
        page.dial("102").await;
        bob.answers().await;
        page.is("talking").await;
        page.hears(bob.voice().hz()).await;
        page.chromium.run("window.moved = phone.transferFirst(); true").await;
        alice.comes_to_hear(&[&bob]).await;
        bob.comes_to_hear(&[&alice]).await;
        assert_eq!(page.chromium.run("moved").await, 200, "{library}");
        bob.hangs_up().await;
        assert_eq!(alice.is_over().await.by, Side::Them, "{library}");
    }
}

#[tokio::test]
async fn pages_write_to_each_other() {
    let server = house().await;
    let door = format!("ws://{}", server.ws());
    let mut alice = Page::open_by(&door, "sip", ("alice", 1870)).await;
    let mut carol = Page::open(&server, "jssip").await;
    assert_eq!(carol.chromium.run("phone.text('101', 'lunch?')").await, true);
    alice.chromium.until("she reads it", "phone.texts.join() === 'lunch?'").await;
    assert_eq!(alice.chromium.run("phone.text('103', 'at noon')").await, true);
    carol.chromium.until("so does she", "phone.texts.join() === 'at noon'").await;
}

#[tokio::test]
async fn a_page_that_lost_its_socket_registers_again_and_is_called() {
    let server = house().await;
    for library in LIBRARIES {
        let lab = Lab::open();
        let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
        let mut page = Page::open(&server, library).await;
        page.chromium.until("it is registered", "phone.registrations === 1").await;
        page.chromium.run("phone.loseSocket(); true").await;
        page.chromium.until("it registers again by itself", "phone.registrations >= 2").await;
        alice.dial("103");
        alice.is_answered().await;
        page.is("talking").await;
        page.hears(alice.voice().hz()).await;
        comes_to_hear_page(&alice).await;
        alice.hangs_up().await;
        page.is("over").await;
    }
}

#[tokio::test]
async fn a_page_that_is_muted_is_not_heard_and_hears() {
    let server = house().await;
    for library in LIBRARIES {
        let lab = Lab::open();
        let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
        let mut page = Page::open(&server, library).await;
        page.dial("101").await;
        alice.answers().await;
        page.is("talking").await;
        comes_to_hear_page(&alice).await;
        page.chromium.run("phone.mute(true); true").await;
        let quiet = async || {
            let heard = alice.listens(std::time::Duration::from_millis(200)).await;
            (heard.tone(2450.0) < -60.0).then_some(())
        };
        eventually("nothing of the page is heard", quiet).await;
        page.hears(alice.voice().hz()).await;
        page.chromium.run("phone.mute(false); true").await;
        comes_to_hear_page(&alice).await;
        page.does("hangUp()").await;
        assert_eq!(alice.is_over().await.by, Side::Them, "{library}");
    }
}

#[tokio::test]
async fn a_page_that_shows_a_picture_is_heard_and_its_picture_is_refused() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let mut page = Page::open(&server, "jssip").await;
    page.does("show('101')").await;
    alice.answers().await;
    page.is("talking").await;
    page.hears(alice.voice().hz()).await;
    comes_to_hear_page(&alice).await;
    assert_eq!(page.chromium.run("phone.picture()").await, "offered, refused");
    page.does("hangUp()").await;
    assert_eq!(alice.is_over().await.by, Side::Them);
}

/// Legs of a record that were answered, each with how it was heard.
fn heard_legs(record: &Value) -> usize {
    let legs = record["record"]["legs"].as_array().expect("legs");
    let heard = |leg: &&Value| !leg["answered_us"].is_null() && !leg["quality"].is_null();
    legs.iter().filter(heard).count()
}

#[tokio::test]
async fn a_page_calls_baresip_hears_its_tone_and_the_record_knows_how_both_were_heard() {
    let server: Server = house().await;
    let mut baresip = Baresip::answering(&account(&server, Carrier::Udp, "secret"), 700);
    assert_eq!(baresip.verdict().await, Verdict::Registered);
    let mut page = Page::open(&server, "jssip").await;
    page.dial("101").await;
    page.is("talking").await;
    page.hears(700).await;
    page.chromium.until("reports came", "phone.report().then((told) => told.reports > 0 && told.received > 300)").await;
    page.does("hangUp()").await;
    page.is("over").await;
    let told = records(&server, 1).await;
    assert_eq!(heard_legs(&told[0]), 2, "{}", json!(told[0]));
    baresip.quit().await;
}

#[tokio::test]
async fn baresip_calls_a_page_which_hears_its_tone() {
    let server: Server = house().await;
    let mut page = Page::open(&server, "sip").await;
    let mut baresip = Baresip::calling(&account(&server, Carrier::Udp, "secret"), 700, Keypad::Events);
    assert_eq!(baresip.verdict().await, Verdict::Registered);
    baresip.dial("103").await;
    page.is("talking").await;
    page.hears(700).await;
    page.does("hangUp()").await;
    page.is("over").await;
    let told = records(&server, 1).await;
    assert_eq!(told[0]["record"]["legs"][0]["account"]["endpoint"], "alice", "{told:#?}");
    baresip.quit().await;
}
