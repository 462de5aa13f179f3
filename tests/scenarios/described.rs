//! The API against its own description: schemathesis makes up requests from the OpenAPI document, good ones and bad ones, and looks that no
//! answer is an error of the server or contradicts what is described.
//!
//! `./test` installs it. What never ends (events) is left out, and so is what has no calls begun any more (drain).

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};

use crate::{operators::ask, setup};

/// Requests for each door that are made up by chance, the same ones each time; beside them stand those at the bounds of each value.
const EXAMPLES: &str = "5";

/// Longest that all of it takes: some thousand requests, and each password is hashed.
const LONGEST: Duration = Duration::from_secs(300);

/// What may be said to a request that keeps to its description: that there is no such thing, that it may not be, that it does not go
/// together with what there is (409), or that an upload is no sound (415), which no schema says. Never that it is not right (422).
const SETTINGS: &str = "[checks]\n\
                        positive_data_acceptance.expected-statuses = [\"2xx\", \"401\", \"403\", \"404\", \"409\", \"415\"]\n";

#[tokio::test]
async fn the_api_keeps_what_its_description_says() {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/schemathesis/bin/st");
    assert!(tool.exists(), "{} is missing: `./test` installs it", tool.display());
    let server = setup().endpoint("alice", "secret").start().await;
    let scopes = ["status:read", "records:read", "numbers:read", "recordings:read", "recordings:write", "calls:read"];
    let more = ["calls:write", "endpoints:read", "endpoints:write", "routes:read", "server:write", "people:write"];
    let rest = ["audit:read", "tokens:mint", "bans:write", "sounds:write", "routes:write"];
    let scopes: Vec<&str> = scopes.into_iter().chain(more).chain(rest).collect();
    let (status, made) =
        ask(&server, "POST", "/api/v1/tokens", &serde_json::json!({ "name": "schemathesis", "scopes": scopes })).await;
    assert_eq!(status, 201, "{made}");
    let token = made["token"].as_str().expect("a token");
    let status = server.json(&["status", "--json"]).await;
    let web = status["web"][0].as_str().expect("HTTP is served");
    let (_, address) = web.split_once(':').expect("a scheme");

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("schemathesis.toml"), SETTINGS).expect("written");
    let ran = Command::new(&tool)
        .current_dir(folder.path())
        .args(["run", &format!("http://{address}/api/v1/openapi.json")])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--exclude-path", "/api/v1/events", "--exclude-path", "/api/v1/drain"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES])
        .args(["--generation-deterministic", "--request-timeout", "10", "--no-color", "--workers", "1"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ran = timeout(LONGEST, ran).await.expect("it takes five minutes at most").expect("schemathesis runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
}
