//! Whoever must not see numbers sees none, at whichever door: a table of all that gives any, asked with every right but that one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use patchcord_engine::{
    journal::{
        Account, Began, By, CallId, Cause, Direction, Facts, Journal, LegBegan, LegNumber, Outcome, Party, RecordShelf,
        Rules, Way, What,
    },
    room::{self, MemberId, Moment, Past, Stay, Visitor, called},
    routing::{Origin, PlanSettings, Route, Source, Target},
    runtime::clock,
};
use patchcord_sip::hop::Transport;
use patchcord_web::{
    api::DOORS,
    house::Service,
    people::{Asker, Right, Rights, Role},
    room_news::{Kind, RoomNews, Seen},
    store::webhooks::Delivery,
    versions::{Note, Reason, Version},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::lab::Lab;

/// Digits of the caller that stand nowhere else, and his name.
const NUMBER: &str = "30987612";
const NAME: &str = "Dr. Muller";

/// The same number as people write it.
const WRITTEN: &str = "+49 (0)30 98-76.12";

/// What a service says that may be read by nobody else.
const SECRET: &str = "pin 4711";

/// A call from a number out there that is told everywhere: in parties, messages, facts, arguments, tags, reasons.
fn call(wall: SystemTime) -> Journal {
    let (from, to) = (Party::named(format!("+49{NUMBER}"), NAME), Party::named("102", WRITTEN));
    let mut journal =
        Journal::begin(CallId::new(wall, 7), Began::new(wall, from.clone(), to.clone()), Rules::default());
    let at = Duration::from_millis;
    let leg = LegNumber(0);
    let (direction, account, peer) = (Direction::Inbound, Account::Trunk("north".into()), "198.51.…#1a2b".into());
    let began = LegBegan { leg, parent: None, direction, account, from, to, transport: Transport::Udp, peer };
    journal.note(at(0), What::LegBegan(Box::new(began)));
    let message = format!("INVITE sip:102@h SIP/2.0\r\nFrom: <sip:+49{NUMBER}@h>;tag=1\r\nContent-Length: 0\r\n\r\n");
    journal.message(at(1), leg, Way::Theirs, &Bytes::from(message));
    let facts = Facts::NONE.with("number", format!("+49{NUMBER}"));
    journal.note(at(2), What::Heard { leg: Some(leg), event: "transferred".into(), facts });
    journal.note(at(3), What::Tag { key: "customer".into(), value: NUMBER.into() });
    journal.note(at(4), What::Recording { leg: Some(leg), path: "2026-11-21/one.wav".into() });
    let cause = Cause::status(By::Callee, 404, 1, format!("nobody is called +49{NUMBER}"));
    journal.note(at(900), What::LegEnded { leg, cause: Box::new(cause) });
    journal
}

/// A house where that number stands wherever one can, and the call that it is of.
async fn house() -> (Lab, CallId) {
    let lab = Lab::new().await;
    let wall = clock::wall() - Duration::from_secs(60);
    let journal = call(wall);
    let id = CallId::new(wall, 7);
    let over = journal.end(Duration::from_secs(1), Outcome::NotFound);
    lab.feed.publish(over.record.as_deref().expect("a record").clone());
    lab.store.write_batches(&[over]).await.expect("written");
    let (name, number) = (NAME.to_owned(), format!("+49{NUMBER}"));
    let seen = Seen { member: MemberId(1), name, number, call: Some(id) };
    let (room, kind) = ("weekly".to_owned(), Kind::Joined);
    lab.feed.publish_room(RoomNews { kind, room, id: "0001".into(), member: Some(seen) });
    let stay = Stay {
        member: 1,
        name: NAME.into(),
        number: format!("+49{NUMBER}"),
        call: Some(id),
        leg: 0,
        role: "speaker".into(),
        came_ms: 0,
        left_ms: Some(5),
        talked_ms: 0,
        talks: vec![],
        recordings: vec![],
        heard_as: None,
    };
    let note = format!("+49{NUMBER}");
    let (name, number) = (NAME.to_owned(), format!("+49{NUMBER}"));
    let by = Some(room::By::member(MemberId(1), called(&name, &number)));
    let visitor = Some(Visitor { from: format!("trunk:north:{number}"), name, number, call: None });
    let denied = Moment { what: room::DENIED.into(), note: "pin".into(), visitor, ..Moment::default() };
    let moment = Moment { at_ms: 1, what: "invited".into(), member: Some(1), on: true, note, by, visitor: None };
    let past = Past {
        id: "0001".into(),
        room: "weekly".into(),
        opened_ms: 1,
        lasted_ms: 5,
        why: "empty".into(),
        most: 1,
        stays: vec![stay],
        moments: vec![moment, denied],
        recordings: vec![],
        ledger: None,
        left_out: 0,
    };
    lab.store.keep_rooms(&[past]).await.expect("kept");
    lab.people.note(&Asker::server(), "transferred call", &format!("{id} to +49{NUMBER}"), clock::wall()).await;
    let body = format!(r#"{{"from":{{"number":"+49{NUMBER}","name":"{NAME}"}}}}"#);
    let (url, event, why) = ("https://crm.example/hook".into(), "call.ended".into(), Some("refused".into()));
    let delivery = Delivery { id: "0001".into(), url, event, body, made: UNIX_EPOCH, tries: 9, next: None, why };
    lab.store.keep_webhooks(&[delivery]).await.expect("kept");
    let alice = format!(
        r#"{{"endpoints":[{{"user":"alice","password":"secret","number":"49{NUMBER}","caller_id":"+49{NUMBER}",
            "forward":{{"busy":["+49{NUMBER}"]}}}}]}}"#
    );
    assert_eq!(lab.order("POST", "/api/v1/endpoints", &alice).await.status, 201);
    lab.bind("alice").await;
    let (target, text) = (Target::Service("hello".into()), format!("{SECRET} dial(\"{WRITTEN}\")"));
    let number = format!("+49{NUMBER}").parse().expect("a number");
    let route = Route { number, from: vec![Source::Endpoints], target, rewrite: None, origin: Origin::File };
    lab.board.replan(PlanSettings { routes: vec![route], ..PlanSettings::default() }).expect("a plan");
    serve(&lab, text).await;
    (lab, id)
}

