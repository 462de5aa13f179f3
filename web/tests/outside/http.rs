//! `http`: what servers really do, and where a script may not go.

use std::time::Duration;

use patchcord_web::outside::{Hosts, Rules};
use serde_json::{Value, json};

use crate::{
    lab::Lab,
    server::{Server, answer, endless, stalled},
};

/// A house where `ivr` may ask these servers.
async fn lab(hosts: &[&str]) -> Lab {
    Lab::new(Rules { hosts: Hosts::read(hosts).expect("servers"), ..Rules::default() }).await
}

fn get(url: &str) -> Value {
    json!({"method": "GET", "url": url})
}

#[tokio::test]
async fn an_answer_comes_with_its_status_its_headers_and_its_body() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "GET /order?no=7" => {
            answer(200, &[("content-type", "application/json"), ("x-a", "1"), ("x-a", "2")], "{\"n\":7}")
        }
        _ => answer(404, &[], "nothing here"),
    })
    .await;
    let lab = lab(&["127.0.0.1"]).await;
    for _ in 0..2 {
        let told = lab.ask("http", get(&server.url("/order?no=7"))).await.expect("an answer");
        assert_eq!((&told["status"], &told["body"]), (&json!(200), &json!("{\"n\":7}")));
        assert_eq!(
            (&told["headers"]["content-type"], &told["headers"]["x-a"]),
            (&json!("application/json"), &json!("1, 2"))
        );
    }
    let told = lab.ask("http", get(&server.url("/none"))).await.expect("an answer, too");
    assert_eq!((&told["status"], &told["body"]), (&json!(404), &json!("nothing here")));
    let seen = server.seen();
    assert!(seen.iter().all(|asked| asked.from == seen[0].from), "one connection is used again: {seen:?}");
    assert!(seen[0].header("user-agent").is_some_and(|agent| agent.starts_with("patchcord/")));
}

#[tokio::test]
async fn a_body_is_sent_as_text_or_as_json() {
    let server = Server::start(|asked| answer(201, &[], asked.line.clone())).await;
    let lab = lab(&["127.0.0.1"]).await;
    let (url, headers) = (server.url("/orders"), json!({"X-Key": "k", "Authorization": "Bearer t"}));
    let ask = json!({"method": "post", "url": url, "json": {"from": "+49"}, "headers": headers, "timeout_ms": 20_000});
    assert_eq!(lab.ask("http", ask).await.expect("an answer")["body"], "POST /orders");
    lab.ask("http", json!({"method": "PUT", "url": url, "body": "grüße"})).await.expect("an answer");
    lab.ask("http", json!({"method": "DELETE", "url": url})).await.expect("an answer");
    let seen = server.seen();
    assert_eq!(
        (seen[0].body.as_str(), seen[0].header("content-type")),
        ("{\"from\":\"+49\"}", Some("application/json"))
    );
    assert_eq!((seen[0].header("x-key"), seen[0].header("authorization")), (Some("k"), Some("Bearer t")));
    assert_eq!((seen[1].line.as_str(), seen[1].body.as_str()), ("PUT /orders", "grüße"));
    assert_eq!((seen[2].line.as_str(), seen[2].body.as_str()), ("DELETE /orders", ""));
}

