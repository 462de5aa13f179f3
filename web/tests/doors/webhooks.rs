//! Webhooks against a receiver that fails, hangs and comes back: nothing is lost, everything is signed, and calls do not wait.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use patchcord_engine::{
    journal::{Began, CallId, Journal, Outcome, Party, RecordShelf, Rules, What},
    runtime::clock,
};
use patchcord_web::{
    store::webhooks::Delivery,
    webhooks::{self, Settings, ToldRecords, Webhooks},
};
use ring::hmac;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::{mpsc, watch},
};

use crate::lab::Lab;

const SECRET: &str = "a secret of the tests";

/// What a receiver was told.
#[derive(Debug)]
pub struct Heard {
    pub head: String,
    pub body: Value,
    pub raw: String,
}

impl Heard {
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// A program elsewhere that answers as it is told to, and then with 200.
pub struct Receiver {
    pub url: String,
    heard: mpsc::UnboundedReceiver<Heard>,
    answers: Arc<Mutex<VecDeque<&'static str>>>,
}

impl Receiver {
    pub async fn new(answers: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook?key=1", listener.local_addr().expect("an address"));
        let answers = Arc::new(Mutex::new(VecDeque::from(answers.to_vec())));
        let (tell, heard) = mpsc::unbounded_channel();
        tokio::spawn(serve(listener, answers.clone(), tell));
        Self { url, heard, answers }
    }

    pub async fn hears(&mut self) -> Heard {
        self.heard.recv().await.expect("the receiver is there")
    }
}

async fn serve(listener: TcpListener, answers: Arc<Mutex<VecDeque<&'static str>>>, tell: mpsc::UnboundedSender<Heard>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let (answers, tell) = (answers.clone(), tell.clone());
        tokio::spawn(async move {
            let mut text = String::new();
            let mut bytes = [0; 4096];
            loop {
                let read = stream.read(&mut bytes).await.unwrap_or(0);
                if read == 0 {
                    return;
                }
                text += &String::from_utf8_lossy(&bytes[..read]);
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head
                    .lines()
                    .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() < length.unwrap_or(0) {
                    continue;
                }
                let heard = Heard {
                    head: head.to_owned(),
                    body: serde_json::from_str(body).unwrap_or(Value::Null),
                    raw: body.to_owned(),
                };
                let answer = answers.lock().expect("nobody panics").pop_front().unwrap_or("200 OK");
                let _gone = tell.send(heard);
                if answer == "hang up" {
                    return;
                }
                let said = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
                if stream.write_all(said.as_bytes()).await.is_err() {
                    return;
                }
                text.clear();
            }
        });
    }
}

/// A house that tells that receiver of these events.
pub async fn telling(urls: &[&str], events: &[&str]) -> (Lab, Arc<Webhooks>, watch::Sender<bool>) {
    let events = events.iter().map(|event| event.parse().expect("an event")).collect();
    let urls = urls.iter().map(|url| (*url).to_owned()).collect();
    let lab = Lab::telling(Settings { urls, secret: SECRET.into(), events }).await;
    let webhooks = lab.webhooks.clone();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(webhooks::run(webhooks.clone(), lab.store.clone(), lab.board.clone(), Vec::new(), stopped));
    (lab, webhooks, stop)
}

/// Writes a call that is over, as the scribe does.
pub async fn call_ends(lab: &Lab, webhooks: &Arc<Webhooks>, recording: Option<&str>) -> CallId {
    let wall = clock::wall();
    let id = CallId::new(wall, 7);
    let mut journal = Journal::begin(id, Began::new(wall, Party::new("alice"), Party::new("102")), Rules::default());
    if let Some(path) = recording {
        journal.note(Duration::ZERO, What::Recording { leg: None, path: path.into() });
    }
    let over = journal.end(Duration::from_secs(3), Outcome::NoAnswer);
    let shelf = ToldRecords::new(lab.store.clone(), lab.board.clone(), webhooks.clone());
    shelf.write_batches(&[over]).await.expect("written");
    id
}

