//! Waits at a start for a database that does not answer yet, as when the power of a house comes back and PostgreSQL needs longer than we do.
//!
//! What waiting cannot change is told at once: a wrong password, a database that is not there, tables of a newer version.

use std::time::{Duration, Instant};

use patchcord_engine::runtime::clock;
use patchcord_web::{
    problem::chain,
    store::{OpenError, Store},
};
use tracing::{info, warn};

use crate::config::Config;

/// The first pause between two tries; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Longest pause between two tries: nobody minds to be called some seconds later after an outage of minutes.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often the log says that it goes on, and for what.
const SAY_EACH: Duration = Duration::from_secs(60);

/// The store, as soon as its database answers.
pub async fn open_store(config: &Config) -> Result<Store, OpenError> {
    let mut waiting = Waiting::until(clock::now(), config.database_wait);
    loop {
        let error = match Store::open(&config.database, &config.data).await {
            Ok(store) => {
                if waiting.tries > 0 {
                    info!(tries = waiting.tries, "the database answers; the start goes on");
                }
                return Ok(store);
            }
            Err(error) if error.may_pass() => error,
            Err(error) => return Err(error),
        };
        let (now, why) = (clock::now(), chain(&error));
        let Some(pause) = waiting.pause(now) else { return Err(error) };
        if waiting.is_to_be_said(now, &why) {
            let longest_s = waiting.ends.saturating_duration_since(now).as_secs();
            warn!(why, longest_s, "waiting for the database; nothing is served before it answers");
        }
        tokio::time::sleep(pause).await;
    }
}

/// How long it is waited, and what was said of it.
struct Waiting {
    ends: Instant,
    tries: u32,
    said: Option<(Instant, String)>,
}

impl Waiting {
    fn until(now: Instant, longest: Duration) -> Self {
        Self { ends: now + longest, tries: 0, said: None }
    }

    /// How long until the next try; none when it was waited long enough.
    fn pause(&mut self, now: Instant) -> Option<Duration> {
        let pause = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(self.tries)).min(LONGEST_PAUSE);
        self.tries += 1;
        let left = self.ends.saturating_duration_since(now);
        (!left.is_zero()).then(|| pause.min(left))
    }

    /// Whether the log is to say it: at first, when there is another reason, and once a minute.
    fn is_to_be_said(&mut self, now: Instant, why: &str) -> bool {
        let is_known =
            self.said.as_ref().is_some_and(|(at, said)| said == why && now.saturating_duration_since(*at) < SAY_EACH);
        if !is_known {
            self.said = Some((now, why.to_owned()));
        }
        !is_known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn tries_grow_rarer_and_end_when_it_was_waited_long_enough() {
        let start = clock::now();
        let mut waiting = Waiting::until(start, 20 * SECOND);
        let (mut now, mut pauses) = (start, Vec::new());
        while let Some(pause) = waiting.pause(now) {
            pauses.push(pause.as_millis());
            now += pause;
        }
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000, 2250]);
        assert_eq!(now, start + 20 * SECOND, "a last try is made at the very end");
        assert_eq!(
            Waiting::until(start, Duration::ZERO).pause(start),
            None,
            "whoever wants no waiting hears it at once"
        );
    }

    #[test]
    fn the_log_is_told_what_is_waited_for_once_a_minute_and_whenever_it_is_something_else() {
        let start = clock::now();
        let mut waiting = Waiting::until(start, 600 * SECOND);
        let mut said = |second, why| waiting.is_to_be_said(start + second * SECOND, why);
        assert!(said(0, "nobody listens there"));
        assert!(!said(5, "nobody listens there"));
        assert!(said(10, "it is starting"));
        assert!(!said(69, "it is starting"));
        assert!(said(70, "it is starting"));
    }
}
