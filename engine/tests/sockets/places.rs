//! Requests to names: NAPTR, SRV, addresses, and the next target when one fails (RFC 3263).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use patchcord_engine::runtime::{SendFault, Settings};
use patchcord_sip::hop::Transport;
use patchcord_sip::transaction::TimerSet;

use crate::dns::{DnsServer, Zone};
use crate::net::{Phone, both_server, nobody, tcp_server, udp_server};
use crate::support::{House, options, request, status, within};

/// A house that asks this name server, and the phone that gives it orders.
struct Town {
    house: House,
    dns: DnsServer,
    phone: Phone,
    orders: usize,
}

impl Town {
    async fn with(zone: Zone) -> Self {
        Self::changed(zone, |_| {}).await
    }

    async fn changed(zone: Zone, change: impl FnOnce(&mut Settings)) -> Self {
        let dns = DnsServer::with(zone).await;
        let house = House::with(&["udp:127.0.0.1:0"], |settings| {
            settings.dns = vec![dns.addr];
            change(settings);
        });
        let phone = Phone::to(house.at(Transport::Udp)).await;
        Self { house, dns, phone, orders: 0 }
    }

    async fn order(&mut self, target: &str, more: &str) {
        self.orders += 1;
        let orders = format!("X-Send-To: {target}\r\n{more}");
        let order = request("MESSAGE", &format!("order{}", self.orders), "UDP phone.invalid", &orders);
        assert_eq!(status(&self.phone.ask(order).await), 200);
    }

    /// Has a request sent and waits for its end.
    async fn send(&mut self, target: &str) -> Result<(u16, SocketAddr, Transport), SendFault> {
        self.order(target, "").await;
        self.house.end().await
    }
}

/// Transactions that give up soon: half a second instead of half a minute.
fn impatient(settings: &mut Settings) {
    let t1 = Duration::from_millis(8);
    settings.timers = TimerSet { t1, t2: 4 * t1, t4: 4 * t1 };
}

#[tokio::test]
async fn a_domain_is_reached_by_the_transport_it_prefers() {
    let (udp, tcp) = (udp_server("127.0.0.1:0", Some(200)).await, tcp_server("127.0.0.1:0", 200).await);
    let zone = Zone::default()
        .naptr("carrier.example", 20, 10, "SIP+D2U", "_sip._udp.carrier.example")
        .naptr("carrier.example", 10, 10, "SIP+D2T", "_other._tcp.carrier.example")
        .srv("_sip._udp.carrier.example", 1, 1, udp.port(), "a.carrier.example")
        .srv("_other._tcp.carrier.example", 1, 1, tcp.port(), "a.carrier.example")
        .host("a.carrier.example", "127.0.0.1");
    let mut town = Town::with(zone).await;
    assert_eq!(town.send("sip:carrier.example").await, Ok((200, tcp, Transport::Tcp)));
    assert_eq!(town.send("sip:carrier.example;transport=udp").await, Ok((200, udp, Transport::Udp)));
}

#[tokio::test]
async fn without_naptr_the_services_are_guessed() {
    let udp = udp_server("127.0.0.1:0", Some(200)).await;
    let zone = Zone::default()
        .srv("_sip._udp.carrier.example", 1, 1, udp.port(), "a.carrier.example")
        .host("a.carrier.example", "127.0.0.1");
    let mut town = Town::with(zone).await;
    assert_eq!(town.send("sip:carrier.example").await, Ok((200, udp, Transport::Udp)));
}

#[tokio::test]
async fn without_services_the_name_itself_is_the_host_at_the_usual_port() {
    let udp = udp_server("127.53.1.1:5060", Some(200)).await;
    let mut town = Town::with(Zone::default().host("host.example", "127.53.1.1")).await;
    assert_eq!(town.send("sip:host.example").await, Ok((200, udp, Transport::Udp)));
}

#[tokio::test]
async fn a_port_in_the_address_means_the_host_and_not_the_domain() {
    let (host, other) = (udp_server("127.0.0.1:0", Some(200)).await, udp_server("127.0.0.1:0", Some(486)).await);
    let zone = Zone::default()
        .srv("_sip._udp.carrier.example", 1, 1, other.port(), "carrier.example")
        .host("carrier.example", "127.0.0.1");
    let mut town = Town::with(zone).await;
    assert_eq!(town.send(&format!("sip:carrier.example:{}", host.port())).await, Ok((200, host, Transport::Udp)));
}

