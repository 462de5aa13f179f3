//! Chromium without a screen, driven over its DevTools protocol: a page that is a phone, a microphone that says one tone, and
//! somebody who serves the page. All of it is gone when the test ends.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use patchcord_media::frame::Rate;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::sound::wav;
use crate::wait::{PATIENCE, eventually};

/// What chromium says to whoever asks a page that is going.
const NAVIGATED: &str = "Inspected target navigated or closed";

/// Events that are kept for whoever asks what the page complained of.
const MOST_EVENTS: usize = 1000;

/// How loud the microphone is, of full scale.
const LOUDNESS: f64 = 0.25;

/// Has a page speak a tone of its own making.
const SINGING: &str = "if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = async () => {
    window.mouth ??= new AudioContext();
    const [tone, loudness] = [new OscillatorNode(mouth, { frequency: HZ }), new GainNode(mouth, { gain: LOUDNESS })];
    const microphone = new MediaStreamAudioDestinationNode(mouth, { channelCount: 1 });
    tone.connect(loudness).connect(microphone);
    tone.start();
    return microphone.stream;
};";

/// One page of a browser, which goes with the last of its pages.
pub struct Chromium {
    socket: WebSocketStream<TcpStream>,
    session: Option<String>,
    said: u64,
    events: VecDeque<Value>,
    browser: Arc<Browser>,
}

/// A running browser, and where its DevTools listen.
struct Browser {
    address: String,
    _process: Child,
    _profile: TempDir,
}

impl Chromium {
    /// Starts one whose microphone says this tone for ever; a whole number of hertz.
    pub async fn start(hz: u32) -> Self {
        let profile = TempDir::with_prefix("chromium-").expect("a folder for Chromium");
        let microphone = profile.path().join("microphone.wav");
        let sample = |number: u32| {
            let sine = (TAU * f64::from(hz) * f64::from(number) / f64::from(Rate::Full.hz())).sin();
            (sine * LOUDNESS * f64::from(i16::MAX)) as i16
        };
        // A second holds a whole number of rounds, so it can be said again and again.
        wav::write(&microphone, Rate::Full, &(0..Rate::Full.hz()).map(sample).collect::<Vec<_>>());
        let mut process =
            command(profile.path(), &microphone).spawn().expect("chromium is installed; ./test does that");
        let mut lines = BufReader::new(process.stderr.take().expect("stderr is piped")).lines();
        let found = async {
            while let Some(line) = lines.next_line().await.expect("stderr can be read") {
                if let Some(address) = line.strip_prefix("DevTools listening on ") {
                    return address.to_owned();
                }
            }
            panic!("chromium ended before it listened")
        };
        let address = timeout(PATIENCE, found).await.expect("chromium listens");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self::page_of(Arc::new(Browser { address, _process: process, _profile: profile }), false).await
    }

