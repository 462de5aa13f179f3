//! Transfers, blind and attended.

use patchcord_lab::{Conduct, Lab, Model, Side};

use crate::{call, two_in_a_call};

#[tokio::test]
async fn a_blind_transfer_connects_the_two_others() {
    let lab = Lab::open();
    let (alice, bob) = two_in_a_call(&lab, &Model::new()).await;
    let carol = lab.phone("carol");
    let target = carol.uri();
    let (status, ()) = tokio::join!(alice.transfers_to(&target), carol.answers());
    assert_eq!(status, 200);
    assert!(carol.was_called_with("Referred-By").is_some_and(|by| by.contains("alice")));
    assert_eq!(bob.hears().await, [&carol]);
    assert_eq!(carol.hears().await, [&bob]);
    alice.is_over().await;
}

#[tokio::test]
async fn a_transfer_to_somebody_who_is_busy_leaves_the_call_as_it_is() {
    let lab = Lab::open();
    let (alice, bob) = two_in_a_call(&lab, &Model::new()).await;
    let carol = lab.phone_like("carol", &Model::new().when_called(Conduct::Refuse(486)));
    assert_eq!(alice.transfers_to(&carol.uri()).await, 486);
    assert_eq!(alice.hears().await, [&bob]);
    assert_eq!(bob.hears().await, [&alice]);
}

#[tokio::test]
async fn an_attended_transfer_joins_two_calls() {
    let lab = Lab::open();
    let (alice, bob) = two_in_a_call(&lab, &Model::new()).await;
    let carol = lab.phone("carol");
    alice.holds().await;
    call(&alice, &carol).await;
    assert_eq!(carol.hears().await, [&alice]);

    assert_eq!(alice.joins_its_calls().await, 200);
    carol.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&carol]).await;
    assert!(carol.was_called_with("Replaces").is_some());
    assert_eq!(alice.is_over().await.by, Side::Them, "carol ends the call that was replaced");
}
