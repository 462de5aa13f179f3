//! Calls that leave by trunks and come by them, the carriers being sockets that read and write SIP by hand.

use std::net::SocketAddr;

use patchcord_lab::{Carrier, Lab, Line, Model, Server, Transport, eventually};
use serde_json::Value;
use tokio::net::UdpSocket;

use crate::calling::at_home;
use crate::operators::ask;
use crate::{bindings, setup};

/// A carrier: whatever it receives, it answers as it is told.
struct Gateway(UdpSocket);

impl Gateway {
    async fn open() -> Self {
        Self::at("127.0.0.1").await
    }

    async fn at(address: &str) -> Self {
        Self(UdpSocket::bind((address, 0)).await.expect("a socket"))
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("bound").port()
    }

    /// The next message that begins so, and who sent it.
    async fn next(&self, begin: &str) -> (String, SocketAddr) {
        loop {
            let mut buffer = vec![0; 65_536];
            let (length, peer) = self.0.recv_from(&mut buffer).await.expect("a datagram");
            let text = String::from_utf8(buffer[..length].to_vec()).expect("text");
            if text.starts_with(begin) {
                return (text, peer);
            }
        }
    }

    /// The next INVITE, sent back to where it came from, as a carrier does that believes the number to be ours.
    async fn bounces(&self) {
        let (invite, peer) = self.next("INVITE ").await;
        let (start, rest) = invite.split_once("\r\n").expect("a message");
        let via = format!("Via: SIP/2.0/UDP {};branch=z9hG4bKback", self.0.local_addr().expect("bound"));
        let back = format!("{start}\r\n{via}\r\n{rest}");
        self.0.send_to(back.as_bytes(), peer).await.expect("sent");
    }

    /// The next INVITE, answered with that status.
    async fn refuses(&self, status: &str) -> String {
        let (text, peer) = self.next("INVITE ").await;
        let kept = ["via:", "from:", "to:", "call-id:", "cseq:"];
        let is_kept = |line: &&str| kept.iter().any(|name| line.to_ascii_lowercase().starts_with(name));
        let head: String = text.lines().filter(is_kept).map(|line| format!("{line}\r\n")).collect();
        let answer = format!("SIP/2.0 {status}\r\n{}Content-Length: 0\r\n\r\n", tagged(&head));
        self.0.send_to(answer.as_bytes(), peer).await.expect("sent");
        text
    }
}

/// With a tag on To.
fn tagged(head: &str) -> String {
    let tag = |line: &str| match line.to_ascii_lowercase().starts_with("to:") {
        true => format!("{line};tag=gateway\r\n"),
        false => format!("{line}\r\n"),
    };
    head.lines().map(tag).collect()
}

/// The value of a header in a message.
fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let found =
        message.lines().find_map(|line| line.split_once(':').filter(|(found, _)| found.eq_ignore_ascii_case(name)));
    found.map(|(_, value)| value.trim())
}

/// A server with alice, two trunks, and all that is behind a plus leading to them.
async fn house(north: &Gateway, south: &Gateway) -> Server {
    let trunks = format!(
        r#"
[[trunk]]
name = "north"
servers = ["sip:127.0.0.1:{}"]
from = ["192.0.2.1"]
in = {{ country = "49", area = "30" }}
out = {{ strip = "+", prepend = "00", caller_id = "national" }}
[[trunk]]
name = "south"
servers = ["sip:127.0.0.1:{}"]
from = ["192.0.2.2"]
user = "4940555"
identity = "rpid"
[[route]]
number = "+*"
trunk = ["north", "south"]
"#,
        north.port(),
        south.port()
    );
    let alice = "number = \"101\"\ncaller_id = \"+4930123101\"";
    setup().endpoint_with("alice", "secret", alice).toml(&trunks).start().await
}

