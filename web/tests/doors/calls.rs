//! What the control socket says of past calls.

use std::time::{Duration, UNIX_EPOCH};

use patchcord_engine::journal::{Began, CallId, Journal, Outcome, Party, RecordShelf, Rules};

use crate::{
    lab::Lab,
    people::{PASSWORD, cookie, house, log_in},
};

/// So many calls, each cancelled after three seconds.
async fn with_calls(count: u64) -> (Lab, Vec<CallId>) {
    with_calls_in(Lab::new().await, count).await
}

async fn with_calls_in(lab: Lab, count: u64) -> (Lab, Vec<CallId>) {
    let mut ids = Vec::new();
    let mut batches = Vec::new();
    for number in 0..count {
        let wall = UNIX_EPOCH + Duration::from_secs(1_800_000_000 + number);
        ids.push(CallId::new(wall, number));
        let began = Began::new(wall, Party::new("alice"), Party::new("102"));
        let journal = Journal::begin(ids[ids.len() - 1], began, Rules::default());
        batches.push(journal.end(Duration::from_secs(3), Outcome::Cancelled));
    }
    lab.store.write_batches(&batches).await.expect("written");
    (lab, ids)
}

#[tokio::test]
async fn pages_of_records_follow_each_other_from_the_newest_to_the_eldest() {
    let (lab, ids) = with_calls(5).await;
    let mut path = "/api/v1/records?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = lab.order("GET", &path, "").await.json();
        let records = page["records"].as_array().expect("a list").clone();
        seen.extend(records.iter().map(|told| told["record"]["call"].as_str().expect("an id").to_owned()));
        assert!(records.iter().all(|told| told["sentence"] == "Alice called 102; Alice gave up after 3 s."), "{page}");
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/records?limit=2&before={next}"),
            None => break,
        }
    }
    let expected: Vec<_> = ids.iter().rev().map(ToString::to_string).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_page_before_a_call_that_nobody_knows_and_a_page_of_nothing_are_refused_with_what_to_write() {
    let (lab, ids) = with_calls_in(house().await, 2).await;
    let session = cookie(&log_in(&lab, "admin", PASSWORD, "").await);
    for list in ["/api/v1/records", "/api/v1/recordings"] {
        lab.order("GET", &format!("{list}?before={}", ids[0]), "").await.json();
        let unknown = lab.order("GET", &format!("{list}?before=zzzzzzzzzzzzzzzzzzzz"), "").await;
        assert_eq!(unknown.problem(404), "no call zzzzzzzzzzzzzzzzzzzz is kept, so there is no page before it");
        assert!(unknown.body.contains("leave `before` away"), "{unknown:?}");
    }
    for page in ["/records", "/recordings"] {
        let unknown = lab.ask(&session, "GET", &format!("{page}?before=00000000000000000000"), "").await;
        assert!(
            unknown.status == 404 && unknown.body.contains("is kept, so there is no page before it"),
            "{unknown:?}"
        );
    }
    for list in
        ["records", "recordings", "registrations", "audit", "past-rooms", "webhooks/deliveries", "rooms/3000/tries"]
    {
        let none = lab.order("GET", &format!("/api/v1/{list}?limit=0"), "").await;
        assert_eq!(none.problem(400), "limit cannot be \"0\"", "{list}");
        assert!(none.body.contains("write a number from 1 to"), "{none:?}");
    }
}

#[tokio::test]
async fn lists_that_the_database_has_not_yet_say_so_in_one_line() {
    use std::sync::atomic::Ordering::Relaxed;
    let (lab, _) = with_calls_in(house().await, 1).await;
    let session = cookie(&log_in(&lab, "admin", PASSWORD, "").await);
    let told = async |page: &str| lab.ask(&session, "GET", page, "").await.body.contains("missing here");
    let tally = &lab.board.clerk.tally;
    for (spooled, held, unspooled, waits) in
        [(0, 0, false, false), (4_000, 0, false, true), (0, 100, false, false), (0, 100, true, true)]
    {
        tally.spool_bytes.store(spooled, Relaxed);
        tally.held_bytes.store(held, Relaxed);
        tally.unspooled.store(unspooled, Relaxed);
        for page in ["/records", "/recordings"] {
            assert_eq!(told(page).await, waits, "{page} with {spooled} and {held}");
        }
        assert!(!told("/audit").await, "calls are no deeds");
    }
}

#[tokio::test]
async fn one_call_comes_with_its_journal_and_none_is_a_problem() {
    let (lab, ids) = with_calls(1).await;
    let whole = lab.order("GET", &format!("/api/v1/records/{}", ids[0]), "").await.json();
    assert_eq!(whole["record"]["ended_us"], 3_000_000);
    assert_eq!(whole["journal"][1]["what"]["ended"], "cancelled");

    let unknown = lab.order("GET", "/api/v1/records/00000000000000000000", "").await.problem(404);
    assert_eq!(unknown, "no call 00000000000000000000 is kept");
    lab.order("GET", "/api/v1/records/nonsense", "").await.problem(400);
    lab.order("GET", "/api/v1/records?before=nonsense", "").await.problem(400);
    lab.order("GET", "/api/v1/records?after=1", "").await.problem(400);
}

