//! What services are asked outside of calls, of the real server: over HTTP, by phones that register, by texts, by a schedule.

use patchcord_lab::{Carrier, Lab, Line, Model, Phone, Server, Setup, eventually};
use serde_json::json;

use crate::{
    calling::at_home,
    pages::{Door, house_of},
    records::records,
    setup,
};

const FRONT: &str = r#"
fn on_web(req) {
    if req.json == () { return 400; }
    let begun = originate(req.json.target, #{ service: "front", ring: 20.s() });
    #{ status: 202, headers: #{ "X-Who": req.who }, json: #{ begun: begun.status, secret: req.headers.authorization } }
}
fn on_register(reg) {
    if reg.user_agent.contains("scanner") { return #{ status: 403, reason: "Not With That" }; }
    if reg.user_agent.contains("riddle") { throw "what is this?"; }
}
fn on_message(leg, msg) {
    if msg.body == "no" { return 480; }
    store::set("shared:text", `${msg.from}: ${msg.body}`);
    true
}
fn on_timer(name) { store::incr("shared:ticks"); }
fn on_invite(caller) {
    caller.answer();
    caller.tag("text", store::get("shared:text"));
    caller.tag("ticked", store::get("shared:ticks") != ());
    caller.play("tone::440", #{ loops: 0 });
}"#;

const MANIFEST: &str = "dial = [\"user:alice\"]\n";

/// What has it run by itself.
const TIMER: &str = "[[timer]]\nname = \"tick\"\nevery = \"10s\"\n";

fn fronted(manifest: &str) -> Setup {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"anyone\"\nservice = \"front\"\n";
    let setup = setup().server("service = \"front\"").service("front", FRONT).service("front.toml", manifest);
    setup.endpoint_with("alice", "secret", "number = \"101\"").endpoint("bob", "secret").toml(route)
}

async fn front() -> (Server, Door) {
    house_of(fronted(MANIFEST)).await
}

#[tokio::test]
async fn a_program_with_a_token_has_a_service_begin_a_call_and_one_without_has_not() {
    let (server, door) = front().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let minted = door.token(json!({ "name": "shop", "scopes": ["services:ask"] })).await;
    let token = minted["token"].as_str().expect("a token");
    let asks = |service: &'static str, body: &'static str| {
        let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        let door = &door;
        async move { door.ask("POST", &format!("/services/{service}"), &headers, body).await }
    };
    let answer = asks("front", "{\"target\":\"user:alice\"}").await;
    assert!(answer.starts_with("HTTP/1.1 202") && answer.contains("x-who: token shop"), "{answer}");
    assert!(answer.ends_with("{\"begun\":\"begun\",\"secret\":null}"), "what proves who asks is not told: {answer}");
    alice.answers().await;
    alice.comes_to_hear_sound().await;
    alice.hangs_up().await;
    assert!(asks("front", "").await.starts_with("HTTP/1.1 400"));
    let forbidden = asks("front", "{\"target\":\"user:bob\"}").await;
    assert!(forbidden.contains("\"begun\":\"forbidden\""), "the manifest names alice alone: {forbidden}");
    assert!(asks("reception", "").await.starts_with("HTTP/1.1 404"));
    assert!(asks("nobody", "").await.starts_with("HTTP/1.1 404"));
    let nobody = door.ask("POST", "/services/front", "", "{}").await;
    assert!(nobody.starts_with("HTTP/1.1 401"), "{nobody}");
    let told = records(&server, 4).await;
    let ran = told.iter().find(|told| told["record"]["outcome"] == "ran").expect("a record of the run");
    assert_eq!(ran["sentence"], "Token shop asked Front (on_web); it answered.", "{ran:#}");
    assert!(ran["record"]["version"].as_str().is_some_and(|version| version.starts_with("1 ")), "{ran:#}");
    let id = ran["record"]["call"].as_str().expect("its name");
    let (replayed, same) = server.run(&["replay", id], "").await;
    assert!(same && replayed.contains("All goes as it did then"), "{replayed}");
}

#[tokio::test]
async fn a_phone_is_let_in_by_the_service_of_the_house_or_hears_why_not() {
    let (server, _door) = front().await;
    let mut alice = Phone::connect(Carrier::Udp, server.address(Carrier::Udp), "alice", "secret").await;
    let with = |agent: &str| patchcord_lab::Wish::expires(600).header("User-Agent", agent);
    let refused = alice.wish(&with("scanner 1")).await;
    assert_eq!((refused.status(), refused.text().contains("Not With That")), (403, true), "{}", refused.text());
    assert_eq!(crate::bindings(&server, "alice").await, [""; 0]);
    let broken = alice.wish(&with("riddle")).await;
    assert_eq!(broken.status(), 503, "a rule that breaks lets nobody in: {}", broken.text());
    assert!(broken.header("Retry-After").is_some());
    assert_eq!(alice.wish(&with("a phone")).await.status(), 200);
    assert_eq!(crate::bindings(&server, "alice").await.len(), 1);
    assert_eq!(alice.unregister().await.status(), 200, "who goes is not asked");
    let told = records(&server, 3).await;
    assert!(told.iter().any(|told| told.to_string().contains("what is this?")), "{told:#?}");
    let mut wrong = Phone::connect(Carrier::Udp, server.address(Carrier::Udp), "alice", "guess").await;
    assert_eq!(wrong.register(600).await.status(), 403);
    assert_eq!(records(&server, 3).await.len(), 3, "no script runs for who does not know the password");
}

#[tokio::test]
async fn a_text_to_a_number_is_read_by_its_service_and_a_timer_runs() {
    let (server, _door) = house_of(fronted(&format!("{MANIFEST}{TIMER}"))).await;
    let mut line = Line::open(Carrier::Udp, server.address(Carrier::Udp)).await;
    let uri = line.uri("700");
    let text = line.ask("MESSAGE", &uri).body("text/plain", "hello");
    let reply = line.exchange(&text).await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    let refused = line.ask("MESSAGE", &uri).body("text/plain", "no");
    assert_eq!(line.exchange(&refused).await.status(), 480);
    let strange = line.uri("199");
    let nowhere = line.ask("MESSAGE", &strange).body("text/plain", "hello");
    assert_eq!(line.exchange(&nowhere).await.status(), 401, "where no route leads, a stranger proves who it is");
    eventually("the timer has run", async || {
        let (said, _) = server.run(&["calls", "--json"], "").await;
        said.contains("on_timer").then_some(())
    })
    .await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("700");
    alice.comes_to_hear_sound().await;
    alice.hangs_up().await;
    let told = eventually("the call has its record", async || {
        let all = server.json(&["calls", "--json"]).await;
        let text = all.to_string();
        text.contains("hello").then_some(text)
    })
    .await;
    assert!(told.contains("ticked"), "{told}");
}