#[tokio::test]
async fn a_call_goes_out_as_each_carrier_wants_it_and_on_to_the_next_when_one_fails() {
    let (north, south) = (Gateway::open().await, Gateway::open().await);
    let server = house(&north, &south).await;
    let lab = Lab::open();
    let model = Model::new().over(Transport::from(Carrier::Udp)).at(server.address(Carrier::Udp)).password("secret");
    let alice = lab.phone_like("alice", &model);
    assert_eq!(alice.registers().await, 200);

    alice.dial("+4940777");
    let at_north = north.refuses("503 Service Unavailable").await;
    let called = format!("INVITE sip:004940777@127.0.0.1:{} SIP/2.0", north.port());
    assert_eq!(at_north.lines().next(), Some(&*called));
    let asserted = header(&at_north, "P-Asserted-Identity").expect("the header that it reads");
    assert!(asserted.contains("<sip:030123101@"), "{asserted}");

    let at_south = south.refuses("486 Busy Here").await;
    let called = format!("INVITE sip:+4940777@127.0.0.1:{} SIP/2.0", south.port());
    assert_eq!(at_south.lines().next(), Some(&*called));
    let remote = header(&at_south, "Remote-Party-ID").expect("the header that it reads");
    assert!(remote.contains("<sip:+4930123101@127.0.0.1>;party=calling"), "{remote}");
    assert_eq!(header(&at_south, "P-Asserted-Identity"), None);
    let from = header(&at_south, "From").expect("a From");
    assert!(from.starts_with("<sip:+4930123101@127.0.0.1>"), "an address of the carrier's, as it knows us: {from}");
    assert_eq!(alice.is_refused().await, 486, "what the called party said");
}

#[tokio::test]
async fn whoever_says_to_be_one_of_ours_proves_it_even_where_strangers_may_call() {
    let open = "[[route]]\nnumber = \"*\"\nfrom = \"anyone\"\nservice = \"echo\"\n";
    let server = setup().endpoint_with("alice", "secret", "number = \"101\"").toml(open).start().await;
    let mut line = Line::open(Carrier::Udp, server.address(Carrier::Udp)).await;
    let uri = line.uri("somebody");
    let ours = line.ask("INVITE", &uri).set("From", "<sip:alice@example.org>;tag=a");
    assert_eq!(line.exchange(&ours).await.status(), 401);
}

#[tokio::test]
async fn one_stranger_does_not_take_the_room_of_all() {
    let open = "[limits]\ncalls_per_stranger = 2\n[[route]]\nnumber = \"777\"\nfrom = \"anyone\"\nservice = \"echo\"\n";
    let server = setup().endpoint_with("alice", "secret", "number = \"101\"").toml(open).shards(1).start().await;
    let lab = Lab::open();
    let from = |address: &str| {
        lab.phone_like(
            "somebody",
            &Model::new().at(server.address(Carrier::Udp)).on(address.parse().expect("an address")),
        )
    };
    let (first, second, third) = (from("127.0.0.1"), from("127.0.0.1"), from("127.0.0.1"));
    for phone in [&first, &second] {
        phone.dial("777");
        phone.is_answered().await;
    }
    third.dial("777");
    assert_eq!(third.is_refused().await, 503);
    let other = from("127.0.0.2");
    other.dial("777");
    other.is_answered().await;
    first.hangs_up().await;
    third.dial("777");
    third.is_answered().await;

    // Who wonders why he did not get through finds it among the records.
    let refused = async || {
        let (_, told) = ask(&server, "GET", "/api/v1/records?outcome=failed", &Value::Null).await;
        told["records"][0]["sentence"].as_str().map(str::to_owned)
    };
    let told = eventually("the refusal is among the records", refused).await;
    assert!(told.contains("called 777; it could not be set up: an address that nobody knows has 2 calls"), "{told}");
    let again = from("127.0.0.1");
    again.dial("777");
    assert_eq!(again.is_refused().await, 503);
    let (_, measured) = server.get("/metrics").await;
    assert!(measured.contains("patchcord_calls_refused_unkept_total 1\n"), "the same again is counted: {measured}");
}

