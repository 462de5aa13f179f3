//! A browser that can be reached by nobody goes through a TURN server, coturn, by the credentials that the house has made for it.

use std::net::UdpSocket;

use patchcord_lab::{Chromium, Process, serve_page};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::page_phones::{EAR, MICROPHONE_HZ, hears};
use crate::pages::{Door, house_of};
use crate::setup;

/// What the house and coturn share.
const SECRET: &str = "known to two";

/// coturn on loopback, and where it is.
async fn coturn(folder: &TempDir) -> (Process, u16) {
    let free = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port on loopback");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut command = Command::new("turnserver");
    command.args([
        "-n",
        "--no-cli",
        "--no-tls",
        "--no-dtls",
        "--no-tcp",
        "--log-file=stdout",
        "--allow-loopback-peers",
    ]);
    command.args([
        "--fingerprint",
        "--verbose",
        "--listening-ip=127.0.0.1",
        "--relay-ip=127.0.0.1",
        "--realm=patchcord",
    ]);
    command.args(["--use-auth-secret", &format!("--static-auth-secret={SECRET}")]);
    command.arg(format!("--listening-port={}", free.port()));
    command.args([format!("--pidfile={}", path("pid")), format!("--userdb={}", path("users"))]);
    let mut process = Process::start("turnserver", &mut command);
    process.line("whether it listens", |line| line.contains("listener opened on").then_some(())).await;
    (process, free.port())
}

/// A page that goes through a relay or not at all.
async fn relayed(door: &Door, token: &Value) -> Chromium {
    let script = format!(
        "window.call = async (number) => {{
            const {{ Patchcord }} = await import('http://{}/phone.js');
            window.phone = await Patchcord.connect({{ token: {token}, rtc: {{ iceTransportPolicy: 'relay' }} }});
            window.talk = await phone.dial(number);
            return true;
        }};",
        door.web
    );
    let mut page = Chromium::start(MICROPHONE_HZ).await;
    page.open(&serve_page(script).await).await;
    page
}

/// How the pair of addresses that is used came about.
const WAY: &str = "talk.pc.getStats().then((told) => { const all = [...told.values()];
    const pair = all.find((one) => one.type === 'candidate-pair' && one.nominated && one.state === 'succeeded');
    return all.find((one) => one.id === pair?.localCandidateId)?.candidateType ?? 'none' })";

#[tokio::test]
async fn a_page_is_heard_through_a_relay_by_credentials_of_the_house() {
    let folder = TempDir::new().expect("a folder");
    let (relay, port) = coturn(&folder).await;
    let turn = format!("origins = [\"*\"]\nturn = {{ servers = [\"turn:127.0.0.1:{port}\"], secret = \"{SECRET}\" }}");
    let (_server, door) = house_of(setup().web(&turn)).await;
    let minted = door.token(json!({ "kind": "browser", "numbers": ["9196"], "expires": 60, "name": "Shop" })).await;
    let mut page = relayed(&door, &minted["token"]).await;
    assert_eq!(page.run("call('9196')").await, true);
    page.run(EAR).await;
    page.until("it talks", "talk.state === 'talking'").await;
    hears(&mut page, MICROPHONE_HZ).await;
    assert_eq!(page.run(WAY).await, "relay");

    relay.kill().await;
}