/// The house serves that text, and had a version of it before.
async fn serve(lab: &Lab, text: String) {
    let (name, file) = ("hello".to_owned(), "hello.rhai".to_owned());
    let (digest, reason, since) = ([0; 32], Reason::Saved, UNIX_EPOCH);
    let (number, modules) = (0, Vec::new());
    let before = Version {
        service: name.clone(),
        number,
        name: "0".into(),
        digest,
        text: (*text).into(),
        modules,
        reason,
        since,
    };
    lab.store.keep_versions(&[Note::Served(before)]).await.expect("kept");
    *lab.house.services.lock().expect("nobody panics") =
        vec![Service { name, version: "1".into(), file, text, findings: None, shipped: false }];
}

/// A header with a token of those rights.
async fn token(lab: &Lab, rights: Rights) -> String {
    let made = lab.people.make_token(&Asker::server(), "watcher", rights, None, clock::wall()).await;
    format!("Authorization: Bearer {}\r\n", made.expect("made"))
}

/// Each door that gives something, with what varies in its path filled in, and the pages beside it.
fn paths(id: CallId) -> Vec<String> {
    let filled = |path: &str| {
        let path = path.replace("{call}", &id.to_string()).replace("{id}", "0001").replace("{number}", "0");
        path.replace("{room}", "weekly").replace("{user}", "alice").replace("{name}", "hello")
    };
    let endless = ["/api/v1/events", "/api/v1/rooms/{room}/events"];
    let given = DOORS.iter().filter(|door| door.method == "get" && !endless.contains(&door.path));
    let pages = [
        "/",
        "/live",
        "/records",
        "/records?number=102",
        "/calls/{call}",
        "/calls/{call}?one=2&other=2",
        "/calls/{call}/text",
        "/calls/{call}/json",
        "/calls/{call}/pcap",
        "/calls/{call}/replay",
        "/calls/{call}/as-test",
        "/calls/{call}/as-test/file",
        "/rooms",
        "/past-rooms/{id}",
        "/rooms/{room}/tries",
        "/endpoints",
        "/routes",
        "/services",
        "/services/hello",
        "/services/hello?version=0",
        "/services/hello/text",
        "/bans",
        "/audit",
        "/people",
        "/phone",
        "/metrics",
        "/webhooks",
        "/webhooks?state=dead",
        "/recordings",
        "/sounds",
    ];
    let exports = ["/api/v1/records/export?format=csv", "/api/v1/records/export?format=json"];
    given.map(|door| door.path).chain(pages).chain(exports).map(filled).collect()
}

/// Whether that number stands there, however it is written.
fn tells(text: &str) -> bool {
    let bare: String = text.chars().filter(|letter| !" ().-".contains(*letter)).collect();
    bare.contains(NUMBER)
}

#[tokio::test]
async fn no_door_tells_a_number_to_whoever_must_not_see_one() {
    let (lab, id) = house().await;
    let but_numbers: Rights = Right::ALL.into_iter().filter(|right| *right != Right::ReadNumbers).collect();
    let (hidden, seen) = (token(&lab, but_numbers).await, token(&lab, Rights::all()).await);
    let (mut leaks, mut told) = (Vec::new(), Vec::new());
    for path in paths(id) {
        let answer = lab.ask(&hidden, "GET", &path, "").await;
        let whole = format!("{}{}", answer.head, answer.body);
        if tells(&whole) || whole.contains(NAME) || whole.contains(SECRET) {
            leaks.push(path.clone());
        }
        assert_ne!(answer.status, 500, "{path}");
        if tells(&lab.ask(&seen, "GET", &path, "").await.body) {
            told.push(path);
        }
    }
    assert_eq!(leaks, Vec::<String>::new());
    // Else nothing would be proven: where it may be seen, it is.
    assert!(told.len() >= 14, "{told:#?}");
    for door in
        ["records", "recordings", "past-rooms/0001", "audit", "webhooks/deliveries", "endpoints", "routes", "services"]
    {
        assert!(told.contains(&format!("/api/v1/{door}")), "{door} of {told:#?}");
    }
}

