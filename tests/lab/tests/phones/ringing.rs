//! Before the answer: ringing, early sound, reliable responses, giving up.

use patchcord_lab::{Invitation, Lab, Model, Reliability, Side};

use crate::two_of;

#[tokio::test]
async fn a_called_phone_rings_until_it_is_answered() {
    let lab = Lab::open();
    let (alice, bob) = two_of(&lab, &Model::new());
    alice.dial(&bob.uri());
    assert_eq!(alice.hears_ringing().await, 180);
    bob.is_called().await;
    bob.answers().await;
    alice.is_answered().await;
}

#[tokio::test]
async fn early_sound_is_heard_before_the_answer_and_goes_on_after_it() {
    let lab = Lab::open();
    for reliability in [Reliability::Never, Reliability::Supported, Reliability::Required] {
        let (alice, bob) = two_of(&lab, &Model::new().reliability(reliability));
        alice.dial(&bob.uri());
        bob.plays_early().await;
        assert_eq!(alice.hears_ringing().await, 183);
        assert_eq!(alice.hears().await, [&bob], "{reliability:?}");
        let pracked = bob.heard().iter().any(|heard| heard.text().starts_with("PRACK "));
        assert_eq!(pracked, reliability != Reliability::Never, "{reliability:?}");

        bob.answers().await;
        alice.is_answered().await;
        assert_eq!(alice.hears().await, [&bob], "{reliability:?}");
        assert_eq!(bob.hears().await, [&alice], "{reliability:?}");
    }
}

#[tokio::test]
async fn a_late_offer_may_come_with_early_sound() {
    let lab = Lab::open();
    let (alice, bob) = two_of(&lab, &Model::new());
    alice.invites(&Invitation::to(&bob.uri()).without_offer());
    bob.plays_early().await;
    assert_eq!(alice.hears().await, [&bob], "the PRACK answers the offer of the 183");
    bob.answers().await;
    alice.is_answered().await;
    assert_eq!(bob.hears().await, [&alice]);
}

#[tokio::test]
async fn a_caller_may_give_up() {
    let lab = Lab::open();
    let (alice, bob) = two_of(&lab, &Model::new());
    alice.dial(&bob.uri());
    alice.hears_ringing().await;
    alice.hangs_up().await;
    assert_eq!(alice.is_over().await.status, Some(487));
    let ending = bob.is_over().await;
    assert_eq!((ending.by, ending.status), (Side::Them, Some(487)));
    assert!(ending.message.is_some_and(|message| message.text().starts_with("CANCEL ")));
}