/// Waits until nothing is kept any more.
pub async fn all_taken(lab: &Lab) {
    loop {
        let kept = lab.store.count_webhooks().await.expect("counted");
        if kept == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_call_that_ends_is_told_with_its_record_and_its_recording_and_signed() {
    let mut receiver = Receiver::new(&[]).await;
    let (lab, webhooks, _stop) = telling(&[&receiver.url], &["*"]).await;
    let id = call_ends(&lab, &webhooks, Some("day/one.wav")).await;
    let mut told = [receiver.hears().await, receiver.hears().await];
    told.sort_by_key(|heard| heard.body["event"].as_str().map(str::to_owned));
    let [ended, recording] = told;
    assert_eq!((&ended.body["event"], &recording.body["event"]), (&"call.ended".into(), &"recording.ready".into()));
    assert_eq!(ended.body["data"]["record"]["call"], id.to_string());
    assert_eq!(ended.body["data"]["record"]["outcome"], "no_answer");
    assert!(ended.body["data"]["sentence"].as_str().is_some_and(|told| !told.is_empty()));
    assert_eq!(recording.body["data"]["path"], "day/one.wav");
    assert!(ended.head.starts_with("POST /hook?key=1 HTTP/1.1"), "{}", ended.head);
    assert_eq!(ended.header("patchcord-event"), "call.ended");
    assert_eq!(ended.header("patchcord-delivery"), ended.body["id"].as_str().expect("a name"));
    let signature = ended.header("patchcord-signature");
    let (time, _) = signature.strip_prefix("t=").and_then(|rest| rest.split_once(',')).expect("a time");
    let at = UNIX_EPOCH + Duration::from_secs(time.parse().expect("seconds"));
    assert!(clock::wall().duration_since(at).expect("it is past") < Duration::from_secs(60));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    assert_eq!(signature, webhooks::sign(&key, at, &ended.raw));
    all_taken(&lab).await;
}

#[tokio::test]
async fn a_receiver_that_fails_and_comes_back_hears_everything_under_the_same_name() {
    let mut receiver = Receiver::new(&["503 Service Unavailable", "hang up"]).await;
    let (lab, webhooks, _stop) = telling(&[&receiver.url], &["call.ended"]).await;
    call_ends(&lab, &webhooks, None).await;
    let first = receiver.hears().await;
    let name = first.header("patchcord-delivery").to_owned();
    // The pauses are for days; an operator does not wait that long.
    for tries in 1..=2 {
        let kept = loop {
            let waiting = lab.store.webhooks(false, None, 10).await.expect("read");
            match waiting.into_iter().find(|delivery| delivery.tries == tries) {
                Some(delivery) => break delivery,
                None => tokio::task::yield_now().await,
            }
        };
        assert!(kept.next.is_some_and(|next| next > clock::wall()), "it waits: {kept:?}");
        let why = kept.why.expect("a reason");
        assert!(tries == 2 || why.contains("503"), "{why}");
        let put_off = lab.store.put_off_webhook(&name, tries, Some(clock::wall()), "now").await;
        put_off.expect("noted");
        let again = receiver.hears().await;
        assert_eq!((again.header("patchcord-delivery"), &again.raw), (&*name, &first.raw));
    }
    all_taken(&lab).await;
    let page = lab.order("GET", "/api/v1/webhooks", "").await.json();
    assert_eq!((&page["receivers"][0]["waiting"], &page["receivers"][0]["dead"]), (&0.into(), &0.into()), "{page}");
}

#[tokio::test]
async fn what_is_dead_is_seen_sent_again_and_thrown_away_by_api() {
    let mut receiver = Receiver::new(&["500 Internal Server Error"]).await;
    let (lab, _webhooks, _stop) = telling(&[&receiver.url], &["call.ended"]).await;
    let dead = |id: &str, tries| Delivery {
        id: id.into(),
        url: receiver.url.clone(),
        event: "call.ended".into(),
        body: r#"{"id":"x"}"#.into(),
        made: clock::wall(),
        tries,
        next: None,
        why: Some("the receiver says 500".into()),
    };
    lab.store.keep_webhooks(&[dead("a1", 10), dead("a2", 10)]).await.expect("kept");
    let page = lab.order("GET", "/api/v1/webhooks/deliveries?state=dead", "").await.json();
    let ids: Vec<_> = page["deliveries"].as_array().expect("a list").iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, ["a2", "a1"]);
    assert!(page["deliveries"][0]["why"].as_str().is_some_and(|why| why.contains("500")), "{page}");
    let told = lab.order("GET", "/api/v1/webhooks", "").await.json();
    assert_eq!((&told["receivers"][0]["dead"], &told["receivers"][0]["configured"]), (&2.into(), &true.into()));

    assert_eq!(lab.order("POST", "/api/v1/webhooks/deliveries/a1/resend", "").await.status, 202);
    assert_eq!(receiver.hears().await.header("patchcord-delivery"), "a1");
    assert_eq!(lab.order("DELETE", "/api/v1/webhooks/deliveries/a2", "").await.status, 204);
    let gone = lab.order("POST", "/api/v1/webhooks/deliveries/a2/resend", "").await;
    assert!(gone.problem(404).contains("no delivery a2"));
    receiver.answers.lock().expect("nobody panics").clear();
}

#[tokio::test]
async fn a_ping_reaches_every_receiver_whatever_it_wants_to_hear() {
    let (mut one, mut two) = (Receiver::new(&[]).await, Receiver::new(&[]).await);
    let (lab, _webhooks, _stop) = telling(&[&one.url, &two.url], &["trunk.down"]).await;
    assert_eq!(lab.order("POST", "/api/v1/webhooks/ping", "").await.status, 202);
    assert_eq!(one.hears().await.body["event"], "ping");
    assert_eq!(two.hears().await.body["data"]["by"], "command line");
    let nobody = Lab::new().await;
    assert!(nobody.order("POST", "/api/v1/webhooks/ping", "").await.problem(409).contains("no receiver"));
}
