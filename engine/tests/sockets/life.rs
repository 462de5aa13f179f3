//! Starting and stopping.

use std::error::Error;
use std::time::Duration;

use patchcord_engine::runtime::{BindError, Desk, Runtime, StartError};
use patchcord_sip::hop::Transport;

use crate::net::{Caller, Phone};
use crate::support::{House, Note, options, request, settings, status, within};

fn refused(listen: &str, shards: usize) -> StartError {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(&[listen], &folder);
    settings.shards = shards;
    let never = |_| -> Box<dyn Desk> { panic!("no desk is made when the start fails") };
    match Runtime::start(settings, never) {
        Err(error) => error,
        Ok(_) => panic!("two servers on one address"),
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_address_is_told_so() {
    for shards in [1, 2] {
        let house = House::with(&["udp:127.0.0.1:0", "tcp:127.0.0.1:0"], |settings| settings.shards = shards);
        for listen in house.runtime.bound() {
            for other in [1, 2] {
                let error = refused(&listen.to_string(), other);
                assert!(
                    matches!(&error, StartError::Bind(BindError::InUse(taken, _)) if *taken == listen),
                    "{error:?}"
                );
                assert!(error.to_string().contains(&listen.to_string()), "{error}");
                assert!(error.to_string().contains("[sip] listen"), "{error}");
                assert!(error.source().is_some(), "the system's own words are kept");
            }
        }
    }
}

#[tokio::test]
async fn an_address_of_another_machine_is_named() {
    let error = refused("udp:192.0.2.1:5060", 1);
    assert!(matches!(&error, StartError::Bind(BindError::NotOurs(..))), "{error:?}");
}

#[tokio::test]
async fn a_stopped_server_leaves_its_ports_at_once() {
    let house = House::open(&["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]);
    let bound: Vec<String> = house.runtime.bound().iter().map(ToString::to_string).collect();
    drop(house);
    let bound: Vec<&str> = bound.iter().map(String::as_str).collect();
    let again = House::open(&bound);
    let phone = Phone::to(again.at(Transport::Udp)).await;
    assert_eq!(status(&phone.ask(options("again")).await), 200);
}

#[tokio::test]
async fn while_it_stops_new_requests_are_refused_and_open_ones_end() {
    let House { runtime, mut notes, folder } = House::open(&["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]);
    let (udp, tcp) = (runtime.bound()[0].addr, runtime.bound()[1].addr);
    let phone = Phone::to(udp).await;
    let mut caller = Caller::to(tcp).await;
    // The clerk answers this one when somebody else asks something.
    caller.say(request("OPTIONS", "open", "TCP phone.invalid", "X-Late: yes\r\n")).await;
    while !matches!(within(notes.recv()).await.expect("the desk lives"), Note::Request { .. }) {}

    let stopping = tokio::task::spawn_blocking(move || runtime.stop(Duration::from_secs(60)));
    // Until the stop has begun, requests are answered as always.
    let mut asked = 0;
    let refusal = loop {
        asked += 1;
        let quiet = request("OPTIONS", &format!("quiet{asked}"), "UDP phone.invalid", "X-Quiet: yes\r\n");
        let answer = phone.ask(quiet).await;
        if status(&answer) == 503 {
            break answer;
        }
    };
    assert!(refusal.contains("Retry-After: "), "{refusal}");
    let in_dialog = request("BYE", "bye", "UDP phone.invalid", "").replace("To: <sip:house>", "To: <sip:house>;tag=3");
    assert_eq!(status(&phone.ask(in_dialog).await), 200);
    assert_eq!(status(&caller.hear().await), 200);
    caller.closed().await;
    within(stopping).await.expect("it stops");
    drop(folder);
}
