//! Pictures between pages and phones: seen both ways, refused where one side has none, taken up and left in the midst of a talk.

use patchcord_lab::{Account, Baresip, Carrier, Flow, Lab, Model, Server, Verdict};
use serde_json::Value;

use crate::browsers::{Page, house};
use crate::calling::at_home;
use crate::flows::both;
use crate::records::records;

/// Pictures that a page must have seen for a video to have been one.
const SOME: u32 = 20;

/// A page of that person's, with a camera or without.
pub async fn page(server: &Server, user: &str, hz: u32, has_camera: bool) -> Page {
    let mut page = Page::open_by(&format!("ws://{}", server.ws()), "jssip", (user, hz)).await;
    if has_camera {
        page.does("film()").await;
    }
    page
}

impl Page {
    /// Sees pictures of the other side that were not there before.
    pub async fn sees(&mut self, who: &str) {
        let before = self.chromium.run("phone.pictures()").await["seen"].as_u64().unwrap_or_default();
        let asked = format!("phone.pictures().then((told) => told.seen > {before} + {SOME} && told.width > 0)");
        self.chromium.until(&format!("{who} is seen"), &asked).await;
    }
}

/// Alice and bob, each with a camera, talk and see each other.
pub async fn seen_both_ways(server: &Server) -> (Page, Page) {
    let mut alice = page(server, "alice", 1210, true).await;
    let mut bob = page(server, "bob", 1730, true).await;
    alice.dial("102").await;
    for page in [&mut alice, &mut bob] {
        page.is("talking").await;
    }
    alice.sees("bob").await;
    bob.sees("alice").await;
    (alice, bob)
}

