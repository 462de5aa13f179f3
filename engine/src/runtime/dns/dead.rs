//! Which places did not answer lately (RFC 3263 §4.3). They are tried last, not never.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use patchcord_sip::hop::Transport;

use super::Target;

/// RFC 3261 §21.5.4: a server may say how long it wants to be left alone. No longer than this, whatever it says.
const LONGEST: Duration = Duration::from_secs(300);

/// A bounded memory of failures.
pub(crate) struct DeadTargets {
    limit: usize,
    usual: Duration,
    until: HashMap<(Transport, SocketAddr), Instant>,
}

impl DeadTargets {
    pub fn new(limit: usize, usual: Duration) -> Self {
        Self { limit, usual, until: HashMap::new() }
    }

    /// It failed. `retry_after`: when it wants to be asked again.
    pub fn failed(&mut self, target: &Target, retry_after: Option<Duration>, now: Instant) {
        let until = now + retry_after.unwrap_or(self.usual).min(LONGEST);
        let key = (target.transport, target.peer);
        if self.until.len() >= self.limit && !self.until.contains_key(&key) {
            self.until.retain(|_, until| *until > now);
            if self.until.len() >= self.limit {
                // The one that would be forgotten first.
                let first = self.until.iter().min_by_key(|(_, until)| **until).map(|(key, _)| *key);
                first.map(|key| self.until.remove(&key));
            }
        }
        self.until.insert(key, until);
    }

    /// It answered.
    pub fn answered(&mut self, target: &Target) {
        if !self.until.is_empty() {
            self.until.remove(&(target.transport, target.peer));
        }
    }

    /// Puts those that failed lately behind the others and leaves the order as it is otherwise.
    pub fn last(&self, targets: &mut [Target], now: Instant) {
        if !self.until.is_empty() {
            targets.sort_by_key(|target| {
                self.until.get(&(target.transport, target.peer)).is_some_and(|until| *until > now)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock;

    fn target(last: u8) -> Target {
        Target { transport: Transport::Udp, peer: SocketAddr::from(([192, 0, 2, last], 5060)), name: None }
    }

    fn order(dead: &DeadTargets, now: Instant) -> Vec<u8> {
        let mut targets = [target(1), target(2), target(3)];
        dead.last(&mut targets, now);
        targets.iter().map(|target| target.peer.to_string().as_bytes()[8] - b'0').collect()
    }

    #[test]
    fn who_failed_lately_is_tried_last_and_not_for_ever() {
        let now = clock::now();
        let mut dead = DeadTargets::new(8, Duration::from_secs(30));
        dead.failed(&target(1), None, now);

        assert_eq!(order(&dead, now), [2, 3, 1]);
        assert_eq!(order(&dead, now + Duration::from_secs(31)), [1, 2, 3]);
    }

    #[test]
    fn who_answers_is_alive() {
        let now = clock::now();
        let mut dead = DeadTargets::new(8, Duration::from_secs(30));
        dead.failed(&target(1), None, now);
        dead.answered(&target(1));
        assert_eq!(order(&dead, now), [1, 2, 3]);
    }

    #[test]
    fn a_server_that_asks_for_peace_gets_it_within_reason() {
        let now = clock::now();
        let mut dead = DeadTargets::new(8, Duration::from_secs(30));
        dead.failed(&target(1), Some(Duration::from_secs(120)), now);
        dead.failed(&target(2), Some(Duration::from_secs(86_400)), now);

        assert_eq!(order(&dead, now + Duration::from_secs(100)), [3, 1, 2]);
        assert_eq!(order(&dead, now + Duration::from_secs(301)), [1, 2, 3]);
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_what_it_would_forget_first() {
        let now = clock::now();
        let mut dead = DeadTargets::new(2, Duration::from_secs(30));
        for (last, seconds) in [(1, 10), (2, 20), (3, 30)] {
            dead.failed(&target(last), Some(Duration::from_secs(seconds)), now);
        }
        assert_eq!(dead.until.len(), 2);
        assert_eq!(order(&dead, now), [1, 2, 3]);
    }
}
