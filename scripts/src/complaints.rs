//! What a script fails by, told once and then ever more seldom: a script that fails in each call says so the first time, the tenth, the
//! hundredth, so that a log tells that it fails and is not drowned by it. Each call's record says it anyway.

use std::cell::RefCell;
use std::collections::HashMap;

/// Faults that are told apart; more of one text are told as one.
const MOST: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub struct Complaints(RefCell<HashMap<String, u64>>);

impl Complaints {
    /// Whether this one is to be told: how often it has been until now.
    pub fn say(&self, fault: &str) -> Option<u64> {
        let mut counts = self.0.borrow_mut();
        let known = counts.contains_key(fault) || counts.len() < MOST;
        let count = counts.entry(if known { fault.to_owned() } else { String::new() }).or_default();
        *count += 1;
        let mut next = *count;
        while next.is_multiple_of(10) {
            next /= 10;
        }
        (next == 1).then_some(*count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_fault_is_told_ever_more_seldom_and_another_one_at_once() {
        let complaints = Complaints::default();
        let told: Vec<u64> = (0..1000).filter_map(|_| complaints.say("ivr.rhai:1:1: no")).collect();
        assert_eq!(told, [1, 10, 100, 1000]);
        assert_eq!(complaints.say("ivr.rhai:2:1: no"), Some(1));
        for other in 0..10_000 {
            complaints.say(&other.to_string());
        }
        assert!(complaints.0.borrow().len() <= MOST + 1);
    }
}
