//! What RFC 3263 and RFC 2782 promise, record by record.

use std::collections::HashMap;

use super::*;

fn wanted(uri: &str) -> Wanted {
    Wanted::of(&Uri::parse(uri).expect("a URI")).expect("a place to send to")
}

fn naptr(order: u16, preference: u16, service: &str, replacement: &str) -> Naptr {
    let (service, replacement) = (service.to_owned(), replacement.to_owned());
    Naptr { order, preference, flags: "s".into(), service, replacement }
}

fn srv(priority: u16, weight: u16, host: &str, ip: [u8; 4]) -> Srv {
    Srv { priority, weight, port: 5060, host: host.into(), addresses: vec![ip.into()] }
}

fn names(services: &[Service]) -> Vec<&str> {
    services.iter().map(|service| service.name.as_str()).collect()
}

/// Draws that are the same in each run and spread like dice.
fn dice() -> impl FnMut(u64) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

#[test]
fn an_address_by_number_is_its_own_target() {
    let target = |uri| wanted(uri).by_number(|_| true).map(|target| (target.transport, target.peer.to_string()));
    assert_eq!(target("sip:192.0.2.1"), Some((Transport::Udp, "192.0.2.1:5060".into())));
    assert_eq!(target("sips:192.0.2.1"), Some((Transport::Tls, "192.0.2.1:5061".into())));
    assert_eq!(target("sip:192.0.2.1;transport=tcp"), Some((Transport::Tcp, "192.0.2.1:5060".into())));
    assert_eq!(target("sips:192.0.2.1:7000;transport=tcp"), Some((Transport::Tls, "192.0.2.1:7000".into())));
    assert_eq!(target("sip:[2001:db8::1];transport=TLS"), Some((Transport::Tls, "[2001:db8::1]:5061".into())));
    assert_eq!(target("sip:host.example;maddr=192.0.2.9"), Some((Transport::Udp, "192.0.2.9:5060".into())));
    assert_eq!(target("sip:host.example"), None);

    let by_tcp = wanted("sip:192.0.2.1").by_number(|transport| transport != Transport::Udp);
    assert_eq!(by_tcp.map(|target| target.transport), Some(Transport::Tcp), "we have no UDP socket");
}

#[test]
fn what_cannot_be_sent_to_is_no_target() {
    for uri in ["tel:+4930123", "mailto:a@b.example", "sips:a.example;transport=udp", "sip:a.example;transport=sctp"] {
        assert_eq!(Wanted::of(&Uri::parse(uri).expect("a URI")), Err(NoTarget), "{uri}");
    }
}

#[test]
fn the_services_of_a_name_follow_its_scheme_and_transport() {
    let services = |uri| wanted(uri).services(|_| true);
    assert_eq!(
        names(&services("sip:a.example")),
        ["_sip._udp.a.example", "_sip._tcp.a.example", "_sips._tcp.a.example"]
    );
    assert_eq!(names(&services("sips:a.example")), ["_sips._tcp.a.example"]);
    assert_eq!(names(&services("sip:A.example.;transport=tcp")), ["_sip._tcp.a.example"]);
    assert_eq!(
        names(&wanted("sip:a.example").services(|transport| transport == Transport::Tcp)),
        ["_sip._tcp.a.example"]
    );
}

#[test]
fn a_domain_is_reached_as_it_prefers() {
    let records = vec![
        naptr(100, 50, "SIP+D2U", "_sip._udp.a.example."),
        naptr(50, 90, "SIP+D2T", "_sip._tcp.a.example."),
        naptr(50, 50, "SIPS+D2T", "_sips._tcp.a.example."),
        naptr(1, 1, "SIP+D2S", "_sip._sctp.a.example."),
        naptr(1, 1, "E2U+sip", "ignored.example."),
    ];
    let all = from_naptr(records.clone(), false, |_| true);
    assert_eq!(names(&all), ["_sips._tcp.a.example", "_sip._tcp.a.example", "_sip._udp.a.example"]);
    assert_eq!(names(&from_naptr(records.clone(), true, |_| true)), ["_sips._tcp.a.example"]);
    assert_eq!(names(&from_naptr(records, false, |transport| transport == Transport::Udp)), ["_sip._udp.a.example"]);
}

#[test]
fn a_record_that_is_not_final_is_passed_over() {
    let regexp = Naptr { flags: "u".into(), ..naptr(1, 1, "SIP+D2U", "_sip._udp.a.example") };
    assert_eq!(from_naptr(vec![regexp], false, |_| true), []);
}

#[test]
fn a_lower_priority_is_tried_first_whatever_its_weight() {
    let hosts = vec![srv(20, 100, "late", [192, 0, 2, 2]), srv(10, 0, "early", [192, 0, 2, 1])];
    let found = Found { ways: vec![(Transport::Udp, hosts)], domain: None };
    let mut draw = dice();
    for _ in 0..100 {
        let targets = found.targets(&mut draw);
        assert_eq!(targets[0].peer.to_string(), "192.0.2.1:5060");
        assert_eq!(targets.len(), 2);
    }
}

#[test]
fn equals_share_the_load_by_their_weights() {
    let hosts = vec![
        srv(1, 60, "big", [192, 0, 2, 1]),
        srv(1, 30, "half", [192, 0, 2, 2]),
        srv(1, 10, "small", [192, 0, 2, 3]),
    ];
    let mut draw = dice();
    let mut firsts = HashMap::new();
    const ROUNDS: i32 = 100_000;
    for _ in 0..ROUNDS {
        *firsts.entry(in_order(&hosts, &mut draw)[0].host.as_str()).or_insert(0) += 1;
    }
    // The drawing of RFC 2782 gives the first of the list one chance in 101 more. Ten deviations are about 1.6 %.
    for (host, share) in [("big", 0.60), ("half", 0.30), ("small", 0.10)] {
        let seen = f64::from(firsts[host]) / f64::from(ROUNDS);
        assert!((seen - share).abs() < 0.016, "{host}: {seen} instead of {share}");
    }
}

#[test]
fn a_host_without_weight_is_seldom_first_but_never_lost() {
    let hosts = vec![srv(1, 0, "spare", [192, 0, 2, 1]), srv(1, 100, "main", [192, 0, 2, 2])];
    let mut draw = dice();
    let mut spare_first = 0;
    for _ in 0..10_000 {
        let order = in_order(&hosts, &mut draw);
        assert_eq!(order.len(), 2);
        spare_first += i32::from(order[0].host == "spare");
    }
    // One in 101 by the drawing: about a hundred, give or take ten.
    assert!((40..200).contains(&spare_first), "{spare_first}");
}

#[test]
fn every_host_is_tried_once_however_the_dice_fall() {
    let hosts: Vec<Srv> =
        (0..16).map(|n| srv(u16::from(n % 3), u16::from(n % 5), &n.to_string(), [192, 0, 2, n])).collect();
    let mut draw = dice();
    for _ in 0..1000 {
        let mut seen: Vec<&str> = in_order(&hosts, &mut draw).iter().map(|host| host.host.as_str()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 16);
    }
}

#[test]
fn a_certificate_has_to_name_the_domain_and_not_the_host() {
    let ways = vec![(Transport::Tls, vec![srv(1, 1, "host7.carrier.example", [192, 0, 2, 1])])];
    let found = Found { ways, domain: Some("carrier.example".into()) };
    assert_eq!(found.targets(|_| 0)[0].name.as_deref(), Some("carrier.example"));
}
