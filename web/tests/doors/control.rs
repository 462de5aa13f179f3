//! Orders over the control socket: who may give them, and what they do.

use std::{fs, os::unix::fs::PermissionsExt};

use patchcord_engine::routing::EndpointShelf;
use patchcord_web::{
    control::{self, MAX_BODY, TOKEN_FILE},
    folder::{Hold, HoldError},
};
use tokio::net::UnixStream;

use crate::lab::Lab;

const ALICE: &str = r#"{"endpoints": [{"user": "alice", "password": "secret", "number": "101", "digest": "sha-256"}]}"#;

#[tokio::test]
async fn nobody_gets_past_without_the_token() {
    let lab = Lab::new().await;
    let token = fs::read_to_string(lab.folder().join(TOKEN_FILE)).expect("the token");
    for header in [
        String::new(),
        "Authorization: Bearer \r\n".into(),
        format!("Authorization: Bearer {}\r\n", &token[1..]),
        format!("Authorization: Bearer {token}0\r\n"),
        format!("Authorization: Basic {token}\r\n"),
    ] {
        for (method, path) in [("GET", "/api/v1/status"), ("POST", "/api/v1/endpoints"), ("GET", "/nowhere")] {
            let answered = lab.order_with(&header, method, path, ALICE).await;
            assert_eq!(answered.problem(401), "the request carries no token, or that of another start", "{header}");
        }
    }
    assert!(lab.board.directory.find("alice").is_none(), "an order without a token was obeyed");

    assert_eq!(lab.order("GET", "/api/v1/status", "").await.json()["listen"][0], "udp:127.0.0.1:5060");
}

#[tokio::test]
async fn socket_and_token_are_for_their_owner_alone() {
    let lab = Lab::new().await;
    for file in [lab.socket(), lab.folder().join(TOKEN_FILE)] {
        let mode = fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_dead_servers_socket_is_replaced_and_a_living_servers_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let hold = Hold::take(folder.path()).await.expect("ours");
    drop(control::bind(&hold).expect("a socket"));
    let socket = folder.path().join(control::SOCKET_FILE);
    assert!(UnixStream::connect(&socket).await.is_err(), "nobody is behind the socket that is left");

    let _living = control::bind(&hold).expect("it is replaced");
    UnixStream::connect(&socket).await.expect("somebody is behind it now");
    let error = Hold::take(folder.path()).await.expect_err("the folder is held");
    assert!(matches!(error, HoldError::Running { .. }));
    let expected = format!("a server is already running with data folder {}", folder.path().display());
    assert_eq!(error.to_string(), expected);

    drop(hold);
    Hold::take(folder.path()).await.expect("free again");
}

#[tokio::test]
async fn a_path_that_is_too_long_for_a_socket_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let deep = folder.path().join("d".repeat(100));
    let hold = Hold::take(&deep).await.expect("ours");
    let error = control::bind(&hold).expect_err("no system takes that");
    assert!(error.to_string().ends_with("is too long for a socket"), "{error}");
    assert!(error.remedy().contains("shorter"), "{}", error.remedy());
}

