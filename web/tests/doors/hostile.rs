//! Bad input at the doors: cookies and tokens that are none, filters beyond all measure, callers whose names are formulas.

use std::time::{Duration, UNIX_EPOCH};

use patchcord_engine::{
    journal::{Began, CallId, Journal, Outcome, Party, RecordShelf, Rules},
    runtime::clock,
};
use patchcord_web::people::{Asker, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    lab::Lab,
    people::{PASSWORD, cookie, csrf, log_in},
};

#[tokio::test]
async fn a_cookie_that_was_changed_by_a_letter_opens_nothing() {
    let lab = crate::people::house().await;
    let real = cookie(&log_in(&lab, "admin", PASSWORD, "").await);
    assert_eq!(lab.ask(&real, "GET", "/api/v1/status", "").await.status, 200);
    let (name, value) = real.trim_end().split_once('=').expect("a pair");
    let other = |letter: char| if letter == 'a' { 'b' } else { 'a' };
    let changed = |at: usize| -> String {
        value.chars().enumerate().map(|(i, letter)| if i == at { other(letter) } else { letter }).collect()
    };
    let forged = [
        changed(0),
        changed(value.len() - 1),
        value[..value.len() - 1].to_owned(),
        format!("{value}a"),
        value.to_uppercase(),
        format!("{value}%00"),
        "../../admin".into(),
        "a".repeat(5_000),
        String::new(),
    ];
    for forged in forged {
        let answer = lab.ask(&format!("{name}={forged}\r\n"), "GET", "/api/v1/status", "").await;
        assert!(answer.problem(401).contains("nobody is logged in"), "{forged}");
    }
    assert_eq!(lab.ask(&real, "GET", "/api/v1/status", "").await.status, 200, "the real one is good still");
}

#[tokio::test]
async fn the_token_of_one_session_is_worth_nothing_in_another_nor_after_its_own() {
    let lab = crate::people::house().await;
    let user = r#"{"name":"mallory","password":"correct horse","role":"viewer"}"#;
    let first = cookie(&log_in(&lab, "admin", PASSWORD, "").await);
    let replayed = csrf(&lab, &first).await;
    // The same person, logged in elsewhere; and a viewer who has got hold of the token.
    for name in ["admin", "viewer"] {
        let theirs = cookie(&log_in(&lab, name, PASSWORD, "").await);
        let asked = format!("{theirs}X-Csrf-Token: {replayed}\r\n");
        assert!(lab.ask(&asked, "POST", "/api/v1/users", user).await.problem(403).contains("this session"), "{name}");
    }
    // Whoever logs in again has another session, and another token.
    let again = cookie(&log_in(&lab, "admin", PASSWORD, &first).await);
    assert_ne!(csrf(&lab, &again).await, replayed);
    let asked = format!("{again}X-Csrf-Token: {replayed}\r\n");
    lab.ask(&asked, "POST", "/api/v1/users", user).await.problem(403);
    lab.ask(&format!("{first}X-Csrf-Token: {replayed}\r\n"), "POST", "/api/v1/users", user).await.problem(401);
    let users = lab.order("GET", "/api/v1/users", "").await;
    assert!(!users.body.contains("mallory"), "{users:?}");
}

#[tokio::test]
async fn filters_beyond_all_measure_are_refused_and_hurt_nobody() {
    let lab = Lab::new().await;
    let refused = [
        format!("text={}", "x".repeat(201)),
        format!("number={}", "9".repeat(20_000)),
        "from=99999999999999999999".into(),
        "cause=65536".into(),
        "min_s=4294967296".into(),
        "limit=-1".into(),
        "limit=0".into(),
        "before=%00".into(),
        "text=%00".into(),
        "outcome=answered&outcome=busy".into(),
        "sort=id;DROP+TABLE+calls".into(),
    ];
    for query in &refused {
        let answer = lab.order("GET", &format!("/api/v1/records?{query}"), "").await;
        answer.problem(400);
    }
    // What is odd and allowed finds nothing, and is no pattern.
    for query in ["text=%FF", "text=%25%25%25", "text=%27%20OR%201%3D1--", "number=%25", "tag=%5B%22", "text=!_"] {
        let answer = lab.order("GET", &format!("/api/v1/records?{query}"), "").await;
        assert_eq!((answer.status, answer.json()["records"].as_array().map(Vec::len)), (200, Some(0)), "{query}");
    }
}

