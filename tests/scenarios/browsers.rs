//! Chromium with other people's phones in a page, JsSIP and SIP.js, by SIP over WebSocket: what is heard both ways, which keys
//! arrive, and how it ends.

use std::path::PathBuf;

use patchcord_lab::{Carrier, Chromium, Conduct, Handset, Lab, Model, Server, Side, eventually, serve_page};
use serde_json::{Value, json};

use crate::calling::{at_home, house_with};
use crate::records::records;
use crate::setup;

/// The phones that a page may be, by the name of their script.
pub const LIBRARIES: [&str; 2] = ["jssip", "sip"];

/// What the page's microphone says; no phone of the lab has this tone.
const MICROPHONE_HZ: u32 = 2450;

/// A tone that the page hears louder than this below full scale is there.
const AUDIBLE_DB: i32 = -50;

/// A page that is a phone of carol's (103).
pub struct Page {
    pub chromium: Chromium,
}

impl Page {
    /// Opens the page and registers, under TLS as pages of this world do.
    pub async fn open(server: &Server, library: &str) -> Self {
        Self::open_by(&format!("wss://{}", server.wss()), library, ("carol", MICROPHONE_HZ)).await
    }

    pub async fn open_by(door: &str, library: &str, (user, hz): (&str, u32)) -> Self {
        let address = serve_page(script(library)).await;
        let mut chromium = Chromium::start(hz).await;
        chromium.open(&address).await;
        let account = json!({
            "server": door, "user": user, "password": "secret", "domain": "127.0.0.1",
        });
        assert_eq!(chromium.run(&format!("phone.register({account})")).await, Value::Bool(true), "{library}");
        Self { chromium }
    }

    pub async fn dial(&mut self, number: &str) {
        self.chromium.run(&format!("phone.dial('{number}')")).await;
    }

    pub async fn is(&mut self, state: &str) {
        self.chromium.until(&format!("the page is {state}"), &format!("phone.state === '{state}'")).await;
    }

    pub async fn hears(&mut self, hz: u32) {
        let fact = format!("the page hears {hz} Hz");
        self.chromium.until(&fact, &format!("phone.level({hz}) > {AUDIBLE_DB}")).await;
    }

    pub async fn hears_nothing_of(&mut self, hz: u32) {
        let fact = format!("the page hears nothing of {hz} Hz");
        self.chromium.until(&fact, &format!("phone.level({hz}) < {AUDIBLE_DB} - 20")).await;
    }

    /// What getStats says, once reports came both ways.
    async fn report(&mut self) -> Value {
        let asked = "phone.report().then((told) => told.reports > 0 && told.received > 50)";
        self.chromium.until("reports came", asked).await;
        self.chromium.run("phone.report()").await
    }

    pub async fn does(&mut self, deed: &str) {
        self.chromium.run(&format!("Promise.resolve(phone.{deed}).then(() => true)")).await;
    }
}

/// What `./test` has put together of a phone and the face that is driven here.
fn script(library: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("target/browsers/{library}.js"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}; ./test makes it", path.display()))
}

pub async fn house() -> Server {
    house_with(setup().with_ws().with_wss()).await
}

pub async fn comes_to_hear_page(phone: &Handset) {
    let heard = async || {
        (phone.listens(std::time::Duration::from_millis(200)).await.tone(MICROPHONE_HZ.into()) > -30.0).then_some(())
    };
    eventually("the phone hears the page", heard).await;
}

#[tokio::test]
async fn a_page_hears_itself_from_the_echo_and_a_tone_from_the_tone() {
    let server = house().await;
    for library in LIBRARIES {
        let mut page = Page::open(&server, library).await;
        page.dial("9196").await;
        page.is("talking").await;
        page.hears(MICROPHONE_HZ).await;
        let told = page.report().await;
        assert_eq!((told["codec"].as_str(), told["lost"].as_i64()), (Some("audio/opus"), Some(0)), "{library}: {told}");
        page.does("hangUp()").await;
        page.is("over").await;

        page.dial("9197").await;
        page.is("talking").await;
        page.hears(1004).await;
        page.hears_nothing_of(MICROPHONE_HZ).await;
        page.does("hangUp()").await;
        page.is("over").await;
        assert_eq!(page.chromium.complaints(), Vec::<String>::new(), "{library}");
    }
}