#[tokio::test]
async fn we_register_with_a_carrier_and_hear_when_it_is_gone() {
    // The carrier is another server of ours, where we are an endpoint.
    let mut carrier = setup().endpoint_with("4930123", "carrier's secret", "").start().await;
    let at = carrier.address(Carrier::Udp);
    let trunk = format!(
        "[[trunk]]\nname = \"north\"\nservers = [\"sip:{at}\"]\nfrom = [\"192.0.2.1\"]\nregister = true\n\
         user = \"4930123\"\npassword = \"carrier's secret\"\n"
    );
    let mut server = setup().toml(&trunk).start().await;
    let said =
        server.process().line("it is registered", |line| line.contains("registered with the carrier").then_some(()));
    said.await;
    let registered = bindings(&carrier, "4930123").await;
    assert_eq!(registered.len(), 1, "{registered:?}");
    assert!(registered[0].starts_with("sip:4930123@127.0.0.1:"), "{registered:?}");
    let told = server.json(&["trunks", "--json"]).await;
    assert_eq!((&told["trunks"][0]["name"], &told["trunks"][0]["registered"]), (&"north".into(), &true.into()));
    carrier.stop().await;
}

/// A server with alice and bob, whose calls go to a carrier that wants to hear of forwardings.
async fn forwarding_house(carrier: &Gateway, bobs: &str) -> Server {
    let trunk = format!(
        "[[trunk]]\nname = \"north\"\nservers = [\"sip:127.0.0.2:{}\"]\nfrom = [\"127.0.0.2\"]\n\
         identity = [\"pai\", \"diversion\", \"history-info\"]\n\
         [[route]]\nnumber = \"+*\"\ntrunk = \"north\"\n\
         [[route]]\nnumber = \"+*\"\nfrom = \"trunk:north\"\ntrunk = \"north\"\n\
         [[route]]\nnumber = \"112\"\ntrunk = \"north\"\n",
        carrier.port()
    );
    let bob = format!("number = \"102\"\ncaller_id = \"+4930123102\"\n{bobs}");
    setup()
        .endpoint_with("alice", "secret", "number = \"101\"")
        .endpoint_with("bob", "secret", &bob)
        .toml(&trunk)
        .start()
        .await
}

#[tokio::test]
async fn a_carrier_that_asks_is_told_who_forwarded_a_call_and_why() {
    let north = Gateway::at("127.0.0.2").await;
    let server = forwarding_house(&north, "forward = { unreachable = \"+4940777\" }").await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;

    alice.dial("102");
    let told = north.refuses("486 Busy Here").await;
    assert!(told.starts_with("INVITE sip:+4940777@"), "{told}");
    let diversion = header(&told, "Diversion").expect("who forwarded it");
    assert!(diversion.starts_with("<sip:+4930123102@"), "{diversion}");
    assert!(diversion.contains("reason=unavailable"), "{diversion}");
    let history = header(&told, "History-Info").expect("its history");
    assert!(history.contains("<sip:+4940777@") && history.contains(";cause=503>;index=1.1"), "{history}");

    alice.dial("+4940777");
    let straight = north.refuses("486 Busy Here").await;
    assert_eq!((header(&straight, "Diversion"), header(&straight, "History-Info")), (None, None));
}

#[tokio::test]
async fn a_call_that_comes_back_to_us_for_the_same_number_is_a_loop() {
    let north = Gateway::at("127.0.0.2").await;
    let server = forwarding_house(&north, "").await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;

    alice.dial("+4940777");
    north.bounces().await;
    let (refused, _) = north.next("SIP/2.0 4").await;
    assert!(refused.starts_with("SIP/2.0 482 Loop Detected"), "{refused}");
}

#[tokio::test]
async fn whoever_calls_for_help_by_its_name_reaches_the_number_for_emergencies() {
    let north = Gateway::at("127.0.0.2").await;
    let server = forwarding_house(&north, "").await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;

    alice.dial("urn:service:sos.fire");
    let called = north.refuses("486 Busy Here").await;
    assert!(called.starts_with("INVITE sip:112@127.0.0.2"), "{called}");
}
