//! `db`: only what the manifest names, and only so far.

use patchcord_web::{
    outside::{Database, Rules},
    store::Place,
};
use serde_json::json;
use tempfile::TempDir;

use crate::lab::Lab;

/// A house where `ivr` has a database with one customer.
async fn lab(may_write: bool) -> (Lab, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::parse("sqlite:shop.db", folder.path()).expect("a place");
    std::fs::write(folder.path().join("shop.db"), "").expect("made");
    let writer = Database { place: place.clone(), may_write: true };
    let lab = Lab::new(Rules { database: Some(writer), ..Rules::default() }).await;
    for sql in ["CREATE TABLE customers (number TEXT, name TEXT)", "INSERT INTO customers VALUES ('+4930', 'Ann')"] {
        lab.ask("db", json!({"do": "exec", "sql": sql})).await.expect("made");
    }
    let rules = Rules { database: Some(Database { place, may_write }), ..Rules::default() };
    (Lab::new(rules).await, folder)
}

#[tokio::test]
async fn a_caller_is_known_by_their_number() {
    let (lab, _folder) = lab(true).await;
    let ask = json!({"do": "query", "sql": "SELECT name FROM customers WHERE number = $1", "params": ["+4930"]});
    assert_eq!(lab.ask("db", ask).await, Ok(json!([{"name": "Ann"}])));
    let ask = json!({"do": "exec", "sql": "UPDATE customers SET name = $1", "params": ["Bea"]});
    assert_eq!(lab.ask("db", ask).await, Ok(json!({"changed": 1})));
}

#[tokio::test]
async fn what_the_manifest_does_not_say_is_refused() {
    let (lab, _folder) = lab(false).await;
    let told = lab.refusal("db", json!({"do": "exec", "sql": "DELETE FROM customers"})).await;
    assert_eq!(
        told,
        "db: the manifest lets this service read the database and not change it; write mode = \"write\" there"
    );
    let told = lab.ask_as("team", "db", json!({"do": "query", "sql": "SELECT 1"})).await.expect_err("team has none");
    assert_eq!(told, "db: this service has no database: its manifest names none; write its url under [database] there");
    let told = lab.refusal("db", json!({"do": "query", "sql": "SELECT $1", "params": []})).await;
    assert_eq!(told, "db: $1 has no value: 0 were given");
    let told = lab.refusal("db", json!({"do": "query", "sql": "SELECT 1 FROM orders"})).await;
    assert!(told.starts_with("db: the database says no: ") && told.contains("no such table: orders"), "{told}");
}
