//! Where a story is suspended: counted, so that an explorer can let the caller hang up at each of them.

use std::time::{Duration, Instant};

/// A point of the story at which it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// What it waits for.
    pub verb: String,
    /// Where that stands.
    pub place: Option<String>,
    /// How long it waits there.
    pub waits: Duration,
}

impl Point {
    /// A hang-up at this point, which is that number of its story.
    pub(super) fn plan(&self, number: usize, when: When) -> Plan {
        let after = match when {
            When::AtOnce => Duration::ZERO,
            When::Halfway => self.waits / 2,
            When::JustBefore => self.waits,
        };
        Plan { point: number, after, first: when == When::JustBefore }
    }
}

/// When the caller hangs up at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// As soon as the story waits.
    AtOnce,
    /// In the middle of the wait.
    Halfway,
    /// At the instant at which the wait ends, and before it.
    JustBefore,
}

/// A hang-up that is to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// At which point, counted from 0.
    pub point: usize,
    /// How long after the wait began.
    pub after: Duration,
    /// Whether before whatever else happens then.
    pub first: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Points {
    pub met: Vec<Point>,
    pub plan: Option<Plan>,
    open: Option<(u64, Instant)>,
}

impl Points {
    /// A story waits from now on; gives back the plan that is to be carried out here.
    pub fn meet(&mut self, call: u64, verb: &str, place: Option<String>, now: Instant) -> Option<Plan> {
        self.open = Some((call, now));
        self.met.push(Point { verb: verb.to_owned(), place, waits: Duration::ZERO });
        self.plan.take_if(|plan| plan.point + 1 == self.met.len())
    }

    /// A story goes on.
    pub fn leave(&mut self, call: u64, now: Instant) {
        if let Some((_, since)) = self.open.take_if(|(open, _)| *open == call)
            && let Some(point) = self.met.last_mut()
        {
            point.waits = now.saturating_duration_since(since);
        }
    }
}
