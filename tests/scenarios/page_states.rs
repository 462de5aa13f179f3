//! What the pages of browsers show in the midst of a talk, and how it ends for those that are closed, lose their socket or are slow
//! with their addresses.

use std::time::Duration;

use patchcord_lab::{Carrier, Lab, Model, Server, Side};

use crate::browsers::Page;
use crate::browsers::comes_to_hear_page as comes_to_hear_library;
use crate::calling::{at_home, house_with};
use crate::page_phones::{comes_to_hear_page, dashboard, dial, hears, is_over, presses, shows};
use crate::pages::{Door, house_of};
use crate::pressed::comes_to;
use crate::records::records;
use crate::setup;

const SILENT: &str = "fn on_invite(caller) { caller.answer(); caller.sleep(60.s()); }";

async fn house() -> (Server, Door) {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    let setup = setup().service("ivr", SILENT).toml(route).endpoint_with("alice", "secret", "number = \"150\"");
    house_of(setup.endpoint_with("bob", "secret", "number = \"151\"")).await
}

/// Whether the card of the talk says that the other side holds it.
const IS_HELD: &str = "[...document.querySelectorAll('.talk .badge')].some((one) => \
    one.textContent === 'on hold by the other side' && one.checkVisibility())";

#[tokio::test]
async fn a_page_shows_that_it_is_held_and_no_longer_and_a_phone_is_told_nothing_that_it_did_not_ask_for() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let mut page = dashboard(&door).await;
    alice.dial("100");
    shows(&mut page, "calls you").await;
    presses(&mut page, "Answer").await;
    shows(&mut page, "talks").await;
    hears(&mut page, alice.voice().hz()).await;
    assert_eq!(page.run(IS_HELD).await, false);
    page.run("window.holds = []; [...phone.talks.values()][0].onheld = (held) => holds.push(held); true").await;
    alice.holds().await;
    page.until("it shows that it is held", IS_HELD).await;
    alice.resumes().await;
    page.until("and that it is not", &format!("!({IS_HELD})")).await;
    // Who is handed on is not held by whom it talks with then.
    alice.holds().await;
    page.until("it is held again", IS_HELD).await;
    let (_, _) = tokio::join!(alice.transfers_to("151"), bob.answers());
    hears(&mut page, bob.voice().hz()).await;
    page.until("nobody holds it any more", &format!("!({IS_HELD})")).await;
    assert_eq!(page.run("holds.join()").await, "true,false,true,false");

    presses(&mut page, "Hold").await;
    shows(&mut page, "on hold").await;
    presses(&mut page, "Resume").await;
    shows(&mut page, "talks").await;
    comes_to_hear_page(&bob).await;
    assert!(!bob.heard().iter().any(|heard| heard.text().starts_with("INFO ")), "its music is all that it is told");
    bob.hangs_up().await;
    is_over(&mut page).await;
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_judges_no_sound_that_it_has_not_heard() {
    let (_server, door) = house().await;
    let mut page = dashboard(&door).await;
    dial(&mut page, "700").await;
    shows(&mut page, "talks").await;
    page.until(
        "it is measured",
        "document.querySelector('.talk .quality').textContent.startsWith('nothing was heard yet')",
    )
    .await;
    assert_eq!(page.run("[...phone.talks.values()][0].quality().then((told) => told.mos)").await, 0);
    presses(&mut page, "Hang up").await;
    is_over(&mut page).await;
}

