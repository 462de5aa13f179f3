//! Several shards: calls spread, and each stays together.

use std::collections::{BTreeMap, BTreeSet};

use patchcord_sip::hop::Transport;

use crate::net::{Caller, Phone};
use crate::support::{House, Note, header, options, request, status};

const SHARDS: usize = 3;
const CALLS: usize = 60;

fn house(listen: &[&str]) -> House {
    House::with(listen, |settings| settings.shards = SHARDS)
}

/// Which shard heard each request.
async fn heard(house: &mut House, count: usize) -> BTreeMap<String, BTreeSet<usize>> {
    let mut shards: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for _ in 0..count {
        let (call_id, shard) = house
            .note(|note| match note {
                Note::Request { call_id, shard, .. } => Some((call_id.clone(), *shard)),
                _ => None,
            })
            .await;
        shards.entry(call_id).or_default().insert(shard);
    }
    shards
}

#[tokio::test]
async fn all_messages_of_a_call_meet_on_one_shard_wherever_they_come_from() {
    let mut house = house(&["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]);
    // The kernel gives each of these phones to a shard of its own choice.
    for call in 0..CALLS {
        let call_id = format!("call{call}");
        let (one, other) = (Phone::to(house.at(Transport::Udp)).await, Phone::to(house.at(Transport::Udp)).await);
        assert_eq!(status(&one.ask(request("INFO", &call_id, "UDP phone.invalid", "")).await), 200);
        assert_eq!(status(&other.ask(request("MESSAGE", &call_id, "UDP phone.invalid", "")).await), 200);
        let mut caller = Caller::to(house.at(Transport::Tcp)).await;
        assert_eq!(status(&caller.ask(request("UPDATE", &call_id, "TCP phone.invalid", "")).await), 200);
    }
    let shards = heard(&mut house, 3 * CALLS).await;
    assert!(shards.values().all(|shards| shards.len() == 1), "{shards:?}");
    let used: BTreeSet<usize> = shards.into_values().flatten().collect();
    assert_eq!(used.len(), SHARDS, "sixty calls leave no shard idle");
    assert!(house.runtime.stats().handed_over > 0);
}

#[tokio::test]
async fn answers_to_requests_of_ours_come_back_to_the_shard_that_sent_them() {
    let mut house = house(&["udp:127.0.0.1:0"]);
    let server = crate::net::udp_server("127.0.0.1:0", Some(200)).await;
    for call in 0..20 {
        let phone = Phone::to(house.at(Transport::Udp)).await;
        let order =
            request("MESSAGE", &format!("order{call}"), "UDP phone.invalid", &format!("X-Send-To: sip:{server}\r\n"));
        assert_eq!(status(&phone.ask(order).await), 200);
        assert_eq!(house.end().await, Ok((200, server, Transport::Udp)));
    }
}

#[tokio::test]
async fn every_shard_hears_of_a_flow_that_closes() {
    let mut house = house(&["tcp:127.0.0.1:0"]);
    let mut caller = Caller::to(house.at(Transport::Tcp)).await;
    assert_eq!(status(&caller.ask(request("OPTIONS", "a", "TCP phone.invalid", "")).await), 200);
    drop(caller);
    for _ in 0..SHARDS {
        house.note(|note| matches!(note, Note::Closed(_)).then_some(())).await;
    }
}

#[tokio::test]
async fn one_shard_hands_nothing_over() {
    let house = House::open(&["udp:127.0.0.1:0"]);
    let phone = Phone::to(house.at(Transport::Udp)).await;
    for call in 0..CALLS {
        let answer = phone.ask(options(&format!("call{call}"))).await;
        assert_eq!(header(&answer, "Call-ID"), format!("call{call}"));
    }
    assert_eq!(house.runtime.stats().handed_over, 0);
}
