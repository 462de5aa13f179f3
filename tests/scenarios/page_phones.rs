//! The phone of the dashboard and the module on somebody else's site, in Chromium: who hears whom, what the page shows, and how it
//! ends when a page is loaded anew or loses its socket.

use patchcord_lab::{Carrier, Chromium, Handset, Lab, Model, Server, Side, eventually, serve_html, serve_page};
use serde_json::{Value, json};

use crate::calling::at_home;
use crate::pages::{Door, house_of};
use crate::records::records;
use crate::setup;

/// What the page's microphone says.
pub const MICROPHONE_HZ: u32 = 2450;

/// A tone that is louder than this below full scale is there.
const AUDIBLE_DB: i32 = -50;

/// Gives `window.level(hz)`: how loud a tone is in what the first talk of `phone` hears, in decibels.
pub const EAR: &str = "window.level = (hz) => {
    const talk = [...phone.talks.values()][0];
    if (!talk?.remote) return -200;
    if (window.heardOf !== talk) {
        window.heardOf = talk;
        window.ears ??= new AudioContext();
        window.ear = Object.assign(ears.createAnalyser(), { fftSize: 8192, smoothingTimeConstant: 0 });
        ears.createMediaStreamSource(talk.remote).connect(ear);
    }
    const bins = new Float32Array(ear.frequencyBinCount);
    ear.getFloatFrequencyData(bins);
    const at = Math.round(hz * ear.fftSize / ears.sampleRate);
    return Math.max(...bins.slice(at - 2, at + 3));
}; true";

/// A browser in which the admin is logged in, and whose microphone says that tone.
pub async fn tab(door: &Door, hz: u32) -> Chromium {
    let mut page = Chromium::start(hz).await;
    log_in(&mut page, door).await;
    page
}

/// The admin logs in.
pub async fn log_in(page: &mut Chromium, door: &Door) {
    page.open(&format!("http://{}/login", door.web)).await;
    let login = format!(
        "fetch('/login', {{ method: 'POST', body: new URLSearchParams({{ name: 'admin', password: '{}' }}) }}).then((told) => told.ok)",
        door.password
    );
    assert_eq!(page.run(&login).await, true);
    door.has_phone().await;
}

/// The dashboard's phone, with the admin logged in.
pub async fn dashboard(door: &Door) -> Chromium {
    let mut page = tab(door, MICROPHONE_HZ).await;
    page.open(&format!("http://{}/phone", door.web)).await;
    ready(&mut page).await;
    page
}

pub async fn ready(page: &mut Chromium) {
    page.until("the phone is ready", "document.getElementById('phone-state')?.textContent === 'ready'").await;
    page.run(EAR).await;
}

pub async fn dial(page: &mut Chromium, number: &str) {
    let dial = format!(
        "document.getElementById('number').value = '{number}'; document.getElementById('dial').requestSubmit(); true"
    );
    page.run(&dial).await;
}

pub async fn shows(page: &mut Chromium, state: &str) {
    let fact = format!("the page shows that it {state}");
    page.until(&fact, &format!("document.querySelector('.talk .badge')?.textContent === '{state}'")).await;
}

pub async fn hears(page: &mut Chromium, hz: u32) {
    page.until(&format!("the page hears {hz} Hz"), &format!("level({hz}) > {AUDIBLE_DB}")).await;
}

pub async fn presses(page: &mut Chromium, button: &str) {
    let press = format!(
        "[...document.querySelectorAll('.talk button')].find((one) => one.textContent === '{button}').click(); true"
    );
    page.run(&press).await;
}

pub async fn is_over(page: &mut Chromium) {
    page.until("no talk is left", "phone.talks.size === 0").await;
}

pub async fn comes_to_hear_page(phone: &Handset) {
    let heard = async || {
        (phone.listens(std::time::Duration::from_millis(200)).await.tone(MICROPHONE_HZ.into()) > -30.0).then_some(())
    };
    eventually("the phone hears the page", heard).await;
}

