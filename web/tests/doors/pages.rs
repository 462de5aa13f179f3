//! The pages that watch the server.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    lab::Lab,
    people::{PASSWORD, cookie, house, log_in},
};

#[tokio::test]
async fn up_and_ready_are_two_questions() {
    let lab = Lab::new().await;
    assert_eq!(lab.page("GET", "/readyz").await.body, "ready\n");
    *lab.house.hindrances.lock().expect("nobody panics") = vec!["the store is away".into(), "stopping".into()];

    assert_eq!(lab.page("GET", "/readyz").await.problem(503), "the store is away; stopping");
    let up = lab.page("GET", "/healthz").await;
    assert_eq!((up.status, up.body.as_str()), (200, "ok\n"));
}

#[tokio::test]
async fn metrics_are_what_prometheus_reads() {
    let lab = Lab::new().await;
    let page = lab.page("GET", "/metrics").await;
    assert_eq!((page.status, page.kind.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    assert!(page.body.contains("\npatchcord_endpoints 7\n"), "{}", page.body);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_document() {
    let lab = Lab::new().await;
    assert_eq!(lab.page("GET", "/api/v2/endpoints").await.problem(404), "there is nothing at /api/v2/endpoints");
    assert_eq!(lab.page("POST", "/metrics").await.problem(405), "/metrics does not take this method");
}

#[tokio::test]
async fn what_is_no_http_ends_its_connection_and_no_other() {
    let lab = Lab::new().await;
    let mut phone = TcpStream::connect(lab.web).await.expect("connected");
    phone.write_all(b"REGISTER sip:example.org SIP/2.0\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    phone.read_to_string(&mut answer).await.expect("closed in order");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");

    assert_eq!(lab.page("GET", "/healthz").await.status, 200);
}

#[tokio::test]
async fn those_who_ask_and_do_not_read_keep_nobody_out() {
    let lab = Lab::new().await;
    let mut sitting = Vec::new();
    for _ in 0..patchcord_web::serve::CONNECTIONS + 8 {
        let mut deaf = TcpStream::connect(lab.web).await.expect("connected");
        // It may be let go for the next while it still speaks.
        let _sent_or_reset = deaf.write_all(&b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n".repeat(50)).await;
        sitting.push(deaf);
    }
    for page in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(lab.page("GET", page).await.status, 200, "{page}");
    }
}

#[tokio::test]
async fn a_page_that_has_nothing_to_show_says_what_to_do_next() {
    let lab = house().await;
    let admin = cookie(&log_in(&lab, "admin", PASSWORD, "").await);
    for (path, next) in [
        ("/", "Call 1000 from the browser phone"),
        ("/live", "Make one from the browser phone"),
        ("/records", "call 9196 from the browser phone"),
        ("/records?number=999", "Clear the filters"),
        ("/recordings", "caller.start_record"),
        ("/recordings?number=999", "Clear the filters"),
        ("/endpoints?text=zanzibar", "See all 1"),
        ("/sounds?text=zanzibar", "See all of them"),
        ("/sounds?kind=own", "Give one above"),
        ("/bans", "Name an address above"),
        ("/bans?text=zanzibar", "Name an address above"),
        ("/webhooks", "See those that wait"),
        ("/webhooks?state=waiting", "add a receiver above"),
        ("/people", "Make the first below"),
    ] {
        let page = lab.ask(&admin, "GET", path, "").await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        assert!(page.body.contains(next), "{path} does not say {next:?}: {}", page.body);
    }
    // Nobody is told to do what he may not.
    let viewer = cookie(&log_in(&lab, "viewer", PASSWORD, "").await);
    assert!(!lab.ask(&viewer, "GET", "/bans", "").await.body.contains("Name an address above"));
}
