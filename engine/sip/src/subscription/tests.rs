//! RFC 6665, clause by clause, and both sides against each other.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::message::{Fault, Message, Request};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const T1: Duration = Duration::from_millis(500);

#[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
fn start() -> Instant {
    Instant::now()
}

fn notify(headers: &str) -> Request {
    let text = format!("NOTIFY sip:b@b SIP/2.0\r\n{headers}\r\n");
    let Message::Request(request) = Message::parse(text.into()).unwrap() else { panic!("a request") };
    request
}

fn state(value: &str) -> Result<SubscriptionState, u16> {
    SubscriptionState::of(&notify(&format!("Subscription-State: {value}\r\n"))).map_err(Fault::status)
}

#[test]
fn an_event_names_its_package_and_its_id() {
    let request = notify("o: presence.winfo ; id=7;x=y\r\n");
    let event = Event::of(&request).unwrap();
    assert_eq!(event, Event { package: "presence.winfo", id: Some("7") });
    assert_eq!(event.to_string(), "presence.winfo;id=7");
    assert_ne!(event, Event { package: "presence.winfo", id: None }, "another subscription");
    assert_eq!(Event::of(&notify("")).map_err(Fault::status), Err(489));
    assert_eq!(Event::of(&notify("Event: a b\r\n")).map_err(Fault::status), Err(400));
}

#[test]
fn states_are_read_as_they_are_written() {
    for value in [
        "active;expires=3600",
        "pending;expires=60",
        "terminated;reason=timeout",
        "terminated;reason=probation;retry-after=30",
        "terminated",
    ] {
        assert_eq!(state(value).unwrap().to_string(), value);
    }
    assert_eq!(state("Active ; Expires=1").unwrap().phase, Phase::Active);
    assert_eq!(state("waiting").unwrap().phase, Phase::Active, "a word of a later RFC");
    for wrong in ["", "a b", "active;expires=x", "active;expires=-1", "active;expires=99999999999"] {
        assert_eq!(state(wrong), Err(400), "{wrong}");
    }
    assert_eq!(SubscriptionState::of(&notify("")).map_err(Fault::status), Err(400));
}

#[test]
fn the_reason_tells_when_to_try_again() {
    for (value, again) in [
        ("terminated;reason=deactivated", Again::Now),
        ("terminated;reason=timeout", Again::Now),
        ("terminated;reason=probation;retry-after=9", Again::Later(Some(9 * SECOND))),
        ("terminated;reason=giveup", Again::Later(None)),
        ("terminated;reason=rejected;retry-after=9", Again::Never),
        ("terminated;reason=noresource", Again::Never),
        ("terminated;reason=invariant", Again::Never),
        ("terminated;reason=whatever;retry-after=9", Again::Later(Some(9 * SECOND))),
    ] {
        assert_eq!(state(value).unwrap().again(), again, "{value}");
    }
}

#[test]
fn the_time_granted_is_never_longer_than_asked_and_too_brief_ones_are_refused() {
    let rules = Rules::default();
    assert_eq!(rules.grant(None), Ok(HOUR));
    assert_eq!(rules.grant(Some(600)), Ok(600 * SECOND));
    assert_eq!(rules.grant(Some(u32::MAX)), Ok(2 * HOUR));
    assert_eq!(rules.grant(Some(0)), Ok(Duration::ZERO));
    assert_eq!(rules.grant(Some(59)), Err(TooBrief { least: 60 * SECOND }));
    let strict = Rules { minimum: 3 * HOUR, ..rules };
    assert_eq!(strict.grant(Some(3600)), Ok(HOUR), "423 is for less than an hour only");
}

#[test]
fn the_first_notify_follows_at_once_and_says_how_long() {
    let now = start();
    let mut notifier = Notifier::accept(HOUR, true, now);
    let said = notifier.poll(now + SECOND).unwrap();
    assert_eq!(said.to_string(), "active;expires=3599");
    assert_eq!(notifier.poll(now + SECOND), None);
}