pub async fn hears_page_no_more(phone: &Handset) {
    let silent = async || {
        (phone.listens(std::time::Duration::from_millis(200)).await.tone(MICROPHONE_HZ.into()) < -60.0).then_some(())
    };
    eventually("the phone hears nothing of the page", silent).await;
}

async fn house() -> (Server, Door) {
    house_of(setup().endpoint_with("alice", "secret", "number = \"150\"")).await
}

#[tokio::test]
async fn a_fresh_servers_admin_opens_the_phone_calls_the_echo_and_hears_himself() {
    let (_server, door) = house().await;
    let mut page = dashboard(&door).await;
    dial(&mut page, "9196").await;
    shows(&mut page, "talks").await;
    hears(&mut page, MICROPHONE_HZ).await;
    presses(&mut page, "Mute").await;
    page.until("nothing comes back of who is muted", &format!("level({MICROPHONE_HZ}) < {AUDIBLE_DB} - 20")).await;
    presses(&mut page, "Unmute").await;
    hears(&mut page, MICROPHONE_HZ).await;
    page.until("how it sounds is shown", "/quality [1-4]/.test(document.querySelector('.talk .quality').textContent)")
        .await;
    let there = "/you sound [1-4].* of 4.5 there/.test(document.querySelector('.talk .quality').textContent)";
    page.until("how it is heard at the other end is shown", there).await;
    presses(&mut page, "Hang up").await;
    is_over(&mut page).await;
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_and_a_phone_ring_and_hear_each_other_and_a_page_that_is_loaded_anew_has_hung_up() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let mut page = dashboard(&door).await;

    alice.dial("100");
    shows(&mut page, "calls you").await;
    presses(&mut page, "Answer").await;
    shows(&mut page, "talks").await;
    hears(&mut page, alice.voice().hz()).await;
    comes_to_hear_page(&alice).await;
    presses(&mut page, "Hold").await;
    shows(&mut page, "on hold").await;
    presses(&mut page, "Resume").await;
    shows(&mut page, "talks").await;
    hears(&mut page, alice.voice().hz()).await;
    page.reload().await;
    assert_eq!(alice.is_over().await.by, Side::Them);

    ready(&mut page).await;
    dial(&mut page, "150").await;
    alice.answers().await;
    hears(&mut page, alice.voice().hz()).await;
    alice.hangs_up().await;
    is_over(&mut page).await;
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_that_loses_its_socket_goes_on_talking() {
    let (_server, door) = house().await;
    let mut page = dashboard(&door).await;
    dial(&mut page, "9196").await;
    shows(&mut page, "talks").await;
    hears(&mut page, MICROPHONE_HZ).await;
    page.run("window.losses = 0; phone.onlost = () => losses += 1; phone._socket.close(4000); true").await;
    page.until("it notices and comes back", "losses === 1 && phone.connected").await;
    assert_eq!(page.run("phone.talks.size").await, 1);
    hears(&mut page, MICROPHONE_HZ).await;

    // Another network: the sound finds its way anew.
    let name = "/a=ice-ufrag:(.*)/.exec([...phone.talks.values()][0].pc.remoteDescription.sdp)[1]";
    page.run(&format!("window.before = {name}; dispatchEvent(new Event('online')); true")).await;
    page.until("the way of the sound is another", &format!("losses === 2 && phone.connected && {name} !== before"))
        .await;
    hears(&mut page, MICROPHONE_HZ).await;
    presses(&mut page, "Hang up").await;
    is_over(&mut page).await;
}

#[tokio::test]
async fn a_button_on_somebody_elses_page_calls_the_number_of_its_token() {
    let (_server, door) = house_of(setup().web("origins = [\"*\"]")).await;
    let minted = door.token(json!({ "kind": "browser", "numbers": ["9196"], "expires": 60, "name": "Shop" })).await;
    let script = format!(
        "window.call = async (number) => {{
            const {{ Patchcord }} = await import('http://{}/phone.js');
            window.phone ??= await Patchcord.connect({{ token: {} }});
            window.talk = await phone.dial(number);
            talk.onended = (why) => (window.why = why);
            return true;
        }};",
        door.web, minted["token"]
    );
    let site = serve_page(script).await;
    let mut page = Chromium::start(MICROPHONE_HZ).await;
    page.open(&site).await;
    assert_eq!(page.run("call('9196')").await, Value::Bool(true));
    page.run(EAR).await;
    page.until("it talks", "talk.state === 'talking'").await;
    hears(&mut page, MICROPHONE_HZ).await;
    page.run("talk.hangup(); true").await;
    page.run("call('1000')").await;
    page.until("it is told why not", "why?.code === 'forbidden'").await;
    assert_eq!(page.run("why.reason").await, "the token is for other numbers");
}

