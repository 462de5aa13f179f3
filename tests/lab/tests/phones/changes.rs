//! A call that stands and changes: hold, codecs, UPDATE, session timers.

use std::time::Duration;

use patchcord_lab::{Hold, Kind, Lab, Model};

use crate::{call, two_in_a_call};

#[tokio::test]
async fn hold_is_silent_whichever_way_it_is_said() {
    let lab = Lab::open();
    for hold in [Hold::SendOnly, Hold::Inactive, Hold::Nowhere] {
        let (alice, bob) = two_in_a_call(&lab, &Model::new()).await;
        assert_eq!(alice.hears().await, [&bob]);

        alice.holds_by(hold).await;
        alice.comes_to_hear(&[]).await;
        assert!(alice.listens(Duration::from_millis(300)).await.is_silent(), "{hold:?}");

        alice.resumes().await;
        alice.comes_to_hear(&[&bob]).await;
        bob.comes_to_hear(&[&alice]).await;
    }
}

#[tokio::test]
async fn a_codec_changes_in_the_middle_of_a_call() {
    let lab = Lab::open();
    let model = Model::new().codecs(&[Kind::Pcmu, Kind::G722, Kind::Opus]);
    let (alice, bob) = two_in_a_call(&lab, &model).await;
    assert_eq!(alice.codec(), Some(Kind::Pcmu));
    for codec in [Kind::G722, Kind::Opus] {
        assert_eq!(alice.changes_codecs(&[codec]).await, 200);
        assert_eq!((alice.codec(), bob.codec()), (Some(codec), Some(codec)));
        assert_eq!(bob.hears().await, [&alice], "{codec:?}");
        assert_eq!(alice.hears().await, [&bob], "{codec:?}");
    }
    assert_eq!(alice.changes_codecs(&[Kind::Pcma]).await, 488, "a codec that the other has not");
    assert_eq!(bob.hears().await, [&alice], "a refused offer changes nothing");
}

#[tokio::test]
async fn an_update_is_answered() {
    let lab = Lab::open();
    let (alice, bob) = two_in_a_call(&lab, &Model::new()).await;
    assert_eq!(bob.updates().await, 200);
    assert_eq!(alice.hears().await, [&bob]);
}

#[tokio::test]
async fn a_session_timer_is_agreed_and_one_that_is_too_short_is_raised() {
    let lab = Lab::open();
    let patient = Model::new().session(Duration::from_secs(1800), Duration::from_secs(600));
    let hasty = Model::new().session(Duration::from_secs(120), Duration::from_secs(90));
    let (alice, bob) = (lab.phone_like("alice", &hasty), lab.phone_like("bob", &patient));
    call(&alice, &bob).await;
    let answers = alice.heard();
    assert!(answers.iter().any(|answer| answer.is_response() && answer.status() == 422), "the first try");
    let agreed = answers.last().and_then(|answer| answer.header("Session-Expires"));
    assert_eq!(agreed.map(|agreed| agreed.split(';').next()), Some(Some("600")));
}

#[tokio::test]
async fn odd_requests_inside_a_call_are_answered() {
    let lab = Lab::open();
    let (alice, bob) = two_in_a_call(&lab, &Model::new()).await;
    assert_eq!(alice.asks("OPTIONS", &[], None).await, 200);
    assert_eq!(bob.asks("MESSAGE", &[("X-Odd", "yes")], Some(("text/plain", "hello"))).await, 200);
}