#[test]
fn one_notify_is_under_way_at_a_time_and_changes_meanwhile_come_together() {
    let now = start();
    let mut notifier = Notifier::accept(HOUR, false, now);
    assert_eq!(notifier.poll(now).unwrap().phase, Phase::Pending);
    notifier.activate();
    notifier.changed();
    notifier.changed();
    assert_eq!(notifier.poll(now), None);
    notifier.answered(Some(200), false);
    assert_eq!(notifier.poll(now).unwrap().phase, Phase::Active);
    notifier.answered(Some(200), false);
    assert_eq!(notifier.poll(now), None);
}

#[test]
fn a_subscription_that_nobody_refreshes_ends_with_a_last_word() {
    let now = start();
    let mut notifier = Notifier::accept(HOUR, true, now);
    notifier.poll(now);
    notifier.answered(Some(200), false);
    assert_eq!(notifier.deadline(), Some(now + HOUR));
    assert!(!notifier.expire(now + HOUR - SECOND));
    assert!(notifier.refresh(HOUR, now + HOUR - SECOND));
    assert!(!notifier.expire(now + HOUR));
    assert!(notifier.poll(now + HOUR).is_some(), "a refresh is told, too");
    notifier.answered(Some(200), false);

    assert!(notifier.expire(now + 2 * HOUR));
    assert_eq!(notifier.poll(now + 2 * HOUR).unwrap().to_string(), "terminated;reason=timeout");
    assert!(!notifier.is_over());
    notifier.answered(Some(200), false);
    assert!(notifier.is_over() && notifier.deadline().is_none());
    assert!(!notifier.refresh(HOUR, now + 2 * HOUR), "what is over is 481");
}

#[test]
fn a_subscription_for_no_time_is_told_once_and_over() {
    let now = start();
    let mut fetch = Notifier::accept(Duration::ZERO, true, now);
    assert_eq!(fetch.poll(now).unwrap().to_string(), "terminated;reason=timeout");
    fetch.answered(Some(200), false);
    assert!(fetch.is_over());
}

#[test]
fn a_subscriber_that_refuses_to_hear_is_told_no_more() {
    let now = start();
    for (status, retry_after, lives) in [
        (None, false, false),
        (Some(481), false, false),
        (Some(481), true, false),
        (Some(500), false, false),
        (Some(503), true, true),
        (Some(401), false, true),
        (Some(200), false, true),
    ] {
        let mut notifier = Notifier::accept(HOUR, true, now);
        notifier.poll(now);
        notifier.changed();
        notifier.answered(status, retry_after);
        assert_eq!(notifier.is_over(), !lives, "{status:?} {retry_after}");
        assert_eq!(notifier.poll(now).is_some(), lives);
    }
}

#[test]
fn an_end_while_a_notify_is_under_way_is_told_after_it() {
    let now = start();
    let mut notifier = Notifier::accept(HOUR, true, now);
    notifier.poll(now);
    notifier.terminate(Reason::NoResource, None);
    assert_eq!(notifier.poll(now), None);
    notifier.answered(Some(200), false);
    assert_eq!(notifier.poll(now).unwrap().to_string(), "terminated;reason=noresource");
}

#[test]
fn a_subscribe_without_a_notify_is_over_after_64_t1() {
    let now = start();
    let mut subscriber = Subscriber::new(HOUR, T1, now);
    subscriber.accepted(Some(3600), now + SECOND);
    assert_eq!(subscriber.deadline(), Some(now + 64 * T1));
    assert_eq!(subscriber.expire(now + 64 * T1), Some(Due::Over));
    assert_eq!(subscriber.deadline(), None);
}

#[test]
fn a_notify_that_overtakes_the_2xx_counts_and_its_time_is_the_one_that_holds() {
    let now = start();
    let mut subscriber = Subscriber::new(HOUR, T1, now);
    subscriber.notified(&state("active;expires=600").unwrap(), now);
    assert_eq!(subscriber.fate(), Fate::Active);
    assert_eq!(subscriber.deadline(), Some(now + 530 * SECOND));
    // A time longer than asked for is not believed.
    subscriber.notified(&state("active;expires=999999").unwrap(), now);
    assert_eq!(subscriber.deadline(), Some(now + HOUR - 70 * SECOND));
}