#[tokio::test]
async fn a_page_calls_by_a_token_that_a_service_makes_for_it_within_its_manifest() {
    let text = "fn on_web(req) { #{ json: token::for_browser(#{ numbers: req.query.number, expires: 10.min() }) } }";
    let setup = setup().web("origins = [\"*\"]").service("clicks", text);
    let (_server, door) = house_of(setup.service("clicks.toml", "guests = [\"9196\"]\n")).await;
    let program = door.token(json!({ "name": "shop", "scopes": ["services:ask"] })).await;
    let headers = format!("Authorization: Bearer {}\r\n", program["token"].as_str().expect("a token"));
    let refused = door.ask("POST", "/services/clicks?number=1000", &headers, "").await;
    assert!(refused.starts_with("HTTP/1.1 5"), "the manifest does not name 1000: {refused}");
    let answer = door.ask("POST", "/services/clicks?number=9196", &headers, "").await;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let made: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    let mut page = button_of_the_manual(&door, made["token"].as_str().expect("a token")).await;
    click(&mut page).await;
    button_says(&mut page, "talking").await;
    click(&mut page).await;
    button_says(&mut page, "Call again (ended here)").await;
}

/// The page that the manual tells to write, with its example's names replaced by ours.
fn page_of_the_manual(web: std::net::SocketAddr, token: &str, number: &str) -> String {
    let manual = include_str!("../../docs/browsers.md");
    let page = manual.split("```html\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a page");
    let names = [
        ("https://pbx.example.org:8443", format!("http://{web}")),
        ("pbt_…", token.to_owned()),
        ("\"1000\"", format!("\"{number}\"")),
    ];
    names.iter().fold(page.to_owned(), |page, (name, ours)| {
        assert!(page.contains(name), "{name} stands in {page}");
        page.replace(name, ours)
    })
}

/// Somebody's page with the manual's button, as visitors have it before them.
async fn button_of_the_manual(door: &Door, token: &str) -> Chromium {
    let written = page_of_the_manual(door.web, token, "9196");
    assert!(written.trim().lines().count() <= 16, "about ten lines beside the frame: {written}");
    let site = serve_html(format!("<!doctype html><meta charset=utf-8>{written}")).await;
    let mut page = Chromium::start(MICROPHONE_HZ).await;
    page.open(&site).await;
    // The page keeps its connection to itself.
    let watched = "const Real = RTCPeerConnection; \
                   window.RTCPeerConnection = function (...told) { return (window.pc = new Real(...told)); }; true";
    page.run(watched).await;
    page
}

async fn click(page: &mut Chromium) {
    page.until("the button can be pressed", "!document.getElementById('call').disabled").await;
    page.run("document.getElementById('call').click(); true").await;
}

async fn button_says(page: &mut Chromium, text: &str) {
    page.until(
        &format!("the button says {text}"),
        &format!("document.getElementById('call').textContent === '{text}'"),
    )
    .await;
}

#[tokio::test]
async fn the_call_button_of_the_manual_calls_is_heard_hangs_up_and_calls_again() {
    let (server, door) = house_of(setup().web("origins = [\"*\"]")).await;
    let wish = json!({ "kind": "browser", "numbers": ["9196"], "expires": 300, "calls": 1, "name": "Shop" });
    let minted = door.token(wish).await;
    let mut page = button_of_the_manual(&door, minted["token"].as_str().expect("a token")).await;
    for _ in 0..2 {
        click(&mut page).await;
        button_says(&mut page, "talking").await;
        let heard = "pc.getStats().then((told) => [...told.values()].some((one) => one.totalAudioEnergy > 0.001 && one.type === 'inbound-rtp'))";
        page.until("the echo is heard", heard).await;
        click(&mut page).await;
        button_says(&mut page, "Call again (ended here)").await;
    }
    assert_eq!(page.complaints(), Vec::<String>::new());
    // Whoever presses the button hangs up: nothing broke off.
    for told in records(&server, 2).await {
        let cause = &told["record"]["legs"][0]["cause"];
        assert_eq!((&cause["by"], &cause["reason"]), (&json!("caller"), &Value::Null), "{told:#}");
    }
}

