//! Many phones on one thread.

use std::time::Duration;

use patchcord_lab::{Conduct, Handset, Lab, Model};

/// As many as a bench of a small machine wants, in pairs.
const PAIRS: usize = 100;

#[tokio::test]
async fn two_hundred_phones_talk_in_pairs_on_one_thread() {
    let lab = Lab::open();
    let called = Model::new().when_called(Conduct::Answer);
    let pairs: Vec<(Handset, Handset)> = (0..PAIRS)
        .map(|n| (lab.phone(&format!("caller {n}").replace(' ', "-")), lab.phone_like(&format!("called-{n}"), &called)))
        .collect();
    for (caller, callee) in &pairs {
        caller.dial(&callee.uri());
    }
    for (caller, _) in &pairs {
        caller.is_answered().await;
    }
    // Each hears its own partner and nobody else's; a few are looked at closely.
    for (caller, callee) in pairs.iter().step_by(PAIRS / 5) {
        caller.comes_to_hear(&[callee]).await;
        callee.comes_to_hear(&[caller]).await;
    }
    let heard = pairs[0].0.listens(Duration::from_secs(1)).await;
    assert!(heard.level_of(pairs[0].1.voice()).abs() < 1.0);
    for (caller, callee) in &pairs {
        let (there, back) = (callee.reception(), caller.reception());
        assert!(there.packets > 0 && back.packets > 0, "{there:?} {back:?}");
        assert_eq!((there.streams, back.streams), (1, 1), "{there:?} {back:?}");
    }
}

#[tokio::test]
async fn three_phones_are_told_apart_by_who_calls_them() {
    let lab = Lab::open();
    let called = Model::new().when_called(Conduct::Answer);
    let bob = lab.phone_like("bob", &called);
    let (alice, carol) = (lab.phone("alice"), lab.phone("carol"));
    alice.dial(&bob.uri());
    alice.is_answered().await;
    assert_eq!(bob.hears().await, [&alice]);
    alice.hangs_up().await;
    carol.dial(&bob.uri());
    carol.is_answered().await;
    assert_eq!(bob.hears().await, [&carol]);
}
