//! Phones behind translators, guessers, and parties that move.

use proptest::prelude::*;

use super::*;
use crate::rtp::start;

const FRAME: Duration = Duration::from_millis(20);

fn at(address: &str) -> SocketAddr {
    address.parse().expect("an address")
}

fn head(ssrc: u32, sequence: u16) -> Head {
    Head { payload_type: 0, marker: false, sequence, timestamp: 0, ssrc }
}

/// A latch that was told of a phone at 192.0.2.1:4000.
fn told() -> Latch {
    Latch::new(Some(at("192.0.2.1:4000")), Some(at("192.0.2.1:4001")), false)
}

/// Hears `count` packets in a row and gives back the last verdict.
fn hears(latch: &mut Latch, from: &str, first: u16, count: u16, now: Instant) -> Verdict {
    (0..count)
        .map(|step| latch.hear(at(from), &head(9, first + step), false, now + FRAME * u32::from(step)))
        .last()
        .expect("a packet")
}

#[test]
fn the_described_address_is_believed_at_once() {
    let now = start();
    let mut latch = told();
    assert_eq!(latch.sound_to(), Some(at("192.0.2.1:4000")));
    assert_eq!(latch.connect_to(now), None);
    assert_eq!(hears(&mut latch, "192.0.2.1:4000", 1, 1, now), Verdict::Latched);
    assert_eq!(hears(&mut latch, "192.0.2.1:4000", 2, 1, now), Verdict::Accepted);
    assert_eq!(latch.connect_to(now), Some(at("192.0.2.1:4000")));
}

#[test]
fn a_phone_behind_a_translator_shows_a_row_and_is_answered_there() {
    let now = start();
    let mut latch = told();
    assert_eq!(hears(&mut latch, "198.51.100.7:31000", 1, 2, now), Verdict::OnTrial);
    assert_eq!(latch.sound_to(), Some(at("192.0.2.1:4000")));
    assert_eq!(hears(&mut latch, "198.51.100.7:31000", 3, 1, now), Verdict::Latched);
    assert_eq!(latch.sound_to(), Some(at("198.51.100.7:31000")));
    assert_eq!(latch.reports_to(), Some(at("198.51.100.7:31001")));
    assert_eq!(latch.connect_to(now + SETTLED * 2), None, "the described address may still be the party's");
    assert_eq!(latch.refusals().on_trial, 2);
}

#[test]
fn a_row_is_of_one_source_in_order_and_soon() {
    let now = start();
    let from = at("198.51.100.7:31000");
    let mut latch = told();
    for step in 0..20 {
        // Another SSRC each time, or another number, or too late.
        assert_eq!(latch.hear(from, &head(step, step as u16), false, now), Verdict::OnTrial);
        assert_eq!(latch.hear(from, &head(step, step as u16 + 100), false, now), Verdict::OnTrial);
    }
    for step in 0..20 {
        let late = now + WINDOW * 2 * u32::from(step);
        assert_eq!(latch.hear(from, &head(9, step), false, late), Verdict::OnTrial);
    }
}

#[test]
fn strangers_are_refused_once_somebody_is_held() {
    let now = start();
    let mut latch = told();
    hears(&mut latch, "192.0.2.1:4000", 1, 1, now);
    assert_eq!(hears(&mut latch, "203.0.113.5:6000", 1, 50, now), Verdict::Refused);
    assert_eq!(latch.refusals(), Refusals { strangers: 50, ..Refusals::default() });
    assert_eq!(latch.sound_to(), Some(at("192.0.2.1:4000")));
}

#[test]
fn the_described_address_takes_over_from_a_guesser() {
    let now = start();
    let mut latch = told();
    assert_eq!(hears(&mut latch, "203.0.113.5:6000", 1, 3, now), Verdict::Latched);
    assert_eq!(hears(&mut latch, "192.0.2.1:4000", 1, 3, now), Verdict::Latched);
    assert_eq!(hears(&mut latch, "203.0.113.5:6000", 4, 5, now), Verdict::Refused);
}

#[test]
fn a_phone_that_begins_late_takes_its_sound_back_from_a_guesser() {
    let now = start();
    let mut latch = told();
    hears(&mut latch, "203.0.113.5:6000", 1, 500, now);
    let late = now + Duration::from_secs(15);
    assert_eq!(latch.connect_to(late), None);
    assert_eq!(hears(&mut latch, "192.0.2.1:4000", 1, 3, late), Verdict::Latched);
    assert_eq!(latch.sound_to(), Some(at("192.0.2.1:4000")));
    assert_eq!(latch.connect_to(late + FRAME), Some(at("192.0.2.1:4000")));
}

#[test]
fn a_flood_of_strangers_does_not_keep_the_phone_out() {
    let now = start();
    let mut latch = told();
    // Who has shown two packets is safe from those who show one each.
    hears(&mut latch, "198.51.100.7:31000", 10, 2, now);
    for stranger in 0..50u16 {
        latch.hear(SocketAddr::new(at("203.0.113.5:1").ip(), 4000 + stranger), &head(1, 7), false, now);
    }
    assert_eq!(hears(&mut latch, "198.51.100.7:31000", 12, 1, now), Verdict::Latched);
}

#[test]
fn a_packet_that_proves_its_key_needs_no_row() {
    let mut latch = told();
    assert_eq!(latch.hear(at("198.51.100.7:31000"), &head(9, 1), true, start()), Verdict::Latched);
    assert_eq!(latch.connect_to(start()), None);
    assert_eq!(latch.connect_to(start() + SETTLED), Some(at("198.51.100.7:31000")));
}

