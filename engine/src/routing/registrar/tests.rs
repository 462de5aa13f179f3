//! Laws of the registrar: who takes whose place, and that nobody is shut out.

use bytes::Bytes;
use patchcord_sip::hop::{FlowId, Transport};
use patchcord_sip::message::Message;
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A registrar for alice, whose clock goes on by a second with each REGISTER.
struct Desk {
    location: Location,
    rules: RegistrarRules,
    alice: Arc<str>,
    now: Instant,
}

fn desk() -> Desk {
    #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
    let now = Instant::now();
    Desk { location: Location::default(), rules: RegistrarRules::default(), alice: "alice".into(), now }
}

impl Desk {
    fn takes(&mut self, call_id: &str, cseq: u32, contacts: &str) -> Result<(), RegisterError> {
        let text = format!(
            "REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{cseq}\r\nMax-Forwards: 70\r\n\
             From: <sip:alice@example.org>;tag=1\r\nTo: <sip:alice@example.org>\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} REGISTER\r\nSupported: outbound\r\nContact: {contacts}\r\nContent-Length: 0\r\n\r\n"
        );
        let Ok(Message::Request(request)) = Message::parse(Bytes::from(text)) else { panic!("it is a request") };
        assert_eq!(request.check(), Ok(()));
        let (local, peer) = ("192.0.2.1:5060".parse(), "192.0.2.9:40000".parse());
        let (local, peer) = (local.expect("an address"), peer.expect("an address"));
        let hop = Hop { transport: Transport::Udp, flow: FlowId(0), local, peer };
        self.now += SECOND;
        register(&self.location, &self.rules, &self.alice, &request, &hop, self.now).map(|_| ())
    }

    fn holds(&self) -> Vec<String> {
        let bindings = self.location.bindings("alice", self.now);
        bindings.into_iter().map(|binding| binding.contact.into()).collect()
    }
}

fn of_instance(port: u16, instance: &str, more: &str) -> String {
    format!("<sip:alice@192.0.2.9:{port}>;+sip.instance=\"<urn:uuid:{instance}>\"{more}")
}

#[test]
fn a_phone_that_is_started_anew_takes_its_own_place_and_no_other() {
    let mut desk = desk();
    assert_eq!(desk.takes("other", 1, &of_instance(5060, "other", "")), Ok(()));
    assert_eq!(desk.takes("nameless", 1, "<sip:alice@192.0.2.10>"), Ok(()));
    for start in 0..20 {
        assert_eq!(desk.takes(&format!("start{start}"), 1, &of_instance(1000 + start, "mine", "")), Ok(()));
    }
    assert_eq!(desk.holds(), ["sip:alice@192.0.2.9:5060", "sip:alice@192.0.2.10", "sip:alice@192.0.2.9:1019"]);
}

#[test]
fn a_phone_that_moves_to_another_port_takes_its_own_place_and_not_with_an_old_request() {
    let mut desk = desk();
    assert_eq!(desk.takes("one", 2, &of_instance(1000, "mine", "")), Ok(()));
    assert_eq!(desk.takes("one", 1, &of_instance(1001, "mine", "")), Err(RegisterError::OutOfOrder));
    assert_eq!(desk.takes("one", 3, &of_instance(1002, "mine", "")), Ok(()));
    assert_eq!(desk.holds(), ["sip:alice@192.0.2.9:1002"]);

    let line = "<sip:second-line@192.0.2.9:1002>;+sip.instance=\"<urn:uuid:mine>\"";
    assert_eq!(desk.takes("one", 4, line), Ok(()));
    assert_eq!(desk.holds().len(), 2, "another line of the same phone stands beside it");
}

#[test]
fn flows_that_a_phone_names_and_contacts_of_one_register_stand_side_by_side() {
    let mut desk = desk();
    assert_eq!(desk.takes("one", 1, &of_instance(1000, "mine", ";reg-id=1")), Ok(()));
    assert_eq!(desk.takes("two", 1, &of_instance(1001, "mine", ";reg-id=2")), Ok(()));
    let both = [of_instance(1, "yours", ""), of_instance(2, "yours", "")].join(", ");
    assert_eq!(desk.takes("three", 1, &both), Ok(()));
    assert_eq!(desk.holds().len(), 4);
}

#[test]
fn at_the_limit_whoever_was_refreshed_longest_ago_gives_way() {
    let mut desk = desk();
    for port in 1..=10 {
        assert_eq!(desk.takes(&format!("call{port}"), 1, &format!("<sip:alice@192.0.2.9:{port}>")), Ok(()));
    }
    assert_eq!(desk.takes("call1", 2, "<sip:alice@192.0.2.9:1>"), Ok(()));
    assert_eq!(desk.takes("call11", 1, "<sip:alice@192.0.2.9:11>"), Ok(()));

    let held = desk.holds();
    assert_eq!(held.len(), 10);
    assert!(!held.contains(&"sip:alice@192.0.2.9:2".to_owned()), "{held:?}");
}

#[test]
fn of_the_same_contact_twice_in_one_register_the_last_counts() {
    let mut desk = desk();
    let twice = "<sip:alice@192.0.2.9>;q=0.1, <sip:alice@192.0.2.9>;q=0.7";
    assert_eq!(desk.takes("one", 1, twice), Ok(()));
    assert_eq!(desk.takes("one", 2, twice), Ok(()));

    let held = desk.location.bindings("alice", desk.now);
    assert_eq!(held.iter().map(|binding| binding.q_thousandths).collect::<Vec<_>>(), [700]);
    assert_eq!(desk.takes("one", 3, "<sip:alice@192.0.2.9>, <sip:alice@192.0.2.9>;expires=0"), Ok(()));
    assert!(desk.holds().is_empty());
}

#[test]
fn a_list_longer_than_there_may_be_is_refused_before_it_is_looked_through() {
    let mut desk = desk();
    assert_eq!(desk.takes("one", 1, "<sip:alice@192.0.2.9>"), Ok(()));
    // The twelfth is malformed, and is not come to.
    let many: Vec<_> = (1..=11).map(|port| format!("<sip:alice@192.0.2.9:{port}>")).collect();
    let many = many.join(", ") + ", <sip:alice@192.0.2.9>;expires=1";
    assert_eq!(desk.takes("one", 2, &many), Err(RegisterError::TooMany { most: 10 }));
    assert_eq!(desk.holds(), ["sip:alice@192.0.2.9"]);
}

proptest! {
    #[test]
    fn nobody_is_shut_out_whoever_came_before(
        asks in prop::collection::vec((0u8..30, 0u16..20, prop::option::of(0u8..4), prop::option::of(1u8..3)), 1..60),
    ) {
        let mut desk = desk();
        for (cseq, (call, port, instance, reg_id)) in (1..).zip(asks) {
            let mut contact = format!("<sip:alice@192.0.2.9:{}>", 1000 + port);
            if let Some(instance) = instance {
                contact += &format!(";+sip.instance=\"<urn:uuid:{instance}>\"");
                if let Some(reg_id) = reg_id {
                    contact += &format!(";reg-id={reg_id}");
                }
            }
            prop_assert_eq!(desk.takes(&format!("call{call}"), cseq, &contact), Ok(()));
            let held = desk.holds();
            prop_assert!(held.len() <= desk.rules.contacts, "{} are held", held.len());
            prop_assert!(held.iter().any(|held| contact.contains(held)), "{contact} is not among {held:?}");
        }
    }
}
