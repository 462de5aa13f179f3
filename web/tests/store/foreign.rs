//! Databases of services: the same asks of a SQLite file and of a real PostgreSQL, for reading and for writing.

use std::time::Duration;

use patchcord_web::store::{
    Place,
    foreign::{Foreign, ForeignError, Terms},
};
use serde_json::{Value, json};

use crate::lab::{Kind, Lab, laws};

laws! {
    rows_come_as_json_whatever_their_columns_are,
    values_go_in_apart_from_the_text,
    what_may_only_be_read_is_not_changed,
    a_script_neither_ends_transactions_nor_opens_other_files,
    a_huge_answer_is_refused_before_it_fills_the_memory,
    what_is_wrong_is_told_by_the_database,
}

const TERMS: Terms = Terms { rows: 100, bytes: 10_000 };

/// A database with a table of customers, to be changed; or only to be read.
async fn customers(lab: &Lab, may_write: bool) -> Foreign {
    lab.store().await.close().await;
    let foreign = Foreign::at(&lab.place, true);
    let blob = if matches!(lab.kind, Kind::Sqlite) { "BLOB" } else { "BYTEA" };
    let table =
        format!("CREATE TABLE customers (id BIGINT PRIMARY KEY, name TEXT, credit REAL, vip BOOLEAN, key {blob})");
    foreign.exec(&table, &[]).await.expect("made");
    for (id, name, credit) in [(1, json!("Ann ☂"), json!(1.5)), (2, json!(null), json!(null))] {
        let row = [json!(id), name, credit, json!(id == 1)];
        let insert = "INSERT INTO customers (id, name, credit, vip) VALUES ($1, $2, $3, $4)";
        assert_eq!(foreign.exec(insert, &row).await.expect("put"), 1);
    }
    match may_write {
        true => foreign,
        false => Foreign::at(&lab.place, false),
    }
}

async fn rows(foreign: &Foreign, sql: &str, values: &[Value]) -> Vec<Value> {
    foreign.query(sql, values, TERMS).await.expect("rows")
}

async fn rows_come_as_json_whatever_their_columns_are(lab: Lab) {
    let foreign = customers(&lab, true).await;
    let key = if matches!(lab.kind, Kind::Sqlite) { "x'00ff'" } else { "'\\x00ff'" };
    foreign.exec(&format!("UPDATE customers SET key = {key} WHERE id = 1"), &[]).await.expect("changed");
    let found = rows(&foreign, "SELECT id, name, credit, key FROM customers ORDER BY id; -- all", &[]).await;
    assert_eq!(
        found,
        [
            json!({"id": 1, "name": "Ann ☂", "credit": 1.5, "key": "\\x00ff"}),
            json!({"id": 2, "name": null, "credit": null, "key": null})
        ]
    );
    assert_eq!(rows(&foreign, "SELECT id FROM customers WHERE vip", &[]).await, [json!({"id": 1})]);
    assert_eq!(rows(&foreign, "SELECT id FROM customers WHERE id > 5", &[]).await, [] as [Value; 0]);
    if matches!(lab.kind, Kind::Postgres) {
        let found =
            rows(&foreign, "SELECT DATE '2026-11-21' AS day, ARRAY[1, 2] AS list, 12.50::numeric AS sum", &[]).await;
        assert_eq!(found, [json!({"day": "2026-11-21", "list": [1, 2], "sum": 12.5})]);
    }
}

async fn values_go_in_apart_from_the_text(lab: Lab) {
    let foreign = customers(&lab, true).await;
    let evil = "'; DROP TABLE customers; --";
    let insert = "INSERT INTO customers (id, name, credit, vip) VALUES ($1, $2, $3, $4)";
    foreign.exec(insert, &[json!(3), json!(evil), json!(null), json!(null)]).await.expect("put");
    let found = rows(
        &foreign,
        "SELECT id, name FROM customers WHERE name = $1 OR id = $2 ORDER BY id",
        &[json!(evil), json!(1)],
    )
    .await;
    assert_eq!(found, [json!({"id": 1, "name": "Ann ☂"}), json!({"id": 3, "name": evil})]);
    let changed = foreign.exec("UPDATE customers SET credit = $1 WHERE id >= $2", &[json!(2), json!(2)]).await;
    assert_eq!(changed.expect("changed"), 2);
    let missing = foreign.query("SELECT $2 AS a", &[json!(1)], TERMS).await.expect_err("a value is missing");
    assert!(matches!(missing, ForeignError::Statement(_) | ForeignError::Said(_)), "{missing:?}");
}

