//! Recordings of calls over HTTP: in parts, within their folder, for those who may, and noted.

use std::time::{Duration, UNIX_EPOCH};

use patchcord_engine::{
    journal::{Began, CallId, Journal, Outcome, Party, RecordShelf, Rules, What},
    runtime::clock,
};
use patchcord_web::people::{Asker, Role};

use crate::lab::Lab;

/// A call with these recordings, and the cookie of somebody with that role.
async fn house(role: Role, recordings: &[&str]) -> (Lab, String, String) {
    let lab = Lab::new().await;
    let wall = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let id = CallId::new(wall, 1);
    let mut journal = Journal::begin(id, Began::new(wall, Party::new("alice"), Party::new("102")), Rules::default());
    for path in recordings {
        journal.note(Duration::ZERO, What::Recording { leg: None, path: (*path).into() });
    }
    let over = journal.end(Duration::from_secs(3), Outcome::Answered);
    lab.store.write_batches(&[over]).await.expect("written");
    let folder = lab.folder().join("recordings/day");
    std::fs::create_dir_all(&folder).expect("made");
    std::fs::write(folder.join("one.wav"), "0123456789").expect("written");
    std::fs::write(lab.folder().join("secret.wav"), "secret").expect("written");

    let added = lab.people.add(&Asker::server(), "somebody", "correct horse".into(), role, clock::wall()).await;
    added.expect("added");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = lab.ask(form, "POST", "/login", "name=somebody&password=correct+horse").await;
    let cookie = answer.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    (lab, format!("Cookie: {cookie}\r\n"), format!("/calls/{id}/recordings"))
}

#[tokio::test]
async fn a_recording_is_given_whole_or_in_part_and_each_listening_is_noted_once() {
    let (lab, cookie, path) = house(Role::Operator, &["day/one.wav"]).await;
    let whole = lab.ask(&cookie, "GET", &format!("{path}/0"), "").await;
    assert_eq!((whole.status, &*whole.kind, &*whole.body), (200, "audio/wav", "0123456789"));
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let part = lab.ask(&format!("{cookie}Range: bytes=3-5\r\n"), "GET", &format!("{path}/0"), "").await;
    assert_eq!((part.status, part.header("content-range"), &*part.body), (206, "bytes 3-5/10", "345"));
    let behind = lab.ask(&format!("{cookie}Range: bytes=10-\r\n"), "GET", &format!("{path}/0"), "").await;
    assert_eq!((behind.status, behind.header("content-range")), (416, "bytes */10"));

    let deeds = lab.order("GET", "/api/v1/audit", "").await.json();
    let deeds = deeds["deeds"].as_array().expect("a list").clone();
    let listened: Vec<_> = deeds.iter().filter(|deed| deed["deed"] == "listened to").collect();
    assert_eq!(listened.len(), 1, "a later part is the same listening: {deeds:?}");
    assert_eq!((&listened[0]["who"], &listened[0]["object"]), (&"somebody".into(), &"day/one.wav".into()));
}

#[tokio::test]
async fn a_path_that_leads_out_of_the_folder_and_a_deleted_file_are_not_there() {
    let tricks = ["../secret.wav", "day/../../secret.wav", "/etc/passwd", "day/deleted.wav"];
    let (lab, cookie, path) = house(Role::Admin, &tricks).await;
    for at in 0..=tricks.len() {
        let answer = lab.ask(&cookie, "GET", &format!("{path}/{at}"), "").await;
        assert!(answer.status == 404 && !answer.body.contains("secret\n"), "{at}: {answer:?}");
    }
    for trick in ["..%2F..%2Fsecret.wav", "-1", "99999999999999999999"] {
        assert!(lab.ask(&cookie, "GET", &format!("{path}/{trick}"), "").await.status >= 400, "{trick}");
    }
    let page = lab.ask(&cookie, "GET", path.trim_end_matches("/recordings"), "").await;
    assert_eq!(page.body.matches("The file is not there any more.").count(), tricks.len());
}

#[tokio::test]
async fn whoever_may_not_listen_hears_nothing() {
    let (lab, cookie, path) = house(Role::Viewer, &["day/one.wav"]).await;
    let answer = lab.ask(&cookie, "GET", &format!("{path}/0"), "").await;
    assert!(answer.status == 403 && !answer.body.contains("0123456789"), "{answer:?}");
    assert_eq!(lab.page("GET", &format!("{path}/0")).await.status, 303, "and a stranger is led to the log-in");
}

#[tokio::test]
async fn recordings_are_listed_heard_in_parts_and_deleted_over_the_api_and_each_listening_is_noted() {
    let (lab, _cookie, path) = house(Role::Operator, &["day/one.wav", "day/deleted.wav"]).await;
    let call = path.trim_start_matches("/calls/").trim_end_matches("/recordings");
    let list = lab.order("GET", "/api/v1/recordings", "").await.json();
    let of_call = &list["calls"][0];
    assert_eq!((&of_call["call"], &of_call["recordings"][0]["bytes"]), (&call.into(), &10.into()), "{list}");
    assert_eq!(of_call["recordings"][1]["is_there"], false, "deleted by hand: {list}");

    let token = patchcord_web::control::Token::read(lab.folder()).expect("the token");
    let header = format!("Authorization: Bearer {token}\r\nRange: bytes=-4\r\n");
    let part = lab.order_with(&header, "GET", &format!("/api/v1/recordings/{call}/0"), "").await;
    assert_eq!((part.status, part.header("content-range"), &*part.body), (206, "bytes 6-9/10", "6789"));
    let whole = lab.order("GET", &format!("/api/v1/recordings/{call}/0"), "").await;
    assert_eq!((whole.status, &*whole.kind, &*whole.body), (200, "audio/wav", "0123456789"));
    for nothing in ["1", "2", "-1", "x", "..%2F..%2Fsecret.wav"] {
        let answer = lab.order("GET", &format!("/api/v1/recordings/{call}/{nothing}"), "").await;
        assert!(answer.problem(404).contains("no such recording"), "{nothing}");
    }
    assert_eq!(lab.order("DELETE", &format!("/api/v1/recordings/{call}/0"), "").await.status, 204);
    assert_eq!(lab.order("DELETE", &format!("/api/v1/recordings/{call}/0"), "").await.status, 404);
    let deeds = lab.order("GET", "/api/v1/audit", "").await.json();
    let said: Vec<_> = deeds["deeds"].as_array().expect("a list").iter().map(|deed| deed["deed"].clone()).collect();
    assert_eq!(said.iter().filter(|deed| **deed == "listened to").count(), 1, "a part is not a listening: {said:?}");
    assert_eq!(said[0], "deleted recording");
}

#[tokio::test]
async fn an_operator_hears_recordings_over_the_api_and_does_not_delete_them_and_a_viewer_does_neither() {
    for (role, hears) in [(Role::Operator, 200), (Role::Viewer, 403)] {
        let (lab, cookie, path) = house(role, &["day/one.wav"]).await;
        let call = path.trim_start_matches("/calls/").trim_end_matches("/recordings");
        let url = format!("/api/v1/recordings/{call}/0");
        assert_eq!(lab.ask(&cookie, "GET", &url, "").await.status, hears, "{role}");
        assert_eq!(lab.ask(&cookie, "DELETE", &url, "").await.status, 403, "{role}");
    }
}
