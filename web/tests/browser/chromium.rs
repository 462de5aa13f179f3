//! A headless Chromium, driven over its DevTools protocol. Gone, with its profile, when the test ends.

use std::{collections::VecDeque, path::Path, process::Stdio, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::{interval, timeout},
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// How long a test waits for one fact.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a fact is asked for.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(50);

/// How a page is looked at.
#[derive(Clone, Copy)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
}

/// One browser with one page.
pub struct Browser {
    socket: WebSocketStream<TcpStream>,
    session: Option<String>,
    said: u64,
    events: VecDeque<Value>,
    // Killed when it is dropped, and only then its profile goes.
    _process: Child,
    _profile: TempDir,
}

impl Browser {
    pub async fn start() -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let mut process = Command::new("chromium")
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args(["--autoplay-policy=no-user-gesture-required", "--mute-audio", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromium is installed; ./test does that");
        let mut lines = BufReader::new(process.stderr.take().expect("piped")).lines();
        let found = async {
            while let Some(line) = lines.next_line().await.expect("readable") {
                if let Some(address) = line.strip_prefix("DevTools listening on ") {
                    return address.to_owned();
                }
            }
            panic!("chromium ended before it listened")
        };
        let address = timeout(PATIENCE, found).await.expect("chromium listens");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let host = address.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).expect("an address");
        let stream = TcpStream::connect(host).await.expect("connected");
        let (socket, _) = client_async(address.as_str(), stream).await.expect("a WebSocket");
        let mut browser =
            Self { socket, session: None, said: 0, events: VecDeque::new(), _process: process, _profile: profile };
        let target = browser.order("Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.order("Target.attachToTarget", attach).await;
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.order(domain, json!({})).await;
        }
        browser
    }

    /// Opens an address and waits until the page stands.
    pub async fn open(&mut self, address: &str) {
        self.events.retain(|event| event["method"] != "Page.loadEventFired");
        self.order("Page.navigate", json!({ "url": address })).await;
        self.loaded().await;
    }

    /// Waits until a page that is being loaded stands.
    pub async fn loaded(&mut self) {
        self.event("Page.loadEventFired").await;
    }

    /// Does something that leads to another page, and waits for that.
    pub async fn follow(&mut self, script: &str) {
        self.events.retain(|event| event["method"] != "Page.loadEventFired");
        self.run(script).await;
        self.loaded().await;
    }

    /// What a line of script gives.
    pub async fn run(&mut self, script: &str) -> Value {
        let asked = json!({ "expression": script, "returnByValue": true, "awaitPromise": true });
        let answer = self.order("Runtime.evaluate", asked).await;
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Asks until a line of script gives true.
    pub async fn eventually(&mut self, fact: &str, script: &str) {
        let asking = async {
            let mut rhythm = interval(BETWEEN_QUESTIONS);
            while self.run(script).await != Value::Bool(true) {
                rhythm.tick().await;
            }
        };
        assert!(timeout(PATIENCE, asking).await.is_ok(), "waited in vain: {fact}");
    }

    /// Looks at the page so from now on.
    pub async fn look(&mut self, look: Look) {
        let size = json!({ "width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": false });
        self.order("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = json!({ "name": "prefers-color-scheme", "value": if look.dark { "dark" } else { "light" } });
        self.order("Emulation.setEmulatedMedia", json!({ "features": [scheme] })).await;
    }

    /// Keeps a picture of the whole page.
    pub async fn picture(&mut self, file: &Path) {
        let asked = json!({ "format": "png", "captureBeyondViewport": true });
        let taken = self.order("Page.captureScreenshot", asked).await;
        let bytes = data_encoding::BASE64.decode(taken["data"].as_str().expect("a picture").as_bytes());
        std::fs::write(file, bytes.expect("base64")).expect("written");
    }

    /// What the browser complained of: errors of scripts, and what the content policy refused.
    pub fn complaints(&mut self) -> Vec<String> {
        let told = |event: &Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => Some(event["params"]["exceptionDetails"].to_string()),
            Some("Log.entryAdded") if event["params"]["entry"]["level"] == "error" => {
                Some(event["params"]["entry"]["text"].to_string())
            }
            _ => None,
        };
        self.events.iter().filter_map(told).collect()
    }

    async fn order(&mut self, method: &str, params: Value) -> Value {
        self.said += 1;
        let mut order = json!({ "id": self.said, "method": method, "params": params });
        if let Some(session) = &self.session {
            order["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(order.to_string())).await.expect("said");
        loop {
            let heard = self.hear().await;
            if heard["id"] == self.said {
                assert!(heard["error"].is_null(), "{method}: {heard}");
                return heard["result"].clone();
            }
            self.events.push_back(heard);
        }
    }

    async fn event(&mut self, method: &str) {
        while !self.events.iter().any(|event| event["method"] == method) {
            let heard = self.hear().await;
            self.events.push_back(heard);
        }
    }

    async fn hear(&mut self) -> Value {
        let next = timeout(PATIENCE, self.socket.next()).await.expect("chromium answers");
        let message = next.expect("it is there").expect("a message");
        serde_json::from_str(message.to_text().expect("text")).expect("JSON")
    }
}
