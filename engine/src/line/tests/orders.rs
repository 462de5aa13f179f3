//! Every order of two people's deeds, with every message of theirs lost once: nothing is left behind, and both hear of the
//! end exactly once.

use std::time::Duration;

use proptest::prelude::*;

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
    Tell(usize),
    Refer,
    AcceptRefer,
    Refused,
    Wait,
    Sleep,
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
    let mut count = 0;
    let weather = move || {
        count += 1;
        if Some(count) == lost { Fate::Lost } else { Fate::Arrives }
    };
    play_in(story, weather, late_offer);
}

fn play_in(story: &[Deed], mut weather: impl FnMut() -> Fate + 'static, late_offer: bool) {
    let mut world = World::new();
    world.weather(move |_, _| weather());
    world.sides[ALICE].terms.late_offer = late_offer;
    world.call(BOB);
    world.pass(FLIGHT);
    if world.sides[BOB].line.is_none() {
        world.pass(Duration::from_secs(20));
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
            Deed::Tell(side) => world.order(side, LineOrder::Message("hello".into())),
            Deed::AcceptRefer => world.order(BOB, LineOrder::AcceptRefer),
            Deed::Refused => world.order(BOB, LineOrder::ReferProgress(486)),
            Deed::Wait => world.pass(FLIGHT),
            Deed::Sleep => world.pass(Duration::from_secs(7)),
        }
    }
    world.pass(Duration::from_secs(80));
    assert_same_sound(&world, story);
    world.order(ALICE, HANG_UP);
    // In bad weather one side may hear of it by a timer only.
    world.pass(Duration::from_secs(1));
    world.order(BOB, HANG_UP);
    world.assert_nothing_left();
    for side in [ALICE, BOB].into_iter().filter(|side| world.sides[*side].line.is_some()) {
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

/// When everything has settled, what one side sends the other takes, in the same codec.
fn assert_same_sound(world: &World, story: &[Deed]) {
    let stands = |side: &super::world::Side| side.told.contains(&LegEvent::Answered) && !side.told.iter().any(is_end);
    let [alice, bob] = &world.sides[..] else { panic!("two sides") };
    if !(stands(alice) && stands(bob)) {
        return;
    }
    let sound = |side: &super::world::Side| {
        let sound = side.tuned.last().expect("an answered call has sound");
        (sound.direction, sound.send[0].codec.clone())
    };
    let (ours, theirs) = (sound(alice), sound(bob));
    assert_eq!((ours.0, ours.1), (theirs.0.turned(), theirs.1), "after {story:?}: {:?}", world.log);
}

fn deed() -> impl Strategy<Value = Deed> {
    let side = || 0..2usize;
    prop_oneof![
        2 => Just(Deed::Ring),
        1 => Just(Deed::Progress),
        4 => Just(Deed::Answer),
        1 => side().prop_map(Deed::HangUp),
        4 => (side(), any::<bool>()).prop_map(|(side, hold)| Deed::Hold(side, hold)),
        1 => side().prop_map(Deed::Tell),
        2 => Just(Deed::Refer),
        2 => Just(Deed::AcceptRefer),
        1 => Just(Deed::Refused),
        6 => Just(Deed::Wait),
        3 => Just(Deed::Sleep),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![6 => Just(Fate::Arrives), 1 => Just(Fate::Lost), 1 => Just(Fate::Twice), 1 => (1..40u32).prop_map(Fate::Late)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Each message has a fate of its own: lost, doubled, overtaken.
    #[test]
    fn two_lines_survive_each_other_in_any_weather(
        story in proptest::collection::vec(deed(), 0..20),
        fates in proptest::collection::vec(fate(), 1..30),
        late_offer: bool,
    ) {
        let mut fates = fates.into_iter().cycle();
        play_in(&story, move || fates.next().unwrap_or(Fate::Arrives), late_offer);
    }
}