/// Whatever refuses, however early: programs read a problem document, and people a page.
#[tokio::test]
async fn what_a_layer_below_the_handlers_refuses_has_our_words_too() {
    let lab = Lab::new().await;
    let asked = async |request: String| {
        let mut stream = tokio::net::TcpStream::connect(lab.web).await.expect("the door answers");
        stream.write_all(request.as_bytes()).await.expect("all of it is read");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .expect("a length")
            .parse()
            .expect("a number");
        assert_eq!(length, body.len(), "{head}");
        for line in [
            "content-security-policy: default-src 'none'",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
        ] {
            assert_eq!(head.matches(line).count(), 1, "{line} in {head}");
        }
        (head.to_owned(), body.to_owned())
    };
    let get =
        |target: &str, lines: &str| format!("GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{lines}\r\n");
    let long = "x".repeat(100 << 10);
    let large: String = (0..120).map(|n| format!("X-{n}: y\r\n")).collect();
    for (request, status, said) in [
        (get(&format!("/api/v1/records?text={long}"), ""), "414 URI Too Long", "the address is longer than 64 kB"),
        (get("/api/v1/records", &large), "431 Request Header Fields Too Large", "the head of the request is larger"),
        (get("/metrics\u{1}", ""), "400 Bad Request", "no request of HTTP/1.1"),
        (
            "DELETE /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".into(),
            "405 Method Not Allowed",
            "does not take this method",
        ),
    ] {
        let (head, body) = asked(request).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        let problem: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(said)), "{body}");
        assert!(problem["remedy"].is_string(), "{body}");
    }
    // A megabyte that nobody reads takes no answer with it.
    let (head, _) = asked(get(&format!("/api/v1/records?text={}", "x".repeat(1 << 20)), "")).await;
    assert!(head.starts_with("HTTP/1.1 414 ") || head.starts_with("HTTP/1.1 431 "), "{head}");
    let pages = "Accept: text/html\r\n";
    for (request, status, said) in [
        (get(&format!("/records?text={long}"), pages), "414", "The address is longer than 64 kB."),
        (
            format!("DELETE /login HTTP/1.1\r\nHost: test\r\n{pages}Connection: close\r\n\r\n"),
            "405",
            "does not take this method.",
        ),
        (
            format!("POST /login HTTP/1.1\r\nHost: test\r\n{pages}Connection: close\r\nContent-Length: 1\r\n\r\nx"),
            "415",
            "To the first page",
        ),
    ] {
        let (head, body) = asked(request).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert!(head.contains("content-type: text/html") && body.starts_with("<!DOCTYPE html>"), "{head}\n{body}");
        assert!(body.contains(said), "{body}");
    }
}

#[tokio::test]
async fn a_caller_whose_name_is_a_formula_is_text_in_the_export() {
    let lab = Lab::new().await;
    let names = ["=HYPERLINK(\"http://evil\")", "+1+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "two\"quotes"];
    for (number, name) in (0..).zip(names) {
        let wall = UNIX_EPOCH + Duration::from_secs(1_800_000_000 + number);
        let began = Began::new(wall, Party::named("=1+1", name), Party::new("102"));
        let journal = Journal::begin(CallId::new(wall, number), began, Rules::default());
        let over = journal.end(Duration::from_secs(3), Outcome::Cancelled);
        lab.store.write_batches(&[over]).await.expect("written");
    }
    let export = lab.order("GET", "/api/v1/records/export?format=csv", "").await;
    let lines: Vec<&str> = export.body.lines().filter(|line| line.contains(",cancelled,")).collect();
    assert_eq!(lines.len(), names.len(), "{}", export.body);
    for line in lines {
        // A cell that begins with a quote of its own has three of them, and is text.
        let cells = line.split(',').map(|cell| cell.strip_prefix('"').unwrap_or(cell));
        let formulas: Vec<&str> = cells.filter(|cell| cell.starts_with(['=', '+', '-', '@'])).collect();
        assert_eq!(formulas, [""; 0], "{line}");
    }
    // Nobody who may only look at calls gets what he must not see this way.
    let rights = Role::Viewer.rights();
    let made = lab.people.make_token(&Asker::server(), "viewer", rights, None, clock::wall()).await.expect("made");
    let header = format!("Authorization: Bearer {made}\r\n");
    assert_eq!(lab.ask(&header, "GET", "/api/v1/records/export?format=csv", "").await.status, 200);
}

#[tokio::test]
async fn a_refusal_that_leaves_a_body_unread_says_that_the_connection_is_over() {
    let lab = crate::people::house().await;
    let real = cookie(&log_in(&lab, "admin", PASSWORD, "").await);
    for (asked, is_over) in [
        (format!("POST /api/v1/users HTTP/1.1\r\nHost: a\r\n{real}Content-Length: 2\r\n\r\n{{}}"), true),
        (format!("GET /nowhere HTTP/1.1\r\nHost: a\r\n{real}\r\n"), false),
    ] {
        let mut stream = tokio::net::TcpStream::connect(lab.web).await.expect("the door answers");
        stream.write_all(asked.as_bytes()).await.expect("sent");
        let mut head = String::new();
        while !head.contains("\r\n\r\n") {
            let mut some = [0; 1024];
            let length = stream.read(&mut some).await.expect("an answer");
            assert_ne!(length, 0, "{head}");
            head.push_str(&String::from_utf8_lossy(&some[..length]));
        }
        assert!(head.starts_with("HTTP/1.1 40"), "{head}");
        assert_eq!(head.contains("\r\nconnection: close\r\n"), is_over, "{head}");
    }
}