async fn what_may_only_be_read_is_not_changed(lab: Lab) {
    let foreign = customers(&lab, false).await;
    for sql in ["DELETE FROM customers", "DROP TABLE customers"] {
        let told = foreign.exec(sql, &[]).await.expect_err(sql);
        assert!(matches!(told, ForeignError::ReadOnly), "{sql}: {told:?}");
    }
    let told = foreign.query("INSERT INTO customers (id) VALUES (9) RETURNING id", &[], TERMS).await;
    assert!(matches!(told, Err(ForeignError::ReadOnly)), "{told:?}");
    // One that hides what it does is stopped by the database.
    let hidden = match lab.kind {
        Kind::Sqlite => "WITH a AS (SELECT 1) DELETE FROM customers RETURNING id",
        Kind::Postgres => "WITH a AS (DELETE FROM customers RETURNING id) SELECT * FROM a",
    };
    let told = foreign.query(hidden, &[], TERMS).await;
    assert!(matches!(told, Err(ForeignError::Said(_))), "{told:?}");
    if matches!(lab.kind, Kind::Postgres) {
        let sneaky = "SELECT set_config('transaction_read_only', 'off', false)";
        let told = foreign.query(sneaky, &[], TERMS).await;
        assert!(matches!(told, Err(ForeignError::Said(_))), "{told:?}");
    }
    assert_eq!(rows(&foreign, "SELECT COUNT(*) AS n FROM customers", &[]).await, [json!({"n": 2})]);
}

async fn a_script_neither_ends_transactions_nor_opens_other_files(lab: Lab) {
    let foreign = customers(&lab, true).await;
    for sql in [
        "ATTACH DATABASE 'other.db' AS other",
        "VACUUM INTO 'copy.db'",
        "PRAGMA writable_schema = 1",
        "BEGIN",
        "COMMIT",
        "SET search_path = x",
        "COPY customers TO PROGRAM 'id'",
    ] {
        for told in [foreign.query(sql, &[], TERMS).await.map(drop), foreign.exec(sql, &[]).await.map(drop)] {
            assert!(matches!(told, Err(ForeignError::Statement(_))), "{sql}: {told:?}");
        }
    }
    let told = foreign.exec("DELETE FROM customers; DROP TABLE customers", &[]).await.expect_err("two");
    assert!(matches!(told, ForeignError::Statement(_) | ForeignError::Said(_)), "{told:?}");
    assert_eq!(rows(&foreign, "SELECT COUNT(*) AS n FROM customers", &[]).await, [json!({"n": 2})]);
}

async fn a_huge_answer_is_refused_before_it_fills_the_memory(lab: Lab) {
    let foreign = customers(&lab, false).await;
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT i FROM n";
    assert_eq!(rows(&foreign, numbers, &[json!(100)]).await.len(), 100);
    let told = foreign.query(numbers, &[json!(1_000_000)], TERMS).await.expect_err("too many");
    assert_eq!(told.to_string(), "the answer has more than 100 rows; ask for fewer with LIMIT");
    let terms = Terms { rows: 1_000, ..TERMS };
    let long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT CAST(i AS TEXT) || $1 AS t FROM n";
    let told = foreign.query(long, &[json!("x".repeat(100))], terms).await.expect_err("too long");
    assert!(matches!(told, ForeignError::Bytes(10_000)), "{told:?}");
    assert_eq!(rows(&foreign, numbers, &[json!(3)]).await.len(), 3, "its connections are as good as before");
}

async fn what_is_wrong_is_told_by_the_database(lab: Lab) {
    let foreign = customers(&lab, true).await;
    let told = foreign.query("SELECT nothing FROM customers", &[], TERMS).await.expect_err("no such column");
    let told = patchcord_web::problem::chain(&told);
    assert!(told.starts_with("the database says no: ") && told.contains("nothing"), "{told}");
    let told = foreign.exec("INSERT INTO customers (id) VALUES ($1)", &[json!(1)]).await.expect_err("it is there");
    assert!(patchcord_web::problem::chain(&told).to_lowercase().contains("unique"), "{told:?}");
    foreign.close().await;
    let told = foreign.query("SELECT 1 AS a", &[], TERMS).await.expect_err("it is closed");
    assert!(matches!(told, ForeignError::Away(_)), "{told:?}");
}

#[tokio::test]
async fn who_gives_up_on_sqlite_ends_what_it_does() {
    let lab = Lab::new(Kind::Sqlite);
    let foreign = customers(&lab, false).await;
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) AS m FROM n";
    // More of them than there are connections.
    for _ in 0..6 {
        let given_up = tokio::time::timeout(Duration::from_millis(100), foreign.query(endless, &[], TERMS)).await;
        assert!(given_up.is_err(), "it has no end");
    }
    assert_eq!(rows(&foreign, "SELECT COUNT(*) AS n FROM customers", &[]).await, [json!({"n": 2})]);
}

#[tokio::test]
async fn a_file_that_is_locked_or_not_there_is_told() {
    let lab = Lab::new(Kind::Sqlite);
    let foreign = customers(&lab, true).await;
    let Place::Sqlite(path) = &lab.place else { panic!("a file") };
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let other = sqlx::SqlitePool::connect_with(options).await.expect("connected");
    let lock = other.begin_with("BEGIN IMMEDIATE").await.expect("locked");
    let told = foreign.exec("DELETE FROM customers", &[]).await.expect_err("it is locked");
    assert!(patchcord_web::problem::chain(&told).contains("database is locked"), "{told:?}");
    drop(lock);

    let nowhere = Place::parse("sqlite:nowhere.db", lab.folder()).expect("a place");
    let told = Foreign::at(&nowhere, true).exec("CREATE TABLE t (a TEXT)", &[]).await.expect_err("it is not there");
    assert!(patchcord_web::problem::chain(&told).contains("unable to open database file"), "{told:?}");
    assert!(!lab.folder().join("nowhere.db").exists(), "nothing is made by mistake");
}