#[test]
fn a_subscription_is_refreshed_before_its_end_and_over_when_that_fails() {
    let now = start();
    let mut subscriber = Subscriber::new(HOUR, T1, now);
    subscriber.notified(&state("active;expires=100").unwrap(), now);
    assert_eq!(subscriber.expire(now + 49 * SECOND), None);
    assert_eq!(subscriber.expire(now + 50 * SECOND), Some(Due::Refresh));
    subscriber.asked(now + 50 * SECOND);
    subscriber.refused(503, None);
    assert_eq!(subscriber.fate(), Fate::Active, "the time granted before still runs");
    assert_eq!(subscriber.expire(now + 99 * SECOND), None);
    assert_eq!(subscriber.expire(now + 100 * SECOND), Some(Due::Over));
}

#[test]
fn a_refresh_refused_with_481_ends_the_subscription_and_a_first_try_with_anything() {
    let now = start();
    let mut subscriber = Subscriber::new(HOUR, T1, now);
    subscriber.notified(&state("pending").unwrap(), now);
    assert_eq!(subscriber.fate(), Fate::Pending);
    subscriber.refused(481, None);
    assert_eq!(subscriber.fate(), Fate::Over(Again::Now));

    for (status, again) in [(403, Again::Never), (489, Again::Never), (503, Again::Later(Some(5 * SECOND)))] {
        let mut subscriber = Subscriber::new(HOUR, T1, now);
        subscriber.refused(status, Some(5 * SECOND));
        assert_eq!(subscriber.fate(), Fate::Over(again), "{status}");
    }
}

#[test]
fn to_unsubscribe_is_to_wait_for_the_last_word_but_not_for_ever() {
    let now = start();
    let mut subscriber = Subscriber::new(HOUR, T1, now);
    subscriber.notified(&state("active;expires=3600").unwrap(), now);
    subscriber.unsubscribed(now + SECOND);
    subscriber.accepted(Some(0), now + SECOND);
    subscriber.notified(&state("active;expires=3599").unwrap(), now + SECOND);
    assert_eq!(subscriber.deadline(), Some(now + SECOND + 64 * T1));
    let mut silent = subscriber;
    assert_eq!(silent.expire(now + SECOND + 64 * T1), Some(Due::Over));
    let mut refused = subscriber;
    refused.refused(500, None);
    assert!(refused.is_over(), "who does not let us go need not be waited for");
    subscriber.notified(&state("terminated;reason=timeout").unwrap(), now + 2 * SECOND);
    assert!(subscriber.is_over());
}

#[test]
fn what_is_over_stays_over() {
    let now = start();
    let mut subscriber = Subscriber::new(HOUR, T1, now);
    subscriber.notified(&state("terminated;reason=rejected").unwrap(), now);
    subscriber.notified(&state("active;expires=600").unwrap(), now);
    subscriber.accepted(Some(600), now);
    assert_eq!((subscriber.fate(), subscriber.deadline()), (Fate::Over(Again::Never), None));
}

proptest! {
    #[test]
    fn both_sides_hold_a_subscription_for_days_and_end_it_within_its_time_when_one_dies(
        asked in 60..20_000_u32,
        delay in 0..20_u64,
        refreshes in 1..40_usize,
    ) {
        let rules = Rules::default();
        let (mut now, delay) = (start(), Duration::from_secs(delay));
        let granted = rules.grant(Some(asked)).unwrap();
        let mut notifier = Notifier::accept(granted, true, now);
        let mut subscriber = Subscriber::new(Duration::from_secs(asked.into()), T1, now);
        for _ in 0..refreshes {
            let said = notifier.poll(now).expect("each SUBSCRIBE is followed by a NOTIFY");
            now += delay;
            subscriber.notified(&state(&said.to_string()).unwrap(), now);
            notifier.answered(Some(200), false);
            let woken = subscriber.deadline().unwrap();
            prop_assert!(woken < notifier.deadline().unwrap(), "asked again before the end");
            now = woken;
            prop_assert_eq!(subscriber.expire(now), Some(Due::Refresh));
            subscriber.asked(now);
            prop_assert!(!notifier.expire(now));
            prop_assert!(notifier.refresh(granted, now));
        }
        // The network dies here.
        notifier.poll(now);
        notifier.answered(None, false);
        prop_assert!(notifier.is_over());
        while !subscriber.is_over() {
            let woken = subscriber.deadline().unwrap();
            prop_assert!(woken <= now + granted + delay);
            subscriber.expire(woken);
        }
    }
}
