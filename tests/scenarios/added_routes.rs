//! Routes that are added while the server runs: by API, command and page, in force at once, kept, and behind those of the file.

use std::fs;

use patchcord_lab::{Carrier, Handset, Lab, Model, Server};
use serde_json::{Value, json};

use crate::{
    calling::{at_home, house_with},
    operators::ask,
    pages::house_of,
    setup,
};

const FILED: &str = "[[route]]\nnumber = \"600\"\nservice = \"echo\"\n";

async fn house() -> Server {
    house_with(setup().toml(FILED)).await
}

/// What becomes of a call there: its status, and whether an echo says again what was said.
async fn reaches_the_echo(alice: &Handset, number: &str) -> bool {
    alice.dial(number);
    alice.is_answered().await;
    let heard = alice.hears().await == [alice];
    alice.hangs_up().await;
    heard
}

async fn is_refused(alice: &Handset, number: &str) -> u16 {
    alice.dial(number);
    alice.is_refused().await
}

/// The route with that number, as the API tells of it.
async fn told(server: &Server, number: &str) -> Option<Value> {
    let (_, all) = ask(server, "GET", "/api/v1/routes", &Value::Null).await;
    all["routes"].as_array().expect("routes").iter().find(|route| route["number"] == number).cloned()
}

#[tokio::test]
async fn a_route_that_is_added_counts_at_once_and_over_a_restart_until_it_is_removed() {
    let mut server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    assert_eq!(is_refused(&alice, "700").await, 403);
    let (status, made) = ask(&server, "POST", "/api/v1/routes", &json!({ "number": "700", "service": "echo" })).await;
    assert_eq!(status, 201, "{made}");
    assert!(reaches_the_echo(&alice, "700").await);
    let id = made["id"].as_str().expect("its name").to_owned();
    let shown = told(&server, "700").await.expect("it is there");
    assert_eq!(
        (&shown["id"], &shown["source"], &shown["written_by"]),
        (&id.as_str().into(), &"database".into(), &"command line".into())
    );

    server.kill().await;
    server.start().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    assert!(reaches_the_echo(&alice, "700").await);

    let path = format!("/api/v1/routes/{id}");
    let other = json!({ "number": "701", "from": "endpoints", "service": "echo" });
    assert_eq!(ask(&server, "PUT", &path, &other).await.0, 204);
    assert_eq!(is_refused(&alice, "700").await, 403);
    assert!(reaches_the_echo(&alice, "701").await);

    assert_eq!(ask(&server, "DELETE", &path, &Value::Null).await.0, 204);
    assert_eq!(ask(&server, "DELETE", &path, &Value::Null).await.0, 404);
    assert_eq!(is_refused(&alice, "701").await, 403);
    let (_, audit) = ask(&server, "GET", "/api/v1/audit", &Value::Null).await;
    let deeds: Vec<_> = audit["deeds"].as_array().expect("deeds").iter().map(|deed| deed["deed"].clone()).collect();
    assert_eq!(deeds[..3], ["removed route", "changed route", "added route"], "{audit}");
}

#[tokio::test]
async fn what_the_file_says_of_a_number_wins_and_what_is_wrong_has_the_words_of_the_file() {
    let server = house().await;
    let wants = async |body: Value| {
        let (status, told) = ask(&server, "POST", "/api/v1/routes", &body).await;
        (status, format!("{} — {}", told["detail"], told["remedy"]))
    };
    let (status, said) = wants(json!({ "number": "600", "service": "music" })).await;
    assert!(status == 409 && said.contains("a route of the configuration has 600"), "{said}");
    let (status, said) = wants(json!({ "number": "+*", "from": "anyone", "trunk": "north" })).await;
    assert!(status == 422 && said.contains("no trunk north"), "{said}");
    let (status, said) = wants(json!({ "number": "+*", "trunk": "north" })).await;
    assert!(status == 409 && said.contains("write a [[trunk]] with name"), "{said}");
    let (status, said) = wants(json!({ "number": "700", "service": "nosuch" })).await;
    assert!(status == 409 && said.contains("nosuch is not there"), "{said}");
    let (status, said) = wants(json!({ "number": "700", "servise": "echo" })).await;
    assert!(status == 422 && said.contains("servise: is unknown") && said.contains("did you mean service?"), "{said}");

    assert_eq!(wants(json!({ "number": "700", "service": "echo" })).await.0, 201);
    let (status, said) = wants(json!({ "number": "700", "from": ["endpoints"], "service": "music" })).await;
    assert!(status == 409 && said.contains("for the same callers"), "{said}");
    let file = server.configuration();
    let text = fs::read_to_string(&file).expect("the configuration");
    fs::write(&file, format!("{text}\n[[route]]\nnumber = \"700\"\nservice = \"music\"\n")).expect("written");
    let (said, good) = server.run(&["reload"], "").await;
    assert!(!good && said.contains("not in force: number: a route of the configuration has 700"), "{said}");
    let (_, all) = ask(&server, "GET", "/api/v1/routes", &Value::Null).await;
    let both: Vec<_> = all["routes"].as_array().expect("routes").iter().filter(|it| it["number"] == "700").collect();
    assert_eq!((&both[0]["source"], &both[0]["names"][0]), (&"file".into(), &"music".into()), "{all}");
    assert!(both[1]["hindrance"].as_str().is_some_and(|why| why.contains("configuration")), "{all}");
}

