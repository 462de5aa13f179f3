//! Pages that mean no good at `/phone/signal`: messages of ten megabytes, tokens that are worth nothing, candidates by the thousand, sockets
//! that vanish. Each is told why it is refused, and none of it costs memory.

use futures_util::{SinkExt, StreamExt};
use patchcord_lab::{Lab, Native, eventually};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::pages::{Door, house_of};
use crate::setup;

/// What memory may grow by while all that goes on again and again: buffers that were never that large at once before.
const GROWS_KIB: u64 = 8 * 1024;

/// A page that says what it likes.
struct Rude(WebSocketStream<TcpStream>);

impl Rude {
    async fn opens(door: &Door) -> Self {
        let stream = TcpStream::connect(door.web).await.expect("the door answers");
        let mut request = format!("ws://{}/phone/signal", door.web).into_client_request().expect("an address");
        request.headers_mut().insert("cookie", door.cookie.parse().expect("a value"));
        Self(client_async(request, stream).await.expect("upgraded").0)
    }

    /// Says something, as far as the other side listens to its end.
    async fn says(&mut self, words: &Value) {
        let _cut_off = self.0.send(Message::text(words.to_string())).await;
    }

    /// The next message of that kind, or nothing where the socket was closed before.
    async fn told(&mut self, kind: &str) -> Option<Value> {
        while let Some(Ok(message)) = self.0.next().await {
            let Message::Text(text) = message else { continue };
            let told: Value = serde_json::from_str(&text).expect("JSON");
            if told["type"] == kind {
                return Some(told);
            }
        }
        None
    }

    /// The code by which it is sent away.
    async fn is_refused(&mut self) -> String {
        let told = self.told("error").await;
        told.map_or_else(|| "nothing".to_owned(), |told| told["error"]["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// Everything once.
async fn nuisance(door: &Door, token: &str) {
    let hello = json!({ "type": "hello", "version": 1 });
    for _ in 0..10 {
        // It may be closed before it has said all of it, and then it hears nothing.
        let mut page = Rude::opens(door).await;
        page.says(&json!({ "type": "hello", "version": 1, "token": "x".repeat(10 << 20) })).await;
        let code = page.is_refused().await;
        assert!(["too_large", "nothing"].contains(&code.as_str()), "{code}");
    }
    let forged = format!("{}{}", &token[..token.len() - 4], "AAAA");
    for worthless in [forged.as_str(), "pbt_", "pbt_0", &token[..token.len() / 2], ""] {
        let mut page = Rude::opens(door).await;
        page.says(&json!({ "type": "hello", "version": 1, "token": worthless })).await;
        assert_eq!(page.is_refused().await, "token", "{worthless}");
    }
    let mut page = Rude::opens(door).await;
    page.says(&hello).await;
    page.told("welcome").await.expect("it is let in");
    for _ in 0..1000 {
        let candidate = "candidate:1 1 udp 1 192.0.2.1 5000 typ host";
        page.says(&json!({ "type": "candidate", "talk": "none", "candidate": candidate })).await;
    }
    while let Some(told) = page.told("error").await {
        if told["error"]["code"] == "too_fast" {
            break;
        }
        assert_eq!(told["error"]["code"], "unknown_talk", "{told}");
    }
    for _ in 0..10 {
        let mut page = Rude::opens(door).await;
        page.says(&hello).await;
        page.told("welcome").await.expect("it is let in");
        // Gone without a word, with a call under way.
        page.says(&json!({ "type": "dial", "talk": "a", "to": "9196", "sdp": "v=0\r\n" })).await;
        drop(page);
    }
}

#[tokio::test]
async fn pages_that_mean_no_good_are_told_why_they_are_refused_and_cost_no_memory() {
    let (mut server, door) = house_of(setup()).await;
    door.has_phone().await;
    let minted = door.token(json!({ "kind": "browser", "numbers": ["9196"], "expires": 60, "name": "Shop" })).await;
    let token = minted["token"].as_str().expect("a token").to_owned();
    let lab = Lab::open();
    let mut native = Native::connect(door.web, &door.cookie, lab.voice("native"), patchcord_lab::Kind::Opus).await;
    native.dial("9196").await;
    let hz = native.voice().hz();
    native.comes_to_hear(hz).await;

    nuisance(&door, &token).await;
    let before = server.resident_kib();
    for _ in 0..3 {
        nuisance(&door, &token).await;
    }
    let after = server.resident_kib();
    assert!(after < before + GROWS_KIB, "{before} KiB became {after} KiB");
    native.comes_to_hear(hz).await;
    native.hangs_up().await;
    eventually("no call is left", async || {
        let status = server.json(&["status", "--json"]).await;
        (status["calls"] == 0).then_some(())
    })
    .await;
}