#[test]
fn after_a_time_out_the_party_may_come_from_elsewhere() {
    let now = start();
    let mut latch = told();
    hears(&mut latch, "192.0.2.1:4000", 1, 1, now);
    latch.open();
    assert_eq!(latch.connect_to(now), None);
    assert_eq!(latch.sound_to(), Some(at("192.0.2.1:4000")));
    assert_eq!(hears(&mut latch, "198.51.100.7:31000", 5, 3, now), Verdict::Latched);
    latch.open();
    // And whoever just was silent is heard and held again.
    assert_eq!(hears(&mut latch, "198.51.100.7:31000", 9, 1, now), Verdict::Accepted);
    assert_eq!(hears(&mut latch, "203.0.113.5:6000", 1, 3, now), Verdict::Refused);
}

#[test]
fn another_description_moves_the_leg_and_the_old_address_is_heard_meanwhile() {
    let now = start();
    let mut latch = told();
    hears(&mut latch, "192.0.2.1:4000", 1, 1, now);
    latch.describe(Some(at("192.0.2.99:5000")), Some(at("192.0.2.99:5001")), false, now);
    assert_eq!(latch.sound_to(), Some(at("192.0.2.99:5000")));
    assert_eq!(latch.reports_to(), Some(at("192.0.2.99:5001")));
    assert_eq!(latch.connect_to(now + SETTLED), None);
    assert_eq!(hears(&mut latch, "192.0.2.1:4000", 2, 1, now), Verdict::Accepted);
    assert_eq!(hears(&mut latch, "192.0.2.99:5000", 1, 1, now), Verdict::Latched);
    assert_eq!(hears(&mut latch, "192.0.2.1:4000", 3, 1, now), Verdict::Refused);
}

#[test]
fn the_same_description_again_changes_nothing() {
    let now = start();
    let mut latch = told();
    hears(&mut latch, "198.51.100.7:31000", 1, 3, now);
    latch.describe(Some(at("192.0.2.1:4000")), Some(at("192.0.2.1:4001")), false, now);
    assert_eq!(latch.sound_to(), Some(at("198.51.100.7:31000")));
}

#[test]
fn a_translated_phone_that_describes_another_address_of_its_own_is_kept() {
    let now = start();
    let mut latch = told();
    hears(&mut latch, "198.51.100.7:31000", 1, 3, now);
    latch.describe(Some(at("192.0.2.1:4444")), None, false, now);
    assert_eq!(hears(&mut latch, "198.51.100.7:31000", 4, 1, now), Verdict::Accepted);
    assert_eq!(latch.sound_to(), Some(at("192.0.2.1:4444")));
    assert_eq!(hears(&mut latch, "198.51.100.7:31000", 5, 1, now + SETTLED), Verdict::Accepted);
    assert_eq!(latch.sound_to(), Some(at("198.51.100.7:31000")));
}

#[test]
fn reports_follow_the_sound() {
    let now = start();
    let mut latch = told();
    assert_eq!(latch.reports_to(), Some(at("192.0.2.1:4001")));
    assert!(!latch.hear_report(at("198.51.100.7:31007")));
    hears(&mut latch, "198.51.100.7:31000", 1, 3, now);
    assert!(latch.hear_report(at("198.51.100.7:31007")));
    assert_eq!(latch.reports_to(), Some(at("198.51.100.7:31007")));
    assert!(!latch.hear_report(at("203.0.113.5:6000")));
    assert_eq!(latch.refusals().reports, 2);
}

#[test]
fn on_one_port_reports_come_from_where_the_sound_comes() {
    let now = start();
    let mut latch = Latch::new(Some(at("192.0.2.1:4000")), None, true);
    assert_eq!(latch.reports_to(), Some(at("192.0.2.1:4000")));
    assert!(latch.hear_report(at("192.0.2.1:4000")));
    hears(&mut latch, "198.51.100.7:31000", 1, 3, now);
    assert!(latch.hear_report(at("198.51.100.7:31000")));
    assert!(!latch.hear_report(at("198.51.100.7:31001")));
    assert_eq!(latch.reports_to(), Some(at("198.51.100.7:31000")));
}

#[test]
fn one_address_in_two_families_is_one() {
    let mut latch = told();
    assert_eq!(hears(&mut latch, "[::ffff:192.0.2.1]:4000", 1, 1, start()), Verdict::Latched);
    assert_eq!(latch.sound_to(), Some(at("192.0.2.1:4000")));
}

proptest! {
    /// Whatever strangers do, sound goes where the description said or to somebody who showed a row, and while
    /// somebody is held, nobody else but the described address is accepted.
    #[test]
    fn only_who_showed_a_row_is_heard(packets in proptest::collection::vec((0..6u16, 0..3u32, 0..8u16, 0..300u64), 1..200)) {
        let mut now = start();
        let mut latch = told();
        let mut held = None;
        for (who, ssrc, sequence, wait) in packets {
            now += Duration::from_millis(wait);
            let from = if who == 0 { at("192.0.2.1:4000") } else { SocketAddr::new(at("203.0.113.5:1").ip(), 2000 + who) };
            match latch.hear(from, &head(ssrc, sequence), false, now) {
                Verdict::Accepted => prop_assert_eq!(held, Some(from)),
                Verdict::Latched => {
                    prop_assert!(held.is_none() || who == 0);
                    held = Some(from);
                }
                Verdict::OnTrial => prop_assert_ne!(held, Some(from)),
                Verdict::Refused => prop_assert!(held.is_some_and(|held| held != from)),
            }
            prop_assert_eq!(latch.sound_to(), held.or(Some(at("192.0.2.1:4000"))));
        }
    }
}
