//! Each step and each order: somebody leaves a short story at every one of its steps, and what happens at the same moment
//! happens in every order, as far as it is tried.

use std::time::Duration;

use super::phone::Deed;
use super::stories::{SHORT, Short};
use super::town::{Blow, Town, Turns};

/// Orders that are tried of one story beyond those that differ in one choice; with them this file stays within a minute.
const MORE_ORDERS: usize = 20;

/// How each of them may leave.
const LEAVES: [Deed; 2] = [Deed::HangUpAll, Deed::Burn];

fn run(short: &Short, script: Vec<usize>, blows: Vec<(u32, Blow)>) -> Town {
    let mut town = short.town();
    let why = format!("{}, at {blows:?}, in the order {script:?}", short.name);
    town.turns = Turns::Script { script, widths: Vec::new() };
    town.blows = blows;
    if let Err(broken) = town.live() {
        panic!("{why}: {broken}\n{}", town.ladder());
    }
    town
}

/// The steps of a story, from its first deed to its last, at which anything is said or done.
fn steps(short: &Short) -> Vec<u32> {
    let mut town = short.town();
    town.turns = Turns::Script { script: Vec::new(), widths: Vec::new() };
    let mut first = 0;
    let (begins, over) = (town.start + Duration::from_millis(short.begins), town.start + Duration::from_secs(9));
    while town.step().expect("calm weather") && town.now < over {
        town.steps += 1;
        if town.now < begins {
            first = town.steps;
        }
    }
    town.lively.retain(|step| *step >= first);
    town.lively
}

fn whoever_leaves_at_each_step(stories: &[Short]) {
    let mut ways = 0;
    for short in stories {
        let steps = steps(short);
        for step in &steps {
            for phone in short.cast {
                for leave in LEAVES {
                    run(short, Vec::new(), vec![(*step, Blow::Phone(*phone, leave))]);
                    ways += 1;
                }
            }
            run(short, Vec::new(), vec![(*step, Blow::Stop)]);
            ways += 1;
        }
        println!("{}: {} steps", short.name, steps.len());
    }
    println!("{ways} ways to leave");
    assert!(ways > 300, "only {ways} were tried");
}

#[test]
fn whoever_leaves_the_first_stories_at_any_step_leaves_nothing_behind() {
    whoever_leaves_at_each_step(&SHORT[..4]);
}

#[test]
fn whoever_leaves_a_transfer_at_any_step_leaves_nothing_behind() {
    whoever_leaves_at_each_step(&SHORT[4..6]);
}

#[test]
fn whoever_leaves_the_last_stories_at_any_step_leaves_nothing_behind() {
    whoever_leaves_at_each_step(&SHORT[6..]);
}

/// How many could have been chosen at each choice of a run.
fn widths(town: &Town) -> Vec<usize> {
    match &town.turns {
        Turns::Script { widths, .. } => widths.clone(),
        Turns::Chance => Vec::new(),
    }
}

/// The script that chooses as this one until `at`, and there another.
fn otherwise(script: &[usize], at: usize, choice: usize) -> Vec<usize> {
    let mut other: Vec<usize> = (0..at).map(|place| script.get(place).copied().unwrap_or_default()).collect();
    other.push(choice);
    other
}

#[test]
fn what_happens_at_the_same_moment_may_happen_in_any_order() {
    for short in &SHORT {
        let first = widths(&run(short, Vec::new(), Vec::new()));
        let (mut tried, mut more) = (1, Vec::new());
        for (at, width) in first.iter().enumerate() {
            for choice in 1..*width {
                let script = otherwise(&[], at, choice);
                let then = widths(&run(short, script.clone(), Vec::new()));
                tried += 1;
                // And what follows from it in another order, too: the next choice behind it.
                more.extend(then.get(at + 1).map(|width| otherwise(&script, at + 1, width - 1)));
            }
        }
        let every = (more.len() / MORE_ORDERS).max(1);
        for script in more.into_iter().step_by(every) {
            run(short, script, Vec::new());
            tried += 1;
        }
        println!("{}: {tried} orders of {} choices", short.name, first.len());
        assert!(tried > first.len(), "each choice was tried");
    }
}
