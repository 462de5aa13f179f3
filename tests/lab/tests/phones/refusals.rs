//! Calls that are not answered.

use patchcord_lab::{Conduct, Lab, Model};

use crate::{call, two_of};

#[tokio::test]
async fn a_busy_phone_says_so_and_so_does_one_that_declines() {
    let lab = Lab::open();
    let (alice, bob) = two_of(&lab, &Model::new());
    for status in [486, 603, 480] {
        alice.dial(&bob.uri());
        bob.refuses(status).await;
        assert_eq!(alice.is_refused().await, status);
    }
}

#[tokio::test]
async fn a_phone_refuses_by_itself_or_answers_by_itself() {
    let lab = Lab::open();
    let alice = lab.phone("alice");
    let busy = lab.phone_like("busy", &Model::new().when_called(Conduct::Refuse(486)));
    alice.dial(&busy.uri());
    assert_eq!(alice.is_refused().await, 486);

    let quick = lab.phone_like("quick", &Model::new().when_called(Conduct::Answer));
    alice.dial(&quick.uri());
    alice.is_answered().await;
    assert_eq!(alice.hears().await, [&quick]);
}

#[tokio::test]
async fn a_phone_that_nobody_answers_is_given_up() {
    let lab = Lab::open();
    let alice = lab.phone("alice");
    let deaf = lab.phone_like("deaf", &Model::new().when_called(Conduct::Ignore));
    alice.dial(&deaf.uri());
    deaf.is_called().await;
    alice.hangs_up().await;
    assert_eq!(alice.is_over().await.status, Some(487));
}

#[tokio::test]
async fn a_redirect_names_another_place() {
    let lab = Lab::open();
    let (alice, bob) = two_of(&lab, &Model::new());
    let carol = lab.phone("carol");
    alice.dial(&bob.uri());
    bob.redirects_to(&carol.uri()).await;
    let ending = alice.is_over().await;
    assert_eq!(ending.status, Some(302));
    let contact = ending.message.as_ref().and_then(|message| message.header("Contact")).expect("a place").to_owned();
    alice.dial(contact.trim_matches(['<', '>']));
    carol.answers().await;
    alice.is_answered().await;
}

#[tokio::test]
async fn a_call_that_stands_is_not_hurt_by_another_that_is_refused() {
    let lab = Lab::open();
    let (alice, bob) = two_of(&lab, &Model::new());
    let carol = lab.phone_like("carol", &Model::new().when_called(Conduct::Refuse(486)));
    call(&alice, &bob).await;
    alice.dial(&carol.uri());
    assert_eq!(alice.is_refused().await, 486);
    assert_eq!(bob.hears().await, [&alice]);
}