#[tokio::test]
async fn events_are_told_as_they_happen_and_a_listener_goes_on_where_he_was() {
    use patchcord_web::feed::Announced;
    use tokio::{
        io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
        net::UnixStream,
    };
    let (lab, ids) = with_calls(1).await;
    let shelf = Announced::new(lab.store.clone(), lab.feed.clone());
    let told = |number: u64| {
        let wall = UNIX_EPOCH + Duration::from_secs(1_800_000_100 + number);
        let began = Began::new(wall, Party::new("alice"), Party::new("102"));
        Journal::begin(CallId::new(wall, number), began, Rules::default())
            .end(Duration::from_secs(3), Outcome::Cancelled)
    };
    let start = *lab.feed.last().borrow();
    shelf.write_batches(&[told(1), told(2)]).await.expect("written");

    let mut stream = UnixStream::connect(lab.socket()).await.expect("the socket answers");
    let token = patchcord_web::control::Token::read(lab.folder()).expect("the token");
    let asked = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\nLast-Event-ID: {}\r\n\r\n",
        start + 1
    );
    stream.write_all(asked.as_bytes()).await.expect("sent");
    let mut lines = BufReader::new(stream).lines();
    let mut heard = async |from: &str| loop {
        let line = lines.next_line().await.expect("read").expect("it goes on");
        if let Some(said) = line.strip_prefix(from) {
            break said.to_owned();
        }
    };
    assert_eq!(heard("id: ").await, (start + 2).to_string(), "the first was heard before");
    assert_eq!(heard("event: ").await, "call.ended");
    shelf.write_batches(&[told(3)]).await.expect("written");
    assert_eq!(heard("id: ").await, (start + 3).to_string());
    assert!(heard("data: ").await.contains("Alice gave up after 3 s"), "{ids:?}");
}

#[tokio::test]
async fn what_happens_in_rooms_is_counted_with_the_calls_and_told_to_whoever_was_away() {
    use patchcord_web::room_news::{Kind, RoomNews};
    let (lab, _) = with_calls(0).await;
    let start = *lab.feed.last().borrow();
    let news = |kind, id: &str| RoomNews { kind, room: "weekly".into(), id: id.into(), member: None };
    for (kind, id) in [(Kind::Opened, "a"), (Kind::Over, "a"), (Kind::Opened, "b")] {
        lab.feed.publish_room(news(kind, id));
    }
    let mut heard = listen(&lab, start + 1).await;
    let mut told = Vec::new();
    while told.len() < 6 {
        let line = heard.next_line().await.expect("read").expect("it goes on");
        let said = ["id: ", "event: room.", "data: {\"room\""].iter().any(|start| line.starts_with(start));
        told.extend(said.then_some(line));
    }
    let (second, third) = (format!("id: {}", start + 2), format!("id: {}", start + 3));
    let data = |id: &str| format!("data: {{\"room\":\"weekly\",\"id\":\"{id}\"}}");
    let expected =
        [&second, "event: room.over", &data("a"), &third, "event: room.opened", &data("b")].map(str::to_owned);
    assert_eq!(told, expected, "the first was heard before");
}

/// The lines of the events behind that one.
async fn listen(lab: &Lab, after: u64) -> tokio::io::Lines<tokio::io::BufReader<tokio::net::UnixStream>> {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let mut stream = tokio::net::UnixStream::connect(lab.socket()).await.expect("the socket answers");
    let token = patchcord_web::control::Token::read(lab.folder()).expect("the token");
    let asked = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\nLast-Event-ID: {after}\r\n\r\n"
    );
    stream.write_all(asked.as_bytes()).await.expect("sent");
    BufReader::new(stream).lines()
}

#[tokio::test]
async fn a_call_is_given_as_text_and_as_packets_and_is_played_again_and_made_a_test() {
    let (lab, _) = with_calls(1).await;
    let call = lab.order("GET", "/api/v1/records", "").await.json()["records"][0]["record"]["call"].clone();
    let of_call = |what: &str| format!("/api/v1/records/{}/{what}", call.as_str().expect("a call"));
    let text = lab.order("GET", &of_call("text"), "").await;
    assert_eq!((text.status, text.kind.as_str()), (200, "text/plain; charset=utf-8"));
    assert!(text.body.contains(call.as_str().expect("a call")), "{}", text.body);
    let packets = lab.order("GET", &of_call("pcap"), "").await;
    assert_eq!((packets.status, packets.kind.as_str()), (200, "application/vnd.tcpdump.pcap"));
    assert_eq!(lab.order("GET", &of_call("replay"), "").await.json()["goes"], "as_then");
    let made = lab.order("GET", &of_call("test"), "").await.json();
    assert_eq!((made["holds"].as_bool(), made["text"].as_str()), (Some(true), Some("fn test_it(t) {}")));
    lab.order("GET", "/api/v1/records/00000000000000000000/replay", "").await.problem(404);
}

#[tokio::test]
async fn the_description_names_each_door_with_what_it_needs() {
    let lab = Lab::new().await;
    let told = lab.order("GET", "/api/v1/openapi.json", "").await.json();
    for door in patchcord_web::api::DOORS {
        let operation = &told["paths"][door.path][door.method];
        let described = operation["description"].as_str().expect("a description");
        assert!(described.contains(door.right.word()), "{} {}", door.method, door.path);
    }
    let asked = told["paths"]["/api/v1/records"]["get"]["parameters"].as_array().expect("a list").len();
    assert_eq!(asked, 18);
}