#[tokio::test]
async fn a_page_and_a_phone_hear_each_other_whoever_calls_without_transcoding_and_with_quality_in_the_record() {
    let server = house().await;
    for (calls, library) in LIBRARIES.into_iter().enumerate() {
        let lab = Lab::open();
        let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
        let mut page = Page::open(&server, library).await;
        page.dial("101").await;
        alice.answers().await;
        page.is("talking").await;
        page.hears(alice.voice().hz()).await;
        comes_to_hear_page(&alice).await;
        let told = page.report().await;
        assert!(told["codec"].as_str().is_some_and(|codec| codec.starts_with("audio/PCM")), "{library}: {told}");
        alice.hangs_up().await;
        page.is("over").await;

        alice.dial("103");
        alice.is_answered().await;
        page.is("talking").await;
        page.hears(alice.voice().hz()).await;
        comes_to_hear_page(&alice).await;
        page.report().await;
        page.does("hangUp()").await;
        assert_eq!(alice.is_over().await.by, Side::Them, "{library}");

        let told = records(&server, 2 * (calls + 1)).await;
        for record in &told[..2] {
            // A phone of the lab that has gone without a word is called, too; it is not answered.
            let legs = record["record"]["legs"].as_array().expect("legs");
            let talked: Vec<_> = legs.iter().filter(|leg| !leg["answered_us"].is_null()).collect();
            assert_eq!(talked.len(), 2, "{record}");
            // The page was asked for reports; a short call may end before those of the phone come.
            let page = talked.iter().find(|leg| leg["account"]["endpoint"] == "carol").expect("the page's leg");
            assert!(page["quality"]["here"]["mos_hundredths"].as_u64() > Some(400), "{record}");
        }
    }
}

const READS_KEYS: &str = r#"
fn on_invite(caller) {
    caller.answer();
    let answer = caller.gather(#{ prompt: "tone::440", digits: 4, timeout: 15.s() });
    caller.tag("pressed", answer.digits);
}"#;

#[tokio::test]
async fn keys_of_a_page_reach_the_script() {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    let server = house_with(setup().with_wss().service("ivr", READS_KEYS).toml(route)).await;
    for (calls, library) in LIBRARIES.into_iter().enumerate() {
        let mut page = Page::open(&server, library).await;
        page.dial("700").await;
        page.is("talking").await;
        page.hears(440).await;
        page.does("press('42*7')").await;
        page.is("over").await;
        let told = records(&server, calls + 1).await;
        let tags = told[0]["record"]["tags"].as_array().expect("tags").clone();
        assert!(tags.contains(&json!(["pressed", "42*7"])), "{library}: {tags:?}");
    }
}

#[tokio::test]
async fn the_reception_puts_a_page_through_by_its_keys() {
    let server = house().await;
    for library in LIBRARIES {
        let lab = Lab::open();
        let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
        let mut page = Page::open(&server, library).await;
        page.dial("1000").await;
        page.is("talking").await;
        page.chromium.until("the reception speaks", "phone.report().then((told) => told.received > 20)").await;
        page.does("press('102')").await;
        bob.answers().await;
        page.hears(bob.voice().hz()).await;
        comes_to_hear_page(&bob).await;
        page.does("hangUp()").await;
        assert_eq!(bob.is_over().await.by, Side::Them, "{library}");
    }
}

#[tokio::test]
async fn a_page_may_hold_and_come_back_and_change_its_network() {
    let server = house().await;
    for library in LIBRARIES {
        let lab = Lab::open();
        let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
        let mut page = Page::open(&server, library).await;
        page.dial("101").await;
        alice.answers().await;
        page.is("talking").await;
        page.hears(alice.voice().hz()).await;
        page.does("hold()").await;
        page.hears_nothing_of(alice.voice().hz()).await;
        page.does("resume()").await;
        page.hears(alice.voice().hz()).await;
        comes_to_hear_page(&alice).await;
        page.does("restart()").await;
        page.hears(alice.voice().hz()).await;
        comes_to_hear_page(&alice).await;
        page.does("hangUp()").await;
        assert_eq!(alice.is_over().await.by, Side::Them, "{library}");
    }
}

#[tokio::test]
async fn a_page_that_is_loaded_anew_in_the_middle_of_a_call_leaves_it() {
    let server = house().await;
    for (calls, library) in LIBRARIES.into_iter().enumerate() {
        let lab = Lab::open();
        let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new().when_called(Conduct::Answer)).await;
        let mut page = Page::open(&server, library).await;
        page.dial("101").await;
        page.is("talking").await;
        page.hears(alice.voice().hz()).await;
        page.chromium.reload().await;
        assert_eq!(alice.is_over().await.by, Side::Them);
        let told = records(&server, calls + 1).await;
        assert_eq!(told[0]["record"]["legs"][0]["cause"]["reason"], "the browser closed its connection", "{told:#?}");
        assert_eq!(alice.registers_for(0).await, 200);
    }
}

