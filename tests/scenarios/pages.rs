//! Pages that are phones, by the JSON of `/phone/signal`: what a browser's page would hear, without a browser.
//!
//! Sound is not looked at here: descriptions are those of a phone that speaks G.711, and go through as they are.

use std::collections::VecDeque;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use patchcord_lab::{Server, Setup, eventually};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::{operators::ask, setup};

/// How long a page waits for something that should come.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// What a phone that speaks G.711 offers and answers.
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 101\r\n\
    a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n";

/// The answer to what the server offers a browser, but for the sound that would follow.
fn answer_to(ring: &Value) -> String {
    let offer = ring["sdp"].as_str().expect("an offer");
    let mid = offer.lines().find_map(|line| line.strip_prefix("a=mid:")).unwrap_or("0");
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mid}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n\
         c=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
         a=fingerprint:sha-256 {}\r\na=setup:active\r\na=rtcp-mux\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n",
        ["0A"; 32].join(":")
    )
}

/// A server where the admin is logged in; his cookie.
async fn house() -> (Server, Door) {
    house_of(setup()).await
}

/// The same, of a setup that was told more.
pub async fn house_of(setup: Setup) -> (Server, Door) {
    let mut server = setup.start().await;
    let said = server.process().said();
    let words = said.iter().find_map(|line| line.trim().strip_prefix("log in as admin with password "));
    let password = words.expect("the first login is told").to_owned();
    let door = Door { web: web_of(&mut server), cookie: String::new(), password: password.clone() };
    let door = door.as_another("admin", &password).await;
    (server, door)
}

fn web_of(server: &mut Server) -> SocketAddr {
    let said = server.process().said();
    let web = said.iter().find_map(|line| line.strip_prefix("  web  http://")?.split('/').next()?.parse().ok());
    web.expect("where HTTP is served")
}

/// How a form says what it is.
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// Where pages come from.
pub struct Door {
    /// The address.
    pub web: SocketAddr,
    /// The first password.
    pub password: String,
    /// By which pages know who is logged in.
    pub cookie: String,
}

impl Door {
    /// What the door answers, with its headers.
    pub async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.web).await.expect("the door answers");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            self.web,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    /// The same door for somebody else, who logs in.
    pub async fn as_another(&self, name: &str, password: &str) -> Self {
        let form = format!("name={name}&password={}", password.replace(' ', "+"));
        let answer = self.ask("POST", "/login", FORM, &form).await;
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        let cookie = cookie.unwrap_or_else(|| panic!("no cookie: {answer}")).to_owned();
        Self { web: self.web, password: password.to_owned(), cookie }
    }

    /// A page as who is logged in sees it.
    pub async fn page(&self, path: &str) -> String {
        self.ask("GET", path, &format!("Cookie: {}\r\n", self.cookie), "").await
    }

    /// What becomes of a form of one of our pages.
    pub async fn form(&self, path: &str, said: &str) -> String {
        let page = self.page("/routes").await;
        let csrf = page.split("name=\"csrf\" content=\"").nth(1).and_then(|rest| rest.split('"').next());
        let said = format!("{said}&csrf={}", csrf.expect("a token of the session"));
        self.send(path, &said).await
    }

    /// The same without what only our pages know.
    pub async fn forge(&self, path: &str, said: &str) -> String {
        self.send(path, &format!("{said}&csrf=guessed")).await
    }

    async fn send(&self, path: &str, said: &str) -> String {
        self.ask("POST", path, &format!("Cookie: {}\r\n{FORM}", self.cookie), said).await
    }

    /// Whoever is logged in has an endpoint from then on.
    pub async fn has_phone(&self) {
        let answer = self.form("/phone", "").await;
        assert!(answer.contains("location: /phone"), "{answer}");
    }

    /// The page of the phone, of an admin who has an endpoint.
    async fn phone_page(&self) -> String {
        self.has_phone().await;
        self.page("/phone").await
    }

    /// The same browser, at the door of a server that was started again.
    pub fn again(self, server: &mut Server) -> Self {
        Self { web: web_of(server), ..self }
    }

    /// A guest's token, by the API.
    pub async fn token(&self, wish: Value) -> Value {
        let page = self.ask("GET", "/people", &format!("Cookie: {}\r\n", self.cookie), "").await;
        let csrf = page.split("name=\"csrf\" content=\"").nth(1).and_then(|rest| rest.split('"').next());
        let headers = format!(
            "Cookie: {}\r\nX-CSRF-Token: {}\r\nContent-Type: application/json\r\n",
            self.cookie,
            csrf.expect("a token of the session")
        );
        let answer = self.ask("POST", "/api/v1/tokens", &headers, &wish.to_string()).await;
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    async fn socket(&self, cookie: bool) -> Page {
        let stream = TcpStream::connect(self.web).await.expect("the door answers");
        let mut request = format!("ws://{}/phone/signal", self.web).into_client_request().expect("an address");
        if cookie {
            request.headers_mut().insert("cookie", self.cookie.parse().expect("a value"));
        }
        let (socket, _) = client_async(request, stream).await.expect("upgraded");
        Page { socket, heard: VecDeque::new(), last: 0 }
    }

    /// A page of the admin.
    async fn admin(&self) -> (Page, Value) {
        let mut page = self.socket(true).await;
        page.say(json!({ "type": "hello", "version": 1 })).await;
        let welcome = page.hear("welcome").await;
        (page, welcome)
    }

    /// A page of a guest.
    async fn guest(&self, token: &Value) -> Page {
        let mut page = self.socket(false).await;
        page.say(json!({ "type": "hello", "version": 1, "token": token })).await;
        page
    }
}

