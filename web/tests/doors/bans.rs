//! Bans over the API: made, in force at once, kept, lifted, and never against whoever makes them.

use std::net::SocketAddr;

use patchcord_engine::{bans::Bans, runtime::clock};
use patchcord_sip::hop::Transport;
use patchcord_web::bans;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use crate::lab::Lab;

/// What `/healthz` says to somebody at that address.
async fn health_from(lab: &Lab, address: &str) -> String {
    health_for(lab, address, "").await
}

/// The same with headers, as a proxy writes them.
async fn health_for(lab: &Lab, address: &str, headers: &str) -> String {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(address.parse().expect("an address"), 0)).expect("it is ours");
    let mut stream = socket.connect(lab.web).await.expect("the door answers");
    let asked = format!("GET /healthz HTTP/1.1\r\nHost: test\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer.lines().next().expect("a status line").to_owned()
}

#[tokio::test]
async fn a_ban_is_in_force_at_once_kept_over_a_restart_and_lifted_again() {
    let lab = Lab::new().await;
    let made = lab.order("POST", "/api/v1/bans", r#"{"network":"127.0.0.2","reason":"scans","for_s":3600}"#).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(health_from(&lab, "127.0.0.2").await, "HTTP/1.1 403 Forbidden");
    assert_eq!(health_from(&lab, "127.0.0.1").await, "HTTP/1.1 200 OK");

    let list = lab.order("GET", "/api/v1/bans", "").await.json();
    let one = &list["bans"][0];
    let told = (&one["network"], &one["reason"], &one["made_by"], &one["automatic"]);
    assert_eq!(told, (&"127.0.0.2".into(), &"scans".into(), &"command line".into(), &false.into()));
    assert_eq!(one["until_ms"].as_u64().expect("until") - one["made_ms"].as_u64().expect("since"), 3_600_000);

    let next_start = Bans::default();
    next_start.restore(lab.store.bans(clock::wall()).await.expect("read"), clock::wall());
    assert!(next_start.refuses("127.0.0.2".parse().expect("an address"), Transport::Udp));

    assert_eq!(lab.order("DELETE", "/api/v1/bans/127.0.0.2", "").await.status, 204);
    assert_eq!(health_from(&lab, "127.0.0.2").await, "HTTP/1.1 200 OK");
    assert_eq!(lab.store.bans(clock::wall()).await.expect("read"), []);
    let deeds = lab.order("GET", "/api/v1/audit", "").await.json();
    let said: Vec<_> = deeds["deeds"].as_array().expect("a list").iter().map(|deed| &deed["deed"]).collect();
    assert_eq!(said, ["lifted the ban of", "banned"]);
}

#[tokio::test]
async fn a_proxy_that_is_named_is_believed_for_whom_it_asks_and_nobody_else_is() {
    let lab = Lab::new().await;
    lab.order("POST", "/api/v1/bans", r#"{"network":"198.51.100.7","reason":"scans"}"#).await;
    let from = |address: &str| format!("X-Forwarded-For: {address}\r\n");
    assert_eq!(health_for(&lab, "127.0.0.1", &from("198.51.100.7")).await, "HTTP/1.1 403 Forbidden");
    assert_eq!(health_for(&lab, "127.0.0.1", &from("198.51.100.7, 203.0.113.9")).await, "HTTP/1.1 200 OK");
    assert_eq!(health_for(&lab, "127.0.0.2", &from("198.51.100.7")).await, "HTTP/1.1 200 OK", "it is no proxy of ours");

    lab.order("POST", "/api/v1/bans", r#"{"network":"127.0.0.2","reason":"scans"}"#).await;
    let lies = health_for(&lab, "127.0.0.2", &from("203.0.113.9")).await;
    assert_eq!(lies, "HTTP/1.1 403 Forbidden", "what it writes helps nobody");
}

#[tokio::test]
async fn a_network_is_lifted_by_its_name_with_the_slash_escaped() {
    let lab = Lab::new().await;
    lab.order("POST", "/api/v1/bans", r#"{"network":"198.51.100.77/24","reason":"scans"}"#).await;
    assert!(lab.order("DELETE", "/api/v1/bans/198.51.100.0%2F25", "").await.problem(404).contains("is not banned"));
    assert_eq!(lab.order("DELETE", "/api/v1/bans/198.51.100.0%2F24", "").await.status, 204);
}

#[tokio::test]
async fn what_cannot_be_banned_is_told_with_the_reason() {
    let lab = Lab::new().await;
    let tried = async |network: &str, rest: &str| {
        let body = format!(r#"{{"network":{network:?},"reason":"x"{rest}}}"#);
        lab.order("POST", "/api/v1/bans", &body).await
    };
    assert!(tried("127.0.0.0/8", "").await.problem(409).contains("this machine itself"));
    assert!(tried("::/0", "").await.problem(409).contains("this machine itself"));
    assert!(tried("2000::/3", "").await.problem(422).contains("too wide"));
    assert!(tried("everybody", "").await.problem(422).contains("no address"));
    assert!(tried("192.0.2.1", r#","for_s":0"#).await.problem(422).contains("for_s"));
    assert!(tried("192.0.2.1", r#","until":1"#).await.problem(422).contains("until"));
    let no_reason = lab.order("POST", "/api/v1/bans", r#"{"network":"192.0.2.1","reason":" "}"#).await;
    assert!(no_reason.problem(422).contains("a reason has"));
    assert_eq!(lab.board.bans.count(), 0);
}

#[tokio::test]
async fn nobody_bans_himself_from_afar() {
    use patchcord_web::people::{Right, Rights};
    use tower_service::Service as _;

    let lab = Lab::new().await;
    let rights: Rights = [Right::ChangeBans].into_iter().collect();
    let asker = patchcord_web::people::Asker::command_line();
    let token = lab.people.make_token(&asker, "ops", rights, None, clock::wall()).await.expect("made");
    let asked = async |network: &str| {
        let body = format!(r#"{{"network":"{network}","reason":"x"}}"#);
        let mut request = axum::http::Request::post("/api/v1/bans")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body))
            .expect("a request");
        request.extensions_mut().insert(patchcord_web::serve::Source::of("203.0.113.9".parse().expect("an address")));
        lab.doors().call(request).await.expect("an answer").status()
    };
    assert_eq!(asked("203.0.113.0/24").await, 409);
    assert_eq!(asked("203.0.114.0/24").await, 201);
}

#[tokio::test]
async fn what_the_house_bans_by_itself_reaches_the_store_and_the_same_list() {
    let lab = Lab::new().await;
    let guesser = "198.51.100.66".parse().expect("an address");
    while lab.board.bans.wrong_password(guesser, clock::wall(), || false).is_none() {}
    assert!(bans::write(&lab.store, &lab.board.bans).await);
    let list = lab.order("GET", "/api/v1/bans", "").await.json();
    assert_eq!((&list["bans"][0]["automatic"], &list["bans"][0]["network"]), (&true.into(), &"198.51.100.66".into()));
    assert!(lab.store.bans(clock::wall()).await.expect("read")[0].automatic);
}