#[tokio::test]
async fn a_secure_address_is_never_reached_in_the_clear() {
    let udp = udp_server("127.0.0.1:0", Some(200)).await;
    let zone = Zone::default()
        .naptr("carrier.example", 10, 10, "SIP+D2U", "_sip._udp.carrier.example")
        .srv("_sip._udp.carrier.example", 1, 1, udp.port(), "a.carrier.example")
        .host("a.carrier.example", "127.0.0.1");
    let mut town = Town::with(zone).await;
    assert_eq!(town.send("sips:carrier.example").await, Err(SendFault::Unresolved));
    assert_eq!(town.house.runtime.stats().unresolved, 1);
}

fn two_servers(first: SocketAddr, second: SocketAddr, service: &str) -> Zone {
    Zone::default()
        .srv(&format!("{service}.carrier.example"), 1, 1, first.port(), "a.carrier.example")
        .srv(&format!("{service}.carrier.example"), 2, 1, second.port(), "a.carrier.example")
        .host("a.carrier.example", "127.0.0.1")
}

#[tokio::test]
async fn a_server_that_says_503_is_passed_over_and_remembered() {
    let (busy, free) = (udp_server("127.0.0.1:0", Some(503)).await, udp_server("127.0.0.1:0", Some(200)).await);
    let mut town = Town::with(two_servers(busy, free, "_sip._udp")).await;
    assert_eq!(town.send("sip:carrier.example").await, Ok((200, free, Transport::Udp)));
    assert_eq!(town.send("sip:carrier.example").await, Ok((200, free, Transport::Udp)));
    assert_eq!(town.house.runtime.stats().failovers, 1, "the second request went straight to the free one");
}

#[tokio::test]
async fn when_all_say_503_so_is_told() {
    let (one, other) = (udp_server("127.0.0.1:0", Some(503)).await, udp_server("127.0.0.1:0", Some(503)).await);
    let mut town = Town::with(two_servers(one, other, "_sip._udp")).await;
    assert_eq!(town.send("sip:carrier.example").await, Ok((503, other, Transport::Udp)));
}

