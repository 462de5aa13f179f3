//! Tries every order in which things can happen to a call: parties that ring, answer, refuse, hold, transfer, press keys and hang
//! up, a program that takes its steps late, timers that are served late, an operator who ends the call.
//!
//! Breadth first, each state once: what is reached after n moves was reached by no fewer. Two states are the same when the call,
//! the parties and the program are, whatever the time of day. After each move the laws of `law` are held against what the call
//! said; from every tenth state everybody leaves, and then nothing may be left.
//!
//! | file | what it knows |
//! |---|---|
//! | `world` | parties, lines, ports and a program around one call; which moves there are |
//! | `party` | one party with its line and its port |
//! | `rooms` | what a conference room may say |
//! | `law` | what may never happen |

mod law;
mod party;
mod rooms;
mod world;

use std::collections::HashSet;
use std::time::Duration;

use super::tests::words::{dial, four_keys, gather, message, play, targets};
use super::verb::{Dial, Record, Strategy, Transfer, Verb};
use super::{Caller, LegId, Origin};
use crate::errand::{Errand, Outside};
use crate::room::Join;
use world::{Allow, Move, World};

/// How many states of one story are visited before the next level is not begun. Together with the number of stories it keeps
/// this file to a few seconds in a debug build; raise it to look further.
const MOST_STATES: usize = 12_000;
/// From each so-many-th state everybody leaves.
const LEAVES_EACH: usize = 10;
/// How many moves a story takes at most.
const MOST_MOVES: usize = 60;

const CALLER: LegId = LegId::FIRST;
const CALLEE: LegId = LegId(1);

/// Visits what can become of a story; gives back the depth to which every order was tried, and the number of states.
fn explore(name: &str, caller: Caller, story: Vec<Verb>, allow: Allow) -> (usize, usize) {
    let first = World::new(caller, story, allow);
    let mut seen = HashSet::from([first.state()]);
    let mut edge = vec![(first, Vec::<Move>::new())];
    let (mut depth, mut moves) = (0, 0_usize);
    while depth < MOST_MOVES && seen.len() < MOST_STATES && !edge.is_empty() {
        let mut next = Vec::new();
        for (world, path) in edge {
            for step in world.moves() {
                moves += 1;
                let mut world = world.clone();
                let told = world.go(&step);
                let mut path = path.clone();
                path.push(step);
                if let Err(broken) = told {
                    panic!("{name}: {broken}\n{}", ladder(&path));
                }
                if seen.insert(world.state()) {
                    if seen.len() % LEAVES_EACH == 0
                        && let Err(broken) = world.clone().everybody_leaves()
                    {
                        panic!("{name}: when everybody leaves: {broken}\n{}", ladder(&path));
                    }
                    next.push((world, path));
                }
            }
        }
        edge = next;
        depth += 1;
    }
    let rest = if edge.is_empty() { "and there are no more" } else { "and there are more" };
    println!("{name}: every order of {depth} moves, {rest}; {} states, {moves} moves", seen.len());
    (depth, seen.len())
}

fn ladder(path: &[Move]) -> String {
    path.iter().enumerate().map(|(number, step)| format!("{:>3} {step:?}\n", number + 1)).collect()
}

fn called() -> Caller {
    Caller {
        call: 7,
        origin: Origin::Called,
        music: Some("music".into()),
        announce: None,
        transfers: true,
        bounds: super::Bounds::default(),
    }
}

fn dial_with(addresses: &[&str], change: impl FnOnce(&mut Dial)) -> Verb {
    let mut rules = targets(addresses);
    change(&mut rules);
    Verb::Dial(CALLER, Box::new(rules))
}

#[test]
fn a_call_of_two_legs_leaves_nothing_whatever_comes_first() {
    let story = vec![dial(CALLER, &["alice"]), play(CALLER, &["sorry"])];
    let (depth, _) = explore("two legs", called(), story, Allow { hold: true, breath: true, ..Allow::default() });
    assert!(depth >= 10, "{depth}");
}

#[test]
fn a_call_of_three_legs_leaves_nothing_whatever_comes_first() {
    let story = vec![Verb::Answer(CALLER), dial(CALLER, &["alice", "bob"])];
    let (depth, _) = explore("three legs", called(), story, Allow::default());
    assert!(depth >= 8, "{depth}");
}

#[test]
fn one_after_the_other_leaves_nothing_whatever_comes_first() {
    let one_by_one = |rules: &mut Dial| rules.strategy = Strategy::OneByOne;
    let story = vec![dial_with(&["north>south", "bob"], one_by_one)];
    let (depth, _) = explore("one by one", called(), story, Allow { early: true, ..Allow::default() });
    assert!(depth >= 8, "{depth}");
}

#[test]
fn a_screened_dial_with_limits_leaves_nothing_whatever_comes_first() {
    let limits = |rules: &mut Dial| {
        rules.screen = Some(super::verb::Screen {
            prompt: "press-1".into(),
            key: super::tests::told::of('1'),
            timeout: super::tests::told::SECOND,
        });
        rules.max_talk = Some(60 * super::tests::told::SECOND);
        rules.warn_at = Some(10 * super::tests::told::SECOND);
    };
    let story = vec![dial_with(&["alice|desk"], limits)];
    let (depth, _) = explore("screened", called(), story, Allow { key: true, ..Allow::default() });
    assert!(depth >= 7, "{depth}");
}

