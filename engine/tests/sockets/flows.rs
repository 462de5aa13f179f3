//! Connections as ways: limits, reuse, and what happens when they are gone.

use patchcord_engine::runtime::{Limits, SendFault};
use patchcord_sip::hop::Transport;
use tokio::net::{TcpListener, TcpSocket};

use crate::net::{Caller, Phone, nobody, serve, tcp_server};
use crate::support::{House, Note, answer, options, request, status, within};

/// Asks the clerk to send a request of its own.
pub fn send_to(target: &str, more: &str) -> String {
    request(
        "MESSAGE",
        &target.replace([':', ';', '=', '[', ']', '@'], "."),
        "UDP phone.invalid",
        &format!("X-Send-To: {target}\r\n{more}"),
    )
}

#[tokio::test]
async fn more_connections_from_one_address_than_allowed_are_turned_away() {
    let house = House::with(&["tcp:0.0.0.0:0"], |settings| {
        settings.limits.connections_per_source = 2;
        settings.local = Vec::new();
    });
    let port = house.at(Transport::Tcp).port();
    let mut first = Caller::to(([127, 0, 0, 1], port).into()).await;
    let mut second = Caller::to(([127, 0, 0, 1], port).into()).await;
    for caller in [&mut first, &mut second] {
        assert_eq!(status(&caller.ask(request("OPTIONS", "a", "TCP phone.invalid", "")).await), 200);
    }
    let mut third = Caller::to(([127, 0, 0, 1], port).into()).await;
    third.closed().await;
    house.counted("crowded", |count| count == 1).await;

    // Somebody else still gets in, and so does the first address when one of its connections has ended.
    let other = TcpSocket::new_v4().expect("a socket");
    other.bind(([127, 0, 0, 2], 0).into()).expect("an address");
    let mut other = Caller::over(within(other.connect(([127, 0, 0, 1], port).into())).await.expect("a connection"));
    assert_eq!(status(&other.ask(request("OPTIONS", "b", "TCP phone.invalid", "")).await), 200);
    drop(first);
    house.counted("flows", |count| count == 2).await;
    let mut again = Caller::to(([127, 0, 0, 1], port).into()).await;
    assert_eq!(status(&again.ask(request("OPTIONS", "c", "TCP phone.invalid", "")).await), 200);
}

#[tokio::test]
async fn a_neighbour_has_a_limit_of_its_own() {
    let limits = Limits { connections: 12, connections_per_source: 1, ..Limits::default() };
    let house = House::with_limits(&["tcp:127.0.0.1:0"], limits);
    let mut callers = Vec::new();
    for call_id in ["a", "b", "c"] {
        let mut caller = Caller::to(house.at(Transport::Tcp)).await;
        assert_eq!(status(&caller.ask(request("OPTIONS", call_id, "TCP phone.invalid", "")).await), 200);
        callers.push(caller);
    }
    Caller::to(house.at(Transport::Tcp)).await.closed().await;
    house.counted("crowded", |count| count == 1).await;
}

#[tokio::test]
async fn the_desk_hears_of_a_flow_that_closes() {
    let mut house = House::open(&["tcp:127.0.0.1:0"]);
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    assert_eq!(status(&caller.ask(request("OPTIONS", "a", "TCP phone.invalid", "")).await), 200);
    let flow = house.note(|note| match note {
        Note::Request { flow, .. } => Some(*flow),
        _ => None,
    });
    let flow = flow.await;
    drop(caller);
    house.note(|note| matches!(note, Note::Closed(closed) if *closed == flow).then_some(())).await;
}

#[tokio::test]
async fn requests_to_one_place_share_a_connection() {
    let mut house = House::open(&["udp:127.0.0.1:0"]);
    let phone = Phone::to(house.at(Transport::Udp)).await;
    let server = tcp_server("127.0.0.1:0", 200).await;
    for more in ["", "X-A: b\r\n", "X-Method: MESSAGE\r\n"] {
        let order = send_to(&format!("sip:{server};transport=tcp"), more);
        phone
            .say(
                order
                    .replace("Call-ID: ", &format!("Call-ID: {}", more.len()))
                    .replace("z9hG4bK", &format!("z9hG4bK{}", more.len())),
            )
            .await;
        assert_eq!(house.end().await, Ok((200, server, Transport::Tcp)));
    }
    assert_eq!(house.runtime.stats().flows, 1);
}