/// A page that is connected.
struct Page {
    socket: WebSocketStream<TcpStream>,
    heard: VecDeque<Value>,
    last: u64,
}

impl Page {
    async fn say(&mut self, words: Value) {
        self.socket.send(Message::text(words.to_string())).await.expect("said");
    }

    /// The next message of that kind; others wait.
    async fn hear(&mut self, kind: &str) -> Value {
        if timeout(PATIENCE, self.listen_for(kind)).await.is_err() {
            panic!("no {kind} came, but {:?}", self.heard);
        }
        let at = self.heard.iter().position(|heard| heard["type"] == kind);
        at.and_then(|at| self.heard.remove(at)).expect("it is there")
    }

    async fn listen_for(&mut self, kind: &str) {
        while !self.heard.iter().any(|heard| heard["type"] == kind) {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let heard: Value = serde_json::from_str(&text).expect("JSON");
                    self.last = heard["n"].as_u64().unwrap_or(self.last);
                    self.heard.push_back(heard);
                }
                Some(Ok(_)) => {}
                other => panic!("no {kind} came, but {:?} and {other:?}", self.heard),
            }
        }
    }

    /// Why that talk is over. A call to oneself rings here, too, and ends when it is answered elsewhere.
    async fn end_of(&mut self, talk: &str) -> Value {
        loop {
            let ended = self.hear("ended").await;
            if ended["talk"] == talk {
                return ended["why"]["code"].clone();
            }
        }
    }

    async fn dial(&mut self, talk: &str, to: &str) {
        self.say(json!({ "type": "dial", "talk": talk, "to": to, "sdp": SDP })).await;
    }
}

#[tokio::test]
async fn a_fresh_servers_admin_calls_the_echo_from_the_page_and_hangs_up() {
    let (server, door) = house().await;
    door.phone_page().await;
    let (mut page, welcome) = door.admin().await;
    assert_eq!((&welcome["you"]["name"], &welcome["you"]["number"]), (&json!("admin"), &json!("100")));

    page.dial("a", "9196").await;
    let answered = page.hear("answered").await;
    assert_eq!(answered["talk"], "a");
    assert!(answered["sdp"].as_str().expect("an answer").contains("m=audio"), "{answered}");
    page.say(json!({ "type": "hangup", "talk": "a" })).await;
    assert_eq!(page.hear("ended").await["why"]["code"], "hung_up");
    let written = async { while !server.json(&["calls", "--json"]).await.to_string().contains("9196") {} };
    timeout(PATIENCE, written).await.expect("the record names whom the page called");
    assert!(door.phone_page().await.contains("data-dial=\"9196\""), "the page lists it among its last calls");
}