#[test]
fn transfers_by_either_party_leave_nothing_whatever_comes_first() {
    let story = vec![Verb::Answer(CALLER), dial(CALLER, &["alice"])];
    let allow = Allow { refer: true, ringing: false, ..Allow::default() };
    let (depth, _) = explore("transfers", called(), story, allow);
    assert!(depth >= 9, "{depth}");
}

#[test]
fn parties_that_change_their_call_leave_nothing_whatever_comes_first() {
    let story = vec![Verb::Answer(CALLER), dial(CALLER, &["alice"])];
    let allow = Allow { ringing: false, refer: true, places: true, ..Allow::default() };
    let (depth, _) = explore("places", called(), story, allow);
    assert!(depth >= 9, "{depth}");
}

#[test]
fn what_is_answered_while_more_is_said_leaves_nothing_whatever_comes_first() {
    let story = || vec![Verb::Answer(CALLER), dial(CALLER, &["alice|desk"]), play(CALLER, &["sorry"])];
    let allow = Allow { prompt: true, refer: true, early: true, ..Allow::default() };
    let (depth, _) = explore("at once", called(), story(), allow);
    assert!(depth >= 8, "{depth}");
    let allow = Allow { prompt: true, refer: true, places: true, ringing: false, ..Allow::default() };
    let (depth, _) = explore("places at once", called(), story(), allow);
    assert!(depth >= 7, "{depth}");
}

#[test]
fn transfers_that_the_program_decides_leave_nothing_whatever_comes_first() {
    let story = vec![Verb::Answer(CALLER), dial(CALLER, &["alice"])];
    let allow = Allow { refer: true, ringing: false, refuses: true, ..Allow::default() };
    explore("refused transfers", called(), story, allow);
}

#[test]
fn transfers_by_the_program_leave_nothing_whatever_comes_first() {
    let transfer = Transfer { to: "carol".into(), attended: false, return_on_fail: true };
    let story = vec![Verb::Answer(CALLER), Verb::Transfer(CALLER, transfer), play(CALLER, &["sorry"])];
    let (depth, _) = explore("transfer by the program", called(), story, Allow::default());
    assert!(depth >= 9, "{depth}");
}

#[test]
fn legs_that_the_program_calls_and_bridges_leave_nothing_whatever_comes_first() {
    let story = vec![
        Verb::CallOut(Box::new(targets(&["alice"]))),
        Verb::Answer(CALLER),
        Verb::Bridge(CALLER, CALLEE),
        Verb::HangUp(CALLER, 16),
    ];
    let (depth, _) = explore("bridge", called(), story, Allow { hold: true, ringing: false, ..Allow::default() });
    assert!(depth >= 9, "{depth}");
}

#[test]
fn prompts_keys_and_recordings_leave_nothing_whatever_comes_first() {
    let story = vec![
        Verb::Answer(CALLER),
        Verb::StartPlay(CALLER, super::tests::words::prompts(&["music"])),
        Verb::StartRecord(CALLER, message()),
        gather(CALLER, four_keys()),
        Verb::Record(CALLER, Record { silence: None, ..message() }),
    ];
    let (depth, _) = explore("keys", called(), story, Allow { key: true, ..Allow::default() });
    assert!(depth >= 9, "{depth}");
}

#[test]
fn announced_recordings_leave_nothing_whatever_comes_first() {
    let announcing = || Caller { announce: Some("we-record".into()), ..called() };
    let record = Verb::StartRecord(CALLER, Record { both: true, ..message() });
    let story = vec![Verb::Answer(CALLER), record.clone(), dial_with(&["alice"], |rules| rules.record = true)];
    let allow = Allow { hold: true, ringing: false, ..Allow::default() };
    let (depth, _) = explore("announced", announcing(), story, allow);
    assert!(depth >= 7, "{depth}");
    let story = vec![Verb::Answer(CALLER), record, Verb::Join(CALLER, Box::new(Join::to("weekly")))];
    let (depth, _) = explore("announced in a room", announcing(), story, Allow::default());
    assert!(depth >= 7, "{depth}");
}

#[test]
fn errands_leave_nothing_whatever_comes_first() {
    let outside =
        Outside { service: "ivr".into(), noun: "http".into(), ask: "{}".into(), patience: Duration::from_secs(1) };
    let errand = || Verb::Errand(Box::new(Errand::Outside(outside.clone())));
    let story = vec![errand(), Verb::Answer(CALLER), dial(CALLER, &["alice"]), errand()];
    let (depth, _) = explore("errands", called(), story, Allow::default());
    assert!(depth >= 12, "only to depth {depth}");
}

#[test]
fn a_stay_in_a_room_leaves_nothing_whatever_comes_first() {
    let join = || Verb::Join(CALLER, Box::new(Join::to("weekly")));
    let story = vec![Verb::Answer(CALLER), join(), play(CALLER, &["goodbye"])];
    let (depth, _) = explore("room", called(), story, Allow { hold: true, key: true, ..Allow::default() });
    assert!(depth >= 9, "{depth}");
    let story = vec![dial(CALLER, &["room:weekly"]), play(CALLER, &["goodbye"])];
    let (depth, _) = explore("room as a target", called(), story, Allow::default());
    assert!(depth >= 9, "{depth}");
}

#[test]
fn a_call_that_we_begin_leaves_nothing_whatever_comes_first() {
    let caller = Caller { origin: Origin::Originated(Box::new(targets(&["alice", "bob"]))), ..called() };
    let (depth, _) = explore("originated", caller, vec![play(CALLER, &["news"])], Allow::default());
    assert!(depth >= 8, "{depth}");
}