#[tokio::test]
async fn a_connection_that_is_refused_is_told_at_once() {
    let mut house = House::open(&["udp:127.0.0.1:0"]);
    let phone = Phone::to(house.at(Transport::Udp)).await;
    phone.say(send_to(&format!("sip:{};transport=tcp", nobody().await), "")).await;
    assert_eq!(house.end().await, Err(SendFault::Unreachable));
    assert_eq!(house.runtime.stats().connects_failed, 1);
    assert_eq!(house.runtime.stats().flows, 0);
}

#[tokio::test]
async fn a_connection_that_its_peer_has_closed_is_made_anew() {
    let mut house = House::open(&["udp:127.0.0.1:0"]);
    let phone = Phone::to(house.at(Transport::Udp)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let server = listener.local_addr().expect("an address");
    let target = format!("sip:{server};transport=tcp");
    phone.say(send_to(&target, "").replace("Call-ID: ", "Call-ID: first")).await;
    let (stream, peer) = within(listener.accept()).await.expect("the house comes");
    let mut first = Caller::over(stream);
    let heard = first.hear().await;
    first.say(answer(&heard.into(), peer, 200)).await;
    assert_eq!(house.end().await, Ok((200, server, Transport::Tcp)));

    // It takes the second request and closes without a word, as a server does that ends idle connections.
    phone.say(send_to(&target, "").replace("z9hG4bK", "z9hG4bKsecond").replace("Call-ID: ", "Call-ID: second")).await;
    first.hear().await;
    drop(first);
    let (stream, peer) = within(listener.accept()).await.expect("the house comes again");
    tokio::spawn(serve(stream, peer, 200));
    assert_eq!(house.end().await, Ok((200, server, Transport::Tcp)));
    assert_eq!(house.runtime.stats().failovers, 0);
}

#[tokio::test]
async fn a_connection_that_offers_its_alias_carries_requests_the_other_way() {
    let mut house = House::open(&["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]);
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    let via = "TCP 127.0.0.1:5999;alias";
    assert_eq!(status(&caller.ask(request("OPTIONS", "alias", via, "")).await), 200);

    let phone = Phone::to(house.at(Transport::Udp)).await;
    phone.say(send_to("sip:127.0.0.1:5999;transport=tcp", "")).await;
    let peer = caller.stream.local_addr().expect("an address");
    tokio::spawn(serve(caller.stream, peer, 200));

    assert_eq!(house.end().await, Ok((200, peer, Transport::Tcp)));
}

#[tokio::test]
async fn nobody_can_claim_the_address_of_another() {
    let mut house = House::open(&["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]);
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    let victim = nobody().await;
    let via = format!("TCP 127.0.0.9:{};alias", victim.port());
    assert_eq!(status(&caller.ask(request("OPTIONS", "alias", &via, "")).await), 200);

    let phone = Phone::to(house.at(Transport::Udp)).await;
    phone.say(send_to(&format!("sip:127.0.0.9:{};transport=tcp", victim.port()), "")).await;
    assert_eq!(house.end().await, Err(SendFault::Unreachable));
}

#[tokio::test]
async fn an_answer_whose_connection_has_gone_goes_to_the_port_of_its_via() {
    let mut house = House::open(&["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let via = format!("TCP 127.0.0.1:{}", listener.local_addr().expect("an address").port());
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    // The clerk answers only when somebody else asks, and by then this caller has gone.
    caller.say(request("OPTIONS", "gone", &via, "X-Late: yes\r\n")).await;
    house.note(|note| matches!(note, Note::Request { .. }).then_some(())).await;
    drop(caller);
    house.note(|note| matches!(note, Note::Closed(_)).then_some(())).await;

    let phone = Phone::to(house.at(Transport::Udp)).await;
    assert_eq!(status(&phone.ask(options("now")).await), 200);
    let (stream, _) = within(listener.accept()).await.expect("the house comes");
    assert_eq!(status(&Caller::over(stream).hear().await), 200);
}