#[tokio::test]
async fn what_would_happen_tells_nobody_more_than_he_has_asked() {
    let (lab, _) = house().await;
    let viewer = token(&lab, Role::Viewer.rights()).await;
    let operator = token(&lab, Role::Operator.rights()).await;
    for (header, sees) in [(viewer, false), (operator, true)] {
        // Whose number begins so is not found out by looking for it.
        let found = lab.ask(&header, "GET", &format!("/endpoints?text={NUMBER}"), "").await.body;
        assert_eq!(found.contains("Calls of alice"), sees, "{found}");
        let page = lab.ask(&header, "GET", &format!("/routes?caller=alice&called=%2B49{NUMBER}"), "").await.body;
        let beside = page.replace(&format!("value=\"+49{NUMBER}\""), "");
        assert_ne!(beside, page);
        assert_eq!(tells(&beside), sees, "{beside}");
    }
}

#[tokio::test]
async fn a_viewer_sees_how_a_service_is_and_not_what_it_says() {
    let (lab, _) = house().await;
    let (viewer, operator) = (token(&lab, Role::Viewer.rights()).await, token(&lab, Role::Operator.rights()).await);
    let services = lab.ask(&viewer, "GET", "/api/v1/services", "").await.json();
    let known = serde_json::json!({ "name": "hello", "version": "1", "file": "hello.rhai", "findings": null, "shipped": false });
    assert_eq!(services["services"], serde_json::json!([known]));
    let page = lab.ask(&viewer, "GET", "/services/hello", "").await.body;
    assert!(page.contains("it calls") && page.contains("fails") && page.contains("version 1"), "{page}");
    for path in ["/api/v1/services", "/services/hello", "/services/hello/text"] {
        let (hidden, told) = (lab.ask(&viewer, "GET", path, "").await, lab.ask(&operator, "GET", path, "").await);
        assert_eq!((hidden.body.contains("dial("), told.body.contains("dial(")), (false, true), "{path}");
    }
    // Numbers without sources, and sources without numbers, are not enough.
    for one in [Right::ReadNumbers, Right::ReadSources] {
        let half = token(&lab, [Right::ReadRoutes, one].into_iter().collect()).await;
        assert!(!lab.ask(&half, "GET", "/api/v1/services", "").await.body.contains("dial("), "{one:?}");
    }
}

#[tokio::test]
async fn events_tell_no_number_to_whoever_must_not_see_one() {
    let (lab, _) = house().await;
    for (rights, sees) in [([Right::ReadCalls].into_iter().collect(), false), (Rights::all(), true)] {
        let header = token(&lab, rights).await;
        let mut stream = TcpStream::connect(lab.web).await.expect("connected");
        let asked = format!("GET /api/v1/events?after=0 HTTP/1.1\r\nHost: test\r\n{header}\r\n");
        stream.write_all(asked.as_bytes()).await.expect("sent");
        let mut lines = BufReader::new(stream).lines();
        let data = loop {
            let line = lines.next_line().await.expect("read").expect("it goes on");
            if let Some(data) = line.strip_prefix("data: {\"sentence\"") {
                break data.to_owned();
            }
        };
        assert_eq!((data.contains(NUMBER), data.contains(NAME)), (sees, sees), "{data}");
        let data = loop {
            let line = lines.next_line().await.expect("read").expect("it goes on");
            if let Some(data) = line.strip_prefix("data: {\"room\":\"weekly\"") {
                break data.to_owned();
            }
        };
        assert_eq!((data.contains(NUMBER), data.contains(NAME)), (sees, sees), "{data}");
    }
}

#[tokio::test]
async fn whoever_must_not_see_a_number_cannot_find_it_out_by_asking_for_it() {
    let (lab, id) = house().await;
    let hidden = token(&lab, [Right::ReadRecords].into_iter().collect()).await;
    let path = |query: &str| format!("/api/v1/records?{query}");
    for query in [format!("number=%2B49{NUMBER}"), "number=%2B49309*".into(), format!("tag=customer%3D{NUMBER}")] {
        let refused = lab.ask(&hidden, "GET", &path(&query), "").await.problem(403);
        assert!(refused.contains("may not see"), "{refused}");
        lab.ask(&hidden, "GET", &format!("/api/v1/records/export?{query}"), "").await.problem(403);
    }
    // Words are looked for where nothing is masked.
    let found = async |header: &str, query: &str| {
        let page = lab.ask(header, "GET", &path(query), "").await.json();
        page["records"].as_array().expect("a list").len()
    };
    let seen = token(&lab, Rights::all()).await;
    for words in ["30987", "muller"] {
        let query = format!("text={words}");
        assert_eq!((found(&hidden, &query).await, found(&seen, &query).await), (0, 1), "{words}");
    }
    assert_eq!((found(&hidden, "text=102").await, found(&hidden, "number=102").await), (1, 1), "{id}");
}
