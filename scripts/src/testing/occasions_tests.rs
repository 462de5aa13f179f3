//! What services are asked outside of calls: answered, refused, broken, recorded and replayed.

use std::time::Duration;

use patchcord_engine::journal::Outcome;
use patchcord_engine::occasion::{Kind, Occasion};
use serde_json::{Value, json};

use crate::Host;
use crate::replay::{Came, replay};
use crate::simulator::{Closed, Setting, Stage};
use crate::testing::shelf_of;
use crate::testing::{Source, Sources, Wishes, run};

const DESK: &str = r#"
fn on_web(req) {
    if req.method == "GET" { return store::get("calls"); }
    if "number" in req.query { return #{ json: token::for_browser(#{ numbers: req.query.number, expires: 10.min() }) }; }
    if req.json == () { return #{ status: 400, body: "JSON is wanted" }; }
    store::incr("calls");
    let begun = originate(req.json.target, #{ service: "desk", vars: #{ at: "10:30" } });
    #{ status: 202, json: #{ begun: begun.status, who: req.who } }
}
fn on_timer(name) { if name == "nightly" { store::set("calls", 0); } else { throw `no timer ${name}`; } }
fn on_register(reg) {
    if reg.user_agent.contains("scanner") { return #{ status: 403, reason: "Not With That" }; }
    if reg.user == "odd" { return "perhaps"; }
}
fn on_message(leg, msg) {
    if leg == () { store::set(`shared:text of ${msg.from}`, msg.body); return msg.body.len() < 10; }
    leg.send_message("hello");
}
fn on_invite(caller) { caller.answer(); caller.play("welcome"); }
"#;

fn host() -> Host {
    let source = Source { name: "desk".into(), file: "desk.rhai".into(), text: DESK.into() };
    let mut broken = Vec::new();
    let host = Host::new(shelf_of(&Sources { services: vec![source], ..Sources::default() }, &mut broken));
    assert_eq!(broken, Vec::<String>::new());
    host
}

fn stage() -> Stage {
    Stage::new(Setting::of(Box::new(host())))
}

fn asked(t: &Stage, kind: Kind, about: &Value) -> Result<Value, String> {
    let answer = t.ask("desk", &Occasion::new(kind, "somebody", about)).expect("it is asked");
    answer.map(|answer| serde_json::from_str(&answer).expect("JSON"))
}

fn web(body: &str, query: &Value) -> Value {
    json!({ "method": "POST", "query": query, "headers": {}, "body": body, "who": "token shop" })
}

#[test]
fn a_request_is_answered_and_may_begin_a_call() {
    let t = stage();
    let alice = t.endpoint("alice").answers(Duration::from_secs(2));
    let answer = asked(&t, Kind::Web, &web(r#"{"target":"user:alice"}"#, &json!({}))).expect("an answer");
    assert_eq!(answer["status"], 202);
    assert_eq!(answer["body"], r#"{"begun":"begun","who":"token shop"}"#);
    alice.hears("welcome").expect("the call is begun");
    assert_eq!(t.store("desk", "calls"), Some(json!(1)));
    let wrong = asked(&t, Kind::Web, &web("no JSON", &json!({}))).expect("an answer");
    assert_eq!((wrong["status"].as_i64(), wrong["body"].as_str()), (Some(400), Some("JSON is wanted")));
    let token = asked(&t, Kind::Web, &web("", &json!({ "number": "100" }))).expect("an answer");
    assert!(token["body"].as_str().is_some_and(|body| body.contains("\"token\":\"pbt_")), "{token}");
}

#[test]
fn a_handler_that_answers_nonsense_or_throws_is_told_by_its_line() {
    let t = stage();
    let about = json!({ "method": "GET", "query": {}, "headers": {}, "body": "", "who": "a" });
    t.keep("desk", "calls", json!(1.5));
    let told = asked(&t, Kind::Web, &about).expect_err("a half is no answer");
    assert!(told.starts_with("desk.rhai:2:16: on_web gives back a text, a status"), "{told}");
    let told = asked(&t, Kind::Timer, &json!("weekly")).expect_err("it throws");
    assert!(told.starts_with("desk.rhai:10:") && told.contains("no timer weekly"), "{told}");
    let told = asked(&t, Kind::Register, &json!({ "user": "odd", "user_agent": "" })).expect_err("perhaps");
    assert!(told.contains("on_register gives back true, false"), "{told}");
    let crashed = t.closed().last().map(|closed| closed.record.outcome);
    assert_eq!(crashed, Some(Some(Outcome::Crashed)));
}

#[test]
fn phones_and_texts_are_taken_or_refused_with_a_reason() {
    let t = stage();
    let registers = |agent: &str| json!({ "user": "alice", "user_agent": agent });
    assert_eq!(asked(&t, Kind::Register, &registers("a phone")), Ok(json!({ "status": 200 })));
    let refused = asked(&t, Kind::Register, &registers("a scanner"));
    assert_eq!(refused, Ok(json!({ "status": 403, "reason": "Not With That" })));
    let text = |body: &str| json!({ "from": "+33", "body": body });
    assert_eq!(asked(&t, Kind::Message, &text("short")), Ok(json!({ "status": 200 })));
    assert_eq!(asked(&t, Kind::Message, &text("longer than that")), Ok(json!({ "status": 403 })));
    assert_eq!(t.store("desk", "shared:text of +33"), Some(json!("longer than that")));
}

#[test]
fn what_was_asked_is_recorded_and_replayed_without_what_people_write() {
    let t = stage();
    let _alice = t.endpoint("alice").busy();
    asked(&t, Kind::Web, &web(r#"{"target":"user:alice"}"#, &json!({}))).expect("an answer");
    asked(&t, Kind::Timer, &json!("nightly")).expect("it is done");
    asked(&t, Kind::Message, &json!({ "from": "+33", "body": "a secret" })).expect("it is read");
    let runs: Vec<Closed> = t.closed().into_iter().filter(|closed| closed.record.legs.is_empty()).collect();
    let of = |handler: &str| runs.iter().find(|run| run.record.route.as_deref() == Some(handler)).expect("a record");
    let (web, timer, text) = (of("on_web"), of("on_timer"), of("on_message"));
    for run in [web, timer] {
        assert_eq!(run.record.outcome, Some(Outcome::Ran));
        let again = replay(&host(), &run.record, &run.entries).expect("it is replayed");
        assert_eq!(again.end, Came::Through, "{:?}", run.entries);
    }
    let asked = text.entries.iter().map(|entry| format!("{entry:?}")).find(|entry| entry.contains("occasion"));
    assert!(asked.is_some_and(|asked| !asked.contains("a secret")), "{:?}", text.entries);
    let again = replay(&host(), &text.record, &text.entries).expect("it is read");
    assert!(matches!(again.end, Came::Unknown(_)), "{again:?}");
    let sentence = patchcord_engine::journal::sentence(&web.record);
    assert_eq!(sentence, "Somebody asked Desk (on_web); it answered.");
}

#[test]
fn a_handler_that_never_comes_back_is_ended() {
    let source = Source { name: "desk".into(), file: "desk.rhai".into(), text: "fn on_web(req) { loop {} }".into() };
    let host = Host::new(shelf_of(&Sources { services: vec![source], ..Sources::default() }, &mut Vec::new()));
    let t = Stage::new(Setting::of(Box::new(host)));
    let told = asked(&t, Kind::Web, &web("", &json!({}))).expect_err("it never answers");
    assert!(told.contains("operations without saying anything"), "{told}");
}

#[test]
fn tests_of_scripts_ask_their_service_outside_of_calls() {
    let tests = r#"
fn test_a_click_begins_a_call(t) {
    let alice = t.endpoint("alice").answers(1.s());
    let answer = t.web("POST", #{ json: #{ target: "user:alice" } });
    t.expect(answer.status == 202 && answer.json.begun == "begun", `it answers ${answer}`);
    alice.hears("welcome").is_hung_up();
    t.timer("nightly");
    t.expect(t.store("calls") == 0, "the count is gone");
    t.expect(t.register("alice").accepted, "alice may come in");
    let refused = t.register("alice", #{ user_agent: "scanner 1" });
    t.expect(refused.status == 403 && refused.reason == "Not With That", "a scanner may not");
    t.expect(!t.message("+33612345678", "longer than that").accepted, "it is too long");
    t.record(#{ outcome: "ran", legs: 0 });
}
fn test_a_word_that_is_not_known_is_told(t) {
    t.web("POST", #{ jsn: 1 });
}
"#;
    let source = |name: &str, text: &str| Source { name: name.into(), file: format!("{name}.rhai"), text: text.into() };
    let sources =
        Sources { services: vec![source("desk", DESK)], tests: vec![source("desk_test", tests)], ..Sources::default() };
    let report = run(&sources, &Wishes::default(), &mut |_| ());
    let told: Vec<String> =
        report.verdicts.iter().flat_map(|verdict| &verdict.failed).map(|failed| failed.why.clone()).collect();
    assert_eq!(told, ["web knows json, body, query and headers, and not jsn"]);
}
