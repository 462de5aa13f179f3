//! How often a store that is away is asked again, and that each outage is logged twice: when it begins and when it ends.

use std::time::Duration;

use tracing::{info, warn};

/// How long a change waits for company before it is written.
pub(super) const EVERY: Duration = Duration::from_millis(100);

/// Longest pause between two tries while the store is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Counts ticks of [`EVERY`] while the store is away.
pub(super) struct Outage {
    /// Whose writing it is about, in the plural.
    what: &'static str,
    failures: u32,
    ticks_to_rest: u32,
}

impl Outage {
    pub fn of(what: &'static str) -> Self {
        Self { what, failures: 0, ticks_to_rest: 0 }
    }

    /// Whether this tick passes without a try.
    pub fn rests(&mut self) -> bool {
        let rests = self.ticks_to_rest > 0;
        self.ticks_to_rest = self.ticks_to_rest.saturating_sub(1);
        rests
    }

    /// Whether the last try failed.
    pub fn lasts(&self) -> bool {
        self.failures > 0
    }

    pub fn note(&mut self, written: Result<(), String>, waiting: usize) {
        let what = self.what;
        match written {
            Ok(()) if self.failures > 0 => {
                info!(tries = self.failures, "the store is back; {what} are written");
                *self = Self::of(what);
            }
            Ok(()) => {}
            Err(reason) => {
                if self.failures == 0 {
                    warn!(reason, waiting, "the store is away; {what} go on and are written later");
                }
                self.failures += 1;
                let longest = (LONGEST_PAUSE.as_millis() / EVERY.as_millis()) as u32;
                self.ticks_to_rest = 2u32.saturating_pow(self.failures).min(longest);
            }
        }
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_stays_away_is_asked_less_and_less_but_never_given_up() {
        let mut outage = Outage::of("registrations");
        let mut pauses = Vec::new();
        for _ in 0..12 {
            outage.note(Err("refused".into()), 3);
            let mut rested = 0;
            while outage.rests() {
                rested += 1;
            }
            pauses.push(rested);
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 150, 150, 150, 150, 150]);

        outage.note(Ok(()), 0);
        assert!(!outage.rests() && !outage.lasts(), "the next change is written at once");
    }
}