#[tokio::test]
async fn pages_ring_each_other_and_texts_keys_and_ends_reach_the_other_side() {
    let (_server, door) = house().await;
    door.phone_page().await;
    let (mut caller, _) = door.admin().await;
    let (mut callee, _) = door.admin().await;
    // Both are the admin's: a text reaches and a call rings him wherever he is.
    caller.say(json!({ "type": "message", "to": "100", "text": "lunch?" })).await;
    let text = callee.hear("message").await;
    assert_eq!((&text["text"], &text["from"]), (&json!("lunch?"), &json!("admin")));
    caller.say(json!({ "type": "message", "to": "199", "text": "lunch?" })).await;
    assert_eq!(caller.hear("error").await["error"]["code"], "forbidden");
    caller.dial("a", "100").await;
    let ring = callee.hear("ring").await;
    assert_eq!((&ring["from"], ring["sdp"].is_string()), (&json!("admin"), true));
    caller.hear("progress").await;
    let talk = ring["talk"].clone();
    callee.say(json!({ "type": "answer", "talk": talk, "sdp": answer_to(&ring) })).await;
    caller.hear("answered").await;

    caller.say(json!({ "type": "message", "talk": "a", "text": "hello" })).await;
    assert_eq!(callee.hear("message").await["text"], "hello");
    let held = SDP.replace("sendrecv", "sendonly");
    caller.say(json!({ "type": "offer", "talk": "a", "sdp": held })).await;
    assert!(caller.hear("accept").await["sdp"].as_str().expect("an answer").contains("recvonly"));
    caller.say(json!({ "type": "press", "talk": "a", "key": "x" })).await;
    assert_eq!(caller.hear("error").await["error"]["code"], "malformed");
    callee.say(json!({ "type": "hangup", "talk": talk })).await;
    assert_eq!(caller.end_of("a").await, "hung_up");
}

#[tokio::test]
async fn a_page_that_reloads_ends_its_talk_and_one_that_lost_its_socket_goes_on() {
    let (_server, door) = house().await;
    door.phone_page().await;
    let (mut caller, _) = door.admin().await;
    let (mut callee, welcome) = door.admin().await;
    caller.dial("a", "100").await;
    let ring = callee.hear("ring").await;
    callee.say(json!({ "type": "answer", "talk": ring["talk"], "sdp": answer_to(&ring) })).await;
    caller.hear("answered").await;

    // The socket breaks without a word; what was said meanwhile is heard afterwards, once.
    let last = callee.last;
    drop(callee);
    caller.say(json!({ "type": "message", "talk": "a", "text": "still there?" })).await;
    let mut again = door.socket(true).await;
    let hello = json!({ "type": "hello", "version": 1, "resume": welcome["resume"], "heard": last });
    again.say(hello).await;
    let back = again.hear("welcome").await;
    assert_eq!(back["resumed"], true);
    assert_eq!(again.hear("message").await["text"], "still there?");

    // A page that goes closes its socket in good order.
    again.socket.close(None).await.expect("closed");
    assert_eq!(caller.end_of("a").await, "hung_up");
}

#[tokio::test]
async fn whoever_looks_at_the_page_of_the_phone_has_no_endpoint_before_he_makes_one() {
    let (server, door) = house().await;
    let endpoints = async || server.json(&["endpoint", "list", "--json"]).await["endpoints"].to_string();
    let before = endpoints().await;
    assert!(door.page("/phone").await.contains("Make my endpoint"));
    assert_eq!(endpoints().await, before, "who looks changes nothing");
    assert!(door.forge("/phone", "").await.starts_with("HTTP/1.1 403 "), "nor does another site");
    assert_eq!(endpoints().await, before);
    assert!(door.phone_page().await.contains("phone-state"));
    assert!(endpoints().await.contains("\"admin\""));
}

