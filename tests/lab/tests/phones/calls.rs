//! Calls over each transport, and what their messages say.

use patchcord_lab::{Conduct, Invitation, Lab, Model, Side, Transport};

use crate::{call, two_in_a_call, two_of};

const EVERY_TRANSPORT: [Transport; 4] = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws];

#[tokio::test]
async fn two_phones_hear_each_other_over_every_transport() {
    for transport in EVERY_TRANSPORT {
        let lab = Lab::open();
        let (alice, bob) = two_in_a_call(&lab, &Model::new().over(transport)).await;

        assert_eq!(alice.hears().await, [&bob], "{transport}");
        assert_eq!(bob.hears().await, [&alice], "{transport}");

        alice.hangs_up().await;
        assert_eq!(bob.is_over().await.by, Side::Them, "{transport}");
    }
}

#[tokio::test]
async fn two_phones_hear_each_other_over_ipv6() {
    let lab = Lab::open();
    let (alice, bob) = two_in_a_call(&lab, &Model::new().on("::1".parse().expect("an address"))).await;
    assert_eq!((alice.hears().await, bob.hears().await), (vec![bob.voice().clone()], vec![alice.voice().clone()]));
}

#[tokio::test]
async fn a_phone_calls_again_after_its_call() {
    let lab = Lab::open();
    let (alice, bob) = two_in_a_call(&lab, &Model::new()).await;
    bob.hangs_up().await;
    alice.is_over().await;
    call(&bob, &alice).await;
    assert_eq!(bob.hears().await, [&alice]);
}

#[tokio::test]
async fn a_call_without_an_offer_is_offered_by_the_called() {
    let lab = Lab::open();
    let (alice, bob) = two_of(&lab, &Model::new());
    alice.invites(&Invitation::to(&bob.uri()).without_offer().header("X-Colour", "green"));
    bob.answers().await;
    alice.is_answered().await;
    assert_eq!(bob.was_called_with("X-Colour").as_deref(), Some("green"));
    assert_eq!(bob.was_called_with("Content-Type"), None);
    assert_eq!(alice.hears().await, [&bob]);
    assert_eq!(bob.hears().await, [&alice]);
}

#[tokio::test]
async fn what_a_phone_says_can_be_twisted_and_swallowed() {
    let lab = Lab::open();
    let (alice, bob) = two_of(&lab, &Model::new());
    let mut swallowed = false;
    alice.twists(move |text| {
        // The first INVITE gets lost; it is repeated, and says something odd.
        let first = text.starts_with("INVITE ") && !std::mem::replace(&mut swallowed, true);
        (!first).then(|| text.replace("Max-Forwards: 70", "Max-Forwards: 7"))
    });
    call(&alice, &bob).await;
    assert_eq!(bob.was_called_with("Max-Forwards").as_deref(), Some("7"));
}

#[tokio::test]
async fn a_phone_that_loses_its_connections_makes_new_ones() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Ws] {
        let lab = Lab::open();
        let (alice, bob) = two_in_a_call(&lab, &Model::new().over(transport)).await;
        alice.loses_connections();
        alice.hangs_up().await;
        assert_eq!(bob.is_over().await.by, Side::Them, "{transport}");
    }
}

#[tokio::test]
async fn a_phone_that_is_asked_for_its_password_proves_it() {
    let lab = Lab::open();
    let alice = lab.phone_like("alice", &Model::new().password("secret"));
    let bob = lab.phone_like("bob", &Model::new().when_called(Conduct::Refuse(407)));
    bob.twists(|text| {
        let challenge = "CSeq: 1 INVITE\r\nProxy-Authenticate: Digest realm=\"b\", nonce=\"n\", qop=\"auth\"";
        Some(text.replacen("CSeq: 1 INVITE", challenge, usize::from(text.starts_with("SIP/2.0 407"))))
    });
    alice.dial(&bob.uri());
    assert_eq!(alice.is_refused().await, 407, "the second time the phone gives up");
    assert!(bob.was_called_with("Proxy-Authorization").is_some_and(|proof| proof.contains("username=\"alice\"")));
}