#[tokio::test]
async fn a_token_that_has_lapsed_is_refused_and_the_call_button_of_the_manual_says_so() {
    let (_server, door) = house_of(setup().web("origins = [\"*\"]")).await;
    let minted = door.token(json!({ "kind": "browser", "numbers": ["9196"], "expires": 1, "name": "Shop" })).await;
    let mut page = button_of_the_manual(&door, minted["token"].as_str().expect("a token")).await;
    let refused = format!(
        "import('http://{}/phone.js').then(({{ Patchcord }}) => Patchcord.connect({{ token: {} }}))\
         .then((phone) => phone.close(), (error) => (window.refused = error.code)).then(() => window.refused === 'token')",
        door.web, minted["token"]
    );
    page.until("the token has lapsed", &refused).await;
    click(&mut page).await;
    button_says(&mut page, "No call: the token has lapsed").await;
    click(&mut page).await;
    button_says(&mut page, "No call: the token has lapsed").await;
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn a_site_that_the_server_does_not_know_is_told_what_has_to_be_written_there() {
    let (_server, door) = house_of(setup()).await;
    let minted = door.token(json!({ "kind": "browser", "numbers": ["9196"], "expires": 300, "name": "Shop" })).await;
    let mut page = button_of_the_manual(&door, minted["token"].as_str().expect("a token")).await;
    // It is told by the error, however long the socket takes to close.
    page.run("Object.defineProperty(WebSocket.prototype, 'onclose', { set() {} }); true").await;
    click(&mut page).await;
    let site = page.run("location.origin").await;
    let told = format!(
        "No call: pages of {} may open no socket here; on the server, write origins = [\"{0}\"] in [web]",
        site.as_str().expect("a site")
    );
    button_says(&mut page, &told).await;
}

/// Presses the button of the check, and what it comes to.
async fn checks(page: &mut Chromium, door: &Door, beforehand: &str) -> Value {
    page.open(&format!("http://{}/phone/check", door.web)).await;
    page.run(&format!("{beforehand}; document.getElementById('begin').click(); true")).await;
    page.until("it comes to an end", "/good|bad/.test(document.getElementById('verdict').className)").await;
    page.run("document.getElementById('verdict').textContent").await
}

#[tokio::test]
async fn the_check_finds_that_everything_works_and_names_the_layer_that_does_not() {
    let (_server, door) = house().await;
    let mut page = dashboard(&door).await;
    assert_eq!(checks(&mut page, &door, "").await, "Everything works: what was said came back.");
    let only_relays = "const Real = RTCPeerConnection; \
        window.RTCPeerConnection = class extends Real { constructor(told) { super({ ...told, iceTransportPolicy: 'relay' }) } }";
    for (layer, beforehand, told) in [
        (
            "microphone",
            "navigator.mediaDevices.getUserMedia = async () => { throw new Error('denied') }",
            "denied. What helps: allow the microphone",
        ),
        (
            "socket",
            "window.WebSocket = class { constructor() { setTimeout(() => this.onclose()) } close() {} }",
            "cannot be reached. What helps: a proxy in front",
        ),
        ("ice", only_relays, "What helps: UDP does not reach the server"),
    ] {
        let verdict = checks(&mut page, &door, beforehand).await;
        assert!(verdict.as_str().is_some_and(|verdict| verdict.contains(told)), "{layer}: {verdict}");
        let fails = format!("document.querySelector('[data-layer={layer}] .badge').textContent");
        assert_eq!(page.run(&fails).await, "fails");
    }
}
