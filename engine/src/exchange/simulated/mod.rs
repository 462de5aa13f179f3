//! The whole engine on a virtual network, in virtual time: scripted phones, the real transactions, the real exchange with its
//! registrar, its calls and its journals, and a plane that is mute.
//!
//! Each seed is one story: a weather that loses, doubles, delays and reorders, phones that register, call, hold, transfer, hang
//! up, crash and come back, a carrier, and a service that does what nobody would. The explorer plays short stories in calm
//! weather and has somebody leave at each step, and in each order of what happens at the same moment. Whatever happens, the
//! laws in `laws` hold. A seed that breaks one prints its ladder, and `PATCHCORD_SEED=<seed>` runs that one alone.
//!
//! | file | what it knows |
//! |---|---|
//! | `town` | the house, its phones and the air between them; what happens next |
//! | `phone` | one phone, its lines, and what it does of itself |
//! | `wild` | a service that says one verb after the other, whatever came of the last |
//! | `stories` | what phones intend, by seed and by hand |
//! | `laws` | what may never happen |
//! | `explored` | each step, each order |
//! | `wrong` | what nobody should say, and what is answered |
#![allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]

mod explored;
mod laws;
mod phone;
mod stories;
mod town;
mod wild;
mod wrong;

use town::Town;

/// Twelve hundred stories in all: a minute of one core in a debug build. `PATCHCORD_SEEDS` says how many each test tells
/// instead.
const SEEDS: u64 = 300;

fn tell(first: u64) {
    let number = |name| std::env::var(name).ok().map(|seed| seed.parse::<u64>().expect("seeds are numbers"));
    let (alone, each) = (number("PATCHCORD_SEED"), number("PATCHCORD_SEEDS").unwrap_or(SEEDS));
    let seeds = alone.map_or(first * each..(first + 1) * each, |seed| seed..seed + 1);
    let mut tales = laws::Tales::default();
    for seed in seeds {
        let mut town = stories::of(seed);
        let lived = town.live();
        if let Err(broken) = lived {
            panic!("seed {seed}: {broken}\n{}", town.ladder());
        }
        if alone.is_some() {
            println!("{}", town.ladder());
            println!("{} steps, {:?}", town.steps, town.now - town.start);
        }
        tales.note(&town);
    }
    if alone.is_none() && each >= SEEDS {
        tales.are_rich();
    }
}

#[test]
fn nothing_is_left_behind_and_nobody_unanswered_whatever_the_weather() {
    tell(0);
}

#[test]
fn nothing_is_left_behind_in_a_second_part() {
    tell(1);
}

#[test]
fn nothing_is_left_behind_in_a_third_part() {
    tell(2);
}

#[test]
fn nothing_is_left_behind_in_a_fourth_part() {
    tell(3);
}

#[test]
fn equal_seeds_are_equal_stories() {
    for seed in 0..40 {
        let [mut first, mut second]: [Town; 2] = [stories::of(seed), stories::of(seed)];
        let lived = [first.live(), second.live()];
        assert_eq!(lived[0], lived[1], "seed {seed}");
        let (first, second) = (first.ladder(), second.ladder());
        let parts = first.lines().zip(second.lines()).find(|(one, other)| one != other);
        assert_eq!(parts, None, "seed {seed}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}