#[tokio::test]
async fn a_server_that_the_manifest_does_not_name_is_not_asked() {
    let server = Server::start(|_| answer(200, &[], "secret")).await;
    let lab = lab(&["api.example.org", "*"]).await;
    let told = lab.ask_as("team", "http", get("http://api.example.org/")).await.expect_err("team may ask nobody");
    assert_eq!(
        told,
        "http: this service may not ask api.example.org: its manifest does not name it; add it to the hosts of http there"
    );
    let told = lab.refusal("http", get(&server.url("/"))).await;
    assert_eq!(told, "http: 127.0.0.1 is this machine, and only a server that the manifest names in full may be there");
    for (inside, why) in [
        ("http://127.1/", "127.0.0.1 is this machine"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254 is the local link"),
        ("http://[::ffff:10.0.0.1]/", "10.0.0.1 is a private network"),
        ("http://localhost:1/", "is "),
    ] {
        let told = lab.refusal("http", get(inside)).await;
        assert!(told.contains(why) && told.ends_with("may be there"), "{inside}: {told}");
    }
    assert!(server.seen().is_empty(), "nobody was asked");
}

#[tokio::test]
async fn a_redirect_leads_nowhere_that_the_manifest_does_not_allow() {
    let inside = Server::start(|_| answer(200, &[], "secret")).await;
    let there = format!("http://localhost:{}/admin", inside.address.port());
    let server = Server::start(move |_| answer(302, &[("location", &there)], "")).await;
    let told = lab(&["127.0.0.1"]).await.refusal("http", get(&server.url("/"))).await;
    assert!(told.starts_with("http: this service may not ask localhost"), "{told}");
    let told = lab(&["127.0.0.1", "*"]).await.refusal("http", get(&server.url("/"))).await;
    assert!(told.ends_with("only a server that the manifest names in full may be there"), "{told}");
    assert!(inside.seen().is_empty());
    let told = lab(&["127.0.0.1", "localhost"]).await.ask("http", get(&server.url("/"))).await;
    assert_eq!(told.expect("now it may")["body"], "secret");
}

#[tokio::test]
async fn a_redirect_takes_nothing_along_that_was_meant_for_another() {
    let other = Server::start(|asked| answer(200, &[], asked.line.clone())).await;
    let there = format!("http://localhost:{}/new", other.address.port());
    let server = Server::start(move |asked| match asked.line.as_str() {
        "POST /found" => answer(303, &[("location", "/here")], ""),
        "POST /kept" => answer(307, &[("location", &there)], ""),
        _ => answer(200, &[], asked.line.clone()),
    })
    .await;
    let lab = lab(&["127.0.0.1", "localhost"]).await;
    let post = |path: &str| json!({"method": "POST", "url": server.url(path), "json": 1, "headers": {"X-Key": "k"}});
    assert_eq!(lab.ask("http", post("/found")).await.expect("an answer")["body"], "GET /here");
    assert_eq!(lab.ask("http", post("/kept")).await.expect("an answer")["body"], "POST /new");
    let (here, there) = (&server.seen()[1], &other.seen()[0]);
    assert_eq!((here.body.as_str(), here.header("x-key"), here.header("content-type")), ("", Some("k"), None));
    assert_eq!(
        (there.body.as_str(), there.header("x-key"), there.header("content-type")),
        ("1", None, Some("application/json"))
    );
}

#[tokio::test]
async fn servers_that_misbehave_are_told_and_do_no_harm() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "GET /huge" => answer(200, &[], endless()),
        "GET /announced" => answer(200, &[("content-length", "99999999")], endless()),
        "GET /stalled?key=secret" => answer(200, &[], stalled()),
        "GET /zipped" => answer(200, &[("content-encoding", "gzip")], "??"),
        "GET /circle" => answer(302, &[("location", "/circle")], ""),
        "GET /file" => answer(302, &[("location", "file:///etc/passwd")], ""),
        _ => answer(200, &[("content-type", "image/png")], vec![0x89, 0xff, 0x00]),
    })
    .await;
    let lab = lab(&["127.0.0.1", "nobody.invalid"]).await;
    let at = |path: &str| server.url(path);
    for (path, why) in [
        ("/huge", " answers with more than 1048576 bytes"),
        ("/announced", " answers with more than 1048576 bytes"),
        ("/zipped", " cannot be asked: its answer is compressed, which was not asked for"),
        ("/circle", " sends us elsewhere: again and again"),
        ("/file", " sends us elsewhere: to no address of the web"),
    ] {
        assert_eq!(lab.refusal("http", get(&at(path))).await, format!("http: {}{why}", at(path)));
    }
    let slow = json!({"method": "GET", "url": at("/stalled?key=secret"), "timeout_ms": 150});
    assert_eq!(lab.refusal("http", slow).await, format!("http: {} did not answer within 150 ms", at("/stalled")));
    assert_eq!(lab.ask("http", get(&at("/picture"))).await.expect("an answer")["body"], Value::Null);

    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let told = lab.refusal("http", get(&format!("http://{closed}/"))).await;
    assert!(told.contains("cannot be asked: nobody answers there"), "{told}");
    let told = lab.refusal("http", get("http://nobody.invalid/")).await;
    assert!(told.contains("cannot be asked: the name of the host is not known"), "{told}");
}

#[tokio::test]
async fn nobody_waits_longer_than_they_said() {
    let server = Server::start(|_| answer(200, &[], stalled())).await;
    let lab = lab(&["127.0.0.1"]).await;
    let ask = get(&server.url("/")).to_string();
    let told = lab.porter.answer("ivr", "http", &ask, Duration::from_millis(150)).await;
    assert_eq!(told, Err("http: no answer within 150 ms".into()));
}

#[tokio::test]
async fn wrong_asks_are_told_in_words() {
    let lab = lab(&["127.0.0.1"]).await;
    let url = "http://127.0.0.1:9/";
    for (ask, why) in [
        (
            json!({"method": "BREW", "url": url}),
            "\"BREW\" is no method; there are GET, HEAD, POST, PUT, PATCH and DELETE",
        ),
        (get("ftp://127.0.0.1/"), "\"ftp://127.0.0.1/\" is no address of the web; write https://host/path"),
        (get("orders"), "\"orders\" is no address of the web; write https://host/path"),
        (json!({"method": "GET", "url": url, "body": "a", "json": 1}), "say body or json, and not both"),
        (json!({"method": "GET", "url": url, "headers": {"Host": "b"}}), "header \"Host\" is not a script's to say"),
        (json!({"method": "GET", "url": url, "headers": {"a b": "c"}}), "header \"a b\" cannot be sent"),
        (json!({"method": "GET", "url": url, "headers": {"a": "b\r\nc: d"}}), "header \"a\" cannot be sent"),
        (json!({"method": "GET", "url": url, "timeout_ms": 0}), "timeout is from 1 ms to 120 s"),
        (
            json!({"method": "PUT", "url": url, "body": "x".repeat(1_100_000)}),
            "the body has 1100000 bytes, and 1048576 are the most",
        ),
    ] {
        assert_eq!(lab.refusal("http", ask).await, format!("http: {why}"));
    }
}
