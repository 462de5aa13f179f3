//! A server that is emptied before it is restarted, and what is told of its carriers, with SIPp as both sides of a trunk.

use std::{net::SocketAddr, time::Duration};

use patchcord_lab::{Carrier, Process, Server, eventually};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{operators::ask, setup};

/// Longest that a call of these tests takes.
const MOST: Duration = Duration::from_secs(60);

/// A carrier that has no room.
const FULL: &str = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"full\">\n<recv request=\"OPTIONS\"/>\n\
                    <send><![CDATA[\nSIP/2.0 503 Service Unavailable\n[last_Via:]\n[last_From:]\n[last_To:];tag=full\n\
                    [last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n\n]]></send>\n</scenario>\n";

/// A port that nobody has at this moment.
fn free_port() -> u16 {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("a bound socket").port()
}

/// A server to which all that comes from this machine comes by trunk north, whose calls to 600 hear the echo.
async fn house(north: u16) -> Server {
    let trunk = format!(
        "[[trunk]]\nname = \"north\"\nservers = \"sip:127.0.0.1:{north}\"\nfrom = \"127.0.0.0/8\"\ncalls = 30\n\
         [[route]]\nnumber = \"600\"\nfrom = \"trunk:north\"\nservice = \"echo\"\n"
    );
    setup().toml(&trunk).start().await
}

/// SIPp calls 600 and hangs up after so many milliseconds.
fn call(server: SocketAddr, folder: &TempDir, name: &str, lasts_ms: u32) -> Process {
    let mut command = Command::new("sipp");
    command.current_dir(folder.path()).args(["-sn", "uac", "-s", "600", "-m", "1", "-nostdin"]);
    command.args(["-i", "127.0.0.1", "-p", &free_port().to_string(), "-mp", &free_port().to_string()]);
    command.args(["-d", &lasts_ms.to_string(), "-timeout", "50s", "-trace_msg", "-message_file", name]);
    command.arg(server.to_string());
    Process::start("sipp", &mut command)
}

/// Calls that go on.
async fn calls(server: &Server) -> u64 {
    ask(server, "GET", "/api/v1/drain", &Value::Null).await.1["calls"].as_u64().expect("a number")
}

#[tokio::test]
async fn a_server_that_is_drained_takes_no_new_calls_and_those_that_go_on_end_by_themselves() {
    let server = house(free_port()).await;
    let (at, folder) = (server.address(Carrier::Udp), TempDir::with_prefix("sipp-").expect("a folder for SIPp"));
    let first = call(at, &folder, "first.log", 4_000);
    eventually("the call goes on", async || (calls(&server).await == 1).then_some(())).await;

    let (said, good) = server.run(&["drain"], "").await;
    assert!(good && said == "No new calls are taken. 1 call goes on.\n", "{said}");
    let (status, said) = server.get("/readyz").await;
    assert!(status == 503 && said.contains("draining"), "{said}");
    assert_eq!(server.get("/healthz").await.0, 200, "it lives");
    let ended = call(at, &folder, "second.log", 0).end_within(MOST).await;
    assert!(!ended.status.success(), "{ended:?}");
    let messages = std::fs::read_to_string(folder.path().join("second.log")).expect("SIPp's messages");
    assert!(messages.contains("SIP/2.0 503 Server Takes No New Calls"), "{messages}");
    assert!(messages.contains("Retry-After: 30"), "{messages}");
    let drained = async || {
        let (_, told) = ask(&server, "GET", "/api/v1/records?outcome=failed", &Value::Null).await;
        told["records"].as_array().and_then(|all| all.first().cloned())
    };
    let told = eventually("the refusal is in the records", drained).await;
    let sentence = told["sentence"].as_str().unwrap_or_default();
    assert!(sentence.ends_with("called 600; the server was draining and took no new calls."), "{told}");
    assert_eq!(told["record"]["fault"], "server", "it was nobody else's, and no network's: {told}");
    let (said, good) = server.run(&["originate", "+4930", "--service", "echo"], "").await;
    assert!(!good, "the house begins none either: {said}");
    assert_eq!(calls(&server).await, 1, "the first goes on");

    let (said, good) = server.run(&["drain", "--wait", "1m"], "").await;
    assert!(good && said == "No new calls are taken, and the last call has ended.\n", "{said}");
    let ended = first.end_within(MOST).await;
    assert!(ended.status.success(), "{ended:?}");

    let (said, good) = server.run(&["drain", "--undo"], "").await;
    assert!(good && said == "New calls are taken again.\n", "{said}");
    assert_eq!(server.get("/readyz").await.0, 200);
    let ended = call(at, &folder, "third.log", 0).end_within(MOST).await;
    assert!(ended.status.success(), "{ended:?}");
    let (_, audit) = ask(&server, "GET", "/api/v1/audit", &Value::Null).await;
    let deeds: Vec<_> = audit["deeds"].as_array().expect("deeds").iter().map(|deed| deed["deed"].clone()).collect();
    assert_eq!(deeds[..2], ["had new calls taken again", "drained the server"], "{audit}");
}

#[tokio::test]
async fn whoever_waits_for_a_call_that_does_not_end_is_told_and_the_call_goes_on() {
    let server = house(free_port()).await;
    let (at, folder) = (server.address(Carrier::Udp), TempDir::with_prefix("sipp-").expect("a folder for SIPp"));
    let call = call(at, &folder, "call.log", 8_000);
    eventually("the call goes on", async || (calls(&server).await == 1).then_some(())).await;
    let (said, good) = server.run(&["drain", "--wait", "1s"], "").await;
    assert!(!good && said.contains("1 call goes on") && said.contains("patchcord calls hangup"), "{said}");
    assert!(call.end_within(MOST).await.status.success());
}

#[tokio::test]
async fn trunks_are_told_with_their_calls_and_with_what_went_wrong_last() {
    let (north, folder) = (free_port(), TempDir::with_prefix("sipp-").expect("a folder for SIPp"));
    std::fs::write(folder.path().join("full.xml"), FULL).expect("SIPp's scenario");
    let mut command = Command::new("sipp");
    command.current_dir(folder.path()).args(["-sf", "full.xml", "-nostdin", "-i", "127.0.0.1"]);
    let _carrier = Process::start("sipp", command.args(["-p", &north.to_string()]));
    let server = house(north).await;
    let failed = async || {
        let told = server.json(&["trunks", "--json"]).await;
        told["trunks"][0]["last_failure"].is_object().then_some(told)
    };
    let told = eventually("it was asked", failed).await;
    let trunk = &told["trunks"][0];
    assert_eq!((&trunk["name"], &trunk["calls"], &trunk["most_calls"]), (&"north".into(), &0.into(), &30.into()));
    assert_eq!(trunk["last_failure"]["what"], "OPTIONS was answered 503", "{told}");
    assert!(trunk["registered"].is_null(), "we want no registration there: {told}");
    let (said, good) = server.run(&["trunks"], "").await;
    assert!(good, "{said}");
    for part in ["north", "not asked yet", "0 of 30", "OPTIONS was answered 503 at ", "sip:127.0.0.1:"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}