#[tokio::test]
async fn two_pages_see_and_hear_each_other_and_the_record_knows_of_the_video() {
    let server = house().await;
    let (mut alice, mut bob) = seen_both_ways(&server).await;
    alice.hears(1730).await;
    bob.hears(1210).await;
    let told = alice.chromium.run("phone.pictures()").await;
    assert_eq!(told["codec"], "video/VP8", "{told}");
    assert!(told["asked"].as_u64() > Some(0), "a whole picture is asked for at the beginning: {told}");

    // Who was on hold is seen again.
    alice.does("hold()").await;
    alice.hears_nothing_of(1730).await;
    // While it waits for what its last offer comes to, it makes no other.
    alice.chromium.until("the page comes back", "phone.resume()").await;
    alice.hears(1730).await;
    bob.sees("alice").await;
    alice.sees("bob").await;
    alice.does("hangUp()").await;
    bob.is("over").await;
    let told = records(&server, 1).await;
    let journal = server
        .json(&["calls", "show", told[0]["record"]["call"].as_str().expect("its name"), "--json"])
        .await
        .to_string();
    assert!(journal.contains("VP8"), "{journal}");
    for page in [alice, bob] {
        assert_eq!(page.chromium.complaints(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_page_without_a_camera_or_a_phone_is_talked_with_and_a_service_shows_nothing() {
    let server = house().await;
    let lab = Lab::open();
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    let mut alice = page(&server, "alice", 1210, true).await;
    alice.dial("102").await;
    bob.answers().await;
    alice.is("talking").await;
    alice.hears(bob.voice().hz()).await;
    assert_eq!(alice.chromium.run("phone.picture()").await, "offered, refused");
    alice.does("hangUp()").await;
    alice.is("over").await;
    alice.dial("9196").await;
    alice.is("talking").await;
    alice.hears(1210).await;
    assert_eq!(alice.chromium.run("phone.picture()").await, "offered, refused");
}

#[tokio::test]
async fn who_takes_a_camera_in_the_midst_of_a_talk_is_seen() {
    let server = house().await;
    let mut alice = page(&server, "alice", 1210, false).await;
    let mut bob = page(&server, "bob", 1730, false).await;
    alice.dial("102").await;
    alice.is("talking").await;
    bob.is("talking").await;
    bob.hears(1210).await;
    alice.does("showNow()").await;
    bob.sees("alice").await;
    bob.hears(1210).await;
    assert_eq!(bob.chromium.run("phone.state").await, Value::from("talking"));
}

#[tokio::test]
async fn a_page_and_baresip_see_each_other() {
    let server = house().await;
    let account =
        Account { carrier: Carrier::Udp, server: server.address(Carrier::Udp), user: "bob", password: "secret" };
    sees_and_shows(&server, Baresip::filming(&account, 700)).await;
}

/// Alice's page calls Bob, a baresip that films and says 700 Hz: she sees and hears him, and he asks for her pictures.
pub async fn sees_and_shows(server: &Server, mut bob: Baresip) {
    assert_eq!(bob.verdict().await, Verdict::Registered);
    let mut alice = page(server, "alice", 1210, true).await;
    alice.dial("102").await;
    alice.is("talking").await;
    alice.hears(700).await;
    alice.sees("bob").await;
    assert_eq!(alice.chromium.run("phone.picture()").await, "offered, taken");
    let sent = format!("phone.pictures().then((told) => told.sent > {SOME} && told.asked > 0)");
    alice.chromium.until("alice shows pictures, and was asked for a whole one", &sent).await;
    alice.does("hangUp()").await;
    bob.quit().await;
}

/// A line of pictures that may be packed in two ways.
const CAMERA: &str = "m=video 6000 RTP/AVP 96 97\na=rtpmap:96 H264/90000\na=fmtp:96 profile-level-id=42e01f\n\
                      a=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1\n";

/// What takes one of these.
const TAKEN: &str = "m=video 6002 RTP/AVP 97\na=rtpmap:97 H264/90000\n\
                     a=fmtp:97 packetization-mode=1;profile-level-id=42e00c\n";

fn with(line: &str) -> String {
    Flow::sound().to_owned() + line
}

#[tokio::test]
async fn a_phone_is_offered_the_callers_pictures_and_the_caller_gets_what_it_took() {
    let called = Flow::called_with("m=video [1-9][0-9]* RTP/AVP 96 97").answers("180 Ringing", "", "");
    both(
        |alice| {
            let rings = Flow::calls_with(alice, "77", "", &with(CAMERA)).hears(180);
            rings.hears_with(200, "m=video [1-9][0-9]* RTP/AVP 97").ack().waits(100).hangs_up()
        },
        called.answers("200 OK", "", &with(TAKEN)).is_asked("ACK").is_hung_up(),
    )
    .await;
}

#[tokio::test]
async fn a_phone_that_does_not_take_them_leaves_the_caller_without() {
    let called = Flow::called_with("m=video [1-9]").answers("180 Ringing", "", "");
    both(
        |alice| {
            let rings = Flow::calls_with(alice, "77", "", &with(CAMERA)).hears(180);
            rings.hears_with(200, "m=video 0 ").ack().waits(100).hangs_up()
        },
        called.answers("200 OK", "", &with("m=video 0 RTP/AVP 96\n")).is_asked("ACK").is_hung_up(),
    )
    .await;
}

#[tokio::test]
async fn pictures_are_taken_up_and_left_in_the_midst_of_a_talk() {
    let answered = Flow::called().answers("180 Ringing", "", "").answers("200 OK", "", Flow::sound()).is_asked("ACK");
    let sees = answered.is_asked_with("INVITE", "m=video [1-9][0-9]* RTP/AVP 96 97");
    let sees = sees.says_with("200 OK", "", &with(TAKEN)).is_asked("ACK");
    let is_left = sees.is_asked_with("INVITE", "a=inactive");
    let is_left = is_left.says_with("200 OK", "", &with(&format!("{TAKEN}a=inactive\n"))).is_asked("ACK");
    both(
        |alice| {
            let talks = Flow::calls(alice, "77").hears(180).hears(200).ack().waits(100);
            let shows = talks.asks("INVITE", "", &with(CAMERA)).hears_with(200, "m=video [1-9][0-9]* RTP/AVP 97").ack();
            let leaves = shows.waits(200).asks("INVITE", "", &with("m=video 0 RTP/AVP 97\n"));
            leaves.hears_with(200, "m=video 0 ").ack().waits(300).hangs_up()
        },
        is_left.is_hung_up(),
    )
    .await;
}

#[tokio::test]
async fn pictures_that_the_other_phone_refuses_in_the_midst_of_a_talk_are_refused() {
    let answered = Flow::called().answers("180 Ringing", "", "").answers("200 OK", "", Flow::sound()).is_asked("ACK");
    let refuses = answered.is_asked_with("INVITE", "m=video [1-9]").says("488 Not Acceptable Here").is_asked("ACK");
    both(
        |alice| {
            let talks = Flow::calls(alice, "77").hears(180).hears(200).ack().waits(100);
            talks.asks("INVITE", "", &with(CAMERA)).hears_with(200, "m=video 0 ").ack().waits(100).hangs_up()
        },
        refuses.is_hung_up(),
    )
    .await;
}
