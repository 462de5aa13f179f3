//! The leash of a service: what it may do whatever its script says, as its manifest has it.
//!
//! One for each service and shared by all shards. It outlives the text of the service and changes of the manifest: what runs
//! and what was talked today is counted on.

use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::routing::{Gauge, Ticket};

/// A day of the calendar of UTC.
const DAY: Duration = Duration::from_secs(86_400);

/// What a manifest says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeashRules {
    /// Whom it may call: targets as it writes them, `*` standing for anything; `None`: whomever a route lets it call.
    pub dial: Option<Vec<Box<str>>>,
    /// How many calls at once.
    pub calls: Option<u32>,
    /// How long a call may take.
    pub longest: Option<Duration>,
    /// How long all its calls of a day may talk through trunks.
    pub talk_a_day: Option<Duration>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Leash {
    rules: RwLock<LeashRules>,
    running: Gauge,
    talked: Mutex<Talked>,
}

/// What was talked through trunks on a day.
#[derive(Clone, Copy, Debug, Default)]
struct Talked {
    day: u64,
    time: Duration,
}

impl Leash {
    /// One with these rules.
    #[must_use]
    pub fn new(rules: LeashRules) -> Self {
        Self { rules: RwLock::new(rules), ..Self::default() }
    }

    /// Other rules from now on.
    pub fn change(&self, rules: LeashRules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    /// The rules now.
    pub fn rules(&self) -> LeashRules {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Room for one more call; `None` where there is none. Emergencies have it always.
    pub fn enter(&self, urgent: bool) -> Option<Ticket> {
        self.running.enter(self.rules().calls, urgent)
    }

    /// Why there is no room for one more call of that service, in words.
    pub fn full(&self, service: &str) -> String {
        let most = self.rules().calls.unwrap_or_default();
        let calls = if most == 1 { "1 call" } else { &format!("{most} calls") };
        format!("the manifest of {service} lets it have {calls} at once")
    }

    /// Whether the service may call that, whatever leads there.
    pub fn may_dial(&self, target: &str) -> bool {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules.dial.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| fits(pattern, target)))
    }

    /// Whether its manifest says by name that it may call that.
    pub fn names(&self, target: &str) -> bool {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules.dial.as_ref().is_some_and(|patterns| patterns.iter().any(|pattern| fits(pattern, target)))
    }

    /// Whether there is time left to talk through trunks on that day, told since 1970.
    pub fn may_talk(&self, wall: Duration) -> bool {
        let Some(most) = self.rules().talk_a_day else { return true };
        let talked = *self.talked.lock().unwrap_or_else(PoisonError::into_inner);
        talked.day != day_of(wall) || talked.time < most
    }

    /// So long was talked through a trunk, until that moment.
    pub fn talked(&self, time: Duration, wall: Duration) {
        let mut talked = self.talked.lock().unwrap_or_else(PoisonError::into_inner);
        if talked.day != day_of(wall) {
            *talked = Talked { day: day_of(wall), time: Duration::ZERO };
        }
        talked.time = talked.time.saturating_add(time);
    }
}

fn day_of(wall: Duration) -> u64 {
    wall.as_secs() / DAY.as_secs()
}

/// Whether a target is what a pattern means: letters in either case, `*` for any of them or none.
pub fn fits(pattern: &str, target: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let starts = target.get(..first.len()).is_some_and(|start| start.eq_ignore_ascii_case(first));
    let Some(mut rest) = target.get(first.len()..).filter(|_| starts) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match find(rest, part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.get(rest.len() - last.len()..).is_some_and(|end| end.eq_ignore_ascii_case(last))
}

fn find(text: &str, part: &str) -> Option<usize> {
    (0..=text.len().checked_sub(part.len())?)
        .find(|at| text.get(*at..at + part.len()).is_some_and(|there| there.eq_ignore_ascii_case(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_calls_whom_its_manifest_names_and_nobody_else() {
        let patterns = ["user:*", "+49*", "sip:*@example.org", "1*2*3"].map(Into::into).into();
        let leash = Leash::new(LeashRules { dial: Some(patterns), ..LeashRules::default() });
        for fits in ["user:alice", "+4930", "+49", "sip:bob@EXAMPLE.org", "123", "1x2y3"] {
            assert!(leash.may_dial(fits), "{fits}");
        }
        for other in ["+33", "49", "sip:bob@example.org.evil", "132", "12", "", "tel:+4930"] {
            assert!(!leash.may_dial(other), "{other}");
        }
        assert!(Leash::default().may_dial("+1900"), "without a manifest routes decide");
    }

    #[test]
    fn calls_at_once_and_the_talk_of_a_day_are_counted_through_a_change_of_rules() {
        let leash = Leash::new(LeashRules { calls: Some(1), ..LeashRules::default() });
        let first = leash.enter(false);
        assert!(first.is_some() && leash.enter(false).is_none());
        assert!(leash.enter(true).is_some(), "an emergency has room always");
        let minute = Duration::from_secs(60);
        leash.change(LeashRules { calls: Some(1), talk_a_day: Some(2 * minute), ..LeashRules::default() });
        assert!(leash.enter(false).is_none(), "the first call runs on");
        drop(first);
        assert!(leash.enter(false).is_some());
        let noon = 20_000 * DAY + DAY / 2;
        leash.talked(minute, noon);
        assert!(leash.may_talk(noon));
        leash.talked(minute, noon);
        assert!(!leash.may_talk(noon));
        assert!(leash.may_talk(noon + DAY), "tomorrow is another day");
    }
}