#[tokio::test]
async fn two_pages_hear_each_other_in_the_codec_of_browsers() {
    let server = house().await;
    let door = format!("ws://{}", server.ws());
    let mut alice = Page::open_by(&door, "sip", ("alice", 1870)).await;
    let mut carol = Page::open(&server, "jssip").await;
    carol.dial("101").await;
    carol.is("talking").await;
    alice.is("talking").await;
    carol.hears(1870).await;
    alice.hears(MICROPHONE_HZ).await;
    for page in [&mut alice, &mut carol] {
        let told = page.report().await;
        assert_eq!(told["codec"].as_str(), Some("audio/opus"), "{told}");
    }
    alice.does("hangUp()").await;
    carol.is("over").await;
}

#[tokio::test]
async fn pages_speak_in_the_clear_as_well() {
    let server = house().await;
    for library in LIBRARIES {
        let mut page = Page::open_by(&format!("ws://{}", server.ws()), library, ("carol", MICROPHONE_HZ)).await;
        page.dial("9197").await;
        page.is("talking").await;
        page.hears(1004).await;
        page.does("hangUp()").await;
        page.is("over").await;
    }
}

#[tokio::test]
async fn a_page_that_shows_another_certificate_than_it_described_is_refused_and_the_record_says_why() {
    let server = house().await;
    let mut page = Page::open(&server, "jssip").await;
    let twist = "phone.twist = (sdp) => sdp.replace(/(fingerprint:sha-256 )(..)/, (all, head, byte) => head + (byte === '00' ? '01' : '00'))";
    page.chromium.run(&format!("{twist}; true")).await;
    page.dial("9197").await;
    page.is("over").await;
    let told = records(&server, 1).await;
    let legs = told[0]["record"]["legs"].as_array().expect("legs");
    let reason = legs[0]["cause"]["reason"].as_str().unwrap_or_default();
    assert_eq!(reason, "the browser's certificate is not the one it described", "{told:#?}");
    assert_eq!(told[0]["record"]["fault"], "caller", "{told:#?}");
    let sentence = told[0]["sentence"].as_str().unwrap_or_default();
    assert!(sentence.contains("the browser's certificate is not the one it described (the fault of"), "{sentence}");
}

#[tokio::test]
async fn a_flood_at_the_door_of_browsers_costs_no_memory_and_no_sound() {
    let mut server = house().await;
    let mut page = Page::open(&server, "jssip").await;
    page.dial("9197").await;
    page.is("talking").await;
    page.hears(1004).await;
    let port = page.chromium.run("Number(/m=audio (\\d+)/.exec(phone.connection.remoteDescription.sdp)[1])").await;
    let door = format!("127.0.0.1:{port}");
    let mallory = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let check = {
        // A check for nobody: marked, named, with a proof and a fingerprint of whatever bytes.
        let mut check = vec![0, 1, 0, 48, 0x21, 0x12, 0xa4, 0x42];
        check.resize(68, 7);
        check
    };
    let (handshake, sound) = (vec![22; 200], vec![0x80; 172]);
    let before = server.resident_kib();
    for round in 0..60_000_u32 {
        let mut check = check.clone();
        check[8..12].copy_from_slice(&round.to_be_bytes());
        for datagram in [&check, &handshake, &sound] {
            // What the socket has no room for is lost on the way.
            let _ = mallory.send_to(datagram, &door);
        }
    }
    page.hears(1004).await;
    let after = server.resident_kib();
    assert!(after < before + 8 * 1024, "{before} KiB became {after} KiB");
    let told = page.report().await;
    assert!(told["received"].as_u64() > Some(50), "{told}");
}