#[tokio::test]
async fn an_endpoint_is_added_listed_changed_and_removed() {
    let lab = Lab::new().await;
    assert_eq!(lab.order("POST", "/api/v1/endpoints", ALICE).await.status, 201);
    let listed = lab.order("GET", "/api/v1/endpoints", "").await.json();
    assert_eq!(
        listed["endpoints"],
        serde_json::json!([
            { "user": "alice", "number": "101", "digest": "sha-256", "source": "database", "reachable": false },
            { "user": "filed", "number": "900", "digest": null, "source": "file", "reachable": false },
        ])
    );
    assert!(!listed.to_string().contains("secret"), "a password is listed: {listed}");

    let changed = lab.order("PUT", "/api/v1/endpoints/alice/password", r#"{"password": "better"}"#).await;
    assert_eq!(changed.status, 204);
    let stored = lab.store.load_endpoints().await.expect("loaded").rows;
    assert_eq!((stored[0].password.as_str(), stored[0].number.as_deref()), ("better", Some("101")));

    assert_eq!(lab.order("DELETE", "/api/v1/endpoints/alice", "").await.status, 204);
    assert!(lab.board.directory.find("alice").is_none());
    assert_eq!(lab.store.load_endpoints().await.expect("loaded").rows, []);
}

#[tokio::test]
async fn who_is_removed_or_has_another_password_is_reachable_no_more() {
    let lab = Lab::new().await;
    for (method, path, body) in [
        ("PUT", "/api/v1/endpoints/alice/password", r#"{"password": "better"}"#),
        ("DELETE", "/api/v1/endpoints/alice", ""),
    ] {
        lab.order("POST", "/api/v1/endpoints", ALICE).await;
        lab.bind("alice").await;
        assert_eq!((lab.bindings_of("alice"), lab.stored_bindings().await), (1, 1));

        assert_eq!(lab.order(method, path, body).await.status, 204);
        assert_eq!((lab.bindings_of("alice"), lab.stored_bindings().await), (0, 0), "{method}");
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_reason() {
    let lab = Lab::new().await;
    lab.order("POST", "/api/v1/endpoints", ALICE).await;
    let new = |user: &str, password: &str, more: &str| {
        format!(r#"{{"endpoints": [{{"user": "{user}", "password": "{password}"{more}}}]}}"#)
    };
    let (endpoints, filed) = ("/api/v1/endpoints", "/api/v1/endpoints/filed");
    let owned = "endpoint filed is written in the configuration file; change it there";
    for (method, path, body, status, detail) in [
        ("POST", endpoints, ALICE.into(), 409, "endpoint alice is there already"),
        ("POST", endpoints, new("filed", "x", ""), 409, "endpoint filed is there already"),
        ("POST", endpoints, new("al ice", "x", ""), 400, "\"al ice\" cannot be a user name"),
        ("POST", endpoints, new("bob", "", ""), 400, "the password is empty"),
        ("POST", endpoints, new("bob", "x", r#", "number": "1o1""#), 400, "\"1o1\" cannot be a number"),
        ("POST", endpoints, new("bob", "x", r#", "number": "900""#), 409, "number 900 already rings endpoint filed"),
        ("POST", endpoints, new("bob", "x", r#", "digest": "sha-1""#), 400, "\"sha-1\" is no digest algorithm"),
        ("DELETE", "/api/v1/endpoints/bob", String::new(), 404, "there is no endpoint bob"),
        ("PUT", "/api/v1/endpoints/bob/password", r#"{"password": "x"}"#.into(), 404, "there is no endpoint bob"),
        ("DELETE", filed, String::new(), 409, owned),
        ("PUT", "/api/v1/endpoints/filed/password", r#"{"password": "x"}"#.into(), 409, owned),
        ("DELETE", endpoints, String::new(), 405, "/api/v1/endpoints does not take this method"),
        ("GET", "/api/v1/cells", String::new(), 404, "there is nothing at /api/v1/cells"),
    ] {
        let answered = lab.order(method, path, &body).await;
        assert_eq!(answered.problem(status), detail, "{method} {path} {body}");
    }
}

#[tokio::test]
async fn of_many_all_are_added_or_none() {
    let lab = Lab::new().await;
    let pair = r#"{"endpoints": [{"user": "new", "password": "x"}, {"user": "filed", "password": "x"}]}"#;
    lab.order("POST", "/api/v1/endpoints", pair).await.problem(409);
    let twice = r#"{"endpoints": [{"user": "new", "password": "x"}, {"user": "new", "password": "y"}]}"#;
    assert_eq!(lab.order("POST", "/api/v1/endpoints", twice).await.problem(409), "endpoint new is there already");

    assert!(lab.board.directory.find("new").is_none());
    assert_eq!(lab.store.load_endpoints().await.expect("loaded").rows, []);
}

#[tokio::test]
async fn a_body_that_is_none_of_ours_is_a_problem() {
    let lab = Lab::new().await;
    lab.order("POST", "/api/v1/endpoints", "{").await.problem(400);
    let unknown = r#"{"endpoints": [{"user": "bob", "password": "x", "nmuber": "1"}]}"#;
    assert!(lab.order("POST", "/api/v1/endpoints", unknown).await.problem(422).contains("nmuber"));
    let large = format!(r#"{{"endpoints": [], "x": "{}"}}"#, "x".repeat(MAX_BODY));
    lab.order("POST", "/api/v1/endpoints", &large).await.problem(413);
}

#[tokio::test]
async fn a_reload_says_what_waits_for_a_restart() {
    let lab = Lab::new().await;
    let done = lab.order("POST", "/api/v1/reload", "").await.json();
    assert_eq!(done, serde_json::json!({ "applied": ["nothing"], "needs_restart": ["sip.listen"] }));
}

#[tokio::test]
async fn when_the_store_is_away_nothing_is_added() {
    let lab = Lab::new().await;
    lab.store.close().await;
    let told = lab.order("POST", "/api/v1/endpoints", ALICE).await.problem(503);
    assert!(told.starts_with("the store did not take it: the store is away"), "{told}");
    assert!(lab.board.directory.find("alice").is_none(), "the directory has what the store has not");
}