#[tokio::test]
async fn another_refusal_is_the_end() {
    let (busy, free) = (udp_server("127.0.0.1:0", Some(486)).await, udp_server("127.0.0.1:0", Some(200)).await);
    let mut town = Town::with(two_servers(busy, free, "_sip._udp")).await;
    assert_eq!(town.send("sip:carrier.example").await, Ok((486, busy, Transport::Udp)));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_passed_over() {
    let (silent, free) = (udp_server("127.0.0.1:0", None).await, udp_server("127.0.0.1:0", Some(200)).await);
    for method in ["OPTIONS", "INVITE"] {
        let mut town = Town::changed(two_servers(silent, free, "_sip._udp"), impatient).await;
        town.order("sip:carrier.example", &format!("X-Method: {method}\r\n")).await;
        assert_eq!(town.house.end().await, Ok((200, free, Transport::Udp)), "{method}");
    }
}

#[tokio::test]
async fn when_nobody_says_anything_that_is_told() {
    let silent = udp_server("127.0.0.1:0", None).await;
    let mut town = Town::changed(Zone::default(), impatient).await;
    assert_eq!(town.send(&format!("sip:{silent}")).await, Err(SendFault::TimedOut));
}

#[tokio::test]
async fn a_server_that_refuses_the_connection_is_passed_over() {
    let (nobody, server) = (nobody().await, tcp_server("127.0.0.1:0", 200).await);
    let mut town = Town::with(two_servers(nobody, server, "_sip._tcp")).await;
    assert_eq!(town.send("sip:carrier.example;transport=tcp").await, Ok((200, server, Transport::Tcp)));
    assert_eq!(town.house.runtime.stats().connects_failed, 1);
}

#[tokio::test]
async fn equal_servers_share_the_load() {
    let (one, other) = (udp_server("127.0.0.1:0", Some(200)).await, udp_server("127.0.0.1:0", Some(200)).await);
    let zone = Zone::default()
        .srv("_sip._udp.carrier.example", 1, 50, one.port(), "a.carrier.example")
        .srv("_sip._udp.carrier.example", 1, 50, other.port(), "a.carrier.example")
        .host("a.carrier.example", "127.0.0.1");
    let mut town = Town::with(zone).await;
    let mut used = BTreeSet::new();
    // Forty requests to one of two leave the other idle once in five hundred billion runs.
    for _ in 0..40 {
        let (_, from, _) = town.send("sip:carrier.example").await.expect("an answer");
        used.insert(from);
    }
    assert_eq!(used, BTreeSet::from([one, other]));
}

#[tokio::test]
async fn a_slow_name_server_delays_nobody_else() {
    let udp = udp_server("127.0.0.1:0", Some(200)).await;
    let zone = Zone::default().host("host.example", "127.0.0.1");
    let mut town = Town::with(zone).await;
    town.dns.hold();
    town.order(&format!("sip:host.example:{}", udp.port()), "").await;
    within(town.dns.was_asked()).await;

    // While the question is open, a hundred others are answered.
    for call in 0..100 {
        assert_eq!(status(&town.phone.ask(options(&format!("other{call}"))).await), 200);
    }
    assert_eq!(town.house.runtime.stats().unresolved, 0);
    town.dns.release();
    assert_eq!(town.house.end().await, Ok((200, udp, Transport::Udp)));
}

#[tokio::test]
async fn a_name_is_asked_for_once_by_many_and_then_remembered() {
    let udp = udp_server("127.0.0.1:0", Some(200)).await;
    let target = format!("sip:host.example:{}", udp.port());
    const MANY: usize = 60;
    let mut town = Town::with(Zone::default().host("host.example", "127.0.0.1")).await;
    town.dns.hold();
    for _ in 0..MANY {
        town.order(&target, "").await;
    }
    within(town.dns.was_asked()).await;
    town.dns.release();
    for _ in 0..MANY {
        assert_eq!(town.house.end().await, Ok((200, udp, Transport::Udp)));
    }
    // The resolver repeats a question that is not answered at once; that is far from one question for each request.
    assert!(town.dns.asked() < MANY / 2, "{} questions", town.dns.asked());
    // The name server says nothing any more, and is not needed.
    town.dns.hold();
    assert_eq!(town.send(&target).await, Ok((200, udp, Transport::Udp)));
}

#[tokio::test]
async fn a_name_that_is_none_fails() {
    let mut town = Town::with(Zone::default()).await;
    assert_eq!(town.send("sip:nowhere.example").await, Err(SendFault::Unresolved));
    assert_eq!(town.send("tel:+4930123").await, Err(SendFault::NoTarget));
    assert_eq!(town.send("sip:a.example;transport=sctp").await, Err(SendFault::NoTarget));
}

#[tokio::test]
async fn a_name_server_that_never_answers_is_given_up() {
    let mut town = Town::changed(Zone::default(), |settings| {
        settings.limits.resolution = Duration::from_millis(100);
    })
    .await;
    town.dns.hold();
    assert_eq!(town.send("sip:host.example").await, Err(SendFault::Unresolved));
}

#[tokio::test]
async fn a_request_too_large_for_a_datagram_goes_by_tcp() {
    let server = both_server(200, 202).await;
    let mut town = Town::with(Zone::default()).await;
    town.order(&format!("sip:{server}"), "X-Length: 2000\r\n").await;
    assert_eq!(town.house.end().await, Ok((202, server, Transport::Tcp)));
    assert_eq!(town.send(&format!("sip:{server}")).await, Ok((200, server, Transport::Udp)));
}

#[tokio::test]
async fn a_large_request_falls_back_to_udp_where_nobody_listens_by_tcp() {
    let server = udp_server("127.0.0.1:0", Some(200)).await;
    let mut town = Town::with(Zone::default()).await;
    town.order(&format!("sip:{server}"), "X-Length: 2000\r\n").await;
    assert_eq!(town.house.end().await, Ok((200, server, Transport::Udp)));
}

#[tokio::test]
async fn a_request_that_is_cancelled_while_its_name_is_looked_up_is_never_sent() {
    let mut town = Town::with(Zone::default().host("host.example", "127.0.0.1")).await;
    town.dns.hold();
    town.order("sip:host.example", "X-Method: INVITE\r\nX-Cancel: yes\r\n").await;
    assert_eq!(town.house.end().await, Err(SendFault::Cancelled));
}

#[tokio::test]
async fn an_accepted_invite_takes_no_room_from_those_under_way() {
    let (answers, silent) = (udp_server("127.0.0.1:0", Some(200)).await, udp_server("127.0.0.1:0", None).await);
    let mut town = Town::changed(Zone::default(), |settings| settings.limits.requests = 1).await;
    for _ in 0..3 {
        town.order(&format!("sip:{answers}"), "X-Method: INVITE\r\n").await;
        assert_eq!(town.house.end().await, Ok((200, answers, Transport::Udp)));
    }
    town.order(&format!("sip:{silent}"), "X-Method: INVITE\r\n").await;
    assert_eq!(town.send(&format!("sip:{silent}")).await, Err(SendFault::Full), "one without an answer is under way");
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_allowed() {
    let silent = udp_server("127.0.0.1:0", None).await;
    let mut town = Town::changed(Zone::default(), |settings| settings.limits.requests = 2).await;
    for _ in 0..2 {
        town.order(&format!("sip:{silent}"), "").await;
    }
    assert_eq!(town.send(&format!("sip:{silent}")).await, Err(SendFault::Full));
    assert_eq!(town.house.runtime.stats().requests_refused, 1);
}
