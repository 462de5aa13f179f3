//! Opening: the first time, again, and when it cannot be done.

use std::{fs, os::unix::fs::PermissionsExt};

use patchcord_engine::routing::{Calling, EndpointRow, EndpointShelf, ShelfError};
use patchcord_web::store::{OpenError, Place, Store};

use crate::lab::{Kind, Lab, laws, moment};

laws! {
    the_first_start_makes_everything_and_the_second_finds_it,
    a_database_of_a_newer_version_is_refused,
    tables_that_are_not_ours_are_told,
    a_closed_store_is_away,
    another_key_is_refused_where_passwords_are_sealed,
    the_key_of_a_database_without_passwords_may_change,
}

async fn the_first_start_makes_everything_and_the_second_finds_it(lab: Lab) {
    for _ in 0..2 {
        let store = lab.store().await;
        store.reachable().await.expect("reachable");
        assert_eq!(store.load_endpoints().await.expect("loaded").rows, []);
        store.close().await;
    }
    if let Place::Sqlite(path) = &lab.place {
        assert_eq!(fs::metadata(path).expect("made").permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::metadata(lab.data()).expect("made").permissions().mode() & 0o777, 0o700);
}

async fn a_database_of_a_newer_version_is_refused(lab: Lab) {
    lab.store().await.close().await;
    lab.tamper("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 2").await;

    let migrations = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite")).expect("a folder");
    let names = migrations.flatten().filter_map(|file| file.file_name().into_string().ok());
    let known = names.filter_map(|name| name[..4].parse::<u16>().ok()).max().expect("there are migrations");
    let error = Store::open(&lab.place, &lab.data()).await.err().expect("refused");
    assert_eq!(
        error.to_string(),
        format!(
            "database {} was last used by a newer version (it has migration 9999, this version knows {known})",
            lab.place
        )
    );
    assert!(error.remedy().starts_with("start the newer version again"), "{}", error.remedy());
}

async fn tables_that_are_not_ours_are_told(lab: Lab) {
    if let Kind::Sqlite = lab.kind {
        fs::create_dir_all(lab.folder().join("made/on/first")).expect("made");
        fs::write(lab.folder().join("made/on/first/start.db"), "").expect("an empty file is an empty database");
    }
    lab.tamper("CREATE TABLE endpoints (something_else TEXT)").await;

    let error = Store::open(&lab.place, &lab.data()).await.err().expect("refused");
    assert_eq!(error.to_string(), format!("the tables of database {} cannot be brought up to date", lab.place));
    let told = std::error::Error::source(&error).expect("a cause").to_string();
    assert_eq!((told.matches("already exists").count(), told.contains("at line")), (1, false), "{told}");
}

async fn a_closed_store_is_away(lab: Lab) {
    let store = lab.store().await;
    store.close().await;
    assert!(matches!(store.reachable().await, Err(ShelfError::Away(_))));
}

async fn another_key_is_refused_where_passwords_are_sealed(lab: Lab) {
    let store = lab.store().await;
    store.put_endpoints(vec![alice()]).await.expect("put");
    store.close().await;

    let other = lab.folder().join("other");
    let error = Store::open(&lab.place, &other).await.err().expect("refused");
    let expected = format!(
        "database {} belongs to another data folder: its passwords are sealed with another key than {}/secret.key",
        lab.place,
        other.display()
    );
    assert_eq!(error.to_string(), expected);
    assert!(error.remedy().starts_with("give this server a database of its own"), "{}", error.remedy());
    assert_eq!(lab.store().await.load_endpoints().await.expect("loaded").rows, [alice()]);
}

async fn the_key_of_a_database_without_passwords_may_change(lab: Lab) {
    lab.store().await.close().await;
    let other = lab.folder().join("other");
    for data in [other.clone(), lab.data(), other] {
        Store::open(&lab.place, &data).await.expect("nothing is sealed yet").close().await;
    }
}

fn alice() -> EndpointRow {
    EndpointRow {
        user: "alice".into(),
        password: "a".into(),
        digests: None,
        number: None,
        calling: Calling::default(),
        created: moment(0),
        updated: moment(0),
    }
}

#[tokio::test]
async fn a_second_server_is_refused_while_the_first_holds_the_database() {
    let lab = Lab::new(Kind::Postgres);
    let first = lab.store().await;
    let error = Store::open(&lab.place, &lab.data()).await.err().expect("refused");
    assert_eq!(error.to_string(), format!("database {} is held by another server", lab.place));
    first.reachable().await.expect("it serves on");
    first.close().await;
    lab.store().await.reachable().await.expect("it is free again");
}

#[tokio::test]
async fn whoever_lost_the_database_holds_it_again_or_says_who_does() {
    let lab = Lab::new(Kind::Postgres);
    let first = lab.store().await;
    lab.ask("SELECT pg_terminate_backend(pid)::TEXT FROM pg_locks WHERE locktype = 'advisory'").await;
    let second = lab.store().await;
    let told = first.reachable().await.expect_err("another has it");
    assert_eq!(std::error::Error::source(&told).expect("a cause").to_string(), "another server holds the database");

    second.close().await;
    first.reachable().await.expect("it is taken again");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("letter.txt");
    fs::write(&path, "Dear Mr Watson, come here, I want to see you.\n".repeat(100)).expect("written");
    let before = fs::read(&path).expect("read");

    let place = Place::parse("sqlite:letter.txt", folder.path()).expect("a place");
    let error = Store::open(&place, folder.path()).await.err().expect("refused");
    assert_eq!(error.to_string(), format!("database sqlite:{} cannot be opened", path.display()));
    assert_eq!(fs::read(&path).expect("read"), before);
}

#[tokio::test]
async fn a_postgres_that_is_not_there_is_told_without_its_password() {
    let folder = tempfile::tempdir().expect("a folder");
    // A port that was just free, on the machine itself: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let url = format!("postgres://pbx:s3cret@{free}/pbx");
    let place = Place::parse(&url, folder.path()).expect("a place");

    let error = Store::open(&place, folder.path()).await.err().expect("refused");
    assert_eq!(error.to_string(), format!("database postgres://pbx:***@{free}/pbx does not answer"));
    assert!(error.may_pass(), "somebody may come to listen there");
    let OpenError::Away { source, .. } = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains("refused"), "the cause is told: {source}");
    assert!(!format!("{error:?} {}", error.remedy()).contains("s3cret"));
}
