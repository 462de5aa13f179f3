//! What the tests of the four machines share: two paces and a clock that runs as fast as it is read.

use std::time::{Duration, Instant};

use super::timers::{Pace, TimerSet};

pub const SECOND: Duration = Duration::from_secs(1);

const TIMERS: TimerSet =
    TimerSet { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) };

pub const UNRELIABLE: Pace<'static> = Pace { timers: &TIMERS, reliable: false };
pub const RELIABLE: Pace<'static> = Pace { timers: &TIMERS, reliable: true };

/// Wakes a machine at each of its deadlines until it has none, and returns what it said and when, in ms after `start`.
pub fn wakes<M, S>(
    machine: &mut M,
    start: Instant,
    deadline: impl Fn(&M) -> Option<Instant>,
    mut wake: impl FnMut(&mut M, Instant) -> S,
) -> Vec<(u64, S)> {
    let mut told = Vec::new();
    while let Some(now) = deadline(machine) {
        assert!(told.len() < 100, "the machine never rests");
        let step = wake(machine, now);
        told.push(((now - start).as_millis() as u64, step));
    }
    told
}