#[tokio::test]
async fn routes_are_listed_added_and_removed_by_command() {
    let server = house().await;
    let made = server.json(&["routes", "add", "7*", "--from", "anyone", "--service", "echo", "--json"]).await;
    let id = made["id"].as_str().expect("its name");
    let (said, good) = server.run(&["routes"], "").await;
    assert!(good, "{said}");
    for part in [id, "7*", "anyone", "service echo", "by command line", "600", "configuration", "9196", "shipped"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let (said, good) = server.run(&["routes", "add", "600", "--service", "echo"], "").await;
    assert!(!good && said.contains("a route of the configuration has 600"), "{said}");
    let (said, good) = server.run(&["routes", "add", "700"], "").await;
    assert!(!good && said.contains("--service"), "{said}");
    let (said, good) = server.run(&["routes", "remove", id], "").await;
    assert!(good && said.contains("is no more"), "{said}");
    let (said, good) = server.run(&["routes", "remove", id], "").await;
    assert!(!good && said.contains("`patchcord routes`") && !said.contains("/api/"), "{said}");
}

#[tokio::test]
async fn a_page_adds_changes_and_removes_a_route_for_an_admin_and_for_nobody_else() {
    let (server, admin) = house_of(setup().endpoint("alice", "secret").toml(FILED)).await;
    let new = "number=700&from=endpoints&kind=service&names=echo&strip=&prepend=";
    assert!(admin.forge("/routes", new).await.starts_with("HTTP/1.1 403"), "a form of elsewhere");
    assert!(told(&server, "700").await.is_none());
    assert!(admin.form("/routes", new).await.starts_with("HTTP/1.1 303"));
    let id = told(&server, "700").await.expect("it is there")["id"].as_str().expect("its name").to_owned();
    let page = admin.page("/routes?caller=alice&called=700").await;
    assert!(page.contains("Service echo answers") && page.contains("from endpoints, added)"), "{page}");
    assert!(page.contains("in the configuration") && page.contains("by admin"), "{page}");

    let other = "number=0*&from=&kind=service&names=echo&strip=0&prepend=%2B49";
    assert!(admin.form(&format!("/routes/{id}"), other).await.starts_with("HTTP/1.1 303"));
    let changed = told(&server, "0*").await.expect("it is there");
    assert_eq!(changed["rewrite"], json!({ "strip": "0", "prepend": "+49" }));
    let wrong = admin.form("/routes", "number=a+b&kind=service&names=echo").await;
    assert!(wrong.starts_with("HTTP/1.1 422") && wrong.contains("is no number"), "{wrong}");

    let operator = json!({ "name": "olga", "role": "operator", "password": "correct horse battery" });
    assert_eq!(ask(&server, "POST", "/api/v1/users", &operator).await.0, 201);
    let olga = admin.as_another("olga", "correct horse battery").await;
    let page = olga.page("/routes").await;
    assert!(page.contains("0*") && !page.contains("Add a route"), "{page}");
    assert!(olga.form("/routes", new).await.starts_with("HTTP/1.1 403"));
    assert!(olga.form(&format!("/routes/{id}/remove"), "").await.starts_with("HTTP/1.1 403"));

    assert!(admin.form(&format!("/routes/{id}/remove"), "").await.starts_with("HTTP/1.1 303"));
    assert!(told(&server, "0*").await.is_none());
}

#[tokio::test]
async fn a_program_adds_routes_only_with_the_scope_for_it() {
    let (_server, admin) = house_of(setup()).await;
    let with = async |scopes: &[&str]| {
        let made = admin.token(json!({ "name": "crm", "scopes": scopes })).await;
        let token = made["token"].as_str().expect("a token").to_owned();
        let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        let body = json!({ "number": "+49301234567", "service": "echo" }).to_string();
        let added = admin.ask("POST", "/api/v1/routes", &headers, &body).await;
        let seen = admin.ask("GET", "/api/v1/routes", &headers, "").await;
        (added.lines().next().unwrap_or_default().to_owned(), seen)
    };
    let (added, _) = with(&["routes:read", "calls:write", "endpoints:write"]).await;
    assert!(added.starts_with("HTTP/1.1 403"), "{added}");
    let (added, seen) = with(&["routes:read", "routes:write"]).await;
    assert!(added.starts_with("HTTP/1.1 201"), "{added}");
    assert!(seen.contains("•••67") && !seen.contains("49301234567"), "who may see no numbers sees none: {seen}");
}

#[tokio::test]
async fn a_route_whose_service_was_taken_away_is_told_wherever_somebody_looks() {
    let desk = "fn on_invite(caller) { caller.answer(); }";
    let (server, admin) = house_of(setup().endpoint("alice", "secret").service("desk", desk)).await;
    let new = json!({ "number": "700", "service": "desk" });
    assert_eq!(ask(&server, "POST", "/api/v1/routes", &new).await.0, 201);
    assert_eq!(told(&server, "700").await.expect("it is there")["warning"], Value::Null);
    server.remove_service("desk");
    let (said, good) = server.run(&["reload"], "").await;
    assert!(!good && said.contains("leads to service desk, which is not there"), "{said}");

    let why = "there is no service desk: whoever calls is refused";
    assert_eq!(told(&server, "700").await.expect("it is there")["warning"], why);
    let (said, _) = server.run(&["routes"], "").await;
    assert!(said.contains("service desk") && said.contains("LEADS NOWHERE; by command line"), "{said}");
    let (said, _) = server.run(&["status"], "").await;
    assert!(said.contains("WARNING") && said.contains("(700) leads to service desk, which is not there"), "{said}");
    for (page, words) in [("/routes", "leads nowhere"), ("/", "(700) leads to service desk, which is not there")] {
        let shown = admin.page(page).await;
        assert!(shown.contains(words), "{page}: {shown}");
    }
}
