//! Laws of the table of connections: who gets in, what is said, and what is found again.

use super::*;

fn table() -> Flows {
    let limits = Limits {
        connections: 3,
        connections_per_source: 2,
        queued_messages: 2,
        queued_bytes: 100,
        ..Limits::default()
    };
    Flows::new(limits, 7)
}

fn peer(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], port))
}

fn order(flow: &Flow) -> Poll<Order> {
    flow.poll_order(&Context::from_waker(Waker::noop()))
}

#[test]
fn a_flow_says_what_it_was_told_in_order() {
    let table = table();
    let flow = table.accept(Transport::Tcp, peer(1, 5060), false, None).expect("there is room");

    assert_eq!(table.say(flow.id, "one".into()), Ok(()));
    assert_eq!(table.say(flow.id, "two".into()), Ok(()));
    flow.finish();

    assert_eq!(order(&flow), Poll::Ready(Order::Say("one".into())));
    assert_eq!(order(&flow), Poll::Ready(Order::Say("two".into())));
    assert_eq!(order(&flow), Poll::Ready(Order::Finish));
}

#[test]
fn a_peer_that_does_not_read_loses_its_flow() {
    let table = table();
    let flow = table.accept(Transport::Tcp, peer(1, 5060), false, None).expect("there is room");

    assert_eq!(table.say(flow.id, vec![0; 60].into()), Ok(()));
    assert_eq!(table.say(flow.id, vec![0; 60].into()), Err(Unsaid::Slow));

    assert_eq!(order(&flow), Poll::Ready(Order::Abort));
    assert_eq!(table.say(flow.id, "late".into()), Err(Unsaid::Gone));
}

#[test]
fn slow_peers_hold_no_more_together_than_they_may_and_others_still_say_a_message() {
    let table = Flows::new(Limits { unsaid_bytes: 100, ..Limits::default() }, 7);
    let [first, second, third] =
        [1, 2, 3].map(|port| table.accept(Transport::Tcp, peer(1, port), false, None).expect("there is room"));
    assert_eq!(table.say(first.id, vec![0; 60].into()), Ok(()));
    assert_eq!(table.say(second.id, vec![0; 40].into()), Ok(()));
    assert_eq!(table.unsaid(), 100);

    assert_eq!(table.say(second.id, vec![0; 1].into()), Err(Unsaid::Slow));
    assert_eq!(table.say(third.id, vec![0; 60].into()), Ok(()), "nothing waits there");

    table.remove(&second);
    assert_eq!(table.unsaid(), 120);
    assert_eq!(order(&first), Poll::Ready(Order::Say(vec![0; 60].into())));
    assert_eq!(table.say(third.id, vec![0; 40].into()), Ok(()), "there is room again");
    table.remove(&third);
    table.remove(&third);
    assert_eq!(table.unsaid(), 0);
}

#[test]
fn too_many_connections_are_turned_away_until_one_ends() {
    let table = table();
    let first = table.accept(Transport::Tcp, peer(1, 1), false, None).expect("there is room");
    table.accept(Transport::Tcp, peer(1, 2), false, None).expect("there is room");
    assert_eq!(table.accept(Transport::Tcp, peer(1, 3), false, None).err(), Some(Crowded::Source));
    table.accept(Transport::Tcp, peer(2, 1), false, None).expect("there is room");
    assert_eq!(table.accept(Transport::Tcp, peer(3, 1), false, None).err(), Some(Crowded::House));

    table.remove(&first);
    table.remove(&first);

    assert_eq!(table.count(), 2);
    table.accept(Transport::Tcp, peer(1, 3), false, None).expect("there is room again");
}

#[test]
fn a_neighbour_takes_a_quarter_of_all_connections_unless_told_otherwise() {
    for (told, most) in [(None, 2), (Some(5), 5)] {
        let limits = Limits { connections: 8, connections_per_neighbour: told, ..Limits::default() };
        let table = Flows::new(limits, 7);
        let accept = |host, port| table.accept(Transport::Tcp, peer(host, port), true, None).err();
        assert!((0..most).all(|port| accept(1, port).is_none()));
        assert_eq!(accept(1, most), Some(Crowded::Neighbour));
        assert_eq!(accept(2, 1), None);
    }
}

#[test]
fn all_addresses_of_one_ipv6_network_are_one_source() {
    let table = table();
    let accept =
        |host: &str| table.accept(Transport::Tcp, format!("[{host}]:5060").parse().expect("an address"), false, None);
    assert_eq!(["2001:db8::1", "2001:db8::ffff:2"].map(|host| accept(host).err()), [None, None]);
    assert_eq!(accept("2001:db8::3").err(), Some(Crowded::Source));
    assert_eq!(accept("2001:db8:0:1::3").err(), None);
}

#[test]
fn a_connection_is_found_again_by_where_it_leads() {
    let table = table();
    let way = |name: Option<&str>| Way { transport: Transport::Tls, peer: peer(1, 5061), name: name.map(Arc::from) };
    let (flow, new) = table.reach(way(Some("a.example"))).expect("there is room");
    let (again, made) = table.reach(way(Some("a.example"))).expect("it is there");
    let (other, _) = table.reach(way(Some("b.example"))).expect("there is room");

    assert!(new && !made && again.id == flow.id);
    assert_ne!(other.id, flow.id);
    table.remove(&flow);
    assert!(table.reach(way(Some("a.example"))).expect("there is room").1);
}

#[test]
fn an_alias_leads_to_its_flow_and_cannot_be_taken_from_it() {
    let table = table();
    let (first, second) = (
        table.accept(Transport::Tcp, peer(1, 40001), false, None),
        table.accept(Transport::Tcp, peer(1, 40002), false, None),
    );
    let (first, second) = (first.expect("there is room"), second.expect("there is room"));
    let alias = Way { transport: Transport::Tcp, peer: peer(1, 5060), name: None };

    table.add_way(&first, alias.clone());
    table.add_way(&second, alias.clone());
    assert_eq!(table.reach(alias.clone()).map(|(flow, new)| (flow.id, new)), Ok((first.id, false)));

    table.remove(&second);
    assert_eq!(table.reach(alias).map(|(flow, new)| (flow.id, new)), Ok((first.id, false)));
}
