//! Registering with a carrier, in virtual time.

use proptest::prelude::*;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
    Instant::now()
}

fn register(proving: bool) -> Step {
    Step { order: Some(Order::Register { expires: HOUR, proving }), turn: None }
}

/// Registered for an hour since then; the refresh is due in the middle of its time.
fn registered(now: Instant) -> Enrolment {
    let mut enrolment = Enrolment::new(HOUR, now);
    assert_eq!(enrolment.wake(now), register(false));
    assert_eq!(enrolment.hear(Reply::Challenged { stale: false }, now, 0.0), register(true));
    let step = enrolment.hear(Reply::Granted(HOUR), now, 0.0);
    assert_eq!(step, Step { order: None, turn: Some(Turn::Registered) });
    enrolment
}

#[test]
fn a_challenge_is_answered_once_and_a_refresh_comes_in_time() {
    let now = start();
    let mut enrolment = registered(now);
    assert!(enrolment.is_registered(now));
    assert_eq!(enrolment.due(), Some(now + HOUR / 2));

    let refresh = now + HOUR / 2;
    assert_eq!(enrolment.wake(refresh - MINUTE), Step::default());
    assert_eq!(enrolment.wake(refresh), register(false));
    assert_eq!(enrolment.hear(Reply::Granted(HOUR), refresh, 1.0), Step::default(), "it is no news");
    assert_eq!(enrolment.due(), Some(refresh + HOUR.mul_f64(0.9)));
}

#[test]
fn wrong_credentials_are_not_tried_again_and_again() {
    let now = start();
    let mut enrolment = Enrolment::new(HOUR, now);
    assert_eq!(enrolment.wake(now), register(false));
    assert_eq!(enrolment.hear(Reply::Challenged { stale: false }, now, 0.0), register(true));
    assert_eq!(enrolment.hear(Reply::Challenged { stale: false }, now, 0.0), Step::default());
    assert_eq!(enrolment.due(), Some(now + AFTER_REFUSAL));
    assert!(!enrolment.is_registered(now));
}

#[test]
fn a_stale_nonce_is_worth_one_more_try() {
    let now = start();
    let mut enrolment = Enrolment::new(HOUR, now);
    assert_eq!(enrolment.wake(now), register(false));
    assert_eq!(enrolment.hear(Reply::Challenged { stale: false }, now, 0.0), register(true));
    assert_eq!(enrolment.hear(Reply::Challenged { stale: true }, now, 0.0), register(true));
    assert_eq!(enrolment.hear(Reply::Challenged { stale: true }, now, 0.0), Step::default());
}

#[test]
fn a_carrier_that_wants_longer_registrations_gets_them() {
    let now = start();
    let mut enrolment = Enrolment::new(MINUTE, now);
    enrolment.wake(now);
    let longer = Order::Register { expires: HOUR, proving: false };
    assert_eq!(enrolment.hear(Reply::TooBrief(HOUR), now, 0.0).order, Some(longer));
    assert_eq!(enrolment.hear(Reply::Granted(HOUR), now, 0.0).turn, Some(Turn::Registered));
    assert_eq!(enrolment.wake(now + HOUR / 2).order, Some(longer), "also the next time");
    assert_eq!(enrolment.hear(Reply::TooBrief(10 * LONGEST), now, 0.0).order, None, "not whatever it wants");
}

#[test]
fn a_silent_carrier_is_asked_ever_more_seldom() {
    let mut now = start();
    let mut enrolment = Enrolment::new(HOUR, now);
    let mut waits = Vec::new();
    for _ in 0..9 {
        assert_eq!(enrolment.wake(now), register(false));
        assert_eq!(enrolment.hear(Reply::Silence, now, 1.0), Step::default());
        let due = enrolment.due().expect("it goes on");
        waits.push((due - now).as_secs());
        now = due;
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]);
}

#[test]
fn a_registration_stands_until_its_time_is_over_while_the_refresh_is_unheard() {
    let now = start();
    let mut enrolment = registered(now);
    let mut at = now + HOUR / 2;
    assert_eq!(enrolment.wake(at), register(false));
    enrolment.hear(Reply::Silence, at, 0.0);
    while at < now + HOUR {
        assert!(enrolment.is_registered(at));
        at = enrolment.due().expect("it goes on");
        let step = enrolment.wake(at);
        assert_eq!(step.turn, (at >= now + HOUR).then_some(Turn::Lost { status: Some(503) }));
        if step.order.is_some() {
            enrolment.hear(Reply::Refused { status: 503, retry_after: None }, at, 0.0);
        }
        if step.turn.is_some() {
            break;
        }
    }
    assert!(!enrolment.is_registered(at));
}

