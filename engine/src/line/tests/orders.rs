//! Every order of two people's deeds, with every message of theirs lost once: nothing is left behind, and both hear of the
//! end exactly once.

use std::time::Duration;

use super::world::FLIGHT;
use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Ring,
    Progress,
    Answer,
    Decline,
    HangUp(usize),
    Hold(usize, bool),
    Refer,
    Wait,
}

const DEEDS: [Deed; 9] = [
    Deed::Ring,
    Deed::Progress,
    Deed::Answer,
    Deed::Decline,
    Deed::HangUp(ALICE),
    Deed::HangUp(BOB),
    Deed::Hold(ALICE, true),
    Deed::Refer,
    Deed::Wait,
];

fn is_end(event: &LegEvent) -> bool {
    matches!(event, LegEvent::Ended(_) | LegEvent::Refused(_))
}

/// Plays a story over a wire that loses one message.
fn play(story: &[Deed], lost: Option<usize>, late_offer: bool) {
    let mut world = World::new();
    let mut count = 0;
    world.weather(move |_, _| {
        count += 1;
        if Some(count) == lost { Fate::Lost } else { Fate::Arrives }
    });
    world.sides[ALICE].terms.late_offer = late_offer;
    world.call(BOB);
    world.pass(FLIGHT);
    if world.sides[BOB].line.is_none() {
        world.pass(Duration::from_secs(1));
    }
    for deed in story {
        match *deed {
            Deed::Ring => world.order(BOB, LineOrder::Ring),
            Deed::Progress => world.order(BOB, LineOrder::Progress),
            Deed::Answer => world.order(BOB, LineOrder::Answer),
            Deed::Decline => world.order(BOB, LineOrder::Refuse(603, None, None)),
            Deed::HangUp(side) => world.order(side, HANG_UP),
            Deed::Hold(side, hold) => world.order(side, LineOrder::Hold(hold)),
            Deed::Refer => world.order(ALICE, LineOrder::Refer("sip:carol@example.org".into())),
            Deed::Wait => world.pass(FLIGHT),
        }
    }
    world.pass(Duration::from_secs(5));
    world.order(ALICE, HANG_UP);
    world.pass(Duration::from_secs(1));
    world.assert_nothing_left();
    for side in [ALICE, BOB] {
        let ends = world.sides[side].told.iter().filter(|event| is_end(event)).count();
        let is_last = world.sides[side].told.last().is_some_and(is_end);
        assert!(ends == 1 && is_last, "side {side}: {:?} after {story:?}, {:?}", world.sides[side].told, world.log);
    }
}

#[test]
fn whatever_the_order_of_deeds_nothing_is_left_behind() {
    for first in DEEDS {
        for second in DEEDS {
            for third in DEEDS {
                for late_offer in [false, true] {
                    play(&[first, second, third], None, late_offer);
                }
            }
        }
    }
}

#[test]
fn whichever_message_is_lost_nothing_is_left_behind() {
    use Deed::{Answer, HangUp, Hold, Progress, Refer, Ring, Wait};
    let stories: [&[Deed]; 5] = [
        &[Ring, Wait, Answer, Wait, Wait, HangUp(BOB)],
        &[Progress, Wait, Wait, Answer, Wait, HangUp(ALICE)],
        &[Answer, Wait, Wait, Hold(ALICE, true), Hold(BOB, true), Wait],
        &[Ring, Wait, HangUp(ALICE), Answer],
        &[Answer, Wait, Wait, Wait, Refer, Wait, HangUp(BOB), HangUp(ALICE)],
    ];
    for story in stories {
        for lost in 1..=20 {
            for late_offer in [false, true] {
                play(story, Some(lost), late_offer);
            }
        }
    }
}
