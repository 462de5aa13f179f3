//! Who is placed where, and who is not.

use super::super::clock::now;
use super::*;

/// Two threads that were measured to do nothing.
const IDLE: [Work; 2] = [Work { permille: 0, has_room: true }; 2];

fn placed(placement: &mut Placement, beside: Option<PortId>) -> (PortId, usize) {
    match placement.place(Weight::PASSING, beside, &IDLE, now()) {
        Placing::Placed(port, shard) => (port, shard),
        other => panic!("{other:?} where there is room"),
    }
}

#[test]
fn ports_spread_over_threads_and_partners_stay_together() {
    let mut placement = Placement::new(2, 10);
    let (first, shard) = placed(&mut placement, None);
    assert_ne!(placed(&mut placement, None).1, shard);
    assert_eq!(placed(&mut placement, Some(first)).1, shard);
}

#[test]
fn nobody_is_placed_beyond_the_limits() {
    let mut placement = Placement::new(1, 2);
    let now = now();
    let mut place = |weight, works: &[Work]| placement.place(weight, None, works, now);
    assert_eq!(place(Weight::PASSING, &[Work { permille: 0, has_room: false }]), Placing::Loaded);
    assert_eq!(place(Weight(900_000), &IDLE), Placing::Loaded);
    let first = place(Weight(800_000), &IDLE);
    assert_eq!(place(Weight(800_000), &IDLE), Placing::Loaded);
    assert_eq!(first, Placing::Placed(PortId(1), 0));
    assert_eq!(place(Weight(1), &IDLE), Placing::Placed(PortId(2), 0));
    assert_eq!(place(Weight(1), &IDLE), Placing::Full(2));
    placement.forget(PortId(1));
    assert_eq!(placement.place(Weight(800_000), None, &IDLE, now), Placing::Placed(PortId(3), 0));
}

/// Opens calls of two ports at a rate until one finds no room or as many stand, and tells how many stand. The thread is
/// measured to work so much for each port that is there.
fn stand(rate: u32, most: u32, micro_each: u64) -> u32 {
    let mut placement = Placement::new(1, usize::MAX);
    let start = now();
    for call in 0..most {
        let now = start + Duration::from_secs(1) * call / rate;
        for _ in 0..2 {
            let permille = u64::from(call) * 2 * micro_each / 1000;
            let work = Work { permille, has_room: permille < 700 };
            if placement.place(Weight::PASSING, None, &[work], now) == Placing::Loaded {
                return call;
            }
        }
    }
    most
}

#[test]
fn who_is_silent_costs_nothing_and_who_speaks_is_measured() {
    assert_eq!(stand(200, 10_000, 0), 10_000, "silent ones stand as many as there are");
    let speaking = stand(200, 10_000, u64::from(Weight::PASSING.0));
    assert!((1000..1600).contains(&speaking), "{speaking} speak, which is up to 72 % of the thread");
    assert!(stand(200, 10_000, 50) > 2 * speaking, "who speaks now and then costs what it costs");
}

#[test]
fn a_burst_is_refused_before_it_can_be_measured() {
    let burst = stand(1_000_000, 10_000, 0);
    assert_eq!(burst, 850_000 / 225 / 2, "two ports a call, at their price");
    let mut placement = Placement::new(1, usize::MAX);
    let start = now();
    let idle = &IDLE[..1];
    assert!(matches!(placement.place(Weight(800_000), None, idle, start), Placing::Placed(..)));
    assert_eq!(placement.place(Weight(100_000), None, idle, start + YOUNG / 2), Placing::Loaded);
    assert!(matches!(placement.place(Weight(100_000), None, idle, start + YOUNG), Placing::Placed(..)));
}

#[test]
fn who_leaves_young_or_old_or_moves_meanwhile_takes_its_price_along() {
    let mut placement = Placement::new(2, 10);
    let start = now();
    let place = |placement: &mut Placement, now| match placement.place(Weight(400_000), None, &IDLE, now) {
        Placing::Placed(port, shard) => (port, shard),
        other => panic!("{other:?} where there is room"),
    };
    let ((here, from), (there, to)) = (place(&mut placement, start), place(&mut placement, start));
    assert_ne!(from, to);
    let way = placement.way(here, Meeting::Port(there), Order::Bridge(there)).expect("both are there");
    assert!(matches!(way, Way::Moves { .. }));
    assert_eq!([placement.prices[from].young, placement.prices[to].young], [0, 800_000]);
    let (late, _) = place(&mut placement, start + YOUNG);
    assert_eq!([placement.prices[from].young, placement.prices[to].young], [400_000, 0], "the others have grown up");
    for port in [here, there, late] {
        placement.forget(port);
    }
    placement.grow_up(start + 3 * YOUNG);
    assert!(placement.prices.iter().all(|prices| (prices.all, prices.young) == (0, 0)));
    assert!(placement.young.is_empty());
}

#[test]
fn orders_wait_in_their_turn_for_a_port_that_moves() {
    let mut placement = Placement::new(2, 10);
    let ((here, from), (there, to)) = (placed(&mut placement, None), placed(&mut placement, None));
    let way = placement.way(here, Meeting::Port(there), Order::Bridge(there)).expect("both are there");
    assert!(matches!(way, Way::Moves { from: a, to: b } if (a, b) == (from, to)));
    assert!(matches!(placement.way(here, Meeting::Nobody, Order::Close), Ok(Way::Waits)));
    assert!(matches!(placement.way(there, Meeting::Port(here), Order::Bridge(here)), Err(OrderError::Moving)));
    let (shard, waiting) = placement.moved(here).expect("it is there");
    assert_eq!(shard, to);
    assert!(matches!(waiting[..], [Order::Bridge(_), Order::Close]));
    assert!(
        matches!(placement.way(here, Meeting::Port(there), Order::Part), Ok(Way::Straight(shard, _)) if shard == to)
    );
}

#[test]
fn a_room_draws_its_members_until_its_thread_is_crowded_and_spreads_then() {
    let mut placement = Placement::new(2, 10);
    let (here, shard) = placed(&mut placement, None);
    let (room, home) = placement.open_room(Some(here), Rules::default());
    assert_eq!(home, shard);
    let (there, away) = placed(&mut placement, None);
    let way = placement.way(there, Meeting::Room(room), Order::Enter(room)).expect("both are there");
    assert!(matches!(way, Way::Moves { from, to } if (from, to) == (away, home)));
    let only_home = [0, 1].map(|shard| Work { permille: 0, has_room: shard == home });
    let heavy = placement.place(Weight(700_000), None, &only_home, now());
    assert!(matches!(heavy, Placing::Placed(_, shard) if shard == home));
    let (late, shard) = placed(&mut placement, None);
    assert_eq!(shard, away);
    let way = placement.way(late, Meeting::Room(room), Order::Enter(room)).expect("both are there");
    assert!(matches!(way, Way::Spreads { shard, others, .. } if shard == away && others == [home]));
    assert_eq!(placement.parts(room), [home, away]);
    assert_eq!(placement.close_room(room), [home, away]);
    assert!(matches!(placement.way(late, Meeting::Room(room), Order::Enter(room)), Err(OrderError::NoRoom)));
}