#[test]
fn a_carrier_that_refuses_has_ended_it() {
    let now = start();
    let mut enrolment = registered(now);
    let refresh = now + HOUR / 2;
    enrolment.wake(refresh);
    let step = enrolment.hear(Reply::Refused { status: 403, retry_after: None }, refresh, 0.0);
    assert_eq!(step.turn, Some(Turn::Lost { status: Some(403) }));
    assert_eq!(enrolment.due(), Some(refresh + AFTER_REFUSAL));
}

#[test]
fn a_carrier_says_when_to_come_back() {
    let now = start();
    let mut enrolment = Enrolment::new(HOUR, now);
    enrolment.wake(now);
    let reply = Reply::Refused { status: 503, retry_after: Some(7 * MINUTE) };
    assert_eq!(enrolment.hear(reply, now, 0.0), Step::default());
    assert_eq!(enrolment.due(), Some(now + 7 * MINUTE));
    enrolment.wake(now + 7 * MINUTE);
    enrolment.hear(Reply::Refused { status: 503, retry_after: Some(1000 * HOUR) }, now, 0.0);
    assert_eq!(enrolment.due(), Some(now + HOUR));
}

#[test]
fn a_lost_connection_is_made_again_after_a_moment() {
    let now = start();
    let mut enrolment = registered(now);
    let step = enrolment.disconnected(now + MINUTE, 0.5);
    assert_eq!(step.turn, Some(Turn::Lost { status: None }));
    assert_eq!(enrolment.due(), Some(now + MINUTE + FIRST_WAIT / 2));
}

#[test]
fn whoever_leaves_says_so_once() {
    let now = start();
    let mut enrolment = registered(now);
    assert_eq!(enrolment.leave(), Some(Order::Leave { proving: false }));
    let proving = Step { order: Some(Order::Leave { proving: true }), turn: None };
    assert_eq!(enrolment.hear(Reply::Challenged { stale: false }, now, 0.0), proving);
    assert_eq!(enrolment.hear(Reply::Granted(Duration::ZERO), now, 0.0), Step::default());
    assert_eq!((enrolment.due(), enrolment.wake(now + HOUR)), (None, Step::default()));
    assert_eq!(Enrolment::new(HOUR, now).leave(), None, "it never came");
}

fn some_reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        (0..200_000_u64).prop_map(|s| Reply::Granted(Duration::from_secs(s))),
        any::<bool>().prop_map(|stale| Reply::Challenged { stale }),
        (0..200_000_u64).prop_map(|s| Reply::TooBrief(Duration::from_secs(s))),
        (300..700_u16, proptest::option::of(0..u64::MAX))
            .prop_map(|(status, wait)| Reply::Refused { status, retry_after: wait.map(Duration::from_secs) }),
        Just(Reply::Silence),
    ]
}

proptest! {
    /// Whatever a carrier answers, it is asked a bounded number of times in one try, and again later.
    #[test]
    fn no_carrier_can_make_us_hurry_or_forget(
        replies in proptest::collection::vec((some_reply(), 0.0..1.0_f64), 1..60),
    ) {
        let mut now = start();
        let mut enrolment = Enrolment::new(HOUR, now);
        let mut in_a_row = 0;
        let mut last_try = None;
        for (reply, chance) in replies {
            let mut asked = enrolment.wake(now).order.is_some();
            while !asked {
                let due = enrolment.due().expect("it goes on");
                prop_assert!(due > now || enrolment.is_registered(now));
                prop_assert!(due <= now + LONGEST);
                now = due;
                asked = enrolment.wake(now).order.is_some();
                in_a_row = 0;
            }
            if let Some(last) = last_try.replace(now) {
                prop_assert!(now >= last + SHORTEST / 2);
            }
            let mut step = enrolment.hear(reply, now, chance);
            while step.order.is_some() {
                in_a_row += 1;
                prop_assert!(in_a_row <= 2 * u32::from(MOST_TURNS));
                step = enrolment.hear(reply, now, chance);
            }
        }
    }
}