#[tokio::test]
async fn on_a_narrow_screen_the_buttons_stand_in_one_line_and_a_transfer_asks_where_to_beside_them() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let mut page = dashboard(&door).await;
    page.narrow().await;
    dial(&mut page, "150").await;
    alice.answers().await;
    shows(&mut page, "talks").await;
    let lines = "new Set([...document.querySelectorAll('.talk .buttons button:not([hidden])')].map((one) => one.getBoundingClientRect().top)).size";
    assert_eq!(page.run(lines).await, 1, "all buttons of a talk stand in one line");
    presses(&mut page, "Transfer").await;
    assert_eq!(page.run("document.activeElement.matches('.talk .where input')").await, true, "it asks where to");
    page.run("document.activeElement.value = '151'; document.querySelector('.where').requestSubmit(); true").await;
    bob.answers().await;
    alice.comes_to_hear(&[&bob]).await;
    is_over(&mut page).await;
    alice.hangs_up().await;
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_that_closes_its_socket_is_told_that_the_talk_ended_with_it() {
    let (_server, door) = house().await;
    let mut page = dashboard(&door).await;
    dial(&mut page, "9196").await;
    shows(&mut page, "talks").await;
    page.run("[...phone.talks.values()][0].onended = (why) => (window.why = why); phone._socket.close(); true").await;
    page.until("it is over", "window.why?.code === 'lost'").await;
    assert_eq!(page.run("why.reason").await, "the connection was interrupted, and the talk ended with it");
}

/// A browser whose addresses come late: what `phone.js` sees of a connection has none at first, and each comes afterwards.
const LATE: &str = "window.sent = [];
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (text) { sent.push(JSON.parse(text)); return send.call(this, text); };
    const Real = RTCPeerConnection;
    window.RTCPeerConnection = class extends Real {
        get iceGatheringState() { return 'gathering'; }
        get localDescription() {
            const { type, sdp } = super.localDescription;
            return { type, sdp: sdp.replace(/a=(candidate|end-of-candidates).*\\r\\n/g, '') };
        }
        set onicecandidate(hear) { this.addEventListener('icecandidate', (event) => setTimeout(() => hear(event), 500)); }
    };
    true";

#[tokio::test]
async fn addresses_that_chromium_finds_late_follow_its_answer_and_the_server_takes_them() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let mut page = dashboard(&door).await;
    page.run(LATE).await;
    alice.dial("100");
    shows(&mut page, "calls you").await;
    presses(&mut page, "Answer").await;
    shows(&mut page, "talks").await;
    hears(&mut page, alice.voice().hz()).await;
    comes_to_hear_page(&alice).await;
    page.until(
        "an address has followed",
        "sent.some((said) => said.type === 'candidate' && /typ host/.test(said.candidate))",
    )
    .await;
    let answer = "sent.find((said) => said.type === 'answer').sdp";
    assert_eq!(page.run(&format!("/a=candidate/.test({answer})")).await, false, "none stood in the answer");
    alice.hangs_up().await;
    is_over(&mut page).await;
    records(&server, 1).await;
    let story = comes_to(&server, "INFO").await;
    assert!(story.contains("200 (INFO)"), "the server took them: {story}");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn browsers_of_either_library_that_are_killed_leave_their_calls_within_half_a_minute_and_the_record_says_why() {
    let server = house_with(setup().with_wss().endpoint_with("dave", "secret", "number = \"104\"")).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let door = format!("wss://{}", server.wss());
    let mut jssip = Page::open_by(&door, "jssip", ("carol", 2450)).await;
    let mut sip = Page::open_by(&door, "sip", ("dave", 2450)).await;
    for (page, number, phone) in [(&mut jssip, "101", &alice), (&mut sip, "102", &bob)] {
        page.dial(number).await;
        phone.answers().await;
        page.is("talking").await;
        page.hears(phone.voice().hz()).await;
        comes_to_hear_library(phone).await;
    }
    // The process is killed: nobody hangs up, and nothing says goodbye.
    drop((jssip, sip));
    let most_of_it = Duration::from_secs(20);
    tokio::join!(alice.listens(most_of_it), bob.listens(most_of_it));
    assert_eq!((alice.is_over().await.by, bob.is_over().await.by), (Side::Them, Side::Them));
    for told in records(&server, 2).await {
        let legs = told["record"]["legs"].as_array().expect("legs");
        let reasons: Vec<&str> = legs.iter().filter_map(|leg| leg["cause"]["reason"].as_str()).collect();
        let is_lost = |reason: &&str| reason.starts_with("the browser was not heard for 30 s");
        assert!(reasons.iter().any(is_lost), "{reasons:?} in {told:#}");
        assert_eq!(told["record"]["fault"], "network", "{told:#}");
    }
}
