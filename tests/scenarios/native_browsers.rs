//! A browser that is none of ours and no Chromium: the `webrtc` crate under the JSON of a page. Who hears whom in which codec
//! and how it ends; where the server offers, its side of ICE is full and decides.

use crate::browsers::Page;
use crate::calling::at_home;
use crate::pages::{Door, house_of};
use crate::records::records;
use crate::setup;
use patchcord_lab::{Carrier, Handset, Kind, Lab, Model, Native, Server, Voice, eventually};

/// A server with alice (150), and the admin (100) whose phone is a page.
async fn house() -> (Server, Door) {
    let told = setup().with_ws().endpoint_with("alice", "secret", "number = \"150\"");
    let (server, door) = house_of(told).await;
    // Whoever opens the phone's page has an endpoint from then on.
    door.page("/phone").await;
    (server, door)
}

async fn browser(door: &Door, lab: &Lab, codec: Kind) -> Native {
    Native::connect(door.web, &door.cookie, lab.voice("native"), codec).await
}

async fn comes_to_hear(phone: &Handset, voice: &Voice) {
    let piece = std::time::Duration::from_millis(200);
    let heard = async || (phone.listens(piece).await.tone(voice.hz().into()) > -30.0).then_some(());
    eventually("the phone hears the native browser", heard).await;
}

#[tokio::test]
async fn it_hears_itself_from_the_echo_in_either_codec_and_after_a_change_of_its_network() {
    let (server, door) = house().await;
    let lab = Lab::open();
    for (calls, codec) in [Kind::Opus, Kind::Pcmu].into_iter().enumerate() {
        let mut native = browser(&door, &lab, codec).await;
        let hz = native.voice().hz();
        native.dial("9196").await;
        native.is_connected().await;
        native.comes_to_hear(hz).await;
        native.restarts().await;
        native.comes_to_hear(hz).await;
        native.hangs_up().await;
        let told = records(&server, calls + 1).await;
        let legs = told[0]["record"]["legs"].as_array().expect("legs");
        assert!(!legs[0]["answered_us"].is_null(), "{told:#?}");
    }
}

#[tokio::test]
async fn it_and_chromium_hear_each_other_whoever_calls() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let mut native = browser(&door, &lab, Kind::Opus).await;
    let mut page = Page::open_by(&format!("ws://{}", server.ws()), "jssip", ("alice", 1870)).await;
    native.dial("150").await;
    page.is("talking").await;
    page.hears(native.voice().hz()).await;
    native.comes_to_hear(1870).await;
    native.hangs_up().await;
    page.is("over").await;

    page.dial("100").await;
    native.answers().await;
    page.is("talking").await;
    page.hears(native.voice().hz()).await;
    native.comes_to_hear(1870).await;
    page.does("hangUp()").await;
    assert_eq!(native.is_over().await, "hung_up");
}

#[tokio::test]
async fn one_click_calls_the_browser_first_and_then_the_phone() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let mut native = browser(&door, &lab, Kind::Opus).await;
    server.json(&["originate", "browser:admin", "--dial", "150", "--json"]).await;
    native.answers().await;
    alice.answers().await;
    native.is_connected().await;
    native.comes_to_hear(alice.voice().hz()).await;
    comes_to_hear(&alice, native.voice()).await;
    alice.hangs_up().await;
    assert_eq!(native.is_over().await, "hung_up");
}