    /// Another page of the same browser, which costs less than another browser: it shares no cookies with the others, and its
    /// microphone is a tone that the page makes for itself. Nobody takes that for noise, however long it lasts, as a browser
    /// does with what comes from a real one.
    pub async fn tab(&self, hz: u32) -> Self {
        let mut page = Self::page_of(self.browser.clone(), true).await;
        let source = SINGING.replace("HZ", &hz.to_string()).replace("LOUDNESS", &LOUDNESS.to_string());
        page.order("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
        page
    }

    async fn page_of(browser: Arc<Browser>, apart: bool) -> Self {
        let address = browser.address.as_str();
        let host = address.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).expect("an address");
        let stream = TcpStream::connect(host).await.expect("chromium takes a connection");
        let (socket, _) = client_async(address, stream).await.expect("chromium speaks WebSocket");
        let mut page = Self { socket, session: None, said: 0, events: VecDeque::new(), browser };
        let mut wanted = json!({ "url": "about:blank" });
        if apart {
            let context = page.order("Target.createBrowserContext", json!({ "disposeOnDetach": true })).await;
            wanted["browserContextId"] = context["browserContextId"].clone();
        }
        let target = page.order("Target.createTarget", wanted).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = page.order("Target.attachToTarget", attach).await;
        page.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            page.order(domain, json!({})).await;
        }
        page
    }

    /// Opens a page and waits until it stands.
    pub async fn open(&mut self, address: &str) {
        self.events.retain(|event| event["method"] != "Page.loadEventFired");
        self.order("Page.navigate", json!({ "url": address })).await;
        self.event("Page.loadEventFired").await;
    }

    /// Loads the page anew, as a person does who is impatient.
    pub async fn reload(&mut self) {
        self.events.retain(|event| event["method"] != "Page.loadEventFired");
        self.order("Page.reload", json!({})).await;
        self.event("Page.loadEventFired").await;
    }

    /// What a line of script gives, also where it is promised only.
    pub async fn run(&mut self, script: &str) -> Value {
        let asked = json!({ "expression": script, "returnByValue": true, "awaitPromise": true });
        let answer = self.order("Runtime.evaluate", asked).await;
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Asks until a line of script gives true.
    pub async fn until(&mut self, fact: &str, script: &str) {
        eventually(fact, async || (self.run(script).await == Value::Bool(true)).then_some(())).await;
    }

    /// What the page complained of.
    pub fn complaints(&self) -> Vec<String> {
        let thrown = self.events.iter().filter(|event| event["method"] == "Runtime.exceptionThrown");
        thrown.map(|event| event["params"]["exceptionDetails"].to_string()).collect()
    }

    /// What the browser's console calls an error: also what was not found, and what the content policy refused.
    pub fn errors(&self) -> Vec<String> {
        let told = self
            .events
            .iter()
            .filter(|event| event["method"] == "Log.entryAdded" && event["params"]["entry"]["level"] == "error");
        told.map(|event| event["params"]["entry"].to_string()).chain(self.complaints()).collect()
    }

    /// The page is looked at on a screen of that size from now on, by day or by night.
    pub async fn look(&mut self, (width, height): (u32, u32), dark: bool) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.order("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        self.order("Emulation.setEmulatedMedia", json!({ "features": [scheme] })).await;
    }

    /// The same on the screen of a telephone.
    pub async fn narrow(&mut self) {
        self.look((390, 844), false).await;
    }

    /// Pages run no script from now on, or do again.
    pub async fn without_scripts(&mut self, without: bool) {
        self.order("Emulation.setScriptExecutionDisabled", json!({ "value": without })).await;
    }

    /// A person presses a key of the keyboard, as `Tab` or `/`.
    pub async fn types(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        let code = if key == "Tab" { 9 } else { 0 };
        for kind in ["keyDown", "keyUp"] {
            let pressed = json!({ "type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code });
            self.order("Input.dispatchKeyEvent", pressed).await;
        }
    }

    /// Keeps a picture of the whole page.
    pub async fn picture(&mut self, file: &Path) {
        let asked = json!({ "format": "png", "captureBeyondViewport": true });
        let taken = self.order("Page.captureScreenshot", asked).await;
        let bytes = data_encoding::BASE64.decode(taken["data"].as_str().expect("a picture").as_bytes());
        std::fs::write(file, bytes.expect("base64")).expect("the picture is written");
    }

    async fn order(&mut self, method: &str, params: Value) -> Value {
        self.said += 1;
        let mut order = json!({ "id": self.said, "method": method, "params": params });
        if let Some(session) = &self.session {
            order["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(order.to_string())).await.expect("chromium is there");
        loop {
            let heard = self.hear().await;
            if heard["id"] == self.said {
                // Asked while the page goes over into the next one: whoever waits for something asks that one again.
                if heard["error"]["message"] == NAVIGATED {
                    return Value::Null;
                }
                assert!(heard["error"].is_null(), "{method}: {heard}");
                return heard["result"].clone();
            }
            self.keep(heard);
        }
    }

    async fn event(&mut self, method: &str) {
        while !self.events.iter().any(|event| event["method"] == method) {
            let heard = self.hear().await;
            self.keep(heard);
        }
    }

    fn keep(&mut self, event: Value) {
        if self.events.len() == MOST_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    async fn hear(&mut self) -> Value {
        let next = timeout(PATIENCE, self.socket.next()).await.expect("chromium answers in time");
        let message = next.expect("chromium is there").expect("a message");
        serde_json::from_str(message.to_text().expect("text")).expect("JSON")
    }
}

fn command(profile: &Path, microphone: &Path) -> Command {
    let mut command = Command::new("chromium");
    command
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--autoplay-policy=no-user-gesture-required", "--mute-audio", "--remote-debugging-port=0"])
        // The server makes its own certificate, which nobody vouches for.
        .arg("--ignore-certificate-errors")
        .args(["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"])
        .arg(format!("--use-file-for-fake-audio-capture={}", microphone.display()))
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("about:blank")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Serves one page with one script on loopback, for as long as the test lives; its address.
pub async fn serve_page(script: String) -> String {
    let page = "<!doctype html><meta charset=utf-8><title>Phone</title><script src=/phone.js></script>";
    serve(page.to_owned(), script).await
}

/// The same for a page as somebody wrote it.
pub async fn serve_html(page: String) -> String {
    serve(page, String::new()).await
}

async fn serve(page: String, script: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
    let address: SocketAddr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (page, script) = (page.clone(), script.clone());
            tokio::spawn(async move { answer(stream, &page, &script).await });
        }
    });
    format!("http://{address}/")
}

async fn answer(mut stream: TcpStream, page: &str, script: &str) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let length = stream.read(&mut request).await?;
    let is_script = request[..length].starts_with(b"GET /phone.js ");
    let (kind, body) = match is_script {
        true => ("text/javascript", script),
        false => ("text/html", page),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}
