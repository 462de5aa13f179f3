//! The store: a bucket behind a small S3 of our own, and a folder.

use std::collections::HashMap;
use std::sync::Arc;

use axum::response::Response;
use patchcord_media::prompt::{Bounds, Fetch, Fetched, Unfetched};
use patchcord_web::fetch::{Keys, Place, Settings};

use crate::lab::{BOUNDS, SHORT, Seen, Server, answer, endless, fetch, fetchers_of, refusal, stalled};

const WHEN: &str = "Mon, 01 Jan 2024 00:00:00 GMT";

/// Answers as S3 does for a bucket with a few files in it.
fn s3(request: &Seen) -> Response {
    let whole = |kind: &str, body: axum::body::Body| {
        let headers = [("etag", "\"1\""), ("last-modified", WHEN), ("content-type", kind), ("content-length", "5")];
        if request.header("if-none-match") == Some("\"1\"") {
            return answer(304, &headers[..2], "");
        }
        answer(200, &headers, body)
    };
    let error = |status, code| answer(status, &[], format!("<Error>\n  <Code>{code}</Code>\n</Error>"));
    match request.line.trim_start_matches("GET /sounds/") {
        "en/welcome.flac" | "en/tell.me" => whole("audio/flac", "sound".into()),
        "en/page.wav" => whole("text/html", "page!".into()),
        "en/slow.wav" => whole("audio/wav", stalled()),
        "en/long.wav" => {
            answer(200, &[("etag", "\"1\""), ("last-modified", WHEN), ("content-length", "20000")], endless())
        }
        "en/secret.wav" => error(403, "AccessDenied"),
        "en/busy.wav" => error(503, "SlowDown"),
        "en/talk.wav" => answer(400, &[], endless()),
        "en/moved.wav" => answer(307, &[("location", "http://127.0.0.1:1/x")], ""),
        _ => error(404, "NoSuchKey"),
    }
}

/// The fetchers for the prefix `en` of a bucket there. What scripts may reach plays no part.
fn bucket_at(server: &Server, keys: Option<Keys>) -> HashMap<String, Arc<dyn Fetch>> {
    let place = Place::read(&format!("s3://sounds/en?endpoint={}&region=eu-central-1", server.url(""))).unwrap();
    fetchers_of(Settings { store: Some(place), keys, ..Settings::default() })
}

#[test]
fn a_file_comes_out_of_the_bucket_by_either_name() {
    let server = Server::start(s3);
    let fetchers = bucket_at(&server, Some(Keys { id: "AKID".into(), secret: "hush".into() }));
    assert_eq!(fetch(&fetchers, "store://tell.me").unwrap().0, b"sound");
    assert_eq!(fetch(&fetchers, "s3://sounds/en/tell.me").unwrap().0, b"sound");
    let seen = server.seen();
    assert!(seen.iter().all(|request| request.line == "GET /sounds/en/tell.me"), "{seen:?}");
    assert_eq!(seen[0].from, seen[1].from, "one connection");
    let signed = seen[0].header("authorization").unwrap();
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"), "{signed}");
    assert!(signed.contains("/eu-central-1/s3/aws4_request"), "{signed}");
}

#[test]
fn the_ending_may_be_left_away_and_is_searched_for_once() {
    let server = Server::start(s3);
    let fetchers = bucket_at(&server, None);
    let (bytes, version) = fetch(&fetchers, "store://welcome").unwrap();
    assert_eq!(bytes, b"sound");
    let searched: Vec<_> = server.seen().iter().map(|request| request.line.clone()).collect();
    let names = ["welcome", "welcome.wav", "welcome.opus", "welcome.ogg", "welcome.flac"];
    assert_eq!(searched, names.map(|name| format!("GET /sounds/en/{name}")));
    assert_eq!(server.seen()[0].header("authorization"), None, "without keys it is asked as anybody could");

    let again = fetchers["store"].fetch("store://welcome", Some(&version), &BOUNDS);
    assert!(matches!(again, Ok(Fetched::Same)), "{again:?}");
    let asked = server.seen();
    assert_eq!((asked.len(), asked[5].line.as_str()), (6, "GET /sounds/en/welcome.flac"));
    assert_eq!(asked[5].header("if-none-match"), Some("\"1\""));
}

#[test]
fn what_the_bucket_does_not_give_is_told() {
    let server = Server::start(s3);
    let fetchers = bucket_at(&server, None);
    let missing = |name: &str| Unfetched::Missing { name: name.into(), places: "s3://sounds/en".into() };
    for name in ["store://none.wav", "store://none", "s3://sounds/en/none.wav"] {
        assert_eq!(refusal(&fetchers, name, &BOUNDS), missing(name));
    }
    let why = |name: &str| match refusal(&fetchers, name, &BOUNDS) {
        Unfetched::Forbidden { why, .. } | Unfetched::Unreachable { why, .. } => why,
        other => panic!("{name}: {other:?}"),
    };
    assert!(why("store://secret.wav").contains("<Code>AccessDenied</Code>"), "{}", why("store://secret.wav"));
    assert!(why("store://busy.wav").contains("503"), "{}", why("store://busy.wav"));
    assert!(why("store://moved.wav").contains("307"), "{}", why("store://moved.wav"));
    assert!(why("store://talk.wav").chars().count() <= 301);
    assert_eq!(why("s3://others/a.wav"), "only the bucket sounds is configured");
    assert_eq!(why("store://../secret.wav"), "it is no name of a file");
}

#[test]
fn the_limits_hold_for_a_bucket() {
    let server = Server::start(s3);
    let fetchers = bucket_at(&server, None);
    let name = "store://long.wav";
    assert_eq!(refusal(&fetchers, name, &BOUNDS), Unfetched::TooBig { name: name.into(), limit: BOUNDS.bytes });
    let tight = Bounds { bytes: 4, ..BOUNDS };
    let name = "store://tell.me";
    assert_eq!(refusal(&fetchers, name, &tight), Unfetched::TooBig { name: name.into(), limit: 4 });
    let name = "store://slow.wav";
    assert_eq!(refusal(&fetchers, name, &SHORT), Unfetched::Late { name: name.into(), limit: SHORT.time });
    let name = "store://page.wav";
    let told = Unfetched::WrongKind { name: name.into(), kind: "text/html".into() };
    assert_eq!(refusal(&fetchers, name, &BOUNDS), told);
}

#[test]
fn a_store_that_is_away_is_told_without_waiting() {
    let gone = Server::start(s3);
    let fetchers = bucket_at(&gone, None);
    drop(gone);
    let told = refusal(&fetchers, "store://tell.me", &BOUNDS);
    assert!(matches!(&told, Unfetched::Unreachable { why, .. } if why.starts_with("nobody answers there: ")), "{told}");
}

#[test]
fn a_folder_is_a_store_too() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("en")).unwrap();
    std::fs::write(folder.path().join("en/welcome.wav"), "sound").unwrap();
    let place = Place::read(folder.path().to_str().unwrap()).unwrap();
    let fetchers = fetchers_of(Settings { store: Some(place), ..Settings::default() });
    let (bytes, version) = fetch(&fetchers, "store://en/welcome").unwrap();
    assert_eq!(bytes, b"sound");
    let again = fetchers["store"].fetch("store://en/welcome", Some(&version), &BOUNDS);
    assert!(matches!(again, Ok(Fetched::Same)), "{again:?}");
    let told = refusal(&fetchers, "store://../x", &BOUNDS);
    assert!(matches!(told, Unfetched::Forbidden { .. }), "{told}");
    assert!(!fetchers.contains_key("s3"));
}