#[tokio::test]
async fn a_guest_calls_the_numbers_of_its_token_and_no_others_and_never_rings() {
    let (server, door) = house().await;
    let minted = door.token(json!({ "kind": "browser", "numbers": ["9196"], "expires": 60, "name": "Shop" })).await;
    let mut guest = door.guest(&minted["token"]).await;
    assert_eq!(guest.hear("welcome").await["you"]["numbers"], json!(["9196"]));
    guest.dial("a", "1000").await;
    let why = guest.hear("ended").await["why"].clone();
    assert_eq!((&why["code"], &why["reason"]), (&json!("forbidden"), &json!("the token is for other numbers")));
    let refused = async || {
        let (_, told) = ask(&server, "GET", "/api/v1/records?outcome=forbidden", &Value::Null).await;
        told["records"][0]["sentence"].as_str().map(str::to_owned)
    };
    let sentence = eventually("what it may not call is among the records", refused).await;
    assert_eq!(sentence, "Shop (guest) called 1000; Shop (guest) may not call that: the token is for other numbers.");
    guest.dial("b", "9196").await;
    guest.hear("answered").await;
    guest.dial("c", "9196").await;
    assert_eq!(guest.hear("ended").await["why"]["reason"], "the token has all its calls");
    guest.say(json!({ "type": "transfer", "talk": "b", "to": "1000" })).await;
    assert_eq!(guest.hear("transfer").await["status"], 403);

    let mut forged = minted["token"].as_str().expect("a token").to_owned();
    forged.push('x');
    let mut stranger = door.guest(&json!(forged)).await;
    assert_eq!(stranger.hear("error").await["error"]["code"], "token");
    let mut nobody = door.socket(false).await;
    nobody.say(json!({ "type": "hello", "version": 1 })).await;
    assert_eq!(nobody.hear("error").await["error"]["code"], "login");
}

#[tokio::test]
async fn a_page_that_talks_nonsense_or_too_much_is_told_so() {
    let (_server, door) = house().await;
    door.phone_page().await;
    let (mut page, _) = door.admin().await;
    page.say(json!({ "type": "fly" })).await;
    assert_eq!(page.hear("error").await["error"]["code"], "malformed");
    page.say(json!({ "type": "hangup", "talk": "none" })).await;
    assert_eq!(page.hear("error").await["error"]["code"], "unknown_talk");
    for _ in 0..300 {
        page.say(json!({ "type": "ping" })).await;
    }
    assert_eq!(page.hear("error").await["error"]["code"], "too_fast");

    let (page, _) = door.admin().await;
    // It may be told no before it has said all of it.
    let ten = Message::text("x".repeat(10 << 20));
    let (mut said, mut heard) = page.socket.split();
    let sending = async { said.send(ten).await };
    let hearing = async {
        let (mut told, mut code) = (false, 0);
        while let Some(Ok(message)) = heard.next().await {
            match message {
                Message::Text(text) => told |= text.contains("too_large"),
                Message::Close(Some(frame)) => code = frame.code.into(),
                _ => {}
            }
        }
        (told, code)
    };
    let (_all_or_part, told) = tokio::join!(sending, hearing);
    assert_eq!(told, (true, 1009_u16), "it is told that the message is too large");
    let (mut old, _) = door.admin().await;
    old.say(json!({ "type": "hello", "version": 1 })).await;
    assert_eq!(old.hear("error").await["error"]["code"], "wrong_state");
    let mut other = door.socket(true).await;
    other.say(json!({ "type": "hello", "version": 99 })).await;
    assert_eq!(other.hear("error").await["error"]["code"], "version");
}

const LONG: &str = "fn on_invite(caller) { caller.answer(); caller.play(\"tone::440\", #{ loops: 0 }); }";

#[tokio::test]
async fn a_page_is_told_in_words_why_the_house_has_ended_its_talk() {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    let (mut server, door) = house_of(setup().service("ivr", LONG).toml(route)).await;
    server.write_service("ivr.toml", "longest_call = \"1s\"\n");
    server.run(&["reload"], "").await;
    door.phone_page().await;
    let (mut page, _) = door.admin().await;
    let why = |ended: Value| (ended["why"]["code"].clone(), ended["why"]["reason"].clone());
    page.dial("a", "700").await;
    let long = "the longest call that the service may have was over";
    assert_eq!(why(page.hear("ended").await), (json!("hung_up"), json!(long)));

    page.dial("b", "9196").await;
    page.hear("answered").await;
    let call = eventually("the call is seen", async || {
        let calls = server.json(&["calls", "--json"]).await;
        let records = calls["records"].as_array().expect("a list");
        let found = records.iter().map(|told| &told["record"]).find(|record| record["to"]["number"] == "9196");
        found.and_then(|record| record["call"].as_str().map(str::to_owned))
    })
    .await;
    server.run(&["calls", "hangup", &call], "").await;
    assert_eq!(why(page.hear("ended").await), (json!("hung_up"), json!("hung up by an operator")));

    page.dial("c", "9196").await;
    page.hear("answered").await;
    let (_, ended) = tokio::join!(server.stop(), page.hear("ended"));
    assert_eq!(why(ended), (json!("unavailable"), json!("the server stops")));
}
