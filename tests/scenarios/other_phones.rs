//! Other people's phones: baresip and linphone, over each transport, with the right password and with a wrong one.

use std::time::Duration;

use patchcord_lab::{Account, Baresip, Carrier, Lab, Linphone, Model, Server, Transport, Verdict, eventually};

use crate::{bindings, setup};

async fn server() -> Server {
    setup().endpoint("alice", "secret").start().await
}

pub fn account<'a>(server: &Server, carrier: Carrier, password: &'a str) -> Account<'a> {
    Account { carrier, server: server.address(carrier), user: "alice", password }
}

async fn is_listed_once(server: &Server) {
    assert_eq!(bindings(server, "alice").await.len(), 1);
}

async fn is_gone(server: &Server) {
    eventually("the binding is taken back", async || bindings(server, "alice").await.is_empty().then_some(())).await;
}

async fn baresip_registers_over(carrier: Carrier) {
    let server = server().await;
    let mut phone = Baresip::start(&account(&server, carrier, "secret"));
    assert_eq!(phone.verdict().await, Verdict::Registered);
    is_listed_once(&server).await;
    phone.quit().await;
    is_gone(&server).await;
}

async fn baresip_is_refused_over(carrier: Carrier) {
    let server = server().await;
    let mut phone = Baresip::start(&account(&server, carrier, "wrong"));
    assert_eq!(phone.verdict().await, Verdict::Refused(403));
    assert_eq!(bindings(&server, "alice").await, [""; 0]);
}

async fn linphone_registers_over(carrier: Carrier) {
    let server = server().await;
    let mut phone = Linphone::start(&account(&server, carrier, "secret")).await;
    assert_eq!(phone.verdict().await, Verdict::Registered);
    is_listed_once(&server).await;
    phone.quit().await;
    is_gone(&server).await;
}

async fn linphone_is_refused_over(carrier: Carrier) {
    let server = server().await;
    let mut phone = Linphone::start(&account(&server, carrier, "wrong")).await;
    assert_eq!(phone.verdict().await, Verdict::Refused(403));
    assert_eq!(bindings(&server, "alice").await, [""; 0]);
}

#[tokio::test]
async fn baresip_registers_over_udp_and_leaves() {
    baresip_registers_over(Carrier::Udp).await;
}

#[tokio::test]
async fn baresip_registers_over_tcp_and_leaves() {
    baresip_registers_over(Carrier::Tcp).await;
}

#[tokio::test]
async fn baresip_registers_over_tls_and_leaves() {
    baresip_registers_over(Carrier::Tls).await;
}

#[tokio::test]
async fn baresip_with_a_wrong_password_is_refused_over_udp() {
    baresip_is_refused_over(Carrier::Udp).await;
}

#[tokio::test]
async fn baresip_with_a_wrong_password_is_refused_over_tcp() {
    baresip_is_refused_over(Carrier::Tcp).await;
}

#[tokio::test]
async fn baresip_with_a_wrong_password_is_refused_over_tls() {
    baresip_is_refused_over(Carrier::Tls).await;
}

#[tokio::test]
async fn linphone_registers_over_udp_and_leaves() {
    linphone_registers_over(Carrier::Udp).await;
}

#[tokio::test]
async fn linphone_registers_over_tcp_and_leaves() {
    linphone_registers_over(Carrier::Tcp).await;
}

#[tokio::test]
async fn linphone_registers_over_tls_and_leaves() {
    linphone_registers_over(Carrier::Tls).await;
}

#[tokio::test]
async fn linphone_with_a_wrong_password_is_refused_over_udp() {
    linphone_is_refused_over(Carrier::Udp).await;
}

#[tokio::test]
async fn linphone_with_a_wrong_password_is_refused_over_tcp() {
    linphone_is_refused_over(Carrier::Tcp).await;
}

#[tokio::test]
async fn linphone_with_a_wrong_password_is_refused_over_tls() {
    linphone_is_refused_over(Carrier::Tls).await;
}

/// Where nobody listens: a port that was free a moment ago.
fn nobody<'a>() -> Account<'a> {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    Account { carrier: Carrier::Tcp, server: free, user: "alice", password: "wrong" }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_not_mistaken_for_one_that_refuses() {
    assert_eq!(Baresip::start(&nobody()).verdict().await, Verdict::Unreachable);
    assert_eq!(Linphone::start(&nobody()).await.verdict().await, Verdict::Unreachable);
}

#[tokio::test]
async fn linphone_proves_itself_by_sha_256_where_it_is_asked_to() {
    let server = setup().endpoint_with("alice", "secret", "digest = [\"sha-256\"]").start().await;
    let mut phone = Linphone::start(&account(&server, Carrier::Udp, "secret")).await;
    assert_eq!(phone.verdict().await, Verdict::Registered);
    is_listed_once(&server).await;
}

#[tokio::test]
async fn baresip_answers_a_call_over_each_transport_and_its_tone_is_heard() {
    for carrier in Carrier::ALL {
        let server =
            setup().endpoint("alice", "secret").endpoint_with("carol", "secret", "number = \"103\"").start().await;
        let mut baresip = Baresip::answering(&account(&server, carrier, "secret"), 700);
        assert_eq!(baresip.verdict().await, Verdict::Registered);
        let lab = Lab::open();
        let model = Model::new().over(Transport::Udp).at(server.address(Carrier::Udp)).password("secret");
        let carol = lab.phone_like("carol", &model);
        assert_eq!(carol.registers().await, 200);
        carol.dial("alice");
        carol.is_answered().await;
        let tone = eventually("the tone is heard", async || {
            let heard = carol.listens(Duration::from_millis(500)).await;
            (heard.tone(700.0) > -30.0).then(|| heard.tone(1100.0))
        });
        assert!(tone.await < -40.0, "and no other, over {carrier:?}");
        carol.hangs_up().await;
        baresip.quit().await;
    }
}
