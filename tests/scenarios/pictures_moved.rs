//! What becomes of pictures when their talk goes elsewhere: to another page, to a phone that has none, into a room; and pictures
//! of a phone that keeps them safe by keys in its description.

use patchcord_lab::{Account, Baresip, Carrier, Handset, Lab, Model, eventually};

use crate::browsers::{Page, house};
use crate::calling::at_home;
use crate::setup;
use crate::videos::{page, seen_both_ways, sees_and_shows};

impl Page {
    /// Its line of pictures stands still: nobody is shown, and nobody is filmed for.
    async fn shows_nobody(&mut self, who: &str) {
        let directions = "phone.connection.getTransceivers().filter((it) => it.receiver.track.kind === 'video')\
                          .map((it) => it.currentDirection)";
        let fact = format!("{who} is shown nobody any more");
        self.chromium.until(&fact, &format!("{directions}.every((it) => it === 'inactive' || it === 'stopped')")).await;
    }
}

async fn comes_to_hear(phone: &Handset, hz: u32) {
    let piece = std::time::Duration::from_millis(200);
    let heard = async || (phone.listens(piece).await.tone(hz.into()) > -30.0).then_some(());
    eventually(&format!("the phone hears {hz} Hz"), heard).await;
}

#[tokio::test]
async fn who_is_handed_on_to_another_page_sees_that_one() {
    let server = house().await;
    let (mut alice, mut bob) = seen_both_ways(&server).await;
    let mut carol = page(&server, "carol", 2110, true).await;
    alice.chromium.run("window.moved = phone.transfer('103'); true").await;
    carol.is("talking").await;
    bob.hears(2110).await;
    carol.hears(1730).await;
    bob.sees("carol").await;
    carol.sees("bob").await;
    assert_eq!(alice.chromium.run("moved").await, 200);
    alice.is("over").await;
    bob.does("hangUp()").await;
    carol.is("over").await;
}

#[tokio::test]
async fn who_is_handed_on_after_a_question_sees_whoever_was_asked() {
    let server = house().await;
    let (mut alice, mut bob) = seen_both_ways(&server).await;
    let mut carol = page(&server, "carol", 2110, true).await;
    alice.does("hold()").await;
    alice.chromium.run("phone.aside(); true").await;
    alice.dial("103").await;
    carol.is("talking").await;
    alice.sees("carol").await;
    alice.chromium.run("window.moved = phone.transferFirst(); true").await;
    bob.hears(2110).await;
    carol.hears(1730).await;
    bob.sees("carol").await;
    carol.sees("bob").await;
    assert_eq!(alice.chromium.run("moved").await, 200);
    carol.does("hangUp()").await;
    bob.is("over").await;
}

#[tokio::test]
async fn who_is_handed_on_to_a_phone_without_pictures_talks_with_it_and_is_shown_nobody() {
    let server = house().await;
    let lab = Lab::open();
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    let (mut alice, mut bob) = seen_both_ways(&server).await;
    alice.chromium.run("window.moved = phone.transfer('103'); true").await;
    carol.answers().await;
    bob.hears(carol.voice().hz()).await;
    comes_to_hear(&carol, 1730).await;
    bob.shows_nobody("bob").await;
    assert_eq!(alice.chromium.run("moved").await, 200);
    // The sound went on behind the offer that took the pictures away.
    bob.hears(carol.voice().hz()).await;
    comes_to_hear(&carol, 1730).await;
    bob.does("hangUp()").await;
    carol.is_over().await;
}

#[tokio::test]
async fn a_room_has_no_pictures_and_its_members_are_heard_however_they_came() {
    let server = house().await;
    let lab = Lab::open();
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    carol.dial("3000");
    carol.is_answered().await;
    let (mut alice, mut bob) = seen_both_ways(&server).await;
    // Out of a talk with pictures: they are taken away, and the sound goes on.
    alice.chromium.run("window.moved = phone.transfer('3000'); true").await;
    bob.hears(carol.voice().hz()).await;
    comes_to_hear(&carol, 1730).await;
    bob.shows_nobody("bob").await;
    assert_eq!(alice.chromium.run("moved").await, 200);
    alice.is("over").await;
    // By a call of its own: they are declined.
    alice.dial("3000").await;
    alice.is("talking").await;
    assert_eq!(alice.chromium.run("phone.picture()").await, "offered, refused");
    alice.hears(1730).await;
    alice.hears(carol.voice().hz()).await;
    bob.hears(1210).await;
    comes_to_hear(&carol, 1210).await;
    for page in [&mut alice, &mut bob] {
        page.does("hangUp()").await;
    }
    carol.hangs_up().await;
}

#[tokio::test]
async fn a_page_and_a_phone_with_keys_in_its_description_see_each_other() {
    let people = setup().with_ws().endpoint_with("alice", "secret", "number = \"101\"");
    let server = people.endpoint_with("bob", "secret", "number = \"102\"\nsrtp = \"required\"").start().await;
    let account =
        Account { carrier: Carrier::Udp, server: server.address(Carrier::Udp), user: "bob", password: "secret" };
    sees_and_shows(&server, Baresip::filming_safely(&account, 700)).await;
}
