//! Several shards: calls spread, and each stays together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, mpsc};
use std::time::Instant;

use patchcord_engine::runtime::{Desk, Runtime, Wire};
use patchcord_sip::hop::{FlowId, Transport};
use patchcord_sip::message::Draft;
use patchcord_sip::transaction::Heard;
use tokio::io::AsyncWriteExt;

use crate::net::{Caller, Phone};
use crate::support::{House, Note, header, options, request, settings, status, within};

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

/// Answers every request; before the first it stands still with its shard until the gate opens.
struct Gated(Option<mpsc::Receiver<()>>);

impl Desk for Gated {
    fn hear(&mut self, heard: Heard, wire: &mut Wire<'_>) {
        let Heard::Request { id, request, hop } = heard else { return };
        if let Some(gate) = self.0.take() {
            gate.recv().expect_err("whoever holds the gate only lets go of it");
        }
        wire.respond(id, 200, Draft::reply(&request, hop.peer, 200).to_tag("3").finish());
    }

    fn flow_closed(&mut self, _: FlowId, _: &mut Wire<'_>) {}

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn wake(&mut self, _: &mut Wire<'_>) {}
}

#[tokio::test]
async fn what_waits_for_a_shard_that_is_behind_is_bounded_in_bytes_and_none_of_it_is_lost() {
    const ROOM: usize = 256 << 10;
    // So many that the kernel gives both shards some of them.
    const CALLERS: usize = 24;
    const REQUESTS: usize = 20;
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(&["tcp:127.0.0.1:0"], &folder);
    (settings.shards, settings.limits.handed_over_bytes) = (2, ROOM);
    let (gate, opens) = mpsc::channel();
    let opens = Mutex::new(Some(opens));
    let desk = move |shard| Gated((shard == 0).then(|| opens.lock().expect("one asks").take()).flatten());
    let runtime = Runtime::start(settings, move |shard| Box::new(desk(shard))).expect("it starts");

    let large = format!("Subject: {}\r\n", "x".repeat(27_000));
    let mut callers = Vec::new();
    for number in 0..CALLERS {
        let (reader, mut writer) = Caller::to(runtime.bound()[0].addr).await.stream.into_split();
        let ask = |call| request("OPTIONS", &format!("{number}.{call}"), "TCP phone.invalid", &large);
        let asks: String = (0..REQUESTS).map(ask).collect();
        callers.push((reader, tokio::spawn(async move { writer.write_all(asks.as_bytes()).await.map(|()| writer) })));
    }
    let waited = async {
        while runtime.stats().hand_overs_waited == 0 {
            tokio::task::yield_now().await;
        }
    };
    within(waited).await;
    let waiting = runtime.stats().waiting_bytes as usize;
    assert!((1..=ROOM).contains(&waiting), "{waiting} bytes wait");

    drop(gate);
    for (reader, writer) in callers {
        let mut caller = Caller::over(tokio::io::join(reader, tokio::io::sink()));
        for _ in 0..REQUESTS {
            assert_eq!(status(&caller.hear().await), 200);
        }
        within(writer).await.expect("it ends").expect("the house reads on");
    }
    // The room of the last one is given back after it has been answered.
    let emptied = async {
        while runtime.stats().waiting_bytes > 0 {
            tokio::task::yield_now().await;
        }
    };
    within(emptied).await;
    assert_eq!(runtime.stats().not_handed_over, 0);
}
